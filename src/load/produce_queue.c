/*
 * The produce queue's decisions; the rules are in the header. After Kafka's TransactionManager
 * (canRetry, handleFailedBatch), RecordAccumulator (shouldStopDrainBatchesForPartition) and, for
 * what a leader checks, ProducerAppendInfo.
 *
 * What makes a fresh epoch safe: a batch may only be stamped anew if its old stamp is certainly not
 * in the log. The first unacknowledged batch, refused for its sequence, is not there, and nothing
 * behind it can be. A batch that was dropped without certainty (it may be in the log or not) proves
 * nothing, so the one behind it is first tried under the old epoch, alone: it is taken if the
 * dropped one was written, and refused for its sequence if not.
 */
#include "produce_queue.h"

#include "clock.h"
#include "produce_error.h"

static const bool batch_may_follow[PRODUCE_BATCH_STATE_COUNT][PRODUCE_BATCH_STATE_COUNT] = {
	[PRODUCE_BATCH_NEW] = { [PRODUCE_BATCH_QUEUED] = true },
	[PRODUCE_BATCH_QUEUED] = { [PRODUCE_BATCH_IN_FLIGHT] = true, [PRODUCE_BATCH_DONE] = true },
	[PRODUCE_BATCH_IN_FLIGHT] = { [PRODUCE_BATCH_QUEUED] = true, [PRODUCE_BATCH_DONE] = true },
	[PRODUCE_BATCH_DONE] = { [PRODUCE_BATCH_NEW] = true },
};

static const bool queue_may_follow[PRODUCE_QUEUE_STATE_COUNT][PRODUCE_QUEUE_STATE_COUNT] = {
	[PRODUCE_QUEUE_IDENTIFYING] = { [PRODUCE_QUEUE_FLOWING] = true,
		[PRODUCE_QUEUE_BACKING_OFF] = true,
		[PRODUCE_QUEUE_CLOSED] = true },
	[PRODUCE_QUEUE_FLOWING] = { [PRODUCE_QUEUE_DRAINING] = true,
		[PRODUCE_QUEUE_IDENTIFYING] = true,
		[PRODUCE_QUEUE_CLOSED] = true },
	[PRODUCE_QUEUE_DRAINING] = { [PRODUCE_QUEUE_BACKING_OFF] = true,
		[PRODUCE_QUEUE_FLOWING] = true,
		[PRODUCE_QUEUE_CLOSED] = true },
	[PRODUCE_QUEUE_BACKING_OFF] = { [PRODUCE_QUEUE_FLOWING] = true,
		[PRODUCE_QUEUE_IDENTIFYING] = true,
		[PRODUCE_QUEUE_CLOSED] = true },
	[PRODUCE_QUEUE_CLOSED] = { false },
};

static void enter(struct produce_queue *q, enum produce_queue_state state)
{
	assert(queue_may_follow[q->state][state]);
	assert(q->in_flight == 0 || state == PRODUCE_QUEUE_DRAINING ||
		state == PRODUCE_QUEUE_CLOSED);
	q->state = state;
}

static void batch_enter(
	struct produce_queue *q, struct produce_batch *b, enum produce_batch_state state)
{
	assert(batch_may_follow[b->state][state]);
	q->in_flight += (state == PRODUCE_BATCH_IN_FLIGHT) - (b->state == PRODUCE_BATCH_IN_FLIGHT);
	b->state = state;
}

static struct produce_batch *batch_of(struct list *node)
{
	return CONTAINER_OF(node, struct produce_batch, node);
}

static struct produce_batch *first_batch(const struct produce_queue *q)
{
	return list_empty(&q->batches) ? NULL : batch_of(q->batches.next);
}

static struct produce_batch *first_queued(const struct produce_queue *q)
{
	struct list *node;
	list_for_each (node, &q->batches) {
		if (batch_of(node)->state == PRODUCE_BATCH_QUEUED)
			return batch_of(node);
	}
	return NULL;
}

/* ---- stamps ---- */

static int32_t sequence_after(int32_t base_sequence, int32_t record_count)
{
	return (int32_t)(((uint32_t)base_sequence + (uint32_t)record_count) & INT32_MAX);
}

static struct producer_stamp take_stamp(struct produce_queue *q, int32_t record_count)
{
	struct producer_stamp stamp = q->next;
	if (stamp.producer_id >= 0)
		q->next.base_sequence = sequence_after(stamp.base_sequence, record_count);
	return stamp;
}

