/*
 * Fuzzes the batch iterator, the record iterator and the decompressors behind them.
 *
 * Input: a byte of modes, two bytes that say where the bytes are split into segments, a byte of the
 * codec, then batches. Left alone, nearly no input would pass the checksum, and none a codec; so,
 * by mode, the lengths and checksums are repaired first, and the records of the first batch are
 * taken as plain and compressed.
 *
 * Shown: no crash; no byte read outside; no more memory than the limits; whatever reads well is
 * written again and read to the same.
 */
#include <stdio.h>
#include <stdlib.h>

#include "proto/batch.h"
#include "proto/crc32c.h"

#define MODE_REPAIR   0x01 /* the checksums */
#define MODE_ONE      0x02 /* the first batch takes all that is there */
#define MODE_COMPRESS 0x04 /* the first batch's records are compressed here */

#define INPUT_HEAD      4
#define RECORDS_LIMIT   ((size_t)1 << 16)
#define GATHER_OVERHEAD ARENA_CHUNK_SIZE

#define LENGTH_AT     8
#define MAGIC_AT      16
#define CRC_AT        17
#define ATTRIBUTES_AT 21

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "not so: %s\n", #condition);                               \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void store_be32(uint8_t *p, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The bytes with the first batch's records compressed. */
static uint8_t *compress_first(const uint8_t *data, size_t *size, enum codec codec)
{
	struct compressor *c = compressor_create(codec, CODEC_LEVEL_DEFAULT);
	size_t bound = batch_compressed_bound(codec, *size);
	uint8_t *out = malloc(bound);
	CHECK(c && out);
	memcpy(out, data, BATCH_HEADER_SIZE);
	out[ATTRIBUTES_AT + 1] = (uint8_t)((out[ATTRIBUTES_AT + 1] & ~7u) | (unsigned)codec);
	ssize_t packed = compressor_run(c, data + BATCH_HEADER_SIZE, *size - BATCH_HEADER_SIZE,
		out + BATCH_HEADER_SIZE, bound - BATCH_HEADER_SIZE);
	CHECK(packed >= 0);
	compressor_free(c);
	*size = BATCH_HEADER_SIZE + (size_t)packed;
	return out;
}

static void repair(uint8_t *data, size_t size, unsigned modes)
{
	for (size_t at = 0; size - at >= BATCH_HEADER_SIZE;) {
		uint8_t *batch = data + at;
		batch[MAGIC_AT] = 2;
		size_t length = load_be32(batch + LENGTH_AT);
		if (modes & MODE_ONE || length < BATCH_HEADER_SIZE - 12 || length > size - at - 12)
			length = size - at - 12;
		store_be32(batch + LENGTH_AT, (uint32_t)length);
		uint32_t crc = crc32c(0, batch + ATTRIBUTES_AT, length + 12 - ATTRIBUTES_AT);
		store_be32(batch + CRC_AT, crc);
		at += length + 12;
	}
}

static bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.size == b.size && (a.size <= 0 || memcmp(a.data, b.data, (size_t)a.size) == 0);
}

/* Writes one record into a batch of its own and reads it back. */
static void record_round_trip(const struct record *original)
{
	struct record r = *original;
	struct record_header *headers = calloc((size_t)r.header_count + 1, sizeof *headers);
	CHECK(headers);
	int32_t count = 0;
	int status;
	while ((status = record_header_next(&r, &headers[count])) == 1)
		count++;
	if (status == 0) {
		size_t size = BATCH_HEADER_SIZE + record_size(r.timestamp_ms, 0, r.key.size,
							  r.value.size, headers, count);
		uint8_t *memory = malloc(size);
		CHECK(memory);
		struct batch_builder b;
		batch_begin(&b, memory, size, 0);
		CHECK(batch_append(&b, r.timestamp_ms, r.key, r.value, headers, count));
		CHECK(batch_finish(&b, &BATCH_SEAL_PLAIN, NULL, 0) == (ssize_t)size);
		struct batch batch = { .data = memory, .size = size };
		CHECK(batch_header_read(memory, size, &batch.header) == 0);
		CHECK(batch_verify(&batch) == 0);
		struct record_iterator it;
		struct record again;
		struct record_header header;
		CHECK(record_iterator_init(&it, &batch, NULL, NULL, 0) == 0);
		CHECK(record_next(&it, &again) == 1);
		CHECK(again.timestamp_ms == r.timestamp_ms && again.header_count == count);
		CHECK(bytes_equal(again.key, r.key) && bytes_equal(again.value, r.value));
		for (int32_t i = 0; i < count; i++) {
			CHECK(record_header_next(&again, &header) == 1);
			CHECK(string_equal(header.key, headers[i].key));
			CHECK(bytes_equal(header.value, headers[i].value));
		}
		CHECK(record_header_next(&again, &header) == 0 && record_next(&it, &again) == 0);
		free(memory);
	}
	free(headers);
}

static void records_read(const struct batch *batch, struct decompressor *d, uint8_t *memory)
{
	struct record_iterator it;
	struct record record;
	if (record_iterator_init(&it, batch, d, memory, RECORDS_LIMIT) < 0)
		return;
	while (record_next(&it, &record) == 1) {
		CHECK(record.offset >= batch->header.base_offset);
		if (batch->header.control)
			control_type_read(record.key);
		record_round_trip(&record);
	}
}

static void batches_read(uint8_t *data, size_t size, size_t split)
{
	struct decompressor *d = decompressor_create();
	uint8_t *memory = malloc(RECORDS_LIMIT);
	struct iovec segments[] = { { data, split }, { data + split, size - split } };
	struct arena arena;
	struct batch_iterator it;
	struct batch batch;
	CHECK(d && memory);
	arena_init(&arena, size + GATHER_OVERHEAD);
	batch_iterator_init(&it, segments, 2, &arena);
	size_t passed = 0;
	int status;
	while ((status = batch_next(&it, &batch)) == 1) {
		passed += batch.size;
		batch_verify(&batch);
		records_read(&batch, d, memory);
	}
	CHECK(status < 0 || passed + it.cut_short == size);
	arena_free(&arena);
	decompressor_free(d);
	free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < INPUT_HEAD)
		return 0;
	unsigned modes = data[0];
	size_t split = (size_t)data[1] << 8 | data[2];
	enum codec codec = (enum codec)(data[3] % CODEC_COUNT);
	data += INPUT_HEAD;
	size -= INPUT_HEAD;
	uint8_t *copy;
	if (modes & MODE_COMPRESS && size >= BATCH_HEADER_SIZE) {
		copy = compress_first(data, &size, codec);
	} else {
		copy = malloc(size ? size : 1);
		CHECK(copy);
		memcpy(copy, data, size);
	}
	if (modes & MODE_REPAIR)
		repair(copy, size, modes);
	batches_read(copy, size, MIN(split, size));
	free(copy);
	return 0;
}
