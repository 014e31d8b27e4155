/*
 * Shows: connecting, refusal, both kinds of close in every state with the peer seeing FIN or RST
 * within 10 ms, `closed` exactly once and last, no descriptor left.
 */
#include "io_test.h"

#include <netinet/tcp.h>

#define RESET_SEEN_MS 10

static uint8_t megabytes[4 * 1024 * 1024];

/* Waits for the peer's end of the connection to end; how it did: 0 for a FIN, else errno. */
static int plain_wait_end(int fd, int timeout_ms)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN | POLLRDHUP };
	int64_t until_ns = clock_monotonic_ns() + timeout_ms * NS_PER_MS;
	static char sink[65536];
	for (;;) {
		int64_t left_ms = (until_ns - clock_monotonic_ns()) / NS_PER_MS;
		if (left_ms < 0 || poll(&poller, 1, (int)left_ms) == 0)
			return ETIMEDOUT;
		ssize_t got = recv(fd, sink, sizeof sink, MSG_DONTWAIT);
		if (got == 0)
			return 0;
		if (got < 0 && errno != EAGAIN)
			return errno;
	}
}

static void turns(struct loop *loop, struct end *end)
{
	TURN_UNTIL(loop, end->closed);
	assert_int_equal(end->closed, 1);
	assert_int_equal(end->reason, 0);
	assert_false(loop_busy(loop));
}

static void test_connect_exchanges_bytes(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct end end = { 0 };
		int fd = end_to_plain(loop, &end, NULL);
		struct piece piece;
		piece_send(&end.stream, &piece, "hello", 5);
		assert_int_equal(stream_queued_bytes(&end.stream), 5);
		int64_t before_ns = clock_monotonic_ns();
		TURN_UNTIL(loop, piece.done);
		assert_int_equal(piece.result, 0);
		assert_true(piece.send.submitted_ns >= before_ns);
		assert_true(piece.send.submitted_ns <= clock_monotonic_ns());
		assert_int_equal(stream_queued_bytes(&end.stream), 0);
		char text[8];
		assert_int_equal(recv(fd, text, 8, 0), 5);
		assert_memory_equal(text, "hello", 5);
		assert_int_equal(send(fd, "world", 5, 0), 5);
		TURN_UNTIL(loop, end.size == 5);
		assert_memory_equal(end.data, "world", 5);
		struct address local, peer;
		assert_int_equal(stream_local_address(&end.stream, &local), 0);
		assert_int_equal(stream_peer_address(&end.stream, &peer), 0);
		assert_true(address_port(&local) != address_port(&peer));
		end_finish(loop, &end);
		close(fd);
	}
}

static void test_sends_before_opened_go_out_after_it(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		uint16_t port;
		int listening = plain_listen(&port);
		struct end end = { 0 };
		struct piece piece;
		end_connect(loop, &end, port, NULL);
		piece_send(&end.stream, &piece, "early", 5);
		TURN_UNTIL(loop, piece.done);
		assert_int_equal(end.opened, 1);
		int fd = accept(listening, NULL, NULL);
		char text[8];
		assert_int_equal(recv(fd, text, 8, 0), 5);
		end_finish(loop, &end);
		close(fd);
		close(listening);
	}
}

static void test_refused_connect_reports_and_closes(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		uint16_t port;
		close(plain_listen(&port));
		struct end end = { 0 };
		struct piece piece;
		end_connect(loop, &end, port, NULL);
		piece_send(&end.stream, &piece, "lost", 4);
		TURN_UNTIL(loop, end.closed);
		assert_int_equal(end.opened, 1);
		assert_int_equal(end.opened_result, -ECONNREFUSED);
		assert_int_equal(end.reason, -ECONNREFUSED);
		assert_int_equal(piece.done, 1);
		assert_int_equal(piece.result, -ECONNREFUSED);
		end_reset(&end);
	}
}

