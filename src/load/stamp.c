/* Writing and reading the stamp at the front of a value; stamp.h has the layout. */
#include "stamp.h"

#define SHORT_SEQUENCE_BITS 48

static void put64(uint8_t *p, uint64_t value)
{
	value = __builtin_bswap64(value);
	memcpy(p, &value, sizeof value);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t value;
	memcpy(&value, p, sizeof value);
	return __builtin_bswap64(value);
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are swapped for the wire");

void stamp_write(uint8_t *out, uint32_t stamp_size, const struct stamp *stamp)
{
	if (stamp_size == STAMP_SHORT_SIZE) {
		assert(stamp->producer < STAMP_PRODUCERS_MAX);
		put64(out, (uint64_t)stamp->producer << SHORT_SEQUENCE_BITS |
				   (stamp->sequence & STAMP_SHORT_SEQUENCE_MAX));
	} else if (stamp_size == STAMP_SIZE) {
		put64(out, (uint64_t)STAMP_MAGIC << 32 | stamp->producer);
		put64(out + 8, stamp->run_id);
		put64(out + 16, stamp->sequence);
		put64(out + 24, (uint64_t)stamp->wall_ns);
	} else {
		assert(stamp_size == 0);
	}
}

static bool parse_full(const uint8_t *value, struct stamp *out)
{
	uint64_t front = get64(value);
	if (front >> 32 != STAMP_MAGIC)
		return false;
	*out = (struct stamp){
		.producer = (uint32_t)front,
		.run_id = get64(value + 8),
		.sequence = get64(value + 16),
		.wall_ns = (int64_t)get64(value + 24),
	};
	return true;
}

bool stamp_parse(const uint8_t *value, uint32_t value_size, struct stamp *out)
{
	uint32_t size = stamp_size(value_size);
	if (size == STAMP_SIZE)
		return parse_full(value, out);
	if (size == 0)
		return false;
	uint64_t front = get64(value);
	*out = (struct stamp){
		.producer = (uint32_t)(front >> SHORT_SEQUENCE_BITS),
		.sequence = front & STAMP_SHORT_SEQUENCE_MAX,
	};
	return true;
}
