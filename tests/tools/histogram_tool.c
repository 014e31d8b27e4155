/*
 * Our side of tests/schema/test_histogram.sh. It makes sets of samples of many magnitudes from a
 * seed and writes into a folder:
 * - samples: one line per sample: set, value, count
 * - figures: one line per set: count, min, max, mean, then the percentiles below
 * - counts: one line per counter that is not zero: set, lowest value, count
 * - inner: one line per set: the uncompressed V2 encoding in hex
 * - log.hlog: all sets as a log; even ones without a tag, odd ones with one, huge counts apart
 *
 * Usage: histogram_tool FOLDER SEED SETS
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "random.h"
#include "../../src/measure/hlog.h"

#define SAMPLES_PER_SET 3000
/* Of counts near 2^50: tagged apart, for HistogramLogProcessor never ends on them. */
#define HUGE_SET 2

static const double percentiles[] = { 0, 0.1, 1, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 99.999,
	100 };

struct outputs {
	FILE *samples, *figures, *counts, *inner, *log;
};

static FILE *open_in(const char *folder, const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	if (!file) {
		perror(path);
		exit(1);
	}
	return file;
}

/* Set 0 stays empty, 1 has a single sample, 2 has huge counts, 3 reaches the ends; others mix. */
static void make_set(struct histogram *h, struct random *r, unsigned set, FILE *samples)
{
	int count = set == 0 ? 0 : set == 1 ? 1 : SAMPLES_PER_SET;
	uint64_t bits = 1 + random_below(r, 41);
	for (int i = 0; i < count; i++) {
		int64_t value = (int64_t)(random_next(r) >> (63 - random_below(r, bits)));
		value %= HISTOGRAM_HIGHEST_NS + 1;
		if (set == 3 && i < 2)
			value = i ? HISTOGRAM_HIGHEST_NS : 0;
		uint64_t times =
			1 + (set == HUGE_SET ? random_next(r) >> (14 + random_below(r, 49)) : 0);
		histogram_record_n(h, value, times);
		fprintf(samples, "%u %" PRId64 " %" PRIu64 "\n", set, value, times);
	}
}

static void write_set(const struct histogram *h, unsigned set, struct outputs *out)
{
	double mean = histogram_mean(h);
	fprintf(out->figures, "%" PRIu64 " %" PRId64 " %" PRId64 " %.17g", h->count,
		histogram_min(h), histogram_max(h), mean);
	for (size_t i = 0; i < COUNT_OF(percentiles); i++)
		fprintf(out->figures, " %" PRId64, histogram_percentile(h, percentiles[i]));
	fputc('\n', out->figures);

	for (uint32_t i = 0; i < HISTOGRAM_COUNTERS; i++)
		if (h->counts[i])
			fprintf(out->counts, "%u %" PRId64 " %" PRIu64 "\n", set,
				histogram_lowest_of(i), h->counts[i]);

	static uint8_t inner[HLOG_INNER_SIZE_MAX];
	size_t size = hlog_encode_inner(h, inner);
	for (size_t i = 0; i < size; i++)
		fprintf(out->inner, "%02x", inner[i]);
	fputc('\n', out->inner);

	if (hlog_write_row(out->log,
		    set == HUGE_SET ? "huge"
		    : set % 2       ? "odd"
				    : NULL,
		    set * NS_PER_S, NS_PER_S, h) < 0)
		exit(1);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: histogram_tool FOLDER SEED SETS\n");
		return 2;
	}
	struct outputs out = {
		.samples = open_in(argv[1], "samples"),
		.figures = open_in(argv[1], "figures"),
		.counts = open_in(argv[1], "counts"),
		.inner = open_in(argv[1], "inner"),
		.log = open_in(argv[1], "log.hlog"),
	};
	struct random r;
	random_seed(&r, strtoull(argv[2], NULL, 10));
	static struct histogram h;
	unsigned sets = (unsigned)strtoul(argv[3], NULL, 10);
	if (hlog_write_header(out.log, "harrow", 1700000000 * NS_PER_S) < 0)
		return 1;
	for (unsigned set = 0; set < sets; set++) {
		histogram_reset(&h);
		make_set(&h, &r, set, out.samples);
		write_set(&h, set, &out);
	}
	FILE *files[] = { out.samples, out.figures, out.counts, out.inner, out.log };
	for (size_t i = 0; i < COUNT_OF(files); i++)
		if (fclose(files[i]) != 0)
			return 1;
	return 0;
}
