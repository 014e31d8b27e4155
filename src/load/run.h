/*
 * A producing run: all its workers, from their start to the sum of their figures.
 */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include "../report/result.h"
#include "load.h"
#include "recorder.h"
#include "worker.h"

#define RUN_START_DELAY_NS                                                                         \
	(20 * NS_PER_MS) /* from "all are ready" to the first intended moment                      \
			  */
#define RUN_POLL_NS (20 * NS_PER_MS)

struct run {
	struct load *load;
	struct recorder recorder;
	struct worker *workers;
	uint32_t worker_count;
	int64_t cpu_user_ns, cpu_system_ns; /* of the process, while it ran */
};

/* The sum of what all workers counted. */
struct run_figures {
	uint64_t scheduled, sent, acked, failed, unknown, unsent;
	uint64_t value_bytes, measured_acked, measured_value_bytes, wire_bytes;
	uint64_t requests, request_errors;
	int64_t throttle_ms;
	bool gave_up;      /* a closed loop without a broker, see worker_run */
	double measured_s; /* from the end of the warm-up to the last acknowledgement or the end */
	struct verdict_figures verdict; /* those that the workers know */
};

/* 0, or -ENOMEM. hlog may be NULL. */
int run_open(struct run *, struct load *, uint32_t worker_count, FILE *hlog);
void run_close(struct run *);

/*
 * Starts the workers and waits until all are connected. 0; -EINTR; or -errno with one line in
 * `reason`. In each case run_join follows.
 */
int run_connect(struct run *, char *reason, size_t reason_size);

/*
 * Starts the schedule and waits for the end, passing interrupts on; `poll` is called every
 * RUN_POLL_NS.
 */
void run_go(struct run *, void (*poll)(void *context, int64_t now_ns), void *context);

/* Waits for all threads. -errno with one line in `reason` when a worker failed on the way. */
int run_join(struct run *, char *reason, size_t reason_size);

/* After run_join. */
void run_sum(struct run *, bool interrupted, struct run_figures *);

/* The workers' error codes by name, into the result. */
void run_errors(const struct run *, struct run_result *);

/* Of the answers that no retry helps with, the first, in words; NULL: there was none. */
const char *run_refusal(const struct run *, char *text, size_t size);

/* Records that were acknowledged but are not among those read back. */
uint64_t run_missing(const struct run *, const struct readback *, uint64_t *unchecked);

#endif
