/*
 * Shows: properties have Kafka's names, ranges and defaults; values are spelt and refused as Kafka
 * 4.3.1 does, in its words; what is not set follows from what stands behind it.
 */
#include "../test.h"

#include <errno.h>

#include "../../../src/broker/property.h"

struct fixture {
	struct property_set broker, topic;
	char why[PROPERTY_WHY_SIZE];
};

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	property_set_free(&f->broker);
	property_set_free(&f->topic);
	free(f);
	return 0;
}

static int set_topic(struct fixture *f, const char *name, const char *value)
{
	return property_set_text(&f->topic, string_of(name), true, string_of(value), f->why);
}

static int set_broker(struct fixture *f, const char *name, const char *value)
{
	return property_set_text(&f->broker, string_of(name), false, string_of(value), f->why);
}

static void assert_spelt(struct fixture *f, const char *name, const char *given, const char *spelt)
{
	assert_int_equal(set_topic(f, name, given), 0);
	int property = property_find(string_of(name), true);
	assert_string_equal(property_text(&f->topic, &f->broker, (enum property)property), spelt);
}

static void assert_refused(
	struct fixture *f, const char *name, const char *value, int error, const char *why)
{
	assert_int_equal(set_topic(f, name, value), error);
	assert_string_equal(f->why, why);
}

static void test_every_default_is_a_legal_value(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < PROPERTY_COUNT; i++) {
		const struct property_info *info = &property_infos[i];
		assert_true(info->name || info->topic_name);
		if (!info->preset || info->use == PROPERTY_FIXED)
			continue;
		bool of_topic = info->name == NULL;
		struct string name = string_of(of_topic ? info->topic_name : info->name);
		struct property_set set = { 0 };
		int error =
			property_set_text(&set, name, of_topic, string_of(info->preset), f->why);
		if (error)
			fail_msg("%.*s: %s", name.size, name.data, f->why);
		assert_string_equal(set.texts[i], info->preset);
		property_set_free(&set);
	}
}

static void test_names_are_found_for_topics_and_for_brokers(void **state)
{
	(void)state;
	assert_int_equal(
		property_find(STRING("max.message.bytes"), true), PROPERTY_MESSAGE_MAX_BYTES);
	assert_int_equal(
		property_find(STRING("message.max.bytes"), false), PROPERTY_MESSAGE_MAX_BYTES);
	assert_int_equal(property_find(STRING("message.max.bytes"), true), -ENOENT);
	assert_int_equal(property_find(STRING("max.message.byte"), true), -ENOENT);
	assert_int_equal(property_find(NULL_STRING, true), -ENOENT);
}

static void test_an_unknown_broker_property_names_the_nearest(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(set_broker(f, "num.partition", "3"), -ENOENT);
	assert_string_equal(f->why, "unknown property num.partition; did you mean num.partitions?");
	assert_int_equal(set_broker(f, "xyz", "3"), -ENOENT);
	assert_string_equal(f->why, "unknown property xyz");
}

static void test_what_other_options_decide_cannot_be_set(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(set_broker(f, "node.id", "3"), -EPERM);
}

static void test_values_are_spelt_as_kafka_spells_them(void **state)
{
	struct fixture *f = *state;
	assert_spelt(f, "retention.ms", " 007 ", "7");
	assert_spelt(f, "retention.ms", "+7", "7");
	assert_spelt(f, "preallocate", "TRUE", "true");
	assert_spelt(f, "min.cleanable.dirty.ratio", "0.30", "0.3");
	assert_spelt(f, "min.cleanable.dirty.ratio", "1", "1.0");
	assert_spelt(f, "cleanup.policy", "compact, delete", "compact,delete");
	assert_spelt(f, "cleanup.policy", "", "");
	assert_spelt(f, "compression.gzip.level", "-1", "-1");
	assert_spelt(f, "leader.replication.throttled.replicas", "0:1,1:2", "0:1,1:2");
	assert_spelt(f, "leader.replication.throttled.replicas", "*", "*");
}

