/*
 * Shows: accepting into streams of the owner's, refusing with a reset, 1,000 connections that echo,
 * running out of descriptors and recovering, ending with nothing left behind.
 */
#include "io_test.h"

#include <sys/resource.h>

#define CROWD_COUNT 1000
#define ECHO_SIZE   5000

/* An echo server: whatever arrives is sent back, one send at a time. */
struct echo {
	struct stream stream;
	struct piece piece;
	uint8_t data[16384];
	bool opened, closed, sending;
};

static struct echo echoes[CROWD_COUNT];
static int echo_count, echo_limit, listener_closed_count;

static void echo_opened(struct stream *stream, int result)
{
	assert_int_equal(result, 0);
	CONTAINER_OF(stream, struct echo, stream)->opened = true;
}

static void echo_done(struct send *send, int result)
{
	struct echo *echo = CONTAINER_OF(send, struct echo, piece.send);
	echo->sending = false;
	if (result == 0)
		stream_resume(&echo->stream);
}

static size_t echo_received(
	struct stream *stream, const uint8_t *data, size_t size, int64_t arrived_ns)
{
	(void)arrived_ns;
	struct echo *echo = CONTAINER_OF(stream, struct echo, stream);
	assert_false(echo->sending);
	size = MIN(size, sizeof echo->data);
	memcpy(echo->data, data, size);
	piece_send(stream, &echo->piece, echo->data, size);
	echo->piece.send.done = echo_done;
	echo->sending = true;
	stream_pause(stream);
	return size;
}

static void echo_closed(struct stream *stream, int reason)
{
	(void)reason;
	CONTAINER_OF(stream, struct echo, stream)->closed = true;
}

static const struct stream_events echo_events = {
	.opened = echo_opened,
	.received = echo_received,
	.closed = echo_closed,
};

static struct stream *listener_accepted(struct listener *listener, const struct address *peer)
{
	(void)listener;
	char text[ADDRESS_TEXT_SIZE];
	assert_non_null(strstr(address_format(peer, text), "127.0.0.1:"));
	return echo_count < echo_limit ? &echoes[echo_count++].stream : NULL;
}

static void listener_closed(struct listener *listener)
{
	(void)listener;
	listener_closed_count++;
}

static const struct listener_events listener_events = {
	.accepted = listener_accepted,
	.closed = listener_closed,
};

static uint16_t echo_listen(struct loop *loop, struct listener *listener, int limit)
{
	memset(echoes, 0, sizeof echoes);
	echo_count = 0;
	echo_limit = limit;
	listener_closed_count = 0;
	struct address address = loopback(0);
	assert_int_equal(
		listener_open(loop, listener, &address, NULL, &echo_events, &listener_events), 0);
	assert_true(listener_port(listener) > 0);
	return listener_port(listener);
}

static bool echoes_closed(void)
{
	for (int i = 0; i < echo_count; i++)
		if (!echoes[i].closed)
			return false;
	return true;
}

static void echo_stop(struct loop *loop, struct listener *listener)
{
	listener_close(listener);
	listener_close(listener);
	for (int i = 0; i < echo_count; i++)
		if (!echoes[i].closed)
			stream_close(&echoes[i].stream);
	assert_int_equal(listener_closed_count, 0);
	TURN_UNTIL(loop, listener_closed_count && echoes_closed());
	assert_int_equal(listener_closed_count, 1);
	assert_false(loop_busy(loop));
}

static void test_accepted_streams_echo(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct listener listener;
		uint16_t port = echo_listen(loop, &listener, 1);
		struct end end = { 0 };
		struct piece piece;
		end_connect(loop, &end, port, NULL);
		piece_send(&end.stream, &piece, "echo", 4);
		TURN_UNTIL(loop, end.size == 4);
		assert_memory_equal(end.data, "echo", 4);
		end_finish(loop, &end);
		echo_stop(loop, &listener);
	}
}

static void test_a_refused_connection_is_reset(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct listener listener;
		uint16_t port = echo_listen(loop, &listener, 0);
		struct end end = { 0 };
		end_connect(loop, &end, port, NULL);
		TURN_UNTIL(loop, end.closed);
		assert_int_equal(end.reason, -ECONNRESET);
		end_reset(&end);
		echo_stop(loop, &listener);
	}
}

static void test_a_taken_port_is_an_error(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct listener listener, second;
		struct address address = loopback(echo_listen(loop, &listener, 0));
		assert_int_equal(listener_open(loop, &second, &address, NULL, &echo_events,
					 &listener_events),
			-EADDRINUSE);
		echo_stop(loop, &listener);
		/* And free again afterwards. */
		assert_int_equal(listener_open(loop, &second, &address, NULL, &echo_events,
					 &listener_events),
			0);
		listener_closed_count = 0;
		echo_stop(loop, &second);
	}
}

