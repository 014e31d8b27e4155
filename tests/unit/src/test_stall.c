/*
 * Shows, in virtual time: clients that keep records of a full store and do not read them, or do not
 * send them, lose their connections, and others can produce again; clients that are only slow, and
 * those that stand still while there is room, keep theirs.
 */
#include "stage_test.h"

#include "io/sim.h"
#include "proto/fetch.h"

#define PRODUCE_VERSION 12
#define FETCH_VERSION   12
#define STORE_SIZE      ((size_t)16 << 20)
#define BATCHES         24 /* more than the store keeps */
#define BATCH_RECORDS   900
#define STALLED         40
#define STALLED_SEND    20000 /* bytes, of more than 900000 */
#define SLOW_NS         (4 * NS_PER_S)
#define SLOW_SEND       5000

static uint8_t batch[1 << 20];

struct peer {
	struct stream stream;
	bool live, reads;
	struct send send;
	struct iovec iov;
	bool sending;
	size_t got;
	uint8_t answer[4096]; /* its beginning */
};

struct world {
	struct test_stage t;
	struct sim *sim;
	struct peer stalled[STALLED], slow, maker;
	uint8_t *frame; /* of the records that come slowly, or not */
	size_t frame_size, sent;
};

/* ---- clients on the simulated network ---- */

static void peer_opened(struct stream *stream, int result)
{
	(void)stream;
	assert_int_equal(result, 0);
}

static size_t peer_received(
	struct stream *stream, const uint8_t *data, size_t size, int64_t arrived_ns)
{
	(void)arrived_ns;
	struct peer *peer = CONTAINER_OF(stream, struct peer, stream);
	for (size_t i = 0; i < size && peer->got + i < sizeof peer->answer; i++)
		peer->answer[peer->got + i] = data[i];
	peer->got += size;
	if (!peer->reads)
		stream_pause(stream);
	return size;
}

static void peer_closed(struct stream *stream, int reason)
{
	(void)reason;
	CONTAINER_OF(stream, struct peer, stream)->live = false;
}

static const struct stream_events peer_events = {
	.opened = peer_opened,
	.received = peer_received,
	.closed = peer_closed,
};

static void peer_sent(struct send *send, int result)
{
	(void)result;
	CONTAINER_OF(send, struct peer, send)->sending = false;
}

static void pass(struct world *w, int64_t duration_ns)
{
	int64_t until_ns = sim_now_ns(w->sim) + duration_ns;
	while (sim_now_ns(w->sim) < until_ns)
		assert_true(loop_turn(w->t.loop, until_ns) >= 0);
}

static void peer_open(struct world *w, struct peer *peer, bool reads)
{
	struct address address;
	assert_int_equal(address_resolve("127.0.0.1", stage_port(&w->t.stage, 0), &address, 1), 1);
	*peer = (struct peer){ .live = true, .reads = reads };
	assert_int_equal(stream_connect(w->t.loop, &peer->stream, &address, NULL, &peer_events), 0);
}

static void peer_send(struct world *w, struct peer *peer, uint8_t *data, size_t size)
{
	peer->iov = (struct iovec){ data, size };
	peer->send = (struct send){ .done = peer_sent, .iov = &peer->iov, .count = 1 };
	peer->sending = true;
	stream_send(&peer->stream, &peer->send);
	for (int i = 0; i < 3000 && peer->sending; i++)
		pass(w, NS_PER_MS);
	assert_false(peer->sending);
}

static void peer_close(struct world *w, struct peer *peer)
{
	if (peer->live)
		stream_close(&peer->stream);
	while (peer->live)
		pass(w, NS_PER_MS);
}

/* The error of the maker's batch, once it is answered. */
static int16_t make(struct world *w)
{
	struct produce_one p;
	struct produce_response response;
	size_t size = make_batch(batch, sizeof batch, BATCH_RECORDS, 1000);
	size = client_request_write(
		&w->t, API_PRODUCE, PRODUCE_VERSION, 1, produce_one(&p, -1, "t", 0, batch, size));
	w->maker.got = 0;
	peer_send(w, &w->maker, w->t.frame, size);
	for (int i = 0; i < 3000 && w->maker.got == 0; i++)
		pass(w, NS_PER_MS);
	assert_in_range(w->maker.got, 5, sizeof w->maker.answer);
	struct reader r;
	int32_t correlation_id;
	arena_reset(&w->t.arena);
	reader_init_flat(&r, w->maker.answer + 4, (int32_t)w->maker.got - 4, &w->t.arena);
	assert_int_equal(
		response_header_read(&r, API_PRODUCE, PRODUCE_VERSION, &correlation_id), 0);
	assert_int_equal(response_body_read(&r, API_PRODUCE, PRODUCE_VERSION, &response), 0);
	return produce_only(&response)->error_code;
}

static void fetch(struct world *w, struct peer *peer, int64_t offset)
{
	struct fetch_request request;
	message_reset(&fetch_request_message, &request);
	request.replica_id = -1;
	request.max_bytes = 1 << 20;
	request.session_epoch = -1;
	struct fetch_partition partition = {
		.current_leader_epoch = -1,
		.last_fetched_epoch = -1,
		.fetch_offset = offset,
		.log_start_offset = -1,
		.partition_max_bytes = 1 << 20,
	};
	struct fetch_topic topic = { .topic = STRING("t") };
	topic.partitions.items = &partition;
	topic.partitions.count = 1;
	request.topics.items = &topic;
	request.topics.count = 1;
	size_t size = client_request_write(&w->t, API_FETCH, FETCH_VERSION, 1, &request);
	peer_send(w, peer, w->t.frame, size);
	pass(w, NS_PER_MS);
}

