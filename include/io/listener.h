/*
 * A listening socket, TCP or Unix, that fills streams which its owner provides.
 *
 * Out of descriptors, it stops accepting for LISTENER_RETRY_MS and tries again; connections wait in
 * the backlog meanwhile.
 */
#ifndef IO_LISTENER_H
#define IO_LISTENER_H

#include "base.h"
#include "io/stream.h"

#define LISTENER_BACKLOG  4096
#define LISTENER_RETRY_MS 10

struct listener;

struct listener_events {
	/*
	 * A connection came: returns the (dead or new) stream that takes it, with the options and
	 * events given to listener_open; or NULL to refuse it with a reset.
	 * `opened` of that stream follows at once, or `closed` with -ENOMEM.
	 */
	struct stream *(*accepted)(struct listener *listener, const struct address *peer);
	/* After listener_close: nothing is in flight any more, the listener may go. */
	void (*closed)(struct listener *listener);
};

struct listener {
	void *owner; /* the owner's own; never read here */

	/* Everything below is private. */
	const struct listener_events *events;
	const struct stream_events *stream_events;
	struct stream_options options;
	struct loop *loop;
	int fd;
	bool closing, armed, cancel_armed;
	struct op accept, cancel;
	struct timer retry; /* also carries `closed` out of listener_close */
	struct address address;
	uint64_t accepted_count, refused_count, failed_count;
};

/*
 * Listens on `address` (port 0: the kernel chooses, listener_port tells). `options` (copied; the
 * strings must outlive the listener) and `stream_events` are for the accepted streams.
 * 0 or -errno (-EADDRINUSE, -EACCES, ...). A Unix socket's path is neither taken over when it
 * exists (-EADDRINUSE, also when nobody listens there any more) nor removed at the end: unlinking
 * is the caller's, who knows whose it is.
 */
int listener_open(struct loop *loop, struct listener *listener, const struct address *address,
	const struct stream_options *options, const struct stream_events *stream_events,
	const struct listener_events *events);

/* Stops; accepted streams live on. `closed` follows from a later turn, once. */
void listener_close(struct listener *listener);

/* 0 for a Unix socket. */
uint16_t listener_port(const struct listener *listener);

#endif
