/* One thread of a producing run: see worker.h. */
#include "worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/batch.h"

#define STOP_NOW 2 /* load->stop */
/* The largest answer that a worker gets is about all partitions and their replicas. */
#define METADATA_FIXED_SIZE     ((size_t)1 << 20)
#define METADATA_PARTITION_SIZE 128
/* The last part of the drain only awaits answers, so that few records end as unknown. */
#define DRAIN_RESERVE_NS(drain_ns) MIN((drain_ns) / 4, NS_PER_S)

static int fail(struct worker *w, int error, const char *what)
{
	snprintf(w->reason, sizeof w->reason, "%s", what);
	return error;
}

void worker_count_error(struct worker *w, int16_t code, uint64_t count)
{
	w->request_errors += count;
	for (int32_t i = 0; i < w->error_count; i++) {
		if (w->errors[i].code == code) {
			w->errors[i].count += count;
			return;
		}
	}
	if (w->error_count < WORKER_ERRORS_MAX)
		w->errors[w->error_count++] = (struct worker_error){ code, count };
}

/* ---- memory ---- */

/* The same headers on every record; their values are written anew each time. */
static int headers_open(struct worker *w)
{
	const struct header_content *h = &w->load->headers;
	if (h->count == 0)
		return 0;
	size_t each = HEADER_NAME_SIZE + h->value_size;
	w->headers = calloc(h->count, sizeof *w->headers);
	w->header_bytes = calloc(h->count, each);
	if (!w->headers || !w->header_bytes)
		return -ENOMEM;
	for (uint32_t i = 0; i < h->count; i++) {
		char *name = w->header_bytes + i * each;
		header_name(i, name);
		w->headers[i].key = (struct string){ name, HEADER_NAME_SIZE };
		w->headers[i].value = (struct bytes){ (const uint8_t *)name + HEADER_NAME_SIZE,
			(int32_t)h->value_size };
	}
	return 0;
}

static int memory_open(struct worker *w)
{
	const struct load *load = w->load;
	size_t batch_size = batch_compressed_bound(load->codec, load->batch_size);
	uint64_t lanes = (uint64_t)w->producer_count * load->plan.partitions;
	uint64_t wanted = lanes * (uint64_t)load->in_flight;
	uint64_t affordable = MAX(BATCH_MEMORY_MAX / batch_size, 2);
	w->times_ns = calloc(load->batch_records, sizeof *w->times_ns);
	w->sample = calloc(1, sizeof *w->sample);
	w->blocked = calloc(1, sizeof *w->blocked);
	w->linger = calloc(1, sizeof *w->linger);
	w->producers = calloc((size_t)w->producer_count, sizeof *w->producers);
	if (!w->times_ns || !w->sample || !w->blocked || !w->linger || !w->producers)
		return -ENOMEM;
	if (load->codec != CODEC_NONE) {
		w->scratch = malloc(load->batch_size);
		w->compressor = compressor_create(load->codec, load->level);
		if (!w->scratch || !w->compressor)
			return -ENOMEM;
	}
	if (headers_open(w) < 0)
		return -ENOMEM;
	return batch_pool_open(&w->pool, batch_size, (uint32_t)MIN(wanted, affordable));
}

/* ---- starting ---- */

static void metadata_taken(struct cluster *cl)
{
	struct worker *w = cl->owner;
	for (int32_t i = 0; i < w->producer_count; i++)
		if (w->producers[i].lanes)
			producer_route(&w->producers[i]);
}

/* Lets other threads wake the loop, or no longer: afterwards none of them touches it. */
static void wakeable_set(struct worker *w, struct loop *loop)
{
	pthread_mutex_lock(&w->wake_lock);
	w->wakeable = loop;
	pthread_mutex_unlock(&w->wake_lock);
}

static int loop_make(struct worker *w)
{
	const struct load *load = w->load;
	struct loop_options options = {
		.engine = load->engine,
		.caps = load->io_caps,
		.connections = (unsigned)(w->producer_count * load->connections * 4 + 16),
		.slab_size = METADATA_FIXED_SIZE +
			     (size_t)load->plan.partitions * METADATA_PARTITION_SIZE,
		.slab_count = 2,
	};
	char why[LOOP_TEXT_SIZE];
	int result = loop_open(&options, &w->loop, why);
	return result < 0 ? fail(w, result, why) : 0;
}

static bool producers_ready(const struct worker *w)
{
	for (int32_t i = 0; i < w->producer_count; i++)
		if (!producer_ready(&w->producers[i]))
			return false;
	return true;
}

