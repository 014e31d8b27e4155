/*
 * The compression codecs of record batches, behind one face.
 *
 * These wrap libraries (zlib, snappy, lz4, zstd), which allocate: a context is created once, at
 * start, and used for every batch. After its first few uses it allocates no more, except in snappy,
 * whose library takes its working memory for each call. A context serves one thread at a time.
 */
#ifndef HARROW_PROTO_COMPRESS_H
#define HARROW_PROTO_COMPRESS_H

#include <limits.h>

#include "base.h"

/* The numbers are those of a batch's attributes (bits 0 to 2). */
enum codec {
	CODEC_NONE = 0,
	CODEC_GZIP = 1,
	CODEC_SNAPPY = 2,
	CODEC_LZ4 = 3,
	CODEC_ZSTD = 4,
};

#define CODEC_COUNT         5
#define CODEC_LEVEL_DEFAULT INT_MIN /* the library's own default */

/* What Kafka's compression.type calls it: "none", "gzip", "snappy", "lz4", "zstd". */
const char *codec_name(enum codec codec);

/* The codec of that name, or -ENOENT. */
int codec_find(struct string name);

/* The levels that the codec accepts; false when it has none (none and snappy). */
bool codec_levels(enum codec codec, int *low, int *high);

struct compressor;

/* NULL when memory is short. The level must be CODEC_LEVEL_DEFAULT or within codec_levels(). */
struct compressor *compressor_create(enum codec codec, int level);
void compressor_free(struct compressor *c);
enum codec compressor_codec(const struct compressor *c);

/* The most that compressor_run() may write for `size` bytes at any level. */
size_t compress_bound(enum codec codec, size_t size);

/*
 * Compresses all of `in` into `out` and returns the size; -ENOSPC when it does not fit, which
 * cannot be when capacity is at least compress_bound(); -ENOMEM when the library found no memory.
 * Gzip has its header, snappy is raw (one block without framing), lz4 is a frame of independent
 * 64 KiB blocks without checksums of content, zstd is one frame without dictionary.
 */
ssize_t compressor_run(
	struct compressor *c, const void *in, size_t size, void *out, size_t capacity);

struct decompressor;

/* One serves all codecs. NULL when memory is short. */
struct decompressor *decompressor_create(void);
void decompressor_free(struct decompressor *d);

/*
 * Restores all of `in` into `out` and returns the size; -E2BIG when it takes more than `capacity`
 * (nothing is ever written beyond), -EPROTO when the input is malformed or ends too early, -ENOMEM
 * when the library found no memory. Several gzip members, lz4 frames or zstd frames in a row are
 * one input. Snappy is raw, or framed as Java's snappy-java does it.
 */
ssize_t decompressor_run(struct decompressor *d, enum codec codec, const void *in, size_t size,
	void *out, size_t capacity);

#endif
