/*
 * Shows: produce queues keep their promises under any mixture of lost, late and doubled answers,
 * leader moves, resets before and after the append, requests that are applied long after their
 * connection died, refusals, timeouts, lost producer state, and exhausted epochs.
 *
 * Every run is a seed: RUNS=n changes their number, SEED=n replays one and VERBOSE=1 tells its
 * story. The brokers' side of a partition is sim_partition.h; here are the network, the driver that
 * a producer would be, and the promises.
 */
#include "../test.h"

#include <stdio.h>

#include "clock.h"
#include "random.h"

#include "../../../src/load/produce_queue.h"
#include "sim_partition.h"

#define RUNS            10000
#define PARTITIONS_MAX  3
#define BATCHES_MAX     96 /* per partition */
#define CONNECTIONS_MAX 512
#define ON_CONNECTION   16 /* requests under way; a power of two */
#define EVENTS_MAX      8192
#define EVENTS_PER_RUN  200000 /* more is a livelock */
#define LATENCY_NS      (2 * NS_PER_MS)
#define REQUEST_TIMEOUT (300 * NS_PER_MS)
#define FAULTS_END_NS   (4 * NS_PER_S)
#define CALM_NS         (8 * NS_PER_S) /* by then every consequence of a fault is over */
#define PATIENCE_NS     (2 * NS_PER_S)
#define PUSHES_END_NS   (9 * NS_PER_S)

enum event_kind {
	EVENT_PUSH,
	EVENT_TICK,
	EVENT_METADATA,
	EVENT_CONNECTED,
	EVENT_ARRIVE,
	EVENT_WORK,
	EVENT_REPLICATED,
	EVENT_ANSWER,
	EVENT_STRAY_ANSWER,
	EVENT_TIMEOUT,
	EVENT_CLOSE,
	EVENT_FAULT,
	EVENT_ABORT,
	EVENT_IDENTITY_ANSWER,
	EVENT_IDENTITY_TICK,
};

struct event {
	int64_t at_ns;
	uint64_t order; /* first scheduled, first served */
	enum event_kind kind;
	int32_t partition;
	int32_t a, b;
	uint32_t attempt;
	int32_t error, offset;
};

struct sim_request {
	struct sim_bytes bytes;
	int32_t batch;
	uint32_t attempt;
	int32_t waits_for; /* high watermark that answers it, 0 while not appended */
};

/* Both ends of a connection: the client's may be gone while the broker still works. */
struct connection {
	int32_t partition;
	int broker;
	bool client_open, broker_open;
	bool working; /* the first request is being worked on, or waits for replicas */
	uint32_t first, count, coming; /* arrived; behind them, still on the wire */
	struct sim_request requests[ON_CONNECTION];
	int64_t arrived_ns, answered_ns; /* nothing overtakes on a connection */
};

struct sim_batch {
	struct produce_batch batch;
	struct sim_bytes bytes, sent; /* what the slab holds now; what went out last */
	bool ended;
	enum produce_result result;
	int64_t base_offset;
	int64_t pushed_ns;
};

struct partition {
	struct sim_partition broker;
	struct produce_queue queue;
	struct sim_batch batches[BATCHES_MAX];
	int32_t batch_count, ended_count, in_flight;
	int32_t on_connection; /* that all in flight share */
	bool failed;           /* since something failed, and nothing may be sent */
	bool metadata_asked;
	int32_t connected; /* the driver's present connection, -1 if none */
	int64_t tick_ns;
	struct producer_stamp epoch; /* of what was sent last, and the sequence due next */
};

struct options {
	int partitions;
	bool idempotent, acks_all;
	bool graceful;  /* brokers still read what lies in the socket of a dead connection */
	bool fatal;     /* refusals for good happen */
	bool forgets;   /* producer state gets lost */
	bool aborts;    /* the producer is told to stop */
	bool overtakes; /* answers overtake each other: Kafka's do not */
	double fault;   /* chance of a fault per request */
	int32_t count_max;
	int32_t in_flight_limit;
	int64_t delivery_timeout_ns;
	int64_t slow_ns; /* how long a broker may sit on a request */
};

struct counts {
	uint64_t runs, acked, failed, unknown, unsent, resent, bumps, new_ids, zombies, duplicates,
		wraps, strays, moves, tails_lost, confusions, forgets, timeouts;
};

struct sim {
	uint64_t seed;
	struct options options;
	struct random random, queue_random;
	struct produce_queue_config config;
	struct producer_identity identity;
	int64_t next_producer_id;
	struct partition partitions[PARTITIONS_MAX];
	struct connection connections[CONNECTIONS_MAX];
	int32_t connection_count;
	struct event events[EVENTS_MAX]; /* a heap */
	int32_t event_count;
	uint64_t order;
	int64_t now_ns;
	bool verbose;
	struct counts *counts;
};

#define PROMISE(sim, holds, ...)                                                                   \
	do {                                                                                       \
		if (!(holds)) {                                                                    \
			print_error("broken promise at %.3f s: ", (double)(sim)->now_ns / 1e9);    \
			print_error(__VA_ARGS__);                                                  \
			print_error("\nreplay: SEED=%llu VERBOSE=1\n",                             \
				(unsigned long long)(sim)->seed);                                  \
			fail();                                                                    \
		}                                                                                  \
	} while (0)

