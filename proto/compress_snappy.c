/*
 * snappy. Written raw: one block without framing, as librdkafka does and every reader accepts. Read
 * raw, or framed as snappy-java's SnappyOutputStream does it, which is what Kafka's Java client
 * writes: a magic, two version numbers, then blocks, each after its size (32 bits, big endian).
 * Java writes the header once per stream; streams may follow one another.
 */
#include <errno.h>

#include <snappy-c.h>

#include "codec.h"

static const uint8_t xerial_magic[8] = { 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0 };

#define XERIAL_HEADER_SIZE  16 /* magic, version, lowest version that can read it */
#define XERIAL_VERSION_READ 1

static uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static size_t snappy_bound(size_t size)
{
	return snappy_max_compressed_length(size);
}

static ssize_t snappy_compress_raw(
	void *context, const uint8_t *in, size_t size, uint8_t *out, size_t capacity)
{
	(void)context;
	if (snappy_compress((const char *)in, size, (char *)out, &capacity) != SNAPPY_OK)
		return -ENOSPC;
	return (ssize_t)capacity;
}

static ssize_t decompress_raw(const uint8_t *in, size_t size, uint8_t *out, size_t capacity)
{
	size_t restored;
	if (snappy_uncompressed_length((const char *)in, size, &restored) != SNAPPY_OK)
		return -EPROTO;
	if (restored > capacity)
		return -E2BIG;
	if (snappy_uncompress((const char *)in, size, (char *)out, &capacity) != SNAPPY_OK)
		return -EPROTO;
	return (ssize_t)capacity;
}

static bool starts_with_magic(const uint8_t *in, size_t size)
{
	return size >= sizeof xerial_magic && memcmp(in, xerial_magic, sizeof xerial_magic) == 0;
}

static ssize_t decompress_xerial(const uint8_t *in, size_t size, uint8_t *out, size_t capacity)
{
	size_t total = 0;
	while (size) {
		if (starts_with_magic(in, size)) {
			if (size < XERIAL_HEADER_SIZE || load_be32(in + 12) > XERIAL_VERSION_READ)
				return -EPROTO;
			in += XERIAL_HEADER_SIZE;
			size -= XERIAL_HEADER_SIZE;
			continue;
		}
		if (size < 4)
			return -EPROTO;
		size_t block = load_be32(in);
		if (block > size - 4)
			return -EPROTO;
		ssize_t restored = decompress_raw(in + 4, block, out + total, capacity - total);
		if (restored < 0)
			return restored;
		total += (size_t)restored;
		in += 4 + block;
		size -= 4 + block;
	}
	return (ssize_t)total;
}

/* No raw block starts with the magic: its third byte would be a copy from before the beginning. */
static ssize_t snappy_decompress(
	void *context, const uint8_t *in, size_t size, uint8_t *out, size_t capacity)
{
	(void)context;
	if (starts_with_magic(in, size))
		return decompress_xerial(in, size, out, capacity);
	return decompress_raw(in, size, out, capacity);
}

const struct codec_operations codec_snappy = {
	.name = "snappy",
	.bound = snappy_bound,
	.compress = snappy_compress_raw,
	.decompress = snappy_decompress,
};
