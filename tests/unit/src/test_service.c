/*
 * Shows: the service model is the queue that it says it is. Its closed forms give what a server
 * for each job gives; on a simulated clock, waiting times are those of queueing theory.
 */
#include "../test.h"

#include <errno.h>
#include <math.h>

#include "../../../src/broker/service.h"

#define SEED 20

static struct service opened(enum service_kind kind, int64_t mean_ns, int32_t servers)
{
	struct service s;
	service_init(&s, (struct service_time){ kind, mean_ns }, servers, SEED);
	return s;
}

static void test_texts_that_are_service_times(void **state)
{
	(void)state;
	struct service_time time;
	assert_int_equal(service_time_parse("exp:50us", &time), 0);
	assert_int_equal(time.kind, SERVICE_EXPONENTIAL);
	assert_int_equal(time.mean_ns, 50 * NS_PER_US);
	assert_int_equal(service_time_parse("const:1.5ms", &time), 0);
	assert_int_equal(time.kind, SERVICE_CONSTANT);
	assert_int_equal(time.mean_ns, 1500 * NS_PER_US);

	static const char *const wrong[] = { "", "50us", "exp", "exp:", "exp:50", "uniform:50us",
		"const 50us", "EXP:50us" };
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_int_equal(service_time_parse(wrong[i], &time), -EINVAL);
	assert_int_equal(service_time_parse("const:0", &time), -ERANGE);
	assert_int_equal(service_time_parse("exp:2h", &time), -ERANGE);
	assert_int_equal(time.mean_ns, 1500 * NS_PER_US);
}

static void test_no_model_serves_at_once(void **state)
{
	(void)state;
	struct service s = opened(SERVICE_NONE, 0, 1);
	assert_int_equal(service_admit(&s, 77, 1000), 77);
}

static void test_a_queue_builds_up_and_empties(void **state)
{
	(void)state;
	struct service s = opened(SERVICE_CONSTANT, 100, 2);
	assert_int_equal(service_admit(&s, 1000, 1), 1100);
	assert_int_equal(service_admit(&s, 1050, 1), 1150); /* the other server is free */
	assert_int_equal(service_admit(&s, 1060, 1), 1200); /* waits for the first */
	assert_int_equal(service_admit(&s, 1060, 0), 1060);
	assert_int_equal(service_admit(&s, 1070, 2), 1300); /* 1150 to 1250, 1200 to 1300 */
	assert_int_equal(service_admit(&s, 5000, 1), 5100); /* idle since long */
	assert_int_equal(s.served, 6);
	assert_true(s.busy_ns == 600);
}

/* What a batch costs must not depend on how it is computed: against one server per job, searched.
 */
static void test_rounds_equal_job_by_job(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, SEED);
	for (int32_t servers = 1; servers <= 9; servers++) {
		struct service s = opened(SERVICE_CONSTANT, 1000, servers);
		int64_t free_ns[9] = { 0 };
		int64_t now_ns = 0;
		for (int step = 0; step < 5000; step++) {
			now_ns += (int64_t)random_below(&random, 3000);
			int64_t records = (int64_t)random_below(&random, 2 * 9);
			int64_t last_ns = now_ns;
			for (int64_t job = 0; job < records; job++) {
				int32_t best = 0;
				for (int32_t i = 1; i < servers; i++)
					if (free_ns[i] < free_ns[best])
						best = i;
				free_ns[best] = MAX(free_ns[best], now_ns) + 1000;
				last_ns = MAX(last_ns, free_ns[best]);
			}
			assert_int_equal(service_admit(&s, now_ns, records), last_ns);
		}
	}
}

/* The last of each single record's end cannot come before that of one admitted earlier, when there
 * is one server; with several it can, but nobody starts earlier than those before. */
