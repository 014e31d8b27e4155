/* A producer's connection to one broker and its window of requests: see link.h. */
#include "link.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "lane.h"
#include "producer.h"
#include "proto/error.h"
#include "worker.h"

#define FRAME_FIXED_SIZE     1024 /* header, client id, topic name, and what else there is once */
#define FRAME_PARTITION_SIZE 16   /* index, size of the records, tags */
#define SKEW_SLACK           2.0  /* batches that a lane may run ahead of its share */

static const struct connection_events link_events;

/* ---- slots ---- */

static int slot_open(struct link_slot *s, struct link *link)
{
	size_t n = (size_t)link->batch_limit;
	s->link = link;
	s->frame = malloc(FRAME_FIXED_SIZE + n * FRAME_PARTITION_SIZE);
	s->splices = calloc(n, sizeof *s->splices);
	s->pieces = calloc(2 * n + 1, sizeof *s->pieces);
	s->partitions = calloc(n, sizeof *s->partitions);
	s->batches = calloc(n, sizeof *s->batches);
	if (!s->frame || !s->splices || !s->pieces || !s->partitions || !s->batches)
		return -ENOMEM;
	s->next_free = link->free;
	link->free = s;
	return 0;
}

static void slot_close(struct link_slot *s)
{
	free(s->frame);
	free(s->splices);
	free(s->pieces);
	free(s->partitions);
	free(s->batches);
}

static void slot_give(struct link_slot *s)
{
	s->count = 0;
	s->next_free = s->link->free;
	s->link->free = s;
	s->link->used--;
}

/* ---- answers ---- */

static const struct produce_partition_response *answer_find(
	const struct produce_response *response, int32_t partition, int32_t hint)
{
	if (response->responses.count != 1)
		return NULL;
	const struct produce_topic_response *topic = &response->responses.items[0];
	/* Brokers keep the order of the request, as a rule. */
	if (hint < topic->partition_responses.count &&
		topic->partition_responses.items[hint].index == partition)
		return &topic->partition_responses.items[hint];
	for (int32_t i = 0; i < topic->partition_responses.count; i++)
		if (topic->partition_responses.items[i].index == partition)
			return &topic->partition_responses.items[i];
	return NULL;
}

/* KIP-219: the broker answers at once and mutes the connection; a client that knows waits too. */
static void throttle(struct link *link, int32_t throttle_time_ms, int64_t now_ns)
{
	if (throttle_time_ms <= 0)
		return;
	int64_t until_ns = now_ns + throttle_time_ms * NS_PER_MS;
	link->throttled_ns += MAX(until_ns - MAX(link->muted_until_ns, now_ns), 0);
	link->muted_until_ns = MAX(link->muted_until_ns, until_ns);
	link->producer->worker->throttle_ms += throttle_time_ms;
}

static void slot_lost(struct link_slot *s, int error, int64_t now_ns)
{
	struct worker *w = s->link->producer->worker;
	if (error == -ETIMEDOUT)
		w->timed_out_requests++;
	else if (error != -ECANCELED) /* that was our own end */
		w->lost_requests++;
	w->request_errors += error != -ECANCELED;
	for (int32_t i = 0; i < s->count; i++) {
		struct link_slot_batch *b = &s->batches[i];
		produce_queue_lost(&b->batch->lane->queue, &b->batch->queue, b->attempt, now_ns);
	}
}

static void slot_answered(struct link_slot *s, const struct response *response)
{
	struct worker *w = s->link->producer->worker;
	const struct produce_response *body = response->body;
	for (int32_t i = 0; i < s->count; i++) {
		struct link_slot_batch *b = &s->batches[i];
		struct lane *lane = b->batch->lane;
		struct produce_answer answer = { .base_offset = -1, .log_append_ms = -1 };
		if (body) {
			const struct produce_partition_response *p =
				answer_find(body, lane->partition, i);
			answer.error = p ? p->error_code : ERROR_UNKNOWN_SERVER_ERROR;
			if (p) {
				answer.base_offset = p->base_offset;
				answer.log_append_ms = p->log_append_time_ms;
			}
		}
		if (answer.error)
			worker_count_error(w, answer.error, 1);
		produce_queue_answered(
			&lane->queue, &b->batch->queue, b->attempt, &answer, response->received_ns);
	}
	if (body)
		throttle(s->link, body->throttle_time_ms, response->received_ns);
}

