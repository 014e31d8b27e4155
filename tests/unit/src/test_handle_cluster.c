/*
 * Shows: what the stage says of itself (ApiVersions, DescribeCluster), whom it hands producer ids,
 * and what it tells of topics and leaders (Metadata), at every version.
 */
#include "stage_ask.h"

#include "proto/cluster.h"
#include "proto/error.h"
#include "proto/metadata.h"
#include "proto/produce.h"

#define TOPIC_BITS   3576 /* what a broker of Kafka 4.3.1 without authorizer says */
#define CLUSTER_BITS 8096
#define NOT_ASKED    INT32_MIN
#define MANY         3000
#define REPEATED     100000

static int set_up(void **state)
{
	*state = ask_open(NULL);
	return 0;
}

static int set_up_without_creation(void **state)
{
	*state = ask_open((const char *const[]){ "auto.create.topics.enable", "false", NULL });
	return 0;
}

static int tear_down(void **state)
{
	ask_close(*state);
	return 0;
}

/* ---- ApiVersions ---- */

static int16_t greet(struct asker *a, int version, const char *name, const char *software_version,
	struct api_versions_response *response)
{
	struct api_versions_request request = { string_of(name), string_of(software_version) };
	assert_true(ask(a, API_API_VERSIONS, version, &request, response));
	return response->error_code;
}

static void test_every_served_api_is_advertised_in_the_order_of_keys(void **state)
{
	struct api_versions_response response;
	for (int version = 0; version <= 4; version++) {
		assert_int_equal(greet(*state, version, "test", "1.0", &response), 0);
		int found = 0;
		for (int32_t i = 0; i < response.api_keys.count; i++) {
			const struct api_version *row = &response.api_keys.items[i];
			int api = api_of_key(row->api_key);
			assert_true(api >= 0 && handlers[api].handle);
			assert_int_equal(row->max_version, handlers[api].last);
			assert_true(row->min_version <= row->max_version);
			if (i > 0)
				assert_true(row->api_key > response.api_keys.items[i - 1].api_key);
			if (row->api_key == 0)
				assert_int_equal(row->min_version, 0);
			else
				assert_int_equal(row->min_version, api_infos[api].first);
			if (api == API_INIT_PRODUCER_ID)
				assert_int_equal(row->max_version, 5);
			found++;
		}
		int served = 0;
		for (int api = 0; api < API_COUNT; api++)
			served += handlers[api].handle != NULL;
		assert_int_equal(found, served);
	}
}

static void test_software_names_are_checked_since_version_3(void **state)
{
	static const char *const illegal[] = { "", "a b", "-a", "a-", ".a", "a.", "a_b" };
	struct api_versions_response response;
	for (size_t i = 0; i < COUNT_OF(illegal); i++) {
		assert_int_equal(
			greet(*state, 3, illegal[i], "1.0", &response), ERROR_INVALID_REQUEST);
		assert_int_equal(response.api_keys.count, 0);
		assert_int_equal(
			greet(*state, 4, "a", illegal[i], &response), ERROR_INVALID_REQUEST);
		assert_int_equal(greet(*state, 2, illegal[i], illegal[i], &response), 0);
	}
	assert_int_equal(greet(*state, 3, "apache-kafka.java", "4.3-x.1", &response), 0);
	assert_int_equal(greet(*state, 3, "a", "1", &response), 0);
}

/* ---- DescribeCluster ---- */

static void test_the_cluster_lists_brokers_that_are_up(void **state)
{
	struct asker *a = *state;
	struct describe_cluster_response response;
	struct describe_cluster_request request = { .endpoint_type = 1 };
	for (int version = 0; version <= 2; version++) {
		assert_true(ask(a, API_DESCRIBE_CLUSTER, version, &request, &response));
		assert_int_equal(response.error_code, 0);
		assert_int_equal(response.brokers.count, ASK_NODES);
		assert_int_equal(response.cluster_authorized_operations, NOT_ASKED);
		assert_text(response.cluster_id, a->stage->catalog.cluster_id);
	}
	assert_int_equal(stage_node_down(a->stage, 0), 0);
	request.include_cluster_authorized_operations = true;
	assert_true(ask(a, API_DESCRIBE_CLUSTER, 2, &request, &response));
	assert_int_equal(response.brokers.count, ASK_NODES - 1);
	assert_int_equal(response.brokers.items[0].broker_id, 1);
	assert_int_equal(response.brokers.items[0].port, stage_port(a->stage, 1));
	assert_int_equal(response.controller_id, 1);
	assert_int_equal(response.cluster_authorized_operations, CLUSTER_BITS);
	request.include_fenced_brokers = true;
	assert_true(ask(a, API_DESCRIBE_CLUSTER, 2, &request, &response));
	assert_int_equal(response.brokers.count, ASK_NODES);
	assert_true(response.brokers.items[0].is_fenced);
	assert_false(response.brokers.items[1].is_fenced);
}

