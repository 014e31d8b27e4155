/*
 * A link: a producer's connection to one broker, with a window of Produce requests. It gathers the
 * batches of its lanes into requests, and hands the answers to their queues.
 */
#ifndef LOAD_LINK_H
#define LOAD_LINK_H

#include "batch_pool.h"
#include "load.h"
#include "proto/produce.h"

struct producer;
struct lane;

struct link_slot_batch {
	struct load_batch *batch;
	uint32_t attempt;
};

/* One Produce request in the window, with all the memory that it needs. */
struct link_slot {
	struct link *link;
	struct request request;
	uint8_t *frame;
	struct splice *splices;
	struct iovec *pieces;
	struct produce_request body;
	struct produce_topic topic;
	struct produce_partition *partitions;
	struct link_slot_batch *batches;
	int32_t count;
	struct link_slot *next_free;
};

struct link {
	struct producer *producer;
	int32_t broker;
	int32_t index; /* among the links to this broker */
	struct connection connection;
	bool closed;
	uint64_t epoch; /* of the present connection; PRODUCE_NO_CONNECTION while it is not ready */
	struct link_slot *slots, *free;
	int32_t slot_count, used, batch_limit;
	struct lane **lanes; /* those routed here */
	int32_t lane_count, next_lane;
	int64_t muted_until_ns; /* the broker throttles */
	bool pool_empty;
	int64_t socket_full_since_ns, socket_full_ns, throttled_ns; /* for the verdict */
};

/* NULL when memory is short. Starts to connect. */
struct link *link_open(struct producer *, const struct broker *, int32_t index);
void link_free(struct link *); /* when closed */

/* Sends requests while the window, the lanes and the pool allow. */
void link_pump(struct link *, int64_t now_ns);

/* Whether the window is what stands in the way of its lanes. */
bool link_blocked(const struct link *, int64_t now_ns);

#endif
