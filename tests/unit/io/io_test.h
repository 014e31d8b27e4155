/*
 * What the tests of io share: a loop per engine and rung, turning until something is true, plain
 * blocking sockets as peers, and the count of open descriptors.
 */
#ifndef IO_TEST_H
#define IO_TEST_H

#include "../test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/address.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/stream.h"
#include "random.h"

#define PATIENCE_NS (20 * NS_PER_S)

/* Every test that moves data runs on each of these: epoll, else a rung of io_uring's ladder. */
static const char *const rungs[] = {
	"defer",
	"coop",
	"plain",
	"defer,-multishot,-multiaccept",
	"defer,-bufring",
	"plain,-multishot,-bufring,-waitall,-trunc,-multiaccept",
	"defer,tiny",
	"epoll",
	"epoll,-multishot,-multiaccept",
	"epoll,-bufring",
	"epoll,-multishot,-bufring,-waitall,-trunc,-multiaccept,-pwait2",
	"epoll,tiny",
};

/* Opens a loop on a rung; NULL, with a printed reason, when this kernel does not have it. */
static inline struct loop *rung_open(const char *caps, const struct loop_options *options)
{
	struct loop_options o = options ? *options : (struct loop_options){ 0 };
	size_t rung_size = strcspn(caps, ",");
	bool epoll = rung_size == 5 && !memcmp(caps, "epoll", 5);
	o.engine = epoll ? LOOP_ENGINE_EPOLL : LOOP_ENGINE_URING;
	o.caps = epoll ? caps + 5 + (caps[5] == ',') : caps;
	struct loop *loop;
	char why[LOOP_TEXT_SIZE];
	int result = loop_open(&o, &loop, why);
	if (result < 0)
		fail_msg("loop_open(%s): %d: %s", caps, result, why);
	char rung[16];
	snprintf(rung, sizeof rung, "%.*s", (int)rung_size, caps);
	if (!strstr(loop_describe(loop), rung)) {
		printf("# not on this kernel: %s (got %s)\n", caps, loop_describe(loop));
		loop_close(loop);
		return NULL;
	}
	return loop;
}

static inline int open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	assert_non_null(folder);
	int count = 0;
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

/* clang-format off */
#define FOR_EACH_RUNG(loop, options)                                                               \
	for (size_t rung_index = 0, descriptors = (size_t)open_descriptors();                      \
		rung_index < COUNT_OF(rungs);                                                      \
		assert_int_equal(descriptors, open_descriptors()), rung_index++)                   \
		for (struct loop *loop = rung_open(rungs[rung_index], options); loop;              \
			loop_close(loop), loop = NULL)
/* clang-format on */

/* Turns the loop until the condition holds; fails the test when that takes too long. */
#define TURN_UNTIL(loop, condition)                                                                \
	do {                                                                                       \
		int64_t turn_patience_ns = clock_monotonic_ns() + PATIENCE_NS;                     \
		while (!(condition)) {                                                             \
			if (clock_monotonic_ns() > turn_patience_ns)                               \
				fail_msg("waited in vain on %s for " #condition,                   \
					loop_describe(loop));                                      \
			assert_true(loop_turn(loop, turn_patience_ns) >= 0);                       \
		}                                                                                  \
	} while (0)

static inline void turn_for(struct loop *loop, int64_t duration_ns)
{
	int64_t until_ns = clock_monotonic_ns() + duration_ns;
	while (clock_monotonic_ns() < until_ns)
		assert_true(loop_turn(loop, until_ns) >= 0);
}

static inline struct address loopback(uint16_t port)
{
	struct address address;
	assert_int_equal(address_resolve("127.0.0.1", port, &address, 1), 1);
	return address;
}

/* A plain listening socket; *port is the kernel's choice. */
static inline int plain_listen(uint16_t *port)
{
	struct address address = loopback(0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address.storage, address.size), 0);
	assert_int_equal(listen(fd, 1024), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address.storage, &address.size), 0);
	*port = address_port(&address);
	return fd;
}

static inline int plain_connect(uint16_t port)
{
	struct address address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address.storage, address.size), 0);
	return fd;
}

/*
 * One end of a connection as the tests own it: counts what happens, collects what arrives.
 * `consume` decides how much of it is taken; NULL: all, into `data`.
 */
struct end {
	struct stream stream;
	struct loop *loop;
	size_t (*consume)(struct end *end, const uint8_t *data, size_t size);
	void (*on_opened)(struct end *end);
	void (*on_closed)(struct end *end); /* may free the end, or connect it again */
	int opened, opened_result, closed, reason, bulks, fills, skips;
	uint8_t *data;
	size_t size, capacity;
	struct slab *slabs[64];
	int slab_count;
	void *extra;
};

