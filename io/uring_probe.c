/*
 * What this kernel's io_uring can do, found out by trying: never by its version.
 *
 * In order: set-up flags down the ladder, feature bits, a register call that lists the opcodes, a
 * NOP, then one small operation for each flag that set-up says nothing about. Set-up success alone
 * proves little: under some seccomp filters it succeeds and entering or registering fails.
 */
#include "uring.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROBE_TIMEOUT_NS (2 * NS_PER_S)

static const unsigned rung_flags[RUNG_COUNT] = {
	[RUNG_DEFER] =
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL,
	[RUNG_COOP] =
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
	[RUNG_PLAIN] = 0,
};

void uring_describe(const struct uring *uring, char text[LOOP_TEXT_SIZE])
{
	struct caps caps = uring->caps;
	caps.pwait2 = false; /* epoll's */
	caps_describe(&caps, "uring", rung_name(caps.rung), text);
}

/* ---- set-up ---- */

const char *uring_advice(int error)
{
	switch (error) {
	case -EPERM:
	case -EACCES:
		return "set kernel.io_uring_disabled=0, or run the container with a seccomp "
		       "profile that allows io_uring_setup, io_uring_enter and io_uring_register";
	case -ENOSYS:
		return "Linux 5.15 or later with CONFIG_IO_URING is needed";
	case -ENOMEM:
		return "raise ulimit -l or free some memory";
	case -EMFILE:
	case -ENFILE:
		return "raise ulimit -n";
	default:
		return NULL;
	}
}

static int explain(int error, const char *what, char why[LOOP_TEXT_SIZE])
{
	if (error == -EINVAL)
		error = -ENOSYS;
	switch (error) {
	case -EPERM:
	case -EACCES:
		snprintf(why, LOOP_TEXT_SIZE, "io_uring is not permitted here (%s: %s)", what,
			strerror(-error));
		break;
	case -ENOSYS:
		snprintf(why, LOOP_TEXT_SIZE, "this kernel's io_uring is missing or too old (%s)",
			what);
		break;
	case -ENOMEM:
		snprintf(why, LOOP_TEXT_SIZE, "no memory for io_uring (%s)", what);
		break;
	case -EMFILE:
	case -ENFILE:
		snprintf(why, LOOP_TEXT_SIZE, "no file descriptor left for io_uring");
		break;
	default:
		snprintf(why, LOOP_TEXT_SIZE, "io_uring failed (%s): %s", what, strerror(-error));
	}
	return error;
}

static int check_features(const struct uring *uring, char why[LOOP_TEXT_SIZE])
{
	const unsigned needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP |
				IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_FAST_POLL |
				IORING_FEAT_EXT_ARG;
	if ((uring->ring.features & needed) != needed)
		return explain(-ENOSYS, "features", why);
	return 0;
}

int uring_ring_open(
	struct uring *uring, unsigned entries, unsigned completions, char why[LOOP_TEXT_SIZE])
{
	int result = -EINVAL;
	for (int rung = (int)uring->caps.rung; rung < RUNG_COUNT; rung++) {
		struct io_uring_params params = {
			.flags = rung_flags[rung] | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
			.cq_entries = completions,
		};
		result = io_uring_queue_init_params(entries, &uring->ring, &params);
		if (result == 0) {
			uring->caps.rung = (enum uring_rung)rung;
			result = check_features(uring, why);
			if (result < 0)
				io_uring_queue_exit(&uring->ring);
			return result;
		}
		if (result != -EINVAL)
			break;
	}
	/* liburing reports the refused system call as it came, without the sign lost. */
	return explain(result < 0 ? result : -result, "io_uring_setup", why);
}

/* ---- self-test ---- */

static int probe_opcodes(struct uring *uring)
{
	static const int needed[] = { IORING_OP_NOP, IORING_OP_CONNECT, IORING_OP_ACCEPT,
		IORING_OP_RECV, IORING_OP_SENDMSG, IORING_OP_READ, IORING_OP_ASYNC_CANCEL };
	_Alignas(struct io_uring_probe)
		uint8_t memory[sizeof(struct io_uring_probe) +
			       IORING_OP_LAST * sizeof(struct io_uring_probe_op)];
	struct io_uring_probe *probe = (struct io_uring_probe *)(void *)memory;
	memset(memory, 0, sizeof memory);
	int result = io_uring_register_probe(&uring->ring, probe, IORING_OP_LAST);
	if (result < 0)
		return result;
	for (size_t i = 0; i < COUNT_OF(needed); i++)
		if (!io_uring_opcode_supported(probe, needed[i]))
			return -ENOSYS;
	return 0;
}

/* Submits what is prepared and takes the next completion, which is `op`'s. */
static int probe_next(struct uring *uring, const struct op *op, struct completion *out)
{
	const struct engine_class *class = uring->engine.class;
	int64_t deadline_ns = clock_monotonic_ns() + PROBE_TIMEOUT_NS;
	do {
		int result = class->wait(&uring->engine, deadline_ns);
		if (result < 0)
			return result;
		if (class->reap(&uring->engine, out, 1) == 1)
			return out->op == op ? 0 : -EIO;
	} while (clock_monotonic_ns() < deadline_ns);
	return -ETIME;
}

static int probe_nop(struct uring *uring)
{
	struct op op;
	struct completion completion;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);
	io_uring_prep_nop(sqe);
	sqe->user_data = (uintptr_t)&op;
	int result = probe_next(uring, &op, &completion);
	return result < 0 ? result : completion.result;
}

