/* A bounded pool of batches: see batch_pool.h. */
#include "batch_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

int batch_pool_open(struct batch_pool *p, size_t batch_size, uint32_t count)
{
	*p = (struct batch_pool){ .batch_size = batch_size, .count = count };
	p->batches = calloc(count, sizeof *p->batches);
	if (!p->batches)
		return -ENOMEM;
	/* Pages are touched when a batch is first used: a run that needs few batches pays for few.
	 */
	p->memory = mmap(NULL, batch_size * count, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p->memory == MAP_FAILED) {
		free(p->batches);
		*p = (struct batch_pool){ 0 };
		return -ENOMEM;
	}
	for (uint32_t i = count; i-- > 0;) {
		struct load_batch *b = &p->batches[i];
		b->bytes.iov_base = p->memory + i * batch_size;
		b->next_free = p->free;
		p->free = b;
	}
	return 0;
}

void batch_pool_close(struct batch_pool *p)
{
	assert(p->used == 0);
	if (p->memory)
		munmap(p->memory, p->batch_size * p->count);
	free(p->batches);
	*p = (struct batch_pool){ 0 };
}

struct load_batch *batch_pool_take(struct batch_pool *p)
{
	struct load_batch *b = p->free;
	if (!b)
		return NULL;
	p->free = b->next_free;
	p->used++;
	void *memory = b->bytes.iov_base;
	*b = (struct load_batch){ .bytes = { .iov_base = memory } };
	return b;
}

void batch_pool_give(struct batch_pool *p, struct load_batch *b)
{
	b->next_free = p->free;
	p->free = b;
	p->used--;
}
