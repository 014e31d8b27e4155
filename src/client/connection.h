/*
 * One connection to one broker: it connects, asks ApiVersions, then carries pipelined requests, and
 * comes back by itself after a loss, with exponential back-off and jitter.
 *
 * Every request that connection_send accepted ends in exactly one call of its `done`, after which
 * all its memory (frame, records) is the caller's again: never before the kernel has let go of it.
 * A request that times out takes the connection down, as Kafka's clients do, so that what was sent
 * on it can no longer be applied after a resend on the next one. A broker answers the requests of
 * one connection in order; an answer out of order is a protocol error.
 */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include "base.h"
#include "arena.h"
#include "list.h"
#include "random.h"
#include "io/loop.h"
#include "io/stream.h"
#include "proto/api.h"
#include "proto/message.h"

#define CONNECTION_REASON_SIZE   200
#define CONNECTION_NAME_SIZE     280 /* host:port as the user or the broker wrote it */
#define RECONNECT_BACKOFF_NS     (50 * NS_PER_MS)
#define RECONNECT_BACKOFF_MAX_NS NS_PER_S
#define RESPONSE_ARENA_LIMIT     ((size_t)64 << 20)
#define VERSION_ANY              INT16_MAX

enum connection_state {
	CONNECTION_IDLE,       /* not wanted */
	CONNECTION_CONNECTING, /* TCP */
	CONNECTION_GREETING,   /* ApiVersions */
	CONNECTION_READY,
	CONNECTION_CLOSING, /* waiting for the stream's last completion */
	CONNECTION_WAITING, /* back-off before the next attempt */
};

struct connection_options {
	const char *client_id;
	const char *congestion; /* TCP congestion control, NULL leaves the system's */
	int64_t connect_timeout_ns;
	int64_t request_timeout_ns;
	size_t gather_size; /* bytes gathered into one send, 0: the stream's default */
};

struct response {
	/* 0, or why there is none: -ETIMEDOUT, -ECONNRESET and what else the socket said, -EPROTO
	 * for bytes that are not the response, -ECANCELED when the connection was closed by its
	 * owner. */
	int error;
	int version;
	/* The decoded message, NULL on error or one way; valid during `done`, and as long as the
	 * request's arena where there is one. */
	const void *body;
	int64_t sent_ns; /* just before the first submission of the frame; 0: nothing was sent */
	int64_t received_ns; /* arrival of the last byte (one way: of the send's completion) */
};

struct request {
	enum api api;
	const void *body;
	int version_limit;  /* the highest version to use; VERSION_ANY: what both sides speak */
	bool one_way;       /* no answer comes: Produce with acks=0 */
	int64_t timeout_ns; /* 0: the connection's */
	/* Where the frame is encoded, where it notes spliced records, and the pieces of its
	 * gathered send: one, and two more for each splice. All stay untouched until done. */
	uint8_t *frame;
	int32_t frame_size;
	struct splice *splices;
	int splice_limit;
	struct iovec *pieces;
	int piece_limit;
	/* Takes the answer with all that it points at; NULL: the connection's own memory. */
	struct arena *arena;
	void (*done)(struct request *, const struct response *);

	/* the connection's */
	struct send send;
	struct list node;
	struct connection *connection;
	int32_t correlation_id;
	int version;
	bool sending, ended;
	int64_t deadline_ns;
	struct response response;
};

struct connection_events {
	/* The connection can take requests. */
	void (*ready)(struct connection *);
	/* It was lost, or could not be made; `reason` is a clause for people. All requests have
	 * ended. It will be tried again unless connection_close is called. */
	void (*lost)(struct connection *, const char *reason);
	/* After connection_close: nothing is in flight any more, the memory may go. */
	void (*closed)(struct connection *);
};

struct connection {
	struct loop *loop;
	const struct connection_events *events;
	struct connection_options options;
	void *owner;
	char name[CONNECTION_NAME_SIZE];
	struct address address;

	enum connection_state state;
	bool wanted;
	bool held; /* an answer waits in the stream for its request's send to complete */
	struct stream stream;
	struct timer timer; /* the nearest deadline, or the back-off */
	struct random random;
	int attempts; /* since the last success */
	int error;    /* with which requests end, while CLOSING */
	char reason[CONNECTION_REASON_SIZE];

	struct list requests; /* sent, oldest first */
	int request_count;
	int32_t next_correlation_id;
	struct arena arena;
	struct {
		int16_t min, max;
	} versions[API_COUNT]; /* what the broker speaks; max -1: not */
	struct request greeting;
	uint8_t greeting_frame[256];
	struct iovec greeting_piece;
	uint64_t bytes_sent, bytes_received, requests_sent;
};

/* Prepares a connection to one address; nothing is sent. The name is for messages. */
void connection_init(struct connection *, struct loop *, const char *name, const struct address *,
	const struct connection_options *, const struct connection_events *, void *owner,
	uint64_t seed);

/* Starts connecting. */
void connection_open(struct connection *);

/* The next attempts go to another address. Only while no attempt is under way: before
 * connection_open, or from `lost`. */
void connection_redirect(struct connection *, const char *name, const struct address *);

/* Ends all requests with -ECANCELED and closes; `closed` is called from the loop, or at once when
 * it waits for its next attempt. Nothing happens to one that was not opened, or is closed. */
void connection_close(struct connection *);

/* Takes the connection down as if it had been lost, with a reset: requests end with `error`. */
void connection_drop(struct connection *, int error, const char *reason);

static inline bool connection_ready(const struct connection *c)
{
	return c->state == CONNECTION_READY;
}

/* The version that would be used: the highest that both sides speak, at most `limit`; or
 * -EPROTONOSUPPORT. Known once ready. */
int connection_version(const struct connection *, enum api, int limit);

/*
 * Encodes and sends. 0, or -ENOTCONN when not ready, -EPROTONOSUPPORT, -EMSGSIZE when the frame
 * does not fit into the request's memory, -EINVAL when a value cannot be carried by the version;
 * then `done` is not called.
 */
int connection_send(struct connection *, struct request *);

#endif
