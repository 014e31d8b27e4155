/* What compress.c asks of each codec. A context is whatever the codec's library needs; NULL is
 * fine. */
#ifndef HARROW_CODEC_H
#define HARROW_CODEC_H

#include "proto/compress.h"

struct codec_operations {
	const char *name;
	bool has_levels;
	int level_low, level_high, level_default;

	size_t (*bound)(size_t size);

	/* 0 and *context, or -ENOMEM. Codecs without a context leave these four NULL. */
	int (*compressor_create)(int level, void **context);
	void (*compressor_free)(void *context);
	int (*decompressor_create)(void **context);
	void (*decompressor_free)(void *context);

	/* As compressor_run() and decompressor_run(). Sizes are at most CODEC_INPUT_MAX. */
	ssize_t (*compress)(
		void *context, const uint8_t *in, size_t size, uint8_t *out, size_t capacity);
	ssize_t (*decompress)(
		void *context, const uint8_t *in, size_t size, uint8_t *out, size_t capacity);
};

/* zlib and snappy count in 32 bits, and a batch cannot be larger. */
#define CODEC_INPUT_MAX ((size_t)INT32_MAX)

extern const struct codec_operations codec_gzip, codec_snappy, codec_lz4, codec_zstd;

#endif
