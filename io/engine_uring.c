/*
 * The io_uring engine: operations into the submission queue, completions out of the other one.
 *
 * liburing 2.3 is enough. Waiting is a call of its own with the timeout in it (EXT_ARG), so there
 * are no timer operations. What the kernel can do was settled by uring_probe.c before.
 */
#include "uring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "socket.h"

#define URING_ENTRIES_MIN     64u
#define URING_ENTRIES_MAX     4096u
#define URING_COMPLETIONS_MAX 65536u /* the kernel's limit */

static struct uring *uring_of(struct engine *engine)
{
	return CONTAINER_OF(engine, struct uring, engine);
}

static int64_t uring_clock_ns(const struct engine *engine)
{
	(void)engine;
	return clock_monotonic_ns();
}

/* ---- submitting, waiting, reaping ---- */

static uint32_t completion_flags(uint32_t flags)
{
	uint32_t result = 0;
	if (flags & IORING_CQE_F_MORE)
		result |= OP_MORE;
	if (flags & IORING_CQE_F_BUFFER)
		result |= op_flags_buffer(flags >> IORING_CQE_BUFFER_SHIFT);
	return result;
}

static unsigned queue_reap(struct uring *uring, struct completion *out, unsigned max)
{
	unsigned head, count = 0;
	struct io_uring_cqe *cqe;
	io_uring_for_each_cqe(&uring->ring, head, cqe)
	{
		if (count == max)
			break;
		out[count++] = (struct completion){
			.op = io_uring_cqe_get_data(cqe),
			.result = cqe->res,
			.flags = completion_flags(cqe->flags),
		};
	}
	io_uring_cq_advance(&uring->ring, count);
	return count;
}

static void count_overflow(struct uring *uring)
{
	bool overflowing = io_uring_cq_has_overflow(&uring->ring);
	if (overflowing && !uring->overflowing)
		uring->engine.overflows++;
	uring->overflowing = overflowing;
}

/*
 * Kernels before 5.19 refuse to submit while completions overflow. Inside a turn nobody reaps, so
 * the completions move to memory of our own: the one allocation after start-up, in an emergency.
 */
static int stash_completions(struct uring *uring)
{
	unsigned ready = io_uring_cq_ready(&uring->ring);
	if (uring->stash_count + ready > uring->stash_capacity) {
		size_t capacity = 2 * (uring->stash_count + ready);
		struct completion *grown = realloc(uring->stash, capacity * sizeof *grown);
		if (!grown)
			return -ENOMEM;
		uring->stash = grown;
		uring->stash_capacity = capacity;
	}
	uring->stash_count += queue_reap(uring, uring->stash + uring->stash_count, ready);
	return 0;
}

static int submit_all(struct uring *uring, bool collect)
{
	for (int tries = 0; tries < URING_SUBMIT_TRIES && !uring->broken; tries++) {
		unsigned prepared = io_uring_sq_ready(&uring->ring);
		int result = collect ? io_uring_submit_and_get_events(&uring->ring)
				     : io_uring_submit(&uring->ring);
		uring->engine.submissions++;
		unsigned left = io_uring_sq_ready(&uring->ring);
		uring->engine.operations += prepared - left;
		count_overflow(uring);
		if (result == -EBUSY || result == -EAGAIN) {
			if (left == 0)
				return 0; /* only collecting failed: the next reap makes room */
			uring->broken = stash_completions(uring);
		} else if (result < 0 && result != -EINTR) {
			uring->broken = result;
		} else if (left == 0) {
			return 0;
		}
	}
	if (!uring->broken)
		uring->broken = -EBUSY;
	return uring->broken;
}

static int uring_submit(struct engine *engine)
{
	struct uring *uring = uring_of(engine);
	if (uring->broken)
		return uring->broken;
	return io_uring_sq_ready(&uring->ring) > 0 ? submit_all(uring, false) : 0;
}

static int wait_until(struct uring *uring, int64_t deadline_ns)
{
	struct __kernel_timespec timeout;
	struct io_uring_getevents_arg arg = { .sigmask_sz = _NSIG / 8 };
	if (deadline_ns != NEVER_NS) {
		int64_t left_ns = deadline_ns - clock_monotonic_ns();
		if (left_ns <= 0)
			return 0;
		timeout.tv_sec = left_ns / NS_PER_S;
		timeout.tv_nsec = left_ns % NS_PER_S;
		arg.ts = (uintptr_t)&timeout;
	}
	int result = io_uring_enter2((unsigned)uring->ring.ring_fd, 0, 1,
		IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, (void *)&arg, sizeof arg);
	uring->engine.submissions++;
	count_overflow(uring);
	if (result >= 0 || result == -ETIME || result == -EINTR || result == -EBUSY ||
		result == -EAGAIN)
		return 0;
	uring->broken = result;
	return result;
}

