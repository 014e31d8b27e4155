/*
 * Shows: what fault rules say is what happens to requests and partitions, and to no others; a
 * rule that cannot be meant is refused in one clause; answers made without a handler can be
 * written and read at every version.
 */
#include "../test.h"

#include <errno.h>
#include <math.h>

#include "../../../src/broker/fault.h"
#include "../../../src/broker/fault_answer.h"
#include "proto/error.h"
#include "proto/fetch.h"
#include "proto/metadata.h"
#include "proto/offsets.h"
#include "proto/produce.h"
#include "proto/topics.h"

#define SEED       3
#define ARENA_SIZE ((size_t)64 << 20)

static struct faults *opened(const char *rule)
{
	struct faults *f;
	char why[FAULT_WHY_SIZE] = "";
	assert_int_equal(faults_open(&f, SEED), 0);
	int failed = faults_add(f, rule, 0, why);
	if (failed)
		print_error("%s: %s\n", rule, why);
	assert_int_equal(failed, 0);
	return f;
}

static struct fault_plan asked_at(struct faults *f, enum api api, int64_t now_ns)
{
	const struct fault_question q = {
		.api = api, .node_id = 1, .client_id = STRING("me"), .now_ns = now_ns
	};
	struct fault_plan plan;
	faults_plan(f, &q, &plan);
	return plan;
}

static struct fault_plan asked(struct faults *f, enum api api)
{
	return asked_at(f, api, 0);
}

static int16_t partition_asked(
	struct faults *f, enum api api, const char *topic, int32_t partition, bool *applied)
{
	const struct fault_question q = { .api = api, .client_id = STRING("me") };
	struct fault_plan plan;
	faults_plan(f, &q, &plan);
	assert_int_equal(plan.error_code, 0);
	return faults_partition(f, &q, string_of(topic), partition, &plan, applied);
}

/* ---- the language ---- */

static void test_every_key_reaches_the_plan(void **state)
{
	(void)state;
	struct faults *f =
		opened("api=InitProducerId,client=me,node=1:error=NOT_COORDINATOR,"
		       "applied=yes,delay=50ms,throttle=1.5s,disconnect=after,half,empty,"
		       "garbage=header:skip=1,count=1,probability=1,from=1s,until=2s");
	assert_int_equal(asked_at(f, API_INIT_PRODUCER_ID, NS_PER_S).error_code, 0); /* skipped */
	struct fault_plan plan = asked_at(f, API_INIT_PRODUCER_ID, NS_PER_S);
	assert_int_equal(plan.error_code, ERROR_NOT_COORDINATOR);
	assert_true(plan.applied);
	assert_true(string_is_null(plan.topic));
	assert_int_equal(plan.delay_ns, 50 * NS_PER_MS);
	assert_int_equal(plan.throttle_ms, 1500);
	assert_true(
		plan.disconnect_after && plan.half_frame && plan.empty && !plan.disconnect_before);
	assert_int_equal(plan.garbage, GARBAGE_HEADER);
	assert_int_equal(asked_at(f, API_INIT_PRODUCER_ID, NS_PER_S).error_code, 0); /* counted */
	assert_int_equal(faults_acted(f), 1);
	faults_close(f);
}

