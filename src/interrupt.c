/* SIGINT and SIGTERM: see interrupt.h. */
#include "interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "clock.h"

atomic_bool interrupt_first, interrupt_next;
static atomic_int count, last;
static _Atomic int64_t first_ns;

static void taken(int number)
{
	atomic_store(&last, number);
	if (atomic_fetch_add(&count, 1) == 0)
		atomic_store(&first_ns, clock_monotonic_ns());
	atomic_store(&interrupt_first, true);
	atomic_store(&interrupt_next, true);
}

void interrupt_install(void)
{
	/* Without SA_RESTART: a sleeping main thread wakes up at once. */
	struct sigaction action = { .sa_handler = taken };
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigaction(SIGPIPE, &ignore, NULL);
}

int interrupt_count(void)
{
	return atomic_load(&count);
}

int interrupt_signal(void)
{
	return atomic_load(&last);
}

int64_t interrupt_time_ns(void)
{
	return atomic_load(&first_ns);
}

void interrupt_forget(void)
{
	atomic_store(&interrupt_next, false);
}

static void mask(int how)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(how, &set, NULL);
}

void interrupt_block(void)
{
	mask(SIG_BLOCK);
}

void interrupt_unblock(void)
{
	mask(SIG_UNBLOCK);
}
