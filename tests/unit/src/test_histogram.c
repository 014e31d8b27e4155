/* Shows: the ramp equals the loop bucket by bucket; merge, move and reset are exact; percentiles
 * and ends of buckets. Equality with Java is shown by tests/schema/test_histogram.sh. */
#include "../test.h"

#include "clock.h"
#include "random.h"
#include "../../../src/measure/histogram.h"

#define RAMP_CASES 10000

static struct histogram a, b, c;

static void assert_same(const struct histogram *x, const struct histogram *y)
{
	assert_true(x->count == y->count && x->clipped == y->clipped);
	assert_true(x->min_ns == y->min_ns && x->max_ns == y->max_ns);
	assert_memory_equal(x->counts, y->counts, sizeof x->counts);
}

/* A value of any magnitude: as many bits as chance says, up to `bits`. */
static uint64_t any_magnitude(struct random *r, uint64_t bits)
{
	return random_next(r) >> (63 - random_below(r, bits));
}

static void test_indexes_cover_every_value_in_order(void **state)
{
	(void)state;
	assert_int_equal(histogram_index(0), 0);
	assert_int_equal(histogram_index(2047), 2047);
	assert_int_equal(histogram_index(2048), 2048);
	assert_int_equal(histogram_index(2049), 2048);
	assert_int_equal(histogram_index(HISTOGRAM_LIMIT_NS), HISTOGRAM_COUNTERS - 1);
	for (uint32_t i = 0; i < HISTOGRAM_COUNTERS; i++) {
		assert_int_equal(histogram_index(histogram_lowest_of(i)), i);
		assert_int_equal(histogram_index(histogram_highest_of(i)), i);
		/* Three digits: the width of a bucket is within a thousandth of its values. */
		assert_true((histogram_highest_of(i) - histogram_lowest_of(i)) * 1000 <=
			    histogram_lowest_of(i));
	}
}

static void test_values_outside_are_clipped_and_counted(void **state)
{
	(void)state;
	histogram_reset(&a);
	histogram_record(&a, -5);
	histogram_record_n(&a, INT64_MAX, 3);
	histogram_record_n(&a, 17, 0);
	assert_int_equal(a.count, 4);
	assert_int_equal(a.clipped, 4);
	assert_int_equal(a.counts[0], 1);
	assert_int_equal(a.counts[HISTOGRAM_COUNTERS - 1], 3);
	assert_true(histogram_max(&a) == HISTOGRAM_LIMIT_NS && histogram_min(&a) == 0);
}

static void test_percentiles_are_the_highest_equivalent_value(void **state)
{
	(void)state;
	histogram_reset(&a);
	assert_int_equal(histogram_percentile(&a, 99), 0);
	for (int64_t us = 1; us <= 1000; us++)
		histogram_record(&a, us * 1000);
	assert_int_equal(histogram_percentile(&a, 0), 1000);
	assert_int_equal(histogram_percentile(&a, 50), 500223);
	assert_int_equal(histogram_percentile(&a, 99.9), 999423);
	assert_int_equal(histogram_percentile(&a, 100), histogram_max(&a));
	assert_int_equal(histogram_max(&a), 1000447);
	assert_int_equal(histogram_count_above(&a, 990100), 10);
	struct histogram_summary s = histogram_summary(&a);
	assert_true(s.count == 1000 && s.p50 == 500.223 && s.max == 1000.447);
	assert_true(s.mean > 500.3 && s.mean < 500.7);
}

static void test_merge_and_move_are_exact(void **state)
{
	(void)state;
	struct random r;
	random_seed(&r, 7);
	for (int round = 0; round < 50; round++) {
		histogram_reset(&a);
		histogram_reset(&b);
		histogram_reset(&c);
		for (int i = 0; i < 1000; i++) {
			int64_t value = (int64_t)any_magnitude(&r, 45) - 2;
			histogram_record(i % 3 ? &a : &b, value);
			histogram_record(&c, value);
		}
		histogram_merge(&a, &b);
		assert_same(&a, &c);
		histogram_reset(&c);
		histogram_move(&c, &a);
		histogram_merge(&b, &c);
		static const struct histogram empty;
		assert_same(&a, &empty);
		assert_true(b.count > c.count);
	}
}

