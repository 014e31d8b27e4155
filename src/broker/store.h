/*
 * The store: where the bytes of batches are kept, within a size that is fixed when it opens, and
 * what else all logs share: what is known of producers, and the means to open compressed batches.
 *
 * Memory is cut into equal segments (slabs). Space is taken from the current segment, so that bytes
 * can be received from a socket straight to where they will stay. When no segment is free the
 * oldest one leaves that nobody sends from or receives into, whatever partitions its batches belong
 * to: retention by total size. A log that loses a batch so loses all before it. A segment is as old
 * as the youngest batch in it, and goes early when no log has a batch in it any more.
 *
 * The logs' own memory is bounded too: they hold one entry per batch, of all logs together at most
 * one per STORE_BATCH_SIZE bytes of the store, and the oldest segment leaves when there would be
 * more. So a store of tiny batches is not filled: with the smallest, of 69 bytes, it keeps about an
 * eighth of its size, and the entries then take a tenth of its size (two fifths in the worst moment
 * of the rings that hold them).
 *
 * A null store keeps nothing: it has no memory, and logs on it only count.
 */
#ifndef BROKER_STORE_H
#define BROKER_STORE_H

#include "base.h"
#include "io/buffers.h"
#include "list.h"
#include "producer_table.h"
#include "proto/batch.h"

#define STORE_SEGMENTS_MIN 8
#define STORE_SEGMENT_SIZE ((size_t)4 << 20) /* at most, unless a batch may be larger */
#define STORE_BATCH_SIZE   ((size_t)512)     /* see above */

struct store;
struct store_segment;

/* That a log has batches in a segment. */
struct store_tenancy {
	struct store_segment *segment;
	struct store_tenant *tenant;
	int64_t last_offset; /* of the batch that came last */
	struct list in_segment, in_tenant;
};

/* A log, as the store sees it: embedded in it. */
struct store_tenant {
	/* A segment is about to go: drop all batches up to last_offset. */
	void (*leave)(struct store_tenant *, int64_t last_offset);
	struct list tenancies; /* the one that was used last is the last */
};

struct store {
	bool null;
	struct slab_pool pool;
	struct slab *current;
	/* Entries of logs and tenancies, of all logs. */
	size_t entry_count, entry_limit;
	uint64_t evicted_count; /* segments that left to make room */
	uint64_t exhausted_count;
	struct producer_table producers;

	/* private to store.c from here on */
	struct store_segment *segments; /* one per slab */
	struct list ages;               /* of segments that logs may use, the oldest first */
	struct decompressor *decompressor;
	uint8_t *unpacked;
};

/* Room for `size` bytes in place. */
struct store_space {
	uint8_t *data;
	size_t size;
	struct slab *slab; /* has one user more on behalf of the space */
	bool kept;         /* a log has its batch there */
};

/*
 * `size` 0: a null store. Batches of batch_max bytes at least fit a segment. 0, -ENOMEM, or -EINVAL
 * when `size` cannot hold STORE_SEGMENTS_MIN of those.
 */
int store_open(struct store *, size_t size, size_t batch_max);
/* All logs must be closed, all spaces and holds given back. */
void store_close(struct store *);

/*
 * Takes room for a batch, evicting if need be. 0; -EMSGSIZE above a segment's size (Kafka's answer
 * to a batch larger than a segment is RECORD_LIST_TOO_LARGE); -ENOSPC when every segment is in use
 * by somebody who sends or receives (counted): nothing was evicted, try again a little later.
 */
int store_reserve(struct store *, size_t size, struct store_space *out);

/* Gives up the caller's hold on the space, when its batch has been appended or was refused; the
 * room of a refused one is used again where possible. */
void store_release(struct store *, struct store_space *);

/* ---- for logs ---- */

void store_tenant_init(
	struct store_tenant *, void (*leave)(struct store_tenant *, int64_t last_offset));

/*
 * Accounts for one more entry, and for the batch in the space, which stays as long as the tenant
 * does not give it up: what store_keep_none and `leave` are about. 0; -ENOSPC as store_reserve,
 * -ENOMEM. May call `leave` of any tenant, this one too, before it takes the batch.
 */
int store_keep(struct store *, struct store_tenant *, struct store_space *, int64_t last_offset);

/* The tenant has dropped `count` entries, and has none left up to before_offset (not included). */
void store_keep_no_more(struct store *, struct store_tenant *, size_t count, int64_t before_offset);

/*
 * Starts on the records of a batch, wherever they have to be unpacked: they are valid until the
 * next call. As record_iterator_init; -E2BIG beyond BATCH_DECOMPRESSED_MAX.
 */
int store_records(struct store *, const struct batch *, struct record_iterator *out);

#endif
