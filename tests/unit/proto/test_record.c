/* Shows: what a record may look like, what it must not, and how batches of special kinds read. */
#include "../test.h"

#include <errno.h>
#include <stdio.h>

#include "sample_batch.h"

/* A batch around hand-written record bytes; its checksum is nobody's business here. */
struct raw {
	uint8_t data[BATCH_HEADER_SIZE + 200];
	struct batch batch;
};

static void raw_make(struct raw *raw, const void *records, size_t size, int32_t count)
{
	assert_true(size <= 200);
	memset(raw, 0, sizeof *raw);
	memcpy(raw->data + BATCH_HEADER_SIZE, records, size);
	raw->batch = (struct batch){
		.header = { .record_count = count,
			.last_offset_delta = 3,
			.base_offset = 50,
			.base_timestamp_ms = 1000,
			.max_timestamp_ms = 2000 },
		.data = raw->data,
		.size = BATCH_HEADER_SIZE + size,
	};
}

/* What reading everything ends with: 0 or the error. */
static int read_all(const struct batch *batch)
{
	/* An exact copy, so that a sanitizer sees a read beyond it. */
	uint8_t *copy = malloc(batch->size);
	assert_non_null(copy);
	memcpy(copy, batch->data, batch->size);
	struct batch own = *batch;
	own.data = copy;
	struct record_iterator it;
	struct record record;
	struct record_header header;
	int status = record_iterator_init(&it, &own, NULL, NULL, 0);
	assert_int_equal(status, 0);
	while ((status = record_next(&it, &record)) == 1)
		while ((status = record_header_next(&record, &header)) != 0)
			if (status < 0)
				goto end;
end:
	free(copy);
	return status;
}

static void test_malformed_records_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		int status, size;
		const char *bytes;
		int32_t count;
	} cases[] = {
		{ "a null key and an empty value", 0, 7, "\x0c\0\0\0\1\0\0", 1 },
		{ "a key of size -2", -EPROTO, 7, "\x0c\0\0\0\3\0\0", 1 },
		{ "a value beyond the record", -EPROTO, 7, "\x0c\0\0\0\1\2\0", 1 },
		{ "a length beyond the batch", -EPROTO, 7, "\x0e\0\0\0\1\0\0", 1 },
		{ "a negative length", -EPROTO, 7, "\x0b\0\0\0\1\0\0", 1 },
		{ "a length below the least", -EPROTO, 6, "\x0a\0\0\0\1\0", 1 },
		{ "bytes left in the record", -EPROTO, 8, "\x0e\0\0\0\1\0\0\0", 1 },
		{ "bytes left in the batch", -EPROTO, 8, "\x0c\0\0\0\1\0\0\0", 1 },
		{ "a count of one too many", -EPROTO, 7, "\x0c\0\0\0\1\0\0", 2 },
		{ "a count of one too few", -EPROTO, 14, "\x0c\0\0\0\1\0\0\x0c\0\0\2\1\0\0", 1 },
		{ "two records", 0, 14, "\x0c\0\0\0\1\0\0\x0c\0\0\2\1\0\0", 2 },
		{ "an offset beyond the last", -EPROTO, 7, "\x0c\0\0\x08\1\0\0", 1 },
		{ "a negative offset", -EPROTO, 7, "\x0c\0\0\1\1\0\0", 1 },
		{ "a negative count of headers", -EPROTO, 7, "\x0c\0\0\0\1\0\1", 1 },
		{ "more headers than bytes", -EPROTO, 7, "\x0c\0\0\0\1\0\2", 1 },
		{ "a header", 0, 9, "\x10\0\0\0\1\0\2\0\0", 1 },
		{ "a header with a null name", -EPROTO, 9, "\x10\0\0\0\1\0\2\1\0", 1 },
		{ "a header with a null value", 0, 9, "\x10\0\0\0\1\0\2\0\1", 1 },
		{ "a header with a value of size -2", -EPROTO, 9, "\x10\0\0\0\1\0\2\0\3", 1 },
		{ "bytes after the last header", -EPROTO, 10, "\x12\0\0\0\1\0\2\0\0\0", 1 },
		{ "a size in more bytes than needed", 0, 8, "\x0e\0\0\0\1\x80\0\0", 1 },
		{ "a size of more than 32 bits", -EPROTO, 11, "\x14\0\0\0\1\x80\x80\x80\x80\x10\0",
			1 },
		{ "a size that never ends", -EPROTO, 12, "\x16\0\0\0\1\x80\x80\x80\x80\x80\x80\x80",
			1 },
		{ "a timestamp of 64 bits", 0, 16,
			"\x1e\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\0\1\0\0", 1 },
		{ "a timestamp of more", -EPROTO, 16,
			"\x1e\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\2\0\1\0\0", 1 },
		{ "nothing", -EPROTO, 0, "", 1 },
		{ "no record", 0, 0, "", 0 },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct raw raw;
		raw_make(&raw, cases[i].bytes, (size_t)cases[i].size, cases[i].count);
		if (read_all(&raw.batch) != cases[i].status)
			fail_msg("%s: not as expected", cases[i].what);
	}
}

