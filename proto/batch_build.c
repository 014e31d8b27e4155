/*
 * Builds record batches: straight-line code, no allocation, nothing looked up per record. Sizes are
 * reckoned before a byte is written, so a record is either wholly in the batch or not at all.
 */
#include <errno.h>

#include "batch_layout.h"
#include "proto/crc32c.h"

static inline size_t sized(int32_t size)
{
	return varint_size(size) + (size_t)MAX(size, 0);
}

static size_t headers_size(const struct record_header *headers, int32_t count)
{
	size_t size = varint_size(count);
	for (int32_t i = 0; i < count; i++)
		size += sized(headers[i].key.size) + sized(headers[i].value.size);
	return size;
}

/* Of what the record's length prefix counts. */
static inline size_t body_size(int64_t timestamp_delta_ms, int32_t offset_delta, int32_t key_size,
	int32_t value_size, const struct record_header *headers, int32_t header_count)
{
	return 1 + varint_size(timestamp_delta_ms) + varint_size(offset_delta) + sized(key_size) +
	       sized(value_size) + headers_size(headers, header_count);
}

size_t record_size(int64_t timestamp_delta_ms, int32_t offset_delta, int32_t key_size,
	int32_t value_size, const struct record_header *headers, int32_t header_count)
{
	size_t body = body_size(
		timestamp_delta_ms, offset_delta, key_size, value_size, headers, header_count);
	return varint_size((int64_t)body) + body;
}

int32_t batch_fit_count(size_t capacity, int64_t timestamp_delta_ms, int32_t key_size,
	int32_t value_size, const struct record_header *headers, int32_t header_count)
{
	capacity = MIN(capacity, BATCH_SIZE_MAX);
	if (capacity < BATCH_HEADER_SIZE)
		return 0;
	size_t left = capacity - BATCH_HEADER_SIZE;
	/* Records grow by a byte whenever their offset's varint does: after 2^6, 2^13, 2^20 ... */
	int64_t count = 0;
	for (int bits = 6;; bits += 7) {
		size_t size = record_size(timestamp_delta_ms, (int32_t)count, key_size, value_size,
			headers, header_count);
		int64_t until_wider = (INT64_C(1) << bits) - count;
		int64_t fit = (int64_t)(left / size);
		if (fit < until_wider)
			return (int32_t)(count + fit);
		count += until_wider;
		left -= (size_t)until_wider * size;
	}
}

size_t batch_compressed_bound(enum codec codec, size_t size)
{
	assert(size >= BATCH_HEADER_SIZE);
	return BATCH_HEADER_SIZE + compress_bound(codec, size - BATCH_HEADER_SIZE);
}

void batch_begin(
	struct batch_builder *b, uint8_t *memory, size_t capacity, int64_t base_timestamp_ms)
{
	assert(capacity >= BATCH_HEADER_SIZE);
	*b = (struct batch_builder){
		.data = memory,
		.capacity = MIN(capacity, BATCH_SIZE_MAX),
		.size = BATCH_HEADER_SIZE,
		.base_timestamp_ms = base_timestamp_ms,
		.max_timestamp_ms = INT64_MIN,
	};
}

static inline uint8_t *store_sized(uint8_t *p, const void *data, int32_t size)
{
	p = varint_store(p, size);
	if (size <= 0)
		return p;
	memcpy(p, data, (size_t)size);
	return p + size;
}

uint8_t *batch_reserve(struct batch_builder *b, int64_t timestamp_ms, struct bytes key,
	int32_t value_size, const struct record_header *headers, int32_t header_count)
{
	int64_t timestamp_delta_ms =
		(int64_t)((uint64_t)timestamp_ms - (uint64_t)b->base_timestamp_ms);
	int32_t offset_delta = b->record_count;
	size_t body = body_size(
		timestamp_delta_ms, offset_delta, key.size, value_size, headers, header_count);
	if (varint_size((int64_t)body) + body > b->capacity - b->size)
		return NULL;

	uint8_t *p = b->data + b->size;
	p = varint_store(p, (int64_t)body);
	*p++ = 0; /* attributes: none are defined */
	p = varint_store(p, timestamp_delta_ms);
	p = varint_store(p, offset_delta);
	p = store_sized(p, key.data, key.size);
	p = varint_store(p, value_size);
	uint8_t *value = p;
	p += MAX(value_size, 0);
	p = varint_store(p, header_count);
	for (int32_t i = 0; i < header_count; i++) {
		p = store_sized(p, headers[i].key.data, headers[i].key.size);
		p = store_sized(p, headers[i].value.data, headers[i].value.size);
	}

	b->size = (size_t)(p - b->data);
	b->record_count++;
	b->max_timestamp_ms = MAX(b->max_timestamp_ms, timestamp_ms);
	return value;
}

