/*
 * Shows: topics are created, enlarged and deleted as Kafka's controller does, at every version;
 * what is named twice is refused once; and configurations are told with where they come from.
 */
#include "stage_ask.h"

#include <stdio.h>

#include "proto/error.h"
#include "proto/topics.h"

#define TOPIC_CONFIGS 33 /* that a topic of Kafka 4.3.1 has */
#define MANY          20000

static int set_up(void **state)
{
	*state = ask_open((const char *const[]){ "num.partitions", "2", "message.max.bytes", "2000",
		"log.retention.hours", "1", NULL });
	return 0;
}

static int set_up_without_deletion(void **state)
{
	*state = ask_open((const char *const[]){ "delete.topic.enable", "false", NULL });
	return 0;
}

static int tear_down(void **state)
{
	ask_close(*state);
	return 0;
}

/* ---- CreateTopics ---- */

static struct creatable_topic wanted(const char *name)
{
	return (struct creatable_topic){
		.name = string_of(name),
		.num_partitions = -1,
		.replication_factor = -1,
	};
}

static struct create_topics_response create(struct asker *a, int version,
	struct creatable_topic *topics, int32_t count, bool validate_only)
{
	struct create_topics_response response;
	struct create_topics_request request = {
		.topics = { topics, count },
		.timeout_ms = 1000,
		.validate_only = validate_only,
	};
	assert_true(ask(a, API_CREATE_TOPICS, version, &request, &response));
	return response;
}

static const struct creatable_topic_configs *config_of(
	const struct creatable_topic_result *result, const char *name)
{
	for (int32_t i = 0; i < result->configs.count; i++)
		if (string_equal(result->configs.items[i].name, string_of(name)))
			return &result->configs.items[i];
	fail_msg("no %s", name);
	return NULL;
}

static void test_a_topic_is_created_at_every_version(void **state)
{
	struct asker *a = *state;
	char name[8] = "t0";
	for (int version = 2; version <= 7; version++) {
		name[1] = (char)('0' + version);
		struct creatable_topic topic = wanted(name);
		struct create_topics_response response = create(a, version, &topic, 1, false);
		const struct creatable_topic_result *result = &response.topics.items[0];
		assert_int_equal(result->error_code, 0);
		assert_text(result->name, name);
		assert_true(string_is_null(result->error_message));
		assert_int_equal(result->num_partitions, version >= 5 ? 2 : -1);
		assert_int_equal(result->replication_factor, version >= 5 ? 1 : -1);
		const struct catalog_topic *made =
			catalog_topic_named(&a->stage->catalog, string_of(name));
		assert_non_null(made);
		if (version >= 7)
			assert_memory_equal(&result->topic_id, &made->id, sizeof made->id);
	}
}

static void test_what_a_new_topic_is_configured_with_is_told_in_order(void **state)
{
	struct asker *a = *state;
	struct creatable_topic topic = wanted("t");
	struct creatable_topic_config config = { STRING("retention.bytes"), STRING(" 5 ") };
	topic.configs.items = &config;
	topic.configs.count = 1;
	for (int pass = 0; pass < 2; pass++) {
		struct create_topics_response response = create(a, 7, &topic, 1, pass == 0);
		const struct creatable_topic_result *result = &response.topics.items[0];
		assert_int_equal(result->error_code, 0);
		assert_int_equal(result->configs.count, TOPIC_CONFIGS);
		for (int32_t i = 1; i < result->configs.count; i++) {
			struct string before = result->configs.items[i - 1].name;
			struct string name = result->configs.items[i].name;
			int order =
				memcmp(before.data, name.data, (size_t)MIN(before.size, name.size));
			assert_true(order < 0 || (order == 0 && before.size < name.size));
		}
		assert_text(config_of(result, "retention.bytes")->value, "5");
		assert_int_equal(config_of(result, "retention.bytes")->config_source, 1);
		assert_text(config_of(result, "max.message.bytes")->value, "2000");
		assert_int_equal(config_of(result, "max.message.bytes")->config_source, 4);
		assert_text(config_of(result, "retention.ms")->value, "3600000");
		assert_int_equal(config_of(result, "retention.ms")->config_source, 4);
		assert_int_equal(config_of(result, "segment.bytes")->config_source, 5);
		assert_int_equal(a->stage->catalog.topic_count, pass);
	}
}

