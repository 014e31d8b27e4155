/*
 * An arena: memory for what one response or one plan needs, given back all at once.
 *
 * It grows by chunks up to a limit that is set once; past the limit arena_alloc returns NULL, which
 * decoders turn into a failed read. Reset keeps the first chunk, so a steady state allocates
 * nothing.
 */
#ifndef HARROW_ARENA_H
#define HARROW_ARENA_H

#include <stdlib.h>

#include "base.h"

#define ARENA_CHUNK_SIZE ((size_t)16 * 1024)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	_Alignas(16) uint8_t data[];
};

struct arena {
	struct arena_chunk *chunks; /* newest first */
	size_t used;                /* of the newest chunk */
	size_t total, limit;        /* bytes held in all chunks; the most that may be held */
};

static inline void arena_init(struct arena *a, size_t limit)
{
	*a = (struct arena){ .limit = limit };
}

/* Zeroed memory aligned to 16 bytes, or NULL when the limit is reached. */
static inline void *arena_alloc(struct arena *a, size_t size)
{
	if (size > a->limit)
		return NULL;
	size = (size + 15) & ~(size_t)15;
	if (!a->chunks || size > a->chunks->size - a->used) {
		size_t want = MAX(size, ARENA_CHUNK_SIZE);
		if (want > a->limit - a->total)
			want = size;
		if (want > a->limit - a->total)
			return NULL;
		struct arena_chunk *chunk = malloc(sizeof *chunk + want);
		if (!chunk)
			return NULL;
		chunk->next = a->chunks;
		chunk->size = want;
		a->chunks = chunk;
		a->used = 0;
		a->total += want;
	}
	void *p = a->chunks->data + a->used;
	a->used += size;
	return memset(p, 0, size);
}

/* Forgets everything that was allocated; keeps the oldest chunk. */
static inline void arena_reset(struct arena *a)
{
	while (a->chunks && a->chunks->next) {
		struct arena_chunk *chunk = a->chunks;
		a->chunks = chunk->next;
		a->total -= chunk->size;
		free(chunk);
	}
	a->used = 0;
}

static inline void arena_free(struct arena *a)
{
	arena_reset(a);
	free(a->chunks);
	*a = (struct arena){ .limit = a->limit };
}

#endif