static int probe_wait_all(struct uring *uring, int out_fd, int in_fd)
{
	struct op op;
	struct completion completion;
	struct iovec iov = { "x", 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	char byte;
	uring->engine.class->send(&uring->engine, &op, out_fd, &message);
	int result = probe_next(uring, &op, &completion);
	if (result < 0)
		return result;
	uring->caps.wait_all = completion.result == 1 && recv(in_fd, &byte, 1, MSG_DONTWAIT) == 1;
	return 0;
}

/* The byte that waits, through a small buffer, then the end of the stream. */
static int probe_receive(struct uring *uring, int out_fd, int in_fd)
{
	const struct engine_class *class = uring->engine.class;
	struct op op;
	struct completion completion;
	bool tried_multishot = uring->caps.multishot;
	class->receive_provided(&uring->engine, &op, in_fd, tried_multishot);
	int result = probe_next(uring, &op, &completion);
	if (result < 0)
		return result;
	if (completion.flags & OP_BUFFER)
		class->buffer_return(&uring->engine, op_buffer_id(completion.flags));
	bool received = completion.result == 1 && completion.flags & OP_BUFFER;
	uring->caps.multishot = received && completion.flags & OP_MORE;
	uring->caps.buffer_ring = received || tried_multishot;
	if (completion.flags & OP_MORE) {
		shutdown(out_fd, SHUT_WR);
		do {
			result = probe_next(uring, &op, &completion);
		} while (result == 0 && completion.flags & OP_MORE);
		return result;
	}
	if (!received && tried_multishot) /* the byte is still there for the single shot */
		return probe_receive(uring, out_fd, in_fd);
	return 0;
}

static int probe_pair(struct uring *uring)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	int result = 0;
	if (uring->caps.wait_all)
		result = probe_wait_all(uring, pair[0], pair[1]);
	if (result == 0 && uring->caps.buffer_ring && send(pair[0], "x", 1, MSG_NOSIGNAL) == 1)
		result = probe_receive(uring, pair[0], pair[1]);
	if (!uring->caps.buffer_ring)
		uring->caps.multishot = false;
	close(pair[0]);
	close(pair[1]);
	return result;
}

/* Takes the one connection that waits. Returns its socket, or -errno. */
static int probe_accept(struct uring *uring, int listen_fd)
{
	const struct engine_class *class = uring->engine.class;
	struct op accept_op, cancel;
	struct completion completion;
	class->accept(&uring->engine, &accept_op, listen_fd);
	int result = probe_next(uring, &accept_op, &completion);
	if (result < 0)
		return result;
	int fd = completion.result;
	bool armed = completion.flags & OP_MORE;
	uring->caps.multishot_accept = fd >= 0 && armed;
	if (!armed)
		return fd;
	class->cancel(&uring->engine, &cancel, listen_fd, &accept_op);
	for (int expected = 2; expected > 0; expected--) {
		result = class->wait(&uring->engine, clock_monotonic_ns() + PROBE_TIMEOUT_NS);
		if (result == 0 && class->reap(&uring->engine, &completion, 1) != 1)
			result = -ETIME;
		if (result < 0) {
			close(fd);
			return result;
		}
	}
	return fd;
}

static int probe_discard(struct uring *uring, int out_fd, int in_fd)
{
	struct op op;
	struct completion completion;
	if (send(out_fd, "abcd", 4, MSG_NOSIGNAL) != 4)
		return -errno;
	uring->engine.class->receive(&uring->engine, &op, in_fd, NULL, 4, false);
	int result = probe_next(uring, &op, &completion);
	if (result < 0)
		return result;
	uring->caps.discard = completion.result == 4;
	return 0;
}

/* Dropping unread is a matter of TCP. Where loopback is not to be had, these features stay off. */
static int probe_tcp(struct uring *uring)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof address;
	struct caps wanted = uring->caps;
	uring->caps.discard = false;
	int result = 0;
	int listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int out_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listen_fd < 0 || out_fd < 0 ||
		bind(listen_fd, (struct sockaddr *)&address, sizeof address) != 0 ||
		listen(listen_fd, 1) != 0 ||
		getsockname(listen_fd, (struct sockaddr *)&address, &size) != 0 ||
		(connect(out_fd, (struct sockaddr *)&address, sizeof address) != 0 &&
			errno != EINPROGRESS)) {
		uring->caps.multishot_accept = false;
		goto close_sockets;
	}
	int in_fd = probe_accept(uring, listen_fd);
	if (in_fd == -EINVAL) { /* before 5.19 */
		uring->caps.multishot_accept = false;
		in_fd = probe_accept(uring, listen_fd);
	}
	result = MIN(in_fd, 0);
	if (result == 0 && wanted.discard)
		result = probe_discard(uring, out_fd, in_fd);
	if (in_fd >= 0)
		close(in_fd);
close_sockets:
	if (out_fd >= 0)
		close(out_fd);
	if (listen_fd >= 0)
		close(listen_fd);
	return result;
}

int uring_self_test(struct uring *uring, char why[LOOP_TEXT_SIZE])
{
	int result = probe_opcodes(uring);
	if (result < 0)
		return explain(result, "io_uring_register", why);
	result = probe_nop(uring);
	if (result < 0)
		return explain(result, "io_uring_enter", why);
	result = uring_buffers_open(uring);
	if (result < 0)
		return explain(result, "receive buffers", why);
	result = probe_pair(uring);
	if (result == 0)
		result = probe_tcp(uring);
	if (result < 0)
		return explain(result, "self-test", why);
	return 0;
}