static int uring_wait(struct engine *engine, int64_t deadline_ns)
{
	struct uring *uring = uring_of(engine);
	if (uring->broken)
		return uring->broken;
	/* With DEFER_TASKRUN completions appear only in a call that collects them. */
	if (deadline_ns == 0 || io_uring_sq_ready(&uring->ring) > 0) {
		int result = submit_all(uring, true);
		if (result < 0 || deadline_ns == 0)
			return result;
	}
	if (uring->stash_count > 0 || io_uring_cq_ready(&uring->ring) > 0)
		return 0;
	return wait_until(uring, deadline_ns);
}

static unsigned uring_reap(struct engine *engine, struct completion *out, unsigned max)
{
	struct uring *uring = uring_of(engine);
	unsigned count = 0;
	while (uring->stash_first < uring->stash_count && count < max)
		out[count++] = uring->stash[uring->stash_first++];
	if (uring->stash_first == uring->stash_count)
		uring->stash_first = uring->stash_count = 0;
	if (count == 0)
		count = queue_reap(uring, out, max);
	return count;
}

/* ---- preparing ---- */

static struct io_uring_sqe *prepare(struct uring *uring, struct op *op)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);
	if (!sqe) {
		uring->engine.queue_full++;
		submit_all(uring, false);
		sqe = io_uring_get_sqe(&uring->ring);
	}
	if (!sqe) /* broken: the next wait says so */
		sqe = &uring->spare;
	memset(sqe, 0, sizeof *sqe);
	sqe->user_data = (uintptr_t)op;
	return sqe;
}

static void prepare_rw(
	struct io_uring_sqe *sqe, uint8_t opcode, int fd, const void *memory, uint32_t size)
{
	sqe->opcode = opcode;
	sqe->fd = fd;
	sqe->addr = (uintptr_t)memory;
	sqe->len = size;
}

static void uring_connect(
	struct engine *engine, struct op *op, int fd, const struct sockaddr *to, socklen_t size)
{
	struct io_uring_sqe *sqe = prepare(uring_of(engine), op);
	prepare_rw(sqe, IORING_OP_CONNECT, fd, to, 0);
	sqe->off = size;
}

static void uring_accept(struct engine *engine, struct op *op, int fd)
{
	struct uring *uring = uring_of(engine);
	struct io_uring_sqe *sqe = prepare(uring, op);
	prepare_rw(sqe, IORING_OP_ACCEPT, fd, NULL, 0);
	sqe->accept_flags = SOCK_CLOEXEC;
	if (uring->caps.multishot_accept)
		sqe->ioprio = IORING_ACCEPT_MULTISHOT;
}

static void uring_read(struct engine *engine, struct op *op, int fd, void *data, size_t size)
{
	prepare_rw(prepare(uring_of(engine), op), IORING_OP_READ, fd, data, (uint32_t)size);
}

static void uring_receive(
	struct engine *engine, struct op *op, int fd, void *data, size_t size, bool whole)
{
	struct uring *uring = uring_of(engine);
	struct io_uring_sqe *sqe = prepare(uring, op);
	assert(data || !whole);
	prepare_rw(sqe, IORING_OP_RECV, fd, data, (uint32_t)MIN(size, (size_t)INT32_MAX));
	if (whole && uring->caps.wait_all)
		sqe->msg_flags |= MSG_WAITALL;
	if (!data)
		sqe->msg_flags |= MSG_TRUNC;
}

static void uring_receive_provided(struct engine *engine, struct op *op, int fd, bool multishot)
{
	struct uring *uring = uring_of(engine);
	struct io_uring_sqe *sqe = prepare(uring, op);
	prepare_rw(sqe, IORING_OP_RECV, fd, NULL, 0);
	sqe->flags = IOSQE_BUFFER_SELECT;
	sqe->buf_group = URING_BUFFER_GROUP;
	if (multishot && uring->caps.multishot)
		sqe->ioprio = IORING_RECV_MULTISHOT;
}

static void uring_send(struct engine *engine, struct op *op, int fd, const struct msghdr *message)
{
	struct uring *uring = uring_of(engine);
	struct io_uring_sqe *sqe = prepare(uring, op);
	prepare_rw(sqe, IORING_OP_SENDMSG, fd, message, 1);
	sqe->msg_flags = MSG_NOSIGNAL | (uring->caps.wait_all ? MSG_WAITALL : 0);
}

static void uring_cancel(struct engine *engine, struct op *op, int fd, struct op *target)
{
	(void)fd;
	struct io_uring_sqe *sqe = prepare(uring_of(engine), op);
	prepare_rw(sqe, IORING_OP_ASYNC_CANCEL, -1, target, 0);
}

/* ---- sockets and small buffers ---- */

static int uring_socket(struct engine *engine, int family)
{
	(void)engine;
	/* Blocking: io_uring arms a poll by itself, and fails with -EAGAIN on O_NONBLOCK. */
	return socket_create(family, 0);
}

static void uring_discard_socket(struct engine *engine, int fd, bool reset)
{
	(void)engine;
	socket_discard(fd, reset);
}

static void uring_shutdown_socket(struct engine *engine, int fd)
{
	(void)engine;
	shutdown(fd, SHUT_RDWR);
}

