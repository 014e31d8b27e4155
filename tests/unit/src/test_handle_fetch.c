/*
 * Fetch as a client sees it: the handler over a real catalog, real logs and a real loop, with an
 * exchange of this file's own that encodes each answer in its version and reads it back.
 */
#include "../test.h"

#include <stdio.h>

#include "../../../src/broker/handle_fetch.h"
#include "../../../src/broker/stage.h"

#define STORE_SIZE     ((size_t)64 << 20)
#define NODES          3
#define ANSWER_SIZE    (8 << 20)
#define HOLDS_MAX      256
#define ASKED_MAX      16
#define VALUE_SIZE     100
#define BATCH_SIZE     (BATCH_HEADER_SIZE + 8 + VALUE_SIZE) /* of one record of that value */
#define LAST           18
#define FIRST          4
#define BY_ID          13
#define WAIT_MS        30
#define READ_COMMITTED 1

struct fixture {
	struct stage *stage;
	struct arena memory; /* of the exchange */
	struct exchange x;
	struct slab *held[HOLDS_MAX];
	int held_count;

	/* What came of it. */
	int answers;
	const char *dropped;
	bool deferred;
	uint8_t *frame;
	struct arena read; /* of the answer */
	struct fetch_response response;

	/* What the rules say. */
	int32_t fault_partition;
	int16_t fault;
	bool fault_applied, fault_disconnects;

	/* The request that is being put together. */
	struct fetch_request request;
	struct fetch_topic topics[ASKED_MAX];
	struct fetch_partition partitions[ASKED_MAX];
	struct fetch_forgotten_topic forgotten;
	int32_t forgotten_partition;
};

static struct fixture *fixture_of(struct exchange *x)
{
	return CONTAINER_OF(x, struct fixture, x);
}

/* ---- an exchange, in place of exchange.c ---- */

void *exchange_alloc(struct exchange *x, size_t size)
{
	void *memory = arena_alloc(x->arena, size);
	assert_non_null(memory);
	return memory;
}

bool exchange_full(const struct exchange *x)
{
	(void)x;
	return false;
}

void exchange_hold(struct exchange *x, struct slab *slab)
{
	struct fixture *f = fixture_of(x);
	assert_true(f->held_count < HOLDS_MAX);
	f->held[f->held_count++] = slab;
}

static void exchange_over(struct fixture *f)
{
	for (int i = 0; i < f->held_count; i++)
		slab_release(f->held[i]);
	f->held_count = 0;
	arena_reset(&f->memory);
}

void exchange_answer(struct exchange *x, void *body)
{
	struct fixture *f = fixture_of(x);
	struct writer w;
	struct reader r;
	int32_t correlation_id;
	f->answers++;
	writer_init(&w, f->frame, ANSWER_SIZE, NULL, 0);
	int32_t size = response_write(&w, API_FETCH, x->version, 77, body);
	if (size < 0)
		print_error("%s.%s: %s\n", w.message, w.field, w.reason);
	assert_true(size > 0);
	exchange_over(f);
	reader_init_flat(&r, f->frame, size, &f->read);
	reader_int32(&r);
	assert_int_equal(response_header_read(&r, API_FETCH, x->version, &correlation_id), 0);
	assert_int_equal(response_body_read(&r, API_FETCH, x->version, &f->response), 0);
}

void exchange_drop(struct exchange *x, const char *reason)
{
	fixture_of(x)->dropped = reason;
	exchange_over(fixture_of(x));
}

void exchange_defer(struct exchange *x, void (*cancelled)(struct exchange *), void *data)
{
	fixture_of(x)->deferred = true;
	x->cancelled = cancelled;
	x->handler_data = data;
}

int16_t exchange_fault(struct exchange *x, struct string topic, int32_t partition, bool *applied)
{
	struct fixture *f = fixture_of(x);
	*applied = false;
	if (!string_equal(topic, STRING("t")) || partition != f->fault_partition)
		return 0;
	*applied = f->fault_applied;
	x->plan.disconnect_before |= f->fault_disconnects;
	return f->fault;
}

/* ---- a stage ---- */

static void partition_changed(void *owner, struct catalog_partition *p, bool gone)
{
	(void)owner;
	fetch_partition_changed(p, gone);
}

static const struct catalog_events events = { partition_changed };

static void stage_make(struct stage *stage, size_t store_size)
{
	char why[LOOP_TEXT_SIZE];
	struct loop_options options = { 0 };
	assert_int_equal(loop_open(&options, &stage->loop, why), 0);
	assert_int_equal(store_open(&stage->store, store_size, 1 << 20), 0);
	assert_int_equal(catalog_init(&stage->catalog, &stage->store, 1), 0);
	stage->catalog.events = &events;
	stage->catalog.node_count = NODES;
	for (int32_t i = 0; i < NODES; i++) {
		struct catalog_node *node = &stage->catalog.nodes[i];
		*node = (struct catalog_node){ .id = i, .port = (uint16_t)(9000 + i), .up = true };
		snprintf(node->host, sizeof node->host, "host-%d", i);
		assert_int_equal(fetch_sessions_open(&stage->nodes[i].fetch_sessions, 10, 1), 0);
	}
}

