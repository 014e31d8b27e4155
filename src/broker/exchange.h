/*
 * An exchange: one request on its way through the embedded broker, from the last byte of its frame
 * to the last byte of its answer. Handlers get it decoded and end it, at once or later.
 *
 * The rules that a handler keeps:
 * - It ends the exchange exactly once, by one of exchange_answer, exchange_end, exchange_drop. The
 *   exchange and all memory in its arena are gone then (memory of records: see exchange_hold).
 * - To end it later, it calls exchange_defer. Should the connection be lost first, `cancelled` is
 *   called once, in place of an end; the handler forgets the exchange.
 * - It takes time from exchange->now_ns (or the loop), never from a clock.
 *
 * As a Kafka broker does, a session handles one exchange at a time and answers in order: a deferred
 * exchange holds back the requests behind it, except where the service model is what it waits for.
 */
#ifndef BROKER_EXCHANGE_H
#define BROKER_EXCHANGE_H

#include "arena.h"
#include "base.h"
#include "io/buffers.h"
#include "proto/api.h"
#include "proto/error.h"

struct stage;
struct session;

struct exchange {
	struct stage *stage;
	struct session *session;
	int32_t node_id; /* the broker of the stage that was asked */
	enum api api;
	int version;
	int32_t correlation_id;
	struct string client_id; /* may be null */
	const void *body;        /* the decoded request; what it points at lasts until the end */
	struct arena *arena;     /* for the answer; reset at the end */
	int64_t arrived_ns;      /* the last byte of the request */
	int64_t now_ns;          /* the loop's, when the handler was called */
	int32_t size;            /* of the request's frame */

	/* Set by exchange_defer. */
	void (*cancelled)(struct exchange *);
	void *handler_data;

	/* The session's own. */
	struct exchange_private *own;
};

/*
 * Answers with the response message of exchange->api, in its version. throttle_time_ms is filled in
 * by quotas (an int32 member of that name is found in the table). Records are sent from where they
 * lie: their slabs must have been given to exchange_hold.
 */
void exchange_answer(struct exchange *, void *body);

/* Ends without an answer: Produce with acks 0. */
void exchange_end(struct exchange *);

/* Closes the connection instead, with one line in the log: "... closed: <reason>". */
void exchange_drop(struct exchange *, const char *reason);

/* The handler will end it later. */
void exchange_defer(struct exchange *, void (*cancelled)(struct exchange *), void *handler_data);

/* The slab has one user more until the answer has been sent. */
void exchange_hold(struct exchange *, struct slab *);

/* Zeroed memory for the answer; never NULL: at the limit the connection is dropped after the
 * handler returns, and the memory returned is a scratch of the stage's. Sizes up to
 * EXCHANGE_ALLOC_MAX. */
void *exchange_alloc(struct exchange *, size_t size);

/* A copy of the text, in the exchange's arena. */
struct string exchange_text(struct exchange *, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* One row per API that the broker serves, in handlers.c. */
struct handler {
	void (*handle)(struct exchange *); /* NULL: not served */
	int16_t last;                      /* the highest version that is advertised */
};

extern const struct handler handlers[API_COUNT];

void handle_api_versions(struct exchange *);
void handle_metadata(struct exchange *);
void handle_describe_cluster(struct exchange *);
void handle_create_topics(struct exchange *);
void handle_delete_topics(struct exchange *);
void handle_create_partitions(struct exchange *);
void handle_describe_configs(struct exchange *);
void handle_init_producer_id(struct exchange *);
void handle_fetch(struct exchange *);
void handle_list_offsets(struct exchange *);
void handle_delete_records(struct exchange *);

#endif