/* Each producer is first in its turn: the first finds most in the pool. */
static void pump(struct worker *w, int64_t now_ns)
{
	w->first_producer = (w->first_producer + 1) % w->producer_count;
	for (int32_t i = 0; i < w->producer_count; i++)
		producer_pump(&w->producers[(w->first_producer + i) % w->producer_count], now_ns);
}

static int turn(struct worker *w, int64_t until_ns)
{
	int result = loop_turn(w->loop, until_ns);
	if (result < 0)
		return fail(w, result, "the event loop failed");
	return 0;
}

static int worker_connect(struct worker *w)
{
	const struct load *load = w->load;
	int result = cluster_open(&w->cluster, w->loop, load->bootstrap, &load->connection,
		load->seed + w->index, &w->load->abort);
	if (result < 0)
		return fail(w, result, w->cluster.reason);
	w->cluster.owner = w;
	w->cluster.refreshed = metadata_taken;
	result = cluster_follow(&w->cluster, load->topic);
	if (result < 0)
		return fail(w, result, w->cluster.reason);
	for (int32_t i = 0; i < w->producer_count; i++) {
		uint32_t index = w->index + (uint32_t)i * w->count;
		if (producer_init(&w->producers[i], w, index) < 0)
			return fail(w, -ENOMEM, "out of memory");
		producer_route(&w->producers[i]);
	}
	int64_t deadline_ns = loop_clock_ns(w->loop) + WORKER_CONNECT_NS;
	while (!producers_ready(w)) {
		int64_t now_ns = loop_clock_ns(w->loop);
		if (atomic_load(&w->load->stop))
			return fail(w, -EINTR, "interrupted while connecting");
		if (now_ns > deadline_ns) {
			if (!w->reason[0])
				fail(w, 0, "not all partitions have a leader that can be reached");
			return -ETIMEDOUT;
		}
		pump(w, now_ns);
		result = turn(w, now_ns + WORKER_TICK_NS);
		if (result < 0)
			return result;
	}
	return 0;
}

/* ---- running ---- */

static uint64_t backlog(struct worker *w, int64_t now_ns)
{
	uint64_t sum = 0;
	for (int32_t i = 0; i < w->producer_count; i++)
		for (int32_t j = 0; j < w->producers[i].lane_count; j++)
			sum += lane_due(&w->producers[i].lanes[j], now_ns);
	return sum;
}

static uint64_t in_flight(const struct worker *w)
{
	uint64_t sum = 0;
	for (int32_t i = 0; i < w->producer_count; i++)
		for (int32_t j = 0; j < w->producers[i].lane_count; j++) {
			const struct lane *l = &w->producers[i].lanes[j];
			sum += l->taken - l->acked - l->failed - l->unknown - l->unsent;
		}
	return sum;
}

static void totals_show(struct worker *w)
{
	atomic_store_explicit(&w->totals.acked, w->acked, memory_order_relaxed);
	atomic_store_explicit(&w->totals.failed, w->failed, memory_order_relaxed);
	atomic_store_explicit(&w->totals.payload_bytes, w->acked_value_bytes, memory_order_relaxed);
}

/* Hands in the intervals that have ended. Returns when the present one ends. */
static int64_t intervals_hand_in(struct worker *w, int64_t now_ns)
{
	int64_t start_ns = atomic_load(&w->load->start_ns);
	int64_t end_ns;
	while ((end_ns = start_ns + recorder_interval_end_ns(w->interval)) <= now_ns) {
		w->sample->in_flight = in_flight(w);
		w->sample->backlog = w->load->open_loop ? backlog(w, now_ns) : 0;
		atomic_store_explicit(
			&w->totals.in_flight, w->sample->in_flight, memory_order_relaxed);
		atomic_store_explicit(&w->totals.backlog, w->sample->backlog, memory_order_relaxed);
		recorder_submit(w->recorder, w->index, w->interval++, w->sample);
	}
	return end_ns;
}

static bool lane_over(struct lane *l, bool open_loop, int64_t now_ns)
{
	if (l->queue.state == PRODUCE_QUEUE_CLOSED)
		return true;
	if (!open_loop)
		return l->taken == l->limit;
	lane_due(l, now_ns); /* nobody asks a blocked lane */
	return l->next_due_ns == NEVER_NS;
}

/* Whether no more records will become due. */
static bool schedule_over(struct worker *w, int64_t now_ns)
{
	if (now_ns >= w->end_ns)
		return true;
	for (int32_t i = 0; i < w->producer_count; i++)
		for (int32_t j = 0; j < w->producers[i].lane_count; j++)
			if (!lane_over(&w->producers[i].lanes[j], w->load->open_loop, now_ns))
				return false;
	return true;
}