static int set_up_sized(void **state, size_t store_size)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->stage = calloc(1, sizeof *f->stage);
	f->frame = malloc(ANSWER_SIZE);
	arena_init(&f->memory, (size_t)16 << 20);
	arena_init(&f->read, (size_t)16 << 20);
	stage_make(f->stage, store_size);
	*state = f;
	return 0;
}

static int set_up(void **state)
{
	return set_up_sized(state, STORE_SIZE);
}

static int set_up_null(void **state)
{
	return set_up_sized(state, 0);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	exchange_over(f);
	catalog_free(&f->stage->catalog);
	store_close(&f->stage->store);
	for (int32_t i = 0; i < NODES; i++)
		fetch_sessions_close(f->stage->nodes[i].fetch_sessions);
	quotas_close(f->stage->quotas);
	loop_close(f->stage->loop);
	arena_free(&f->memory);
	arena_free(&f->read);
	free(f->frame);
	free(f->stage);
	free(f);
	return 0;
}

/* A topic of so many partitions, each with the replicas 0 and 1, led by 0. */
static struct catalog_topic *topic_make(struct fixture *f, const char *name, int32_t count)
{
	static int32_t replicas[] = { 0, 1 };
	struct creatable_replica_assignment assignments[ASKED_MAX];
	char why[CATALOG_WHY_SIZE];
	struct topic_outcome outcome;
	for (int32_t i = 0; i < count; i++)
		assignments[i] = (struct creatable_replica_assignment){ .partition_index = i,
			.broker_ids = { replicas, COUNT_OF(replicas) } };
	struct creatable_topic request = { .name = string_of(name),
		.num_partitions = -1,
		.replication_factor = -1,
		.assignments = { assignments, count } };
	assert_int_equal(
		catalog_topic_create(&f->stage->catalog, &request, false, &outcome, why), 0);
	assert_int_equal(outcome.topic->partitions[0]->leader, 0);
	return outcome.topic;
}

/* Appends batches of one record each. */
static void append(struct fixture *f, struct catalog_topic *topic, int32_t partition, int count)
{
	struct catalog_partition *p = topic->partitions[partition];
	static const uint8_t value[VALUE_SIZE];
	for (int i = 0; i < count; i++) {
		uint8_t memory[2 * BATCH_SIZE];
		struct batch_builder b;
		struct store_space space = { 0 };
		struct append_batch batch;
		struct append_result result;
		batch_begin(&b, memory, sizeof memory, 1000);
		assert_true(batch_append(
			&b, 1000, NULL_BYTES, (struct bytes){ value, VALUE_SIZE }, NULL, 0));
		ssize_t size = batch_finish(&b, &BATCH_SEAL_PLAIN, NULL, 0);
		assert_true(size > 0);
		append_batch_read(&batch, memory, (size_t)size, (int32_t)size);
		if (!f->stage->store.null) {
			assert_int_equal(store_reserve(&f->stage->store, (size_t)size, &space), 0);
			memcpy(space.data, memory, (size_t)size);
			batch.data = space.data;
			batch.space = &space;
		}
		partition_log_append(&p->log, &batch, &topic->rules, 1000, &result);
		assert_int_equal(result.error_code, 0);
		if (batch.space)
			store_release(&f->stage->store, &space);
	}
	catalog_partition_appended(&f->stage->catalog, p);
}

static int32_t batch_size(struct fixture *f, struct catalog_topic *topic)
{
	append(f, topic, 0, 1);
	return (int32_t)topic->partitions[0]->log.bytes;
}

/* ---- a request ---- */

static void ask(struct fixture *f, int version)
{
	f->request = (struct fetch_request){ .replica_id = -1,
		.replica_state = { -1, -1 },
		.cluster_id = NULL_STRING,
		.max_bytes = INT32_MAX,
		.min_bytes = 1,
		.session_epoch = -1,
		.topics = { f->topics, 0 } };
	f->x = (struct exchange){ .stage = f->stage,
		.api = API_FETCH,
		.version = version,
		.client_id = STRING("test"),
		.body = &f->request,
		.arena = &f->memory,
		.now_ns = loop_now_ns(f->stage->loop) };
	f->answers = 0;
	f->deferred = false;
	f->dropped = NULL;
}

