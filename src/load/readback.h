/*
 * Checks what was read back: fed every record's stamp, it finds gaps, duplicates, foreign records
 * and records out of order, per producer and partition. It keeps the sequences seen as ranges: one
 * range for a stream in order, however long. A stream that would need more than READBACK_RANGES_MAX
 * ranges counts its records as unchecked, and such a check must not be called good.
 */
#ifndef HARROW_LOAD_READBACK_H
#define HARROW_LOAD_READBACK_H

#include "stamp.h"

#define READBACK_RANGES_MAX  65536 /* per producer and partition */
#define READBACK_STREAMS_MAX (UINT32_C(1) << 20)

struct readback_range {
	uint64_t first, end; /* [first, end) */
};

struct readback_stream {
	struct readback_range *ranges; /* ascending, never touching */
	uint32_t count, capacity;
};

struct readback {
	uint64_t run_id;
	uint32_t producers, partitions;
	struct readback_stream *streams;
	uint64_t received; /* ours, duplicates included */
	uint64_t duplicates;
	uint64_t out_of_order; /* not duplicates, but after a higher sequence of their stream */
	uint64_t foreign; /* without a stamp, of another run, or of a producer or partition unknown
			   */
	uint64_t unchecked; /* ours, but beyond the limit of ranges or of memory */
};

/* -EINVAL for more than READBACK_STREAMS_MAX streams or none; -ENOMEM. */
int readback_init(struct readback *r, uint64_t run_id, uint32_t producers, uint32_t partitions);
void readback_free(struct readback *r);

/* One record of a partition, in the order of its offsets. */
void readback_add(struct readback *r, uint32_t partition, const uint8_t *value, uint32_t size);
/* The same, for a stamp already parsed. `full` is false for the short form: no run id in it. */
void readback_add_stamp(
	struct readback *r, uint32_t partition, const struct stamp *stamp, bool full);

/* Sequences missing below the highest one seen, over all streams. */
uint64_t readback_gaps(const struct readback *r);
/* Sequences of [first, end) of one stream that were not seen: of what was acknowledged, the loss.
 */
uint64_t readback_missing(const struct readback *r, uint32_t producer, uint32_t partition,
	uint64_t first, uint64_t end);

#endif
