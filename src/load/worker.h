/*
 * A worker: one thread with a loop of its own (or a loop that it is given), its view of the
 * cluster, its producers and its figures. Nothing on the data path is shared with other workers;
 * once per interval it hands its sample to the recorder, and it keeps a few totals where the main
 * thread can read them.
 */
#ifndef LOAD_WORKER_H
#define LOAD_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "batch_pool.h"
#include "load.h"
#include "producer.h"
#include "recorder.h"

#define WORKER_TICK_NS     (20 * NS_PER_MS) /* the longest sleep during a run */
#define WORKER_STALL_NS    NS_PER_MS /* waking up this late: the kernel kept us off the core */
#define WORKER_ERRORS_MAX  64        /* different error codes counted */
#define WORKER_REASON_SIZE CLUSTER_REASON_SIZE
#define WORKER_CONNECT_NS  (30 * NS_PER_S) /* to have all connections and producer ids */

enum worker_state {
	WORKER_STARTING,
	WORKER_READY, /* waits for the start */
	WORKER_RUNNING,
	WORKER_ENDED,
	WORKER_FAILED, /* `reason` says why */
};

struct worker_error {
	int16_t code;
	uint64_t count;
};

/* What the main thread reads while the run goes on. */
struct worker_totals {
	_Atomic uint64_t acked, failed, payload_bytes, in_flight, backlog;
};

struct worker {
	struct load *load;
	uint32_t index, count; /* producers index, index + count, ... are this worker's */
	struct recorder *recorder;
	pthread_t thread;
	_Atomic int state; /* enum worker_state */
	char reason[WORKER_REASON_SIZE];

	struct loop *loop;
	pthread_mutex_t wake_lock;
	struct loop *wakeable; /* for other threads, under the lock; NULL before and after */
	struct cluster cluster;
	struct producer *producers;
	int32_t producer_count, first_producer;
	struct batch_pool pool;
	struct compressor *compressor;
	uint8_t *scratch;  /* where a batch is built before it is compressed */
	int64_t *times_ns; /* intended times of one batch's records */
	struct record_header *headers;
	char *header_bytes;

	/* figures */
	struct interval_sample *sample; /* of the interval that runs; see recorder.h for the rest */
	struct histogram *blocked, *linger;
	struct worker_totals totals;
	uint64_t acked, acked_value_bytes, measured_acked, measured_value_bytes;
	uint64_t failed, sent_records, requests, wire_bytes;
	uint64_t request_errors;
	struct worker_error errors[WORKER_ERRORS_MAX];
	int32_t error_count;
	uint64_t lost_requests, timed_out_requests;
	int64_t throttle_ms;
	int64_t service_min_ns;
	int64_t last_ack_ns;
	int64_t warm_ns;     /* what is intended before this belongs to the warm-up */
	int64_t end_ns;      /* no record whose time comes at or after this is taken up */
	int64_t take_end_ns; /* nothing is taken up from here on: the end of the drain is near */
	uint64_t backlog_at_end, shortfall;
	int64_t busy_ns; /* CPU time of this thread during the run */
	uint64_t interval;
	bool alone; /* on the caller's thread: worker_run */
	bool begun, ending, taking_ended, gave_up;
	char engine[LOOP_TEXT_SIZE];
	char congestion[STREAM_CONGESTION_SIZE];
};

/* Starts the thread, which connects and then waits for load->start_ns. 0 or -errno. */
int worker_start(struct worker *, struct load *, struct recorder *, uint32_t index, uint32_t count);
/*
 * The whole run of a single worker on the calling thread and the given loop, which may serve others
 * meanwhile (a simulated cluster). load->start_ns is set when it is connected. 0, or -errno with
 * `reason`; worker_free in either case, not worker_join.
 */
int worker_run(struct worker *, struct load *, struct recorder *, struct loop *);
/* After worker->state is ENDED or FAILED. */
void worker_join(struct worker *);
void worker_free(struct worker *);

/* Wakes it up, from another thread. */
void worker_wake(struct worker *);

/* ---- for its producers ---- */

void worker_count_error(struct worker *, int16_t code, uint64_t count);

#endif