/* The partition is the last one asked for. */
static struct fetch_partition *add(
	struct fixture *f, const struct catalog_topic *topic, int32_t partition, int64_t offset)
{
	int32_t i = f->request.topics.count++;
	f->partitions[i] = (struct fetch_partition){ .partition = partition,
		.current_leader_epoch = -1,
		.fetch_offset = offset,
		.last_fetched_epoch = -1,
		.log_start_offset = -1,
		.partition_max_bytes = 1 << 20 };
	f->topics[i] = (struct fetch_topic){ .topic = string_of(topic->name),
		.topic_id = topic->id,
		.partitions = { &f->partitions[i], 1 } };
	return &f->partitions[i];
}

static void send_request(struct fixture *f)
{
	handle_fetch(&f->x);
}

/* Turns the loop until the answer is there; returns when, in ns after the request. */
static int64_t await(struct fixture *f)
{
	int64_t start_ns = f->x.now_ns;
	int64_t until_ns = loop_clock_ns(f->stage->loop) + 5 * NS_PER_S;
	assert_true(f->deferred);
	while (f->answers == 0 && loop_clock_ns(f->stage->loop) < until_ns)
		assert_true(loop_turn(f->stage->loop, until_ns) >= 0);
	assert_int_equal(f->answers, 1);
	return loop_clock_ns(f->stage->loop) - start_ns;
}

/* The only partition of the answer. */
static struct fetch_partition_response *only(struct fixture *f)
{
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->response.error_code, 0);
	assert_int_equal(f->response.responses.count, 1);
	assert_int_equal(f->response.responses.items[0].partitions.count, 1);
	return &f->response.responses.items[0].partitions.items[0];
}

/* "0:264 1:0": partitions and bytes of records. */
static const char *summary(struct fixture *f)
{
	static char text[512];
	size_t size = 0;
	text[0] = 0;
	for (int32_t i = 0; i < f->response.responses.count; i++) {
		const struct fetch_topic_response *t = &f->response.responses.items[i];
		for (int32_t k = 0; k < t->partitions.count; k++) {
			const struct fetch_partition_response *p = &t->partitions.items[k];
			size += (size_t)snprintf(text + size, sizeof text - size, "%s%d:%d",
				size ? " " : "", p->partition_index, p->records.size);
		}
	}
	return text;
}

/* ---- reading ---- */

static void test_every_version_reads_what_was_appended(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 2);
	int32_t size = batch_size(f, topic);
	append(f, topic, 0, 2);
	for (int version = FIRST; version <= LAST; version++) {
		ask(f, version);
		add(f, topic, 0, 1);
		send_request(f);
		const struct fetch_partition_response *p = only(f);
		assert_int_equal(p->error_code, 0);
		assert_int_equal(p->records.size, 2 * size);
		assert_int_equal(p->high_watermark, 3);
		assert_int_equal(p->last_stable_offset, 3);
		assert_int_equal(p->log_start_offset, version >= 5 ? 0 : -1);
		assert_int_equal(p->preferred_read_replica, -1);
		struct batch_header header;
		assert_int_equal(batch_header_read(p->records.segments[0].iov_base,
					 (size_t)p->records.size, &header),
			0);
		assert_int_equal(header.base_offset, 1);
		const struct fetch_topic_response *t = &f->response.responses.items[0];
		if (version >= BY_ID)
			assert_memory_equal(&t->topic_id, &topic->id, sizeof topic->id);
		else
			assert_true(string_equal(t->topic, STRING("t")));
		assert_int_equal(f->response.session_id, 0);
	}
}

static void test_partitions_of_a_topic_stand_together(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *a = topic_make(f, "a", 2), *b = topic_make(f, "b", 1);
	ask(f, LAST);
	add(f, a, 1, 0);
	add(f, a, 0, 0);
	add(f, b, 0, 0);
	add(f, a, 1, 0);
	send_request(f);
	assert_int_equal(f->response.responses.count, 3);
	assert_string_equal(summary(f), "1:0 0:0 0:0 1:0");
}

static void test_only_read_committed_hears_of_aborted_transactions(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	for (int8_t isolation = 0; isolation <= READ_COMMITTED; isolation++) {
		ask(f, LAST);
		f->request.isolation_level = isolation;
		add(f, topic, 0, 0);
		send_request(f);
		assert_int_equal(
			only(f)->aborted_transactions.count, isolation == READ_COMMITTED ? 0 : -1);
	}
}

static void test_a_null_store_has_nothing(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	append(f, topic, 0, 3);
	ask(f, LAST);
	add(f, topic, 0, topic->partitions[0]->log.end_offset);
	send_request(f);
	assert_int_equal(only(f)->records.size, 0);
	assert_int_equal(only(f)->error_code, 0);
}

/* ---- limits ---- */

