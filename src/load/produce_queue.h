/*
 * The produce queue: what one producer still owes one partition, as a pure machine (no socket, no
 * clock, no heap). It decides what is sent when, again or never, and how every batch ends.
 *
 * It keeps the rules of Kafka's idempotent producer (KIP-98, KIP-360):
 * - all batches in flight are on one connection, at most `in_flight_limit` of them;
 * - sequences are contiguous and wrap from 2^31 - 1 to 0;
 * - after a failure nothing is sent until nothing is in flight; then everything from the first
 *   unacknowledged batch goes out again, in order, byte for byte the same;
 * - a connection on which an answer is overdue is closed before its sequences go out again, which
 *   is the connection's own business;
 * - where a batch will never be written, later ones need a fresh epoch: taken when nothing of this
 *   partition is in flight, and only then are unacknowledged batches stamped anew, from sequence 0.
 * Three rules are stricter than Java's. No batch is sent that is five or more behind the first
 * unacknowledged one, even if some between are acknowledged: a leader remembers five batches, and
 * what it has forgotten it takes for a gap. Until one batch has been acknowledged on this
 * connection with this epoch, only one is in flight. A leader that knows nothing of a producer id
 * takes any sequence, so a second batch could slip in before the first that was refused.
 * And a batch of uncertain end behind one that was given up in uncertainty is not stamped anew:
 * what two dead connections still carry could write it under its old stamp as well.
 *
 * Without idempotence (no identity) the same machine retries in order, but what was in flight
 * behind a failed batch may be written before it, or twice.
 *
 * How to drive it. Push sealed batches. After every event, and at produce_queue_deadline_ns: take
 * the doubt, take the ended batches, and send what produce_queue_next offers (a throttled or full
 * connection just does not ask). Every sent batch gets exactly one end of its attempt: answered, or
 * lost. Close a connection whose answer is overdue with a reset: what the broker has not read yet
 * is then never read. Batches belong to the caller, who may free or reuse one as soon as
 * produce_queue_take_done has returned it and no request still refers to it.
 */
#ifndef HARROW_PRODUCE_QUEUE_H
#define HARROW_PRODUCE_QUEUE_H

#include "base.h"
#include "list.h"
#include "random.h"
#include "producer_identity.h"

/* Brokers remember the last five batches of a producer id; more in flight could not be
 * deduplicated. */
#define PRODUCE_IDEMPOTENT_IN_FLIGHT_MAX 5

struct produce_queue_config {
	int32_t in_flight_limit;      /* batches; at most PRODUCE_IDEMPOTENT_IN_FLIGHT_MAX with an
					 identity */
	int64_t delivery_timeout_ns;  /* from the push to giving up; what is in flight then is
					 awaited */
	int64_t retry_backoff_ns;     /* after the first failure; doubles with each further one, */
	int64_t retry_backoff_max_ns; /* up to this; 20 % of jitter either way */
};

enum produce_batch_state {
	PRODUCE_BATCH_NEW,       /* not pushed yet, or given back */
	PRODUCE_BATCH_QUEUED,    /* waits to be sent, for the first time or again */
	PRODUCE_BATCH_IN_FLIGHT, /* written, not answered */
	PRODUCE_BATCH_DONE,      /* `result` says how it ended */
	PRODUCE_BATCH_STATE_COUNT,
};

enum produce_result {
	PRODUCE_PENDING,
	PRODUCE_ACKED,
	PRODUCE_FAILED,  /* refused, certainly not in the log; `error` says why */
	PRODUCE_UNKNOWN, /* sent, possibly in the log, now or later; `error` is the last one
			    answered, or 0 */
	PRODUCE_UNSENT,  /* never sent */
};

struct produce_batch {
	struct list node; /* in the queue, then in its list of ended batches */
	enum produce_batch_state state;
	int32_t record_count;
	uint64_t first_record_index; /* the caller's: not looked at */
	uint64_t ordinal;            /* in order of pushes */
	struct producer_stamp stamp; /* what the header must carry when it is sent */
	bool restamp;       /* the bytes do not carry `stamp`: write it, see produce_queue_next */
	bool maybe_written; /* an attempt ended without a clear refusal */
	bool stamp_sent;    /* sent at least once with this stamp */
	bool after_unknown; /* the one before it ended as unknown under the same epoch */
	bool needs_epoch;   /* the leader will take it only under a fresh epoch */
	uint32_t attempt;   /* times sent; names the attempt that an answer belongs to */
	int64_t pushed_ns, deadline_ns; /* deadline_ns: of the delivery */
	int64_t first_sent_ns, sent_ns; /* 0 until sent; sent_ns of the latest attempt */
	/* Once it has ended: */
	enum produce_result result;
	int16_t error; /* Kafka's code of the last answer; 46 if acknowledged as a duplicate */
	int64_t base_offset; /* -1 unless acknowledged with an offset (a duplicate may have none) */
	int64_t log_append_ms; /* -1 unless the topic uses the broker's time */
	int64_t done_ns;
};

/* What a leader said about one batch: the partition's part of a Produce response. */
struct produce_answer {
	int16_t error;
	int64_t base_offset;
	int64_t log_append_ms;
};

