/*
 * Shows: frames are cut right however they arrive; what no broker could answer ends the connection
 * with one line; one request is handled at a time, and only the service model lets others pass; a
 * client that does not read, or that is gone, costs nothing that grows; faults and quotas do to a
 * connection what they say; an idle connection is small.
 */
#include "stage_test.h"

#include <malloc.h>
#include <sys/resource.h>

#include "proto/cluster.h"
#include "proto/fetch.h"
#include "proto/metadata.h"

#define FETCH_VERSION   11
#define PRODUCE_VERSION 9

static uint8_t batch[1 << 20];

static void begin(struct test_stage *t, const char *const *faults, int32_t fault_count)
{
	struct stage_options options = stage_test_options();
	options.faults = faults;
	options.fault_count = fault_count;
	stage_begin(t, &options);
	stage_topic(t, "t", 4, 1);
}

static void produce_send(struct test_stage *t, int fd, int32_t correlation_id, size_t size)
{
	struct produce_one p;
	client_request(t, fd, API_PRODUCE, PRODUCE_VERSION, correlation_id,
		produce_one(&p, -1, "t", 0, batch, size));
}

/* ---- Fetch, as an example of all that is not Produce ---- */

struct fetch_many {
	struct fetch_request request;
	struct fetch_topic topic;
	struct fetch_partition partitions[4000];
};

/* Asks for `count` partitions of a topic, from the beginning. */
static const struct fetch_request *fetch_many(
	struct fetch_many *f, const char *topic, int32_t count, int32_t wait_ms)
{
	message_reset(&fetch_request_message, &f->request);
	f->request.replica_id = -1;
	f->request.max_wait_ms = wait_ms;
	f->request.min_bytes = wait_ms ? 1 : 0;
	f->request.max_bytes = 50 << 20;
	f->request.session_epoch = -1;
	f->topic = (struct fetch_topic){ .topic = string_of(topic) };
	f->topic.partitions.items = f->partitions;
	f->topic.partitions.count = count;
	for (int32_t i = 0; i < count; i++)
		f->partitions[i] = (struct fetch_partition){
			.partition = i,
			.current_leader_epoch = -1,
			.last_fetched_epoch = -1,
			.log_start_offset = -1,
			.partition_max_bytes = 1 << 20,
		};
	f->request.topics.items = &f->topic;
	f->request.topics.count = 1;
	return &f->request;
}

static struct fetch_many fetch;

static void fetch_send(struct test_stage *t, int fd, int32_t correlation_id, const char *topic,
	int32_t count, int32_t wait_ms)
{
	client_request(t, fd, API_FETCH, FETCH_VERSION, correlation_id,
		fetch_many(&fetch, topic, count, wait_ms));
}

static int32_t fetch_answer(struct test_stage *t, int fd, int32_t expected)
{
	struct fetch_response response;
	assert_int_equal(client_answer(t, fd, API_FETCH, FETCH_VERSION, &response), expected);
	assert_int_equal(response.error_code, 0);
	int32_t bytes = 0;
	for (int32_t i = 0; i < response.responses.count; i++)
		for (int32_t j = 0; j < response.responses.items[i].partitions.count; j++)
			bytes += MAX(
				response.responses.items[i].partitions.items[j].records.size, 0);
	return bytes;
}

/* ---- frames ---- */

static void test_large_request_is_read_in_any_pieces(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, NULL, 0);
	const size_t pieces[] = { 100, 4096, 8192, 50000, 1 << 20 };
	static uint8_t frame[1 << 20];
	size_t size = client_request_write(&t, API_FETCH, FETCH_VERSION, 3,
		fetch_many(&fetch, "t", COUNT_OF(fetch.partitions), 0));
	assert_true(size > 8 * SESSION_REASSEMBLY_SIZE && size < sizeof frame);
	memcpy(frame, t.frame, size);
	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		int fd = client_open(&t, 0);
		for (size_t sent = 0; sent < size; sent += pieces[i]) {
			client_send(&t, fd, frame + sent, MIN(pieces[i], size - sent));
			turn(&t, 0);
		}
		struct fetch_response response;
		assert_int_equal(client_answer(&t, fd, API_FETCH, FETCH_VERSION, &response), 3);
		assert_int_equal(
			response.responses.items[0].partitions.count, COUNT_OF(fetch.partitions));
		close(fd);
	}
	stage_end(&t);
}