/* Any byte of any record changed, and any cut: an answer, never a read outside. */
static void test_damaged_records_never_lead_outside(void **state)
{
	(void)state;
	struct random r;
	struct arena arena;
	random_seed(&r, 9);
	arena_init(&arena, 1 << 20);
	struct sample s = sample_make(&r, &arena, 30, 50);
	struct batch_seal seal = BATCH_SEAL_PLAIN;
	size_t size;
	uint8_t *data = sample_batch(&s, &seal, &size);
	struct batch batch = { .data = data, .size = size };
	assert_int_equal(batch_header_read(data, size, &batch.header), 0);
	int refused = 0;
	for (int round = 0; round < 20000; round++) {
		size_t at = BATCH_HEADER_SIZE + random_below(&r, size - BATCH_HEADER_SIZE);
		uint8_t was = data[at];
		data[at] = (uint8_t)random_next(&r);
		int status = read_all(&batch);
		assert_true(status == 0 || status == -EPROTO);
		refused += status < 0;
		data[at] = was;
	}
	assert_true(refused > 1000);
	for (batch.size = BATCH_HEADER_SIZE; batch.size < size; batch.size++)
		assert_int_equal(read_all(&batch), -EPROTO);
	free(data);
	arena_free(&arena);
}

static void test_timestamps_are_of_creation_or_of_appending(void **state)
{
	(void)state;
	struct raw raw;
	struct record_iterator it;
	struct record record;
	raw_make(&raw, "\x0c\0\5\2\1\0\0", 7, 1);
	assert_int_equal(record_iterator_init(&it, &raw.batch, NULL, NULL, 0), 0);
	assert_int_equal(record_next(&it, &record), 1);
	assert_int_equal(record.timestamp_ms, 997);
	assert_int_equal(record.offset, 51);
	raw.batch.header.log_append_time = true;
	assert_int_equal(record_iterator_init(&it, &raw.batch, NULL, NULL, 0), 0);
	assert_int_equal(record_next(&it, &record), 1);
	assert_int_equal(record.timestamp_ms, 2000);
}

static void test_extreme_timestamps_survive(void **state)
{
	(void)state;
	static const int64_t times[] = { INT64_MIN, -1, 0, 1, INT64_MAX };
	uint8_t memory[200];
	for (size_t base = 0; base < COUNT_OF(times); base++) {
		struct batch_builder b;
		batch_begin(&b, memory, sizeof memory, times[base]);
		for (size_t i = 0; i < COUNT_OF(times); i++)
			assert_true(batch_append(&b, times[i], NULL_BYTES, NULL_BYTES, NULL, 0));
		ssize_t size = batch_finish(&b, &BATCH_SEAL_PLAIN, NULL, 0);
		assert_true(size > 0);
		struct batch batch = { .data = memory, .size = (size_t)size };
		assert_int_equal(batch_header_read(memory, (size_t)size, &batch.header), 0);
		assert_true(batch.header.max_timestamp_ms == INT64_MAX);
		struct record_iterator it;
		struct record record;
		assert_int_equal(record_iterator_init(&it, &batch, NULL, NULL, 0), 0);
		for (size_t i = 0; i < COUNT_OF(times); i++) {
			assert_int_equal(record_next(&it, &record), 1);
			assert_true(record.timestamp_ms == times[i]);
		}
	}
}

static void test_headers_can_be_left_unread(void **state)
{
	(void)state;
	struct raw raw;
	struct record_iterator it;
	struct record record;
	/* The first record's headers are damaged; nobody looks at them. */
	raw_make(&raw, "\x10\0\0\0\1\0\2\1\0\x0c\0\0\2\1\0\0", 16, 2);
	assert_int_equal(record_iterator_init(&it, &raw.batch, NULL, NULL, 0), 0);
	assert_int_equal(record_next(&it, &record), 1);
	assert_int_equal(record.header_count, 1);
	assert_int_equal(record_next(&it, &record), 1);
	assert_int_equal(record.offset, 51);
	assert_int_equal(record_next(&it, &record), 0);
}

