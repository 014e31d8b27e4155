/* Shows: what makes a run invalid, what makes it fail, which comes first, what is named as the
 * limit; the situations that the issue lists, by their figures. */
#include "../test.h"

#include <signal.h>

#include "../../../src/measure/verdict.h"

/* 10k records/s for 30 s, as it should be. */
static struct verdict_figures good_open_loop(void)
{
	return (struct verdict_figures){
		.open_loop = true,
		.idempotent = true,
		.duration_s = 30,
		.rate_per_second = 10000,
		.scheduled = 300000,
		.sent = 300000,
		.acked = 300000,
		.confirmed = 300000,
		.lateness_p99_us = 150,
		.latency_p99_us = 4000,
		.service_min_us = 800,
		.service_p50_us = 1200,
		.busy_share = 0.2,
	};
}

static struct verdict_figures good_closed_loop(void)
{
	struct verdict_figures f = good_open_loop();
	f.open_loop = false;
	f.rate_per_second = f.lateness_p99_us = f.latency_p99_us = 0;
	return f;
}

static struct verdict decide(struct verdict_figures f)
{
	struct verdict v;
	verdict_decide(&v, &f);
	assert_true(strlen(v.sentence) > 20);
	assert_true(v.sentence[0] >= 'A' && v.sentence[0] <= 'Z');
	for (int i = 0; i < v.reason_count; i++)
		assert_true(strlen(v.reasons[i]) > 5);
	return v;
}

static bool mentions(const struct verdict *v, const char *text)
{
	for (int i = 0; i < v->reason_count; i++)
		if (strstr(v->reasons[i], text))
			return true;
	return false;
}

static void test_a_good_run_has_nothing_to_say(void **state)
{
	(void)state;
	struct verdict v = decide(good_open_loop());
	assert_true(v.valid && v.status == EXIT_DONE && v.reason_count == 0);
	assert_null(limited_by_name(v.limited_by));
	assert_non_null(strstr(v.sentence, "reached"));
}

static void test_a_broker_stopped_for_two_seconds_leaves_the_run_valid(void **state)
{
	(void)state;
	struct verdict_figures f = good_open_loop();
	f.latency_p99_us = 1.7e6;
	f.blocked_s = 1.9;
	struct verdict v = decide(f);
	assert_true(v.valid && v.status == EXIT_DONE);
}

static void test_harrow_stopped_for_two_seconds_is_invalid(void **state)
{
	(void)state;
	struct verdict_figures f = good_open_loop();
	f.latency_p99_us = 1.71e6;
	f.lateness_p99_us = 1.7e6;
	struct verdict v = decide(f);
	assert_true(!v.valid && v.status == EXIT_INVALID);
	assert_string_equal(limited_by_name(v.limited_by), "generator");
	assert_true(mentions(&v, "late"));
}

static void test_a_hopeless_rate_is_valid_and_missed(void **state)
{
	(void)state;
	struct verdict_figures f = good_open_loop();
	f.rate_per_second = 50e6;
	f.scheduled = 1500000000;
	f.sent = f.acked = f.confirmed = 20000000;
	f.unsent = f.scheduled - f.sent;
	f.backlog_at_end = f.unsent + 2000000;
	f.latency_p99_us = 29e6;
	f.lateness_p99_us = 9000; /* long turns, but nothing against the latency */
	f.blocked_s = 29.5;
	f.busy_share = 0.6;
	f.service_p50_us = 20000;
	struct verdict v = decide(f);
	assert_true(v.valid && v.status == EXIT_FAILED);
	assert_string_equal(limited_by_name(v.limited_by), "broker");
	assert_true(mentions(&v, "1480000000 were never sent"));
	f.service_p50_us = 1000;
	v = decide(f);
	assert_true(v.valid && v.status == EXIT_FAILED);
	assert_string_equal(limited_by_name(v.limited_by), "window");
}

static void test_a_rate_missed_by_a_core_used_up_is_our_own_fault(void **state)
{
	(void)state;
	struct verdict_figures f = good_open_loop();
	f.busy_share = 0.97;
	assert_true(decide(f).valid); /* busy, but in time */
	f.unsent = 100000;
	f.sent = f.acked = f.confirmed = f.scheduled - f.unsent;
	f.backlog_at_end = f.unsent;
	f.blocked_s = 25;
	struct verdict v = decide(f);
	assert_true(!v.valid && v.status == EXIT_INVALID);
	assert_string_equal(limited_by_name(v.limited_by), "generator");
	assert_true(mentions(&v, "97 % of a core"));
	f.busy_share = 0.9;
	assert_true(decide(f).valid);
}