static bool stamp_equal(struct producer_stamp a, struct producer_stamp b)
{
	return a.producer_id == b.producer_id && a.producer_epoch == b.producer_epoch &&
	       a.base_sequence == b.base_sequence;
}

/* Takes the identity's present epoch and counts from 0. Unacknowledged batches are stamped anew. */
static void adopt_identity(struct produce_queue *q)
{
	assert(q->in_flight == 0);
	q->next = (struct producer_stamp){
		.producer_id = q->identity->producer_id,
		.producer_epoch = q->identity->producer_epoch,
		.base_sequence = 0,
	};
	q->sent_sequence = 0;
	q->settled = false;
	q->gap_at_end = false;
	struct list *node;
	list_for_each (node, &q->batches) {
		struct produce_batch *b = batch_of(node);
		b->stamp = take_stamp(q, b->record_count);
		b->restamp = true;
		b->stamp_sent = false;
		b->needs_epoch = false;
		b->after_unknown = false;
	}
}

/* Closes the gap in the sequences that batches leave which end without ever having used theirs. */
static void renumber_unsent(struct produce_queue *q)
{
	if (q->next.producer_id < 0)
		return;
	q->next.base_sequence = q->sent_sequence;
	struct list *node;
	list_for_each (node, &q->batches) {
		struct produce_batch *b = batch_of(node);
		if (b->stamp_sent)
			continue;
		struct producer_stamp stamp = take_stamp(q, b->record_count);
		if (!stamp_equal(b->stamp, stamp))
			b->restamp = true;
		b->stamp = stamp;
	}
}

static bool identity_moved_on(const struct produce_queue *q)
{
	return q->next.producer_id != q->identity->producer_id ||
	       q->next.producer_epoch != q->identity->producer_epoch;
}

/* An empty queue takes a new epoch as it comes: nothing is owed under the old one. */
static void freshen_if_empty(struct produce_queue *q)
{
	if (!q->identity || q->count > 0)
		return;
	if (q->state != PRODUCE_QUEUE_FLOWING && q->state != PRODUCE_QUEUE_BACKING_OFF)
		return;
	if (q->gap_at_end) {
		producer_identity_renew(q->identity, q->next.producer_id, q->next.producer_epoch);
		q->bump_count++;
	}
	if (!q->gap_at_end && !identity_moved_on(q))
		return;
	if (q->identity->state == IDENTITY_READY)
		adopt_identity(q);
	else
		enter(q, PRODUCE_QUEUE_IDENTIFYING);
}

/* ---- the ends of batches ---- */

static void finish(struct produce_queue *q, struct produce_batch *b, enum produce_result result,
	int64_t now_ns)
{
	batch_enter(q, b, PRODUCE_BATCH_DONE);
	b->result = result;
	b->done_ns = now_ns;
	list_remove(&b->node);
	list_append(&q->done, &b->node);
	q->count--;
}

/* Whether what follows `b` can still be in the log under its present stamp. */
static bool followers_maybe_written(struct produce_queue *q, struct produce_batch *b)
{
	for (struct list *node = b->node.next; node != &q->batches; node = node->next) {
		struct produce_batch *next = batch_of(node);
		if (!next->stamp_sent)
			return false;
		if (next->maybe_written || next->state == PRODUCE_BATCH_IN_FLIGHT)
			return true;
	}
	return false;
}

/*
 * Ends a batch that will not be tried again. If its sequence is used up, what follows needs a fresh
 * epoch: at once where it cannot be in the log, else only when the leader has refused it.
 */
static void give_up(struct produce_queue *q, struct produce_batch *b, int64_t now_ns)
{
	enum produce_result result = b->attempt == 0    ? PRODUCE_UNSENT
				     : b->maybe_written ? PRODUCE_UNKNOWN
							: PRODUCE_FAILED;
	bool gap = b->needs_epoch;
	if (q->identity && b->stamp_sent)
		gap |= result == PRODUCE_FAILED || !followers_maybe_written(q, b);
	if (b->node.next == &q->batches) {
		q->gap_at_end |= gap;
	} else {
		struct produce_batch *next = batch_of(b->node.next);
		next->needs_epoch |= gap;
		next->after_unknown |= result == PRODUCE_UNKNOWN;
	}
	finish(q, b, result, now_ns);
}