static void slot_done(struct request *r, const struct response *response)
{
	struct link_slot *s = CONTAINER_OF(r, struct link_slot, request);
	struct link *link = s->link;
	if (response->error)
		slot_lost(s, response->error, loop_now_ns(link->connection.loop));
	else
		slot_answered(s, response);
	slot_give(s);
}

/* ---- requests ---- */

/* Asks a lane for a batch and puts it into the request. False when it has none. */
static bool slot_add(struct link_slot *s, struct lane *lane, size_t *size, int64_t now_ns)
{
	struct load_batch *batch = lane_take(lane, now_ns);
	if (!batch)
		return false;
	s->partitions[s->count] = (struct produce_partition){
		.index = lane->partition,
		.records = batch->records,
	};
	s->batches[s->count] = (struct link_slot_batch){ .batch = batch };
	s->count++;
	*size += batch->bytes.iov_len;
	return true;
}

/*
 * How far the lanes of a skewed closed loop may go now: those that are ahead of their share wait
 * for those that are behind it and have something to send.
 */
static double pace_limit(const struct link *link, int64_t now_ns)
{
	const struct load *load = link->producer->worker->load;
	if (load->open_loop || load->plan.skew.kind == SKEW_UNIFORM || load->plan.records)
		return INFINITY;
	double lowest = INFINITY;
	for (int32_t i = 0; i < link->lane_count; i++)
		if (lane_due(link->lanes[i], now_ns) > 0)
			lowest = MIN(lowest, link->lanes[i]->pace);
	return lowest + SKEW_SLACK * load->batch_records * (double)link->producer->lane_count;
}

static void slot_gather(struct link_slot *s, int64_t now_ns)
{
	struct link *link = s->link;
	size_t limit = link->producer->worker->load->request_size, size = 0;
	double pace = pace_limit(link, now_ns);
	for (int32_t i = 0; i < link->lane_count && size < limit && s->count < link->batch_limit;
		i++) {
		struct lane *lane = link->lanes[link->next_lane];
		link->next_lane = (link->next_lane + 1) % link->lane_count;
		if (lane->pace <= pace)
			slot_add(s, lane, &size, now_ns);
	}
}

static void slot_send(struct link_slot *s, int64_t now_ns)
{
	struct link *link = s->link;
	struct worker *w = link->producer->worker;
	const struct load *load = w->load;
	s->topic = (struct produce_topic){ .name = string_of(load->topic) };
	s->topic.partition_data.items = s->partitions;
	s->topic.partition_data.count = s->count;
	s->body = (struct produce_request){
		.transactional_id = NULL_STRING,
		.acks = load->acks,
		.timeout_ms = (int32_t)(load->request_timeout_ns / NS_PER_MS),
	};
	s->body.topic_data.items = &s->topic;
	s->body.topic_data.count = 1;
	s->request = (struct request){
		.api = API_PRODUCE,
		.body = &s->body,
		.version_limit = PRODUCE_VERSION,
		.one_way = load->acks == 0,
		.frame = s->frame,
		.frame_size = FRAME_FIXED_SIZE + link->batch_limit * FRAME_PARTITION_SIZE,
		.splices = s->splices,
		.splice_limit = link->batch_limit,
		.pieces = s->pieces,
		.piece_limit = 2 * link->batch_limit + 1,
		.done = slot_done,
	};
	int result = connection_send(&link->connection, &s->request);
	assert(result == 0); /* ready, sized for it, and the version was checked when it opened */
	w->requests++;
	for (int32_t i = 0; i < s->count; i++) {
		struct load_batch *b = s->batches[i].batch;
		produce_queue_sent(&b->lane->queue, &b->queue, now_ns);
		s->batches[i].attempt = b->queue.attempt;
	}
}

