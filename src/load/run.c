/* All workers of a producing run: see run.h. */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "../interrupt.h"
#include "proto/error.h"

int run_open(struct run *run, struct load *load, uint32_t worker_count, FILE *hlog)
{
	*run = (struct run){ .load = load };
	run->workers = calloc(worker_count, sizeof *run->workers);
	if (!run->workers)
		return -ENOMEM;
	if (recorder_open(&run->recorder, worker_count, hlog) < 0) {
		free(run->workers);
		run->workers = NULL;
		return -ENOMEM;
	}
	for (; run->worker_count < worker_count; run->worker_count++) {
		interrupt_block();
		int result = worker_start(&run->workers[run->worker_count], load, &run->recorder,
			run->worker_count, worker_count);
		interrupt_unblock();
		if (result < 0)
			break;
	}
	return run->worker_count == worker_count ? 0 : -EAGAIN;
}

void run_close(struct run *run)
{
	for (uint32_t i = 0; i < run->worker_count; i++)
		worker_free(&run->workers[i]);
	if (run->workers)
		recorder_close(&run->recorder);
	free(run->workers);
	*run = (struct run){ 0 };
}

static void wake(struct run *run)
{
	for (uint32_t i = 0; i < run->worker_count; i++)
		worker_wake(&run->workers[i]);
}

static void pause_until(int64_t deadline_ns)
{
	struct timespec t = { deadline_ns / NS_PER_S, deadline_ns % NS_PER_S };
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* Passes interrupts on. Returns how often it was interrupted. */
static int interrupts_pass(struct run *run)
{
	int count = MIN(interrupt_count(), 2);
	if (count > atomic_load(&run->load->stop)) {
		atomic_store(&run->load->stop, count);
		atomic_store(&run->load->abort, true);
		wake(run);
	}
	return count;
}

static uint32_t workers_in(const struct run *run, enum worker_state state)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < run->worker_count; i++)
		count += atomic_load(&run->workers[i].state) == (int)state;
	return count;
}

static int failure(const struct run *run, char *reason, size_t reason_size)
{
	for (uint32_t i = 0; i < run->worker_count; i++) {
		if (atomic_load(&run->workers[i].state) != WORKER_FAILED)
			continue;
		snprintf(reason, reason_size, "%s", run->workers[i].reason);
		return -EIO;
	}
	return 0;
}

int run_connect(struct run *run, char *reason, size_t reason_size)
{
	while (workers_in(run, WORKER_READY) < run->worker_count) {
		if (interrupts_pass(run) > 0)
			return -EINTR;
		int result = failure(run, reason, reason_size);
		if (result < 0) {
			atomic_store(&run->load->stop, 2);
			atomic_store(&run->load->abort, true);
			wake(run);
			return result;
		}
		pause_until(clock_monotonic_ns() + RUN_POLL_NS / 4);
	}
	return 0;
}

static void cpu_read(int64_t *user_ns, int64_t *system_ns)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	*user_ns = usage.ru_utime.tv_sec * NS_PER_S + usage.ru_utime.tv_usec * NS_PER_US;
	*system_ns = usage.ru_stime.tv_sec * NS_PER_S + usage.ru_stime.tv_usec * NS_PER_US;
}

void run_go(struct run *run, void (*poll)(void *context, int64_t now_ns), void *context)
{
	int64_t user_ns, system_ns;
	cpu_read(&user_ns, &system_ns);
	atomic_store(&run->load->start_ns, clock_monotonic_ns() + RUN_START_DELAY_NS);
	wake(run);
	while (workers_in(run, WORKER_ENDED) + workers_in(run, WORKER_FAILED) < run->worker_count) {
		interrupts_pass(run);
		poll(context, clock_monotonic_ns());
		pause_until(clock_monotonic_ns() + RUN_POLL_NS);
	}
	cpu_read(&run->cpu_user_ns, &run->cpu_system_ns);
	run->cpu_user_ns -= user_ns;
	run->cpu_system_ns -= system_ns;
}

int run_join(struct run *run, char *reason, size_t reason_size)
{
	for (uint32_t i = 0; i < run->worker_count; i++)
		worker_join(&run->workers[i]);
	return failure(run, reason, reason_size);
}

/* ---- figures ---- */

/* Everything that a lane was meant to send; of an interrupted one, until the interruption. */
static uint64_t lane_scheduled(struct lane *l, const struct worker *w, bool interrupted)
{
	if (w->load->open_loop)
		return interrupted ? schedule_due(&l->schedule, w->end_ns - 1)
				   : schedule_total(&l->schedule);
	return interrupted || l->limit == UINT64_MAX ? l->taken : l->limit;
}

struct sums {
	uint64_t lanes, links;
	int64_t blocked_ns, socket_full_ns, throttled_ns, busy_ns, service_min_ns;
	int64_t last_ack_ns, end_ns;
};

static void producer_sum(
	struct producer *p, bool interrupted, struct run_figures *f, struct sums *sums)
{
	for (int32_t i = 0; i < p->lane_count; i++) {
		struct lane *l = &p->lanes[i];
		f->scheduled += lane_scheduled(l, p->worker, interrupted);
		f->acked += l->acked;
		f->failed += l->failed;
		f->unknown += l->unknown;
		sums->blocked_ns += l->waits.total_ns;
		sums->lanes++;
	}
	for (int32_t i = 0; i < p->link_count; i++) {
		sums->socket_full_ns += p->links[i]->socket_full_ns;
		sums->throttled_ns += p->links[i]->throttled_ns;
		sums->links++;
	}
}

