/*
 * The epoll engine: where io_uring is forbidden or missing, and the second opinion in tests.
 *
 * Prepared operations queue until they are handed over, then each is one system call, tried at
 * once; those that would block wait in their descriptor's slot (epoll_slot.c). Their completions
 * queue until they are reaped.
 */
#include "epoll.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "socket.h"

#define PREPARED_MIN  ((size_t)64)
#define PREPARED_MAX  ((size_t)4096)
#define COMPLETED_MAX ((size_t)65536) /* room at the start; more is an emergency */
#define BURST         16              /* calls for one descriptor before the others' turn */

static struct epoll_engine *epoll_of(struct engine *engine)
{
	return CONTAINER_OF(engine, struct epoll_engine, engine);
}

static int64_t epoll_clock_ns(const struct engine *engine)
{
	(void)engine;
	return clock_monotonic_ns();
}

/* ---- completions ---- */

static bool completions_grow(struct epoll_engine *epoll)
{
	size_t capacity = 2 * epoll->completion_capacity;
	struct completion *grown = realloc(epoll->completions, capacity * sizeof *grown);
	if (!grown) {
		epoll->broken = -ENOMEM;
		return false;
	}
	epoll->completions = grown;
	epoll->completion_capacity = capacity;
	epoll->engine.overflows++;
	return true;
}

void epoll_complete(struct epoll_engine *epoll, struct op *op, int result, uint32_t flags)
{
	if (epoll->completion_count == epoll->completion_capacity && !completions_grow(epoll))
		return;
	epoll->completions[epoll->completion_count++] =
		(struct completion){ .op = op, .result = result, .flags = flags };
}

static unsigned epoll_reap(struct engine *engine, struct completion *out, unsigned max)
{
	struct epoll_engine *epoll = epoll_of(engine);
	size_t count = MIN(epoll->completion_count - epoll->completion_first, (size_t)max);
	memcpy(out, epoll->completions + epoll->completion_first, count * sizeof *out);
	epoll->completion_first += count;
	if (epoll->completion_first == epoll->completion_count)
		epoll->completion_first = epoll->completion_count = 0;
	return (unsigned)count;
}

/* ---- slots that go on without an event ---- */

void epoll_slot_later(struct epoll_engine *epoll, int fd)
{
	struct slot *slot = &epoll->slots[fd];
	if (slot->queued)
		return;
	slot->queued = true;
	slot->next = SLOT_NONE;
	if (epoll->ready_first == SLOT_NONE)
		epoll->ready_first = fd;
	else
		epoll->slots[epoll->ready_last].next = fd;
	epoll->ready_last = fd;
}

static void run_ready(struct epoll_engine *epoll)
{
	int fd = epoll->ready_first;
	epoll->ready_first = epoll->ready_last = SLOT_NONE;
	while (fd != SLOT_NONE) {
		int next = epoll->slots[fd].next;
		epoll->slots[fd].queued = false;
		epoll_slot_run(epoll, fd);
		fd = next;
	}
}

/* ---- submitting, waiting ---- */

static int epoll_submit(struct engine *engine)
{
	struct epoll_engine *epoll = epoll_of(engine);
	for (size_t i = 0; i < epoll->prepared_count && !epoll->broken; i++)
		epoll_start(epoll, &epoll->prepared[i]);
	epoll->engine.operations += epoll->prepared_count;
	epoll->prepared_count = 0;
	return epoll->broken;
}

/* The count of events, or -1 with errno. Without epoll_pwait2 the precision comes from ppoll. */
static int wait_events(
	struct epoll_engine *epoll, struct epoll_event *events, const struct timespec *timeout)
{
	epoll->engine.submissions++;
	int max = (int)epoll->events_max;
	bool now = timeout && timeout->tv_sec == 0 && timeout->tv_nsec == 0;
	if (now || !timeout)
		return epoll_wait(epoll->fd, events, max, now ? 0 : -1);
	if (epoll->caps.pwait2)
		return epoll_pwait2(epoll->fd, events, max, timeout, NULL);
	struct pollfd poller = { .fd = epoll->fd, .events = POLLIN };
	int result = ppoll(&poller, 1, timeout, NULL);
	if (result <= 0)
		return result;
	epoll->engine.submissions++;
	return epoll_wait(epoll->fd, events, max, 0);
}

static struct timespec time_left(int64_t deadline_ns)
{
	int64_t left_ns = deadline_ns > 0 ? deadline_ns - clock_monotonic_ns() : 0;
	left_ns = MAX(left_ns, 0);
	return (struct timespec){ left_ns / NS_PER_S, left_ns % NS_PER_S };
}

