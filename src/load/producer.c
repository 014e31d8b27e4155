/* A producer: its id, its lanes, its links: see producer.h. */
#include "producer.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/error.h"
#include "worker.h"

int producer_init(struct producer *p, struct worker *w, uint32_t index)
{
	const struct load *load = w->load;
	*p = (struct producer){ .worker = w, .index = index };
	uint64_t seed = load->seed + UINT64_C(0x9e3779b97f4a7c15) * (index + 1);
	random_seed(&p->random, seed);
	producer_identity_init(&p->identity, &p->random);
	p->lane_count = (int32_t)load->plan.partitions;
	p->lanes = calloc((size_t)p->lane_count, sizeof *p->lanes);
	if (!p->lanes)
		return -ENOMEM;
	for (int32_t i = 0; i < p->lane_count; i++)
		lane_init(&p->lanes[i], p, i);
	return 0;
}

void producer_free(struct producer *p)
{
	for (int32_t i = 0; i < p->link_count; i++)
		link_free(p->links[i]);
	for (int32_t i = 0; p->lanes && i < p->lane_count; i++)
		lane_free(&p->lanes[i]);
	free(p->links);
	free(p->lanes);
}

/* ---- the producer id ---- */

static void identity_done(struct request *r, const struct response *response)
{
	struct producer *p = CONTAINER_OF(r, struct producer, identity_request);
	struct worker *w = p->worker;
	int64_t now_ns = loop_now_ns(w->loop);
	if (response->error) {
		producer_identity_lost(&p->identity, now_ns);
		return;
	}
	const struct init_producer_id_response *body = response->body;
	if (body->error_code) {
		worker_count_error(w, body->error_code, 1);
		snprintf(w->reason, sizeof w->reason, "InitProducerId was refused: %s",
			error_info(body->error_code)->name);
	}
	producer_identity_answered(
		&p->identity, body->error_code, body->producer_id, body->producer_epoch, now_ns);
}

static void identity_request(struct producer *p, int64_t now_ns)
{
	static const struct init_producer_id_request body = {
		.transactional_id = { NULL, -1 },
		.transaction_timeout_ms = INT32_MAX,
		.producer_id = -1,
		.producer_epoch = -1,
	};
	if (!producer_identity_request_due(&p->identity, now_ns))
		return;
	p->identity_request = (struct request){
		.api = API_INIT_PRODUCER_ID,
		.body = &body,
		.version_limit = VERSION_ANY,
		.frame = p->identity_frame,
		.frame_size = sizeof p->identity_frame,
		.pieces = &p->identity_piece,
		.piece_limit = 1,
		.done = identity_done,
	};
	if (connection_send(p->worker->cluster.control, &p->identity_request) == 0)
		producer_identity_requested(&p->identity);
}

/* ---- routes ---- */

static struct link *link_to(struct producer *p, int32_t broker, int32_t index)
{
	for (int32_t i = 0; i < p->link_count; i++)
		if (p->links[i]->broker == broker && p->links[i]->index == index)
			return p->links[i];
	const struct broker *b = cluster_broker(&p->worker->cluster, broker);
	if (!b || !b->address.size)
		return NULL;
	struct link **more = realloc(p->links, (size_t)(p->link_count + 1) * sizeof *more);
	if (!more)
		return NULL;
	p->links = more;
	struct link *link = link_open(p, b, index);
	if (link)
		p->links[p->link_count++] = link;
	return link;
}

static void lane_unroute(struct lane *lane)
{
	struct link *link = lane->link;
	struct lane *last = link->lanes[--link->lane_count];
	link->lanes[lane->link_place] = last;
	last->link_place = lane->link_place;
	link->next_lane = 0;
	lane->link = NULL;
}

static void lane_route(struct lane *lane, struct link *link)
{
	if (lane->link)
		lane_unroute(lane);
	if (!link)
		return;
	lane->link = link;
	lane->link_place = link->lane_count;
	link->lanes[link->lane_count++] = lane;
}

