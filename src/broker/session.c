/*
 * Frames in, answers out: see session.h. How a frame is refused follows Kafka's NetworkReceive,
 * RequestHeader.parse and SocketServer.processCompletedReceives: with the connection.
 */
#include "session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/cluster.h"
#include "proto/error.h"

#define FRAME_PREFIX_SIZE ((size_t)4)
#define SESSION_TEXT_SIZE 256
#define CLIENT_ID_SHOWN   64

/* ---- the end ---- */

static void close_now(struct session *session)
{
	if (session->closed)
		return;
	session->closed = true;
	stream_close(&session->stream);
}

static void close_when_sent(struct session *session)
{
	session->closing = true;
	if (session->answer_count == 0)
		close_now(session);
}

static void session_say(struct session *session, const char *text)
{
	char peer[ADDRESS_TEXT_SIZE];
	stage_say(session->stage, "broker %d: connection from %s closed: %s", session->node->id,
		address_format(&session->peer, peer), text);
}

void session_drop(struct session *session, const char *format, ...)
{
	if (session->closing || session->closed)
		return;
	char text[SESSION_TEXT_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	session_say(session, text);
	close_when_sent(session);
}

void session_reset(struct session *session)
{
	session->closing = session->closed = true;
	stream_reset(&session->stream);
}

void session_idle(struct session *session)
{
	close_now(session);
}

void session_stalled(struct session *session, int64_t now_ns)
{
	bool sends = session->hold_count > 0;
	/* One that is paused waits for us. */
	bool receives =
		session->reading == SESSION_PRODUCE && session->intake.holding && !session->paused;
	if (session->closed || (!sends && !receives))
		return;
	struct stream_traffic traffic;
	stream_traffic(&session->stream, &traffic);
	if (traffic.sent != session->traffic.sent)
		session->sent_ns = now_ns;
	if (traffic.received != session->traffic.received)
		session->received_ns = now_ns;
	session->traffic = traffic;
	/* Looks may be far apart: the waiting may have begun after the last one. */
	int64_t sent_ns = MAX(session->sent_ns, session->queued_ns);
	int64_t received_ns = MAX(session->received_ns, session->active_ns);
	sends = sends && now_ns - sent_ns >= STAGE_STALL_NS;
	receives = receives && now_ns - received_ns >= STAGE_STALL_NS;
	if (!sends && !receives)
		return;
	char text[SESSION_TEXT_SIZE];
	snprintf(text, sizeof text, "it held records of a full store and did not %s for %d s",
		sends ? "read" : "send", (int)(STAGE_STALL_NS / NS_PER_S));
	session_say(session, text);
	session_reset(session);
}

/* The exchange that is read or handled is forgotten. */
static void forget_exchange(struct session *session)
{
	struct exchange *x = session->exchange;
	if (!x)
		return;
	if (session->reading == SESSION_PRODUCE)
		intake_abandon(&session->intake);
	else if (session->reading == SESSION_BETWEEN && x->deferred)
		x->cancelled(x);
	session->exchange = NULL;
	exchange_close(x);
}

/* It was sent, or will not be. */
static void forget_answer(struct session *session, struct answer *answer)
{
	session->answer_count--;
	session->answer_bytes -= answer->size;
	session->stage->answer_bytes -= answer->memory_size;
	answer_free(answer);
}

static void session_closed(struct stream *stream, int reason)
{
	struct session *session = CONTAINER_OF(stream, struct session, stream);
	struct stage *stage = session->stage;
	if (reason == -EMSGSIZE)
		session_say(session, "a name in its request is longer than a request may have");
	else if (reason == -ENOMEM)
		session_say(session, "no memory");
	session->closing = session->closed = true;
	loop_timer_stop(stage->loop, &session->timer);
	forget_exchange(session);
	struct list *node, *after;
	list_for_each_safe (node, after, &session->answers)
		forget_answer(session, CONTAINER_OF(node, struct answer, node));
	list_remove(&session->sibling);
	list_remove(&session->idle);
	session->node->session_count--;
	stage->session_count--;
	free(session);
}

/* ---- reading on ---- */

static bool can_read(const struct session *session)
{
	int64_t now_ns = loop_now_ns(session->stage->loop);
	bool handling = session->exchange && session->reading == SESSION_BETWEEN;
	return !session->closing && !handling && session->muted_until_ns <= now_ns &&
	       session->room_ns <= now_ns && session->answer_count < SESSION_ANSWERS_MAX &&
	       session->answer_bytes < SESSION_ANSWER_BYTES_MAX;
}

static void schedule(struct session *session)
{
	int64_t now_ns = loop_now_ns(session->stage->loop), due_ns = NEVER_NS;
	if (!list_empty(&session->answers))
		due_ns = CONTAINER_OF(session->answers.next, struct answer, node)->due_ns;
	if (session->muted_until_ns > now_ns)
		due_ns = MIN(due_ns, session->muted_until_ns);
	if (session->room_ns > now_ns)
		due_ns = MIN(due_ns, session->room_ns);
	if (due_ns == NEVER_NS)
		loop_timer_stop(session->stage->loop, &session->timer);
	else if (!timer_started(&session->timer) || session->timer.deadline_ns != due_ns)
		loop_timer_start(session->stage->loop, &session->timer, due_ns);
}

static void read_on(struct session *session)
{
	if (!session->paused || session->closed || !can_read(session))
		return;
	session->paused = false;
	stream_resume(&session->stream);
}

void session_mute(struct session *session, int64_t until_ns)
{
	session->muted_until_ns = MAX(session->muted_until_ns, until_ns);
	schedule(session);
}

void session_exchange_over(struct session *session)
{
	session->exchange = NULL;
	session->reading = SESSION_BETWEEN;
	read_on(session);
}

/* ---- answers ---- */

static void answer_done(struct send *send, int result)
{
	struct answer *answer = CONTAINER_OF(send, struct answer, send);
	struct session *session = answer->session;
	bool last = answer->last;
	session->hold_count -= answer->hold_count;
	forget_answer(session, answer);
	if (result < 0)
		return; /* `closed` follows */
	if (last || (session->closing && session->answer_count == 0))
		close_now(session);
	else
		read_on(session);
}

/* Hands what is due to the stream, in order. */
static void send_due(struct session *session)
{
	int64_t now_ns = loop_now_ns(session->stage->loop);
	while (!list_empty(&session->answers) && !session->closed) {
		struct answer *answer = CONTAINER_OF(session->answers.next, struct answer, node);
		if (answer->due_ns > now_ns)
			break;
		list_remove(&answer->node);
		if (stream_queued_bytes(&session->stream) == 0)
			session->queued_ns = now_ns;
		session->hold_count += answer->hold_count;
		stream_send(&session->stream, &answer->send);
	}
	schedule(session);
}

void session_answer(struct session *session, struct answer *answer)
{
	if (session->closed || session->closing) {
		answer_free(answer);
		return;
	}
	struct stage *stage = session->stage;
	/* A small one, the only one of its connection, goes even so: others hold the memory. */
	bool small = session->answer_count == 0 && answer->memory_size <= STAGE_SMALL_BYTES_MAX;
	if (!small && stage->answer_bytes + answer->memory_size > STAGE_ANSWER_BYTES_MAX) {
		answer_free(answer);
		session_drop(session, "no memory for its answer: too many are not read");
		return;
	}
	answer->session = session;
	answer->send.done = answer_done;
	list_append(&session->answers, &answer->node);
	session->answer_count++;
	session->answer_bytes += answer->size;
	stage->answer_bytes += answer->memory_size;
	if (answer->last)
		session->closing = true;
	send_due(session);
}

static void session_turn(struct timer *timer, int64_t now_ns)
{
	(void)now_ns;
	struct session *session = CONTAINER_OF(timer, struct session, timer);
	send_due(session);
	read_on(session);
}

/* ---- a request, once it is complete ---- */

/* The reader is at the request's body. */
static void handle(struct session *session, struct reader *r)
{
	struct exchange *x = session->exchange;
	session->reading = SESSION_BETWEEN;
	void *body = exchange_memory(x, api_infos[x->api].request->size);
	if (!body) {
		exchange_drop(x, "no memory for the request");
		return;
	}
	if (request_body_read(r, x->api, x->version, body) < 0) {
		char why[MESSAGE_ERROR_SIZE];
		exchange_drop(x, message_read_error(r, why));
		return;
	}
	x->body = body;
	exchange_handle(x);
}

static void handle_segments(struct session *session)
{
	struct exchange *x = session->exchange;
	struct request_header header;
	struct reader r;
	reader_init(&r, session->segments, session->segment_count, &x->memory);
	int api = request_header_read(&r, &header);
	assert(api == (int)x->api);
	x->client_id = header.client_id;
	handle(session, &r);
}

/* Who speaks a version of ApiVersions that the broker does not is told so in version 0 (KIP-511).
 */
static void refuse_api_versions(struct session *session)
{
	struct exchange *x = session->exchange;
	static const struct api_version api_versions = {
		.api_key = 18,
	};
	struct api_version *item = exchange_alloc(x, sizeof *item);
	struct api_versions_response *response = exchange_alloc(x, sizeof *response);
	*item = api_versions;
	item->min_version = api_infos[API_API_VERSIONS].first;
	item->max_version = handlers[API_API_VERSIONS].last;
	message_reset(&api_versions_response_message, response);
	response->error_code = ERROR_UNSUPPORTED_VERSION;
	response->api_keys.items = item;
	response->api_keys.count = 1;
	session->stage->figures.requests++;
	exchange_answer(x, response);
}

/* ---- frames ---- */

/* What one look at the bytes led to. */
enum look {
	LOOK_AGAIN, /* something was taken: look at the next bytes */
	LOOK_LATER, /* more is needed, or was asked for */
};

/* A frame whose size is known; `here` bytes of it are. */
struct frame {
	const uint8_t *data;
	int32_t size, here;
	int64_t arrived_ns;
};

static void refuse_header(struct session *session, const struct request_header *header, int why)
{
	int api = api_of_key(header->request_api_key);
	if (why == -EBADMSG)
		session_drop(session, "its request has a malformed header");
	else if (api < 0 || !handlers[api].handle)
		session_drop(session, "it asks for API key %d, which is not served",
			header->request_api_key);
	else
		session_drop(session, "it asks for %s in version %d, which is not served",
			api_infos[api].name, header->request_api_version);
}

static bool served(const struct request_header *header, int api)
{
	return api >= 0 && (api == API_PRODUCE || handlers[api].handle) &&
	       header->request_api_version <= handlers[api].last;
}

static struct exchange *begin(struct session *session, const struct request_header *header,
	enum api api, const struct frame *frame)
{
	struct exchange *x = exchange_open(session);
	if (!x) {
		session_drop(session, "no memory for its request");
		return NULL;
	}
	x->api = api;
	x->version = header->request_api_version;
	x->correlation_id = header->correlation_id;
	x->size = frame->size;
	x->arrived_ns = x->now_ns = frame->arrived_ns;
	session->exchange = x;
	return x;
}

/* Room for the next segment, as large as all before it; NULL: no memory. */
static struct iovec *add_segment(struct session *session)
{
	size_t before = (size_t)(session->frame_size - session->frame_left);
	size_t size = MIN((size_t)session->frame_left, MAX(before, SESSION_SEGMENT_SIZE));
	struct iovec *segment = &session->segments[session->segment_count];
	if (session->segment_count == SESSION_SEGMENTS_MAX)
		return NULL;
	*segment = (struct iovec){ exchange_memory(session->exchange, size), size };
	if (!segment->iov_base)
		return NULL;
	session->segment_count++;
	return segment;
}

static void no_room(struct session *session)
{
	exchange_drop(session->exchange, "the request is larger than there is memory for");
}

/* Has the stream put what follows into another segment. */
static void ask_segment(struct session *session)
{
	struct iovec *segment = add_segment(session);
	if (segment)
		stream_receive_into(&session->stream, segment->iov_base, segment->iov_len);
	else
		no_room(session);
}

/* A request that does not fit the reassembly buffer. */
static void begin_large(struct session *session, const struct frame *frame)
{
	struct exchange *x = session->exchange;
	session->reading = SESSION_LARGE;
	session->frame_size = session->frame_left = frame->size;
	session->segment_count = 0;
	session->segments = exchange_memory(x, SESSION_SEGMENTS_MAX * sizeof *session->segments);
	uint8_t *copy = exchange_memory(x, (size_t)frame->here);
	if (!session->segments || !copy) {
		no_room(session);
		return;
	}
	memcpy(copy, frame->data, (size_t)frame->here);
	session->segments[session->segment_count++] = (struct iovec){ copy, (size_t)frame->here };
	session->frame_left -= frame->here;
	ask_segment(session);
}

static void begin_produce(
	struct session *session, const struct request_header *header, int32_t body_size)
{
	struct exchange *x = session->exchange;
	session->reading = SESSION_PRODUCE;
	if (header->client_id.size > 0) {
		char *copy = exchange_memory(x, (size_t)header->client_id.size);
		if (!copy) {
			no_room(session);
			return;
		}
		memcpy(copy, header->client_id.data, (size_t)header->client_id.size);
		x->client_id = (struct string){ copy, header->client_id.size };
	}
	intake_open(&session->intake, x, body_size);
}

/* A whole request, copied: what it points at must outlive this call. */
static void take_small(struct session *session, const struct frame *frame, bool refused)
{
	struct exchange *x = session->exchange;
	if (refused) {
		x->version = 0;
		refuse_api_versions(session);
		return;
	}
	uint8_t *copy = exchange_memory(x, (size_t)frame->size);
	if (!copy) {
		no_room(session);
		return;
	}
	memcpy(copy, frame->data, (size_t)frame->size);
	struct request_header header;
	struct reader r;
	reader_init_flat(&r, copy, frame->size, &x->memory);
	request_header_read(&r, &header);
	x->client_id = header.client_id;
	handle(session, &r);
}

/* Looks at a frame's head. Sets how many of its bytes were taken. */
static enum look look_at_frame(struct session *session, const struct frame *frame, size_t *used)
{
	struct request_header header;
	struct reader r;
	reader_init_flat(&r, frame->data, frame->here, NULL);
	int api = request_header_read(&r, &header);
	bool whole = frame->here == frame->size;
	if (api == -EBADMSG && !whole)
		return LOOK_LATER;
	bool refused = api == -EPROTONOSUPPORT &&
		       header.request_api_key == api_infos[API_API_VERSIONS].key;
	if (refused)
		api = API_API_VERSIONS;
	else if (!served(&header, api)) {
		refuse_header(session, &header, api < 0 ? api : -EPROTONOSUPPORT);
		return LOOK_LATER;
	}
	bool small = FRAME_PREFIX_SIZE + (size_t)frame->size <= SESSION_REASSEMBLY_SIZE;
	if (api != API_PRODUCE && small && !whole)
		return LOOK_LATER;
	if (refused && !whole) {
		session_drop(session, "its ApiVersions request has %d bytes", frame->size);
		return LOOK_LATER;
	}
	if (!begin(session, &header, (enum api)api, frame))
		return LOOK_LATER;
	if (api == API_PRODUCE) {
		*used = (size_t)(r.at - frame->data);
		begin_produce(session, &header, frame->size - (int32_t)*used);
		return LOOK_AGAIN;
	}
	*used = (size_t)frame->here;
	if (whole) {
		take_small(session, frame, refused);
		return LOOK_AGAIN;
	}
	begin_large(session, frame);
	return LOOK_LATER;
}

static enum look look_at_size(
	struct session *session, const uint8_t *data, size_t size, int64_t arrived_ns, size_t *used)
{
	uint32_t big;
	if (size < sizeof big)
		return LOOK_LATER;
	memcpy(&big, data, sizeof big);
	int32_t frame_size = (int32_t)__builtin_bswap32(big);
	if (frame_size < 0 || frame_size > session->stage->request_size_max) {
		session_drop(session, "a request of %d bytes, where socket.request.max.bytes is %d",
			frame_size, session->stage->request_size_max);
		return LOOK_LATER;
	}
	struct frame frame = {
		.data = data + sizeof big,
		.size = frame_size,
		.here = (int32_t)MIN(size - sizeof big, (size_t)frame_size),
		.arrived_ns = arrived_ns,
	};
	enum look look = look_at_frame(session, &frame, used);
	if (*used > 0)
		*used += sizeof big;
	return look;
}

/* What the intake says; true: look at the next bytes. */
static bool intake_said(struct session *session, enum intake_step step)
{
	struct intake *intake = &session->intake;
	switch (step) {
	case INTAKE_MORE:
	case INTAKE_ASKED:
		return false;
	case INTAKE_FULL:
		session->room_ns = intake->room_ns;
		schedule(session);
		return true;
	case INTAKE_DONE:
		session->reading = SESSION_BETWEEN;
		intake_finish(intake);
		return true;
	case INTAKE_BAD:
		session_drop(session, "Produce: %s", intake->reason);
		forget_exchange(session);
		session->reading = SESSION_BETWEEN;
		return true;
	}
	return false;
}

static void note_activity(struct session *session, int64_t now_ns)
{
	session->active_ns = now_ns;
	list_remove(&session->idle);
	list_append(&session->stage->idle_sessions, &session->idle);
}

static size_t session_received(
	struct stream *stream, const uint8_t *data, size_t size, int64_t arrived_ns)
{
	struct session *session = CONTAINER_OF(stream, struct session, stream);
	size_t used = 0;
	/* Not when the bytes arrived: they may have waited here for a pause to end. */
	int64_t now_ns = loop_now_ns(session->stage->loop);
	note_activity(session, now_ns);
	while (used < size) {
		if (!can_read(session)) {
			session->paused = true;
			stream_pause(stream);
			break;
		}
		size_t part = 0;
		enum look look = LOOK_LATER;
		switch ((enum session_reading)session->reading) {
		case SESSION_BETWEEN:
			look = look_at_size(session, data + used, size - used, arrived_ns, &part);
			break;
		case SESSION_LARGE:
			ask_segment(session);
			break;
		case SESSION_PRODUCE: {
			enum intake_step step = intake_feed(
				&session->intake, stream, data + used, size - used, now_ns, &part);
			look = intake_said(session, step) ? LOOK_AGAIN : LOOK_LATER;
			break;
		}
		}
		used += part;
		if (look == LOOK_LATER && !session->closing)
			break;
	}
	return used;
}

static void session_filled(struct stream *stream, uint8_t *memory, size_t size, int64_t arrived_ns)
{
	(void)memory;
	struct session *session = CONTAINER_OF(stream, struct session, stream);
	if (!session->exchange)
		return; /* dropped meanwhile */
	note_activity(session, arrived_ns);
	session->exchange->arrived_ns = arrived_ns;
	if (session->reading == SESSION_LARGE) {
		session->frame_left -= (int32_t)size;
		if (session->frame_left == 0)
			handle_segments(session);
		return;
	}
	size_t used;
	intake_taken(&session->intake);
	static const uint8_t nothing[1]; /* an address, for pointers to be moved by 0 */
	intake_said(session, intake_feed(&session->intake, stream, nothing, 0, arrived_ns, &used));
}

static void session_skipped(struct stream *stream, size_t size, int64_t arrived_ns)
{
	session_filled(stream, NULL, size, arrived_ns);
}

static void session_opened(struct stream *stream, int result)
{
	(void)stream, (void)result;
}

const struct stream_events session_events = {
	.opened = session_opened,
	.received = session_received,
	.filled = session_filled,
	.skipped = session_skipped,
	.closed = session_closed,
};

struct session *session_open(struct stage_node *node, const struct address *peer)
{
	struct session *session = calloc(1, sizeof *session);
	if (!session)
		return NULL;
	session->stage = node->stage;
	session->node = node;
	session->peer = *peer;
	session->active_ns = loop_now_ns(node->stage->loop);
	list_init(&session->sibling);
	list_init(&session->idle);
	list_init(&session->answers);
	timer_init(&session->timer, session_turn);
	list_append(&node->sessions, &session->sibling);
	list_append(&node->stage->idle_sessions, &session->idle);
	node->session_count++;
	node->stage->session_count++;
	return session;
}
