/*
 * Shows: what is asked before and after a run (metadata, topics, offsets, configuration, reading
 * back) survives what passes, and is refused in words otherwise. One broker, one rule at a time.
 */
#include "faulty_run.h"

static struct faulty *opened(void)
{
	struct faulty *f = faulty_new();
	faulty_open(f);
	assert_int_equal(faulty_connect(f), 0);
	return f;
}

static struct faulty *opened_with_topic(void)
{
	struct faulty *f = opened();
	assert_int_equal(faulty_topic(f, FAULTY_TOPIC), 0);
	return f;
}

static void rule_set(struct faulty *f, const char *rule)
{
	const char *const rules[FAULTY_RULES] = { rule };
	faults_clear(f->stage.faults);
	faulty_rules_add(f, rules);
}

static void assert_reason(const struct faulty *f, const char *rule, const char *part)
{
	if (!strstr(f->cluster.reason, part))
		fail_msg("%s: '%s' does not say '%s'", rule, f->cluster.reason, part);
}

static void assert_done(const struct faulty *f, const char *rule, int result)
{
	if (result < 0)
		fail_msg("%s: %s: %s", rule, strerror(-result), f->cluster.reason);
}

static bool exists(struct faulty *f, const char *topic)
{
	return catalog_topic_named(&f->stage.catalog, string_of(topic)) != NULL;
}

/* What any question survives, on any broker. */
static const char *const passing[] = {
	"disconnect=before:count=2",
	"disconnect=after:count=2",
	"half:count=2",
	"delay=500ms,throttle=1s",
};

struct refusal {
	const char *rule;
	int result;
	const char *reason;
};

/* ---- topics ---- */

static void test_creating_a_topic_survives_what_passes(void **state)
{
	(void)state;
	static const char *const errors[] = {
		"error=NOT_CONTROLLER:count=2",
		"error=REQUEST_TIMED_OUT:count=2",
		"error=REQUEST_TIMED_OUT,applied=yes:count=1",
		"error=THROTTLING_QUOTA_EXCEEDED:count=2",
	};
	for (size_t i = 0; i < COUNT_OF(passing) + COUNT_OF(errors); i++) {
		char rule[FAULT_RULE_SIZE];
		snprintf(rule, sizeof rule, "api=CreateTopics:%s",
			i < COUNT_OF(passing) ? passing[i] : errors[i - COUNT_OF(passing)]);
		struct faulty *f = opened();
		rule_set(f, rule);
		assert_done(f, rule, faulty_topic(f, FAULTY_TOPIC));
		assert_int_equal(f->cluster.topic.partition_count, FAULTY_PARTITIONS);
		assert_true(faults_acted(f->stage.faults) > 0);
		faulty_close(f);
	}
}

static void test_metadata_is_asked_until_the_topic_is_there(void **state)
{
	(void)state;
	static const char *const errors[] = {
		"error=LEADER_NOT_AVAILABLE:count=3",
		"topic=t,partition=1:error=LEADER_NOT_AVAILABLE:count=3",
		"topic=t:error=UNKNOWN_TOPIC_OR_PARTITION:count=3",
		"error=UNKNOWN_TOPIC_OR_PARTITION,applied=no:count=3",
		"empty:count=3",
	};
	for (size_t i = 0; i < COUNT_OF(passing) + COUNT_OF(errors); i++) {
		char rule[FAULT_RULE_SIZE];
		snprintf(rule, sizeof rule, "api=Metadata:%s",
			i < COUNT_OF(passing) ? passing[i] : errors[i - COUNT_OF(passing)]);
		struct faulty *f = opened();
		rule_set(f, rule);
		assert_done(f, rule, faulty_topic(f, FAULTY_TOPIC));
		assert_int_equal(f->cluster.topic.error, ERROR_NONE);
		assert_true(faults_acted(f->stage.faults) > 0);
		faulty_close(f);
	}
}

