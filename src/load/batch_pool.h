/*
 * The batches of one worker: a bounded pool, all memory taken at the start. A batch carries the
 * bytes that are sent, the machine's view of it (produce_queue.h) and what is needed to record its
 * latency. An empty pool is back-pressure.
 */
#ifndef LOAD_BATCH_POOL_H
#define LOAD_BATCH_POOL_H

#include <sys/uio.h>

#include "produce_queue.h"
#include "proto/cursor.h"
#include "schedule.h"

struct lane;

struct load_batch {
	struct produce_batch queue;
	struct lane *lane;
	struct iovec bytes;            /* the sealed batch */
	struct records records;        /* the same, as a request carries it */
	uint64_t value_bytes;          /* keys, values and header values of its records */
	struct schedule_cursor cursor; /* of its first record; open loop */
	int64_t sealed_ns;
	bool warm; /* counts in the histograms: not of the warm-up */
	struct load_batch *next_free;
};

struct batch_pool {
	struct load_batch *batches, *free;
	uint8_t *memory;
	size_t batch_size;
	uint32_t count, used;
};

/* Room for `count` batches of batch_size bytes. 0 or -ENOMEM. */
int batch_pool_open(struct batch_pool *, size_t batch_size, uint32_t count);
void batch_pool_close(struct batch_pool *);
/* One whose bytes.iov_base has batch_size bytes of room, or NULL. */
struct load_batch *batch_pool_take(struct batch_pool *);
void batch_pool_give(struct batch_pool *, struct load_batch *);

#endif