static void test_each_topic_of_a_request_has_its_own_fate(void **state)
{
	struct asker *a = *state;
	struct creatable_topic topics[] = { wanted("good"), wanted("bad name"), wanted("twice"),
		wanted("twice"), wanted("__cluster_metadata"), wanted("also-good") };
	struct create_topics_response response = create(a, 5, topics, COUNT_OF(topics), false);
	static const struct {
		const char *name;
		int16_t error;
		const char *message;
	} expected[] = {
		{ "good", 0, NULL },
		{ "bad name", ERROR_INVALID_TOPIC_EXCEPTION,
			"Topic name is invalid: 'bad name' contains one or more characters other "
			"than ASCII alphanumerics, '.', '_' and '-'" },
		{ "twice", ERROR_INVALID_REQUEST, "Duplicate topic name." },
		{ "__cluster_metadata", ERROR_INVALID_REQUEST,
			"Creation of internal topic __cluster_metadata is prohibited." },
		{ "also-good", 0, NULL },
	};
	assert_int_equal(response.topics.count, COUNT_OF(expected));
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		const struct creatable_topic_result *result = &response.topics.items[i];
		assert_text(result->name, expected[i].name);
		assert_int_equal(result->error_code, expected[i].error);
		if (expected[i].message)
			assert_text(result->error_message, expected[i].message);
	}
	assert_int_equal(a->stage->catalog.topic_count, 2);
}

static void test_a_request_for_too_many_partitions_makes_none(void **state)
{
	struct asker *a = *state;
	struct creatable_topic topics[] = { wanted("a"), wanted("b") };
	topics[0].num_partitions = 6000;
	topics[1].num_partitions = 6000;
	struct create_topics_response response = create(a, 7, topics, 2, false);
	for (int i = 0; i < 2; i++)
		assert_int_equal(response.topics.items[i].error_code, ERROR_POLICY_VIOLATION);
	assert_int_equal(a->stage->catalog.topic_count, 0);
}

static void test_thousands_of_topics_are_taken_at_once(void **state)
{
	struct asker *a = *state;
	struct creatable_topic *topics = calloc(MANY, sizeof *topics);
	char(*names)[16] = calloc(MANY, sizeof *names);
	for (int i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof names[i], "t-%d", i);
		topics[i] = wanted(names[i]);
		topics[i].num_partitions = 1;
	}
	/* More than one request may make: all are refused, each once, without a look at each pair.
	 */
	assert_int_equal(create(a, 2, topics, MANY, false).topics.count, MANY);
	assert_int_equal(a->stage->catalog.topic_count, 0);
	assert_int_equal(create(a, 2, topics, MANY / 4, false).topics.count, MANY / 4);
	assert_int_equal(a->stage->catalog.topic_count, MANY / 4);
	free(topics);
	free(names);
}

/* ---- CreatePartitions ---- */

static void test_partitions_are_added_at_every_version(void **state)
{
	struct asker *a = *state;
	struct catalog_topic *topic = ask_topic(a, "t", 1, 1);
	for (int version = 0; version <= 3; version++) {
		struct create_partitions_topic more = {
			.name = STRING("t"), .count = 2 + version, .assignments = { NULL, -1 }
		};
		struct create_partitions_request request = { .topics = { &more, 1 },
			.validate_only = true };
		struct create_partitions_response response;
		assert_true(ask(a, API_CREATE_PARTITIONS, version, &request, &response));
		assert_int_equal(response.results.items[0].error_code, 0);
		assert_int_equal(topic->partition_count, 1 + version);
		request.validate_only = false;
		assert_true(ask(a, API_CREATE_PARTITIONS, version, &request, &response));
		assert_int_equal(response.results.items[0].error_code, 0);
		assert_true(string_is_null(response.results.items[0].error_message));
		assert_int_equal(topic->partition_count, 2 + version);
	}
}

