/*
 * Shows: a cluster is found through whichever bootstrap server lives, its metadata is followed
 * without being undone by brokers that lag, and waiting calls end in every case, with a reason.
 */
#include "fake_broker.h"

#include <errno.h>

#include "../../../src/client/cluster.h"

#define CONNECT_TIMEOUT_NS (150 * NS_PER_MS)
#define REQUEST_TIMEOUT_NS (10 * NS_PER_S)

static struct loop *loop;
static struct fake_world world;
static struct fake_broker brokers[FAKE_BROKERS];
static struct cluster cluster;
static atomic_bool stop;
static int refreshed;

static const struct connection_options options = {
	.client_id = "test",
	.connect_timeout_ns = CONNECT_TIMEOUT_NS,
	.request_timeout_ns = REQUEST_TIMEOUT_NS,
};

/* Three brokers; topic "t" with three partitions, led by each in turn. */
static int setup(void **state)
{
	(void)state;
	char why[LOOP_TEXT_SIZE];
	if (loop_open(NULL, &loop, why) < 0)
		return -1;
	world = (struct fake_world){
		.topic = "t", .topic_id = { { 1 } }, .partition_count = 3, .leaders = { 0, 1, 2 }
	};
	for (int i = 0; i < FAKE_BROKERS; i++)
		fake_open(&brokers[i], loop, &world);
	cluster = (struct cluster){ 0 };
	atomic_store(&stop, false);
	refreshed = 0;
	return 0;
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

static int open_at(const char *host, uint16_t port)
{
	struct endpoint endpoint = { host, port };
	struct endpoint_list list = { &endpoint, 1 };
	return cluster_open(&cluster, loop, &list, &options, 1, &stop);
}

/* The cluster, found through broker 0, following "t". */
static void open_cluster(void)
{
	assert_int_equal(open_at("127.0.0.1", brokers[0].port), 0);
	assert_int_equal(cluster_follow(&cluster, "t"), 0);
}

static void assert_reason(const char *part)
{
	if (!strstr(cluster.reason, part))
		fail_msg("'%s' does not say '%s'", cluster.reason, part);
}

/* The broker that the control connection is on, or -1. */
static int control_broker(void)
{
	for (int i = 0; i < FAKE_BROKERS; i++) {
		const struct broker *b = cluster_broker(&cluster, i);
		if (b && connection_ready(cluster.control) &&
			strcmp(b->name, cluster.control->name) == 0)
			return i;
	}
	return -1;
}

static void count_refresh(struct cluster *cl)
{
	(void)cl;
	refreshed++;
}

static int asked_of_all(enum api api)
{
	return brokers[0].asked[api] + brokers[1].asked[api] + brokers[2].asked[api];
}

/* ---- finding it ---- */

static void test_the_first_server_that_answers_is_taken(void **state)
{
	(void)state;
	struct endpoint endpoints[] = {
		{ "127.0.0.1", refused_port(loop) },
		{ "no-such-host.invalid", 9092 },
		{ "127.0.0.1", brokers[1].port },
		{ "127.0.0.1", brokers[2].port },
	};
	struct endpoint_list list = { endpoints, COUNT_OF(endpoints) };
	assert_int_equal(cluster_open(&cluster, loop, &list, &options, 1, &stop), 0);
	assert_int_equal(control_broker(), 1);
	assert_int_equal(cluster.broker_count, 3);
	assert_int_equal(brokers[2].accepted, 0);
	for (int i = 0; i < FAKE_BROKERS; i++)
		assert_int_equal(
			address_port(&cluster_broker(&cluster, i)->address), brokers[i].port);
	assert_null(cluster_broker(&cluster, 3));
}

static void test_every_server_that_was_tried_is_named(void **state)
{
	(void)state;
	brokers[0].mute = true;
	struct endpoint endpoints[] = {
		{ "127.0.0.1", refused_port(loop) },
		{ "no-such-host.invalid", 9092 },
		{ "127.0.0.1", brokers[0].port },
	};
	struct endpoint_list list = { endpoints, COUNT_OF(endpoints) };
	assert_true(cluster_open(&cluster, loop, &list, &options, 1, &stop) < 0);
	char name[64];
	snprintf(name, sizeof name, "127.0.0.1:%u: Connection refused; ", endpoints[0].port);
	assert_reason(name);
	assert_reason("no-such-host.invalid: there is no host of that name; ");
	snprintf(name, sizeof name, "127.0.0.1:%u: it does not answer", brokers[0].port);
	assert_reason(name);
}

static void test_a_stop_ends_the_search(void **state)
{
	(void)state;
	brokers[0].mute = true;
	atomic_store(&stop, true);
	assert_int_equal(open_at("127.0.0.1", brokers[0].port), -EINTR);
}

/* ---- metadata ---- */

static void test_leaders_are_known(void **state)
{
	(void)state;
	open_cluster();
	assert_int_equal(cluster.topic.error, ERROR_NONE);
	assert_int_equal(cluster.topic.partition_count, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(cluster.topic.partitions[i].leader, i);
}

static void test_a_topic_that_does_not_exist_is_no_failure(void **state)
{
	(void)state;
	open_cluster();
	assert_int_equal(cluster_follow(&cluster, "other"), 0);
	assert_int_equal(cluster.topic.error, ERROR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(cluster.topic.partition_count, 0);
}

static void test_another_topic_has_leaders_of_its_own(void **state)
{
	(void)state;
	world.epochs[0] = 9;
	open_cluster();
	world.topic = "other";
	world.topic_id.bytes[0] = 2;
	world.partition_count = 2;
	world.leaders[0] = 2;
	world.epochs[0] = 0;
	assert_int_equal(cluster_follow(&cluster, "other"), 0);
	assert_int_equal(cluster.topic.partition_count, 2);
	assert_int_equal(cluster.topic.partitions[0].leader, 2);
}

static void test_an_older_epoch_does_not_undo_a_leader_move(void **state)
{
	(void)state;
	world.epochs[0] = 4;
	open_cluster();
	world.leaders[0] = 1;
	world.epochs[0] = 5;
	assert_int_equal(cluster_follow(&cluster, "t"), 0);
	assert_int_equal(cluster.topic.partitions[0].leader, 1);
	world.leaders[0] = 0;
	world.epochs[0] = 4;
	assert_int_equal(cluster_follow(&cluster, "t"), 0);
	assert_int_equal(cluster.topic.partitions[0].leader, 1);
	world.leaders[0] = 2;
	world.epochs[0] = 6;
	assert_int_equal(cluster_follow(&cluster, "t"), 0);
	assert_int_equal(cluster.topic.partitions[0].leader, 2);
}

static void test_a_topic_made_anew_begins_at_epoch_0(void **state)
{
	(void)state;
	world.epochs[0] = 7;
	open_cluster();
	world.topic_id.bytes[0] = 2;
	world.partition_count = 1;
	world.leaders[0] = 2;
	world.epochs[0] = 0;
	assert_int_equal(cluster_follow(&cluster, "t"), 0);
	assert_int_equal(cluster.topic.partitions[0].leader, 2);
	/* Whoever counts on three partitions still finds three. */
	assert_int_equal(cluster.topic.partition_count, 3);
	assert_int_equal(cluster.topic.partitions[1].leader, LEADER_UNKNOWN);
}

static int32_t odd_index;

static void handle_odd_partition(struct fake_broker *b, const struct asked *a)
{
	if (a->api != API_METADATA)
		return fake_serve(b, a);
	struct metadata_partition partition = { .partition_index = odd_index };
	struct metadata_topic topic = { .name = STRING("t"),
		.topic_authorized_operations = INT32_MIN };
	topic.partitions.items = &partition;
	topic.partitions.count = 1;
	struct metadata_response body;
	message_reset(&metadata_response_message, &body);
	body.topics.items = &topic;
	body.topics.count = 1;
	fake_answer(a, &body);
}

static void test_partitions_that_cannot_be_are_refused(void **state)
{
	(void)state;
	static const int32_t indexes[] = { -1, 1, INT32_MAX, INT32_MIN };
	open_cluster();
	brokers[0].handle = handle_odd_partition;
	for (size_t i = 0; i < COUNT_OF(indexes); i++) {
		odd_index = indexes[i];
		assert_int_equal(cluster_follow(&cluster, "t"), -EPROTO);
		assert_reason("numbers its partitions");
	}
}

static void test_refresh_keeps_its_pause(void **state)
{
	(void)state;
	open_cluster();
	cluster.refreshed = count_refresh;
	int before = asked_of_all(API_METADATA);
	int64_t end_ns = clock_monotonic_ns() + 7 * METADATA_PAUSE_NS / 2;
	while (clock_monotonic_ns() < end_ns) {
		cluster_refresh(&cluster);
		turn_for(loop, 2 * NS_PER_MS);
	}
	int asked = asked_of_all(API_METADATA) - before;
	assert_true(asked >= 2 && asked <= 4);
	assert_true(refreshed >= asked - 1 && refreshed <= asked);
}

static void test_a_refresh_survives_the_loss_of_its_broker(void **state)
{
	(void)state;
	open_cluster();
	assert_int_equal(control_broker(), 0);
	cluster.refreshed = count_refresh;
	brokers[0].mute = true;
	turn_for(loop, METADATA_PAUSE_NS);
	cluster_refresh(&cluster);
	turn_for(loop, 2 * NS_PER_MS);
	assert_int_equal(refreshed, 0);
	fake_stop(&brokers[0]);
	world.leaders[0] = 2;
	world.epochs[0] = 1;
	TURN_UNTIL(loop, refreshed == 1);
	assert_true(control_broker() == 1 || control_broker() == 2);
	assert_int_equal(cluster.topic.partitions[0].leader, 2);
}

static void test_the_control_connection_finds_the_last_broker(void **state)
{
	(void)state;
	open_cluster();
	fake_stop(&brokers[0]);
	fake_stop(&brokers[1]);
	TURN_UNTIL(loop, control_broker() == 2);
	fake_start(&brokers[0]);
	fake_stop(&brokers[2]);
	TURN_UNTIL(loop, control_broker() == 0);
}

/* ---- waiting calls ---- */

static int call_metadata(
	int32_t broker, int64_t timeout_ns, const struct metadata_response **answer)
{
	struct metadata_request body;
	message_reset(&metadata_request_message, &body);
	return cluster_call(&cluster, broker, API_METADATA, &body, VERSION_ANY, timeout_ns,
		(const void **)answer, NULL);
}

static void test_a_call_goes_to_the_broker_asked(void **state)
{
	(void)state;
	open_cluster();
	world.controller = 2;
	assert_int_equal(cluster_follow(&cluster, "t"), 0);
	const struct metadata_response *answer;
	int before[FAKE_BROKERS];
	static const struct {
		int32_t asked, reached;
	} cases[] = { { 0, 0 }, { 1, 1 }, { 2, 2 }, { CONTROLLER, 2 }, { ANY_BROKER, 0 } };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		for (int k = 0; k < FAKE_BROKERS; k++)
			before[k] = brokers[k].asked[API_METADATA];
		assert_int_equal(call_metadata(cases[i].asked, NS_PER_S, &answer), 0);
		for (int k = 0; k < FAKE_BROKERS; k++)
			assert_int_equal(
				brokers[k].asked[API_METADATA] - before[k], k == cases[i].reached);
	}
	assert_int_equal(call_metadata(7, NS_PER_S, &answer), -ENOENT);
	assert_reason("broker 7 is not part of the cluster's metadata");
}

static void test_a_call_to_a_dead_broker_reaches_no_other(void **state)
{
	(void)state;
	open_cluster();
	assert_int_equal(control_broker(), 0);
	fake_stop(&brokers[0]);
	int before = asked_of_all(API_METADATA);
	const struct metadata_response *answer;
	assert_int_equal(call_metadata(0, 400 * NS_PER_MS, &answer), -ETIMEDOUT);
	assert_int_equal(asked_of_all(API_METADATA), before);
	assert_reason("Connection refused");
	/* And as soon as it is back it is asked again. */
	fake_start(&brokers[0]);
	assert_int_equal(call_metadata(0, 5 * NS_PER_S, &answer), 0);
	assert_int_equal(asked_of_all(API_METADATA), before + 1);
}

static void test_a_call_does_not_follow_the_control_connection(void **state)
{
	(void)state;
	open_cluster();
	for (int i = 0; i < FAKE_BROKERS; i++)
		fake_stop(&brokers[i]);
	/* It tries broker 0 and moves on to 1 while the call waits for 0. */
	const char *name = cluster_broker(&cluster, 0)->name;
	TURN_UNTIL(loop, strcmp(cluster.control->name, name) != 0);
	TURN_UNTIL(loop, strcmp(cluster.control->name, name) == 0);
	fake_start(&brokers[1]);
	const struct metadata_response *answer;
	assert_int_equal(call_metadata(0, 2 * NS_PER_S, &answer), -ETIMEDOUT);
	assert_int_equal(control_broker(), 1);
	assert_int_equal(brokers[1].asked[API_METADATA], 0);
}

static void handle_reset(struct fake_broker *b, const struct asked *a)
{
	if (a->api == API_METADATA)
		fake_reset(a->link);
	else
		fake_serve(b, a);
}

static void test_the_broker_that_failed_is_named_not_the_next(void **state)
{
	(void)state;
	open_cluster();
	brokers[0].handle = handle_reset;
	const struct metadata_response *answer;
	assert_int_equal(call_metadata(ANY_BROKER, NS_PER_S, &answer), -ECONNRESET);
	char reason[100];
	snprintf(reason, sizeof reason, "127.0.0.1:%u: Connection reset by peer", brokers[0].port);
	assert_string_equal(cluster.reason, reason);
}

static void test_a_connection_closed_while_idle_is_made_again(void **state)
{
	(void)state;
	open_cluster();
	const struct metadata_response *answer;
	assert_int_equal(call_metadata(1, NS_PER_S, &answer), 0);
	struct list *node;
	list_for_each (node, &brokers[1].links)
		fake_hang_up(CONTAINER_OF(node, struct fake_link, node));
	TURN_UNTIL(loop, brokers[1].open == 0);
	assert_int_equal(call_metadata(1, NS_PER_S, &answer), 0);
}

static void test_both_ranges_of_versions_are_named(void **state)
{
	(void)state;
	for (int i = 0; i < FAKE_BROKERS; i++) {
		brokers[i].minimum[API_LIST_OFFSETS] = 12;
		brokers[i].maximum[API_LIST_OFFSETS] = 14;
		brokers[i].maximum[API_DELETE_TOPICS] = -1;
	}
	open_cluster();
	const void *answer;
	int result = cluster_call(
		&cluster, ANY_BROKER, API_LIST_OFFSETS, NULL, VERSION_ANY, NS_PER_S, &answer, NULL);
	assert_int_equal(result, -EPROTONOSUPPORT);
	assert_reason("speaks no version of ListOffsets that harrow does "
		      "(harrow: 1 to 11, it: 12 to 14)");
	result = cluster_call(&cluster, ANY_BROKER, API_DELETE_TOPICS, NULL, VERSION_ANY, NS_PER_S,
		&answer, NULL);
	assert_int_equal(result, -EPROTONOSUPPORT);
	assert_reason("does not speak DeleteTopics (harrow: 1 to 6)");
}

static void handle_named_then_gone(struct fake_broker *b, const struct asked *a)
{
	if (a->api != API_METADATA)
		return fake_serve(b, a);
	struct metadata_response body;
	message_reset(&metadata_response_message, &body);
	body.cluster_id = STRING("a cluster of that name");
	fake_answer(a, &body);
	memset(&body.cluster_id, 0, sizeof body.cluster_id);
	fake_answer_as(a, a->version, a->correlation_id + 1, &body);
	a->link->finally = fake_hang_up;
}

static void test_an_answer_stays_until_the_next_call(void **state)
{
	(void)state;
	open_cluster();
	const struct metadata_response *answer;
	/* In pieces, so that it is put together in memory that goes with the connection. */
	brokers[0].split = 30;
	brokers[0].handle = handle_named_then_gone;
	assert_int_equal(call_metadata(ANY_BROKER, NS_PER_S, &answer), 0);
	brokers[0].handle = NULL;
	turn_for(loop, 150 * NS_PER_MS); /* the end, and answers on a connection made anew */
	cluster_refresh(&cluster);
	turn_for(loop, 20 * NS_PER_MS);
	assert_true(string_equal(answer->cluster_id, STRING("a cluster of that name")));
}

static void test_a_call_that_nobody_answers_says_which(void **state)
{
	(void)state;
	open_cluster();
	brokers[1].mute = true;
	const struct metadata_response *answer;
	assert_int_equal(call_metadata(1, 50 * NS_PER_MS, &answer), -ETIMEDOUT);
	/* It never even greeted; a greeted one is next. */
	brokers[1].mute = false;
	assert_int_equal(call_metadata(1, NS_PER_S, &answer), 0);
	brokers[1].mute = true;
	assert_int_equal(call_metadata(1, 50 * NS_PER_MS, &answer), -ETIMEDOUT);
	assert_reason("no answer to Metadata in time");
	assert_reason(cluster_broker(&cluster, 1)->name);
}

static void raise_stop(struct timer *timer, int64_t now_ns)
{
	(void)timer, (void)now_ns;
	atomic_store(&stop, true);
}

static void test_a_stop_ends_every_wait(void **state)
{
	(void)state;
	open_cluster();
	struct timer timer;
	timer_init(&timer, raise_stop);
	for (int way = 0; way < 3; way++) {
		atomic_store(&stop, false);
		brokers[0].mute = way == 1;
		if (way == 2)
			fake_stop(&brokers[2]);
		loop_timer_start(loop, &timer, loop_clock_ns(loop) + 20 * NS_PER_MS);
		int64_t began_ns = clock_monotonic_ns();
		const struct metadata_response *answer;
		struct connection *c;
		int result = way == 0   ? cluster_wait(&cluster, 10 * NS_PER_S)
			     : way == 1 ? call_metadata(ANY_BROKER, 10 * NS_PER_S, &answer)
					: cluster_connect(&cluster, 2, 10 * NS_PER_S, &c);
		assert_int_equal(result, -EINTR);
		assert_true(clock_monotonic_ns() - began_ns < 5 * NS_PER_S);
		assert_string_equal(cluster.reason, "interrupted");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(test_the_first_server_that_answers_is_taken),
		CASE(test_every_server_that_was_tried_is_named),
		CASE(test_a_stop_ends_the_search),
		CASE(test_leaders_are_known),
		CASE(test_a_topic_that_does_not_exist_is_no_failure),
		CASE(test_another_topic_has_leaders_of_its_own),
		CASE(test_an_older_epoch_does_not_undo_a_leader_move),
		CASE(test_a_topic_made_anew_begins_at_epoch_0),
		CASE(test_partitions_that_cannot_be_are_refused),
		CASE(test_refresh_keeps_its_pause),
		CASE(test_a_refresh_survives_the_loss_of_its_broker),
		CASE(test_the_control_connection_finds_the_last_broker),
		CASE(test_a_call_goes_to_the_broker_asked),
		CASE(test_a_call_to_a_dead_broker_reaches_no_other),
		CASE(test_a_call_does_not_follow_the_control_connection),
		CASE(test_the_broker_that_failed_is_named_not_the_next),
		CASE(test_a_connection_closed_while_idle_is_made_again),
		CASE(test_both_ranges_of_versions_are_named),
		CASE(test_an_answer_stays_until_the_next_call),
		CASE(test_a_call_that_nobody_answers_says_which),
		CASE(test_a_stop_ends_every_wait),
	};
	return RUN_TESTS(tests);
}
