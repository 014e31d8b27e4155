/*
 * Timers: an intrusive binary heap. Equal deadlines fire in the order in which they were started.
 *
 * A timer is embedded in its owner. Owners normally use loop_timer_start and loop_timer_stop
 * (io/loop.h); the heap stands alone so that it can be driven by a fake clock. Address space for
 * the heap is reserved when it opens: starting a timer never allocates and never fails.
 */
#ifndef IO_TIMER_H
#define IO_TIMER_H

#include "base.h"
#include "clock.h"

#define TIMERS_MAX ((size_t)1 << 20) /* started at one time, in one heap */

struct timer {
	void (*fire)(struct timer *timer, int64_t now_ns);
	int64_t deadline_ns;
	size_t index; /* private: 1 + place in the heap, 0 while stopped */
};

struct timer_entry {
	int64_t deadline_ns;
	uint64_t order;
	struct timer *timer;
};

struct timer_heap {
	struct timer_entry *entries;
	size_t count, limit;
	uint64_t order; /* of the next start */
};

/* Makes a stopped timer; `fire` runs once per start, when the timer is stopped already. */
static inline void timer_init(struct timer *timer, void (*fire)(struct timer *, int64_t))
{
	*timer = (struct timer){ .fire = fire, .deadline_ns = NEVER_NS };
}

static inline bool timer_started(const struct timer *timer)
{
	return timer->index != 0;
}

/* Reserves room for `limit` timers. 0 or -ENOMEM. */
int timer_heap_open(struct timer_heap *heap, size_t limit);
/* The timers themselves are their owners'. */
void timer_heap_close(struct timer_heap *heap);

/* Starts, or moves, a timer; a restarted one queues behind others of the same deadline. */
void timer_heap_start(struct timer_heap *heap, struct timer *timer, int64_t deadline_ns);
/* Nothing happens to a stopped timer. */
void timer_heap_stop(struct timer_heap *heap, struct timer *timer);

/* The next deadline, or NEVER_NS. */
int64_t timer_heap_next_ns(const struct timer_heap *heap);

/*
 * Fires, in order, what is due at now_ns and was started before this call: a timer that restarts
 * itself in the past runs again in the next call, not in this one. Returns how many fired.
 */
unsigned timer_heap_run(struct timer_heap *heap, int64_t now_ns);

#endif
