/*
 * Shows: topics are named, placed, configured and refused as Kafka 4.3.1 does; leaders and in-sync
 * lists follow nodes that go down and come back; what is made can be found, and what goes is gone.
 */
#include "../test.h"

#include <stdio.h>

#include "../../../src/broker/catalog.h"
#include "proto/error.h"

#define NODES     3
#define MANY      500
#define GROWN     37
#define NAME_MAX_ (CATALOG_NAME_SIZE - 1)

struct fixture {
	struct store store;
	struct catalog catalog;
	struct topic_outcome outcome;
	char why[CATALOG_WHY_SIZE];
	int changes, gone;
};

static void count_change(void *owner, struct catalog_partition *p, bool gone)
{
	struct fixture *f = owner;
	(void)p;
	f->changes++;
	f->gone += gone;
}

static const struct catalog_events events = { .changed = count_change };

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	if (!f || store_open(&f->store, 0, 1 << 20) || catalog_init(&f->catalog, &f->store, 7))
		return -1;
	for (int i = 0; i < NODES; i++)
		f->catalog.nodes[f->catalog.node_count++] =
			(struct catalog_node){ .id = i, .host = "localhost", .up = true };
	f->catalog.events = &events;
	f->catalog.owner = f;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	property_set_free(&f->outcome.config);
	catalog_free(&f->catalog);
	store_close(&f->store);
	free(f);
	return 0;
}

static struct creatable_topic wanted(const char *name, int32_t partitions, int16_t replicas)
{
	return (struct creatable_topic){ .name = string_of(name),
		.num_partitions = partitions,
		.replication_factor = replicas };
}

static struct catalog_topic *make(
	struct fixture *f, const char *name, int32_t partitions, int16_t replicas)
{
	struct creatable_topic request = wanted(name, partitions, replicas);
	int16_t error = catalog_topic_create(&f->catalog, &request, false, &f->outcome, f->why);
	if (error)
		fail_msg("%s: %d %s", name, error, f->why);
	return f->outcome.topic;
}

static void assert_refused(
	struct fixture *f, const struct creatable_topic *request, int16_t error, const char *why)
{
	int32_t topics = f->catalog.topic_count;
	assert_int_equal(
		catalog_topic_create(&f->catalog, request, false, &f->outcome, f->why), error);
	assert_string_equal(f->why, why);
	assert_int_equal(f->catalog.topic_count, topics);
}

static void set_broker(struct fixture *f, const char *name, const char *value)
{
	char why[PROPERTY_WHY_SIZE];
	assert_int_equal(property_set_text(&f->catalog.properties, string_of(name), false,
				 string_of(value), why),
		0);
}

/* ---- names ---- */

static void test_names_are_checked_as_kafka_checks_them(void **state)
{
	struct fixture *f = *state;
	char longest[NAME_MAX_ + 2];
	memset(longest, 'x', sizeof longest);
	longest[NAME_MAX_] = '\0';
	make(f, longest, 1, 1);
	assert_non_null(catalog_topic_named(&f->catalog, string_of(longest)));
	struct creatable_topic request = wanted("", 1, 1);
	assert_refused(f, &request, ERROR_INVALID_TOPIC_EXCEPTION,
		"Topic name is invalid: the empty string is not allowed");
	request = wanted("..", 1, 1);
	assert_refused(f, &request, ERROR_INVALID_TOPIC_EXCEPTION,
		"Topic name is invalid: '..' is not allowed");
	request = wanted("sp ace", 1, 1);
	assert_refused(f, &request, ERROR_INVALID_TOPIC_EXCEPTION,
		"Topic name is invalid: 'sp ace' contains one or more characters other than "
		"ASCII alphanumerics, '.', '_' and '-'");
	longest[NAME_MAX_] = 'x';
	request = wanted("", 1, 1);
	request.name = (struct string){ longest, NAME_MAX_ + 1 };
	assert_int_equal(catalog_topic_create(&f->catalog, &request, false, &f->outcome, f->why),
		ERROR_INVALID_TOPIC_EXCEPTION);
	request.name = (struct string){ "a\0b", 3 };
	assert_int_equal(catalog_topic_create(&f->catalog, &request, false, &f->outcome, f->why),
		ERROR_INVALID_TOPIC_EXCEPTION);
}

