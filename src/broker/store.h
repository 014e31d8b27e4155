/*
 * The store: where the bytes of batches are kept, within a size that is fixed when it opens.
 *
 * Memory is cut into equal segments (slabs). Space is taken from the current segment, so that bytes
 * can be received from a socket straight to where they will stay. When there is no free segment the
 * oldest one leaves, whatever partition its batches belong to: retention by total size. A segment
 * that is still being sent from (a user beside the store) is left by the logs but reused only when
 * the last user has let go.
 *
 * A null store keeps nothing: it has no memory, and logs on it only count.
 */
#ifndef BROKER_STORE_H
#define BROKER_STORE_H

#include "base.h"
#include "io/buffers.h"

#define STORE_SEGMENTS_MIN 8
#define STORE_SEGMENT_SIZE ((size_t)4 << 20) /* at most, unless a batch may be larger */

struct store {
	bool null;
	struct slab_pool pool;
	struct slab *current;
	/* Called before a segment leaves: every log drops its batches up to the last one in it.
	 * NULL: nothing to tell. */
	void (*evicting)(struct store *, struct slab *);
	void *owner;
	uint64_t evicted_count, exhausted_count;
	/* private to store.c from here on */
};

/* Room for `size` bytes in place. */
struct store_space {
	uint8_t *data;
	size_t size;
	struct slab *slab; /* has one user more on behalf of the space */
};

/* `size` 0: a null store. No batch larger than batch_max will be asked for. 0, -ENOMEM, or -EINVAL
 * when `size` cannot hold STORE_SEGMENTS_MIN of the largest batches. */
int store_open(struct store *, size_t size, size_t batch_max);
/* All spaces and holds must be given back. */
void store_close(struct store *);

/* Takes room for a batch, evicting if need be. 0; -EMSGSIZE above batch_max; -ENOSPC when every
 * segment is in use by somebody who sends or receives (counted): try again later. */
int store_reserve(struct store *, size_t size, struct store_space *out);

/* Gives up the caller's hold on the space: when the batch has been appended (the log has its own
 * way to keep it) or was refused. */
void store_release(struct store *, struct store_space *);

#endif
