/* The checks of append_check.h. */
#include "append_check.h"

#include <endian.h>
#include <errno.h>

#include "proto/error.h"
#include "store.h"

/* Of any batch or message, of whatever magic. */
#define LENGTH_AT          8
#define LENGTH_OVERHEAD    12
#define MAGIC_AT           16
#define ATTRIBUTES_LOW_AT  22
#define ATTRIBUTES_CODEC   0x07
#define MESSAGE_LENGTH_MIN 14 /* Kafka's LegacyRecord.RECORD_OVERHEAD_V0 */
#define MAGIC_LAST         2

void append_batch_read(
	struct append_batch *b, const uint8_t *first_bytes, size_t first_size, int32_t size)
{
	*b = (struct append_batch){ .size = size, .length = -1, .magic = -1 };
	b->header_status = batch_header_read(first_bytes, first_size, &b->header);
	if (first_size <= MAGIC_AT)
		return;
	uint32_t length;
	memcpy(&length, first_bytes + LENGTH_AT, sizeof length);
	b->length = (int32_t)be32toh(length);
	b->magic = (int8_t)first_bytes[MAGIC_AT];
	if (first_size > ATTRIBUTES_LOW_AT)
		b->codec = first_bytes[ATTRIBUTES_LOW_AT] & ATTRIBUTES_CODEC;
}

static void refuse(struct append_verdict *v, int16_t error_code, const char *message)
{
	v->error_code = error_code;
	v->error_message = message;
}

/* Whether the bytes are one batch of the right format. Kafka refuses before it knows a log. */
static bool format_check(const struct append_batch *b, struct append_verdict *v)
{
	if (b->size <= MAGIC_AT)
		refuse(v, ERROR_INVALID_RECORD, "There must be a record batch per partition");
	else if (b->length < MESSAGE_LENGTH_MIN || b->magic < 0 || b->magic > MAGIC_LAST)
		refuse(v, ERROR_CORRUPT_MESSAGE, NULL);
	else if (b->length > b->size - LENGTH_OVERHEAD)
		refuse(v, ERROR_INVALID_RECORD, "There must be a whole record batch per partition");
	else if (b->magic != MAGIC_LAST)
		refuse(v, ERROR_INVALID_RECORD, "Record batches must have magic version 2");
	else if (b->length < b->size - LENGTH_OVERHEAD)
		refuse(v, ERROR_INVALID_RECORD, "There must be one record batch per partition");
	return v->error_code == ERROR_NONE;
}

/* Size and checksum. */
static bool bytes_check(
	const struct append_batch *b, const struct append_rules *rules, struct append_verdict *v)
{
	if (b->header_status == 0 && b->header.base_offset != 0) {
		v->knows_log = true;
		refuse(v, ERROR_INVALID_RECORD, "The base offset of the record batch must be 0");
	} else if (b->size > rules->max_message_bytes) {
		refuse(v, ERROR_MESSAGE_TOO_LARGE, NULL);
	} else if (b->size < BATCH_HEADER_SIZE) {
		refuse(v, ERROR_CORRUPT_MESSAGE, NULL);
	} else if (rules->check_crc && b->data &&
		   !batch_checksum_matches(b->data, (size_t)b->size)) {
		refuse(v, ERROR_CORRUPT_MESSAGE, NULL);
	}
	return v->error_code == ERROR_NONE;
}

/* The most records that the batch has room for: what it unpacks to is not known yet. */
static size_t record_count_max(const struct append_batch *b)
{
	size_t size = b->header.codec == CODEC_NONE ? (size_t)b->size - BATCH_HEADER_SIZE
						    : BATCH_DECOMPRESSED_MAX;
	return size / RECORD_SIZE_MIN;
}

static bool header_check(const struct append_batch *b, struct append_verdict *v)
{
	const struct batch_header *h = &b->header;
	v->knows_log = true;
	/* An exception that Kafka has no error code for. */
	if (b->codec >= CODEC_COUNT)
		refuse(v, ERROR_UNKNOWN_SERVER_ERROR, "Unknown compression type");
	else if (b->header_status < 0)
		refuse(v, ERROR_INVALID_RECORD, "The record batch has an invalid header");
	else if (h->record_count <= 0)
		refuse(v, ERROR_INVALID_RECORD, "The record batch has no records");
	else if ((int64_t)h->last_offset_delta + 1 != h->record_count)
		refuse(v, ERROR_INVALID_RECORD, "Offset range and count of records differ");
	else if ((size_t)h->record_count > record_count_max(b))
		refuse(v, ERROR_INVALID_RECORD, "The record batch has no room for its records");
	else if (h->control)
		refuse(v, ERROR_INVALID_RECORD, "Clients are not allowed to write control records");
	else if (h->producer_id != NO_PRODUCER_ID && h->base_sequence < 0)
		refuse(v, ERROR_INVALID_RECORD, "Invalid sequence number");
	return v->error_code == ERROR_NONE;
}

