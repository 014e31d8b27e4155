/*
 * The turn of the loop: work of streams, submit and wait, completions, timers. It knows the engine
 * only through engine.h.
 */
#include "loop_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "stream_private.h"

#define DEFAULT_CONNECTIONS          64
#define DEFAULT_RECEIVE_BUFFER_SIZE  4096
#define DEFAULT_RECEIVE_BUFFER_COUNT 1024
#define DEFAULT_SLAB_SIZE            ((size_t)1024 * 1024)
#define DEFAULT_SLAB_COUNT           16

/* ---- waking ---- */

static void wake_arm(struct loop *loop)
{
	loop->engine->class->read(loop->engine, &loop->wake, loop->wake_fd, &loop->wake_value,
		sizeof loop->wake_value);
}

static void wake_done(struct op *op, int result, uint32_t flags)
{
	(void)flags;
	struct loop *loop = CONTAINER_OF(op, struct loop, wake);
	if (result > 0)
		loop->statistics.wakes++;
	if (loop->closing)
		loop->closing = false; /* the last operation is back */
	else
		wake_arm(loop);
}

void loop_wake(struct loop *loop)
{
	if (loop->engine->class->wake) {
		loop->engine->class->wake(loop->engine);
		return;
	}
	uint64_t one = 1;
	int error = errno; /* may interrupt anything */
	ssize_t written = write(loop->wake_fd, &one, sizeof one);
	(void)written; /* fails only when the counter is full: awake already */
	errno = error;
}

/* ---- life ---- */

static size_t round_to_power_of_two(size_t value)
{
	size_t result = 1;
	while (result < value)
		result *= 2;
	return result;
}

static struct loop_options options_complete(const struct loop_options *given)
{
	struct loop_options o = given ? *given : (struct loop_options){ 0 };
	o.connections = o.connections ? o.connections : DEFAULT_CONNECTIONS;
	o.receive_buffer_size =
		o.receive_buffer_size ? o.receive_buffer_size : DEFAULT_RECEIVE_BUFFER_SIZE;
	o.receive_buffer_count =
		o.receive_buffer_count ? o.receive_buffer_count : DEFAULT_RECEIVE_BUFFER_COUNT;
	o.receive_buffer_count =
		round_to_power_of_two(MIN(o.receive_buffer_count, ENGINE_BUFFERS_MAX));
	o.slab_size = o.slab_size ? o.slab_size : DEFAULT_SLAB_SIZE;
	o.slab_count = o.slab_count ? o.slab_count : DEFAULT_SLAB_COUNT;
	return o;
}

static int loop_allocate(struct loop *loop)
{
	loop->held = calloc(loop->options.receive_buffer_count, sizeof *loop->held);
	loop->messages = calloc(LOOP_GATHER_MESSAGES, sizeof *loop->messages);
	loop->iovecs = calloc(LOOP_GATHER_IOVECS, sizeof *loop->iovecs);
	if (!loop->held || !loop->messages || !loop->iovecs)
		return -ENOMEM;
	int result = timer_heap_open(&loop->timers, TIMERS_MAX);
	if (result < 0)
		return result;
	return slab_pool_open(&loop->slabs, loop->options.slab_size, loop->options.slab_count);
}

static void loop_free(struct loop *loop)
{
	if (loop->slabs.slabs)
		slab_pool_close(&loop->slabs);
	if (loop->timers.entries)
		timer_heap_close(&loop->timers);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	free(loop->held);
	free(loop->messages);
	free(loop->iovecs);
	free(loop);
}

static bool not_to_be_had(int error)
{
	return error == -EPERM || error == -EACCES || error == -ENOSYS;
}

static int uring_or_epoll(
	struct loop *loop, const struct engine_options *options, char why[LOOP_TEXT_SIZE])
{
	int result = engine_uring_open(options, &loop->engine, why);
	if (loop->options.engine == LOOP_ENGINE_AUTO && not_to_be_had(result)) {
		memcpy(loop->fallback, why, sizeof loop->fallback);
		return engine_epoll_open(options, &loop->engine, why);
	}
	const char *advice = result < 0 ? uring_advice(result) : NULL;
	size_t used = strlen(why);
	if (advice)
		snprintf(why + used, LOOP_TEXT_SIZE - used, ": %s", advice);
	return result;
}

static int engine_open(
	struct loop *loop, const struct engine_options *options, char why[LOOP_TEXT_SIZE])
{
	if (options->sim)
		return engine_sim_open(options, &loop->engine, why);
	switch (loop->options.engine) {
	case LOOP_ENGINE_AUTO:
	case LOOP_ENGINE_URING:
		return uring_or_epoll(loop, options, why);
	case LOOP_ENGINE_EPOLL:
		return engine_epoll_open(options, &loop->engine, why);
	}
	return -EINVAL;
}

int loop_open(const struct loop_options *options, struct loop **out, char why[LOOP_TEXT_SIZE])
{
	snprintf(why, LOOP_TEXT_SIZE, "not enough memory for the loop");
	struct loop *loop = calloc(1, sizeof *loop);
	if (!loop)
		return -ENOMEM;
	loop->options = options_complete(options);
	list_init(&loop->work);
	list_init(&loop->starved);
	loop->wake.done = wake_done;
	loop->wake_fd = -1;
	int result = loop_allocate(loop);
	if (result < 0)
		goto free_loop;
	struct engine_options engine_options = {
		.caps = loop->options.caps,
		.sim = loop->options.sim,
		.connections = loop->options.connections,
		.buffer_size = loop->options.receive_buffer_size,
		.buffer_count = loop->options.receive_buffer_count,
	};
	result = engine_open(loop, &engine_options, why);
	if (result < 0)
		goto free_loop;
	if (!loop->engine->class->wake) {
		/* Blocking, so that a read waits in the engine instead of failing. */
		loop->wake_fd = eventfd(0, EFD_CLOEXEC);
		if (loop->wake_fd < 0) {
			result = -errno;
			snprintf(why, LOOP_TEXT_SIZE, "no eventfd: %s", strerror(-result));
			goto close_engine;
		}
	}
	loop->now_ns = loop->engine->class->clock_ns(loop->engine);
	wake_arm(loop);
	*out = loop;
	return 0;

close_engine:
	loop->engine->class->close(loop->engine);
free_loop:
	loop_free(loop);
	return result;
}