static void test_names_that_differ_in_dots_and_underscores_only_collide(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *first = make(f, "a.b", 1, 1);
	struct creatable_topic request = wanted("a_b", 1, 1);
	assert_refused(f, &request, ERROR_INVALID_TOPIC_EXCEPTION,
		"Topic 'a_b' collides with existing topic: a.b");
	make(f, "a-b", 1, 1);
	catalog_topic_delete(&f->catalog, first);
	make(f, "a_b", 1, 1);
}

static void test_a_topic_exists_once(void **state)
{
	struct fixture *f = *state;
	make(f, "b", 1, 1);
	struct creatable_topic request = wanted("b", 0, 9);
	assert_refused(f, &request, ERROR_TOPIC_ALREADY_EXISTS, "Topic 'b' already exists.");
}

static void test_topics_are_found_by_name_and_id_until_they_go(void **state)
{
	struct fixture *f = *state;
	char name[32];
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "topic-%d", i);
		make(f, name, 1, 1);
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "topic-%d", i);
		struct catalog_topic *topic = catalog_topic_named(&f->catalog, string_of(name));
		assert_non_null(topic);
		assert_string_equal(topic->name, name);
		struct uuid id = topic->id;
		assert_ptr_equal(catalog_topic_of_id(&f->catalog, id), topic);
		if (i % 2 == 0)
			continue;
		catalog_topic_delete(&f->catalog, topic);
		assert_null(catalog_topic_named(&f->catalog, string_of(name)));
		assert_null(catalog_topic_of_id(&f->catalog, id));
	}
	assert_int_equal(f->catalog.topic_count, MANY / 2);
	assert_int_equal(f->catalog.partition_count, MANY / 2);
	assert_int_equal(f->gone, MANY / 2);
	assert_null(catalog_topic_of_id(&f->catalog, (struct uuid){ { 0 } }));
}

static void test_a_topic_made_again_has_another_id(void **state)
{
	struct fixture *f = *state;
	struct uuid first = make(f, "b", 1, 1)->id;
	catalog_topic_delete(&f->catalog, catalog_topic_named(&f->catalog, STRING("b")));
	struct uuid second = make(f, "b", 1, 1)->id;
	assert_memory_not_equal(&first, &second, sizeof first);
	assert_int_equal(second.bytes[6] >> 4, 4);
	assert_int_equal(second.bytes[8] >> 6, 2);
}

static void test_the_same_seed_makes_the_same_ids_and_places(void **state)
{
	struct fixture *f = *state;
	void *other_state = NULL;
	assert_int_equal(set_up(&other_state), 0);
	struct fixture *g = other_state;
	struct catalog_topic *a = make(f, "t", 20, 2), *b = make(g, "t", 20, 2);
	assert_string_equal(f->catalog.cluster_id, g->catalog.cluster_id);
	assert_int_equal(strlen(f->catalog.cluster_id), 22);
	assert_memory_equal(&a->id, &b->id, sizeof a->id);
	for (int i = 0; i < 20; i++)
		assert_memory_equal(a->partitions[i]->replicas, b->partitions[i]->replicas,
			2 * sizeof(int32_t));
	tear_down(&other_state);
}

/* ---- numbers and places ---- */

static void test_numbers_are_refused_in_kafkas_words(void **state)
{
	struct fixture *f = *state;
	struct creatable_topic request = wanted("t", 0, 1);
	const char *partitions = "Number of partitions was set to an invalid non-positive value.";
	assert_refused(f, &request, ERROR_INVALID_PARTITIONS, partitions);
	request = wanted("t", -2, 1);
	assert_refused(f, &request, ERROR_INVALID_PARTITIONS, partitions);
	request = wanted("t", 0, 0);
	assert_refused(f, &request, ERROR_INVALID_REPLICATION_FACTOR,
		"Replication factor must be larger than 0, or -1 to use the default value.");
	request = wanted("t", 1, 9);
	assert_refused(f, &request, ERROR_INVALID_REPLICATION_FACTOR,
		"Unable to replicate the partition 9 time(s): The target replication factor of 9 "
		"cannot be reached because only 3 broker(s) are registered or some brokers have "
		"all their log directories cordoned.");
	request = wanted("t", CATALOG_CHANGE_MAX + 1, 1);
	assert_refused(f, &request, ERROR_POLICY_VIOLATION,
		"Excessively large number of partitions per request.");
	request = wanted("t", INT32_MAX, 3);
	assert_int_equal(catalog_topic_create(&f->catalog, &request, false, &f->outcome, f->why),
		ERROR_POLICY_VIOLATION);
}

