/* Splitting a run over producers and partitions: rates, shares, counts. */
#include "plan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define SKEW_EXPONENT_MAX 10.0
#define RATE_FRACTION     1000000 /* rates that are not whole are kept in millionths of a record */

/* ---- rates ---- */

struct record_rate record_rate_of(double records_per_second)
{
	if (!(records_per_second > 0 && records_per_second < 1e12))
		return (struct record_rate){ .records = UINT64_MAX, .interval_ns = 1 };
	if (records_per_second == floor(records_per_second))
		return (struct record_rate){ (uint64_t)records_per_second, NS_PER_S };
	return (struct record_rate){ (uint64_t)llround(records_per_second * RATE_FRACTION),
		(uint64_t)NS_PER_S * RATE_FRACTION };
}

struct record_rate record_rate_of_bytes(double bytes_per_second, uint32_t record_size)
{
	struct record_rate rate = record_rate_of(bytes_per_second);
	if (rate.interval_ns == NS_PER_S)
		return (struct record_rate){ rate.records, rate.interval_ns * record_size };
	return record_rate_of(bytes_per_second / record_size);
}

double record_rate_per_second(struct record_rate rate)
{
	return (double)rate.records / (double)rate.interval_ns * (double)NS_PER_S;
}

static uint64_t greatest_divisor(uint64_t x, uint64_t y)
{
	while (y) {
		uint64_t rest = x % y;
		x = y;
		y = rest;
	}
	return x;
}

/* ---- the plan ---- */

static double weight_of(const struct plan *plan, uint32_t partition)
{
	switch (plan->skew.kind) {
	case SKEW_UNIFORM:
		return 1;
	case SKEW_HOT:
		if (plan->partitions == 1)
			return 1;
		if (partition == plan->skew.hot_partition)
			return plan->skew.hot_share;
		return (1 - plan->skew.hot_share) / (plan->partitions - 1);
	case SKEW_ZIPF:
		return pow(partition + 1.0, -plan->skew.exponent);
	}
	return 0;
}

/* The running sum of the weights, rounded, so that shares add up. */
static void set_shares(struct plan *plan)
{
	double total = 0, sum = 0;
	for (uint32_t i = 0; i < plan->partitions; i++)
		total += weight_of(plan, i);
	for (uint32_t i = 0; i < plan->partitions; i++) {
		plan->shares_before[i] = (uint64_t)llround(sum / total * (double)SHARE_WHOLE);
		sum += weight_of(plan, i);
	}
	plan->shares_before[plan->partitions] = SHARE_WHOLE;
}

uint64_t plan_share(const struct plan *plan, uint32_t partition)
{
	return plan->shares_before[partition + 1] - plan->shares_before[partition];
}

static bool skew_is_good(const struct plan *plan)
{
	const struct skew *skew = &plan->skew;
	switch (skew->kind) {
	case SKEW_UNIFORM:
		return true;
	case SKEW_HOT:
		return skew->hot_partition < plan->partitions && skew->hot_share >= 0 &&
		       skew->hot_share <= 1;
	case SKEW_ZIPF:
		return skew->exponent >= 0 && skew->exponent <= SKEW_EXPONENT_MAX;
	}
	return false;
}

static bool rate_is_good(struct record_rate rate)
{
	/* Up to SCHEDULE_RATE_MAX, and not so slow that the second record is beyond all time. */
	return rate.records <= INT64_MAX && rate.interval_ns > 0 && rate.interval_ns <= INT64_MAX &&
	       (unsigned __int128)rate.records * NS_PER_S <=
		       (unsigned __int128)rate.interval_ns * SCHEDULE_RATE_MAX &&
	       rate.interval_ns / rate.records <= SCHEDULE_GAP_MAX_NS;
}

int plan_init(struct plan *plan)
{
	if (plan->producers == 0 || plan->partitions == 0 ||
		plan->partitions > SCHEDULE_PARTITIONS_MAX ||
		plan->producers > SCHEDULE_STREAMS_MAX / plan->partitions)
		return -EINVAL;
	if (plan->duration_ns < 0 || !skew_is_good(plan))
		return -EINVAL;
	if (plan->rate.records > 0 &&
		(!rate_is_good(plan->rate) || (plan->records == 0 && plan->duration_ns == 0)))
		return -EINVAL;
	plan->shares_before = malloc((plan->partitions + 1) * sizeof plan->shares_before[0]);
	if (!plan->shares_before)
		return -ENOMEM;
	set_shares(plan);
	return 0;
}

void plan_free(struct plan *plan)
{
	free(plan->shares_before);
	plan->shares_before = NULL;
}

/* floor(records * part / whole), for parts of which the last is the whole. */
static uint64_t records_until(uint64_t records, unsigned __int128 part, unsigned __int128 whole)
{
	/* Shares are below 2^33 and producers below 2^20, so the product needs 117 bits at most. */
	return (uint64_t)((unsigned __int128)records * part / whole);
}

/* How many of `records` interleaved indexes are congruent to `stream` modulo `streams`. */
static uint64_t interleaved(uint64_t records, uint64_t stream, uint64_t streams)
{
	return records > stream ? (records - stream - 1) / streams + 1 : 0;
}

uint64_t plan_records(const struct plan *plan, uint32_t producer, uint32_t partition)
{
	assert(producer < plan->producers && partition < plan->partitions);
	if (plan->skew.kind == SKEW_UNIFORM)
		return interleaved(plan->records, (uint64_t)producer * plan->partitions + partition,
			(uint64_t)plan->producers * plan->partitions);
	uint64_t share = plan_share(plan, partition);
	/* Streams lie side by side, partition after partition, one share each per producer. */
	unsigned __int128 whole = (unsigned __int128)SHARE_WHOLE * plan->producers;
	unsigned __int128 first =
		(unsigned __int128)plan->shares_before[partition] * plan->producers +
		(unsigned __int128)share * producer;
	return records_until(plan->records, first + share, whole) -
	       records_until(plan->records, first, whole);
}

/* rate * share / parts, in the ramp's terms. Where 63 bits are too few, both ends lose low bits. */
static struct record_rate rate_share(struct record_rate rate, uint64_t share, uint64_t parts)
{
	uint64_t divisor = greatest_divisor(share, SHARE_WHOLE);
	share /= divisor;
	unsigned __int128 records = (unsigned __int128)rate.records * share;
	unsigned __int128 interval =
		(unsigned __int128)rate.interval_ns * (SHARE_WHOLE / divisor) * parts;
	while (records > INT64_MAX || interval > INT64_MAX) {
		records >>= 1;
		interval >>= 1;
	}
	return (struct record_rate){ MAX((uint64_t)records, 1), (uint64_t)interval };
}

struct record_rate plan_rate(const struct plan *plan, uint32_t partition)
{
	if (plan->skew.kind == SKEW_UNIFORM)
		return rate_share(
			plan->rate, SHARE_WHOLE, (uint64_t)plan->producers * plan->partitions);
	return rate_share(plan->rate, MAX(plan_share(plan, partition), 1), plan->producers);
}
