/*
 * Sessions in a hash table by id, and in a list by use. Their partitions are in a list, the order
 * of reading, and in a hash table of the session's own that grows with it.
 *
 * Which session leaves when there is no room follows Kafka's FetchSessionCache.tryEvict.
 */
#include "fetch_session.h"

#include <errno.h>
#include <stdlib.h>

#include "random.h"

#define BUCKETS           1024 /* of sessions; a power of two */
#define ENTRY_BUCKETS_MIN 8    /* of partitions in a session */

#define FULL_EPOCH 0

#define TOPIC_ID_SINCE 13

struct fetch_sessions {
	int32_t slots;
	int32_t count;
	int64_t entry_count; /* of all sessions */
	struct random random;
	struct list by_use;
	struct fetch_session *buckets[BUCKETS];
};

int fetch_sessions_open(struct fetch_sessions **out, int32_t slots, uint64_t seed)
{
	struct fetch_sessions *sessions = calloc(1, sizeof *sessions);
	if (!sessions)
		return -ENOMEM;
	sessions->slots = MIN(slots, FETCH_SESSIONS_MAX);
	random_seed(&sessions->random, seed);
	list_init(&sessions->by_use);
	*out = sessions;
	return 0;
}

void fetch_sessions_clear(struct fetch_sessions *sessions)
{
	struct list *node, *after;
	list_for_each_safe (node, after, &sessions->by_use)
		fetch_session_end(CONTAINER_OF(node, struct fetch_session, by_use));
}

void fetch_sessions_close(struct fetch_sessions *sessions)
{
	if (!sessions)
		return;
	fetch_sessions_clear(sessions);
	free(sessions);
}

int32_t fetch_sessions_count(const struct fetch_sessions *sessions)
{
	return sessions->count;
}

/* ---- the partitions of one ---- */

/* FNV-1a. */
static uint32_t hash_bytes(uint32_t hash, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT32_C(16777619);
	return hash;
}

static uint32_t entry_hash(
	const struct fetch_session *s, struct string topic, struct uuid id, int32_t partition)
{
	uint32_t hash = UINT32_C(2166136261);
	if (s->topic_ids)
		hash = hash_bytes(hash, id.bytes, sizeof id.bytes);
	else if (topic.size > 0)
		hash = hash_bytes(hash, topic.data, (size_t)topic.size);
	hash = hash_bytes(hash, &partition, sizeof partition);
	return hash ^ hash >> 16;
}

/* Where the pointer to the entry is, or to NULL behind the others of its bucket. */
static struct fetch_entry **entry_link(
	struct fetch_session *s, struct string topic, struct uuid id, int32_t partition)
{
	uint32_t mask = (uint32_t)s->bucket_count - 1;
	struct fetch_entry **link = &s->buckets[entry_hash(s, topic, id, partition) & mask];
	for (; *link; link = &(*link)->next) {
		const struct fetch_entry *e = *link;
		if (e->partition == partition &&
			(s->topic_ids ? !memcmp(&e->topic_id, &id, sizeof id)
				      : string_equal(e->topic, topic)))
			break;
	}
	return link;
}

static void entry_free(struct fetch_entry *e)
{
	free((void *)e->topic.data);
	free(e);
}

static void session_remove(
	struct fetch_session *s, struct string topic, struct uuid id, int32_t partition)
{
	struct fetch_entry **link = entry_link(s, topic, id, partition), *e = *link;
	if (!e)
		return;
	*link = e->next;
	list_remove(&e->node);
	entry_free(e);
	s->entry_count--;
	s->owner->entry_count--;
}

/* Doubles the buckets; without memory they become fuller. */
static void session_grow(struct fetch_session *s)
{
	int32_t count = 2 * s->bucket_count;
	struct fetch_entry **buckets = calloc((size_t)count, sizeof(struct fetch_entry *));
	if (!buckets)
		return;
	free(s->buckets);
	s->buckets = buckets;
	s->bucket_count = count;
	struct list *node;
	list_for_each (node, &s->entries) {
		struct fetch_entry *e = CONTAINER_OF(node, struct fetch_entry, node);
		struct fetch_entry **bucket =
			&buckets[entry_hash(s, e->topic, e->topic_id, e->partition) &
				 ((uint32_t)count - 1)];
		e->next = *bucket;
		*bucket = e;
	}
}

