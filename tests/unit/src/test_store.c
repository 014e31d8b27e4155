/* The store: room in place, who leaves when there is none, and what is never overwritten. */
#include "../test.h"
#include "log_batch.h"

#include <errno.h>

#define SEGMENT  ((size_t)65536)
#define SEGMENTS 8
#define BATCH    (SEGMENT / 4)

/* A tenant that notes what it was told, and gives up what it is told to. */
struct tenant {
	struct store_tenant tenant;
	struct store *store;
	size_t count;      /* of entries, one offset each, up to next - 1 */
	int64_t next;      /* offset */
	int64_t last_left; /* -1: nothing */
};

static void tenant_leave(struct store_tenant *tenant, int64_t last_offset)
{
	struct tenant *t = CONTAINER_OF(tenant, struct tenant, tenant);
	size_t left = (size_t)(t->next - 1 - last_offset);
	size_t gone = t->count - left;
	t->last_left = last_offset;
	t->count = left;
	store_keep_no_more(t->store, &t->tenant, gone, last_offset + 1);
}

static void tenant_init(struct tenant *t, struct store *store)
{
	*t = (struct tenant){ .store = store, .last_left = -1 };
	store_tenant_init(&t->tenant, tenant_leave);
}

static void tenant_end(struct tenant *t)
{
	store_keep_no_more(t->store, &t->tenant, t->count, INT64_MAX);
	t->count = 0;
}

/* Reserves and keeps a batch of one record; where it is. */
static uint8_t *keep(struct tenant *t, size_t size)
{
	struct store_space space;
	assert_int_equal(store_reserve(t->store, size, &space), 0);
	assert_int_equal(store_keep(t->store, &t->tenant, &space, t->next), 0);
	t->next++;
	t->count++;
	uint8_t *data = space.data;
	store_release(t->store, &space);
	return data;
}

static void store_make(struct store *s)
{
	assert_int_equal(store_open(s, SEGMENT * SEGMENTS, BATCH), 0);
	assert_int_equal(s->pool.slab_size, SEGMENT);
	assert_int_equal(s->pool.count, SEGMENTS);
}

static void test_size_must_hold_eight_of_the_largest_batches(void **state)
{
	(void)state;
	struct store s;
	assert_int_equal(store_open(&s, SEGMENT * 8 - 1, SEGMENT), -EINVAL);
	assert_int_equal(store_open(&s, 4095, 1), -EINVAL);
	assert_int_equal(store_open(&s, SEGMENT * 8, SEGMENT), 0);
	struct store_space space;
	assert_int_equal(store_reserve(&s, SEGMENT + 1, &space), -EMSGSIZE);
	store_close(&s);
	/* Segments of a large store are not larger than they need to be. */
	assert_int_equal(store_open(&s, (size_t)1 << 30, 1 << 20), 0);
	assert_int_equal(s.pool.slab_size, STORE_SEGMENT_SIZE);
	store_close(&s);
}

static void test_spaces_lie_side_by_side(void **state)
{
	(void)state;
	struct store s;
	struct store_space a, b, c;
	store_make(&s);
	assert_int_equal(store_reserve(&s, 1000, &a), 0);
	assert_int_equal(store_reserve(&s, 3, &b), 0);
	assert_ptr_equal(b.data, a.data + 1000);
	/* What was refused at the end is room again; in the middle it is not. */
	uint8_t *at = b.data;
	store_release(&s, &b);
	assert_int_equal(store_reserve(&s, 5, &c), 0);
	assert_ptr_equal(c.data, at);
	store_release(&s, &a);
	assert_int_equal(store_reserve(&s, 5, &b), 0);
	assert_ptr_equal(b.data, at + 5);
	store_release(&s, &b);
	store_release(&s, &c);
	store_close(&s);
}

static void test_oldest_segment_leaves_whoever_it_belongs_to(void **state)
{
	(void)state;
	struct store s;
	struct tenant a, b;
	store_make(&s);
	tenant_init(&a, &s);
	tenant_init(&b, &s);
	keep(&a, BATCH);
	keep(&b, BATCH);
	keep(&b, BATCH);
	keep(&b, BATCH);
	for (int i = 0; i < 4 * (SEGMENTS - 1); i++)
		keep(&a, BATCH);
	assert_int_equal(s.evicted_count, 0);
	assert_int_equal(a.last_left, -1);
	keep(&a, BATCH);
	assert_int_equal(s.evicted_count, 1);
	assert_int_equal(a.last_left, 0);
	assert_int_equal(b.last_left, 2);
	assert_int_equal(b.count, 0);
	assert_int_equal(a.count, 4 * (SEGMENTS - 1) + 1);
	tenant_end(&a);
	store_close(&s);
}

