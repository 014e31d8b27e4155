/*
 * ListOffsets and DeleteRecords as a client sees them: the handlers over a real catalog and real
 * logs, with an exchange of this file's own that encodes each answer in its version and reads it
 * back.
 */
#include "../test.h"
#include "log_batch.h"

#include "../../../src/broker/stage.h"
#include "proto/offsets.h"

#define NOW         LOG_BATCH_TIME_MS
#define STORE_SIZE  ((size_t)1 << 20)
#define ANSWER_SIZE 65536
#define ASKED_MAX   8
#define LAST        11

struct fixture {
	struct stage *stage;
	struct arena memory, read;
	struct exchange x;
	int answers;
	uint8_t frame[ANSWER_SIZE];
	union {
		struct list_offsets_response listed;
		struct delete_records_response deleted;
	} response;
	int16_t fault; /* of partition 0 */
	int changed_count;
	struct list_offsets_request list;
	struct list_offsets_topic list_topics[ASKED_MAX];
	struct list_offsets_partition list_partitions[ASKED_MAX];
	struct delete_records_request delete;
	struct delete_records_topic delete_topic;
	struct delete_records_partition delete_partitions[ASKED_MAX];
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

int16_t exchange_fault(struct exchange *x, struct string topic, int32_t partition, bool *applied)
{
	(void)topic;
	*applied = false;
	return partition == 0 ? fixture_of(x)->fault : 0;
}

void exchange_answer(struct exchange *x, void *body)
{
	struct fixture *f = fixture_of(x);
	struct writer w;
	struct reader r;
	int32_t correlation_id;
	f->answers++;
	writer_init(&w, f->frame, ANSWER_SIZE, NULL, 0);
	int32_t size = response_write(&w, x->api, x->version, 77, body);
	if (size < 0)
		print_error("%s.%s: %s\n", w.message, w.field, w.reason);
	assert_true(size > 0);
	arena_reset(&f->memory);
	reader_init_flat(&r, f->frame, size, &f->read);
	reader_int32(&r);
	assert_int_equal(response_header_read(&r, x->api, x->version, &correlation_id), 0);
	assert_int_equal(response_body_read(&r, x->api, x->version, &f->response), 0);
}

/* ---- a stage ---- */

static void changed(void *owner, struct catalog_partition *p, bool gone)
{
	(void)p;
	(void)gone;
	((struct fixture *)owner)->changed_count++;
}

static const struct catalog_events events = { .changed = changed };

static struct catalog_topic *topic_make(struct fixture *f, const char *name, const char *policy)
{
	static int32_t replicas[] = { 0, 1 };
	struct creatable_replica_assignment assignments[] = {
		{ .partition_index = 0, .broker_ids = { replicas, 2 } },
		{ .partition_index = 1, .broker_ids = { replicas, 2 } },
	};
	struct creatable_topic_config config = { STRING("cleanup.policy"), string_of(policy) };
	struct creatable_topic request = { .name = string_of(name),
		.num_partitions = -1,
		.replication_factor = -1,
		.assignments = { assignments, 2 },
		.configs = { &config, 1 } };
	char why[CATALOG_WHY_SIZE];
	struct topic_outcome outcome;
	assert_int_equal(
		catalog_topic_create(&f->stage->catalog, &request, false, &outcome, why), 0);
	return outcome.topic;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	f->stage = calloc(1, sizeof *f->stage);
	assert_non_null(f->stage);
	arena_init(&f->memory, 1 << 20);
	arena_init(&f->read, 1 << 20);
	struct catalog *catalog = &f->stage->catalog;
	assert_int_equal(store_open(&f->stage->store, STORE_SIZE, LOG_BATCH_SIZE_MAX), 0);
	assert_int_equal(catalog_init(catalog, &f->stage->store, 1), 0);
	catalog->events = &events;
	catalog->owner = f;
	catalog->node_count = 3;
	for (int32_t i = 0; i < 3; i++)
		catalog->nodes[i] =
			(struct catalog_node){ .id = i, .host = "h", .port = 9000, .up = true };
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	catalog_free(&f->stage->catalog);
	store_close(&f->stage->store);
	arena_free(&f->memory);
	arena_free(&f->read);
	free(f->stage);
	free(f);
	return 0;
}

/* Ten records, one second apart, in five batches. */
static void fill(struct catalog_topic *topic)
{
	struct append_rules rules = LOG_BATCH_RULES;
	for (int i = 0; i < 5; i++) {
		struct log_batch like = { .record_count = 2,
			.value_size = 10,
			.timestamp_ms = NOW + i * 2000,
			.timestamp_step_ms = 1000,
			.codec = i % 2 ? CODEC_ZSTD : CODEC_NONE };
		struct append_result r =
			log_append(&topic->partitions[0]->log, &rules, &like, NOW + 10000);
		assert_int_equal(r.error_code, 0);
	}
}

/* ---- asking ---- */

static void ask(struct fixture *f, enum api api, int version, const void *body)
{
	arena_reset(&f->read);
	f->answers = 0;
	f->x = (struct exchange){ .stage = f->stage,
		.node_id = f->x.node_id,
		.api = api,
		.version = version,
		.body = body,
		.arena = &f->memory,
		.faulty = true };
	if (api == API_LIST_OFFSETS)
		handle_list_offsets(&f->x);
	else
		handle_delete_records(&f->x);
	assert_int_equal(f->answers, 1);
}

/* Asks one thing about one partition. */
static struct list_offsets_partition_response list(struct fixture *f, int version,
	const char *topic, int32_t partition, int32_t epoch, int64_t timestamp)
{
	f->list_partitions[0] = (struct list_offsets_partition){ partition, epoch, timestamp };
	f->list_topics[0] =
		(struct list_offsets_topic){ string_of(topic), { f->list_partitions, 1 } };
	int32_t replica_id = f->list.replica_id;
	f->list = (struct list_offsets_request){ .replica_id = replica_id ? replica_id : -1,
		.topics = { f->list_topics, 1 } };
	ask(f, API_LIST_OFFSETS, version, &f->list);
	assert_int_equal(f->response.listed.topics.count, 1);
	assert_int_equal(f->response.listed.topics.items[0].partitions.count, 1);
	struct list_offsets_partition_response r =
		f->response.listed.topics.items[0].partitions.items[0];
	assert_int_equal(r.partition_index, partition);
	if (r.error_code) {
		assert_int_equal(r.offset, -1);
		assert_int_equal(r.timestamp, -1);
		assert_int_equal(r.leader_epoch, -1);
	}
	return r;
}

static int16_t list_error(struct fixture *f, const char *topic, int32_t partition, int32_t epoch)
{
	return list(f, LAST, topic, partition, epoch, LIST_OFFSETS_LATEST).error_code;
}

static void test_places_are_listed_in_every_version(void **state)
{
	struct fixture *f = *state;
	fill(topic_make(f, "t", "delete"));
	for (int version = 1; version <= LAST; version++) {
		struct list_offsets_partition_response r =
			list(f, version, "t", 0, -1, LIST_OFFSETS_EARLIEST);
		assert_int_equal(r.error_code, 0);
		assert_int_equal(r.offset, 0);
		assert_int_equal(r.timestamp, -1);
		assert_int_equal(r.leader_epoch, version >= 4 ? 0 : -1);
		r = list(f, version, "t", 0, -1, LIST_OFFSETS_LATEST);
		assert_int_equal(r.offset, 10);
		assert_int_equal(r.timestamp, -1);
		r = list(f, version, "t", 0, -1, NOW + 2500);
		assert_int_equal(r.offset, 3);
		assert_int_equal(r.timestamp, NOW + 3000);
		r = list(f, version, "t", 0, -1, NOW + 9001);
		assert_int_equal(r.error_code, 0);
		assert_int_equal(r.offset, -1);
		assert_int_equal(r.timestamp, -1);
		assert_int_equal(r.leader_epoch, -1);
	}
}

static void test_special_places_have_their_versions(void **state)
{
	struct fixture *f = *state;
	static const struct {
		int64_t place;
		int since;
		int64_t offset, timestamp;
	} places[] = {
		{ LIST_OFFSETS_MAX_TIMESTAMP, 7, 9, NOW + 9000 },
		{ LIST_OFFSETS_EARLIEST_LOCAL, 8, 0, -1 },
		{ LIST_OFFSETS_LATEST_TIERED, 9, -1, -1 },
		{ LIST_OFFSETS_PENDING_UPLOAD, 11, -1, -1 },
		{ -7, LAST + 1, -1, -1 },
		{ INT64_MIN, LAST + 1, -1, -1 },
	};
	fill(topic_make(f, "t", "delete"));
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		for (int version = 1; version <= LAST; version++) {
			struct list_offsets_partition_response r =
				list(f, version, "t", 0, -1, places[i].place);
			if (version < places[i].since) {
				assert_int_equal(r.error_code, ERROR_UNSUPPORTED_VERSION);
				continue;
			}
			assert_int_equal(r.error_code, 0);
			assert_int_equal(r.offset, places[i].offset);
			assert_int_equal(r.timestamp, places[i].timestamp);
		}
	}
}

