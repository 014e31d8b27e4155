/*
 * The stamp: what tells one of our records from every other, at the front of its value. All numbers
 * are big-endian, like the rest of Kafka's wire.
 *
 *   full, 32 bytes                          short, 8 bytes (values of 8..31 bytes)
 *   0   uint32  magic "HRW1"                0   uint16  producer
 *   4   uint32  producer                    2   uint48  sequence
 *   8   uint64  run id
 *   16  uint64  sequence
 *   24  int64   intended time, CLOCK_REALTIME ns
 *
 * The sequence counts the records of one producer to one partition from 0. Values below 8 bytes
 * carry no stamp. The short form names the producer too, because two producers may write to one
 * partition.
 */
#ifndef HARROW_LOAD_STAMP_H
#define HARROW_LOAD_STAMP_H

#include "base.h"

#define STAMP_MAGIC              UINT32_C(0x48525731)
#define STAMP_SIZE               32
#define STAMP_SHORT_SIZE         8
#define STAMP_PRODUCERS_MAX      (UINT32_C(1) << 16) /* what the short form can name */
#define STAMP_SHORT_SEQUENCE_MAX ((UINT64_C(1) << 48) - 1)

struct stamp {
	uint64_t run_id;
	uint64_t sequence;
	int64_t wall_ns; /* the intended time; closed loop: when the record was made */
	uint32_t producer;
};

/* The size of the stamp at the front of a value of this size: 32, 8 or 0. */
static inline uint32_t stamp_size(uint32_t value_size)
{
	return value_size >= STAMP_SIZE         ? STAMP_SIZE
	       : value_size >= STAMP_SHORT_SIZE ? STAMP_SHORT_SIZE
						: 0;
}

/* Writes a stamp of stamp_size (32, 8; 0 writes nothing) bytes. */
void stamp_write(uint8_t *out, uint32_t stamp_size, const struct stamp *stamp);

/*
 * Reads the stamp of a value. False: too small, or a full stamp without our magic. A short stamp
 * has run_id 0 and wall_ns 0, and nothing by which it could be refused.
 */
bool stamp_parse(const uint8_t *value, uint32_t value_size, struct stamp *out);

#endif
