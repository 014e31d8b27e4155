/*
 * Shows: topics, offsets and configuration are asked of the right broker, asked again when that is
 * worth it, and refused in the broker's words.
 */
#include "fake_broker.h"

#include <errno.h>

#include "../../../src/client/admin.h"
#include "proto/offsets.h"
#include "proto/topics.h"

static struct loop *loop;
static struct fake_world world;
static struct fake_broker brokers[FAKE_BROKERS];
static struct cluster cluster;
static atomic_bool stop;

/* The script of the moment: what the brokers say to the first questions, then to all others. */
static int16_t first_error, error;
static const char *error_message;
static int troubles; /* how many times first_error is said */

static const struct connection_options options = {
	.client_id = "test",
	.connect_timeout_ns = 150 * NS_PER_MS,
	.request_timeout_ns = 10 * NS_PER_S,
};

static int16_t error_now(void)
{
	return troubles > 0 && troubles-- > 0 ? first_error : error;
}

static struct string message_now(void)
{
	return string_of(error_message);
}

static void create_topics(struct fake_broker *b, const struct asked *a)
{
	const struct create_topics_request *request = a->body;
	assert_int_equal(request->topics.count, 1);
	const struct creatable_topic *asked = &request->topics.items[0];
	struct creatable_topic_result result;
	struct create_topics_response body;
	message_reset(&create_topics_response_message, &body);
	result = (struct creatable_topic_result){ .name = asked->name,
		.error_code = error_now(),
		.error_message = message_now(),
		.num_partitions = -1,
		.replication_factor = -1 };
	body.topics.items = &result;
	body.topics.count = 1;
	if (result.error_code == ERROR_NONE && world.topic && strcmp(world.topic, "t") == 0)
		result.error_code = ERROR_TOPIC_ALREADY_EXISTS;
	if (result.error_code == ERROR_NONE) {
		assert_int_equal(b->id, world.controller);
		assert_int_equal(asked->replication_factor, 2);
		assert_int_equal(asked->configs.count, 1);
		assert_true(string_equal(asked->configs.items[0].name, STRING("a.key")));
		assert_true(string_equal(asked->configs.items[0].value, STRING("a value")));
		world.topic = "t";
		world.partition_count = asked->num_partitions;
	}
	fake_answer(a, &body);
}

static void delete_topics(struct fake_broker *b, const struct asked *a)
{
	const struct delete_topics_request *request = a->body;
	assert_int_equal(request->topic_names.count, 1);
	struct deletable_topic_result result = { .name = request->topic_names.items[0],
		.error_code = error_now(),
		.error_message = message_now() };
	if (!world.topic)
		result.error_code = ERROR_UNKNOWN_TOPIC_OR_PARTITION;
	if (result.error_code == ERROR_NONE) {
		assert_int_equal(b->id, world.controller);
		world.topic = NULL;
	}
	struct delete_topics_response body;
	message_reset(&delete_topics_response_message, &body);
	body.responses.items = &result;
	body.responses.count = 1;
	fake_answer(a, &body);
}

/* Every partition ends at 1000 plus its number, begins at that number. */
static void list_offsets(struct fake_broker *b, const struct asked *a)
{
	const struct list_offsets_request *request = a->body;
	assert_int_equal(request->topics.count, 1);
	const struct list_offsets_topic *asked = &request->topics.items[0];
	struct list_offsets_partition_response rows[FAKE_PARTITIONS];
	int16_t trouble = error_now();
	for (int32_t i = 0; i < asked->partitions.count; i++) {
		int32_t index = asked->partitions.items[i].partition_index;
		bool latest = asked->partitions.items[i].timestamp == OFFSET_LATEST;
		rows[i] = (struct list_offsets_partition_response){ .partition_index = index,
			.error_code = world.leaders[index] == b->id
					      ? trouble
					      : (int16_t)ERROR_NOT_LEADER_OR_FOLLOWER,
			.offset = latest ? 1000 + index : index,
			.leader_epoch = -1,
			.timestamp = -1 };
		if (rows[i].error_code != ERROR_NONE)
			rows[i].offset = -1;
	}
	struct list_offsets_topic_response topic = { .name = asked->name };
	topic.partitions.items = rows;
	topic.partitions.count = asked->partitions.count;
	struct list_offsets_response body;
	message_reset(&list_offsets_response_message, &body);
	body.topics.items = &topic;
	body.topics.count = 1;
	fake_answer(a, &body);
}

