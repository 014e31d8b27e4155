/*
 * The produce reader against the table: random requests of every version, in one piece and cut at
 * every byte, give the table's fields; what the table refuses is refused; and what is particular to
 * reading in steps.
 */
#include "../test.h"

#include <stdio.h>

#include "proto/api.h"
#include "proto/produce.h"
#include "proto/produce_reader.h"

#define ROUNDS      300
#define MEMORY_SIZE (256 * 1024)
#define FRAME_MAX   2000 /* of those that are cut at every byte */

struct fixture {
	struct arena arena;
	struct random random;
	uint8_t memory[MEMORY_SIZE];
	struct writer w;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	arena_init(&f->arena, (size_t)64 << 20);
	random_seed(&f->random, 7);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_free(&f->arena);
	free(f);
	return 0;
}

static void encode(struct fixture *f, int version, const struct produce_request *request)
{
	writer_init(&f->w, f->memory, MEMORY_SIZE, NULL, 0);
	message_encode(&f->w, &produce_request_message, api_edition(API_PRODUCE, version), request);
	assert_int_equal(f->w.failed, 0);
}

static void *copy(struct arena *arena, const void *data, size_t size)
{
	void *to = arena_alloc(arena, size);
	assert_non_null(to);
	return size ? memcpy(to, data, size) : to;
}

/* Bytes that come in pieces: a piece is at most up to the next cut. What was not used is kept. */
struct feed {
	const uint8_t *data;
	size_t size, at, end; /* [at, end) has come */
	size_t cut;           /* the only one, or 0: a cut behind each byte */
};

static void feed_more(struct feed *feed)
{
	assert_true(feed->end < feed->size);
	if (feed->cut == 0)
		feed->end++;
	else
		feed->end = feed->end < feed->cut ? MIN(feed->cut, feed->size) : feed->size;
}

/* The next step, each time from memory of its own, so that a read beyond it is noticed. */
static enum produce_step feed_next(
	struct feed *feed, struct produce_reader *reader, struct arena *arena)
{
	for (;;) {
		size_t used = 0, size = feed->end - feed->at;
		uint8_t *piece = malloc(size + 1);
		assert_non_null(piece);
		memcpy(piece, feed->data + feed->at, size);
		enum produce_step step = produce_reader_next(reader, piece, size, &used);
		assert_true(used <= size);
		struct string *text = step == PRODUCE_HEAD    ? &reader->transactional_id
				      : step == PRODUCE_TOPIC ? &reader->topic
							      : NULL;
		if (text && text->size >= 0)
			text->data = copy(arena, text->data, (size_t)text->size);
		free(piece);
		feed->at += used;
		if (step != PRODUCE_MORE)
			return step;
		feed_more(feed);
	}
}

static struct records feed_records(
	struct feed *feed, struct produce_reader *reader, struct arena *arena)
{
	if (reader->records_size < 0)
		return NULL_RECORDS;
	struct iovec *segment = arena_alloc(arena, sizeof *segment);
	segment->iov_base = (void *)(feed->data + feed->at);
	segment->iov_len = (size_t)reader->records_size;
	feed->at += (size_t)reader->records_size;
	feed->end = MAX(feed->end, feed->at);
	if (reader->records_size > 0)
		produce_reader_records_taken(reader);
	return (struct records){ segment, 1, reader->records_size };
}

