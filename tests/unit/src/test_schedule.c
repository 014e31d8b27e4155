/* Shows: streams together are exactly the constant schedule; what is due, next and total agree with
 * the intended times for every kind of stream; shares add up; a Poisson stream is one. */
#include "../test.h"

#include <errno.h>
#include <math.h>

#include "random.h"
#include "../../../src/load/schedule.h"

#define TIMES_MAX 60000

static int64_t times_ns[TIMES_MAX];
static struct histogram a, b;

static struct plan constant_plan(uint64_t per_second, uint32_t producers, uint32_t partitions)
{
	return (struct plan){
		.rate = { per_second, NS_PER_S },
		.producers = producers,
		.partitions = partitions,
		.duration_ns = NS_PER_S,
	};
}

static void test_rates_keep_their_exact_value(void **state)
{
	(void)state;
	struct record_rate rate = record_rate_of(20000);
	assert_true(rate.records == 20000 && rate.interval_ns == NS_PER_S);
	rate = record_rate_of(0.5);
	assert_true(record_rate_per_second(rate) == 0.5);
	rate = record_rate_of_bytes(10485760, 100);
	assert_true(rate.records == 10485760 && rate.interval_ns == 100 * NS_PER_S);
	struct plan plan = constant_plan(1, 1, 1);
	double refused[] = { 0, -1, NAN, INFINITY, 2e9, 1e-12 };
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		plan.rate = record_rate_of(refused[i]);
		if (plan.rate.records != 0) /* rounded to nothing: the caller's "no rate" */
			assert_int_equal(plan_init(&plan), -EINVAL);
	}
}

static void test_bad_plans_are_refused(void **state)
{
	(void)state;
	struct plan bad[] = { constant_plan(1, 0, 1), constant_plan(1, 1, 0),
		constant_plan(1, 1 << 11, 1 << 10), constant_plan(1, 1, 4), constant_plan(1, 1, 4),
		constant_plan(1, 1, 4), constant_plan(1, 1, 4) };
	bad[3].skew = (struct skew){ SKEW_HOT, .hot_partition = 4, .hot_share = 0.5 };
	bad[4].skew = (struct skew){ SKEW_HOT, .hot_share = 1.5 };
	bad[5].skew = (struct skew){ SKEW_ZIPF, .exponent = NAN };
	bad[6].duration_ns = 0;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(plan_init(&bad[i]), -EINVAL);
}

/* Record k of the whole is record k / n of stream k % n, at start + floor(k * 1e9 / rate). */
static void test_uniform_streams_together_are_the_constant_schedule(void **state)
{
	(void)state;
	const uint64_t rates[] = { 1, 7, 999, 10007, 50000 };
	for (size_t r = 0; r < COUNT_OF(rates); r++) {
		struct plan plan = constant_plan(rates[r], 3, 4);
		assert_int_equal(plan_init(&plan), 0);
		uint64_t total = 0;
		for (uint32_t stream = 0; stream < 12; stream++) {
			struct schedule s;
			schedule_init(&s, &plan, stream / 4, stream % 4, 1000000007);
			struct schedule_cursor c = schedule_begin(&s);
			uint64_t count = schedule_total(&s);
			schedule_times(&s, &c, times_ns, (uint32_t)count);
			for (uint64_t i = 0; i < count; i++)
				assert_true(
					times_ns[i] == 1000000007 + (int64_t)((stream + i * 12) *
									      NS_PER_S / rates[r]));
			total += count;
		}
		assert_int_equal(total, rates[r]);
		plan_free(&plan);
	}
}

static struct plan any_plan(struct random *r)
{
	struct plan plan = {
		.rate = { 1 + random_below(r, 2000000), NS_PER_S },
		.arrivals = random_below(r, 2) ? ARRIVALS_POISSON : ARRIVALS_CONSTANT,
		.producers = 1 + (uint32_t)random_below(r, 3),
		.partitions = 1 + (uint32_t)random_below(r, 9),
		.seed = random_next(r),
	};
	plan.skew.kind = (enum skew_kind)random_below(r, 3);
	plan.skew.hot_partition = (uint32_t)random_below(r, plan.partitions);
	plan.skew.hot_share = random_unit(r);
	plan.skew.exponent = random_unit(r) * 2;
	uint64_t bound = random_below(r, 3);
	if (bound != 0)
		plan.records = 1 + random_below(r, 20000);
	if (bound != 1)
		plan.duration_ns =
			(int64_t)((1 + random_below(r, 20000)) * NS_PER_S / plan.rate.records);
	return plan;
}

