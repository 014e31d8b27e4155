/*
 * What an engine does for the loop: it starts operations on sockets and reports their completions.
 *
 * Three engines fit behind this: io_uring, epoll, and a simulation with a virtual clock. An engine
 * calls nobody back and knows no streams. The rules that all keep:
 * - Preparing an operation never fails; a failure is its completion.
 * - Memory that an operation names by pointer at preparation (msghdr, iovec, sockaddr) must last
 *   until submit or wait returns; payload memory until the last completion.
 * - A send may complete short, even with 0 bytes (try again): the caller resumes at its own offset.
 *   At most one send and one receive are armed per socket.
 * - Results are counts or -errno. A cancelled operation completes with -ECANCELED, or normally when
 *   it was faster; the cancel completes on its own, with -EALREADY when it could not stop its
 * target.
 */
#ifndef IO_ENGINE_H
#define IO_ENGINE_H

#include <sys/socket.h>

#include "base.h"
#include "io/loop.h"

struct address;
struct stream_options;
struct stream_traffic;

/* Beside OP_MORE: the bytes are in a small buffer of the engine's, to be given back. */
#define OP_BUFFER (UINT32_C(1) << 1)

static inline uint32_t op_flags_buffer(uint32_t id)
{
	return OP_BUFFER | id << 16;
}

static inline uint32_t op_buffer_id(uint32_t flags)
{
	return flags >> 16;
}

#define ENGINE_BUFFERS_MAX ((size_t)32768) /* io_uring's limit for one ring of buffers */

struct completion {
	struct op *op;
	int result;
	uint32_t flags;
};

struct engine_options {
	const char *caps;
	struct sim *sim; /* engine_sim_open's */
	unsigned connections;
	size_t buffer_size, buffer_count; /* count: a power of two, at most ENGINE_BUFFERS_MAX */
};

struct engine {
	const struct engine_class *class;
	bool multishot;        /* receive_provided and accept may stay armed */
	bool provided_buffers; /* receive_provided works */
	bool discard;          /* receive with MSG_TRUNC drops bytes unread */
	uint64_t submissions, operations, queue_full, overflows;
	char description[LOOP_TEXT_SIZE];
};

/* What is asked of a socket outside of operations, answered at once: 0 or -errno. */
struct socket_calls {
	/* Before connect or listen, or after accept; what is TCP's is left out elsewhere. */
	int (*configure)(struct engine *engine, int fd, sa_family_t family,
		const struct stream_options *options);
	int (*listen)(struct engine *engine, int fd, const struct address *address, int backlog);
	int (*local_address)(struct engine *engine, int fd, struct address *out);
	int (*peer_address)(struct engine *engine, int fd, struct address *out);
	/* The congestion control in effect, terminated. */
	int (*congestion)(struct engine *engine, int fd, char *text, size_t size);
	/* Of stream_traffic; -errno: nothing is known beyond what operations completed with. */
	int (*traffic)(struct engine *engine, int fd, struct stream_traffic *out);
};

struct engine_class {
	void (*close)(struct engine *engine);
	int64_t (*clock_ns)(const struct engine *engine);

	/* Hands over what was prepared, without waiting. 0 or -errno: the engine is broken. */
	int (*submit)(struct engine *engine);
	/*
	 * The same, then waits for a completion until deadline_ns (0: does not wait, but collects
	 * what is ready). 0, also after a signal or the deadline; -errno: the engine is broken.
	 */
	int (*wait)(struct engine *engine, int64_t deadline_ns);
	/* Takes up to `max` completions, oldest first; returns how many. */
	unsigned (*reap)(struct engine *engine, struct completion *out, unsigned max);

	/* Makes the armed read of the loop's wake descriptor complete, from any thread or signal
	 * handler. NULL: the descriptor is a real eventfd, and the loop writes to it. */
	void (*wake)(struct engine *engine);

	/* The kernel's for engines on real sockets: socket_calls in socket.h. */
	const struct socket_calls *sockets;
	/* A TCP socket fit for this engine, or -errno. */
	int (*socket)(struct engine *engine, int family);
	/* Closes a socket without operations in flight: with a FIN, or at once with a RST. */
	void (*discard_socket)(struct engine *engine, int fd, bool reset);
	/* Makes operations on it end, where a cancel could not stop them. */
	void (*shutdown_socket)(struct engine *engine, int fd);

	void (*connect)(struct engine *engine, struct op *op, int fd, const struct sockaddr *to,
		socklen_t size);
	/* The result is a new socket. May stay armed (OP_MORE). */
	void (*accept)(struct engine *engine, struct op *op, int fd);
	/* From a descriptor that is no socket. */
	void (*read)(struct engine *engine, struct op *op, int fd, void *data, size_t size);
	/*
	 * Into the caller's memory, all `size` bytes if `whole` (may still complete short). With
	 * data NULL the bytes are dropped (needs engine->discard, and not `whole`: io_uring retries
	 * MSG_WAITALL from where its iterator stands, MSG_TRUNC does not move it, so a dropping
	 * receive that blocks once would drop bytes that nobody gave up; seen on 6.18).
	 */
	void (*receive)(
		struct engine *engine, struct op *op, int fd, void *data, size_t size, bool whole);
	/* Into a small buffer (OP_BUFFER); -ENOBUFS when there is none. May stay armed if
	 * `multishot`. */
	void (*receive_provided)(struct engine *engine, struct op *op, int fd, bool multishot);
	void (*send)(struct engine *engine, struct op *op, int fd, const struct msghdr *message);
	/* `fd` is the target's. The result is 0, -EALREADY, or -ENOENT: the target is done. */
	void (*cancel)(struct engine *engine, struct op *op, int fd, struct op *target);

	uint8_t *(*buffer)(struct engine *engine, uint32_t id);
	void (*buffer_return)(struct engine *engine, uint32_t id);
};

/*
 * 0 or -errno with one line for people in `why`. From io_uring, -EPERM, -EACCES and -ENOSYS mean
 * that it is not to be had here, and uring_advice says what to do about an error, or NULL.
 */
int engine_uring_open(
	const struct engine_options *options, struct engine **engine, char why[LOOP_TEXT_SIZE]);
const char *uring_advice(int error);
int engine_epoll_open(
	const struct engine_options *options, struct engine **engine, char why[LOOP_TEXT_SIZE]);
int engine_sim_open(
	const struct engine_options *options, struct engine **engine, char why[LOOP_TEXT_SIZE]);

#endif
