/*
 * A model of one partition as its leaders keep it: a log of batches, a high watermark, leader moves
 * that may lose the tail that is not replicated, and the idempotent checks of ProducerAppendInfo.
 *
 * What a leader knows of a producer id is not stored: it is read back from the log, as a new leader
 * does, from `forgotten` on (retention takes producer state with it). It is no network: who asks
 * when, and how answers get lost, is the test's business.
 */
#ifndef SIM_PARTITION_H
#define SIM_PARTITION_H

#include "base.h"
#include "proto/error.h"

#include "../../../src/load/producer_identity.h"

#define SIM_LOG_MAX    1024
#define SIM_REMEMBERED 5 /* batches of a producer id that a leader can recognise again */
#define SIM_BROKERS    3

/* The bytes of a batch, as far as they matter here. */
struct sim_bytes {
	struct producer_stamp stamp;
	int32_t record_count;
	int32_t content; /* which batch this is, whatever its stamp */
};

struct sim_partition {
	struct sim_bytes log[SIM_LOG_MAX];
	int32_t log_end, high_watermark; /* in batches; a batch's offset is its index here */
	int32_t forgotten;               /* producer state from before this offset is gone */
	int leader;                      /* a broker */
	bool unknown_producer_error; /* as brokers before 2.5: refuses sequences it cannot place */
	bool confused;               /* refuses every sequence of confused_epoch */
	struct producer_stamp confused_epoch;
};

static inline bool sim_same_epoch(struct producer_stamp a, struct producer_stamp b)
{
	return a.producer_id == b.producer_id && a.producer_epoch == b.producer_epoch;
}

static inline bool sim_same_stamp(struct producer_stamp a, struct producer_stamp b)
{
	return sim_same_epoch(a, b) && a.base_sequence == b.base_sequence;
}

static inline bool sim_same_bytes(const struct sim_bytes *a, const struct sim_bytes *b)
{
	return sim_same_stamp(a->stamp, b->stamp) && a->record_count == b->record_count &&
	       a->content == b->content;
}

static inline int32_t sim_sequence_after(const struct sim_bytes *b)
{
	return (int32_t)(((int64_t)b->stamp.base_sequence + b->record_count) % (INT64_C(1) << 31));
}

/* The offset of the producer id's last batch that the leader knows of, or -1. */
static inline int32_t sim_last_of_producer(const struct sim_partition *p, int64_t producer_id)
{
	for (int32_t i = p->log_end - 1; i >= p->forgotten; i--) {
		if (p->log[i].stamp.producer_id == producer_id)
			return i;
	}
	return -1;
}

/* The offset of the same stamp among those that the leader remembers, or -1. */
static inline int32_t sim_find_duplicate(
	const struct sim_partition *p, const struct sim_bytes *bytes)
{
	int remembered = 0;
	for (int32_t i = p->log_end - 1; i >= p->forgotten && remembered < SIM_REMEMBERED; i--) {
		const struct sim_bytes *old = &p->log[i];
		if (old->stamp.producer_id != bytes->stamp.producer_id)
			continue;
		if (old->stamp.producer_epoch != bytes->stamp.producer_epoch)
			return -1;
		if (old->stamp.base_sequence == bytes->stamp.base_sequence &&
			old->record_count == bytes->record_count)
			return i;
		remembered++;
	}
	return -1;
}

static inline enum error sim_check_sequence(
	const struct sim_partition *p, const struct sim_bytes *bytes)
{
	struct producer_stamp stamp = bytes->stamp;
	if (p->confused && sim_same_epoch(p->confused_epoch, stamp))
		return ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER;
	int32_t last = sim_last_of_producer(p, stamp.producer_id);
	if (last < 0)
		return p->unknown_producer_error && stamp.base_sequence != 0
			       ? ERROR_UNKNOWN_PRODUCER_ID
			       : ERROR_NONE;
	const struct sim_bytes *old = &p->log[last];
	if (stamp.producer_epoch < old->stamp.producer_epoch)
		return ERROR_INVALID_PRODUCER_EPOCH;
	int32_t expected =
		stamp.producer_epoch > old->stamp.producer_epoch ? 0 : sim_sequence_after(old);
	return stamp.base_sequence == expected ? ERROR_NONE : ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

/* What broker `broker` does with a batch: *offset is where it is in the log, or -1 if refused. */
static inline enum error sim_append(
	struct sim_partition *p, int broker, const struct sim_bytes *bytes, int32_t *offset)
{
	*offset = -1;
	if (broker != p->leader)
		return ERROR_NOT_LEADER_OR_FOLLOWER;
	if (bytes->stamp.producer_id >= 0) {
		*offset = sim_find_duplicate(p, bytes);
		if (*offset >= 0)
			return ERROR_NONE;
		enum error error = sim_check_sequence(p, bytes);
		if (error != ERROR_NONE)
			return error;
	}
	assert(p->log_end < SIM_LOG_MAX);
	*offset = p->log_end++;
	p->log[*offset] = *bytes;
	return ERROR_NONE;
}

/* Another leader takes over with the log up to `kept`; everything replicated is always kept. */
static inline void sim_move_leader(struct sim_partition *p, int leader, int32_t kept)
{
	assert(kept >= p->high_watermark && kept <= p->log_end);
	p->leader = leader;
	p->log_end = kept;
	p->high_watermark = kept;
}

#endif