#define STORY(sim, ...)                                                                            \
	do {                                                                                       \
		if ((sim)->verbose) {                                                              \
			printf("%9.6f ", (double)(sim)->now_ns / 1e9);                             \
			printf(__VA_ARGS__);                                                       \
			printf("\n");                                                              \
		}                                                                                  \
	} while (0)

/* ---- chance and time ---- */

static bool chance(struct sim *s, double probability)
{
	return random_unit(&s->random) < probability;
}

static int64_t about(struct sim *s, int64_t mean_ns)
{
	return 1 + (int64_t)(random_unit(&s->random) * 2 * (double)mean_ns);
}

static bool faults(const struct sim *s)
{
	return s->now_ns < FAULTS_END_NS;
}

static bool fault(struct sim *s)
{
	return faults(s) && chance(s, s->options.fault);
}

static bool event_before(const struct event *a, const struct event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void schedule(struct sim *s, struct event event)
{
	assert_true(s->event_count < EVENTS_MAX);
	event.order = s->order++;
	int32_t i = s->event_count++;
	while (i > 0 && event_before(&event, &s->events[(i - 1) / 2])) {
		s->events[i] = s->events[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->events[i] = event;
}

static struct event take_event(struct sim *s)
{
	struct event first = s->events[0], last = s->events[--s->event_count];
	int32_t i = 0;
	for (;;) {
		int32_t child = 2 * i + 1;
		if (child >= s->event_count)
			break;
		if (child + 1 < s->event_count &&
			event_before(&s->events[child + 1], &s->events[child]))
			child++;
		if (!event_before(&s->events[child], &last))
			break;
		s->events[i] = s->events[child];
		i = child;
	}
	s->events[i] = last;
	return first;
}

static void schedule_in(struct sim *s, int64_t delay_ns, enum event_kind kind, int32_t partition,
	int32_t a, int32_t b)
{
	schedule(s, (struct event){ .at_ns = s->now_ns + delay_ns,
			    .kind = kind,
			    .partition = partition,
			    .a = a,
			    .b = b });
}

/* ---- the broker's end of a connection ---- */

static struct sim_request *first_request(struct connection *c)
{
	return &c->requests[c->first % ON_CONNECTION];
}

static void work_on_next(struct sim *s, int32_t id)
{
	struct connection *c = &s->connections[id];
	if (c->working || c->count == 0)
		return;
	c->working = true;
	int64_t service_ns = about(s, LATENCY_NS / 4);
	if (fault(s))
		service_ns = about(s, s->options.slow_ns / 2);
	schedule_in(s, service_ns, EVENT_WORK, c->partition, id, 0);
}

/* The first request is done with: its answer goes out, in order, if somebody is there to read it.
 */
static void answer_first(struct sim *s, int32_t id, int32_t error, int32_t offset)
{
	struct connection *c = &s->connections[id];
	struct sim_request *r = first_request(c);
	struct event event = {
		.at_ns = s->now_ns + about(s, LATENCY_NS),
		.kind = EVENT_ANSWER,
		.partition = c->partition,
		.a = id,
		.b = r->batch,
		.attempt = r->attempt,
		.error = error,
		.offset = offset,
	};
	STORY(s, "p%d c%d broker answers batch %d attempt %u: error %d offset %d%s", c->partition,
		id, r->batch, r->attempt, error, offset, c->client_open ? "" : " to nobody");
	if (!c->client_open && offset >= 0)
		s->counts->zombies++;
	if (!s->options.overtakes)
		event.at_ns = MAX(event.at_ns, c->answered_ns);
	c->answered_ns = event.at_ns;
	if (c->broker_open)
		schedule(s, event);
	c->first++;
	c->count--;
	c->working = false;
	work_on_next(s, id);
}

static void replicate_later(struct sim *s, int32_t partition)
{
	struct sim_partition *b = &s->partitions[partition].broker;
	schedule_in(
		s, about(s, LATENCY_NS / 2), EVENT_REPLICATED, partition, b->log_end, b->leader);
}

/* Nothing of this partition is uncertain: what is in the log is acknowledged, nothing is under way.
 */
static bool partition_is_certain(struct sim *s, int32_t partition, const struct sim_bytes *bytes)
{
	struct partition *p = &s->partitions[partition];
	for (int32_t i = 0; i < s->connection_count; i++) {
		struct connection *c = &s->connections[i];
		for (uint32_t k = 0; c->partition == partition && k < c->count; k++) {
			struct sim_request *r = &c->requests[(c->first + k) % ON_CONNECTION];
			if (!c->client_open || r->bytes.content < bytes->content)
				return false;
		}
	}
	for (int32_t i = 0; i < p->broker.log_end; i++) {
		if (p->batches[p->broker.log[i].content].result != PRODUCE_ACKED)
			return false;
	}
	for (int32_t i = 0; i < bytes->content; i++) {
		if (p->batches[i].result != PRODUCE_ACKED)
			return false;
	}
	return p->broker.high_watermark == p->broker.log_end;
}

static void maybe_lose_producer_state(
	struct sim *s, int32_t partition, const struct sim_bytes *bytes)
{
	struct sim_partition *b = &s->partitions[partition].broker;
	if (!s->options.forgets || !faults(s) || !chance(s, 0.1) || b->log_end == 0)
		return;
	if (!partition_is_certain(s, partition, bytes))
		return;
	if (chance(s, 0.5)) {
		b->forgotten = b->log_end;
		s->counts->forgets++;
		STORY(s, "p%d the leader forgets every producer", partition);
	} else {
		b->confused = true;
		b->confused_epoch = bytes->stamp;
		s->counts->confusions++;
		STORY(s, "p%d the leader refuses epoch %d from now on", partition,
			bytes->stamp.producer_epoch);
	}
}

/* A refusal before the append, or 0. */
static int32_t refusal(struct sim *s)
{
	static const int32_t passing[] = { ERROR_NOT_ENOUGH_REPLICAS,
		ERROR_NOT_LEADER_OR_FOLLOWER };
	static const int32_t final[] = { ERROR_MESSAGE_TOO_LARGE, ERROR_INVALID_RECORD,
		ERROR_TOPIC_AUTHORIZATION_FAILED, ERROR_CORRUPT_MESSAGE,
		ERROR_UNKNOWN_SERVER_ERROR };
	if (!fault(s))
		return 0;
	if (s->options.fatal && chance(s, 0.3))
		return final[random_below(&s->random, COUNT_OF(final))];
	return passing[random_below(&s->random, COUNT_OF(passing))];
}

static void answer_replicated(struct sim *s, int32_t partition)
{
	struct sim_partition *b = &s->partitions[partition].broker;
	for (int32_t i = 0; i < s->connection_count; i++) {
		struct connection *c = &s->connections[i];
		if (c->partition != partition || !c->working || c->count == 0)
			continue;
		struct sim_request *r = first_request(c);
		if (r->waits_for == 0)
			continue;
		if (c->broker != b->leader)
			answer_first(s, i, ERROR_NOT_LEADER_OR_FOLLOWER, -1);
		else if (r->waits_for <= b->high_watermark)
			answer_first(s, i, 0, r->waits_for - 1);
	}
}

static void drop_unread(struct connection *c)
{
	c->count = c->working ? 1 : 0;
	c->coming = 0;
}

static void move_leader(struct sim *s, int32_t partition)
{
	struct sim_partition *b = &s->partitions[partition].broker;
	bool lose = chance(s, 0.5);
	int32_t tail = b->log_end - b->high_watermark;
	int32_t kept = b->log_end;
	if (lose && tail > 0) {
		kept -= 1 + (int32_t)random_below(&s->random, (uint64_t)tail);
		/* But not the first batch since producers were forgotten: see above. */
		if (b->log_end > b->forgotten)
			kept = MAX(kept, b->forgotten + 1);
		s->counts->tails_lost++;
	}
	int old = b->leader;
	STORY(s, "p%d leader moves from broker %d, log %d -> %d", partition, old, b->log_end, kept);
	sim_move_leader(b, (old + 1) % SIM_BROKERS, kept);
	s->counts->moves++;
	bool crash = chance(s, 0.3);
	for (int32_t i = 0; crash && i < s->connection_count; i++) {
		struct connection *c = &s->connections[i];
		if (c->partition != partition || c->broker != old)
			continue;
		c->broker_open = false;
		c->working = false;
		drop_unread(c);
		schedule_in(s, about(s, LATENCY_NS), EVENT_CLOSE, partition, i, 0);
	}
	answer_replicated(s, partition);
}

static void on_work(struct sim *s, int32_t id)
{
	struct connection *c = &s->connections[id];
	struct sim_partition *b = &s->partitions[c->partition].broker;
	struct sim_request *r = first_request(c);
	if (!c->working || c->count == 0)
		return;
	int32_t offset = -1, log_end = b->log_end;
	int32_t error = refusal(s);
	if (error == 0) {
		if (c->broker == b->leader)
			maybe_lose_producer_state(s, c->partition, &r->bytes);
		error = (int32_t)sim_append(b, c->broker, &r->bytes, &offset);
	}
	if (error != 0) {
		answer_first(s, id, error, -1);
		return;
	}
	if (b->log_end == log_end)
		s->counts->duplicates++;
	STORY(s, "p%d c%d batch %d (%lld/%d/%d) is at offset %d%s", c->partition, id, r->batch,
		(long long)r->bytes.stamp.producer_id, r->bytes.stamp.producer_epoch,
		r->bytes.stamp.base_sequence, offset, b->log_end == log_end ? " already" : "");
	replicate_later(s, c->partition);
	if (b->log_end == log_end && offset < b->high_watermark && chance(s, 0.3)) {
		answer_first(s, id, ERROR_DUPLICATE_SEQUENCE_NUMBER, -1);
	} else if (!s->options.acks_all) {
		answer_first(s, id, 0, offset);
	} else if (fault(s)) {
		answer_first(s, id,
			s->options.fatal && chance(s, 0.2) ? ERROR_UNKNOWN_SERVER_ERROR
			: chance(s, 0.5)                   ? ERROR_REQUEST_TIMED_OUT
							   : ERROR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
			-1);
	} else {
		r->waits_for = offset + 1;
		if (fault(s) && chance(s, 0.2))
			move_leader(s, c->partition);
	}
}

static void on_replicated(struct sim *s, int32_t partition, int32_t log_end, int leader)
{
	struct sim_partition *b = &s->partitions[partition].broker;
	if (leader == b->leader && log_end <= b->log_end)
		b->high_watermark = MAX(b->high_watermark, log_end);
	answer_replicated(s, partition);
}

/* The client's end is gone: what the broker has not taken up is lost, unless it reads on. */
static void abandon(struct sim *s, struct connection *c)
{
	c->client_open = false;
	if (!s->options.graceful)
		drop_unread(c);
}

static void on_fault(struct sim *s, int32_t partition)
{
	struct partition *p = &s->partitions[partition];
	if (!faults(s))
		return;
	if (chance(s, 0.5)) {
		move_leader(s, partition);
	} else if (p->connected >= 0) {
		/* A reset: the broker's answers get lost from now on, the client hears of it later.
		 */
		STORY(s, "p%d c%d is reset", partition, p->connected);
		struct connection *c = &s->connections[p->connected];
		c->broker_open = false;
		if (!s->options.graceful)
			drop_unread(c);
		schedule_in(s, about(s, LATENCY_NS), EVENT_CLOSE, partition, p->connected, 0);
	}
	schedule_in(s, about(s, 300 * NS_PER_MS), EVENT_FAULT, partition, 0, 0);
}

/* ---- the driver: what a producer does around its queues ---- */

static struct sim_batch *sim_batch_of(struct produce_batch *batch)
{
	return CONTAINER_OF(batch, struct sim_batch, batch);
}

static void ask_metadata(struct sim *s, int32_t partition)
{
	struct partition *p = &s->partitions[partition];
	if (p->metadata_asked)
		return;
	p->metadata_asked = true;
	/* The answer is as old as the moment when the broker gave it. */
	schedule_in(s, about(s, LATENCY_NS), EVENT_METADATA, partition, p->broker.leader, 0);
}

static void take_done(struct sim *s, int32_t partition)
{
	static const char *const names[] = { "pending", "acked", "failed", "unknown", "unsent" };
	struct partition *p = &s->partitions[partition];
	struct produce_batch *batch;
	while ((batch = produce_queue_take_done(&p->queue))) {
		struct sim_batch *b = sim_batch_of(batch);
		PROMISE(s, !b->ended, "batch %d ended twice", b->bytes.content);
		PROMISE(s, batch->result != PRODUCE_PENDING, "ended without a result");
		STORY(s, "p%d batch %d is %s (error %d)", partition, b->bytes.content,
			names[batch->result], batch->error);
		b->ended = true;
		b->result = batch->result;
		b->base_offset = batch->base_offset;
		p->ended_count++;
	}
}

static void check_order(struct sim *s, int32_t partition, struct sim_batch *b)
{
	struct partition *p = &s->partitions[partition];
	for (int32_t i = 0; i < b->bytes.content; i++) {
		PROMISE(s,
			p->batches[i].ended || p->batches[i].batch.state == PRODUCE_BATCH_IN_FLIGHT,
			"batch %d is sent before batch %d", b->bytes.content, i);
	}
}

/* Within an epoch a batch keeps its sequence, and new ones follow each other. */
static void check_stamp(struct sim *s, int32_t partition, struct sim_batch *b)
{
	struct partition *p = &s->partitions[partition];
	struct producer_stamp stamp = b->bytes.stamp;
	if (!s->options.idempotent) {
		PROMISE(s, stamp.producer_id == -1, "a stamp without idempotence");
		return;
	}
	PROMISE(s, stamp.producer_id >= 0 && stamp.base_sequence >= 0, "no stamp");
	if (b->batch.attempt > 0 && sim_same_epoch(b->sent.stamp, stamp)) {
		PROMISE(s, sim_same_bytes(&b->sent, &b->bytes),
			"batch %d went out with other bytes", b->bytes.content);
		return;
	}
	if (!sim_same_epoch(p->epoch, stamp)) {
		PROMISE(s, p->in_flight == 0, "epoch changed with %d in flight", p->in_flight);
		PROMISE(s, stamp.base_sequence == 0, "an epoch starts at %d", stamp.base_sequence);
		PROMISE(s,
			stamp.producer_id != p->epoch.producer_id ||
				stamp.producer_epoch > p->epoch.producer_epoch,
			"the epoch went back");
		p->epoch = stamp;
	}
	PROMISE(s, stamp.base_sequence == p->epoch.base_sequence, "sequence %d, due was %d",
		stamp.base_sequence, p->epoch.base_sequence);
	p->epoch.base_sequence = sim_sequence_after(&b->bytes);
	if (p->epoch.base_sequence < stamp.base_sequence)
		s->counts->wraps++;
}

static void send_batch(struct sim *s, int32_t partition, struct produce_batch *batch)
{
	struct partition *p = &s->partitions[partition];
	struct sim_batch *b = sim_batch_of(batch);
	if (batch->restamp) {
		PROMISE(s, batch->attempt == 0 || !sim_same_epoch(batch->stamp, b->sent.stamp),
			"batch %d is stamped anew within an epoch", b->bytes.content);
		b->bytes.stamp = batch->stamp;
		batch->restamp = false;
	}
	PROMISE(s, sim_same_stamp(batch->stamp, b->bytes.stamp),
		"the bytes of batch %d do not carry its stamp", b->bytes.content);
	PROMISE(s, !p->failed, "batch %d is sent while a failure drains", b->bytes.content);
	PROMISE(s, p->connected >= 0 && (int32_t)p->queue.connection == p->connected + 1,
		"sent on connection %d", (int)p->queue.connection - 1);
	PROMISE(s, p->in_flight == 0 || p->on_connection == p->connected,
		"in flight on two connections");
	check_order(s, partition, b);
	check_stamp(s, partition, b);
	b->sent = b->bytes;
	produce_queue_sent(&p->queue, batch, s->now_ns);
	p->on_connection = p->connected;
	p->in_flight++;
	PROMISE(s, p->in_flight <= s->options.in_flight_limit, "%d in flight", p->in_flight);

	struct connection *c = &s->connections[p->connected];
	STORY(s, "p%d c%d batch %d attempt %u goes out (%lld/%d/%d)", partition, p->connected,
		b->bytes.content, batch->attempt, (long long)b->bytes.stamp.producer_id,
		b->bytes.stamp.producer_epoch, b->bytes.stamp.base_sequence);
	int64_t arrives_ns = s->now_ns + about(s, LATENCY_NS);
	c->arrived_ns = MAX(c->arrived_ns, arrives_ns);
	PROMISE(s, c->count + c->coming < ON_CONNECTION, "the connection overflows");
	c->requests[(c->first + c->count + c->coming++) % ON_CONNECTION] = (struct sim_request){
		.bytes = b->bytes,
		.batch = b->bytes.content,
		.attempt = batch->attempt,
	};
	struct event event = { .at_ns = c->arrived_ns,
		.kind = EVENT_ARRIVE,
		.partition = partition,
		.a = p->connected,
		.b = b->bytes.content,
		.attempt = batch->attempt };
	schedule(s, event);
	event.kind = EVENT_TIMEOUT;
	event.at_ns = s->now_ns + REQUEST_TIMEOUT;
	schedule(s, event);
}

static void attempt_over(struct partition *p, bool success)
{
	p->in_flight--;
	if (!success)
		p->failed = true;
	if (p->in_flight == 0)
		p->failed = false;
}

static void drive(struct sim *s, int32_t partition)
{
	struct partition *p = &s->partitions[partition];
	struct produce_batch *batch;
	take_done(s, partition);
	/* Nothing is sent on a connection that is going down. */
	while (p->connected >= 0 && (batch = produce_queue_next(&p->queue, s->now_ns))) {
		if (fault(s) && chance(s, 0.2)) {
			/* The connection pushes back: nothing was promised yet. */
			schedule_in(s, about(s, LATENCY_NS), EVENT_TICK, partition, 0, 0);
			break;
		}
		send_batch(s, partition, batch);
	}
	take_done(s, partition);
	if (produce_queue_take_doubt(&p->queue) || p->connected < 0)
		ask_metadata(s, partition);
	int64_t deadline_ns = produce_queue_deadline_ns(&p->queue);
	if (deadline_ns != NEVER_NS && (p->tick_ns <= s->now_ns || deadline_ns < p->tick_ns)) {
		p->tick_ns = MAX(deadline_ns, s->now_ns + 1);
		schedule_in(s, p->tick_ns - s->now_ns, EVENT_TICK, partition, 0, 0);
	}
}

static void drive_identity(struct sim *s)
{
	if (!s->options.idempotent)
		return;
	if (producer_identity_request_due(&s->identity, s->now_ns)) {
		producer_identity_requested(&s->identity);
		schedule_in(s, about(s, LATENCY_NS), EVENT_IDENTITY_ANSWER, 0, 0, 0);
	}
}

static void on_identity_answer(struct sim *s)
{
	if (fault(s) && chance(s, 0.5)) {
		producer_identity_lost(&s->identity, s->now_ns);
	} else if (fault(s)) {
		producer_identity_answered(&s->identity, 14, -1, -1, s->now_ns);
	} else {
		int16_t epoch = chance(s, 0.2) ? INT16_MAX - 1 : 0;
		producer_identity_answered(
			&s->identity, 0, s->next_producer_id++, epoch, s->now_ns);
		s->counts->new_ids += s->next_producer_id > 1001;
	}
	int64_t deadline_ns = producer_identity_deadline_ns(&s->identity);
	if (deadline_ns != NEVER_NS)
		schedule_in(s, deadline_ns - s->now_ns, EVENT_IDENTITY_TICK, 0, 0, 0);
}

static void on_push(struct sim *s, int32_t partition)
{
	struct partition *p = &s->partitions[partition];
	int32_t burst = 1 + (int32_t)random_below(&s->random, 8);
	while (burst-- > 0 && p->batch_count < BATCHES_MAX) {
		struct sim_batch *b = &p->batches[p->batch_count];
		int32_t count =
			1 + (int32_t)random_below(&s->random, (uint64_t)s->options.count_max);
		b->bytes.stamp = produce_queue_next_stamp(&p->queue);
		b->bytes.record_count = count;
		b->bytes.content = p->batch_count++;
		b->pushed_ns = s->now_ns;
		produce_queue_push(&p->queue, &b->batch, count, b->bytes.stamp, s->now_ns);
	}
	if (s->now_ns < PUSHES_END_NS)
		schedule_in(s, about(s, PUSHES_END_NS / 20), EVENT_PUSH, partition, 0, 0);
}

static void on_metadata(struct sim *s, int32_t partition, int leader)
{
	struct partition *p = &s->partitions[partition];
	p->metadata_asked = false;
	if (fault(s)) {
		/* An election is under way: no leader. The old connection is left to drain. */
		p->connected = -1;
		produce_queue_connect(&p->queue, PRODUCE_NO_CONNECTION, s->now_ns);
		return;
	}
	if (p->connected >= 0 && s->connections[p->connected].broker == leader)
		return;
	PROMISE(s, s->connection_count < CONNECTIONS_MAX, "connects without end");
	s->connections[s->connection_count] =
		(struct connection){ .partition = partition, .broker = leader };
	p->metadata_asked = true; /* until it is connected */
	schedule_in(s, about(s, LATENCY_NS), EVENT_CONNECTED, partition, s->connection_count++, 0);
}

static void on_connected(struct sim *s, int32_t partition, int32_t id)
{
	struct partition *p = &s->partitions[partition];
	p->metadata_asked = false;
	s->connections[id].client_open = true;
	s->connections[id].broker_open = true;
	/* The old connection is left to drain: what is on it is still answered. */
	p->connected = id;
	produce_queue_connect(&p->queue, (uint64_t)id + 1, s->now_ns);
}

static void on_arrive(struct sim *s, int32_t id)
{
	struct connection *c = &s->connections[id];
	if (c->coming == 0)
		return;
	c->coming--;
	c->count++;
	work_on_next(s, id);
}

static void on_answer(struct sim *s, const struct event *e)
{
	struct partition *p = &s->partitions[e->partition];
	struct produce_batch *batch = &p->batches[e->b].batch;
	struct produce_answer answer = { (int16_t)e->error, e->offset, -1 };
	bool awaited = batch->state == PRODUCE_BATCH_IN_FLIGHT && batch->attempt == e->attempt;
	if (!s->connections[e->a].client_open && e->kind == EVENT_ANSWER && chance(s, 0.5))
		return;
	bool taken = produce_queue_answered(&p->queue, batch, e->attempt, &answer, s->now_ns);
	PROMISE(s, taken == awaited, "batch %d attempt %u: a stray answer counts", e->b,
		e->attempt);
	if (!taken) {
		s->counts->strays++;
		return;
	}
	PROMISE(s, s->now_ns - batch->sent_ns <= REQUEST_TIMEOUT + LATENCY_NS,
		"batch %d is still awaited after its timeout", e->b);
	bool written = e->error == ERROR_NONE || e->error == ERROR_DUPLICATE_SEQUENCE_NUMBER;
	PROMISE(s, !written || batch->result == PRODUCE_ACKED, "batch %d is written, not acked",
		e->b);
	bool success = batch->state == PRODUCE_BATCH_DONE &&
		       (batch->result == PRODUCE_ACKED || !s->options.idempotent);
	attempt_over(p, success);
	if (chance(s, 0.1)) {
		struct event stray = *e;
		stray.kind = EVENT_STRAY_ANSWER;
		stray.at_ns += about(s, 100 * NS_PER_MS);
		schedule(s, stray);
	}
}

static void on_timeout(struct sim *s, const struct event *e)
{
	struct partition *p = &s->partitions[e->partition];
	struct produce_batch *batch = &p->batches[e->b].batch;
	if (batch->state != PRODUCE_BATCH_IN_FLIGHT || batch->attempt != e->attempt)
		return;
	STORY(s, "p%d batch %d attempt %u times out", e->partition, e->b, e->attempt);
	s->counts->timeouts++;
	/* The connection goes down at once, and what is on it is lost when it is down. */
	schedule_in(s, about(s, LATENCY_NS / 2), EVENT_CLOSE, e->partition, p->on_connection, 0);
	if (p->connected == p->on_connection)
		p->connected = -1;
}

static void on_close(struct sim *s, int32_t partition, int32_t id)
{
	struct partition *p = &s->partitions[partition];
	struct connection *c = &s->connections[id];
	if (!c->client_open)
		return;
	STORY(s, "p%d c%d is closed", partition, id);
	abandon(s, c);
	if (p->connected == id) {
		p->connected = -1;
		produce_queue_connect(&p->queue, PRODUCE_NO_CONNECTION, s->now_ns);
	}
	for (int32_t i = 0; p->on_connection == id && p->in_flight > 0 && i < p->batch_count; i++) {
		struct produce_batch *batch = &p->batches[i].batch;
		if (produce_queue_lost(&p->queue, batch, batch->attempt, s->now_ns))
			attempt_over(p, false);
	}
	PROMISE(s, p->on_connection != id || p->in_flight == 0, "in flight on a dead connection");
}

static void on_event(struct sim *s, const struct event *e)
{
	struct partition *p = &s->partitions[e->partition];
	switch (e->kind) {
	case EVENT_PUSH:
		on_push(s, e->partition);
		break;
	case EVENT_TICK:
		produce_queue_tick(&p->queue, s->now_ns);
		break;
	case EVENT_METADATA:
		on_metadata(s, e->partition, e->a);
		break;
	case EVENT_CONNECTED:
		on_connected(s, e->partition, e->a);
		break;
	case EVENT_ARRIVE:
		on_arrive(s, e->a);
		break;
	case EVENT_WORK:
		on_work(s, e->a);
		break;
	case EVENT_REPLICATED:
		on_replicated(s, e->partition, e->a, e->b);
		break;
	case EVENT_ANSWER:
	case EVENT_STRAY_ANSWER:
		on_answer(s, e);
		break;
	case EVENT_TIMEOUT:
		on_timeout(s, e);
		break;
	case EVENT_CLOSE:
		on_close(s, e->partition, e->a);
		break;
	case EVENT_FAULT:
		on_fault(s, e->partition);
		break;
	case EVENT_ABORT:
		STORY(s, "p%d is aborted", e->partition);
		produce_queue_abort(&p->queue, s->now_ns);
		p->in_flight = 0;
		break;
	case EVENT_IDENTITY_ANSWER:
		on_identity_answer(s);
		break;
	case EVENT_IDENTITY_TICK:
		break;
	}
}

/* ---- a run ---- */

static void draw_options(struct sim *s)
{
	struct options *o = &s->options;
	static const int64_t delivery_timeouts[] = { 500 * NS_PER_MS, 2 * NS_PER_S, 60 * NS_PER_S };
	*o = (struct options){
		.partitions = 1 + (int)random_below(&s->random, PARTITIONS_MAX),
		.idempotent = chance(s, 0.8),
		.acks_all = true,
		.graceful = chance(s, 0.3),
		.fault = chance(s, 0.1) ? 0 : 0.3 * random_unit(&s->random),
		.count_max = chance(s, 0.2) ? INT32_C(1) << 30 : 1000,
		.in_flight_limit = 1 + (int32_t)random_below(&s->random, 5),
		.delivery_timeout_ns = delivery_timeouts[random_below(&s->random, 3)],
		.slow_ns = 400 * NS_PER_MS,
		.aborts = chance(s, 0.1),
		.overtakes = chance(s, 0.2),
	};
	if (o->idempotent) {
		o->fatal = chance(s, 0.5);
		o->forgets = chance(s, 0.3);
	} else {
		o->fatal = chance(s, 0.5);
		o->acks_all = chance(s, 0.5);
	}
}

static void start(struct sim *s, uint64_t seed, struct counts *counts)
{
	s->seed = seed;
	s->counts = counts;
	s->connection_count = s->event_count = 0;
	s->order = 0;
	s->now_ns = 0;
	s->next_producer_id = 1000;
	random_seed(&s->random, seed);
	random_seed(&s->queue_random, ~seed);
	draw_options(s);
	s->config = (struct produce_queue_config){
		.in_flight_limit = s->options.in_flight_limit,
		.delivery_timeout_ns = s->options.delivery_timeout_ns,
		.retry_backoff_ns = 20 * NS_PER_MS,
		.retry_backoff_max_ns = 200 * NS_PER_MS,
	};
	producer_identity_init(&s->identity, &s->queue_random);
	for (int i = 0; i < s->options.partitions; i++) {
		struct partition *p = &s->partitions[i];
		memset(p, 0, sizeof *p);
		p->connected = p->on_connection = -1;
		p->epoch = NO_PRODUCER_STAMP;
		p->broker.leader = (int)random_below(&s->random, SIM_BROKERS);
		p->broker.unknown_producer_error = chance(s, 0.5);
		produce_queue_init(&p->queue, &s->config,
			s->options.idempotent ? &s->identity : NULL, &s->queue_random);
		schedule_in(s, about(s, LATENCY_NS), EVENT_PUSH, i, 0, 0);
		schedule_in(s, about(s, 300 * NS_PER_MS), EVENT_FAULT, i, 0, 0);
		if (s->options.aborts)
			schedule_in(s, about(s, PUSHES_END_NS / 2), EVENT_ABORT, i, 0, 0);
	}
}

static void check_log(struct sim *s, int partition)
{
	struct partition *p = &s->partitions[partition];
	int32_t times[BATCHES_MAX] = { 0 }, last = -1;
	for (int32_t i = 0; i < p->broker.log_end; i++) {
		int32_t content = p->broker.log[i].content;
		times[content]++;
		if (!s->options.idempotent)
			continue;
		PROMISE(s, times[content] == 1, "p%d batch %d is in the log twice", partition,
			content);
		/* One of unknown end may turn up later: a new producer id does not fence the old.
		 */
		if (p->batches[content].result != PRODUCE_ACKED)
			continue;
		PROMISE(s, content > last, "p%d batch %d comes after %d", partition, content, last);
		last = content;
	}
	for (int32_t i = 0; i < p->batch_count; i++) {
		struct sim_batch *b = &p->batches[i];
		PROMISE(s,
			b->result == PRODUCE_UNKNOWN || b->result == PRODUCE_ACKED || times[i] == 0,
			"p%d batch %d ended as not written, but is in the log", partition, i);
		if (b->result != PRODUCE_ACKED || !s->options.acks_all)
			continue;
		PROMISE(s, times[i] > 0, "p%d batch %d is acknowledged and lost", partition, i);
		PROMISE(s, b->base_offset < 0 || p->broker.log[b->base_offset].content == i,
			"p%d batch %d is not at its offset", partition, i);
	}
}

static void finish(struct sim *s, int partition)
{
	struct partition *p = &s->partitions[partition];
	struct counts *n = s->counts;
	for (int32_t i = 0; i < p->batch_count; i++) {
		struct sim_batch *b = &p->batches[i];
		PROMISE(s, b->ended, "p%d batch %d never ended", partition, i);
		if (b->pushed_ns > CALM_NS && !s->options.aborts) {
			PROMISE(s, b->result == PRODUCE_ACKED, "p%d batch %d failed in calm",
				partition, i);
			PROMISE(s, b->batch.done_ns - b->pushed_ns < PATIENCE_NS,
				"p%d batch %d takes long in calm", partition, i);
		}
		n->acked += b->result == PRODUCE_ACKED;
		n->failed += b->result == PRODUCE_FAILED;
		n->unknown += b->result == PRODUCE_UNKNOWN;
		n->unsent += b->result == PRODUCE_UNSENT;
	}
	PROMISE(s, produce_queue_empty(&p->queue) && p->queue.in_flight == 0, "something is left");
	check_log(s, partition);
	n->resent += p->queue.resent_count;
	n->bumps += p->queue.bump_count;
}

static void run(struct sim *s, uint64_t seed, struct counts *counts)
{
	start(s, seed, counts);
	int events = 0;
	while (s->event_count > 0) {
		struct event e = take_event(s);
		s->now_ns = e.at_ns;
		on_event(s, &e);
		for (int i = 0; i < s->options.partitions; i++)
			drive(s, i);
		drive_identity(s);
		PROMISE(s, ++events < EVENTS_PER_RUN, "a livelock");
	}
	for (int i = 0; i < s->options.partitions; i++)
		finish(s, i);
	counts->runs++;
}

static void test_queues_keep_their_promises_under_faults(void **state)
{
	(void)state;
	struct sim *s = malloc(sizeof *s);
	struct counts n = { 0 };
	const char *seed = getenv("SEED"), *runs = getenv("RUNS"), *verbose = getenv("VERBOSE");
	assert_non_null(s);
	s->verbose = verbose && *verbose == '1';
	uint64_t first = seed ? strtoull(seed, NULL, 0) : 1;
	uint64_t count = seed ? 1 : runs ? strtoull(runs, NULL, 0) : RUNS;
	for (uint64_t i = 0; i < count; i++)
		run(s, first + i, &n);
	free(s);
	printf("# %llu runs: acked %llu failed %llu unknown %llu unsent %llu, resent %llu, "
	       "epochs bumped %llu, producer ids renewed %llu, recognised again %llu\n",
		(unsigned long long)n.runs, (unsigned long long)n.acked,
		(unsigned long long)n.failed, (unsigned long long)n.unknown,
		(unsigned long long)n.unsent, (unsigned long long)n.resent,
		(unsigned long long)n.bumps, (unsigned long long)n.new_ids,
		(unsigned long long)n.duplicates);
	printf("# zombies applied %llu, tails lost %llu of %llu moves, timeouts %llu, stray "
	       "answers "
	       "%llu, sequences wrapped %llu, producers forgotten %llu, epochs refused %llu\n",
		(unsigned long long)n.zombies, (unsigned long long)n.tails_lost,
		(unsigned long long)n.moves, (unsigned long long)n.timeouts,
		(unsigned long long)n.strays, (unsigned long long)n.wraps,
		(unsigned long long)n.forgets, (unsigned long long)n.confusions);
	if (count < RUNS)
		return;
	/* A simulation that no longer reaches its rare paths proves nothing. */
	const uint64_t reached[] = { n.acked, n.failed, n.unknown, n.unsent, n.resent, n.bumps,
		n.new_ids, n.duplicates, n.zombies, n.tails_lost, n.moves, n.timeouts, n.strays,
		n.wraps, n.forgets, n.confusions };
	for (size_t i = 0; i < COUNT_OF(reached); i++)
		assert_true(reached[i] > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queues_keep_their_promises_under_faults),
	};
	return RUN_TESTS(tests);
}
