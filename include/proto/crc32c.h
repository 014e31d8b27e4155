/*
 * CRC32C (Castagnoli polynomial 0x1EDC6F41, reflected), the checksum of Kafka's record batches.
 * The check value of "123456789" is 0xE3069283.
 *
 * The fastest implementation that this processor has is chosen before main: see crc32c.c.
 */
#ifndef HARROW_PROTO_CRC32C_H
#define HARROW_PROTO_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Continues `crc` (0 to begin): crc32c(crc32c(0, a), b) is the checksum of a followed by b. */
uint32_t crc32c(uint32_t crc, const void *data, size_t size);

/* The checksum of a followed by b, from each one's own; takes O(log size_b). */
uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b);

/* Every implementation that is compiled in, the fastest first. Only call one that is available. */
struct crc32c_implementation {
	const char *name;
	bool (*available)(void);
	uint32_t (*update)(uint32_t crc, const void *data, size_t size);
};

extern const struct crc32c_implementation crc32c_implementations[];
extern const size_t crc32c_implementation_count;

/* The one that crc32c() uses. */
const struct crc32c_implementation *crc32c_chosen(void);

#endif