static void check_stream(struct random *r, const struct plan *plan)
{
	struct schedule s;
	int64_t start_ns = (int64_t)random_below(r, UINT64_C(1) << 50);
	schedule_init(&s, plan, (uint32_t)random_below(r, plan->producers),
		(uint32_t)random_below(r, plan->partitions), start_ns);
	uint64_t total = schedule_total(&s);
	assert_true(total < TIMES_MAX);
	struct schedule_cursor c = schedule_begin(&s);
	for (uint32_t at = 0; at < total;) {
		uint32_t some = 1 + (uint32_t)random_below(r, MIN(700, total - at));
		schedule_times(&s, &c, times_ns + at, some);
		at += some;
	}
	for (uint64_t i = 0; i < total; i++) {
		assert_true(times_ns[i] >= (i ? times_ns[i - 1] : start_ns));
		assert_true(!plan->duration_ns || times_ns[i] < start_ns + plan->duration_ns);
	}

	assert_int_equal(schedule_due(&s, start_ns - 1), 0);
	for (uint64_t due = 0; due < total;) {
		assert_true(schedule_next_ns(&s) == times_ns[due]);
		/* Forward by some records: right to one's instant, or just before it. */
		uint64_t next = due + 1 + random_below(r, MIN(400, total - due));
		int64_t now_ns = times_ns[next - 1] - (int64_t)random_below(r, 2);
		uint64_t expected = next - 1;
		while (expected < total && times_ns[expected] <= now_ns)
			expected++;
		while (expected > 0 && times_ns[expected - 1] > now_ns)
			expected--;
		expected = MAX(expected, due); /* which never falls, though the clock did */
		assert_true(schedule_due(&s, now_ns) == expected);
		due = schedule_due(&s, times_ns[next - 1]);
	}
	assert_true(schedule_next_ns(&s) == NEVER_NS);
	assert_true(schedule_due(&s, start_ns + (INT64_C(1) << 60)) == total);
	assert_true(schedule_total(&s) == total);

	/* A batch somewhere, found by its cursor. */
	uint64_t first = random_below(r, total + 1), count = random_below(r, total - first + 1);
	c = schedule_begin(&s);
	schedule_skip(&s, &c, first);
	histogram_reset(&a);
	histogram_reset(&b);
	int64_t at_ns = (total ? times_ns[total - 1] : 0) + (int64_t)random_below(r, 1 << 30);
	schedule_record(&s, &c, count, at_ns, &a);
	for (uint64_t i = first; i < first + count; i++)
		histogram_record(&b, at_ns - times_ns[i]);
	assert_memory_equal(&a, &b, sizeof a);
}

static void test_due_next_total_and_latency_agree_with_the_times(void **state)
{
	(void)state;
	struct random r;
	random_seed(&r, 5);
	for (int round = 0; round < 600; round++) {
		struct plan plan = any_plan(&r);
		assert_int_equal(plan_init(&plan), 0);
		check_stream(&r, &plan);
		plan_free(&plan);
	}
}

static void test_records_are_split_exactly(void **state)
{
	(void)state;
	struct random r;
	random_seed(&r, 6);
	for (int round = 0; round < 2000; round++) {
		struct plan plan = any_plan(&r);
		plan.records = random_next(&r) >> random_below(&r, 64);
		plan.rate.records = (uint64_t)round % 2; /* closed loop as well */
		if (plan.rate.records)
			plan.duration_ns = NS_PER_S;
		assert_int_equal(plan_init(&plan), 0);
		uint64_t sum = 0, shares = 0;
		for (uint32_t q = 0; q < plan.partitions; q++) {
			shares += plan_share(&plan, q);
			for (uint32_t p = 0; p < plan.producers; p++) {
				uint64_t records = plan_records(&plan, p, q);
				double share = (double)plan_share(&plan, q) / (double)SHARE_WHOLE;
				double exact = (double)plan.records * share / plan.producers;
				assert_true(fabs((double)records - exact) <= 1.1 + exact * 1e-6);
				sum += records;
			}
		}
		assert_true(sum == plan.records && shares == SHARE_WHOLE);
		plan_free(&plan);
	}
}

