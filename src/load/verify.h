/*
 * Reads a topic back, from one set of offsets to another, and hands every record's value to the
 * check of stamps (readback.h). Batches are verified by their checksum on the way.
 *
 * Plain full fetches (no fetch sessions, KIP-227: each partition is read once, so there is nothing
 * for a session to save), one in flight per leader.
 */
#ifndef LOAD_VERIFY_H
#define LOAD_VERIFY_H

#include "../client/cluster.h"
#include "readback.h"

#define VERIFY_RESPONSE_SIZE  ((int32_t)8 << 20) /* asked of a broker at once */
#define VERIFY_PARTITION_SIZE ((int32_t)2 << 20) /* of that, of one partition */
#define VERIFY_WAIT_MS        500
#define VERIFY_VERSION        12              /* the last Fetch that takes topic names */
#define VERIFY_SILENCE_NS     (30 * NS_PER_S) /* without progress: given up */

struct verify {
	struct readback *readback;
	uint64_t records, batches, bytes;
	/* Called now and then, with the number of records read so far; may be NULL. */
	void (*progress)(void *context, uint64_t records);
	void *context;
};

/*
 * Reads [from[p], to[p]) of every partition p of the followed topic. 0, or -errno with a clause in
 * cluster->reason: -EBADMSG when a batch's checksum is wrong.
 */
int verify_read(struct verify *, struct cluster *, const int64_t *from, const int64_t *to);

#endif
