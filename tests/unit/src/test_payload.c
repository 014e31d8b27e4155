/* Shows: payloads fill exactly their room, repeat from the seed, are fresh per record, and compress
 * as promised; lines of files; keys and headers. */
#include "../test.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <lz4.h>
#include <zlib.h>

#include "../../../src/load/payload.h"

#define BATCH_SIZE 65536

static uint8_t batch[BATCH_SIZE], packed[2 * BATCH_SIZE];

static void fill_batch(struct payload_writer *w, uint32_t record_size)
{
	for (uint32_t i = 0; i + record_size <= BATCH_SIZE; i += record_size)
		payload_write(w, batch + i, record_size);
}

static double gzip_ratio(void)
{
	uLongf size = sizeof packed;
	assert_int_equal(compress(packed, &size, batch, BATCH_SIZE), Z_OK);
	return (double)BATCH_SIZE / (double)size;
}

static double lz4_ratio(void)
{
	int size = LZ4_compress_default(
		(const char *)batch, (char *)packed, BATCH_SIZE, (int)sizeof packed);
	return (double)BATCH_SIZE / size;
}

static void test_exactly_the_room_is_filled(void **state)
{
	(void)state;
	for (int kind = PAYLOAD_RANDOM; kind <= PAYLOAD_ZEROS; kind++) {
		struct payload p;
		struct payload_writer w;
		assert_int_equal(payload_init(&p, (enum payload_kind)kind, 1), 0);
		payload_writer_init(&w, &p, 1, 0);
		for (uint32_t size = 0; size < 300; size++) {
			uint8_t seen[302] = { 0 };
			for (int i = 0; i < 40; i++) {
				uint8_t out[302];
				memset(out, 0xa5, sizeof out);
				payload_write(&w, out + 1, size);
				assert_true(out[0] == 0xa5 && out[size + 1] == 0xa5);
				for (uint32_t k = 1; k <= size; k++)
					seen[k] |= out[k] != 0xa5;
			}
			for (uint32_t k = 1; k <= size; k++)
				assert_true(seen[k]);
		}
		payload_free(&p);
	}
}

static void test_values_larger_than_a_pool(void **state)
{
	(void)state;
	const uint32_t size = 3 * PAYLOAD_TEXT_POOL_SIZE + 5;
	uint8_t *out = malloc(size);
	for (int kind = PAYLOAD_RANDOM; kind <= PAYLOAD_TEXT; kind++) {
		struct payload p;
		struct payload_writer w;
		assert_int_equal(payload_init(&p, (enum payload_kind)kind, 1), 0);
		payload_writer_init(&w, &p, 1, 0);
		memset(out, 0, size);
		payload_write(&w, out, size);
		uint32_t zeros = 0;
		for (uint32_t i = 0; i < size; i++)
			zeros += out[i] == 0;
		assert_true(zeros < size / 128);
		payload_free(&p);
	}
	free(out);
}

static void test_records_are_fresh_and_repeat_from_the_seed(void **state)
{
	(void)state;
	for (int kind = PAYLOAD_RANDOM; kind <= PAYLOAD_TEXT; kind++) {
		struct payload p, q;
		struct payload_writer v, w, other;
		assert_int_equal(payload_init(&p, (enum payload_kind)kind, 9), 0);
		assert_int_equal(payload_init(&q, (enum payload_kind)kind, 9), 0);
		payload_writer_init(&v, &p, 5, 0);
		payload_writer_init(&w, &q, 5, 0);
		payload_writer_init(&other, &p, 6, 0);
		uint8_t before[100] = { 0 }, a[100], b[100];
		for (int i = 0; i < 1000; i++) {
			payload_write(&v, a, sizeof a);
			payload_write(&w, b, sizeof b);
			assert_memory_equal(a, b, sizeof a);
			assert_memory_not_equal(a, before, sizeof a);
			payload_write(&other, b, sizeof b);
			assert_memory_not_equal(a, b, sizeof a);
			memcpy(before, a, sizeof a);
		}
		payload_free(&p);
		payload_free(&q);
	}
}