static void test_skew_gives_each_partition_its_share(void **state)
{
	(void)state;
	for (int arrivals = 0; arrivals < 2; arrivals++) {
		struct plan plan = constant_plan(100000, 2, 5);
		plan.arrivals = (enum arrivals)arrivals;
		plan.duration_ns = 10 * NS_PER_S;
		plan.skew = (struct skew){ SKEW_HOT, .hot_partition = 3, .hot_share = 0.8 };
		assert_int_equal(plan_init(&plan), 0);
		double slack = arrivals ? 4 * sqrt(400000) : 1;
		for (uint32_t q = 0; q < 5; q++) {
			struct schedule s;
			schedule_init(&s, &plan, 1, q, 0);
			double expected = q == 3 ? 400000 : 25000;
			assert_true(fabs((double)schedule_total(&s) - expected) <= slack);
		}
		plan_free(&plan);
	}
	struct plan zipf = constant_plan(100000, 1, 3);
	zipf.skew = (struct skew){ SKEW_ZIPF, .exponent = 1 };
	assert_int_equal(plan_init(&zipf), 0);
	/* 1 : 1/2 : 1/3 of 11/6 */
	assert_true(fabs((double)plan_share(&zipf, 0) / (double)SHARE_WHOLE - 6.0 / 11) < 1e-9);
	assert_true(fabs((double)plan_share(&zipf, 2) / (double)SHARE_WHOLE - 2.0 / 11) < 1e-9);
	plan_free(&zipf);
}

static void test_skewed_streams_do_not_start_together(void **state)
{
	(void)state;
	struct plan plan = constant_plan(1000, 2, 8);
	plan.skew = (struct skew){ SKEW_HOT, .hot_partition = 0, .hot_share = 0.125 };
	assert_int_equal(plan_init(&plan), 0);
	int64_t first_ns[16];
	for (uint32_t i = 0; i < 16; i++) {
		struct schedule s;
		schedule_init(&s, &plan, i / 8, i % 8, 0);
		first_ns[i] = schedule_next_ns(&s);
		assert_true(first_ns[i] >= 0 && first_ns[i] < 16 * NS_PER_MS);
		for (uint32_t j = 0; j < i; j++)
			assert_true(llabs(first_ns[i] - first_ns[j]) >= NS_PER_MS / 2);
	}
	plan_free(&plan);
}

/* ---- Poisson ---- */

static struct plan poisson_plan(uint64_t seed)
{
	struct plan plan = constant_plan(40000, 1, 2);
	plan.arrivals = ARRIVALS_POISSON;
	plan.duration_ns = 0;
	plan.records = 100000;
	plan.seed = seed;
	return plan;
}

static void poisson_times(uint64_t seed, uint32_t partition, uint32_t count)
{
	struct plan plan = poisson_plan(seed);
	assert_int_equal(plan_init(&plan), 0);
	struct schedule s;
	schedule_init(&s, &plan, 0, partition, 0);
	struct schedule_cursor c = schedule_begin(&s);
	schedule_times(&s, &c, times_ns, count);
	plan_free(&plan);
}

/* Kolmogorov-Smirnov: gaps against the exponential with mean 50 us, at a level of about 10^-4. */
static int compare_doubles(const void *x, const void *y)
{
	double p = *(const double *)x, q = *(const double *)y;
	return (p > q) - (p < q);
}

