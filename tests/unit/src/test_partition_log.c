/* The log of a partition: what it takes and refuses, what a reader finds, what leaves. */
#include "../test.h"
#include "log_batch.h"

#include <errno.h>
#include <limits.h>

#include "proto/crc32c.h"
#include "proto/offsets.h"

#define NOW LOG_BATCH_TIME_MS

struct bench {
	struct store store;
	struct partition_log log;
	struct append_rules rules;
	struct arena arena;
	struct slab *held[64];
	int held_count;
	uint8_t bytes[LOG_BATCH_SIZE_MAX];
};

static int bench_open(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	assert_non_null(b);
	assert_int_equal(store_open(&b->store, 1 << 20, LOG_BATCH_SIZE_MAX), 0);
	partition_log_open(&b->log, &b->store);
	b->log.leader_epoch = 6;
	b->rules = LOG_BATCH_RULES;
	arena_init(&b->arena, 1 << 20);
	*state = b;
	return 0;
}

static int bench_close(void **state)
{
	struct bench *b = *state;
	for (int i = 0; i < b->held_count; i++)
		slab_release(b->held[i]);
	partition_log_close(&b->log);
	store_close(&b->store);
	arena_free(&b->arena);
	free(b);
	return 0;
}

static void bench_hold(void *context, struct slab *slab)
{
	struct bench *b = context;
	assert_true(b->held_count < (int)COUNT_OF(b->held));
	b->held[b->held_count++] = slab;
}

static struct append_result append(struct bench *b, const struct log_batch *like)
{
	return log_append(&b->log, &b->rules, like, NOW);
}

/* Builds a batch of three records, to be spoilt. Returns its size. */
static size_t built(struct bench *b, const struct log_batch *like)
{
	struct log_batch three = { .record_count = 3, .value_size = 10 };
	return log_batch_build(like ? like : &three, b->bytes);
}

/* Makes the checksum right again. */
static void checksum_mend(struct bench *b, size_t size)
{
	uint32_t crc = __builtin_bswap32(crc32c(0, b->bytes + 21, size - 21));
	memcpy(b->bytes + 17, &crc, sizeof crc);
}

static struct append_result append_built(struct bench *b, size_t size)
{
	return log_bytes_append(&b->log, &b->rules, b->bytes, size, NOW);
}

static void refused(struct bench *b, struct append_result r, int16_t error_code, bool start_told)
{
	assert_int_equal(r.error_code, error_code);
	assert_int_equal(r.base_offset, -1);
	assert_int_equal(r.log_append_time_ms, -1);
	assert_int_equal(r.log_start_offset, start_told ? b->log.start_offset : -1);
	assert_int_equal(b->log.end_offset, 0);
	assert_int_equal(b->log.count, 0);
	assert_int_equal(b->store.entry_count, 0);
}

/* ---- appending ---- */

static void test_batches_get_offsets_and_epoch_and_stay_whole(void **state)
{
	struct bench *b = *state;
	struct append_result r =
		append(b, &(struct log_batch){ .record_count = 3, .value_size = 10 });
	assert_int_equal(r.error_code, 0);
	assert_int_equal(r.base_offset, 0);
	assert_int_equal(r.log_append_time_ms, -1);
	assert_int_equal(r.log_start_offset, 0);
	b->log.leader_epoch = 7;
	r = append(b, &(struct log_batch){ .record_count = 2, .value_size = 20 });
	assert_int_equal(r.base_offset, 3);
	assert_int_equal(b->log.end_offset, 5);

	struct records records;
	assert_int_equal(
		partition_log_read(&b->log, 0, 1 << 20, false, &b->arena, bench_hold, b, &records),
		0);
	assert_int_equal(records.size, b->log.bytes);
	struct batch_iterator it;
	struct batch batch;
	batch_iterator_init(&it, records.segments, (size_t)records.segment_count, &b->arena);
	assert_int_equal(batch_next(&it, &batch), 1);
	assert_int_equal(batch.header.base_offset, 0);
	assert_int_equal(batch.header.leader_epoch, 6);
	assert_int_equal(batch_verify(&batch), 0);
	assert_int_equal(batch_next(&it, &batch), 1);
	assert_int_equal(batch.header.base_offset, 3);
	assert_int_equal(batch.header.leader_epoch, 7);
	assert_int_equal(batch_verify(&batch), 0);
	assert_int_equal(batch_next(&it, &batch), 0);
	assert_int_equal(it.cut_short, 0);
}

static void test_wrong_checksum_is_corrupt(void **state)
{
	struct bench *b = *state;
	size_t size = built(b, NULL);
	b->bytes[size - 1] ^= 1;
	refused(b, append_built(b, size), ERROR_CORRUPT_MESSAGE, false);
	b->rules.check_crc = false;
	assert_int_equal(append_built(b, size).error_code, 0);
}

static void test_nonsense_in_the_header_is_corrupt_while_the_checksum_says_so(void **state)
{
	struct bench *b = *state;
	size_t size = built(b, NULL);
	b->bytes[23] = 0xff; /* last offset delta */
	refused(b, append_built(b, size), ERROR_CORRUPT_MESSAGE, false);
	checksum_mend(b, size);
	refused(b, append_built(b, size), ERROR_INVALID_RECORD, true);
}

