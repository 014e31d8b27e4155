/*
 * The intake: a Produce request, taken apart while it arrives (KIP-98, KIP-516, KIP-951).
 *
 * Where records are kept they are received straight into the store; where not, the head of each
 * batch is read and the rest dropped unread. Nothing is appended before the frame is complete.
 * Follows KafkaApis.handleProduceRequest and ReplicaManager.appendRecords.
 */
#ifndef BROKER_INTAKE_H
#define BROKER_INTAKE_H

#include "base.h"
#include "exchange.h"
#include "io/stream.h"
#include "partition_log.h"
#include "proto/produce_reader.h"
#include "store.h"

#define INTAKE_ROOM_RETRY_NS (5 * NS_PER_MS)
#define INTAKE_ROOM_WAIT_NS  (1 * NS_PER_S) /* then KAFKA_STORAGE_ERROR */

/* What becomes of the records of a partition. */
enum intake_use {
	INTAKE_DROP, /* refused already, or the head has been read */
	INTAKE_HEAD, /* only the head of the batch is looked at */
	INTAKE_KEEP, /* received into the store, or into memory that is checked and given back */
};

struct intake_partition {
	struct intake_partition *next;
	int32_t index;
	int16_t error_code; /* known before the frame was complete */
	bool applied;       /* a fault: append it, then answer error_code */
	uint8_t use;
	const char *error_message; /* static or in the exchange's memory; NULL */
	struct append_batch batch;
	struct store_space space; /* slab NULL: not in the store */
};

struct intake_topic {
	struct intake_topic *next;
	struct string name;
	struct uuid id;
	int32_t partition_count;
	struct intake_partition *first, *last;
};

enum intake_step {
	INTAKE_MORE,  /* it needs bytes that have not come */
	INTAKE_ASKED, /* it has asked the stream for a skip or to receive into memory */
	INTAKE_FULL,  /* the store has no room: come again at session->room_ns */
	INTAKE_DONE,  /* the frame is complete */
	INTAKE_BAD,   /* see `reason` */
};

struct intake {
	struct exchange *exchange;
	struct produce_reader reader;
	int16_t acks;
	bool transactional;
	int32_t topic_count;
	struct intake_topic *first;         /* in the order of the request */
	struct intake_topic *topic;         /* the one being read */
	struct intake_partition *partition; /* whose records come next, else NULL */
	int32_t left;                       /* bytes of them */
	int64_t full_since_ns;              /* 0: there was room */
	int64_t room_ns;                    /* INTAKE_FULL: when to try again */
	bool holding;                       /* has got room in the store */
	const char *reason;
};

/* x->api, version and client_id are known; `size` bytes of body follow the request's header. */
void intake_open(struct intake *, struct exchange *, int32_t size);

/* Takes bytes; *used of them. With INTAKE_ASKED the stream has been told what it gets next: only
 * from its `received` callback. */
enum intake_step intake_feed(struct intake *, struct stream *, const uint8_t *data, size_t size,
	int64_t now_ns, size_t *used);

/* What was asked for has come. */
void intake_taken(struct intake *);

/* Appends, and ends the exchange, when the frame is complete. */
void intake_finish(struct intake *);

/* Gives back the room, when the connection ends before that. */
void intake_abandon(struct intake *);

#endif
