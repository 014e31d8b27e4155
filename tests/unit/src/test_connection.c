/*
 * Shows: a connection greets, negotiates, pipelines, times out, comes back and closes as
 * connection.h says, against a scripted broker that may be anything but one.
 */
#include "fake_broker.h"

#include <errno.h>

#include "../../../src/client/connection.h"
#include "proto/produce.h"

#define SLAB_SIZE          ((size_t)256 * 1024)
#define CONNECT_TIMEOUT_NS (150 * NS_PER_MS)
#define REQUEST_TIMEOUT_NS (10 * NS_PER_S)
#define LOSSES_MAX         16
#define HOST_SIZE          200 /* of the invented brokers that make an answer large */

/* A connection under test and what it told. */
struct subject {
	struct connection connection;
	int ready, lost, closed;
	char reason[CONNECTION_REASON_SIZE];
	int64_t lost_ns[LOSSES_MAX];
	bool close_when_ready, close_when_lost;
};

/* One request with its memory. It counts its ends and keeps what the answer said. */
struct ask {
	struct request request;
	struct init_producer_id_request body;
	uint8_t frame[512];
	struct iovec piece;
	int done, order, error, version;
	int64_t producer_id, sent_ns, received_ns;
	void (*then)(struct ask *);
};

static struct loop *loop;
static struct fake_broker broker;
static struct subject subject;
static int ended;       /* requests, to number them */
static int large_count; /* rows of a large answer */

static const struct connection_options options = {
	.client_id = "test",
	.connect_timeout_ns = CONNECT_TIMEOUT_NS,
	.request_timeout_ns = REQUEST_TIMEOUT_NS,
};

/* ---- the subject ---- */

static void subject_ready(struct connection *c)
{
	struct subject *s = CONTAINER_OF(c, struct subject, connection);
	s->ready++;
	if (s->close_when_ready)
		connection_close(c);
}

static void subject_lost(struct connection *c, const char *reason)
{
	struct subject *s = CONTAINER_OF(c, struct subject, connection);
	assert_int_equal(c->request_count, 0);
	assert_true(list_empty(&c->requests));
	if (s->lost < LOSSES_MAX)
		s->lost_ns[s->lost] = clock_monotonic_ns();
	s->lost++;
	snprintf(s->reason, sizeof s->reason, "%s", reason);
	if (s->close_when_lost)
		connection_close(c);
}

static void subject_closed(struct connection *c)
{
	struct subject *s = CONTAINER_OF(c, struct subject, connection);
	s->closed++;
	/* The memory may go: whoever still uses it is found by the sanitizer, or by this. */
	memset(c, 0xee, sizeof *c);
}

static const struct connection_events subject_events = {
	.ready = subject_ready,
	.lost = subject_lost,
	.closed = subject_closed,
};

static void subject_init(
	struct subject *s, uint16_t port, const struct connection_options *with, uint64_t seed)
{
	*s = (struct subject){ 0 };
	struct address address = loopback(port);
	connection_init(
		&s->connection, loop, "broker", &address, with, &subject_events, NULL, seed);
}

/* The subject, ready to take requests. */
static void subject_open(void)
{
	subject_init(&subject, broker.port, &options, 1);
	connection_open(&subject.connection);
	TURN_UNTIL(loop, subject.ready);
}

static void subject_finish(struct subject *s)
{
	if (!s->closed)
		connection_close(&s->connection);
	TURN_UNTIL(loop, s->closed);
	turn_for(loop, NS_PER_MS);
	assert_int_equal(s->closed, 1);
}

/* ---- requests ---- */

static void ask_done(struct request *r, const struct response *response)
{
	struct ask *a = CONTAINER_OF(r, struct ask, request);
	a->done++;
	a->order = ended++;
	a->error = response->error;
	a->version = response->version;
	a->sent_ns = response->sent_ns;
	a->received_ns = response->received_ns;
	const struct init_producer_id_response *body = response->body;
	if (body && r->api == API_INIT_PRODUCER_ID)
		a->producer_id = body->producer_id;
	if (a->then)
		a->then(a);
	else
		memset(a->frame, 0xee, sizeof a->frame);
}

/* InitProducerId with a number, which echo() gives back plus one. */
static void ask_init(struct ask *a, int64_t number)
{
	*a = (struct ask){ 0 };
	message_reset(&init_producer_id_request_message, &a->body);
	a->body.transactional_id = NULL_STRING;
	a->body.producer_id = number;
	a->request = (struct request){ .api = API_INIT_PRODUCER_ID,
		.body = &a->body,
		.version_limit = VERSION_ANY,
		.frame = a->frame,
		.frame_size = sizeof a->frame,
		.pieces = &a->piece,
		.piece_limit = 1,
		.done = ask_done };
}

