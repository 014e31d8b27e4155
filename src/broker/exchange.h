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
#include "fault.h"
#include "io/buffers.h"
#include "list.h"
#include "proto/api.h"
#include "proto/error.h"

struct stage;
struct session;

/*
 * What an answer may take, beside what the decoded request took (EXCHANGE_REQUEST_MAX). An answer
 * has a bounded number of bytes per item of its request, so a list of the request's length always
 * fits EXCHANGE_ALLOC_MAX; a handler that says the same thing again and again (all partitions of a
 * topic that is named a million times) asks exchange_full once per item and stops.
 */
#define EXCHANGE_REQUEST_MAX ((size_t)8 * 1024 * 1024)
#define EXCHANGE_ALLOC_MAX   ((size_t)64 * 1024 * 1024)

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

	/* What faults do to it; `faulty` is false when there are none to ask, see exchange_fault.
	 */
	bool faulty;
	struct fault_plan plan;

	/* Set by exchange_defer. */
	void (*cancelled)(struct exchange *);
	void *handler_data;

	/* private to exchange.c, session.c and intake.c from here on */
	struct arena memory;
	size_t accounted;            /* of it, in the stage's sum */
	struct exchange_hold *holds; /* newest first */
	int32_t hold_count;
	bool deferred, full;
	int64_t served_ns; /* when the service model lets the answer go; 0: at once */
	struct list node;  /* of the stage's free ones */
};

/*
 * Answers with the response message of exchange->api, in its version. throttle_time_ms is filled in
 * by quotas (an int32 member of that name is found in the table); the handler of Fetch, which must
 * know before it answers, asks them itself and has set it. The connection is muted for that long.
 * Records are sent from where they lie: their slabs must have been given to exchange_hold.
 */
void exchange_answer(struct exchange *, void *body);

/* Ends without an answer: Produce with acks 0. */
void exchange_end(struct exchange *);

/* Closes the connection instead, with one line in the log: "... closed: <reason>". */
void exchange_drop(struct exchange *, const char *reason);

/* The handler will end it later. */
void exchange_defer(struct exchange *, void (*cancelled)(struct exchange *), void *handler_data);

/* Takes over one use of the slab (the caller's slab_hold, or the one that partition_log_read hands
 * out); released when the answer has been sent, or will not be. */
void exchange_hold(struct exchange *, struct slab *);

/* Zeroed memory for the answer, of EXCHANGE_ALLOC_MAX bytes at most; never NULL: at the limit the
 * connection is dropped after the handler returns, and the memory returned is a scratch of the
 * stage's, which is soon overwritten by the next one. */
void *exchange_alloc(struct exchange *, size_t size);

/* Whether that limit was reached: it is of no use to go on. */
bool exchange_full(const struct exchange *);

/* faults_partition for this request: an error code or 0; 0 at once where exchange->faulty is not
 * set. Sets *applied. */
int16_t exchange_fault(struct exchange *, struct string topic, int32_t partition, bool *applied);

/* A copy of the text, in the exchange's arena. */
struct string exchange_text(struct exchange *, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- for the session and the intake ---- */

/* An exchange of the session, with nothing read yet; NULL: no memory. */
struct exchange *exchange_open(struct session *);
/* Forgets it, without an answer: nobody is told. */
void exchange_close(struct exchange *);
/* Of the request's, up to memory.limit; NULL at the limit, or at those of the whole stage. */
void *exchange_memory(struct exchange *, size_t size);
/* Asks faults about the request. */
void exchange_plan(struct exchange *);
/* Whether they disconnect it before it is applied: the exchange is over then. */
bool exchange_disconnected(struct exchange *);
/* Has a request handled that has been read: it may be over afterwards. */
void exchange_handle(struct exchange *);
void exchange_free_spares(struct stage *);

/* One row per API that the broker serves, in handlers.c. */
struct handler {
	void (*handle)(struct exchange *); /* NULL: not served */
	int16_t last;                      /* the highest version that is advertised and taken */
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
