/*
 * Slabs: a bounded pool of equal pieces of memory for large payloads, with use counts.
 *
 * All address space is taken when the pool opens; pages are touched when they are first used. A
 * slab goes back to its pool when its last user releases it. An exhausted pool is back-pressure:
 * slab_take returns NULL and counts it, and a waiter is told when a slab is free. A pool belongs to
 * one thread. (The small buffers that the kernel fills are the engine's, and nobody sees them.)
 */
#ifndef IO_BUFFERS_H
#define IO_BUFFERS_H

#include "base.h"
#include "list.h"

struct slab_pool;

struct slab {
	uint8_t *data;
	size_t size;    /* bytes filled, kept by whoever fills it; 0 when taken */
	uint32_t users; /* private, as all that follows */
	struct slab_pool *pool;
	struct list node;
};

/* Embedded in whoever waits for a slab; told at most once per slab_wait. */
struct slab_waiter {
	/* A slab may be free: try again later, from the loop. Must not take one here. */
	void (*ready)(struct slab_waiter *waiter);
	struct list node;
};

struct slab_pool {
	size_t slab_size; /* capacity of each */
	unsigned count, free_count;
	uint64_t exhausted_count; /* how often slab_take found nothing */
	/* private */
	struct slab *slabs;
	void *memory;
	struct list free;
	struct list waiters;
};

/* `count` slabs of `slab_size` bytes, each aligned to the page. 0 or -ENOMEM; -EINVAL for a zero.
 */
int slab_pool_open(struct slab_pool *pool, size_t slab_size, unsigned count);
/* Every slab must be back. */
void slab_pool_close(struct slab_pool *pool);

/* An empty slab with one user, or NULL. */
struct slab *slab_take(struct slab_pool *pool);
/* One user more. */
void slab_hold(struct slab *slab);
/* One user less; after the last, the slab is in its pool again and the first waiter is told. */
void slab_release(struct slab *slab);

/* Waiters are told first come, first served. waiter->node must have been initialised by list_init.
 */
void slab_wait(struct slab_pool *pool, struct slab_waiter *waiter);
/* Nothing happens to one that does not wait. */
void slab_wait_stop(struct slab_waiter *waiter);

#endif
