/* Shows: timers fire in the order of deadlines, and of their start where deadlines are equal. */
#include "../test.h"

#include "io/timer.h"
#include "random.h"

#define TIMER_COUNT 2000

struct note {
	struct timer timer;
	int id;
};

static int fired[TIMER_COUNT * 2];
static int fired_count;

static void note_fire(struct timer *timer, int64_t now_ns)
{
	assert_false(timer_started(timer));
	assert_true(timer->deadline_ns <= now_ns);
	fired[fired_count++] = CONTAINER_OF(timer, struct note, timer)->id;
}

static struct timer_heap heap;
static struct note notes[TIMER_COUNT];

static int heap_begin(void **state)
{
	(void)state;
	fired_count = 0;
	for (int i = 0; i < TIMER_COUNT; i++) {
		timer_init(&notes[i].timer, note_fire);
		notes[i].id = i;
	}
	return timer_heap_open(&heap, TIMER_COUNT);
}

static int heap_end(void **state)
{
	(void)state;
	timer_heap_close(&heap);
	return 0;
}

static void test_equal_deadlines_fire_in_order_of_start(void **state)
{
	(void)state;
	for (int i = 0; i < TIMER_COUNT; i++)
		timer_heap_start(&heap, &notes[i].timer, 7);
	assert_int_equal(timer_heap_run(&heap, 6), 0);
	assert_int_equal(timer_heap_run(&heap, 7), TIMER_COUNT);
	for (int i = 0; i < TIMER_COUNT; i++)
		assert_int_equal(fired[i], i);
	assert_true(timer_heap_next_ns(&heap) == NEVER_NS);
}

/* Starts, restarts and stops at random; what fires is compared with a plain sorted model. */
static void test_random_starts_and_stops_fire_like_a_sorted_list(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 11);
	int64_t deadline[TIMER_COUNT];
	uint64_t order[TIMER_COUNT], next_order = 0;
	for (int i = 0; i < TIMER_COUNT; i++)
		deadline[i] = -1;
	for (int step = 0; step < 20000; step++) {
		size_t i = (size_t)random_below(&random, TIMER_COUNT);
		if (random_below(&random, 3) == 0) {
			timer_heap_stop(&heap, &notes[i].timer);
			deadline[i] = -1;
		} else {
			deadline[i] = (int64_t)random_below(&random, 500);
			order[i] = next_order++;
			timer_heap_start(&heap, &notes[i].timer, deadline[i]);
		}
	}
	for (int64_t now = 0; now < 500; now += 50) {
		fired_count = 0;
		timer_heap_run(&heap, now);
		for (int f = 0; f < fired_count; f++) {
			int best = -1;
			for (int i = 0; i < TIMER_COUNT; i++) {
				if (deadline[i] < 0 || deadline[i] > now)
					continue;
				if (best < 0 || deadline[i] < deadline[best] ||
					(deadline[i] == deadline[best] && order[i] < order[best]))
					best = i;
			}
			assert_int_equal(fired[f], best);
			deadline[best] = -1;
		}
		for (int i = 0; i < TIMER_COUNT; i++)
			assert_true(deadline[i] < 0 || deadline[i] > now);
	}
}

static void test_restart_moves_both_ways(void **state)
{
	(void)state;
	timer_heap_start(&heap, &notes[0].timer, 10);
	timer_heap_start(&heap, &notes[1].timer, 20);
	timer_heap_start(&heap, &notes[1].timer, 5);
	timer_heap_start(&heap, &notes[0].timer, 30);
	assert_true(timer_heap_next_ns(&heap) == 5);
	assert_int_equal(timer_heap_run(&heap, 100), 2);
	assert_int_equal(fired[0], 1);
	assert_int_equal(fired[1], 0);
}

static void fire_and_restart(struct timer *timer, int64_t now_ns)
{
	note_fire(timer, now_ns);
	timer_heap_start(&heap, timer, now_ns - 1);
}

static void fire_and_stop_next(struct timer *timer, int64_t now_ns)
{
	note_fire(timer, now_ns);
	timer_heap_stop(&heap, &notes[1].timer);
}

static void test_restart_in_the_past_waits_for_the_next_run(void **state)
{
	(void)state;
	timer_init(&notes[0].timer, fire_and_restart);
	timer_heap_start(&heap, &notes[0].timer, 1);
	assert_int_equal(timer_heap_run(&heap, 10), 1);
	assert_true(timer_heap_next_ns(&heap) == 9);
	assert_int_equal(timer_heap_run(&heap, 10), 1);
}

static void test_a_due_timer_stopped_by_another_does_not_fire(void **state)
{
	(void)state;
	timer_init(&notes[0].timer, fire_and_stop_next);
	timer_heap_start(&heap, &notes[0].timer, 1);
	timer_heap_start(&heap, &notes[1].timer, 2);
	assert_int_equal(timer_heap_run(&heap, 10), 1);
	assert_false(timer_started(&notes[1].timer));
	timer_heap_stop(&heap, &notes[1].timer);
}

int main(void)
{
#define TIMER_TEST(name) cmocka_unit_test_setup_teardown(name, heap_begin, heap_end)
	const struct CMUnitTest tests[] = {
		TIMER_TEST(test_equal_deadlines_fire_in_order_of_start),
		TIMER_TEST(test_random_starts_and_stops_fire_like_a_sorted_list),
		TIMER_TEST(test_restart_moves_both_ways),
		TIMER_TEST(test_restart_in_the_past_waits_for_the_next_run),
		TIMER_TEST(test_a_due_timer_stopped_by_another_does_not_fire),
	};
	return RUN_TESTS(tests);
}