static void test_not_one_whole_batch_is_refused(void **state)
{
	struct bench *b = *state;
	size_t size = built(b, NULL);
	struct append_batch none;
	struct append_result r;
	append_batch_read(&none, b->bytes, 0, -1);
	partition_log_append(&b->log, &none, &b->rules, NOW, &r);
	refused(b, r, ERROR_INVALID_RECORD, false);
	refused(b, append_built(b, 0), ERROR_INVALID_RECORD, false);
	refused(b, append_built(b, 16), ERROR_INVALID_RECORD, false);
	refused(b, append_built(b, 60), ERROR_INVALID_RECORD, false);
	refused(b, append_built(b, size - 1), ERROR_INVALID_RECORD, false);
	memcpy(b->bytes + size, b->bytes, size);
	refused(b, append_built(b, 2 * size), ERROR_INVALID_RECORD, false);
	refused(b, append_built(b, size + 1), ERROR_INVALID_RECORD, false);
}

static void test_lengths_and_magics_that_cannot_be_are_corrupt(void **state)
{
	struct bench *b = *state;
	size_t size = built(b, NULL);
	static const uint8_t no_length[] = { 0, 0, 0, 13 }, negative[] = { 0xff, 0, 0, 0 };
	memcpy(b->bytes + 8, no_length, 4);
	refused(b, append_built(b, size), ERROR_CORRUPT_MESSAGE, false);
	memcpy(b->bytes + 8, negative, 4);
	refused(b, append_built(b, size), ERROR_CORRUPT_MESSAGE, false);
	static const uint8_t short_length[] = { 0, 0, 0, 48 };
	memcpy(b->bytes + 8, short_length, 4);
	refused(b, append_built(b, 60), ERROR_CORRUPT_MESSAGE, false);
	size = built(b, NULL);
	b->bytes[16] = 3;
	refused(b, append_built(b, size), ERROR_CORRUPT_MESSAGE, false);
	b->bytes[16] = 1;
	refused(b, append_built(b, size), ERROR_INVALID_RECORD, false);
}

static void test_size_is_checked_before_the_bytes_are_looked_at(void **state)
{
	struct bench *b = *state;
	size_t size = built(b, NULL);
	b->bytes[size - 1] ^= 1;
	b->rules.max_message_bytes = (int32_t)size - 1;
	refused(b, append_built(b, size), ERROR_MESSAGE_TOO_LARGE, false);
	struct append_batch unread;
	struct append_result r;
	append_batch_read(&unread, b->bytes, BATCH_HEADER_SIZE, (int32_t)size);
	partition_log_append(&b->log, &unread, &b->rules, NOW, &r);
	refused(b, r, ERROR_MESSAGE_TOO_LARGE, false);
	b->bytes[size - 1] ^= 1;
	b->rules.max_message_bytes = (int32_t)size;
	assert_int_equal(append_built(b, size).error_code, 0);
}

static void test_counts_and_base_offset_must_fit(void **state)
{
	struct bench *b = *state;
	size_t size = built(b, NULL);
	b->bytes[7] = 1; /* base offset */
	refused(b, append_built(b, size), ERROR_INVALID_RECORD, true);
	size = built(b, NULL);
	b->bytes[26] = 1; /* last offset delta */
	checksum_mend(b, size);
	refused(b, append_built(b, size), ERROR_INVALID_RECORD, true);
	size = built(b, NULL);
	b->bytes[60] = 0; /* count */
	checksum_mend(b, size);
	refused(b, append_built(b, size), ERROR_INVALID_RECORD, true);
	size = built(b, NULL);
	b->bytes[22] = 5; /* codec */
	checksum_mend(b, size);
	refused(b, append_built(b, size), ERROR_UNKNOWN_SERVER_ERROR, true);
}

static void count_claim(struct bench *b, size_t size, uint32_t count)
{
	uint32_t delta = __builtin_bswap32(count - 1);
	count = __builtin_bswap32(count);
	memcpy(b->bytes + 23, &delta, sizeof delta);
	memcpy(b->bytes + 57, &count, sizeof count);
	checksum_mend(b, size);
}

static void test_more_records_than_there_is_room_for_are_refused(void **state)
{
	struct bench *b = *state;
	struct log_batch smallest = { .record_count = 10 };
	size_t size = built(b, &smallest);
	assert_int_equal(size, BATCH_HEADER_SIZE + 10 * RECORD_SIZE_MIN);
	count_claim(b, size, 11);
	refused(b, append_built(b, size), ERROR_INVALID_RECORD, true);
	count_claim(b, size, 1 << 30);
	refused(b, append_built(b, size), ERROR_INVALID_RECORD, true);
	uint32_t most = BATCH_DECOMPRESSED_MAX / RECORD_SIZE_MIN;
	smallest.codec = CODEC_ZSTD;
	size = built(b, &smallest);
	count_claim(b, size, most + 1);
	refused(b, append_built(b, size), ERROR_INVALID_RECORD, true);
	count_claim(b, size, most);
	assert_int_equal(append_built(b, size).error_code, 0);
	smallest.codec = CODEC_NONE;
	assert_int_equal(append(b, &smallest).error_code, 0);
}