static void test_the_brokers_properties_stand_in_for_numbers(void **state)
{
	struct fixture *f = *state;
	set_broker(f, "num.partitions", "5");
	set_broker(f, "default.replication.factor", "2");
	struct catalog_topic *topic = make(f, "t", -1, -1);
	assert_int_equal(topic->partition_count, 5);
	assert_int_equal(topic->partitions[0]->replica_count, 2);
	assert_int_equal(f->outcome.partition_count, 5);
	assert_int_equal(f->outcome.replication_factor, 2);
}

static void test_leaders_and_replicas_are_spread_evenly(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = make(f, "t", 30, 2);
	int leads[NODES] = { 0 }, holds[NODES] = { 0 };
	for (int i = 0; i < 30; i++) {
		const struct catalog_partition *p = topic->partitions[i];
		assert_int_equal(p->index, i);
		assert_int_equal(p->leader, p->replicas[0]);
		assert_int_equal(p->leader_epoch, 0);
		assert_int_equal(p->isr_count, 2);
		assert_int_not_equal(p->replicas[0], p->replicas[1]);
		leads[p->leader]++;
		for (int r = 0; r < 2; r++)
			holds[p->replicas[r]]++;
	}
	for (int i = 0; i < NODES; i++) {
		assert_int_equal(leads[i], 10);
		assert_int_equal(holds[i], 20);
	}
}

static void test_a_new_topic_is_led_by_nodes_that_are_up(void **state)
{
	struct fixture *f = *state;
	catalog_node_down(&f->catalog, 1);
	struct catalog_topic *topic = make(f, "t", 12, 3);
	for (int i = 0; i < 12; i++) {
		const struct catalog_partition *p = topic->partitions[i];
		assert_int_not_equal(p->leader, 1);
		assert_int_equal(p->replica_count, 3);
		assert_int_equal(p->isr_count, 2);
	}
}

static void test_validating_makes_nothing(void **state)
{
	struct fixture *f = *state;
	struct creatable_topic request = wanted("t", 4, 3);
	struct creatable_topic_config config = { STRING("retention.ms"), STRING("9") };
	request.configs.items = &config;
	request.configs.count = 1;
	assert_int_equal(catalog_topic_create(&f->catalog, &request, true, &f->outcome, f->why), 0);
	assert_null(f->outcome.topic);
	assert_int_equal(f->outcome.partition_count, 4);
	assert_string_equal(f->outcome.config.texts[PROPERTY_LOG_RETENTION_MS], "9");
	assert_int_equal(f->catalog.topic_count, 0);
	assert_int_equal(f->catalog.partition_count, 0);
}

/* ---- assignments ---- */

static int32_t ids_0[] = { 0 }, ids_1[] = { 1 }, ids_12[] = { 1, 2 }, ids_20[] = { 2, 0 },
	       ids_11[] = { 1, 1 }, ids_9[] = { 9 };

#define IDS(list) .broker_ids = { (list), COUNT_OF(list) }

static void assert_assignment_refused(struct fixture *f, struct creatable_replica_assignment *items,
	int32_t count, int16_t error, const char *why)
{
	struct creatable_topic request = wanted("t", -1, -1);
	request.assignments.items = items;
	request.assignments.count = count;
	assert_refused(f, &request, error, why);
}