/* Takes what is ready; true when the wait is over, though nothing may have completed. */
static bool wait_once(struct epoll_engine *epoll, int64_t deadline_ns)
{
	struct epoll_event events[EPOLL_EVENTS_MAX];
	struct timespec timeout = time_left(deadline_ns);
	bool endless = deadline_ns == NEVER_NS;
	int count = wait_events(epoll, events, endless ? NULL : &timeout);
	if (count < 0 && errno != EINTR)
		epoll->broken = -errno;
	for (int i = 0; i < count; i++)
		epoll_slot_event(epoll, events[i].data.fd, events[i].events);
	return count <= 0;
}

static int epoll_engine_wait(struct engine *engine, int64_t deadline_ns)
{
	struct epoll_engine *epoll = epoll_of(engine);
	run_ready(epoll);
	epoll_submit(engine);
	/* Sockets that are always ready must not keep the others' events out. */
	bool over;
	do {
		bool sleep = epoll->completion_count == 0 && epoll->ready_first == SLOT_NONE;
		over = epoll->broken || wait_once(epoll, sleep ? deadline_ns : 0);
	} while (!over && epoll->completion_count == 0);
	return epoll->broken;
}

/* ---- preparing ---- */

static void prepare(struct engine *engine, const struct request *request)
{
	struct epoll_engine *epoll = epoll_of(engine);
	if (epoll->prepared_count == epoll->prepared_capacity) {
		epoll->engine.queue_full++;
		epoll_submit(engine);
	}
	epoll->prepared[epoll->prepared_count++] = *request;
}

static void epoll_connect(
	struct engine *engine, struct op *op, int fd, const struct sockaddr *to, socklen_t size)
{
	prepare(engine, &(struct request){ REQUEST_CONNECT, fd, op, .to = to, .size = size });
}

static void epoll_accept(struct engine *engine, struct op *op, int fd)
{
	bool multishot = epoll_of(engine)->caps.multishot_accept;
	prepare(engine, &(struct request){ REQUEST_ACCEPT, fd, op, .multishot = multishot });
}

static void epoll_read(struct engine *engine, struct op *op, int fd, void *data, size_t size)
{
	prepare(engine, &(struct request){ REQUEST_READ, fd, op, .data = data, .size = size });
}

static void epoll_receive(
	struct engine *engine, struct op *op, int fd, void *data, size_t size, bool whole)
{
	assert(size > 0 && (data || !whole));
	prepare(engine, &(struct request){
				REQUEST_RECEIVE,
				fd,
				op,
				.data = data,
				.size = MIN(size, (size_t)INT32_MAX),
				.whole = whole && epoll_of(engine)->caps.wait_all,
			});
}

static void epoll_receive_provided(struct engine *engine, struct op *op, int fd, bool multishot)
{
	multishot = multishot && epoll_of(engine)->caps.multishot;
	prepare(engine,
		&(struct request){ REQUEST_RECEIVE_PROVIDED, fd, op, .multishot = multishot });
}

static void epoll_send(struct engine *engine, struct op *op, int fd, const struct msghdr *message)
{
	prepare(engine, &(struct request){ REQUEST_SEND, fd, op, .message = message });
}

static void epoll_cancel(struct engine *engine, struct op *op, int fd, struct op *target)
{
	prepare(engine, &(struct request){ REQUEST_CANCEL, fd, op, .target = target });
}

/* ---- sockets and small buffers ---- */

static int epoll_socket(struct engine *engine, int family)
{
	(void)engine;
	return socket_create(family, SOCK_NONBLOCK);
}

static void epoll_discard_socket(struct engine *engine, int fd, bool reset)
{
	epoll_slot_close(epoll_of(engine), fd);
	socket_discard(fd, reset);
}

static void epoll_shutdown_socket(struct engine *engine, int fd)
{
	(void)engine;
	shutdown(fd, SHUT_RDWR);
}

bool epoll_buffer_take(struct epoll_engine *epoll, uint32_t *id)
{
	if (epoll->buffers_free_count == 0)
		return false;
	/* The one given back last: it is warm. */
	*id = epoll->buffers_free[--epoll->buffers_free_count];
	return true;
}

void epoll_buffer_put(struct epoll_engine *epoll, uint32_t id)
{
	assert(id < epoll->buffer_count && epoll->buffers_free_count < epoll->buffer_count);
	epoll->buffers_free[epoll->buffers_free_count++] = id;
}

static uint8_t *epoll_buffer(struct engine *engine, uint32_t id)
{
	struct epoll_engine *epoll = epoll_of(engine);
	assert(id < epoll->buffer_count);
	return epoll->buffers + id * epoll->buffer_size;
}

static void epoll_buffer_return(struct engine *engine, uint32_t id)
{
	epoll_buffer_put(epoll_of(engine), id);
}

/* ---- life ---- */