static void test_refusals_name_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *rule, *why;
	} cases[] = {
		{ "", "there is no key ''" },
		{ "api=Produce", "it does not say what goes wrong: error, delay, throttle, "
				 "disconnect, empty, half or garbage" },
		{ "api=Prodce:half", "there is no api 'Prodce': did you mean 'Produce'?" },
		{ "api=produce:half", "there is no api 'produce': did you mean 'Produce'?" },
		{ "api=Zebra:half", "there is no api 'Zebra'" },
		{ "eror=3", "there is no key 'eror': did you mean 'error'?" },
		{ "half,half", "half is said twice" },
		{ "half=yes", "half takes no value" },
		{ "api:half", "api needs a value: api=..." },
		{ "error=NOT_LEADER", "there is no error 'NOT_LEADER': did you mean "
				      "'NOT_LEADER_OR_FOLLOWER'?" },
		{ "error=REQUEST_TIMEDOUT",
			"there is no error 'REQUEST_TIMEDOUT': did you mean 'REQUEST_TIMED_OUT'?" },
		{ "error=0", "error takes a name or a number that fits 16 bits, and not 0" },
		{ "error=NONE", "there is no error 'NONE'" },
		{ "error=40000", "error takes a name or a number that fits 16 bits, and not 0" },
		{ "error=3,applied=maybe", "applied is yes or no, not 'maybe'" },
		{ "delay=1s,applied=yes", "applied goes with an error" },
		{ "delay=1", "delay takes a time of up to 1h such as 50ms, not '1'" },
		{ "delay=2h", "delay takes a time of up to 1h such as 50ms, not '2h'" },
		{ "throttle=10us", "throttle takes a time of up to 1h such as 50ms, not '10us'" },
		{ "disconnect=now", "disconnect is before or after, not 'now'" },
		{ "garbage=all", "garbage is size, header or body, not 'all'" },
		{ "half:count=0", "count takes a number from 1 to 9223372036854775807, not '0'" },
		{ "half:probability=1.1",
			"probability takes a number above 0 and up to 1, not '1.1'" },
		{ "half:probability=0", "probability takes a number above 0 and up to 1, not '0'" },
		{ "half:from=2s,until=2s", "until is not after from" },
		{ "partition=-1:half", "partition takes a number from 0 to 2147483647, not '-1'" },
		{ "topic=:half", "topic takes a name of up to 249 characters" },
		{ "api=ApiVersions,topic=t:half", "requests of ApiVersions name no topics" },
		{ "api=DeleteTopics,partition=1:half",
			"requests of DeleteTopics name no partitions" },
	};
	struct faults *f;
	assert_int_equal(faults_open(&f, SEED), 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char why[FAULT_WHY_SIZE] = "";
		assert_int_equal(faults_add(f, cases[i].rule, 0, why), -EINVAL);
		assert_string_equal(why, cases[i].why);
	}
	char *large = test_malloc(FAULT_RULE_SIZE + 1), why[FAULT_WHY_SIZE];
	memset(large, 'x', FAULT_RULE_SIZE);
	large[FAULT_RULE_SIZE] = 0;
	assert_int_equal(faults_add(f, large, 0, why), -EINVAL);
	assert_string_equal(why, "it is longer than 511 characters");
	test_free(large);
	assert_false(faults_any(f, API_PRODUCE));
	faults_close(f);
}

static void test_rules_have_a_limit_and_can_be_cleared(void **state)
{
	(void)state;
	struct faults *f = opened("delay=1ms");
	char why[FAULT_WHY_SIZE] = "";
	for (int i = 1; i < FAULT_RULES_MAX; i++)
		assert_int_equal(faults_add(f, "delay=1ms", 0, why), 0);
	assert_int_equal(faults_add(f, "delay=1ms", 0, why), -ENOSPC);
	assert_string_equal(why, "there are 64 rules already");
	faults_clear(f);
	assert_false(faults_any(f, API_METADATA));
	assert_int_equal(asked(f, API_METADATA).delay_ns, 0);
	assert_int_equal(faults_add(f, "delay=1ms", 0, why), 0);
	faults_close(f);
	assert_false(faults_any(NULL, API_METADATA));
}

static void test_numbers_that_kafka_does_not_have_are_errors_too(void **state)
{
	(void)state;
	struct faults *f = opened("error=-1,count=1");
	assert_int_equal(asked(f, API_METADATA).error_code, -1);
	faults_close(f);
	f = opened("error=9999");
	assert_int_equal(asked(f, API_METADATA).error_code, 9999);
	faults_close(f);
}

/* ---- which and when ---- */

static void test_only_what_is_selected_goes_wrong(void **state)
{
	(void)state;
	struct faults *f = opened("api=Metadata:half");
	assert_true(asked(f, API_METADATA).half_frame);
	assert_false(asked(f, API_FETCH).half_frame);
	assert_true(faults_any(f, API_METADATA));
	assert_false(faults_any(f, API_FETCH));
	faults_close(f);
	f = opened("node=2:half");
	assert_false(asked(f, API_METADATA).half_frame);
	faults_close(f);
	f = opened("client=m:half");
	assert_false(asked(f, API_METADATA).half_frame);
	const struct fault_question nobody = { .api = API_METADATA, .client_id = NULL_STRING };
	struct fault_plan plan;
	faults_plan(f, &nobody, &plan);
	assert_false(plan.half_frame);
	faults_close(f);
}