static void test_assignments_are_taken_in_any_order(void **state)
{
	struct fixture *f = *state;
	struct creatable_replica_assignment items[] = { { 1, IDS(ids_12) }, { 0, IDS(ids_20) } };
	struct creatable_topic request = wanted("t", -1, -1);
	request.assignments.items = items;
	request.assignments.count = 2;
	assert_int_equal(
		catalog_topic_create(&f->catalog, &request, false, &f->outcome, f->why), 0);
	struct catalog_topic *topic = f->outcome.topic;
	assert_int_equal(topic->partition_count, 2);
	assert_memory_equal(topic->partitions[0]->replicas, ids_20, sizeof ids_20);
	assert_memory_equal(topic->partitions[1]->isr, ids_12, sizeof ids_12);
	assert_int_equal(topic->partitions[0]->leader, 2);
}

static void test_bad_assignments_are_refused_in_kafkas_words(void **state)
{
	struct fixture *f = *state;
	const int16_t error = ERROR_INVALID_REPLICA_ASSIGNMENT;
	struct creatable_replica_assignment twice[] = { { 0, IDS(ids_1) }, { 0, IDS(ids_0) } };
	assert_assignment_refused(
		f, twice, 2, error, "Found multiple manual partition assignments for partition 0");
	struct creatable_replica_assignment hole[] = { { 0, IDS(ids_1) }, { 2, IDS(ids_0) } };
	assert_assignment_refused(
		f, hole, 2, error, "partitions should be a consecutive 0-based integer sequence");
	struct creatable_replica_assignment uneven[] = { { 0, IDS(ids_1) }, { 1, IDS(ids_12) } };
	assert_assignment_refused(f, uneven, 2, error,
		"The manual partition assignment includes a partition with 2 replica(s), but this "
		"is not consistent with previous partitions, which have 1 replica(s).");
	struct creatable_replica_assignment none[] = { { .partition_index = 0 } };
	assert_assignment_refused(f, none, 1, error,
		"The manual partition assignment includes an empty replica list.");
	struct creatable_replica_assignment unknown[] = { { 0, IDS(ids_9) } };
	assert_assignment_refused(f, unknown, 1, error,
		"The manual partition assignment includes broker 9, but no such broker is "
		"registered.");
	struct creatable_replica_assignment same[] = { { 0, IDS(ids_11) } };
	assert_assignment_refused(f, same, 1, error,
		"The manual partition assignment includes the broker 1 more than once.");
	catalog_node_down(&f->catalog, 1);
	struct creatable_replica_assignment down[] = { { 0, IDS(ids_1) } };
	assert_assignment_refused(f, down, 1, error,
		"All brokers specified in the manual partition assignment for partition 0 are "
		"fenced or in controlled shutdown.");
	struct creatable_topic request = wanted("t", -1, 1);
	request.assignments.items = down;
	request.assignments.count = 1;
	assert_refused(f, &request, ERROR_INVALID_REQUEST,
		"A manual partition assignment was specified, but replication factor was not set "
		"to -1.");
	request = wanted("t", 1, -1);
	request.assignments.items = down;
	request.assignments.count = 1;
	assert_refused(f, &request, ERROR_INVALID_REQUEST,
		"A manual partition assignment was specified, but numPartitions was not set to "
		"-1.");
}

/* ---- configuration ---- */

static void test_rules_follow_from_the_topic_and_the_broker(void **state)
{
	struct fixture *f = *state;
	f->catalog.check_crc = true;
	set_broker(f, "message.max.bytes", "2000");
	set_broker(f, "log.retention.hours", "1");
	set_broker(f, "min.insync.replicas", "2");
	struct creatable_topic_config configs[] = {
		{ STRING("cleanup.policy"), STRING("delete,compact") },
		{ STRING("message.timestamp.type"), STRING("LogAppendTime") },
		{ STRING("retention.bytes"), STRING("-7") },
		{ STRING("retention.bytes"), STRING("77") },
	};
	struct creatable_topic request = wanted("t", 1, 1);
	request.configs.items = configs;
	request.configs.count = COUNT_OF(configs);
	assert_int_equal(
		catalog_topic_create(&f->catalog, &request, false, &f->outcome, f->why), 0);
	const struct catalog_topic *topic = f->outcome.topic;
	assert_int_equal(topic->rules.max_message_bytes, 2000);
	assert_true(topic->rules.log_append_time);
	assert_true(topic->rules.compacted);
	assert_true(topic->rules.check_crc);
	assert_false(topic->rules.check_records);
	assert_int_equal(topic->rules.timestamp_before_max_ms, INT64_MAX);
	assert_int_equal(topic->rules.timestamp_after_max_ms, 3600000);
	assert_int_equal(topic->retention_ms, 3600000);
	assert_int_equal(topic->retention_bytes, 77);
	assert_int_equal(topic->min_insync_replicas, 2);
}