static void test_control_batches_name_their_marker(void **state)
{
	(void)state;
	uint8_t memory[200];
	static const uint8_t keys[][4] = { { 0, 0, 0, CONTROL_ABORT }, { 0, 0, 0, CONTROL_COMMIT },
		{ 0, 0, 0, 2 } };
	static const uint8_t value[6] = { 0 };
	for (int i = 0; i < 3; i++) {
		struct batch_builder b;
		batch_begin(&b, memory, sizeof memory, 5);
		struct bytes key = { keys[i], 4 };
		assert_true(batch_append(&b, 5, key, (struct bytes){ value, 6 }, NULL, 0));
		struct batch_seal seal = { .producer_id = 9,
			.base_sequence = NO_SEQUENCE,
			.transactional = true,
			.control = true };
		ssize_t size = batch_finish(&b, &seal, NULL, 0);
		struct batch batch = { .data = memory, .size = (size_t)size };
		assert_int_equal(batch_header_read(memory, (size_t)size, &batch.header), 0);
		assert_true(batch.header.control && batch.header.transactional);
		struct record_iterator it;
		struct record record;
		assert_int_equal(record_iterator_init(&it, &batch, NULL, NULL, 0), 0);
		assert_int_equal(record_next(&it, &record), 1);
		assert_int_equal(control_type_read(record.key), i);
	}
	static const uint8_t bad[] = { 0, 0, 0xff, 0xff };
	assert_int_equal(control_type_read((struct bytes){ bad, 4 }), -EPROTO);
	assert_int_equal(control_type_read((struct bytes){ bad, 3 }), -EPROTO);
	assert_int_equal(control_type_read(NULL_BYTES), -EPROTO);
}

static void test_decompression_stops_at_the_limit(void **state)
{
	(void)state;
	size_t value_size = 1 << 20, capacity = value_size + 200;
	uint8_t *memory = calloc(1, capacity), *restored = malloc(capacity);
	struct decompressor *d = decompressor_create();
	assert_true(memory && restored && d);
	for (int codec = CODEC_GZIP; codec < CODEC_COUNT; codec++) {
		struct batch_builder b;
		batch_begin(&b, memory, capacity, 0);
		assert_non_null(batch_reserve(&b, 0, NULL_BYTES, (int32_t)value_size, NULL, 0));
		struct batch_seal seal = BATCH_SEAL_PLAIN;
		seal.compressor = compressor_create((enum codec)codec, CODEC_LEVEL_DEFAULT);
		size_t bound = batch_compressed_bound((enum codec)codec, b.size);
		uint8_t *out = malloc(bound);
		assert_true(seal.compressor && out);
		ssize_t size = batch_finish(&b, &seal, out, bound);
		struct batch batch = { .data = out, .size = (size_t)size };
		assert_int_equal(batch_header_read(out, (size_t)size, &batch.header), 0);
		size_t needed = b.size - BATCH_HEADER_SIZE;
		struct record_iterator it;
		struct record record;
		assert_int_equal(record_iterator_init(&it, &batch, d, restored, needed), 0);
		assert_int_equal(record_next(&it, &record), 1);
		assert_int_equal(record.value.size, value_size);
		assert_int_equal(
			record_iterator_init(&it, &batch, d, restored, needed - 1), -E2BIG);
		assert_int_equal(record_iterator_init(&it, &batch, d, restored, 0), -E2BIG);
		batch.size--;
		assert_int_equal(record_iterator_init(&it, &batch, d, restored, needed), -EPROTO);
		free(out);
		compressor_free(seal.compressor);
	}
	decompressor_free(d);
	free(memory);
	free(restored);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_malformed_records_are_refused),
		cmocka_unit_test(test_damaged_records_never_lead_outside),
		cmocka_unit_test(test_timestamps_are_of_creation_or_of_appending),
		cmocka_unit_test(test_extreme_timestamps_survive),
		cmocka_unit_test(test_headers_can_be_left_unread),
		cmocka_unit_test(test_control_batches_name_their_marker),
		cmocka_unit_test(test_decompression_stops_at_the_limit),
	};
	return RUN_TESTS(tests);
}
