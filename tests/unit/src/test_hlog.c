/* Shows: the encoding of small histograms byte by byte, base64 and zlib around it, and the lines of
 * the log. That Java reads it all is shown by tests/schema/test_histogram.sh. */
#include "../test.h"

#include <errno.h>
#include <stdio.h>

#include <zlib.h>

#include "clock.h"
#include "../../../src/measure/hlog.h"

static struct histogram h;
static uint8_t inner[HLOG_INNER_SIZE_MAX];

static void assert_counts(const uint8_t *expected, size_t size)
{
	assert_int_equal(hlog_encode_inner(&h, inner), HLOG_HEADER_SIZE + size);
	assert_int_equal(inner[7], size);
	assert_memory_equal(inner + HLOG_HEADER_SIZE, expected, size);
}

static void test_header_names_the_parameters(void **state)
{
	(void)state;
	histogram_reset(&h);
	hlog_encode_inner(&h, inner);
	const uint8_t expected[] = { 0x1c, 0x84, 0x93, 0x13, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 0,
		0, 0, 0, 0, 0, 0, 1, 0, 0, 0x03, 0x46, 0x30, 0xb8, 0xa0, 0, 0x3f, 0xf0, 0, 0, 0, 0,
		0, 0 };
	assert_memory_equal(inner, expected, sizeof expected);
}

static void test_runs_of_zeros_are_negated_lengths(void **state)
{
	(void)state;
	histogram_reset(&h);
	assert_counts((const uint8_t[]){ 0 }, 1);
	histogram_record_n(&h, 1, 1);
	assert_counts((const uint8_t[]){ 0, 2 }, 2);
	histogram_record_n(&h, 0, 64);
	histogram_record_n(&h, 201, 1);
	assert_counts((const uint8_t[]){ 0x80, 1, 2, 0x8d, 3, 2 }, 6);
}

static void test_large_counts_take_nine_bytes(void **state)
{
	(void)state;
	histogram_reset(&h);
	histogram_record_n(&h, 0, UINT64_C(1) << 62);
	assert_counts((const uint8_t[]){ 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80 }, 9);
	histogram_reset(&h);
	histogram_record_n(&h, 0, UINT64_C(1) << 55);
	assert_counts((const uint8_t[]){ 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1 }, 9);
}

static size_t base64_decode(const char *text, uint8_t *out)
{
	size_t size = 0;
	uint32_t group = 0;
	for (size_t i = 0; text[i]; i++) {
		char ch = text[i];
		uint32_t digit = ch >= 'A' && ch <= 'Z'   ? (uint32_t)(ch - 'A')
				 : ch >= 'a' && ch <= 'z' ? (uint32_t)(ch - 'a') + 26
				 : ch >= '0' && ch <= '9' ? (uint32_t)(ch - '0') + 52
				 : ch == '+'              ? 62
				 : ch == '/'              ? 63
							  : 64;
		assert_true(digit < 64 || ch == '=');
		group = group << 6 | (digit & 63);
		if (i % 4 == 3) {
			out[size++] = (uint8_t)(group >> 16);
			out[size++] = (uint8_t)(group >> 8);
			out[size++] = (uint8_t)group;
		}
	}
	for (size_t i = strlen(text); i > 0 && text[i - 1] == '='; i--)
		size--;
	return size;
}

static void test_text_unpacks_to_the_inner_encoding(void **state)
{
	(void)state;
	histogram_reset(&h);
	for (int64_t i = 0; i < 300; i++) {
		histogram_record(&h, i * i * 977);
		char *text;
		assert_int_equal(hlog_encode(&h, &text), 0);
		static uint8_t outer[HLOG_INNER_SIZE_MAX], unpacked[HLOG_INNER_SIZE_MAX];
		size_t size = base64_decode(text, outer);
		assert_memory_equal(outer, ((const uint8_t[]){ 0x1c, 0x84, 0x93, 0x14 }), 4);
		assert_int_equal(size, 8 + ((size_t)outer[6] << 8 | outer[7]));
		uLongf unpacked_size = sizeof unpacked;
		assert_int_equal(uncompress(unpacked, &unpacked_size, outer + 8, size - 8), Z_OK);
		assert_int_equal(unpacked_size, hlog_encode_inner(&h, inner));
		assert_memory_equal(unpacked, inner, unpacked_size);
		free(text);
	}
}

static void test_log_lines(void **state)
{
	(void)state;
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	histogram_reset(&h);
	histogram_record(&h, 2 * NS_PER_MS);
	assert_int_equal(hlog_write_header(file, "harrow\nsecond line", 1500000000250000000), 0);
	assert_int_equal(hlog_write_row(file, NULL, 0, NS_PER_S, &h), 0);
	assert_int_equal(hlog_write_row(file, "service", NS_PER_S, 1500 * NS_PER_MS, &h), 0);
	assert_int_equal(hlog_write_row(file, "a,b", 0, NS_PER_S, &h), -EINVAL);
	assert_int_equal(hlog_write_row(file, "", 0, NS_PER_S, &h), -EINVAL);
	fclose(file);
	const char *start = "#[harrow]\n"
			    "#[Histogram log format version 1.2]\n"
			    "#[StartTime: 1500000000.250 (seconds since epoch), "
			    "2017-07-14T02:40:00Z]\n"
			    "#[BaseTime: 1500000000.250 (seconds since epoch)]\n"
			    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
			    "\"Interval_Compressed_Histogram\"\n"
			    "0.000,1.000,2.001,HISTFAAA";
	assert_memory_equal(text, start, strlen(start));
	assert_non_null(strstr(text, "\nTag=service,1.000,1.500,2.001,HISTFAAA"));
	assert_int_equal(text[size - 1], '\n');
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_names_the_parameters),
		cmocka_unit_test(test_runs_of_zeros_are_negated_lengths),
		cmocka_unit_test(test_large_counts_take_nine_bytes),
		cmocka_unit_test(test_text_unpacks_to_the_inner_encoding),
		cmocka_unit_test(test_log_lines),
	};
	return RUN_TESTS(tests);
}