bool batch_append(struct batch_builder *b, int64_t timestamp_ms, struct bytes key,
	struct bytes value, const struct record_header *headers, int32_t header_count)
{
	uint8_t *at = batch_reserve(b, timestamp_ms, key, value.size, headers, header_count);
	if (!at)
		return false;
	if (value.size > 0)
		memcpy(at, value.data, (size_t)value.size);
	return true;
}

static void checksum_store(uint8_t *batch, size_t size)
{
	store32(batch + CRC_AT, crc32c(0, batch + ATTRIBUTES_AT, size - ATTRIBUTES_AT));
}

static void producer_store(
	uint8_t *batch, int64_t producer_id, int16_t producer_epoch, int32_t base_sequence)
{
	store64(batch + PRODUCER_ID_AT, (uint64_t)producer_id);
	store16(batch + PRODUCER_EPOCH_AT, (uint16_t)producer_epoch);
	store32(batch + BASE_SEQUENCE_AT, (uint32_t)base_sequence);
}

ssize_t batch_finish(
	struct batch_builder *b, const struct batch_seal *seal, uint8_t *out, size_t out_capacity)
{
	assert(b->record_count > 0);
	enum codec codec = seal->compressor ? compressor_codec(seal->compressor) : CODEC_NONE;
	uint8_t *batch = b->data;
	size_t size = b->size;
	if (codec != CODEC_NONE) {
		if (out_capacity < BATCH_HEADER_SIZE)
			return -ENOSPC;
		ssize_t compressed = compressor_run(seal->compressor, b->data + BATCH_HEADER_SIZE,
			b->size - BATCH_HEADER_SIZE, out + BATCH_HEADER_SIZE,
			MIN(out_capacity, BATCH_SIZE_MAX) - BATCH_HEADER_SIZE);
		if (compressed < 0)
			return compressed;
		batch = out;
		size = BATCH_HEADER_SIZE + (size_t)compressed;
	}

	unsigned attributes = codec;
	if (seal->transactional)
		attributes |= ATTRIBUTE_TRANSACTIONAL;
	if (seal->control)
		attributes |= ATTRIBUTE_CONTROL;
	store32(batch + LENGTH_AT, (uint32_t)(size - LENGTH_OVERHEAD));
	batch[MAGIC_AT] = MAGIC_V2;
	store16(batch + ATTRIBUTES_AT, (uint16_t)attributes);
	store32(batch + LAST_OFFSET_DELTA_AT, (uint32_t)b->record_count - 1);
	store64(batch + BASE_TIMESTAMP_AT, (uint64_t)b->base_timestamp_ms);
	store64(batch + MAX_TIMESTAMP_AT, (uint64_t)b->max_timestamp_ms);
	producer_store(batch, seal->producer_id, seal->producer_epoch, seal->base_sequence);
	store32(batch + RECORD_COUNT_AT, (uint32_t)b->record_count);
	batch_set_offset(batch, size, 0, NO_LEADER_EPOCH);
	checksum_store(batch, size);
	return (ssize_t)size;
}

void batch_set_producer(uint8_t *batch, size_t size, int64_t producer_id, int16_t producer_epoch,
	int32_t base_sequence)
{
	assert(size >= BATCH_HEADER_SIZE);
	producer_store(batch, producer_id, producer_epoch, base_sequence);
	checksum_store(batch, size);
}

void batch_set_offset(uint8_t *batch, size_t size, int64_t base_offset, int32_t leader_epoch)
{
	assert(size >= BATCH_HEADER_SIZE);
	store64(batch + BASE_OFFSET_AT, (uint64_t)base_offset);
	store32(batch + LEADER_EPOCH_AT, (uint32_t)leader_epoch);
}

void batch_set_max_timestamp(
	uint8_t *batch, size_t size, bool log_append_time, int64_t max_timestamp_ms)
{
	assert(size >= BATCH_HEADER_SIZE);
	unsigned attributes = load16(batch + ATTRIBUTES_AT) & ~(unsigned)ATTRIBUTE_LOG_APPEND_TIME;
	if (log_append_time)
		attributes |= ATTRIBUTE_LOG_APPEND_TIME;
	store16(batch + ATTRIBUTES_AT, (uint16_t)attributes);
	store64(batch + MAX_TIMESTAMP_AT, (uint64_t)max_timestamp_ms);
	checksum_store(batch, size);
}

int32_t sequence_add(int32_t sequence, int32_t increment)
{
	return (int32_t)(((uint32_t)sequence + (uint32_t)increment) & INT32_MAX);
}