static void test_used_segments_are_passed_over(void **state)
{
	(void)state;
	struct store s;
	struct tenant a, b;
	store_make(&s);
	tenant_init(&a, &s);
	tenant_init(&b, &s);
	uint8_t *sent = keep(&a, BATCH);
	struct slab *slab = s.current;
	memset(sent, 0x5a, BATCH);
	slab_hold(slab); /* somebody sends it */
	for (int i = 0; i < 3 * 4 * SEGMENTS; i++)
		memset(keep(&b, BATCH), 0xff, BATCH);
	for (size_t i = 0; i < BATCH; i++)
		assert_int_equal(sent[i], 0x5a);
	/* It did not leave either: nobody would gain room by that. */
	assert_int_equal(a.count, 1);
	slab_release(slab);
	for (int i = 0; i < 4; i++)
		keep(&b, BATCH);
	assert_int_equal(a.count, 0);
	tenant_end(&b);
	store_close(&s);
}

static void test_no_space_only_when_all_segments_are_in_use(void **state)
{
	(void)state;
	struct store s;
	struct tenant a;
	struct store_space spaces[4 * SEGMENTS], more;
	store_make(&s);
	tenant_init(&a, &s);
	keep(&a, BATCH);
	for (size_t i = 0; i < COUNT_OF(spaces) - 1; i++)
		assert_int_equal(store_reserve(&s, BATCH, &spaces[i]), 0);
	assert_int_equal(s.exhausted_count, 0);
	assert_int_equal(store_reserve(&s, BATCH, &more), -ENOSPC);
	assert_int_equal(s.exhausted_count, 1);
	assert_int_equal(a.count, 1); /* nothing was evicted in vain */
	/* Somebody is done: all of its segment must be out of use. */
	for (size_t i = 3; i < 6; i++) {
		store_release(&s, &spaces[i]);
		assert_int_equal(store_reserve(&s, BATCH, &more), -ENOSPC);
	}
	store_release(&s, &spaces[6]);
	assert_int_equal(store_reserve(&s, BATCH, &more), 0);
	store_release(&s, &more);
	for (size_t i = 0; i < COUNT_OF(spaces) - 1; i++) {
		if (i < 3 || i > 6)
			store_release(&s, &spaces[i]);
	}
	tenant_end(&a);
	store_close(&s);
}

static void test_late_batch_makes_its_segment_young(void **state)
{
	(void)state;
	struct store s;
	struct tenant a, b;
	struct store_space slow;
	store_make(&s);
	tenant_init(&a, &s);
	tenant_init(&b, &s);
	keep(&b, BATCH);
	assert_int_equal(store_reserve(&s, BATCH, &slow), 0);
	for (int i = 0; i < 4 * (SEGMENTS - 1); i++)
		keep(&b, BATCH);
	assert_int_equal(store_keep(&s, &a.tenant, &slow, 0), 0);
	a.next = 1;
	a.count = 1;
	store_release(&s, &slow);
	for (int i = 0; i < 4 * (SEGMENTS - 2); i++)
		keep(&b, BATCH);
	assert_int_equal(a.count, 1);
	for (int i = 0; i < 4 * 3; i++)
		keep(&b, BATCH);
	assert_int_equal(a.count, 0);
	tenant_end(&b);
	store_close(&s);
}

static void test_segment_without_batches_is_free_at_once(void **state)
{
	(void)state;
	struct store s;
	struct tenant a, b;
	store_make(&s);
	tenant_init(&a, &s);
	tenant_init(&b, &s);
	for (int i = 0; i < 4 * 6; i++)
		keep(i / 4 % 2 ? &b : &a, BATCH);
	assert_int_equal(s.pool.free_count, 2);
	tenant_end(&b); /* a topic is deleted: three segments, one of them the current */
	assert_int_equal(s.pool.free_count, 4);
	for (int i = 0; i < 4 * 5; i++)
		keep(&a, BATCH);
	assert_int_equal(s.evicted_count, 0);
	keep(&a, BATCH);
	assert_int_equal(s.evicted_count, 1);
	tenant_end(&a);
	store_close(&s);
}

static void test_tiny_batches_are_bounded_in_number(void **state)
{
	(void)state;
	struct store s;
	struct tenant a;
	store_make(&s);
	tenant_init(&a, &s);
	for (int i = 0; i < 100000; i++) {
		keep(&a, 69);
		assert_true(s.entry_count <= s.entry_limit);
		assert_true(a.count < SEGMENT * SEGMENTS / STORE_BATCH_SIZE);
	}
	assert_true(s.evicted_count > 50);
	tenant_end(&a);
	store_close(&s);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_size_must_hold_eight_of_the_largest_batches),
		TEST(test_spaces_lie_side_by_side),
		TEST(test_oldest_segment_leaves_whoever_it_belongs_to),
		TEST(test_used_segments_are_passed_over),
		TEST(test_no_space_only_when_all_segments_are_in_use),
		TEST(test_late_batch_makes_its_segment_young),
		TEST(test_segment_without_batches_is_free_at_once),
		TEST(test_tiny_batches_are_bounded_in_number),
	};
	return RUN_TESTS(tests);
}