static void test_small_requests_split_everywhere(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, NULL, 0);
	static uint8_t frame[1024];
	size_t size = client_request_write(
		&t, API_FETCH, FETCH_VERSION, 3, fetch_many(&fetch, "t", 2, 0));
	assert_true(size < sizeof frame);
	memcpy(frame, t.frame, size);
	int fd = client_open(&t, 0);
	for (size_t split = 1; split < size; split++) {
		client_send(&t, fd, frame, split);
		turn(&t, 0);
		client_send(&t, fd, frame + split, size - split);
		fetch_answer(&t, fd, 3);
	}
	close(fd);
	stage_end(&t);
}

/* A frame of a header and some bytes; its size. */
static size_t raw_frame(uint8_t *frame, int32_t size, int16_t key, int16_t version,
	int16_t client_id_size, size_t more)
{
	struct writer w;
	writer_init(&w, frame, 1 << 16, NULL, 0);
	writer_int32(&w, size);
	writer_int16(&w, key);
	writer_int16(&w, version);
	writer_int32(&w, 99);
	writer_int16(&w, client_id_size);
	assert_false(w.failed);
	memset(frame + w.size, 0x7f, more);
	return (size_t)w.size + more;
}

static void test_what_no_broker_answers_ends_the_connection(void **state)
{
	(void)state;
	static const struct {
		int32_t size;
		int16_t key, version, client_id_size;
		size_t more;
		const char *words;
	} cases[] = {
		{ -1, 1, 4, 0, 0, "socket.request.max.bytes" },
		{ 104857601, 1, 4, 0, 0, "socket.request.max.bytes" },
		{ INT32_MAX, 0, 9, 0, 0, "socket.request.max.bytes" },
		{ 0, 1, 4, 0, 0, "malformed header" },
		{ 5, 1, 4, 0, 0, "malformed header" },
		{ 10, 1, 4, 5, 0, "malformed header" },
		{ 10, 1, 4, -7, 0, "malformed header" },
		{ 10, 999, 0, -1, 0, "API key 999" },
		{ 10, -3, 0, -1, 0, "API key -3" },
		{ 10, 12, 0, -1, 0, "API key 12" }, /* Heartbeat: in the list, not served */
		{ 10, 1, 99, -1, 0, "Fetch in version 99" },
		{ 10, 0, 2, -1, 0, "Produce in version 2" },
		{ 10, 0, -1, -1, 0, "Produce in version -1" },
		{ 10, 1, 11, -1, 0, "Fetch" },   /* no body */
		{ 100, 1, 11, -1, 90, "Fetch" }, /* counts that cannot be */
		{ 60000, 1, 11, 20000, 30000, "longer" } /* than reassembly */,
		{ 100, 0, 8, -1, 90, "Produce: " },
		{ 40000, 0, 9, 30000, 30000, "longer" },
	};
	static uint8_t frame[1 << 16];
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct test_stage t;
		begin(&t, NULL, 0);
		int fd = client_open(&t, 0);
		size_t size = raw_frame(frame, cases[i].size, cases[i].key, cases[i].version,
			cases[i].client_id_size, cases[i].more);
		client_send(&t, fd, frame, size);
		assert_true(client_sees_end(&t, fd));
		TURN_UNTIL(&t, t.stage.session_count == 0);
		if (t.line_count != 1 || !said(&t, cases[i].words))
			fail_msg("case %zu: %d lines: %s", i, t.line_count, t.lines[0]);
		close(fd);
		stage_end(&t);
	}
}

