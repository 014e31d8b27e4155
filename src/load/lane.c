/* One producer's records for one partition: see lane.h. */
#include "lane.h"

#include <stdlib.h>

#include "producer.h"
#include "proto/batch.h"
#include "proto/compress.h"
#include "proto/error.h"
#include "stamp.h"
#include "worker.h"

static struct worker *lane_worker(const struct lane *l)
{
	return l->producer->worker;
}

static const struct load *lane_load(const struct lane *l)
{
	return lane_worker(l)->load;
}

/* Lines: every lane goes through the whole file, and begins at a place of its own. */
static void content_init(struct lane *l)
{
	const struct load *load = lane_load(l);
	const struct plan *plan = &load->plan;
	uint64_t streams = (uint64_t)plan->producers * plan->partitions;
	uint64_t stream = (uint64_t)l->producer->index * plan->partitions + (uint64_t)l->partition;
	uint64_t seed = load->seed;
	random_seed(&l->random, random_mix(&seed) + stream);
	payload_writer_init(&l->payload, load->payload, random_next(&l->random),
		stream * load->payload->line_count / streams);
}

void lane_init(struct lane *l, struct producer *producer, int32_t partition)
{
	const struct load *load = producer->worker->load;
	*l = (struct lane){ .producer = producer, .partition = partition };
	produce_queue_init(&l->queue, &load->queue, load->idempotent ? &producer->identity : NULL,
		&producer->random);
	l->limit = load->plan.records
			   ? plan_records(&load->plan, producer->index, (uint32_t)partition)
			   : UINT64_MAX;
	if (plan_share(&load->plan, (uint32_t)partition) == 0)
		l->limit = 0;
	content_init(l);
}

void lane_free(struct lane *l)
{
	free(l->lost);
	l->lost = NULL;
}

void lane_begin(struct lane *l, int64_t start_ns)
{
	const struct load *load = lane_load(l);
	if (load->open_loop) {
		schedule_init(&l->schedule, &load->plan, l->producer->index, (uint32_t)l->partition,
			start_ns);
		l->cursor = schedule_begin(&l->schedule);
	}
	waits_set(&l->waits, !lane_open(l), start_ns);
}

uint64_t lane_due(struct lane *l, int64_t now_ns)
{
	const struct worker *w = lane_worker(l);
	if (!w->begun)
		return 0;
	if (w->load->open_loop) {
		int64_t until_ns = MIN(now_ns, w->end_ns - 1);
		/* Asked several times a turn for each of thousands of lanes: mostly a comparison.
		 */
		if (until_ns >= l->next_due_ns) {
			schedule_due(&l->schedule, until_ns);
			l->next_due_ns = schedule_next_ns(&l->schedule);
		}
		return l->schedule.due - l->taken;
	}
	bool closed = l->queue.state == PRODUCE_QUEUE_CLOSED;
	return now_ns < w->end_ns && !closed ? l->limit - l->taken : 0;
}

bool lane_open(const struct lane *l)
{
	return l->link && produce_queue_ready(&l->queue);
}

/*
 * When the next batch may be sent: when it is full, or its first record has lingered. The same
 * until it is taken, and worth remembering: among Poisson arrivals it takes a search.
 */
static int64_t lane_ripe_ns(struct lane *l)
{
	const struct load *load = lane_load(l);
	if (load->linger_ns == 0)
		return 0;
	if (l->ripe_ns == 0) {
		struct schedule_cursor first = l->cursor, last = l->cursor;
		int64_t first_ns, full_ns;
		schedule_times(&l->schedule, &first, &first_ns, 1);
		schedule_skip(&l->schedule, &last, load->batch_records - 1);
		schedule_times(&l->schedule, &last, &full_ns, 1);
		l->ripe_ns = MIN(first_ns + load->linger_ns, full_ns);
	}
	return l->ripe_ns;
}

int64_t lane_next_ns(struct lane *l, int64_t now_ns)
{
	int64_t next_ns = produce_queue_deadline_ns(&l->queue);
	const struct worker *w = lane_worker(l);
	if (!w->begun || !w->load->open_loop || l->waits.blocked)
		return next_ns;
	uint64_t due = now_ns < w->take_end_ns ? lane_due(l, now_ns) : 0;
	if (due > 0)
		return MIN(next_ns, lane_ripe_ns(l));
	if (l->next_due_ns < w->end_ns)
		next_ns = MIN(next_ns, l->next_due_ns);
	return next_ns;
}

/* ---- building a batch ---- */

struct record_plan {
	int64_t timestamp_ms, wall_ns;
	uint64_t sequence;
};

