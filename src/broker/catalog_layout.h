/* Where the partitions of a topic shall lie, before there are any. The catalog's own. */
#ifndef BROKER_CATALOG_LAYOUT_H
#define BROKER_CATALOG_LAYOUT_H

#include "catalog.h"

/* All partitions have as many replicas. */
struct layout {
	int32_t partition_count, replica_count;
	int32_t *replicas; /* replica_count of each partition, the preferred leader first */
};

/* One of Kafka's error codes with a sentence, or 0. layout_close frees in either case. */
int16_t layout_of_topic(struct catalog *, const struct creatable_topic *, struct layout *out,
	char why[CATALOG_WHY_SIZE]);
/* Of the partitions that are added. */
int16_t layout_of_growth(struct catalog *, const struct catalog_topic *,
	const struct create_partitions_topic *, struct layout *out, char why[CATALOG_WHY_SIZE]);
void layout_close(struct layout *);

#endif