static void test_bytes_behind_a_body_end_the_connection(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, NULL, 0);
	int fd = client_open(&t, 0);
	size_t size = client_request_write(
		&t, API_FETCH, FETCH_VERSION, 3, fetch_many(&fetch, "t", 2, 0));
	uint32_t big = __builtin_bswap32((uint32_t)size - 4 + 1);
	memcpy(t.frame, &big, sizeof big);
	client_send(&t, fd, t.frame, size + 1);
	assert_true(client_sees_end(&t, fd));
	assert_true(said(&t, "goes on after its end"));
	close(fd);
	stage_end(&t);
}

static void test_unknown_version_of_api_versions_is_told_the_known_ones(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, NULL, 0);
	int fd = client_open(&t, 0);
	static uint8_t frame[1 << 16];
	client_send(&t, fd, frame, raw_frame(frame, 20, 18, 99, -1, 10));
	struct api_versions_response response;
	assert_int_equal(client_answer(&t, fd, API_API_VERSIONS, 0, &response), 99);
	assert_int_equal(response.error_code, ERROR_UNSUPPORTED_VERSION);
	assert_int_equal(response.api_keys.count, 1);
	assert_int_equal(response.api_keys.items[0].api_key, 18);
	assert_int_equal(response.api_keys.items[0].max_version, handlers[API_API_VERSIONS].last);
	fetch_send(&t, fd, 4, "t", 1, 0);
	fetch_answer(&t, fd, 4);
	assert_int_equal(t.line_count, 0);
	close(fd);
	stage_end(&t);
}

/* ---- one at a time ---- */

static void test_waiting_fetch_holds_back_what_is_behind_it(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, NULL, 0);
	int fd = client_open(&t, 0), other = client_open(&t, 0);
	size_t size = make_batch(batch, sizeof batch, 1, 10);
	fetch_send(&t, fd, 1, "t", 1, 10000);
	produce_send(&t, fd, 2, size);
	turn_for(&t, 30 * NS_PER_MS);
	assert_int_equal(t.stage.figures.requests, 1);
	produce_send(&t, other, 3, size);
	assert_true(fetch_answer(&t, fd, 1) > 0);
	struct produce_response response;
	assert_int_equal(client_answer(&t, fd, API_PRODUCE, PRODUCE_VERSION, &response), 2);
	assert_int_equal(produce_only(&response)->base_offset, 1);
	close(fd);
	close(other);
	stage_end(&t);
}

static void test_service_model_lets_requests_pass_and_answers_in_order(void **state)
{
	(void)state;
	struct test_stage t;
	struct stage_options options = stage_test_options();
	options.service_time =
		(struct service_time){ .kind = SERVICE_CONSTANT, .mean_ns = 20 * NS_PER_MS };
	stage_begin(&t, &options);
	stage_topic(&t, "t", 4, 1);
	int fd = client_open(&t, 0);
	size_t size = make_batch(batch, sizeof batch, 1, 10);
	int64_t start_ns = clock_monotonic_ns();
	for (int i = 0; i < 5; i++)
		produce_send(&t, fd, i, size);
	TURN_UNTIL(&t, t.stage.figures.requests == 5);
	assert_true(clock_monotonic_ns() - start_ns < 20 * NS_PER_MS);
	for (int i = 0; i < 5; i++) {
		struct produce_response response;
		assert_int_equal(client_answer(&t, fd, API_PRODUCE, PRODUCE_VERSION, &response), i);
		assert_true(clock_monotonic_ns() - start_ns >= (i + 1) * 20 * NS_PER_MS);
	}
	close(fd);
	stage_end(&t);
}

/* ---- clients that do not do their part ---- */