static void test_closing_in_the_turn_that_opened_it(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct listener listener;
		echo_listen(loop, &listener, 0);
		echo_stop(loop, &listener);
	}
}

static void crowd_opened(struct end *end)
{
	struct piece *piece = end->extra;
	piece_send(&end->stream, piece, piece->iov.iov_base, ECHO_SIZE);
}

static bool crowd_done(const struct end *ends)
{
	for (int i = 0; i < CROWD_COUNT; i++)
		if (ends[i].size < ECHO_SIZE)
			return false;
	return true;
}

static void crowd_echoes(struct loop *loop)
{
	static struct end ends[CROWD_COUNT];
	static struct piece pieces[CROWD_COUNT];
	static uint8_t bytes[ECHO_SIZE + CROWD_COUNT];
	fill_random(bytes, sizeof bytes, 8);
	struct listener listener;
	uint16_t port = echo_listen(loop, &listener, CROWD_COUNT);
	for (int i = 0; i < CROWD_COUNT; i++) {
		pieces[i].iov.iov_base = bytes + i;
		ends[i].extra = &pieces[i];
		ends[i].on_opened = crowd_opened;
		end_connect(loop, &ends[i], port, NULL);
	}
	TURN_UNTIL(loop, crowd_done(ends));
	assert_int_equal(echo_count, CROWD_COUNT);
	for (int i = 0; i < CROWD_COUNT; i++) {
		assert_int_equal(ends[i].size, ECHO_SIZE);
		assert_memory_equal(ends[i].data, bytes + i, ECHO_SIZE);
		stream_close(&ends[i].stream);
	}
	for (int i = 0; i < CROWD_COUNT; i++)
		end_finish(loop, &ends[i]);
	echo_stop(loop, &listener);
}

static bool raise_descriptor_limit(void)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur >= 2 * CROWD_COUNT + 100;
}

static void test_a_thousand_connections_echo(void **state)
{
	(void)state;
	if (!raise_descriptor_limit()) {
		printf("# not enough descriptors for 1,000 connections\n");
		skip();
	}
	struct loop_options options = { .connections = 2 * CROWD_COUNT };
	FOR_EACH_RUNG(loop, &options)
	crowd_echoes(loop);
}

static void test_a_thousand_connections_share_four_small_buffers(void **state)
{
	(void)state;
	if (!raise_descriptor_limit())
		skip();
	struct loop_options options = { .receive_buffer_count = 4 };
	FOR_EACH_RUNG(loop, &options)
	{
		crowd_echoes(loop);
		struct loop_statistics statistics;
		loop_statistics(loop, &statistics);
		if (strstr(loop_describe(loop), "bufring"))
			assert_true(statistics.buffers_exhausted > 0);
		if (strstr(loop_describe(loop), "tiny"))
			assert_true(statistics.queue_full > 0 && statistics.overflows > 0);
	}
}

static void test_out_of_descriptors_accepts_later(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct listener listener;
		uint16_t port = echo_listen(loop, &listener, 10);
		turn_for(loop, NS_PER_MS);
		int client = plain_connect(port);
		struct rlimit before, none;
		getrlimit(RLIMIT_NOFILE, &before);
		none = before;
		none.rlim_cur = (rlim_t)client + 1; /* every lower one is taken */
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		int64_t until_ns = clock_monotonic_ns() + 30 * NS_PER_MS;
		while (clock_monotonic_ns() < until_ns)
			loop_turn(loop, until_ns);
		setrlimit(RLIMIT_NOFILE, &before);
		int accepted_meanwhile = echo_count;
		TURN_UNTIL(loop, echo_count == 1);
		/* The accept may have been armed and done before the limit fell. */
		assert_true(accepted_meanwhile == 1 || listener.failed_count > 0);
		struct loop_statistics statistics;
		loop_statistics(loop, &statistics);
		assert_true(statistics.turns < 1000);
		assert_int_equal(send(client, "x", 1, 0), 1);
		char byte = 0;
		TURN_UNTIL(loop, recv(client, &byte, 1, MSG_DONTWAIT) == 1);
		close(client);
		echo_stop(loop, &listener);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted_streams_echo),
		cmocka_unit_test(test_a_refused_connection_is_reset),
		cmocka_unit_test(test_a_taken_port_is_an_error),
		cmocka_unit_test(test_closing_in_the_turn_that_opened_it),
		cmocka_unit_test(test_a_thousand_connections_echo),
		cmocka_unit_test(test_a_thousand_connections_share_four_small_buffers),
		cmocka_unit_test(test_out_of_descriptors_accepts_later),
	};
	return RUN_TESTS(tests);
}