/*
 * A closed loop bound by its records alone would wait for a lost leader for ever: it ends when
 * nothing has been acknowledged for as long as a batch would be tried.
 */
static bool given_up(const struct worker *w, int64_t now_ns)
{
	const struct load *load = w->load;
	return !load->open_loop && load->duration_ns == NEVER_NS &&
	       now_ns - MAX(w->last_ack_ns, atomic_load(&load->start_ns)) >
		       load->queue.delivery_timeout_ns;
}

static bool drained(struct worker *w, int64_t now_ns)
{
	bool taking = now_ns < w->take_end_ns;
	for (int32_t i = 0; i < w->producer_count; i++)
		if (!producer_drained(&w->producers[i], taking, now_ns))
			return false;
	return true;
}

/* What could not be taken up although nothing stood in the way. */
static uint64_t shortfall(struct worker *w, int64_t now_ns)
{
	uint64_t sum = 0;
	for (int32_t i = 0; i < w->producer_count; i++)
		for (int32_t j = 0; j < w->producers[i].lane_count; j++) {
			struct lane *l = &w->producers[i].lanes[j];
			if (!l->waits.blocked)
				sum += lane_due(l, now_ns);
		}
	return sum;
}

/* The kernel, or whoever stopped us, kept the loop from running. */
static void stalled(struct worker *w, int64_t from_ns, int64_t to_ns)
{
	for (int32_t i = 0; i < w->producer_count; i++)
		for (int32_t j = 0; j < w->producers[i].lane_count; j++)
			waits_stall(&w->producers[i].lanes[j].waits, from_ns, to_ns);
}

static int64_t next_ns(struct worker *w, int64_t now_ns)
{
	int64_t next = now_ns + WORKER_TICK_NS;
	for (int32_t i = 0; i < w->producer_count; i++)
		next = MIN(next, producer_next_ns(&w->producers[i], now_ns));
	return next;
}

static void schedule_end(struct worker *w, int64_t now_ns)
{
	w->ending = true;
	w->end_ns = MIN(w->end_ns, now_ns);
	w->backlog_at_end = backlog(w, now_ns);
}

/* From the start of the schedule until everything has ended, or may no longer be awaited. */
static int schedule_run(struct worker *w)
{
	const struct load *load = w->load;
	int64_t now_ns = loop_clock_ns(w->loop);
	for (;;) {
		int stop = atomic_load_explicit(&load->stop, memory_order_relaxed);
		/* Judged by what stood in the way until now, before the windows empty. */
		if (w->ending && now_ns >= w->take_end_ns && !w->taking_ended) {
			w->taking_ended = true;
			w->shortfall = shortfall(w, now_ns);
		}
		pump(w, now_ns);
		totals_show(w);
		w->gave_up |= !w->ending && given_up(w, now_ns);
		if (!w->ending && (stop || w->gave_up || schedule_over(w, now_ns)))
			schedule_end(w, now_ns);
		int64_t drain_end_ns = w->ending ? w->end_ns + load->drain_ns : NEVER_NS;
		if (w->ending)
			w->take_end_ns = drain_end_ns - DRAIN_RESERVE_NS(load->drain_ns);
		if (w->ending && (stop == STOP_NOW || drained(w, now_ns) || now_ns >= drain_end_ns))
			return 0;
		int64_t until_ns = MIN(next_ns(w, now_ns), intervals_hand_in(w, now_ns));
		int result = turn(w, until_ns);
		if (result < 0)
			return result;
		now_ns = loop_now_ns(w->loop);
		if (now_ns > until_ns + WORKER_STALL_NS && until_ns > 0)
			stalled(w, until_ns, now_ns);
	}
}

static void lanes_begin(struct worker *w, int64_t start_ns)
{
	w->end_ns = w->load->duration_ns == NEVER_NS ? NEVER_NS : start_ns + w->load->duration_ns;
	w->take_end_ns = NEVER_NS;
	w->warm_ns = start_ns + w->load->warmup_ns;
	w->service_min_ns = NEVER_NS;
	w->begun = true;
	for (int32_t i = 0; i < w->producer_count; i++)
		for (int32_t j = 0; j < w->producers[i].lane_count; j++)
			lane_begin(&w->producers[i].lanes[j], start_ns);
}

/* ---- ending ---- */

static void links_close(struct worker *w)
{
	for (int32_t i = 0; i < w->producer_count; i++)
		producer_close(&w->producers[i]);
	for (;;) {
		bool closed = true;
		for (int32_t i = 0; i < w->producer_count; i++)
			closed &= producer_closed(&w->producers[i]);
		if (closed || loop_turn(w->loop, NEVER_NS) < 0)
			break;
	}
}

