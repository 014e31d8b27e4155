/*
 * Private to the io_uring engine: its state, and what uring_probe.c finds out before it is used.
 */
#ifndef IO_URING_H
#define IO_URING_H

#include <liburing.h>

#include "engine.h"

#define URING_BUFFER_GROUP 0
#define URING_SUBMIT_TRIES 64 /* of a submission that the kernel refuses for now */

enum uring_rung {
	RUNG_DEFER, /* completions run only when we wait: SINGLE_ISSUER, DEFER_TASKRUN (6.1) */
	RUNG_COOP,  /* completions run on our next system call: COOP_TASKRUN (5.19) */
	RUNG_PLAIN, /* 5.15 */
	RUNG_COUNT,
};

struct uring_caps {
	enum uring_rung rung;
	bool multishot, buffer_ring, wait_all, discard, multishot_accept;
	bool tiny;
};

struct uring {
	struct engine engine;
	struct io_uring ring;
	struct uring_caps caps;
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

/* What --io-caps allows: all that is not left out. 0, or -EINVAL and `why`. */
int uring_caps_parse(const char *text, struct uring_caps *caps, char why[LOOP_TEXT_SIZE]);

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
