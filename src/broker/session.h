/*
 * A session: one client's connection to one broker of the stage. It cuts frames out of the stream,
 * has each request read into an exchange, and sends the answers in order.
 *
 * As a Kafka broker does, it reads no further request while one is handled, muted or throttled:
 * what is pipelined waits in the socket. Two things differ, and no client can tell: the next
 * request is read while answers are still being sent, as long as they are few and small, and while
 * they wait for the service model (service.h).
 *
 * Memory: the struct, and one reassembly buffer. Everything that a request needs is the exchange's
 * and goes with it. Records in the store are held by answers and by the request that comes, for as
 * long as the client lets them: see session_stalled.
 */
#ifndef BROKER_SESSION_H
#define BROKER_SESSION_H

#include "answer.h"
#include "base.h"
#include "exchange.h"
#include "intake.h"
#include "io/stream.h"
#include "list.h"
#include "stage.h"

#define SESSION_REASSEMBLY_SIZE  ((size_t)8 * 1024)
#define SESSION_ANSWERS_MAX      1024                 /* not yet sent */
#define SESSION_ANSWER_BYTES_MAX ((size_t)256 * 1024) /* likewise; the last one may exceed it */
#define SESSION_SEGMENTS_MAX     32                   /* of a request too large for reassembly */
#define SESSION_SEGMENT_SIZE                                                                       \
	((size_t)64 * 1024) /* of the first; each is as large as all before                        \
			     */

enum session_reading {
	SESSION_BETWEEN, /* the next bytes are a frame's size */
	SESSION_LARGE,   /* a request is collected in segments */
	SESSION_PRODUCE, /* a Produce request goes through the intake */
};

struct session {
	struct stream stream;
	struct stage *stage;
	struct stage_node *node;
	struct list sibling; /* of the node's sessions */
	struct list idle;    /* of the stage's, the longest idle first */
	struct timer timer;
	struct address peer;
	int64_t active_ns;
	bool paused;  /* the stream is */
	bool closing; /* reads no more; closed once all answers are sent */
	bool closed;  /* stream_close was called */
	uint8_t reading;
	struct exchange *exchange; /* being read or handled, else NULL */
	struct intake intake;
	struct iovec *segments; /* of SESSION_LARGE, in the exchange's memory */
	int32_t segment_count;
	int32_t frame_size, frame_left; /* of SESSION_LARGE */
	struct list answers;            /* not handed to the stream yet: not due, or behind one */
	int32_t answer_count;           /* not sent, those included */
	size_t answer_bytes;
	int64_t muted_until_ns;
	int64_t room_ns;               /* when to ask the store again; 0: it is not full */
	int32_t hold_count;            /* slabs of answers that the stream has */
	int64_t queued_ns;             /* when the stream got the first answer that it still had */
	struct stream_traffic traffic; /* as session_stalled saw it last */
	int64_t sent_ns, received_ns;  /* since when it has been that */
};

extern const struct stream_events session_events;

/* A session for a connection that was accepted; NULL when there is no memory. */
struct session *session_open(struct stage_node *, const struct address *peer);

/* With a RST, at once. */
void session_reset(struct session *);

/* Ends it, with one line in the log; answers before are still sent. */
void session_drop(struct session *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- for exchange.c ---- */

/* Queues the answer, which becomes the session's. */
void session_answer(struct session *, struct answer *);

/* Reads nothing until then. */
void session_mute(struct session *, int64_t until_ns);

/* The exchange is over; reading may go on. */
void session_exchange_over(struct session *);

/* ---- for the stage ---- */

/* Nothing came for as long as connections.max.idle.ms says. */
void session_idle(struct session *);

/*
 * For a store that is full: a session that holds records there, of answers that its client does not
 * read or of a request that its client does not send on, is reset, with one line in the log, when
 * no byte of that kind has moved for STAGE_STALL_NS. The first look that sees a change of the
 * traffic starts that time: it takes two looks.
 */
void session_stalled(struct session *, int64_t now_ns);

#endif
