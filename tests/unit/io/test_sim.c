/*
 * Shows: the simulated network's clock jumps, its ports refuse and accept, the same seed runs the
 * same and another one does not, every fault happens, and whoever uses memory too early is caught.
 */
#include "io_test.h"

#include <signal.h>
#include <sys/wait.h>

#include "../../../io/loop_private.h"
#include "io/sim.h"

#define MESSAGE_SIZE ((size_t)20000)

static struct loop *sim_loop(struct sim **sim, const struct sim_options *options)
{
	*sim = sim_open(options);
	assert_non_null(*sim);
	struct loop_options o = { .sim = *sim };
	struct loop *loop;
	char why[LOOP_TEXT_SIZE];
	assert_int_equal(loop_open(&o, &loop, why), 0);
	assert_non_null(strstr(loop_describe(loop), "sim (seed "));
	return loop;
}

static void sim_loop_close(struct loop *loop, struct sim *sim)
{
	loop_close(loop);
	sim_close(sim);
}

static void fire_nothing(struct timer *timer, int64_t now_ns)
{
	(void)timer;
	(void)now_ns;
}

static void test_the_clock_jumps_to_what_is_next(void **state)
{
	(void)state;
	struct sim *sim;
	struct loop *loop = sim_loop(&sim, &(struct sim_options){ .start_ns = 5 * NS_PER_S });
	assert_int_equal(loop_clock_ns(loop), 5 * NS_PER_S);
	assert_int_equal(loop_turn(loop, 3600 * NS_PER_S), 0);
	assert_int_equal(loop_now_ns(loop), 3600 * NS_PER_S);
	struct timer timer;
	timer_init(&timer, fire_nothing);
	loop_timer_start(loop, &timer, 3601 * NS_PER_S);
	assert_int_equal(loop_turn(loop, NEVER_NS), 1);
	assert_int_equal(loop_now_ns(loop), 3601 * NS_PER_S);
	assert_int_equal(sim_now_ns(sim), 3601 * NS_PER_S);
	/* Who polls sees time pass. */
	assert_int_equal(loop_turn(loop, 0), 0);
	assert_true(loop_now_ns(loop) > 3601 * NS_PER_S);
	sim_loop_close(loop, sim);
}

static void test_a_wait_for_nothing_fails_and_a_wake_ends_it(void **state)
{
	(void)state;
	struct sim *sim;
	struct loop *loop = sim_loop(&sim, &(struct sim_options){ .seed = 1 });
	loop_wake(loop);
	assert_int_equal(loop_turn(loop, NEVER_NS), 1);
	assert_int_equal(loop_turn(loop, NEVER_NS), -EDEADLK);
	sim_loop_close(loop, sim);
}

/* ---- a conversation ---- */

struct talk {
	struct listener listener;
	struct end client, server;
	struct piece question, answer;
	int listeners_closed;
};

static struct stream *talk_accepted(struct listener *listener, const struct address *peer)
{
	struct talk *talk = CONTAINER_OF(listener, struct talk, listener);
	assert_true(address_port(peer) > 0);
	return talk->server.closed || talk->server.opened ? NULL : &talk->server.stream;
}

static void talk_closed(struct listener *listener)
{
	CONTAINER_OF(listener, struct talk, listener)->listeners_closed++;
}

static const struct listener_events talk_events = {
	.accepted = talk_accepted,
	.closed = talk_closed,
};

static size_t talk_consume(struct end *end, const uint8_t *data, size_t size)
{
	end_append(end, data, size);
	return size;
}

/* Only simulated time is patient here. */
static void turn_until(struct loop *loop, const int *flag)
{
	for (int i = 0; i < 100000 && !*flag; i++)
		assert_true(loop_turn(loop, loop_clock_ns(loop) + NS_PER_S) >= 0);
	assert_true(*flag);
}

static void talk_begin(struct loop *loop, struct talk *talk)
{
	struct address any = loopback(0);
	*talk = (struct talk){ .client.consume = talk_consume, .server.consume = talk_consume };
	assert_int_equal(
		listener_open(loop, &talk->listener, &any, NULL, &end_events, &talk_events), 0);
	end_connect(loop, &talk->client, listener_port(&talk->listener), NULL);
}

static void talk_end(struct loop *loop, struct talk *talk)
{
	listener_close(&talk->listener);
	turn_until(loop, &talk->listeners_closed);
	stream_close(&talk->client.stream);
	turn_until(loop, &talk->client.closed);
	if (talk->server.opened)
		turn_until(loop, &talk->server.closed);
	end_reset(&talk->client);
	end_reset(&talk->server);
}