static void test_skip_and_count_are_a_window_of_requests(void **state)
{
	(void)state;
	struct faults *f = opened("api=Metadata:half:skip=2,count=3");
	for (int i = 0; i < 10; i++) {
		assert_int_equal(asked(f, API_METADATA).half_frame, i >= 2 && i < 5);
		assert_false(asked(f, API_FETCH).half_frame);
	}
	assert_false(faults_any(f, API_METADATA));
	faults_close(f);
}

static void test_times_count_from_the_rule(void **state)
{
	(void)state;
	struct faults *f;
	char why[FAULT_WHY_SIZE];
	assert_int_equal(faults_open(&f, SEED), 0);
	assert_int_equal(faults_add(f, "half:from=2s,until=5s", 100 * NS_PER_S, why), 0);
	assert_false(asked_at(f, API_METADATA, 102 * NS_PER_S - 1).half_frame);
	assert_true(asked_at(f, API_METADATA, 102 * NS_PER_S).half_frame);
	assert_true(asked_at(f, API_METADATA, 105 * NS_PER_S - 1).half_frame);
	assert_false(asked_at(f, API_METADATA, 105 * NS_PER_S).half_frame);
	faults_close(f);
}

static void test_probability_is_kept_and_repeats(void **state)
{
	(void)state;
	struct faults *a = opened("half:probability=0.1"), *b = opened("half:probability=0.1");
	int count = 0;
	for (int i = 0; i < 100000; i++) {
		bool half = asked(a, API_METADATA).half_frame;
		assert_int_equal(asked(b, API_METADATA).half_frame, half);
		count += half;
	}
	assert_true(abs(count - 10000) < 5 * 95); /* five standard deviations */
	assert_int_equal(faults_acted(a), count);
	faults_close(a);
	faults_close(b);
}

static void test_rules_add_up(void **state)
{
	(void)state;
	struct faults *f = opened("delay=10ms,error=NOT_CONTROLLER");
	char why[FAULT_WHY_SIZE];
	assert_int_equal(faults_add(f, "delay=50ms,error=3", 0, why), 0);
	assert_int_equal(faults_add(f, "delay=20ms,disconnect=before", 0, why), 0);
	struct fault_plan plan = asked(f, API_CREATE_TOPICS);
	assert_int_equal(plan.error_code, ERROR_NOT_CONTROLLER);
	assert_int_equal(plan.delay_ns, 50 * NS_PER_MS);
	assert_true(plan.disconnect_before);
	faults_close(f);
}

static void test_a_topic_selects_requests_that_name_it(void **state)
{
	(void)state;
	struct faults *f = opened("topic=mine:error=POLICY_VIOLATION");
	struct creatable_topic topics[] = { { .name = STRING("other") },
		{ .name = STRING("mine") } };
	struct create_topics_request create = { .topics = { topics, 1 } };
	struct fault_question q = { .api = API_CREATE_TOPICS, .request = &create };
	struct fault_plan plan;
	faults_plan(f, &q, &plan);
	assert_int_equal(plan.error_code, 0);
	create.topics.count = 2;
	faults_plan(f, &q, &plan);
	assert_int_equal(plan.error_code, ERROR_POLICY_VIOLATION);
	assert_false(plan.applied);
	assert_true(string_is_null(plan.topic)); /* nothing was applied: all of it failed */

	struct string names[] = { STRING("other"), STRING("mine") };
	struct delete_topics_request delete = { .topic_names = { names, 1 } };
	q = (struct fault_question){ .api = API_DELETE_TOPICS, .request = &delete };
	faults_plan(f, &q, &plan);
	assert_int_equal(plan.error_code, 0);
	delete.topic_names.count = 2;
	faults_plan(f, &q, &plan);
	assert_int_equal(plan.error_code, ERROR_POLICY_VIOLATION);

	struct metadata_request metadata = { .topics = { NULL, -1 } }; /* all */
	q = (struct fault_question){ .api = API_METADATA, .request = &metadata };
	faults_plan(f, &q, &plan);
	assert_int_equal(plan.error_code, ERROR_POLICY_VIOLATION);
	assert_true(plan.applied);
	assert_true(string_equal(plan.topic, STRING("mine")));
	metadata.topics.count = 0; /* none */
	faults_plan(f, &q, &plan);
	assert_int_equal(plan.error_code, 0);
	faults_close(f);

	f = opened("api=DeleteRecords,partition=4:error=3");
	struct delete_records_partition partition = { .partition_index = 3 };
	struct delete_records_topic records_topic = { .name = STRING("t"),
		.partitions = { &partition, 1 } };
	struct delete_records_request records = { .topics = { &records_topic, 1 } };
	q = (struct fault_question){ .api = API_DELETE_RECORDS, .request = &records };
	faults_plan(f, &q, &plan);
	assert_int_equal(plan.error_code, 0);
	partition.partition_index = 4;
	faults_plan(f, &q, &plan);
	assert_int_equal(plan.error_code, 3);
	faults_close(f);
}