static uint8_t *uring_buffer(struct engine *engine, uint32_t id)
{
	struct uring *uring = uring_of(engine);
	assert(id < uring->buffer_count);
	return uring->buffers + id * uring->buffer_size;
}

static void uring_buffer_return(struct engine *engine, uint32_t id)
{
	struct uring *uring = uring_of(engine);
	io_uring_buf_ring_add(uring->buffer_ring, uring_buffer(engine, id),
		(unsigned)uring->buffer_size, (unsigned short)id,
		io_uring_buf_ring_mask((uint32_t)uring->buffer_count), 0);
	io_uring_buf_ring_advance(uring->buffer_ring, 1);
}

int uring_buffers_open(struct uring *uring)
{
	if (!uring->caps.buffer_ring)
		return 0;
	/* The ring of descriptors first, then the buffers, in one mapping. */
	size_t ring_bytes = uring->buffer_count * sizeof(struct io_uring_buf);
	ring_bytes = (ring_bytes + 4095) & ~(size_t)4095;
	size_t bytes = ring_bytes + uring->buffer_count * uring->buffer_size;
	uint8_t *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	struct io_uring_buf_reg registration = {
		.ring_addr = (uintptr_t)memory,
		.ring_entries = (uint32_t)uring->buffer_count,
		.bgid = URING_BUFFER_GROUP,
	};
	int result = io_uring_register_buf_ring(&uring->ring, &registration, 0);
	if (result < 0) {
		munmap(memory, bytes);
		if (result != -EINVAL)
			return result;
		uring->caps.buffer_ring = false; /* before 5.19 */
		return 0;
	}
	uring->buffer_ring = (struct io_uring_buf_ring *)(void *)memory;
	uring->buffers = memory + ring_bytes;
	uring->ring_bytes = ring_bytes;
	io_uring_buf_ring_init(uring->buffer_ring);
	for (uint32_t id = 0; id < uring->buffer_count; id++)
		uring_buffer_return(&uring->engine, id);
	return 0;
}

void uring_buffers_close(struct uring *uring)
{
	if (uring->buffer_ring)
		munmap(uring->buffer_ring,
			uring->ring_bytes + uring->buffer_count * uring->buffer_size);
	uring->buffer_ring = NULL;
}

/* ---- life ---- */

static unsigned power_of_two(size_t at_least)
{
	unsigned result = 1;
	while (result < at_least)
		result *= 2;
	return result;
}

static void uring_close(struct engine *engine)
{
	struct uring *uring = uring_of(engine);
	io_uring_queue_exit(&uring->ring);
	uring_buffers_close(uring);
	free(uring->stash);
	free(uring);
}

const struct engine_class uring_class = {
	.close = uring_close,
	.clock_ns = uring_clock_ns,
	.submit = uring_submit,
	.wait = uring_wait,
	.reap = uring_reap,
	.sockets = &socket_calls,
	.socket = uring_socket,
	.discard_socket = uring_discard_socket,
	.shutdown_socket = uring_shutdown_socket,
	.connect = uring_connect,
	.accept = uring_accept,
	.read = uring_read,
	.receive = uring_receive,
	.receive_provided = uring_receive_provided,
	.send = uring_send,
	.cancel = uring_cancel,
	.buffer = uring_buffer,
	.buffer_return = uring_buffer_return,
};

/* Two operations per connection and turn, and each may have several completions on the way. */
static int rings_open(
	struct uring *uring, const struct engine_options *options, char why[LOOP_TEXT_SIZE])
{
	size_t wanted = MIN((size_t)options->connections * 2, (size_t)URING_ENTRIES_MAX);
	unsigned entries = power_of_two(MAX(wanted, (size_t)URING_ENTRIES_MIN));
	size_t completions = (size_t)entries * 4 + options->buffer_count;
	if (uring->caps.tiny) {
		entries = 4;
		completions = 8;
	}
	return uring_ring_open(
		uring, entries, MIN(power_of_two(completions), URING_COMPLETIONS_MAX), why);
}

int engine_uring_open(
	const struct engine_options *options, struct engine **engine, char why[LOOP_TEXT_SIZE])
{
	struct caps caps;
	int result = caps_parse(options->caps, &caps, why);
	if (result < 0)
		return result;
	struct uring *uring = calloc(1, sizeof *uring);
	if (!uring)
		return -ENOMEM;
	uring->engine.class = &uring_class;
	uring->caps = caps;
	uring->buffer_size = options->buffer_size;
	uring->buffer_count = options->buffer_count;
	result = rings_open(uring, options, why);
	if (result < 0)
		goto free_uring;
	result = uring_self_test(uring, why);
	if (result < 0)
		goto close_ring;
	uring->engine.multishot = uring->caps.multishot;
	uring->engine.provided_buffers = uring->caps.buffer_ring;
	uring->engine.discard = uring->caps.discard;
	uring_describe(uring, uring->engine.description);
	*engine = &uring->engine;
	return 0;

close_ring:
	io_uring_queue_exit(&uring->ring);
	uring_buffers_close(uring);
free_uring:
	free(uring->stash);
	free(uring);
	return result;
}
