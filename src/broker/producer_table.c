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
	struct list in_bucket, in_group, in_idle;
};

static size_t hash(const struct producer_group *group, int64_t producer_id)
{
	uint64_t h = (uint64_t)producer_id * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ (uint64_t)(uintptr_t)group) * UINT64_C(0xbf58476d1ce4e5b9);
	return (size_t)(h ^ h >> 31);
}

static struct list *bucket_of(
	const struct producer_table *t, const struct producer_group *group, int64_t producer_id)
{
	return &t->buckets[hash(group, producer_id) & (t->bucket_count - 1)];
}

static struct list *buckets_create(size_t count)
{
	struct list *buckets = malloc(count * sizeof *buckets);
	for (size_t i = 0; buckets && i < count; i++)
		list_init(&buckets[i]);
	return buckets;
}

int producer_table_open(struct producer_table *t, size_t limit)
{
	assert(limit > 0);
	*t = (struct producer_table){ .limit = limit, .bucket_count = BUCKETS_MIN };
	list_init(&t->idle);
	t->buckets = buckets_create(t->bucket_count);
	return t->buckets ? 0 : -ENOMEM;
}

static void entry_forget(struct producer_table *t, struct producer_entry *e)
{
	list_remove(&e->in_bucket);
	list_remove(&e->in_group);
	list_remove(&e->in_idle);
	t->count--;
	free(e);
}

static struct producer_entry *longest_idle(struct producer_table *t)
{
	return CONTAINER_OF(t->idle.next, struct producer_entry, in_idle);
}

void producer_table_close(struct producer_table *t)
{
	while (!list_empty(&t->idle))
		entry_forget(t, longest_idle(t));
	free(t->buckets);
	*t = (struct producer_table){ 0 };
}

void producer_group_init(struct producer_group *group)
{
	list_init(&group->producers);
}

void producer_group_clear(struct producer_table *t, struct producer_group *group)
{
	while (!list_empty(&group->producers))
		entry_forget(
			t, CONTAINER_OF(group->producers.next, struct producer_entry, in_group));
}

static struct producer_entry *entry_find(
	const struct producer_table *t, const struct producer_group *group, int64_t producer_id)
{
	const struct list *bucket = bucket_of(t, group, producer_id), *node;
	list_for_each (node, bucket) {
		struct producer_entry *e = CONTAINER_OF(node, struct producer_entry, in_bucket);
		if (e->producer_id == producer_id && e->group == group)
			return e;
	}
	return NULL;
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

/* Twice the buckets; without memory for them the old ones do, only slower. */
static void table_grow(struct producer_table *t)
{
	struct list *buckets = buckets_create(t->bucket_count * 2), *node;
	if (!buckets)
		return;
	free(t->buckets);
	t->buckets = buckets;
	t->bucket_count *= 2;
	list_for_each (node, &t->idle) {
		struct producer_entry *e = CONTAINER_OF(node, struct producer_entry, in_idle);
		list_append(bucket_of(t, e->group, e->producer_id), &e->in_bucket);
	}
}

static struct producer_entry *entry_create(
	struct producer_table *t, struct producer_group *group, int64_t producer_id)
{
	struct producer_entry *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	if (t->count == t->limit) {
		entry_forget(t, longest_idle(t));
		t->forgotten_count++;
	}
	if (t->count >= t->bucket_count)
		table_grow(t);
	e->producer_id = producer_id;
	e->group = group;
	e->epoch = NO_PRODUCER_EPOCH;
	list_append(bucket_of(t, group, producer_id), &e->in_bucket);
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

void producer_table_expire(struct producer_table *t, int64_t idle_ms, int64_t now_ms)
{
	while (!list_empty(&t->idle) && now_ms - longest_idle(t)->used_ms >= idle_ms)
		entry_forget(t, longest_idle(t));
}