/* Writes one record. False when the batch is full. */
static bool record_build(struct lane *l, struct batch_builder *builder,
	const struct record_plan *plan, struct load_batch *batch)
{
	struct worker *w = lane_worker(l);
	const struct load *load = w->load;
	struct random before = l->random;
	uint8_t key[KEY_SIZE_MAX];
	struct bytes key_bytes = NULL_BYTES;
	if (load->key.kind != KEY_NONE) {
		key_write(&load->key, &l->random, plan->sequence, key);
		key_bytes = (struct bytes){ key, (int32_t)load->key.size };
	}
	for (uint32_t i = 0; i < load->headers.count; i++)
		header_write(&l->random, (uint8_t *)(uintptr_t)w->headers[i].value.data,
			load->headers.value_size);

	uint32_t value_size = load->value_size, stamp = 0;
	if (value_size == VALUE_SIZE_OF_LINES) {
		stamp = load->stamp ? STAMP_SIZE : 0;
		value_size = stamp + payload_next_size(&l->payload);
	} else if (load->stamp) {
		stamp = stamp_size(value_size);
	}
	uint8_t *value = batch_reserve(builder, plan->timestamp_ms, key_bytes, (int32_t)value_size,
		w->headers, (int32_t)load->headers.count);
	if (!value) {
		l->random = before; /* the same key and headers in the next batch */
		return false;
	}
	if (stamp > 0)
		stamp_write(value, stamp,
			&(struct stamp){ .run_id = load->run_id,
				.sequence = plan->sequence,
				.wall_ns = plan->wall_ns,
				.producer = l->producer->index });
	payload_write(&l->payload, value + stamp, value_size - stamp);
	batch->value_bytes += value_size + (load->key.kind != KEY_NONE ? load->key.size : 0) +
			      (uint64_t)load->headers.count * load->headers.value_size;
	return true;
}

/* Builds up to `count` records into the builder; returns how many it took. */
static uint32_t records_build(struct lane *l, struct batch_builder *builder, uint32_t count,
	int64_t now_ns, struct load_batch *batch)
{
	struct worker *w = lane_worker(l);
	const struct load *load = w->load;
	int64_t wall_ns = now_ns + load->wall_offset_ns;
	for (uint32_t i = 0; i < count; i++) {
		if (load->open_loop)
			wall_ns = w->times_ns[i] + load->wall_offset_ns;
		struct record_plan plan = { wall_ns / NS_PER_MS, wall_ns, l->taken + i };
		if (!record_build(l, builder, &plan, batch))
			return i;
	}
	return count;
}

/* Books records as taken up now: where their time went until here. */
static void taken_record(struct lane *l, uint32_t count, int64_t now_ns)
{
	struct worker *w = lane_worker(l);
	struct waits_figures figures = { &w->sample->lateness, w->blocked, w->linger };
	waits_set(&l->waits, false, now_ns);
	if (w->times_ns[0] >= w->warm_ns)
		waits_record(&l->waits, &l->schedule, &l->cursor, w->times_ns, count,
			MIN(lane_ripe_ns(l), now_ns), now_ns, &figures);
	l->ripe_ns = 0;
	schedule_skip(&l->schedule, &l->cursor, count);
	waits_forget(&l->waits, w->times_ns[count - 1]);
}

/*
 * Writes the times of the next `count` records. No batch lies across the end of the warm-up: what
 * follows it must not be left out with what went before. Returns how many go together.
 */
static uint32_t times_take(struct lane *l, uint32_t count)
{
	struct worker *w = lane_worker(l);
	struct schedule_cursor cursor = l->cursor;
	schedule_times(&l->schedule, &cursor, w->times_ns, count);
	if (w->times_ns[0] < w->warm_ns)
		while (w->times_ns[count - 1] >= w->warm_ns)
			count--;
	return count;
}

static struct load_batch *batch_build(struct lane *l, uint32_t count, int64_t now_ns)
{
	struct worker *w = lane_worker(l);
	const struct load *load = w->load;
	struct load_batch *batch = batch_pool_take(&w->pool);
	if (!batch) {
		l->link->pool_empty = true;
		return NULL;
	}
	if (load->open_loop)
		count = times_take(l, count);
	batch->lane = l;
	batch->cursor = l->cursor;
	batch->sealed_ns = now_ns;
	int64_t first_ns = load->open_loop ? w->times_ns[0] : now_ns;
	batch->warm = first_ns >= w->warm_ns;

	uint8_t *memory = batch->bytes.iov_base;
	struct batch_builder builder;
	batch_begin(&builder, w->compressor ? w->scratch : memory, load->batch_size,
		(first_ns + load->wall_offset_ns) / NS_PER_MS);
	count = records_build(l, &builder, count, now_ns, batch);
	assert(count > 0); /* one record fits: checked before the run */