/* Gives up what waits and is past its deadline; what is in flight is judged when it comes back. */
static void expire(struct produce_queue *q, int64_t now_ns)
{
	bool renumber = false;
	struct list *node, *after;
	list_for_each_safe (node, after, &q->batches) {
		struct produce_batch *b = batch_of(node);
		if (b->deadline_ns > now_ns)
			break;
		if (b->state != PRODUCE_BATCH_QUEUED)
			continue;
		renumber |= !b->stamp_sent;
		give_up(q, b, now_ns);
	}
	if (renumber)
		renumber_unsent(q);
}

static void close_queue(struct produce_queue *q, int16_t error, int64_t now_ns)
{
	if (q->state == PRODUCE_QUEUE_CLOSED)
		return;
	enter(q, PRODUCE_QUEUE_CLOSED);
	q->error = error;
	struct list *node, *after;
	list_for_each_safe (node, after, &q->batches) {
		struct produce_batch *b = batch_of(node);
		if (b->state != PRODUCE_BATCH_QUEUED)
			continue;
		if (error)
			b->error = error;
		give_up(q, b, now_ns);
	}
}

/* ---- the states ---- */

/* Stops sending; `failed` starts a back-off, once per drain. */
static void drain(struct produce_queue *q, bool failed, int64_t now_ns)
{
	if (q->state == PRODUCE_QUEUE_CLOSED)
		return;
	if (q->state == PRODUCE_QUEUE_FLOWING) {
		enter(q, PRODUCE_QUEUE_DRAINING);
		q->draining_failed = false;
		q->settled = false;
		q->rewind_count++;
	}
	if (!failed || q->draining_failed)
		return;
	q->draining_failed = true;
	q->retry_ns = now_ns + retry_backoff_ns(q->config->retry_backoff_ns,
				       q->config->retry_backoff_max_ns, q->failures++, q->random);
}

static void move_connection(struct produce_queue *q)
{
	if (q->connection == q->next_connection)
		return;
	q->connection = q->next_connection;
	q->settled = false;
}

static enum produce_queue_state after_waiting(const struct produce_queue *q, int64_t now_ns)
{
	return q->retry_ns > now_ns ? PRODUCE_QUEUE_BACKING_OFF : PRODUCE_QUEUE_FLOWING;
}

static bool epoch_needed(struct produce_queue *q)
{
	return q->count > 0 && first_batch(q)->needs_epoch;
}

static void renew_epoch(struct produce_queue *q)
{
	producer_identity_renew(q->identity, q->next.producer_id, q->next.producer_epoch);
	q->bump_count++;
	enter(q, PRODUCE_QUEUE_IDENTIFYING);
}

/* One step towards the state that fits; false if it is reached. */
static bool advance_once(struct produce_queue *q, int64_t now_ns)
{
	switch (q->state) {
	case PRODUCE_QUEUE_IDENTIFYING:
		if (q->identity->state == IDENTITY_FATAL) {
			close_queue(q, q->identity->error, now_ns);
			return false;
		}
		if (q->identity->state != IDENTITY_READY)
			return false;
		adopt_identity(q);
		enter(q, after_waiting(q, now_ns));
		return true;
	case PRODUCE_QUEUE_DRAINING:
		if (q->in_flight > 0)
			return false;
		enter(q, after_waiting(q, now_ns));
		return true;
	case PRODUCE_QUEUE_BACKING_OFF:
		if (q->retry_ns > now_ns)
			return false;
		enter(q, PRODUCE_QUEUE_FLOWING);
		return true;
	case PRODUCE_QUEUE_FLOWING:
		if (!epoch_needed(q))
			return false;
		renew_epoch(q);
		return true;
	case PRODUCE_QUEUE_CLOSED:
	case PRODUCE_QUEUE_STATE_COUNT:
		break;
	}
	return false;
}

static void advance(struct produce_queue *q, int64_t now_ns)
{
	if (q->in_flight == 0)
		move_connection(q);
	expire(q, now_ns);
	while (advance_once(q, now_ns))
		;
}

/* The attempt is over without success. */
static void requeue(struct produce_queue *q, struct produce_batch *b, bool refused, int64_t now_ns)
{
	batch_enter(q, b, PRODUCE_BATCH_QUEUED);
	if (!refused)
		b->maybe_written = true;
	if (q->state == PRODUCE_QUEUE_CLOSED)
		give_up(q, b, now_ns);
}

/* ---- events ---- */

