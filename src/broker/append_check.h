/*
 * What a batch that a client sent must be like, whatever the log: the checks of Kafka's
 * ProduceRequest, UnifiedLog (those before it locks) and LogValidator, in their order and with
 * their errors.
 *
 * Records are walked (and unpacked) only where the header cannot answer: with check_records, for a
 * compacted topic, where timestamp_before_max_ms is set, where the header's own times offend. Kafka
 * walks always, and so finds headers that lie about their records; here a count of records is held
 * only against the most that so many bytes, or a batch that unpacks to BATCH_DECOMPRESSED_MAX, have
 * room for. Bytes behind the batch that are no batch are refused, which Kafka cuts off.
 */
#ifndef BROKER_APPEND_CHECK_H
#define BROKER_APPEND_CHECK_H

#include "base.h"
#include "proto/batch.h"

struct store;
struct store_space;

/* What the topic's configuration demands of a batch. */
struct append_rules {
	int32_t max_message_bytes;
	bool log_append_time;            /* message.timestamp.type */
	int64_t timestamp_before_max_ms; /* message.timestamp.before.max.ms; INT64_MAX: any */
	int64_t timestamp_after_max_ms;
	bool compacted;     /* records need keys */
	bool check_crc;     /* the memory store, or --validate */
	bool check_records; /* --validate: walk them, decompressing */
};

/*
 * What came in as the records of one partition, from its first bytes on: see append_batch_read. In
 * a null store without --validate no more than those first bytes is ever there.
 */
struct append_batch {
	int header_status; /* what batch_header_read said; the header is valid with 0 */
	int32_t length;    /* as the batch gives it; magic and length are -1 when too short */
	int8_t magic;
	uint8_t codec; /* its number; 5 to 7 exist on the wire only */
	struct batch_header header;
	int32_t size;              /* of the records field; -1: null */
	uint8_t *data;             /* all of it; NULL: discarded */
	struct store_space *space; /* where data is; NULL: not to be kept */
};

struct append_verdict {
	int16_t error_code;
	const char *error_message; /* static, or NULL */
	int32_t record_index;      /* of the first record that offends; -1: it is not about one */
	bool knows_log;            /* Kafka tells the log's start with it */
	bool rewrite;              /* the header has to get these two before it is appended: */
	bool log_append_time;
	int64_t max_timestamp_ms;
};

/*
 * Fills the batch from the first bytes of a records field of `size` bytes (-1: null) in all:
 * BATCH_HEADER_SIZE bytes of them, or `size` when that is less. Never fails: append_check judges.
 * data and space are then the caller's to set. What is larger than max_message_bytes is not worth
 * receiving: it is refused without a look at its data.
 */
void append_batch_read(
	struct append_batch *, const uint8_t *first_bytes, size_t first_size, int32_t size);

/* The store opens compressed batches. Changes nothing in the batch. */
void append_check(struct store *, const struct append_batch *, const struct append_rules *,
	int64_t now_ms, struct append_verdict *out);

#endif
