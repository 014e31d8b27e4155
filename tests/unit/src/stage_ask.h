/*
 * For tests of handlers: a whole stage with a null store on loopback, and a client that asks it one
 * question at a time through a socket and reads the answer by the tables.
 */
#ifndef STAGE_ASK_H
#define STAGE_ASK_H

#include "../test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../../src/broker/stage.h"
#include "clock.h"
#include "proto/api.h"

#define ASK_NODES       3
#define ASK_FRAME_MAX   (32 << 20)
#define ASK_PATIENCE_NS (20 * NS_PER_S)
#define ASK_CORRELATION 77
#define ASK_NODE        1 /* the broker that is asked */

struct asker {
	struct loop *loop;
	struct stage *stage;
	int fd;
	uint8_t *frame;
	struct arena arena; /* of the last answer */
};

static inline void ask_connect(struct asker *a)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(stage_port(a->stage, ASK_NODE)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	a->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(a->fd >= 0);
	assert_int_equal(connect(a->fd, (struct sockaddr *)&address, sizeof address), 0);
}

/* Properties are name, value, ..., NULL. */
static inline struct asker *ask_open(const char *const *properties)
{
	struct property_pair pairs[16];
	char why[LOOP_TEXT_SIZE], reason[STAGE_REASON_SIZE];
	struct asker *a = calloc(1, sizeof *a);
	assert_non_null(a);
	a->stage = calloc(1, sizeof *a->stage);
	a->frame = malloc(ASK_FRAME_MAX);
	assert_true(a->stage && a->frame);
	arena_init(&a->arena, (size_t)256 << 20);
	struct stage_options options = { .host = "127.0.0.1", .node_count = ASK_NODES, .seed = 5 };
	for (; properties && *properties; properties += 2)
		pairs[options.property_count++] = (struct property_pair){ string_of(properties[0]),
			string_of(properties[1]) };
	options.properties = pairs;
	struct loop_options loop_options = { 0 };
	assert_int_equal(loop_open(&loop_options, &a->loop, why), 0);
	if (stage_open(a->stage, a->loop, &options, reason))
		fail_msg("%s", reason);
	ask_connect(a);
	return a;
}

static inline void ask_close(struct asker *a)
{
	close(a->fd);
	stage_close(a->stage);
	loop_close(a->loop);
	arena_free(&a->arena);
	free(a->frame);
	free(a->stage);
	free(a);
}

/* Reads `size` bytes; false when the broker closes. */
static inline bool ask_receive(struct asker *a, uint8_t *data, int32_t size)
{
	int64_t until_ns = clock_monotonic_ns() + ASK_PATIENCE_NS;
	for (int32_t got = 0; got < size;) {
		ssize_t n = recv(a->fd, data + got, (size_t)(size - got), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return false;
		if (n > 0) {
			got += (int32_t)n;
			continue;
		}
		int64_t now_ns = clock_monotonic_ns();
		if (now_ns > until_ns)
			fail_msg("no answer");
		assert_true(loop_turn(a->loop, now_ns + NS_PER_MS) >= 0);
	}
	return true;
}

/* Asks; false when the broker closes instead (and a new connection is made). What the answer points
 * at lasts until the next question. */
static inline bool ask(
	struct asker *a, enum api api, int version, const void *request, void *response)
{
	struct writer w;
	struct reader r;
	uint8_t size_bytes[4];
	int32_t correlation_id;
	arena_reset(&a->arena);
	writer_init(&w, a->frame, ASK_FRAME_MAX, NULL, 0);
	int32_t size = request_write(&w, api, version, ASK_CORRELATION, STRING("test"), request);
	if (size < 0)
		fail_msg("%s.%s: %s", w.message, w.field, w.reason);
	for (int32_t sent = 0; sent < size;) {
		ssize_t n = send(
			a->fd, a->frame + sent, (size_t)(size - sent), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			sent += (int32_t)n;
		else
			assert_true(loop_turn(a->loop, clock_monotonic_ns() + NS_PER_MS) >= 0);
	}
	bool answered = ask_receive(a, size_bytes, sizeof size_bytes);
	if (answered) {
		size = (int32_t)((uint32_t)size_bytes[0] << 24 | (uint32_t)size_bytes[1] << 16 |
				 (uint32_t)size_bytes[2] << 8 | size_bytes[3]);
		assert_true(size > 0 && size <= ASK_FRAME_MAX);
		answered = ask_receive(a, a->frame, size);
	}
	if (!answered) {
		close(a->fd);
		ask_connect(a);
		return false;
	}
	reader_init_flat(&r, a->frame, size, &a->arena);
	assert_int_equal(response_header_read(&r, api, version, &correlation_id), 0);
	assert_int_equal(correlation_id, ASK_CORRELATION);
	assert_int_equal(response_body_read(&r, api, version, response), 0);
	return true;
}

static inline void assert_text(struct string found, const char *expected)
{
	if (!string_equal(found, string_of(expected)))
		fail_msg("'%.*s' instead of '%s'", MAX(found.size, 0), found.data, expected);
}

/* Makes a topic without asking. */
static inline struct catalog_topic *ask_topic(
	struct asker *a, const char *name, int32_t partitions, int16_t replicas)
{
	struct topic_outcome outcome;
	char why[CATALOG_WHY_SIZE];
	struct creatable_topic topic = {
		.name = string_of(name),
		.num_partitions = partitions,
		.replication_factor = replicas,
	};
	if (catalog_topic_create(&a->stage->catalog, &topic, false, &outcome, why))
		fail_msg("%s", why);
	return outcome.topic;
}

#endif