/* Reads all of it, into `out`. Returns the last step. */
static enum produce_step read_all(
	struct feed *feed, int version, struct arena *arena, struct produce_request *out)
{
	struct produce_reader reader;
	struct produce_topic *topic = NULL;
	int32_t topics = 0, partitions = 0;
	produce_reader_init(&reader, version, (int64_t)feed->size);
	message_reset(&produce_request_message, out);
	for (;;) {
		enum produce_step step = feed_next(feed, &reader, arena);
		switch (step) {
		case PRODUCE_HEAD:
			out->transactional_id = reader.transactional_id;
			out->acks = reader.acks;
			out->timeout_ms = reader.timeout_ms;
			out->topic_data.count = reader.topic_count;
			out->topic_data.items = arena_alloc(
				arena, (size_t)reader.topic_count * sizeof *out->topic_data.items);
			break;
		case PRODUCE_TOPIC:
			assert_true(topics < out->topic_data.count);
			topic = &out->topic_data.items[topics++];
			if (version >= 13)
				topic->topic_id = reader.topic_id;
			else
				topic->name = reader.topic;
			topic->partition_data.count = reader.partition_count;
			topic->partition_data.items = arena_alloc(arena,
				(size_t)reader.partition_count * sizeof(struct produce_partition));
			partitions = 0;
			break;
		case PRODUCE_PARTITION:
			assert_true(topic && partitions < topic->partition_data.count);
			topic->partition_data.items[partitions].index = reader.partition_index;
			topic->partition_data.items[partitions++].records =
				feed_records(feed, &reader, arena);
			break;
		case PRODUCE_END:
			assert_int_equal(feed->at, feed->size);
			assert_int_equal(topics, out->topic_data.count);
			return step;
		case PRODUCE_MALFORMED:
			assert_non_null(reader.reason);
			return step;
		case PRODUCE_MORE:
			fail();
		}
	}
}

static void assert_reads(
	struct fixture *f, int version, const struct produce_request *request, struct feed feed)
{
	struct produce_request out;
	feed.data = f->memory;
	feed.size = (size_t)f->w.size;
	assert_int_equal(read_all(&feed, version, &f->arena, &out), PRODUCE_END);
	assert_true(message_equal(
		&produce_request_message, api_edition(API_PRODUCE, version), request, &out));
}

static void test_every_version_reads_as_the_table_writes(void **state)
{
	struct fixture *f = *state;
	const struct api_info *info = &api_infos[API_PRODUCE];
	int cut_frames = 0;
	for (int version = info->first; version <= info->last; version++)
		for (int i = 0; i < ROUNDS; i++) {
			struct produce_request request;
			arena_reset(&f->arena);
			message_random(&produce_request_message, api_edition(API_PRODUCE, version),
				&f->random, &f->arena, &request);
			encode(f, version, &request);
			assert_reads(f, version, &request, (struct feed){ .cut = SIZE_MAX });
			if (f->w.size > FRAME_MAX)
				continue;
			cut_frames++;
			assert_reads(f, version, &request, (struct feed){ .cut = 0 });
			for (size_t cut = 1; cut < (size_t)f->w.size; cut += 1 + cut / 64)
				assert_reads(f, version, &request, (struct feed){ .cut = cut });
		}
	assert_true(cut_frames > ROUNDS);
}

/* Whether the table takes the bytes. */
static bool table_takes(struct fixture *f, int version, const uint8_t *data, size_t size)
{
	struct reader r;
	struct produce_request request;
	reader_init_flat(&r, data, (int32_t)size, &f->arena);
	return request_body_read(&r, API_PRODUCE, version, &request) == 0;
}

static bool reader_takes(struct fixture *f, int version, const uint8_t *data, size_t size)
{
	struct produce_request request;
	struct feed feed = { .data = data, .size = size, .cut = SIZE_MAX };
	return read_all(&feed, version, &f->arena, &request) == PRODUCE_END;
}

static void test_what_the_table_refuses_is_refused(void **state)
{
	struct fixture *f = *state;
	int taken = 0, refused = 0;
	for (int version = 3; version <= 13; version++)
		for (int i = 0; i < ROUNDS; i++) {
			struct produce_request request;
			arena_reset(&f->arena);
			message_random(&produce_request_message, api_edition(API_PRODUCE, version),
				&f->random, &f->arena, &request);
			encode(f, version, &request);
			size_t size = (size_t)f->w.size;
			if (size > FRAME_MAX)
				continue;
			for (int k = 0; k < 20; k++) {
				size_t at = random_below(&f->random, size);
				uint8_t was = f->memory[at];
				bool small = random_below(&f->random, 2);
				uint64_t other =
					small ? was + UINT64_C(1) : random_next(&f->random);
				f->memory[at] = (uint8_t)other;
				bool want = table_takes(f, version, f->memory, size);
				assert_int_equal(reader_takes(f, version, f->memory, size), want);
				f->memory[at] = was;
				(*(want ? &taken : &refused))++;
			}
			for (size_t less = 1; less <= MIN(size, 40); less++)
				assert_int_equal(reader_takes(f, version, f->memory, size - less),
					table_takes(f, version, f->memory, size - less));
			memset(f->memory + size, 0, 4);
			assert_false(reader_takes(f, version, f->memory, size + 1));
			assert_false(reader_takes(f, version, f->memory, size + 4));
		}
	assert_true(taken > 1000 && refused > 1000);
}

