/* Shows: round trips of every codec and level, limits, truncation, framings that Kafka meets. */
#include "../test.h"

#include <errno.h>

#include "proto/compress.h"
#include "random.h"

#define SIZE_MAX_TRIED 200000

struct fixture {
	struct decompressor *decompressor;
	struct random random;
	uint8_t *in, *packed, *out;
	size_t packed_capacity;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	f->decompressor = decompressor_create();
	assert_non_null(f->decompressor);
	random_seed(&f->random, 7);
	f->packed_capacity = 2 * SIZE_MAX_TRIED;
	f->in = malloc(SIZE_MAX_TRIED);
	f->out = malloc(SIZE_MAX_TRIED + 1);
	f->packed = malloc(f->packed_capacity);
	assert_true(f->in && f->out && f->packed);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	decompressor_free(f->decompressor);
	free(f->in);
	free(f->out);
	free(f->packed);
	free(f);
	return 0;
}

/* `alphabet` letters: 1 compresses extremely, 256 not at all. */
static void fill(struct fixture *f, size_t size, uint64_t alphabet)
{
	for (size_t i = 0; i < size; i++)
		f->in[i] = (uint8_t)random_below(&f->random, alphabet);
}

static size_t pack(struct fixture *f, enum codec codec, int level, size_t size)
{
	struct compressor *c = compressor_create(codec, level);
	assert_non_null(c);
	assert_int_equal(compressor_codec(c), codec);
	ssize_t packed = compressor_run(c, f->in, size, f->packed, compress_bound(codec, size));
	assert_true(packed >= 0);
	compressor_free(c);
	return (size_t)packed;
}

static ssize_t unpack(struct fixture *f, enum codec codec, size_t packed, size_t capacity)
{
	/* An exact copy, so that a sanitizer sees every byte read or written too many. */
	uint8_t *in = malloc(packed ? packed : 1), *out = malloc(capacity ? capacity : 1);
	assert_true(in && out);
	memcpy(in, f->packed, packed);
	ssize_t size = decompressor_run(f->decompressor, codec, in, packed, out, capacity);
	if (size > 0)
		memcpy(f->out, out, (size_t)size);
	free(in);
	free(out);
	return size;
}

static void test_names_are_kafkas(void **state)
{
	(void)state;
	const char *names[] = { "none", "gzip", "snappy", "lz4", "zstd" };
	for (int i = 0; i < CODEC_COUNT; i++) {
		assert_string_equal(codec_name((enum codec)i), names[i]);
		assert_int_equal(codec_find(string_of(names[i])), i);
	}
	assert_int_equal(codec_find(STRING("zst")), -ENOENT);
	assert_int_equal(codec_find(STRING("")), -ENOENT);
	assert_int_equal(codec_find(NULL_STRING), -ENOENT);
}

static void test_round_trip_at_every_size_and_entropy(void **state)
{
	struct fixture *f = *state;
	static const size_t sizes[] = { 0, 1, 2, 7, 61, 100, 1000, 65535, 65536, 65537, 131072,
		SIZE_MAX_TRIED };
	static const uint64_t alphabets[] = { 1, 4, 256 };
	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		for (size_t i = 0; i < COUNT_OF(sizes) * COUNT_OF(alphabets); i++) {
			size_t size = sizes[i % COUNT_OF(sizes)];
			uint64_t alphabet = alphabets[i / COUNT_OF(sizes)];
			fill(f, size, alphabet);
			size_t packed = pack(f, (enum codec)codec, CODEC_LEVEL_DEFAULT, size);
			if (codec != CODEC_NONE && alphabet < 256 && size >= 1000)
				assert_true(packed < size);
			/* Room for exactly the result is enough; one byte less is refused. */
			assert_int_equal(unpack(f, (enum codec)codec, packed, size), size);
			assert_memory_equal(f->in, f->out, size);
			if (size)
				assert_int_equal(
					unpack(f, (enum codec)codec, packed, size - 1), -E2BIG);
		}
	}
}

static void test_every_level_stays_within_the_bound(void **state)
{
	struct fixture *f = *state;
	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		int low, high;
		if (!codec_levels((enum codec)codec, &low, &high)) {
			assert_true(codec == CODEC_NONE || codec == CODEC_SNAPPY);
			continue;
		}
		for (int level = MAX(low, -5); level <= high; level++) {
			static const size_t sizes[] = { 0, 13, 5000, 70000 };
			for (size_t i = 0; i < COUNT_OF(sizes); i++) {
				fill(f, sizes[i], 256);
				size_t packed = pack(f, (enum codec)codec, level, sizes[i]);
				assert_int_equal(
					unpack(f, (enum codec)codec, packed, SIZE_MAX_TRIED),
					sizes[i]);
				assert_memory_equal(f->in, f->out, sizes[i]);
			}
		}
	}
	/* The lowest of all, too. */
	fill(f, 5000, 256);
	assert_int_equal(unpack(f, CODEC_ZSTD, pack(f, CODEC_ZSTD, -131072, 5000), 5000), 5000);
}