static void test_text_compresses_about_three_to_one(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct payload p;
		struct payload_writer w;
		assert_int_equal(payload_init(&p, PAYLOAD_TEXT, seed), 0);
		payload_writer_init(&w, &p, seed, 0);
		for (size_t i = 0; i < p.pool_size; i++)
			assert_true(p.pool[i] == '\n' || (p.pool[i] >= ' ' && p.pool[i] < 127));
		fill_batch(&w, 1024);
		assert_true(gzip_ratio() > 3.0 && gzip_ratio() < 4.4);
		assert_true(lz4_ratio() > 1.8 && lz4_ratio() < 2.8);
		fill_batch(&w, 128);
		assert_true(gzip_ratio() > 2.8 && gzip_ratio() < 4.4);
		payload_free(&p);
	}
}

static void test_random_does_not_compress_and_zeros_do(void **state)
{
	(void)state;
	struct payload p;
	struct payload_writer w;
	assert_int_equal(payload_init(&p, PAYLOAD_RANDOM, 1), 0);
	payload_writer_init(&w, &p, 1, 0);
	const uint32_t sizes[] = { 64, 1024, BATCH_SIZE };
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		fill_batch(&w, sizes[i]);
		assert_true(gzip_ratio() < 1.001);
		assert_true(lz4_ratio() < 1.001);
	}
	payload_free(&p);
	assert_int_equal(payload_init(&p, PAYLOAD_ZEROS, 1), 0);
	payload_writer_init(&w, &p, 1, 0);
	fill_batch(&w, 1024);
	assert_true(gzip_ratio() > 500);
	payload_free(&p);
}

static int init_lines(struct payload *p, const char *content, size_t size)
{
	char path[] = "/tmp/test_payload.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_true(write(fd, content, size) == (ssize_t)size);
	close(fd);
	int status = payload_init_lines(p, path);
	unlink(path);
	return status;
}

static void test_lines_come_in_turn_and_again(void **state)
{
	(void)state;
	const char *content[] = { "one\n\nthree, longer\nlast\n", "one\n\nthree, longer\nlast" };
	const char *expected[] = { "last", "one", "", "three, longer" };
	for (size_t c = 0; c < COUNT_OF(content); c++) {
		struct payload p;
		struct payload_writer w;
		assert_int_equal(init_lines(&p, content[c], strlen(content[c])), 0);
		assert_int_equal(p.line_count, 4);
		assert_int_equal(payload_size_max(&p), 13);
		payload_writer_init(&w, &p, 1, 4 * 1000 + 3);
		for (int i = 0; i < 12; i++) {
			uint8_t out[20];
			uint32_t size = payload_next_size(&w);
			assert_int_equal(size, strlen(expected[i % 4]));
			payload_write(&w, out, size);
			assert_memory_equal(out, expected[i % 4], size);
		}
		/* A given size cuts, or goes on with what follows. */
		uint8_t out[30];
		payload_write(&w, out, 2);
		assert_memory_equal(out, "la", 2);
		payload_write(&w, out, 30);
		assert_memory_equal(out, "one\n\nthree, longer\nlast\none\n\nt", 30);
		assert_int_equal(payload_next_size(&w), 0);
		payload_free(&p);
	}
}

static void test_files_that_have_no_lines(void **state)
{
	(void)state;
	struct payload p;
	assert_int_equal(init_lines(&p, "", 0), -ENODATA);
	assert_int_equal(payload_init_lines(&p, "/nonexistent/file"), -ENOENT);
	assert_int_equal(payload_init_lines(&p, "/"), -EISDIR);
	assert_int_equal(init_lines(&p, "\n", 1), 0);
	struct payload_writer w;
	payload_writer_init(&w, &p, 1, 0);
	assert_int_equal(payload_next_size(&w), 0);
	uint8_t out[4];
	payload_write(&w, out, 4);
	assert_memory_equal(out, "\n\n\n\n", 4);
	payload_free(&p);
}