static void test_first_come_first_served(void **state)
{
	(void)state;
	struct service one = opened(SERVICE_EXPONENTIAL, 1000, 1);
	int64_t before_ns = 0;
	for (int64_t i = 0; i < 10000; i++) {
		int64_t done_ns = service_admit(&one, i * 500, 1 + i % 3);
		assert_true(done_ns >= before_ns && done_ns >= i * 500);
		before_ns = done_ns;
	}
	struct service many = opened(SERVICE_EXPONENTIAL, 1000, 7);
	int64_t start_ns = 0;
	for (int64_t i = 0; i < 10000; i++) {
		int64_t earliest_ns = INT64_MAX;
		for (int32_t j = 0; j < 7; j++)
			earliest_ns = MIN(earliest_ns, many.free_ns[j]);
		assert_true(many.free_ns[0] == earliest_ns);
		assert_true(earliest_ns >= start_ns);
		start_ns = earliest_ns;
		service_admit(&many, 0, 1);
	}
}

static void test_the_same_seed_serves_alike(void **state)
{
	(void)state;
	struct service a = opened(SERVICE_EXPONENTIAL, 1000, 4);
	struct service b = opened(SERVICE_EXPONENTIAL, 1000, 4);
	for (int64_t i = 0; i < 1000; i++)
		assert_int_equal(service_admit(&a, i, 3), service_admit(&b, i, 3));
}

/* N / mean, whatever the distribution and the size of batches. */
static void test_capacity_is_servers_by_mean(void **state)
{
	(void)state;
	static const int32_t servers[] = { 1, 2, 16, 1000 };
	for (size_t i = 0; i < COUNT_OF(servers); i++) {
		for (int kind = SERVICE_CONSTANT; kind <= SERVICE_EXPONENTIAL; kind++) {
			struct service s = opened((enum service_kind)kind, 50000, servers[i]);
			const int64_t batch = 1000, batches = 1000;
			int64_t last_ns = 0;
			for (int64_t j = 0; j < batches; j++) {
				int64_t done_ns = service_admit(&s, 0, batch);
				last_ns = MAX(last_ns, done_ns);
			}
			double expected = (double)(batch * batches) * 50000 / servers[i];
			assert_true(fabs((double)last_ns / expected - 1) < 0.02);
			assert_true(fabs(s.busy_ns / (expected * servers[i]) - 1) < 0.01);
		}
	}
}

/* Mean and variance of what n exponential jobs take on one server: n and n. */
static void check_sums(int64_t records, int rounds)
{
	struct service s = opened(SERVICE_EXPONENTIAL, 1000000, 1);
	double sum = 0, squares = 0;
	int64_t now_ns = 0;
	for (int i = 0; i < rounds; i++) {
		int64_t done_ns = service_admit(&s, now_ns, records);
		double took = (double)(done_ns - now_ns) / 1e6;
		sum += took;
		squares += took * took;
		now_ns = done_ns;
	}
	double mean = sum / rounds, variance = squares / rounds - mean * mean;
	assert_true(fabs(mean / (double)records - 1) < 0.02);
	assert_true(fabs(variance / (double)records - 1) < 0.04);
}

static void test_exponential_sums_have_mean_and_variance(void **state)
{
	(void)state;
	check_sums(1, 200000);
	check_sums(3, 100000);
	check_sums(16, 50000);
	check_sums(17, 50000);
	check_sums(1000, 20000);
}

/* P(X > x) = e^-x, at some x. */
static void test_exponential_tail(void **state)
{
	(void)state;
	struct service s = opened(SERVICE_EXPONENTIAL, 1000000, 2);
	const int rounds = 400000;
	int above[6] = { 0 };
	for (int64_t i = 0; i < rounds; i++) {
		int64_t now_ns = i * 1000 * NS_PER_S;
		double took = (double)(service_admit(&s, now_ns, 1) - now_ns) / 1e6;
		for (int x = 0; x < 6; x++)
			above[x] += took > x;
	}
	for (int x = 0; x < 6; x++) {
		double expected = rounds * exp(-x);
		assert_true(fabs(above[x] - expected) < 5 * sqrt(expected) + 1);
	}
}

