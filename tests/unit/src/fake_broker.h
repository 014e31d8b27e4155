/*
 * A scripted broker for tests of the client: a listener on loopback in the client's own loop, which
 * reads requests by the tables and answers as its script says. It can misbehave on every byte:
 * answer late, twice, out of order, in pieces, cut short, not at all, or not as Kafka.
 *
 * It keeps no state of a broker: what it knows (versions, brokers, a topic) the test has written
 * into the world.
 */
#ifndef FAKE_BROKER_H
#define FAKE_BROKER_H

#include "../test.h"

#include <stdio.h>

#include "clock.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/stream.h"
#include "proto/api.h"
#include "proto/cluster.h"
#include "proto/error.h"
#include "proto/metadata.h"

#define PATIENCE_NS     (20 * NS_PER_S)
#define FAKE_BROKERS    3
#define FAKE_PARTITIONS 8
#define FAKE_FRAME_MAX  ((size_t)4 << 20)
#define FAKE_PIECE_NS   (100 * NS_PER_US) /* between the pieces of a split answer */

/* Turns the loop until the condition holds; fails the test when that takes too long. */
#define TURN_UNTIL(loop, condition)                                                                \
	do {                                                                                       \
		int64_t turn_patience_ns = clock_monotonic_ns() + PATIENCE_NS;                     \
		while (!(condition)) {                                                             \
			if (clock_monotonic_ns() > turn_patience_ns)                               \
				fail_msg("waited in vain for " #condition);                        \
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

struct fake_broker;

/* Bytes on their way out: the first `split` of them, later the rest; or every byte on its own. */
struct fake_send {
	struct send send;
	struct iovec iov;
	struct fake_link *link;
	struct timer timer;
	struct list node;
	size_t size, sent, split;
	bool dribble;
	uint8_t data[];
};

/* One accepted connection. */
struct fake_link {
	struct stream stream;
	struct fake_broker *broker;
	struct list node, sends;
	int index; /* 0: the first that the broker ever accepted */
	int asked; /* requests read on it */
	bool dead;
	void (*finally)(struct fake_link *); /* once all is sent: fake_hang_up, fake_reset */
};

/* A request as it arrived. */
struct asked {
	struct fake_link *link;
	enum api api; /* of the header's key, whether or not the version is known */
	int version;
	int32_t correlation_id;
	const void *body;
};

/* What the brokers of a test say about themselves. */
struct fake_world {
	struct fake_broker *brokers[FAKE_BROKERS];
	int broker_count;
	int32_t controller;
	const char *topic;
	struct uuid topic_id;
	int16_t topic_error;
	int32_t partition_count;
	int32_t leaders[FAKE_PARTITIONS], epochs[FAKE_PARTITIONS];
};

struct fake_broker {
	struct loop *loop;
	struct listener listener;
	struct fake_world *world;
	int32_t id;
	uint16_t port;
	bool listening;
	/* The script: answers, or does not; NULL: fake_serve. */
	void (*handle)(struct fake_broker *, const struct asked *);
	bool deaf;          /* new links read nothing */
	bool mute;          /* reads, never answers */
	bool dribble;       /* answers go out byte by byte */
	size_t split;       /* answers go out in two pieces, the first of so many bytes */
	int receive_buffer; /* SO_RCVBUF of new links; 0: the kernel's */
	int16_t minimum[API_COUNT], maximum[API_COUNT]; /* as ApiVersions tells them */
	int accepted, open;
	int asked[API_COUNT];
	struct list links;
	struct arena arena;
};

/* ---- sending ---- */

static inline void fake_piece_send(struct fake_send *s)
{
	size_t size = s->size - s->sent;
	if (s->dribble)
		size = 1;
	else if (s->split && s->sent == 0)
		size = MIN(s->split, size);
	s->iov = (struct iovec){ s->data + s->sent, size };
	s->sent += size;
	s->send.iov = &s->iov;
	s->send.count = 1;
	stream_send(&s->link->stream, &s->send);
}

static inline void fake_piece_due(struct timer *timer, int64_t now_ns)
{
	(void)now_ns;
	fake_piece_send(CONTAINER_OF(timer, struct fake_send, timer));
}

static inline void fake_piece_done(struct send *send, int result)
{
	struct fake_send *s = CONTAINER_OF(send, struct fake_send, send);
	struct fake_link *link = s->link;
	if (result == 0 && s->sent < s->size) {
		loop_timer_start(link->broker->loop, &s->timer,
			loop_now_ns(link->broker->loop) + FAKE_PIECE_NS);
		return;
	}
	list_remove(&s->node);
	free(s);
	if (result == 0 && !list_empty(&link->sends))
		fake_piece_send(CONTAINER_OF(link->sends.next, struct fake_send, node));
	else if (result == 0 && link->finally && !link->dead)
		link->finally(link);
}

/* Sends bytes as they are, after what is still under way. */
static inline void fake_send_bytes(struct fake_link *link, const void *data, size_t size)
{
	if (link->dead || size == 0)
		return;
	struct fake_send *s = malloc(sizeof *s + size);
	assert_non_null(s);
	*s = (struct fake_send){ .link = link,
		.size = size,
		.split = link->broker->split,
		.dribble = link->broker->dribble };
	s->send.done = fake_piece_done;
	timer_init(&s->timer, fake_piece_due);
	memcpy(s->data, data, size);
	bool first = list_empty(&link->sends);
	list_append(&link->sends, &s->node);
	if (first)
		fake_piece_send(s);
}

/* An answer's frame, to be freed. */
static inline uint8_t *fake_frame(
	enum api api, int version, int32_t correlation_id, const void *body, int32_t *size)
{
	uint8_t *frame = malloc(FAKE_FRAME_MAX);
	assert_non_null(frame);
	struct writer w;
	writer_init(&w, frame, (int32_t)FAKE_FRAME_MAX, NULL, 0);
	*size = response_write(&w, api, version, correlation_id, body);
	if (*size < 0)
		fail_msg("the fake broker's answer: %s", w.reason);
	return frame;
}

static inline void fake_answer_as(
	const struct asked *a, int version, int32_t correlation_id, const void *body)
{
	int32_t size;
	uint8_t *frame = fake_frame(a->api, version, correlation_id, body, &size);
	fake_send_bytes(a->link, frame, (size_t)size);
	free(frame);
}

static inline void fake_answer(const struct asked *a, const void *body)
{
	fake_answer_as(a, a->version, a->correlation_id, body);
}

/* ---- what an honest broker says ---- */

static inline void fake_versions_answer(
	struct fake_broker *b, const struct asked *a, int version, int16_t error)
{
	struct api_version rows[API_COUNT];
	struct api_versions_response body;
	message_reset(&api_versions_response_message, &body);
	body.error_code = error;
	body.api_keys.items = rows;
	for (int api = 0; api < API_COUNT; api++)
		if (b->maximum[api] >= 0)
			rows[body.api_keys.count++] = (struct api_version){ api_infos[api].key,
				b->minimum[api], b->maximum[api] };
	fake_answer_as(a, version, a->correlation_id, &body);
}

static inline void fake_metadata_answer(struct fake_broker *b, const struct asked *a)
{
	const struct fake_world *world = b->world;
	const struct metadata_request *request = a->body;
	struct metadata_broker brokers[FAKE_BROKERS];
	struct metadata_partition partitions[FAKE_PARTITIONS];
	struct metadata_topic topic;
	struct metadata_response body;
	message_reset(&metadata_response_message, &body);
	for (int i = 0; i < world->broker_count; i++)
		brokers[i] = (struct metadata_broker){ .node_id = world->brokers[i]->id,
			.host = STRING("127.0.0.1"),
			.port = world->brokers[i]->port,
			.rack = NULL_STRING };
	body.brokers.items = brokers;
	body.brokers.count = world->broker_count;
	body.controller_id = world->controller;
	if (request->topics.count == 1) {
		topic = (struct metadata_topic){ .name = request->topics.items[0].name,
			.error_code = ERROR_UNKNOWN_TOPIC_OR_PARTITION,
			.topic_authorized_operations = INT32_MIN };
		if (world->topic && string_equal(topic.name, string_of(world->topic))) {
			topic.error_code = world->topic_error;
			topic.topic_id = world->topic_id;
			topic.partitions.items = partitions;
			topic.partitions.count = world->partition_count;
		}
		for (int32_t i = 0; i < topic.partitions.count; i++) {
			partitions[i] = (struct metadata_partition){ .partition_index = i,
				.leader_id = world->leaders[i],
				.leader_epoch = world->epochs[i] };
		}
		body.topics.items = &topic;
		body.topics.count = 1;
	}
	fake_answer(a, &body);
}

static inline void fake_serve(struct fake_broker *b, const struct asked *a)
{
	if (a->api == API_API_VERSIONS)
		fake_versions_answer(b, a, a->version, ERROR_NONE);
	else if (a->api == API_METADATA && b->world)
		fake_metadata_answer(b, a);
	else
		fail_msg("the fake broker has no answer to %s", api_infos[a->api].name);
}

/* ---- receiving ---- */

static inline void fake_frame_take(struct fake_link *link, const uint8_t *data, int32_t size)
{
	struct fake_broker *b = link->broker;
	arena_reset(&b->arena);
	struct reader r;
	reader_init_flat(&r, data, size, &b->arena);
	struct request_header header;
	int api = request_header_read(&r, &header);
	assert_true(api >= 0);
	void *body = arena_alloc(&b->arena, api_infos[api].request->size);
	assert_non_null(body);
	assert_int_equal(request_body_read(&r, (enum api)api, header.request_api_version, body), 0);
	struct asked a = { link, (enum api)api, header.request_api_version, header.correlation_id,
		body };
	link->asked++;
	b->asked[api]++;
	if (b->mute)
		return;
	if (b->handle)
		b->handle(b, &a);
	else
		fake_serve(b, &a);
}

static inline size_t fake_received(
	struct stream *stream, const uint8_t *data, size_t size, int64_t arrived_ns)
{
	(void)arrived_ns;
	struct fake_link *link = CONTAINER_OF(stream, struct fake_link, stream);
	size_t used = 0;
	while (size - used >= 4 && !link->dead) {
		const uint8_t *at = data + used;
		size_t frame =
			(size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
		if (size - used - 4 < frame)
			break;
		used += 4 + frame;
		fake_frame_take(link, at + 4, (int32_t)frame);
	}
	return used;
}

static inline void fake_opened(struct stream *stream, int result)
{
	assert_int_equal(result, 0);
	struct fake_link *link = CONTAINER_OF(stream, struct fake_link, stream);
	if (link->broker->deaf)
		stream_pause(stream);
}

static inline void fake_closed(struct stream *stream, int reason)
{
	(void)reason;
	struct fake_link *link = CONTAINER_OF(stream, struct fake_link, stream);
	struct list *node, *after;
	list_for_each_safe (node, after, &link->sends) {
		struct fake_send *s = CONTAINER_OF(node, struct fake_send, node);
		loop_timer_stop(link->broker->loop, &s->timer);
		free(s);
	}
	link->broker->open--;
	list_remove(&link->node);
	free(link);
}

static const struct stream_events fake_stream_events = {
	.opened = fake_opened,
	.received = fake_received,
	.closed = fake_closed,
};

static inline void fake_hang_up(struct fake_link *link)
{
	link->dead = true;
	stream_close(&link->stream);
}

static inline void fake_reset(struct fake_link *link)
{
	link->dead = true;
	stream_reset(&link->stream);
}

/* ---- up and down ---- */

static inline struct stream *fake_accepted(struct listener *listener, const struct address *peer)
{
	(void)peer;
	struct fake_broker *b = CONTAINER_OF(listener, struct fake_broker, listener);
	struct fake_link *link = calloc(1, sizeof *link);
	assert_non_null(link);
	link->broker = b;
	link->index = b->accepted++;
	b->open++;
	list_init(&link->sends);
	list_append(&b->links, &link->node);
	return &link->stream;
}

static inline void fake_listener_closed(struct listener *listener)
{
	CONTAINER_OF(listener, struct fake_broker, listener)->listening = false;
}

static const struct listener_events fake_listener_events = {
	.accepted = fake_accepted,
	.closed = fake_listener_closed,
};

/* Listens: on a port of the kernel's choice, or again on its own. */
static inline void fake_start(struct fake_broker *b)
{
	struct stream_options options = { .reassembly_size = FAKE_FRAME_MAX,
		.receive_buffer_size = b->receive_buffer };
	struct address address = loopback(b->port);
	assert_int_equal(listener_open(b->loop, &b->listener, &address, &options,
				 &fake_stream_events, &fake_listener_events),
		0);
	b->port = listener_port(&b->listener);
	b->listening = true;
}

/* A broker that speaks all that harrow does. */
static inline void fake_open(struct fake_broker *b, struct loop *loop, struct fake_world *world)
{
	*b = (struct fake_broker){ .loop = loop, .world = world };
	list_init(&b->links);
	arena_init(&b->arena, FAKE_FRAME_MAX);
	for (int api = 0; api < API_COUNT; api++) {
		b->minimum[api] = api_infos[api].first;
		b->maximum[api] = api_infos[api].last;
	}
	if (world) {
		b->id = world->broker_count;
		world->brokers[world->broker_count++] = b;
	}
	fake_start(b);
}

static inline void fake_reset_all(struct fake_broker *b)
{
	struct list *node;
	list_for_each (node, &b->links)
		fake_reset(CONTAINER_OF(node, struct fake_link, node));
}

/* As a killed broker: nothing listens, every connection is reset. */
static inline void fake_stop(struct fake_broker *b)
{
	if (b->listening)
		listener_close(&b->listener);
	fake_reset_all(b);
	TURN_UNTIL(b->loop, !b->listening && b->open == 0);
}

static inline void fake_close(struct fake_broker *b)
{
	fake_stop(b);
	arena_free(&b->arena);
}

/* A port of loopback where nothing listens. */
static inline uint16_t refused_port(struct loop *loop)
{
	struct fake_broker b;
	fake_open(&b, loop, NULL);
	fake_close(&b);
	return b.port;
}

#endif
