/*
 * Shows: sends arrive whole and in order through short writes, are gathered, complete exactly once,
 * and queue up (without end, without harm) before a peer that never reads.
 */
#include "io_test.h"

#include <netinet/tcp.h>

#define PIECE_COUNT 3000
#define TOTAL_SIZE  ((size_t)12 * 1024 * 1024)

static uint8_t source[TOTAL_SIZE];
static uint8_t sink[256 * 1024];

/* A send of several pieces of memory, cut at random places. */
struct shard {
	struct send send;
	struct iovec iov[7];
	int *next_done; /* sends must complete in order */
	int index, done, result;
};

static struct shard shards[PIECE_COUNT];

static void shard_done(struct send *send, int result)
{
	struct shard *shard = CONTAINER_OF(send, struct shard, send);
	shard->done++;
	shard->result = result;
	assert_int_equal(*shard->next_done, shard->index);
	(*shard->next_done)++;
}

/* Cuts the first `total` bytes of `source` into `count` sends. */
static void shards_cut(size_t total, int count, int *next_done, uint64_t seed)
{
	struct random random;
	random_seed(&random, seed);
	size_t offset = 0;
	for (int i = 0; i < count; i++) {
		struct shard *shard = &shards[i];
		*shard = (struct shard){ .index = i, .next_done = next_done };
		size_t left = total - offset;
		size_t average = left / (size_t)(count - i);
		size_t size =
			i == count - 1 ? left : 1 + (size_t)random_below(&random, 2 * average - 1);
		size = MIN(size, left - (size_t)(count - 1 - i));
		int pieces = 1 + (int)random_below(&random, COUNT_OF(shard->iov));
		for (int p = 0; p < pieces; p++) {
			size_t part =
				p == pieces - 1 ? size : (size_t)random_below(&random, size + 1);
			shard->iov[p] = (struct iovec){ source + offset, part };
			offset += part;
			size -= part;
		}
		shard->send.iov = shard->iov;
		shard->send.count = pieces;
		shard->send.done = shard_done;
	}
	assert_int_equal(offset, total);
}

static void read_and_compare(int fd, size_t *got)
{
	/* Less than a segment in flight waits for the delayed acknowledgement, 40 ms each time. */
	int on = 1;
	for (;;) {
		setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
		ssize_t size = recv(fd, sink, sizeof sink, MSG_DONTWAIT);
		if (size <= 0)
			return;
		assert_true(*got + (size_t)size <= TOTAL_SIZE);
		assert_memory_equal(sink, source + *got, (size_t)size);
		*got += (size_t)size;
	}
}

static void send_all_through(
	struct loop *loop, const struct stream_options *options, size_t total, int count)
{
	struct end end = { 0 };
	int fd = end_to_plain(loop, &end, options);
	int next_done = 0;
	size_t got = 0;
	shards_cut(total, count, &next_done, 5);
	for (int i = 0; i < count; i++)
		stream_send(&end.stream, &shards[i].send);
	assert_int_equal(stream_queued_bytes(&end.stream), total);
	int64_t patience_ns = clock_monotonic_ns() + PATIENCE_NS;
	while (got < total) {
		assert_true(clock_monotonic_ns() < patience_ns);
		assert_true(loop_turn(loop, 0) >= 0);
		read_and_compare(fd, &got);
	}
	TURN_UNTIL(loop, next_done == count);
	int64_t before_ns = 0;
	for (int i = 0; i < count; i++) {
		assert_int_equal(shards[i].done, 1);
		assert_int_equal(shards[i].result, 0);
		assert_true(shards[i].send.submitted_ns >= before_ns);
		before_ns = shards[i].send.submitted_ns;
	}
	assert_int_equal(stream_queued_bytes(&end.stream), 0);
	assert_int_equal(end.closed, 0);
	end_finish(loop, &end);
	close(fd);
}

/* The kernel's smallest buffer is stop and wait, half a segment at a time: few bytes suffice. */
static void test_sends_pass_the_smallest_send_buffer(void **state)
{
	(void)state;
	struct stream_options options = { .send_buffer_size = 1 };
	FOR_EACH_RUNG(loop, NULL)
	send_all_through(loop, &options, 300000, 50);
}

static void test_megabytes_pass_a_small_send_buffer(void **state)
{
	(void)state;
	struct stream_options options = { .send_buffer_size = 32768 };
	FOR_EACH_RUNG(loop, NULL)
	send_all_through(loop, &options, TOTAL_SIZE, 50);
}

static void test_thousands_of_small_sends_arrive_in_order(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	send_all_through(loop, NULL, TOTAL_SIZE, PIECE_COUNT);
}

static void test_a_small_gather_limit_cuts_sends(void **state)
{
	(void)state;
	struct stream_options options = { .gather_size = 10007 };
	FOR_EACH_RUNG(loop, NULL)
	send_all_through(loop, &options, TOTAL_SIZE, 20);
}

static void test_ready_sends_share_one_operation(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct end end = { 0 };
		int fd = end_to_plain(loop, &end, NULL);
		turn_for(loop, NS_PER_MS);
		struct loop_statistics before, after;
		loop_statistics(loop, &before);
		struct piece pieces[100];
		for (int i = 0; i < 100; i++)
			piece_send(&end.stream, &pieces[i], source + i * 100, 100);
		TURN_UNTIL(loop, pieces[99].done);
		loop_statistics(loop, &after);
		assert_int_equal(after.operations - before.operations, 1);
		assert_int_equal(pieces[0].send.submitted_ns, pieces[99].send.submitted_ns);
		end_finish(loop, &end);
		close(fd);
	}
}

