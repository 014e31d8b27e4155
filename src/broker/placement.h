/*
 * Where replicas go: Kafka's StripedReplicaPlacer for brokers without racks. Leaders take turns, in
 * a new order after each round; followers are the next in line; brokers that are down come last and
 * never lead. Pure.
 */
#ifndef BROKER_PLACEMENT_H
#define BROKER_PLACEMENT_H

#include "base.h"
#include "random.h"

#define PLACEMENT_NODES_MAX 64

struct placement {
	struct random *random;
	int32_t up[PLACEMENT_NODES_MAX], down[PLACEMENT_NODES_MAX];
	int32_t up_count, down_count;
	int32_t up_first, down_first; /* whose turn it is */
	int32_t round;                /* partitions placed since the order changed */
};

/* Node ids, ascending; at least one is up. */
void placement_begin(struct placement *, struct random *, const int32_t *up, int32_t up_count,
	const int32_t *down, int32_t down_count);

/* The replicas of the next partition, the leader first; no more than there are nodes. */
void placement_next(struct placement *, int32_t replica_count, int32_t *replicas);

#endif