/* Differences wrap as Kafka's do. */
static bool time_offends(const struct append_rules *rules, int64_t timestamp_ms, int64_t now_ms)
{
	int64_t late_ms = (int64_t)((uint64_t)now_ms - (uint64_t)timestamp_ms);
	int64_t early_ms = (int64_t)((uint64_t)timestamp_ms - (uint64_t)now_ms);
	return late_ms > rules->timestamp_before_max_ms || early_ms > rules->timestamp_after_max_ms;
}

/* A batch of a client must not say that its times are a broker's; oddly, Kafka lets it pass where
 * times are the producer's and the time is a good one, and corrects it. */
static bool record_time_offends(const struct append_batch *b, const struct append_rules *rules,
	int64_t timestamp_ms, int64_t now_ms)
{
	if (!rules->log_append_time && timestamp_ms != NO_TIMESTAMP)
		return time_offends(rules, timestamp_ms, now_ms);
	return b->header.log_append_time;
}

/* Whether the header leaves a question that only the records answer. */
static bool records_matter(
	const struct append_batch *b, const struct append_rules *rules, int64_t now_ms)
{
	if (rules->check_records || rules->compacted || b->header.log_append_time)
		return true;
	if (rules->log_append_time)
		return false;
	return rules->timestamp_before_max_ms != INT64_MAX ||
	       record_time_offends(b, rules, b->header.max_timestamp_ms, now_ms);
}

static void record_refuse(
	struct append_verdict *v, int16_t error_code, const char *message, int32_t record_index)
{
	/* One with a bad time decides how all of them are called. */
	if (v->error_code == ERROR_NONE || error_code == ERROR_INVALID_TIMESTAMP)
		refuse(v, error_code, message);
	if (v->record_index < 0)
		v->record_index = record_index;
}

static void malformed(struct append_verdict *v, int status, int32_t record_index)
{
	v->record_index = record_index;
	if (status == -E2BIG)
		refuse(v, ERROR_MESSAGE_TOO_LARGE, "The record batch unpacks to too much");
	else if (status == -ENOMEM)
		refuse(v, ERROR_KAFKA_STORAGE_ERROR, "No memory to unpack the record batch");
	else
		refuse(v, ERROR_INVALID_RECORD, "The record batch has malformed records");
}

static bool records_check(struct store *store, const struct append_batch *b,
	const struct append_rules *rules, int64_t now_ms, struct append_verdict *v)
{
	struct batch batch = { b->header, b->data, (size_t)b->size };
	struct record_iterator it;
	struct record record;
	int32_t index = 0;
	int64_t newest_ms = NO_TIMESTAMP;
	int status = store_records(store, &batch, &it);
	while (status >= 0 && (status = record_next(&it, &record)) == 1) {
		if (record.offset != index)
			record_refuse(
				v, ERROR_INVALID_RECORD, "Offsets are not in sequence", index);
		else if (rules->compacted && record.key.size < 0)
			record_refuse(v, ERROR_INVALID_RECORD,
				"A compacted topic cannot accept a record without key", index);
		else if (record_time_offends(b, rules, record.timestamp_ms, now_ms))
			record_refuse(v, ERROR_INVALID_TIMESTAMP,
				"The timestamp is out of range, or said to be a broker's", index);
		newest_ms = MAX(newest_ms, record.timestamp_ms);
		index++;
	}
	if (status < 0)
		malformed(v, status, index);
	v->max_timestamp_ms = newest_ms;
	return v->error_code == ERROR_NONE;
}

void append_check(struct store *store, const struct append_batch *b,
	const struct append_rules *rules, int64_t now_ms, struct append_verdict *out)
{
	*out = (struct append_verdict){ .record_index = -1 };
	if (!format_check(b, out) || !bytes_check(b, rules, out) || !header_check(b, out))
		return;
	out->max_timestamp_ms = b->header.max_timestamp_ms;
	if (records_matter(b, rules, now_ms)) {
		if (b->data && !records_check(store, b, rules, now_ms, out))
			return;
		if (!b->data && record_time_offends(b, rules, out->max_timestamp_ms, now_ms)) {
			refuse(out, ERROR_INVALID_TIMESTAMP,
				"The newest timestamp is out of range");
			return;
		}
	}
	out->log_append_time = rules->log_append_time;
	if (rules->log_append_time)
		out->max_timestamp_ms = now_ms;
	out->rewrite = out->max_timestamp_ms != b->header.max_timestamp_ms ||
		       out->log_append_time != b->header.log_append_time;
}
