/*
 * The face of the codecs: names, levels, contexts. The work is in compress_gzip.c and its siblings,
 * one per library; "none" is here, so that callers need not tell it apart.
 */
#include "proto/compress.h"

#include <errno.h>
#include <stdlib.h>

#include "codec.h"

static size_t none_bound(size_t size)
{
	return size;
}

static ssize_t none_copy(
	size_t size, const uint8_t *in, uint8_t *out, size_t capacity, ssize_t no_room)
{
	if (size > capacity)
		return no_room;
	if (size)
		memcpy(out, in, size);
	return (ssize_t)size;
}

static ssize_t none_compress(
	void *context, const uint8_t *in, size_t size, uint8_t *out, size_t capacity)
{
	(void)context;
	return none_copy(size, in, out, capacity, -ENOSPC);
}

static ssize_t none_decompress(
	void *context, const uint8_t *in, size_t size, uint8_t *out, size_t capacity)
{
	(void)context;
	return none_copy(size, in, out, capacity, -E2BIG);
}

static const struct codec_operations codec_none = {
	.name = "none",
	.bound = none_bound,
	.compress = none_compress,
	.decompress = none_decompress,
};

static const struct codec_operations *const codecs[CODEC_COUNT] = {
	[CODEC_NONE] = &codec_none,
	[CODEC_GZIP] = &codec_gzip,
	[CODEC_SNAPPY] = &codec_snappy,
	[CODEC_LZ4] = &codec_lz4,
	[CODEC_ZSTD] = &codec_zstd,
};

static const struct codec_operations *operations_of(enum codec codec)
{
	assert((unsigned)codec < CODEC_COUNT);
	return codecs[codec];
}

const char *codec_name(enum codec codec)
{
	return operations_of(codec)->name;
}

int codec_find(struct string name)
{
	for (int i = 0; i < CODEC_COUNT; i++)
		if (string_equal(name, string_of(codecs[i]->name)))
			return i;
	return -ENOENT;
}

bool codec_levels(enum codec codec, int *low, int *high)
{
	const struct codec_operations *operations = operations_of(codec);
	if (!operations->has_levels)
		return false;
	*low = operations->level_low;
	*high = operations->level_high;
	return true;
}

struct compressor {
	enum codec codec;
	const struct codec_operations *operations;
	void *context;
};

struct compressor *compressor_create(enum codec codec, int level)
{
	const struct codec_operations *operations = operations_of(codec);
	if (level == CODEC_LEVEL_DEFAULT)
		level = operations->level_default;
	else
		assert(operations->has_levels && level >= operations->level_low &&
			level <= operations->level_high);
	struct compressor *c = malloc(sizeof *c);
	if (!c)
		return NULL;
	*c = (struct compressor){ codec, operations, NULL };
	if (operations->compressor_create &&
		operations->compressor_create(level, &c->context) < 0) {
		free(c);
		return NULL;
	}
	return c;
}

void compressor_free(struct compressor *c)
{
	if (!c)
		return;
	if (c->operations->compressor_free)
		c->operations->compressor_free(c->context);
	free(c);
}

enum codec compressor_codec(const struct compressor *c)
{
	return c->codec;
}

size_t compress_bound(enum codec codec, size_t size)
{
	assert(size <= CODEC_INPUT_MAX);
	return operations_of(codec)->bound(size);
}

ssize_t compressor_run(
	struct compressor *c, const void *in, size_t size, void *out, size_t capacity)
{
	assert(size <= CODEC_INPUT_MAX);
	return c->operations->compress(c->context, in, size, out, capacity);
}

struct decompressor {
	void *contexts[CODEC_COUNT];
};

struct decompressor *decompressor_create(void)
{
	struct decompressor *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	for (int i = 0; i < CODEC_COUNT; i++) {
		if (codecs[i]->decompressor_create &&
			codecs[i]->decompressor_create(&d->contexts[i]) < 0) {
			decompressor_free(d);
			return NULL;
		}
	}
	return d;
}

void decompressor_free(struct decompressor *d)
{
	if (!d)
		return;
	for (int i = 0; i < CODEC_COUNT; i++)
		if (d->contexts[i])
			codecs[i]->decompressor_free(d->contexts[i]);
	free(d);
}

ssize_t decompressor_run(struct decompressor *d, enum codec codec, const void *in, size_t size,
	void *out, size_t capacity)
{
	const struct codec_operations *operations = operations_of(codec);
	assert(size <= CODEC_INPUT_MAX);
	return operations->decompress(
		d->contexts[codec], in, size, out, MIN(capacity, CODEC_INPUT_MAX));
}
