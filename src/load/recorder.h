/*
 * The recorder: where all workers' figures come together, interval by interval: rows of
 * intervals.csv, lines of latency.hlog, and the histograms of the whole run. A worker comes here
 * once per interval, under a lock, never on the data path.
 */
#ifndef LOAD_RECORDER_H
#define LOAD_RECORDER_H

#include <pthread.h>

#include "../measure/histogram.h"
#include "../measure/interval.h"

#define RECORDER_PENDING 4 /* intervals that may wait for the slowest worker */

struct recorder {
	pthread_mutex_t lock;
	struct interval_sample *pending; /* RECORDER_PENDING of them */
	uint64_t first;                  /* the interval of the oldest */
	uint64_t *next;                  /* per worker: the interval that it hands in next */
	uint32_t worker_count;
	struct interval_table table;
	FILE *hlog; /* may be NULL; not owned */
	int hlog_error;
	/* of the whole run */
	struct histogram *latency, *service, *lateness, *blocked, *linger;
	/* of the last whole interval, for the progress line; -1: no samples */
	int64_t latency_p99_ns, service_p99_ns, lateness_p99_ns;
};

/* 0 or -ENOMEM. */
int recorder_open(struct recorder *, uint32_t worker_count, FILE *hlog);
void recorder_close(struct recorder *);

/* When interval `index` ends, counted from the start of the run. */
int64_t recorder_interval_end_ns(uint64_t index);

/* Takes over (and empties) a worker's sample of an interval; each worker hands in each in turn. */
void recorder_submit(
	struct recorder *, uint32_t worker, uint64_t index, struct interval_sample *sample);

/* The worker's last words: its open sample, and what it keeps for the whole run. */
void recorder_finish(struct recorder *, uint32_t worker, uint64_t index,
	struct interval_sample *sample, struct histogram *blocked, struct histogram *linger);

#endif
