/*
 * A histogram of times in nanoseconds, in the bucket arithmetic of HdrHistogram: lowest value 1 ns,
 * highest one hour, 3 significant digits, which makes 33,792 counters. Every figure is defined as
 * in the Java original (a percentile is the highest value equivalent to the bucket it falls in),
 * which is the oracle of tests/schema/test_histogram.sh. The encoding lives in hlog.h.
 *
 * Not thread-safe: each thread records into its own, and they are merged exactly.
 * 270 KB each: make them at start-up, never on the stack. A zeroed one is empty and ready.
 */
#ifndef HARROW_MEASURE_HISTOGRAM_H
#define HARROW_MEASURE_HISTOGRAM_H

#include "base.h"

#define HISTOGRAM_DIGITS    3
#define HISTOGRAM_LOWEST_NS 1
/* Declared, as in Java; the buckets reach a little further, to HISTOGRAM_LIMIT_NS. */
#define HISTOGRAM_HIGHEST_NS   INT64_C(3600000000000)
#define HISTOGRAM_LIMIT_NS     ((INT64_C(2048) << 31) - 1)
#define HISTOGRAM_COUNTERS     33792
#define HISTOGRAM_HALF_BITS    10 /* each power of two above 2048 is divided into 2^10 buckets */
#define HISTOGRAM_EXACT_BELOW  (UINT64_C(2) << HISTOGRAM_HALF_BITS)
#define HISTOGRAM_CLZ_OF_EXACT 53

struct histogram {
	uint64_t count;
	uint64_t clipped; /* samples outside 0..HISTOGRAM_LIMIT_NS, counted at the nearer end */
	int64_t min_ns, max_ns; /* as recorded, not as bucketed; meaningless while count is 0 */
	uint64_t counts[HISTOGRAM_COUNTERS];
};

/* What results show: microseconds. All zero when count is 0. */
struct histogram_summary {
	uint64_t count;
	double mean, p50, p90, p99, p999, max;
};

/*
 * Evenly scheduled instants: instant i is start_ns + floor((first + i * stride) * interval_ns /
 * records), so `records` of them (divided by stride) come in every interval_ns, without accumulated
 * rounding. Neither may be 0, and records is below 2^63; first + i * stride must stay below 2^64.
 */
struct ramp {
	int64_t start_ns;
	uint64_t records, interval_ns;
	uint64_t first, stride;
};

/* The counter that a value (0..HISTOGRAM_LIMIT_NS) falls in. */
static inline uint32_t histogram_index(int64_t value_ns)
{
	uint64_t value = (uint64_t)value_ns;
	uint32_t bucket = HISTOGRAM_CLZ_OF_EXACT -
			  (uint32_t)__builtin_clzll(value | (HISTOGRAM_EXACT_BELOW - 1));
	return (bucket << HISTOGRAM_HALF_BITS) + (uint32_t)(value >> bucket);
}

void histogram_reset(struct histogram *h);

void histogram_record(struct histogram *h, int64_t value_ns);
void histogram_record_n(struct histogram *h, int64_t value_ns, uint64_t count);

/*
 * Records at_ns - instant(i) for i in [first, first + count), exactly as the loop over
 * histogram_record would, at a cost per bucket touched.
 */
void histogram_record_ramp(struct histogram *h, const struct ramp *ramp, uint64_t first,
	uint64_t count, int64_t at_ns);

/* The instant i of a ramp (INT64_MAX from there on), and how many of its instants are at until_ns
 * or before. */
int64_t ramp_instant(const struct ramp *ramp, uint64_t i);
uint64_t ramp_count(const struct ramp *ramp, int64_t until_ns);
/* Writes the instants first, first + 1, ...; without a division per instant. */
void ramp_instants(const struct ramp *ramp, uint64_t first, uint32_t count, int64_t *instants_ns);

/* Adds every sample of `from` to `to`; exact. */
void histogram_merge(struct histogram *to, const struct histogram *from);
/* Adds the samples to `to` and empties `from`: what a worker does at the end of an interval. */
void histogram_move(struct histogram *to, struct histogram *from);

/* The value below or at which `percentile` (0..100) of the samples lie; 0 when empty. */
int64_t histogram_percentile(const struct histogram *h, double percentile);
double histogram_mean(const struct histogram *h);
/* As Java's getMinValue and getMaxValue: ends of the buckets that hold them; 0 when empty. */
int64_t histogram_min(const struct histogram *h);
int64_t histogram_max(const struct histogram *h);
/* Samples whose bucket lies wholly above the value. */
uint64_t histogram_count_above(const struct histogram *h, int64_t value_ns);

/* The ends of the range of values that share a counter. */
int64_t histogram_lowest_of(uint32_t index);
int64_t histogram_highest_of(uint32_t index);

struct histogram_summary histogram_summary(const struct histogram *h);

#endif