static void test_who_wants_controllers_is_told_that_this_is_a_broker(void **state)
{
	struct describe_cluster_response response;
	struct describe_cluster_request request = { .endpoint_type = 2 };
	assert_true(ask(*state, API_DESCRIBE_CLUSTER, 1, &request, &response));
	assert_int_equal(response.error_code, ERROR_MISMATCHED_ENDPOINT_TYPE);
	assert_text(response.error_message, "The request was sent to an endpoint of type BROKER, "
					    "but we wanted an endpoint of type CONTROLLER");
	assert_int_equal(response.brokers.count, 0);
	request.endpoint_type = 7;
	assert_true(ask(*state, API_DESCRIBE_CLUSTER, 2, &request, &response));
	assert_int_equal(response.error_code, ERROR_UNSUPPORTED_ENDPOINT_TYPE);
	assert_text(response.error_message, "Unsupported endpoint type 7");
}

/* ---- InitProducerId ---- */

static int16_t identify(struct asker *a, int version, struct string transactional_id, int64_t id,
	int16_t epoch, struct init_producer_id_response *response)
{
	struct init_producer_id_request request = {
		.transactional_id = transactional_id,
		.transaction_timeout_ms = 1000,
		.producer_id = id,
		.producer_epoch = epoch,
	};
	assert_true(ask(a, API_INIT_PRODUCER_ID, version, &request, response));
	return response->error_code;
}

static void test_every_idempotent_producer_gets_an_id_of_its_own(void **state)
{
	struct init_producer_id_response response;
	int64_t last = -1;
	for (int version = 0; version <= 5; version++) {
		assert_int_equal(identify(*state, version, NULL_STRING, -1, -1, &response), 0);
		assert_true(response.producer_id > last);
		assert_int_equal(response.producer_epoch, 0);
		last = response.producer_id;
	}
	assert_int_equal(identify(*state, 5, NULL_STRING, last, 3, &response), 0);
	assert_true(response.producer_id > last);
	assert_int_equal(response.producer_epoch, 0);
}

static void test_half_an_identity_is_refused(void **state)
{
	struct init_producer_id_response response;
	assert_int_equal(identify(*state, 5, NULL_STRING, 7, -1, &response), ERROR_INVALID_REQUEST);
	assert_int_equal(response.producer_id, -1);
	assert_int_equal(identify(*state, 5, NULL_STRING, -1, 4, &response), ERROR_INVALID_REQUEST);
	assert_int_equal(response.producer_epoch, -1);
}

static void test_a_transactional_producer_is_sent_to_find_its_coordinator(void **state)
{
	struct init_producer_id_response response;
	assert_int_equal(
		identify(*state, 4, STRING("tx"), -1, -1, &response), ERROR_NOT_COORDINATOR);
	assert_int_equal(response.producer_id, -1);
	assert_int_equal(identify(*state, 0, STRING(""), -1, -1, &response), ERROR_INVALID_REQUEST);
}

static void test_the_unstable_version_is_not_taken(void **state)
{
	struct init_producer_id_request request = { .transactional_id = NULL_STRING };
	struct init_producer_id_response response;
	assert_false(ask(*state, API_INIT_PRODUCER_ID, 6, &request, &response));
}

/* ---- Metadata ---- */

static struct metadata_response metadata(
	struct asker *a, int version, struct metadata_request_topic *topics, int32_t count)
{
	struct metadata_response response;
	struct metadata_request request = {
		.topics = { topics, count },
		.allow_auto_topic_creation = true,
		.include_topic_authorized_operations = version >= 8,
		.include_cluster_authorized_operations = version >= 8 && version <= 10,
	};
	assert_true(ask(a, API_METADATA, version, &request, &response));
	return response;
}

static struct metadata_request_topic named(const char *name)
{
	return (struct metadata_request_topic){ .name = string_of(name) };
}

