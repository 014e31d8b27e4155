/* Shows: which quantities are taken, exactly what they mean, and how they print. */
#include "../test.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "../../../src/units.h"

struct quantity {
	const char *text;
	int64_t value;
};

static void check_quantities(
	int (*parse)(const char *, int64_t *), const struct quantity *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int64_t value = -7;
		int error = parse(rows[i].text, &value);
		if (error || value != rows[i].value)
			fail_msg("'%s': error %d, value %lld", rows[i].text, error,
				(long long)value);
	}
}

static void check_refused(int (*parse)(const char *, int64_t *), const char *const *texts)
{
	for (; *texts; texts++) {
		int64_t value = -7;
		int error = parse(*texts, &value);
		if (!error || value != -7)
			fail_msg("'%s' was taken as %lld", *texts, (long long)value);
	}
}

static void test_counts_take_decimal_suffixes_and_stay_exact(void **state)
{
	(void)state;
	static const struct quantity taken[] = {
		{ "0", 0 },
		{ "1000", 1000 },
		{ "50k", 50000 },
		{ "1.5k", 1500 },
		{ "2M", 2000000 },
		{ "0.000001M", 1 },
		{ "3G", 3000000000 },
		{ "-1", -1 },
		{ "00000000000000000000012", 12 },
		{ "999999999999999999", 999999999999999999 },
	};
	static const char *const refused[] = { "", "k", "1.5", "1.", ".5", "1 000", " 1", "1 ",
		"+1", "1e3", "0x10", "1K", "1KiB", "1,5k", "-", "--1", "1.2.3k", "1k1", "nan",
		"1000000000000000000", "99999999999G", NULL };
	check_quantities(units_parse_count, taken, COUNT_OF(taken));
	check_refused(units_parse_count, refused);
	int64_t value;
	assert_int_equal(units_parse_count("99999999999G", &value), -ERANGE);
	assert_int_equal(units_parse_count("1.5", &value), -EINVAL);
}

static void test_sizes_are_binary_and_ambiguous_ones_are_refused(void **state)
{
	(void)state;
	static const struct quantity taken[] = {
		{ "0", 0 },
		{ "100", 100 },
		{ "100B", 100 },
		{ "1KiB", 1024 },
		{ "1.5MiB", 1572864 },
		{ "2GiB", INT64_C(2) << 30 },
	};
	static const char *const refused[] = { "1k", "1K", "1M", "1kB", "1MB", "1Kib", "1 KiB",
		"-1", "1.5", "0.0001KiB", "KiB", "9999999999999GiB", NULL };
	check_quantities(units_parse_size, taken, COUNT_OF(taken));
	check_refused(units_parse_size, refused);
}

static void test_durations_need_their_unit(void **state)
{
	(void)state;
	static const struct quantity taken[] = {
		{ "0", 0 },
		{ "0s", 0 },
		{ "1ns", 1 },
		{ "500us", 500000 },
		{ "1.5ms", 1500000 },
		{ "10s", INT64_C(10000000000) },
		{ "2m", INT64_C(120000000000) },
		{ "1.5h", INT64_C(5400000000000) },
	};
	static const char *const refused[] = { "10", "10 s", "-1s", "1d", "1S", "1min", "0.5ns",
		"s", "1s500ms", "9999999999h", NULL };
	check_quantities(units_parse_duration, taken, COUNT_OF(taken));
	check_refused(units_parse_duration, refused);
}

static void test_rates_count_records_or_bytes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double per_second;
		enum rate_unit unit;
	} taken[] = {
		{ "20000", 20000, RATE_RECORDS },
		{ "50k", 50000, RATE_RECORDS },
		{ "50k/s", 50000, RATE_RECORDS },
		{ "0.5", 0.5, RATE_RECORDS },
		{ "1.5k", 1500, RATE_RECORDS },
		{ "100B/s", 100, RATE_BYTES },
		{ "10MiB/s", 10485760, RATE_BYTES },
		{ "1.5KiB/s", 1536, RATE_BYTES },
	};
	static const char *const refused[] = { "", "0", "0k", "-1k", "10 fish", "10MiB", "10MB/s",
		"10K", "/s", "10/m", "10k/", "0.00000001", "9999999999999", "10Mbit/s", NULL };
	for (size_t i = 0; i < COUNT_OF(taken); i++) {
		struct rate rate;
		assert_int_equal(units_parse_rate(taken[i].text, &rate), 0);
		assert_true(rate.per_second == taken[i].per_second);
		assert_int_equal(rate.unit, taken[i].unit);
	}
	for (const char *const *text = refused; *text; text++) {
		struct rate rate;
		if (!units_parse_rate(*text, &rate))
			fail_msg("'%s' was taken as a rate", *text);
	}
}

