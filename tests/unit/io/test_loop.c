/*
 * Shows: waits end by time, timer, wake or signal; every rung of the ladder opens; a kernel that
 * forbids io_uring, wholly or in part, is refused with a reason or left for epoll, and never hangs.
 */
#include "io_test.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

static void test_every_rung_opens_and_says_what_it_is(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		const char *text = loop_describe(loop);
		const char *caps = rungs[rung_index];
		const char *engine = strncmp(caps, "epoll", 5) == 0 ? "epoll" : "uring";
		assert_int_equal(strcspn(text, " "), 5);
		assert_memory_equal(text, engine, 5);
		static const char *const names[] = { "multishot", "bufring", "waitall", "trunc",
			"multiaccept", "pwait2" };
		for (size_t i = 0; i < COUNT_OF(names); i++) {
			char without[16];
			snprintf(without, sizeof without, "-%s", names[i]);
			if (strstr(caps, without))
				assert_null(strstr(text, names[i]));
		}
	}
}

static void test_unknown_caps_are_named(void **state)
{
	(void)state;
	static const char *const wrong[] = { "fast", "defer,nonsense", "-defer", ",",
		"coop,,-trunc", "multishot" };
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct loop *loop = NULL;
		char why[LOOP_TEXT_SIZE] = "";
		struct loop_options options = { .caps = wrong[i] };
		assert_int_equal(loop_open(&options, &loop, why), -EINVAL);
		assert_non_null(strstr(why, "unknown capability"));
		assert_null(loop);
	}
}

static void test_a_turn_ends_at_its_time(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		assert_int_equal(loop_turn(loop, 0), 0);
		for (int i = 0; i < 5; i++) {
			int64_t until_ns = loop_clock_ns(loop) + 3 * NS_PER_MS;
			while (loop_turn(loop, until_ns) == 0 && loop_now_ns(loop) < until_ns)
				;
			assert_true(loop_now_ns(loop) >= until_ns);
			assert_true(loop_now_ns(loop) < until_ns + NS_PER_S);
		}
		assert_false(loop_busy(loop));
	}
}

struct note {
	struct timer timer;
	int64_t fired_ns;
};

static void note_fire(struct timer *timer, int64_t now_ns)
{
	CONTAINER_OF(timer, struct note, timer)->fired_ns = now_ns;
}

static void test_timers_fire_in_order_and_not_early(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		struct note notes[3];
		int64_t start_ns = loop_clock_ns(loop);
		for (int i = 0; i < 3; i++) {
			timer_init(&notes[i].timer, note_fire);
			notes[i].fired_ns = 0;
			loop_timer_start(loop, &notes[i].timer, start_ns + (6 - 2 * i) * NS_PER_MS);
		}
		loop_timer_stop(loop, &notes[1].timer);
		TURN_UNTIL(loop, notes[0].fired_ns);
		assert_true(notes[2].fired_ns >= start_ns + 2 * NS_PER_MS);
		assert_true(notes[0].fired_ns >= start_ns + 6 * NS_PER_MS);
		assert_true(notes[0].fired_ns < start_ns + NS_PER_S);
		assert_true(notes[2].fired_ns <= notes[0].fired_ns);
		assert_int_equal(notes[1].fired_ns, 0);
		struct loop_statistics statistics;
		loop_statistics(loop, &statistics);
		assert_int_equal(statistics.timers_fired, 2);
	}
}

static void *wake_after_a_while(void *loop)
{
	usleep(20000);
	loop_wake(loop);
	return NULL;
}

static void test_another_thread_ends_the_wait(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		for (int i = 0; i < 3; i++) {
			pthread_t thread;
			int64_t start_ns = loop_clock_ns(loop);
			assert_int_equal(
				pthread_create(&thread, NULL, wake_after_a_while, loop), 0);
			struct loop_statistics statistics;
			do {
				assert_true(loop_turn(loop, NEVER_NS) >= 0);
				loop_statistics(loop, &statistics);
			} while (statistics.wakes <= (uint64_t)i);
			assert_true(loop_now_ns(loop) - start_ns >= 15 * NS_PER_MS);
			pthread_join(thread, NULL);
		}
	}
}

static void test_a_wake_before_the_wait_is_not_lost(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	{
		loop_wake(loop);
		loop_wake(loop);
		int64_t start_ns = loop_clock_ns(loop);
		assert_true(loop_turn(loop, start_ns + 10 * NS_PER_S) >= 0);
		assert_true(loop_now_ns(loop) < start_ns + 5 * NS_PER_S);
	}
}

static struct loop *signalled_loop;
static volatile sig_atomic_t signals;

static void on_alarm(int number)
{
	(void)number;
	signals++;
	loop_wake(signalled_loop);
}

