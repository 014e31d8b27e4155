/*
 * Shows: frames cut anywhere are reassembled, collected in slabs, put into the owner's memory or
 * skipped, in order and byte for byte; pausing, an empty slab pool and an empty ring of small
 * buffers hold back and lose nothing.
 */
#include "io_test.h"

#define FRAME_COUNT 400
#define HEAD_SIZE   5 /* size, then kind */
#define SMALL_MAX   3000
#define LARGE_MAX   60000
#define GUARD       0xa5

enum frame_kind { FRAME_SMALL, FRAME_BULK, FRAME_SKIP, FRAME_INTO, FRAME_KINDS };

/* What is sent, and how far the receiver has come with it. */
struct script {
	uint8_t *bytes;
	size_t size;
	size_t starts[FRAME_COUNT];
	int frame;
	bool pausing;
	struct random random;
	struct timer resume;
	struct end *end;
	uint8_t into[LARGE_MAX + 1];
};

static uint32_t frame_size(const struct script *script, int frame)
{
	uint32_t size;
	memcpy(&size, script->bytes + script->starts[frame], 4);
	return size;
}

static void script_make(struct script *script, uint64_t seed)
{
	*script = (struct script){ 0 };
	random_seed(&script->random, seed);
	script->bytes = malloc(FRAME_COUNT * (size_t)(HEAD_SIZE + LARGE_MAX));
	assert_non_null(script->bytes);
	for (int i = 0; i < FRAME_COUNT; i++) {
		uint8_t kind = (uint8_t)random_below(&script->random, FRAME_KINDS);
		uint32_t size = (uint32_t)random_below(
			&script->random, kind == FRAME_SMALL ? SMALL_MAX : LARGE_MAX);
		script->starts[i] = script->size;
		memcpy(script->bytes + script->size, &size, 4);
		script->bytes[script->size + 4] = kind;
		fill_random(script->bytes + script->size + HEAD_SIZE, size, seed + (uint64_t)i);
		script->size += HEAD_SIZE + size;
	}
}

static void maybe_pause(struct script *script)
{
	if (!script->pausing || random_below(&script->random, 10) != 0)
		return;
	stream_pause(&script->end->stream);
	loop_timer_start(script->end->loop, &script->resume,
		loop_now_ns(script->end->loop) +
			(int64_t)random_below(&script->random, 2 * NS_PER_MS));
}

static void script_resume(struct timer *timer, int64_t now_ns)
{
	(void)now_ns;
	stream_resume(&CONTAINER_OF(timer, struct script, resume)->end->stream);
}

/* Takes the frames that are complete; asks for a large one as soon as its head is there. */
static size_t script_consume(struct end *end, const uint8_t *data, size_t size)
{
	struct script *script = end->extra;
	size_t used = 0;
	while (size - used >= HEAD_SIZE) {
		assert_true(script->frame < FRAME_COUNT);
		const uint8_t *expected = script->bytes + script->starts[script->frame];
		assert_memory_equal(data + used, expected, HEAD_SIZE);
		uint32_t payload = frame_size(script, script->frame);
		switch (expected[4]) {
		case FRAME_BULK:
			assert_int_equal(stream_receive_bulk(&end->stream, payload), 0);
			return used + HEAD_SIZE;
		case FRAME_SKIP:
			stream_skip(&end->stream, payload);
			return used + HEAD_SIZE;
		case FRAME_INTO:
			script->into[payload] = GUARD;
			stream_receive_into(&end->stream, script->into, payload);
			return used + HEAD_SIZE;
		}
		if (size - used < HEAD_SIZE + payload)
			return used;
		assert_memory_equal(data + used, expected, HEAD_SIZE + payload);
		used += HEAD_SIZE + payload;
		script->frame++;
		maybe_pause(script);
	}
	return used;
}

static void script_bulk(struct stream *stream, struct slab *slab, int64_t arrived_ns)
{
	(void)arrived_ns;
	struct end *end = CONTAINER_OF(stream, struct end, stream);
	struct script *script = end->extra;
	const uint8_t *expected = script->bytes + script->starts[script->frame];
	assert_int_equal(slab->size, frame_size(script, script->frame));
	assert_memory_equal(slab->data, expected + HEAD_SIZE, slab->size);
	slab_release(slab);
	end->bulks++;
	script->frame++;
	maybe_pause(script);
}