static void test_refusals_are_in_kafkas_words(void **state)
{
	static const struct {
		const char *name, *value;
		int error;
		const char *why;
	} cases[] = {
		{ "foo", "1", -ENOENT, "Unknown topic config name: foo" },
		{ "retention.ms", "abc", -EINVAL,
			"Invalid value abc for configuration retention.ms: Not a number of type "
			"LONG" },
		{ "retention.ms", "-5", -ERANGE,
			"Invalid value -5 for configuration retention.ms: Value must be at least "
			"-1" },
		{ "retention.ms", "99999999999999999999", -EINVAL,
			"Invalid value 99999999999999999999 for configuration retention.ms: "
			"Not a number of type LONG" },
		{ "retention.ms", NULL, -EINVAL,
			"Null value not supported for topic configs: retention.ms" },
		{ "max.message.bytes", "3000000000", -EINVAL,
			"Invalid value 3000000000 for configuration max.message.bytes: "
			"Not a number of type INT" },
		{ "max.message.bytes", "", -EINVAL,
			"Invalid value  for configuration max.message.bytes: Not a number of type "
			"INT" },
		{ "cleanup.policy", "delete, Compact", -EINVAL,
			"Invalid value Compact for configuration cleanup.policy: "
			"String must be one of: compact, delete" },
		{ "cleanup.policy", "del", -EINVAL,
			"Invalid value del for configuration cleanup.policy: "
			"String must be one of: compact, delete" },
		{ "message.timestamp.type", "Foo", -EINVAL,
			"Invalid value Foo for configuration message.timestamp.type: "
			"String must be one of: CreateTime, LogAppendTime" },
		{ "compression.gzip.level", "0", -ERANGE,
			"Invalid value 0 for configuration compression.gzip.level: "
			"Value must be between 1 and 9 or equal to -1" },
		{ "compression.lz4.level", "18", -ERANGE,
			"Invalid value 18 for configuration compression.lz4.level: "
			"Value must be no more than 17" },
		{ "min.cleanable.dirty.ratio", "2", -ERANGE,
			"Invalid value 2.0 for configuration min.cleanable.dirty.ratio: "
			"Value must be no more than 1" },
		{ "preallocate", "Yes", -EINVAL,
			"Invalid value Yes for configuration preallocate: "
			"Expected value to be either true or false" },
		{ "leader.replication.throttled.replicas", "abc", -EINVAL,
			"Invalid value [abc] for configuration "
			"leader.replication.throttled.replicas: "
			"leader.replication.throttled.replicas must be the literal '*' or a list "
			"of "
			"replicas in the following format: "
			"[partitionId]:[brokerId],[partitionId]:[brokerId],..." },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_refused(*state, cases[i].name, cases[i].value, cases[i].error, cases[i].why);
}

static void test_a_refused_value_leaves_the_old_one(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(set_topic(f, "retention.ms", "5"), 0);
	assert_int_equal(set_topic(f, "retention.ms", "x"), -EINVAL);
	assert_int_equal(property_int(&f->topic, &f->broker, PROPERTY_LOG_RETENTION_MS), 5);
}

static void test_the_topic_goes_before_the_broker_and_that_before_the_default(void **state)
{
	struct fixture *f = *state;
	enum property p = PROPERTY_MESSAGE_MAX_BYTES;
	assert_int_equal(property_int(&f->topic, &f->broker, p), 1048588);
	assert_int_equal(set_broker(f, "message.max.bytes", "2000"), 0);
	assert_int_equal(property_int(&f->topic, &f->broker, p), 2000);
	assert_int_equal(set_topic(f, "max.message.bytes", "1000"), 0);
	assert_int_equal(property_int(&f->topic, &f->broker, p), 1000);
	assert_int_equal(property_int(NULL, &f->broker, p), 2000);
}

static void test_retention_goes_from_ms_to_minutes_to_hours(void **state)
{
	struct fixture *f = *state;
	enum property p = PROPERTY_LOG_RETENTION_MS;
	assert_null(property_text(NULL, &f->broker, p));
	assert_int_equal(property_int(NULL, &f->broker, p), INT64_C(168) * 3600000);
	assert_int_equal(set_broker(f, "log.retention.hours", "2"), 0);
	assert_int_equal(property_int(NULL, &f->broker, p), 2 * 3600000);
	assert_int_equal(set_broker(f, "log.retention.minutes", "3"), 0);
	assert_int_equal(property_int(NULL, &f->broker, p), 3 * 60000);
	assert_int_equal(set_broker(f, "log.retention.ms", "4"), 0);
	assert_int_equal(property_int(NULL, &f->broker, p), 4);
	assert_int_equal(property_int(NULL, &f->broker, PROPERTY_LOG_FLUSH_INTERVAL_MS), INT64_MAX);
}

static void test_a_negative_retention_in_hours_is_none(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(set_broker(f, "log.retention.hours", "-1"), 0);
	assert_int_equal(property_int(NULL, &f->broker, PROPERTY_LOG_RETENTION_MS), -1);
}

static void test_a_list_holds_whole_words(void **state)
{
	struct fixture *f = *state;
	enum property p = PROPERTY_LOG_CLEANUP_POLICY;
	assert_true(property_has(&f->topic, &f->broker, p, "delete"));
	assert_false(property_has(&f->topic, &f->broker, p, "compact"));
	assert_int_equal(set_topic(f, "cleanup.policy", "delete,compact"), 0);
	assert_true(property_has(&f->topic, &f->broker, p, "compact"));
	assert_false(property_has(&f->topic, &f->broker, p, "comp"));
}

static void test_values_that_contradict_each_other_are_refused(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(property_set_check(&f->topic, &f->broker, f->why), 0);
	assert_int_equal(set_topic(f, "min.compaction.lag.ms", "10"), 0);
	assert_int_equal(property_set_check(&f->topic, &f->broker, f->why), 0);
	assert_int_equal(set_topic(f, "max.compaction.lag.ms", "5"), 0);
	assert_int_equal(property_set_check(&f->topic, &f->broker, f->why), -EINVAL);
	assert_string_equal(f->why, "conflict topic config setting min.compaction.lag.ms (10) > "
				    "max.compaction.lag.ms (5)");
}

static void test_long_values_and_zero_bytes_are_refused(void **state)
{
	struct fixture *f = *state;
	static char text[PROPERTY_TEXT_MAX + 1];
	memset(text, '1', PROPERTY_TEXT_MAX);
	assert_int_equal(set_topic(f, "retention.ms", text), -EINVAL);
	struct string zero = { "1\0002", 3 };
	assert_int_equal(
		property_set_text(&f->topic, STRING("retention.ms"), true, zero, f->why), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_default_is_a_legal_value),
		TEST(test_names_are_found_for_topics_and_for_brokers),
		TEST(test_an_unknown_broker_property_names_the_nearest),
		TEST(test_what_other_options_decide_cannot_be_set),
		TEST(test_values_are_spelt_as_kafka_spells_them),
		TEST(test_refusals_are_in_kafkas_words),
		TEST(test_a_refused_value_leaves_the_old_one),
		TEST(test_the_topic_goes_before_the_broker_and_that_before_the_default),
		TEST(test_retention_goes_from_ms_to_minutes_to_hours),
		TEST(test_a_negative_retention_in_hours_is_none),
		TEST(test_a_list_holds_whole_words),
		TEST(test_values_that_contradict_each_other_are_refused),
		TEST(test_long_values_and_zero_bytes_are_refused),
	};
	return RUN_TESTS(tests);
}
