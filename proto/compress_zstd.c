/*
 * zstd (RFC 8878), without dictionary, a whole batch per call. One call restores straight into the
 * caller's memory and so never allocates a window, however large a frame says that its window is.
 */
#include <errno.h>

#include <zstd.h>
#include <zstd_errors.h>

#include "codec.h"

#define LEVEL_LOW  (-131072) /* ZSTD_minCLevel() */
#define LEVEL_HIGH 22        /* ZSTD_maxCLevel() */

static size_t zstd_bound(size_t size)
{
	return ZSTD_compressBound(size);
}

static int zstd_compressor_create(int level, void **context)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	if (!c)
		return -ENOMEM;
	ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
	*context = c;
	return 0;
}

static void zstd_compressor_free(void *context)
{
	ZSTD_freeCCtx(context);
}

static int zstd_decompressor_create(void **context)
{
	*context = ZSTD_createDCtx();
	return *context ? 0 : -ENOMEM;
}

static void zstd_decompressor_free(void *context)
{
	ZSTD_freeDCtx(context);
}

static ssize_t zstd_compress(
	void *context, const uint8_t *in, size_t size, uint8_t *out, size_t capacity)
{
	size_t written = ZSTD_compress2(context, out, capacity, in, size);
	if (ZSTD_isError(written))
		return ZSTD_getErrorCode(written) == ZSTD_error_dstSize_tooSmall ? -ENOSPC
										 : -ENOMEM;
	return (ssize_t)written;
}

static ssize_t zstd_decompress(
	void *context, const uint8_t *in, size_t size, uint8_t *out, size_t capacity)
{
	if (size == 0)
		return -EPROTO; /* no frame at all, which the library takes for an empty one */
	size_t restored = ZSTD_decompressDCtx(context, out, capacity, in, size);
	if (!ZSTD_isError(restored))
		return (ssize_t)restored;
	switch (ZSTD_getErrorCode(restored)) {
	case ZSTD_error_dstSize_tooSmall:
		return -E2BIG;
	case ZSTD_error_memory_allocation:
		return -ENOMEM;
	default:
		return -EPROTO;
	}
}

const struct codec_operations codec_zstd = {
	.name = "zstd",
	.has_levels = true,
	.level_low = LEVEL_LOW,
	.level_high = LEVEL_HIGH,
	.level_default = ZSTD_CLEVEL_DEFAULT,
	.bound = zstd_bound,
	.compressor_create = zstd_compressor_create,
	.compressor_free = zstd_compressor_free,
	.decompressor_create = zstd_decompressor_create,
	.decompressor_free = zstd_decompressor_free,
	.compress = zstd_compress,
	.decompress = zstd_decompress,
};