void loop_close(struct loop *loop)
{
	assert(loop->owners == 0 && !loop->turning);
	/* The kernel must not write the wake value into freed memory: reap that read first. */
	loop->closing = true;
	loop_wake(loop);
	while (loop->closing && loop_turn(loop, NEVER_NS) >= 0)
		;
	loop->engine->class->close(loop->engine);
	loop_free(loop);
}

/* ---- a turn ---- */

/* A receive that found no small buffer may find one now. */
static bool starved_may_go_on(const struct loop *loop)
{
	return !list_empty(&loop->starved) && loop->held_count < loop->options.receive_buffer_count;
}

/* The streams that queued before this turn; what they queue meanwhile is for the next one. */
static void run_work(struct loop *loop)
{
	struct list work;
	list_init(&work);
	if (starved_may_go_on(loop))
		list_splice(&loop->work, &loop->starved);
	list_splice(&work, &loop->work);
	if (list_empty(&work))
		return;
	loop->submit_ns = loop_clock_ns(loop);
	while (!list_empty(&work))
		stream_work(CONTAINER_OF(list_take_first(&work), struct stream, work));
}

static unsigned run_completions(struct loop *loop)
{
	struct completion batch[LOOP_REAP_BATCH];
	struct engine *engine = loop->engine;
	unsigned total = 0, count;
	/* Bounded, so that a socket that never runs dry cannot hold up the timers. */
	do {
		count = engine->class->reap(engine, batch, LOOP_REAP_BATCH);
		for (unsigned i = 0; i < count; i++)
			batch[i].op->done(batch[i].op, batch[i].result, batch[i].flags);
		total += count;
	} while (count == LOOP_REAP_BATCH && total < 64 * LOOP_REAP_BATCH);
	loop->statistics.completions += total;
	return total;
}

int loop_turn(struct loop *loop, int64_t until_ns)
{
	assert(!loop->turning);
	loop->turning = true;
	loop->calls = 0;
	loop->statistics.turns++;
	run_work(loop);
	int64_t deadline_ns = MIN(until_ns, timer_heap_next_ns(&loop->timers));
	/* Whoever was called may have changed the caller's mind: do not sleep on it. */
	if (loop->calls > 0 || !list_empty(&loop->work) || starved_may_go_on(loop))
		deadline_ns = 0;
	int64_t before_ns = loop_clock_ns(loop);
	int result = loop->engine->class->wait(loop->engine, deadline_ns);
	loop->now_ns = loop_clock_ns(loop);
	loop->statistics.waited_ns += loop->now_ns - before_ns;
	loop->message_count = loop->iovec_count = 0;
	if (result == 0) {
		unsigned ran = loop->calls;
		ran += run_completions(loop);
		unsigned fired = timer_heap_run(&loop->timers, loop->now_ns);
		loop->statistics.timers_fired += fired;
		result = (int)MIN(ran + fired, (unsigned)INT32_MAX);
	}
	loop->turning = false;
	return result;
}

void loop_gather_reserve(struct loop *loop)
{
	if (loop->message_count < LOOP_GATHER_MESSAGES &&
		loop->iovec_count + STREAM_GATHER_COUNT <= LOOP_GATHER_IOVECS)
		return;
	/* A broken engine reports itself at the wait. */
	loop->engine->class->submit(loop->engine);
	loop->message_count = loop->iovec_count = 0;
	loop->submit_ns = loop_clock_ns(loop);
}

void loop_buffer_return(struct loop *loop, uint32_t id)
{
	loop->engine->class->buffer_return(loop->engine, id);
	assert(loop->held_count > 0);
	loop->held_count--;
}

/* ---- the rest ---- */

const char *loop_describe(const struct loop *loop)
{
	return loop->engine->description;
}

const char *loop_fallback(const struct loop *loop)
{
	return loop->fallback[0] ? loop->fallback : NULL;
}

int64_t loop_now_ns(const struct loop *loop)
{
	return loop->now_ns;
}

int64_t loop_clock_ns(const struct loop *loop)
{
	return loop->engine->class->clock_ns(loop->engine);
}

bool loop_busy(const struct loop *loop)
{
	return loop->owners > 0;
}

void loop_timer_start(struct loop *loop, struct timer *timer, int64_t deadline_ns)
{
	timer_heap_start(&loop->timers, timer, deadline_ns);
}

void loop_timer_stop(struct loop *loop, struct timer *timer)
{
	timer_heap_stop(&loop->timers, timer);
}

struct slab_pool *loop_slabs(struct loop *loop)
{
	return &loop->slabs;
}

void loop_statistics(const struct loop *loop, struct loop_statistics *out)
{
	*out = loop->statistics;
	out->submissions = loop->engine->submissions;
	out->operations = loop->engine->operations;
	out->queue_full = loop->engine->queue_full;
	out->overflows = loop->engine->overflows;
}