static void test_nobody_listening_refuses(void **state)
{
	(void)state;
	struct sim *sim;
	struct loop *loop = sim_loop(&sim, &(struct sim_options){ .seed = 1 });
	struct end end = { 0 };
	end_connect(loop, &end, 9092, NULL);
	turn_until(loop, &end.closed);
	assert_int_equal(end.reason, -ECONNREFUSED);
	end_reset(&end);
	sim_loop_close(loop, sim);
}

static void test_a_port_is_listened_on_once(void **state)
{
	(void)state;
	struct sim *sim;
	struct loop *loop = sim_loop(&sim, &(struct sim_options){ .seed = 1 });
	struct talk talk;
	talk_begin(loop, &talk);
	struct listener second = { 0 };
	struct address taken = loopback(listener_port(&talk.listener));
	assert_int_equal(
		listener_open(loop, &second, &taken, NULL, &end_events, &talk_events), -EADDRINUSE);
	turn_until(loop, &talk.client.opened);
	turn_until(loop, &talk.server.opened);
	struct address seen;
	assert_int_equal(stream_peer_address(&talk.client.stream, &seen), 0);
	assert_int_equal(address_port(&seen), listener_port(&talk.listener));
	assert_int_equal(stream_local_address(&talk.client.stream, &seen), 0);
	assert_true(address_port(&seen) > 0);
	char text[STREAM_CONGESTION_SIZE];
	assert_string_equal(stream_congestion(&talk.client.stream, text), "cubic");
	talk_end(loop, &talk);
	sim_loop_close(loop, sim);
}

static void test_bytes_take_the_latency(void **state)
{
	(void)state;
	struct sim *sim;
	struct loop *loop =
		sim_loop(&sim, &(struct sim_options){ .seed = 1, .latency_ns = 10 * NS_PER_MS });
	struct talk talk;
	talk_begin(loop, &talk);
	turn_until(loop, &talk.server.opened);
	int64_t start_ns = loop_now_ns(loop);
	piece_send(&talk.client.stream, &talk.question, "hello", 5);
	turn_until(loop, &talk.question.done);
	assert_int_equal(loop_now_ns(loop), start_ns);
	while (talk.server.size == 0)
		assert_true(loop_turn(loop, NEVER_NS) >= 0);
	assert_int_equal(loop_now_ns(loop), start_ns + 10 * NS_PER_MS);
	assert_memory_equal(talk.server.data, "hello", 5);
	talk_end(loop, &talk);
	sim_loop_close(loop, sim);
}

/* ---- seeds and faults ---- */

/* Talks under faults; returns when it was over, and what happened. */
static int64_t talk_with(uint64_t seed, const struct sim_faults *faults, struct sim_counts *counts)
{
	static uint8_t message[MESSAGE_SIZE];
	fill_random(message, sizeof message, 3);
	struct sim *sim;
	struct loop *loop =
		sim_loop(&sim, &(struct sim_options){ .seed = seed, .faults = *faults });
	struct talk talk;
	talk_begin(loop, &talk);
	piece_send(&talk.client.stream, &talk.question, message, sizeof message);
	while (!talk.client.closed && talk.server.size < sizeof message && !talk.server.closed)
		assert_true(loop_turn(loop, NEVER_NS) >= 0);
	assert_memory_equal(talk.server.data, message, talk.server.size);
	talk_end(loop, &talk);
	int64_t end_ns = loop_now_ns(loop);
	sim_counts(sim, counts);
	sim_loop_close(loop, sim);
	return end_ns;
}

static void test_a_seed_runs_the_same_each_time(void **state)
{
	(void)state;
	const struct sim_faults faults = {
		.short_send = 300000,
		.short_receive = 300000,
		.no_buffers = 100000,
		.reorder = 300000,
		.late = 300000,
		.delay_max_ns = NS_PER_MS,
		.late_max_ns = NS_PER_MS,
	};
	struct sim_counts first, second, other;
	int64_t end_ns = talk_with(7, &faults, &first);
	assert_int_equal(talk_with(7, &faults, &second), end_ns);
	assert_memory_equal(&first, &second, sizeof first);
	assert_true(talk_with(8, &faults, &other) != end_ns);
	assert_int_equal(first.bytes, MESSAGE_SIZE);
	assert_int_equal(other.bytes, MESSAGE_SIZE);
}