/* Version 9: flexible, topics by name. */
static const uint8_t tagged[] = {
	0, 0xff, 0xff, 0, 0, 0, 9, 2, /* null id, acks -1, 9 ms, one topic */
	2, 'a', 2,                    /* its name, one partition */
	0, 0, 0, 5, 3, 'x', 'y',      /* its index, two bytes of records */
	1, 7, 3, 1, 2, 3,             /* one tagged field */
	2, 0, 0, 1, 1, 9,             /* two */
	0,                            /* none */
};

static void test_unknown_tagged_fields_are_skipped(void **state)
{
	struct fixture *f = *state;
	struct produce_request request;
	for (size_t cut = 0; cut <= sizeof tagged; cut++) {
		struct feed feed = { .data = tagged, .size = sizeof tagged, .cut = cut };
		assert_int_equal(read_all(&feed, 9, &f->arena, &request), PRODUCE_END);
		assert_int_equal(request.topic_data.items[0].partition_data.items[0].index, 5);
	}
}

static void test_a_long_tagged_field_need_not_be_kept(void **state)
{
	(void)state;
	struct produce_reader reader;
	uint8_t chunk[100] = { 0 };
	/* No topics; one tagged field of 0x200000 bytes. */
	const uint8_t head[] = { 0, 0, 1, 0, 0, 0, 9, 1, 1, 7, 0x80, 0x80, 0x80, 1 };
	size_t used, left = 0x200000;
	produce_reader_init(&reader, 9, (int64_t)(sizeof head + left));
	assert_int_equal(produce_reader_next(&reader, head, sizeof head, &used), PRODUCE_HEAD);
	size_t first = used;
	assert_int_equal(produce_reader_next(&reader, head + first, sizeof head - first, &used),
		PRODUCE_MORE);
	assert_int_equal(first + used, sizeof head);
	for (; left > sizeof chunk; left -= sizeof chunk) {
		assert_int_equal(
			produce_reader_next(&reader, chunk, sizeof chunk, &used), PRODUCE_MORE);
		assert_int_equal(used, sizeof chunk);
	}
	assert_int_equal(produce_reader_next(&reader, chunk, sizeof chunk, &used), PRODUCE_END);
	assert_int_equal(used, left);
}

static void test_bytes_behind_the_body_are_another_frame(void **state)
{
	struct produce_reader reader;
	(void)state;
	/* Version 3, null id, acks 1, no topics; then something else. */
	const uint8_t data[] = { 0xff, 0xff, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0xde, 0xad };
	size_t used;
	produce_reader_init(&reader, 3, 12);
	assert_int_equal(produce_reader_next(&reader, data, sizeof data, &used), PRODUCE_HEAD);
	assert_int_equal(used, 12);
	assert_int_equal(produce_reader_left(&reader), 0);
	assert_int_equal(produce_reader_next(&reader, data + 12, 2, &used), PRODUCE_END);
	assert_int_equal(used, 0);
	assert_int_equal(produce_reader_next(&reader, NULL, 0, &used), PRODUCE_END);
}

