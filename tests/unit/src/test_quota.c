/*
 * Quotas: the throttle times of Kafka's own Rate (4.3.1) for the same bytes at the same times, and
 * what holds for many clients.
 */
#include "../test.h"

#include <errno.h>
#include <stdio.h>

#include "../../../src/broker/quota.h"

#define NODE 1

struct booking {
	int64_t at_ms, bytes;
	int32_t throttle_ms; /* by Kafka's Rate.record, measure and windowSize, QuotaUtils' formula
			      */
};

static struct quotas *open_quotas(int32_t windows, int64_t window_s, int64_t limit)
{
	struct quotas *q;
	struct quota_limits limits = { .bytes_per_second = { limit, limit },
		.window_count = windows,
		.window_ns = window_s * NS_PER_S };
	assert_int_equal(quotas_open(&q, &limits), 0);
	return q;
}

/* `start_ms` shifts all times: only differences matter. */
static void assert_throttled(
	struct quotas *q, const struct booking *bookings, size_t count, int64_t start_ms)
{
	for (size_t i = 0; i < count; i++) {
		const struct booking *b = &bookings[i];
		int64_t now_ns = (start_ms + b->at_ms) * NS_PER_MS + 999999;
		if (b->bytes < 0) {
			quotas_unrecord(q, QUOTA_FETCH, NODE, STRING("c"), -b->bytes, now_ns);
			continue;
		}
		int32_t got = quotas_record(q, QUOTA_FETCH, NODE, STRING("c"), b->bytes, now_ns);
		if (got != b->throttle_ms)
			print_error("booking %zu\n", i);
		assert_int_equal(got, b->throttle_ms);
	}
	quotas_close(q);
}

static void test_the_defaults_throttle_as_kafka_does(void **state)
{
	static const struct booking bookings[] = { { 0, 5000, 0 }, { 0, 5000, 0 },
		{ 0, 2000, 2000 }, { 100, 3000, 4900 }, { 999, 1000, 5001 }, { 1000, 1000, 7000 },
		{ 5000, 10000, 17000 }, { 11500, 100, 15600 }, { 12000, 100, 200 },
		{ 12999, 100, 0 }, { 40000, 20000, 10000 }, { 40001, 1, 10000 } };
	(void)state;
	assert_throttled(open_quotas(11, 1, 1000), bookings, COUNT_OF(bookings), 0);
	assert_throttled(open_quotas(11, 1, 1000), bookings, COUNT_OF(bookings), 1234567890);
}

static void test_other_windows_throttle_as_kafka_does(void **state)
{
	static const struct booking two[] = { { 0, 10000, 10000 }, { 3, 1, 9999 },
		{ 9999, 5000, 10003 }, { 10000, 5000, 30002 }, { 25000, 1000, 17002 },
		{ 29999, 20000, 32001 }, { 30000, -20000, 0 }, { 30001, 1, 0 }, { 50002, 7, 0 } };
	static const struct booking one[] = { { 0, 1000, 999 }, { 0, 500, 1499 },
		{ 999, 500, 1001 }, { 1000, 500, 1500 }, { 2500, 7000, 6999 } };
	(void)state;
	assert_throttled(open_quotas(2, 10, 500), two, COUNT_OF(two), 0);
	assert_throttled(open_quotas(1, 1, 1000), one, COUNT_OF(one), 0);
}

static void test_what_is_taken_back_does_not_count(void **state)
{
	struct quotas *q = open_quotas(11, 1, 1000);
	(void)state;
	assert_int_equal(quotas_record(q, QUOTA_FETCH, NODE, STRING("c"), 20000, 0), 10000);
	quotas_unrecord(q, QUOTA_FETCH, NODE, STRING("c"), 20000, 0);
	assert_int_equal(quotas_record(q, QUOTA_FETCH, NODE, STRING("c"), 10000, 0), 0);
	quotas_close(q);
}

static void test_clients_kinds_and_brokers_are_apart(void **state)
{
	struct quotas *q = open_quotas(11, 1, 1000);
	(void)state;
	assert_true(quotas_record(q, QUOTA_FETCH, NODE, STRING("c"), 20000, 0) > 0);
	assert_int_equal(quotas_record(q, QUOTA_FETCH, NODE, STRING("d"), 1, 0), 0);
	assert_int_equal(quotas_record(q, QUOTA_PRODUCE, NODE, STRING("c"), 1, 0), 0);
	assert_int_equal(quotas_record(q, QUOTA_FETCH, NODE + 1, STRING("c"), 1, 0), 0);
	assert_true(quotas_record(q, QUOTA_FETCH, NODE, STRING("c"), 1, 0) > 0);
	quotas_close(q);
}