void producer_route(struct producer *p)
{
	struct worker *w = p->worker;
	const struct topic *topic = &w->cluster.topic;
	int64_t now_ns = loop_now_ns(w->loop);
	for (int32_t i = 0; i < p->lane_count; i++) {
		struct lane *lane = &p->lanes[i];
		int32_t leader =
			i < topic->partition_count ? topic->partitions[i].leader : LEADER_UNKNOWN;
		struct link *link =
			leader >= 0 ? link_to(p, leader, i % w->load->connections) : NULL;
		if (link != lane->link) {
			lane_route(lane, link);
			produce_queue_connect(
				&lane->queue, link ? link->epoch : PRODUCE_NO_CONNECTION, now_ns);
		}
		if (!link)
			cluster_refresh(&w->cluster);
	}
}

bool producer_ready(const struct producer *p)
{
	if (p->worker->load->idempotent && p->identity.state != IDENTITY_READY)
		return false;
	for (int32_t i = 0; i < p->lane_count; i++)
		if (!p->lanes[i].link || p->lanes[i].link->epoch == PRODUCE_NO_CONNECTION)
			return false;
	return true;
}

/* ---- turning it ---- */

static void lane_serve(struct lane *lane, int64_t now_ns)
{
	struct worker *w = lane->producer->worker;
	produce_queue_tick(&lane->queue, now_ns);
	if (produce_queue_take_doubt(&lane->queue))
		cluster_refresh(&w->cluster);
	lane_collect(lane, now_ns);
}

void producer_pump(struct producer *p, int64_t now_ns)
{
	if (p->worker->load->idempotent)
		identity_request(p, now_ns);
	for (int32_t i = 0; i < p->lane_count; i++)
		lane_serve(&p->lanes[i], now_ns);
	for (int32_t i = 0; i < p->link_count; i++)
		link_pump(p->links[i], now_ns);
	for (int32_t i = 0; i < p->lane_count; i++) {
		struct lane *lane = &p->lanes[i];
		waits_set(
			&lane->waits, !lane_open(lane) || link_blocked(lane->link, now_ns), now_ns);
	}
}

int64_t producer_next_ns(struct producer *p, int64_t now_ns)
{
	int64_t next_ns = NEVER_NS;
	/* Without the connection there is nothing to do but to wait for it. */
	if (p->worker->load->idempotent && connection_ready(p->worker->cluster.control))
		next_ns = producer_identity_deadline_ns(&p->identity);
	for (int32_t i = 0; i < p->lane_count; i++)
		next_ns = MIN(next_ns, lane_next_ns(&p->lanes[i], now_ns));
	for (int32_t i = 0; i < p->link_count; i++)
		if (p->links[i]->muted_until_ns > now_ns)
			next_ns = MIN(next_ns, p->links[i]->muted_until_ns);
	return next_ns;
}

bool producer_drained(struct producer *p, bool taking, int64_t now_ns)
{
	for (int32_t i = 0; i < p->lane_count; i++) {
		struct lane *lane = &p->lanes[i];
		bool closed = lane->queue.state == PRODUCE_QUEUE_CLOSED;
		if (!produce_queue_empty(&lane->queue) ||
			(taking && !closed && lane_due(lane, now_ns) > 0))
			return false;
	}
	return true;
}

/* ---- ending it ---- */

void producer_close(struct producer *p)
{
	for (int32_t i = 0; i < p->link_count; i++)
		connection_close(&p->links[i]->connection);
}

bool producer_closed(const struct producer *p)
{
	for (int32_t i = 0; i < p->link_count; i++)
		if (!p->links[i]->closed)
			return false;
	return true;
}

void producer_abort(struct producer *p, int64_t now_ns)
{
	for (int32_t i = 0; i < p->lane_count; i++) {
		waits_set(&p->lanes[i].waits, false, now_ns);
		produce_queue_abort(&p->lanes[i].queue, now_ns);
		lane_collect(&p->lanes[i], now_ns);
	}
}