static void test_poisson_gaps_are_exponential(void **state)
{
	(void)state;
	static double gaps[50000];
	for (uint64_t seed = 1; seed <= 5; seed++) {
		poisson_times(seed, 0, 50000);
		for (int i = 0; i < 50000; i++)
			gaps[i] = (double)(times_ns[i] - (i ? times_ns[i - 1] : 0)) / 50000;
		qsort(gaps, 50000, sizeof gaps[0], compare_doubles);
		double worst = 0;
		for (int i = 0; i < 50000; i++)
			worst = fmax(worst, fabs(1 - exp(-gaps[i]) - (i + 0.5) / 50000));
		assert_true(worst * sqrt(50000) < 2.2);
	}
}

/* Counts in bins have variance = mean, from bins far below a window to several windows long; a
 * window is 12.8 ms here. */
static void test_poisson_counts_vary_as_much_as_their_mean(void **state)
{
	(void)state;
	const int64_t bins_ns[] = { 20000, 1000000, 6400000, 12800000, 30000000 };
	for (size_t k = 0; k < COUNT_OF(bins_ns); k++) {
		double ratio = 0;
		for (uint64_t seed = 1; seed <= 20; seed++) {
			poisson_times(seed, 1, 50000);
			int64_t bins = times_ns[49999] / bins_ns[k];
			double mean = (double)bins_ns[k] / 50000, sum = 0;
			for (int64_t bin = 0, i = 0; bin < bins; bin++) {
				int64_t before = i;
				while (times_ns[i] < (bin + 1) * bins_ns[k])
					i++;
				sum += ((double)(i - before) - mean) *
				       ((double)(i - before) - mean);
			}
			ratio += sum / (double)bins / mean / 20;
		}
		/* 80 to 125,000 bins, 20 times: the ratio's own deviation is below 0.035. */
		assert_true(fabs(ratio - 1) < 0.14);
	}
}

static void test_poisson_streams_repeat_from_the_seed_and_differ_from_each_other(void **state)
{
	(void)state;
	static int64_t first[1000];
	poisson_times(9, 0, 1000);
	memcpy(first, times_ns, sizeof first);
	poisson_times(9, 0, 1000);
	assert_memory_equal(first, times_ns, sizeof first);
	for (int other = 0; other < 2; other++) {
		poisson_times(other ? 9 : 10, other ? 1 : 0, 1000);
		int same = 0;
		for (int i = 0; i < 1000; i++)
			same += first[i] == times_ns[i];
		assert_true(same < 5);
	}
}

/* 50 M/s for half a minute, asked every millisecond: what counts is that this test ends. */
static void test_a_flood_costs_little_to_count(void **state)
{
	(void)state;
	for (int arrivals = 0; arrivals < 2; arrivals++) {
		struct plan plan = constant_plan(50000000, 1, 1);
		plan.arrivals = (enum arrivals)arrivals;
		plan.duration_ns = 30 * NS_PER_S;
		assert_int_equal(plan_init(&plan), 0);
		struct schedule s;
		schedule_init(&s, &plan, 0, 0, 0);
		for (int64_t now_ns = 0; now_ns < 31 * NS_PER_S; now_ns += NS_PER_MS)
			schedule_due(&s, now_ns);
		assert_true(fabs((double)s.due - 1.5e9) <= (arrivals ? 5 * sqrt(1.5e9) : 0));
		plan_free(&plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates_keep_their_exact_value),
		cmocka_unit_test(test_bad_plans_are_refused),
		cmocka_unit_test(test_uniform_streams_together_are_the_constant_schedule),
		cmocka_unit_test(test_due_next_total_and_latency_agree_with_the_times),
		cmocka_unit_test(test_records_are_split_exactly),
		cmocka_unit_test(test_skew_gives_each_partition_its_share),
		cmocka_unit_test(test_skewed_streams_do_not_start_together),
		cmocka_unit_test(test_poisson_gaps_are_exponential),
		cmocka_unit_test(test_poisson_counts_vary_as_much_as_their_mean),
		cmocka_unit_test(
			test_poisson_streams_repeat_from_the_seed_and_differ_from_each_other),
		cmocka_unit_test(test_a_flood_costs_little_to_count),
	};
	return RUN_TESTS(tests);
}