static void test_lateness_counts_only_above_both_bounds(void **state)
{
	(void)state;
	struct verdict_figures f = good_open_loop();
	f.latency_p99_us = 2000;
	f.lateness_p99_us = 1000; /* half of the latency, but a millisecond at most */
	assert_true(decide(f).valid);
	f.lateness_p99_us = 1001;
	assert_false(decide(f).valid);
	f.latency_p99_us = 10020; /* now a tenth at most */
	assert_true(decide(f).valid);
}

static void test_a_shortfall_of_our_own_is_invalid_above_one_percent(void **state)
{
	(void)state;
	struct verdict_figures f = good_open_loop();
	f.unsent = f.shortfall = 3000;
	f.sent = f.acked = f.confirmed = 297000;
	struct verdict v = decide(f);
	assert_true(v.valid && v.status == EXIT_FAILED);
	assert_string_equal(limited_by_name(v.limited_by), "generator");
	f.unsent = f.shortfall = 3001;
	v = decide(f);
	assert_true(!v.valid && v.status == EXIT_INVALID);
}

static void test_lost_measurements_are_invalid(void **state)
{
	(void)state;
	struct verdict_figures f = good_closed_loop();
	f.dropped_samples = 1;
	assert_int_equal(decide(f).status, EXIT_INVALID);
}

static void test_a_short_backlog_at_the_end_is_no_miss(void **state)
{
	(void)state;
	struct verdict_figures f = good_open_loop();
	f.backlog_at_end = 3000; /* one percent */
	assert_int_equal(decide(f).status, EXIT_DONE);
	f.backlog_at_end = 3001;
	assert_int_equal(decide(f).status, EXIT_FAILED);
	/* A run of one second: a tenth of it is forgiven. */
	f.duration_s = 1;
	f.scheduled = f.sent = f.acked = f.confirmed = 10000;
	f.backlog_at_end = 1000;
	assert_int_equal(decide(f).status, EXIT_DONE);
	f.backlog_at_end = 1001;
	assert_int_equal(decide(f).status, EXIT_FAILED);
}

static void test_confirmation_below_acknowledgement_is_a_loss(void **state)
{
	(void)state;
	struct verdict_figures f = good_open_loop();
	f.confirmed = 299999;
	struct verdict v = decide(f);
	assert_true(v.valid && v.status == EXIT_FAILED && mentions(&v, "LOST: 1 records"));
	assert_non_null(strstr(v.sentence, "lost"));
	f.confirmed = VERDICT_UNKNOWN;
	f.unconfirmed_by = "others write to this topic";
	v = decide(f);
	assert_true(v.status == EXIT_DONE && mentions(&v, f.unconfirmed_by));
}

static void test_more_confirmed_than_accounted_for_is_doubled(void **state)
{
	(void)state;
	struct verdict_figures f = good_open_loop();
	f.acked = 299990;
	f.unknown = 10; /* may be in the log: not doubled */
	struct verdict v = decide(f);
	assert_true(v.status == EXIT_FAILED && !mentions(&v, "more than once"));
	f = good_open_loop();
	f.confirmed = 300001;
	v = decide(f);
	assert_true(v.status == EXIT_FAILED && mentions(&v, "more than once"));
	f.idempotent = false;
	v = decide(f);
	assert_true(v.status == EXIT_DONE && mentions(&v, "more than once"));
}

static void test_without_acks_nothing_is_promised(void **state)
{
	(void)state;
	struct verdict_figures f = good_open_loop();
	f.acked = VERDICT_UNKNOWN;
	f.confirmed = 299000;
	f.idempotent = false;
	struct verdict v = decide(f);
	assert_true(v.valid && v.status == EXIT_DONE && mentions(&v, "1000 records were sent"));
}

static void test_failed_and_unknown_records_fail_the_run(void **state)
{
	(void)state;
	struct verdict_figures f = good_closed_loop();
	f.failed = 5;
	f.acked = f.confirmed = 299995;
	struct verdict v = decide(f);
	assert_true(v.valid && v.status == EXIT_FAILED && mentions(&v, "5 records"));
	f.unknown = f.failed;
	f.failed = 0;
	v = decide(f);
	assert_true(v.status == EXIT_FAILED && mentions(&v, "never answered"));
}

static void test_read_back_faults_fail_the_run(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct verdict_figures f = good_open_loop();
		f.read_back = true;
		assert_int_equal(decide(f).status, EXIT_DONE);
		*(i == 0 ? &f.missing : i == 1 ? &f.duplicates : &f.unchecked) = 2;
		assert_int_equal(decide(f).status, EXIT_FAILED);
		f.lateness_p99_us = 1e6; /* 3 goes before 1, and both are said */
		struct verdict v = decide(f);
		assert_true(v.status == EXIT_INVALID && v.reason_count == 2);
	}
}

