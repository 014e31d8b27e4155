/* What streams and listeners know of the loop. Private to io. */
#ifndef IO_LOOP_PRIVATE_H
#define IO_LOOP_PRIVATE_H

#include <sys/uio.h>

#include "engine.h"
#include "io/buffers.h"
#include "io/loop.h"
#include "list.h"

#define LOOP_GATHER_IOVECS   8192 /* per submission, over all connections */
#define LOOP_GATHER_MESSAGES 512
#define LOOP_REAP_BATCH      256

/* A small buffer that holds bytes which could not be given to the owner yet. */
struct held_buffer {
	uint32_t next, offset, size;
};

#define HELD_NONE UINT32_MAX

struct loop {
	struct engine *engine;
	struct loop_options options;
	char fallback[LOOP_TEXT_SIZE]; /* why epoll stands in; empty when it does not */
	struct timer_heap timers;
	struct slab_pool slabs;
	int64_t now_ns;    /* right after the last wait */
	int64_t submit_ns; /* right before the next submission */
	bool turning, closing;
	unsigned owners; /* streams and listeners that are not closed */
	unsigned calls;  /* into owners, during this turn */

	struct list work;         /* streams with something to do at the start of a turn */
	struct list starved;      /* streams whose receive found no small buffer */
	struct held_buffer *held; /* by buffer id */
	size_t held_count;        /* small buffers that streams hold */

	int wake_fd;
	uint64_t wake_value;
	struct op wake;

	/* Messages of the sends of one submission; free again when it is done. */
	struct msghdr *messages;
	struct iovec *iovecs;
	unsigned message_count, iovec_count;

	struct loop_statistics statistics;
};

/* Room for one full message; submits what is prepared when there is none. */
void loop_gather_reserve(struct loop *loop);

/* A stream's small buffer goes back to the engine; starved streams may go on. */
void loop_buffer_return(struct loop *loop, uint32_t id);

#endif
