/*
 * Private to the io_uring engine: its state, and what uring_probe.c finds out before it is used.
 */
#ifndef IO_URING_H
#define IO_URING_H

#include <liburing.h>

#include "caps.h"
#include "engine.h"

#define URING_BUFFER_GROUP 0
#define URING_SUBMIT_TRIES 64 /* of a submission that the kernel refuses for now */

struct uring {
	struct engine engine;
	struct io_uring ring;
	struct caps caps;
	int broken;                /* -errno of a submission that failed for good */
	struct io_uring_sqe spare; /* what is prepared into when broken */
	bool overflowing;
	/* completions moved out of the kernel's queue while it refused submissions */
	struct completion *stash;
	size_t stash_first, stash_count, stash_capacity;
	/* small receive buffers */
	struct io_uring_buf_ring *buffer_ring;
	uint8_t *buffers;
	size_t buffer_size, buffer_count, ring_bytes;
};

/* Opens the ring on the highest rung that is allowed and works. 0, or -errno and `why`. */
int uring_ring_open(
	struct uring *uring, unsigned entries, unsigned completions, char why[LOOP_TEXT_SIZE]);

/*
 * Registers the receive buffers and leaves out of uring->caps what this kernel does not do. 0, or
 * -errno and `why`.
 */
int uring_self_test(struct uring *uring, char why[LOOP_TEXT_SIZE]);

int uring_buffers_open(struct uring *uring);
void uring_buffers_close(struct uring *uring);

void uring_describe(const struct uring *uring, char text[LOOP_TEXT_SIZE]);

/* The engine's own operations, which the self-test uses too. */
extern const struct engine_class uring_class;

#endif