void produce_queue_init(struct produce_queue *q, const struct produce_queue_config *config,
	struct producer_identity *identity, struct random *random)
{
	assert(config->in_flight_limit > 0);
	assert(!identity || config->in_flight_limit <= PRODUCE_IDEMPOTENT_IN_FLIGHT_MAX);
	*q = (struct produce_queue){
		.config = config,
		.identity = identity,
		.random = random,
		.state = identity ? PRODUCE_QUEUE_IDENTIFYING : PRODUCE_QUEUE_FLOWING,
		.next = NO_PRODUCER_STAMP,
		.retry_ns = INT64_MIN,
	};
	list_init(&q->batches);
	list_init(&q->done);
}

struct producer_stamp produce_queue_next_stamp(struct produce_queue *q)
{
	freshen_if_empty(q);
	return q->next;
}

void produce_queue_push(struct produce_queue *q, struct produce_batch *batch, int32_t record_count,
	struct producer_stamp sealed, int64_t now_ns)
{
	assert(record_count > 0);
	freshen_if_empty(q);
	*batch = (struct produce_batch){
		.state = PRODUCE_BATCH_NEW,
		.record_count = record_count,
		.first_record_index = batch->first_record_index,
		.ordinal = q->pushed_count++,
		.stamp = take_stamp(q, record_count),
		.needs_epoch = q->gap_at_end,
		.pushed_ns = now_ns,
		.deadline_ns = now_ns + q->config->delivery_timeout_ns,
		.base_offset = -1,
		.log_append_ms = -1,
	};
	batch->restamp = !stamp_equal(batch->stamp, sealed);
	q->gap_at_end = false;
	list_append(&q->batches, &batch->node);
	q->count++;
	batch_enter(q, batch, PRODUCE_BATCH_QUEUED);
	if (q->state == PRODUCE_QUEUE_CLOSED) {
		batch->error = q->error;
		give_up(q, batch, now_ns);
	}
}

void produce_queue_connect(struct produce_queue *q, uint64_t connection, int64_t now_ns)
{
	q->next_connection = connection;
	if (q->in_flight > 0 && connection != q->connection)
		drain(q, false, now_ns);
	advance(q, now_ns);
}

/*
 * Batches behind the first unacknowledged one may be acknowledged before it. They count too: once
 * more than the leader remembers follow it in the log, sending it again is no longer recognised.
 */
static bool too_far_ahead(const struct produce_queue *q, uint64_t ordinal)
{
	return q->identity && q->count > 0 &&
	       ordinal - first_batch(q)->ordinal >= PRODUCE_IDEMPOTENT_IN_FLIGHT_MAX;
}

/* Room in the window of a queue that sends. */
static bool window_open(const struct produce_queue *q)
{
	if (q->state != PRODUCE_QUEUE_FLOWING || q->connection == PRODUCE_NO_CONNECTION)
		return false;
	return q->in_flight < (q->identity && !q->settled ? 1 : q->config->in_flight_limit);
}

bool produce_queue_ready(const struct produce_queue *q)
{
	/* The first batch of an empty queue brings its fresh epoch along: see freshen_if_empty. */
	return window_open(q) && q->count == q->in_flight && (!q->gap_at_end || q->count == 0) &&
	       !too_far_ahead(q, q->pushed_count);
}

struct produce_batch *produce_queue_next(struct produce_queue *q, int64_t now_ns)
{
	advance(q, now_ns);
	if (!window_open(q))
		return NULL;
	struct produce_batch *b = first_queued(q);
	if (!b || b->needs_epoch || too_far_ahead(q, b->ordinal))
		return NULL;
	return b;
}

void produce_queue_sent(struct produce_queue *q, struct produce_batch *batch, int64_t now_ns)
{
	assert(q->state == PRODUCE_QUEUE_FLOWING && q->connection != PRODUCE_NO_CONNECTION);
	assert(batch == first_queued(q) && !batch->restamp && !batch->needs_epoch);
	batch_enter(q, batch, PRODUCE_BATCH_IN_FLIGHT);
	if (!batch->stamp_sent && q->identity) {
		assert(batch->stamp.base_sequence == q->sent_sequence);
		q->sent_sequence = sequence_after(batch->stamp.base_sequence, batch->record_count);
	}
	batch->stamp_sent = true;
	if (batch->attempt++ == 0)
		batch->first_sent_ns = now_ns;
	else
		q->resent_count++;
	batch->sent_ns = now_ns;
}

static bool attempt_ended(const struct produce_batch *batch, uint32_t attempt)
{
	return batch->state != PRODUCE_BATCH_IN_FLIGHT || batch->attempt != attempt;
}