enum produce_queue_state {
	PRODUCE_QUEUE_IDENTIFYING, /* waits for a producer id and epoch; nothing is in flight */
	PRODUCE_QUEUE_FLOWING,     /* sends */
	PRODUCE_QUEUE_DRAINING,    /* sends nothing until nothing is in flight, then rewinds */
	PRODUCE_QUEUE_BACKING_OFF, /* sends nothing until retry_ns; nothing is in flight */
	PRODUCE_QUEUE_CLOSED,      /* aborted, or refused for good: sends nothing any more */
	PRODUCE_QUEUE_STATE_COUNT,
};

#define PRODUCE_NO_CONNECTION UINT64_C(0)

struct produce_queue {
	const struct produce_queue_config *config;
	struct producer_identity *identity; /* NULL without idempotence */
	struct random *random;
	enum produce_queue_state state;
	struct list batches; /* queued and in flight, in order of sequence */
	struct list done;
	int32_t count, in_flight;   /* batches in the list; those of them in flight */
	uint64_t connection;        /* what is in flight is on it; where the next goes */
	uint64_t next_connection;   /* takes its place when nothing is in flight */
	struct producer_stamp next; /* for the next batch that is pushed */
	int32_t sent_sequence;      /* the sequence after what was sent under this epoch */
	bool settled;               /* acknowledged on this connection with this epoch */
	bool gap_at_end;            /* the next batch pushed needs a fresh epoch */
	int16_t error;              /* why it is closed, 0 if it was aborted */
	bool draining_failed;       /* the drain under way is already counted in failures */
	int32_t failures;           /* rewinds in a row without an acknowledgement between */
	int64_t retry_ns;
	bool leader_in_doubt; /* see produce_queue_take_doubt */
	uint64_t pushed_count, resent_count, rewind_count, bump_count; /* for the report */
};

/* config, identity (or NULL) and random stay the caller's and must outlive the queue. */
void produce_queue_init(struct produce_queue *q, const struct produce_queue_config *config,
	struct producer_identity *identity, struct random *random);

/*
 * The stamp that the next pushed batch will get, so that it can be sealed with it and need no
 * second checksum. NO_PRODUCER_STAMP without idempotence or while nothing is known.
 */
struct producer_stamp produce_queue_next_stamp(struct produce_queue *q);

/*
 * Takes over a sealed batch of record_count > 0 records whose bytes carry `sealed`. Fills in every
 * field of `batch` but first_record_index. On a closed queue it ends at once, unsent.
 */
void produce_queue_push(struct produce_queue *q, struct produce_batch *batch, int32_t record_count,
	struct producer_stamp sealed, int64_t now_ns);

/*
 * The connection to the present leader, any number that the caller likes, new for each connection;
 * or PRODUCE_NO_CONNECTION while the leader is unknown or not connected. What is in flight on the
 * old one is awaited first.
 */
void produce_queue_connect(struct produce_queue *q, uint64_t connection, int64_t now_ns);

/* Whether a batch pushed now would be offered by produce_queue_next at once. */
bool produce_queue_ready(const struct produce_queue *q);

/*
 * The batch to send now on q->connection, or NULL. Where batch->restamp is set, write batch->stamp
 * into its header and clear it. Nothing has happened to the batch before produce_queue_sent, so the
 * caller may also leave it (its connection pushes back) and ask again later.
 */
struct produce_batch *produce_queue_next(struct produce_queue *q, int64_t now_ns);

/* The batch just offered is in a request. Remember batch->attempt for the answer. */
void produce_queue_sent(struct produce_queue *q, struct produce_batch *batch, int64_t now_ns);

/*
 * The leader's answer to one attempt. With acks=0, call it with error 0 once the request is
 * written. Returns false, and nothing happens, if that attempt has ended already.
 */
bool produce_queue_answered(struct produce_queue *q, struct produce_batch *batch, uint32_t attempt,
	const struct produce_answer *answer, int64_t now_ns);

/*
 * The attempt's connection is closed; no answer will come. Report it only when the connection's
 * send is reaped too: a batch may be stamped anew afterwards. Returns false as above.
 */
bool produce_queue_lost(
	struct produce_queue *q, struct produce_batch *batch, uint32_t attempt, int64_t now_ns);

/* Lets time pass, and takes up what the identity has become: expiry, end of a back-off. */
void produce_queue_tick(struct produce_queue *q, int64_t now_ns);

/* When produce_queue_tick has something to do, or NEVER_NS. */
int64_t produce_queue_deadline_ns(const struct produce_queue *q);

/* Ends everything now: never sent is unsent, refused is failed, anything else is unknown. */
void produce_queue_abort(struct produce_queue *q, int64_t now_ns);

/* The next ended batch, unlinked and the caller's again, or NULL. */
struct produce_batch *produce_queue_take_done(struct produce_queue *q);

/* Whether, since the last call, something said that the leader may be another: refresh metadata. */
bool produce_queue_take_doubt(struct produce_queue *q);

static inline bool produce_queue_empty(const struct produce_queue *q)
{
	return q->count == 0;
}

#endif
