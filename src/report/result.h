/*
 * What a producing or consuming run found out: the one struct that every report is made from.
 *
 * Not here: how anything is measured or judged. A quantity that does not apply is absent
 * (RESULT_NONE, NAN, NULL) and becomes null in JSON. Keys and order are DESIGN
 * section 7's.
 */
#ifndef HARROW_RESULT_H
#define HARROW_RESULT_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "../host.h"
#include "../measure/histogram.h"
#include "../measure/verdict.h"

#define RESULT_NONE        INT64_C(-1)
#define RESULT_REASON_SIZE 256
#define RESULT_ERRORS_MAX  64

struct result_summary {
	bool applies;
	struct histogram_summary us; /* with count 0 the figures are null */
};

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
	const char *engine;             /* loop_describe: "uring (defer, multishot)" */
	const char *congestion_control; /* of harrow's own sockets */
	struct verdict verdict;         /* and limited_by */
	const char *loop;               /* "open" or "closed" */
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

/* Everything absent; the verdict valid and done. */
void result_init(struct run_result *result);

/* Counts `count` errors of a name that outlives the result. */
void result_error(struct run_result *result, const char *name, int64_t count);

#endif