static void test_options_are_set_and_wrong_ones_refused(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct end end = { 0 };
		struct address source = loopback(0);
		struct stream_options options = { .congestion = "reno", .source = &source };
		int fd = end_to_plain(loop, &end, &options);
		char text[STREAM_CONGESTION_SIZE];
		assert_string_equal(stream_congestion(&end.stream, text), "reno");
		end_finish(loop, &end);
		close(fd);

		struct address address = loopback(1);
		options.congestion = "no-such-thing";
		assert_int_equal(stream_connect(loop, &end.stream, &address, &options, &end_events),
			-ENOENT);
		assert_false(loop_busy(loop));
	}
}

static void test_the_peers_end_is_met_after_its_last_bytes(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct end end = { 0 };
		int fd = end_to_plain(loop, &end, NULL);
		assert_int_equal(send(fd, "last words", 10, 0), 10);
		close(fd);
		TURN_UNTIL(loop, end.closed);
		assert_int_equal(end.reason, STREAM_PEER_CLOSED);
		assert_int_equal(end.size, 10);
		end_reset(&end);
	}
}

static void test_the_peers_reset_is_told(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct end end = { 0 };
		int fd = end_to_plain(loop, &end, NULL);
		struct linger linger = { 1, 0 };
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
		close(fd);
		TURN_UNTIL(loop, end.closed);
		assert_int_equal(end.reason, -ECONNRESET);
		end_reset(&end);
	}
}

/* ---- ending, in every state ---- */

static void end_it(struct end *end, bool reset)
{
	if (reset)
		stream_reset(&end->stream);
	else
		stream_close(&end->stream);
}

/* The end is asked for, the loop runs until `closed`, and the peer sees it in time. */
static void end_and_check(struct loop *loop, struct end *end, int fd, bool reset)
{
	int64_t start_ns = clock_monotonic_ns();
	end_it(end, reset);
	end_it(end, reset);
	assert_int_equal(end->closed, 0);
	turns(loop, end);
	int64_t took_ns = clock_monotonic_ns() - start_ns;
	int left_ms = (int)MAX(RESET_SEEN_MS - took_ns / NS_PER_MS, 0);
	/* A FIN may stand behind megabytes that the peer has not read. */
	int how = plain_wait_end(fd, reset ? left_ms : 5000);
	if (reset)
		assert_int_equal(how, ECONNRESET);
	else
		assert_int_equal(how, 0);
	close(fd);
}

static void test_ending_an_idle_stream(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		for (int reset = 0; reset < 2; reset++) {
			struct end end = { 0 };
			int fd = end_to_plain(loop, &end, NULL);
			turn_for(loop, NS_PER_MS);
			end_and_check(loop, &end, fd, reset);
			end_reset(&end);
		}
	}
}

static void test_ending_in_the_turn_that_opened_it(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		for (int reset = 0; reset < 2; reset++) {
			struct end end = { 0 };
			int fd = end_to_plain(loop, &end, NULL);
			end_and_check(loop, &end, fd, reset);
			end_reset(&end);
		}
	}
}

static void close_when_opened(struct end *end)
{
	stream_close(&end->stream);
}

static void test_ending_inside_opened(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct end end = { .on_opened = close_when_opened };
		int fd = end_to_plain(loop, &end, NULL);
		turns(loop, &end);
		assert_int_equal(plain_wait_end(fd, 1000), 0);
		close(fd);
		end_reset(&end);
	}
}

static void test_ending_while_connecting(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		for (int reset = 0; reset < 2; reset++) {
			uint16_t port;
			int listening = plain_listen(&port);
			struct end end = { 0 };
			struct piece piece;
			end_connect(loop, &end, port, NULL);
			piece_send(&end.stream, &piece, "never", 5);
			end_it(&end, reset);
			turns(loop, &end);
			assert_int_equal(end.opened, 0);
			assert_int_equal(piece.done, 1);
			assert_int_equal(piece.result, -ECANCELED);
			end_reset(&end);
			close(listening);
		}
	}
}

