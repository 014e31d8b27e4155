/*
 * Reads the body of a Produce request piece by piece, as it comes from a socket, without holding
 * it: the record bytes are left to the caller, who may put them where they will stay, or drop them.
 * It is the fast path beside the table in produce.h, which remains its oracle: it takes what the
 * table takes, except for topic names and transactional ids above PRODUCE_FIELD_MAX (Kafka refuses
 * those, too).
 *
 * A step is yielded as soon as its bytes are there, before what follows them has come: a body may
 * turn out to be malformed after some of its records were taken. Counts and sizes are checked
 * against what is left of the body before they are yielded.
 */
#ifndef HARROW_PROTO_PRODUCE_READER_H
#define HARROW_PROTO_PRODUCE_READER_H

#include "base.h"
#include "proto/cursor.h"

#define PRODUCE_FIELD_MAX 32767                    /* bytes of a name or an id */
#define PRODUCE_STEP_MAX  (PRODUCE_FIELD_MAX + 16) /* what makes up one step, at the most */

/* What the bytes so far amount to. */
enum produce_step {
	PRODUCE_MORE,      /* nothing yet: come again with what was not used and more behind it */
	PRODUCE_HEAD,      /* acks, timeout_ms, transactional_id and topic_count are known */
	PRODUCE_TOPIC,     /* topic or topic_id, and partition_count */
	PRODUCE_PARTITION, /* partition_index and records_size; the record bytes come next */
	PRODUCE_END,       /* the body is complete */
	PRODUCE_MALFORMED, /* `reason` says why; the reader is of no more use */
};

struct produce_reader {
	/* Read these; strings point into the data of the call that yielded the step. */
	struct string transactional_id; /* may be null */
	int16_t acks;
	int32_t timeout_ms;
	int32_t topic_count;
	struct string topic;  /* up to version 12 */
	struct uuid topic_id; /* from version 13 */
	int32_t partition_count;
	int32_t partition_index;
	int32_t records_size; /* -1: null */
	const char *reason;

	/* private */
	int version;
	bool flexible;
	uint8_t state;
	uint8_t tags_of; /* which struct's tagged fields are being skipped */
	int64_t left;    /* of the body */
	int32_t topics_left, partitions_left;
	uint32_t tags_left;
	uint32_t skip_left; /* of a tagged field */
};

/* `size`: of the body, that is, of the frame without its request header. */
void produce_reader_init(struct produce_reader *, int version, int64_t size);

/*
 * Takes the next step on data[0, size). *used bytes are consumed, with PRODUCE_MORE some perhaps,
 * too. At PRODUCE_STEP_MAX bytes, or all that the body has left, there is never too little for a
 * step: more need not be kept. Bytes behind the body are not looked at.
 */
enum produce_step produce_reader_next(
	struct produce_reader *, const uint8_t *data, size_t size, size_t *used);

/* After PRODUCE_PARTITION: the caller has taken all records_size bytes elsewhere. May be left out
 * where there are none. */
void produce_reader_records_taken(struct produce_reader *);

/* Bytes of the body that were neither used nor taken yet. */
static inline int64_t produce_reader_left(const struct produce_reader *r)
{
	return r->left;
}

#endif
