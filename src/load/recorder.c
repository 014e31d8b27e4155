/* Where the workers' figures come together: see recorder.h. */
#include "recorder.h"

#include <errno.h>
#include <stdlib.h>

#include "../measure/hlog.h"

int64_t recorder_interval_end_ns(uint64_t index)
{
	int64_t length_ns = INTERVAL_LENGTH_NS, end_ns = 0;
	for (; index >= INTERVAL_ROWS_PER_LENGTH; index -= INTERVAL_ROWS_PER_LENGTH) {
		end_ns += length_ns * INTERVAL_ROWS_PER_LENGTH;
		length_ns *= 2;
	}
	return end_ns + length_ns * (int64_t)(index + 1);
}

int recorder_open(struct recorder *r, uint32_t worker_count, FILE *hlog)
{
	*r = (struct recorder){ .worker_count = worker_count, .hlog = hlog };
	pthread_mutex_init(&r->lock, NULL);
	r->pending = calloc(RECORDER_PENDING, sizeof *r->pending);
	r->next = calloc(worker_count, sizeof *r->next);
	struct histogram **all[] = { &r->latency, &r->service, &r->lateness, &r->blocked,
		&r->linger };
	bool good = r->pending && r->next;
	for (size_t i = 0; i < COUNT_OF(all); i++)
		good &= (*all[i] = calloc(1, sizeof **all[i])) != NULL;
	if (good)
		return 0;
	recorder_close(r);
	return -ENOMEM;
}

void recorder_close(struct recorder *r)
{
	pthread_mutex_destroy(&r->lock);
	free(r->pending);
	free(r->next);
	free(r->latency);
	free(r->service);
	free(r->lateness);
	free(r->blocked);
	free(r->linger);
	interval_table_free(&r->table);
	*r = (struct recorder){ 0 };
}

/* -1 without a sample, as in the warm-up. */
static int64_t p99_ns(const struct histogram *h)
{
	return h->count ? histogram_percentile(h, 99) : -1;
}

/* Turns the oldest pending interval into a row. */
static void row_write(struct recorder *r)
{
	struct interval_sample *sample = &r->pending[r->first % RECORDER_PENDING];
	int64_t end_ns = recorder_interval_end_ns(r->first);
	int64_t start_ns = r->first ? recorder_interval_end_ns(r->first - 1) : 0;
	interval_append(&r->table, start_ns, end_ns - start_ns, sample);
	r->latency_p99_ns = p99_ns(&sample->latency);
	r->service_p99_ns = p99_ns(&sample->service);
	r->lateness_p99_ns = p99_ns(&sample->lateness);
	if (r->hlog && !r->hlog_error) {
		const struct histogram *main =
			sample->latency.count ? &sample->latency : &sample->service;
		r->hlog_error = hlog_write_row(r->hlog, sample->latency.count ? NULL : "service",
			start_ns, end_ns - start_ns, main);
	}
	histogram_move(r->latency, &sample->latency);
	histogram_move(r->service, &sample->service);
	histogram_move(r->lateness, &sample->lateness);
	memset(sample, 0, sizeof *sample);
	r->first++;
}

static uint64_t lowest_next(const struct recorder *r)
{
	uint64_t lowest = UINT64_MAX;
	for (uint32_t i = 0; i < r->worker_count; i++)
		lowest = MIN(lowest, r->next[i]);
	return lowest;
}

static void sample_take(struct recorder *r, uint64_t index, struct interval_sample *sample)
{
	/* A worker that is far ahead of the slowest one adds to the newest row that there is. */
	index = MIN(index, r->first + RECORDER_PENDING - 1);
	interval_move(&r->pending[index % RECORDER_PENDING], sample);
}

void recorder_submit(
	struct recorder *r, uint32_t worker, uint64_t index, struct interval_sample *sample)
{
	pthread_mutex_lock(&r->lock);
	sample_take(r, index, sample);
	r->next[worker] = index + 1;
	while (r->first < lowest_next(r))
		row_write(r);
	pthread_mutex_unlock(&r->lock);
}

void recorder_finish(struct recorder *r, uint32_t worker, uint64_t index,
	struct interval_sample *sample, struct histogram *blocked, struct histogram *linger)
{
	pthread_mutex_lock(&r->lock);
	sample_take(r, index, sample);
	histogram_move(r->blocked, blocked);
	histogram_move(r->linger, linger);
	r->next[worker] = UINT64_MAX;
	if (lowest_next(r) == UINT64_MAX) {
		for (int i = 0; i < RECORDER_PENDING; i++) {
			const struct interval_sample *left =
				&r->pending[r->first % RECORDER_PENDING];
			if (left->acked || left->errors || left->latency.count ||
				left->service.count || left->lateness.count)
				row_write(r);
			else
				r->first++;
		}
	}
	pthread_mutex_unlock(&r->lock);
}
