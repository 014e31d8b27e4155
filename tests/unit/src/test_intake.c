/*
 * Shows: what is produced is kept, from one piece or in drips; the errors of Kafka for what cannot
 * be; that a torn request appends nothing; that a null store answers as if it had kept; that many
 * small partitions are cheap and a full store gives up in time.
 */
#include "stage_test.h"

#include "../../../src/broker/intake.h"

#define VERSION 12

static uint8_t batch[2 << 20];

static const struct produce_partition_response *produce(struct test_stage *t, int fd, int version,
	int16_t acks, const char *topic, int32_t partition, size_t size)
{
	static struct produce_response response;
	struct produce_one p;
	client_request(t, fd, API_PRODUCE, version, 77,
		produce_one(&p, acks, topic, partition, batch, size));
	assert_int_equal(client_answer(t, fd, API_PRODUCE, version, &response), 77);
	return produce_only(&response);
}

static void begin(struct test_stage *t, size_t store_size)
{
	struct stage_options options = stage_test_options();
	options.store_size = store_size;
	stage_begin(t, &options);
	stage_topic(t, "t", 4, 1);
}

static struct partition_log *log_of(struct test_stage *t, const char *topic, int32_t index)
{
	struct catalog_topic *found = catalog_topic_named(&t->stage.catalog, string_of(topic));
	return &catalog_partition(found, index)->log;
}

static void test_records_are_kept(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, (size_t)64 << 20);
	int fd = client_open(&t, 0);
	size_t small = make_batch(batch, sizeof batch, 10, 100);
	const struct produce_partition_response *r = produce(&t, fd, VERSION, -1, "t", 1, small);
	assert_int_equal(r->error_code, 0);
	assert_int_equal(r->base_offset, 0);
	assert_int_equal(r->log_start_offset, 0);
	size_t large = make_batch(batch, sizeof batch, 1000, 1000);
	r = produce(&t, fd, VERSION, 1, "t", 1, large);
	assert_int_equal(r->error_code, 0);
	assert_int_equal(r->base_offset, 10);
	assert_int_equal(log_of(&t, "t", 1)->end_offset, 1010);
	assert_int_equal(log_of(&t, "t", 1)->bytes, (int64_t)(small + large));
	assert_int_equal(t.stage.figures.records, 1010);
	close(fd);
	stage_end(&t);
}

static void test_every_version_is_answered(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, (size_t)64 << 20);
	int fd = client_open(&t, 0);
	size_t size = make_batch(batch, sizeof batch, 3, 100);
	for (int version = 3; version <= 12; version++)
		assert_int_equal(
			produce(&t, fd, version, -1, "t", 0, size)->base_offset, 3 * (version - 3));
	static struct produce_response response;
	struct produce_one p;
	produce_one(&p, -1, NULL, 0, batch, size);
	p.topic.topic_id = catalog_topic_named(&t.stage.catalog, STRING("t"))->id;
	client_request(&t, fd, API_PRODUCE, 13, 1, &p.request);
	client_answer(&t, fd, API_PRODUCE, 13, &response);
	assert_int_equal(produce_only(&response)->base_offset, 30);
	p.topic.topic_id.bytes[3] ^= 1;
	client_request(&t, fd, API_PRODUCE, 13, 1, &p.request);
	client_answer(&t, fd, API_PRODUCE, 13, &response);
	assert_int_equal(produce_only(&response)->error_code, ERROR_UNKNOWN_TOPIC_ID);
	close(fd);
	stage_end(&t);
}

static void test_every_split_of_a_request_gives_the_same(void **state)
{
	(void)state;
	struct test_stage t;
	for (int null = 0; null < 2; null++) {
		begin(&t, null ? 0 : (size_t)64 << 20);
		int fd = client_open(&t, 0);
		struct produce_one p;
		static uint8_t frame[4096];
		size_t size = make_batch(batch, sizeof batch, 2, 40);
		size_t frame_size = client_request_write(
			&t, API_PRODUCE, VERSION, 5, produce_one(&p, -1, "t", 0, batch, size));
		memcpy(frame, t.frame, frame_size);
		static struct produce_response response;
		for (size_t split = 1; split < frame_size; split++) {
			client_send(&t, fd, frame, split);
			turn(&t, 0);
			turn(&t, 0);
			client_send(&t, fd, frame + split, frame_size - split);
			assert_int_equal(client_answer(&t, fd, API_PRODUCE, VERSION, &response), 5);
			assert_int_equal(produce_only(&response)->error_code, 0);
		}
		assert_int_equal(t.stage.figures.records, 2 * (frame_size - 1));
		close(fd);
		stage_end(&t);
	}
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, (size_t)64 << 20);
	int fd = client_open(&t, 0);
	struct produce_one p;
	size_t size = make_batch(batch, sizeof batch, 100, 1000);
	for (int i = 0; i < 20; i++)
		client_request(
			&t, fd, API_PRODUCE, VERSION, i, produce_one(&p, -1, "t", 0, batch, size));
	for (int i = 0; i < 20; i++) {
		static struct produce_response response;
		assert_int_equal(client_answer(&t, fd, API_PRODUCE, VERSION, &response), i);
		assert_int_equal(produce_only(&response)->base_offset, 100 * i);
	}
	close(fd);
	stage_end(&t);
}