static void test_null_store_refuses_claims_that_there_is_no_room_for(void **state)
{
	struct bench *b = *state;
	struct store store;
	struct partition_log log;
	assert_int_equal(store_open(&store, 0, 1 << 20), 0);
	partition_log_open(&log, &store);
	size_t size = built(b, NULL);
	count_claim(b, size, 1 << 30);
	struct append_result r = log_bytes_append(&log, &b->rules, b->bytes, size, NOW);
	assert_int_equal(r.error_code, ERROR_INVALID_RECORD);
	assert_int_equal(log.end_offset, 0);
	partition_log_close(&log);
	store_close(&store);
}

static void test_control_and_transactional_batches_are_refused(void **state)
{
	struct bench *b = *state;
	struct log_batch like = { .record_count = 1, .control = true };
	refused(b, append(b, &like), ERROR_INVALID_RECORD, true);
	like = (struct log_batch){
		.record_count = 1, .transactional = true, .idempotent = true, .producer_id = 4
	};
	refused(b, append(b, &like), ERROR_INVALID_TXN_STATE, true);
	like = (struct log_batch){
		.record_count = 1, .idempotent = true, .producer_id = 4, .base_sequence = -1
	};
	refused(b, append(b, &like), ERROR_INVALID_RECORD, true);
}

static void test_times_too_far_away_are_refused_with_the_record(void **state)
{
	struct bench *b = *state;
	struct log_batch like = {
		.record_count = 3, .timestamp_ms = NOW + 3600000 - 1, .timestamp_step_ms = 1
	};
	struct append_result r = append(b, &like);
	refused(b, r, ERROR_INVALID_TIMESTAMP, true);
	assert_int_equal(r.record_index, 2);
	b->rules.timestamp_before_max_ms = 1000;
	like = (struct log_batch){
		.record_count = 3, .timestamp_ms = NOW - 1001, .timestamp_step_ms = 1
	};
	r = append(b, &like);
	refused(b, r, ERROR_INVALID_TIMESTAMP, true);
	assert_int_equal(r.record_index, 0);
	like.timestamp_ms++;
	assert_int_equal(append(b, &like).error_code, 0);
	like.timestamp_ms = NOW + 3600000 - 2;
	assert_int_equal(append(b, &like).error_code, 0);
	/* A record without time is no offence. */
	like = (struct log_batch){ .record_count = 1, .timestamp_ms = NO_TIMESTAMP };
	assert_int_equal(append(b, &like).error_code, 0);
}

static void test_compacted_topic_needs_keys(void **state)
{
	struct bench *b = *state;
	b->rules.compacted = true;
	static const enum codec codecs[] = { CODEC_NONE, CODEC_LZ4, CODEC_ZSTD };
	for (size_t i = 0; i < COUNT_OF(codecs); i++) {
		struct log_batch like = { .record_count = 2, .codec = codecs[i] };
		struct append_result r = append(b, &like);
		refused(b, r, ERROR_INVALID_RECORD, true);
		assert_int_equal(r.record_index, 0);
	}
	struct log_batch keyed = { .record_count = 2, .codec = CODEC_LZ4, .keyed = true };
	assert_int_equal(append(b, &keyed).error_code, 0);
}

static void test_walking_finds_malformed_records(void **state)
{
	struct bench *b = *state;
	size_t size = built(b, NULL);
	b->bytes[BATCH_HEADER_SIZE] = 2; /* the first record's length */
	checksum_mend(b, size);
	b->rules.check_records = true;
	struct append_result r = append_built(b, size);
	refused(b, r, ERROR_INVALID_RECORD, true);
	assert_int_equal(r.record_index, 0);
	struct log_batch packed = { .record_count = 100, .value_size = 100, .codec = CODEC_LZ4 };
	size = built(b, &packed);
	b->bytes[BATCH_HEADER_SIZE] ^= 0xff; /* the frame's magic */
	checksum_mend(b, size);
	refused(b, append_built(b, size), ERROR_INVALID_RECORD, true);
	b->rules.check_records = false;
	assert_int_equal(append_built(b, size).error_code, 0);
}

static void test_walking_corrects_a_newest_time_that_is_wrong(void **state)
{
	struct bench *b = *state;
	size_t size = built(b, NULL);
	b->bytes[42] ^= 1; /* max timestamp */
	checksum_mend(b, size);
	b->rules.check_records = true;
	assert_int_equal(append_built(b, size).error_code, 0);
	struct batch batch = { .data = b->log.entries[0].data, .size = size };
	assert_int_equal(batch_header_read(batch.data, size, &batch.header), 0);
	assert_int_equal(batch.header.max_timestamp_ms, NOW);
	assert_int_equal(batch_verify(&batch), 0);
}