static void describe_configs(struct fake_broker *b, const struct asked *a)
{
	const struct describe_configs_request *request = a->body;
	assert_int_equal(request->resources.count, 1);
	const struct describe_configs_resource *asked = &request->resources.items[0];
	if (asked->resource_type == RESOURCE_BROKER)
		assert_int_equal(asked->resource_name.data[0], '0' + b->id);
	struct describe_configs_resource_result rows[] = {
		{ .name = STRING("max.message.bytes"), .value = STRING("1048588") },
		{ .name = STRING("secret"), .value = NULL_STRING, .is_sensitive = true },
		{ .name = STRING("never.asked"), .value = STRING("x") },
	};
	struct describe_configs_result result = { .error_code = error,
		.error_message = message_now(),
		.resource_type = asked->resource_type,
		.resource_name = asked->resource_name };
	result.configs.items = rows;
	result.configs.count = error ? 0 : (int32_t)COUNT_OF(rows);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		rows[i].documentation = NULL_STRING;
		rows[i].config_source = -1;
	}
	struct describe_configs_response body;
	message_reset(&describe_configs_response_message, &body);
	body.results.items = &result;
	body.results.count = 1;
	fake_answer(a, &body);
}

static void handle(struct fake_broker *b, const struct asked *a)
{
	if (a->api == API_CREATE_TOPICS)
		create_topics(b, a);
	else if (a->api == API_DELETE_TOPICS)
		delete_topics(b, a);
	else if (a->api == API_LIST_OFFSETS)
		list_offsets(b, a);
	else if (a->api == API_DESCRIBE_CONFIGS)
		describe_configs(b, a);
	else
		fake_serve(b, a);
}

static int setup(void **state)
{
	(void)state;
	char why[LOOP_TEXT_SIZE];
	if (loop_open(NULL, &loop, why) < 0)
		return -1;
	world = (struct fake_world){
		.topic_id = { { 1 } }, .controller = 1, .leaders = { 0, 1, 2, 0, 1, 2 }
	};
	for (int i = 0; i < FAKE_BROKERS; i++) {
		fake_open(&brokers[i], loop, &world);
		brokers[i].handle = handle;
	}
	first_error = error = ERROR_NONE;
	troubles = 0;
	error_message = NULL;
	atomic_store(&stop, false);
	struct endpoint endpoint = { "127.0.0.1", brokers[0].port };
	struct endpoint_list list = { &endpoint, 1 };
	return cluster_open(&cluster, loop, &list, &options, 1, &stop);
}

static int teardown(void **state)
{
	(void)state;
	cluster_close(&cluster);
	for (int i = 0; i < FAKE_BROKERS; i++)
		fake_close(&brokers[i]);
	assert_false(loop_busy(loop));
	loop_close(loop);
	return 0;
}

static void assert_reason(const char *part)
{
	if (!strstr(cluster.reason, part))
		fail_msg("'%s' does not say '%s'", cluster.reason, part);
}

static int asked_of_all(enum api api)
{
	return brokers[0].asked[api] + brokers[1].asked[api] + brokers[2].asked[api];
}

static int create(void)
{
	struct option_pair pair = { "a.key", "a value" };
	struct option_pairs configs = { &pair, 1 };
	struct topic_spec spec = {
		.name = "t", .partitions = 6, .replication_factor = 2, .configs = &configs
	};
	return admin_topic_create(&cluster, &spec);
}

static void follow_six_partitions(void)
{
	world.topic = "t";
	world.partition_count = 6;
	assert_int_equal(cluster_follow(&cluster, "t"), 0);
}

static void raise_stop(struct timer *timer, int64_t now_ns)
{
	(void)timer, (void)now_ns;
	atomic_store(&stop, true);
}

static struct timer stop_timer;

static void stop_soon(void)
{
	atomic_store(&stop, false);
	timer_init(&stop_timer, raise_stop);
	loop_timer_start(loop, &stop_timer, loop_clock_ns(loop) + 30 * NS_PER_MS);
}

/* ---- topics ---- */

static struct timer election;

static void elect(struct timer *timer, int64_t now_ns)
{
	(void)timer, (void)now_ns;
	for (int i = 0; i < 6; i++)
		world.leaders[i] = i % 3;
	world.topic_error = ERROR_NONE;
}

