/* Shows: every nanosecond between a record's moment and its being taken up is booked once. */
#include "../test.h"

#include "../../../src/load/waits.h"
#include "random.h"

#define RECORDS 2000

static struct histogram *lateness, *blocked, *linger;
static struct waits_figures figures;

static int setup(void **state)
{
	(void)state;
	lateness = calloc(1, sizeof *lateness);
	blocked = calloc(1, sizeof *blocked);
	linger = calloc(1, sizeof *linger);
	figures = (struct waits_figures){ lateness, blocked, linger };
	return !lateness || !blocked || !linger;
}

static int teardown(void **state)
{
	(void)state;
	free(lateness);
	free(blocked);
	free(linger);
	return 0;
}

/* 1000 records a second from time 0: record k is due at k ms. */
static struct plan thousand_a_second(void)
{
	struct plan plan = { .rate = record_rate_of(1000),
		.producers = 1,
		.partitions = 1,
		.records = RECORDS,
		.seed = 1 };
	assert_int_equal(plan_init(&plan), 0);
	return plan;
}

static void record(
	const struct waits *w, uint64_t first, uint32_t count, int64_t ready_ns, int64_t taken_ns)
{
	struct plan plan = thousand_a_second();
	struct schedule s;
	schedule_init(&s, &plan, 0, 0, 0);
	struct schedule_cursor cursor = schedule_begin(&s), scan;
	schedule_skip(&s, &cursor, first);
	int64_t times[RECORDS];
	scan = cursor;
	schedule_times(&s, &scan, times, count);
	waits_record(w, &s, &cursor, times, count, ready_ns, taken_ns, &figures);
	plan_free(&plan);
}

static void test_an_unblocked_stream_is_late(void **state)
{
	(void)state;
	struct waits w = { 0 };
	record(&w, 0, 11, 0, 10 * NS_PER_MS);
	assert_int_equal(lateness->count, 11);
	assert_int_equal(lateness->max_ns, 10 * NS_PER_MS);
	assert_int_equal(lateness->min_ns, 0);
	assert_int_equal(blocked->max_ns, 0);
}

static void test_a_blocked_stream_is_not_late(void **state)
{
	(void)state;
	struct waits w = { 0 };
	waits_set(&w, true, 0);
	waits_set(&w, true, 5 * NS_PER_MS); /* saying it again changes nothing */
	waits_set(&w, false, 10 * NS_PER_MS);
	record(&w, 0, 11, 0, 10 * NS_PER_MS);
	assert_int_equal(lateness->max_ns, 0);
	assert_int_equal(blocked->max_ns, 10 * NS_PER_MS);
	assert_int_equal(blocked->count, 11);
}

static void test_a_stall_while_blocked_is_lateness(void **state)
{
	(void)state;
	struct waits w = { 0 };
	waits_set(&w, true, 0);
	waits_stall(&w, 3 * NS_PER_MS, 9 * NS_PER_MS);
	waits_set(&w, false, 10 * NS_PER_MS);
	record(&w, 0, 1, 0, 10 * NS_PER_MS);
	assert_int_equal(lateness->max_ns, 6 * NS_PER_MS);
	assert_int_equal(blocked->max_ns, 4 * NS_PER_MS);
}

static void test_lingering_is_neither(void **state)
{
	(void)state;
	struct waits w = { 0 };
	record(&w, 0, 5, 4 * NS_PER_MS, 6 * NS_PER_MS);
	assert_int_equal(linger->max_ns, 4 * NS_PER_MS);
	assert_int_equal(linger->count, 5);
	assert_int_equal(lateness->max_ns, 2 * NS_PER_MS);
	assert_int_equal(lateness->min_ns, 2 * NS_PER_MS);
}

static void test_old_stretches_are_forgotten_only_when_passed(void **state)
{
	(void)state;
	struct waits w = { 0 };
	for (int i = 0; i < 10; i++) {
		waits_set(&w, true, (10 * i + 5) * NS_PER_MS);
		waits_set(&w, false, (10 * i + 10) * NS_PER_MS);
	}
	waits_forget(&w, 50 * NS_PER_MS);
	assert_int_equal(w.count, 5);
	record(&w, 50, 1, 0, 100 * NS_PER_MS);
	assert_int_equal(blocked->max_ns, 25 * NS_PER_MS);
	assert_int_equal(lateness->max_ns, 25 * NS_PER_MS);
}

static void test_many_short_stalls_leave_a_long_wait_the_brokers(void **state)
{
	(void)state;
	struct waits w = { 0 };
	waits_set(&w, true, 0);
	/* 1000 times 20 ms, each with a stall of 1 ms at its end, but one of 500 ms. */
	for (int i = 0; i < 1000; i++)
		waits_stall(&w, (20 * i + 19) * NS_PER_MS, (20 * i + 20) * NS_PER_MS);
	waits_stall(&w, 20000 * NS_PER_MS, 20500 * NS_PER_MS);
	waits_set(&w, false, 21000 * NS_PER_MS);
	record(&w, 0, 1, 0, 21000 * NS_PER_MS);
	assert_in_range(lateness->max_ns, 500 * NS_PER_MS, 600 * NS_PER_MS);
	assert_in_range(blocked->max_ns, 20400 * NS_PER_MS, 20500 * NS_PER_MS);
}

/* The sums over one record at a time, without ramps: what waits_record must agree with. */
static void test_random_histories_agree_with_one_by_one(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 7);
	for (int round = 0; round < 300; round++) {
		struct waits w = { 0 };
		int64_t now_ms = 0;
		memset(lateness, 0, sizeof *lateness);
		memset(blocked, 0, sizeof *blocked);
		memset(linger, 0, sizeof *linger);
		bool on = false;
		while (now_ms < 900) {
			now_ms += 1 + (int64_t)random_below(&random, 60);
			on = !on;
			waits_set(&w, on, now_ms * NS_PER_MS);
		}
		waits_set(&w, false, now_ms * NS_PER_MS);
		uint64_t first = random_below(&random, 500);
		uint32_t count = (uint32_t)random_below(&random, 400) + 1;
		int64_t taken_ns = now_ms * NS_PER_MS;
		record(&w, first, count, 0, taken_ns);
		struct histogram *late = calloc(1, sizeof *late), *block = calloc(1, sizeof *block);
		for (uint64_t k = first; k < first + count; k++) {
			int64_t t = (int64_t)k * NS_PER_MS, sum = 0;
			for (int32_t i = 0; i < w.count; i++) {
				int64_t from = MAX(w.stretches[i].from_ns, t);
				sum += MAX(w.stretches[i].to_ns - from, 0);
			}
			histogram_record(block, sum);
			histogram_record(late, taken_ns - t - sum);
		}
		assert_memory_equal(late->counts, lateness->counts, sizeof late->counts);
		assert_memory_equal(block->counts, blocked->counts, sizeof block->counts);
		assert_int_equal(linger->count, count);
		free(late);
		free(block);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_an_unblocked_stream_is_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_blocked_stream_is_not_late, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_stall_while_blocked_is_lateness, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lingering_is_neither, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_old_stretches_are_forgotten_only_when_passed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_many_short_stalls_leave_a_long_wait_the_brokers, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_random_histories_agree_with_one_by_one, setup, teardown),
	};
	return RUN_TESTS(tests);
}
