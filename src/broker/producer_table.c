/* The producer table of producer_table.h. */
#include "producer_table.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/batch.h"

#define BUCKETS_MIN ((size_t)64)

struct remembered_batch {
	int32_t first_sequence, last_sequence;
	struct producer_place place;
};

struct producer_entry {
	int64_t producer_id;
	const struct producer_group *group;
	int64_t used_ms;
	int16_t epoch;
	uint8_t first, count; /* of batches, a ring */
	struct remembered_batch batches[PRODUCER_BATCHES];
	struct producer_entry *next; /* in its bucket */
	struct list in_group, in_idle;
};

static size_t hash(const struct producer_group *group, int64_t producer_id)
{
	uint64_t h = (uint64_t)producer_id * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ (uint64_t)(uintptr_t)group) * UINT64_C(0xbf58476d1ce4e5b9);
	return (size_t)(h ^ h >> 31);
}

static struct producer_entry **bucket_of(
	const struct producer_table *t, const struct producer_group *group, int64_t producer_id)
{
	return &t->buckets[hash(group, producer_id) & (t->bucket_count - 1)];
}

int producer_table_open(struct producer_table *t, size_t limit)
{
	assert(limit > 0);
	*t = (struct producer_table){ .limit = limit, .bucket_count = BUCKETS_MIN };
	list_init(&t->idle);
	t->buckets = calloc(t->bucket_count, sizeof *t->buckets);
	return t->buckets ? 0 : -ENOMEM;
}

static void entry_unlink(struct producer_table *t, struct producer_entry *e)
{
	struct producer_entry **at = bucket_of(t, e->group, e->producer_id);
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	list_remove(&e->in_group);
	list_remove(&e->in_idle);
	t->count--;
}

void producer_table_expire(struct producer_table *t, int64_t idle_ms, int64_t now_ms)
{
	struct list *node, *after;
	list_for_each_safe (node, after, &t->idle) {
		struct producer_entry *e = CONTAINER_OF(node, struct producer_entry, in_idle);
		if (now_ms - e->used_ms < idle_ms)
			return;
		entry_unlink(t, e);
		free(e);
	}
}

void producer_table_close(struct producer_table *t)
{
	producer_table_expire(t, INT64_MIN, 0);
	free(t->buckets);
	*t = (struct producer_table){ 0 };
}

void producer_group_init(struct producer_group *group)
{
	list_init(&group->producers);
}

void producer_group_clear(struct producer_table *t, struct producer_group *group)
{
	struct list *node, *after;
	list_for_each_safe (node, after, &group->producers) {
		struct producer_entry *e = CONTAINER_OF(node, struct producer_entry, in_group);
		entry_unlink(t, e);
		free(e);
	}
}

static struct producer_entry *entry_find(
	const struct producer_table *t, const struct producer_group *group, int64_t producer_id)
{
	struct producer_entry *e = *bucket_of(t, group, producer_id);
	while (e && (e->producer_id != producer_id || e->group != group))
		e = e->next;
	return e;
}

static const struct remembered_batch *batch_at(const struct producer_entry *e, unsigned index)
{
	return &e->batches[(e->first + index) % PRODUCER_BATCHES];
}

static bool duplicate_find(const struct producer_entry *e, const struct producer_batch *batch,
	struct producer_place *place)
{
	for (unsigned i = 0; i < e->count; i++) {
		const struct remembered_batch *known = batch_at(e, i);
		if (known->first_sequence != batch->first_sequence ||
			known->last_sequence != batch->last_sequence)
			continue;
		*place = known->place;
		return true;
	}
	return false;
}

enum producer_verdict producer_check(const struct producer_table *t,
	const struct producer_group *group, const struct producer_batch *batch,
	struct producer_place *place)
{
	const struct producer_entry *e = entry_find(t, group, batch->producer_id);
	if (!e)
		return PRODUCER_ACCEPTED;
	if (batch->epoch < e->epoch)
		return PRODUCER_FENCED;
	if (batch->epoch > e->epoch)
		return batch->first_sequence == 0 ? PRODUCER_ACCEPTED : PRODUCER_OUT_OF_ORDER;
	if (duplicate_find(e, batch, place))
		return PRODUCER_DUPLICATE;
	int32_t last = batch_at(e, e->count - 1U)->last_sequence;
	return batch->first_sequence == sequence_add(last, 1) ? PRODUCER_ACCEPTED
							      : PRODUCER_OUT_OF_ORDER;
}

static void bucket_add(struct producer_table *t, struct producer_entry *e)
{
	struct producer_entry **at = bucket_of(t, e->group, e->producer_id);
	e->next = *at;
	*at = e;
}

/* Twice the buckets; without memory for them the old ones do, only slower. */
static void table_grow(struct producer_table *t)
{
	struct producer_entry **buckets =
		calloc(t->bucket_count * 2, sizeof(struct producer_entry *));
	if (!buckets)
		return;
	free(t->buckets);
	t->buckets = buckets;
	t->bucket_count *= 2;
	struct list *node;
	list_for_each (node, &t->idle)
		bucket_add(t, CONTAINER_OF(node, struct producer_entry, in_idle));
}

/* Memory for one more, zeroed: of the longest idle, when the table is full. */
static struct producer_entry *entry_take(struct producer_table *t)
{
	if (t->count < t->limit)
		return calloc(1, sizeof(struct producer_entry));
	struct producer_entry *e = CONTAINER_OF(t->idle.next, struct producer_entry, in_idle);
	entry_unlink(t, e);
	t->forgotten_count++;
	*e = (struct producer_entry){ 0 };
	return e;
}

static struct producer_entry *entry_create(
	struct producer_table *t, struct producer_group *group, int64_t producer_id)
{
	if (t->count >= t->bucket_count)
		table_grow(t);
	struct producer_entry *e = entry_take(t);
	if (!e)
		return NULL;
	e->producer_id = producer_id;
	e->group = group;
	e->epoch = NO_PRODUCER_EPOCH;
	bucket_add(t, e);
	list_append(&group->producers, &e->in_group);
	list_init(&e->in_idle);
	t->count++;
	return e;
}

void producer_remember(struct producer_table *t, struct producer_group *group,
	const struct producer_batch *batch, const struct producer_place *place, int64_t now_ms)
{
	struct producer_entry *e = entry_find(t, group, batch->producer_id);
	if (!e)
		e = entry_create(t, group, batch->producer_id);
	if (!e)
		return;
	if (e->epoch != batch->epoch) {
		e->epoch = batch->epoch;
		e->count = 0;
	}
	if (e->count == PRODUCER_BATCHES) {
		e->first = (uint8_t)((e->first + 1) % PRODUCER_BATCHES);
		e->count--;
	}
	e->batches[(e->first + e->count) % PRODUCER_BATCHES] =
		(struct remembered_batch){ batch->first_sequence, batch->last_sequence, *place };
	e->count++;
	e->used_ms = now_ms;
	list_remove(&e->in_idle);
	list_append(&t->idle, &e->in_idle);
}
