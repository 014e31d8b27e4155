/*
 * Logs that share a store against a naive model: seeded appends (some slow, some refused), reads
 * that are held, deletions, retention, evictions, topics that go and come. What a log says it holds
 * must be there byte for byte, what is held must not change, and nothing leaves without a reason.
 *
 *     SEED=n replays one run.
 */
#include "../test.h"
#include "log_batch.h"

#include <stdio.h>

#include "proto/crc32c.h"
#include "proto/offsets.h"
#include "random.h"

#define RUNS        300
#define STEPS       1500
#define LOGS        5
#define BATCHES_MAX 2000
#define HELD_MAX    8
#define SLOW_MAX    6
#define STORE_SIZE  ((size_t)256 * 1024)
#define BATCH_MAX   ((size_t)16 * 1024)

struct model_batch {
	int64_t base_offset, first_ms, step_ms;
	int32_t count;
	uint32_t size, checksum; /* of the bytes behind what the log writes */
};

struct model_log {
	struct partition_log log;
	struct model_batch *batches; /* all that ever were */
	int count;
	int64_t start, end;
};

/* A read that somebody still sends. */
struct held {
	struct records records;
	struct arena arena;
	struct slab *slabs[16];
	int slab_count;
	uint32_t checksum;
};

/* A batch that is still being received. */
struct slow {
	struct store_space space;
	struct log_batch like;
	size_t size;
};

struct world {
	struct random random;
	struct store store;
	struct append_rules rules;
	struct model_log logs[LOGS];
	struct held held[HELD_MAX];
	struct slow slow[SLOW_MAX];
	uint8_t bytes[LOG_BATCH_SIZE_MAX];
	uint64_t evicted_count;
	int64_t now_ms;
	int refused_count;
};

static uint64_t below(struct world *w, uint64_t bound)
{
	return random_below(&w->random, bound);
}

/* Base offset and leader epoch are the log's to write; the rest is the producer's. */
static uint32_t bytes_checksum(const uint8_t *batch, size_t size)
{
	return crc32c(0, batch + 16, size - 16);
}

static uint32_t records_checksum(const struct records *records)
{
	uint32_t crc = 0;
	for (int32_t i = 0; i < records->segment_count; i++)
		crc = crc32c(crc, records->segments[i].iov_base, records->segments[i].iov_len);
	return crc;
}

static struct log_batch like_any(struct world *w)
{
	struct log_batch like = {
		.record_count = 1 + (int32_t)below(w, 20),
		.value_size = (int32_t)below(w, below(w, 4) ? 60 : 700),
		.timestamp_ms = w->now_ms - (int64_t)below(w, 50),
		.timestamp_step_ms = (int64_t)below(w, 4),
		.codec = below(w, 4) ? CODEC_NONE : CODEC_LZ4,
	};
	return like;
}

/* ---- the model ---- */

/* The index of the batch that holds the offset; count when it is the end. */
static int model_find(const struct model_log *m, int64_t offset)
{
	int i = 0;
	while (i < m->count && m->batches[i].base_offset + m->batches[i].count <= offset)
		i++;
	return i;
}

static bool boundary(const struct model_log *m, int64_t offset)
{
	int i = model_find(m, offset);
	return i == m->count ? offset == m->end : m->batches[i].base_offset == offset;
}

/* Evictions may have taken batches; nothing else may. */
static void starts_follow(struct world *w)
{
	bool evicted = w->store.evicted_count != w->evicted_count;
	w->evicted_count = w->store.evicted_count;
	size_t count = 0;
	for (int i = 0; i < LOGS; i++) {
		struct model_log *m = &w->logs[i];
		if (m->log.start_offset != m->start) {
			assert_true(evicted);
			assert_true(m->log.start_offset > m->start);
			assert_true(boundary(m, m->log.start_offset));
			m->start = m->log.start_offset;
		}
		assert_int_equal(m->log.end_offset, m->end);
		int64_t bytes = 0;
		for (int k = model_find(m, m->start); k < m->count; k++)
			bytes += m->batches[k].size;
		assert_int_equal(m->log.bytes, bytes);
		count += m->log.count;
	}
	assert_true(w->store.entry_count >= count && w->store.entry_count <= 2 * count);
	assert_true(w->store.entry_count <= w->store.entry_limit);
}

static void model_append(
	struct model_log *m, const struct log_batch *like, uint32_t size, uint32_t checksum)
{
	assert_true(m->count < BATCHES_MAX);
	m->batches[m->count++] = (struct model_batch){ m->end, like->timestamp_ms,
		like->timestamp_step_ms, like->record_count, size, checksum };
	m->end += like->record_count;
}

/* ---- steps ---- */

