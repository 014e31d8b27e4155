/*
 * The histogram: bucket arithmetic after HdrHistogram's Java AbstractHistogram, for the one
 * configuration that harrow uses. The ramp has no model there: see histogram_record_ramp.
 */
#include "histogram.h"

#include <math.h>

/* From this many records per bucket on, a 128-bit division per bucket beats a step per record. */
#define RAMP_RECORDS_PER_DIVISION 16

static_assert(HISTOGRAM_COUNTERS == (32 + 1) << HISTOGRAM_HALF_BITS,
	"32 buckets reach past an hour, the first of them twice as long");

void histogram_reset(struct histogram *h)
{
	if (h->count == 0)
		return;
	/* Only what was touched: intervals are short, and their range usually is narrow. */
	uint32_t first = histogram_index(h->min_ns), last = histogram_index(h->max_ns);
	memset(h->counts + first, 0, (last - first + 1) * sizeof h->counts[0]);
	h->count = h->clipped = 0;
	h->min_ns = h->max_ns = 0;
}

static void note_range(struct histogram *h, int64_t low_ns, int64_t high_ns, uint64_t count)
{
	if (h->count == 0) {
		h->min_ns = low_ns;
		h->max_ns = high_ns;
	}
	h->min_ns = MIN(h->min_ns, low_ns);
	h->max_ns = MAX(h->max_ns, high_ns);
	h->count += count;
}

static int64_t clip(int64_t value_ns)
{
	return MAX(0, MIN(value_ns, HISTOGRAM_LIMIT_NS));
}

void histogram_record_n(struct histogram *h, int64_t value_ns, uint64_t count)
{
	if (count == 0)
		return;
	int64_t value = clip(value_ns);
	if (value != value_ns)
		h->clipped += count;
	h->counts[histogram_index(value)] += count;
	note_range(h, value, value, count);
}

void histogram_record(struct histogram *h, int64_t value_ns)
{
	histogram_record_n(h, value_ns, 1);
}

/* ---- the ramp ---- */

static unsigned __int128 ramp_product(const struct ramp *ramp, uint64_t i)
{
	return (unsigned __int128)(ramp->first + i * ramp->stride) * ramp->interval_ns;
}

int64_t ramp_instant(const struct ramp *ramp, uint64_t i)
{
	unsigned __int128 offset = ramp_product(ramp, i) / ramp->records;
	if (offset > (unsigned __int128)((__int128)INT64_MAX - ramp->start_ns))
		return INT64_MAX;
	return (int64_t)(ramp->start_ns + (__int128)offset);
}

uint64_t ramp_count(const struct ramp *ramp, int64_t until_ns)
{
	if (until_ns < ramp->start_ns)
		return 0;
	/* floor(k * interval / records) <= d  <=>  k * interval < (d + 1) * records */
	unsigned __int128 end =
		((unsigned __int128)(uint64_t)(until_ns - ramp->start_ns) + 1) * ramp->records;
	unsigned __int128 last = (end - 1) / ramp->interval_ns;
	if (last < ramp->first)
		return 0;
	unsigned __int128 count = (last - ramp->first) / ramp->stride + 1;
	return count > UINT64_MAX ? UINT64_MAX : (uint64_t)count;
}

/* Steps from instant to instant with quotient and remainder kept apart, as in drawing a line:
 * rounded exactly as ramp_instant rounds. */
struct ramp_walk {
	int64_t instant_ns, step_ns;
	uint64_t rest, step_rest, records;
};

static struct ramp_walk ramp_walk_from(const struct ramp *ramp, uint64_t i)
{
	assert(ramp->records <= INT64_MAX);
	unsigned __int128 step = (unsigned __int128)ramp->stride * ramp->interval_ns;
	return (struct ramp_walk){
		.instant_ns = ramp_instant(ramp, i),
		.step_ns = (int64_t)(step / ramp->records),
		.rest = (uint64_t)(ramp_product(ramp, i) % ramp->records),
		.step_rest = (uint64_t)(step % ramp->records),
		.records = ramp->records,
	};
}

static inline void ramp_walk_step(struct ramp_walk *w)
{
	w->rest += w->step_rest;
	bool carry = w->rest >= w->records;
	w->rest -= carry ? w->records : 0;
	/* Unsigned: the step after the last instant may go anywhere. */
	w->instant_ns = (int64_t)((uint64_t)w->instant_ns + (uint64_t)w->step_ns + carry);
}

void ramp_instants(const struct ramp *ramp, uint64_t first, uint32_t count, int64_t *instants_ns)
{
	struct ramp_walk walk = ramp_walk_from(ramp, first);
	for (uint32_t i = 0; i < count; i++) {
		instants_ns[i] = walk.instant_ns;
		ramp_walk_step(&walk);
	}
}

/*
 * The latencies fall from the first record to the last, in steps that differ by at most one. While
 * a bucket is wide against the step, the number of records in it comes from one division; the rest,
 * where buckets hold few, is walked.
 */
void histogram_record_ramp(
	struct histogram *h, const struct ramp *ramp, uint64_t first, uint64_t count, int64_t at_ns)
{
	if (count == 0)
		return;
	uint64_t end = first + count;
	int64_t high = at_ns - ramp_instant(ramp, first);
	int64_t low = at_ns - ramp_instant(ramp, end - 1);
	note_range(h, clip(low), clip(high), count);