static void test_a_signal_handler_ends_the_wait(void **state)
{
	(void)state;
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct sigaction before;
	sigaction(SIGALRM, &action, &before);
	FOR_EACH_RUNG(loop, NULL)
	{
		signals = 0;
		signalled_loop = loop;
		struct itimerval in_20_ms = { .it_value = { 0, 20000 } };
		setitimer(ITIMER_REAL, &in_20_ms, NULL);
		while (!signals)
			assert_true(loop_turn(loop, NEVER_NS) >= 0);
	}
	sigaction(SIGALRM, &before, NULL);
}

/* ---- forbidden ---- */

/* The three system calls of io_uring: 425 set-up, 426 enter, 427 register. */
static void forbid(unsigned first, unsigned last, int error)
{
	uint32_t answer = SECCOMP_RET_ERRNO | (uint32_t)error;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = COUNT_OF(filter), .filter = filter };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(77);
}

/* Exit statuses of the children below: the first thing that was not as it should be. */

static int open_uring(int error)
{
	struct loop *loop = NULL;
	struct loop_options options = { .engine = LOOP_ENGINE_URING };
	char why[LOOP_TEXT_SIZE] = "";
	int descriptors = open_descriptors();
	if (loop_open(&options, &loop, why) != -error)
		return 1;
	if (!strstr(why, "io_uring") || !strchr(why, ':') || strchr(why, '\n'))
		return 2;
	return open_descriptors() == descriptors ? 0 : 3;
}

static int open_any(int error)
{
	struct loop *loop = NULL;
	char why[LOOP_TEXT_SIZE] = "";
	int descriptors = open_descriptors();
	if (loop_open(NULL, &loop, why) != 0)
		return 11;
	if (strncmp(loop_describe(loop), "epoll", 5) != 0)
		return 12;
	const char *reason = loop_fallback(loop);
	if (!reason || !strstr(reason, "io_uring") || strchr(reason, '\n'))
		return 13;
	if (error != ENOSYS && !strstr(reason, strerror(error)))
		return 14;
	struct loop_statistics statistics;
	loop_wake(loop);
	if (loop_turn(loop, NEVER_NS) < 0)
		return 15;
	loop_statistics(loop, &statistics);
	if (statistics.wakes != 1)
		return 16;
	loop_close(loop);
	return open_descriptors() == descriptors ? 0 : 17;
}

/* Tries in a child under the filter; 0 when all was well. */
static int try_forbidden(unsigned first, unsigned last, int error, int (*try)(int error))
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		alarm(10);
		forbid(first, last, error);
		_exit(try(error));
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		printf("# no seccomp filter possible here\n");
	return WEXITSTATUS(status) == 77 ? 0 : WEXITSTATUS(status);
}

static const struct {
	unsigned first, last;
	int error;
} filters[] = {
	{ SYS_io_uring_setup, SYS_io_uring_register, EPERM },
	{ SYS_io_uring_setup, SYS_io_uring_register, ENOSYS },
	{ SYS_io_uring_setup, SYS_io_uring_register, EACCES },
	{ SYS_io_uring_setup, SYS_io_uring_setup, EPERM },
	{ SYS_io_uring_enter, SYS_io_uring_enter, EPERM },
	{ SYS_io_uring_register, SYS_io_uring_register, EPERM },
};

static void test_forbidden_io_uring_is_a_clean_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(filters); i++)
		assert_int_equal(try_forbidden(filters[i].first, filters[i].last, filters[i].error,
					 open_uring),
			0);
}

static void test_forbidden_io_uring_makes_way_for_epoll(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(filters); i++)
		assert_int_equal(try_forbidden(filters[i].first, filters[i].last, filters[i].error,
					 open_any),
			0);
}

static void test_epoll_asked_for_is_no_fallback(void **state)
{
	(void)state;
	FOR_EACH_RUNG(loop, NULL)
	assert_null(loop_fallback(loop));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_rung_opens_and_says_what_it_is),
		cmocka_unit_test(test_unknown_caps_are_named),
		cmocka_unit_test(test_a_turn_ends_at_its_time),
		cmocka_unit_test(test_timers_fire_in_order_and_not_early),
		cmocka_unit_test(test_another_thread_ends_the_wait),
		cmocka_unit_test(test_a_wake_before_the_wait_is_not_lost),
		cmocka_unit_test(test_a_signal_handler_ends_the_wait),
		cmocka_unit_test(test_forbidden_io_uring_is_a_clean_error),
		cmocka_unit_test(test_forbidden_io_uring_makes_way_for_epoll),
		cmocka_unit_test(test_epoll_asked_for_is_no_fallback),
	};
	return RUN_TESTS(tests);
}
