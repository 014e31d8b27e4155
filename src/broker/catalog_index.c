/* Finds topics: three tables of chains. See the header. */
#include "catalog_index.h"

static char unify(char c)
{
	return c == '.' ? '_' : c;
}

/* FNV-1a; with `alike`, of the name in which dots are underscores. */
static uint32_t bucket_of(struct string name, bool alike)
{
	uint32_t hash = 2166136261U;
	for (int32_t i = 0; i < name.size; i++) {
		char c = alike ? unify(name.data[i]) : name.data[i];
		hash = (hash ^ (uint8_t)c) * 16777619U;
	}
	return (hash ^ hash >> 16) & (CATALOG_BUCKETS - 1);
}

static uint32_t bucket_of_id(struct uuid id)
{
	/* Ids are random as they are. */
	uint32_t first;
	memcpy(&first, id.bytes, sizeof first);
	return first & (CATALOG_BUCKETS - 1);
}

static bool names_alike(const char *known, struct string name)
{
	if (strlen(known) != (size_t)MAX(name.size, 0))
		return false;
	for (int32_t i = 0; i < name.size; i++)
		if (unify(known[i]) != unify(name.data[i]))
			return false;
	return true;
}

void catalog_index_add(struct catalog_index *index, struct catalog_topic *topic)
{
	struct string name = string_of(topic->name);
	struct catalog_topic **bucket = &index->named[bucket_of(name, false)];
	topic->next_named = *bucket;
	*bucket = topic;
	bucket = &index->alike[bucket_of(name, true)];
	topic->next_alike = *bucket;
	*bucket = topic;
	bucket = &index->of_id[bucket_of_id(topic->id)];
	topic->next_of_id = *bucket;
	*bucket = topic;
}

void catalog_index_remove(struct catalog_index *index, struct catalog_topic *topic)
{
	struct string name = string_of(topic->name);
	struct catalog_topic **at = &index->named[bucket_of(name, false)];
	while (*at != topic)
		at = &(*at)->next_named;
	*at = topic->next_named;
	at = &index->alike[bucket_of(name, true)];
	while (*at != topic)
		at = &(*at)->next_alike;
	*at = topic->next_alike;
	at = &index->of_id[bucket_of_id(topic->id)];
	while (*at != topic)
		at = &(*at)->next_of_id;
	*at = topic->next_of_id;
}

struct catalog_topic *catalog_index_named(const struct catalog_index *index, struct string name)
{
	struct catalog_topic *topic = index->named[bucket_of(name, false)];
	while (topic && !string_equal(string_of(topic->name), name))
		topic = topic->next_named;
	return topic;
}

struct catalog_topic *catalog_index_of_id(const struct catalog_index *index, struct uuid id)
{
	struct catalog_topic *topic = index->of_id[bucket_of_id(id)];
	while (topic && memcmp(&topic->id, &id, sizeof id) != 0)
		topic = topic->next_of_id;
	return topic;
}

struct catalog_topic *catalog_index_alike(const struct catalog_index *index, struct string name)
{
	struct catalog_topic *topic = index->alike[bucket_of(name, true)];
	while (topic && !names_alike(topic->name, name))
		topic = topic->next_alike;
	return topic;
}