static void test_all_topics_are_null_or_in_version_0_none(void **state)
{
	struct asker *a = *state;
	ask_topic(a, "one", 1, 1);
	ask_topic(a, "two", 2, 2);
	for (int version = 0; version <= 13; version++) {
		struct metadata_response all = metadata(a, version, NULL, version == 0 ? 0 : -1);
		assert_int_equal(all.topics.count, 2);
		assert_int_equal(all.brokers.count, ASK_NODES);
		assert_int_equal(all.topics.items[1].partitions.count, 2);
		assert_text(all.topics.items[1].name, "two");
		if (version > 0)
			assert_int_equal(metadata(a, version, NULL, 0).topics.count, 0);
	}
}

static void test_a_topic_is_told_with_its_leaders_replicas_and_epochs(void **state)
{
	struct asker *a = *state;
	struct catalog_topic *topic = ask_topic(a, "t", 4, 2);
	struct metadata_request_topic asked = named("t");
	for (int version = 0; version <= 13; version++) {
		struct metadata_response response = metadata(a, version, &asked, 1);
		assert_int_equal(response.topics.count, 1);
		const struct metadata_topic *told = &response.topics.items[0];
		assert_int_equal(told->error_code, 0);
		assert_int_equal(told->partitions.count, 4);
		for (int32_t i = 0; i < 4; i++) {
			const struct metadata_partition *p = &told->partitions.items[i];
			assert_int_equal(p->partition_index, i);
			assert_int_equal(p->error_code, 0);
			assert_int_equal(p->leader_id, topic->partitions[i]->leader);
			assert_int_equal(p->leader_epoch, version >= 7 ? 0 : -1);
			assert_int_equal(p->replica_nodes.count, 2);
			assert_memory_equal(p->replica_nodes.items, topic->partitions[i]->replicas,
				2 * sizeof(int32_t));
			assert_int_equal(p->isr_nodes.count, 2);
			assert_int_equal(p->offline_replicas.count, 0);
		}
		assert_int_equal(
			told->topic_authorized_operations, version >= 8 ? TOPIC_BITS : NOT_ASKED);
		assert_int_equal(response.cluster_authorized_operations,
			version >= 8 && version <= 10 ? CLUSTER_BITS : NOT_ASKED);
		if (version >= 10)
			assert_memory_equal(&told->topic_id, &topic->id, sizeof topic->id);
		if (version >= 1)
			assert_int_equal(response.controller_id, 0);
	}
}

static void test_a_topic_named_twice_is_told_once(void **state)
{
	struct asker *a = *state;
	ask_topic(a, "t", MANY, 1);
	struct metadata_request_topic *asked = calloc(REPEATED, sizeof *asked);
	for (int i = 0; i < REPEATED; i++)
		asked[i] = named(i == 5 ? "other" : "t");
	struct metadata_response response = metadata(a, 9, asked, REPEATED);
	assert_int_equal(response.topics.count, 2);
	assert_int_equal(response.topics.items[0].partitions.count, MANY);
	assert_text(response.topics.items[1].name, "other");
	free(asked);
}