static void one_by_one(
	struct histogram *h, const struct ramp *ramp, uint64_t first, uint64_t count, int64_t at_ns)
{
	for (uint64_t i = first; i < first + count; i++)
		histogram_record(h, at_ns - ramp_instant(ramp, i));
}

/* Rates from one per minute to a thousand million per second, any stride, position and latency. */
static void test_ramp_equals_the_loop(void **state)
{
	(void)state;
	struct random r;
	random_seed(&r, 20);
	for (int round = 0; round < RAMP_CASES; round++) {
		struct ramp ramp = {
			.start_ns = (int64_t)any_magnitude(&r, 60),
			.records = 1 + any_magnitude(&r, 30),
			.interval_ns = 1 + any_magnitude(&r, 36),
			.first = any_magnitude(&r, 20),
			.stride = 1 + any_magnitude(&r, 10),
		};
		uint64_t first = any_magnitude(&r, 12), count = random_below(&r, 3000);
		int64_t last_ns = ramp_instant(&ramp, first + MAX(count, 1) - 1);
		int64_t at_ns =
			last_ns + (int64_t)any_magnitude(&r, 44) - (round % 8 == 0 ? 2000 : 0);
		histogram_reset(&a);
		histogram_reset(&b);
		histogram_record_ramp(&a, &ramp, first, count, at_ns);
		one_by_one(&b, &ramp, first, count, at_ns);
		assert_same(&a, &b);
	}
}

static void test_ramp_of_hours_equals_its_pieces(void **state)
{
	(void)state;
	/* 50 M/s for 20 s, acknowledged at once: 10^9 records, too many for a loop in a test. */
	struct ramp ramp = {
		.records = 50000000, .interval_ns = NS_PER_S, .stride = 3, .first = 1
	};
	uint64_t count = 1000000000, at = 0;
	int64_t now_ns = ramp_instant(&ramp, count);
	histogram_reset(&a);
	histogram_reset(&b);
	histogram_record_ramp(&a, &ramp, 0, count, now_ns);
	for (uint64_t piece = 12345; at < count; at += piece)
		histogram_record_ramp(&b, &ramp, at, MIN(piece, count - at), now_ns);
	assert_same(&a, &b);
	uint64_t sum = 0;
	for (uint32_t i = 0; i < HISTOGRAM_COUNTERS; i++)
		sum += a.counts[i];
	assert_true(sum == count);
}

static void test_ramp_count_is_the_inverse_of_instant(void **state)
{
	(void)state;
	struct random r;
	random_seed(&r, 21);
	for (int round = 0; round < RAMP_CASES; round++) {
		struct ramp ramp = {
			.start_ns = (int64_t)any_magnitude(&r, 60),
			.records = 1 + any_magnitude(&r, 30),
			.interval_ns = 1 + any_magnitude(&r, 30),
			.first = any_magnitude(&r, 20),
			.stride = 1 + any_magnitude(&r, 10),
		};
		assert_int_equal(ramp_count(&ramp, ramp.start_ns - 1), 0);
		uint64_t i = any_magnitude(&r, 20);
		int64_t instant = ramp_instant(&ramp, i);
		uint64_t count = ramp_count(&ramp, instant);
		assert_true(count > i);
		assert_true(ramp_instant(&ramp, count) > instant);
		assert_true(ramp_instant(&ramp, count - 1) <= instant);
		assert_true(ramp_count(&ramp, instant - 1) <= i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_indexes_cover_every_value_in_order),
		cmocka_unit_test(test_values_outside_are_clipped_and_counted),
		cmocka_unit_test(test_percentiles_are_the_highest_equivalent_value),
		cmocka_unit_test(test_merge_and_move_are_exact),
		cmocka_unit_test(test_ramp_equals_the_loop),
		cmocka_unit_test(test_ramp_of_hours_equals_its_pieces),
		cmocka_unit_test(test_ramp_count_is_the_inverse_of_instant),
	};
	return RUN_TESTS(tests);
}