static void test_a_compacted_topic_keeps_its_records(void **state)
{
	struct fixture *f = *state;
	set_broker(f, "log.cleanup.policy", "compact");
	const struct catalog_topic *topic = make(f, "t", 1, 1);
	assert_int_equal(topic->retention_ms, -1);
	assert_int_equal(topic->retention_bytes, -1);
	assert_true(topic->rules.compacted);
}

static void assert_configs_refused(
	struct fixture *f, struct creatable_topic_config *items, int32_t count, const char *why)
{
	struct creatable_topic request = wanted("t", 1, 1);
	request.configs.items = items;
	request.configs.count = count;
	assert_refused(f, &request, ERROR_INVALID_CONFIG, why);
}

static void test_bad_configs_are_refused_nulls_first_then_names_then_values(void **state)
{
	struct fixture *f = *state;
	struct creatable_topic_config value = { STRING("retention.ms"), STRING("x") };
	struct creatable_topic_config name = { STRING("foo"), STRING("1") };
	struct creatable_topic_config null = { STRING("retention.bytes"), NULL_STRING };
	struct creatable_topic_config items[] = { value, name, null, null };
	assert_configs_refused(f, items, 4,
		"Null value not supported for topic configs: retention.bytes,retention.bytes");
	assert_configs_refused(f, items, 2, "Unknown topic config name: foo");
	assert_configs_refused(f, items, 1,
		"Invalid value x for configuration retention.ms: Not a number of type LONG");
}

/* ---- nodes that go and come ---- */

static void test_a_leader_that_dies_is_followed_by_the_next_in_sync(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = make(f, "t", 3, 3);
	struct catalog_partition *p = topic->partitions[0];
	int32_t first = p->replicas[0], second = p->replicas[1];
	f->changes = 0;
	catalog_node_down(&f->catalog, first);
	assert_int_equal(f->changes, 3);
	assert_int_equal(p->leader, second);
	assert_int_equal(p->leader_epoch, 1);
	assert_int_equal(p->log.leader_epoch, 1);
	assert_int_equal(p->isr_count, 2);
	assert_int_equal(p->replica_count, 3);
	catalog_node_down(&f->catalog, first);
	assert_int_equal(f->changes, 3);
}

static void test_who_only_followed_changes_no_epoch(void **state)
{
	struct fixture *f = *state;
	struct catalog_partition *p = make(f, "t", 1, 3)->partitions[0];
	catalog_node_down(&f->catalog, p->replicas[1]);
	assert_int_equal(p->leader, p->replicas[0]);
	assert_int_equal(p->leader_epoch, 0);
	assert_int_equal(p->isr_count, 2);
}

static void test_who_comes_back_rejoins_but_does_not_lead(void **state)
{
	struct fixture *f = *state;
	struct catalog_partition *p = make(f, "t", 1, 3)->partitions[0];
	int32_t first = p->replicas[0], second = p->replicas[1];
	catalog_node_down(&f->catalog, first);
	catalog_node_up(&f->catalog, first);
	assert_int_equal(p->leader, second);
	assert_int_equal(p->leader_epoch, 1);
	assert_int_equal(p->isr_count, 3);
	assert_int_equal(p->isr[2], first);
	assert_int_equal(catalog_elect_preferred(&f->catalog), 1);
	assert_int_equal(p->leader, first);
	assert_int_equal(p->leader_epoch, 2);
	assert_int_equal(catalog_elect_preferred(&f->catalog), 0);
}