static void test_client_that_stops_reading_is_not_read_either(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, NULL, 0);
	int fd = client_open(&t, 0);
	for (int i = 0; i < 10; i++) {
		struct produce_response response;
		produce_send(&t, fd, i, make_batch(batch, sizeof batch, 500, 1000));
		client_answer(&t, fd, API_PRODUCE, PRODUCE_VERSION, &response);
	}
	uint64_t before = t.stage.figures.requests;
	enum { ASKED = 100 };
	for (int i = 0; i < ASKED; i++)
		fetch_send(&t, fd, i, "t", 1, 0);
	turn_for(&t, 50 * NS_PER_MS);
	uint64_t handled = t.stage.figures.requests - before;
	assert_in_range(handled, 1, ASKED / 2);
	struct session *session =
		CONTAINER_OF(t.stage.nodes[0].sessions.next, struct session, sibling);
	assert_true(session->answer_bytes < SESSION_ANSWER_BYTES_MAX + ((size_t)2 << 20));
	turn_for(&t, 50 * NS_PER_MS);
	assert_int_equal(t.stage.figures.requests - before, handled);
	/* Once it reads, it gets everything. */
	for (int i = 0; i < ASKED; i++)
		assert_true(fetch_answer(&t, fd, i) > 400000);
	close(fd);
	stage_end(&t);
}

/* What they do not read is in the stage's memory: of all of them together no more than a limit. Who
 * needs little is served all the same: others could keep the memory for minutes. */
static void test_answers_that_nobody_reads_are_bounded_for_all_connections(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, NULL, 0);
	stage_topic(&t, "many", 10000, 1);
	int fd = client_open(&t, 0);
	const struct metadata_request all = { .topics.count = -1 }, none = { 0 };
	struct metadata_response response;
	client_request(&t, fd, API_METADATA, 5, 1, &all);
	assert_int_equal(client_answer(&t, fd, API_METADATA, 5, &response), 1);
	TURN_UNTIL(&t, t.stage.answer_bytes == 0);
	/* As if others had left so much unread. */
	t.stage.answer_bytes = STAGE_ANSWER_BYTES_MAX;
	client_request(&t, fd, API_METADATA, 5, 2, &none);
	assert_int_equal(client_answer(&t, fd, API_METADATA, 5, &response), 2);
	client_request(&t, fd, API_METADATA, 5, 3, &all);
	assert_true(client_sees_end(&t, fd));
	assert_true(said(&t, "not read"));
	TURN_UNTIL(&t, t.stage.session_count == 0);
	assert_int_equal(t.stage.answer_bytes, STAGE_ANSWER_BYTES_MAX);
	t.stage.answer_bytes = 0;
	close(fd);
	/* Answers that are lost with their connection are not counted any more. */
	fd = client_open(&t, 0);
	for (int i = 0; i < 100; i++)
		client_request(&t, fd, API_METADATA, 5, 2, &all);
	turn_for(&t, 50 * NS_PER_MS);
	TURN_UNTIL(&t, t.stage.answer_bytes > 0);
	close(fd);
	TURN_UNTIL(&t, t.stage.session_count == 0);
	assert_int_equal(t.stage.answer_bytes, 0);
	stage_end(&t);
}

static void test_large_requests_of_others_do_not_keep_out_small_ones(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, NULL, 0);
	t.stage.exchange_bytes = STAGE_EXCHANGE_BYTES_MAX + 1;
	int fd = client_open(&t, 0);
	const struct metadata_request none = { 0 };
	struct metadata_response response;
	client_request(&t, fd, API_METADATA, 5, 1, &none);
	assert_int_equal(client_answer(&t, fd, API_METADATA, 5, &response), 1);
	struct produce_response produced;
	produce_send(&t, fd, 2, make_batch(batch, sizeof batch, 500, 1000));
	assert_int_equal(client_answer(&t, fd, API_PRODUCE, PRODUCE_VERSION, &produced), 2);
	/* A large one has to find memory. */
	static struct metadata_request_topic topics[20000];
	for (size_t i = 0; i < COUNT_OF(topics); i++)
		topics[i].name = STRING("t");
	const struct metadata_request many = { .topics = { topics, COUNT_OF(topics) } };
	client_request(&t, fd, API_METADATA, 5, 3, &many);
	assert_true(client_sees_end(&t, fd));
	TURN_UNTIL(&t, t.stage.session_count == 0);
	assert_int_equal(t.stage.exchange_bytes, STAGE_EXCHANGE_BYTES_MAX + 1);
	t.stage.exchange_bytes = 0;
	close(fd);
	stage_end(&t);
}