static void finish_append(struct world *w, struct model_log *m, const struct log_batch *like,
	struct store_space *space, size_t size)
{
	struct append_batch batch;
	struct append_result result;
	append_batch_read(&batch, space->data, BATCH_HEADER_SIZE, (int32_t)size);
	batch.data = space->data;
	batch.space = space;
	bool spoilt = below(w, 10) == 0;
	if (spoilt)
		space->data[size - 1] ^= 1;
	uint32_t checksum = bytes_checksum(space->data, size);
	partition_log_append(&m->log, &batch, &w->rules, w->now_ms, &result);
	store_release(&w->store, space);
	if (result.error_code == 0) {
		assert_false(spoilt);
		assert_int_equal(result.base_offset, m->end);
		model_append(m, like, (uint32_t)size, checksum);
	} else {
		assert_int_equal(result.error_code,
			spoilt ? ERROR_CORRUPT_MESSAGE : ERROR_KAFKA_STORAGE_ERROR);
		w->refused_count++;
	}
}

static void step_append(struct world *w)
{
	struct model_log *m = &w->logs[below(w, below(w, 3) ? 2 : LOGS)];
	struct log_batch like = like_any(w);
	struct store_space space;
	size_t size = log_batch_build(&like, w->bytes);
	unsigned free_before = w->store.pool.free_count;
	uint64_t evicted_before = w->store.evicted_count;
	if (m->count == BATCHES_MAX || store_reserve(&w->store, size, &space) < 0)
		return;
	assert_true(w->store.evicted_count == evicted_before || free_before == 0);
	memcpy(space.data, w->bytes, size);
	finish_append(w, m, &like, &space, size);
}

/* Begins to receive a batch, or comes to its end. */
static void step_slow(struct world *w)
{
	struct slow *s = &w->slow[below(w, SLOW_MAX)];
	if (s->size == 0) {
		s->like = like_any(w);
		size_t size = log_batch_build(&s->like, w->bytes);
		if (store_reserve(&w->store, size, &s->space) < 0)
			return;
		s->size = size;
		memcpy(s->space.data, w->bytes, size);
		return;
	}
	struct model_log *m = &w->logs[below(w, LOGS)];
	if (m->count < BATCHES_MAX && below(w, 5))
		finish_append(w, m, &s->like, &s->space, s->size);
	else
		store_release(&w->store, &s->space); /* the connection is lost */
	s->size = 0;
}

static void held_end(struct held *h)
{
	assert_int_equal(records_checksum(&h->records), h->checksum);
	for (int i = 0; i < h->slab_count; i++)
		slab_release(h->slabs[i]);
	arena_free(&h->arena);
	*h = (struct held){ 0 };
}

static void held_take(void *context, struct slab *slab)
{
	struct held *h = context;
	assert_true(h->slab_count < (int)COUNT_OF(h->slabs));
	h->slabs[h->slab_count++] = slab;
}

/* The read is what the model has from there on. */
static void read_check(const struct model_log *m, int64_t offset, int64_t max_bytes,
	bool first_whole, struct held *h)
{
	struct batch_iterator it;
	struct batch batch;
	int64_t size = 0;
	int i = model_find(m, offset);
	batch_iterator_init(&it, h->records.segments, (size_t)h->records.segment_count, &h->arena);
	while (batch_next(&it, &batch) == 1) {
		assert_true(i < m->count);
		const struct model_batch *known = &m->batches[i++];
		assert_int_equal(batch.header.base_offset, known->base_offset);
		assert_int_equal(batch.size, known->size);
		assert_int_equal(bytes_checksum(batch.data, batch.size), known->checksum);
		size += known->size;
	}
	assert_int_equal(it.cut_short, 0);
	assert_int_equal(h->records.size, size);
	/* As many as fit. */
	assert_true(size <= max_bytes || first_whole);
	if (i < m->count)
		assert_true(size + m->batches[i].size > max_bytes || (first_whole && size == 0));
	assert_true(!first_whole || size > 0 || offset == m->end);
}

static void step_read(struct world *w)
{
	struct held *h = &w->held[below(w, HELD_MAX)];
	if (h->records.segments) {
		held_end(h);
		return;
	}
	struct model_log *m = &w->logs[below(w, LOGS)];
	int64_t offset = m->start - 3 + (int64_t)below(w, (uint64_t)(m->end - m->start) + 7);
	int64_t max_bytes = (int64_t)below(w, 30000);
	bool first_whole = below(w, 2);
	arena_init(&h->arena, 1 << 20);
	int status = partition_log_read(
		&m->log, offset, max_bytes, first_whole, &h->arena, held_take, h, &h->records);
	assert_int_equal(status, offset < m->start || offset > m->end ? -ERANGE : 0);
	if (status == 0) {
		read_check(m, offset, max_bytes, first_whole, h);
		int64_t available = partition_log_available(&m->log, offset, h->records.size);
		assert_true(available >= h->records.size);
		h->checksum = records_checksum(&h->records);
	} else {
		arena_free(&h->arena);
		*h = (struct held){ 0 };
	}
}