static void test_higher_level_compresses_more(void **state)
{
	struct fixture *f = *state;
	/* Words of a small vocabulary: repetition that a better search finds more of. */
	for (size_t i = 0; i < 100000; i += 10) {
		uint64_t word = random_below(&f->random, 300);
		for (size_t k = 0; k < 10; k++)
			f->in[i + k] = (uint8_t)(word * (k + 1) * 7);
	}
	static const enum codec codecs[] = { CODEC_GZIP, CODEC_LZ4, CODEC_ZSTD };
	for (size_t i = 0; i < COUNT_OF(codecs); i++) {
		int low, high;
		assert_true(codec_levels(codecs[i], &low, &high));
		size_t fast = pack(f, codecs[i], MAX(low, 1), 100000);
		assert_true(pack(f, codecs[i], high, 100000) < fast);
	}
}

static void test_too_little_room_to_compress_is_refused(void **state)
{
	struct fixture *f = *state;
	fill(f, 5000, 256);
	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		struct compressor *c = compressor_create((enum codec)codec, CODEC_LEVEL_DEFAULT);
		assert_non_null(c);
		uint8_t *out = malloc(1000);
		assert_non_null(out);
		assert_int_equal(compressor_run(c, f->in, 5000, out, 1000), -ENOSPC);
		free(out);
		/* The context is good for the next batch. */
		ssize_t packed = compressor_run(c, f->in, 5000, f->packed, f->packed_capacity);
		assert_true(packed > 0);
		assert_int_equal(unpack(f, (enum codec)codec, (size_t)packed, 5000), 5000);
		compressor_free(c);
	}
}

static void test_every_truncation_is_malformed(void **state)
{
	struct fixture *f = *state;
	static const uint64_t alphabets[] = { 1, 20, 256 };
	for (int codec = CODEC_GZIP; codec < CODEC_COUNT; codec++) {
		for (size_t a = 0; a < COUNT_OF(alphabets); a++) {
			fill(f, 700, alphabets[a]);
			size_t packed = pack(f, (enum codec)codec, CODEC_LEVEL_DEFAULT, 700);
			for (size_t cut = 0; cut < packed; cut++)
				assert_int_equal(unpack(f, (enum codec)codec, cut, 700), -EPROTO);
			/* And the context still works. */
			assert_int_equal(unpack(f, (enum codec)codec, packed, 700), 700);
		}
	}
}

static void test_noise_is_refused_without_harm(void **state)
{
	struct fixture *f = *state;
	fill(f, 2000, 8);
	for (int codec = CODEC_GZIP; codec < CODEC_COUNT; codec++) {
		size_t packed = pack(f, (enum codec)codec, CODEC_LEVEL_DEFAULT, 2000);
		for (int round = 0; round < 3000; round++) {
			size_t at = random_below(&f->random, packed);
			uint8_t was = f->packed[at];
			f->packed[at] ^= (uint8_t)(1 + random_below(&f->random, 255));
			ssize_t size = unpack(f, (enum codec)codec, packed, 3000);
			assert_true(
				size == -EPROTO || size == -E2BIG || (size >= 0 && size <= 3000));
			f->packed[at] = was;
		}
		assert_int_equal(unpack(f, (enum codec)codec, packed, 3000), 2000);
		assert_memory_equal(f->in, f->out, 2000);
	}
}

static void test_frames_in_a_row_are_one_input(void **state)
{
	struct fixture *f = *state;
	static const enum codec codecs[] = { CODEC_GZIP, CODEC_LZ4, CODEC_ZSTD };
	for (size_t i = 0; i < COUNT_OF(codecs); i++) {
		fill(f, 3000, 30);
		struct compressor *c = compressor_create(codecs[i], CODEC_LEVEL_DEFAULT);
		assert_non_null(c);
		size_t total = 0;
		static const size_t parts[] = { 1000, 0, 1999, 1 };
		size_t at = 0;
		for (size_t part = 0; part < COUNT_OF(parts); at += parts[part++]) {
			ssize_t packed = compressor_run(c, f->in + at, parts[part],
				f->packed + total, f->packed_capacity - total);
			assert_true(packed > 0);
			total += (size_t)packed;
		}
		compressor_free(c);
		assert_int_equal(unpack(f, codecs[i], total, 3000), 3000);
		assert_memory_equal(f->in, f->out, 3000);
		assert_int_equal(unpack(f, codecs[i], total, 2999), -E2BIG);
		f->packed[total] = 'x';
		assert_int_equal(unpack(f, codecs[i], total + 1, 3000), -EPROTO);
	}
}