static void script_filled(struct stream *stream, uint8_t *memory, size_t size, int64_t arrived_ns)
{
	(void)arrived_ns;
	struct end *end = CONTAINER_OF(stream, struct end, stream);
	struct script *script = end->extra;
	const uint8_t *expected = script->bytes + script->starts[script->frame];
	assert_ptr_equal(memory, script->into);
	assert_int_equal(size, frame_size(script, script->frame));
	assert_memory_equal(memory, expected + HEAD_SIZE, size);
	assert_int_equal(memory[size], GUARD);
	end->fills++;
	script->frame++;
	maybe_pause(script);
}

static void script_skipped(struct stream *stream, size_t size, int64_t arrived_ns)
{
	(void)arrived_ns;
	struct end *end = CONTAINER_OF(stream, struct end, stream);
	struct script *script = end->extra;
	assert_int_equal(size, frame_size(script, script->frame));
	end->skips++;
	script->frame++;
	maybe_pause(script);
}

static struct stream_events script_events;

/* Sends the script in pieces of random size, with turns of the loop between them. */
static void script_run(struct loop *loop, uint64_t seed, size_t piece_max, bool pausing)
{
	struct script script;
	script_make(&script, seed);
	uint16_t port;
	int listening = plain_listen(&port);
	struct address address = loopback(port);
	struct end end = { .loop = loop, .consume = script_consume, .extra = &script };
	script.end = &end;
	script.pausing = pausing;
	timer_init(&script.resume, script_resume);
	assert_int_equal(stream_connect(loop, &end.stream, &address, NULL, &script_events), 0);
	TURN_UNTIL(loop, end.opened);
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	size_t sent = 0;
	int64_t patience_ns = clock_monotonic_ns() + PATIENCE_NS;
	while (script.frame < FRAME_COUNT) {
		if (clock_monotonic_ns() > patience_ns)
			fail_msg("stuck at frame %d of seed %d on %s", script.frame, (int)seed,
				loop_describe(loop));
		for (uint64_t n = random_below(&script.random, 4); n > 0 && sent < script.size;
			n--) {
			size_t size = 1 + (size_t)random_below(&script.random, piece_max);
			size = MIN(size, script.size - sent);
			ssize_t out = send(fd, script.bytes + sent, size, MSG_DONTWAIT);
			sent += out > 0 ? (size_t)out : 0;
		}
		assert_true(loop_turn(loop, sent < script.size ? 0 : patience_ns) >= 0);
		assert_int_equal(end.closed, 0);
	}
	assert_true(end.bulks > 0 && end.skips > 0 && end.fills > 0);
	assert_int_equal(sent, script.size);
	close(fd);
	close(listening);
	stream_resume(&end.stream);
	loop_timer_stop(loop, &script.resume);
	TURN_UNTIL(loop, end.closed);
	assert_int_equal(end.reason, STREAM_PEER_CLOSED);
	end_reset(&end);
	free(script.bytes);
}

static void test_frames_cut_anywhere_are_whole_again(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		for (uint64_t seed = 1; seed <= 3; seed++)
			script_run(loop, seed, 50000, false);
		script_run(loop, 4, 3000, false);
	}
}

static void test_pausing_anywhere_loses_nothing(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	for (uint64_t seed = 11; seed <= 13; seed++)
		script_run(loop, seed, 50000, true);
}

static void test_two_tiny_buffers_are_enough(void **state)
{
	(void)state;
	struct loop_options options = { .receive_buffer_size = 128, .receive_buffer_count = 2 };
	FOR_EACH_RUNG(loop, &options)
	{
		script_run(loop, 21, 50000, false);
		script_run(loop, 22, 50000, true);
		struct loop_statistics statistics;
		loop_statistics(loop, &statistics);
		/* A tiny epoll takes one buffer at a time. */
		const char *text = loop_describe(loop);
		if (strstr(text, "multishot") && !(strstr(text, "epoll") && strstr(text, "tiny")))
			assert_true(statistics.buffers_exhausted > 0);
	}
}

static size_t leave_everything(struct end *end, const uint8_t *data, size_t size)
{
	(void)data;
	end->size = size;
	return 0;
}

static void test_a_frame_larger_than_the_reassembly_buffer_fails(void **state)
{
	(void)state;
	static char bytes[20000];
	FOR_EACH_RUNG(loop, NULL)
	{
		struct stream_options options = { .reassembly_size = 10000 };
		struct end end = { .consume = leave_everything };
		int fd = end_to_plain(loop, &end, &options);
		assert_int_equal(send(fd, bytes, 9999, 0), 9999);
		turn_for(loop, 2 * NS_PER_MS);
		assert_int_equal(end.size, 9999);
		assert_int_equal(end.closed, 0);
		assert_int_equal(send(fd, bytes, 2, 0), 2);
		TURN_UNTIL(loop, end.closed);
		assert_int_equal(end.reason, -EMSGSIZE);
		end.size = 0;
		end_reset(&end);
		close(fd);
	}
}

