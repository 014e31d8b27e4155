/*
 * A connection to a broker: see connection.h. The life of it:
 *
 *   IDLE -> CONNECTING -> GREETING -> READY -> CLOSING -> WAITING -> CONNECTING ...
 *                                                      -> IDLE (no longer wanted)
 *
 * It does not know what requests mean: ApiVersions (KIP-35, KIP-511) is the only one that it sends
 * of its own.
 */
#include "connection.h"

#include <errno.h>
#include <stdio.h>

#include "proto/cluster.h"
#include "proto/error.h"

#define FRAME_PREFIX_SIZE 4 /* the int32 size before every frame */

static const struct stream_events stream_events;

/* Which state may follow which; asserted on every change. */
static const uint8_t legal_next[] = {
	[CONNECTION_IDLE] = 1u << CONNECTION_CONNECTING | 1u << CONNECTION_WAITING,
	[CONNECTION_CONNECTING] = 1u << CONNECTION_GREETING | 1u << CONNECTION_CLOSING,
	[CONNECTION_GREETING] = 1u << CONNECTION_READY | 1u << CONNECTION_CLOSING,
	[CONNECTION_READY] = 1u << CONNECTION_CLOSING,
	[CONNECTION_CLOSING] = 1u << CONNECTION_WAITING | 1u << CONNECTION_IDLE,
	[CONNECTION_WAITING] = 1u << CONNECTION_CONNECTING | 1u << CONNECTION_IDLE,
};

static void state_set(struct connection *c, enum connection_state next)
{
	assert(legal_next[c->state] & (1u << next));
	c->state = next;
}

static void connection_attempt(struct connection *c);

/* ---- requests ---- */

/* The nearest deadline of what is in flight. */
static void deadline_watch(struct connection *c)
{
	int64_t nearest = NEVER_NS;
	struct list *node;
	list_for_each (node, &c->requests) {
		struct request *r = CONTAINER_OF(node, struct request, node);
		if (!r->ended)
			nearest = MIN(nearest, r->deadline_ns);
	}
	if (nearest == NEVER_NS)
		loop_timer_stop(c->loop, &c->timer);
	else
		loop_timer_start(c->loop, &c->timer, nearest);
}

/* A request ends once its outcome is known and the kernel has let go of its memory. */
static void request_settle(struct request *r)
{
	if (r->sending || !r->ended)
		return;
	list_remove(&r->node);
	r->connection->request_count--;
	r->done(r, &r->response);
}

static void request_fail(struct request *r, int error)
{
	if (!r->ended) {
		r->ended = true;
		r->response = (struct response){
			.error = error, .version = r->version, .sent_ns = r->send.submitted_ns
		};
	}
	request_settle(r);
}

static void request_sent(struct send *send, int result)
{
	struct request *r = CONTAINER_OF(send, struct request, send);
	struct connection *c = r->connection;
	r->sending = false;
	if (result == 0 && r->one_way && !r->ended) {
		r->ended = true;
		r->response = (struct response){ .version = r->version,
			.sent_ns = send->submitted_ns,
			.received_ns = loop_now_ns(c->loop) };
	}
	/* After a failed send the stream's `closed` follows and ends the request with its reason.
	 */
	request_settle(r);
	if (c->held && result == 0) {
		c->held = false;
		stream_resume(&c->stream);
	}
}

int connection_version(const struct connection *c, enum api api, int limit)
{
	return api_negotiate(api, c->versions[api].min, c->versions[api].max, limit);
}

static int request_post(struct connection *c, struct request *r, int version)
{
	struct writer w;
	writer_init(&w, r->frame, r->frame_size, r->splices, r->splice_limit);
	r->correlation_id = c->next_correlation_id;
	r->version = version;
	int32_t size = request_write(
		&w, r->api, version, r->correlation_id, string_of(c->options.client_id), r->body);
	if (size < 0)
		return size;
	int count = writer_gather(&w, r->pieces, r->piece_limit);
	if (count < 0)
		return -EMSGSIZE;

	c->next_correlation_id =
		c->next_correlation_id == INT32_MAX ? 0 : c->next_correlation_id + 1;
	r->connection = c;
	r->sending = true;
	r->ended = false;
	r->deadline_ns = loop_now_ns(c->loop) +
			 (r->timeout_ns ? r->timeout_ns : c->options.request_timeout_ns);
	r->send = (struct send){ .done = request_sent, .iov = r->pieces, .count = count };
	list_append(&c->requests, &r->node);
	c->request_count++;
	c->requests_sent++;
	c->bytes_sent += (uint64_t)size;
	if (!timer_started(&c->timer) || r->deadline_ns < c->timer.deadline_ns)
		loop_timer_start(c->loop, &c->timer, r->deadline_ns);
	stream_send(&c->stream, &r->send);
	return 0;
}

