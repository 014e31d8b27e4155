/*
 * Record batches, version 2 (magic 2): built, sealed, iterated, verified. The layout is that of
 * Kafka's DefaultRecordBatch and DefaultRecord (KIP-98).
 *
 * Building writes into memory of the caller and never allocates. Reading points into the bytes it
 * was given; what has to be copied (a batch that crosses segments, or is compressed) goes into
 * memory that the caller provides and bounds. Nothing here trusts a size that it has read.
 *
 * Messages of the older formats, magic 0 and 1, are recognised and refused.
 */
#ifndef HARROW_PROTO_BATCH_H
#define HARROW_PROTO_BATCH_H

#include <sys/uio.h>

#include "arena.h"
#include "base.h"
#include "proto/compress.h"

#define BATCH_HEADER_SIZE 61
#define BATCH_SIZE_MAX    ((size_t)INT32_MAX)
#define RECORD_SIZE_MIN   7 /* length, attributes, two deltas, two sizes and a count, a byte each */

/* What a batch may decompress to, unless the caller knows better: memory for record_iterator_init.
 */
#define BATCH_DECOMPRESSED_MAX ((size_t)64 * 1024 * 1024)

#define NO_PRODUCER_ID    ((int64_t)-1)
#define NO_PRODUCER_EPOCH ((int16_t)-1)
#define NO_SEQUENCE       ((int32_t)-1)
#define NO_LEADER_EPOCH   ((int32_t)-1)
#define NO_TIMESTAMP      ((int64_t)-1)

/* A header of a record. The key is never null; the value may be. */
struct record_header {
	struct string key;
	struct bytes value;
};

/* ---- sizes ---- */

/*
 * The bytes that a record takes in a batch, its length prefix included. Sizes of -1 are null. The
 * deltas are to the batch's base timestamp and to its first record.
 */
size_t record_size(int64_t timestamp_delta_ms, int32_t offset_delta, int32_t key_size,
	int32_t value_size, const struct record_header *headers, int32_t header_count);

/*
 * How many such records an uncompressed batch of `capacity` bytes holds, when no timestamp is
 * further than `timestamp_delta_ms` from the base.
 */
int32_t batch_fit_count(size_t capacity, int64_t timestamp_delta_ms, int32_t key_size,
	int32_t value_size, const struct record_header *headers, int32_t header_count);

/* The most that a batch can take once compressed, given its size before (header included). */
size_t batch_compressed_bound(enum codec codec, size_t size);

/* ---- building ---- */

/* Read `size` and `record_count` freely; the rest is the builder's. */
struct batch_builder {
	uint8_t *data;
	size_t capacity;
	size_t size; /* so far, header included, before compression */
	int32_t record_count;
	int64_t base_timestamp_ms, max_timestamp_ms;
};

/* How a batch is closed. Zeroed fields mean what they say, so name a producer or the constants. */
struct batch_seal {
	struct compressor *compressor; /* NULL: not compressed */
	int64_t producer_id; /* NO_PRODUCER_ID, NO_PRODUCER_EPOCH, NO_SEQUENCE: not idempotent */
	int16_t producer_epoch;
	int32_t base_sequence;
	bool transactional;
	bool control;
};

#define BATCH_SEAL_PLAIN                                                                           \
	((struct batch_seal){ .producer_id = NO_PRODUCER_ID,                                       \
		.producer_epoch = NO_PRODUCER_EPOCH,                                               \
		.base_sequence = NO_SEQUENCE })

/*
 * Starts a batch in `memory`, of at least BATCH_HEADER_SIZE bytes, which stays the caller's.
 * Timestamps are those of creation; record timestamps may lie on either side of the base.
 */
void batch_begin(
	struct batch_builder *b, uint8_t *memory, size_t capacity, int64_t base_timestamp_ms);

/* Adds a record. False, and nothing is changed, when it does not fit. */
bool batch_append(struct batch_builder *b, int64_t timestamp_ms, struct bytes key,
	struct bytes value, const struct record_header *headers, int32_t header_count);

/*
 * Adds a record whose value the caller writes: exactly value_size bytes at the returned address,
 * before the batch is finished. NULL, and nothing is changed, when it does not fit.
 */
uint8_t *batch_reserve(struct batch_builder *b, int64_t timestamp_ms, struct bytes key,
	int32_t value_size, const struct record_header *headers, int32_t header_count);

/*
 * Closes a batch of one record or more and returns its size. It is in the builder's memory, or,
 * when compressed, in `out` (else unused), which holds at least batch_compressed_bound(codec,
 * b->size) bytes. -ENOMEM or -ENOSPC from the compressor; the builder is then as before. Base
 * offset is 0 and the leader epoch unknown, as brokers expect of producers.
 */
ssize_t batch_finish(
	struct batch_builder *b, const struct batch_seal *seal, uint8_t *out, size_t out_capacity);