static void test_client_that_leaves_while_a_fetch_waits(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, NULL, 0);
	int fd = client_open(&t, 0);
	fetch_send(&t, fd, 1, "t", 1, 30000);
	TURN_UNTIL(&t, t.stage.figures.requests == 1);
	close(fd);
	TURN_UNTIL(&t, t.stage.session_count == 0);
	fd = client_open(&t, 0);
	fetch_send(&t, fd, 1, "t", 1, 30000);
	TURN_UNTIL(&t, t.stage.figures.requests == 2);
	assert_int_equal(stage_node_down(&t.stage, 0), 0);
	TURN_UNTIL(&t, t.stage.session_count == 0);
	assert_int_equal(t.stage.exchange_bytes, 0);
	close(fd);
	stage_end(&t);
}

static void test_idle_connections_are_closed(void **state)
{
	(void)state;
	struct test_stage t;
	struct stage_options options = stage_test_options();
	struct property_pair property = { STRING("connections.max.idle.ms"), STRING("10") };
	options.properties = &property;
	options.property_count = 1;
	stage_begin(&t, &options);
	int fd = client_open(&t, 0);
	TURN_UNTIL(&t, t.stage.session_count == 1);
	assert_true(client_sees_end(&t, fd));
	assert_int_equal(t.stage.session_count, 0);
	close(fd);
	stage_end(&t);
}

/* Those behind it in the list of idle ones would have to wait for it. */
static void test_records_that_come_are_no_idleness(void **state)
{
	(void)state;
	enum { RECORDS_LAST_VERSION = 8 }; /* no bytes behind them */
	struct test_stage t;
	begin(&t, NULL, 0);
	struct produce_one p;
	size_t size = make_batch(batch, sizeof batch, 500, 1000);
	size_t frame_size = client_request_write(
		&t, API_PRODUCE, RECORDS_LAST_VERSION, 1, produce_one(&p, -1, "t", 0, batch, size));
	int busy = client_open(&t, 0);
	client_send(&t, busy, t.frame, 20000);
	TURN_UNTIL(&t, t.stage.session_count == 1);
	struct session *session =
		CONTAINER_OF(t.stage.nodes[0].sessions.next, struct session, sibling);
	TURN_UNTIL(&t, session->reading == SESSION_PRODUCE);
	int idle = client_open(&t, 0);
	TURN_UNTIL(&t, t.stage.session_count == 2);
	assert_ptr_equal(t.stage.idle_sessions.next, &session->idle);
	client_send(&t, busy, t.frame + 20000, frame_size - 20000);
	struct produce_response response;
	assert_int_equal(client_answer(&t, busy, API_PRODUCE, RECORDS_LAST_VERSION, &response), 1);
	assert_ptr_equal(t.stage.idle_sessions.previous, &session->idle);
	close(busy);
	close(idle);
	stage_end(&t);
}

static void test_connections_above_the_limit_are_refused(void **state)
{
	(void)state;
	struct test_stage t;
	struct stage_options options = stage_test_options();
	struct property_pair property = { STRING("max.connections"), STRING("2") };
	options.properties = &property;
	options.property_count = 1;
	stage_begin(&t, &options);
	stage_topic(&t, "t", 1, 1);
	int fds[3];
	for (int i = 0; i < 3; i++) {
		fds[i] = client_open(&t, 0);
		turn_for(&t, NS_PER_MS);
	}
	assert_true(client_sees_end(&t, fds[2]));
	assert_int_equal(t.stage.session_count, 2);
	assert_true(said(&t, "max.connections"));
	close(fds[0]);
	TURN_UNTIL(&t, t.stage.session_count == 1);
	close(fds[2]);
	fds[2] = client_open(&t, 0);
	fetch_send(&t, fds[2], 7, "t", 1, 0);
	fetch_answer(&t, fds[2], 7);
	close(fds[1]);
	close(fds[2]);
	stage_end(&t);
}

