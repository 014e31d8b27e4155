/* Shows: samples move without loss, rows widen and stay bounded, the CSV has one cell per column.
 */
#include "../test.h"

#include <stdio.h>

#include "../../../src/measure/interval.h"

static struct interval_sample whole, part;

static void test_samples_of_workers_move_into_one(void **state)
{
	(void)state;
	for (uint64_t worker = 1; worker <= 3; worker++) {
		part.acked = worker;
		part.payload_bytes = 100 * worker;
		part.errors = part.in_flight = part.backlog = 1;
		histogram_record(&part.latency, (int64_t)worker * 1000);
		histogram_record(&part.service, (int64_t)worker * 100);
		histogram_record(&part.lateness, (int64_t)worker * 10);
		interval_move(&whole, &part);
		static const struct interval_sample empty;
		assert_memory_equal(&part, &empty, sizeof part);
	}
	assert_int_equal(whole.acked, 6);
	assert_int_equal(whole.payload_bytes, 600);
	assert_int_equal(whole.errors + whole.in_flight + whole.backlog, 9);
	assert_int_equal(whole.latency.count, 3);
	assert_int_equal(histogram_max(&whole.lateness), 30);
}

static void test_rows_widen_and_stay_bounded(void **state)
{
	(void)state;
	struct interval_table table = { 0 };
	histogram_reset(&whole.latency);
	histogram_reset(&whole.service);
	histogram_reset(&whole.lateness);
	int64_t now_ns = 0;
	for (uint32_t i = 0; i < INTERVAL_ROWS_MAX + 5; i++) {
		int64_t length_ns = interval_length_ns(&table);
		interval_append(&table, now_ns, length_ns, &whole);
		now_ns += length_ns;
	}
	assert_int_equal(table.count, INTERVAL_ROWS_MAX);
	assert_int_equal(table.dropped, 5);
	assert_true(table.rows[INTERVAL_ROWS_PER_LENGTH - 1].length_ns == NS_PER_S);
	assert_true(table.rows[INTERVAL_ROWS_PER_LENGTH].length_ns == 2 * NS_PER_S);
	assert_true(table.rows[INTERVAL_ROWS_MAX - 1].length_ns == 512 * NS_PER_S);
	interval_table_free(&table);
}

static int cells(const char *line)
{
	int count = 1;
	for (; *line && *line != '\n'; line++)
		count += *line == ',';
	return count;
}

static void test_csv_has_the_same_cells_in_every_row(void **state)
{
	(void)state;
	struct interval_table table = { 0 };
	static struct interval_sample sample;
	interval_append(&table, 0, NS_PER_S, &sample);
	sample.acked = 500;
	sample.payload_bytes = 512000;
	sample.backlog = 7;
	histogram_record_n(&sample.latency, 1500, 500);
	interval_append(&table, NS_PER_S, NS_PER_S / 2, &sample);
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	assert_int_equal(interval_write_csv(&table, file), 0);
	fclose(file);
	const char *empty = strchr(text, '\n') + 1, *full = strchr(empty, '\n') + 1;
	assert_int_equal(cells(text), 8 + 3 * 7);
	assert_int_equal(cells(empty), cells(text));
	assert_int_equal(cells(full), cells(text));
	assert_memory_equal(text, "start_s,length_s,records_acked,", 31);
	assert_string_equal(full,
		"1.000,0.500,500,1000.000,512000,0,0,7,500,1.500,1.500,1.500,1.500,1.500,1.500,"
		"0,,,,,,,0,,,,,,\n");
	free(text);
	interval_table_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples_of_workers_move_into_one),
		cmocka_unit_test(test_rows_widen_and_stay_bounded),
		cmocka_unit_test(test_csv_has_the_same_cells_in_every_row),
	};
	return RUN_TESTS(tests);
}