static void test_a_topic_is_created_and_awaited_until_it_has_leaders(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++)
		world.leaders[i] = -1;
	world.topic_error = ERROR_LEADER_NOT_AVAILABLE;
	timer_init(&election, elect);
	loop_timer_start(loop, &election, loop_clock_ns(loop) + 50 * NS_PER_MS);
	assert_int_equal(create(), 0);
	assert_int_equal(brokers[1].asked[API_CREATE_TOPICS], 1);
	assert_string_equal(cluster.topic.name, "t");
	assert_int_equal(cluster.topic.partition_count, 6);
	for (int i = 0; i < 6; i++)
		assert_int_equal(cluster.topic.partitions[i].leader, i % 3);
}

static void test_a_topic_created_after_another_has_its_own_partitions(void **state)
{
	(void)state;
	world.topic = "larger";
	world.partition_count = 8;
	assert_int_equal(cluster_follow(&cluster, "larger"), 0);
	assert_int_equal(create(), 0);
	assert_int_equal(cluster.topic.partition_count, 6);
}

static void test_a_topic_that_exists_is_told_from_a_failure(void **state)
{
	(void)state;
	error = ERROR_TOPIC_ALREADY_EXISTS;
	assert_int_equal(create(), -EEXIST);
	assert_int_equal(asked_of_all(API_CREATE_TOPICS), 1);
}

static void handle_moved_controller(struct fake_broker *b, const struct asked *a)
{
	bool wrong = a->api == API_CREATE_TOPICS || a->api == API_DELETE_TOPICS;
	if (wrong && b->id == 1) {
		world.controller = 2;
		first_error = ERROR_NOT_CONTROLLER;
		troubles = 1;
	}
	handle(b, a);
}

static void test_the_controller_is_followed(void **state)
{
	(void)state;
	for (int i = 0; i < FAKE_BROKERS; i++)
		brokers[i].handle = handle_moved_controller;
	assert_int_equal(create(), 0);
	assert_int_equal(brokers[1].asked[API_CREATE_TOPICS], 1);
	assert_int_equal(brokers[2].asked[API_CREATE_TOPICS], 1);
	world.controller = 1;
	assert_int_equal(cluster_follow(&cluster, "t"), 0);
	assert_int_equal(admin_topic_delete(&cluster, "t"), 0);
	assert_int_equal(brokers[1].asked[API_DELETE_TOPICS], 1);
	assert_int_equal(brokers[2].asked[API_DELETE_TOPICS], 1);
}

static void test_a_refusal_is_in_the_brokers_words(void **state)
{
	(void)state;
	error = ERROR_INVALID_REPLICATION_FACTOR;
	error_message = "2 is more than there are";
	assert_int_equal(create(), -EINVAL);
	assert_reason("topic 't' cannot be created: INVALID_REPLICATION_FACTOR: 2 is more than");
	assert_int_equal(asked_of_all(API_CREATE_TOPICS), 1);
	error = ERROR_TOPIC_AUTHORIZATION_FAILED;
	world.topic = "t";
	assert_int_equal(admin_topic_delete(&cluster, "t"), -EINVAL);
	assert_reason("TOPIC_AUTHORIZATION_FAILED: 2 is more than");
	error_message = NULL;
	assert_int_equal(create(), -EINVAL);
	assert_reason("cannot be created: TOPIC_AUTHORIZATION_FAILED");
}

static void test_what_passes_is_tried_again(void **state)
{
	(void)state;
	first_error = ERROR_REQUEST_TIMED_OUT;
	troubles = 2;
	assert_int_equal(create(), 0);
	assert_int_equal(asked_of_all(API_CREATE_TOPICS), 3);
	troubles = 2;
	assert_int_equal(admin_topic_delete(&cluster, "t"), 0);
	assert_int_equal(asked_of_all(API_DELETE_TOPICS), 3);
}

static void test_deleting_what_is_not_there_is_told(void **state)
{
	(void)state;
	assert_int_equal(admin_topic_delete(&cluster, "t"), -ENOENT);
	assert_reason("UNKNOWN_TOPIC_OR_PARTITION");
	assert_int_equal(asked_of_all(API_DELETE_TOPICS), 1);
}