static void test_null_store_answers_as_if_it_kept(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, 0);
	int fd = client_open(&t, 0);
	size_t size = make_batch(batch, sizeof batch, 500, 1000);
	batch[size - 5] ^= 1; /* nobody looks */
	for (int i = 0; i < 10; i++) {
		const struct produce_partition_response *r =
			produce(&t, fd, VERSION, -1, "t", 2, size);
		assert_int_equal(r->error_code, 0);
		assert_int_equal(r->base_offset, 500 * i);
	}
	assert_int_equal(t.stage.figures.records, 5000);
	close(fd);
	stage_end(&t);
}

static void test_validate_checks_what_a_null_store_drops(void **state)
{
	(void)state;
	struct test_stage t;
	struct stage_options options = stage_test_options();
	options.store_size = 0;
	options.validate = true;
	stage_begin(&t, &options);
	stage_topic(&t, "t", 1, 1);
	int fd = client_open(&t, 0);
	size_t size = make_batch(batch, sizeof batch, 500, 1000);
	assert_int_equal(produce(&t, fd, VERSION, -1, "t", 0, size)->error_code, 0);
	batch[size - 5] ^= 1;
	assert_int_equal(
		produce(&t, fd, VERSION, -1, "t", 0, size)->error_code, ERROR_CORRUPT_MESSAGE);
	close(fd);
	stage_end(&t);
}