/* ---- partitions ---- */

static void test_errors_of_produce_are_about_partitions(void **state)
{
	(void)state;
	struct faults *f = opened("api=Produce,topic=t,partition=3:error=19,applied=yes:count=2");
	bool applied;
	assert_int_equal(partition_asked(f, API_PRODUCE, "t", 2, &applied), 0);
	assert_int_equal(partition_asked(f, API_PRODUCE, "u", 3, &applied), 0);
	assert_int_equal(partition_asked(f, API_FETCH, "t", 3, &applied), 0);
	assert_int_equal(partition_asked(f, API_PRODUCE, "t", 3, &applied), 19);
	assert_true(applied);
	assert_int_equal(partition_asked(f, API_PRODUCE, "t", 3, &applied), 19);
	assert_int_equal(partition_asked(f, API_PRODUCE, "t", 3, &applied), 0);
	faults_close(f);

	f = opened("error=NOT_LEADER_OR_FOLLOWER");
	assert_int_equal(partition_asked(f, API_LIST_OFFSETS, "t", 0, &applied), 6);
	assert_false(applied);
	assert_int_equal(asked(f, API_DELETE_RECORDS).error_code, 6); /* which has no such call */
	faults_close(f);
}

static void test_a_partition_can_end_its_request(void **state)
{
	(void)state;
	struct faults *f = opened("partition=1:disconnect=before,delay=5ms");
	const struct fault_question q = { .api = API_PRODUCE };
	struct fault_plan plan;
	bool applied;
	faults_plan(f, &q, &plan);
	assert_int_equal(faults_partition(f, &q, STRING("t"), 0, &plan, &applied), 0);
	assert_false(plan.disconnect_before);
	assert_int_equal(faults_partition(f, &q, STRING("t"), 1, &plan, &applied), 0);
	assert_true(plan.disconnect_before);
	assert_int_equal(plan.delay_ns, 5 * NS_PER_MS);
	faults_close(f);
}

static void test_faults_without_partition_are_counted_by_request(void **state)
{
	(void)state;
	struct faults *f = opened("api=Produce:disconnect=after:count=1");
	bool applied;
	const struct fault_question q = { .api = API_PRODUCE };
	struct fault_plan plan;
	faults_plan(f, &q, &plan);
	assert_true(plan.disconnect_after);
	assert_int_equal(faults_partition(f, &q, STRING("t"), 0, &plan, &applied), 0);
	faults_plan(f, &q, &plan);
	assert_false(plan.disconnect_after);
	faults_close(f);
}

static void test_fetch_session_errors_are_about_the_request(void **state)
{
	(void)state;
	struct faults *f = opened("api=Fetch:error=FETCH_SESSION_ID_NOT_FOUND");
	struct fault_plan plan = asked(f, API_FETCH);
	assert_int_equal(plan.error_code, ERROR_FETCH_SESSION_ID_NOT_FOUND);
	assert_false(plan.applied);
	struct arena arena;
	arena_init(&arena, ARENA_SIZE);
	struct fetch_request request = { .session_id = 4 };
	struct fetch_response *response = fault_answer(API_FETCH, 12, &request, &plan, &arena);
	assert_int_equal(response->error_code, ERROR_FETCH_SESSION_ID_NOT_FOUND);
	assert_int_equal(response->responses.count, 0);
	arena_free(&arena);
	faults_close(f);
}

