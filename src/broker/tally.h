/*
 * A tally: how often a name or an id occurs in one request, without a look at each pair. Kafka
 * refuses what is named twice, or takes it once, depending on the API.
 */
#ifndef BROKER_TALLY_H
#define BROKER_TALLY_H

#include "base.h"

struct exchange;

struct tally_slot {
	const void *data; /* not copied; NULL: free */
	int32_t size;
	int32_t count;
};

struct tally {
	struct tally_slot *slots;
	uint32_t mask, seed;
};

/*
 * For up to `count` different names, in the exchange's memory. Of no use when that is full: look at
 * exchange_full before tally_of.
 */
void tally_open(struct tally *, struct exchange *, int32_t count);

/* The count of these bytes, 0 at first: the caller's to change. Null is the same as empty. */
int32_t *tally_of(struct tally *, const void *data, int32_t size);

#endif