static void test_what_cannot_be_is_refused_as_kafka_does(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, (size_t)64 << 20);
	int fd = client_open(&t, 0);
	size_t size = make_batch(batch, sizeof batch, 5, 100);
	assert_int_equal(produce(&t, fd, VERSION, -1, "other", 0, size)->error_code,
		ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(produce(&t, fd, VERSION, -1, "t", 4, size)->error_code,
		ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(produce(&t, fd, VERSION, -1, "t", -1, size)->error_code,
		ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(
		produce(&t, fd, VERSION, 2, "t", 0, size)->error_code, ERROR_INVALID_REQUIRED_ACKS);
	assert_int_equal(produce(&t, fd, VERSION, -1, "t", 0, 0)->error_code, ERROR_INVALID_RECORD);
	assert_int_equal(
		produce(&t, fd, VERSION, -1, "t", 0, size - 1)->error_code, ERROR_INVALID_RECORD);
	batch[size - 1] ^= 1;
	assert_int_equal(
		produce(&t, fd, VERSION, -1, "t", 0, size)->error_code, ERROR_CORRUPT_MESSAGE);
	size = make_batch(batch, sizeof batch, 1100, 1000);
	assert_int_equal(
		produce(&t, fd, VERSION, -1, "t", 0, size)->error_code, ERROR_MESSAGE_TOO_LARGE);
	assert_int_equal(log_of(&t, "t", 0)->end_offset, 0);
	/* And the connection is as good as before. */
	size = make_batch(batch, sizeof batch, 5, 100);
	assert_int_equal(produce(&t, fd, VERSION, -1, "t", 0, size)->base_offset, 0);
	close(fd);
	stage_end(&t);
}

static void test_other_broker_says_who_leads(void **state)
{
	(void)state;
	struct test_stage t;
	struct stage_options options = stage_test_options();
	options.node_count = 3;
	stage_begin(&t, &options);
	struct catalog_topic *topic = stage_topic(&t, "t", 1, 3);
	int32_t leader = topic->partitions[0]->leader, other = (leader + 1) % 3;
	int fd = client_open(&t, other);
	size_t size = make_batch(batch, sizeof batch, 5, 100);
	assert_int_equal(
		produce(&t, fd, 9, -1, "t", 0, size)->error_code, ERROR_NOT_LEADER_OR_FOLLOWER);
	struct produce_response response;
	struct produce_one p;
	client_request(&t, fd, API_PRODUCE, 10, 77, produce_one(&p, -1, "t", 0, batch, size));
	client_answer(&t, fd, API_PRODUCE, 10, &response);
	const struct produce_partition_response *r = produce_only(&response);
	assert_int_equal(r->error_code, ERROR_NOT_LEADER_OR_FOLLOWER);
	assert_int_equal(r->current_leader.leader_id, leader);
	assert_int_equal(r->current_leader.leader_epoch, topic->partitions[0]->leader_epoch);
	assert_int_equal(response.node_endpoints.count, 1);
	assert_int_equal(response.node_endpoints.items[0].node_id, leader);
	assert_int_equal(response.node_endpoints.items[0].port, stage_port(&t.stage, leader));
	close(fd);
	stage_end(&t);
}

static void test_too_few_in_sync_refuses_acks_all_only(void **state)
{
	(void)state;
	struct test_stage t;
	struct stage_options options = stage_test_options();
	struct property_pair property = { STRING("min.insync.replicas"), STRING("2") };
	options.node_count = 2;
	options.properties = &property;
	options.property_count = 1;
	stage_begin(&t, &options);
	struct catalog_topic *topic = stage_topic(&t, "t", 1, 2);
	int32_t leader = topic->partitions[0]->leader;
	assert_int_equal(stage_node_down(&t.stage, 1 - leader), 0);
	int fd = client_open(&t, leader);
	size_t size = make_batch(batch, sizeof batch, 5, 100);
	assert_int_equal(
		produce(&t, fd, VERSION, -1, "t", 0, size)->error_code, ERROR_NOT_ENOUGH_REPLICAS);
	assert_int_equal(produce(&t, fd, VERSION, 1, "t", 0, size)->error_code, 0);
	close(fd);
	stage_end(&t);
}

static void test_acks_none_is_silent_and_an_error_ends_the_connection(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, (size_t)64 << 20);
	int fd = client_open(&t, 0);
	struct produce_one p;
	size_t size = make_batch(batch, sizeof batch, 5, 100);
	client_request(&t, fd, API_PRODUCE, VERSION, 1, produce_one(&p, 0, "t", 0, batch, size));
	TURN_UNTIL(&t, log_of(&t, "t", 0)->end_offset == 5);
	assert_int_equal(client_frame(&t, fd, 20 * NS_PER_MS), CLIENT_SILENT);
	client_request(&t, fd, API_PRODUCE, VERSION, 1, produce_one(&p, 0, "no", 0, batch, size));
	assert_true(client_sees_end(&t, fd));
	assert_true(said(&t, "UNKNOWN_TOPIC_OR_PARTITION"));
	close(fd);
	stage_end(&t);
}

static void test_torn_request_appends_nothing(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, (size_t)64 << 20);
	struct produce_one p;
	size_t size = make_batch(batch, sizeof batch, 100, 1000);
	size_t frame_size = client_request_write(
		&t, API_PRODUCE, VERSION, 5, produce_one(&p, -1, "t", 0, batch, size));
	const size_t cuts[] = { 3, 20, 60, 5000, frame_size - 1 };
	for (size_t i = 0; i < COUNT_OF(cuts); i++) {
		int fd = client_open(&t, 0);
		client_send(&t, fd, t.frame, cuts[i]);
		TURN_UNTIL(&t, t.stage.session_count == 1);
		turn_for(&t, 2 * NS_PER_MS);
		close(fd);
		TURN_UNTIL(&t, t.stage.session_count == 0);
	}
	assert_int_equal(log_of(&t, "t", 0)->end_offset, 0);
	stage_end(&t); /* asserts that all room was given back */
}

/* The records were dropped unread, since the topic that they came for did not take so many bytes;
 * the one that has its name when the frame is complete would. */
static void test_topic_that_is_made_anew_gets_no_records_that_were_dropped(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, (size_t)64 << 20);
	catalog_topic_named(&t.stage.catalog, STRING("t"))->rules.max_message_bytes = 100;
	int fd = client_open(&t, 0);
	struct produce_one p;
	size_t size = make_batch(batch, sizeof batch, 10, 1000);
	size_t frame_size = client_request_write(
		&t, API_PRODUCE, VERSION, 5, produce_one(&p, -1, "t", 0, batch, size));
	client_send(&t, fd, t.frame, frame_size - 1);
	turn_for(&t, 5 * NS_PER_MS);
	catalog_topic_delete(&t.stage.catalog, catalog_topic_named(&t.stage.catalog, STRING("t")));
	stage_topic(&t, "t", 4, 1);
	client_send(&t, fd, t.frame + frame_size - 1, 1);
	struct produce_response response;
	assert_int_equal(client_answer(&t, fd, API_PRODUCE, VERSION, &response), 5);
	assert_int_equal(produce_only(&response)->error_code, ERROR_MESSAGE_TOO_LARGE);
	assert_int_equal(log_of(&t, "t", 0)->end_offset, 0);
	close(fd);
	stage_end(&t);
}