static void test_an_interrupted_run_gets_what_it_deserves(void **state)
{
	(void)state;
	struct verdict_figures f = good_open_loop();
	f.signal = SIGINT;
	struct verdict v = decide(f);
	assert_true(v.status == EXIT_DONE && v.reason_count == 1 && mentions(&v, "SIGINT"));
	f = good_closed_loop();
	f.signal = SIGTERM;
	f.scheduled += 700000;
	f.unsent = 700000;
	v = decide(f);
	assert_true(v.valid && v.status == EXIT_DONE && mentions(&v, "SIGTERM"));
	f.confirmed--;
	assert_int_equal(decide(f).status, EXIT_FAILED);
}

static void test_an_error_ends_in_its_own_words(void **state)
{
	(void)state;
	struct verdict_figures f = good_open_loop();
	f.error = "no broker of HOST:PORT answers any more";
	f.sent = f.acked = f.confirmed = 100;
	f.unsent = 299900;
	struct verdict v = decide(f);
	assert_true(v.valid && v.status == EXIT_FAILED);
	assert_null(limited_by_name(v.limited_by));
	assert_non_null(strstr(v.sentence, f.error));
	assert_true(mentions(&v, f.error) && mentions(&v, "299900 records were not sent"));
}

static void test_a_closed_loop_names_what_limited_it(void **state)
{
	(void)state;
	struct verdict_figures f = good_closed_loop();
	f.busy_share = 0.95;
	f.blocked_s = 0.1;
	assert_string_equal(limited_by_name(decide(f).limited_by), "generator");
	f.busy_share = 0.4;
	f.blocked_s = 25;
	assert_string_equal(limited_by_name(decide(f).limited_by), "window");
	f.service_p50_us = f.service_min_us * 5;
	assert_string_equal(limited_by_name(decide(f).limited_by), "broker");
	f.service_p50_us = f.service_min_us;
	f.socket_full_s = 20;
	assert_string_equal(limited_by_name(decide(f).limited_by), "broker");
	f.socket_full_s = 0;
	f.throttled_s = 10;
	struct verdict v = decide(f);
	assert_string_equal(limited_by_name(v.limited_by), "broker");
	assert_non_null(strstr(v.sentence, "quota"));
	assert_true(v.valid && v.status == EXIT_DONE);
}

static void test_reasons_never_overflow(void **state)
{
	(void)state;
	struct verdict_figures f = good_open_loop();
	static char long_error[1000];
	memset(long_error, 'e', sizeof long_error - 1);
	f.error = long_error;
	f.lateness_p99_us = 1e9;
	f.shortfall = f.unsent = f.failed = f.unknown = f.dropped_samples = INT64_MAX / 4;
	f.confirmed = 1;
	f.read_back = true;
	f.missing = f.duplicates = f.unchecked = INT64_MAX;
	f.signal = SIGTERM;
	struct verdict v = decide(f);
	assert_in_range(v.reason_count, 9, VERDICT_REASONS_MAX);
	assert_int_equal(v.status, EXIT_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_good_run_has_nothing_to_say),
		cmocka_unit_test(test_a_broker_stopped_for_two_seconds_leaves_the_run_valid),
		cmocka_unit_test(test_harrow_stopped_for_two_seconds_is_invalid),
		cmocka_unit_test(test_a_hopeless_rate_is_valid_and_missed),
		cmocka_unit_test(test_a_rate_missed_by_a_core_used_up_is_our_own_fault),
		cmocka_unit_test(test_lateness_counts_only_above_both_bounds),
		cmocka_unit_test(test_a_shortfall_of_our_own_is_invalid_above_one_percent),
		cmocka_unit_test(test_lost_measurements_are_invalid),
		cmocka_unit_test(test_a_short_backlog_at_the_end_is_no_miss),
		cmocka_unit_test(test_confirmation_below_acknowledgement_is_a_loss),
		cmocka_unit_test(test_more_confirmed_than_accounted_for_is_doubled),
		cmocka_unit_test(test_without_acks_nothing_is_promised),
		cmocka_unit_test(test_failed_and_unknown_records_fail_the_run),
		cmocka_unit_test(test_read_back_faults_fail_the_run),
		cmocka_unit_test(test_an_interrupted_run_gets_what_it_deserves),
		cmocka_unit_test(test_an_error_ends_in_its_own_words),
		cmocka_unit_test(test_a_closed_loop_names_what_limited_it),
		cmocka_unit_test(test_reasons_never_overflow),
	};
	return RUN_TESTS(tests);
}
