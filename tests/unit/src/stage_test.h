/*
 * A stage on a loop of its own, and plain sockets as its clients, in one thread: a client that
 * waits turns the loop. Requests are written and answers read by the tables of the protocol.
 */
#ifndef STAGE_TEST_H
#define STAGE_TEST_H

#include "../test.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../../src/broker/session.h"
#include "../../../src/broker/stage.h"
#include "clock.h"
#include "io/address.h"
#include "proto/batch.h"
#include "proto/error.h"
#include "proto/produce.h"

#define PATIENCE_NS   (20 * NS_PER_S)
#define FRAME_MAX     ((int32_t)8 << 20)
#define LINES_KEPT    64
#define CLIENT_ENDED  (-1)
#define CLIENT_SILENT (-2)

struct test_stage {
	struct loop *loop;
	struct stage stage;
	struct stage_options options;
	int line_count;
	char lines[LINES_KEPT][STAGE_LINE_SIZE];
	struct arena arena; /* of answers */
	uint8_t *frame;     /* what is written and read */
};

static inline void keep_line(void *context, const char *line)
{
	struct test_stage *t = context;
	snprintf(t->lines[t->line_count++ % LINES_KEPT], STAGE_LINE_SIZE, "%s", line);
}

static inline struct stage_options stage_test_options(void)
{
	return (struct stage_options){
		.host = "127.0.0.1",
		.node_count = 1,
		.store_size = (size_t)64 << 20,
		.servers = 1,
		.seed = 7,
	};
}

/* ENGINE=epoll in the environment: the same tests on the other engine. */
static inline enum loop_engine stage_test_engine(void)
{
	const char *engine = getenv("ENGINE");
	return engine && !strcmp(engine, "epoll") ? LOOP_ENGINE_EPOLL : LOOP_ENGINE_AUTO;
}

static inline void stage_begin(struct test_stage *t, const struct stage_options *options)
{
	*t = (struct test_stage){ .options = *options };
	char why[STAGE_REASON_SIZE] = "", loop_why[LOOP_TEXT_SIZE] = "";
	struct loop_options loop_options = { .engine = stage_test_engine() };
	if (loop_open(&loop_options, &t->loop, loop_why) < 0)
		fail_msg("%s", loop_why);
	t->options.say = keep_line;
	t->options.say_context = t;
	t->options.wall_offset_ns = clock_wall_ns() - clock_monotonic_ns();
	if (stage_open(&t->stage, t->loop, &t->options, why) < 0)
		fail_msg("%s", why);
	arena_init(&t->arena, (size_t)64 << 20);
	t->frame = malloc((size_t)FRAME_MAX);
	assert_non_null(t->frame);
}

static inline void stage_end(struct test_stage *t)
{
	stage_close(&t->stage);
	assert_false(loop_busy(t->loop));
	loop_close(t->loop);
	arena_free(&t->arena);
	free(t->frame);
}

static inline struct catalog_topic *stage_topic(
	struct test_stage *t, const char *name, int32_t partitions, int16_t replicas)
{
	struct creatable_topic request = {
		.name = string_of(name),
		.num_partitions = partitions,
		.replication_factor = replicas,
	};
	struct topic_outcome outcome;
	char why[CATALOG_WHY_SIZE] = "";
	if (catalog_topic_create(&t->stage.catalog, &request, false, &outcome, why) != 0)
		fail_msg("%s", why);
	return outcome.topic;
}

static inline void turn(struct test_stage *t, int64_t duration_ns)
{
	assert_true(loop_turn(t->loop, clock_monotonic_ns() + duration_ns) >= 0);
}

static inline void turn_for(struct test_stage *t, int64_t duration_ns)
{
	int64_t until_ns = clock_monotonic_ns() + duration_ns;
	while (clock_monotonic_ns() < until_ns)
		assert_true(loop_turn(t->loop, until_ns) >= 0);
}

#define TURN_UNTIL(t, condition)                                                                   \
	do {                                                                                       \
		int64_t turn_patience_ns = clock_monotonic_ns() + PATIENCE_NS;                     \
		while (!(condition)) {                                                             \
			if (clock_monotonic_ns() > turn_patience_ns)                               \
				fail_msg("waited in vain for " #condition);                        \
			turn(t, NS_PER_MS);                                                        \
		}                                                                                  \
	} while (0)

/* Whether the log has a line with these words. */
static inline bool said(const struct test_stage *t, const char *words)
{
	for (int i = 0; i < MIN(t->line_count, LINES_KEPT); i++)
		if (strstr(t->lines[i], words))
			return true;
	return false;
}

/* ---- a client ---- */

static inline int client_open(struct test_stage *t, int32_t node)
{
	struct address address;
	assert_int_equal(address_resolve("127.0.0.1", stage_port(&t->stage, node), &address, 1), 1);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address.storage, address.size), 0);
	return fd;
}