int connection_send(struct connection *c, struct request *r)
{
	if (c->state != CONNECTION_READY)
		return -ENOTCONN;
	int version = connection_version(c, r->api, r->version_limit);
	return version < 0 ? version : request_post(c, r, version);
}

/* ---- the greeting: ApiVersions ---- */

static void greeting_done(struct request *r, const struct response *response);

/* KIP-511: the newest version first; a broker that does not know it answers in version 0. */
static void greeting_send(struct connection *c, int version)
{
	static const struct api_versions_request body = {
		.client_software_name = { "harrow", 6 },
		.client_software_version = { "1", 1 },
	};
	c->greeting = (struct request){
		.api = API_API_VERSIONS,
		.body = &body,
		.timeout_ns = c->options.connect_timeout_ns,
		.frame = c->greeting_frame,
		.frame_size = sizeof c->greeting_frame,
		.pieces = &c->greeting_piece,
		.piece_limit = 1,
		.done = greeting_done,
	};
	int result = request_post(c, &c->greeting, version);
	if (result < 0) /* nothing else in it has a size that is not known */
		connection_drop(c, result, "the client id is too long");
}

static void greeting_done(struct request *r, const struct response *response)
{
	struct connection *c = r->connection;
	if (response->error)
		return; /* the connection is going down, `lost` will tell */
	const struct api_versions_response *body = response->body;
	if (body->error_code == ERROR_UNSUPPORTED_VERSION && r->version > 0) {
		greeting_send(c, 0);
		return;
	}
	if (body->error_code != ERROR_NONE) {
		char reason[CONNECTION_REASON_SIZE];
		snprintf(reason, sizeof reason, "it refused ApiVersions with %s",
			error_info(body->error_code)->name);
		connection_drop(c, -EPROTO, reason);
		return;
	}
	for (int i = 0; i < API_COUNT; i++)
		c->versions[i].max = -1;
	for (int32_t i = 0; i < body->api_keys.count; i++) {
		const struct api_version *v = &body->api_keys.items[i];
		int api = api_of_key(v->api_key);
		if (api < 0)
			continue;
		c->versions[api].min = v->min_version;
		c->versions[api].max = v->max_version;
	}
	state_set(c, CONNECTION_READY);
	c->attempts = 0;
	c->events->ready(c);
}

/* ---- answers ---- */

/* What the first bytes of something that is not Kafka look like, for the message. */
static void describe_garbage(const uint8_t *data, size_t size, char *text, size_t text_size)
{
	if (size >= 4 && memcmp(data, "HTTP", 4) == 0) {
		snprintf(text, text_size, "it answers with HTTP, so it is not a Kafka listener");
		return;
	}
	if (size >= 2 && data[0] == 0x15 && data[1] == 0x03) {
		snprintf(text, text_size,
			"it answers with a TLS alert: a listener without TLS is needed");
		return;
	}
	int used = snprintf(text, text_size, "it answers with bytes that are not Kafka's (");
	for (size_t i = 0; i < MIN(size, 8); i++)
		used += snprintf(
			text + used, text_size - (size_t)used, i ? " %02x" : "%02x", data[i]);
	snprintf(text + used, text_size - (size_t)used, "), so it is not a Kafka listener");
}

static void protocol_error(struct connection *c, const uint8_t *data, size_t size)
{
	char reason[CONNECTION_REASON_SIZE];
	describe_garbage(data, size, reason, sizeof reason);
	connection_drop(c, -EPROTO, reason);
}