/* A topic's max.message.bytes may be above the broker's message.max.bytes: a segment is the limit.
 */
static void test_topic_takes_larger_batches_than_the_broker(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, (size_t)64 << 20);
	struct append_rules *rules = &catalog_topic_named(&t.stage.catalog, STRING("t"))->rules;
	int fd = client_open(&t, 0);
	size_t size = make_batch(batch, sizeof batch, 1500, 1000);
	assert_true((int64_t)size > rules->max_message_bytes);
	assert_int_equal(
		produce(&t, fd, VERSION, -1, "t", 0, size)->error_code, ERROR_MESSAGE_TOO_LARGE);
	rules->max_message_bytes = 3000000;
	assert_int_equal(produce(&t, fd, VERSION, -1, "t", 0, size)->error_code, 0);
	assert_int_equal(log_of(&t, "t", 0)->end_offset, 1500);
	close(fd);
	stage_end(&t);
	/* Eight segments of 2 MiB. */
	begin(&t, (size_t)16 << 20);
	catalog_topic_named(&t.stage.catalog, STRING("t"))->rules.max_message_bytes = INT32_MAX;
	fd = client_open(&t, 0);
	static uint8_t large[3 << 20];
	struct produce_one p;
	struct produce_response response;
	size = make_batch(large, sizeof large, 2500, 1000);
	client_request(&t, fd, API_PRODUCE, VERSION, 7, produce_one(&p, -1, "t", 0, large, size));
	assert_int_equal(client_answer(&t, fd, API_PRODUCE, VERSION, &response), 7);
	assert_int_equal(produce_only(&response)->error_code, ERROR_RECORD_LIST_TOO_LARGE);
	close(fd);
	stage_end(&t);
}

/* One request with `count` partitions of one record each. */
static size_t write_many(struct test_stage *t, int32_t count, size_t size)
{
	struct produce_one p;
	produce_one(&p, -1, "many", 0, batch, size);
	struct produce_partition *items = calloc((size_t)count, sizeof *items);
	assert_non_null(items);
	for (int32_t i = 0; i < count; i++) {
		items[i] = p.partition;
		items[i].index = i;
	}
	p.topic.partition_data.items = items;
	p.topic.partition_data.count = count;
	size_t frame_size = client_request_write(t, API_PRODUCE, VERSION, 9, &p.request);
	free(items);
	return frame_size;
}

static void test_many_small_partitions_in_one_request(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, (size_t)64 << 20);
	stage_topic(&t, "many", 5000, 1);
	int fd = client_open(&t, 0);
	size_t frame_size = write_many(&t, 5000, make_batch(batch, sizeof batch, 1, 10));
	int64_t start_ns = clock_monotonic_ns();
	assert_int_equal(client_send(&t, fd, t.frame, frame_size), frame_size);
	struct produce_response response;
	assert_int_equal(client_answer(&t, fd, API_PRODUCE, VERSION, &response), 9);
	assert_true(clock_monotonic_ns() - start_ns < 2 * NS_PER_S);
	assert_int_equal(response.responses.items[0].partition_responses.count, 5000);
	for (int32_t i = 0; i < 5000; i++) {
		assert_int_equal(
			response.responses.items[0].partition_responses.items[i].error_code, 0);
		assert_int_equal(response.responses.items[0].partition_responses.items[i].index, i);
	}
	close(fd);
	TURN_UNTIL(&t, t.stage.session_count == 0);
	/* What the request needed has been given back. */
	assert_true(t.stage.exchange_bytes <= 4 * ARENA_CHUNK_SIZE);
	stage_end(&t);
}

static void test_full_store_gives_up_in_time(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, (size_t)16 << 20);
	/* Clients that have announced records and do not send them hold the room. */
	enum { HOLDERS = 64 };
	int holders[HOLDERS], count = 0;
	struct produce_one p;
	size_t size = make_batch(batch, sizeof batch, 1000, 1000);
	size_t frame_size = client_request_write(
		&t, API_PRODUCE, VERSION, 5, produce_one(&p, -1, "t", 0, batch, size));
	for (; count < HOLDERS && t.stage.store.exhausted_count == 0; count++) {
		holders[count] = client_open(&t, 0);
		client_send(&t, holders[count], t.frame, 20000);
		turn_for(&t, 2 * NS_PER_MS);
	}
	assert_true(t.stage.store.exhausted_count > 0);
	/* The last of them goes on, and is told. */
	int fd = holders[count - 1];
	client_send(&t, fd, t.frame + 20000, frame_size - 20000);
	struct produce_response response;
	assert_int_equal(client_answer(&t, fd, API_PRODUCE, VERSION, &response), 5);
	assert_int_equal(produce_only(&response)->error_code, ERROR_KAFKA_STORAGE_ERROR);
	/* One leaves, and there is room. */
	close(holders[0]);
	close(holders[1]);
	TURN_UNTIL(&t, t.stage.session_count == count - 2);
	assert_int_equal(produce(&t, fd, VERSION, -1, "t", 0, size)->error_code, 0);
	for (int i = 2; i < count; i++)
		close(holders[i]);
	stage_end(&t);
}