/* ---- stains and answers ---- */

static const struct fault_plan everything = {
	.error_code = 41, .topic = { NULL, -1 }, .partition = FAULT_ANY
};

static void test_a_stain_keeps_to_its_topic_and_partition(void **state)
{
	(void)state;
	struct metadata_partition partitions[2][2] = {
		{ { .partition_index = 0, .leader_id = 1 },
			{ .partition_index = 1, .leader_id = 2 } },
		{ { .partition_index = 0, .leader_id = 1 },
			{ .partition_index = 1, .leader_id = 2 } },
	};
	struct metadata_topic topics[2] = {
		{ .name = STRING("a"), .partitions = { partitions[0], 2 } },
		{ .name = STRING("b"), .partitions = { partitions[1], 2 } },
	};
	struct metadata_response response = { .topics = { topics, 2 } };
	struct fault_plan plan = { .error_code = 5, .topic = STRING("b"), .partition = 1 };
	fault_stain(API_METADATA, 12, &response, &plan);
	assert_int_equal(partitions[1][1].error_code, 5);
	assert_int_equal(partitions[1][1].leader_id, -1);
	assert_int_equal(partitions[1][0].error_code, 0);
	assert_int_equal(partitions[1][0].leader_id, 1);
	assert_int_equal(partitions[0][1].error_code, 0);
	assert_int_equal(topics[1].error_code, 0);
	plan.partition = FAULT_ANY;
	fault_stain(API_METADATA, 12, &response, &plan);
	assert_int_equal(topics[1].error_code, 5);
	assert_int_equal(partitions[1][0].error_code, 5);
	assert_int_equal(topics[0].error_code, 0);
	plan.topic = NULL_STRING;
	fault_stain(API_METADATA, 12, &response, &plan);
	assert_int_equal(topics[0].error_code, 5);
	assert_int_equal(partitions[0][0].error_code, 5);
	assert_int_equal(response.error_code, 0); /* which version 12 does not carry */
	fault_stain(API_METADATA, 13, &response, &plan);
	assert_int_equal(response.error_code, 5);
}

static void test_an_answer_has_what_was_asked(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, ARENA_SIZE);
	struct produce_partition partitions[] = { { .index = 7 }, { .index = 9 } };
	struct produce_topic topic = { .name = STRING("t"), .partition_data = { partitions, 2 } };
	struct produce_request produce = { .topic_data = { &topic, 1 } };
	struct produce_response *produced =
		fault_answer(API_PRODUCE, 9, &produce, &everything, &arena);
	assert_int_equal(produced->responses.count, 1);
	assert_true(string_equal(produced->responses.items[0].name, STRING("t")));
	assert_int_equal(produced->responses.items[0].partition_responses.count, 2);
	assert_int_equal(produced->responses.items[0].partition_responses.items[1].index, 9);
	assert_int_equal(produced->responses.items[0].partition_responses.items[1].error_code, 41);

	struct string names[] = { STRING("a"), STRING("b") };
	struct delete_topics_request delete = { .topic_names = { names, 2 } };
	struct delete_topics_response *deleted =
		fault_answer(API_DELETE_TOPICS, 5, &delete, &everything, &arena);
	assert_int_equal(deleted->responses.count, 2);
	assert_true(string_equal(deleted->responses.items[1].name, STRING("b")));
	assert_int_equal(deleted->responses.items[1].error_code, 41);

	struct describe_configs_resource resource = { .resource_type = 2,
		.resource_name = STRING("t") };
	struct describe_configs_request describe = { .resources = { &resource, 1 } };
	struct describe_configs_response *described =
		fault_answer(API_DESCRIBE_CONFIGS, 4, &describe, &everything, &arena);
	assert_int_equal(described->results.items[0].resource_type, 2);
	assert_true(string_equal(described->results.items[0].resource_name, STRING("t")));
	assert_int_equal(described->results.items[0].error_code, 41);
	arena_free(&arena);
}

