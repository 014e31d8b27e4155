/*
 * What a produce queue makes of an error code, and how long it then waits.
 *
 * Rests on proto's classification and is finer: whether the batch may nevertheless be in the log
 * decides if it ends as failed or as unknown, and if later batches may get a fresh epoch at once.
 */
#ifndef HARROW_PRODUCE_ERROR_H
#define HARROW_PRODUCE_ERROR_H

#include "base.h"
#include "random.h"

enum produce_error_action {
	PRODUCE_ERROR_NONE,           /* written, now or by an earlier attempt */
	PRODUCE_ERROR_RETRY,          /* the same bytes again, later */
	PRODUCE_ERROR_SEQUENCE,       /* not the sequence or epoch that the leader expects */
	PRODUCE_ERROR_FATAL,          /* this batch will never be taken */
	PRODUCE_ERROR_PRODUCER_FATAL, /* nor will any other of this producer */
};

struct produce_error_class {
	enum produce_error_action action;
	bool refused;          /* the leader certainly did not append the batch in this attempt */
	bool refresh_metadata; /* the leader is in doubt */
};

/* A code that Kafka does not have yet is fatal, and possibly written. */
struct produce_error_class produce_error_classify(int16_t error);

/* Of an InitProducerId response; anything else is for good. */
bool identity_error_retriable(int16_t error);

/* base * 2^failures, at most `max`, then 20 % of jitter either way. */
int64_t retry_backoff_ns(int64_t base_ns, int64_t max_ns, int32_t failures, struct random *random);

#endif