static void acknowledged(struct produce_queue *q, struct produce_batch *b,
	const struct produce_answer *answer, int64_t now_ns)
{
	b->base_offset = answer->error ? -1 : answer->base_offset;
	b->log_append_ms = answer->error ? -1 : answer->log_append_ms;
	b->error = answer->error;
	finish(q, b, PRODUCE_ACKED, now_ns);
	q->failures = 0;
	if (q->state == PRODUCE_QUEUE_FLOWING)
		q->settled = true;
}

/*
 * Only the first unacknowledged batch proves a gap; those behind it fail because it did. If the gap
 * is a batch that may yet be written, so may this one: its end stays unknown.
 */
static void refused_for_sequence(struct produce_queue *q, struct produce_batch *b, int64_t now_ns)
{
	bool first = b == first_batch(q);
	if (first && b->after_unknown && b->maybe_written) {
		give_up(q, b, now_ns);
		drain(q, false, now_ns);
		return;
	}
	if (first)
		b->needs_epoch = true;
	requeue(q, b, true, now_ns);
	drain(q, first, now_ns);
}

static void refused_for_good(
	struct produce_queue *q, struct produce_batch *b, bool refused, int64_t now_ns)
{
	if (!refused)
		b->maybe_written = true;
	give_up(q, b, now_ns);
	if (q->identity)
		drain(q, false, now_ns);
}

bool produce_queue_answered(struct produce_queue *q, struct produce_batch *batch, uint32_t attempt,
	const struct produce_answer *answer, int64_t now_ns)
{
	if (attempt_ended(batch, attempt))
		return false;
	struct produce_error_class class = produce_error_classify(answer->error);
	if (class.action == PRODUCE_ERROR_SEQUENCE && !q->identity)
		class.action = PRODUCE_ERROR_FATAL;
	if (class.refresh_metadata)
		q->leader_in_doubt = true;
	batch->error = answer->error;
	switch (class.action) {
	case PRODUCE_ERROR_NONE:
		acknowledged(q, batch, answer, now_ns);
		break;
	case PRODUCE_ERROR_RETRY:
		requeue(q, batch, class.refused, now_ns);
		drain(q, true, now_ns);
		break;
	case PRODUCE_ERROR_SEQUENCE:
		refused_for_sequence(q, batch, now_ns);
		break;
	case PRODUCE_ERROR_FATAL:
		refused_for_good(q, batch, class.refused, now_ns);
		break;
	case PRODUCE_ERROR_PRODUCER_FATAL:
		refused_for_good(q, batch, class.refused, now_ns);
		close_queue(q, answer->error, now_ns);
		break;
	}
	advance(q, now_ns);
	return true;
}

bool produce_queue_lost(
	struct produce_queue *q, struct produce_batch *batch, uint32_t attempt, int64_t now_ns)
{
	if (attempt_ended(batch, attempt))
		return false;
	if (q->next_connection == q->connection)
		q->next_connection = PRODUCE_NO_CONNECTION;
	q->leader_in_doubt = true;
	requeue(q, batch, false, now_ns);
	drain(q, true, now_ns);
	advance(q, now_ns);
	return true;
}

void produce_queue_tick(struct produce_queue *q, int64_t now_ns)
{
	advance(q, now_ns);
}

int64_t produce_queue_deadline_ns(const struct produce_queue *q)
{
	struct produce_batch *b = first_queued(q);
	int64_t deadline_ns = b ? b->deadline_ns : NEVER_NS;
	if (q->state == PRODUCE_QUEUE_BACKING_OFF)
		deadline_ns = MIN(deadline_ns, q->retry_ns);
	return deadline_ns;
}

void produce_queue_abort(struct produce_queue *q, int64_t now_ns)
{
	if (q->state != PRODUCE_QUEUE_CLOSED)
		enter(q, PRODUCE_QUEUE_CLOSED);
	while (q->count > 0) {
		struct produce_batch *b = first_batch(q);
		if (b->state == PRODUCE_BATCH_IN_FLIGHT)
			b->maybe_written = true;
		give_up(q, b, now_ns);
	}
}

struct produce_batch *produce_queue_take_done(struct produce_queue *q)
{
	if (list_empty(&q->done))
		return NULL;
	struct produce_batch *b = batch_of(list_take_first(&q->done));
	b->state = PRODUCE_BATCH_NEW;
	return b;
}

bool produce_queue_take_doubt(struct produce_queue *q)
{
	bool doubt = q->leader_in_doubt;
	q->leader_in_doubt = false;
	return doubt;
}
