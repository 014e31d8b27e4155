/*
 * Shows: a stage that cannot open says why and leaves nothing behind; brokers of it die as by
 * kill -9 and come back on their ports; its log is bounded; memory of the store goes round.
 */
#include "stage_test.h"

static uint8_t batch[1 << 20];

static int32_t produce(struct test_stage *t, int fd, const char *topic, int32_t index, size_t size)
{
	struct produce_response response;
	struct produce_one p;
	client_request(t, fd, API_PRODUCE, 9, 1, produce_one(&p, -1, topic, index, batch, size));
	if (client_answer(t, fd, API_PRODUCE, 9, &response) != 1)
		return CLIENT_ENDED;
	return produce_only(&response)->error_code;
}

/* ---- opening ---- */

static void refuses(const struct stage_options *options, int error, const char *words)
{
	struct loop *loop;
	char why[STAGE_REASON_SIZE] = "", loop_why[LOOP_TEXT_SIZE];
	assert_int_equal(loop_open(NULL, &loop, loop_why), 0);
	struct stage *stage = calloc(1, sizeof *stage);
	assert_non_null(stage);
	assert_int_equal(stage_open(stage, loop, options, why), error);
	if (!strstr(why, words))
		fail_msg("'%s' does not speak of '%s'", why, words);
	assert_false(loop_busy(loop));
	free(stage);
	loop_close(loop);
}

static void test_what_cannot_open_says_why(void **state)
{
	(void)state;
	struct stage_options o = stage_test_options();
	o.node_count = 0;
	refuses(&o, -EINVAL, "brokers");
	o = stage_test_options();
	o.node_count = 3;
	o.port = 65534;
	refuses(&o, -EINVAL, "port");
	o = stage_test_options();
	o.store_size = 1000;
	refuses(&o, -EINVAL, "message.max.bytes");
	o = stage_test_options();
	struct property_pair property = { STRING("num.partition"), STRING("3") };
	o.properties = &property;
	o.property_count = 1;
	refuses(&o, -EINVAL, "num.partition");
	property = (struct property_pair){ STRING("num.partitions"), STRING("many") };
	refuses(&o, -EINVAL, "num.partitions");
	o = stage_test_options();
	const char *rule = "api=Prodice:error=1";
	o.faults = &rule;
	o.fault_count = 1;
	refuses(&o, -EINVAL, "Prodice");
	o = stage_test_options();
	o.host = "nowhere.invalid";
	struct address address;
	int unknown = address_resolve(o.host, 0, &address, 1);
	if (unknown < 0)
		refuses(&o, unknown, "nowhere.invalid");
}

static void test_port_in_use_is_said(void **state)
{
	(void)state;
	struct test_stage t;
	struct stage_options options = stage_test_options();
	stage_begin(&t, &options);
	options.port = stage_port(&t.stage, 0);
	char port[16];
	snprintf(port, sizeof port, ":%u", options.port);
	refuses(&options, -EADDRINUSE, port);
	stage_end(&t);
}

/* ---- brokers that go and come ---- */

static void test_broker_dies_and_comes_back_on_its_port(void **state)
{
	(void)state;
	struct test_stage t;
	struct stage_options options = stage_test_options();
	options.node_count = 3;
	stage_begin(&t, &options);
	struct catalog_topic *topic = stage_topic(&t, "t", 1, 3);
	int32_t leader = topic->partitions[0]->leader;
	uint16_t port = stage_port(&t.stage, leader);
	size_t size = make_batch(batch, sizeof batch, 10, 100);
	int fd = client_open(&t, leader);
	assert_int_equal(produce(&t, fd, "t", 0, size), 0);

	assert_int_equal(stage_node_down(&t.stage, leader), 0);
	assert_int_equal(stage_node_down(&t.stage, leader), -EALREADY);
	assert_int_equal(stage_node_down(&t.stage, 3), -ENOENT);
	assert_true(client_sees_end(&t, fd));
	close(fd);
	TURN_UNTIL(&t, !t.stage.nodes[leader].listening);
	struct address address;
	address_resolve("127.0.0.1", port, &address, 1);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address.storage, address.size), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);

	/* What was acknowledged is there at the new leader. */
	int32_t next = topic->partitions[0]->leader;
	assert_int_not_equal(next, leader);
	assert_int_equal(topic->partitions[0]->isr_count, 2);
	assert_int_equal(topic->partitions[0]->log.end_offset, 10);
	fd = client_open(&t, next);
	assert_int_equal(produce(&t, fd, "t", 0, size), 0);
	close(fd);

	assert_int_equal(stage_node_up(&t.stage, leader), 0);
	assert_int_equal(stage_node_up(&t.stage, leader), -EALREADY);
	assert_int_equal(stage_port(&t.stage, leader), port);
	assert_int_equal(topic->partitions[0]->isr_count, 3);
	assert_int_equal(catalog_elect_preferred(&t.stage.catalog), 1);
	fd = client_open(&t, leader);
	assert_int_equal(produce(&t, fd, "t", 0, size), 0);
	assert_int_equal(topic->partitions[0]->log.end_offset, 30);
	close(fd);
	stage_end(&t);
}