static void wire_count(struct worker *w)
{
	for (int32_t i = 0; i < w->producer_count; i++)
		for (int32_t j = 0; j < w->producers[i].link_count; j++)
			w->wire_bytes += w->producers[i].links[j]->connection.bytes_sent;
}

static void worker_end(struct worker *w)
{
	w->cluster.refreshed = NULL; /* an answer must not open links that nobody closes */
	links_close(w);
	int64_t now_ns = loop_clock_ns(w->loop);
	w->end_ns = MIN(w->end_ns, now_ns); /* when the loop failed */
	for (int32_t i = 0; i < w->producer_count; i++)
		producer_abort(&w->producers[i], now_ns);
	wire_count(w);
	totals_show(w);
}

/* Waits until the command says when the run starts; without one it starts now. */
static int start_await(struct worker *w)
{
	atomic_store(&w->state, WORKER_READY);
	if (w->alone)
		atomic_store(&w->load->start_ns, loop_clock_ns(w->loop));
	int64_t start_ns;
	while ((start_ns = atomic_load(&w->load->start_ns)) == 0 ||
		loop_clock_ns(w->loop) < start_ns) {
		if (atomic_load(&w->load->stop) && start_ns == 0)
			return fail(w, -EINTR, "interrupted before the start");
		int64_t now_ns = loop_clock_ns(w->loop);
		int result = turn(w, start_ns ? start_ns : now_ns + WORKER_TICK_NS);
		if (result < 0)
			return result;
		pump(w, loop_now_ns(w->loop));
	}
	return 0;
}

static void worker_init(struct worker *w, struct load *load, struct recorder *recorder,
	uint32_t index, uint32_t count)
{
	*w = (struct worker){ .load = load, .recorder = recorder, .index = index, .count = count };
	pthread_mutex_init(&w->wake_lock, NULL);
	w->producer_count = (int32_t)((load->plan.producers - index + count - 1) / count);
}

/* From the first connection to the last, on its loop. 0 or -errno. */
static int worker_live(struct worker *w)
{
	snprintf(w->engine, sizeof w->engine, "%s", loop_describe(w->loop));
	wakeable_set(w, w->loop);
	int result = worker_connect(w);
	if (result == 0)
		result = start_await(w);
	if (result == 0) {
		lanes_begin(w, atomic_load(&w->load->start_ns));
		atomic_store(&w->state, WORKER_RUNNING);
		int64_t cpu_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
		result = schedule_run(w);
		w->busy_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	}
	worker_end(w);
	recorder_finish(w->recorder, w->index, w->interval, w->sample, w->blocked, w->linger);
	cluster_close(&w->cluster);
	wakeable_set(w, NULL);
	return result;
}

static void *worker_main(void *argument)
{
	struct worker *w = argument;
	int result = memory_open(w) < 0 ? fail(w, -ENOMEM, "out of memory") : loop_make(w);
	if (result == 0) {
		result = worker_live(w);
		loop_close(w->loop);
	}
	atomic_store(&w->state, result < 0 ? WORKER_FAILED : WORKER_ENDED);
	return NULL;
}

int worker_start(struct worker *w, struct load *load, struct recorder *recorder, uint32_t index,
	uint32_t count)
{
	worker_init(w, load, recorder, index, count);
	return -pthread_create(&w->thread, NULL, worker_main, w);
}

int worker_run(struct worker *w, struct load *load, struct recorder *recorder, struct loop *loop)
{
	worker_init(w, load, recorder, 0, 1);
	w->loop = loop;
	w->alone = true;
	int result = memory_open(w) < 0 ? fail(w, -ENOMEM, "out of memory") : worker_live(w);
	atomic_store(&w->state, result < 0 ? WORKER_FAILED : WORKER_ENDED);
	return result;
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
}

void worker_free(struct worker *w)
{
	for (int32_t i = 0; w->producers && i < w->producer_count; i++)
		producer_free(&w->producers[i]);
	free(w->producers);
	batch_pool_close(&w->pool);
	compressor_free(w->compressor);
	free(w->scratch);
	free(w->times_ns);
	free(w->headers);
	free(w->header_bytes);
	free(w->sample);
	free(w->blocked);
	free(w->linger);
	pthread_mutex_destroy(&w->wake_lock);
}

void worker_wake(struct worker *w)
{
	pthread_mutex_lock(&w->wake_lock);
	if (w->wakeable)
		loop_wake(w->wakeable);
	pthread_mutex_unlock(&w->wake_lock);
}