static void handle_deletes_unheard(struct fake_broker *b, const struct asked *a)
{
	if (a->api != API_DELETE_TOPICS)
		return handle(b, a);
	b->handle = handle;
	world.topic = NULL;
	fake_reset(a->link);
}

static void test_a_delete_whose_answer_was_lost_is_done(void **state)
{
	(void)state;
	follow_six_partitions();
	brokers[1].handle = handle_deletes_unheard;
	assert_int_equal(admin_topic_delete(&cluster, "t"), 0);
	assert_int_equal(asked_of_all(API_DELETE_TOPICS), 2);
}

static int32_t partitions_made; /* by whoever was first */

static void handle_creates_unheard(struct fake_broker *b, const struct asked *a)
{
	if (a->api != API_CREATE_TOPICS)
		return handle(b, a);
	b->handle = handle;
	world.topic = "t";
	world.partition_count = partitions_made;
	fake_reset(a->link);
}

static void test_a_create_whose_answer_was_lost_is_done(void **state)
{
	(void)state;
	partitions_made = 6;
	brokers[1].handle = handle_creates_unheard;
	assert_int_equal(create(), 0);
	assert_int_equal(asked_of_all(API_CREATE_TOPICS), 2);
	assert_int_equal(cluster.topic.partition_count, 6);
}

static void handle_creates_slowly(struct fake_broker *b, const struct asked *a)
{
	if (a->api == API_CREATE_TOPICS) {
		b->handle = handle;
		world.topic = "t";
		world.partition_count = 6;
		error = ERROR_REQUEST_TIMED_OUT;
		handle(b, a);
		error = ERROR_NONE;
		return;
	}
	handle(b, a);
}

/* A controller that says so goes on creating the topic. */
static void test_a_create_that_timed_out_at_the_broker_is_done(void **state)
{
	(void)state;
	brokers[1].handle = handle_creates_slowly;
	assert_int_equal(create(), 0);
	assert_int_equal(asked_of_all(API_CREATE_TOPICS), 2);
}

static void test_a_topic_of_another_shape_is_somebody_elses(void **state)
{
	(void)state;
	partitions_made = 5;
	brokers[1].handle = handle_creates_unheard;
	assert_int_equal(create(), -EEXIST);
}

/* ---- offsets ---- */

static void test_offsets_come_from_every_leader(void **state)
{
	(void)state;
	follow_six_partitions();
	int64_t offsets[6];
	assert_int_equal(admin_offsets(&cluster, OFFSET_LATEST, offsets), 0);
	for (int i = 0; i < 6; i++)
		assert_int_equal(offsets[i], 1000 + i);
	for (int i = 0; i < FAKE_BROKERS; i++)
		assert_int_equal(brokers[i].asked[API_LIST_OFFSETS], 1);
	assert_int_equal(admin_offsets(&cluster, OFFSET_EARLIEST, offsets), 0);
	for (int i = 0; i < 6; i++)
		assert_int_equal(offsets[i], i);
}

static void test_a_leader_that_moved_is_asked_where_it_is(void **state)
{
	(void)state;
	follow_six_partitions();
	world.leaders[0] = world.leaders[3] = 2;
	world.epochs[0] = world.epochs[3] = 1;
	int64_t offsets[6];
	assert_int_equal(admin_offsets(&cluster, OFFSET_LATEST, offsets), 0);
	for (int i = 0; i < 6; i++)
		assert_int_equal(offsets[i], 1000 + i);
	/* Each leader once in each round, not once for each of its partitions. */
	assert_int_equal(brokers[0].asked[API_LIST_OFFSETS], 1);
	assert_int_equal(brokers[1].asked[API_LIST_OFFSETS], 1);
	assert_int_equal(brokers[2].asked[API_LIST_OFFSETS], 2);
}

static void test_a_dead_leader_is_replaced_by_the_next(void **state)
{
	(void)state;
	follow_six_partitions();
	fake_stop(&brokers[2]);
	for (int i = 2; i < 6; i += 3) {
		world.leaders[i] = 1;
		world.epochs[i] = 1;
	}
	int64_t offsets[6];
	int64_t began_ns = clock_monotonic_ns();
	assert_int_equal(admin_offsets(&cluster, OFFSET_LATEST, offsets), 0);
	assert_true(clock_monotonic_ns() - began_ns < 5 * NS_PER_S);
	for (int i = 0; i < 6; i++)
		assert_int_equal(offsets[i], 1000 + i);
}