static void test_the_first_batch_comes_however_large(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 3);
	int32_t size = batch_size(f, topic);
	char want[64];
	append(f, topic, 1, 5);
	append(f, topic, 2, 5);
	ask(f, LAST);
	f->request.max_bytes = 1;
	add(f, topic, 0, 1); /* nothing there */
	add(f, topic, 1, 0)->partition_max_bytes = 1;
	add(f, topic, 2, 0);
	send_request(f);
	snprintf(want, sizeof want, "0:0 1:%d 2:0", size);
	assert_string_equal(summary(f), want);
}

static void test_max_bytes_bound_the_answer_and_each_partition(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 3);
	int32_t size = batch_size(f, topic);
	char want[64];
	for (int32_t i = 0; i < 3; i++)
		append(f, topic, i, 9);
	ask(f, LAST);
	f->request.max_bytes = 5 * size + 1;
	add(f, topic, 0, 0)->partition_max_bytes = 3 * size + size / 2;
	add(f, topic, 1, 0)->partition_max_bytes = 0;
	add(f, topic, 2, 0);
	send_request(f);
	snprintf(want, sizeof want, "0:%d 1:0 2:%d", 3 * size, 2 * size);
	assert_string_equal(summary(f), want);
}

static void test_fetch_max_bytes_bounds_what_clients_want(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	int32_t size = batch_size(f, topic);
	append(f, topic, 0, 20);
	struct property_pair pair = { STRING("fetch.max.bytes"), STRING("1024") };
	char why[PROPERTY_WHY_SIZE];
	assert_int_equal(
		property_set_text(&f->stage->catalog.properties, pair.name, false, pair.value, why),
		0);
	ask(f, LAST);
	add(f, topic, 0, 0);
	send_request(f);
	assert_int_equal(only(f)->records.size, 1024 / size * size);
}

static void test_no_answer_keeps_more_than_its_share_of_the_store(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	int32_t share = (int32_t)(STORE_SIZE / 16), size = batch_size(f, topic);
	append(f, topic, 0, share / size + 10);
	ask(f, LAST);
	add(f, topic, 0, 0)->partition_max_bytes = INT32_MAX;
	send_request(f);
	assert_int_equal(only(f)->records.size, share / size * size);
}

/* ---- errors ---- */

static void test_offsets_outside_the_log_are_out_of_range(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	append(f, topic, 0, 4);
	assert_int_equal(partition_log_delete_before(&topic->partitions[0]->log, 2), 0);
	const int64_t outside[] = { -1, 0, 1, 5 }, inside[] = { 2, 4 };
	for (size_t i = 0; i < COUNT_OF(outside); i++) {
		ask(f, LAST);
		f->request.max_wait_ms = 10000;
		add(f, topic, 0, outside[i]);
		send_request(f);
		assert_int_equal(only(f)->error_code, ERROR_OFFSET_OUT_OF_RANGE);
		assert_int_equal(only(f)->high_watermark, -1);
		assert_int_equal(only(f)->records.size, 0);
	}
	for (size_t i = 0; i < COUNT_OF(inside); i++) {
		ask(f, LAST);
		add(f, topic, 0, inside[i]);
		send_request(f);
		assert_int_equal(only(f)->error_code, 0);
		assert_int_equal(only(f)->log_start_offset, 2);
	}
}