/* A listener with a full backlog leaves the SYN unanswered, so the connect really hangs. */
static void test_ending_a_connect_that_hangs(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		uint16_t port;
		int listening = plain_listen(&port);
		listen(listening, 0);
		int filler = plain_connect(port);
		struct end end = { 0 };
		end_connect(loop, &end, port, NULL);
		turn_for(loop, 20 * NS_PER_MS);
		assert_int_equal(end.opened, 0);
		stream_reset(&end.stream);
		int64_t start_ns = clock_monotonic_ns();
		turns(loop, &end);
		assert_true(clock_monotonic_ns() - start_ns < NS_PER_S);
		end_reset(&end);
		close(filler);
		close(listening);
	}
}

static void test_ending_while_a_send_is_stuck(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		for (int reset = 0; reset < 2; reset++) {
			struct stream_options options = { .send_buffer_size = 8192 };
			struct end end = { 0 };
			int fd = end_to_plain(loop, &end, &options);
			struct piece pieces[5];
			for (int i = 0; i < 5; i++)
				piece_send(&end.stream, &pieces[i], megabytes, sizeof megabytes);
			turn_for(loop, 10 * NS_PER_MS);
			assert_int_equal(pieces[4].done, 0);
			end_and_check(loop, &end, fd, reset);
			for (int i = 0; i < 5; i++) {
				assert_int_equal(pieces[i].done, 1);
				assert_true(pieces[i].result == -ECANCELED);
			}
			end_reset(&end);
		}
	}
}

static size_t ask_for_bulk(struct end *end, const uint8_t *data, size_t size)
{
	(void)data;
	(void)size;
	assert_int_equal(stream_receive_bulk(&end->stream, 1000000), 0);
	return 0;
}

static size_t ask_to_skip(struct end *end, const uint8_t *data, size_t size)
{
	(void)data;
	(void)size;
	stream_skip(&end->stream, 1000000);
	return 0;
}

static void end_in_mid_receive(
	struct loop *loop, size_t (*consume)(struct end *, const uint8_t *, size_t))
{
	for (int reset = 0; reset < 2; reset++) {
		struct end end = { .consume = consume };
		int fd = end_to_plain(loop, &end, NULL);
		assert_int_equal(send(fd, megabytes, 300000, 0), 300000);
		turn_for(loop, 10 * NS_PER_MS);
		end_and_check(loop, &end, fd, reset);
		assert_int_equal(end.bulks + end.skips, 0);
		end_reset(&end);
	}
}

static void test_ending_in_mid_bulk(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		end_in_mid_receive(loop, ask_for_bulk);
		assert_int_equal(loop_slabs(loop)->free_count, loop_slabs(loop)->count);
	}
}

static void test_ending_in_mid_skip(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	end_in_mid_receive(loop, ask_to_skip);
}

static void test_the_peers_end_in_mid_bulk_returns_the_slab(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct end end = { .consume = ask_for_bulk };
		int fd = end_to_plain(loop, &end, NULL);
		assert_int_equal(send(fd, megabytes, 300000, 0), 300000);
		turn_for(loop, 5 * NS_PER_MS);
		close(fd);
		TURN_UNTIL(loop, end.closed);
		assert_int_equal(end.reason, STREAM_PEER_CLOSED);
		assert_int_equal(loop_slabs(loop)->free_count, loop_slabs(loop)->count);
		end_reset(&end);
	}
}

static size_t pause_there(struct end *end, const uint8_t *data, size_t size)
{
	(void)data;
	(void)size;
	stream_pause(&end->stream);
	return 0;
}

static void test_ending_a_paused_stream(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct end end = { .consume = pause_there };
		int fd = end_to_plain(loop, &end, NULL);
		assert_int_equal(send(fd, megabytes, 300000, 0), 300000);
		turn_for(loop, 5 * NS_PER_MS);
		/* Unread bytes make any close a reset; that is TCP. */
		end_and_check(loop, &end, fd, true);
		end_reset(&end);
	}
}

static size_t reset_there(struct end *end, const uint8_t *data, size_t size)
{
	(void)data;
	stream_reset(&end->stream);
	return size / 2;
}