static void ask_send(struct ask *a, int64_t number)
{
	ask_init(a, number);
	assert_int_equal(connection_send(&subject.connection, &a->request), 0);
}

static void echo(const struct asked *a)
{
	const struct init_producer_id_request *request = a->body;
	struct init_producer_id_response body;
	message_reset(&init_producer_id_response_message, &body);
	body.producer_id = request->producer_id + 1;
	fake_answer(a, &body);
}

/* The brokers' usual script: greets, echoes. */
static void handle_echo(struct fake_broker *b, const struct asked *a)
{
	if (a->api == API_INIT_PRODUCER_ID)
		echo(a);
	else
		fake_serve(b, a);
}

/* ---- set-up ---- */

static int setup(void **state)
{
	(void)state;
	struct loop_options loop_options = { .slab_size = SLAB_SIZE, .slab_count = 2 };
	char why[LOOP_TEXT_SIZE];
	if (loop_open(&loop_options, &loop, why) < 0)
		return -1;
	fake_open(&broker, loop, NULL);
	broker.handle = handle_echo;
	ended = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_close(&broker);
	assert_false(loop_busy(loop));
	loop_close(loop);
	return 0;
}

/* ---- the greeting ---- */

static int greeting_versions[2];

static void handle_old_broker(struct fake_broker *b, const struct asked *a)
{
	if (a->api != API_API_VERSIONS)
		return handle_echo(b, a);
	greeting_versions[a->link->asked - 1] = a->version;
	bool known = a->version <= b->maximum[API_API_VERSIONS];
	fake_versions_answer(
		b, a, known ? a->version : 0, known ? ERROR_NONE : ERROR_UNSUPPORTED_VERSION);
}

static void test_greets_in_the_newest_version_first(void **state)
{
	(void)state;
	broker.handle = handle_old_broker;
	subject_open();
	assert_int_equal(broker.asked[API_API_VERSIONS], 1);
	assert_int_equal(greeting_versions[0], api_infos[API_API_VERSIONS].last);
	subject_finish(&subject);
}

static void test_greets_an_old_broker_in_version_0(void **state)
{
	(void)state;
	broker.handle = handle_old_broker;
	broker.maximum[API_API_VERSIONS] = 2;
	subject_open();
	assert_int_equal(broker.asked[API_API_VERSIONS], 2);
	assert_int_equal(greeting_versions[1], 0);
	assert_int_equal(broker.accepted, 1);
	struct ask ask;
	ask_send(&ask, 7);
	TURN_UNTIL(loop, ask.done);
	assert_int_equal(ask.producer_id, 8);
	subject_finish(&subject);
}

static void test_a_broker_that_refuses_every_greeting_is_named(void **state)
{
	(void)state;
	broker.handle = handle_old_broker;
	broker.maximum[API_API_VERSIONS] = -1;
	subject_init(&subject, broker.port, &options, 1);
	connection_open(&subject.connection);
	TURN_UNTIL(loop, subject.lost);
	assert_string_equal(subject.reason, "it refused ApiVersions with UNSUPPORTED_VERSION");
	assert_int_equal(subject.ready, 0);
	subject_finish(&subject);
}

static void test_versions_are_the_highest_in_common_below_the_limit(void **state)
{
	(void)state;
	broker.minimum[API_METADATA] = 5;
	broker.maximum[API_METADATA] = 9;
	broker.maximum[API_CREATE_TOPICS] = -1; /* not spoken at all */
	broker.minimum[API_INIT_PRODUCER_ID] = 4;
	subject_open();
	const struct connection *c = &subject.connection;
	assert_int_equal(connection_version(c, API_METADATA, VERSION_ANY), 9);
	assert_int_equal(connection_version(c, API_METADATA, 7), 7);
	assert_int_equal(connection_version(c, API_METADATA, 4), -EPROTONOSUPPORT);
	assert_int_equal(connection_version(c, API_CREATE_TOPICS, VERSION_ANY), -EPROTONOSUPPORT);
	struct ask none, some;
	ask_init(&none, 1);
	none.request.version_limit = 3;
	assert_int_equal(connection_send(&subject.connection, &none.request), -EPROTONOSUPPORT);
	ask_init(&some, 2);
	some.request.version_limit = 4;
	assert_int_equal(connection_send(&subject.connection, &some.request), 0);
	TURN_UNTIL(loop, some.done);
	assert_int_equal(some.version, 4);
	assert_int_equal(none.done, 0);
	subject_finish(&subject);
}

static void test_a_client_id_without_end_is_refused(void **state)
{
	(void)state;
	char name[600];
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = 0;
	struct connection_options with = options;
	with.client_id = name;
	subject_init(&subject, broker.port, &with, 1);
	connection_open(&subject.connection);
	TURN_UNTIL(loop, subject.lost);
	assert_string_equal(subject.reason, "the client id is too long");
	subject_finish(&subject);
}