static void test_partitions_that_are_added_meanwhile_are_left_out(void **state)
{
	(void)state;
	follow_six_partitions();
	world.partition_count = 8;
	world.leaders[0] = 1; /* so that metadata is asked for again */
	world.epochs[0] = 1;
	int64_t *offsets = malloc(6 * sizeof *offsets);
	assert_non_null(offsets);
	assert_int_equal(admin_offsets(&cluster, OFFSET_LATEST, offsets), 0);
	assert_int_equal(cluster.topic.partition_count, 8);
	for (int i = 0; i < 6; i++)
		assert_int_equal(offsets[i], 1000 + i);
	free(offsets);
}

static void test_a_stop_ends_every_retry(void **state)
{
	(void)state;
	int64_t offsets[6];
	error = ERROR_REQUEST_TIMED_OUT;
	stop_soon();
	assert_int_equal(create(), -EINTR);
	assert_string_equal(cluster.reason, "interrupted");
	atomic_store(&stop, false);
	follow_six_partitions();
	stop_soon();
	assert_int_equal(admin_topic_delete(&cluster, "t"), -EINTR);
	stop_soon();
	assert_int_equal(admin_offsets(&cluster, OFFSET_LATEST, offsets), -EINTR);
	assert_string_equal(cluster.reason, "interrupted");
	world.topic_error = ERROR_LEADER_NOT_AVAILABLE;
	stop_soon();
	assert_int_equal(admin_topic_await(&cluster), -EINTR);
	assert_string_equal(cluster.reason, "interrupted");
}

/* ---- configuration ---- */

static int values;
static char value_text[32];

static void take_value(void *context, const char *key, struct string value)
{
	assert_ptr_equal(context, &values);
	values++;
	if (strcmp(key, "secret") == 0)
		assert_true(string_is_null(value));
	else
		snprintf(value_text, sizeof value_text, "%s=%.*s", key, value.size, value.data);
}

static void test_configuration_is_read_key_by_key(void **state)
{
	(void)state;
	static const char *const keys[] = { "max.message.bytes", "secret", "not.known" };
	values = 0;
	assert_int_equal(admin_configs(&cluster, RESOURCE_TOPIC, "t", keys, COUNT_OF(keys),
				 take_value, &values),
		0);
	assert_int_equal(values, 2);
	assert_string_equal(value_text, "max.message.bytes=1048588");
	/* A broker is asked about itself. */
	assert_int_equal(admin_configs(&cluster, RESOURCE_BROKER, "2", keys, COUNT_OF(keys),
				 take_value, &values),
		0);
	assert_int_equal(brokers[2].asked[API_DESCRIBE_CONFIGS], 1);
	error = ERROR_TOPIC_AUTHORIZATION_FAILED;
	error_message = "not for you";
	values = 0;
	assert_true(admin_configs(&cluster, RESOURCE_TOPIC, "t", keys, COUNT_OF(keys), take_value,
			    &values) < 0);
	assert_int_equal(values, 0);
	assert_reason("the configuration of t cannot be read: TOPIC_AUTHORIZATION_FAILED: not for");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(test_a_topic_is_created_and_awaited_until_it_has_leaders),
		CASE(test_a_topic_created_after_another_has_its_own_partitions),
		CASE(test_a_topic_that_exists_is_told_from_a_failure),
		CASE(test_the_controller_is_followed),
		CASE(test_a_refusal_is_in_the_brokers_words),
		CASE(test_what_passes_is_tried_again),
		CASE(test_deleting_what_is_not_there_is_told),
		CASE(test_a_delete_whose_answer_was_lost_is_done),
		CASE(test_a_create_whose_answer_was_lost_is_done),
		CASE(test_a_create_that_timed_out_at_the_broker_is_done),
		CASE(test_a_topic_of_another_shape_is_somebody_elses),
		CASE(test_offsets_come_from_every_leader),
		CASE(test_a_leader_that_moved_is_asked_where_it_is),
		CASE(test_a_dead_leader_is_replaced_by_the_next),
		CASE(test_partitions_that_are_added_meanwhile_are_left_out),
		CASE(test_a_stop_ends_every_retry),
		CASE(test_configuration_is_read_key_by_key),
	};
	return RUN_TESTS(tests);
}
