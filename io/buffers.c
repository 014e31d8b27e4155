/* The slab pool of io/buffers.h. */
#include "io/buffers.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define SLAB_ALIGNMENT ((size_t)4096)

static size_t slab_stride(const struct slab_pool *pool)
{
	return (pool->slab_size + SLAB_ALIGNMENT - 1) & ~(SLAB_ALIGNMENT - 1);
}

int slab_pool_open(struct slab_pool *pool, size_t slab_size, unsigned count)
{
	if (slab_size == 0 || count == 0 || slab_size > SIZE_MAX / 2 / count)
		return -EINVAL;
	*pool = (struct slab_pool){ .slab_size = slab_size, .count = count, .free_count = count };
	list_init(&pool->free);
	list_init(&pool->waiters);
	pool->slabs = calloc(count, sizeof *pool->slabs);
	if (!pool->slabs)
		return -ENOMEM;
	pool->memory = mmap(NULL, slab_stride(pool) * count, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (pool->memory == MAP_FAILED) {
		free(pool->slabs);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < count; i++) {
		struct slab *slab = &pool->slabs[i];
		slab->data = (uint8_t *)pool->memory + i * slab_stride(pool);
		slab->pool = pool;
		list_append(&pool->free, &slab->node);
	}
	return 0;
}

void slab_pool_close(struct slab_pool *pool)
{
	assert(pool->free_count == pool->count);
	munmap(pool->memory, slab_stride(pool) * pool->count);
	free(pool->slabs);
	*pool = (struct slab_pool){ 0 };
}

struct slab *slab_take(struct slab_pool *pool)
{
	if (list_empty(&pool->free)) {
		pool->exhausted_count++;
		return NULL;
	}
	struct slab *slab = CONTAINER_OF(list_take_first(&pool->free), struct slab, node);
	pool->free_count--;
	slab->users = 1;
	slab->size = 0;
	return slab;
}

void slab_hold(struct slab *slab)
{
	assert(slab->users > 0);
	slab->users++;
}

void slab_release(struct slab *slab)
{
	struct slab_pool *pool = slab->pool;
	assert(slab->users > 0);
	if (--slab->users > 0)
		return;
	/* The one used last is the one whose pages are warm. */
	list_prepend(&pool->free, &slab->node);
	pool->free_count++;
	if (list_empty(&pool->waiters))
		return;
	struct slab_waiter *waiter =
		CONTAINER_OF(list_take_first(&pool->waiters), struct slab_waiter, node);
	waiter->ready(waiter);
}

void slab_wait(struct slab_pool *pool, struct slab_waiter *waiter)
{
	list_remove(&waiter->node);
	list_append(&pool->waiters, &waiter->node);
}

void slab_wait_stop(struct slab_waiter *waiter)
{
	list_remove(&waiter->node);
}