static void test_a_topic_asked_for_is_unknown_and_then_there(void **state)
{
	struct asker *a = *state;
	struct metadata_request_topic asked[] = { named("new"), named("sp ace") };
	struct metadata_response response = metadata(a, 5, asked, 2);
	assert_int_equal(response.topics.items[0].error_code, ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(response.topics.items[0].partitions.count, 0);
	assert_int_equal(response.topics.items[1].error_code, ERROR_INVALID_TOPIC_EXCEPTION);
	response = metadata(a, 5, asked, 1);
	assert_int_equal(response.topics.items[0].error_code, 0);
	assert_int_equal(response.topics.items[0].partitions.count, 1);
}

static void test_nothing_is_created_for_who_does_not_want_it(void **state)
{
	struct asker *a = *state;
	struct metadata_request_topic asked[] = { named("new"), named("__consumer_offsets") };
	struct metadata_request request = { .topics = { asked, 2 } };
	struct metadata_response response;
	assert_true(ask(a, API_METADATA, 4, &request, &response));
	assert_int_equal(response.topics.items[0].error_code, ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(a->stage->catalog.topic_count, 0);
	response = metadata(a, 4, asked + 1, 1);
	assert_true(response.topics.items[0].is_internal);
	assert_int_equal(a->stage->catalog.topic_count, 0);
}

static void test_nothing_is_created_where_the_broker_forbids_it(void **state)
{
	struct asker *a = *state;
	struct metadata_request_topic asked = named("new");
	assert_int_equal(metadata(a, 12, &asked, 1).topics.items[0].error_code,
		ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(a->stage->catalog.topic_count, 0);
}

static void test_topics_are_found_by_id_since_version_12(void **state)
{
	struct asker *a = *state;
	struct catalog_topic *topic = ask_topic(a, "t", 1, 1);
	struct metadata_request_topic asked[] = { { topic->id, NULL_STRING },
		{ { { 9 } }, NULL_STRING }, named("ignored") };
	struct metadata_response response = metadata(a, 12, asked, 3);
	assert_int_equal(response.topics.count, 2);
	assert_text(response.topics.items[0].name, "t");
	assert_int_equal(response.topics.items[1].error_code, ERROR_UNKNOWN_TOPIC_ID);
	assert_true(string_is_null(response.topics.items[1].name));
	assert_int_equal(response.topics.items[1].topic_authorized_operations, NOT_ASKED);
	response = metadata(a, 11, asked, 1);
	assert_int_equal(response.topics.items[0].error_code, ERROR_INVALID_REQUEST);
	assert_int_equal(response.brokers.count, 0);
	asked[0].topic_id = (struct uuid){ { 0 } };
	response = metadata(a, 13, asked, 1);
	assert_int_equal(response.topics.items[0].error_code, ERROR_INVALID_REQUEST);
}

static void test_brokers_that_are_down_are_not_told_but_their_replicas_are(void **state)
{
	struct asker *a = *state;
	struct catalog_topic *topic = ask_topic(a, "t", 3, 2);
	struct metadata_request_topic asked = named("t");
	assert_int_equal(stage_node_down(a->stage, 2), 0);
	for (int version = 0; version <= 13; version++) {
		struct metadata_response response = metadata(a, version, &asked, 1);
		assert_int_equal(response.brokers.count, ASK_NODES - 1);
		int offline = 0, incomplete = 0;
		for (int32_t i = 0; i < 3; i++) {
			const struct metadata_partition *p =
				&response.topics.items[0].partitions.items[i];
			assert_int_equal(p->leader_id, topic->partitions[i]->leader);
			assert_int_not_equal(p->leader_id, 2);
			offline += p->offline_replicas.count;
			incomplete += p->error_code == ERROR_REPLICA_NOT_AVAILABLE;
			if (version > 0)
				assert_int_equal(p->replica_nodes.count, 2);
		}
		assert_int_equal(offline, version >= 5 ? 2 : 0);
		assert_int_equal(incomplete, version == 0 ? 2 : 0);
	}
}

static void test_a_partition_without_leader_says_so(void **state)
{
	struct asker *a = *state;
	struct catalog_topic *topic = ask_topic(a, "t", 3, 1);
	struct metadata_request_topic asked = named("t");
	assert_int_equal(stage_node_down(a->stage, 0), 0);
	struct metadata_response response = metadata(a, 7, &asked, 1);
	int leaderless = 0;
	for (int32_t i = 0; i < 3; i++) {
		const struct metadata_partition *p = &response.topics.items[0].partitions.items[i];
		if (topic->partitions[i]->replicas[0] != 0)
			continue;
		leaderless++;
		assert_int_equal(p->error_code, ERROR_LEADER_NOT_AVAILABLE);
		assert_int_equal(p->leader_id, -1);
		assert_int_equal(p->leader_epoch, 1);
		assert_int_equal(p->isr_nodes.count, 1);
		assert_int_equal(p->offline_replicas.count, 1);
	}
	assert_int_equal(leaderless, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_served_api_is_advertised_in_the_order_of_keys),
		TEST(test_software_names_are_checked_since_version_3),
		TEST(test_the_cluster_lists_brokers_that_are_up),
		TEST(test_who_wants_controllers_is_told_that_this_is_a_broker),
		TEST(test_every_idempotent_producer_gets_an_id_of_its_own),
		TEST(test_half_an_identity_is_refused),
		TEST(test_a_transactional_producer_is_sent_to_find_its_coordinator),
		TEST(test_the_unstable_version_is_not_taken),
		TEST(test_all_topics_are_null_or_in_version_0_none),
		TEST(test_a_topic_is_told_with_its_leaders_replicas_and_epochs),
		TEST(test_a_topic_named_twice_is_told_once),
		TEST(test_a_topic_asked_for_is_unknown_and_then_there),
		TEST(test_nothing_is_created_for_who_does_not_want_it),
		cmocka_unit_test_setup_teardown(test_nothing_is_created_where_the_broker_forbids_it,
			set_up_without_creation, tear_down),
		TEST(test_topics_are_found_by_id_since_version_12),
		TEST(test_brokers_that_are_down_are_not_told_but_their_replicas_are),
		TEST(test_a_partition_without_leader_says_so),
	};
	return RUN_TESTS(tests);
}
