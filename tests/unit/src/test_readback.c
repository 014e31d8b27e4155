/* Shows: gaps, duplicates, foreign records and disorder are found, against a plain model as well,
 * and that memory stays bounded. */
#include "../test.h"

#include <errno.h>

#include "random.h"
#include "../../../src/load/readback.h"

#define RUN_ID 77

static void add(struct readback *r, uint32_t producer, uint32_t partition, uint64_t sequence)
{
	uint8_t value[40] = { 0 };
	stamp_write(value, STAMP_SIZE,
		&(struct stamp){ .run_id = RUN_ID, .producer = producer, .sequence = sequence });
	readback_add(r, partition, value, sizeof value);
}

static void test_records_in_order_are_one_range(void **state)
{
	(void)state;
	struct readback r;
	assert_int_equal(readback_init(&r, RUN_ID, 2, 3), 0);
	for (uint64_t i = 0; i < 100000; i++)
		add(&r, i % 2, 1, i / 2);
	assert_int_equal(r.received, 100000);
	assert_int_equal(r.duplicates + r.out_of_order + r.foreign + r.unchecked, 0);
	assert_int_equal(readback_gaps(&r), 0);
	assert_int_equal(r.streams[1 * 2 + 0].count, 1);
	assert_int_equal(readback_missing(&r, 1, 1, 0, 50000), 0);
	assert_int_equal(readback_missing(&r, 1, 1, 0, 50010), 10);
	assert_int_equal(readback_missing(&r, 0, 2, 5, 25), 20);
	readback_free(&r);
}

static void test_each_fault_is_named(void **state)
{
	(void)state;
	struct readback r;
	assert_int_equal(readback_init(&r, RUN_ID, 1, 1), 0);
	const uint64_t sequences[] = { 0, 1, 2, 2, 5, 4, 9 };
	for (size_t i = 0; i < COUNT_OF(sequences); i++)
		add(&r, 0, 0, sequences[i]);
	assert_int_equal(r.received, 7);
	assert_int_equal(r.duplicates, 1);
	assert_int_equal(r.out_of_order, 1);
	assert_int_equal(readback_gaps(&r), 4); /* 3, 6, 7, 8 */
	assert_int_equal(readback_missing(&r, 0, 0, 4, 8), 2);
	readback_free(&r);
}

static void test_foreign_records_are_not_ours(void **state)
{
	(void)state;
	struct readback r;
	assert_int_equal(readback_init(&r, RUN_ID, 2, 2), 0);
	uint8_t value[32];
	stamp_write(value, STAMP_SIZE, &(struct stamp){ .run_id = RUN_ID + 1 });
	readback_add(&r, 0, value, sizeof value); /* of another run */
	memset(value, 'x', sizeof value);
	readback_add(&r, 0, value, sizeof value); /* not stamped */
	readback_add(&r, 0, value, 8);            /* short: a producer that does not exist */
	readback_add(&r, 0, value, 7);            /* too small to be stamped */
	add(&r, 2, 0, 0);
	add(&r, 0, 2, 0);
	add(&r, 0, 0, UINT64_MAX);
	assert_int_equal(r.foreign, 7);
	assert_int_equal(r.received, 0);
	stamp_write(value, STAMP_SHORT_SIZE, &(struct stamp){ .producer = 1, .sequence = 3 });
	readback_add(&r, 1, value, 10);
	assert_int_equal(r.received, 1);
	assert_int_equal(readback_gaps(&r), 3);
	readback_free(&r);
}

/* Against a bitmap: shuffles, losses and repetitions of a thousand sequences. */
static void test_any_order_agrees_with_a_bitmap(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 3);
	for (int round = 0; round < 300; round++) {
		struct readback r;
		assert_int_equal(readback_init(&r, RUN_ID, 1, 1), 0);
		bool seen[1000] = { false };
		uint64_t duplicates = 0, out_of_order = 0, next = 0,
			 adds = random_below(&random, 3000);
		uint64_t reach = 1 + random_below(&random, 1000);
		for (uint64_t i = 0; i < adds; i++) {
			uint64_t sequence = random_below(&random, reach);
			duplicates += seen[sequence];
			out_of_order += !seen[sequence] && sequence < next;
			seen[sequence] = true;
			next = MAX(next, sequence + 1);
			add(&r, 0, 0, sequence);
		}
		uint64_t gaps = 0, missing = 0;
		uint64_t from = random_below(&random, 1000), to = random_below(&random, 1001);
		for (uint64_t i = 0; i < 1000; i++) {
			gaps += i < next && !seen[i];
			missing += i >= from && i < to && !seen[i];
		}
		assert_int_equal(r.duplicates, duplicates);
		assert_int_equal(r.out_of_order, out_of_order);
		assert_int_equal(readback_gaps(&r), gaps);
		assert_int_equal(readback_missing(&r, 0, 0, from, to), missing);
		readback_free(&r);
	}
}

static void test_ranges_are_bounded_and_what_exceeds_them_is_counted(void **state)
{
	(void)state;
	struct readback r;
	assert_int_equal(readback_init(&r, RUN_ID, 1, 1), 0);
	for (uint64_t i = 0; i < READBACK_RANGES_MAX + 10; i++)
		add(&r, 0, 0, i * 2);
	assert_int_equal(r.unchecked, 10);
	assert_int_equal(r.streams[0].count, READBACK_RANGES_MAX);
	add(&r, 0, 0, 1); /* joins two: room for another */
	add(&r, 0, 0, 1000000);
	assert_int_equal(r.unchecked, 10);
	readback_free(&r);
	assert_int_equal(readback_init(&r, RUN_ID, 0, 1), -EINVAL);
	assert_int_equal(readback_init(&r, RUN_ID, READBACK_STREAMS_MAX, 2), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_in_order_are_one_range),
		cmocka_unit_test(test_each_fault_is_named),
		cmocka_unit_test(test_foreign_records_are_not_ours),
		cmocka_unit_test(test_any_order_agrees_with_a_bitmap),
		cmocka_unit_test(test_ranges_are_bounded_and_what_exceeds_them_is_counted),
	};
	return RUN_TESTS(tests);
}