static void test_records_beyond_the_body_are_refused_at_once(void **state)
{
	struct produce_reader reader;
	(void)state;
	const uint8_t data[] = { 0xff, 0xff, 0, 1, 0, 0, 0, 9, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1, 0,
		0, 0, 0, 0, 0, 0, 100 };
	size_t used, at = 0;
	for (int64_t records = 99; records <= 100; records++, at = 0) {
		produce_reader_init(&reader, 3, (int64_t)sizeof data + records);
		assert_int_equal(
			produce_reader_next(&reader, data, sizeof data, &used), PRODUCE_HEAD);
		at += used;
		assert_int_equal(produce_reader_next(&reader, data + at, sizeof data - at, &used),
			PRODUCE_TOPIC);
		at += used;
		assert_int_equal(produce_reader_next(&reader, data + at, sizeof data - at, &used),
			records < 100 ? PRODUCE_MALFORMED : PRODUCE_PARTITION);
	}
	produce_reader_records_taken(&reader);
	assert_int_equal(produce_reader_next(&reader, data, 0, &used), PRODUCE_END);
}

static void test_a_count_is_checked_before_it_is_yielded(void **state)
{
	struct produce_reader reader;
	(void)state;
	const uint8_t data[] = { 0xff, 0xff, 0, 1, 0, 0, 0, 9, 0x7f, 0xff, 0xff, 0xff };
	size_t used;
	produce_reader_init(&reader, 3, 100000);
	assert_int_equal(produce_reader_next(&reader, data, sizeof data, &used), PRODUCE_MALFORMED);
	assert_string_equal(reader.reason, "more items than the rest of the frame can hold");
}

static void test_a_name_above_the_limit_is_refused(void **state)
{
	struct fixture *f = *state;
	size_t size = (size_t)PRODUCE_FIELD_MAX + 1;
	char *name = calloc(1, size);
	struct produce_topic topic = { .name = { name, (int32_t)size - 1 } };
	struct produce_request request = { .transactional_id = { name, (int32_t)size - 1 },
		.acks = 1,
		.topic_data = { &topic, 1 } };
	encode(f, 9, &request);
	assert_true(f->w.size > 2 * PRODUCE_FIELD_MAX);
	assert_true(reader_takes(f, 9, f->memory, (size_t)f->w.size));
	topic.name.size++;
	encode(f, 9, &request);
	assert_true(table_takes(f, 9, f->memory, (size_t)f->w.size));
	assert_false(reader_takes(f, 9, f->memory, (size_t)f->w.size));
	free(name);
}

static void test_the_longest_step_is_as_long_as_said(void **state)
{
	struct fixture *f = *state;
	char *name = calloc(1, PRODUCE_FIELD_MAX);
	/* Varints longer than need be: five bytes each. */
	writer_init(&f->w, f->memory, MEMORY_SIZE, NULL, 0);
	writer_put(&f->w, "\x80\x80\x82\x80\x00", 5);
	writer_put(&f->w, name, PRODUCE_FIELD_MAX);
	writer_put(&f->w, "\xff\xff\x00\x00\x00\x01\x81\x80\x80\x80\x00\x00", 12);
	struct produce_reader reader;
	size_t used;
	produce_reader_init(&reader, 9, f->w.size);
	assert_int_equal(
		produce_reader_next(&reader, f->memory, PRODUCE_STEP_MAX - 1, &used), PRODUCE_MORE);
	assert_int_equal(used, 0);
	assert_int_equal(
		produce_reader_next(&reader, f->memory, PRODUCE_STEP_MAX, &used), PRODUCE_HEAD);
	assert_int_equal(used, PRODUCE_STEP_MAX);
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_every_version_reads_as_the_table_writes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_the_table_refuses_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_unknown_tagged_fields_are_skipped, set_up, tear_down),
		cmocka_unit_test(test_a_long_tagged_field_need_not_be_kept),
		cmocka_unit_test(test_bytes_behind_the_body_are_another_frame),
		cmocka_unit_test(test_records_beyond_the_body_are_refused_at_once),
		cmocka_unit_test(test_a_count_is_checked_before_it_is_yielded),
		cmocka_unit_test_setup_teardown(
			test_a_name_above_the_limit_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_the_longest_step_is_as_long_as_said, set_up, tear_down),
	};
	return RUN_TESTS(tests);
}
