/*
 * Private to the epoll engine: its state, and how engine_epoll.c (queues, waiting, life) and
 * epoll_slot.c (operations on one descriptor) divide the work.
 */
#ifndef IO_EPOLL_H
#define IO_EPOLL_H

#include "caps.h"
#include "engine.h"

#define EPOLL_EVENTS_MAX 256
#define SLOT_NONE        (-1)

enum request_kind {
	REQUEST_NONE,
	REQUEST_CONNECT,
	REQUEST_ACCEPT,
	REQUEST_READ,
	REQUEST_RECEIVE,
	REQUEST_RECEIVE_PROVIDED,
	REQUEST_SEND,
	REQUEST_CANCEL,
};

/* An operation as it was prepared, and how far it has come. */
struct request {
	enum request_kind kind;
	int fd;
	struct op *op;
	union {
		void *data;                   /* read, receive; NULL: dropped */
		const struct sockaddr *to;    /* connect */
		const struct msghdr *message; /* send, until the first attempt */
		struct op *target;            /* cancel */
	};
	size_t size;
	size_t done; /* of a receive that wants all of it */
	bool whole, multishot;
};

/*
 * A descriptor. It is watched from the first operation that had to wait until it is closed, for
 * edges in both directions, so that waiting costs no further call. `readable` and `writable` are
 * false only when it is watched and an edge is sure to come.
 */
struct slot {
	struct request in, out;
	int error; /* of a receive that had bytes before it: for the next one */
	int next;  /* in the queue of slots with something to do */
	bool open, queued, watched, readable, writable;
	bool hangup; /* the last edge for reading has come */
};

struct epoll_engine {
	struct engine engine;
	struct caps caps;
	int fd;
	int broken; /* -errno of what failed for good */

	struct slot *slots; /* by descriptor */
	size_t slot_count;
	int ready_first, ready_last; /* slots to try again without an event */

	struct request *prepared;
	size_t prepared_count, prepared_capacity;

	/* a queue: from first to count */
	struct completion *completions;
	size_t completion_first, completion_count, completion_capacity;

	/* small receive buffers, and a stack of the free ones */
	uint8_t *buffers;
	size_t buffer_size, buffer_count;
	uint32_t *buffers_free;
	size_t buffers_free_count;

	unsigned events_max, burst;
};

/* engine_epoll.c */

void epoll_complete(struct epoll_engine *epoll, struct op *op, int result, uint32_t flags);
/* Tries the slot again at the next wait. */
void epoll_slot_later(struct epoll_engine *epoll, int fd);
bool epoll_buffer_take(struct epoll_engine *epoll, uint32_t *id);
void epoll_buffer_put(struct epoll_engine *epoll, uint32_t id);

/* epoll_slot.c */

/* Starts a prepared operation: it completes, or waits in its descriptor's slot. */
void epoll_start(struct epoll_engine *epoll, const struct request *request);
/* What waits in the slot and may go on does. */
void epoll_slot_run(struct epoll_engine *epoll, int fd);
/* An event of epoll's. */
void epoll_slot_event(struct epoll_engine *epoll, int fd, uint32_t events);
/* Forgets a descriptor without operations. */
void epoll_slot_close(struct epoll_engine *epoll, int fd);

#endif