static void test_what_is_not_there_is_unknown(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	struct catalog_topic other = { .name = "other", .id = { { 9 } } };
	for (int version = FIRST; version <= LAST; version++) {
		ask(f, version);
		f->request.max_wait_ms = 10000; /* with nothing else, it is answered at once */
		add(f, &other, 0, 0);
		send_request(f);
		assert_int_equal(only(f)->error_code, version >= BY_ID
							      ? ERROR_UNKNOWN_TOPIC_ID
							      : ERROR_UNKNOWN_TOPIC_OR_PARTITION);
		ask(f, version);
		add(f, topic, 1, 0);
		send_request(f);
		assert_int_equal(only(f)->error_code, ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	}
}

static void test_another_broker_is_not_leader_or_follower(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	for (int version = FIRST; version <= LAST; version++) {
		ask(f, version);
		f->x.node_id = 2;
		add(f, topic, 0, 0);
		send_request(f);
		assert_int_equal(only(f)->error_code, ERROR_NOT_LEADER_OR_FOLLOWER);
		bool told = version >= 16; /* KIP-951 */
		assert_int_equal(only(f)->current_leader.leader_id, told ? 0 : -1);
		assert_int_equal(only(f)->current_leader.leader_epoch,
			told ? topic->partitions[0]->leader_epoch : -1);
		assert_int_equal(f->response.node_endpoints.count, told);
		if (!told)
			continue;
		const struct fetch_node_endpoint *e = &f->response.node_endpoints.items[0];
		assert_int_equal(e->node_id, 0);
		assert_int_equal(e->port, 9000);
		assert_true(string_equal(e->host, STRING("host-0")));
	}
}

static void test_a_follower_serves_consumers_that_know_of_it(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	append(f, topic, 0, 1);
	for (int version = FIRST; version <= LAST; version++) {
		ask(f, version);
		f->x.node_id = 1;
		add(f, topic, 0, 0);
		send_request(f);
		assert_int_equal(
			only(f)->error_code, version >= 11 ? 0 : ERROR_NOT_LEADER_OR_FOLLOWER);
		assert_int_equal(only(f)->records.size > 0, version >= 11);
	}
}

static void test_epochs_of_other_leaders_are_refused(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	catalog_node_down(&f->stage->catalog, 0);
	catalog_node_up(&f->stage->catalog, 0);
	catalog_elect_preferred(&f->stage->catalog);
	int32_t epoch = topic->partitions[0]->leader_epoch;
	assert_true(epoch >= 1);
	ask(f, LAST);
	add(f, topic, 0, 0)->current_leader_epoch = epoch - 1;
	send_request(f);
	assert_int_equal(only(f)->error_code, ERROR_FENCED_LEADER_EPOCH);
	assert_int_equal(only(f)->current_leader.leader_epoch, epoch);
	assert_int_equal(f->response.node_endpoints.count, 1);
	ask(f, LAST);
	add(f, topic, 0, 0)->current_leader_epoch = epoch + 1;
	send_request(f);
	assert_int_equal(only(f)->error_code, ERROR_UNKNOWN_LEADER_EPOCH);
	assert_int_equal(only(f)->current_leader.leader_epoch, -1);
	ask(f, LAST);
	add(f, topic, 0, 0)->current_leader_epoch = epoch;
	send_request(f);
	assert_int_equal(only(f)->error_code, 0);
}

static void test_nobody_is_a_follower(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	for (int version = 14; version <= 15; version++)
		for (int32_t epoch = -1; epoch <= 0; epoch++) {
			ask(f, version);
			if (version >= 15)
				f->request.replica_state.replica_id = 1;
			else
				f->request.replica_id = 1;
			add(f, topic, 0, 0)->current_leader_epoch =
				epoch < 0 ? -1 : topic->partitions[0]->leader_epoch;
			send_request(f);
			assert_int_equal(only(f)->error_code, epoch < 0
								      ? ERROR_NOT_LEADER_OR_FOLLOWER
								      : ERROR_UNKNOWN_LEADER_EPOCH);
		}
}

/* ---- waiting ---- */

static void test_nothing_new_is_answered_when_the_wait_is_over(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	append(f, topic, 0, 1);
	ask(f, LAST);
	f->request.max_wait_ms = WAIT_MS;
	add(f, topic, 0, 1);
	send_request(f);
	assert_int_equal(f->answers, 0);
	assert_true(await(f) >= WAIT_MS * NS_PER_MS);
	assert_int_equal(only(f)->records.size, 0);
	assert_int_equal(only(f)->high_watermark, 1);
	assert_true(list_empty(&topic->partitions[0]->fetch_waiters));
}

static void test_an_append_wakes_from_a_later_callback(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 2);
	ask(f, LAST);
	f->request.max_wait_ms = 10000;
	add(f, topic, 0, 0);
	add(f, topic, 1, 0);
	send_request(f);
	append(f, topic, 1, 1);
	append(f, topic, 1, 1);
	append(f, topic, 0, 1);
	assert_int_equal(f->answers, 0);
	assert_true(await(f) < 5 * NS_PER_S);
	int32_t size = (int32_t)topic->partitions[0]->log.bytes;
	char want[64];
	snprintf(want, sizeof want, "0:%d 1:%d", size, 2 * size);
	assert_string_equal(summary(f), want);
}

static void test_min_bytes_are_summed_over_partitions(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 3);
	int32_t size = batch_size(f, topic);
	ask(f, LAST);
	f->request.max_wait_ms = 60000;
	f->request.min_bytes = 4 * size;
	add(f, topic, 0, 0);
	add(f, topic, 1, 0);
	add(f, topic, 2, 0)->partition_max_bytes = size;
	send_request(f);
	append(f, topic, 1, 1);
	append(f, topic, 2, 1);
	append(f, topic, 2, 3); /* of which one counts */
	assert_int_equal(loop_turn(f->stage->loop, 0), 0);
	assert_int_equal(f->answers, 0);
	append(f, topic, 0, 1);
	await(f);
	char want[64];
	snprintf(want, sizeof want, "0:%d 1:%d 2:%d", 2 * size, size, size);
	assert_string_equal(summary(f), want);
}

