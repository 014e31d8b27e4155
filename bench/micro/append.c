/*
 * What a record costs in the embedded broker's log: appending a batch that lies in the store
 * already, as it does when a socket has filled it, checksum and sequence checked. Then the same in
 * a null store, which looks at the header only. In nanoseconds per batch and per record, and GB/s
 * of batch bytes; the best of several runs.
 *
 *     append [BATCH SIZE, default 262144]
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../src/broker/partition_log.h"
#include "clock.h"
#include "proto/error.h"

#define RUNS            7
#define BATCHES_PER_RUN 400
#define STORE_SIZE      ((size_t)256 << 20)
#define NOW_MS          INT64_C(1700000000000)
#define PRODUCER_ID     7

struct workload {
	uint8_t *memory; /* a batch */
	size_t capacity, size;
	int32_t record_count;
	int32_t sequence; /* of the next */
};

static void batch_make(struct workload *w, int32_t value_size)
{
	struct batch_builder b;
	uint8_t *value;
	batch_begin(&b, w->memory, w->capacity, NOW_MS);
	while ((value = batch_reserve(&b, NOW_MS, NULL_BYTES, value_size, NULL, 0)))
		memset(value, b.record_count, (size_t)value_size);
	ssize_t size = batch_finish(&b, &BATCH_SEAL_PLAIN, NULL, 0);
	if (size < 0)
		abort();
	w->size = (size_t)size;
	w->record_count = b.record_count;
	w->sequence = 0;
}

/* Appends the batch once more, under the next sequence. Returns the time that append took. */
static int64_t append_one(
	struct workload *w, struct partition_log *log, const struct append_rules *rules)
{
	struct append_batch batch;
	struct append_result result;
	struct store_space space = { .data = w->memory };
	batch_set_producer(w->memory, w->size, PRODUCER_ID, 0, w->sequence);
	w->sequence = sequence_add(w->sequence, w->record_count);
	if (!log->store->null) {
		if (store_reserve(log->store, w->size, &space) < 0)
			abort();
		memcpy(space.data, w->memory, w->size);
	}
	int64_t started_ns = clock_monotonic_ns();
	append_batch_read(&batch, space.data, BATCH_HEADER_SIZE, (int32_t)w->size);
	if (!log->store->null) {
		batch.data = space.data;
		batch.space = &space;
	}
	partition_log_append(log, &batch, rules, NOW_MS, &result);
	if (!log->store->null)
		store_release(log->store, &space);
	int64_t took_ns = clock_monotonic_ns() - started_ns;
	if (result.error_code != ERROR_NONE || result.duplicate)
		abort();
	return took_ns;
}

static void measure(struct workload *w, int32_t value_size, size_t store_size)
{
	struct store store;
	struct partition_log log;
	struct append_rules rules = { .max_message_bytes = INT32_MAX,
		.timestamp_before_max_ms = INT64_MAX,
		.timestamp_after_max_ms = 3600000,
		.check_crc = store_size > 0 };
	if (store_open(&store, store_size, w->capacity) < 0)
		abort();
	partition_log_open(&log, &store);
	batch_make(w, value_size);
	double best_ns = 1e18;
	for (int run = 0; run < RUNS; run++) {
		int64_t sum_ns = 0;
		for (int i = 0; i < BATCHES_PER_RUN; i++)
			sum_ns += append_one(w, &log, &rules);
		best_ns = MIN(best_ns, (double)sum_ns / BATCHES_PER_RUN);
	}
	printf("append %4d B %-6s %9.0f ns/batch %8.2f ns/record", value_size,
		store.null ? "null" : "memory", best_ns, best_ns / w->record_count);
	if (!store.null)
		printf(" %7.2f GB/s", (double)w->size / best_ns);
	printf("\n");
	partition_log_close(&log);
	store_close(&store);
}

int main(int argc, char **argv)
{
	struct workload w = { .capacity = argc > 1 ? strtoul(argv[1], NULL, 10) : 262144 };
	if (w.capacity < 4096 || w.capacity > (size_t)1 << 24) {
		fprintf(stderr, "a batch is between 4096 and 2^24 bytes\n");
		return 2;
	}
	w.memory = malloc(w.capacity);
	if (!w.memory)
		return 1;
	static const int32_t sizes[] = { 1024, 100 };
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		measure(&w, sizes[i], STORE_SIZE);
		measure(&w, sizes[i], 0);
	}
	free(w.memory);
	return 0;
}