/* ---- requests and answers ---- */

static void test_pipelined_requests_end_in_order_and_once(void **state)
{
	(void)state;
	subject_open();
	static struct ask asks[50];
	int64_t before_ns = clock_monotonic_ns();
	for (int i = 0; i < 50; i++)
		ask_send(&asks[i], 100 * i);
	assert_int_equal(ended, 0); /* no callback from inside connection_send */
	TURN_UNTIL(loop, ended == 50);
	turn_for(loop, NS_PER_MS);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(asks[i].done, 1);
		assert_int_equal(asks[i].order, i);
		assert_int_equal(asks[i].error, 0);
		assert_int_equal(asks[i].producer_id, 100 * i + 1);
		assert_true(before_ns <= asks[i].sent_ns);
		assert_true(asks[i].sent_ns <= asks[i].received_ns);
	}
	assert_int_equal(broker.accepted, 1);
	subject_finish(&subject);
}

static void test_answers_may_be_split_at_every_byte(void **state)
{
	(void)state;
	subject_open();
	struct ask ask;
	for (size_t split = 1; split < 40; split++) {
		broker.split = split;
		ask_send(&ask, (int64_t)split);
		TURN_UNTIL(loop, ask.done);
		assert_int_equal(ask.error, 0);
		assert_int_equal(ask.producer_id, split + 1);
	}
	subject_finish(&subject);
}

static void test_answers_may_come_byte_by_byte(void **state)
{
	(void)state;
	broker.dribble = true;
	subject_open(); /* the greeting as well */
	struct ask asks[3];
	for (int i = 0; i < 3; i++)
		ask_send(&asks[i], i);
	TURN_UNTIL(loop, ended == 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(asks[i].producer_id, i + 1);
	subject_finish(&subject);
}

static void test_a_frame_that_does_not_fit_is_refused_unsent(void **state)
{
	(void)state;
	subject_open();
	struct ask ask;
	ask_init(&ask, 1);
	ask.request.frame_size = 20;
	assert_int_equal(connection_send(&subject.connection, &ask.request), -EMSGSIZE);
	ask_send(&ask, 2); /* and the connection is none the worse */
	TURN_UNTIL(loop, ask.done);
	assert_int_equal(ask.producer_id, 3);
	subject_finish(&subject);
}

/* ---- one-way requests ---- */

static void handle_silent_heartbeat(struct fake_broker *b, const struct asked *a)
{
	const struct init_producer_id_request *request = a->body;
	if (a->api == API_INIT_PRODUCER_ID && request->producer_id < 0)
		return; /* one way */
	handle_echo(b, a);
}

static void test_one_way_requests_end_when_they_are_sent(void **state)
{
	(void)state;
	broker.handle = handle_silent_heartbeat;
	subject_open();
	struct ask asks[5];
	for (int i = 0; i < 5; i++) {
		ask_init(&asks[i], i % 2 ? i : -5);
		asks[i].request.one_way = i % 2 == 0;
		assert_int_equal(connection_send(&subject.connection, &asks[i].request), 0);
	}
	TURN_UNTIL(loop, ended == 5);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(asks[i].done, 1);
		assert_int_equal(asks[i].error, 0);
		assert_true(asks[i].sent_ns > 0 && asks[i].received_ns >= asks[i].sent_ns);
		assert_int_equal(asks[i].producer_id, i % 2 ? i + 1 : 0);
	}
	turn_for(loop, NS_PER_MS);
	assert_int_equal(subject.lost, 0);
	subject_finish(&subject);
}

/* ---- large answers ---- */

static void handle_large(struct fake_broker *b, const struct asked *a)
{
	if (a->api != API_METADATA)
		return handle_echo(b, a);
	struct metadata_broker *rows = calloc((size_t)large_count, sizeof *rows);
	char *host = malloc(HOST_SIZE);
	assert_true(rows && host);
	memset(host, 'h', HOST_SIZE);
	for (int i = 0; i < large_count; i++)
		rows[i] = (struct metadata_broker){ i, { host, HOST_SIZE }, 9092, NULL_STRING };
	struct metadata_response body;
	message_reset(&metadata_response_message, &body);
	body.brokers.items = rows;
	body.brokers.count = large_count;
	fake_answer(a, &body);
	free(host);
	free(rows);
}

static int large_seen;

static void large_done(struct request *r, const struct response *response)
{
	const struct metadata_response *body = response->body;
	if (body) {
		assert_int_equal(body->brokers.count, large_count);
		for (int i = 0; i < large_count; i++) {
			const struct metadata_broker *row = &body->brokers.items[i];
			assert_int_equal(row->node_id, i);
			assert_int_equal(row->host.size, HOST_SIZE);
			assert_int_equal(row->host.data[HOST_SIZE - 1], 'h');
		}
		large_seen++;
	}
	ask_done(r, response);
}