static void test_no_name_is_the_empty_name(void **state)
{
	struct quotas *q = open_quotas(11, 1, 1000);
	(void)state;
	assert_true(quotas_record(q, QUOTA_FETCH, NODE, NULL_STRING, 20000, 0) > 0);
	assert_true(quotas_record(q, QUOTA_FETCH, NODE, STRING(""), 1, 0) > 0);
	quotas_close(q);
}

static void test_without_a_quota_nobody_waits(void **state)
{
	struct quotas *q;
	struct quota_limits limits = { .bytes_per_second = { [QUOTA_PRODUCE] = 1 },
		.window_count = 11,
		.window_ns = NS_PER_S };
	(void)state;
	assert_int_equal(quotas_open(&q, &limits), 0);
	assert_false(quotas_limit(q, QUOTA_FETCH));
	assert_true(quotas_limit(q, QUOTA_PRODUCE));
	assert_false(quotas_limit(NULL, QUOTA_PRODUCE));
	assert_int_equal(quotas_record(q, QUOTA_FETCH, NODE, STRING("c"), INT64_MAX, 0), 0);
	assert_int_equal(quotas_record(NULL, QUOTA_FETCH, NODE, STRING("c"), 1, 0), 0);
	assert_true(quotas_bytes_max(q, QUOTA_FETCH) == INT64_MAX);
	assert_int_equal(quotas_bytes_max(q, QUOTA_PRODUCE), 10);
	quotas_close(q);
}

static void test_the_most_at_once_is_just_not_throttled(void **state)
{
	struct quotas *q = open_quotas(11, 1, 1000);
	(void)state;
	int64_t most = quotas_bytes_max(q, QUOTA_FETCH);
	assert_int_equal(most, 10000);
	assert_int_equal(quotas_record(q, QUOTA_FETCH, NODE, STRING("c"), most, 0), 0);
	assert_true(quotas_record(q, QUOTA_FETCH, NODE, STRING("d"), most + 1, 0) > 0);
	quotas_close(q);
}

static void test_the_client_unheard_of_longest_is_forgotten(void **state)
{
	struct quotas *q = open_quotas(11, 1, 1000);
	char name[32];
	(void)state;
	assert_true(quotas_record(q, QUOTA_FETCH, NODE, STRING("old"), 20000, 0) > 0);
	assert_true(quotas_record(q, QUOTA_FETCH, NODE, STRING("kept"), 20000, 0) > 0);
	for (int i = 0; i < QUOTA_CLIENTS_MAX; i++) {
		snprintf(name, sizeof name, "client-%d", i);
		assert_int_equal(quotas_record(q, QUOTA_FETCH, NODE, string_of(name), 1, 0), 0);
		assert_true(quotas_record(q, QUOTA_FETCH, NODE, STRING("kept"), 1, 0) > 0);
	}
	assert_int_equal(quotas_record(q, QUOTA_FETCH, NODE, STRING("old"), 1, 0), 0);
	quotas_close(q);
}

static void test_a_wait_beyond_the_type_is_its_largest(void **state)
{
	struct quotas *q = open_quotas(11, 1, 1);
	(void)state;
	assert_int_equal(quotas_record(q, QUOTA_FETCH, NODE, STRING("c"), INT64_MAX, 0), INT32_MAX);
	quotas_close(q);
}

static void test_windows_that_make_no_sense_are_refused(void **state)
{
	struct quotas *q;
	(void)state;
	struct quota_limits none = { .window_count = 0, .window_ns = NS_PER_S };
	struct quota_limits many = { .window_count = QUOTA_WINDOWS_MAX + 1, .window_ns = NS_PER_S };
	struct quota_limits brief = { .window_count = 11, .window_ns = NS_PER_MS - 1 };
	assert_int_equal(quotas_open(&q, &none), -EINVAL);
	assert_int_equal(quotas_open(&q, &many), -EINVAL);
	assert_int_equal(quotas_open(&q, &brief), -EINVAL);
	quotas_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_defaults_throttle_as_kafka_does),
		cmocka_unit_test(test_other_windows_throttle_as_kafka_does),
		cmocka_unit_test(test_what_is_taken_back_does_not_count),
		cmocka_unit_test(test_clients_kinds_and_brokers_are_apart),
		cmocka_unit_test(test_no_name_is_the_empty_name),
		cmocka_unit_test(test_without_a_quota_nobody_waits),
		cmocka_unit_test(test_the_most_at_once_is_just_not_throttled),
		cmocka_unit_test(test_the_client_unheard_of_longest_is_forgotten),
		cmocka_unit_test(test_a_wait_beyond_the_type_is_its_largest),
		cmocka_unit_test(test_windows_that_make_no_sense_are_refused),
	};
	return RUN_TESTS(tests);
}
