/*
 * How a run is going, on standard error: one live line on a terminal, plain lines otherwise.
 *
 * The formatting is pure; the writer only decides when (at most five times a second on a terminal,
 * every second otherwise, less often in runs beyond two minutes) and where.
 */
#ifndef HARROW_PROGRESS_H
#define HARROW_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PROGRESS_LINE_SIZE       256
#define PROGRESS_TERMINAL_NS     INT64_C(200000000)
#define PROGRESS_PLAIN_NS        INT64_C(1000000000)
#define PROGRESS_PLAIN_LINES_MAX 120 /* per run of known length */

/* What a run is going to do; a bound that does not exist is 0. */
struct progress_plan {
	const char *what; /* "producing to 'first', 12 partitions, on localhost:9092" */
	int64_t records;
	int64_t duration_ns;
	double records_per_second; /* the target; 0: as fast as it goes */
	int64_t warmup_ns, drain_ns;
};

/* Now; a number that is not known is negative. Rates are of the interval since the last sample. */
struct progress_sample {
	const char *phase;  /* "warm-up", "sending", "draining", "reading back" */
	int64_t elapsed_ns; /* since the run began, warm-up included */
	int64_t records_acked;
	double records_per_second, payload_bytes_per_second;
	int64_t p99_ns; /* of latency, or of service time in a closed loop */
	int64_t lateness_p99_ns;
	int64_t backlog; /* due and not yet acknowledged */
	int64_t errors;
};

/* The line that is said before it starts, with how long it will take. Returns `line`. */
char *progress_format_start(const struct progress_plan *plan, char line[static PROGRESS_LINE_SIZE]);

/* One line without its end, at most `width` columns. Returns `line`. */
char *progress_format(const struct progress_plan *plan, const struct progress_sample *sample,
	int width, char line[static PROGRESS_LINE_SIZE]);

struct progress {
	FILE *out; /* NULL: silent */
	struct progress_plan plan;
	bool terminal, drawn;
	int64_t interval_ns, next_ns;
};

/* Says the first line. `quiet` silences everything. */
void progress_begin(struct progress *progress, const struct progress_plan *plan, FILE *out,
	bool quiet, int64_t now_ns);

/* True when the next line is due: only then is a sample worth making. */
bool progress_due(const struct progress *progress, int64_t now_ns);

void progress_show(struct progress *progress, const struct progress_sample *sample, int64_t now_ns);

/* A line that is not part of the live one: a warning, a broker that went away. */
void progress_note(struct progress *progress, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Ends the live line. */
void progress_end(struct progress *progress);

#endif
