/*
 * Finds topics by name, by id, and by what their names have in common with others: '.' and '_' are
 * one character in the names of Kafka's metrics, so two topics may not differ in these alone. The
 * catalog's own.
 */
#ifndef BROKER_CATALOG_INDEX_H
#define BROKER_CATALOG_INDEX_H

#include "catalog.h"

#define CATALOG_BUCKETS 4096 /* a power of two; STAGE_TOPICS_MAX makes short chains of it */

struct catalog_index {
	struct catalog_topic *named[CATALOG_BUCKETS];
	struct catalog_topic *alike[CATALOG_BUCKETS];
	struct catalog_topic *of_id[CATALOG_BUCKETS];
};

void catalog_index_add(struct catalog_index *, struct catalog_topic *);
void catalog_index_remove(struct catalog_index *, struct catalog_topic *);

/* NULL when there is none. */
struct catalog_topic *catalog_index_named(const struct catalog_index *, struct string name);
struct catalog_topic *catalog_index_of_id(const struct catalog_index *, struct uuid id);
/* One whose name is the same but for '.' and '_'. */
struct catalog_topic *catalog_index_alike(const struct catalog_index *, struct string name);

#endif
