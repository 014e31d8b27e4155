/* A tally: open addressing, at most half full. See the header. */
#include "tally.h"

#include "exchange.h"

void tally_open(struct tally *t, struct exchange *x, int32_t count)
{
	uint32_t capacity = 8;
	while (capacity / 2 < (uint32_t)MAX(count, 0))
		capacity *= 2;
	/* A seed, so that nobody can prepare names that meet in one slot. */
	*t = (struct tally){ .mask = capacity - 1, .seed = (uint32_t)x->now_ns };
	t->slots = exchange_alloc(x, capacity * sizeof *t->slots);
}

static uint32_t hash(uint32_t seed, const uint8_t *data, int32_t size)
{
	uint32_t h = 2166136261U ^ seed;
	for (int32_t i = 0; i < size; i++)
		h = (h ^ data[i]) * 16777619U;
	return h ^ h >> 15;
}

int32_t *tally_of(struct tally *t, const void *data, int32_t size)
{
	if (size <= 0) {
		data = "";
		size = 0;
	}
	uint32_t at = hash(t->seed, data, size) & t->mask;
	for (;; at = (at + 1) & t->mask) {
		struct tally_slot *slot = &t->slots[at];
		if (!slot->data)
			*slot = (struct tally_slot){ data, size, 0 };
		else if (slot->size != size || memcmp(slot->data, data, (size_t)size) != 0)
			continue;
		return &slot->count;
	}
}