static void test_log_append_time_is_written_with_its_checksum(void **state)
{
	struct bench *b = *state;
	b->rules.log_append_time = true;
	/* Times of the producer do not matter, however far away. */
	struct log_batch like = { .record_count = 3, .timestamp_ms = NOW + 999999999 };
	struct append_result r = log_append(&b->log, &b->rules, &like, NOW + 5);
	assert_int_equal(r.error_code, 0);
	assert_int_equal(r.log_append_time_ms, NOW + 5);
	const struct log_entry *e = &b->log.entries[0];
	struct batch batch = { .data = e->data, .size = (size_t)e->size };
	assert_int_equal(batch_header_read(batch.data, batch.size, &batch.header), 0);
	assert_true(batch.header.log_append_time);
	assert_int_equal(batch.header.max_timestamp_ms, NOW + 5);
	assert_int_equal(batch_verify(&batch), 0);
	struct record_iterator it;
	struct record record;
	assert_int_equal(store_records(&b->store, &batch, &it), 0);
	assert_int_equal(record_next(&it, &record), 1);
	assert_int_equal(record.timestamp_ms, NOW + 5);
}

static void test_only_brokers_may_say_log_append_time(void **state)
{
	struct bench *b = *state;
	size_t size = built(b, NULL);
	batch_set_max_timestamp(b->bytes, size, true, NOW + 1);
	b->rules.log_append_time = true;
	refused(b, append_built(b, size), ERROR_INVALID_TIMESTAMP, true);
	b->rules.log_append_time = false;
	assert_int_equal(append_built(b, size).error_code, 0);
	struct batch_header header;
	assert_int_equal(batch_header_read(b->log.entries[0].data, size, &header), 0);
	assert_false(header.log_append_time);
}

static struct append_result append_from(
	struct bench *b, int16_t epoch, int32_t sequence, int32_t count)
{
	struct log_batch like = { .record_count = count,
		.idempotent = true,
		.producer_id = 55,
		.producer_epoch = epoch,
		.base_sequence = sequence,
		.timestamp_ms = NOW + sequence };
	return append(b, &like);
}