void fetch_entry_name(struct fetch_entry *e, struct string topic)
{
	if (string_equal(e->topic, topic))
		return;
	char *copy = malloc((size_t)topic.size + 1);
	if (!copy)
		return;
	memcpy(copy, topic.data, (size_t)topic.size);
	free((void *)e->topic.data);
	e->topic = (struct string){ copy, topic.size };
}

static struct fetch_entry *entry_new(
	bool topic_ids, struct string topic, struct uuid id, int32_t partition)
{
	struct fetch_entry *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->topic_id = id;
	e->partition = partition;
	e->high_watermark = e->log_start_offset = -1;
	if (topic_ids || topic.size == 0)
		return e;
	fetch_entry_name(e, topic);
	if (string_equal(e->topic, topic))
		return e;
	entry_free(e);
	return NULL;
}

struct fetch_entry *fetch_session_set(struct fetch_session *s, struct string topic, struct uuid id,
	const struct fetch_partition *request)
{
	struct fetch_entry *e = *entry_link(s, topic, id, request->partition);
	if (!e) {
		if (s->entry_count == FETCH_SESSION_ENTRIES_MAX ||
			s->owner->entry_count == FETCH_ENTRIES_MAX)
			return NULL;
		e = entry_new(s->topic_ids, topic, id, request->partition);
		if (!e)
			return NULL;
		if (s->entry_count >= s->bucket_count)
			session_grow(s);
		*entry_link(s, topic, id, request->partition) = e;
		list_append(&s->entries, &e->node);
		s->entry_count++;
		s->owner->entry_count++;
	}
	e->max_bytes = request->partition_max_bytes;
	e->leader_epoch = request->current_leader_epoch;
	e->offset = request->fetch_offset;
	return e;
}

void fetch_session_rotate(struct fetch_session *s, struct fetch_entry *e)
{
	list_remove(&e->node);
	list_append(&s->entries, &e->node);
}

/* ---- sessions ---- */

/* Where the pointer to the session is, or to NULL behind the others of its bucket. */
static struct fetch_session **session_link(struct fetch_sessions *sessions, int32_t id)
{
	struct fetch_session **link = &sessions->buckets[id & (BUCKETS - 1)];
	while (*link && (*link)->id != id)
		link = &(*link)->next;
	return link;
}

struct fetch_session *fetch_sessions_find(struct fetch_sessions *sessions, int32_t id)
{
	return *session_link(sessions, id);
}

void fetch_session_end(struct fetch_session *s)
{
	struct fetch_sessions *sessions = s->owner;
	*session_link(sessions, s->id) = s->next;
	list_remove(&s->by_use);
	sessions->count--;
	sessions->entry_count -= s->entry_count;
	struct list *node, *after;
	list_for_each_safe (node, after, &s->entries)
		entry_free(CONTAINER_OF(node, struct fetch_entry, node));
	free(s->buckets);
	free(s);
}

static void session_use(struct fetch_session *s, int64_t now_ns)
{
	s->used_ns = now_ns;
	list_remove(&s->by_use);
	list_append(&s->owner->by_use, &s->by_use);
}

/* Whether a new session of that kind may take its place, were it larger. Judged as of its last use.
 */
static bool is_evictable(const struct fetch_session *s, bool by_follower)
{
	bool old = s->used_ns - s->created_ns > FETCH_SESSION_IDLE_NS;
	return old || (by_follower && !s->follower);
}

/* Consumers' before followers', small ones before large ones. */
static bool is_less(const struct fetch_session *a, const struct fetch_session *b)
{
	if (a->follower != b->follower)
		return b->follower;
	if (a->entry_count != b->entry_count)
		return a->entry_count < b->entry_count;
	return a->id < b->id;
}