/* ---- the world ---- */

static struct world *begin(void)
{
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	struct sim_options sim_options = { .seed = 3 };
	w->sim = sim_open(&sim_options);
	assert_non_null(w->sim);
	struct test_stage *t = &w->t;
	t->options = stage_test_options();
	t->options.store_size = STORE_SIZE;
	t->options.say = keep_line;
	t->options.say_context = t;
	t->options.wall_offset_ns = clock_wall_ns() - sim_now_ns(w->sim);
	struct loop_options loop_options = { .sim = w->sim };
	char why[STAGE_REASON_SIZE], loop_why[LOOP_TEXT_SIZE];
	assert_int_equal(loop_open(&loop_options, &t->loop, loop_why), 0);
	assert_int_equal(stage_open(&t->stage, t->loop, &t->options, why), 0);
	arena_init(&t->arena, (size_t)64 << 20);
	t->frame = malloc((size_t)FRAME_MAX);
	assert_non_null(t->frame);
	stage_topic(t, "t", 1, 1);
	peer_open(w, &w->maker, true);
	for (int i = 0; i < BATCHES; i++)
		assert_int_equal(make(w), 0);
	return w;
}

static void end(struct world *w)
{
	for (int i = 0; i < STALLED; i++)
		peer_close(w, &w->stalled[i]);
	peer_close(w, &w->slow);
	peer_close(w, &w->maker);
	pass(w, NS_PER_S);
	assert_int_equal(w->t.stage.session_count, 0);
	stage_end(&w->t);
	sim_close(w->sim);
	free(w->frame);
	free(w);
}

/* Fetchers, spread over all that the log has: none reads more than the first bytes. */
static void stall_fetchers(struct world *w)
{
	const struct partition_log *log =
		&catalog_topic_named(&w->t.stage.catalog, STRING("t"))->partitions[0]->log;
	int64_t count = (log->end_offset - log->start_offset) / BATCH_RECORDS;
	assert_true(count > 4);
	for (int i = 0; i <= STALLED; i++) {
		struct peer *peer = i < STALLED ? &w->stalled[i] : &w->slow;
		peer_open(w, peer, false);
		fetch(w, peer, log->start_offset + i % count * BATCH_RECORDS);
	}
}

static void slow_reads(struct world *w)
{
	stream_resume(&w->slow.stream);
}

/* Producers that announce a batch and send its beginning. */
static void stall_producers(struct world *w)
{
	struct produce_one p;
	size_t size = make_batch(batch, sizeof batch, BATCH_RECORDS, 1000);
	w->frame_size = client_request_write(
		&w->t, API_PRODUCE, PRODUCE_VERSION, 1, produce_one(&p, -1, "t", 0, batch, size));
	w->frame = malloc(w->frame_size);
	assert_non_null(w->frame);
	memcpy(w->frame, w->t.frame, w->frame_size);
	peer_open(w, &w->slow, true);
	peer_send(w, &w->slow, w->frame, STALLED_SEND);
	w->sent = STALLED_SEND;
	for (int i = 0; i < STALLED; i++) {
		peer_open(w, &w->stalled[i], true);
		peer_send(w, &w->stalled[i], w->frame, STALLED_SEND);
	}
	pass(w, NS_PER_MS);
}

static void slow_sends(struct world *w)
{
	peer_send(w, &w->slow, w->frame + w->sent, SLOW_SEND);
	w->sent += SLOW_SEND;
}

static void stalled_clients_lose_a_full_store(
	void (*stall)(struct world *), void (*slow_moves)(struct world *), const char *words)
{
	struct world *w = begin();
	stall(w);
	/* Nobody asks for room: they do no harm. */
	for (int i = 0; i < 8; i++) {
		pass(w, SLOW_NS);
		slow_moves(w);
	}
	assert_int_equal(w->t.stage.session_count, STALLED + 2);
	int64_t start_ns = sim_now_ns(w->sim), slow_ns = start_ns;
	int16_t error_code;
	do {
		if (sim_now_ns(w->sim) - slow_ns >= SLOW_NS) {
			slow_ns += SLOW_NS;
			slow_moves(w);
		}
		error_code = make(w);
		assert_true(error_code == 0 || error_code == ERROR_KAFKA_STORAGE_ERROR);
	} while ((error_code != 0 || !said(&w->t, words)) &&
		 sim_now_ns(w->sim) - start_ns < 60 * NS_PER_S);
	assert_int_equal(error_code, 0);
	assert_true(said(&w->t, words));
	assert_true(sim_now_ns(w->sim) - start_ns < STAGE_STALL_NS + 4 * NS_PER_S);
	assert_true(w->t.stage.session_count < STALLED);
	/* Who reads no more does not notice an end. */
	size_t got = w->slow.got;
	slow_moves(w);
	pass(w, NS_PER_S);
	assert_true(w->slow.live);
	assert_true(w->slow.got > got || slow_moves == slow_sends);
	assert_true(w->maker.live);
	end(w);
}

static void test_who_does_not_read_loses_a_full_store(void **state)
{
	(void)state;
	stalled_clients_lose_a_full_store(stall_fetchers, slow_reads,
		"closed: it held records of a full store and did not read for 10 s");
}

static void test_who_does_not_send_loses_a_full_store(void **state)
{
	(void)state;
	stalled_clients_lose_a_full_store(stall_producers, slow_sends,
		"closed: it held records of a full store and did not send for 10 s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_does_not_read_loses_a_full_store),
		cmocka_unit_test(test_who_does_not_send_loses_a_full_store),
	};
	return RUN_TESTS(tests);
}
