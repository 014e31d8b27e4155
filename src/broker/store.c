/*
 * The store of store.h. A segment is in `ages` while logs may have batches in it, and the store is
 * then one of its slab's users; whoever fills a space or sends a batch is another.
 */
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define TENANCIES_LOOKED_AT 4

struct store_segment {
	struct slab *slab;
	bool aging;            /* in `ages` */
	struct list age;       /* when it is */
	struct list tenancies; /* of logs with batches here */
};

static struct store_segment *segment_of(const struct store *s, const struct slab *slab)
{
	return &s->segments[slab - s->pool.slabs];
}

static struct store_segment *segment_current(const struct store *s)
{
	return s->current ? segment_of(s, s->current) : NULL;
}

static int segments_open(struct store *s, size_t size, size_t batch_max)
{
	size_t segment_size = MAX(MIN(size / STORE_SEGMENTS_MIN, STORE_SEGMENT_SIZE), batch_max);
	size_t count = size / segment_size;
	s->entry_limit = size / STORE_BATCH_SIZE;
	if (count < STORE_SEGMENTS_MIN || count > UINT32_MAX || s->entry_limit < STORE_SEGMENTS_MIN)
		return -EINVAL;
	s->segments = calloc(count, sizeof *s->segments);
	if (!s->segments)
		return -ENOMEM;
	int status = slab_pool_open(&s->pool, segment_size, (unsigned)count);
	if (status < 0) {
		free(s->segments);
		return status;
	}
	/* Filled from end to end, again and again: large pages spare it most faults. Where the
	 * kernel has none to give, small ones do. */
	(void)madvise(s->pool.memory, segment_size * count, MADV_HUGEPAGE);
	for (size_t i = 0; i < count; i++) {
		s->segments[i].slab = &s->pool.slabs[i];
		list_init(&s->segments[i].tenancies);
	}
	return 0;
}

int store_open(struct store *s, size_t size, size_t batch_max)
{
	*s = (struct store){ .null = size == 0 };
	list_init(&s->ages);
	s->unpacked = MAP_FAILED;
	s->decompressor = decompressor_create();
	if (!s->decompressor)
		return -ENOMEM;
	int status = producer_table_open(&s->producers, PRODUCERS_MAX);
	if (status < 0)
		goto free_decompressor;
	if (!s->null)
		status = segments_open(s, size, batch_max);
	if (status < 0)
		goto close_producers;
	return 0;

close_producers:
	producer_table_close(&s->producers);
free_decompressor:
	decompressor_free(s->decompressor);
	return status;
}

/* The logs have no batch in it: it may be used anew when nobody else uses it. */
static void segment_free(struct store *s, struct store_segment *segment)
{
	assert(segment->aging && list_empty(&segment->tenancies));
	if (segment->slab == s->current)
		s->current = NULL;
	segment->aging = false;
	list_remove(&segment->age);
	slab_release(segment->slab);
}

void store_close(struct store *s)
{
	assert(s->entry_count == 0);
	if (s->current)
		segment_free(s, segment_current(s));
	if (!s->null) {
		slab_pool_close(&s->pool);
		free(s->segments);
	}
	if (s->unpacked != MAP_FAILED)
		munmap(s->unpacked, BATCH_DECOMPRESSED_MAX);
	decompressor_free(s->decompressor);
	producer_table_close(&s->producers);
	*s = (struct store){ 0 };
}

/* A new or returning segment is the youngest. */
static void segment_age(struct store *s, struct store_segment *segment)
{
	if (segment->aging) {
		list_remove(&segment->age);
	} else {
		slab_hold(segment->slab);
		segment->aging = true;
	}
	list_append(&s->ages, &segment->age);
}

static void tenancy_end(struct store *s, struct store_tenancy *tenancy)
{
	list_remove(&tenancy->in_segment);
	list_remove(&tenancy->in_tenant);
	s->entry_count--;
	free(tenancy);
}

static void segment_evict(struct store *s, struct store_segment *segment)
{
	s->evicted_count++;
	/* The last tenancy that ends frees the segment, if it is not the current one. */
	while (segment->aging && !list_empty(&segment->tenancies)) {
		struct store_tenancy *tenancy =
			CONTAINER_OF(segment->tenancies.next, struct store_tenancy, in_segment);
		tenancy->tenant->leave(tenancy->tenant, tenancy->last_offset);
	}
	if (segment->aging)
		segment_free(s, segment);
}

/* The oldest segment leaves that becomes free by leaving. */
static int evict(struct store *s)
{
	struct list *node;
	list_for_each (node, &s->ages) {
		struct store_segment *segment = CONTAINER_OF(node, struct store_segment, age);
		if (segment->slab->users > 1)
			continue;
		segment_evict(s, segment);
		return 0;
	}
	s->exhausted_count++;
	return -ENOSPC;
}