	/* How far apart RAMP_RECORDS_PER_DIVISION records are: narrower buckets are stepped. */
	unsigned __int128 apart = (unsigned __int128)ramp->stride * ramp->interval_ns *
				  RAMP_RECORDS_PER_DIVISION / ramp->records;
	uint64_t i = first;
	while (i < end) {
		int64_t value = at_ns - ramp_instant(ramp, i);
		uint32_t index = histogram_index(clip(value));
		int64_t lowest = histogram_lowest_of(index);
		int64_t highest = histogram_highest_of(index);
		bool clipped = value != clip(value);
		if (!clipped && apart > (uint64_t)(highest - lowest + 1))
			break;
		uint64_t next = end;
		if (value > HISTOGRAM_LIMIT_NS)
			next = ramp_count(ramp, at_ns - HISTOGRAM_LIMIT_NS - 1);
		else if (value >= 0)
			next = ramp_count(ramp, at_ns - lowest);
		next = MIN(next, end);
		h->counts[index] += next - i;
		h->clipped += clipped ? next - i : 0;
		i = next;
	}
	if (i == end)
		return;

	struct ramp_walk walk = ramp_walk_from(ramp, i);
	uint64_t negative = 0;
	for (; i < end; i++) {
		int64_t value = at_ns - walk.instant_ns;
		negative += value < 0;
		h->counts[histogram_index(MAX(value, 0))]++;
		ramp_walk_step(&walk);
	}
	h->clipped += negative;
}

/* ---- merging ---- */

void histogram_merge(struct histogram *to, const struct histogram *from)
{
	if (from->count == 0)
		return;
	uint32_t last = histogram_index(from->max_ns);
	for (uint32_t i = histogram_index(from->min_ns); i <= last; i++)
		to->counts[i] += from->counts[i];
	note_range(to, from->min_ns, from->max_ns, from->count);
	to->clipped += from->clipped;
}

void histogram_move(struct histogram *to, struct histogram *from)
{
	histogram_merge(to, from);
	histogram_reset(from);
}

/* ---- figures ---- */

int64_t histogram_lowest_of(uint32_t index)
{
	assert(index <= HISTOGRAM_COUNTERS); /* one past the last: where it ends */
	if (index < HISTOGRAM_EXACT_BELOW)
		return index;
	uint32_t bucket = (index >> HISTOGRAM_HALF_BITS) - 1;
	uint32_t half = 1U << HISTOGRAM_HALF_BITS;
	return (int64_t)((index & (half - 1)) + half) << bucket;
}

int64_t histogram_highest_of(uint32_t index)
{
	return histogram_lowest_of(index + 1) - 1;
}

/* The counter at which `rank` samples (from 1) have been passed; the histogram is not empty. */
static uint32_t index_of_rank(const struct histogram *h, uint64_t rank)
{
	uint64_t passed = 0;
	uint32_t last = histogram_index(h->max_ns);
	for (uint32_t i = histogram_index(h->min_ns); i < last; i++) {
		passed += h->counts[i];
		if (passed >= rank)
			return i;
	}
	return last;
}

int64_t histogram_percentile(const struct histogram *h, double percentile)
{
	if (h->count == 0)
		return 0;
	/* Java steps down one double before it rounds up, lest 99.9 % of 1000 become the 1000th. */
	double asked = MIN(MAX(nextafter(percentile, -INFINITY), 0), 100);
	double rank = ceil(asked * (double)h->count / 100);
	uint32_t index = index_of_rank(h, rank < 1 ? 1 : (uint64_t)rank);
	return percentile == 0 ? histogram_lowest_of(index) : histogram_highest_of(index);
}

double histogram_mean(const struct histogram *h)
{
	if (h->count == 0)
		return 0;
	double sum = 0;
	uint32_t last = histogram_index(h->max_ns);
	for (uint32_t i = histogram_index(h->min_ns); i <= last; i++) {
		int64_t width = histogram_highest_of(i) - histogram_lowest_of(i) + 1;
		int64_t middle = histogram_lowest_of(i) + width / 2;
		sum += (double)middle * (double)h->counts[i];
	}
	return sum / (double)h->count;
}

int64_t histogram_min(const struct histogram *h)
{
	return h->count == 0 ? 0 : histogram_lowest_of(histogram_index(h->min_ns));
}

int64_t histogram_max(const struct histogram *h)
{
	return h->count == 0 ? 0 : histogram_highest_of(histogram_index(h->max_ns));
}

uint64_t histogram_count_above(const struct histogram *h, int64_t value_ns)
{
	if (h->count == 0 || value_ns >= HISTOGRAM_LIMIT_NS)
		return 0;
	uint64_t above = 0;
	uint32_t last = histogram_index(h->max_ns);
	for (uint32_t i = value_ns < 0 ? 0 : histogram_index(value_ns) + 1; i <= last; i++)
		above += h->counts[i];
	return above;
}

static double us(int64_t ns)
{
	return (double)ns / 1000;
}

struct histogram_summary histogram_summary(const struct histogram *h)
{
	return (struct histogram_summary){
		.count = h->count,
		.mean = histogram_mean(h) / 1000,
		.p50 = us(histogram_percentile(h, 50)),
		.p90 = us(histogram_percentile(h, 90)),
		.p99 = us(histogram_percentile(h, 99)),
		.p999 = us(histogram_percentile(h, 99.9)),
		.max = us(histogram_max(h)),
	};
}