/* Rewrites these fields of a finished batch, and its checksum (a new epoch, KIP-360). */
void batch_set_producer(uint8_t *batch, size_t size, int64_t producer_id, int16_t producer_epoch,
	int32_t base_sequence);

/* Rewrites what the leader assigns; the checksum does not cover it. */
void batch_set_offset(uint8_t *batch, size_t size, int64_t base_offset, int32_t leader_epoch);

/*
 * Rewrites whose time it is, the newest of the records (with log_append_time, of all of them), and
 * the checksum: what a broker does to a topic's batches with message.timestamp.type LogAppendTime.
 */
void batch_set_max_timestamp(
	uint8_t *batch, size_t size, bool log_append_time, int64_t max_timestamp_ms);

/* Sequences count from 0 to 2^31 - 1 and then from 0 again. */
int32_t sequence_add(int32_t sequence, int32_t increment);

/* ---- reading batches ---- */

struct batch_header {
	int64_t base_offset;
	int32_t length; /* of what follows this field: the whole batch is 12 bytes more */
	int32_t leader_epoch;
	int8_t magic;
	uint32_t crc;
	int16_t attributes;
	int32_t last_offset_delta;
	int64_t base_timestamp_ms, max_timestamp_ms;
	int64_t producer_id;
	int16_t producer_epoch;
	int32_t base_sequence;
	int32_t record_count;
	/* Taken from the attributes: */
	enum codec codec;
	bool log_append_time; /* every record's timestamp is max_timestamp_ms */
	bool transactional;
	bool control;
	bool delete_horizon; /* base_timestamp_ms is also when tombstones may go (KIP-534) */
};

/*
 * Reads a header. -ENODATA when the bytes end before the header does; -ENOTSUP for a message of
 * magic 0 or 1; -EPROTO when it cannot be a batch (length, magic, codec, counts).
 */
int batch_header_read(const uint8_t *data, size_t size, struct batch_header *out);

/* A whole batch, in one piece. */
struct batch {
	struct batch_header header;
	const uint8_t *data;
	size_t size;
};

/*
 * Walks the batches of a Fetch partition, which lie in segments. A broker may cut the last batch
 * short, which is no error; `cut_short` then tells how many bytes were left over.
 */
struct batch_iterator {
	const struct iovec *segments;
	size_t count, index; /* segments; the one being read */
	size_t offset;       /* within it */
	size_t left;         /* bytes not yet passed, in all segments */
	size_t cut_short;
	struct arena *arena;
};

/* The segments and the arena outlive the iterator; the arena receives batches that cross segments.
 */
void batch_iterator_init(
	struct batch_iterator *it, const struct iovec *segments, size_t count, struct arena *arena);

/*
 * The next batch: 1 and *out, 0 at the end. -ENOTSUP and -EPROTO as batch_header_read, -ENOMEM when
 * the arena is at its limit; after an error the iterator stays where it is. The batch is not
 * verified.
 */
int batch_next(struct batch_iterator *it, struct batch *out);

/* Whether the checksum is right, whatever else may be wrong; size: BATCH_HEADER_SIZE or more. */
bool batch_checksum_matches(const uint8_t *batch, size_t size);

/* 0; -EBADMSG when the checksum differs; -EPROTO when size and counts contradict each other. */
int batch_verify(const struct batch *batch);

/* ---- reading records ---- */

struct record {
	int64_t offset;
	int64_t timestamp_ms;
	struct bytes key, value; /* size -1: null */
	int32_t header_count;    /* of those not yet read by record_header_next */
	const uint8_t *headers, *end;
};

struct record_iterator {
	const uint8_t *at, *end;
	int32_t left; /* records */
	int64_t base_offset;
	int64_t base_timestamp_ms;
	int64_t append_time_ms; /* where log_append_time */
	int32_t last_offset_delta;
	bool log_append_time;
};

/*
 * Starts on a batch's records. A compressed batch is decompressed into `memory`, at most `limit`
 * bytes, which must then live as long as its records are used; both may be NULL and 0 for batches
 * that are not compressed. -E2BIG when the limit is reached; -EPROTO, -ENOMEM as
 * decompressor_run().
 */
int record_iterator_init(struct record_iterator *it, const struct batch *batch,
	struct decompressor *decompressor, uint8_t *memory, size_t limit);

/*
 * The next record: 1 and *out; 0 after the last; -EPROTO when malformed, which includes a count
 * that the bytes do not bear out.
 */
int record_next(struct record_iterator *it, struct record *out);

/* The record's next header: 1 and *out; 0 after the last; -EPROTO when malformed. */
int record_header_next(struct record *record, struct record_header *out);

/* What a record of a control batch says, by its key. Others exist (KRaft) and are returned as is.
 */
enum control_type { CONTROL_ABORT = 0, CONTROL_COMMIT = 1 };

/* The type (0 to 32767), or -EPROTO. */
int control_type_read(struct bytes key);

#endif
