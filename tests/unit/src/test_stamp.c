/* Shows: the stamp's bytes, its two forms, and what is refused. */
#include "../test.h"

#include "../../../src/load/stamp.h"

static const struct stamp example = { .run_id = 0x1122334455667788,
	.sequence = 0x99aabbccddee,
	.wall_ns = 1700000000123456789,
	.producer = 0x0102 };

static void test_full_stamp_has_the_documented_layout(void **state)
{
	(void)state;
	const uint8_t expected[STAMP_SIZE] = { 'H', 'R', 'W', '1', 0, 0, 1, 2, 0x11, 0x22, 0x33,
		0x44, 0x55, 0x66, 0x77, 0x88, 0, 0, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0x17, 0x97,
		0x9c, 0xfe, 0x3d, 0x85, 0xcd, 0x15 };
	uint8_t value[STAMP_SIZE + 1];
	value[STAMP_SIZE] = 0x5a;
	stamp_write(value, STAMP_SIZE, &example);
	assert_memory_equal(value, expected, STAMP_SIZE);
	assert_int_equal(value[STAMP_SIZE], 0x5a);
}

static void test_short_stamp_has_the_documented_layout(void **state)
{
	(void)state;
	const uint8_t expected[] = { 1, 2, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee };
	uint8_t value[STAMP_SHORT_SIZE];
	stamp_write(value, STAMP_SHORT_SIZE, &example);
	assert_memory_equal(value, expected, sizeof expected);
}

static void test_what_is_written_is_read_at_every_size(void **state)
{
	(void)state;
	for (uint32_t size = 0; size < 100; size++) {
		uint8_t value[100] = { 0 };
		struct stamp read;
		assert_int_equal(stamp_size(size), size < 8 ? 0 : size < 32 ? 8 : 32);
		stamp_write(value, stamp_size(size), &example);
		assert_int_equal(stamp_parse(value, size, &read), size >= 8);
		if (size < 8)
			continue;
		assert_true(read.producer == example.producer && read.sequence == example.sequence);
		assert_true(read.run_id == (size < 32 ? 0 : example.run_id));
		assert_true(read.wall_ns == (size < 32 ? 0 : example.wall_ns));
	}
}

static void test_a_full_value_without_our_magic_is_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		uint8_t value[STAMP_SIZE];
		struct stamp read;
		stamp_write(value, STAMP_SIZE, &example);
		value[i] ^= 1;
		assert_false(stamp_parse(value, sizeof value, &read));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_stamp_has_the_documented_layout),
		cmocka_unit_test(test_short_stamp_has_the_documented_layout),
		cmocka_unit_test(test_what_is_written_is_read_at_every_size),
		cmocka_unit_test(test_a_full_value_without_our_magic_is_refused),
	};
	return RUN_TESTS(tests);
}