static void test_connects_and_lines_come_in_thousands(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, NULL, 0);
	static uint8_t frame[1 << 16];
	size_t size = raw_frame(frame, 10, 999, 0, -1, 0);
	int64_t start_ns = clock_monotonic_ns();
	for (int i = 0; i < 3000; i++) {
		int fd = client_open(&t, 0);
		client_send(&t, fd, frame, size);
		if (i % 16 == 0)
			turn(&t, 0);
		close(fd);
	}
	TURN_UNTIL(&t, t.stage.figures.sessions == 3000 && t.stage.session_count == 0);
	int64_t seconds = (clock_monotonic_ns() - start_ns) / NS_PER_S + 2;
	assert_in_range(t.line_count, 1, seconds * (STAGE_LOG_LINES_MAX + 1));
	stage_end(&t);
}

static void test_idle_connection_is_small(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, NULL, 0);
	enum { COUNT = 300 };
	static int fds[COUNT];
	struct mallinfo2 before = mallinfo2();
	for (int i = 0; i < COUNT; i++) {
		fds[i] = client_open(&t, 0);
		fetch_send(&t, fds[i], 1, "t", 4, 0);
		fetch_answer(&t, fds[i], 1);
	}
	TURN_UNTIL(&t, t.stage.session_count == COUNT);
	struct mallinfo2 after = mallinfo2();
	if (after.uordblks > 0) /* 0 where a sanitizer has taken malloc's place */
		assert_in_range(after.uordblks - before.uordblks, 1, (size_t)COUNT * 12 * 1024);
	for (int i = 0; i < COUNT; i++)
		close(fds[i]);
	stage_end(&t);
}

/* ---- faults and quotas ---- */

static void test_fault_disconnects_before_or_after(void **state)
{
	(void)state;
	struct test_stage t;
	const char *rules[] = { "api=Produce:disconnect=before:count=1",
		"api=Produce:disconnect=after:count=1,skip=1" };
	begin(&t, rules, 2);
	size_t size = make_batch(batch, sizeof batch, 1, 10);
	for (int64_t kept = 0; kept < 2; kept++) {
		int fd = client_open(&t, 0);
		produce_send(&t, fd, 1, size);
		assert_true(client_sees_end(&t, fd));
		assert_int_equal(t.stage.figures.records, kept);
		close(fd);
	}
	assert_true(said(&t, "fault"));
	stage_end(&t);
}

static void test_fault_spoils_the_answer(void **state)
{
	(void)state;
	struct test_stage t;
	const char *rules[] = { "api=Fetch:half:count=1", "api=Fetch:garbage=body:count=1,skip=1" };
	begin(&t, rules, 2);
	int fd = client_open(&t, 0);
	fetch_send(&t, fd, 1, "t", 4, 0);
	uint8_t head[8];
	assert_int_equal(client_receive(&t, fd, head, sizeof head, PATIENCE_NS), 0);
	uint32_t size;
	memcpy(&size, head, sizeof size);
	size = __builtin_bswap32(size);
	assert_int_equal(
		client_receive(&t, fd, t.frame, (size + 4) / 2 - sizeof head, PATIENCE_NS), 0);
	assert_true(client_sees_end(&t, fd));
	close(fd);
	fd = client_open(&t, 0);
	fetch_send(&t, fd, 0x01020304, "t", 4, 0);
	assert_int_equal(client_frame(&t, fd, PATIENCE_NS), size);
	assert_memory_equal(t.frame, "\1\2\3\4", 4);
	fetch_send(&t, fd, 5, "t", 4, 0);
	fetch_answer(&t, fd, 5);
	close(fd);
	stage_end(&t);
}