static void test_enough_is_answered_at_once(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	append(f, topic, 0, 1);
	ask(f, LAST);
	f->request.max_wait_ms = 10000;
	add(f, topic, 0, 0);
	send_request(f);
	assert_int_equal(f->answers, 1);
	ask(f, LAST);
	f->request.max_wait_ms = 10000;
	f->request.min_bytes = 0;
	add(f, topic, 0, 1);
	send_request(f);
	assert_int_equal(f->answers, 1);
	ask(f, LAST);
	f->request.max_wait_ms = 10000;
	send_request(f); /* for nothing at all */
	assert_int_equal(f->answers, 1);
}

static void test_an_unknown_partition_waits_with_the_others(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	ask(f, LAST);
	f->request.max_wait_ms = WAIT_MS;
	add(f, topic, 0, 0);
	add(f, topic, 5, 0);
	send_request(f);
	assert_true(await(f) >= WAIT_MS * NS_PER_MS);
	assert_string_equal(summary(f), "0:0 5:0");
}

static void test_a_topic_that_goes_wakes(void **state)
{
	struct fixture *f = *state;
	for (int version = BY_ID - 1; version <= BY_ID; version++) {
		struct catalog_topic *topic = topic_make(f, "t", 2);
		ask(f, version);
		f->request.max_wait_ms = 10000;
		add(f, topic, 0, 0);
		add(f, topic, 1, 0);
		f->topics[0].topic = f->topics[1].topic = STRING("t");
		send_request(f);
		catalog_topic_delete(&f->stage->catalog, topic);
		await(f);
		const struct fetch_topic_response *t = &f->response.responses.items[0];
		assert_int_equal(t->partitions.count, 2);
		assert_int_equal(t->partitions.items[1].error_code,
			version >= BY_ID ? ERROR_UNKNOWN_TOPIC_ID
					 : ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	}
}

static void test_a_leader_that_moves_wakes(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	catalog_node_down(&f->stage->catalog, 0);
	catalog_node_up(&f->stage->catalog, 0);
	assert_int_equal(topic->partitions[0]->leader, 1);
	ask(f, 10);
	f->x.node_id = 1;
	f->request.max_wait_ms = 10000;
	add(f, topic, 0, 0);
	send_request(f);
	assert_int_equal(catalog_elect_preferred(&f->stage->catalog), 1);
	await(f);
	assert_int_equal(only(f)->error_code, ERROR_NOT_LEADER_OR_FOLLOWER);
}

static void test_a_client_that_is_gone_is_forgotten(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 2);
	ask(f, LAST);
	f->request.max_wait_ms = WAIT_MS;
	add(f, topic, 0, 0);
	add(f, topic, 1, 0);
	send_request(f);
	append(f, topic, 0, 1); /* woken, but not answered yet */
	f->x.cancelled(&f->x);
	exchange_over(f);
	assert_true(list_empty(&topic->partitions[0]->fetch_waiters));
	assert_true(list_empty(&topic->partitions[1]->fetch_waiters));
	append(f, topic, 1, 1);
	int64_t until_ns = loop_clock_ns(f->stage->loop) + 2 * WAIT_MS * NS_PER_MS;
	while (loop_clock_ns(f->stage->loop) < until_ns)
		loop_turn(f->stage->loop, until_ns);
	assert_int_equal(f->answers, 0);
}

/* ---- sessions ---- */

/* A full request for partitions 0 to count - 1 from their start. Returns the session's id. */
static int32_t session_make(
	struct fixture *f, const struct catalog_topic *topic, int version, int32_t count)
{
	ask(f, version);
	f->request.session_epoch = 0;
	for (int32_t i = 0; i < count; i++)
		add(f, topic, i, topic->partitions[i]->log.start_offset);
	send_request(f);
	assert_int_equal(f->answers, 1);
	return f->response.session_id;
}

static void ask_session(struct fixture *f, int version, int32_t id, int32_t epoch)
{
	ask(f, version);
	f->request.session_id = id;
	f->request.session_epoch = epoch;
}