static void test_unknown_partitions_and_wrong_leaders_are_told(void **state)
{
	struct fixture *f = *state;
	topic_make(f, "t", "delete");
	assert_int_equal(list_error(f, "nowhere", 0, -1), ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(list_error(f, "", 0, -1), ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(list_error(f, "t", 2, -1), ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(list_error(f, "t", -1, -1), ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(list_error(f, "t", 1, -1), 0);
	f->x.node_id = 1; /* a follower */
	assert_int_equal(list_error(f, "t", 1, -1), ERROR_NOT_LEADER_OR_FOLLOWER);
	f->list.replica_id = -2;
	assert_int_equal(list_error(f, "t", 1, -1), 0);
	f->x.node_id = 2; /* not even that */
	assert_int_equal(list_error(f, "t", 1, -1), ERROR_NOT_LEADER_OR_FOLLOWER);
}

static void test_leader_epochs_fence(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", "delete");
	catalog_node_down(&f->stage->catalog, 0);
	int32_t epoch = topic->partitions[0]->leader_epoch;
	f->x.node_id = 1;
	assert_true(epoch > 0);
	assert_int_equal(list_error(f, "t", 0, epoch), 0);
	assert_int_equal(list_error(f, "t", 0, epoch - 1), ERROR_FENCED_LEADER_EPOCH);
	assert_int_equal(list_error(f, "t", 0, epoch + 1), ERROR_UNKNOWN_LEADER_EPOCH);
	/* It comes before the question of who leads. */
	f->x.node_id = 0;
	assert_int_equal(list_error(f, "t", 0, epoch - 1), ERROR_FENCED_LEADER_EPOCH);
	assert_int_equal(list_error(f, "t", 0, epoch), ERROR_NOT_LEADER_OR_FOLLOWER);
}

static void test_partition_asked_twice_is_an_invalid_request(void **state)
{
	struct fixture *f = *state;
	topic_make(f, "t", "delete");
	topic_make(f, "u", "delete");
	for (int i = 0; i < 5; i++)
		f->list_partitions[i] =
			(struct list_offsets_partition){ i % 2, -1, LIST_OFFSETS_LATEST };
	f->list_topics[0] = (struct list_offsets_topic){ STRING("t"), { f->list_partitions, 2 } };
	f->list_topics[1] =
		(struct list_offsets_topic){ STRING("u"), { f->list_partitions + 2, 1 } };
	f->list_topics[2] =
		(struct list_offsets_topic){ STRING("t"), { f->list_partitions + 3, 1 } };
	f->list =
		(struct list_offsets_request){ .replica_id = -1, .topics = { f->list_topics, 3 } };
	ask(f, API_LIST_OFFSETS, LAST, &f->list);
	const struct list_offsets_topic_response *topics = f->response.listed.topics.items;
	assert_int_equal(topics[0].partitions.items[0].error_code, 0);
	assert_int_equal(topics[0].partitions.items[1].error_code, ERROR_INVALID_REQUEST);
	assert_int_equal(topics[1].partitions.items[0].error_code, 0);
	assert_int_equal(topics[2].partitions.items[0].error_code, ERROR_INVALID_REQUEST);
	assert_int_equal(topics[2].partitions.items[0].offset, -1);
}

static void test_request_for_nothing_is_answered(void **state)
{
	struct fixture *f = *state;
	f->list = (struct list_offsets_request){ .replica_id = -1 };
	ask(f, API_LIST_OFFSETS, 1, &f->list);
	assert_int_equal(f->response.listed.topics.count, 0);
	f->delete = (struct delete_records_request){ 0 };
	ask(f, API_DELETE_RECORDS, 0, &f->delete);
	assert_int_equal(f->response.deleted.topics.count, 0);
}

static void test_faults_are_asked_per_partition(void **state)
{
	struct fixture *f = *state;
	topic_make(f, "t", "delete");
	f->fault = ERROR_KAFKA_STORAGE_ERROR;
	assert_int_equal(list_error(f, "t", 0, -1), ERROR_KAFKA_STORAGE_ERROR);
	assert_int_equal(list_error(f, "t", 1, -1), 0);
}

static void test_malformed_records_make_a_search_fail_alone(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", "delete");
	fill(topic);
	memset(topic->partitions[0]->log.entries[1].data + BATCH_HEADER_SIZE, 0xff, 4);
	assert_int_equal(list(f, LAST, "t", 0, -1, NOW + 2000).error_code, ERROR_CORRUPT_MESSAGE);
	assert_int_equal(list(f, LAST, "t", 0, -1, NOW + 4000).offset, 4);
}

static void test_costly_searches_of_a_request_are_put_off(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", "delete");
	struct append_rules rules = LOG_BATCH_RULES;
	uint8_t *bomb = malloc(LOG_BATCH_SIZE_MAX);
	assert_non_null(bomb);
	size_t size = log_bomb_build(60 << 20, NOW + 1000, bomb);
	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < 2; k++) {
			struct partition_log *log = &topic->partitions[i]->log;
			assert_int_equal(
				log_bytes_append(log, &rules, bomb, size, NOW).error_code, 0);
		}
		f->list_partitions[i] = (struct list_offsets_partition){ i, -1, NOW + 500 };
	}
	free(bomb);
	f->list_topics[0] = (struct list_offsets_topic){ STRING("t"), { f->list_partitions, 2 } };
	f->list =
		(struct list_offsets_request){ .replica_id = -1, .topics = { f->list_topics, 1 } };
	/* The limit is the request's; one after the other they are done. */
	static const int16_t expected[][2] = { { 0, ERROR_KAFKA_STORAGE_ERROR }, { 0, 0 } };
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		ask(f, API_LIST_OFFSETS, LAST, &f->list);
		const struct list_offsets_partition_response *answers =
			f->response.listed.topics.items[0].partitions.items;
		for (int k = 0; k < 2; k++) {
			assert_int_equal(answers[k].error_code, expected[i][k]);
			assert_int_equal(answers[k].offset, -1);
		}
	}
}

/* ---- DeleteRecords ---- */

static struct delete_records_partition_result records_delete(
	struct fixture *f, int version, const char *topic, int32_t partition, int64_t offset)
{
	f->delete_partitions[0] = (struct delete_records_partition){ partition, offset };
	f->delete_topic =
		(struct delete_records_topic){ string_of(topic), { f->delete_partitions, 1 } };
	f->delete = (struct delete_records_request){ { &f->delete_topic, 1 }, 1000 };
	ask(f, API_DELETE_RECORDS, version, &f->delete);
	struct delete_records_partition_result r =
		f->response.deleted.topics.items[0].partitions.items[0];
	assert_int_equal(r.partition_index, partition);
	return r;
}

static void test_records_below_an_offset_go(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = topic_make(f, "t", "delete");
	struct partition_log *log = &topic->partitions[0]->log;
	fill(topic);
	f->changed_count = 0;
	for (int version = 0; version <= 2; version++) {
		struct delete_records_partition_result r =
			records_delete(f, version, "t", 0, 3 + version);
		assert_int_equal(r.error_code, 0);
		assert_int_equal(r.low_watermark, 3 + version);
		assert_int_equal(log->start_offset, 3 + version);
	}
	assert_int_equal(f->changed_count, 3);
	/* Not back, and then nobody is told. */
	assert_int_equal(records_delete(f, 2, "t", 0, 1).low_watermark, 5);
	assert_int_equal(f->changed_count, 3);
	assert_int_equal(records_delete(f, 2, "t", 0, 11).error_code, ERROR_OFFSET_OUT_OF_RANGE);
	assert_int_equal(records_delete(f, 2, "t", 0, -2).error_code, ERROR_OFFSET_OUT_OF_RANGE);
	assert_int_equal(records_delete(f, 2, "t", 0, DELETE_RECORDS_TO_END).low_watermark, 10);
	assert_int_equal(log->bytes, 0);
}

static void test_deletion_is_refused_where_it_cannot_be(void **state)
{
	struct fixture *f = *state;
	topic_make(f, "t", "delete");
	topic_make(f, "kept", "compact");
	topic_make(f, "both", "compact,delete");
	struct delete_records_partition_result r = records_delete(f, 2, "nowhere", 0, -1);
	assert_int_equal(r.error_code, ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(r.low_watermark, -1);
	assert_int_equal(
		records_delete(f, 2, "t", 9, -1).error_code, ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(records_delete(f, 2, "kept", 0, -1).error_code, ERROR_POLICY_VIOLATION);
	assert_int_equal(records_delete(f, 2, "both", 0, -1).error_code, 0);
	f->x.node_id = 1;
	assert_int_equal(records_delete(f, 2, "t", 0, -1).error_code, ERROR_NOT_LEADER_OR_FOLLOWER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_places_are_listed_in_every_version),
		TEST(test_special_places_have_their_versions),
		TEST(test_unknown_partitions_and_wrong_leaders_are_told),
		TEST(test_leader_epochs_fence),
		TEST(test_partition_asked_twice_is_an_invalid_request),
		TEST(test_request_for_nothing_is_answered),
		TEST(test_faults_are_asked_per_partition),
		TEST(test_malformed_records_make_a_search_fail_alone),
		TEST(test_costly_searches_of_a_request_are_put_off),
		TEST(test_records_below_an_offset_go),
		TEST(test_deletion_is_refused_where_it_cannot_be),
	};
	return RUN_TESTS(tests);
}