static void large_send(struct ask *a)
{
	static struct metadata_request body;
	message_reset(&metadata_request_message, &body);
	ask_init(a, 0);
	a->request.api = API_METADATA;
	a->request.body = &body;
	a->request.done = large_done;
	assert_int_equal(connection_send(&subject.connection, &a->request), 0);
}

static void test_large_answers_come_whole_and_in_turn(void **state)
{
	(void)state;
	broker.handle = handle_large;
	subject_open();
	/* Around the size that still comes in small pieces, and up to a slab. */
	static const int counts[] = { 60, 76, 77, 78, 79, 80, 81, 500, 1200 };
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		large_count = counts[i];
		large_seen = ended = 0;
		struct ask asks[6];
		for (int k = 0; k < 6; k++) {
			if (k % 2)
				large_send(&asks[k]);
			else
				ask_send(&asks[k], k);
		}
		TURN_UNTIL(loop, ended == 6);
		assert_int_equal(large_seen, 3);
		for (int k = 0; k < 6; k++) {
			assert_int_equal(asks[k].order, k);
			assert_int_equal(asks[k].error, 0);
		}
	}
	assert_int_equal(broker.accepted, 1);
	subject_finish(&subject);
}

static void test_an_answer_larger_than_a_slab_is_refused(void **state)
{
	(void)state;
	broker.handle = handle_large;
	subject_open();
	large_count = (int)(SLAB_SIZE / HOST_SIZE) + 1;
	large_seen = 0;
	struct ask ask, after;
	large_send(&ask);
	ask_send(&after, 1);
	TURN_UNTIL(loop, subject.lost);
	assert_int_equal(ask.error, -EMSGSIZE);
	assert_int_equal(after.error, -EMSGSIZE);
	assert_int_equal(large_seen, 0);
	assert_non_null(strstr(subject.reason, "its answer to Metadata is larger than"));
	subject_finish(&subject);
}

static void handle_half_then_reset(struct fake_broker *b, const struct asked *a)
{
	if (a->api == API_API_VERSIONS)
		return fake_serve(b, a);
	a->link->finally = fake_reset;
	uint8_t half[20000] = { 0, 0, 0x75, 0x30 };
	/* A frame of 30000 bytes, or of 48. */
	if (a->api == API_INIT_PRODUCER_ID)
		half[2] = 0, half[3] = 0x30;
	fake_send_bytes(a->link, half, a->api == API_METADATA ? sizeof half : 24);
}

static void test_a_reset_inside_an_answer_ends_its_request(void **state)
{
	(void)state;
	broker.handle = handle_half_then_reset;
	for (int large = 0; large < 2; large++) {
		subject_open();
		struct ask ask;
		if (large)
			large_send(&ask);
		else
			ask_send(&ask, 1);
		TURN_UNTIL(loop, subject.lost);
		assert_int_equal(ask.done, 1);
		assert_int_equal(ask.error, -ECONNRESET);
		assert_string_equal(subject.reason, "Connection reset by peer");
		subject_finish(&subject);
	}
}

/* ---- answers that are none ---- */

static void handle_swapped(struct fake_broker *b, const struct asked *a)
{
	if (a->api == API_API_VERSIONS)
		return fake_serve(b, a);
	struct init_producer_id_response body;
	message_reset(&init_producer_id_response_message, &body);
	fake_answer_as(a, a->version, a->correlation_id + 1, &body);
}

static void handle_cut_short(struct fake_broker *b, const struct asked *a)
{
	if (a->api == API_API_VERSIONS)
		return fake_serve(b, a);
	struct init_producer_id_response body;
	message_reset(&init_producer_id_response_message, &body);
	int32_t size;
	uint8_t *frame = fake_frame(a->api, a->version, a->correlation_id, &body, &size);
	frame[3] = (uint8_t)(frame[3] - 3);
	fake_send_bytes(a->link, frame, (size_t)size - 3);
	free(frame);
}

static void handle_too_long(struct fake_broker *b, const struct asked *a)
{
	if (a->api == API_API_VERSIONS)
		return fake_serve(b, a);
	struct init_producer_id_response body;
	message_reset(&init_producer_id_response_message, &body);
	int32_t size;
	uint8_t *frame = fake_frame(a->api, a->version, a->correlation_id, &body, &size);
	frame[3]++;
	fake_send_bytes(a->link, frame, (size_t)size + 1); /* fake_frame's memory is larger */
	free(frame);
}