static void store_be32(uint8_t *p, size_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static const uint8_t xerial_header[16] = { 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0,
	0, 1 };

/* Frames `count` blocks of `size` bytes each of f->in as snappy-java does. */
static size_t pack_xerial(struct fixture *f, size_t count, size_t size)
{
	struct compressor *c = compressor_create(CODEC_SNAPPY, CODEC_LEVEL_DEFAULT);
	assert_non_null(c);
	memcpy(f->packed, xerial_header, sizeof xerial_header);
	size_t total = sizeof xerial_header;
	for (size_t i = 0; i < count; i++) {
		ssize_t packed = compressor_run(c, f->in + i * size, size, f->packed + total + 4,
			f->packed_capacity - total - 4);
		assert_true(packed > 0);
		store_be32(f->packed + total, (size_t)packed);
		total += 4 + (size_t)packed;
	}
	compressor_free(c);
	return total;
}

static void test_xerial_framing_is_read(void **state)
{
	struct fixture *f = *state;
	fill(f, 3000, 30);
	size_t packed = pack_xerial(f, 3, 1000);
	assert_int_equal(unpack(f, CODEC_SNAPPY, packed, 3000), 3000);
	assert_memory_equal(f->in, f->out, 3000);
	assert_int_equal(unpack(f, CODEC_SNAPPY, packed, 2999), -E2BIG);
	assert_int_equal(unpack(f, CODEC_SNAPPY, sizeof xerial_header, 3000), 0);

	/* Every cut but those between blocks; before the magic is whole it looks raw. */
	int whole = 0;
	for (size_t cut = 8; cut < packed; cut++) {
		ssize_t size = unpack(f, CODEC_SNAPPY, cut, 3000);
		if (size >= 0) {
			assert_int_equal(size, whole * 1000);
			whole++;
		} else {
			assert_int_equal(size, -EPROTO);
		}
	}
	assert_int_equal(whole, 3);

	/* A second stream after the first. */
	memcpy(f->packed + packed, f->packed, packed);
	assert_int_equal(unpack(f, CODEC_SNAPPY, 2 * packed, 6000), 6000);
	assert_memory_equal(f->in, f->out + 3000, 3000);

	/* A block larger than what is left, and a version that no reader knows. */
	store_be32(f->packed + sizeof xerial_header, 0xffffffff);
	assert_int_equal(unpack(f, CODEC_SNAPPY, packed, 3000), -EPROTO);
	pack_xerial(f, 3, 1000);
	f->packed[15] = 2;
	assert_int_equal(unpack(f, CODEC_SNAPPY, packed, 3000), -EPROTO);
}

static void test_bombs_are_refused_at_the_limit(void **state)
{
	struct fixture *f = *state;
	size_t size = 64 * 1024 * 1024, limit = 100000;
	uint8_t *zeros = calloc(1, size);
	assert_non_null(zeros);
	for (int codec = CODEC_GZIP; codec < CODEC_COUNT; codec++) {
		struct compressor *c = compressor_create((enum codec)codec, CODEC_LEVEL_DEFAULT);
		size_t capacity = compress_bound((enum codec)codec, size);
		uint8_t *packed = malloc(capacity);
		assert_true(c && packed);
		ssize_t packed_size = compressor_run(c, zeros, size, packed, capacity);
		assert_true(packed_size > 0 && (size_t)packed_size < size / 10);
		uint8_t *out = malloc(limit);
		assert_non_null(out);
		assert_int_equal(decompressor_run(f->decompressor, (enum codec)codec, packed,
					 (size_t)packed_size, out, limit),
			-E2BIG);
		free(out);
		free(packed);
		compressor_free(c);
	}
	free(zeros);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_names_are_kafkas),
		CASE(test_round_trip_at_every_size_and_entropy),
		CASE(test_every_level_stays_within_the_bound),
		CASE(test_higher_level_compresses_more),
		CASE(test_too_little_room_to_compress_is_refused),
		CASE(test_every_truncation_is_malformed),
		CASE(test_noise_is_refused_without_harm),
		CASE(test_frames_in_a_row_are_one_input),
		CASE(test_xerial_framing_is_read),
		CASE(test_bombs_are_refused_at_the_limit),
	};
	return RUN_TESTS(tests);
}