static void test_the_last_in_sync_stays_so_and_alone_may_lead_again(void **state)
{
	struct fixture *f = *state;
	struct catalog_partition *p = make(f, "t", 1, 2)->partitions[0];
	int32_t first = p->replicas[0], last = p->replicas[1];
	catalog_node_down(&f->catalog, first);
	catalog_node_down(&f->catalog, last);
	assert_int_equal(p->leader, NODE_NONE);
	assert_int_equal(p->isr_count, 1);
	assert_int_equal(p->isr[0], last);
	catalog_node_up(&f->catalog, first);
	assert_int_equal(p->leader, NODE_NONE);
	assert_int_equal(p->isr_count, 1);
	assert_int_equal(catalog_elect_preferred(&f->catalog), 0);
	int32_t epoch = p->leader_epoch;
	catalog_node_up(&f->catalog, last);
	assert_int_equal(p->leader, last);
	assert_int_equal(p->leader_epoch, epoch + 1);
	assert_int_equal(p->isr_count, 2);
}

static void test_an_unclean_leader_is_elected_when_allowed(void **state)
{
	struct fixture *f = *state;
	set_broker(f, "unclean.leader.election.enable", "true");
	struct catalog_partition *p = make(f, "t", 1, 2)->partitions[0];
	int32_t first = p->replicas[0], last = p->replicas[1];
	catalog_node_down(&f->catalog, first);
	catalog_node_down(&f->catalog, last);
	catalog_node_up(&f->catalog, first);
	assert_int_equal(p->leader, first);
	assert_int_equal(p->isr_count, 1);
	assert_int_equal(p->isr[0], first);
}

static void test_a_node_without_replicas_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct catalog_partition *p = make(f, "t", 1, 2)->partitions[0];
	int32_t other = NODES * (NODES - 1) / 2 - p->replicas[0] - p->replicas[1];
	f->changes = 0;
	catalog_node_down(&f->catalog, other);
	catalog_node_up(&f->catalog, other);
	assert_int_equal(f->changes, 0);
	assert_int_equal(p->leader_epoch, 0);
}

static void test_the_controller_is_the_lowest_that_is_up(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(catalog_controller(&f->catalog), 0);
	catalog_node_down(&f->catalog, 0);
	assert_int_equal(catalog_controller(&f->catalog), 1);
	assert_false(catalog_node_is_up(&f->catalog, 0));
	assert_false(catalog_node_is_up(&f->catalog, 77));
	assert_null(catalog_node(&f->catalog, 77));
	catalog_node_down(&f->catalog, 1);
	catalog_node_down(&f->catalog, 2);
	assert_int_equal(catalog_controller(&f->catalog), NODE_NONE);
	struct creatable_topic request = wanted("t", 1, 1);
	assert_refused(f, &request, ERROR_INVALID_REPLICATION_FACTOR,
		"Unable to replicate the partition 1 time(s): All brokers are currently fenced.");
}

/* ---- growing ---- */

static void test_growing_leaves_the_old_partitions_where_they_are(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = make(f, "t", 2, 2);
	struct catalog_partition *before = topic->partitions[1];
	struct create_partitions_topic request = { .count = GROWN, .assignments = { NULL, -1 } };
	assert_int_equal(catalog_topic_grow(&f->catalog, topic, &request, true, f->why), 0);
	assert_int_equal(topic->partition_count, 2);
	assert_int_equal(catalog_topic_grow(&f->catalog, topic, &request, false, f->why), 0);
	assert_int_equal(topic->partition_count, GROWN);
	assert_int_equal(f->catalog.partition_count, GROWN);
	assert_ptr_equal(topic->partitions[1], before);
	for (int i = 0; i < GROWN; i++) {
		assert_ptr_equal(catalog_partition(topic, i), topic->partitions[i]);
		assert_int_equal(topic->partitions[i]->index, i);
		assert_int_equal(topic->partitions[i]->replica_count, 2);
	}
	assert_null(catalog_partition(topic, GROWN));
	assert_null(catalog_partition(topic, -1));
}

static void assert_growth_refused(struct fixture *f, struct catalog_topic *topic,
	struct create_partitions_topic request, int16_t error, const char *why)
{
	int32_t before = topic->partition_count;
	assert_int_equal(catalog_topic_grow(&f->catalog, topic, &request, false, f->why), error);
	assert_string_equal(f->why, why);
	assert_int_equal(topic->partition_count, before);
}