static void test_fault_delays_and_throttles(void **state)
{
	(void)state;
	struct test_stage t;
	const char *rules[] = { "api=Produce:delay=40ms:count=1",
		"api=Produce:throttle=40ms:count=1,skip=1" };
	begin(&t, rules, 2);
	int fd = client_open(&t, 0);
	size_t size = make_batch(batch, sizeof batch, 1, 10);
	struct produce_response response;
	int64_t start_ns = clock_monotonic_ns();
	for (int i = 0; i < 3; i++)
		produce_send(&t, fd, i, size);
	client_answer(&t, fd, API_PRODUCE, PRODUCE_VERSION, &response);
	assert_true(clock_monotonic_ns() - start_ns >= 40 * NS_PER_MS);
	assert_int_equal(response.throttle_time_ms, 0);
	/* The second is answered at once, and says that the third has to wait. */
	assert_int_equal(client_answer(&t, fd, API_PRODUCE, PRODUCE_VERSION, &response), 1);
	assert_int_equal(response.throttle_time_ms, 40);
	assert_int_equal(client_answer(&t, fd, API_PRODUCE, PRODUCE_VERSION, &response), 2);
	assert_true(clock_monotonic_ns() - start_ns >= 80 * NS_PER_MS);
	close(fd);
	stage_end(&t);
}

static void test_quota_throttles_and_mutes(void **state)
{
	(void)state;
	struct test_stage t;
	struct stage_options options = stage_test_options();
	options.quota_bytes_per_second[QUOTA_PRODUCE] = 100000;
	stage_begin(&t, &options);
	stage_topic(&t, "t", 1, 1);
	int fd = client_open(&t, 0);
	size_t size = make_batch(batch, sizeof batch, 900, 1000);
	struct produce_response response;
	int32_t throttle_ms = 0;
	for (int i = 0; i < 4 && !throttle_ms; i++) {
		produce_send(&t, fd, i, size);
		client_answer(&t, fd, API_PRODUCE, PRODUCE_VERSION, &response);
		throttle_ms = response.throttle_time_ms;
	}
	assert_true(throttle_ms > 0);
	uint64_t before = t.stage.figures.requests;
	fetch_send(&t, fd, 9, "t", 1, 0);
	turn_for(&t, MIN(throttle_ms / 2, 50) * NS_PER_MS);
	assert_int_equal(t.stage.figures.requests, before);
	close(fd);
	stage_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_large_request_is_read_in_any_pieces),
		cmocka_unit_test(test_small_requests_split_everywhere),
		cmocka_unit_test(test_what_no_broker_answers_ends_the_connection),
		cmocka_unit_test(test_bytes_behind_a_body_end_the_connection),
		cmocka_unit_test(test_unknown_version_of_api_versions_is_told_the_known_ones),
		cmocka_unit_test(test_waiting_fetch_holds_back_what_is_behind_it),
		cmocka_unit_test(test_service_model_lets_requests_pass_and_answers_in_order),
		cmocka_unit_test(test_client_that_stops_reading_is_not_read_either),
		cmocka_unit_test(test_answers_that_nobody_reads_are_bounded_for_all_connections),
		cmocka_unit_test(test_large_requests_of_others_do_not_keep_out_small_ones),
		cmocka_unit_test(test_client_that_leaves_while_a_fetch_waits),
		cmocka_unit_test(test_idle_connections_are_closed),
		cmocka_unit_test(test_records_that_come_are_no_idleness),
		cmocka_unit_test(test_connections_above_the_limit_are_refused),
		cmocka_unit_test(test_connects_and_lines_come_in_thousands),
		cmocka_unit_test(test_idle_connection_is_small),
		cmocka_unit_test(test_fault_disconnects_before_or_after),
		cmocka_unit_test(test_fault_spoils_the_answer),
		cmocka_unit_test(test_fault_delays_and_throttles),
		cmocka_unit_test(test_quota_throttles_and_mutes),
	};
	return RUN_TESTS(tests);
}
