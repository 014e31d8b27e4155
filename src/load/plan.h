/*
 * A run split over producers x partitions: the rate, who gets which share of it, and how many of
 * the records. schedule.h turns each stream, one producer to one partition, into intended times; a
 * closed loop needs only the counts and the shares.
 */
#ifndef HARROW_LOAD_PLAN_H
#define HARROW_LOAD_PLAN_H

#include "base.h"
#include "clock.h"

#define SCHEDULE_RATE_MAX       UINT64_C(1000000000) /* records per second, over all streams */
#define SCHEDULE_STREAMS_MAX    (UINT32_C(1) << 20)
#define SCHEDULE_PARTITIONS_MAX (UINT32_C(1) << 20)
#define SCHEDULE_GAP_MAX_NS     (INT64_C(3600) * NS_PER_S) /* slower rates are refused */
#define SHARE_WHOLE             (UINT64_C(1) << 32)        /* shares of partitions add up to this */

/* `records` in every interval_ns, exactly. records = 0: no rate, closed loop. */
struct record_rate {
	uint64_t records, interval_ns;
};

/* The nearest rate to a number per second (to a millionth of a record); of payload bytes in records
 * of record_size bytes each. Numbers must be positive; what is too small or large plan_init
 * refuses. */
struct record_rate record_rate_of(double records_per_second);
struct record_rate record_rate_of_bytes(double bytes_per_second, uint32_t record_size);
double record_rate_per_second(struct record_rate rate);

enum arrivals { ARRIVALS_CONSTANT, ARRIVALS_POISSON };
enum skew_kind { SKEW_UNIFORM, SKEW_HOT, SKEW_ZIPF };

struct skew {
	enum skew_kind kind;
	uint32_t hot_partition; /* hot: this one gets ... */
	double hot_share;       /* ... this share (0..1), the others the rest evenly */
	double exponent;        /* zipf: partition i weighs 1 / (i + 1)^exponent, 0..10 */
};

struct plan {
	struct record_rate rate;
	enum arrivals arrivals;
	struct skew skew;
	uint32_t producers, partitions;
	uint64_t records;    /* the bound of the run; 0: duration_ns is the bound */
	int64_t duration_ns; /* records whose time is start + duration_ns or later are not scheduled
			      */
	uint64_t seed;
	uint64_t *shares_before; /* running sum of the partitions' shares; the plan's own */
};

/*
 * Checks the fields that the caller set and computes the shares. -EINVAL: nothing to split, skew
 * out of range, rate above SCHEDULE_RATE_MAX; -ENOMEM. The caller calls plan_free when it returned
 * 0.
 */
int plan_init(struct plan *plan);
void plan_free(struct plan *plan);

/* The part of all records that a partition gets, out of SHARE_WHOLE; exact sum. */
uint64_t plan_share(const struct plan *plan, uint32_t partition);

/*
 * With plan->records, how many of them the stream gets: sums exactly to plan->records over all
 * producers and partitions, each within one record of its share. For closed loops and open ones.
 */
uint64_t plan_records(const struct plan *plan, uint32_t producer, uint32_t partition);

/* The rate of each stream to the partition; of one of many in a plan with a rate. */
struct record_rate plan_rate(const struct plan *plan, uint32_t partition);

#endif
