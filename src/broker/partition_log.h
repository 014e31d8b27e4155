/*
 * The log of one partition: batches in the store, offsets, times, and what is known of producers.
 * Pure: no socket, no clock; the time comes with each call. Checks are those of Kafka's
 * LogValidator, UnifiedLog and ProducerAppendInfo, and so are the errors.
 *
 * Replicas of the stage share one log, so the high watermark is the end offset, and nothing that
 * was acknowledged can be lost while a replica in the in-sync list is up.
 */
#ifndef BROKER_PARTITION_LOG_H
#define BROKER_PARTITION_LOG_H

#include "arena.h"
#include "base.h"
#include "proto/batch.h"
#include "proto/cursor.h"
#include "store.h"

struct exchange;
struct producer_table;

/* What the topic's configuration demands of a batch. */
struct append_rules {
	int32_t max_message_bytes;
	bool log_append_time;            /* message.timestamp.type */
	int64_t timestamp_before_max_ms; /* message.timestamp.before.max.ms */
	int64_t timestamp_after_max_ms;
	bool compacted;     /* records need keys */
	bool check_crc;     /* the memory store, or --validate */
	bool check_records; /* --validate: walk them, decompressing */
};

/* A batch that came in. In a null store without --validate only its header is there. */
struct append_batch {
	struct batch_header header;
	uint8_t *data; /* whole, in the space; NULL: discarded */
	size_t size;
	struct store_space *space; /* NULL: not kept */
};

struct append_result {
	int16_t error_code;
	const char *error_message; /* static, or NULL */
	int32_t record_index; /* of the offending record with INVALID_RECORD and the like; -1 */
	bool duplicate;       /* known by its sequence: base_offset is that of the first time */
	int64_t base_offset;  /* -1 with an error */
	int64_t log_append_time_ms; /* -1 unless log_append_time */
	int64_t log_start_offset;
};

/* One batch in the log. */
struct log_entry {
	int64_t base_offset;
	int64_t max_timestamp_ms;
	uint8_t *data;
	struct slab *slab;
	int32_t size;
	int32_t record_count;
};

struct partition_log {
	struct store *store;
	int64_t start_offset, end_offset;
	int32_t leader_epoch; /* stamped into batches; kept by the catalog */
	int64_t bytes;        /* of all batches kept */
	/* A ring of entries, oldest first; grows to LOG_ENTRIES_MAX. */
	struct log_entry *entries;
	uint32_t first, count, capacity;
	struct producer_table *producers; /* NULL until an idempotent producer comes */
};

void partition_log_open(struct partition_log *, struct store *);
void partition_log_close(struct partition_log *);

/* Checks and appends. On success the log keeps the batch (offset, epoch and append time written
 * into its header); the caller releases its space in any case. */
void partition_log_append(struct partition_log *, const struct append_batch *,
	const struct append_rules *, int64_t now_ms, struct append_result *out);

/*
 * Batches from the one that holds `offset` on, at most max_bytes, but one at least if `first_whole`
 * (KIP-74); else only whole ones that fit. The segments are in the arena; each slab gets a user,
 * handed to `hold`. 0, or -ERANGE (OFFSET_OUT_OF_RANGE), -ENOMEM.
 */
int partition_log_read(struct partition_log *, int64_t offset, int64_t max_bytes, bool first_whole,
	struct arena *, void (*hold)(void *context, struct slab *), void *context,
	struct records *out);

/* Bytes that a read from here would find, up to `enough`: for min_bytes. */
int64_t partition_log_available(const struct partition_log *, int64_t offset, int64_t enough);

struct log_position {
	int64_t offset;       /* -1: there is none */
	int64_t timestamp_ms; /* -1 likewise */
	int32_t leader_epoch;
};

/* The first record not older than the timestamp, or LIST_OFFSETS_... as timestamp. `scratch` takes
 * decompressed records. 0 or -errno. */
int partition_log_find(const struct partition_log *, int64_t timestamp_ms, struct arena *scratch,
	struct log_position *out);

/* Drops what is below the offset (-1: all). 0 or -ERANGE. */
int partition_log_delete_before(struct partition_log *, int64_t offset);

/* retention.ms and retention.bytes (-1: none). */
void partition_log_retain(
	struct partition_log *, int64_t retention_ms, int64_t retention_bytes, int64_t now_ms);

/* The store takes this segment away: drops everything up to the last batch in it. */
void partition_log_leave(struct partition_log *, const struct slab *);

/* Forgets producers that were idle longer (producer.id.expiration.ms). */
void partition_log_expire_producers(struct partition_log *, int64_t idle_ms, int64_t now_ms);

#endif