static void test_idempotent_batches_are_appended_once(void **state)
{
	struct bench *b = *state;
	assert_int_equal(append_from(b, 1, 0, 10).base_offset, 0);
	assert_int_equal(append_from(b, 1, 10, 5).base_offset, 10);
	struct append_result r = append_from(b, 1, 0, 10);
	assert_int_equal(r.error_code, 0);
	assert_true(r.duplicate);
	assert_int_equal(r.base_offset, 0);
	assert_int_equal(r.log_append_time_ms, NOW);
	assert_int_equal(r.log_start_offset, 0);
	assert_int_equal(b->log.end_offset, 15);
	assert_int_equal(b->log.count, 2);
	r = append_from(b, 1, 16, 1);
	assert_int_equal(r.error_code, ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	assert_int_equal(r.base_offset, -1);
	assert_int_equal(append_from(b, 0, 15, 1).error_code, ERROR_INVALID_PRODUCER_EPOCH);
	assert_int_equal(append_from(b, 2, 15, 1).error_code, ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	assert_int_equal(append_from(b, 1, 15, 1).base_offset, 15);
}

static void test_deleting_records_forgets_no_sequence(void **state)
{
	struct bench *b = *state;
	assert_int_equal(append_from(b, 1, 0, 10).base_offset, 0);
	assert_int_equal(partition_log_delete_before(&b->log, -1), 0);
	assert_true(append_from(b, 1, 0, 10).duplicate);
	assert_int_equal(append_from(b, 1, 11, 1).error_code, ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	assert_int_equal(append_from(b, 1, 10, 1).base_offset, 10);
}

static void test_null_store_counts_and_checks_sequences(void **state)
{
	(void)state;
	struct store store;
	struct partition_log log;
	struct append_rules rules = LOG_BATCH_RULES;
	assert_int_equal(store_open(&store, 0, 1 << 20), 0);
	partition_log_open(&log, &store);
	struct log_batch like = {
		.record_count = 10, .idempotent = true, .producer_id = 3, .base_sequence = 0
	};
	assert_int_equal(log_append(&log, &rules, &like, NOW).base_offset, 0);
	assert_int_equal(log.start_offset, 10);
	assert_int_equal(log.end_offset, 10);
	assert_true(log_append(&log, &rules, &like, NOW).duplicate);
	like.base_sequence = 10;
	assert_int_equal(log_append(&log, &rules, &like, NOW).base_offset, 10);
	like.base_sequence = 40;
	assert_int_equal(log_append(&log, &rules, &like, NOW).error_code,
		ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	like = (struct log_batch){ .record_count = 1, .timestamp_ms = NOW + 99999999 };
	assert_int_equal(log_append(&log, &rules, &like, NOW).error_code, ERROR_INVALID_TIMESTAMP);
	struct log_position found;
	assert_int_equal(
		partition_log_find(&log, LIST_OFFSETS_EARLIEST, &(size_t){ 0 }, &found), 0);
	assert_int_equal(found.offset, 20);
	assert_int_equal(partition_log_find(&log, 0, &(size_t){ 0 }, &found), 0);
	assert_int_equal(found.offset, -1);
	assert_int_equal(partition_log_available(&log, 20, 1), 0);
	partition_log_close(&log);
	store_close(&store);
}

/* ---- reading ---- */

static int read_from(
	struct bench *b, int64_t offset, int64_t max_bytes, bool first_whole, struct records *out)
{
	return partition_log_read(
		&b->log, offset, max_bytes, first_whole, &b->arena, bench_hold, b, out);
}

static int64_t first_offset(const struct records *records)
{
	struct batch_header header;
	assert_true(records->segment_count > 0);
	assert_int_equal(batch_header_read(records->segments[0].iov_base,
				 records->segments[0].iov_len, &header),
		0);
	return header.base_offset;
}

static void test_read_gives_whole_batches_that_fit(void **state)
{
	struct bench *b = *state;
	struct records records;
	size_t size = 0;
	for (int i = 0; i < 4; i++) {
		struct log_batch like = { .record_count = 5, .value_size = 100 };
		size = built(b, &like);
		append_built(b, size);
	}
	/* Adjacent batches are one piece. */
	assert_int_equal(read_from(b, 0, INT64_MAX, false, &records), 0);
	assert_int_equal(records.segment_count, 1);
	assert_int_equal(records.size, 4 * size);
	assert_int_equal(b->held_count, 1);
	/* From within a batch the batch is given. */
	assert_int_equal(read_from(b, 7, (int64_t)(2 * size), false, &records), 0);
	assert_int_equal(first_offset(&records), 5);
	assert_int_equal(records.size, 2 * size);
	assert_int_equal(read_from(b, 7, (int64_t)(2 * size) - 1, false, &records), 0);
	assert_int_equal(records.size, size);
	/* KIP-74 */
	assert_int_equal(read_from(b, 7, 10, false, &records), 0);
	assert_int_equal(records.size, 0);
	assert_int_equal(records.segment_count, 0);
	assert_int_equal(read_from(b, 7, 10, true, &records), 0);
	assert_int_equal(records.size, size);
	/* The end is empty, beyond it is out of range. */
	assert_int_equal(read_from(b, 20, 1000, true, &records), 0);
	assert_int_equal(records.size, 0);
	assert_int_equal(read_from(b, 21, 1000, true, &records), -ERANGE);
	assert_int_equal(read_from(b, -1, 1000, true, &records), -ERANGE);
}

static void test_batches_of_others_in_between_are_left_out(void **state)
{
	struct bench *b = *state;
	struct partition_log other;
	partition_log_open(&other, &b->store);
	struct log_batch like = { .record_count = 1, .value_size = 100 };
	for (int i = 0; i < 3; i++) {
		append(b, &like);
		log_append(&other, &b->rules, &like, NOW);
	}
	struct records records;
	assert_int_equal(read_from(b, 0, 1 << 20, false, &records), 0);
	assert_int_equal(records.segment_count, 3);
	assert_int_equal(records.size, b->log.bytes);
	assert_int_equal(b->held_count, 1);
	partition_log_close(&other);
}

static void test_bytes_available_are_counted_from_an_offset(void **state)
{
	struct bench *b = *state;
	struct log_batch like = { .record_count = 5, .value_size = 100 };
	int64_t size = (int64_t)built(b, &like);
	for (int i = 0; i < 4; i++)
		append(b, &like);
	assert_int_equal(partition_log_available(&b->log, 0, INT64_MAX), 4 * size);
	assert_int_equal(partition_log_available(&b->log, 9, INT64_MAX), 3 * size);
	assert_int_equal(partition_log_available(&b->log, 20, INT64_MAX), 0);
	assert_in_range(partition_log_available(&b->log, 0, size + 1), size + 1, 2 * size);
}

static void test_what_is_read_stays_while_the_log_goes_on(void **state)
{
	struct bench *b = *state;
	struct records records;
	struct log_batch like = { .record_count = 100, .value_size = 100 };
	append(b, &like);
	assert_int_equal(read_from(b, 0, 1 << 20, true, &records), 0);
	uint8_t *copy = malloc((size_t)records.size);
	assert_non_null(copy);
	memcpy(copy, records.segments[0].iov_base, (size_t)records.size);
	for (int i = 0; i < 500; i++)
		assert_int_equal(append(b, &like).error_code, 0);
	assert_int_equal(partition_log_delete_before(&b->log, -1), 0);
	for (int i = 0; i < 500; i++)
		assert_int_equal(append(b, &like).error_code, 0);
	assert_memory_equal(copy, records.segments[0].iov_base, (size_t)records.size);
	free(copy);
}

/* ---- finding ---- */

static void found_is(struct bench *b, int64_t timestamp_ms, int64_t offset, int64_t time_ms)
{
	struct log_position found;
	assert_int_equal(partition_log_find(&b->log, timestamp_ms, &(size_t){ 0 }, &found), 0);
	assert_int_equal(found.offset, offset);
	assert_int_equal(found.timestamp_ms, time_ms);
}

static void test_records_are_found_by_time_inside_batches(void **state)
{
	struct bench *b = *state;
	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		struct log_batch like = { .record_count = 10,
			.timestamp_ms = NOW + codec * 100,
			.timestamp_step_ms = 10,
			.value_size = 50,
			.codec = (enum codec)codec };
		assert_int_equal(append(b, &like).error_code, 0);
	}
	found_is(b, 0, 0, NOW);
	found_is(b, NOW, 0, NOW);
	found_is(b, NOW + 1, 1, NOW + 10);
	for (int codec = 0; codec < CODEC_COUNT; codec++)
		found_is(b, NOW + codec * 100 + 55, codec * 10 + 6, NOW + codec * 100 + 60);
	found_is(b, NOW + 490, 49, NOW + 490);
	found_is(b, NOW + 491, -1, -1);
	/* What was deleted is not found. */
	assert_int_equal(partition_log_delete_before(&b->log, 25), 0);
	found_is(b, NOW, 25, NOW + 250);
}

static void test_time_is_found_where_it_was_first_reached(void **state)
{
	struct bench *b = *state;
	static const int64_t times[] = { 50, 20, 70, 70, 10 };
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		struct log_batch like = { .record_count = 1, .timestamp_ms = NOW + times[i] };
		append(b, &like);
	}
	found_is(b, NOW + 15, 0, NOW + 50);
	found_is(b, NOW + 51, 2, NOW + 70);
	found_is(b, LIST_OFFSETS_MAX_TIMESTAMP, 2, NOW + 70);
}

static void test_special_places(void **state)
{
	struct bench *b = *state;
	struct log_position found;
	found_is(b, LIST_OFFSETS_EARLIEST, 0, -1);
	found_is(b, LIST_OFFSETS_LATEST, 0, -1);
	found_is(b, LIST_OFFSETS_MAX_TIMESTAMP, -1, -1);
	found_is(b, 0, -1, -1);
	struct log_batch like = { .record_count = 4, .timestamp_step_ms = 1 };
	append(b, &like);
	append(b, &like);
	b->log.leader_epoch = 9;
	append(b, &like);
	assert_int_equal(partition_log_delete_before(&b->log, 2), 0);
	found_is(b, LIST_OFFSETS_EARLIEST_LOCAL, 2, -1);
	found_is(b, LIST_OFFSETS_LATEST_TIERED, -1, -1);
	found_is(b, LIST_OFFSETS_PENDING_UPLOAD, -1, -1);
	found_is(b, LIST_OFFSETS_MAX_TIMESTAMP, 3, NOW + 3);
	assert_int_equal(
		partition_log_find(&b->log, LIST_OFFSETS_EARLIEST, &(size_t){ 0 }, &found), 0);
	assert_int_equal(found.offset, 2);
	assert_int_equal(found.leader_epoch, 6);
	assert_int_equal(
		partition_log_find(&b->log, LIST_OFFSETS_LATEST, &(size_t){ 0 }, &found), 0);
	assert_int_equal(found.offset, 12);
	assert_int_equal(found.leader_epoch, 9);
	assert_int_equal(partition_log_find(&b->log, -7, &(size_t){ 0 }, &found), -EINVAL);
}

static void test_malformed_records_are_an_error_of_the_search(void **state)
{
	struct bench *b = *state;
	struct log_batch packed = { .record_count = 100, .value_size = 100, .codec = CODEC_ZSTD };
	size_t size = built(b, &packed);
	memset(b->bytes + BATCH_HEADER_SIZE, 0xff, 8);
	checksum_mend(b, size);
	assert_int_equal(append_built(b, size).error_code, 0);
	struct log_position found;
	assert_int_equal(partition_log_find(&b->log, 0, &(size_t){ 0 }, &found), -EPROTO);
}

/* One search of a request of its own: its status, what it found, and what it cost. */
static int find(struct bench *b, int64_t timestamp_ms, struct log_position *found, size_t *cost)
{
	*cost = 0;
	return partition_log_find(&b->log, timestamp_ms, cost, found);
}

static void append_bombs(struct bench *b, int count, int32_t value_size, int64_t newest_ms)
{
	size_t size = log_bomb_build(value_size, newest_ms, b->bytes);
	for (int i = 0; i < count; i++)
		assert_int_equal(append_built(b, size).error_code, 0);
}

static void test_batch_is_unpacked_in_vain_once(void **state)
{
	struct bench *b = *state;
	struct log_position found;
	size_t cost;
	append_bombs(b, 3, 1 << 20, NOW + 1000);
	assert_int_equal(find(b, NOW + 500, &found, &cost), 0);
	assert_int_equal(found.offset, -1);
	assert_in_range(cost, 3 << 20, (3 << 20) + 1000);
	assert_int_equal(b->log.entries[1].max_timestamp_ms, NOW);
	assert_int_equal(find(b, NOW + 500, &found, &cost), 0);
	assert_int_equal(found.offset, -1);
	assert_int_equal(cost, 0);
	assert_int_equal(find(b, NOW, &found, &cost), 0);
	assert_int_equal(found.offset, 0);
}

static void test_rest_of_a_cut_batch_is_unpacked_in_vain_once(void **state)
{
	struct bench *b = *state;
	struct log_position found;
	size_t cost;
	struct log_batch falling = {
		.record_count = 10, .timestamp_step_ms = -1, .value_size = 100, .codec = CODEC_ZSTD
	};
	append(b, &falling);
	assert_int_equal(partition_log_delete_before(&b->log, 2), 0);
	assert_int_equal(find(b, NOW - 1, &found, &cost), 0);
	assert_int_equal(found.offset, -1);
	assert_true(cost > 0);
	assert_int_equal(find(b, NOW - 1, &found, &cost), 0);
	assert_int_equal(found.offset, -1);
	assert_int_equal(cost, 0);
	found_is(b, NOW - 2, 2, NOW - 2);
	/* It was only the rest: the whole is as new as it was, and the next rest is another. */
	assert_int_equal(b->log.entries[0].max_timestamp_ms, NOW);
	assert_int_equal(partition_log_delete_before(&b->log, 5), 0);
	found_is(b, NOW - 5, 5, NOW - 5);
	found_is(b, NOW - 4, -1, -1);
}

static void test_costly_search_ends_and_goes_on_when_asked_again(void **state)
{
	struct bench *b = *state;
	struct log_position found;
	size_t cost;
	append_bombs(b, 5, 40 << 20, NOW + 1000);
	struct log_batch late = { .record_count = 1, .timestamp_ms = NOW + 700 };
	append(b, &late);
	assert_int_equal(find(b, NOW + 500, &found, &cost), -EAGAIN);
	assert_in_range(cost, LOG_FIND_COST_MAX, 2 * LOG_FIND_COST_MAX);
	/* The request has no more to spend; a special place costs nothing. */
	assert_int_equal(partition_log_find(&b->log, NOW, &cost, &found), -EAGAIN);
	assert_int_equal(partition_log_find(&b->log, LIST_OFFSETS_LATEST, &cost, &found), 0);
	assert_int_equal(find(b, NOW + 500, &found, &cost), -EAGAIN);
	assert_int_equal(find(b, NOW + 500, &found, &cost), 0);
	assert_int_equal(found.offset, 5);
	assert_in_range(cost, 40 << 20, LOG_FIND_COST_MAX);
}

static void test_newest_record_is_found_in_spite_of_headers(void **state)
{
	struct bench *b = *state;
	struct log_position found;
	size_t cost;
	struct log_batch true_one = { .record_count = 3, .timestamp_step_ms = 10 };
	append_bombs(b, 3, 40 << 20, NOW + 1000);
	append(b, &true_one);
	assert_int_equal(find(b, LIST_OFFSETS_MAX_TIMESTAMP, &found, &cost), -EAGAIN);
	assert_in_range(cost, LOG_FIND_COST_MAX, 2 * LOG_FIND_COST_MAX);
	assert_int_equal(find(b, LIST_OFFSETS_MAX_TIMESTAMP, &found, &cost), 0);
	assert_int_equal(found.offset, 5);
	assert_int_equal(found.timestamp_ms, NOW + 20);
}

static void test_malformed_batch_is_unpacked_once_and_stays_an_error(void **state)
{
	struct bench *b = *state;
	struct log_position found;
	size_t cost;
	size_t size = log_bomb_build(65 << 20, NOW, b->bytes);
	assert_int_equal(append_built(b, size).error_code, 0);
	assert_int_equal(find(b, NOW, &found, &cost), -E2BIG);
	assert_true(cost >= LOG_FIND_COST_MAX);
	assert_int_equal(partition_log_find(&b->log, NOW, &cost, &found), -E2BIG);
	assert_int_equal(find(b, NOW, &found, &cost), -E2BIG);
	assert_int_equal(cost, 0);
}

/* ---- leaving ---- */

static void test_deletion_cuts_a_batch_without_taking_it(void **state)
{
	struct bench *b = *state;
	struct log_batch like = { .record_count = 10, .value_size = 10 };
	for (int i = 0; i < 3; i++)
		append(b, &like);
	int64_t size = b->log.bytes / 3;
	assert_int_equal(partition_log_delete_before(&b->log, 14), 0);
	assert_int_equal(b->log.start_offset, 14);
	assert_int_equal(b->log.bytes, 2 * size);
	struct records records;
	assert_int_equal(read_from(b, 13, 1 << 20, true, &records), -ERANGE);
	assert_int_equal(read_from(b, 14, 1 << 20, true, &records), 0);
	assert_int_equal(first_offset(&records), 10);
	/* Never back, never beyond the end. */
	assert_int_equal(partition_log_delete_before(&b->log, 3), 0);
	assert_int_equal(b->log.start_offset, 14);
	assert_int_equal(partition_log_delete_before(&b->log, 31), -ERANGE);
	assert_int_equal(partition_log_delete_before(&b->log, -2), -ERANGE);
	assert_int_equal(partition_log_delete_before(&b->log, -1), 0);
	assert_int_equal(b->log.start_offset, 30);
	assert_int_equal(b->log.bytes, 0);
	assert_int_equal(append(b, &like).base_offset, 30);
}

static void test_retention_takes_what_is_old_or_too_much(void **state)
{
	struct bench *b = *state;
	for (int i = 0; i < 5; i++) {
		struct log_batch like = {
			.record_count = 2, .timestamp_ms = NOW + i * 100, .timestamp_step_ms = 10
		};
		append(b, &like);
	}
	int64_t size = b->log.bytes / 5;
	partition_log_retain(&b->log, -1, -1, INT64_MAX / 2);
	assert_int_equal(b->log.start_offset, 0);
	partition_log_retain(&b->log, 1000, -1, NOW + 1110);
	assert_int_equal(b->log.start_offset, 2);
	partition_log_retain(&b->log, 1000, -1, NOW + 1111);
	assert_int_equal(b->log.start_offset, 4);
	partition_log_retain(&b->log, -1, 2 * size + 1, NOW);
	assert_int_equal(b->log.start_offset, 4);
	partition_log_retain(&b->log, -1, 2 * size, NOW);
	assert_int_equal(b->log.start_offset, 6);
	partition_log_retain(&b->log, 0, -1, NOW + 5000);
	assert_int_equal(b->log.start_offset, 10);
	assert_int_equal(b->log.end_offset, 10);
}

static void test_full_store_takes_the_oldest_batches_of_all_logs(void **state)
{
	struct bench *b = *state;
	struct partition_log quiet;
	partition_log_open(&quiet, &b->store);
	struct log_batch like = { .record_count = 10, .value_size = 1000 };
	log_append(&quiet, &b->rules, &like, NOW);
	for (int i = 0; i < 300; i++)
		assert_int_equal(append(b, &like).error_code, 0);
	assert_int_equal(quiet.start_offset, 10);
	assert_int_equal(quiet.end_offset, 10);
	assert_int_equal(b->log.end_offset, 3000);
	assert_true(b->log.start_offset > 1900 && b->log.start_offset < 2200);
	assert_in_range(b->log.bytes, (1 << 20) * 3 / 4, 1 << 20);
	assert_int_equal(log_append(&quiet, &b->rules, &like, NOW).base_offset, 10);
	partition_log_close(&quiet);
}

static void test_index_without_room_refuses_and_changes_nothing(void **state)
{
	struct bench *b = *state;
	struct log_batch tiny = { .record_count = 1 };
	struct records records;
	while (b->store.entry_count + 2 <= b->store.entry_limit) {
		struct append_result r = append(b, &tiny);
		assert_int_equal(r.error_code, 0);
	}
	/* All is being sent. */
	assert_int_equal(read_from(b, 0, INT64_MAX, true, &records), 0);
	int64_t end = b->log.end_offset;
	assert_int_equal(append_from(b, 0, 0, 5).error_code, ERROR_KAFKA_STORAGE_ERROR);
	assert_int_equal(b->log.end_offset, end);
	while (b->held_count > 0)
		slab_release(b->held[--b->held_count]);
	struct append_result r = append_from(b, 0, 7, 5);
	assert_int_equal(r.error_code, 0); /* the refused one was not remembered */
	assert_int_equal(r.base_offset, end);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_batches_get_offsets_and_epoch_and_stay_whole),
		TEST(test_wrong_checksum_is_corrupt),
		TEST(test_nonsense_in_the_header_is_corrupt_while_the_checksum_says_so),
		TEST(test_not_one_whole_batch_is_refused),
		TEST(test_lengths_and_magics_that_cannot_be_are_corrupt),
		TEST(test_size_is_checked_before_the_bytes_are_looked_at),
		TEST(test_counts_and_base_offset_must_fit),
		TEST(test_more_records_than_there_is_room_for_are_refused),
		TEST(test_null_store_refuses_claims_that_there_is_no_room_for),
		TEST(test_control_and_transactional_batches_are_refused),
		TEST(test_times_too_far_away_are_refused_with_the_record),
		TEST(test_compacted_topic_needs_keys),
		TEST(test_walking_finds_malformed_records),
		TEST(test_walking_corrects_a_newest_time_that_is_wrong),
		TEST(test_log_append_time_is_written_with_its_checksum),
		TEST(test_only_brokers_may_say_log_append_time),
		TEST(test_idempotent_batches_are_appended_once),
		TEST(test_deleting_records_forgets_no_sequence),
		cmocka_unit_test(test_null_store_counts_and_checks_sequences),
		TEST(test_read_gives_whole_batches_that_fit),
		TEST(test_batches_of_others_in_between_are_left_out),
		TEST(test_bytes_available_are_counted_from_an_offset),
		TEST(test_what_is_read_stays_while_the_log_goes_on),
		TEST(test_records_are_found_by_time_inside_batches),
		TEST(test_time_is_found_where_it_was_first_reached),
		TEST(test_special_places),
		TEST(test_malformed_records_are_an_error_of_the_search),
		TEST(test_batch_is_unpacked_in_vain_once),
		TEST(test_rest_of_a_cut_batch_is_unpacked_in_vain_once),
		TEST(test_costly_search_ends_and_goes_on_when_asked_again),
		TEST(test_newest_record_is_found_in_spite_of_headers),
		TEST(test_malformed_batch_is_unpacked_once_and_stays_an_error),
		TEST(test_deletion_cuts_a_batch_without_taking_it),
		TEST(test_retention_takes_what_is_old_or_too_much),
		TEST(test_full_store_takes_the_oldest_batches_of_all_logs),
		TEST(test_index_without_room_refuses_and_changes_nothing),
	};
	return RUN_TESTS(tests);
}
