/*
 * Random records for the tests of batches: made from a seed, kept in an arena, written into a batch
 * and compared with what a reader finds.
 */
#ifndef SAMPLE_BATCH_H
#define SAMPLE_BATCH_H

#include "proto/batch.h"
#include "random.h"

#define SAMPLE_TIME_MS INT64_C(1700000000000)

struct sample_record {
	int64_t timestamp_ms;
	struct bytes key, value;
	struct record_header *headers;
	int32_t header_count;
};

struct sample {
	struct sample_record *records;
	int32_t count;
};

/* Null, empty or up to size_max bytes. */
static inline struct bytes sample_bytes(struct random *r, struct arena *a, size_t size_max)
{
	uint64_t kind = random_below(r, 6);
	if (kind == 0)
		return NULL_BYTES;
	size_t size = kind == 1 ? 0 : random_below(r, size_max + 1);
	uint8_t *data = arena_alloc(a, size);
	assert(data);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(random_next(r) & 0x1f); /* compresses a little */
	return (struct bytes){ data, (int32_t)size };
}

static inline struct sample sample_make(
	struct random *r, struct arena *a, int32_t count, size_t size_max)
{
	struct sample s = { arena_alloc(a, (size_t)count * sizeof *s.records), count };
	assert(s.records);
	for (int32_t i = 0; i < count; i++) {
		struct sample_record *record = &s.records[i];
		record->timestamp_ms = SAMPLE_TIME_MS + (int64_t)random_below(r, 20000) - 10000;
		record->key = sample_bytes(r, a, size_max / 4);
		record->value = sample_bytes(r, a, size_max);
		record->header_count = (int32_t)(random_below(r, 3) ? 0 : random_below(r, 5));
		record->headers =
			arena_alloc(a, (size_t)record->header_count * sizeof *record->headers);
		assert(record->headers);
		for (int32_t k = 0; k < record->header_count; k++) {
			struct bytes name = sample_bytes(r, a, 10);
			record->headers[k] = (struct record_header){
				{ (const char *)name.data, MAX(name.size, 0) },
				sample_bytes(r, a, 40),
			};
		}
	}
	return s;
}

/* The size of the batch before compression is never above this. */
static inline size_t sample_size_bound(const struct sample *s)
{
	size_t size = BATCH_HEADER_SIZE;
	for (int32_t i = 0; i < s->count; i++) {
		const struct sample_record *r = &s->records[i];
		size += record_size(r->timestamp_ms - SAMPLE_TIME_MS, i, r->key.size, r->value.size,
			r->headers, r->header_count);
	}
	return size;
}

static inline void sample_append(const struct sample *s, struct batch_builder *b)
{
	for (int32_t i = 0; i < s->count; i++) {
		const struct sample_record *r = &s->records[i];
		assert_true(batch_append(
			b, r->timestamp_ms, r->key, r->value, r->headers, r->header_count));
	}
}

/* A finished batch in memory of its exact size, for the caller to free. */
static inline uint8_t *sample_batch(
	const struct sample *s, const struct batch_seal *seal, size_t *size)
{
	size_t bound = sample_size_bound(s);
	uint8_t *memory = malloc(bound);
	assert_non_null(memory);
	struct batch_builder b;
	batch_begin(&b, memory, bound, SAMPLE_TIME_MS);
	sample_append(s, &b);
	assert_int_equal(b.size, bound);
	enum codec codec = seal->compressor ? compressor_codec(seal->compressor) : CODEC_NONE;
	size_t out_bound = batch_compressed_bound(codec, b.size);
	uint8_t *out = malloc(out_bound);
	assert_non_null(out);
	ssize_t finished = batch_finish(&b, seal, out, out_bound);
	assert_true(finished > 0);
	uint8_t *exact = malloc((size_t)finished);
	assert_non_null(exact);
	memcpy(exact, codec == CODEC_NONE ? memory : out, (size_t)finished);
	free(memory);
	free(out);
	*size = (size_t)finished;
	return exact;
}

static inline void sample_bytes_equal(struct bytes a, struct bytes b)
{
	assert_int_equal(a.size, b.size);
	if (a.size > 0)
		assert_memory_equal(a.data, b.data, (size_t)a.size);
}

/* Reads all records of the batch and compares. */
static inline void sample_expect(const struct sample *s, const struct batch *batch,
	struct decompressor *decompressor, uint8_t *memory, size_t limit)
{
	assert_int_equal(batch->header.record_count, s->count);
	assert_int_equal(batch->header.last_offset_delta, s->count - 1);
	struct record_iterator it;
	assert_int_equal(record_iterator_init(&it, batch, decompressor, memory, limit), 0);
	struct record record;
	for (int32_t i = 0; i < s->count; i++) {
		const struct sample_record *expected = &s->records[i];
		assert_int_equal(record_next(&it, &record), 1);
		assert_int_equal(record.offset, batch->header.base_offset + i);
		assert_int_equal(record.timestamp_ms, expected->timestamp_ms);
		sample_bytes_equal(record.key, expected->key);
		sample_bytes_equal(record.value, expected->value);
		assert_int_equal(record.header_count, expected->header_count);
		struct record_header header;
		for (int32_t k = 0; k < expected->header_count; k++) {
			assert_int_equal(record_header_next(&record, &header), 1);
			assert_true(string_equal(header.key, expected->headers[k].key));
			sample_bytes_equal(header.value, expected->headers[k].value);
		}
		assert_int_equal(record_header_next(&record, &header), 0);
	}
	assert_int_equal(record_next(&it, &record), 0);
	assert_int_equal(record_next(&it, &record), 0);
}

#endif