static void test_ending_inside_received(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct end end = { .consume = reset_there };
		int fd = end_to_plain(loop, &end, NULL);
		assert_int_equal(send(fd, megabytes, 3000, 0), 3000);
		turns(loop, &end);
		assert_int_equal(plain_wait_end(fd, RESET_SEEN_MS), ECONNRESET);
		close(fd);
		end_reset(&end);
	}
}

static void test_a_closed_stream_can_connect_again(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct end end = { 0 };
		for (int i = 0; i < 20; i++) {
			int fd = end_to_plain(loop, &end, NULL);
			struct piece piece;
			piece_send(&end.stream, &piece, megabytes, 10000);
			stream_close(&end.stream);
			TURN_UNTIL(loop, end.closed);
			assert_int_equal(piece.done, 1);
			close(fd);
			end_reset(&end);
		}
	}
}

static void connect_again(struct end *end)
{
	uint16_t *port = end->extra;
	if (end->bulks++ < 10)
		end_connect(end->loop, end, *port, NULL);
}

static void test_a_stream_can_connect_again_inside_closed(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		uint16_t port;
		int listening = plain_listen(&port);
		struct end end = {
			.on_opened = close_when_opened,
			.on_closed = connect_again,
			.extra = &port,
		};
		end_connect(loop, &end, port, NULL);
		TURN_UNTIL(loop, end.closed == 11);
		assert_int_equal(end.opened, 11);
		assert_false(loop_busy(loop));
		close(listening);
	}
}

static void free_end(struct end *end)
{
	int *freed = end->extra;
	(*freed)++;
	free(end->data);
	free(end);
}

/* AddressSanitizer is the judge here. */
static void test_an_owner_may_be_freed_inside_closed(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		uint16_t port;
		int listening = plain_listen(&port), freed = 0;
		for (int i = 0; i < 20; i++) {
			struct end *end = calloc(1, sizeof *end);
			assert_non_null(end);
			end->on_closed = free_end;
			end->extra = &freed;
			end->on_opened = i % 2 ? close_when_opened : NULL;
			end_connect(loop, end, port, NULL);
			int fd = -1;
			if (i % 3 == 0) {
				turn_for(loop, NS_PER_MS);
				fd = accept(listening, NULL, NULL);
				send(fd, "x", 1, MSG_NOSIGNAL);
			}
			if (i % 2 == 0)
				end_it(end, i % 4 == 0);
			TURN_UNTIL(loop, freed == i + 1);
			if (fd >= 0)
				close(fd);
		}
		close(listening);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connect_exchanges_bytes),
		cmocka_unit_test(test_sends_before_opened_go_out_after_it),
		cmocka_unit_test(test_refused_connect_reports_and_closes),
		cmocka_unit_test(test_options_are_set_and_wrong_ones_refused),
		cmocka_unit_test(test_the_peers_end_is_met_after_its_last_bytes),
		cmocka_unit_test(test_the_peers_reset_is_told),
		cmocka_unit_test(test_ending_an_idle_stream),
		cmocka_unit_test(test_ending_in_the_turn_that_opened_it),
		cmocka_unit_test(test_ending_inside_opened),
		cmocka_unit_test(test_ending_while_connecting),
		cmocka_unit_test(test_ending_a_connect_that_hangs),
		cmocka_unit_test(test_ending_while_a_send_is_stuck),
		cmocka_unit_test(test_ending_in_mid_bulk),
		cmocka_unit_test(test_ending_in_mid_skip),
		cmocka_unit_test(test_the_peers_end_in_mid_bulk_returns_the_slab),
		cmocka_unit_test(test_ending_a_paused_stream),
		cmocka_unit_test(test_ending_inside_received),
		cmocka_unit_test(test_a_closed_stream_can_connect_again),
		cmocka_unit_test(test_a_stream_can_connect_again_inside_closed),
		cmocka_unit_test(test_an_owner_may_be_freed_inside_closed),
	};
	return RUN_TESTS(tests);
}
