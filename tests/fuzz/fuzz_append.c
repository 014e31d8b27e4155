/*
 * Fuzzes the log of the embedded broker: arbitrary bytes as the records of Produce requests.
 *
 * Input: a byte of rules, a byte of repairs, then batches, each with its size in two bytes before
 * it. Left alone, nearly no input would pass the checksum; so, by the second byte, lengths, counts
 * and checksums are repaired first.
 *
 * Shown: no crash; no byte read outside; a refused batch changes nothing, one that is taken is
 * there as it came, with a valid checksum; no more memory than the limits.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../src/broker/partition_log.h"
#include "proto/crc32c.h"
#include "proto/error.h"
#include "proto/offsets.h"

#define RULE_CRC         0x01
#define RULE_RECORDS     0x02
#define RULE_COMPACTED   0x04
#define RULE_APPEND_TIME 0x08
#define RULE_BEFORE      0x10
#define RULE_SMALL       0x20 /* message.max.bytes */
#define RULE_NULL        0x40

#define REPAIR_LENGTH   0x01
#define REPAIR_CHECKSUM 0x02
#define REPAIR_COUNTS   0x04
#define REPAIR_PLAIN    0x08 /* magic 2, base offset 0, no attributes but the codec */
#define REPAIR_TIMES    0x10

#define BASE_OFFSET_AT       0
#define LENGTH_AT            8
#define MAGIC_AT             16
#define CRC_AT               17
#define ATTRIBUTES_AT        21
#define LAST_OFFSET_DELTA_AT 23
#define BASE_TIMESTAMP_AT    27
#define MAX_TIMESTAMP_AT     35
#define COUNT_AT             57

#define INPUT_HEAD 2
#define BATCH_MAX  ((size_t)16384)
#define STORE_SIZE ((size_t)256 * 1024)
#define NOW_MS     INT64_C(1700000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "not so: %s\n", #condition);                               \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void put(uint8_t *p, uint64_t value, int size)
{
	for (int i = size - 1; i >= 0; i--, value >>= 8)
		p[i] = (uint8_t)value;
}

static void repair(uint8_t *batch, size_t size, uint8_t what)
{
	if (size < BATCH_HEADER_SIZE)
		return;
	if (what & REPAIR_PLAIN) {
		put(batch + BASE_OFFSET_AT, 0, 8);
		batch[MAGIC_AT] = 2;
		batch[ATTRIBUTES_AT] = 0;
		batch[ATTRIBUTES_AT + 1] &= 0x0f;
	}
	if (what & REPAIR_LENGTH)
		put(batch + LENGTH_AT, size - 12, 4);
	if (what & REPAIR_COUNTS) {
		uint32_t count = batch[COUNT_AT + 3] % 64U + 1;
		put(batch + COUNT_AT, count, 4);
		put(batch + LAST_OFFSET_DELTA_AT, count - 1, 4);
	}
	if (what & REPAIR_TIMES) {
		put(batch + BASE_TIMESTAMP_AT, (uint64_t)NOW_MS, 8);
		put(batch + MAX_TIMESTAMP_AT, (uint64_t)NOW_MS + batch[MAX_TIMESTAMP_AT + 7], 8);
	}
	if (what & REPAIR_CHECKSUM)
		put(batch + CRC_AT, crc32c(0, batch + ATTRIBUTES_AT, size - ATTRIBUTES_AT), 4);
}

static struct append_rules rules_of(uint8_t byte)
{
	return (struct append_rules){
		.max_message_bytes = byte & RULE_SMALL ? 200 : (int32_t)BATCH_MAX,
		.log_append_time = byte & RULE_APPEND_TIME,
		.timestamp_before_max_ms = byte & RULE_BEFORE ? 3600000 : INT64_MAX,
		.timestamp_after_max_ms = 3600000,
		.compacted = byte & RULE_COMPACTED,
		.check_crc = byte & RULE_CRC,
		.check_records = byte & RULE_RECORDS,
	};
}