static void test_a_peer_that_never_reads_holds_sends_back(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		for (int reset = 0; reset < 2; reset++) {
			struct stream_options options = { .send_buffer_size = 16384 };
			struct end end = { 0 };
			int fd = end_to_plain(loop, &end, &options);
			int next_done = 0;
			shards_cut(TOTAL_SIZE, 1000, &next_done, 6);
			for (int i = 0; i < 1000; i++)
				stream_send(&end.stream, &shards[i].send);
			/* Until the socket buffers are full; how long that takes is the machine's.
			 */
			size_t queued = SIZE_MAX;
			for (int i = 0; i < 100 && stream_queued_bytes(&end.stream) != queued;
				i++) {
				queued = stream_queued_bytes(&end.stream);
				turn_for(loop, 20 * NS_PER_MS);
			}
			assert_int_equal(stream_queued_bytes(&end.stream), queued);
			assert_true(queued > TOTAL_SIZE / 2);
			assert_true(next_done < 1000);
			int64_t start_ns = clock_monotonic_ns();
			if (reset)
				stream_reset(&end.stream);
			else
				stream_close(&end.stream);
			TURN_UNTIL(loop, end.closed);
			assert_true(clock_monotonic_ns() - start_ns < NS_PER_S);
			assert_int_equal(next_done, 1000);
			for (int i = 0; i < 1000; i++) {
				assert_int_equal(shards[i].done, 1);
				assert_true(
					shards[i].result == 0 || shards[i].result == -ECANCELED);
			}
			assert_int_equal(shards[999].result, -ECANCELED);
			end_reset(&end);
			close(fd);
		}
	}
}

static void test_the_peers_reset_completes_all_sends_with_the_error(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct stream_options options = { .send_buffer_size = 16384 };
		struct end end = { 0 };
		int fd = end_to_plain(loop, &end, &options);
		int next_done = 0;
		shards_cut(TOTAL_SIZE, 100, &next_done, 7);
		for (int i = 0; i < 100; i++)
			stream_send(&end.stream, &shards[i].send);
		turn_for(loop, 5 * NS_PER_MS);
		struct linger linger = { 1, 0 };
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
		close(fd);
		TURN_UNTIL(loop, end.closed);
		assert_int_equal(next_done, 100);
		assert_true(end.reason == -ECONNRESET || end.reason == -EPIPE);
		assert_int_equal(shards[99].result, end.reason);
		end_reset(&end);
	}
}

struct ping {
	struct piece piece; /* first: its send leads back */
	struct end *end;
	int left;
};

static void ping_done(struct send *send, int result)
{
	struct ping *ping = CONTAINER_OF(send, struct ping, piece.send);
	piece_done(send, result);
	if (result == 0 && --ping->left > 0)
		stream_send(&ping->end->stream, send);
}

static void test_a_send_can_be_queued_again_in_its_completion(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct end end = { 0 };
		int fd = end_to_plain(loop, &end, NULL);
		struct ping ping = { .end = &end, .left = 500 };
		ping.piece.iov = (struct iovec){ source, 10 };
		ping.piece.send = (struct send){ .done = ping_done, .count = 1 };
		ping.piece.send.iov = &ping.piece.iov;
		stream_send(&end.stream, &ping.piece.send);
		TURN_UNTIL(loop, ping.left == 0);
		assert_int_equal(ping.piece.done, 500);
		size_t got = 0;
		while (got < 5000)
			got += (size_t)recv(fd, sink, sizeof sink, 0);
		assert_int_equal(got, 5000);
		end_finish(loop, &end);
		close(fd);
	}
}

static void close_in_completion(struct send *send, int result)
{
	struct ping *ping = CONTAINER_OF(send, struct ping, piece.send);
	piece_done(send, result);
	stream_close(&ping->end->stream);
}

static void test_closing_in_a_completion(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct end end = { 0 };
		int fd = end_to_plain(loop, &end, NULL);
		struct ping ping = { .end = &end };
		ping.piece.iov = (struct iovec){ source, 10 };
		ping.piece.send = (struct send){ .done = close_in_completion, .count = 1 };
		ping.piece.send.iov = &ping.piece.iov;
		stream_send(&end.stream, &ping.piece.send);
		struct piece behind;
		piece_send(&end.stream, &behind, source, TOTAL_SIZE);
		TURN_UNTIL(loop, end.closed);
		assert_int_equal(ping.piece.done, 1);
		assert_int_equal(ping.piece.result, 0);
		assert_int_equal(behind.done, 1);
		assert_int_equal(behind.result, -ECANCELED);
		end_reset(&end);
		close(fd);
	}
}

int main(void)
{
	fill_random(source, sizeof source, 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sends_pass_the_smallest_send_buffer),
		cmocka_unit_test(test_megabytes_pass_a_small_send_buffer),
		cmocka_unit_test(test_thousands_of_small_sends_arrive_in_order),
		cmocka_unit_test(test_a_small_gather_limit_cuts_sends),
		cmocka_unit_test(test_ready_sends_share_one_operation),
		cmocka_unit_test(test_a_peer_that_never_reads_holds_sends_back),
		cmocka_unit_test(test_the_peers_reset_completes_all_sends_with_the_error),
		cmocka_unit_test(test_a_send_can_be_queued_again_in_its_completion),
		cmocka_unit_test(test_closing_in_a_completion),
	};
	return RUN_TESTS(tests);
}