static void worker_sum(struct worker *w, bool interrupted, struct run_figures *f, struct sums *sums)
{
	if (!w->begun)
		return;
	for (int32_t i = 0; i < w->producer_count; i++)
		producer_sum(&w->producers[i], interrupted, f, sums);
	f->gave_up |= w->gave_up;
	f->sent += w->sent_records;
	f->value_bytes += w->acked_value_bytes;
	f->measured_acked += w->measured_acked;
	f->measured_value_bytes += w->measured_value_bytes;
	f->wire_bytes += w->wire_bytes;
	f->requests += w->requests;
	f->request_errors += w->request_errors;
	f->throttle_ms += w->throttle_ms;
	f->verdict.shortfall += (int64_t)w->shortfall;
	f->verdict.backlog_at_end += (int64_t)w->backlog_at_end;
	sums->busy_ns = MAX(sums->busy_ns, w->busy_ns);
	sums->service_min_ns = MIN(sums->service_min_ns, w->service_min_ns);
	sums->last_ack_ns = MAX(sums->last_ack_ns, w->last_ack_ns);
	sums->end_ns = MAX(sums->end_ns, w->end_ns);
}

static double seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

void run_sum(struct run *run, bool interrupted, struct run_figures *f)
{
	const struct load *load = run->load;
	*f = (struct run_figures){ 0 };
	struct sums sums = { .service_min_ns = NEVER_NS };
	for (uint32_t i = 0; i < run->worker_count; i++)
		worker_sum(&run->workers[i], interrupted, f, &sums);
	f->unsent = f->scheduled - f->acked - f->failed - f->unknown;
	if (sums.lanes == 0)
		return; /* it never began */

	int64_t begin_ns = load->start_ns + load->warmup_ns;
	int64_t end_ns = MAX(sums.last_ack_ns, sums.end_ns);
	if (!load->open_loop && load->duration_ns == NEVER_NS && sums.last_ack_ns > 0)
		end_ns = sums.last_ack_ns;
	f->measured_s = MAX(seconds(end_ns - begin_ns), 1e-9);

	struct verdict_figures *v = &f->verdict;
	const struct recorder *r = &run->recorder;
	v->open_loop = load->open_loop;
	v->idempotent = load->idempotent;
	v->duration_s = seconds(sums.end_ns - load->start_ns);
	v->rate_per_second = load->open_loop ? record_rate_per_second(load->plan.rate) : 0;
	v->lateness_p99_us = (double)histogram_percentile(r->lateness, 99) / 1e3;
	v->latency_p99_us = (double)histogram_percentile(r->latency, 99) / 1e3;
	v->busy_share = (double)sums.busy_ns / (double)MAX(end_ns - load->start_ns, 1);
	v->blocked_s = seconds(sums.blocked_ns) / (double)sums.lanes;
	v->socket_full_s = sums.links ? seconds(sums.socket_full_ns) / (double)sums.links : 0;
	v->throttled_s = sums.links ? seconds(sums.throttled_ns) / (double)sums.links : 0;
	v->service_min_us = sums.service_min_ns == NEVER_NS ? 0 : (double)sums.service_min_ns / 1e3;
	v->service_p50_us = (double)histogram_percentile(r->service, 50) / 1e3;
	v->dropped_samples = (int64_t)(r->latency->clipped + r->lateness->clipped);
}

void run_errors(const struct run *run, struct run_result *result)
{
	for (uint32_t i = 0; i < run->worker_count; i++) {
		const struct worker *w = &run->workers[i];
		for (int32_t j = 0; j < w->error_count; j++)
			result_error(result, error_info(w->errors[j].code)->name,
				(int64_t)w->errors[j].count);
		if (w->timed_out_requests)
			result_error(result, "timeout", (int64_t)w->timed_out_requests);
		if (w->lost_requests)
			result_error(result, "connection lost", (int64_t)w->lost_requests);
	}
}

const char *run_refusal(const struct run *run, char *text, size_t size)
{
	for (uint32_t i = 0; i < run->worker_count; i++) {
		const struct worker *w = &run->workers[i];
		for (int32_t j = 0; j < w->error_count; j++) {
			const struct error_info *info = error_info(w->errors[j].code);
			if (info->retriable)
				continue;
			snprintf(text, size, "%s (%s)", info->name, info->text);
			return text;
		}
	}
	return NULL;
}

uint64_t run_missing(const struct run *run, const struct readback *readback, uint64_t *unchecked)
{
	uint64_t missing = 0;
	for (uint32_t i = 0; i < run->worker_count; i++) {
		for (int32_t j = 0; j < run->workers[i].producer_count; j++) {
			const struct producer *p = &run->workers[i].producers[j];
			for (int32_t k = 0; p->lanes && k < p->lane_count; k++) {
				const struct lane *l = &p->lanes[k];
				missing += readback_missing(
					readback, p->index, (uint32_t)k, 0, l->taken);
				for (int32_t n = 0; n < l->lost_count; n++)
					missing -= readback_missing(readback, p->index, (uint32_t)k,
						l->lost[n].first, l->lost[n].end);
				*unchecked += l->lost_overflow;
			}
		}
	}
	return missing;
}