/* The batch that was taken last is there as it came. */
static void check_taken(const struct partition_log *log, const struct append_rules *rules,
	const uint8_t *came, size_t size, const struct append_result *result)
{
	const struct log_entry *e =
		&log->entries[(log->first + log->count - 1) & (log->capacity - 1)];
	struct batch batch = { .data = e->data, .size = (size_t)e->size };
	CHECK(batch.size == size);
	CHECK(batch_header_read(e->data, size, &batch.header) == 0);
	CHECK(batch.header.base_offset == result->base_offset);
	CHECK(batch.header.leader_epoch == log->leader_epoch);
	CHECK(!rules->check_crc || batch_checksum_matches(e->data, size));
	CHECK(memcmp(came + BATCH_HEADER_SIZE, e->data + BATCH_HEADER_SIZE,
		      size - BATCH_HEADER_SIZE) == 0);
	CHECK(result->base_offset + batch.header.record_count == log->end_offset);
}

static void append(
	struct partition_log *log, const struct append_rules *rules, uint8_t *bytes, size_t size)
{
	struct append_batch batch;
	struct append_result result;
	struct store_space space = { 0 };
	struct partition_log before = *log;
	append_batch_read(&batch, bytes, MIN(size, BATCH_HEADER_SIZE), (int32_t)size);
	if (!log->store->null) {
		CHECK(store_reserve(log->store, MAX(size, 1), &space) == 0);
		memcpy(space.data, bytes, size);
		batch.data = space.data;
		batch.space = &space;
	}
	partition_log_append(log, &batch, rules, NOW_MS, &result);
	if (result.error_code != ERROR_NONE || result.duplicate) {
		CHECK(log->end_offset == before.end_offset && log->count == before.count);
		CHECK(log->start_offset == before.start_offset && log->bytes == before.bytes);
		CHECK((result.base_offset >= 0) == result.duplicate);
	} else {
		CHECK(result.base_offset == before.end_offset);
		if (!log->store->null)
			check_taken(log, rules, bytes, size, &result);
	}
	if (space.slab)
		store_release(log->store, &space);
}

static void take(void *context, struct slab *slab)
{
	(void)context;
	slab_release(slab); /* nothing is appended while it is looked at */
}

/* Reads all, finds some: whatever is in the log, this ends. */
static void look(struct partition_log *log, struct arena *arena)
{
	struct records records;
	struct log_position found;
	CHECK(partition_log_read(
		      log, log->start_offset, INT64_MAX, true, arena, take, NULL, &records) == 0);
	CHECK(records.size == log->bytes);
	CHECK(partition_log_available(log, log->start_offset, INT64_MAX) == log->bytes);
	(void)partition_log_find(log, NOW_MS, &(size_t){ 0 }, &found);
	(void)partition_log_find(log, LIST_OFFSETS_MAX_TIMESTAMP, &(size_t){ 0 }, &found);
	CHECK(partition_log_find(log, LIST_OFFSETS_EARLIEST, &(size_t){ 0 }, &found) == 0);
	int64_t middle = log->start_offset + (log->end_offset - log->start_offset) / 2;
	CHECK(partition_log_delete_before(log, middle) == 0);
	CHECK(log->start_offset == middle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < INPUT_HEAD)
		return 0;
	struct append_rules rules = rules_of(data[0]);
	uint8_t repairs = data[1];
	struct store store;
	struct partition_log log;
	struct arena arena;
	CHECK(store_open(&store, data[0] & RULE_NULL ? 0 : STORE_SIZE, BATCH_MAX) == 0);
	partition_log_open(&log, &store);
	log.leader_epoch = 3;
	arena_init(&arena, 1 << 20);
	for (size_t at = INPUT_HEAD; size - at >= 2;) {
		size_t batch_size = (size_t)data[at] << 8 | data[at + 1];
		at += 2;
		batch_size = MIN(MIN(batch_size, size - at), BATCH_MAX);
		uint8_t *bytes = malloc(batch_size + 1);
		CHECK(bytes);
		memcpy(bytes, data + at, batch_size);
		repair(bytes, batch_size, repairs);
		append(&log, &rules, bytes, batch_size);
		free(bytes);
		at += batch_size;
	}
	look(&log, &arena);
	arena_free(&arena);
	partition_log_close(&log);
	CHECK(store.entry_count == 0);
	store_close(&store);
	return 0;
}