static void test_growth_is_refused_for_unknown_smaller_and_repeated_topics(void **state)
{
	struct asker *a = *state;
	ask_topic(a, "t", 3, 1);
	struct catalog_topic *u = ask_topic(a, "u", 1, 1);
	struct create_partitions_topic more[] = {
		{ .name = STRING("none"), .count = 2, .assignments = { NULL, -1 } },
		{ .name = STRING("t"), .count = 2, .assignments = { NULL, -1 } },
		{ .name = STRING("u"), .count = 2, .assignments = { NULL, -1 } },
		{ .name = STRING("u"), .count = 3, .assignments = { NULL, -1 } },
	};
	struct create_partitions_request request = { .topics = { more, COUNT_OF(more) } };
	struct create_partitions_response response;
	assert_true(ask(a, API_CREATE_PARTITIONS, 2, &request, &response));
	assert_int_equal(response.results.count, 3);
	assert_int_equal(response.results.items[0].error_code, ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(response.results.items[1].error_code, ERROR_INVALID_PARTITIONS);
	assert_text(response.results.items[1].error_message,
		"The topic t currently has 3 partition(s); 2 would not be an increase.");
	assert_int_equal(response.results.items[2].error_code, ERROR_INVALID_REQUEST);
	assert_text(response.results.items[2].error_message, "Duplicate topic name.");
	assert_int_equal(u->partition_count, 1);
}

/* ---- DeleteTopics ---- */

static struct delete_topics_response delete_named(
	struct asker *a, int version, struct string *names, int32_t count)
{
	struct delete_topics_response response;
	struct delete_topics_request request = { .topic_names = { names, count } };
	assert_true(ask(a, API_DELETE_TOPICS, version, &request, &response));
	return response;
}

static struct delete_topics_response delete_states(
	struct asker *a, struct delete_topic_state *topics, int32_t count)
{
	struct delete_topics_response response;
	struct delete_topics_request request = { .topics = { topics, count } };
	assert_true(ask(a, API_DELETE_TOPICS, 6, &request, &response));
	return response;
}

static void test_topics_are_deleted_by_name_at_every_version(void **state)
{
	struct asker *a = *state;
	for (int version = 1; version <= 5; version++) {
		ask_topic(a, "t", 3, 1);
		struct string names[] = { STRING("t"), STRING("none") };
		struct delete_topics_response response = delete_named(a, version, names, 2);
		assert_int_equal(response.responses.count, 2);
		assert_int_equal(response.responses.items[0].error_code, 0);
		assert_text(response.responses.items[0].name, "t");
		assert_int_equal(
			response.responses.items[1].error_code, ERROR_UNKNOWN_TOPIC_OR_PARTITION);
		if (version == 5)
			assert_text(response.responses.items[1].error_message,
				"This server does not host this topic-partition.");
		assert_int_equal(a->stage->catalog.topic_count, 0);
	}
}

static void test_topics_are_deleted_by_id_and_told_by_name(void **state)
{
	struct asker *a = *state;
	struct uuid id = ask_topic(a, "t", 1, 1)->id;
	struct delete_topic_state topics[] = { { NULL_STRING, id }, { NULL_STRING, { { 9 } } } };
	struct delete_topics_response response = delete_states(a, topics, 2);
	assert_text(response.responses.items[0].name, "t");
	assert_memory_equal(&response.responses.items[0].topic_id, &id, sizeof id);
	assert_int_equal(response.responses.items[1].error_code, ERROR_UNKNOWN_TOPIC_ID);
	assert_true(string_is_null(response.responses.items[1].name));
	assert_int_equal(a->stage->catalog.topic_count, 0);
}

static void test_what_is_named_twice_stays(void **state)
{
	struct asker *a = *state;
	struct uuid t = ask_topic(a, "t", 1, 1)->id, u = ask_topic(a, "u", 1, 1)->id;
	struct uuid v = ask_topic(a, "v", 1, 1)->id, none = { { 0 } };
	struct delete_topic_state topics[] = {
		{ STRING("t"), none },
		{ STRING("t"), none },
		{ STRING("t"), none },
		{ NULL_STRING, u },
		{ NULL_STRING, u },
		{ NULL_STRING, v },
		{ STRING("v"), none },
		{ NULL_STRING, none },
		{ STRING("t"), t },
	};
	static const char *const messages[] = { "Duplicate topic name.", "Duplicate topic id.",
		"The provided topic name maps to an ID that was already supplied.",
		"Neither topic name nor id were specified.",
		"You may not specify both topic name and topic id." };
	struct delete_topics_response response = delete_states(a, topics, COUNT_OF(topics));
	assert_int_equal(response.responses.count, COUNT_OF(messages));
	for (size_t i = 0; i < COUNT_OF(messages); i++) {
		assert_int_equal(response.responses.items[i].error_code, ERROR_INVALID_REQUEST);
		assert_text(response.responses.items[i].error_message, messages[i]);
	}
	assert_int_equal(a->stage->catalog.topic_count, 3);
}

static void test_nothing_is_deleted_where_the_broker_forbids_it(void **state)
{
	struct asker *a = *state;
	ask_topic(a, "t", 1, 1);
	struct string name = STRING("t");
	assert_int_equal(delete_named(a, 3, &name, 1).responses.items[0].error_code,
		ERROR_TOPIC_DELETION_DISABLED);
	assert_int_equal(
		delete_named(a, 2, &name, 1).responses.items[0].error_code, ERROR_INVALID_REQUEST);
	assert_int_equal(a->stage->catalog.topic_count, 1);
}

/* ---- DescribeConfigs ---- */

static struct describe_configs_result describe(struct asker *a, int version, int8_t type,
	const char *name, const char *key, bool documented)
{
	struct string keys = string_of(key);
	struct describe_configs_resource resource = {
		.resource_type = type,
		.resource_name = string_of(name),
		.configuration_keys = { &keys, key ? 1 : -1 },
	};
	struct describe_configs_request request = {
		.resources = { &resource, 1 },
		.include_synonyms = true,
		.include_documentation = documented,
	};
	struct describe_configs_response response;
	assert_true(ask(a, API_DESCRIBE_CONFIGS, version, &request, &response));
	assert_int_equal(response.results.count, 1);
	return response.results.items[0];
}

static void assert_synonym(const struct describe_configs_resource_result *config, int at,
	const char *name, const char *value, int8_t source)
{
	assert_true(at < config->synonyms.count);
	assert_text(config->synonyms.items[at].name, name);
	assert_text(config->synonyms.items[at].value, value);
	assert_int_equal(config->synonyms.items[at].source, source);
}

static void test_a_topics_value_is_told_with_all_it_could_come_from(void **state)
{
	struct asker *a = *state;
	struct creatable_topic topic = wanted("t");
	struct creatable_topic_config set = { STRING("max.message.bytes"), STRING("1000") };
	topic.configs.items = &set;
	topic.configs.count = 1;
	create(a, 5, &topic, 1, false);
	for (int version = 1; version <= 4; version++) {
		struct describe_configs_result result =
			describe(a, version, 2, "t", "max.message.bytes", false);
		assert_int_equal(result.error_code, 0);
		assert_int_equal(result.configs.count, 1);
		const struct describe_configs_resource_result *config = &result.configs.items[0];
		assert_text(config->value, "1000");
		assert_int_equal(config->config_source, 1);
		assert_false(config->read_only);
		assert_int_equal(config->synonyms.count, 3);
		assert_synonym(config, 0, "max.message.bytes", "1000", 1);
		assert_synonym(config, 1, "message.max.bytes", "2000", 4);
		assert_synonym(config, 2, "message.max.bytes", "1048588", 5);
		assert_int_equal(config->config_type, version >= 3 ? PROPERTY_INT : 0);
		assert_true(config->documentation.size <= 0);
	}
}

static void test_hours_decide_a_time_but_are_not_told_as_its_source(void **state)
{
	struct asker *a = *state;
	ask_topic(a, "t", 1, 1);
	struct describe_configs_result result = describe(a, 4, 2, "t", "retention.ms", true);
	assert_text(result.configs.items[0].value, "3600000");
	assert_int_equal(result.configs.items[0].config_source, 5);
	assert_int_equal(result.configs.items[0].synonyms.count, 0);
	assert_true(result.configs.items[0].documentation.size > 0);
}

static void test_all_of_a_topics_configurations_are_told(void **state)
{
	struct asker *a = *state;
	ask_topic(a, "t", 1, 1);
	struct describe_configs_result result = describe(a, 4, 2, "t", NULL, false);
	assert_int_equal(result.configs.count, TOPIC_CONFIGS);
	for (int32_t i = 0; i < result.configs.count; i++)
		assert_false(string_is_null(result.configs.items[i].value));
	assert_int_equal(describe(a, 4, 2, "t", "nothing", false).configs.count, 0);
}

static void test_a_broker_tells_only_of_itself(void **state)
{
	struct asker *a = *state;
	struct describe_configs_result result = describe(a, 4, 4, "1", "node.id", false);
	assert_text(result.configs.items[0].value, "1");
	assert_true(result.configs.items[0].read_only);
	assert_int_equal(result.configs.items[0].config_source, 4);
	result = describe(a, 4, 4, "1", "log.retention.ms", false);
	assert_true(string_is_null(result.configs.items[0].value));
	result = describe(a, 4, 4, "1", "log.retention.hours", false);
	assert_text(result.configs.items[0].value, "1");
	assert_synonym(&result.configs.items[0], 0, "log.retention.hours", "1", 4);
	assert_synonym(&result.configs.items[0], 1, "log.retention.hours", "168", 5);
	result = describe(a, 4, 4, "0", NULL, false);
	assert_int_equal(result.error_code, ERROR_INVALID_REQUEST);
	assert_text(result.error_message,
		"Unexpected broker id, expected 1 or empty string, but received 0");
	result = describe(a, 4, 4, "x", NULL, false);
	assert_text(result.error_message, "Broker id must be an integer, but it is: x");
	result = describe(a, 4, 4, "", NULL, false);
	assert_int_equal(result.error_code, 0);
	assert_int_equal(result.configs.count, 0);
}

static void test_what_has_no_configuration_is_an_error(void **state)
{
	struct asker *a = *state;
	assert_int_equal(describe(a, 4, 2, "none", NULL, false).error_code,
		ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(describe(a, 4, 2, "bad name", NULL, false).error_code,
		ERROR_INVALID_TOPIC_EXCEPTION);
	assert_int_equal(
		describe(a, 4, 32, "group", NULL, false).error_code, ERROR_INVALID_REQUEST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_topic_is_created_at_every_version),
		TEST(test_what_a_new_topic_is_configured_with_is_told_in_order),
		TEST(test_each_topic_of_a_request_has_its_own_fate),
		TEST(test_a_request_for_too_many_partitions_makes_none),
		TEST(test_thousands_of_topics_are_taken_at_once),
		TEST(test_partitions_are_added_at_every_version),
		TEST(test_growth_is_refused_for_unknown_smaller_and_repeated_topics),
		TEST(test_topics_are_deleted_by_name_at_every_version),
		TEST(test_topics_are_deleted_by_id_and_told_by_name),
		TEST(test_what_is_named_twice_stays),
		cmocka_unit_test_setup_teardown(test_nothing_is_deleted_where_the_broker_forbids_it,
			set_up_without_deletion, tear_down),
		TEST(test_a_topics_value_is_told_with_all_it_could_come_from),
		TEST(test_hours_decide_a_time_but_are_not_told_as_its_source),
		TEST(test_all_of_a_topics_configurations_are_told),
		TEST(test_a_broker_tells_only_of_itself),
		TEST(test_what_has_no_configuration_is_an_error),
	};
	return RUN_TESTS(tests);
}