/* The first four bytes say so; they may not be Kafka's at all. */
static void size_error(struct connection *c, const struct request *r, uint32_t frame, size_t limit)
{
	char reason[CONNECTION_REASON_SIZE];
	snprintf(reason, sizeof reason,
		"its answer to %s is larger than there is memory for (%u of %zu bytes)",
		api_infos[r->api].name, frame, limit);
	connection_drop(c, -EMSGSIZE, reason);
}

/* The oldest request that an answer is due to. */
static struct request *request_expected(struct connection *c)
{
	struct list *node;
	list_for_each (node, &c->requests) {
		struct request *r = CONTAINER_OF(node, struct request, node);
		if (!r->ended && !r->one_way)
			return r;
	}
	return NULL;
}

/* 0 and the decoded body, or -errno with the reader's reason. */
static int answer_read(
	const struct request *r, struct reader *reader, int version, const void **out)
{
	int32_t correlation_id;
	int result = response_header_read(reader, r->api, version, &correlation_id);
	if (result < 0)
		return result;
	if (correlation_id != r->correlation_id) {
		reader_fail(reader, -EBADMSG, "not the answer that was due");
		return -EBADMSG;
	}
	void *body = arena_alloc(reader->arena, api_infos[r->api].response->size);
	if (!body)
		return -ENOMEM;
	*out = body;
	return response_body_read(reader, r->api, version, body);
}

/* One whole frame without its size prefix, for the request that it must be the answer to. */
static void answer_take(struct connection *c, struct request *r, const uint8_t *data, size_t size,
	int64_t arrived_ns)
{
	c->bytes_received += FRAME_PREFIX_SIZE + size;
	struct arena *arena = r->arena;
	if (arena) {
		void *copy = arena_alloc(arena, size);
		if (!copy) {
			size_error(c, r, (uint32_t)size, arena->limit);
			return;
		}
		data = memcpy(copy, data, size);
	} else {
		arena = &c->arena;
		arena_reset(arena);
	}
	struct reader reader;
	reader_init_flat(&reader, data, (int32_t)size, arena);
	int version = r->version;
	/* After the correlation id: a broker that does not know our ApiVersions says so in version
	 * 0. */
	if (r == &c->greeting && size >= 6 && data[4] == 0 && data[5] == ERROR_UNSUPPORTED_VERSION)
		version = 0;
	const void *body = NULL;
	int result = answer_read(r, &reader, version, &body);
	if (result < 0 && c->state == CONNECTION_GREETING) {
		protocol_error(c, data, size);
		return;
	}
	if (result < 0) {
		char reason[CONNECTION_REASON_SIZE], why[MESSAGE_ERROR_SIZE];
		snprintf(reason, sizeof reason, "its answer to %s v%d cannot be read: %.120s",
			api_infos[r->api].name, version,
			reader.failed ? message_read_error(&reader, why) : "it is too large");
		connection_drop(c, -EPROTO, reason);
		return;
	}
	r->ended = true;
	r->response = (struct response){ .version = version,
		.body = body,
		.sent_ns = r->send.submitted_ns,
		.received_ns = arrived_ns };
	request_settle(r);
	if (c->state == CONNECTION_GREETING || c->state == CONNECTION_READY)
		deadline_watch(c);
}

static size_t stream_received(
	struct stream *stream, const uint8_t *data, size_t size, int64_t arrived_ns)
{
	struct connection *c = stream->owner;
	size_t used = 0;
	while (size - used >= FRAME_PREFIX_SIZE &&
		(c->state == CONNECTION_GREETING || c->state == CONNECTION_READY)) {
		const uint8_t *at = data + used;
		uint32_t frame = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
				 (uint32_t)at[2] << 8 | at[3];
		struct request *r = request_expected(c);
		if (frame > INT32_MAX || frame < 4) {
			protocol_error(c, at, size - used);
			break;
		}
		if (!r) {
			connection_drop(c, -EPROTO, "it sent an answer that nothing asked for");
			break;
		}
		if (r->sending) {
			/* The answer was reaped before the send's completion, which is due. */
			c->held = true;
			stream_pause(stream);
			break;
		}
		if (frame > STREAM_REASSEMBLY_SIZE - FRAME_PREFIX_SIZE) {
			if (c->state == CONNECTION_GREETING) {
				protocol_error(c, at, size - used);
				break;
			}
			if (stream_receive_bulk(stream, frame) == -EMSGSIZE) {
				size_error(c, r, frame, loop_slabs(c->loop)->slab_size);
				break;
			}
			return used + FRAME_PREFIX_SIZE;
		}
		if (size - used - FRAME_PREFIX_SIZE < frame)
			break;
		used += FRAME_PREFIX_SIZE + frame;
		answer_take(c, r, at + FRAME_PREFIX_SIZE, frame, arrived_ns);
	}
	return used;
}