static void test_numbers_are_plain_and_finite(void **state)
{
	(void)state;
	static const char *const refused[] = { "", "inf", "nan", "0x1", " 1", "1 ", "1e999", "-",
		NULL };
	double number;
	assert_int_equal(units_parse_number("0.99", &number), 0);
	assert_true(number == 0.99);
	assert_int_equal(units_parse_number("-1e-3", &number), 0);
	assert_true(number == -1e-3);
	for (const char *const *text = refused; *text; text++)
		assert_int_not_equal(units_parse_number(*text, &number), 0);
}

static void test_exact_texts_parse_to_the_same_value(void **state)
{
	(void)state;
	char text[UNITS_TEXT_SIZE];
	int64_t values[] = { 0, 1, 999, 1000, 1024, 1500000, 262144, 60000000000, 90000000000,
		3600000000000, 123456789012345678 };
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		int64_t back = -1;
		assert_int_equal(units_parse_size(units_exact_size(values[i], text), &back), 0);
		assert_true(back == values[i]);
		assert_int_equal(
			units_parse_duration(units_exact_duration(values[i], text), &back), 0);
		assert_true(back == values[i]);
	}
	static const char *const rates[] = { "0.001", "0.5", "50000", "1048577B/s", "10MiB/s",
		"0.3B/s", "123456.789" };
	for (size_t i = 0; i < COUNT_OF(rates); i++) {
		struct rate rate, back;
		assert_int_equal(units_parse_rate(rates[i], &rate), 0);
		assert_string_equal(units_exact_rate(rate, text), rates[i]);
		assert_int_equal(units_parse_rate(text, &back), 0);
		assert_true(back.per_second == rate.per_second && back.unit == rate.unit);
	}
	assert_string_equal(units_exact_duration(90000000000, text), "90s");
	assert_string_equal(units_exact_size(262144, text), "256KiB");
}

static void test_human_texts_have_three_digits(void **state)
{
	(void)state;
	char text[UNITS_TEXT_SIZE];
	assert_string_equal(units_human_count(0, text), "0");
	assert_string_equal(units_human_count(999, text), "999");
	assert_string_equal(units_human_count(0.5, text), "0.50");
	assert_string_equal(units_human_count(999.7, text), "1.00 k");
	assert_string_equal(units_human_count(1234, text), "1.23 k");
	assert_string_equal(units_human_count(999999, text), "1.00 M");
	assert_string_equal(units_human_count(12345678, text), "12.3 M");
	assert_string_equal(units_human_count(NAN, text), "-");
	assert_string_equal(units_human_size(512, text), "512 B");
	assert_string_equal(units_human_size(1300000000, text), "1.21 GiB");
	assert_string_equal(units_human_duration(850, text), "850 ns");
	assert_string_equal(units_human_duration(4250000, text), "4.25 ms");
	assert_string_equal(units_human_duration(10e9, text), "10 s");
	assert_string_equal(units_human_duration(125e9, text), "2 min 5 s");
	assert_string_equal(units_human_duration(7260e9, text), "2 h 1 min");
	assert_string_equal(units_human_duration(NAN, text), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_take_decimal_suffixes_and_stay_exact),
		cmocka_unit_test(test_sizes_are_binary_and_ambiguous_ones_are_refused),
		cmocka_unit_test(test_durations_need_their_unit),
		cmocka_unit_test(test_rates_count_records_or_bytes),
		cmocka_unit_test(test_numbers_are_plain_and_finite),
		cmocka_unit_test(test_exact_texts_parse_to_the_same_value),
		cmocka_unit_test(test_human_texts_have_three_digits),
	};
	return RUN_TESTS(tests);
}