static void test_all_brokers_can_be_down(void **state)
{
	(void)state;
	struct test_stage t;
	struct stage_options options = stage_test_options();
	options.node_count = 2;
	stage_begin(&t, &options);
	struct catalog_topic *topic = stage_topic(&t, "t", 1, 2);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(stage_node_down(&t.stage, 0), 0);
		assert_int_equal(stage_node_down(&t.stage, 1), 0);
		assert_int_equal(topic->partitions[0]->leader, NODE_NONE);
		TURN_UNTIL(&t, !t.stage.nodes[0].listening && !t.stage.nodes[1].listening);
		assert_int_equal(stage_node_up(&t.stage, 1), 0);
		assert_int_equal(stage_node_up(&t.stage, 0), 0);
		assert_int_not_equal(topic->partitions[0]->leader, NODE_NONE);
	}
	stage_end(&t);
}

static void test_preferred_leaders_come_back_by_themselves(void **state)
{
	(void)state;
	for (int automatic = 0; automatic < 2; automatic++) {
		struct test_stage t;
		struct stage_options options = stage_test_options();
		struct property_pair properties[] = {
			{ STRING("leader.imbalance.check.interval.seconds"), STRING("1") },
			{ STRING("auto.leader.rebalance.enable"),
				automatic ? STRING("true") : STRING("false") },
		};
		options.node_count = 2;
		options.properties = properties;
		options.property_count = 2;
		stage_begin(&t, &options);
		struct catalog_topic *topic = stage_topic(&t, "t", 1, 2);
		int32_t leader = topic->partitions[0]->leader;
		stage_node_down(&t.stage, leader);
		TURN_UNTIL(&t, !t.stage.nodes[leader].listening);
		stage_node_up(&t.stage, leader);
		assert_int_equal(topic->partitions[0]->leader, 1 - leader);
		if (automatic)
			TURN_UNTIL(&t, topic->partitions[0]->leader == leader);
		else
			turn_for(&t, 2500 * NS_PER_MS);
		assert_int_equal(topic->partitions[0]->leader, automatic ? leader : 1 - leader);
		stage_end(&t);
	}
}

/* ---- the rest ---- */

static void test_log_is_bounded_and_says_what_it_left_out(void **state)
{
	(void)state;
	struct test_stage t;
	struct stage_options options = stage_test_options();
	stage_begin(&t, &options);
	for (int i = 0; i < 100; i++)
		stage_say(&t.stage, "line %d\nwith an end in it", i);
	assert_int_equal(t.line_count, STAGE_LOG_LINES_MAX);
	assert_string_equal(t.lines[0], "line 0?with an end in it");
	TURN_UNTIL(&t, t.line_count > STAGE_LOG_LINES_MAX);
	assert_string_equal(t.lines[STAGE_LOG_LINES_MAX], "90 more lines like these were left out");
	stage_end(&t);
}

static void test_oldest_records_leave_a_full_store(void **state)
{
	(void)state;
	struct test_stage t;
	struct stage_options options = stage_test_options();
	options.store_size = (size_t)16 << 20;
	stage_begin(&t, &options);
	struct catalog_topic *topic = stage_topic(&t, "t", 1, 1);
	int fd = client_open(&t, 0);
	size_t size = make_batch(batch, sizeof batch, 900, 1000);
	for (int i = 0; i < 60; i++)
		assert_int_equal(produce(&t, fd, "t", 0, size), 0);
	const struct partition_log *log = &topic->partitions[0]->log;
	assert_int_equal(log->end_offset, 60 * 900);
	assert_true(log->start_offset > 0);
	assert_in_range(log->bytes, (int64_t)4 << 20, (int64_t)16 << 20);
	close(fd);
	stage_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_cannot_open_says_why),
		cmocka_unit_test(test_port_in_use_is_said),
		cmocka_unit_test(test_broker_dies_and_comes_back_on_its_port),
		cmocka_unit_test(test_all_brokers_can_be_down),
		cmocka_unit_test(test_preferred_leaders_come_back_by_themselves),
		cmocka_unit_test(test_log_is_bounded_and_says_what_it_left_out),
		cmocka_unit_test(test_oldest_records_leave_a_full_store),
	};
	return RUN_TESTS(tests);
}
