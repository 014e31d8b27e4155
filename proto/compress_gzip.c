/*
 * gzip (RFC 1952) by zlib. One stream object per direction, reset for every batch, so that zlib
 * allocates only when it is created.
 */
#include <errno.h>
#include <stdlib.h>

#define ZLIB_CONST /* its input is then const */
#include <zlib.h>

#include "codec.h"

#define WINDOW_BITS  15
#define GZIP_WRAPPER 16 /* added to the window bits: header and trailer of gzip, not of zlib */
#define MEMORY_LEVEL 8

/* compressBound() reckons with zlib's wrapper of 6 bytes; gzip's takes 18. */
#define WRAPPER_EXTRA 12

static size_t gzip_bound(size_t size)
{
	return compressBound(size) + WRAPPER_EXTRA;
}

static int gzip_compressor_create(int level, void **context)
{
	z_stream *z = calloc(1, sizeof *z);
	if (!z)
		return -ENOMEM;
	if (deflateInit2(z, level, Z_DEFLATED, WINDOW_BITS + GZIP_WRAPPER, MEMORY_LEVEL,
		    Z_DEFAULT_STRATEGY) != Z_OK) {
		free(z);
		return -ENOMEM;
	}
	*context = z;
	return 0;
}

static void gzip_compressor_free(void *context)
{
	deflateEnd(context);
	free(context);
}

static int gzip_decompressor_create(void **context)
{
	z_stream *z = calloc(1, sizeof *z);
	if (!z)
		return -ENOMEM;
	if (inflateInit2(z, WINDOW_BITS + GZIP_WRAPPER) != Z_OK) {
		free(z);
		return -ENOMEM;
	}
	*context = z;
	return 0;
}

static void gzip_decompressor_free(void *context)
{
	inflateEnd(context);
	free(context);
}

static void stream_point(z_stream *z, const uint8_t *in, size_t size, uint8_t *out, size_t capacity)
{
	z->next_in = in;
	z->avail_in = (uInt)size;
	z->next_out = out;
	z->avail_out = (uInt)MIN(capacity, CODEC_INPUT_MAX);
}

static ssize_t gzip_compress(
	void *context, const uint8_t *in, size_t size, uint8_t *out, size_t capacity)
{
	z_stream *z = context;
	deflateReset(z);
	stream_point(z, in, size, out, capacity);
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return -ENOSPC;
	return z->next_out - out;
}

static ssize_t gzip_decompress(
	void *context, const uint8_t *in, size_t size, uint8_t *out, size_t capacity)
{
	z_stream *z = context;
	uint8_t spill; /* tells output that does not fit from input that ends too early */
	bool spilling = false;
	inflateReset(z);
	stream_point(z, in, size, out, capacity);
	for (;;) {
		if (!spilling && z->avail_out == 0) {
			spilling = true;
			z->next_out = &spill;
			z->avail_out = 1;
		}
		int status = inflate(z, Z_NO_FLUSH);
		if (spilling && z->avail_out == 0)
			return -E2BIG;
		if (status == Z_MEM_ERROR)
			return -ENOMEM;
		if (status == Z_STREAM_END && z->avail_in == 0)
			break;
		if (status == Z_STREAM_END)
			inflateReset(z); /* another member follows */
		else if (status != Z_OK || (z->avail_in == 0 && z->avail_out > 0))
			return -EPROTO;
	}
	return spilling ? (ssize_t)capacity : z->next_out - out;
}

const struct codec_operations codec_gzip = {
	.name = "gzip",
	.has_levels = true,
	.level_low = 1,
	.level_high = 9,
	.level_default = Z_DEFAULT_COMPRESSION,
	.bound = gzip_bound,
	.compressor_create = gzip_compressor_create,
	.compressor_free = gzip_compressor_free,
	.decompressor_create = gzip_decompressor_create,
	.decompressor_free = gzip_decompressor_free,
	.compress = gzip_compress,
	.decompress = gzip_decompress,
};