static void step_find(struct world *w)
{
	struct model_log *m = &w->logs[below(w, LOGS)];
	int64_t time_ms = w->now_ms - (int64_t)below(w, 2000);
	int64_t offset = -1, found_ms = -1;
	for (int i = model_find(m, m->start); i < m->count && offset < 0; i++) {
		const struct model_batch *b = &m->batches[i];
		for (int32_t k = 0; k < b->count && offset < 0; k++) {
			if (b->first_ms + k * b->step_ms < time_ms || b->base_offset + k < m->start)
				continue;
			offset = b->base_offset + k;
			found_ms = b->first_ms + k * b->step_ms;
		}
	}
	struct log_position found;
	assert_int_equal(partition_log_find(&m->log, time_ms, &(size_t){ 0 }, &found), 0);
	assert_int_equal(found.offset, offset);
	assert_int_equal(found.timestamp_ms, found_ms);
}

static void step_delete(struct world *w)
{
	struct model_log *m = &w->logs[below(w, LOGS)];
	int64_t offset = m->start - 2 + (int64_t)below(w, 40);
	bool possible = offset >= -1 && offset <= m->end;
	assert_int_equal(partition_log_delete_before(&m->log, offset), possible ? 0 : -ERANGE);
	if (possible)
		m->start = MAX(m->start, offset == -1 ? m->end : offset);
}

static void step_retain(struct world *w)
{
	struct model_log *m = &w->logs[below(w, LOGS)];
	int64_t age_ms = below(w, 2) ? -1 : (int64_t)below(w, 1000);
	int64_t limit = below(w, 2) ? -1 : (int64_t)below(w, STORE_SIZE);
	int64_t bytes = m->log.bytes;
	int i = model_find(m, m->start);
	for (; i < m->count; i++) {
		const struct model_batch *b = &m->batches[i];
		int64_t newest_ms = b->first_ms + (b->count - 1) * b->step_ms;
		bool old = age_ms >= 0 && w->now_ms - newest_ms > age_ms;
		if (!old && (limit < 0 || bytes - b->size < limit))
			break;
		bytes -= b->size;
		m->start = MAX(m->start, b->base_offset + b->count);
	}
	partition_log_retain(&m->log, age_ms, limit, w->now_ms);
}

/* The topic goes, another comes. */
static void step_reopen(struct world *w)
{
	struct model_log *m = &w->logs[below(w, LOGS)];
	partition_log_close(&m->log);
	partition_log_open(&m->log, &w->store);
	m->count = 0;
	m->start = m->end = 0;
}

static void step(struct world *w)
{
	w->now_ms += (int64_t)below(w, 5);
	uint64_t kind = below(w, 100);
	if (kind < 60)
		step_append(w);
	else if (kind < 70)
		step_slow(w);
	else if (kind < 85)
		step_read(w);
	else if (kind < 92)
		step_find(w);
	else if (kind < 96)
		step_delete(w);
	else if (kind < 99)
		step_retain(w);
	else
		step_reopen(w);
	starts_follow(w);
}

static void run(uint64_t seed, uint64_t *evicted_count, int *refused_count)
{
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	random_seed(&w->random, seed);
	w->rules = LOG_BATCH_RULES;
	w->now_ms = LOG_BATCH_TIME_MS;
	assert_int_equal(store_open(&w->store, STORE_SIZE, BATCH_MAX), 0);
	for (int i = 0; i < LOGS; i++) {
		partition_log_open(&w->logs[i].log, &w->store);
		w->logs[i].batches = calloc(BATCHES_MAX, sizeof *w->logs[i].batches);
		assert_non_null(w->logs[i].batches);
	}
	for (int i = 0; i < STEPS; i++)
		step(w);
	*evicted_count += w->store.evicted_count;
	*refused_count += w->refused_count;
	for (int i = 0; i < HELD_MAX; i++)
		held_end(&w->held[i]);
	for (int i = 0; i < SLOW_MAX; i++) {
		if (w->slow[i].size > 0)
			store_release(&w->store, &w->slow[i].space);
	}
	for (int i = 0; i < LOGS; i++) {
		partition_log_close(&w->logs[i].log);
		free(w->logs[i].batches);
	}
	store_close(&w->store);
	free(w);
}

static void test_logs_agree_with_a_naive_model(void **state)
{
	(void)state;
	const char *replay = getenv("SEED");
	uint64_t first = replay ? strtoull(replay, NULL, 10) : 1, evicted_count = 0;
	int refused_count = 0;
	for (uint64_t seed = first; seed < first + (replay ? 1 : RUNS); seed++) {
		printf("SEED=%llu\n", (unsigned long long)seed); /* shown when it fails */
		run(seed, &evicted_count, &refused_count);
	}
	/* The runs were about something. */
	if (!replay) {
		assert_true(evicted_count > RUNS);
		assert_true(refused_count > RUNS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logs_agree_with_a_naive_model),
	};
	return RUN_TESTS(tests);
}
