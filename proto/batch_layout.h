/*
 * Where the fields of a record batch lie, and the two encodings that it is made of: big-endian
 * integers and zigzag varints (those of Protocol Buffers).
 */
#ifndef HARROW_BATCH_LAYOUT_H
#define HARROW_BATCH_LAYOUT_H

#include <endian.h>

#include "proto/batch.h"

#define BASE_OFFSET_AT       0
#define LENGTH_AT            8
#define LEADER_EPOCH_AT      12
#define MAGIC_AT             16 /* in messages of magic 0 and 1 too */
#define CRC_AT               17
#define ATTRIBUTES_AT        21 /* the checksum begins here */
#define LAST_OFFSET_DELTA_AT 23
#define BASE_TIMESTAMP_AT    27
#define MAX_TIMESTAMP_AT     35
#define PRODUCER_ID_AT       43
#define PRODUCER_EPOCH_AT    51
#define BASE_SEQUENCE_AT     53
#define RECORD_COUNT_AT      57

/* The length field counts what follows it. */
#define LENGTH_OVERHEAD 12

#define MAGIC_V2 2

#define ATTRIBUTE_CODEC           0x07
#define ATTRIBUTE_LOG_APPEND_TIME 0x08
#define ATTRIBUTE_TRANSACTIONAL   0x10
#define ATTRIBUTE_CONTROL         0x20
#define ATTRIBUTE_DELETE_HORIZON  0x40

/* The sizes of a header's key and value. */
#define RECORD_HEADER_SIZE_MIN 2

#define VARINT32_SIZE_MAX 5
#define VARINT64_SIZE_MAX 10

static inline void store16(uint8_t *p, uint16_t value)
{
	value = htobe16(value);
	memcpy(p, &value, sizeof value);
}

static inline void store32(uint8_t *p, uint32_t value)
{
	value = htobe32(value);
	memcpy(p, &value, sizeof value);
}

static inline void store64(uint8_t *p, uint64_t value)
{
	value = htobe64(value);
	memcpy(p, &value, sizeof value);
}

static inline uint16_t load16(const uint8_t *p)
{
	uint16_t value;
	memcpy(&value, p, sizeof value);
	return be16toh(value);
}

static inline uint32_t load32(const uint8_t *p)
{
	uint32_t value;
	memcpy(&value, p, sizeof value);
	return be32toh(value);
}

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t value;
	memcpy(&value, p, sizeof value);
	return be64toh(value);
}

static inline uint64_t zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static inline int64_t unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

/* Seven bits a byte, without a division: 9 / 64 stands for 1 / 7, exact up to 64 bits. */
static inline size_t varint_size(int64_t value)
{
	size_t bits = 64 - (size_t)__builtin_clzll(zigzag(value) | 1);
	return (bits * 9 + 64) / 64;
}

static inline uint8_t *varint_store(uint8_t *p, int64_t value)
{
	uint64_t rest = zigzag(value);
	while (rest > 0x7f) {
		*p++ = (uint8_t)(rest | 0x80);
		rest >>= 7;
	}
	*p++ = (uint8_t)rest;
	return p;
}

/*
 * Reads a varint of at most `bits` bits (32 or 64) between p and end. Returns what follows it, or
 * NULL when it does not end in time or has more bits. Passes a NULL p on, so that reads chain.
 */
static inline const uint8_t *varint_load(
	const uint8_t *p, const uint8_t *end, int bits, int64_t *value)
{
	if (!p)
		return NULL;
	uint64_t rest = 0;
	for (int shift = 0; shift < bits && p < end; shift += 7) {
		uint64_t byte = *p++;
		if (bits - shift < 7 && (byte & 0x7f) >> (bits - shift))
			return NULL;
		rest |= (byte & 0x7f) << shift;
		if (byte < 0x80) {
			*value = unzigzag(rest);
			return p;
		}
	}
	return NULL;
}

static inline const uint8_t *varint32_load(const uint8_t *p, const uint8_t *end, int32_t *value)
{
	int64_t wide = 0;
	p = varint_load(p, end, 32, &wide);
	*value = (int32_t)wide;
	return p;
}

#endif
