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

#include "append_check.h"
#include "arena.h"
#include "base.h"
#include "proto/batch.h"
#include "proto/cursor.h"
#include "producer_table.h"
#include "store.h"

#define LOG_READ_SEGMENTS_MAX 4096 /* a read ends early at so many pieces */

/*
 * What the searches of one request may cost: the loop serves nobody else meanwhile. In bytes
 * unpacked, a record that is walked over being as good as LOG_FIND_RECORD_COST of them. The batch
 * that reaches the limit is still searched, so that any request comes a batch further.
 */
#define LOG_FIND_COST_MAX    ((size_t)64 * 1024 * 1024)
#define LOG_FIND_RECORD_COST 16

/* Offsets are -1 where Kafka answers so. */
struct append_result {
	int16_t error_code;
	const char *error_message; /* static, or NULL */
	int32_t record_index;      /* of the first record that offends; -1: it is not about one */
	bool duplicate;      /* known by its sequence: base_offset is that of the first time */
	int64_t base_offset; /* -1 with an error */
	int64_t log_append_time_ms; /* -1 unless log_append_time or (as in Kafka) a duplicate */
	int64_t log_start_offset;
};

/* One batch in the log. */
struct log_entry {
	int64_t base_offset;
	int64_t max_timestamp_ms; /* as the header says, until a search in vain finds out */
	uint8_t *data;
	struct slab *slab;
	int32_t size;
	int32_t record_count;
};

/* What searches found out that has no place in an entry: none unpacks it in vain again. */
struct log_findings {
	int64_t cut_offset;    /* the start that cut the oldest batch in two; -1: there was none */
	int64_t cut_newest_ms; /* of what it left of the batch */
	int64_t bad_offset;    /* base offset of a malformed batch; -1: none was met */
	int bad_status;
};

struct partition_log {
	struct store *store;
	int64_t start_offset, end_offset; /* in a null store equal: nothing claims to be readable */
	int32_t leader_epoch;             /* stamped into batches; kept by the catalog */
	int64_t bytes;                    /* of all batches kept */
	int64_t appended_bytes;           /* of all batches that ever were */

	/* private */
	struct log_entry *entries; /* a ring, the oldest first, of `capacity`, a power of two */
	uint32_t first, count, capacity;
	struct store_tenant tenant;
	struct producer_group producers;
	struct log_findings findings;
};

void partition_log_open(struct partition_log *, struct store *);
/* What was handed out by partition_log_read stays valid for those who hold it. */
void partition_log_close(struct partition_log *);

/*
 * Checks and appends. On success the log keeps the batch (offset, epoch and append time written
 * into its header); the caller releases its space in any case. KAFKA_STORAGE_ERROR when the index
 * has no room (see store.h).
 */
void partition_log_append(struct partition_log *, const struct append_batch *,
	const struct append_rules *, int64_t now_ms, struct append_result *out);

/*
 * Batches from the one that holds `offset` on, at most max_bytes, but one at least if `first_whole`
 * (KIP-74); only whole ones. Adjacent ones are one segment. The segments are in the arena; each
 * slab gets a user, handed to `hold`, which is to release it. 0 (also when there is nothing), or
 * -ERANGE (OFFSET_OUT_OF_RANGE), -ENOMEM.
 */
int partition_log_read(struct partition_log *, int64_t offset, int64_t max_bytes, bool first_whole,
	struct arena *, void (*hold)(void *context, struct slab *), void *context,
	struct records *out);

/* Bytes that a read from here would find, counted up to `enough` or a little more: for min_bytes.
 */
int64_t partition_log_available(const struct partition_log *, int64_t offset, int64_t enough);

struct log_position {
	int64_t offset;       /* -1: there is none */
	int64_t timestamp_ms; /* -1 likewise, and where a special place was asked for */
	int32_t leader_epoch; /* NO_LEADER_EPOCH likewise */
};

/*
 * The first record not older than the timestamp, or one of LIST_OFFSETS_... as timestamp (an
 * untiered log answers EARLIEST_LOCAL with its start, LATEST_TIERED and PENDING_UPLOAD with none).
 * A header may lie about its batch's newest time; a batch that was searched in vain is known better
 * from then on, and so is unpacked in vain once at most. *cost begins with 0 and is the sum over
 * all searches of a request. 0, -EINVAL for a special place that does not exist, -EAGAIN beyond
 * LOG_FIND_COST_MAX (asked again, it goes on from there), or what store_records and record_next say
 * of a batch that is malformed.
 */
int partition_log_find(
	struct partition_log *, int64_t timestamp_ms, size_t *cost, struct log_position *out);

/* Drops what is below the offset (-1: all). A batch that it cuts stays, but is read only from the
 * offset on. 0 or -ERANGE. */
int partition_log_delete_before(struct partition_log *, int64_t offset);

/* retention.ms and retention.bytes (-1: none), batch by batch. Batches whose records have no time
 * stay until one of the other limits takes them. */
void partition_log_retain(
	struct partition_log *, int64_t retention_ms, int64_t retention_bytes, int64_t now_ms);

#endif