static void test_a_file_beyond_the_limit_is_refused(void **state)
{
	(void)state;
	char path[] = "/tmp/test_payload.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0 && ftruncate(fd, (off_t)PAYLOAD_FILE_SIZE_MAX + 1) == 0);
	close(fd);
	struct payload p;
	int status = payload_init_lines(&p, path);
	unlink(path);
	assert_int_equal(status, -EFBIG);
}

static void test_keys(void **state)
{
	(void)state;
	struct random r;
	random_seed(&r, 1);
	uint8_t out[8];
	struct key_content k = { KEY_SEQUENCE, .size = 8 };
	key_write(&k, &r, 1234, out);
	assert_memory_equal(out, "00001234", 8);
	k.size = 3;
	key_write(&k, &r, 1234, out);
	assert_memory_equal(out, "234", 3);

	k = (struct key_content){ KEY_RANDOM, .size = 2, .distinct = 100 };
	assert_int_equal(key_content_check(&k), 0);
	int counts[100] = { 0 };
	for (int i = 0; i < 100000; i++) {
		key_write(&k, &r, 0, out);
		assert_true(out[0] >= '0' && out[0] <= '9' && out[1] >= '0' && out[1] <= '9');
		counts[(out[0] - '0') * 10 + out[1] - '0']++;
	}
	for (int i = 0; i < 100; i++)
		assert_in_range(counts[i], 800, 1200);
}

static void test_keys_and_headers_out_of_range_are_refused(void **state)
{
	(void)state;
	const struct key_content bad[] = { { KEY_RANDOM, 2, 101 }, { KEY_RANDOM, 2, 0 },
		{ KEY_SEQUENCE, 0, 0 }, { KEY_SEQUENCE, KEY_SIZE_MAX + 1, 0 } };
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(key_content_check(&bad[i]), -EINVAL);
	assert_int_equal(key_content_check(&(struct key_content){ KEY_RANDOM, 20, UINT64_MAX }), 0);
	assert_int_equal(key_content_check(&(struct key_content){ KEY_NONE, 0, 0 }), 0);
	assert_int_equal(header_content_check(&(struct header_content){ HEADERS_MAX, 1 }), 0);
	assert_int_equal(
		header_content_check(&(struct header_content){ HEADERS_MAX + 1, 1 }), -EINVAL);
	assert_int_equal(
		header_content_check(&(struct header_content){ 1, HEADER_VALUE_SIZE_MAX + 1 }),
		-EINVAL);
}

static void test_headers(void **state)
{
	(void)state;
	char name[HEADER_NAME_SIZE];
	header_name(0, name);
	assert_memory_equal(name, "h00", 3);
	header_name(63, name);
	assert_memory_equal(name, "h63", 3);
	struct random r;
	random_seed(&r, 1);
	uint8_t a[21], b[21];
	memset(a, 0xa5, sizeof a);
	header_write(&r, a, 20);
	assert_int_equal(a[20], 0xa5);
	header_write(&r, b, 20);
	assert_memory_not_equal(a, b, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exactly_the_room_is_filled),
		cmocka_unit_test(test_values_larger_than_a_pool),
		cmocka_unit_test(test_records_are_fresh_and_repeat_from_the_seed),
		cmocka_unit_test(test_text_compresses_about_three_to_one),
		cmocka_unit_test(test_random_does_not_compress_and_zeros_do),
		cmocka_unit_test(test_lines_come_in_turn_and_again),
		cmocka_unit_test(test_files_that_have_no_lines),
		cmocka_unit_test(test_a_file_beyond_the_limit_is_refused),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_keys_and_headers_out_of_range_are_refused),
		cmocka_unit_test(test_headers),
	};
	return RUN_TESTS(tests);
}
