/*
 * Fuzzes the codecs.
 *
 * Input: a byte (codec and mode), two bytes of limit, then the bytes to restore or, by mode, to
 * compress. Shown: no crash, nothing written beyond the limit, and what was compressed comes back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/compress.h"

#define INPUT_HEAD     3
#define MODE_COMPRESS  0x80
#define LEVELS_PER_RUN 4 /* zstd's highest levels are too slow to fuzz */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "not so: %s\n", #condition);                               \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void restore(enum codec codec, const uint8_t *data, size_t size, size_t limit)
{
	struct decompressor *d = decompressor_create();
	uint8_t *out = malloc(limit ? limit : 1);
	CHECK(d && out);
	ssize_t restored = decompressor_run(d, codec, data, size, out, limit);
	CHECK(restored <= (ssize_t)limit);
	CHECK(restored >= 0 || restored == -E2BIG || restored == -EPROTO);
	if (restored >= 0) {
		/* Exactly as much room is enough, and the context carries nothing over. */
		uint8_t *again = malloc(restored ? (size_t)restored : 1);
		CHECK(again);
		CHECK(decompressor_run(d, codec, data, size, again, (size_t)restored) == restored);
		CHECK(restored == 0 || memcmp(out, again, (size_t)restored) == 0);
		if (restored > 0)
			CHECK(decompressor_run(d, codec, data, size, again, (size_t)restored - 1) ==
				-E2BIG);
		free(again);
	}
	free(out);
	decompressor_free(d);
}

static void round_trip(enum codec codec, const uint8_t *data, size_t size, size_t choice)
{
	int low, high, level = CODEC_LEVEL_DEFAULT;
	if (codec_levels(codec, &low, &high) && choice % 2)
		level = 1 + (int)(choice / 2 % LEVELS_PER_RUN);
	struct compressor *c = compressor_create(codec, level);
	struct decompressor *d = decompressor_create();
	size_t bound = compress_bound(codec, size);
	uint8_t *packed = malloc(bound ? bound : 1), *out = malloc(size ? size : 1);
	CHECK(c && d && packed && out);
	ssize_t packed_size = compressor_run(c, data, size, packed, bound);
	CHECK(packed_size >= 0);
	CHECK(decompressor_run(d, codec, packed, (size_t)packed_size, out, size) == (ssize_t)size);
	CHECK(size == 0 || memcmp(data, out, size) == 0);
	free(out);
	free(packed);
	decompressor_free(d);
	compressor_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < INPUT_HEAD)
		return 0;
	enum codec codec = (enum codec)((data[0] & 0x7f) % CODEC_COUNT);
	size_t limit = (size_t)data[1] << 8 | data[2];
	bool compresses = data[0] & MODE_COMPRESS;
	data += INPUT_HEAD;
	size -= INPUT_HEAD;
	if (compresses)
		round_trip(codec, data, size, limit);
	else
		restore(codec, data, size, limit);
	return 0;
}
