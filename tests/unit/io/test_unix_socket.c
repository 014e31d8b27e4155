/*
 * Shows: listeners and streams work over a Unix socket as over TCP, options of TCP left aside; a
 * path that is taken or empty is said so, and nobody unlinks but the caller.
 */
#include "io_test.h"

#include <limits.h>

#define SKIP_SIZE 100000
#define SOME_SIZE 200000

struct place {
	char folder[64], path[96];
	struct address address;
};

static void place_make(struct place *place)
{
	snprintf(place->folder, sizeof place->folder, "/tmp/harrow-unix-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->path, sizeof place->path, "%s/socket", place->folder);
	assert_int_equal(address_unix(place->path, &place->address), 0);
}

static void place_remove(struct place *place)
{
	assert_int_equal(unlink(place->path), 0);
	assert_int_equal(rmdir(place->folder), 0);
}

struct door {
	struct listener listener;
	struct end end;
	int closed;
};

static struct stream *door_accepted(struct listener *listener, const struct address *peer)
{
	struct door *door = CONTAINER_OF(listener, struct door, listener);
	char text[ADDRESS_TEXT_SIZE];
	assert_string_equal(address_format(peer, text), "unix:");
	return &door->end.stream;
}

static void door_closed(struct listener *listener)
{
	CONTAINER_OF(listener, struct door, listener)->closed++;
}

static const struct listener_events door_events = { door_accepted, door_closed };

static void door_open(struct door *door, struct loop *loop, const struct place *place)
{
	/* The congestion control of a TCP socket: an error if anybody tried to set it. */
	struct stream_options options = { .congestion = "cubic" };
	door->end.loop = loop;
	assert_int_equal(listener_open(loop, &door->listener, &place->address, &options,
				 &end_events, &door_events),
		0);
	assert_int_equal(listener_port(&door->listener), 0);
}

static void door_close(struct door *door, struct loop *loop)
{
	listener_close(&door->listener);
	TURN_UNTIL(loop, door->closed);
}

static void unix_connect(struct loop *loop, struct end *end, const struct place *place)
{
	struct stream_options options = { .congestion = "cubic", .source = &place->address };
	end->loop = loop;
	assert_int_equal(
		stream_connect(loop, &end->stream, &place->address, &options, &end_events), 0);
}

/* Four bytes are a head; what follows is dropped; then everything is collected. */
static size_t skip_first(struct end *end, const uint8_t *data, size_t size)
{
	if (end->skips > 0) {
		end_append(end, data, size);
		return size;
	}
	if (size < 4)
		return 0;
	stream_skip(&end->stream, SKIP_SIZE);
	return 4;
}

static void test_bytes_go_both_ways_and_skipped_ones_are_gone(void **state)
{
	(void)state;
	static uint8_t bytes[4 + SKIP_SIZE + SOME_SIZE];
	fill_random(bytes, sizeof bytes, 5);
	FOR_EACH_RUNG(loop, NULL)
	{
		struct place place;
		place_make(&place);
		struct door door = { .end.consume = skip_first };
		door_open(&door, loop, &place);
		struct end end = { 0 };
		unix_connect(loop, &end, &place);
		TURN_UNTIL(loop, end.opened && door.end.opened);
		assert_int_equal(end.opened_result, 0);
		char text[STREAM_CONGESTION_SIZE];
		assert_string_equal(stream_congestion(&end.stream, text), "");

		struct piece there, back;
		piece_send(&end.stream, &there, bytes, sizeof bytes);
		piece_send(&door.end.stream, &back, "answer", 6);
		TURN_UNTIL(loop,
			there.done && back.done && door.end.size == SOME_SIZE && end.size == 6);
		assert_memory_equal(door.end.data, bytes + 4 + SKIP_SIZE, SOME_SIZE);
		assert_memory_equal(end.data, "answer", 6);

		stream_close(&end.stream);
		TURN_UNTIL(loop, end.closed && door.end.closed);
		assert_int_equal(door.end.reason, STREAM_PEER_CLOSED);
		end_reset(&end);
		end_reset(&door.end);
		door_close(&door, loop);
		place_remove(&place);
	}
}

static void test_a_path_that_exists_is_in_use_until_it_is_unlinked(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct place place;
		place_make(&place);
		struct door door = { 0 }, second = { 0 };
		door_open(&door, loop, &place);
		struct address address = place.address;
		assert_int_equal(listener_open(loop, &second.listener, &address, NULL, &end_events,
					 &door_events),
			-EADDRINUSE);
		door_close(&door, loop);
		/* Nobody listens, but the file is still there. */
		assert_int_equal(listener_open(loop, &second.listener, &address, NULL, &end_events,
					 &door_events),
			-EADDRINUSE);
		struct end end = { 0 };
		unix_connect(loop, &end, &place);
		TURN_UNTIL(loop, end.closed);
		assert_int_equal(end.reason, -ECONNREFUSED);
		end_reset(&end);
		assert_int_equal(unlink(place.path), 0);
		unix_connect(loop, &end, &place);
		TURN_UNTIL(loop, end.closed);
		assert_int_equal(end.reason, -ENOENT);
		end_reset(&end);
		door_open(&second, loop, &place);
		door_close(&second, loop);
		place_remove(&place);
	}
}

static void test_a_path_prints_as_it_came(void **state)
{
	(void)state;
	struct address address;
	char text[ADDRESS_TEXT_SIZE];
	assert_int_equal(address_unix("/run/some/socket", &address), 0);
	assert_string_equal(address_format(&address, text), "unix:/run/some/socket");
	assert_int_equal(address_port(&address), 0);
}

static void test_a_path_that_is_too_long_or_empty_is_refused(void **state)
{
	(void)state;
	struct address address;
	char path[PATH_MAX];
	memset(path, 'x', sizeof path);
	path[107] = 0;
	assert_int_equal(address_unix(path, &address), 0);
	char text[ADDRESS_TEXT_SIZE];
	assert_int_equal(strlen(address_format(&address, text)), 5 + 107);
	path[107] = 'x';
	path[108] = 0;
	assert_int_equal(address_unix(path, &address), -ENAMETOOLONG);
	assert_int_equal(address_unix("", &address), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_go_both_ways_and_skipped_ones_are_gone),
		cmocka_unit_test(test_a_path_that_exists_is_in_use_until_it_is_unlinked),
		cmocka_unit_test(test_a_path_prints_as_it_came),
		cmocka_unit_test(test_a_path_that_is_too_long_or_empty_is_refused),
	};
	return RUN_TESTS(tests);
}
