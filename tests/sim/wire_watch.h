/*
 * Reads along on a simulated network, as Kafka's framing has it, knowing neither side: correlation
 * ids ascend on a connection, answers come in the order of the requests, no more Produce requests
 * are on the way on one connection than the limit. Sums up every byte, for comparing runs.
 */
#ifndef WIRE_WATCH_H
#define WIRE_WATCH_H

#include "proto/api.h"
#include "sim_test.h"

#define WATCH_CONNECTIONS_MAX 4096
#define WATCH_WAITING_MAX     64
#define WATCH_HEAD_SIZE       12 /* size, API, version, correlation id; answers: size, id */

struct watch_flow {
	uint8_t head[WATCH_HEAD_SIZE];
	size_t head_size;
	uint64_t left; /* of the frame */
};

struct watch_request {
	int16_t api;
	int32_t correlation_id;
};

struct watch_connection {
	struct watch_flow flows[2]; /* of the broker, of the client */
	struct watch_request waiting[WATCH_WAITING_MAX];
	size_t waiting_count;
	int produces;
	int64_t last_id;
	bool unreadable; /* the broker sent garbage */
};

struct watch {
	int in_flight_limit; /* of Produce requests */
	bool one_way;        /* Produce is not answered */
	bool garbage;        /* the broker may send some */
	bool talk;
	const struct sim *sim;
	uint64_t sum; /* of all bytes and when they were sent */
	uint64_t requests, answers;
	int produces_most;
	struct watch_connection *connections[WATCH_CONNECTIONS_MAX];
};

static inline int32_t watch_int32(const uint8_t *data)
{
	return (int32_t)((uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 |
			 (uint32_t)data[2] << 8 | data[3]);
}

static inline void watch_request(struct watch *w, struct watch_connection *c, uint64_t number)
{
	const uint8_t *head = c->flows[1].head;
	struct watch_request r = {
		.api = (int16_t)(head[4] << 8 | head[5]),
		.correlation_id = watch_int32(head + 8),
	};
	w->requests++;
	if (w->talk)
		printf("%12.6f ms  %llu: request %d of API %d\n",
			(double)sim_now_ns(w->sim) / (double)NS_PER_MS, (unsigned long long)number,
			r.correlation_id, r.api);
	CHECK((int64_t)r.correlation_id > c->last_id,
		"connection %llu: correlation id %d after %lld", (unsigned long long)number,
		r.correlation_id, (long long)c->last_id);
	c->last_id = r.correlation_id;
	bool produce = r.api == 0;
	if (produce && w->one_way)
		return;
	CHECK(c->waiting_count < WATCH_WAITING_MAX, "too many requests on one connection");
	c->waiting[c->waiting_count++] = r;
	c->produces += produce;
	w->produces_most = MAX(w->produces_most, c->produces);
	CHECK(c->produces <= w->in_flight_limit, "connection %llu: %d Produce requests in flight",
		(unsigned long long)number, c->produces);
}

static inline void watch_answer(struct watch *w, struct watch_connection *c, uint64_t number)
{
	int32_t id = watch_int32(c->flows[0].head + 4);
	bool expected = c->waiting_count > 0 && c->waiting[0].correlation_id == id;
	w->answers++;
	if (w->talk)
		printf("%12.6f ms  %llu: answer %d\n",
			(double)sim_now_ns(w->sim) / (double)NS_PER_MS, (unsigned long long)number,
			id);
	if (!expected && w->garbage) {
		c->unreadable = true;
		return;
	}
	CHECK(expected, "connection %llu: the broker answers %d, which is not next",
		(unsigned long long)number, id);
	c->produces -= c->waiting[0].api == 0;
	c->waiting_count--;
	memmove(c->waiting, c->waiting + 1, c->waiting_count * sizeof c->waiting[0]);
}

static inline void watch_tap(
	void *context, uint64_t number, bool from_client, const uint8_t *data, size_t size)
{
	struct watch *w = context;
	CHECK(number < WATCH_CONNECTIONS_MAX, "too many connections");
	struct watch_connection *c = w->connections[number];
	if (!c) {
		c = w->connections[number] = calloc(1, sizeof *c);
		CHECK(c, "no memory");
		c->last_id = -1;
	}
	uint64_t x = w->sum ^ (number << 32) ^ (uint64_t)from_client ^
		     ((uint64_t)sim_now_ns(w->sim) << 16);
	for (size_t i = 0; i < size; i++)
		x = (x ^ data[i]) * UINT64_C(0x100000001b3);
	w->sum = random_mix(&x);
	struct watch_flow *f = &c->flows[from_client];
	size_t head_size = from_client ? 12 : 8;
	while (size > 0 && !c->unreadable) {
		if (f->left > 0) {
			size_t part = (size_t)MIN(f->left, (uint64_t)size);
			f->left -= part;
			data += part;
			size -= part;
			continue;
		}
		f->head[f->head_size++] = *data++;
		size--;
		if (f->head_size < head_size)
			continue;
		f->head_size = 0;
		int64_t frame = 4 + (int64_t)watch_int32(f->head);
		if (frame < (int64_t)head_size) {
			CHECK(w->garbage && !from_client, "a frame of %lld bytes",
				(long long)frame);
			c->unreadable = true;
			break;
		}
		f->left = (uint64_t)frame - head_size;
		if (from_client)
			watch_request(w, c, number);
		else
			watch_answer(w, c, number);
	}
}

static inline void watch_free(struct watch *w)
{
	for (size_t i = 0; i < WATCH_CONNECTIONS_MAX; i++)
		free(w->connections[i]);
}

#endif