static void stream_bulk(struct stream *stream, struct slab *slab, int64_t arrived_ns)
{
	struct connection *c = stream->owner;
	struct request *r = request_expected(c);
	if (r && c->state == CONNECTION_READY)
		answer_take(c, r, slab->data, slab->size, arrived_ns);
	slab_release(slab);
}

static void stream_skipped(struct stream *stream, size_t size, int64_t arrived_ns)
{
	(void)stream, (void)size, (void)arrived_ns; /* nothing here is ever skipped */
}

/* ---- up and down ---- */

static void stream_opened(struct stream *stream, int result)
{
	struct connection *c = stream->owner;
	if (result < 0 || c->state != CONNECTION_CONNECTING)
		return; /* `closed` follows */
	state_set(c, CONNECTION_GREETING);
	greeting_send(c, api_infos[API_API_VERSIONS].last);
}

static const char *close_reason(int error, char *text, size_t size)
{
	if (error == STREAM_PEER_CLOSED)
		snprintf(text, size, "it closed the connection");
	else
		snprintf(text, size, "%s", strerror(-error));
	return text;
}

/* Exponential, as in KIP-580, but with more jitter than its 20 %: all of the upper half. */
static int64_t backoff_ns(struct connection *c)
{
	int64_t backoff = RECONNECT_BACKOFF_NS;
	for (int i = 1; i < c->attempts && backoff < RECONNECT_BACKOFF_MAX_NS; i++)
		backoff *= 2;
	backoff = MIN(backoff, RECONNECT_BACKOFF_MAX_NS);
	return backoff / 2 + (int64_t)random_below(&c->random, (uint64_t)backoff / 2 + 1);
}

static void connection_rest(struct connection *c)
{
	if (!c->wanted) {
		state_set(c, CONNECTION_IDLE);
		arena_free(&c->arena);
		c->events->closed(c);
		return;
	}
	state_set(c, CONNECTION_WAITING);
	loop_timer_start(c->loop, &c->timer, loop_now_ns(c->loop) + backoff_ns(c));
}

static void stream_closed(struct stream *stream, int reason)
{
	struct connection *c = stream->owner;
	if (c->state != CONNECTION_CLOSING) {
		c->error = reason == STREAM_PEER_CLOSED || reason == 0 ? -ECONNRESET : reason;
		close_reason(reason, c->reason, sizeof c->reason);
		bool refused = reason == STREAM_PEER_CLOSED || reason == -ECONNRESET;
		if (c->state == CONNECTION_GREETING && refused)
			snprintf(c->reason, sizeof c->reason,
				"it closed the connection at the first request: a listener without "
				"TLS "
				"and SASL is needed");
		state_set(c, CONNECTION_CLOSING);
	}
	loop_timer_stop(c->loop, &c->timer);
	struct list *node, *after;
	list_for_each_safe (node, after, &c->requests)
		request_fail(CONTAINER_OF(node, struct request, node), c->error);
	assert(list_empty(&c->requests));
	if (c->wanted)
		c->events->lost(c, c->reason);
	connection_rest(c);
}

static const struct stream_events stream_events = {
	.opened = stream_opened,
	.received = stream_received,
	.bulk = stream_bulk,
	.skipped = stream_skipped,
	.closed = stream_closed,
};