static void test_transactions_are_refused(void **state)
{
	(void)state;
	struct test_stage t;
	begin(&t, (size_t)64 << 20);
	int fd = client_open(&t, 0);
	struct batch_builder b;
	batch_begin(&b, batch, sizeof batch, clock_wall_ns() / NS_PER_MS);
	assert_true(batch_append(&b, b.base_timestamp_ms, NULL_BYTES, NULL_BYTES, NULL, 0));
	struct batch_seal seal = {
		.producer_id = 1, .producer_epoch = 0, .base_sequence = 0, .transactional = true
	};
	size_t size = (size_t)batch_finish(&b, &seal, NULL, 0);
	assert_int_equal(produce(&t, fd, VERSION, -1, "t", 0, size)->error_code,
		ERROR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
	struct produce_one p;
	struct produce_response response;
	produce_one(&p, -1, "t", 0, batch, size);
	p.request.transactional_id = STRING("mine");
	client_request(&t, fd, API_PRODUCE, VERSION, 1, &p.request);
	client_answer(&t, fd, API_PRODUCE, VERSION, &response);
	assert_int_equal(produce_only(&response)->error_code, ERROR_INVALID_TXN_STATE);
	close(fd);
	stage_end(&t);
}

static void test_faults_of_partitions(void **state)
{
	(void)state;
	struct test_stage t;
	struct stage_options options = stage_test_options();
	const char *rules[] = {
		"api=Produce,partition=1:error=NOT_LEADER_OR_FOLLOWER:count=1",
		"api=Produce,partition=2:error=REQUEST_TIMED_OUT,applied=yes:count=1",
	};
	options.faults = rules;
	options.fault_count = 2;
	stage_begin(&t, &options);
	stage_topic(&t, "t", 4, 1);
	int fd = client_open(&t, 0);
	size_t size = make_batch(batch, sizeof batch, 5, 100);
	assert_int_equal(produce(&t, fd, VERSION, -1, "t", 0, size)->base_offset, 0);
	assert_int_equal(produce(&t, fd, VERSION, -1, "t", 1, size)->error_code,
		ERROR_NOT_LEADER_OR_FOLLOWER);
	assert_int_equal(log_of(&t, "t", 1)->end_offset, 0);
	assert_int_equal(produce(&t, fd, VERSION, -1, "t", 1, size)->base_offset, 0);
	assert_int_equal(
		produce(&t, fd, VERSION, -1, "t", 2, size)->error_code, ERROR_REQUEST_TIMED_OUT);
	assert_int_equal(produce(&t, fd, VERSION, -1, "t", 2, size)->base_offset, 5);
	close(fd);
	stage_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_are_kept),
		cmocka_unit_test(test_every_version_is_answered),
		cmocka_unit_test(test_every_split_of_a_request_gives_the_same),
		cmocka_unit_test(test_pipelined_requests_are_answered_in_order),
		cmocka_unit_test(test_null_store_answers_as_if_it_kept),
		cmocka_unit_test(test_validate_checks_what_a_null_store_drops),
		cmocka_unit_test(test_what_cannot_be_is_refused_as_kafka_does),
		cmocka_unit_test(test_other_broker_says_who_leads),
		cmocka_unit_test(test_too_few_in_sync_refuses_acks_all_only),
		cmocka_unit_test(test_acks_none_is_silent_and_an_error_ends_the_connection),
		cmocka_unit_test(test_torn_request_appends_nothing),
		cmocka_unit_test(test_topic_that_is_made_anew_gets_no_records_that_were_dropped),
		cmocka_unit_test(test_topic_takes_larger_batches_than_the_broker),
		cmocka_unit_test(test_many_small_partitions_in_one_request),
		cmocka_unit_test(test_full_store_gives_up_in_time),
		cmocka_unit_test(test_transactions_are_refused),
		cmocka_unit_test(test_faults_of_partitions),
	};
	return RUN_TESTS(tests);
}