/* Books the time with a full window whose bytes the broker does not read. */
static void socket_observe(struct link *link, int64_t now_ns)
{
	if (link->socket_full_since_ns > 0)
		link->socket_full_ns += now_ns - link->socket_full_since_ns;
	bool full = !link->free && link->epoch != PRODUCE_NO_CONNECTION &&
		    stream_queued_bytes(&link->connection.stream) > 0;
	link->socket_full_since_ns = full ? now_ns : 0;
}

/* A connection that is going down still has its epoch until the stream is closed, turns later. */
static bool link_usable(const struct link *link, int64_t now_ns)
{
	return link->epoch != PRODUCE_NO_CONNECTION && connection_ready(&link->connection) &&
	       link->muted_until_ns <= now_ns;
}

void link_pump(struct link *link, int64_t now_ns)
{
	link->pool_empty = false;
	socket_observe(link, now_ns);
	if (!link_usable(link, now_ns))
		return;
	while (link->free) {
		struct link_slot *s = link->free;
		slot_gather(s, now_ns);
		if (s->count == 0)
			break;
		link->free = s->next_free;
		link->used++;
		slot_send(s, now_ns);
	}
}

bool link_blocked(const struct link *link, int64_t now_ns)
{
	return !link_usable(link, now_ns) || !link->free || link->pool_empty;
}

/* ---- the connection ---- */

static void lanes_connect(struct link *link, int64_t now_ns)
{
	for (int32_t i = 0; i < link->lane_count; i++)
		produce_queue_connect(&link->lanes[i]->queue, link->epoch, now_ns);
}

static void link_ready(struct connection *c)
{
	struct link *link = c->owner;
	struct worker *w = link->producer->worker;
	if (connection_version(c, API_PRODUCE, PRODUCE_VERSION) < 0) {
		connection_drop(
			c, -EPROTONOSUPPORT, "it speaks no version of Produce that harrow does");
		return;
	}
	if (!w->congestion[0])
		stream_congestion(&c->stream, w->congestion);
	link->epoch = ++link->producer->link_epochs;
	lanes_connect(link, loop_now_ns(c->loop));
}

static void link_lost(struct connection *c, const char *reason)
{
	struct link *link = c->owner;
	struct worker *w = link->producer->worker;
	snprintf(w->reason, sizeof w->reason, "broker %d at %s: %s", link->broker, c->name, reason);
	link->epoch = PRODUCE_NO_CONNECTION;
	link->muted_until_ns = 0;
	lanes_connect(link, loop_now_ns(c->loop));
	cluster_refresh(&w->cluster);
	/* The broker may have come back at another address. */
	const struct broker *b = cluster_broker(&w->cluster, link->broker);
	if (b && b->address.size)
		connection_redirect(c, b->name, &b->address);
}

static void link_closed(struct connection *c)
{
	struct link *link = c->owner;
	link->epoch = PRODUCE_NO_CONNECTION;
	link->closed = true;
}

static const struct connection_events link_events = {
	.ready = link_ready,
	.lost = link_lost,
	.closed = link_closed,
};

struct link *link_open(struct producer *p, const struct broker *broker, int32_t index)
{
	const struct load *load = p->worker->load;
	struct link *link = calloc(1, sizeof *link);
	if (!link)
		return NULL;
	link->producer = p;
	link->broker = broker->id;
	link->index = index;
	link->slot_count = load->in_flight;
	link->batch_limit = MIN(p->lane_count, REQUEST_BATCHES_MAX);
	link->lanes = calloc((size_t)p->lane_count, sizeof *link->lanes);
	link->slots = calloc((size_t)link->slot_count, sizeof *link->slots);
	if (!link->lanes || !link->slots)
		goto free_link;
	for (int32_t i = 0; i < link->slot_count; i++)
		if (slot_open(&link->slots[i], link) < 0)
			goto free_link;
	connection_init(&link->connection, p->worker->loop, broker->name, &broker->address,
		&load->connection, &link_events, link, random_next(&p->random));
	connection_open(&link->connection);
	return link;

free_link:
	link->closed = true;
	link_free(link);
	return NULL;
}

void link_free(struct link *link)
{
	assert(link->closed);
	for (int32_t i = 0; link->slots && i < link->slot_count; i++)
		slot_close(&link->slots[i]);
	free(link->slots);
	free(link->lanes);
	free(link);
}
