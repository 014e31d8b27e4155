/*
 * Fuzzes the interpreter with every message at every version: no crash, no allocation beyond a
 * small multiple of the input, and what decodes must encode, no longer than it came, into bytes
 * that decode to an equal message and encode to themselves.
 */
#include "message_fuzz.h"

#define INVENT_ONE_IN 16

/* Decodes all of data into a body in the arena, or returns NULL. */
static void *decode(struct pick p, const uint8_t *data, int32_t size, struct arena *arena)
{
	struct reader r;
	void *body = arena_alloc(arena, p.message->size);
	reader_init_flat(&r, data, size, arena);
	if (p.is_request)
		request_body_read(&r, p.api, p.version, body);
	else
		response_body_read(&r, p.api, p.version, body);
	assert(r.failed != -ENOMEM && "within the multiple of the input's size");
	return r.failed ? NULL : body;
}

/* Encodes into limit bytes, which must be enough. Returns the size. */
static int32_t encode(struct pick p, const void *body, uint8_t *data, int32_t limit)
{
	struct writer w;
	writer_init(&w, data, limit, NULL, 0);
	message_encode(&w, p.message, p.edition, body);
	assert(!w.failed);
	return w.size;
}

/* Text may be longer than its room, nothing else may fail. */
static void print(struct pick p, const void *body, uint8_t *data, int32_t limit)
{
	struct writer w;
	writer_init(&w, data, limit, NULL, 0);
	message_print(&w, p.message, p.edition, body);
	assert(!w.failed || w.failed == -EMSGSIZE);
}

static void check(struct pick p, const uint8_t *data, int32_t size, struct arena *arenas)
{
	void *first = decode(p, data, size, &arenas[0]);
	if (!first)
		return;
	uint8_t *bytes = malloc((size_t)size + 1), *again = malloc((size_t)size + 1);
	assert(bytes && again);
	int32_t bytes_size = encode(p, first, bytes, size);
	void *second = decode(p, bytes, bytes_size, &arenas[1]);
	assert(second);
	assert(message_equal(p.message, p.edition, first, second));
	int32_t again_size = encode(p, second, again, size);
	assert(again_size == bytes_size && memcmp(bytes, again, (size_t)bytes_size) == 0);
	print(p, first, again, size);
	free(bytes);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arenas[2]; /* one for each time that the message is decoded */
	if (size < PICK_SIZE)
		return 0;
	arena_init(&arenas[0], allocation_limit(size));
	arena_init(&arenas[1], allocation_limit(size));
	check(pick_read(data), data + PICK_SIZE, (int32_t)(size - PICK_SIZE), arenas);
	arena_free(&arenas[0]);
	arena_free(&arenas[1]);
	return 0;
}

/* Now and then a valid message takes the place of the input; bytes are mutated either way. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct random random;
	random_seed(&random, seed);
	if (max_size > PICK_SIZE && random_below(&random, INVENT_ONE_IN) == 0) {
		struct arena arena;
		struct writer w;
		uint64_t choice = random_next(&random);
		arena_init(&arena, INVENT_LIMIT);
		memcpy(data, &choice, PICK_SIZE);
		struct pick p = pick_read(data);
		const void *body = pick_invent(p, &random, &arena);
		writer_init(&w, data + PICK_SIZE, (int32_t)(max_size - PICK_SIZE), NULL, 0);
		message_encode(&w, p.message, p.edition, body);
		size = PICK_SIZE + (size_t)w.size; /* cut off where it does not fit */
		arena_free(&arena);
		if (random_below(&random, 4) == 0)
			return size;
	}
	return LLVMFuzzerMutate(data, size, max_size);
}
