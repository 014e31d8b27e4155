/*
 * Fuzzes the reader of Produce requests against the table: cut at random into pieces, a body is
 * taken when the table takes it, with the same fields, and refused when not; but for what the
 * header excepts, names above PRODUCE_FIELD_MAX.
 *
 * An input is a byte that picks the version, one that seeds the cuts, and the body.
 */
#include "message_fuzz.h"

#include "proto/produce.h"
#include "proto/produce_reader.h"

#define SEED_AT       1
#define BODY_AT       2
#define INVENT_ONE_IN 16

static struct pick pick_version(const uint8_t *data)
{
	const uint8_t choice[PICK_SIZE] = { 2 * API_PRODUCE + 1, data[0] };
	return pick_read(choice);
}

/* Bytes that come in pieces, each in memory of its own, so that reading past one is noticed. */
struct feed {
	const uint8_t *data;
	size_t size, at, end; /* [at, end) has come */
	struct random random;
};

static void feed_more(struct feed *feed)
{
	assert(feed->end < feed->size && "everything has come, and a step still wants more");
	size_t left = feed->size - feed->end;
	size_t longest = random_below(&feed->random, 4) == 0 ? left : MIN(left, 8);
	feed->end += 1 + random_below(&feed->random, longest);
}

static void text_keep(struct string *text, struct arena *arena)
{
	if (text->size <= 0)
		return;
	char *copy = arena_alloc(arena, (size_t)text->size);
	assert(copy);
	text->data = memcpy(copy, text->data, (size_t)text->size);
}

static enum produce_step feed_next(
	struct feed *feed, struct produce_reader *reader, struct arena *arena)
{
	for (;;) {
		size_t size = feed->end - feed->at, used;
		uint8_t *piece = malloc(size + !size);
		assert(piece);
		memcpy(piece, feed->data + feed->at, size);
		enum produce_step step = produce_reader_next(reader, piece, size, &used);
		assert(used <= size);
		assert(step != PRODUCE_MORE || size - used < PRODUCE_STEP_MAX);
		if (step == PRODUCE_HEAD)
			text_keep(&reader->transactional_id, arena);
		if (step == PRODUCE_TOPIC)
			text_keep(&reader->topic, arena);
		free(piece);
		feed->at += used;
		assert(produce_reader_left(reader) == (int64_t)(feed->size - feed->at) ||
			step == PRODUCE_MALFORMED);
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
	size_t size = (size_t)reader->records_size;
	assert(segment && size <= feed->size - feed->at);
	*segment = (struct iovec){ (void *)(feed->data + feed->at), size };
	feed->at += size;
	feed->end = MAX(feed->end, feed->at);
	produce_reader_records_taken(reader);
	return (struct records){ segment, 1, reader->records_size };
}

/* Whether all of it was taken. */
static bool read_in_steps(
	struct feed *feed, int version, struct arena *arena, struct produce_request *out)
{
	struct produce_reader reader;
	struct produce_topic *topic = NULL;
	int32_t topics = 0, partitions = 0;
	produce_reader_init(&reader, version, (int64_t)feed->size);
	message_reset(&produce_request_message, out);
	for (;;) {
		switch (feed_next(feed, &reader, arena)) {
		case PRODUCE_HEAD:
			out->transactional_id = reader.transactional_id;
			out->acks = reader.acks;
			out->timeout_ms = reader.timeout_ms;
			out->topic_data.count = reader.topic_count;
			out->topic_data.items = arena_alloc(
				arena, (size_t)reader.topic_count * sizeof *out->topic_data.items);
			assert(out->topic_data.items);
			break;
		case PRODUCE_TOPIC:
			assert(topics < reader.topic_count);
			assert(!topic || partitions == topic->partition_data.count);
			topic = &out->topic_data.items[topics++];
			topic->name = reader.topic;
			topic->topic_id = reader.topic_id;
			topic->partition_data.count = reader.partition_count;
			topic->partition_data.items =
				arena_alloc(arena, (size_t)reader.partition_count *
							   sizeof *topic->partition_data.items);
			assert(topic->partition_data.items);
			partitions = 0;
			break;
		case PRODUCE_PARTITION:
			assert(topic && partitions < topic->partition_data.count);
			struct produce_partition *p = &topic->partition_data.items[partitions++];
			p->index = reader.partition_index;
			p->records = feed_records(feed, &reader, arena);
			break;
		case PRODUCE_END:
			assert(feed->at == feed->size && topics == out->topic_data.count);
			return true;
		case PRODUCE_MALFORMED:
			assert(reader.reason);
			return false;
		case PRODUCE_MORE:
			assert(false);
		}
	}
}

/* What the reader does not take although the table does. */
static bool excepted(const struct produce_request *request)
{
	if (request->transactional_id.size > PRODUCE_FIELD_MAX)
		return true;
	for (int32_t i = 0; i < request->topic_data.count; i++)
		if (request->topic_data.items[i].name.size > PRODUCE_FIELD_MAX)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < BODY_AT)
		return 0;
	struct pick p = pick_version(data);
	struct feed feed = { .data = data + BODY_AT, .size = size - BODY_AT };
	struct arena arena;
	struct reader r;
	struct produce_request by_table, in_steps;
	arena_init(&arena, 4 * allocation_limit(size));
	random_seed(&feed.random, data[SEED_AT]);
	reader_init_flat(&r, feed.data, (int32_t)feed.size, &arena);
	bool want = request_body_read(&r, API_PRODUCE, p.version, &by_table) == 0;
	bool got = read_in_steps(&feed, p.version, &arena, &in_steps);
	assert(r.failed != -ENOMEM);
	assert(got == (want && !excepted(&by_table)));
	if (got)
		assert(message_equal(&produce_request_message, p.edition, &by_table, &in_steps));
	arena_free(&arena);
	return 0;
}

/* Now and then a valid request takes the place of the input; bytes are mutated either way. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct random random;
	random_seed(&random, seed);
	if (max_size > BODY_AT && random_below(&random, INVENT_ONE_IN) == 0) {
		struct arena arena;
		struct writer w;
		uint64_t choice = random_next(&random);
		arena_init(&arena, INVENT_LIMIT);
		memcpy(data, &choice, BODY_AT);
		struct pick p = pick_version(data);
		const void *body = pick_invent(p, &random, &arena);
		writer_init(&w, data + BODY_AT, (int32_t)(max_size - BODY_AT), NULL, 0);
		message_encode(&w, p.message, p.edition, body);
		size = BODY_AT + (size_t)w.size; /* cut off where it does not fit */
		arena_free(&arena);
		if (random_below(&random, 4) == 0)
			return size;
	}
	return LLVMFuzzerMutate(data, size, max_size);
}