	struct producer_stamp stamp = produce_queue_next_stamp(&l->queue);
	struct batch_seal seal = { .compressor = w->compressor,
		.producer_id = stamp.producer_id,
		.producer_epoch = stamp.producer_epoch,
		.base_sequence = stamp.base_sequence };
	ssize_t size = batch_finish(&builder, &seal, memory, w->pool.batch_size);
	assert(size > 0); /* the pool's batches hold the codec's bound */
	batch->bytes.iov_len = (size_t)size;
	batch->records = (struct records){ &batch->bytes, 1, (int32_t)size };
	batch->queue.first_record_index = l->taken;
	if (load->open_loop)
		taken_record(l, count, now_ns);
	l->taken += count;
	l->pace += (double)count * (double)SHARE_WHOLE /
		   (double)plan_share(&load->plan, (uint32_t)l->partition);
	produce_queue_push(&l->queue, &batch->queue, (int32_t)count, stamp, now_ns);
	return batch;
}

struct load_batch *lane_take(struct lane *l, int64_t now_ns)
{
	struct produce_batch *waiting = produce_queue_next(&l->queue, now_ns);
	if (!waiting) {
		if (!lane_open(l))
			return NULL;
		uint64_t due = now_ns < lane_worker(l)->take_end_ns ? lane_due(l, now_ns) : 0;
		if (due == 0)
			return NULL;
		if (lane_load(l)->open_loop && lane_ripe_ns(l) > now_ns)
			return NULL;
		uint32_t count = (uint32_t)MIN(due, lane_load(l)->batch_records);
		if (!batch_build(l, count, now_ns))
			return NULL;
		waiting = produce_queue_next(&l->queue, now_ns);
		if (!waiting)
			return NULL;
	}
	struct load_batch *batch = CONTAINER_OF(waiting, struct load_batch, queue);
	if (waiting->restamp) {
		batch_set_producer(batch->bytes.iov_base, batch->bytes.iov_len,
			waiting->stamp.producer_id, waiting->stamp.producer_epoch,
			waiting->stamp.base_sequence);
		waiting->restamp = false;
	}
	return batch;
}

/* ---- booking how batches end ---- */

static void lost_add(struct lane *l, uint64_t first, uint64_t count)
{
	if (l->lost_count > 0 && l->lost[l->lost_count - 1].end == first) {
		l->lost[l->lost_count - 1].end += count;
		return;
	}
	if (!l->lost)
		l->lost = calloc(LANE_LOST_MAX, sizeof *l->lost);
	if (!l->lost || l->lost_count == LANE_LOST_MAX) {
		l->lost_overflow = true;
		return;
	}
	l->lost[l->lost_count++] = (struct readback_range){ first, first + count };
}

static void acked_record(struct lane *l, const struct load_batch *b)
{
	struct worker *w = lane_worker(l);
	uint64_t count = (uint64_t)b->queue.record_count;
	int64_t done_ns = b->queue.done_ns;
	l->acked += count;
	w->acked += count;
	w->acked_value_bytes += b->value_bytes;
	w->sample->acked += count;
	w->sample->payload_bytes += b->value_bytes;
	w->last_ack_ns = MAX(w->last_ack_ns, done_ns);
	if (!b->warm)
		return;
	w->measured_acked += count;
	w->measured_value_bytes += b->value_bytes;
	int64_t sent_ns = w->load->open_loop ? b->queue.first_sent_ns : b->sealed_ns;
	int64_t service_ns = MAX(done_ns - sent_ns, 0);
	histogram_record_n(&w->sample->service, service_ns, count);
	w->service_min_ns = MIN(w->service_min_ns, service_ns);
	if (w->load->open_loop)
		schedule_record(&l->schedule, &b->cursor, count, done_ns, &w->sample->latency);
}

static void batch_book(struct lane *l, struct load_batch *b)
{
	struct worker *w = lane_worker(l);
	uint64_t count = (uint64_t)b->queue.record_count;
	if (b->queue.first_sent_ns)
		w->sent_records += count;
	switch (b->queue.result) {
	case PRODUCE_ACKED:
		acked_record(l, b);
		return;
	case PRODUCE_FAILED:
		l->failed += count;
		w->failed += count;
		w->sample->errors += count;
		break;
	case PRODUCE_UNKNOWN:
		l->unknown += count;
		w->sample->errors += count;
		break;
	case PRODUCE_UNSENT:
		l->unsent += count;
		break;
	case PRODUCE_PENDING:
		assert(b->queue.result != PRODUCE_PENDING);
	}
	lost_add(l, b->queue.first_record_index, count);
}

void lane_collect(struct lane *l, int64_t now_ns)
{
	struct worker *w = lane_worker(l);
	(void)now_ns;
	struct produce_batch *ended;
	while ((ended = produce_queue_take_done(&l->queue))) {
		struct load_batch *b = CONTAINER_OF(ended, struct load_batch, queue);
		batch_book(l, b);
		batch_pool_give(&w->pool, b);
	}
}