/* For any request at any version: the answer can be written, and read again. */
static void test_answers_are_well_formed_at_every_version(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, SEED);
	struct arena arena;
	arena_init(&arena, ARENA_SIZE);
	static uint8_t frame[1 << 20];
	for (int i = 0; i < 60 * API_COUNT; i++) {
		enum api api = (enum api)(i % API_COUNT);
		const struct api_info *info = &api_infos[api];
		for (int version = info->first; version <= info->last; version++) {
			arena_reset(&arena);
			struct edition e = api_edition(api, version);
			void *request = arena_alloc(&arena, info->request->size);
			message_random(info->request, e, &random, &arena, request);
			void *answer = fault_answer(api, version, request, &everything, &arena);
			assert_non_null(answer);
			struct writer w;
			writer_init(&w, frame, sizeof frame, NULL, 0);
			int32_t size = response_write(&w, api, version, 5, answer);
			if (size < 0) {
				char text[MESSAGE_ERROR_SIZE];
				print_error("%s v%d: %s\n", info->name, version,
					message_write_error(&w, text));
			}
			assert_true(size > 0);
			struct reader r;
			reader_init_flat(&r, frame + 4, size - 4, &arena);
			int32_t correlation_id;
			assert_int_equal(
				response_header_read(&r, api, version, &correlation_id), 0);
			void *read = arena_alloc(&arena, info->response->size);
			assert_int_equal(response_body_read(&r, api, version, read), 0);
			assert_true(message_equal(info->response, e, answer, read));
		}
	}
	arena_free(&arena);
}

/* An answer of any shape stays one that can be written when it is stained. */
static void test_stains_are_carried_at_every_version(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, SEED);
	struct arena arena;
	arena_init(&arena, ARENA_SIZE);
	static uint8_t frame[4 << 20];
	for (int i = 0; i < 30 * API_COUNT; i++) {
		enum api api = (enum api)(i % API_COUNT);
		const struct api_info *info = &api_infos[api];
		for (int version = info->first; version <= info->last; version++) {
			arena_reset(&arena);
			void *response = arena_alloc(&arena, info->response->size);
			message_random(info->response, api_edition(api, version), &random, &arena,
				response);
			fault_stain(api, version, response, &everything);
			struct writer w;
			writer_init(&w, frame, sizeof frame, NULL, 0);
			assert_true(response_write(&w, api, version, 5, response) > 0);
		}
	}
	arena_free(&arena);
}

static void test_garbage_comes_from_the_seed(void **state)
{
	(void)state;
	struct faults *a = opened("half"), *b = opened("half");
	uint8_t x[37] = { 0 }, y[37] = { 0 };
	faults_fill(a, x, sizeof x);
	faults_fill(b, y, sizeof y);
	assert_memory_equal(x, y, sizeof x);
	faults_fill(b, y, sizeof y);
	assert_memory_not_equal(x, y, sizeof x);
	faults_close(a);
	faults_close(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_reaches_the_plan),
		cmocka_unit_test(test_refusals_name_what_is_wrong),
		cmocka_unit_test(test_rules_have_a_limit_and_can_be_cleared),
		cmocka_unit_test(test_numbers_that_kafka_does_not_have_are_errors_too),
		cmocka_unit_test(test_only_what_is_selected_goes_wrong),
		cmocka_unit_test(test_skip_and_count_are_a_window_of_requests),
		cmocka_unit_test(test_times_count_from_the_rule),
		cmocka_unit_test(test_probability_is_kept_and_repeats),
		cmocka_unit_test(test_rules_add_up),
		cmocka_unit_test(test_a_topic_selects_requests_that_name_it),
		cmocka_unit_test(test_errors_of_produce_are_about_partitions),
		cmocka_unit_test(test_a_partition_can_end_its_request),
		cmocka_unit_test(test_faults_without_partition_are_counted_by_request),
		cmocka_unit_test(test_fetch_session_errors_are_about_the_request),
		cmocka_unit_test(test_a_stain_keeps_to_its_topic_and_partition),
		cmocka_unit_test(test_an_answer_has_what_was_asked),
		cmocka_unit_test(test_answers_are_well_formed_at_every_version),
		cmocka_unit_test(test_stains_are_carried_at_every_version),
		cmocka_unit_test(test_garbage_comes_from_the_seed),
	};
	return RUN_TESTS(tests);
}