static void test_every_fault_happens(void **state)
{
	(void)state;
	struct sim_counts c;
	talk_with(1, &(struct sim_faults){ 0 }, &c);
	assert_int_equal(c.short_sends + c.short_receives + c.resets + c.no_buffers + c.late +
				 c.reordered + c.refused + c.uncancelled,
		0);
	talk_with(1, &(struct sim_faults){ .short_send = 900000 }, &c);
	assert_true(c.short_sends > 0);
	talk_with(1, &(struct sim_faults){ .short_receive = 900000 }, &c);
	assert_true(c.short_receives > 0);
	talk_with(1, &(struct sim_faults){ .no_buffers = 900000 }, &c);
	assert_true(c.no_buffers > 0);
	talk_with(1, &(struct sim_faults){ .late = 900000, .late_max_ns = NS_PER_MS }, &c);
	assert_true(c.late > 0);
	talk_with(1, &(struct sim_faults){ .refuse = 1000000 }, &c);
	assert_int_equal(c.refused, 1);
	talk_with(1, &(struct sim_faults){ .reset = 1000000 }, &c);
	assert_int_equal(c.resets, 1);
	assert_true(c.bytes < MESSAGE_SIZE);
}

/* ---- what it watches ---- */

enum offence { SEND_CHANGED, RECEIVE_WRITTEN, LEFT_OPEN };

static size_t consume_and_ask(struct end *end, const uint8_t *data, size_t size)
{
	(void)data;
	static uint8_t memory[10000]; /* more than small buffers are used for */
	;
	stream_receive_into(&end->stream, memory, sizeof memory);
	end->extra = memory;
	return size;
}

static void offend(enum offence offence)
{
	static uint8_t message[2 * MESSAGE_SIZE];
	struct sim *sim;
	struct loop *loop = sim_loop(
		&sim, &(struct sim_options){ .seed = 1, .socket_buffer_size = MESSAGE_SIZE });
	struct talk talk;
	talk_begin(loop, &talk);
	turn_until(loop, &talk.server.opened);
	if (offence == SEND_CHANGED) {
		stream_pause(&talk.server.stream);
		piece_send(&talk.client.stream, &talk.question, message, sizeof message);
		loop_turn(loop, loop_clock_ns(loop) + NS_PER_MS);
		message[1]++;
		stream_resume(&talk.server.stream);
		turn_until(loop, &talk.question.done);
	} else if (offence == RECEIVE_WRITTEN) {
		talk.server.consume = consume_and_ask;
		piece_send(&talk.client.stream, &talk.question, message, 1);
		while (!talk.server.extra)
			loop_turn(loop, NEVER_NS);
		loop_turn(loop, loop_clock_ns(loop) + NS_PER_MS);
		((uint8_t *)talk.server.extra)[5] = 1;
		talk_end(loop, &talk);
	} else {
		loop->engine->class->socket(loop->engine, AF_INET);
		talk_end(loop, &talk);
		sim_loop_close(loop, sim);
	}
}

static int offend_in_a_child(enum offence offence)
{
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGABRT, SIG_DFL); /* cmocka's own would go on here */
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		offend(offence);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_memory_that_changes_under_a_send_is_caught(void **state)
{
	(void)state;
	assert_int_equal(offend_in_a_child(SEND_CHANGED), SIGABRT);
}

static void test_writing_into_a_receive_is_caught(void **state)
{
	(void)state;
	assert_int_equal(offend_in_a_child(RECEIVE_WRITTEN), SIGABRT);
}

static void test_a_socket_left_open_is_caught(void **state)
{
	(void)state;
	assert_int_equal(offend_in_a_child(LEFT_OPEN), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_clock_jumps_to_what_is_next),
		cmocka_unit_test(test_a_wait_for_nothing_fails_and_a_wake_ends_it),
		cmocka_unit_test(test_nobody_listening_refuses),
		cmocka_unit_test(test_a_port_is_listened_on_once),
		cmocka_unit_test(test_bytes_take_the_latency),
		cmocka_unit_test(test_a_seed_runs_the_same_each_time),
		cmocka_unit_test(test_every_fault_happens),
		cmocka_unit_test(test_memory_that_changes_under_a_send_is_caught),
		cmocka_unit_test(test_writing_into_a_receive_is_caught),
		cmocka_unit_test(test_a_socket_left_open_is_caught),
	};
	return RUN_TESTS(tests);
}