static int segment_next(struct store *s)
{
	struct store_segment *last = segment_current(s);
	if (last && list_empty(&last->tenancies))
		segment_free(s, last);
	if (s->pool.free_count == 0) {
		int status = evict(s);
		if (status < 0)
			return status;
	}
	s->current = slab_take(&s->pool);
	assert(s->current);
	segment_age(s, segment_current(s));
	slab_release(s->current); /* from now on it is aging that holds it */
	return 0;
}

int store_reserve(struct store *s, size_t size, struct store_space *out)
{
	assert(!s->null && size > 0);
	if (size > s->pool.slab_size)
		return -EMSGSIZE;
	if (!s->current || size > s->pool.slab_size - s->current->size) {
		int status = segment_next(s);
		if (status < 0)
			return status;
	}
	struct slab *slab = s->current;
	slab_hold(slab);
	*out = (struct store_space){ slab->data + slab->size, size, slab, false };
	slab->size += size;
	return 0;
}

void store_release(struct store *s, struct store_space *space)
{
	struct slab *slab = space->slab;
	bool last = space->data + space->size == slab->data + slab->size;
	if (!space->kept && last && slab == s->current)
		slab->size -= space->size;
	slab_release(slab);
	*space = (struct store_space){ 0 };
}

void store_tenant_init(
	struct store_tenant *tenant, void (*leave)(struct store_tenant *, int64_t last_offset))
{
	tenant->leave = leave;
	list_init(&tenant->tenancies);
}

/*
 * The tenant's tenancy of the segment, made if there is none among those used last: batches go to
 * the current segment, or to one that was current a moment ago. A second tenancy of one segment,
 * for a batch that took very long to arrive, is no harm.
 */
static struct store_tenancy *tenancy_of(
	struct store *s, struct store_tenant *tenant, struct store_segment *segment)
{
	struct list *node = tenant->tenancies.previous;
	for (int i = 0; i < TENANCIES_LOOKED_AT && node != &tenant->tenancies;
		i++, node = node->previous) {
		struct store_tenancy *known = CONTAINER_OF(node, struct store_tenancy, in_tenant);
		if (known->segment == segment)
			return known;
	}
	struct store_tenancy *tenancy = malloc(sizeof *tenancy);
	if (!tenancy)
		return NULL;
	*tenancy = (struct store_tenancy){ .segment = segment, .tenant = tenant };
	list_append(&segment->tenancies, &tenancy->in_segment);
	list_append(&tenant->tenancies, &tenancy->in_tenant);
	s->entry_count++;
	return tenancy;
}

int store_keep(struct store *s, struct store_tenant *tenant, struct store_space *space,
	int64_t last_offset)
{
	assert(!space->kept);
	/* One for the entry, one for a tenancy. The space's own segment is in use: it stays. */
	while (s->entry_count + 2 > s->entry_limit) {
		int status = evict(s);
		if (status < 0)
			return status;
	}
	struct store_segment *segment = segment_of(s, space->slab);
	struct store_tenancy *tenancy = tenancy_of(s, tenant, segment);
	if (!tenancy)
		return -ENOMEM;
	tenancy->last_offset = last_offset;
	list_remove(&tenancy->in_tenant);
	list_append(&tenant->tenancies, &tenancy->in_tenant);
	/* A batch that took long to arrive makes its segment young again. */
	if (space->slab != s->current)
		segment_age(s, segment);
	space->kept = true;
	s->entry_count++;
	return 0;
}

void store_keep_no_more(
	struct store *s, struct store_tenant *tenant, size_t count, int64_t before_offset)
{
	assert(s->entry_count >= count);
	s->entry_count -= count;
	struct list *node, *after;
	list_for_each_safe (node, after, &tenant->tenancies) {
		struct store_tenancy *tenancy = CONTAINER_OF(node, struct store_tenancy, in_tenant);
		struct store_segment *segment = tenancy->segment;
		if (tenancy->last_offset >= before_offset)
			return; /* those behind it were used later */
		tenancy_end(s, tenancy);
		if (list_empty(&segment->tenancies) && segment->slab != s->current)
			segment_free(s, segment);
	}
}

int store_records(struct store *s, const struct batch *batch, struct record_iterator *out)
{
	if (batch->header.codec == CODEC_NONE)
		return record_iterator_init(out, batch, NULL, NULL, 0);
	/* Pages are taken as they are used; most stores never unpack anything. */
	if (s->unpacked == MAP_FAILED)
		s->unpacked = mmap(NULL, BATCH_DECOMPRESSED_MAX, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->unpacked == MAP_FAILED)
		return -ENOMEM;
	return record_iterator_init(
		out, batch, s->decompressor, s->unpacked, BATCH_DECOMPRESSED_MAX);
}