static void handle_negative_size(struct fake_broker *b, const struct asked *a)
{
	if (a->api == API_API_VERSIONS)
		return fake_serve(b, a);
	fake_send_bytes(a->link, "\xff\xff\xff\xff\0\0\0\0", 8);
}

static void handle_twice(struct fake_broker *b, const struct asked *a)
{
	handle_echo(b, a);
	if (a->api != API_API_VERSIONS)
		handle_echo(b, a);
}

static void handle_hang_up(struct fake_broker *b, const struct asked *a)
{
	if (a->api == API_API_VERSIONS)
		return fake_serve(b, a);
	fake_hang_up(a->link);
}

/* After the greeting: the request ends with the error, the connection with the reason. */
static void test_a_ready_connection_names_what_went_wrong(void **state)
{
	(void)state;
	static const struct {
		void (*handle)(struct fake_broker *, const struct asked *);
		int error;
		const char *reason;
	} cases[] = {
		{ handle_swapped, -EPROTO, "not the answer that was due" },
		{ handle_cut_short, -EPROTO, "its answer to InitProducerId v6 cannot be read: " },
		{ handle_too_long, -EPROTO, "the frame goes on after its end" },
		{ handle_negative_size, -EPROTO,
			"bytes that are not Kafka's (ff ff ff ff 00 00 00 00)" },
		{ handle_twice, 0, "an answer that nothing asked for" },
		{ handle_hang_up, -ECONNRESET, "it closed the connection" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		broker.handle = cases[i].handle;
		subject_open();
		struct ask ask;
		ask_send(&ask, 1);
		TURN_UNTIL(loop, subject.lost);
		assert_int_equal(ask.done, 1);
		assert_int_equal(ask.error, cases[i].error);
		if (!strstr(subject.reason, cases[i].reason))
			fail_msg("'%s' instead of '%s'", subject.reason, cases[i].reason);
		subject_finish(&subject);
	}
}

static void handle_http(struct fake_broker *b, const struct asked *a)
{
	(void)b;
	static const char answer[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
	fake_send_bytes(a->link, answer, sizeof answer - 1);
	a->link->finally = fake_hang_up;
}

static void handle_tls_alert(struct fake_broker *b, const struct asked *a)
{
	(void)b;
	fake_send_bytes(a->link, "\x15\x03\x03\x00\x02\x02\x32", 7);
	a->link->finally = fake_hang_up;
}

static void handle_garbage(struct fake_broker *b, const struct asked *a)
{
	(void)b;
	fake_send_bytes(a->link, "220 mail ready\r\n", 16);
}

static void handle_small_garbage(struct fake_broker *b, const struct asked *a)
{
	(void)b;
	fake_send_bytes(a->link, "\0\0\0\6abcdef", 10);
}

static void handle_nothing(struct fake_broker *b, const struct asked *a)
{
	(void)b, (void)a;
}

static void handle_close(struct fake_broker *b, const struct asked *a)
{
	(void)b;
	fake_hang_up(a->link);
}

static void handle_reset(struct fake_broker *b, const struct asked *a)
{
	(void)b;
	fake_reset(a->link);
}

/* Instead of a greeting. */
static void test_what_is_no_broker_is_named(void **state)
{
	(void)state;
	static const struct {
		void (*handle)(struct fake_broker *, const struct asked *);
		const char *reason;
	} cases[] = {
		{ handle_http, "it answers with HTTP, so it is not a Kafka listener" },
		{ handle_tls_alert,
			"it answers with a TLS alert: a listener without TLS is needed" },
		{ handle_garbage, "not Kafka's (32 32 30 20 6d 61 69 6c), so it is not" },
		{ handle_small_garbage, "not Kafka's (61 62 63 64 65 66), so it is not" },
		{ handle_nothing, "it does not answer ApiVersions, so it is not a Kafka listener" },
		{ handle_close, "it closed the connection at the first request" },
		{ handle_reset, "it closed the connection at the first request" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		for (int dribble = 0; dribble < 2; dribble++) {
			broker.handle = cases[i].handle;
			broker.dribble = dribble;
			subject_init(&subject, broker.port, &options, 1);
			connection_open(&subject.connection);
			TURN_UNTIL(loop, subject.lost);
			/* Bytes that trickle in are named by those that were there. */
			if (!dribble && !strstr(subject.reason, cases[i].reason))
				fail_msg("'%s' instead of '%s'", subject.reason, cases[i].reason);
			assert_int_equal(subject.ready, 0);
			subject_finish(&subject);
		}
	}
}

static void test_a_refused_port_is_named(void **state)
{
	(void)state;
	subject_init(&subject, refused_port(loop), &options, 1);
	connection_open(&subject.connection);
	assert_int_equal(subject.lost, 0); /* never from inside connection_open */
	TURN_UNTIL(loop, subject.lost);
	assert_string_equal(subject.reason, "Connection refused");
	subject_finish(&subject);
}

static void test_an_attempt_that_cannot_begin_is_lost_from_the_loop(void **state)
{
	(void)state;
	struct connection_options with = options;
	with.congestion = "no-such-thing";
	subject_init(&subject, broker.port, &with, 1);
	subject.close_when_lost = true;
	connection_open(&subject.connection);
	assert_int_equal(subject.lost, 0);
	TURN_UNTIL(loop, subject.closed);
	assert_int_equal(subject.lost, 1);
	assert_non_null(strstr(subject.reason, "no-such-thing"));
	turn_for(loop, 2 * RECONNECT_BACKOFF_NS); /* nothing of it is left in the loop */
	assert_int_equal(subject.closed, 1);
}

/* ---- time ---- */

static void test_a_request_that_times_out_takes_the_connection_down(void **state)
{
	(void)state;
	subject_open();
	broker.mute = true;
	struct ask patient, hasty, last;
	ask_send(&patient, 1);
	ask_init(&hasty, 2);
	hasty.request.timeout_ns = 30 * NS_PER_MS;
	int64_t began_ns = clock_monotonic_ns();
	assert_int_equal(connection_send(&subject.connection, &hasty.request), 0);
	ask_send(&last, 3);
	TURN_UNTIL(loop, subject.lost);
	int64_t took_ns = clock_monotonic_ns() - began_ns;
	assert_true(took_ns >= 29 * NS_PER_MS && took_ns < NS_PER_S);
	assert_string_equal(subject.reason, "no answer to InitProducerId in time");
	assert_int_equal(patient.order, 0);
	assert_int_equal(hasty.order, 1);
	assert_int_equal(last.order, 2);
	assert_int_equal(patient.error, -ETIMEDOUT);
	assert_int_equal(hasty.error, -ETIMEDOUT);
	assert_int_equal(last.error, -ETIMEDOUT);
	/* And comes back. */
	broker.mute = false;
	TURN_UNTIL(loop, subject.ready == 2);
	int64_t gap_ns = clock_monotonic_ns() - subject.lost_ns[0];
	assert_true(gap_ns >= RECONNECT_BACKOFF_NS / 2);
	ask_send(&last, 4);
	TURN_UNTIL(loop, last.done);
	assert_int_equal(last.producer_id, 5);
	subject_finish(&subject);
}

static void test_an_answer_in_time_stops_its_deadline(void **state)
{
	(void)state;
	subject_open();
	struct ask ask;
	ask_init(&ask, 1);
	ask.request.timeout_ns = 20 * NS_PER_MS;
	assert_int_equal(connection_send(&subject.connection, &ask.request), 0);
	TURN_UNTIL(loop, ask.done);
	turn_for(loop, 40 * NS_PER_MS);
	assert_int_equal(subject.lost, 0);
	subject_finish(&subject);
}

static void test_back_off_grows_with_jitter(void **state)
{
	(void)state;
	enum { SUBJECTS = 4, GAPS = 3 };
	static struct subject subjects[SUBJECTS];
	uint16_t port = refused_port(loop);
	for (int i = 0; i < SUBJECTS; i++) {
		subject_init(&subjects[i], port, &options, (uint64_t)i);
		connection_open(&subjects[i].connection);
	}
	for (int i = 0; i < SUBJECTS; i++)
		TURN_UNTIL(loop, subjects[i].lost > GAPS);
	int64_t shortest_ns = NEVER_NS, longest_ns = 0;
	for (int i = 0; i < SUBJECTS; i++) {
		int64_t backoff_ns = RECONNECT_BACKOFF_NS;
		for (int gap = 0; gap < GAPS; gap++, backoff_ns *= 2) {
			int64_t ns = subjects[i].lost_ns[gap + 1] - subjects[i].lost_ns[gap];
			assert_true(ns >= backoff_ns / 2 - NS_PER_MS);
			assert_true(ns <= backoff_ns + 150 * NS_PER_MS); /* a busy machine */
		}
		int64_t sum_ns = subjects[i].lost_ns[GAPS] - subjects[i].lost_ns[0];
		shortest_ns = MIN(shortest_ns, sum_ns);
		longest_ns = MAX(longest_ns, sum_ns);
	}
	/* They do not come back in step. */
	assert_true(longest_ns - shortest_ns > 2 * NS_PER_MS);
	for (int i = 0; i < SUBJECTS; i++)
		subject_finish(&subjects[i]);
}

static void test_back_off_begins_anew_after_a_success(void **state)
{
	(void)state;
	subject_open();
	for (int i = 1; i <= 5; i++) {
		fake_reset_all(&broker);
		TURN_UNTIL(loop, subject.ready == i + 1);
		int64_t gap_ns = clock_monotonic_ns() - subject.lost_ns[i - 1];
		assert_true(gap_ns >= RECONNECT_BACKOFF_NS / 2);
	}
	/* Five in a row at a doubled back-off would be 775 ms at least. */
	assert_true(subject.lost_ns[4] - subject.lost_ns[0] < 700 * NS_PER_MS);
	subject_finish(&subject);
}

/* ---- the end ---- */

static int refusal;

static void try_again_at_once(struct ask *a)
{
	static struct ask another;
	(void)a;
	ask_init(&another, 1);
	refusal = connection_send(&subject.connection, &another.request);
}

static void test_a_connection_that_goes_down_takes_no_requests(void **state)
{
	(void)state;
	subject_open();
	broker.mute = true;
	struct ask ask, late;
	ask_send(&ask, 1);
	ask.then = try_again_at_once;
	connection_drop(&subject.connection, -EIO, "for a test");
	assert_int_equal(subject.connection.state, CONNECTION_CLOSING);
	assert_int_equal(ask.done, 0); /* no callback from inside connection_drop */
	ask_init(&late, 2);
	assert_int_equal(connection_send(&subject.connection, &late.request), -ENOTCONN);
	refusal = 0;
	TURN_UNTIL(loop, subject.lost);
	assert_int_equal(refusal, -ENOTCONN);
	assert_int_equal(ask.error, -EIO);
	assert_string_equal(subject.reason, "for a test");
	assert_int_equal(connection_send(&subject.connection, &late.request), -ENOTCONN);
	assert_int_equal(late.done, 0);
	subject_finish(&subject);
}

static void handle_pause_after_greeting(struct fake_broker *b, const struct asked *a)
{
	fake_serve(b, a);
	stream_pause(&a->link->stream);
}

static bool kernel_had_let_go;

static void stuck_done(struct request *r, const struct response *response)
{
	kernel_had_let_go = !subject.connection.stream.transmit_armed;
	ask_done(r, response);
}

static void test_memory_is_kept_until_the_kernel_lets_go(void **state)
{
	(void)state;
	enum { SIZE = 16 << 20 }; /* more than both socket buffers take */
	uint8_t *records = malloc(SIZE);
	assert_non_null(records);
	memset(records, 1, SIZE);
	for (int way = 0; way < 4; way++) {
		broker.handle = handle_pause_after_greeting;
		subject_open();
		struct iovec segment = { records, SIZE };
		struct produce_partition partition = { .records = { &segment, 1, SIZE } };
		struct produce_topic topic = { .name = STRING("t") };
		topic.partition_data.items = &partition;
		topic.partition_data.count = 1;
		struct produce_request body = { .transactional_id = NULL_STRING, .acks = 1 };
		body.topic_data.items = &topic;
		body.topic_data.count = 1;
		struct splice splice;
		struct iovec pieces[3];
		struct ask ask;
		ask_init(&ask, 0);
		ask.request.api = API_PRODUCE;
		ask.request.body = &body;
		ask.request.version_limit = 12;
		ask.request.splices = &splice;
		ask.request.splice_limit = 1;
		ask.request.pieces = pieces;
		ask.request.piece_limit = 3;
		ask.request.done = stuck_done;
		ask.request.one_way = way == 3;
		ask.request.timeout_ns = way == 2 ? 40 * NS_PER_MS : 0;
		assert_int_equal(connection_send(&subject.connection, &ask.request), 0);
		turn_for(loop, 30 * NS_PER_MS);
		assert_int_equal(ask.done, 0);
		assert_true(stream_queued_bytes(&subject.connection.stream) > 0);
		kernel_had_let_go = false;
		if (way == 0)
			fake_reset_all(&broker);
		else if (way == 1)
			connection_close(&subject.connection);
		else if (way == 3)
			connection_drop(&subject.connection, -EIO, "for a test");
		assert_int_equal(ask.done, 0);
		TURN_UNTIL(loop, ask.done);
		assert_true(kernel_had_let_go);
		static const int errors[] = { -ECONNRESET, -ECANCELED, -ETIMEDOUT, -EIO };
		/* A reset may show as a send into a connection that is gone. */
		if (way != 0 || ask.error != -EPIPE)
			assert_int_equal(ask.error, errors[way]);
		broker.handle = handle_echo;
		subject_finish(&subject);
		assert_int_equal(ask.done, 1);
	}
	free(records);
}

static void close_the_connection(struct ask *a)
{
	connection_close(a->request.connection);
}

static void test_close_in_every_state_ends_once(void **state)
{
	(void)state;
	/* connecting */
	subject_init(&subject, broker.port, &options, 1);
	connection_open(&subject.connection);
	assert_int_equal(subject.connection.state, CONNECTION_CONNECTING);
	connection_close(&subject.connection);
	connection_close(&subject.connection);
	subject_finish(&subject);
	assert_int_equal(subject.lost, 0);

	/* greeting */
	broker.mute = true;
	subject_init(&subject, broker.port, &options, 1);
	connection_open(&subject.connection);
	TURN_UNTIL(loop, subject.connection.state == CONNECTION_GREETING);
	connection_close(&subject.connection);
	subject_finish(&subject);
	assert_int_equal(subject.lost, 0);
	broker.mute = false;

	/* ready, with requests in flight */
	subject_open();
	broker.mute = true;
	struct ask ask, other;
	ask_send(&ask, 1);
	ask_send(&other, 2);
	turn_for(loop, 2 * NS_PER_MS);
	connection_close(&subject.connection);
	subject_finish(&subject);
	assert_int_equal(ask.error, -ECANCELED);
	assert_int_equal(other.error, -ECANCELED);
	assert_int_equal(ask.done + other.done, 2);
	broker.mute = false;

	/* closing */
	subject_open();
	connection_drop(&subject.connection, -EIO, "for a test");
	connection_close(&subject.connection);
	subject_finish(&subject);
	assert_int_equal(subject.lost, 0);

	/* waiting: at once */
	subject_open();
	connection_drop(&subject.connection, -EIO, "for a test");
	TURN_UNTIL(loop, subject.lost);
	assert_int_equal(subject.connection.state, CONNECTION_WAITING);
	connection_close(&subject.connection);
	assert_int_equal(subject.closed, 1);
	turn_for(loop, 2 * RECONNECT_BACKOFF_NS);
	assert_int_equal(subject.closed, 1);
}

static void test_close_from_every_callback_ends_once(void **state)
{
	(void)state;
	subject_init(&subject, broker.port, &options, 1);
	subject.close_when_ready = true;
	connection_open(&subject.connection);
	TURN_UNTIL(loop, subject.closed);
	subject_finish(&subject);
	assert_int_equal(subject.ready, 1);
	assert_int_equal(subject.lost, 0);

	subject_open();
	subject.close_when_lost = true;
	fake_reset_all(&broker);
	TURN_UNTIL(loop, subject.closed);
	subject_finish(&subject);
	assert_int_equal(subject.lost, 1);

	/* from an answer, with another behind it; and from a failure */
	for (int failing = 0; failing < 2; failing++) {
		subject_open();
		struct ask ask, other;
		ask_send(&ask, 1);
		ask_send(&other, 2);
		ask.then = close_the_connection;
		if (failing)
			connection_drop(&subject.connection, -EIO, "for a test");
		TURN_UNTIL(loop, subject.closed);
		subject_finish(&subject);
		assert_int_equal(ask.done, 1);
		assert_int_equal(other.done, 1);
		assert_int_equal(other.error, failing ? -EIO : -ECANCELED);
		assert_int_equal(subject.lost, 0);
	}
}

static void test_a_connection_can_be_opened_again_after_its_end(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		subject_open();
		subject_finish(&subject);
	}
	assert_int_equal(broker.accepted, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(test_greets_in_the_newest_version_first),
		CASE(test_greets_an_old_broker_in_version_0),
		CASE(test_a_broker_that_refuses_every_greeting_is_named),
		CASE(test_versions_are_the_highest_in_common_below_the_limit),
		CASE(test_a_client_id_without_end_is_refused),
		CASE(test_pipelined_requests_end_in_order_and_once),
		CASE(test_answers_may_be_split_at_every_byte),
		CASE(test_answers_may_come_byte_by_byte),
		CASE(test_a_frame_that_does_not_fit_is_refused_unsent),
		CASE(test_one_way_requests_end_when_they_are_sent),
		CASE(test_large_answers_come_whole_and_in_turn),
		CASE(test_an_answer_larger_than_a_slab_is_refused),
		CASE(test_a_reset_inside_an_answer_ends_its_request),
		CASE(test_a_ready_connection_names_what_went_wrong),
		CASE(test_what_is_no_broker_is_named),
		CASE(test_a_refused_port_is_named),
		CASE(test_an_attempt_that_cannot_begin_is_lost_from_the_loop),
		CASE(test_a_request_that_times_out_takes_the_connection_down),
		CASE(test_an_answer_in_time_stops_its_deadline),
		CASE(test_back_off_grows_with_jitter),
		CASE(test_back_off_begins_anew_after_a_success),
		CASE(test_a_connection_that_goes_down_takes_no_requests),
		CASE(test_memory_is_kept_until_the_kernel_lets_go),
		CASE(test_close_in_every_state_ends_once),
		CASE(test_close_from_every_callback_ends_once),
		CASE(test_a_connection_can_be_opened_again_after_its_end),
	};
	return RUN_TESTS(tests);
}