static void test_a_topic_that_is_refused_is_refused_in_words(void **state)
{
	(void)state;
	static const struct refusal cases[] = {
		{ "error=TOPIC_ALREADY_EXISTS", -EEXIST, "TOPIC_ALREADY_EXISTS" },
		{ "error=POLICY_VIOLATION", -EINVAL, "cannot be created: POLICY_VIOLATION" },
		{ "error=TOPIC_AUTHORIZATION_FAILED", -EINVAL, "TOPIC_AUTHORIZATION_FAILED" },
		{ "error=9999", -EINVAL, "cannot be created" },
		{ "error=NOT_CONTROLLER", -ETIMEDOUT, "cannot be created: NOT_CONTROLLER" },
		{ "disconnect=before", -ECONNRESET, "it closed the connection" },
		{ "applied=no,error=NOT_CONTROLLER,delay=40s", -ETIMEDOUT,
			"no answer to CreateTopics in time" },
		{ "empty", -EPROTO, "CreateTopics was answered without the topic" },
		/* Who answers with that will not answer better a moment later. */
		{ "applied=no,error=1,garbage=size", -EPROTO, "bytes that are not Kafka's" },
		{ "applied=no,error=1,garbage=header", -EPROTO,
			"its answer to CreateTopics v7 cannot be read" },
		{ "applied=no,error=1,garbage=body", -EPROTO,
			"its answer to CreateTopics v7 cannot be read" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char rule[FAULT_RULE_SIZE];
		snprintf(rule, sizeof rule, "api=CreateTopics:%s", cases[i].rule);
		struct faulty *f = opened();
		rule_set(f, rule);
		assert_int_equal(faulty_topic(f, FAULTY_TOPIC), cases[i].result);
		assert_reason(f, rule, cases[i].reason);
		assert_int_equal(exists(f, FAULTY_TOPIC), strstr(rule, "empty") != NULL);
		faulty_close(f);
	}
}

static void test_deleting_a_topic_survives_what_passes(void **state)
{
	(void)state;
	static const char *const errors[] = {
		"error=NOT_CONTROLLER:count=2",
		"error=REQUEST_TIMED_OUT:count=2",
		"error=REQUEST_TIMED_OUT,applied=yes:count=1",
	};
	for (size_t i = 0; i < COUNT_OF(passing) + COUNT_OF(errors); i++) {
		char rule[FAULT_RULE_SIZE];
		snprintf(rule, sizeof rule, "api=DeleteTopics:%s",
			i < COUNT_OF(passing) ? passing[i] : errors[i - COUNT_OF(passing)]);
		struct faulty *f = opened_with_topic();
		rule_set(f, rule);
		assert_done(f, rule, admin_topic_delete(&f->cluster, FAULTY_TOPIC));
		assert_false(exists(f, FAULTY_TOPIC));
		assert_true(faults_acted(f->stage.faults) > 0);
		faulty_close(f);
	}
}

static void test_a_topic_that_may_not_be_deleted_stays(void **state)
{
	(void)state;
	struct faulty *f = opened_with_topic();
	rule_set(f, "api=DeleteTopics:error=TOPIC_DELETION_DISABLED");
	assert_int_equal(admin_topic_delete(&f->cluster, FAULTY_TOPIC), -EINVAL);
	assert_reason(f, "", "TOPIC_DELETION_DISABLED");
	assert_true(exists(f, FAULTY_TOPIC));
	rule_set(f, "api=DeleteTopics:error=UNKNOWN_TOPIC_OR_PARTITION");
	assert_int_equal(admin_topic_delete(&f->cluster, FAULTY_TOPIC), -ENOENT);
	rule_set(f, "api=DeleteTopics:empty");
	assert_int_equal(admin_topic_delete(&f->cluster, FAULTY_TOPIC), -EPROTO);
	assert_reason(f, "", "DeleteTopics was answered without the topic");
	faulty_close(f);
}

/* ---- offsets and configuration ---- */

static void test_offsets_are_asked_until_every_leader_tells(void **state)
{
	(void)state;
	static const char *const errors[] = {
		"error=NOT_LEADER_OR_FOLLOWER:count=3",
		"partition=2:error=LEADER_NOT_AVAILABLE:count=3",
		"error=UNKNOWN_TOPIC_OR_PARTITION:count=1",
		"error=UNKNOWN_SERVER_ERROR:count=1",
		"empty:count=2",
	};
	for (size_t i = 0; i < COUNT_OF(passing) + COUNT_OF(errors); i++) {
		char rule[FAULT_RULE_SIZE];
		snprintf(rule, sizeof rule, "api=ListOffsets:%s",
			i < COUNT_OF(passing) ? passing[i] : errors[i - COUNT_OF(passing)]);
		struct faulty *f = opened_with_topic();
		rule_set(f, rule);
		int64_t offsets[FAULTY_PARTITIONS];
		f->cluster.patience_ns = 60 * NS_PER_S;
		assert_done(f, rule, admin_offsets(&f->cluster, OFFSET_LATEST, offsets));
		for (int j = 0; j < FAULTY_PARTITIONS; j++)
			assert_int_equal(offsets[j], 0);
		assert_true(faults_acted(f->stage.faults) > 0);
		faulty_close(f);
	}
}

static void test_offsets_that_nobody_tells_are_given_up_in_words(void **state)
{
	(void)state;
	struct faulty *f = opened_with_topic();
	int64_t offsets[FAULTY_PARTITIONS];
	rule_set(f, "api=ListOffsets,partition=2:error=TOPIC_AUTHORIZATION_FAILED");
	assert_int_equal(admin_offsets(&f->cluster, OFFSET_LATEST, offsets), -ETIMEDOUT);
	assert_reason(f, "",
		"the offset of partition 2 cannot be learnt: "
		"TOPIC_AUTHORIZATION_FAILED");
	rule_set(f, "api=ListOffsets:disconnect=before");
	assert_int_equal(admin_offsets(&f->cluster, OFFSET_LATEST, offsets), -ETIMEDOUT);
	assert_reason(f, "", "it closed the connection");
	faulty_close(f);
}

static void config_count(void *context, const char *key, struct string value)
{
	(void)key, (void)value;
	++*(int *)context;
}

static int configs(struct faulty *f, int *count)
{
	static const char *const keys[] = { "max.message.bytes", "retention.ms" };
	*count = 0;
	return admin_configs(&f->cluster, RESOURCE_TOPIC, FAULTY_TOPIC, keys, COUNT_OF(keys),
		config_count, count);
}

/* Nothing depends on it: it is asked once. */
static void test_configuration_that_cannot_be_read_is_told(void **state)
{
	(void)state;
	static const struct refusal cases[] = {
		{ "error=TOPIC_AUTHORIZATION_FAILED", -EINVAL,
			"the configuration of t cannot be read: TOPIC_AUTHORIZATION_FAILED" },
		{ "error=TOPIC_AUTHORIZATION_FAILED,applied=no", -EINVAL,
			"TOPIC_AUTHORIZATION_FAILED" },
		{ "disconnect=before", -ECONNRESET, "it closed the connection" },
		{ "half", -ECONNRESET, "it closed the connection" },
		{ "empty", -EPROTO, "DescribeConfigs was answered without the resource" },
		{ "garbage=body", -EPROTO, "its answer to DescribeConfigs v4 cannot be read" },
		{ "delay=40s", -ETIMEDOUT, "no answer to DescribeConfigs in time" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char rule[FAULT_RULE_SIZE];
		snprintf(rule, sizeof rule, "api=DescribeConfigs:%s", cases[i].rule);
		struct faulty *f = opened_with_topic();
		int count;
		assert_int_equal(configs(f, &count), 0);
		assert_int_equal(count, 2);
		rule_set(f, rule);
		assert_int_equal(configs(f, &count), cases[i].result);
		assert_int_equal(count, 0);
		assert_reason(f, rule, cases[i].reason);
		faulty_close(f);
	}
}

/* ---- reading back ---- */

static int read_all(struct faulty *f, struct readback *readback)
{
	int64_t from[FAULTY_PARTITIONS] = { 0 }, to[FAULTY_PARTITIONS];
	struct catalog_topic *topic = catalog_topic_named(&f->stage.catalog, STRING(FAULTY_TOPIC));
	for (int i = 0; i < FAULTY_PARTITIONS; i++)
		to[i] = topic->partitions[i]->log.end_offset;
	struct verify verify = { .readback = readback };
	assert_int_equal(readback_init(readback, FAULTY_RUN_ID, 1, FAULTY_PARTITIONS), 0);
	assert_int_equal(cluster_follow(&f->cluster, FAULTY_TOPIC), 0);
	return verify_read(&verify, &f->cluster, from, to);
}

static void test_reading_back_survives_what_passes(void **state)
{
	(void)state;
	static const char *const errors[] = {
		"error=NOT_LEADER_OR_FOLLOWER:count=3",
		"partition=2:error=UNKNOWN_LEADER_EPOCH:count=3",
		"partition=2:error=KAFKA_STORAGE_ERROR:count=1",
		"error=FETCH_SESSION_ID_NOT_FOUND:count=2",
		"empty:count=2",
		"disconnect=after:probability=0.3",
		"garbage=body:probability=0.2",
	};
	struct faulty *f = faulty_new();
	faulty_run(f);
	for (size_t i = 0; i < COUNT_OF(passing) + COUNT_OF(errors); i++) {
		char rule[FAULT_RULE_SIZE];
		snprintf(rule, sizeof rule, "api=Fetch:%s",
			i < COUNT_OF(passing) ? passing[i] : errors[i - COUNT_OF(passing)]);
		rule_set(f, rule);
		struct readback readback;
		assert_done(f, rule, read_all(f, &readback));
		assert_int_equal(readback.received, FAULTY_RECORDS);
		assert_int_equal(readback.duplicates, 0);
		readback_free(&readback);
	}
	faulty_end(f);
}

static void test_reading_back_ends_with_a_reason(void **state)
{
	(void)state;
	static const struct refusal cases[] = {
		{ "partition=1:error=TOPIC_AUTHORIZATION_FAILED", -EIO,
			"partition 1 near offset 0: TOPIC_AUTHORIZATION_FAILED" },
		{ "partition=3:error=OFFSET_OUT_OF_RANGE", -EIO, "retention took them" },
		{ "error=NOT_LEADER_OR_FOLLOWER", -ETIMEDOUT, "nothing more came within 30 s" },
		{ "disconnect=before", -ETIMEDOUT, "nothing more came within 30 s" },
	};
	struct faulty *f = faulty_new();
	faulty_run(f);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char rule[FAULT_RULE_SIZE];
		snprintf(rule, sizeof rule, "api=Fetch,%s", cases[i].rule);
		rule_set(f, rule);
		struct readback readback;
		assert_int_equal(read_all(f, &readback), cases[i].result);
		assert_reason(f, rule, cases[i].reason);
		readback_free(&readback);
	}
	faulty_end(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_creating_a_topic_survives_what_passes),
		cmocka_unit_test(test_metadata_is_asked_until_the_topic_is_there),
		cmocka_unit_test(test_a_topic_that_is_refused_is_refused_in_words),
		cmocka_unit_test(test_deleting_a_topic_survives_what_passes),
		cmocka_unit_test(test_a_topic_that_may_not_be_deleted_stays),
		cmocka_unit_test(test_offsets_are_asked_until_every_leader_tells),
		cmocka_unit_test(test_offsets_that_nobody_tells_are_given_up_in_words),
		cmocka_unit_test(test_configuration_that_cannot_be_read_is_told),
		cmocka_unit_test(test_reading_back_survives_what_passes),
		cmocka_unit_test(test_reading_back_ends_with_a_reason),
	};
	return RUN_TESTS(tests);
}