static void test_a_session_answers_only_news(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 3);
	int32_t size = batch_size(f, topic);
	char want[64];
	for (int version = 7; version <= LAST; version++) {
		int32_t epoch = 1, id = session_make(f, topic, version, 3);
		int64_t end = topic->partitions[0]->log.end_offset;
		assert_true(id > 0);
		assert_int_equal(f->response.responses.items[0].partitions.count, 3);
		ask_session(f, version, id, epoch++);
		for (int32_t i = 0; i < 3; i++)
			add(f, topic, i, topic->partitions[i]->log.end_offset);
		send_request(f);
		assert_string_equal(summary(f), "");
		assert_int_equal(f->response.session_id, id);
		append(f, topic, 0, 1);
		ask_session(f, version, id, epoch++);
		send_request(f);
		snprintf(want, sizeof want, "0:%d", size);
		assert_string_equal(summary(f), want);
		assert_int_equal(only(f)->high_watermark, end + 1);
		/* A log that begins later is news, too. */
		assert_int_equal(partition_log_delete_before(&topic->partitions[0]->log, -1), 0);
		ask_session(f, version, id, epoch++);
		add(f, topic, 0, end + 1);
		send_request(f);
		assert_int_equal(only(f)->log_start_offset, end + 1);
		ask_session(f, version, id, epoch++);
		f->forgotten_partition = 0;
		f->forgotten = (struct fetch_forgotten_topic){ .topic = STRING("t"),
			.topic_id = topic->id,
			.partitions = { &f->forgotten_partition, 1 } };
		f->request.forgotten_topics_data.items = &f->forgotten;
		f->request.forgotten_topics_data.count = 1;
		append(f, topic, 0, 1);
		send_request(f);
		assert_string_equal(summary(f), "");
		ask_session(f, version, id, -1);
		send_request(f);
		assert_int_equal(f->response.session_id, 0);
	}
	assert_int_equal(fetch_sessions_count(f->stage->nodes[0].fetch_sessions), 0);
}

static void test_errors_are_told_each_time_and_recovery_once(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	append(f, topic, 0, 1);
	int32_t id = session_make(f, topic, LAST, 1);
	for (int32_t epoch = 1; epoch <= 2; epoch++) {
		ask_session(f, LAST, id, epoch);
		if (epoch == 1)
			add(f, topic, 0, 50);
		send_request(f);
		assert_int_equal(only(f)->error_code, ERROR_OFFSET_OUT_OF_RANGE);
	}
	ask_session(f, LAST, id, 3);
	add(f, topic, 0, 1);
	send_request(f);
	assert_int_equal(only(f)->error_code, 0);
	ask_session(f, LAST, id, 4);
	send_request(f);
	assert_string_equal(summary(f), "");
}

static void test_partitions_take_turns_in_a_session(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 3);
	int32_t seen[3] = { 0 };
	for (int32_t i = 0; i < 3; i++)
		append(f, topic, i, 5);
	ask(f, LAST);
	f->request.session_epoch = 0;
	f->request.max_bytes = 1;
	for (int32_t i = 0; i < 3; i++)
		add(f, topic, i, 0);
	send_request(f);
	int32_t id = f->response.session_id;
	/* The client goes on with what it got, the rest is as it was. */
	for (int32_t epoch = 1; epoch <= 6; epoch++) {
		ask_session(f, LAST, id, epoch);
		f->request.max_bytes = 1;
		send_request(f);
		seen[only(f)->partition_index]++;
	}
	for (int32_t i = 0; i < 3; i++)
		assert_int_equal(seen[i], 2);
}

static void test_a_wrong_session_is_an_error_of_the_whole(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	int32_t id = session_make(f, topic, LAST, 1);
	ask_session(f, LAST, id, 2);
	f->request.max_wait_ms = 10000;
	send_request(f);
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->response.error_code, ERROR_INVALID_FETCH_SESSION_EPOCH);
	assert_int_equal(f->response.session_id, 0);
	assert_string_equal(summary(f), "");
	ask_session(f, LAST, id ^ 1, 1);
	send_request(f);
	assert_int_equal(f->response.error_code, ERROR_FETCH_SESSION_ID_NOT_FOUND);
	/* Another broker knows nothing of it. */
	ask_session(f, LAST, id, 1);
	f->x.node_id = 1;
	send_request(f);
	assert_int_equal(f->response.error_code, ERROR_FETCH_SESSION_ID_NOT_FOUND);
}

static void test_a_session_that_ends_ends_the_wait_in_it(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	int32_t id = session_make(f, topic, LAST, 1);
	ask_session(f, LAST, id, 1);
	f->request.max_wait_ms = 10000;
	send_request(f);
	fetch_session_end(fetch_sessions_find(f->stage->nodes[0].fetch_sessions, id));
	append(f, topic, 0, 1);
	await(f);
	assert_int_equal(f->response.error_code, ERROR_FETCH_SESSION_ID_NOT_FOUND);
}

static void test_a_declined_session_is_answered_in_full(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 2);
	fetch_sessions_close(f->stage->nodes[0].fetch_sessions);
	assert_int_equal(fetch_sessions_open(&f->stage->nodes[0].fetch_sessions, 0, 1), 0);
	assert_int_equal(session_make(f, topic, LAST, 2), 0);
	assert_string_equal(summary(f), "0:0 1:0");
}

