/*
 * Who a producer is to the brokers: its producer id and epoch (KIP-98, KIP-360), as a pure machine.
 *
 * One per producer, shared by the produce queues of all its partitions. The id comes from any
 * broker (InitProducerId without a transactional id, with producer id and epoch -1). A bump of the
 * epoch is local, as in Kafka's own idempotent producer: a broker answers InitProducerId without a
 * transactional id with a new id, whatever the request says, and partition leaders compare epochs
 * per partition only. So a partition that needs a fresh epoch takes it as soon as nothing of its
 * own is in flight; the others keep theirs until they are empty. Only an exhausted epoch asks for a
 * new id.
 */
#ifndef HARROW_PRODUCER_IDENTITY_H
#define HARROW_PRODUCER_IDENTITY_H

#include "base.h"
#include "random.h"

/* What a batch header carries. Without idempotence all of it is -1. */
struct producer_stamp {
	int64_t producer_id;
	int32_t base_sequence;
	int16_t producer_epoch;
};

#define NO_PRODUCER_STAMP ((struct producer_stamp){ -1, -1, -1 })

enum producer_identity_state {
	IDENTITY_NONE,        /* nothing known, nothing asked: a request is due */
	IDENTITY_REQUESTING,  /* InitProducerId is on its way */
	IDENTITY_BACKING_OFF, /* the request failed; the next is due at retry_ns */
	IDENTITY_READY,
	IDENTITY_FATAL, /* the broker refuses for good; `error` says why */
	IDENTITY_STATE_COUNT,
};

struct producer_identity {
	enum producer_identity_state state;
	int64_t producer_id;    /* -1 unless ready */
	int16_t producer_epoch; /* -1 unless ready */
	int16_t error;          /* Kafka's code of the last refusal, 0 if none */
	int32_t failures;       /* requests in a row without success */
	int64_t retry_ns;
	struct random *random; /* for jitter; not owned */
};

void producer_identity_init(struct producer_identity *p, struct random *random);

/* True if an InitProducerId request is due: send one and call producer_identity_requested. */
bool producer_identity_request_due(const struct producer_identity *p, int64_t now_ns);
void producer_identity_requested(struct producer_identity *p);

/* When producer_identity_request_due turns true by itself, or NEVER_NS. */
int64_t producer_identity_deadline_ns(const struct producer_identity *p);

/*
 * The answer to the request. Error 0 makes it ready; a retriable one backs off; any other is fatal.
 * After either end (ready, fatal) tick the producer's queues.
 */
void producer_identity_answered(struct producer_identity *p, int16_t error, int64_t producer_id,
	int16_t producer_epoch, int64_t now_ns);

/* The request's connection is gone, or its answer is overdue: it is asked again after a back-off.
 */
void producer_identity_lost(struct producer_identity *p, int64_t now_ns);

/*
 * For produce queues: the pair (producer_id, producer_epoch) can no longer be used. Bumps the epoch
 * if it is the present pair, or asks for a new id where the epoch is exhausted; does nothing if
 * another partition has already moved on, or nothing is known yet.
 */
void producer_identity_renew(
	struct producer_identity *p, int64_t producer_id, int16_t producer_epoch);

#endif
