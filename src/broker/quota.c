/*
 * The arithmetic of Kafka 4.3.1's Rate over a SampledStat, in milliseconds and doubles as there, so
 * that the same bytes at the same times give the same throttle times. Clients are in a hash table
 * and, for the one unheard of longest, in a list.
 */
#include "quota.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "list.h"

#define BUCKETS 4096 /* a power of two */

/* What was booked in one window. */
struct sample {
	double value;
	int64_t start_ms, last_ms;
};

/* One more than the windows that count, for the one that is leaving; used round and round. */
struct rate {
	int32_t count, current;
	struct sample samples[];
};

struct client {
	struct client *next; /* of its bucket */
	struct list node;    /* by use, the latest last */
	struct rate *rates[QUOTA_KINDS];
	int32_t node_id;
	int32_t id_size;
	char id[];
};

struct quotas {
	struct quota_limits limits;
	int64_t window_ms;
	struct client *buckets[BUCKETS];
	struct list clients;
	int32_t client_count;
};

int quotas_open(struct quotas **out, const struct quota_limits *limits)
{
	if (limits->window_count < 1 || limits->window_count > QUOTA_WINDOWS_MAX ||
		limits->window_ns < NS_PER_MS)
		return -EINVAL;
	struct quotas *q = calloc(1, sizeof *q);
	if (!q)
		return -ENOMEM;
	q->limits = *limits;
	q->window_ms = limits->window_ns / NS_PER_MS;
	list_init(&q->clients);
	*out = q;
	return 0;
}

/* ---- clients ---- */

/* FNV-1a. */
static uint32_t bucket_of(int32_t node_id, struct string id)
{
	uint32_t hash = UINT32_C(2166136261) ^ (uint32_t)node_id;
	for (int32_t i = 0; i < id.size; i++)
		hash = (hash ^ (uint8_t)id.data[i]) * UINT32_C(16777619);
	return (hash ^ hash >> 16) & (BUCKETS - 1);
}

static struct string client_id(const struct client *c)
{
	return (struct string){ c->id, c->id_size };
}

static void client_free(struct quotas *q, struct client *c)
{
	struct client **link = &q->buckets[bucket_of(c->node_id, client_id(c))];
	while (*link != c)
		link = &(*link)->next;
	*link = c->next;
	list_remove(&c->node);
	q->client_count--;
	for (int kind = 0; kind < QUOTA_KINDS; kind++)
		free(c->rates[kind]);
	free(c);
}

void quotas_close(struct quotas *q)
{
	if (!q)
		return;
	while (!list_empty(&q->clients))
		client_free(q, CONTAINER_OF(q->clients.next, struct client, node));
	free(q);
}

static struct client *client_of(struct quotas *q, int32_t node_id, struct string id)
{
	if (string_is_null(id))
		id = STRING("");
	struct client **bucket = &q->buckets[bucket_of(node_id, id)];
	for (struct client *c = *bucket; c; c = c->next)
		if (c->node_id == node_id && string_equal(client_id(c), id)) {
			list_remove(&c->node);
			list_append(&q->clients, &c->node);
			return c;
		}
	if (q->client_count == QUOTA_CLIENTS_MAX)
		client_free(q, CONTAINER_OF(q->clients.next, struct client, node));
	struct client *c = calloc(1, sizeof *c + (size_t)id.size);
	if (!c)
		return NULL;
	c->node_id = node_id;
	c->id_size = id.size;
	if (id.size > 0)
		memcpy(c->id, id.data, (size_t)id.size);
	c->next = *bucket;
	*bucket = c;
	list_append(&q->clients, &c->node);
	q->client_count++;
	return c;
}

static struct rate *rate_of(
	struct quotas *q, enum quota_kind kind, int32_t node_id, struct string id)
{
	struct client *c = client_of(q, node_id, id);
	if (!c)
		return NULL;
	if (!c->rates[kind])
		c->rates[kind] =
			calloc(1, sizeof(struct rate) + ((size_t)q->limits.window_count + 1) *
								sizeof(struct sample));
	return c->rates[kind];
}

/* ---- the rate ---- */

static void sample_reset(struct sample *s, int64_t now_ms)
{
	*s = (struct sample){ .start_ms = now_ms, .last_ms = now_ms };
}

static void rate_record(const struct quotas *q, struct rate *r, double value, int64_t now_ms)
{
	if (r->count == 0)
		sample_reset(&r->samples[r->count++], now_ms);
	if (now_ms - r->samples[r->current].start_ms >= q->window_ms) {
		r->current = (r->current + 1) % (q->limits.window_count + 1);
		r->count = MAX(r->count, r->current + 1);
		sample_reset(&r->samples[r->current], now_ms);
	}
	r->samples[r->current].value += value;
	r->samples[r->current].last_ms = now_ms;
}

/* Bytes per second, and over how many milliseconds: windows that nothing was booked in yet count as
 * empty ones, all but the current. */
static double rate_measure(
	const struct quotas *q, struct rate *r, int64_t now_ms, int64_t *window_ms)
{
	int64_t oldest_ms = now_ms;
	double sum = 0;
	for (int32_t i = 0; i < r->count; i++) {
		struct sample *s = &r->samples[i];
		if (now_ms - s->last_ms >= q->limits.window_count * q->window_ms)
			sample_reset(s, now_ms);
		oldest_ms = MIN(oldest_ms, s->start_ms);
		sum += s->value;
	}
	int64_t elapsed_ms = now_ms - oldest_ms;
	int64_t missing = q->limits.window_count - 1 - elapsed_ms / q->window_ms;
	if (missing > 0)
		elapsed_ms += missing * q->window_ms;
	*window_ms = MAX(elapsed_ms, 1);
	return sum / ((double)*window_ms / 1000.0);
}

/* ---- quotas ---- */

bool quotas_limit(const struct quotas *q, enum quota_kind kind)
{
	return q && q->limits.bytes_per_second[kind] > 0;
}

int32_t quotas_record(struct quotas *q, enum quota_kind kind, int32_t node_id,
	struct string client_id, int64_t bytes, int64_t now_ns)
{
	struct rate *r = quotas_limit(q, kind) ? rate_of(q, kind, node_id, client_id) : NULL;
	if (!r)
		return 0;
	int64_t now_ms = now_ns / NS_PER_MS, window_ms;
	rate_record(q, r, (double)bytes, now_ms);
	double rate = rate_measure(q, r, now_ms, &window_ms);
	double quota = (double)q->limits.bytes_per_second[kind];
	if (rate <= quota)
		return 0;
	double throttle_ms = floor((rate - quota) / quota * (double)window_ms + 0.5);
	return throttle_ms < INT32_MAX ? (int32_t)throttle_ms : INT32_MAX;
}

void quotas_unrecord(struct quotas *q, enum quota_kind kind, int32_t node_id,
	struct string client_id, int64_t bytes, int64_t now_ns)
{
	struct rate *r = quotas_limit(q, kind) ? rate_of(q, kind, node_id, client_id) : NULL;
	if (r)
		rate_record(q, r, -(double)bytes, now_ns / NS_PER_MS);
}

int64_t quotas_bytes_max(const struct quotas *q, enum quota_kind kind)
{
	if (!quotas_limit(q, kind))
		return INT64_MAX;
	double bytes = (double)q->limits.bytes_per_second[kind] *
		       (double)(q->limits.window_count - 1) * ((double)q->window_ms / 1000.0);
	return bytes < 0x1p62 ? (int64_t)bytes : INT64_MAX;
}