static size_t one_at_a_time(struct end *end, const uint8_t *data, size_t size)
{
	assert_int_equal(size, ++end->bulks); /* all of it again, with the new byte behind */
	assert_int_equal(data[size - 1], 'a' + size - 1);
	return 0;
}

static void test_what_is_not_consumed_is_presented_again_with_more(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct end end = { .consume = one_at_a_time };
		int fd = end_to_plain(loop, &end, NULL);
		for (int i = 0; i < 20; i++) {
			char byte = (char)('a' + i);
			assert_int_equal(send(fd, &byte, 1, 0), 1);
			TURN_UNTIL(loop, end.bulks == i + 1);
		}
		turn_for(loop, NS_PER_MS);
		assert_int_equal(end.bulks, 20);
		end_finish(loop, &end);
		close(fd);
	}
}

static size_t too_large(struct end *end, const uint8_t *data, size_t size)
{
	(void)data;
	assert_int_equal(stream_receive_bulk(&end->stream, 5000), -EMSGSIZE);
	stream_skip(&end->stream, 5000);
	end->bulks++;
	(void)size;
	return 0;
}

static void test_a_bulk_larger_than_a_slab_is_refused(void **state)
{
	(void)state;
	static char bytes[5000];
	struct loop_options options = { .slab_size = 4999 };
	FOR_EACH_RUNG(loop, &options)
	{
		struct end end = { .consume = too_large };
		int fd = end_to_plain(loop, &end, NULL);
		assert_int_equal(send(fd, bytes, 5000, 0), 5000);
		TURN_UNTIL(loop, end.skips);
		assert_int_equal(end.bulks, 1);
		end_finish(loop, &end);
		close(fd);
	}
}

/* ---- a flood of large frames ---- */

#define FLOOD_FRAMES     200
#define FLOOD_SIZE       200000
#define FLOOD_SMALL_SIZE 4096 /* the loop's default */

static size_t skip_always(struct end *end, const uint8_t *data, size_t size)
{
	(void)data;
	if (size < HEAD_SIZE)
		return 0;
	stream_skip(&end->stream, FLOOD_SIZE - HEAD_SIZE);
	return HEAD_SIZE;
}

static void test_a_flood_of_large_frames_does_not_go_through_small_buffers(void **state)
{
	(void)state;
	static uint8_t frame[FLOOD_SIZE];
	FOR_EACH_RUNG(loop, NULL)
	{
		struct end end = { .consume = skip_always };
		int fd = end_to_plain(loop, &end, NULL);
		size_t sent = 0, total = (size_t)FLOOD_FRAMES * FLOOD_SIZE;
		struct loop_statistics before, after;
		loop_statistics(loop, &before);
		while (end.skips < FLOOD_FRAMES) {
			/* As much as fits: what a busy receiver finds. */
			while (sent < total) {
				size_t at = sent % FLOOD_SIZE;
				ssize_t taken = send(fd, frame + at, FLOOD_SIZE - at, MSG_DONTWAIT);
				if (taken <= 0)
					break;
				sent += (size_t)taken;
			}
			assert_true(loop_turn(loop, loop_clock_ns(loop) + PATIENCE_NS) >= 0);
		}
		loop_statistics(loop, &after);
		/* Where bytes can be dropped unread, a frame takes a few receives, not fifty. */
		if (strstr(loop_describe(loop), "trunc"))
			assert_true(after.completions - before.completions <
				    total / FLOOD_SMALL_SIZE / 3);
		end_finish(loop, &end);
		close(fd);
	}
}

/* ---- slabs run out ---- */

#define HUNGRY_COUNT 6
#define HUNGRY_SIZE  100000

static size_t always_bulk(struct end *end, const uint8_t *data, size_t size)
{
	(void)data;
	(void)size;
	assert_int_equal(stream_receive_bulk(&end->stream, HUNGRY_SIZE), 0);
	return 0;
}

static int total_bulks(const struct end *ends)
{
	int total = 0;
	for (int i = 0; i < HUNGRY_COUNT; i++)
		total += ends[i].bulks;
	return total;
}

static void release_one(struct end *ends)
{
	for (int i = 0; i < HUNGRY_COUNT; i++)
		if (ends[i].slab_count > 0) {
			slab_release(ends[i].slabs[--ends[i].slab_count]);
			return;
		}
	fail_msg("no slab is held");
}

