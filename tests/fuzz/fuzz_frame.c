/*
 * Fuzzes whole frames, header and body, in one piece and cut at random into many: both must read
 * the same message or fail with the same error, and what was read must write the same frame.
 *
 * An input is PICK_SIZE bytes (the message, for answers; a request names its own), one byte that
 * seeds the cuts, and the frame after its size prefix.
 */
#include "message_fuzz.h"

#define SEED_AT       PICK_SIZE
#define FRAME_AT      (PICK_SIZE + 1)
#define INVENT_ONE_IN 16
#define CLIENT_ID     STRING("fuzz")

/* What came of reading one frame. */
struct outcome {
	int status; /* 0 or -errno */
	struct pick pick;
	struct request_header header;
	const void *body;
};

static struct outcome read_frame(struct pick p, struct reader *r, struct arena *arena)
{
	struct outcome o = { .pick = p, .header = { .client_id = NULL_STRING } };
	if (p.is_request) {
		o.status = request_header_read(r, &o.header);
		if (o.status < 0)
			return o;
		o.pick.api = (enum api)o.status;
		o.pick.version = o.header.request_api_version;
		o.pick.message = api_infos[o.pick.api].request;
		o.pick.edition = api_edition(o.pick.api, o.pick.version);
	} else {
		o.status = response_header_read(r, p.api, p.version, &o.header.correlation_id);
		if (o.status < 0)
			return o;
	}
	void *body = arena_alloc(arena, o.pick.message->size);
	o.body = body;
	o.status = p.is_request ? request_body_read(r, o.pick.api, o.pick.version, body)
				: response_body_read(r, p.api, p.version, body);
	assert(o.status != -ENOMEM && "within the multiple of the input's size");
	return o;
}

static void assert_same(const struct outcome *a, const struct outcome *b)
{
	assert(a->status == b->status);
	assert(a->header.correlation_id == b->header.correlation_id);
	if (a->status < 0)
		return;
	assert(a->pick.api == b->pick.api && a->pick.version == b->pick.version);
	assert(string_equal(a->header.client_id, b->header.client_id));
	assert(message_equal(a->pick.message, a->pick.edition, a->body, b->body));
}

/* The frame in pieces, each in memory of its own, so that reading past one is noticed. */
static int cut(const uint8_t *data, size_t size, unsigned seed, struct iovec *pieces)
{
	struct random random;
	int count = 0;
	random_seed(&random, seed);
	while (size > 0) {
		size_t longest = random_below(&random, 4) == 0 ? size : MIN(size, 8);
		size_t piece = 1 + random_below(&random, longest);
		void *copy = malloc(piece);
		assert(copy);
		pieces[count++] = (struct iovec){ memcpy(copy, data, piece), piece };
		data += piece;
		size -= piece;
	}
	return count;
}

/* Written again, a frame is no longer than it was, and reads as the same. */
static void check_written(const struct outcome *o, size_t size, struct arena *arena)
{
	struct writer w;
	struct reader r;
	struct pick p = o->pick;
	size_t limit = size + sizeof(int32_t);
	uint8_t *frame = malloc(limit);
	assert(frame);
	writer_init(&w, frame, (int32_t)limit, NULL, 0);
	int32_t written =
		p.is_request
			? request_write(&w, p.api, p.version, o->header.correlation_id,
				  o->header.client_id, o->body)
			: response_write(&w, p.api, p.version, o->header.correlation_id, o->body);
	assert(written > 0);
	reader_init_flat(&r, frame, written, arena);
	assert(reader_int32(&r) == written - (int32_t)sizeof(int32_t));
	struct outcome again = read_frame(p, &r, arena);
	assert_same(o, &again);
	free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size <= FRAME_AT)
		return 0;
	struct pick p = pick_read(data);
	const uint8_t *frame = data + FRAME_AT;
	size_t frame_size = size - FRAME_AT;
	struct arena arena;
	struct reader flat, pieced;
	/* Read up to three times; in pieces, strings that cross a cut are copied too. */
	arena_init(&arena, 4 * allocation_limit(frame_size));
	struct iovec *pieces = calloc(frame_size, sizeof *pieces);
	assert(pieces);
	int count = cut(frame, frame_size, data[SEED_AT], pieces);
	reader_init_flat(&flat, frame, (int32_t)frame_size, &arena);
	reader_init(&pieced, pieces, count, &arena);
	struct outcome a = read_frame(p, &flat, &arena);
	struct outcome b = read_frame(p, &pieced, &arena);
	assert_same(&a, &b);
	if (a.status >= 0)
		check_written(&b, frame_size, &arena);
	for (int i = 0; i < count; i++)
		free(pieces[i].iov_base);
	free(pieces);
	arena_free(&arena);
	return 0;
}

/* Now and then a valid frame takes the place of the input; bytes are mutated either way. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct random random;
	random_seed(&random, seed);
	if (max_size > FRAME_AT && random_below(&random, INVENT_ONE_IN) == 0) {
		struct arena arena;
		struct writer w;
		uint64_t choice = random_next(&random);
		uint8_t *frame = malloc(max_size + sizeof(int32_t));
		assert(frame);
		arena_init(&arena, INVENT_LIMIT);
		memcpy(data, &choice, FRAME_AT);
		struct pick p = pick_read(data);
		const void *body = pick_invent(p, &random, &arena);
		writer_init(&w, frame, (int32_t)max_size, NULL, 0);
		if (p.is_request)
			request_write(&w, p.api, p.version, (int32_t)choice, CLIENT_ID, body);
		else
			response_write(&w, p.api, p.version, (int32_t)choice, body);
		int32_t kept = MAX(w.size - (int32_t)sizeof(int32_t), 0);
		kept = MIN(kept, (int32_t)(max_size - FRAME_AT));
		memcpy(data + FRAME_AT, frame + sizeof(int32_t), (size_t)kept);
		size = FRAME_AT + (size_t)kept;
		arena_free(&arena);
		free(frame);
		if (random_below(&random, 4) == 0)
			return size;
	}
	return LLVMFuzzerMutate(data, size, max_size);
}
