/* What is remembered of idempotent producers, and what they may send next. */
#include "../test.h"
#include "../../../src/broker/producer_table.h"

#include <limits.h>

#define ID 7000

struct bench {
	struct producer_table table;
	struct producer_group group, other;
	int64_t offset, now_ms;
};

static int bench_open(void **state)
{
	static struct bench b;
	b = (struct bench){ .now_ms = 1000 };
	assert_int_equal(producer_table_open(&b.table, 8), 0);
	producer_group_init(&b.group);
	producer_group_init(&b.other);
	*state = &b;
	return 0;
}

static int bench_close(void **state)
{
	struct bench *b = *state;
	producer_table_close(&b->table);
	return 0;
}

/* Sends `count` records; what is accepted is remembered at the next offset. */
static enum producer_verdict sent(struct bench *b, struct producer_group *group, int64_t id,
	int epoch, int32_t first, int32_t last, struct producer_place *place)
{
	struct producer_batch batch = { id, (int16_t)epoch, first, last };
	enum producer_verdict verdict = producer_check(&b->table, group, &batch, place);
	if (verdict == PRODUCER_ACCEPTED) {
		*place = (struct producer_place){ b->offset, b->offset + 100 };
		producer_remember(&b->table, group, &batch, place, b->now_ms);
		b->offset += 10;
	}
	return verdict;
}

static enum producer_verdict send_one(struct bench *b, int epoch, int32_t first, int32_t last)
{
	struct producer_place place;
	return sent(b, &b->group, ID, epoch, first, last, &place);
}

static void test_unknown_producer_may_start_anywhere(void **state)
{
	assert_int_equal(send_one(*state, 3, 4711, 4720), PRODUCER_ACCEPTED);
	assert_int_equal(send_one(*state, 3, 4721, 4721), PRODUCER_ACCEPTED);
}

static void test_gap_and_unremembered_repeat_are_out_of_order(void **state)
{
	assert_int_equal(send_one(*state, 0, 0, 9), PRODUCER_ACCEPTED);
	assert_int_equal(send_one(*state, 0, 11, 12), PRODUCER_OUT_OF_ORDER);
	assert_int_equal(send_one(*state, 0, 9, 12), PRODUCER_OUT_OF_ORDER);
	assert_int_equal(send_one(*state, 0, 0, 8), PRODUCER_OUT_OF_ORDER);
	assert_int_equal(send_one(*state, 0, 10, 12), PRODUCER_ACCEPTED);
}

static void test_last_five_batches_are_known_by_their_sequences(void **state)
{
	struct bench *b = *state;
	struct producer_place place;
	for (int32_t i = 0; i < 7; i++)
		assert_int_equal(send_one(b, 0, i * 10, i * 10 + 9), PRODUCER_ACCEPTED);
	for (int32_t i = 0; i < 7; i++) {
		enum producer_verdict verdict =
			sent(b, &b->group, ID, 0, i * 10, i * 10 + 9, &place);
		assert_int_equal(verdict, i < 2 ? PRODUCER_OUT_OF_ORDER : PRODUCER_DUPLICATE);
		if (i < 2)
			continue;
		assert_int_equal(place.base_offset, i * 10);
		assert_int_equal(place.max_timestamp_ms, i * 10 + 100);
	}
	assert_int_equal(send_one(b, 0, 70, 70), PRODUCER_ACCEPTED);
}

static void test_old_epoch_is_fenced_and_new_one_starts_at_zero(void **state)
{
	assert_int_equal(send_one(*state, 4, 0, 9), PRODUCER_ACCEPTED);
	assert_int_equal(send_one(*state, 3, 10, 19), PRODUCER_FENCED);
	assert_int_equal(send_one(*state, 5, 10, 19), PRODUCER_OUT_OF_ORDER);
	assert_int_equal(send_one(*state, 5, 0, 0), PRODUCER_ACCEPTED);
	/* Batches of the old epoch are forgotten with it. */
	assert_int_equal(send_one(*state, 5, 0, 9), PRODUCER_OUT_OF_ORDER);
	assert_int_equal(send_one(*state, 4, 0, 9), PRODUCER_FENCED);
}

