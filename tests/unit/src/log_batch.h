/*
 * Batches for the tests of the embedded broker's logs: built where a socket would have put them, in
 * a space of the store, and appended.
 */
#ifndef LOG_BATCH_H
#define LOG_BATCH_H

#include "../../../src/broker/partition_log.h"
#include "proto/error.h"

#define LOG_BATCH_TIME_MS  INT64_C(1700000000000)
#define LOG_BATCH_SIZE_MAX 65536

/* The rules of a topic that sets none of them. */
#define LOG_BATCH_RULES                                                                            \
	((struct append_rules){ .max_message_bytes = 1048588,                                      \
		.timestamp_before_max_ms = INT64_MAX,                                              \
		.timestamp_after_max_ms = 3600000,                                                 \
		.check_crc = true })

/* What a batch is to be like; zeroed: not idempotent, not compressed, keys null. */
struct log_batch {
	int32_t record_count, value_size;
	int64_t timestamp_ms;      /* of the first; 0: LOG_BATCH_TIME_MS */
	int64_t timestamp_step_ms; /* from each to the next */
	enum codec codec;
	bool idempotent, keyed, transactional, control;
	int64_t producer_id;
	int16_t producer_epoch;
	int32_t base_sequence;
};

/* Builds it in `out`, of LOG_BATCH_SIZE_MAX bytes, and returns its size. */
static inline size_t log_batch_build(const struct log_batch *like, uint8_t *out)
{
	static const uint8_t key[] = { 'k' };
	uint8_t *plain = malloc(LOG_BATCH_SIZE_MAX);
	assert(plain);
	int64_t first_ms = like->timestamp_ms ? like->timestamp_ms : LOG_BATCH_TIME_MS;
	struct batch_builder b;
	batch_begin(&b, plain, LOG_BATCH_SIZE_MAX, first_ms);
	for (int32_t i = 0; i < like->record_count; i++) {
		uint8_t *value = batch_reserve(&b, first_ms + i * like->timestamp_step_ms,
			like->keyed ? (struct bytes){ key, 1 } : NULL_BYTES, like->value_size, NULL,
			0);
		assert(value);
		memset(value, 'a' + i % 26, (size_t)like->value_size);
	}
	struct batch_seal seal = BATCH_SEAL_PLAIN;
	if (like->idempotent) {
		seal.producer_id = like->producer_id;
		seal.producer_epoch = like->producer_epoch;
		seal.base_sequence = like->base_sequence;
	}
	seal.transactional = like->transactional;
	seal.control = like->control;
	if (like->codec != CODEC_NONE)
		seal.compressor = compressor_create(like->codec, CODEC_LEVEL_DEFAULT);
	ssize_t size = batch_finish(&b, &seal, out, LOG_BATCH_SIZE_MAX);
	assert(size > 0);
	if (!seal.compressor)
		memcpy(out, plain, (size_t)size);
	compressor_free(seal.compressor);
	free(plain);
	return (size_t)size;
}

/*
 * Builds a batch of one record, LOG_BATCH_TIME_MS old, that is small until it is unpacked, and
 * whose header claims that newest time, in `out`, of LOG_BATCH_SIZE_MAX bytes. Returns its size.
 */
static inline size_t log_bomb_build(int32_t value_size, int64_t newest_ms, uint8_t *out)
{
	size_t capacity = (size_t)value_size + 1024;
	uint8_t *plain = malloc(capacity);
	assert(plain);
	struct batch_builder b;
	batch_begin(&b, plain, capacity, LOG_BATCH_TIME_MS);
	uint8_t *value = batch_reserve(&b, LOG_BATCH_TIME_MS, NULL_BYTES, value_size, NULL, 0);
	assert(value);
	memset(value, 0, (size_t)value_size);
	struct batch_seal seal = BATCH_SEAL_PLAIN;
	seal.compressor = compressor_create(CODEC_ZSTD, CODEC_LEVEL_DEFAULT);
	uint8_t *packed = malloc(batch_compressed_bound(CODEC_ZSTD, b.size));
	assert(packed);
	ssize_t size = batch_finish(&b, &seal, packed, batch_compressed_bound(CODEC_ZSTD, b.size));
	assert(size > 0 && size <= LOG_BATCH_SIZE_MAX);
	batch_set_max_timestamp(packed, (size_t)size, false, newest_ms);
	memcpy(out, packed, (size_t)size);
	compressor_free(seal.compressor);
	free(packed);
	free(plain);
	return (size_t)size;
}

/* Appends these bytes as a request's records field: by way of a space, where the store has any. */
static inline struct append_result log_bytes_append(struct partition_log *log,
	const struct append_rules *rules, const uint8_t *bytes, size_t size, int64_t now_ms)
{
	struct append_batch batch;
	struct append_result result;
	struct store_space space;
	append_batch_read(&batch, bytes, MIN(size, BATCH_HEADER_SIZE), (int32_t)size);
	if (log->store->null) {
		partition_log_append(log, &batch, rules, now_ms, &result);
		return result;
	}
	int status = store_reserve(log->store, MAX(size, 1), &space);
	assert(status == 0);
	(void)status;
	memcpy(space.data, bytes, size);
	batch.data = space.data;
	batch.space = &space;
	partition_log_append(log, &batch, rules, now_ms, &result);
	store_release(log->store, &space);
	return result;
}

static inline struct append_result log_append(struct partition_log *log,
	const struct append_rules *rules, const struct log_batch *like, int64_t now_ms)
{
	uint8_t *bytes = malloc(LOG_BATCH_SIZE_MAX);
	assert(bytes);
	size_t size = log_batch_build(like, bytes);
	struct append_result result = log_bytes_append(log, rules, bytes, size, now_ms);
	free(bytes);
	return result;
}

#endif
