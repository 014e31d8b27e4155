/* Shows: the slab pool is bounded, counts uses, and tells waiters in order. */
#include "../test.h"

#include "io/buffers.h"

static void test_slabs_are_distinct_aligned_and_bounded(void **state)
{
	(void)state;
	struct slab_pool pool;
	struct slab *slabs[4];
	assert_int_equal(slab_pool_open(&pool, 5000, 4), 0);
	for (int i = 0; i < 4; i++) {
		slabs[i] = slab_take(&pool);
		assert_non_null(slabs[i]);
		assert_int_equal((uintptr_t)slabs[i]->data % 4096, 0);
		assert_int_equal(slabs[i]->size, 0);
		memset(slabs[i]->data, i, 5000);
	}
	assert_null(slab_take(&pool));
	assert_null(slab_take(&pool));
	assert_int_equal(pool.exhausted_count, 2);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(slabs[i]->data[0], i);
		assert_int_equal(slabs[i]->data[4999], i);
		slab_release(slabs[i]);
	}
	assert_int_equal(pool.free_count, 4);
	slab_pool_close(&pool);
}

static void test_a_slab_returns_with_its_last_user(void **state)
{
	(void)state;
	struct slab_pool pool;
	assert_int_equal(slab_pool_open(&pool, 100, 1), 0);
	struct slab *slab = slab_take(&pool);
	slab->size = 50;
	slab_hold(slab);
	slab_release(slab);
	assert_null(slab_take(&pool));
	slab_release(slab);
	struct slab *again = slab_take(&pool);
	assert_ptr_equal(again, slab);
	assert_int_equal(again->size, 0);
	slab_release(again);
	slab_pool_close(&pool);
}

struct waiting {
	struct slab_waiter waiter;
	int told;
};

static void waiting_ready(struct slab_waiter *waiter)
{
	CONTAINER_OF(waiter, struct waiting, waiter)->told++;
}

static void test_waiters_are_told_one_per_slab_first_come_first(void **state)
{
	(void)state;
	struct slab_pool pool;
	struct waiting waiting[4];
	assert_int_equal(slab_pool_open(&pool, 100, 2), 0);
	struct slab *a = slab_take(&pool), *b = slab_take(&pool);
	for (int i = 0; i < 4; i++) {
		waiting[i] = (struct waiting){ .waiter.ready = waiting_ready };
		list_init(&waiting[i].waiter.node);
		slab_wait(&pool, &waiting[i].waiter);
	}
	slab_wait_stop(&waiting[1].waiter);
	slab_wait_stop(&waiting[1].waiter);
	slab_release(a);
	assert_int_equal(waiting[0].told, 1);
	slab_release(b);
	assert_int_equal(waiting[0].told, 1);
	assert_int_equal(waiting[1].told, 0);
	assert_int_equal(waiting[2].told, 1);
	assert_int_equal(waiting[3].told, 0);
	slab_pool_close(&pool);
}

static void test_nonsense_sizes_are_refused(void **state)
{
	(void)state;
	struct slab_pool pool;
	assert_int_equal(slab_pool_open(&pool, 0, 1), -22);
	assert_int_equal(slab_pool_open(&pool, 1, 0), -22);
	assert_int_equal(slab_pool_open(&pool, SIZE_MAX / 2, 4), -22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slabs_are_distinct_aligned_and_bounded),
		cmocka_unit_test(test_a_slab_returns_with_its_last_user),
		cmocka_unit_test(test_waiters_are_told_one_per_slab_first_come_first),
		cmocka_unit_test(test_nonsense_sizes_are_refused),
	};
	return RUN_TESTS(tests);
}