static void test_bad_growth_is_refused_in_kafkas_words(void **state)
{
	struct fixture *f = *state;
	struct catalog_topic *topic = make(f, "t", 2, 1);
	struct create_partitions_assignment wide[] = { { IDS(ids_12) } };
	struct create_partitions_topic request = { .count = 2, .assignments = { NULL, -1 } };
	assert_growth_refused(
		f, topic, request, ERROR_INVALID_PARTITIONS, "Topic already has 2 partition(s).");
	request.count = INT32_MIN;
	assert_growth_refused(f, topic, request, ERROR_INVALID_PARTITIONS,
		"The topic t currently has 2 partition(s); -2147483648 would not be an increase.");
	request.count = INT32_MAX;
	assert_growth_refused(f, topic, request, ERROR_POLICY_VIOLATION,
		"harrow's broker has at most 200000 partitions.");
	request.count = CATALOG_CHANGE_MAX + 3;
	assert_growth_refused(f, topic, request, ERROR_POLICY_VIOLATION,
		"Excessively large number of partitions per request.");
	request = (struct create_partitions_topic){ .count = 4, .assignments = { wide, 1 } };
	assert_growth_refused(f, topic, request, ERROR_INVALID_REPLICA_ASSIGNMENT,
		"Attempted to add 2 additional partition(s), but only 1 assignment(s) were "
		"specified.");
	request.count = 3;
	assert_growth_refused(f, topic, request, ERROR_INVALID_REPLICA_ASSIGNMENT,
		"The manual partition assignment includes a partition with 2 replica(s), but this "
		"is not consistent with previous partitions, which have 1 replica(s).");
}

static void test_partitions_have_a_limit_and_leave_room_when_they_go(void **state)
{
	struct fixture *f = *state;
	char name[32];
	for (int i = 0; i < STAGE_PARTITIONS_MAX / CATALOG_CHANGE_MAX; i++) {
		snprintf(name, sizeof name, "t%d", i);
		make(f, name, CATALOG_CHANGE_MAX, 1);
	}
	struct creatable_topic request = wanted("more", 1, 1);
	assert_refused(f, &request, ERROR_POLICY_VIOLATION,
		"harrow's broker has at most 200000 partitions.");
	catalog_topic_delete(&f->catalog, catalog_topic_named(&f->catalog, STRING("t3")));
	make(f, "more", 1, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names_are_checked_as_kafka_checks_them),
		TEST(test_names_that_differ_in_dots_and_underscores_only_collide),
		TEST(test_a_topic_exists_once),
		TEST(test_topics_are_found_by_name_and_id_until_they_go),
		TEST(test_a_topic_made_again_has_another_id),
		TEST(test_the_same_seed_makes_the_same_ids_and_places),
		TEST(test_numbers_are_refused_in_kafkas_words),
		TEST(test_the_brokers_properties_stand_in_for_numbers),
		TEST(test_leaders_and_replicas_are_spread_evenly),
		TEST(test_a_new_topic_is_led_by_nodes_that_are_up),
		TEST(test_validating_makes_nothing),
		TEST(test_assignments_are_taken_in_any_order),
		TEST(test_bad_assignments_are_refused_in_kafkas_words),
		TEST(test_rules_follow_from_the_topic_and_the_broker),
		TEST(test_a_compacted_topic_keeps_its_records),
		TEST(test_bad_configs_are_refused_nulls_first_then_names_then_values),
		TEST(test_a_leader_that_dies_is_followed_by_the_next_in_sync),
		TEST(test_who_only_followed_changes_no_epoch),
		TEST(test_who_comes_back_rejoins_but_does_not_lead),
		TEST(test_the_last_in_sync_stays_so_and_alone_may_lead_again),
		TEST(test_an_unclean_leader_is_elected_when_allowed),
		TEST(test_a_node_without_replicas_changes_nothing),
		TEST(test_the_controller_is_the_lowest_that_is_up),
		TEST(test_growing_leaves_the_old_partitions_where_they_are),
		TEST(test_bad_growth_is_refused_in_kafkas_words),
		TEST(test_partitions_have_a_limit_and_leave_room_when_they_go),
	};
	return RUN_TESTS(tests);
}
