/*
 * --io-caps, for every engine: what it allows, and what the engine then found to work. Words that
 * mean nothing to an engine are left unread by it.
 */
#ifndef IO_CAPS_H
#define IO_CAPS_H

#include "base.h"
#include "io/loop.h"

enum uring_rung {
	RUNG_DEFER, /* completions run only when we wait: SINGLE_ISSUER, DEFER_TASKRUN (6.1) */
	RUNG_COOP,  /* completions run on our next system call: COOP_TASKRUN (5.19) */
	RUNG_PLAIN, /* 5.15 */
	RUNG_COUNT,
};

struct caps {
	enum uring_rung rung; /* of io_uring alone */
	bool multishot, buffer_ring, wait_all, discard, multishot_accept;
	bool pwait2; /* epoll_pwait2 (5.11), of epoll alone */
	bool tiny;
};

/* All that is not left out. 0, or -EINVAL and `why`. */
int caps_parse(const char *text, struct caps *caps, char why[LOOP_TEXT_SIZE]);

const char *rung_name(enum uring_rung rung);

/* "NAME (first, feature, ...)"; `first` may be NULL. */
void caps_describe(
	const struct caps *caps, const char *name, const char *first, char text[LOOP_TEXT_SIZE]);

#endif
