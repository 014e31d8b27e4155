/* Shows: whatever the workers hand in, in whatever order, stands in one row and in the whole. */
#include "../test.h"

#include "../../../src/load/recorder.h"

#define WORKERS 3

static struct recorder recorder;
static struct interval_sample *sample;
static struct histogram *blocked, *linger;

static int setup(void **state)
{
	(void)state;
	sample = calloc(1, sizeof *sample);
	blocked = calloc(1, sizeof *blocked);
	linger = calloc(1, sizeof *linger);
	return !sample || !blocked || !linger || recorder_open(&recorder, WORKERS, NULL) < 0;
}

static int teardown(void **state)
{
	(void)state;
	recorder_close(&recorder);
	free(sample);
	free(blocked);
	free(linger);
	return 0;
}

static void fill(uint64_t records, int64_t latency_ns)
{
	sample->acked += records;
	histogram_record_n(&sample->latency, latency_ns, records);
}

static void submit(uint32_t worker, uint64_t index, uint64_t records)
{
	fill(records, NS_PER_MS);
	recorder_submit(&recorder, worker, index, sample);
	assert_int_equal(sample->acked, 0);
	assert_int_equal(sample->latency.count, 0);
}

static void finish(uint32_t worker, uint64_t index, uint64_t records)
{
	fill(records, NS_PER_MS);
	histogram_record(blocked, NS_PER_US);
	histogram_record(linger, NS_PER_US);
	recorder_finish(&recorder, worker, index, sample, blocked, linger);
}

static uint64_t acked_in_rows(void)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < recorder.table.count; i++)
		sum += recorder.table.rows[i].acked;
	return sum;
}

static void test_a_row_waits_for_the_slowest_worker(void **state)
{
	(void)state;
	submit(0, 0, 1);
	submit(0, 1, 10);
	submit(2, 0, 100);
	assert_int_equal(recorder.table.count, 0);
	submit(1, 0, 1000);
	assert_int_equal(recorder.table.count, 1);
	assert_int_equal(recorder.table.rows[0].acked, 1101);
	assert_int_equal(recorder.latency->count, 1101);
	submit(1, 1, 1);
	submit(2, 1, 1);
	assert_int_equal(recorder.table.count, 2);
	assert_int_equal(recorder.table.rows[1].acked, 12);
	assert_int_equal(recorder.table.rows[1].start_ns, NS_PER_S);
}

static void test_a_worker_far_ahead_loses_nothing(void **state)
{
	(void)state;
	uint64_t given = 0;
	for (uint64_t i = 0; i < 3 * RECORDER_PENDING; i++, given++)
		submit(0, i, 1);
	for (uint32_t worker = 1; worker < WORKERS; worker++)
		for (uint64_t i = 0; i < 3 * RECORDER_PENDING; i++, given++)
			submit(worker, i, 1);
	assert_int_equal(acked_in_rows(), given);
	assert_int_equal(recorder.table.count, 3 * RECORDER_PENDING);
	assert_int_equal(recorder.latency->count, given);
}

static void test_last_words_are_kept(void **state)
{
	(void)state;
	submit(0, 0, 1);
	finish(1, 0, 10); /* before its first interval ended */
	submit(0, 1, 100);
	finish(2, 0, 1000);
	finish(0, 2, 10000);
	assert_int_equal(acked_in_rows(), 11111);
	assert_int_equal(recorder.latency->count, 11111);
	assert_int_equal(recorder.blocked->count, WORKERS);
	assert_int_equal(recorder.linger->count, WORKERS);
	for (uint32_t i = 1; i < recorder.table.count; i++)
		assert_int_equal(recorder.table.rows[i].start_ns,
			recorder.table.rows[i - 1].start_ns + recorder.table.rows[i - 1].length_ns);
}

static void test_nothing_is_no_row(void **state)
{
	(void)state;
	for (uint32_t worker = 0; worker < WORKERS; worker++)
		recorder_finish(&recorder, worker, 0, sample, blocked, linger);
	assert_int_equal(recorder.table.count, 0);
}

static void test_intervals_lengthen_as_the_rows_do(void **state)
{
	(void)state;
	int64_t end_ns = 0;
	for (uint64_t i = 0; i < 3 * INTERVAL_ROWS_PER_LENGTH; i++) {
		end_ns += INTERVAL_LENGTH_NS << (i / INTERVAL_ROWS_PER_LENGTH);
		assert_int_equal(recorder_interval_end_ns(i), end_ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_row_waits_for_the_slowest_worker, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_worker_far_ahead_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last_words_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_is_no_row, setup, teardown),
		cmocka_unit_test(test_intervals_lengthen_as_the_rows_do),
	};
	return RUN_TESTS(tests);
}
