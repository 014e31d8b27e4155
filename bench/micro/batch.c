/*
 * What a record costs in a batch: building (the value is written once), closing (the checksum),
 * verifying and reading, in nanoseconds per record and GB/s of batch bytes; then building and
 * closing with each codec on text that compresses at about 3:1. The best of several runs.
 *
 *     batch [BATCH SIZE, default 262144]
 */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "proto/batch.h"
#include "random.h"

#define RUNS             7
#define BATCHES_PER_RUN  200
#define COMPRESSED_TIMES 5

struct workload {
	int32_t value_size;
	uint8_t *text; /* value_size bytes and more, to take values from */
	size_t text_size;
	uint8_t *memory, *out;
	size_t capacity, out_capacity;
};

/* A vocabulary of a few hundred words, so that codecs find about what they find in logs. */
static void text_fill(uint8_t *text, size_t size)
{
	struct random r, word;
	random_seed(&r, 1);
	for (size_t i = 0; i < size;) {
		random_seed(&word, random_below(&r, 600));
		for (size_t k = 3 + random_below(&word, 8); k > 0 && i < size; k--)
			text[i++] = (uint8_t)('a' + random_below(&word, 26));
		if (i < size)
			text[i++] = ' ';
	}
}

static int32_t batch_fill(const struct workload *w, struct batch_builder *b)
{
	size_t at = 0;
	uint8_t *value;
	batch_begin(b, w->memory, w->capacity, 1700000000000);
	while ((value = batch_reserve(b, 1700000000000 + b->record_count / 100, NULL_BYTES,
			w->value_size, NULL, 0))) {
		memcpy(value, w->text + at, (size_t)w->value_size);
		at += (size_t)w->value_size;
		if (at + (size_t)w->value_size > w->text_size)
			at = 0;
	}
	return b->record_count;
}

static void batch_read(const uint8_t *data, size_t size)
{
	struct batch batch = { .data = data, .size = size };
	if (batch_header_read(data, size, &batch.header) < 0 || batch_verify(&batch) < 0)
		abort();
	struct record_iterator it;
	struct record record;
	if (record_iterator_init(&it, &batch, NULL, NULL, 0) < 0)
		abort();
	while (record_next(&it, &record) == 1)
		;
	if (it.left)
		abort();
}

static void report(
	const struct workload *w, const char *what, double best_ns, double records, double bytes)
{
	printf("batch %4d B %-22s %9.1f ns/record %7.2f GB/s\n", w->value_size, what,
		best_ns / records, bytes / best_ns);
}

static void plain_measure(const struct workload *w)
{
	double build_ns = 1e18, finish_ns = 1e18, read_ns = 1e18;
	struct batch_builder b;
	for (int run = 0; run < RUNS; run++) {
		int64_t build = 0, finish = 0, read = 0;
		for (int i = 0; i < BATCHES_PER_RUN; i++) {
			int64_t t0 = clock_monotonic_ns();
			batch_fill(w, &b);
			int64_t t1 = clock_monotonic_ns();
			batch_finish(&b, &BATCH_SEAL_PLAIN, NULL, 0);
			int64_t t2 = clock_monotonic_ns();
			batch_read(w->memory, b.size);
			build += t1 - t0;
			finish += t2 - t1;
			read += clock_monotonic_ns() - t2;
		}
		build_ns = MIN(build_ns, (double)build);
		finish_ns = MIN(finish_ns, (double)finish);
		read_ns = MIN(read_ns, (double)read);
	}
	double records = (double)b.record_count * BATCHES_PER_RUN;
	double bytes = (double)b.size * BATCHES_PER_RUN;
	report(w, "build", build_ns, records, bytes);
	report(w, "finish", finish_ns, records, bytes);
	report(w, "verify and read", read_ns, records, bytes);
}

static void codec_measure(const struct workload *w, enum codec codec)
{
	struct batch_seal seal = BATCH_SEAL_PLAIN;
	seal.compressor = compressor_create(codec, CODEC_LEVEL_DEFAULT);
	if (!seal.compressor)
		abort();
	double best_ns = 1e18;
	struct batch_builder b;
	ssize_t packed = 0;
	for (int run = 0; run < RUNS; run++) {
		int64_t started_ns = clock_monotonic_ns();
		for (int i = 0; i < COMPRESSED_TIMES; i++) {
			batch_fill(w, &b);
			packed = batch_finish(&b, &seal, w->out, w->out_capacity);
			if (packed < 0)
				abort();
		}
		best_ns = MIN(best_ns, (double)(clock_monotonic_ns() - started_ns));
	}
	char what[64];
	snprintf(what, sizeof what, "%s (%.2f:1)", codec_name(codec),
		(double)b.size / (double)packed);
	report(w, what, best_ns, (double)b.record_count * COMPRESSED_TIMES,
		(double)b.size * COMPRESSED_TIMES);
	compressor_free(seal.compressor);
}

int main(int argc, char **argv)
{
	struct workload w = { .capacity = argc > 1 ? strtoul(argv[1], NULL, 10) : 262144 };
	if (w.capacity < 4096 || w.capacity > (size_t)1 << 28) {
		fprintf(stderr, "a batch is between 4096 and 2^28 bytes\n");
		return 2;
	}
	w.text_size = w.capacity;
	for (int codec = 0; codec < CODEC_COUNT; codec++)
		w.out_capacity =
			MAX(w.out_capacity, batch_compressed_bound((enum codec)codec, w.capacity));
	w.text = malloc(w.text_size);
	w.memory = malloc(w.capacity);
	w.out = malloc(w.out_capacity);
	if (!w.text || !w.memory || !w.out)
		return 1;
	text_fill(w.text, w.text_size);
	static const int32_t sizes[] = { 100, 1024 };
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		w.value_size = sizes[i];
		plain_measure(&w);
		for (int codec = CODEC_GZIP; codec < CODEC_COUNT; codec++)
			codec_measure(&w, (enum codec)codec);
	}
	free(w.text);
	free(w.memory);
	free(w.out);
	return 0;
}