static void test_sequences_wrap_behind_the_largest(void **state)
{
	assert_int_equal(send_one(*state, 0, INT_MAX - 1, INT_MAX), PRODUCER_ACCEPTED);
	assert_int_equal(send_one(*state, 0, 1, 1), PRODUCER_OUT_OF_ORDER);
	assert_int_equal(send_one(*state, 0, 0, 0), PRODUCER_ACCEPTED);
	assert_int_equal(send_one(*state, 0, INT_MAX - 1, INT_MAX), PRODUCER_DUPLICATE);
}

static void test_partitions_do_not_know_of_each_other(void **state)
{
	struct bench *b = *state;
	struct producer_place place;
	assert_int_equal(sent(b, &b->group, ID, 9, 0, 9, &place), PRODUCER_ACCEPTED);
	assert_int_equal(sent(b, &b->other, ID, 0, 0, 9, &place), PRODUCER_ACCEPTED);
	assert_int_equal(sent(b, &b->other, ID, 0, 10, 19, &place), PRODUCER_ACCEPTED);
	producer_group_clear(&b->table, &b->other);
	assert_int_equal(b->table.count, 1);
	assert_int_equal(sent(b, &b->other, ID, 0, 55, 55, &place), PRODUCER_ACCEPTED);
	assert_int_equal(sent(b, &b->group, ID, 9, 55, 55, &place), PRODUCER_OUT_OF_ORDER);
}

static void test_full_table_forgets_the_longest_idle(void **state)
{
	struct bench *b = *state;
	struct producer_place place;
	for (int64_t id = 0; id < 8; id++)
		assert_int_equal(sent(b, &b->group, id, 0, 0, 0, &place), PRODUCER_ACCEPTED);
	assert_int_equal(sent(b, &b->group, 0, 0, 1, 1, &place), PRODUCER_ACCEPTED);
	assert_int_equal(sent(b, &b->group, 8, 0, 0, 0, &place), PRODUCER_ACCEPTED);
	assert_int_equal(b->table.count, 8);
	assert_int_equal(b->table.forgotten_count, 1);
	assert_int_equal(sent(b, &b->group, 0, 0, 9, 9, &place), PRODUCER_OUT_OF_ORDER);
	assert_int_equal(sent(b, &b->group, 1, 0, 9, 9, &place), PRODUCER_ACCEPTED);
}

static void test_idle_producers_expire(void **state)
{
	struct bench *b = *state;
	struct producer_place place;
	assert_int_equal(sent(b, &b->group, 1, 0, 0, 0, &place), PRODUCER_ACCEPTED);
	b->now_ms += 500;
	assert_int_equal(sent(b, &b->other, 2, 0, 0, 0, &place), PRODUCER_ACCEPTED);
	producer_table_expire(&b->table, 1000, b->now_ms + 499);
	assert_int_equal(b->table.count, 2);
	producer_table_expire(&b->table, 1000, b->now_ms + 500);
	assert_int_equal(b->table.count, 1);
	assert_int_equal(sent(b, &b->group, 1, 0, 9, 9, &place), PRODUCER_ACCEPTED);
	assert_int_equal(sent(b, &b->other, 2, 0, 9, 9, &place), PRODUCER_OUT_OF_ORDER);
}

static void test_many_producers_are_all_found(void **state)
{
	(void)state;
	struct bench b = { .now_ms = 1 };
	struct producer_place place;
	assert_int_equal(producer_table_open(&b.table, 10000), 0);
	producer_group_init(&b.group);
	for (int64_t id = 0; id < 10000; id++)
		assert_int_equal(sent(&b, &b.group, id * 64, 0, 0, 4, &place), PRODUCER_ACCEPTED);
	for (int64_t id = 0; id < 10000; id++) {
		assert_int_equal(sent(&b, &b.group, id * 64, 0, 0, 4, &place), PRODUCER_DUPLICATE);
		assert_int_equal(place.base_offset, id * 10);
	}
	assert_int_equal(b.table.forgotten_count, 0);
	producer_table_close(&b.table);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_unknown_producer_may_start_anywhere),
		TEST(test_gap_and_unremembered_repeat_are_out_of_order),
		TEST(test_last_five_batches_are_known_by_their_sequences),
		TEST(test_old_epoch_is_fenced_and_new_one_starts_at_zero),
		TEST(test_sequences_wrap_behind_the_largest),
		TEST(test_partitions_do_not_know_of_each_other),
		TEST(test_full_table_forgets_the_longest_idle),
		TEST(test_idle_producers_expire),
		TEST(test_many_producers_are_all_found),
	};
	return RUN_TESTS(tests);
}
