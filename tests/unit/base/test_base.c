/* Shows: arena limits and reset, list order, seeded random numbers. */
#include "../test.h"

#include "arena.h"
#include "list.h"
#include "random.h"

static void test_arena_returns_zeroed_aligned_memory(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 1 << 20);
	for (int i = 1; i < 1000; i++) {
		uint8_t *p = arena_alloc(&a, (size_t)i);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		assert_int_equal(p[i - 1], 0);
		memset(p, 0xff, (size_t)i);
	}
	arena_free(&a);
}

static void test_arena_stops_at_its_limit(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 100000);
	size_t held = 0;
	while (arena_alloc(&a, 1000))
		held += 1000;
	assert_in_range(held, 90000, 100000);
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, 200000));
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 50000));
	arena_free(&a);
}

struct item {
	int value;
	struct list node;
};

static void test_list_keeps_order_and_removes_twice(void **state)
{
	(void)state;
	struct list head, other;
	struct item items[5];
	list_init(&head);
	list_init(&other);
	for (int i = 0; i < 5; i++) {
		items[i].value = i;
		list_append(i < 3 ? &head : &other, &items[i].node);
	}
	list_splice(&head, &other);
	assert_true(list_empty(&other));
	list_remove(&items[2].node);
	list_remove(&items[2].node);
	int expected[] = { 0, 1, 3, 4 };
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		struct item *item = CONTAINER_OF(list_take_first(&head), struct item, node);
		assert_int_equal(item->value, expected[i]);
	}
	assert_true(list_empty(&head));
}

static void test_random_repeats_from_its_seed_and_stays_below(void **state)
{
	(void)state;
	struct random a, b;
	random_seed(&a, 42);
	random_seed(&b, 42);
	int counts[10] = { 0 };
	for (int i = 0; i < 100000; i++) {
		assert_true(random_next(&a) == random_next(&b));
		counts[random_below(&a, 10)]++;
		random_below(&b, 10);
		double unit = random_unit(&a);
		random_unit(&b);
		assert_true(unit >= 0 && unit < 1);
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(counts[i], 9500, 10500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_returns_zeroed_aligned_memory),
		cmocka_unit_test(test_arena_stops_at_its_limit),
		cmocka_unit_test(test_list_keeps_order_and_removes_twice),
		cmocka_unit_test(test_random_repeats_from_its_seed_and_stays_below),
	};
	return RUN_TESTS(tests);
}
