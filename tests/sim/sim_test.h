/*
 * What the simulations share: many seeds over some processes, a failure that names its seed and how
 * to replay it, checks that end the process.
 *
 * Environment: SEED=N runs that one and says more; SIM_SEEDS=N how many, SIM_START=N from which on,
 * SIM_JOBS=N on how many processes (the number of processors).
 */
#ifndef SIM_TEST_H
#define SIM_TEST_H

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "clock.h"
#include "io/sim.h"
#include "random.h"

#define SIM_JOBS_MAX     64
#define SIM_SEED_SECONDS 20 /* a seed that takes longer hangs */

/* How often something happened, over all seeds; see sim_note. */
#define SIM_NOTES_MAX 32

struct sim_note {
	char name[40];
	_Atomic uint64_t count;
};

/* Shared by the processes. */
struct sim_board {
	_Atomic uint64_t seed[SIM_JOBS_MAX]; /* that each is at */
	_Atomic uint64_t done;
	struct sim_note notes[SIM_NOTES_MAX];
};

struct simulation {
	const char *name;
	uint64_t seeds;           /* by default */
	const char *const *notes; /* names for sim_note, NULL ends them */
	/* One run; checks end the process. `talk`: more output. Returns a sum over what happened.
	 */
	uint64_t (*run)(uint64_t seed, bool talk);
	uint64_t again_every; /* seeds; each of these runs twice and has to give the same sum */
};

static struct sim_board *sim_board; /* the tests' only global, before the processes part */

static inline void sim_note(int index, uint64_t count)
{
	atomic_fetch_add_explicit(&sim_board->notes[index].count, count, memory_order_relaxed);
}

#define CHECK(condition, ...)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: " #condition ": ", __FILE__, __LINE__);            \
			fprintf(stderr, __VA_ARGS__);                                              \
			fputc('\n', stderr);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static inline uint64_t sim_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static inline uint64_t sim_between(struct random *random, uint64_t low, uint64_t high)
{
	return low + random_below(random, high - low + 1);
}

/* One of a few numbers. */
#define SIM_ONE_OF(random, ...)                                                                    \
	((const uint64_t[]){ __VA_ARGS__ })[random_below(                                          \
		random, sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))]

/* A mix of faults: each there or not, rare or often. `resets` false: connections never break. */
static inline struct sim_faults sim_faults_any(struct random *random, bool resets)
{
	struct sim_faults f = { 0 };
	uint32_t *often[] = { &f.short_send, &f.short_receive, &f.no_buffers, &f.reorder, &f.late };
	for (size_t i = 0; i < COUNT_OF(often); i++)
		*often[i] = (uint32_t)SIM_ONE_OF(random, 0, 10000, 100000, 500000);
	if (resets) {
		f.reset = (uint32_t)SIM_ONE_OF(random, 0, 1000, 5000, 20000);
		f.refuse = (uint32_t)SIM_ONE_OF(random, 0, 0, 50000, 300000);
	}
	f.delay_max_ns = (int64_t)SIM_ONE_OF(random, 0, 10000, 1000000, 20000000);
	f.late_max_ns = (int64_t)SIM_ONE_OF(random, 1000, 100000, 5000000);
	return f;
}

static inline void sim_seed(const struct simulation *s, uint64_t seed, bool talk)
{
	uint64_t first = s->run(seed, talk);
	if (seed % s->again_every == 0)
		CHECK(s->run(seed, false) == first, "the same seed ran otherwise");
}

static inline void sim_child(
	const struct simulation *s, uint64_t job, uint64_t jobs, uint64_t start, uint64_t count)
{
	for (uint64_t i = job; i < count; i += jobs) {
		atomic_store(&sim_board->seed[job], start + i);
		alarm(SIM_SEED_SECONDS);
		sim_seed(s, start + i, false);
		atomic_fetch_add(&sim_board->done, 1);
	}
	_exit(0);
}

static inline void sim_report(
	const struct simulation *s, uint64_t start, uint64_t count, int64_t began_ns)
{
	double seconds = (double)(clock_monotonic_ns() - began_ns) / (double)NS_PER_S;
	printf("# seeds %llu to %llu in %.1f s: %.0f per second\n", (unsigned long long)start,
		(unsigned long long)(start + count - 1), seconds, (double)count / seconds);
	for (int i = 0; s->notes && s->notes[i]; i++)
		printf("#   %s: %llu\n", s->notes[i],
			(unsigned long long)atomic_load(&sim_board->notes[i].count));
}

static inline void sim_blame(const struct simulation *s, uint64_t seed, int status)
{
	fflush(stdout);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		printf("seed %llu does not end\n", (unsigned long long)seed);
	printf("seed %llu failed; replay it: make test-sim TEST=%s SEED=%llu\n",
		(unsigned long long)seed, s->name, (unsigned long long)seed);
}

static inline int sim_all(const struct simulation *s, uint64_t start, uint64_t count)
{
	uint64_t jobs = sim_environment("SIM_JOBS", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	jobs = MAX(MIN(MIN(jobs, count), (uint64_t)SIM_JOBS_MAX), 1);
	int64_t began_ns = clock_monotonic_ns();
	pid_t children[SIM_JOBS_MAX];
	fflush(stdout);
	for (uint64_t i = 0; i < jobs; i++) {
		children[i] = fork();
		if (children[i] == 0)
			sim_child(s, i, jobs, start, count);
	}
	int failed = 0;
	for (uint64_t i = 0; i < jobs; i++) {
		int status = 0;
		waitpid(children[i], &status, 0);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
			sim_blame(s, atomic_load(&sim_board->seed[i]), status);
			failed = 1;
		}
	}
	sim_report(s, start, atomic_load(&sim_board->done), began_ns);
	return failed;
}

/* The whole of main. */
static inline int sim_main(const struct simulation *s)
{
	sim_board = mmap(
		NULL, sizeof *sim_board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sim_board == MAP_FAILED)
		return 1;
	const char *seed = getenv("SEED");
	if (!seed || !*seed)
		return sim_all(
			s, sim_environment("SIM_START", 1), sim_environment("SIM_SEEDS", s->seeds));
	setvbuf(stdout, NULL, _IOLBF, 0); /* what was said before an abort must be seen */
	uint64_t number = strtoull(seed, NULL, 10);
	alarm(SIM_SEED_SECONDS);
	sim_seed(s, number, true);
	sim_report(s, number, 1, clock_monotonic_ns());
	return 0;
}

#endif
