/*
 * Shows: waits end by time, timer, wake or signal; every rung of the ladder opens; a kernel that
 * forbids io_uring, wholly or in part, is refused with a reason and never hangs.
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
		assert_non_null(strstr(text, "uring"));
		const char *caps = rungs[rung_index];
		static const char *const names[] = { "multishot", "bufring", "waitall", "trunc",
			"multiaccept" };
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

static void forbid(unsigned number, uint32_t action)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = COUNT_OF(filter), .filter = filter };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(77);
}

/* Opens a loop in a child under the filter; the child's exit status says what came of it. */
static int open_forbidden(unsigned number, int error)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		alarm(10);
		forbid(number, SECCOMP_RET_ERRNO | (uint32_t)error);
		struct loop *loop = NULL;
		char why[LOOP_TEXT_SIZE] = "";
		int descriptors = open_descriptors();
		int result = loop_open(NULL, &loop, why);
		if (result != -error)
			_exit(1);
		if (!strstr(why, "io_uring"))
			_exit(2);
		if (open_descriptors() != descriptors)
			_exit(3);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		printf("# no seccomp filter possible here\n");
	return WEXITSTATUS(status) == 77 ? 0 : WEXITSTATUS(status);
}

static void test_forbidden_setup_is_a_clean_error(void **state)
{
	(void)state;
	assert_int_equal(open_forbidden(SYS_io_uring_setup, EPERM), 0);
	assert_int_equal(open_forbidden(SYS_io_uring_setup, ENOSYS), 0);
	assert_int_equal(open_forbidden(SYS_io_uring_setup, EACCES), 0);
}

static void test_forbidden_enter_is_a_clean_error(void **state)
{
	(void)state;
	assert_int_equal(open_forbidden(SYS_io_uring_enter, EPERM), 0);
}

static void test_forbidden_register_is_a_clean_error(void **state)
{
	(void)state;
	assert_int_equal(open_forbidden(SYS_io_uring_register, EPERM), 0);
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
		cmocka_unit_test(test_forbidden_setup_is_a_clean_error),
		cmocka_unit_test(test_forbidden_enter_is_a_clean_error),
		cmocka_unit_test(test_forbidden_register_is_a_clean_error),
	};
	return RUN_TESTS(tests);
}
