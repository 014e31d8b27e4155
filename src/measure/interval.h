/*
 * Figures per interval: what intervals.csv holds. A worker fills an interval_sample for as long as
 * interval_length_ns says; at the end the samples of all workers are moved into one, and appended
 * here as a row. Rows do not keep histograms, and percentiles cannot be merged afterwards, so a
 * long run widens the rows to come instead: the length doubles every INTERVAL_ROWS_PER_LENGTH rows.
 */
#ifndef HARROW_MEASURE_INTERVAL_H
#define HARROW_MEASURE_INTERVAL_H

#include <stdio.h>

#include "clock.h"
#include "histogram.h"

#define INTERVAL_LENGTH_NS       NS_PER_S
#define INTERVAL_ROWS_PER_LENGTH 4096  /* over an hour at 1 s, then two hours at 2 s, ... */
#define INTERVAL_ROWS_MAX        40960 /* 48 days, 8 MB; rows beyond are counted as dropped */

/* One worker's share of the interval that runs. 800 KB: never on the stack; zeroed is empty. */
struct interval_sample {
	uint64_t acked, payload_bytes, errors;
	uint64_t in_flight, backlog; /* records, as they stand when the interval ends */
	struct histogram latency, service, lateness;
};

struct interval_row {
	int64_t start_ns, length_ns; /* start counts from the start of the run */
	uint64_t acked, payload_bytes, errors, in_flight, backlog;
	struct histogram_summary latency_us, service_us, lateness_us;
};

/* A zeroed table is empty and ready. */
struct interval_table {
	struct interval_row *rows;
	uint32_t count, capacity;
	uint64_t dropped; /* rows beyond INTERVAL_ROWS_MAX, or that found no memory */
};

/* Adds a worker's sample to the whole and empties it. */
void interval_move(struct interval_sample *to, struct interval_sample *from);

/* How long the row that comes next should be. */
int64_t interval_length_ns(const struct interval_table *table);

/*
 * Appends a row made from the sample, which is left as it is (write its histograms to the .hlog,
 * move them into the run's total). The table's rows are its own; interval_table_free returns them.
 */
void interval_append(struct interval_table *table, int64_t start_ns, int64_t length_ns,
	const struct interval_sample *sample);
void interval_table_free(struct interval_table *table);

/* Header and rows as CSV; figures without a sample are empty cells. -errno. */
int interval_write_csv(const struct interval_table *table, FILE *file);

#endif
