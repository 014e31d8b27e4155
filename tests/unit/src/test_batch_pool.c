/* Shows: the pool gives each batch once, with room of its own, and says when there is none. */
#include "../test.h"

#include <errno.h>
#include <string.h>

#include "../../../src/load/batch_pool.h"

#define BATCHES 5
#define SIZE    ((size_t)3000) /* no multiple of a page */

static void test_each_batch_has_room_of_its_own(void **state)
{
	(void)state;
	struct batch_pool pool;
	struct load_batch *taken[BATCHES];
	assert_int_equal(batch_pool_open(&pool, SIZE, BATCHES), 0);
	for (int i = 0; i < BATCHES; i++) {
		taken[i] = batch_pool_take(&pool);
		assert_non_null(taken[i]);
		memset(taken[i]->bytes.iov_base, i + 1, SIZE);
	}
	for (int i = 0; i < BATCHES; i++) {
		const uint8_t *bytes = taken[i]->bytes.iov_base;
		for (size_t k = 0; k < SIZE; k++)
			assert_int_equal(bytes[k], i + 1);
		batch_pool_give(&pool, taken[i]);
	}
	batch_pool_close(&pool);
}

static void test_an_empty_pool_gives_nothing_until_one_is_back(void **state)
{
	(void)state;
	struct batch_pool pool;
	assert_int_equal(batch_pool_open(&pool, SIZE, 2), 0);
	struct load_batch *a = batch_pool_take(&pool), *b = batch_pool_take(&pool);
	assert_ptr_not_equal(a, b);
	assert_null(batch_pool_take(&pool));
	batch_pool_give(&pool, a);
	assert_ptr_equal(batch_pool_take(&pool), a);
	assert_null(batch_pool_take(&pool));
	batch_pool_give(&pool, a);
	batch_pool_give(&pool, b);
	assert_int_equal(pool.used, 0);
	batch_pool_close(&pool);
}

static void test_nothing_of_its_last_life_is_left_in_a_batch(void **state)
{
	(void)state;
	struct batch_pool pool;
	assert_int_equal(batch_pool_open(&pool, SIZE, 1), 0);
	struct load_batch *b = batch_pool_take(&pool);
	void *memory = b->bytes.iov_base;
	b->value_bytes = 7;
	b->warm = true;
	b->bytes.iov_len = SIZE;
	b->queue.attempt = 3;
	batch_pool_give(&pool, b);
	b = batch_pool_take(&pool);
	assert_int_equal(b->value_bytes, 0);
	assert_false(b->warm);
	assert_int_equal(b->queue.attempt, 0);
	assert_ptr_equal(b->bytes.iov_base, memory);
	batch_pool_give(&pool, b);
	batch_pool_close(&pool);
}

static void test_memory_that_cannot_be_had_is_refused(void **state)
{
	(void)state;
	struct batch_pool pool;
	assert_int_equal(batch_pool_open(&pool, SIZE_MAX / 4, 2), -ENOMEM);
	batch_pool_close(&pool); /* harmless */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_batch_has_room_of_its_own),
		cmocka_unit_test(test_an_empty_pool_gives_nothing_until_one_is_back),
		cmocka_unit_test(test_nothing_of_its_last_life_is_left_in_a_batch),
		cmocka_unit_test(test_memory_that_cannot_be_had_is_refused),
	};
	return RUN_TESTS(tests);
}