static void timer_fired(struct timer *timer, int64_t now_ns)
{
	struct connection *c = CONTAINER_OF(timer, struct connection, timer);
	switch (c->state) {
	case CONNECTION_WAITING:
		connection_attempt(c);
		break;
	case CONNECTION_CONNECTING:
		connection_drop(c, -ETIMEDOUT, "connecting timed out");
		break;
	case CONNECTION_GREETING:
		connection_drop(c, -ETIMEDOUT,
			"it does not answer ApiVersions, so it is not a Kafka listener, or is "
			"stopped");
		break;
	case CONNECTION_READY: {
		struct list *node;
		list_for_each (node, &c->requests) {
			struct request *r = CONTAINER_OF(node, struct request, node);
			if (r->ended || r->deadline_ns > now_ns)
				continue;
			char reason[CONNECTION_REASON_SIZE];
			snprintf(reason, sizeof reason, "no answer to %s in time",
				api_infos[r->api].name);
			connection_drop(c, -ETIMEDOUT, reason);
			return;
		}
		deadline_watch(c);
		break;
	}
	case CONNECTION_IDLE:
	case CONNECTION_CLOSING:
		break;
	}
}

static void connection_attempt(struct connection *c)
{
	struct stream_options options = {
		.congestion = c->options.congestion,
		.gather_size = c->options.gather_size,
	};
	c->attempts++;
	c->held = false;
	c->next_correlation_id = 0;
	c->stream.owner = c;
	int result = stream_connect(c->loop, &c->stream, &c->address, &options, &stream_events);
	if (result < 0) {
		if (result == -ENOENT && c->options.congestion)
			snprintf(c->reason, sizeof c->reason,
				"the kernel has no TCP congestion control '%.32s': see "
				"net.ipv4.tcp_available_congestion_control",
				c->options.congestion);
		else
			close_reason(result, c->reason, sizeof c->reason);
		loop_timer_start(c->loop, &c->timer, loop_now_ns(c->loop) + backoff_ns(c));
		if (c->state == CONNECTION_IDLE) /* let `lost` come from the loop, not from here */
			state_set(c, CONNECTION_WAITING);
		else
			c->events->lost(c, c->reason); /* it may be gone now */
		return;
	}
	state_set(c, CONNECTION_CONNECTING);
	loop_timer_start(c->loop, &c->timer, loop_now_ns(c->loop) + c->options.connect_timeout_ns);
}

void connection_init(struct connection *c, struct loop *loop, const char *name,
	const struct address *address, const struct connection_options *options,
	const struct connection_events *events, void *owner, uint64_t seed)
{
	*c = (struct connection){
		.loop = loop,
		.events = events,
		.options = *options,
		.owner = owner,
		.address = *address,
	};
	snprintf(c->name, sizeof c->name, "%s", name);
	timer_init(&c->timer, timer_fired);
	random_seed(&c->random, seed);
	list_init(&c->requests);
	arena_init(&c->arena, RESPONSE_ARENA_LIMIT);
	for (int i = 0; i < API_COUNT; i++)
		c->versions[i].max = -1;
}

void connection_redirect(struct connection *c, const char *name, const struct address *address)
{
	assert(c->state == CONNECTION_IDLE || c->state == CONNECTION_CLOSING ||
		c->state == CONNECTION_WAITING);
	snprintf(c->name, sizeof c->name, "%s", name);
	c->address = *address;
}

void connection_open(struct connection *c)
{
	assert(c->state == CONNECTION_IDLE);
	c->wanted = true;
	connection_attempt(c);
}

void connection_close(struct connection *c)
{
	if (!c->wanted)
		return;
	c->wanted = false;
	switch (c->state) {
	case CONNECTION_WAITING:
		loop_timer_stop(c->loop, &c->timer);
		connection_rest(c);
		break;
	case CONNECTION_IDLE: /* never opened: not wanted */
	case CONNECTION_CLOSING:
		break;
	case CONNECTION_CONNECTING:
	case CONNECTION_GREETING:
	case CONNECTION_READY:
		c->error = -ECANCELED;
		state_set(c, CONNECTION_CLOSING);
		stream_close(&c->stream);
		break;
	}
}

void connection_drop(struct connection *c, int error, const char *reason)
{
	if (c->state != CONNECTION_CONNECTING && c->state != CONNECTION_GREETING &&
		c->state != CONNECTION_READY)
		return;
	c->error = error;
	snprintf(c->reason, sizeof c->reason, "%s", reason);
	state_set(c, CONNECTION_CLOSING);
	loop_timer_stop(c->loop, &c->timer);
	stream_reset(&c->stream);
}