static void test_an_empty_slab_pool_holds_back_and_goes_on(void **state)
{
	(void)state;
	static uint8_t bytes[HUNGRY_SIZE];
	struct loop_options options = { .slab_size = HUNGRY_SIZE, .slab_count = 2 };
	FOR_EACH_RUNG(loop, &options)
	{
		struct end ends[HUNGRY_COUNT] = { 0 };
		int fds[HUNGRY_COUNT];
		for (int i = 0; i < HUNGRY_COUNT; i++) {
			ends[i].consume = always_bulk;
			fds[i] = end_to_plain(loop, &ends[i], NULL);
			memset(bytes, i + 1, sizeof bytes);
			assert_int_equal(send(fds[i], bytes, sizeof bytes, 0), sizeof bytes);
		}
		TURN_UNTIL(loop, total_bulks(ends) == 2);
		turn_for(loop, 5 * NS_PER_MS);
		struct loop_statistics statistics;
		loop_statistics(loop, &statistics);
		assert_true(statistics.slabs_exhausted >= 4);
		/* One of those that wait is closed, the others each get their turn. */
		int closed = ends[HUNGRY_COUNT - 1].bulks ? 0 : HUNGRY_COUNT - 1;
		stream_reset(&ends[closed].stream);
		TURN_UNTIL(loop, ends[closed].closed);
		for (int expected = 3; expected < HUNGRY_COUNT; expected++) {
			assert_int_equal(total_bulks(ends), expected - 1);
			release_one(ends);
			TURN_UNTIL(loop, total_bulks(ends) == expected);
			turn_for(loop, NS_PER_MS);
		}
		for (int i = 0; i < HUNGRY_COUNT; i++) {
			for (int s = 0; s < ends[i].slab_count; s++)
				for (size_t b = 0; b < HUNGRY_SIZE; b += 999)
					assert_int_equal(ends[i].slabs[s]->data[b], i + 1);
			assert_int_equal(ends[i].bulks, i == closed ? 0 : 1);
			end_finish(loop, &ends[i]);
			close(fds[i]);
		}
	}
}

/* ---- paused streams must not starve the others ---- */

static size_t pause_at_once(struct end *end, const uint8_t *data, size_t size)
{
	if (!end->skips++) {
		stream_pause(&end->stream);
		return 0;
	}
	end_append(end, data, size);
	return size;
}

static void test_a_paused_flood_leaves_others_alive(void **state)
{
	(void)state;
	static uint8_t bytes[600000];
	fill_random(bytes, sizeof bytes, 3);
	struct loop_options options = { .receive_buffer_size = 1024, .receive_buffer_count = 64 };
	FOR_EACH_RUNG(loop, &options)
	{
		struct end flooded = { .consume = pause_at_once }, other = { 0 };
		int flooded_fd = end_to_plain(loop, &flooded, NULL);
		int other_fd = end_to_plain(loop, &other, NULL);
		turn_for(loop, NS_PER_MS);
		ssize_t flood = send(flooded_fd, bytes, sizeof bytes, MSG_DONTWAIT);
		assert_true(flood > 64 * 1024);
		turn_for(loop, 2 * NS_PER_MS);
		assert_int_equal(flooded.size, 0);
		/* The flood may hold every small buffer; the other's bytes wait in the kernel. */
		struct piece piece;
		piece_send(&other.stream, &piece, "out", 3);
		assert_int_equal(send(other_fd, "in", 2, 0), 2);
		TURN_UNTIL(loop, piece.done);
		stream_resume(&flooded.stream);
		TURN_UNTIL(loop, other.size == 2 && flooded.size == (size_t)flood);
		assert_memory_equal(flooded.data, bytes, (size_t)flood);
		end_finish(loop, &flooded);
		end_finish(loop, &other);
		close(flooded_fd);
		close(other_fd);
	}
}

int main(void)
{
	script_events = end_events;
	script_events.bulk = script_bulk;
	script_events.filled = script_filled;
	script_events.skipped = script_skipped;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_cut_anywhere_are_whole_again),
		cmocka_unit_test(test_pausing_anywhere_loses_nothing),
		cmocka_unit_test(test_two_tiny_buffers_are_enough),
		cmocka_unit_test(test_a_frame_larger_than_the_reassembly_buffer_fails),
		cmocka_unit_test(test_what_is_not_consumed_is_presented_again_with_more),
		cmocka_unit_test(test_a_bulk_larger_than_a_slab_is_refused),
		cmocka_unit_test(test_a_flood_of_large_frames_does_not_go_through_small_buffers),
		cmocka_unit_test(test_an_empty_slab_pool_holds_back_and_goes_on),
		cmocka_unit_test(test_a_paused_flood_leaves_others_alive),
	};
	return RUN_TESTS(tests);
}