static void test_a_topic_made_again_is_inconsistent_in_an_old_session(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	int32_t id = session_make(f, topic, LAST, 1);
	catalog_topic_delete(&f->stage->catalog, topic);
	ask_session(f, LAST, id, 1);
	send_request(f);
	assert_int_equal(only(f)->error_code, ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	topic_make(f, "t", 1);
	ask_session(f, LAST, id, 2);
	send_request(f);
	assert_int_equal(only(f)->error_code, ERROR_INCONSISTENT_TOPIC_ID);
}

/* ---- quotas and faults ---- */

static void test_above_the_quota_the_answer_is_empty_and_nothing_is_lost(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 1);
	struct quota_limits limits = { .bytes_per_second = { [QUOTA_FETCH] = 200 },
		.window_count = 11,
		.window_ns = NS_PER_S };
	assert_int_equal(quotas_open(&f->stage->quotas, &limits), 0);
	append(f, topic, 0, 100);
	int32_t id = session_make(f, topic, LAST, 1);
	assert_true(id > 0);
	int32_t size = only(f)->records.size;
	assert_true(size > 1000 && size <= 2000);
	ask_session(f, LAST, id, 1);
	send_request(f);
	assert_true(f->response.throttle_time_ms > 0);
	assert_int_equal(f->response.session_id, id);
	assert_string_equal(summary(f), "");
	ask_session(f, LAST, id, 2);
	f->x.now_ns += 60 * NS_PER_S;
	send_request(f);
	assert_int_equal(f->response.throttle_time_ms, 0);
	assert_int_equal(only(f)->records.size, size);
}

static void test_rules_decide_what_partitions_say(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", 2);
	append(f, topic, 0, 1);
	f->fault_partition = 1;
	f->fault = ERROR_KAFKA_STORAGE_ERROR;
	for (int applied = 0; applied <= 1; applied++) {
		f->fault_applied = applied;
		ask(f, LAST);
		f->x.faulty = true;
		f->request.max_wait_ms = 10000;
		f->request.min_bytes = 1 << 20;
		add(f, topic, 0, 0);
		add(f, topic, 1, 0);
		send_request(f);
		assert_int_equal(f->answers, 1);
		const struct fetch_topic_response *t = &f->response.responses.items[0];
		assert_int_equal(t->partitions.items[0].error_code, 0);
		assert_true(t->partitions.items[0].records.size > 0);
		assert_int_equal(t->partitions.items[1].error_code, ERROR_KAFKA_STORAGE_ERROR);
	}
	f->fault_disconnects = true;
	ask(f, 12);
	f->x.faulty = true;
	add(f, topic, 1, 0);
	send_request(f);
	assert_int_equal(f->answers, 0);
	assert_non_null(f->dropped);
}

#define CASE_OF(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE_OF(test_every_version_reads_what_was_appended),
		CASE_OF(test_partitions_of_a_topic_stand_together),
		CASE_OF(test_only_read_committed_hears_of_aborted_transactions),
		cmocka_unit_test_setup_teardown(
			test_a_null_store_has_nothing, set_up_null, tear_down),
		CASE_OF(test_the_first_batch_comes_however_large),
		CASE_OF(test_max_bytes_bound_the_answer_and_each_partition),
		CASE_OF(test_fetch_max_bytes_bounds_what_clients_want),
		CASE_OF(test_no_answer_keeps_more_than_its_share_of_the_store),
		CASE_OF(test_offsets_outside_the_log_are_out_of_range),
		CASE_OF(test_what_is_not_there_is_unknown),
		CASE_OF(test_another_broker_is_not_leader_or_follower),
		CASE_OF(test_a_follower_serves_consumers_that_know_of_it),
		CASE_OF(test_epochs_of_other_leaders_are_refused),
		CASE_OF(test_nobody_is_a_follower),
		CASE_OF(test_nothing_new_is_answered_when_the_wait_is_over),
		CASE_OF(test_an_append_wakes_from_a_later_callback),
		CASE_OF(test_min_bytes_are_summed_over_partitions),
		CASE_OF(test_enough_is_answered_at_once),
		CASE_OF(test_an_unknown_partition_waits_with_the_others),
		CASE_OF(test_a_topic_that_goes_wakes),
		CASE_OF(test_a_leader_that_moves_wakes),
		CASE_OF(test_a_client_that_is_gone_is_forgotten),
		CASE_OF(test_a_session_answers_only_news),
		CASE_OF(test_errors_are_told_each_time_and_recovery_once),
		CASE_OF(test_partitions_take_turns_in_a_session),
		CASE_OF(test_a_wrong_session_is_an_error_of_the_whole),
		CASE_OF(test_a_session_that_ends_ends_the_wait_in_it),
		CASE_OF(test_a_declined_session_is_answered_in_full),
		CASE_OF(test_a_topic_made_again_is_inconsistent_in_an_old_session),
		CASE_OF(test_above_the_quota_the_answer_is_empty_and_nothing_is_lost),
		CASE_OF(test_rules_decide_what_partitions_say),
	};
	return RUN_TESTS(tests);
}