/* Poisson arrivals, one by one: the mean wait before service, in units of the service time. */
static double mean_wait(enum service_kind kind, int32_t servers, double load)
{
	const int64_t mean_ns = 100000;
	struct service s = opened(kind, mean_ns, servers);
	struct random arrivals;
	random_seed(&arrivals, SEED + 1);
	double now = 0, waited = 0;
	const int jobs = 2000000;
	for (int i = 0; i < jobs; i++) {
		now -= log(1 - random_unit(&arrivals)) * (double)mean_ns / (load * servers);
		int64_t now_ns = (int64_t)now, earliest_ns = INT64_MAX;
		for (int32_t j = 0; j < servers; j++)
			earliest_ns = MIN(earliest_ns, s.free_ns[j]);
		waited += (double)(MAX(earliest_ns, now_ns) - now_ns);
		service_admit(&s, now_ns, 1);
	}
	return waited / jobs / (double)mean_ns;
}

static void assert_wait(double measured, double theory)
{
	if (fabs(measured / theory - 1) > 0.04)
		print_error("waits %.4f, theory says %.4f\n", measured, theory);
	assert_true(fabs(measured / theory - 1) <= 0.04);
}

/* Pollaczek and Khinchine: load / (1 - load) for exponential service, half of it for constant. */
static void test_one_server_waits_as_theory_says(void **state)
{
	(void)state;
	static const double loads[] = { 0.3, 0.5, 0.8 };
	for (size_t i = 0; i < COUNT_OF(loads); i++) {
		double theory = loads[i] / (1 - loads[i]);
		assert_wait(mean_wait(SERVICE_EXPONENTIAL, 1, loads[i]), theory);
		assert_wait(mean_wait(SERVICE_CONSTANT, 1, loads[i]), theory / 2);
	}
}

/* Erlang's C, the chance to wait, by the recursion of his B. */
static double erlang_wait(int32_t servers, double load)
{
	double offered = load * servers, blocked = 1;
	for (int32_t i = 1; i <= servers; i++)
		blocked = offered * blocked / (i + offered * blocked);
	double waits = blocked / (1 - load * (1 - blocked));
	return waits / (servers * (1 - load));
}

static void test_many_servers_wait_as_theory_says(void **state)
{
	(void)state;
	assert_wait(mean_wait(SERVICE_EXPONENTIAL, 2, 0.5), erlang_wait(2, 0.5));
	assert_wait(mean_wait(SERVICE_EXPONENTIAL, 4, 0.8), erlang_wait(4, 0.8));
}

/* A header that claims two thousand million records must neither stall nor wrap. */
static void test_absurd_batches_end(void **state)
{
	(void)state;
	static const int32_t servers[] = { 1, 3 };
	for (size_t i = 0; i < COUNT_OF(servers); i++) {
		struct service s = opened(SERVICE_EXPONENTIAL, 1000, servers[i]);
		int64_t done_ns = service_admit(&s, 5, INT32_MAX);
		double expected = (double)INT32_MAX * 1000 / servers[i];
		assert_true(fabs((double)done_ns / expected - 1) < 0.01);
		s.time.mean_ns = SERVICE_TIME_MAX_NS;
		for (int j = 0; j < 10; j++)
			done_ns = service_admit(&s, done_ns, INT32_MAX);
		assert_true(done_ns == NEVER_NS);
	}
	struct service s = opened(SERVICE_CONSTANT, SERVICE_TIME_MAX_NS, 3);
	assert_true(service_admit(&s, 5, INT64_MAX) == NEVER_NS);
	assert_true(service_admit(&s, 6, 1) == NEVER_NS);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_that_are_service_times),
		cmocka_unit_test(test_no_model_serves_at_once),
		cmocka_unit_test(test_a_queue_builds_up_and_empties),
		cmocka_unit_test(test_rounds_equal_job_by_job),
		cmocka_unit_test(test_first_come_first_served),
		cmocka_unit_test(test_the_same_seed_serves_alike),
		cmocka_unit_test(test_capacity_is_servers_by_mean),
		cmocka_unit_test(test_exponential_sums_have_mean_and_variance),
		cmocka_unit_test(test_exponential_tail),
		cmocka_unit_test(test_one_server_waits_as_theory_says),
		cmocka_unit_test(test_many_servers_wait_as_theory_says),
		cmocka_unit_test(test_absurd_batches_end),
	};
	return RUN_TESTS(tests);
}
