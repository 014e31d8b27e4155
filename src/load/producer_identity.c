/*
 * The producer identity: asks for an id, backs off, bumps the epoch locally.
 *
 * It is not the coordinator's kind of identity: transactions, where an InitProducerId with the
 * present id and epoch fences others, are out of its scope. KIP-98, KIP-360.
 */
#include "producer_identity.h"

#include "clock.h"
#include "produce_error.h"

#define IDENTITY_BACKOFF_NS     (100 * NS_PER_MS)
#define IDENTITY_BACKOFF_MAX_NS (1 * NS_PER_S)

static const bool may_follow[IDENTITY_STATE_COUNT][IDENTITY_STATE_COUNT] = {
	[IDENTITY_NONE] = { [IDENTITY_REQUESTING] = true },
	[IDENTITY_REQUESTING] = { [IDENTITY_READY] = true,
		[IDENTITY_BACKING_OFF] = true,
		[IDENTITY_FATAL] = true },
	[IDENTITY_BACKING_OFF] = { [IDENTITY_REQUESTING] = true },
	[IDENTITY_READY] = { [IDENTITY_NONE] = true }, /* the epoch is exhausted */
	[IDENTITY_FATAL] = { false },
};

static void enter(struct producer_identity *p, enum producer_identity_state state)
{
	assert(may_follow[p->state][state]);
	p->state = state;
}

void producer_identity_init(struct producer_identity *p, struct random *random)
{
	*p = (struct producer_identity){
		.state = IDENTITY_NONE,
		.producer_id = -1,
		.producer_epoch = -1,
		.random = random,
	};
}

bool producer_identity_request_due(const struct producer_identity *p, int64_t now_ns)
{
	return p->state == IDENTITY_NONE ||
	       (p->state == IDENTITY_BACKING_OFF && now_ns >= p->retry_ns);
}

void producer_identity_requested(struct producer_identity *p)
{
	enter(p, IDENTITY_REQUESTING);
}

int64_t producer_identity_deadline_ns(const struct producer_identity *p)
{
	return p->state == IDENTITY_BACKING_OFF ? p->retry_ns : NEVER_NS;
}

void producer_identity_answered(struct producer_identity *p, int16_t error, int64_t producer_id,
	int16_t producer_epoch, int64_t now_ns)
{
	p->error = error;
	if (error != 0 && identity_error_retriable(error)) {
		producer_identity_lost(p, now_ns);
		return;
	}
	if (error != 0) {
		enter(p, IDENTITY_FATAL);
		return;
	}
	enter(p, IDENTITY_READY);
	p->producer_id = producer_id;
	p->producer_epoch = producer_epoch;
	p->failures = 0;
}

void producer_identity_lost(struct producer_identity *p, int64_t now_ns)
{
	enter(p, IDENTITY_BACKING_OFF);
	p->retry_ns = now_ns + retry_backoff_ns(IDENTITY_BACKOFF_NS, IDENTITY_BACKOFF_MAX_NS,
				       p->failures++, p->random);
}

void producer_identity_renew(
	struct producer_identity *p, int64_t producer_id, int16_t producer_epoch)
{
	if (p->state != IDENTITY_READY)
		return;
	if (p->producer_id != producer_id || p->producer_epoch != producer_epoch)
		return;
	if (p->producer_epoch < INT16_MAX) {
		p->producer_epoch++;
		return;
	}
	enter(p, IDENTITY_NONE);
	p->producer_id = -1;
	p->producer_epoch = -1;
}