/* Sends all, or as much as is taken before the connection ends; returns how much. */
static inline size_t client_send(struct test_stage *t, int fd, const void *data, size_t size)
{
	size_t sent = 0;
	int64_t patience_ns = clock_monotonic_ns() + PATIENCE_NS;
	while (sent < size) {
		ssize_t n = send(
			fd, (const char *)data + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			sent += (size_t)n;
		else if (errno != EAGAIN)
			break;
		else
			turn(t, NS_PER_MS);
		assert_true(clock_monotonic_ns() < patience_ns);
	}
	return sent;
}

static inline size_t client_request_write(
	struct test_stage *t, enum api api, int version, int32_t correlation_id, const void *body)
{
	struct writer w;
	writer_init(&w, t->frame, FRAME_MAX, NULL, 0);
	int32_t size = request_write(&w, api, version, correlation_id, STRING("tester"), body);
	assert_true(size > 0);
	return (size_t)size;
}

static inline void client_request(struct test_stage *t, int fd, enum api api, int version,
	int32_t correlation_id, const void *body)
{
	size_t size = client_request_write(t, api, version, correlation_id, body);
	assert_int_equal(client_send(t, fd, t->frame, size), size);
}

/* Receives `size` bytes: 0, CLIENT_ENDED or CLIENT_SILENT. */
static inline int client_receive(
	struct test_stage *t, int fd, uint8_t *data, size_t size, int64_t patience_ns)
{
	int64_t until_ns = clock_monotonic_ns() + patience_ns;
	for (size_t got = 0; got < size;) {
		ssize_t n = recv(fd, data + got, size - got, MSG_DONTWAIT);
		if (n > 0)
			got += (size_t)n;
		else if (n == 0 || errno != EAGAIN)
			return CLIENT_ENDED;
		else if (clock_monotonic_ns() > until_ns)
			return CLIENT_SILENT;
		else
			turn(t, NS_PER_MS);
	}
	return 0;
}

/* Reads one frame, without its size, into t->frame: its size, CLIENT_ENDED or CLIENT_SILENT. */
static inline int32_t client_frame(struct test_stage *t, int fd, int64_t patience_ns)
{
	uint32_t big;
	int result = client_receive(t, fd, (uint8_t *)&big, sizeof big, patience_ns);
	if (result < 0)
		return result;
	int32_t size = (int32_t)__builtin_bswap32(big);
	assert_in_range(size, 0, FRAME_MAX);
	result = client_receive(t, fd, t->frame, (size_t)size, PATIENCE_NS);
	return result < 0 ? result : size;
}

/* The next answer, decoded; its memory is good until the next one. Returns the correlation id, or
 * CLIENT_ENDED. */
static inline int32_t client_answer(
	struct test_stage *t, int fd, enum api api, int version, void *body)
{
	int32_t size = client_frame(t, fd, PATIENCE_NS);
	if (size < 0)
		return size;
	struct reader r;
	int32_t correlation_id = -1;
	arena_reset(&t->arena);
	reader_init_flat(&r, t->frame, size, &t->arena);
	assert_int_equal(response_header_read(&r, api, version, &correlation_id), 0);
	assert_int_equal(response_body_read(&r, api, version, body), 0);
	return correlation_id;
}

/* Whether the stage ends the connection, soon, without another byte. */
static inline bool client_sees_end(struct test_stage *t, int fd)
{
	return client_frame(t, fd, PATIENCE_NS) == CLIENT_ENDED;
}

/* ---- batches ---- */

/* A batch of `count` records with values of `value_size` bytes; its size. */
static inline size_t make_batch(uint8_t *memory, size_t capacity, int32_t count, size_t value_size)
{
	struct batch_builder b;
	batch_begin(&b, memory, capacity, clock_wall_ns() / NS_PER_MS);
	for (int32_t i = 0; i < count; i++) {
		uint8_t *value = batch_reserve(
			&b, b.base_timestamp_ms, NULL_BYTES, (int32_t)value_size, NULL, 0);
		assert_non_null(value);
		memset(value, 'a' + i % 26, value_size);
	}
	ssize_t size = batch_finish(&b, &BATCH_SEAL_PLAIN, NULL, 0);
	assert_true(size > 0);
	return (size_t)size;
}

/* A Produce request for one partition. */
struct produce_one {
	struct produce_request request;
	struct produce_topic topic;
	struct produce_partition partition;
	struct iovec segment;
};

static inline const struct produce_request *produce_one(struct produce_one *p, int16_t acks,
	const char *topic, int32_t index, const void *records, size_t size)
{
	p->segment = (struct iovec){ (void *)records, size };
	p->partition = (struct produce_partition){ .index = index,
		.records = { &p->segment, 1, (int32_t)size } };
	p->topic = (struct produce_topic){ .name = string_of(topic) };
	p->topic.partition_data.items = &p->partition;
	p->topic.partition_data.count = 1;
	p->request = (struct produce_request){
		.transactional_id = NULL_STRING, .acks = acks, .timeout_ms = 1000
	};
	p->request.topic_data.items = &p->topic;
	p->request.topic_data.count = 1;
	return &p->request;
}

static inline const struct produce_partition_response *produce_only(
	const struct produce_response *response)
{
	assert_int_equal(response->responses.count, 1);
	assert_int_equal(response->responses.items[0].partition_responses.count, 1);
	return &response->responses.items[0].partition_responses.items[0];
}

#endif
