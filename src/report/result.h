/*
 * What a producing or consuming run found out: the one struct that every report is made from.
 *
 * Not here: how anything is measured or judged. A quantity that does not apply is absent
 * (RESULT_NONE, NAN or a negative count) and becomes null in JSON. Keys and order are DESIGN
 * section 7's.
 */
#ifndef HARROW_RESULT_H
#define HARROW_RESULT_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "../exit_status.h"
#include "../host.h"

#define RESULT_NONE          INT64_C(-1)
#define RESULT_REASONS_MAX   16
#define RESULT_REASON_SIZE   256
#define RESULT_SENTENCE_SIZE 512
#define RESULT_ERRORS_MAX    64

/* Of samples in nanoseconds; reports print microseconds. */
struct result_summary {
	int64_t count; /* RESULT_NONE: does not apply; with 0 the rest is null */
	double mean_ns;
	int64_t p50_ns, p90_ns, p99_ns, p999_ns, max_ns;
};

#define RESULT_NO_SUMMARY ((struct result_summary){ .count = RESULT_NONE })

struct result_error {
	const char *name; /* of the error code: "NOT_LEADER_OR_FOLLOWER", or "timeout" */
	int64_t count;
};

struct run_result {
	const char *command; /* "produce" */
	const char *version;
	int64_t seed;
	const json_t *config; /* effective; borrowed */
	double duration_s;    /* of the measured part */
	struct host host;
	const char *engine;             /* "uring (DEFER_TASKRUN)", in words */
	const char *congestion_control; /* of harrow's own sockets */
	struct {
		bool valid;  /* false: the generator was at fault, exit 3 */
		bool failed; /* lost something, failed, or missed an objective: exit 1 */
		int32_t reason_count;
		char reasons[RESULT_REASONS_MAX][RESULT_REASON_SIZE];
		char sentence[RESULT_SENTENCE_SIZE]; /* what limited it, what to try next */
	} verdict;
	const char *limited_by; /* "generator", "window", "broker"; NULL: nothing, or unknown */
	const char *loop;       /* "open" or "closed" */
	const char *topic;
	int64_t partitions;
	struct {
		int64_t scheduled, sent, acked, failed, unknown, unsent, confirmed;
		int64_t received, gaps, duplicates;        /* with read-back, and of consume */
		char confirmed_reason[RESULT_REASON_SIZE]; /* why confirmed is null; empty otherwise
		                                            */
	} records;
	struct {
		int64_t payload, wire;
	} bytes;
	struct {
		double records_per_second, payload_bytes_per_second;
		double target_records_per_second; /* NAN in a closed loop */
	} rate;
	struct result_summary latency, service, lateness, blocked, linger;
	struct {
		double user_s, system_s, us_per_record;
	} cpu;
	int64_t memory_bytes; /* the peak resident set */
	struct {
		int64_t sent, errors;
		int32_t error_count; /* rows of by_name */
		struct result_error by_name[RESULT_ERRORS_MAX];
	} requests;
	double throttle_ms;
	const json_t *broker; /* its configuration that matters, an object; borrowed, may be NULL */
};

/* Everything absent, verdict valid. */
void result_init(struct run_result *result);

/* Adds a reason to the verdict; once the table is full the last one says that more were left out.
 * The same text twice is one reason. */
void result_reason(struct run_result *result, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* Counts `count` errors of a name that outlives the result. */
void result_error(struct run_result *result, const char *name, int64_t count);

enum exit_status result_exit_status(const struct run_result *result);

#endif
