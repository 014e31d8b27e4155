/*
 * The loop: one per thread, nothing shared. A turn submits what was prepared and waits, calls back
 * for what completed, then runs due timers. There is no recursion: a function called from a
 * callback only prepares or queues; its consequences come from a later turn.
 *
 * After loop_open and stream/listener opening nothing is allocated. The loop must be opened, turned
 * and closed by the same thread; loop_wake alone may be called from elsewhere.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base.h"
#include "clock.h"
#include "io/timer.h"

struct loop;
struct sim;
struct slab_pool;

#define LOOP_TEXT_SIZE ((size_t)256) /* for loop_open's reason and loop_describe */

/*
 * An operation in the engine, embedded in its owner; CONTAINER_OF leads back. `done` runs once per
 * completion. While OP_MORE is set in `flags` the operation is still armed; the completion without
 * it is the last one, and only then may the owner go. Streams and listeners use this; what is above
 * them rarely needs to.
 */
struct op {
	void (*done)(struct op *op, int result, uint32_t flags);
};

#define OP_MORE (UINT32_C(1) << 0)

enum loop_engine {
	LOOP_ENGINE_AUTO,  /* io_uring, and where that is forbidden epoll */
	LOOP_ENGINE_URING, /* or an error */
	LOOP_ENGINE_EPOLL,
};

/* Zero means the default, everywhere. */
struct loop_options {
	enum loop_engine engine;
	struct sim *sim; /* not NULL: the simulated network is the engine (io/sim.h) */
	/*
	 * Forces lower capabilities, from --io-caps: a comma separated list of at most one rung of
	 * io_uring's ladder ("defer", "coop", "plain": the highest to try) and of features to leave
	 * out ("-multishot", "-bufring", "-waitall", "-trunc", "-multiaccept"; epoll alone:
	 * "-pwait2"). "tiny" makes the queues as small as they can be, so that tests reach what
	 * happens when they are full. NULL: the best that the kernel has.
	 */
	const char *caps;
	unsigned connections;        /* expected at one time: sizes the rings; default 64 */
	size_t receive_buffer_size;  /* each of the shared small receive buffers; default 4 KiB */
	size_t receive_buffer_count; /* rounded up to a power of two; default 1024 */
	size_t slab_size;            /* for bulk receive; default 1 MiB */
	unsigned slab_count;         /* default 16 */
};

struct loop_statistics {
	uint64_t turns;
	uint64_t submissions; /* calls into the kernel that submitted or waited */
	uint64_t operations;  /* handed to the kernel */
	uint64_t completions;
	uint64_t timers_fired;
	uint64_t wakes;             /* waits ended by loop_wake */
	uint64_t buffers_exhausted; /* receives that ended because no small buffer was free */
	uint64_t slabs_exhausted;   /* bulk receives that had to wait for a slab */
	uint64_t queue_full;        /* submissions forced early by a full submission queue */
	uint64_t overflows;         /* completions that did not fit the queue and came late */
	int64_t waited_ns;          /* spent waiting, submission included */
};

/*
 * 0, or -errno with one line for people in `why` (what failed, what to do): -EINVAL for unknown
 * caps, -ENOMEM; with LOOP_ENGINE_URING also -EPERM or -EACCES when io_uring is forbidden (seccomp,
 * sysctl), -ENOSYS when the kernel has none or too old a one.
 */
int loop_open(const struct loop_options *options, struct loop **loop, char why[LOOP_TEXT_SIZE]);

/*
 * With LOOP_ENGINE_AUTO: why epoll stands in for io_uring, for people, e.g. "io_uring is not
 * permitted here (io_uring_setup: Operation not permitted)"; NULL when it does not.
 */
const char *loop_fallback(const struct loop *loop);

/* Every stream and listener must be closed, every slab released. Timers are forgotten. */
void loop_close(struct loop *loop);

/*
 * For results: the engine's name first, then what it has, as "uring (defer, multishot, bufring,
 * waitall, trunc)".
 */
const char *loop_describe(const struct loop *loop);

/* CLOCK_MONOTONIC as read right after the last wait: the same for all callbacks of a turn. */
int64_t loop_now_ns(const struct loop *loop);
/* The clock, read now. */
int64_t loop_clock_ns(const struct loop *loop);

/*
 * One turn: waits until something completes, the next timer is due, until_ns is reached (0: does
 * not wait; NEVER_NS: no bound), loop_wake, or a signal. Returns how many callbacks and timers ran
 * (0 when woken by time or a signal), or -errno when the engine itself failed. Must not be called
 * from a callback.
 */
int loop_turn(struct loop *loop, int64_t until_ns);

/* Whether a stream or a listener is open or closing. */
bool loop_busy(const struct loop *loop);

/* Ends the present wait, or the next one. From any thread or signal handler. */
void loop_wake(struct loop *loop);

void loop_timer_start(struct loop *loop, struct timer *timer, int64_t deadline_ns);
void loop_timer_stop(struct loop *loop, struct timer *timer);

/* The pool that bulk receives take from. */
struct slab_pool *loop_slabs(struct loop *loop);

void loop_statistics(const struct loop *loop, struct loop_statistics *out);

#endif
