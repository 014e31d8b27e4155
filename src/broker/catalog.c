/*
 * The catalog's brokers, and who of them leads and is in sync. How topics come and go is in
 * catalog_topic.c.
 */
#include "catalog.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "catalog_index.h"
#include "catalog_private.h"

#define UUID_VERSION 4
/* Kafka does not hand out ids whose text begins with '-', the 62nd letter of base64url. */
#define DASH_LETTER 62

struct uuid catalog_uuid(struct random *random)
{
	struct uuid id;
	do {
		uint64_t halves[2] = { random_next(random), random_next(random) };
		memcpy(id.bytes, halves, sizeof id.bytes);
		/* RFC 4122's random ones: Kafka's reserved ids are not among them. */
		id.bytes[6] = (uint8_t)(UUID_VERSION << 4 | (id.bytes[6] & 0x0f));
		id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3f));
	} while (id.bytes[0] >> 2 == DASH_LETTER);
	return id;
}

int16_t catalog_refuse(char why[CATALOG_WHY_SIZE], int16_t error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(why, CATALOG_WHY_SIZE, format, arguments);
	va_end(arguments);
	return error;
}

/* As base64url without padding. */
static void uuid_text(struct uuid id, char text[CATALOG_ID_SIZE])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789-_";
	for (int i = 0; i < CATALOG_ID_SIZE - 1; i++) {
		int bit = i * 6, byte = bit / 8;
		int next = byte + 1 < (int)sizeof id.bytes ? id.bytes[byte + 1] : 0;
		int pair = id.bytes[byte] << 8 | next;
		text[i] = letters[pair >> (10 - bit % 8) & 63];
	}
	text[CATALOG_ID_SIZE - 1] = '\0';
}

int catalog_init(struct catalog *c, struct store *store, uint64_t seed)
{
	*c = (struct catalog){ .store = store };
	c->index = calloc(1, sizeof *c->index);
	if (!c->index)
		return -ENOMEM;
	random_seed(&c->random, seed);
	list_init(&c->topics);
	uuid_text(catalog_uuid(&c->random), c->cluster_id);
	return 0;
}

void catalog_free(struct catalog *c)
{
	while (!list_empty(&c->topics))
		catalog_topic_delete(c, CONTAINER_OF(c->topics.next, struct catalog_topic, node));
	property_set_free(&c->properties);
	free(c->index);
	c->index = NULL;
}

/* ---- looking up ---- */

struct catalog_node *catalog_node(struct catalog *c, int32_t id)
{
	for (int32_t i = 0; i < c->node_count; i++)
		if (c->nodes[i].id == id)
			return &c->nodes[i];
	return NULL;
}

bool catalog_node_is_up(const struct catalog *c, int32_t id)
{
	for (int32_t i = 0; i < c->node_count; i++)
		if (c->nodes[i].id == id)
			return c->nodes[i].up;
	return false;
}

int32_t catalog_controller(const struct catalog *c)
{
	for (int32_t i = 0; i < c->node_count; i++)
		if (c->nodes[i].up)
			return c->nodes[i].id;
	return NODE_NONE;
}

struct catalog_topic *catalog_topic_named(struct catalog *c, struct string name)
{
	return catalog_index_named(c->index, name);
}

struct catalog_topic *catalog_topic_of_id(struct catalog *c, struct uuid id)
{
	return catalog_index_of_id(c->index, id);
}

struct catalog_partition *catalog_partition(struct catalog_topic *topic, int32_t index)
{
	return index >= 0 && index < topic->partition_count ? topic->partitions[index] : NULL;
}

/* ---- leaders and in-sync lists ---- */

void catalog_changed(struct catalog *c, struct catalog_partition *p, bool gone)
{
	if (c->events && c->events->changed)
		c->events->changed(c->owner, p, gone);
}

void catalog_partition_appended(struct catalog *c, struct catalog_partition *p)
{
	catalog_changed(c, p, false);
}

static int32_t index_in(const int32_t *ids, int32_t count, int32_t id)
{
	for (int32_t i = 0; i < count; i++)
		if (ids[i] == id)
			return i;
	return -1;
}