static bool sessions_make_room(
	struct fetch_sessions *sessions, bool follower, int32_t entry_count, int64_t now_ns)
{
	if (sessions->count < sessions->slots)
		return true;
	struct fetch_session *least = NULL;
	struct list *node;
	list_for_each (node, &sessions->by_use) {
		struct fetch_session *s = CONTAINER_OF(node, struct fetch_session, by_use);
		if (now_ns - s->used_ns > FETCH_SESSION_IDLE_NS) {
			fetch_session_end(s); /* the first is the one unused longest */
			return true;
		}
		if (is_evictable(s, follower) && (!least || is_less(s, least)))
			least = s;
	}
	if (!least)
		return false;
	bool worth_more = least->follower != follower ? follower : entry_count > least->entry_count;
	if (!worth_more)
		return false;
	fetch_session_end(least);
	return true;
}

struct fetch_session *fetch_sessions_create(struct fetch_sessions *sessions, bool follower,
	bool topic_ids, int32_t entry_count, int64_t now_ns)
{
	if (entry_count > FETCH_SESSION_ENTRIES_MAX ||
		sessions->entry_count + entry_count > FETCH_ENTRIES_MAX ||
		!sessions_make_room(sessions, follower, entry_count, now_ns))
		return NULL;
	struct fetch_session *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->bucket_count = ENTRY_BUCKETS_MIN;
	s->buckets = calloc((size_t)s->bucket_count, sizeof(struct fetch_entry *));
	if (!s->buckets) {
		free(s);
		return NULL;
	}
	do
		s->id = 1 + (int32_t)random_below(&sessions->random, INT32_MAX);
	while (fetch_sessions_find(sessions, s->id));
	s->epoch = FULL_EPOCH + 1;
	s->follower = follower;
	s->topic_ids = topic_ids;
	s->owner = sessions;
	s->created_ns = now_ns;
	list_init(&s->entries);
	list_init(&s->by_use);
	*session_link(sessions, s->id) = s;
	sessions->count++;
	session_use(s, now_ns);
	return s;
}

/* Adds, changes, forgets what the request says. False: no room for it. */
static bool session_update(struct fetch_session *s, const struct fetch_request *request)
{
	for (int32_t i = 0; i < request->topics.count; i++) {
		const struct fetch_topic *t = &request->topics.items[i];
		for (int32_t k = 0; k < t->partitions.count; k++)
			if (!fetch_session_set(s, t->topic, t->topic_id, &t->partitions.items[k]))
				return false;
	}
	for (int32_t i = 0; i < request->forgotten_topics_data.count; i++) {
		const struct fetch_forgotten_topic *t = &request->forgotten_topics_data.items[i];
		for (int32_t k = 0; k < t->partitions.count; k++)
			session_remove(s, t->topic, t->topic_id, t->partitions.items[k]);
	}
	return true;
}

int16_t fetch_sessions_enter(struct fetch_sessions *sessions, const struct fetch_request *request,
	int version, int64_t now_ns, struct fetch_session **out)
{
	struct fetch_session *s = fetch_sessions_find(sessions, request->session_id);
	*out = NULL;
	if (fetch_is_full(request)) {
		if (s)
			fetch_session_end(s);
		return ERROR_NONE;
	}
	if (!s)
		return ERROR_FETCH_SESSION_ID_NOT_FOUND;
	if (s->epoch != request->session_epoch)
		return ERROR_INVALID_FETCH_SESSION_EPOCH;
	if (s->topic_ids != (version >= TOPIC_ID_SINCE))
		return ERROR_FETCH_SESSION_TOPIC_ID_ERROR;
	if (!session_update(s, request)) {
		/* Kafka has no such limit. The client begins again, and is declined. */
		fetch_session_end(s);
		return ERROR_FETCH_SESSION_ID_NOT_FOUND;
	}
	if (s->entry_count == 0) {
		fetch_session_end(s);
		return ERROR_NONE;
	}
	session_use(s, now_ns);
	s->epoch = s->epoch == INT32_MAX ? FULL_EPOCH + 1 : s->epoch + 1;
	*out = s;
	return ERROR_NONE;
}
