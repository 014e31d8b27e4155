/*
 * When each record is due, fixed by its index before the run and independent of what completes
 * (DESIGN section 5). A schedule is one stream of a plan (plan.h), of one producer to one
 * partition. Pure: no clock, and no memory that grows with the run.
 *
 * - constant, uniform: stream i of n takes the global indexes i, i + n, i + 2n, ...; together they
 *   are exactly t_k = start + floor(k * interval / records).
 * - constant, skewed: each stream is a constant one at its share of the rate, offset in phase.
 * - poisson: each stream is a Poisson process at its share; independent, so that together they are
 *   one too. Time is cut into windows that expect SCHEDULE_WINDOW records; the count of a window,
 *   and each halving of it down to single records, are functions of (seed, stream, window): any
 *   instant can be computed again from a cursor of four words, in integer arithmetic.
 *
 * Indexes count the records of the stream from 0.
 */
#ifndef HARROW_LOAD_SCHEDULE_H
#define HARROW_LOAD_SCHEDULE_H

#include "plan.h"
#include "../measure/histogram.h"

#define SCHEDULE_WINDOW     256
#define SCHEDULE_WINDOW_MAX 512 /* records in one window; 16 standard deviations above */

struct schedule {
	enum arrivals arrivals;
	struct ramp ramp; /* constant: the stream's instants; poisson: its windows' borders */
	uint64_t seed;
	uint64_t records;      /* bound by count, or UINT64_MAX */
	int64_t end_ns;        /* bound by time, or NEVER_NS */
	uint64_t due;          /* as of the last schedule_due */
	uint64_t window;       /* poisson: the window that schedule_due stands in ... */
	uint64_t window_first; /* ... and the index of its first record */
	uint32_t window_count;
};

/* A position: the record `index` comes next. Copy it to come back, for example one per batch. */
struct schedule_cursor {
	uint64_t index;
	uint64_t window, window_first;
	uint32_t window_count;
};

/* The stream of one producer to one partition, starting at start_ns. The plan must have a rate. */
void schedule_init(struct schedule *s, const struct plan *plan, uint32_t producer,
	uint32_t partition, int64_t start_ns);

/*
 * How many records of the stream are due at now_ns or before (their intended time <= now_ns), from
 * the start of the run. Never falls: a now_ns before an earlier one changes nothing.
 */
uint64_t schedule_due(struct schedule *s, int64_t now_ns);

/* Intended time of the first record not counted by the last schedule_due; NEVER_NS when none. */
int64_t schedule_next_ns(const struct schedule *s);

/* All records that the stream will ever have. Poisson bound by time: a draw per window that is
 * left. */
uint64_t schedule_total(const struct schedule *s);

/* The position of the first record. */
struct schedule_cursor schedule_begin(const struct schedule *s);
/* Moves over `count` records. */
void schedule_skip(const struct schedule *s, struct schedule_cursor *cursor, uint64_t count);
/* Writes the intended times of the next `count` records and moves over them. */
void schedule_times(const struct schedule *s, struct schedule_cursor *cursor, int64_t *times_ns,
	uint32_t count);

/*
 * Records at_ns - intended time of the `count` records at the cursor, which stays: latency when a
 * batch is acknowledged (cursor kept with the batch), lateness when the loop takes records up.
 * Constant: a ramp, at a cost per bucket. Poisson: per record.
 */
void schedule_record(const struct schedule *s, const struct schedule_cursor *cursor, uint64_t count,
	int64_t at_ns, struct histogram *h);

#endif
