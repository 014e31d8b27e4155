/*
 * lz4 frames (LZ4 Frame Format 1.6): independent blocks of 64 KiB, no checksum over the content
 * (the batch has one). Batches of magic 2 carry frames whose header checksum is right; the wrong
 * one that Kafka wrote before magic 1 is not accepted.
 */
#include <errno.h>

#include <stdlib.h>

#include <lz4frame.h>

#include "codec.h"

#define LEVEL_DEFAULT 0 /* the fast compressor; from 3 on the slow, denser one */

/* Flushing at once lets the library compress from the caller's memory, without a copy. */
static LZ4F_preferences_t preferences(int level)
{
	LZ4F_preferences_t p = LZ4F_INIT_PREFERENCES;
	p.frameInfo.blockSizeID = LZ4F_max64KB;
	p.frameInfo.blockMode = LZ4F_blockIndependent;
	p.compressionLevel = level;
	p.autoFlush = 1;
	return p;
}

struct lz4_compressor {
	LZ4F_cctx *frame;
	LZ4F_preferences_t preferences;
};

static size_t lz4_bound(size_t size)
{
	LZ4F_preferences_t p = preferences(LEVEL_DEFAULT);
	return LZ4F_HEADER_SIZE_MAX + LZ4F_compressBound(size, &p);
}

static int lz4_compressor_create(int level, void **context)
{
	struct lz4_compressor *c = malloc(sizeof *c);
	if (!c)
		return -ENOMEM;
	c->preferences = preferences(level);
	if (LZ4F_isError(LZ4F_createCompressionContext(&c->frame, LZ4F_VERSION))) {
		free(c);
		return -ENOMEM;
	}
	*context = c;
	return 0;
}

static void lz4_compressor_free(void *context)
{
	struct lz4_compressor *c = context;
	LZ4F_freeCompressionContext(c->frame);
	free(c);
}

static int lz4_decompressor_create(void **context)
{
	LZ4F_dctx *frame;
	if (LZ4F_isError(LZ4F_createDecompressionContext(&frame, LZ4F_VERSION)))
		return -ENOMEM;
	*context = frame;
	return 0;
}

static void lz4_decompressor_free(void *context)
{
	LZ4F_freeDecompressionContext(context);
}

static ssize_t lz4_compress(
	void *context, const uint8_t *in, size_t size, uint8_t *out, size_t capacity)
{
	struct lz4_compressor *c = context;
	/* The library's own check of room is coarser than what it needs, and by part. */
	if (capacity < lz4_bound(size))
		return -ENOSPC;
	size_t total = LZ4F_compressBegin(c->frame, out, capacity, &c->preferences);
	if (LZ4F_isError(total))
		return -ENOMEM;
	size_t written =
		LZ4F_compressUpdate(c->frame, out + total, capacity - total, in, size, NULL);
	if (LZ4F_isError(written))
		return -ENOMEM;
	total += written;
	written = LZ4F_compressEnd(c->frame, out + total, capacity - total, NULL);
	if (LZ4F_isError(written))
		return -ENOMEM;
	return (ssize_t)(total + written);
}

/* The library numbers its errors only in its unstable interface. */
static ssize_t error_of(size_t result)
{
	bool memory = strcmp(LZ4F_getErrorName(result), "ERROR_allocation_failed") == 0;
	return memory ? -ENOMEM : -EPROTO;
}

static ssize_t lz4_decompress(
	void *context, const uint8_t *in, size_t size, uint8_t *out, size_t capacity)
{
	LZ4F_dctx *frame = context;
	size_t used = 0, total = 0, expected = 1;
	LZ4F_resetDecompressionContext(frame);
	for (;;) {
		uint8_t spill; /* tells output that does not fit from input that ends too early */
		bool full = total == capacity;
		size_t consumed = size - used, produced = full ? 1 : capacity - total;
		expected = LZ4F_decompress(
			frame, full ? &spill : out + total, &produced, in + used, &consumed, NULL);
		if (LZ4F_isError(expected))
			return error_of(expected);
		if (full && produced)
			return -E2BIG;
		used += consumed;
		total += produced;
		if (expected == 0 && used == size)
			return (ssize_t)total;
		if (consumed == 0 && produced == 0)
			return -EPROTO;
	}
}

const struct codec_operations codec_lz4 = {
	.name = "lz4",
	.has_levels = true,
	.level_low = 1,
	.level_high = 12,
	.level_default = LEVEL_DEFAULT,
	.bound = lz4_bound,
	.compressor_create = lz4_compressor_create,
	.compressor_free = lz4_compressor_free,
	.decompressor_create = lz4_decompressor_create,
	.decompressor_free = lz4_decompressor_free,
	.compress = lz4_compress,
	.decompress = lz4_decompress,
};
