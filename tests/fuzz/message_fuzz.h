/*
 * What the message and frame fuzzers share: which message an input is about, the memory that
 * decoding it may take, and inventing valid ones, so that mutation begins where lengths and counts
 * are right.
 */
#ifndef FUZZ_MESSAGE_FUZZ_H
#define FUZZ_MESSAGE_FUZZ_H

#include "proto/api.h"

/*
 * A decoder may take this many times the frame's size, and this much for the smallest one. An item
 * takes up to about 16 times its bytes in memory, and each array within an array may be believed
 * once to fill the rest of the frame before its items turn out to be missing.
 */
#define ALLOCATION_FACTOR 64
#define ALLOCATION_BASE   ((size_t)64 * 1024)

#define PICK_SIZE    2         /* bytes of an input that pick the message and its version */
#define INVENT_LIMIT (1 << 20) /* memory for making up one message */

/* libFuzzer's own mutation, for custom mutators to build on. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

struct pick {
	enum api api;
	bool is_request;
	int version;
	const struct message *message;
	struct edition edition;
};

/* From PICK_SIZE bytes; every value of theirs picks something. */
static inline struct pick pick_read(const uint8_t *data)
{
	struct pick p = { .api = (enum api)(data[0] / 2 % API_COUNT), .is_request = data[0] % 2 };
	const struct api_info *info = &api_infos[p.api];
	p.version = info->first + data[1] % (info->last - info->first + 1);
	p.message = p.is_request ? info->request : info->response;
	p.edition = api_edition(p.api, p.version);
	return p;
}

static inline size_t allocation_limit(size_t frame_size)
{
	return frame_size * ALLOCATION_FACTOR + ALLOCATION_BASE;
}

/* A valid body for p in the arena. */
static inline void *pick_invent(struct pick p, struct random *random, struct arena *arena)
{
	void *body = arena_alloc(arena, p.message->size);
	message_random(p.message, p.edition, random, arena, body);
	return body;
}

#endif