static void epoll_close(struct engine *engine)
{
	struct epoll_engine *epoll = epoll_of(engine);
	if (epoll->fd >= 0)
		close(epoll->fd);
	if (epoll->buffers)
		munmap(epoll->buffers, epoll->buffer_count * epoll->buffer_size);
	free(epoll->buffers_free);
	free(epoll->completions);
	free(epoll->prepared);
	free(epoll->slots);
	free(epoll);
}

static const struct engine_class epoll_class = {
	.close = epoll_close,
	.clock_ns = epoll_clock_ns,
	.submit = epoll_submit,
	.wait = epoll_engine_wait,
	.reap = epoll_reap,
	.sockets = &socket_calls,
	.socket = epoll_socket,
	.discard_socket = epoll_discard_socket,
	.shutdown_socket = epoll_shutdown_socket,
	.connect = epoll_connect,
	.accept = epoll_accept,
	.read = epoll_read,
	.receive = epoll_receive,
	.receive_provided = epoll_receive_provided,
	.send = epoll_send,
	.cancel = epoll_cancel,
	.buffer = epoll_buffer,
	.buffer_return = epoll_buffer_return,
};

static int buffers_open(struct epoll_engine *epoll)
{
	if (!epoll->caps.buffer_ring)
		return 0;
	void *memory = mmap(NULL, epoll->buffer_count * epoll->buffer_size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	epoll->buffers = memory;
	epoll->buffers_free = calloc(epoll->buffer_count, sizeof *epoll->buffers_free);
	if (!epoll->buffers_free)
		return -ENOMEM;
	for (size_t i = epoll->buffer_count; i > 0; i--)
		epoll_buffer_put(epoll, (uint32_t)(i - 1));
	return 0;
}

static int epoll_allocate(struct epoll_engine *epoll, unsigned connections)
{
	size_t entries = MIN(MAX((size_t)connections * 2, PREPARED_MIN), PREPARED_MAX);
	epoll->prepared_capacity = entries;
	epoll->completion_capacity = MIN(entries * 4 + epoll->buffer_count, COMPLETED_MAX);
	epoll->slot_count = (size_t)connections + 16;
	epoll->events_max = EPOLL_EVENTS_MAX;
	epoll->burst = BURST;
	if (epoll->caps.tiny) {
		epoll->prepared_capacity = 4;
		epoll->completion_capacity = 8;
		epoll->events_max = 2;
		epoll->burst = 1;
	}
	epoll->prepared = calloc(epoll->prepared_capacity, sizeof *epoll->prepared);
	epoll->completions = calloc(epoll->completion_capacity, sizeof *epoll->completions);
	epoll->slots = calloc(epoll->slot_count, sizeof *epoll->slots);
	if (!epoll->prepared || !epoll->completions || !epoll->slots)
		return -ENOMEM;
	return buffers_open(epoll);
}

/* Missing before 5.11, and filters that forbid io_uring may not know it. */
static bool pwait2_works(const struct epoll_engine *epoll)
{
	struct epoll_event event;
	struct timespec now = { 0 };
	return epoll_pwait2(epoll->fd, &event, 1, &now, NULL) >= 0;
}

int engine_epoll_open(
	const struct engine_options *options, struct engine **engine, char why[LOOP_TEXT_SIZE])
{
	struct caps caps;
	int result = caps_parse(options->caps, &caps, why);
	if (result < 0)
		return result;
	snprintf(why, LOOP_TEXT_SIZE, "not enough memory for epoll");
	struct epoll_engine *epoll = calloc(1, sizeof *epoll);
	if (!epoll)
		return -ENOMEM;
	epoll->engine.class = &epoll_class;
	epoll->caps = caps;
	epoll->buffer_size = options->buffer_size;
	epoll->buffer_count = options->buffer_count;
	epoll->ready_first = epoll->ready_last = SLOT_NONE;
	epoll->fd = -1;
	result = epoll_allocate(epoll, options->connections);
	if (result < 0)
		goto close_epoll;
	epoll->fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll->fd < 0) {
		result = -errno;
		snprintf(why, LOOP_TEXT_SIZE, "no epoll: %s", strerror(-result));
		goto close_epoll;
	}
	epoll->caps.pwait2 = caps.pwait2 && pwait2_works(epoll);
	epoll->caps.multishot = caps.multishot && caps.buffer_ring;
	epoll->engine.multishot = epoll->caps.multishot;
	epoll->engine.provided_buffers = caps.buffer_ring;
	epoll->engine.discard = caps.discard;
	caps_describe(&epoll->caps, "epoll", NULL, epoll->engine.description);
	*engine = &epoll->engine;
	return 0;

close_epoll:
	epoll_close(&epoll->engine);
	return result;
}