static inline void end_append(struct end *end, const void *data, size_t size)
{
	if (end->size + size > end->capacity) {
		end->capacity = 2 * (end->size + size);
		end->data = realloc(end->data, end->capacity);
		assert_non_null(end->data);
	}
	memcpy(end->data + end->size, data, size);
	end->size += size;
}

static inline void end_opened(struct stream *stream, int result)
{
	struct end *end = CONTAINER_OF(stream, struct end, stream);
	end->opened++;
	end->opened_result = result;
	if (end->on_opened && result == 0)
		end->on_opened(end);
}

static inline size_t end_received(
	struct stream *stream, const uint8_t *data, size_t size, int64_t arrived_ns)
{
	struct end *end = CONTAINER_OF(stream, struct end, stream);
	assert_true(arrived_ns > 0 && arrived_ns <= clock_monotonic_ns());
	assert_int_equal(end->closed, 0);
	assert_true(size > 0);
	if (end->consume)
		return end->consume(end, data, size);
	end_append(end, data, size);
	return size;
}

static inline void end_bulk(struct stream *stream, struct slab *slab, int64_t arrived_ns)
{
	struct end *end = CONTAINER_OF(stream, struct end, stream);
	assert_true(arrived_ns > 0);
	assert_int_equal(end->closed, 0);
	end->bulks++;
	assert_true((size_t)end->slab_count < COUNT_OF(end->slabs));
	end->slabs[end->slab_count++] = slab;
}

static inline void end_filled(
	struct stream *stream, uint8_t *memory, size_t size, int64_t arrived_ns)
{
	struct end *end = CONTAINER_OF(stream, struct end, stream);
	assert_true(arrived_ns > 0 && memory && size > 0);
	assert_int_equal(end->closed, 0);
	end->fills++;
}

static inline void end_skipped(struct stream *stream, size_t size, int64_t arrived_ns)
{
	struct end *end = CONTAINER_OF(stream, struct end, stream);
	assert_true(arrived_ns > 0 && size > 0);
	assert_int_equal(end->closed, 0);
	end->skips++;
}

static inline void end_closed(struct stream *stream, int reason)
{
	struct end *end = CONTAINER_OF(stream, struct end, stream);
	end->closed++;
	end->reason = reason;
	if (end->on_closed)
		end->on_closed(end);
}

static const struct stream_events end_events = {
	.opened = end_opened,
	.received = end_received,
	.bulk = end_bulk,
	.filled = end_filled,
	.skipped = end_skipped,
	.closed = end_closed,
};

static inline void end_connect(
	struct loop *loop, struct end *end, uint16_t port, const struct stream_options *options)
{
	end->loop = loop;
	struct address address = loopback(port);
	assert_int_equal(stream_connect(loop, &end->stream, &address, options, &end_events), 0);
}

/* Releases what a closed end holds, and makes it fit for the next run. */
static inline void end_reset(struct end *end)
{
	for (int i = 0; i < end->slab_count; i++)
		slab_release(end->slabs[i]);
	free(end->data);
	*end = (struct end){ 0 };
}

static inline void end_finish(struct loop *loop, struct end *end)
{
	if (!end->closed)
		stream_close(&end->stream);
	TURN_UNTIL(loop, end->closed);
	assert_int_equal(end->closed, 1);
	end_reset(end);
}

/* Connects `end` to a plain blocking socket, which it returns. */
static inline int end_to_plain(
	struct loop *loop, struct end *end, const struct stream_options *options)
{
	uint16_t port;
	int listening = plain_listen(&port);
	end_connect(loop, end, port, options);
	TURN_UNTIL(loop, end->opened);
	assert_int_equal(end->opened_result, 0);
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	close(listening);
	return fd;
}

/* A send with one piece of memory, which counts its completions. */
struct piece {
	struct send send;
	struct iovec iov;
	int done, result;
};

static inline void piece_done(struct send *send, int result)
{
	struct piece *piece = CONTAINER_OF(send, struct piece, send);
	piece->done++;
	piece->result = result;
}

static inline void piece_send(
	struct stream *stream, struct piece *piece, const void *data, size_t size)
{
	*piece = (struct piece){ .iov.iov_len = size };
	memcpy(&piece->iov.iov_base, &data, sizeof data); /* an iovec knows no const */
	piece->send.iov = &piece->iov;
	piece->send.count = 1;
	piece->send.done = piece_done;
	stream_send(stream, &piece->send);
}

static inline void fill_random(uint8_t *data, size_t size, uint64_t seed)
{
	struct random random;
	random_seed(&random, seed);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)random_next(&random);
}

#endif