bool catalog_partition_replicated(const struct catalog_partition *p, int32_t id)
{
	return index_in(p->replicas, p->replica_count, id) >= 0;
}

static bool in_sync(const struct catalog_partition *p, int32_t id)
{
	return index_in(p->isr, p->isr_count, id) >= 0;
}

static void set_leader(struct catalog_partition *p, int32_t leader)
{
	p->leader = leader;
	p->leader_epoch++;
	p->log.leader_epoch = p->leader_epoch;
}

/* The first replica in the order of assignment that is in sync and up. */
static int32_t next_leader(const struct catalog *c, const struct catalog_partition *p)
{
	for (int32_t i = 0; i < p->replica_count; i++)
		if (in_sync(p, p->replicas[i]) && catalog_node_is_up(c, p->replicas[i]))
			return p->replicas[i];
	return NODE_NONE;
}

static void partition_lose(struct catalog *c, struct catalog_partition *p, int32_t id)
{
	int32_t at = index_in(p->isr, p->isr_count, id);
	if (at < 0)
		return;
	/* The last one stays: it alone is known to have everything. */
	if (p->isr_count > 1) {
		p->isr_count--;
		memmove(&p->isr[at], &p->isr[at + 1], (size_t)(p->isr_count - at) * sizeof *p->isr);
	}
	if (p->leader == id)
		set_leader(p, next_leader(c, p));
	catalog_changed(c, p, false);
}

/* With a leader, who is up is in sync: the log is shared. */
static void rejoin_all(const struct catalog *c, struct catalog_partition *p)
{
	for (int32_t i = 0; i < p->replica_count; i++)
		if (catalog_node_is_up(c, p->replicas[i]) && !in_sync(p, p->replicas[i]))
			p->isr[p->isr_count++] = p->replicas[i];
}

static void partition_regain(struct catalog *c, struct catalog_partition *p, int32_t id)
{
	if (!catalog_partition_replicated(p, id))
		return;
	if (p->leader == NODE_NONE) {
		bool unclean = property_bool(
			&p->topic->config, &c->properties, PROPERTY_UNCLEAN_LEADER_ELECTION_ENABLE);
		if (!in_sync(p, id) && !unclean)
			return;
		if (!in_sync(p, id)) {
			p->isr[0] = id;
			p->isr_count = 1;
		}
		set_leader(p, id);
	}
	rejoin_all(c, p);
	catalog_changed(c, p, false);
}

/* `change` may not make or remove topics. */
static void for_each_partition(struct catalog *c, int32_t id,
	void (*change)(struct catalog *, struct catalog_partition *, int32_t id))
{
	struct list *node;
	list_for_each (node, &c->topics) {
		struct catalog_topic *topic = CONTAINER_OF(node, struct catalog_topic, node);
		for (int32_t i = 0; i < topic->partition_count; i++)
			change(c, topic->partitions[i], id);
	}
}

void catalog_node_down(struct catalog *c, int32_t id)
{
	struct catalog_node *node = catalog_node(c, id);
	if (!node || !node->up)
		return;
	node->up = false;
	for_each_partition(c, id, partition_lose);
}

void catalog_node_up(struct catalog *c, int32_t id)
{
	struct catalog_node *node = catalog_node(c, id);
	if (!node || node->up)
		return;
	node->up = true;
	for_each_partition(c, id, partition_regain);
}

int32_t catalog_elect_preferred(struct catalog *c)
{
	int32_t changes = 0;
	struct list *node;
	list_for_each (node, &c->topics) {
		struct catalog_topic *topic = CONTAINER_OF(node, struct catalog_topic, node);
		for (int32_t i = 0; i < topic->partition_count; i++) {
			struct catalog_partition *p = topic->partitions[i];
			int32_t preferred = p->replicas[0];
			if (p->leader == preferred || !in_sync(p, preferred) ||
				!catalog_node_is_up(c, preferred))
				continue;
			set_leader(p, preferred);
			catalog_changed(c, p, false);
			changes++;
		}
	}
	return changes;
}
