/*
 * Shows: batches are built as Kafka lays them out and exactly as large as reckoned; every damage is
 * caught; segments may split anywhere and the end may be missing.
 */
#include "../test.h"

#include <errno.h>

#include "sample_batch.h"
#include "proto/crc32c.h"

#define MEMORY_SIZE ((size_t)1 << 20)

struct fixture {
	struct random random;
	struct arena arena;
	struct decompressor *decompressor;
	uint8_t *memory; /* to decompress into */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	random_seed(&f->random, 3);
	arena_init(&f->arena, 64 << 20);
	f->decompressor = decompressor_create();
	f->memory = malloc(MEMORY_SIZE);
	assert_true(f->decompressor && f->memory);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	decompressor_free(f->decompressor);
	arena_free(&f->arena);
	free(f->memory);
	free(f);
	return 0;
}

static struct batch read_one(const uint8_t *data, size_t size)
{
	struct batch batch = { .data = data, .size = size };
	assert_int_equal(batch_header_read(data, size, &batch.header), 0);
	return batch;
}

static void checksum_repair(uint8_t *data, size_t size)
{
	uint32_t crc = crc32c(0, data + 21, size - 21);
	for (int i = 0; i < 4; i++)
		data[17 + i] = (uint8_t)(crc >> (24 - 8 * i));
}

static void test_layout_is_kafkas(void **state)
{
	(void)state;
	static const uint8_t expected[] = {
		0, 0, 0, 0, 0, 0, 0, 0,       /* base offset */
		0, 0, 0, 65,                  /* length of the rest */
		0xff, 0xff, 0xff, 0xff,       /* leader epoch */
		2,                            /* magic */
		0, 0, 0, 0,                   /* crc, filled in below */
		0, 0x10,                      /* attributes: transactional */
		0, 0, 0, 0,                   /* last offset delta */
		0, 0, 0, 0, 0, 0, 3, 0xe8,    /* base timestamp: 1000 */
		0, 0, 0, 0, 0, 0, 3, 0xe7,    /* max timestamp: 999 */
		0, 0, 0, 0, 0, 0, 0x12, 0x34, /* producer id */
		0, 5,                         /* producer epoch */
		0, 0, 0, 9,                   /* base sequence */
		0, 0, 0, 1,                   /* records */
		30,                           /* record: length 15 */
		0,                            /* attributes */
		1,                            /* timestamp delta: -1 */
		0,                            /* offset delta */
		6, 'k', 'e', 'y',             /* key */
		1,                            /* value: null */
		4,                            /* headers: two */
		2, 'h', 2, '1',               /* h = 1 */
		0, 1,                         /* an empty name, null */
	};
	uint8_t memory[sizeof expected];
	struct record_header headers[] = {
		{ STRING("h"), { (const uint8_t *)"1", 1 } },
		{ STRING(""), NULL_BYTES },
	};
	struct batch_builder b;
	batch_begin(&b, memory, sizeof memory, 1000);
	struct bytes key = { (const uint8_t *)"key", 3 };
	assert_true(batch_append(&b, 999, key, NULL_BYTES, headers, 2));
	struct batch_seal seal = {
		.producer_id = 0x1234,
		.producer_epoch = 5,
		.base_sequence = 9,
		.transactional = true,
	};
	assert_int_equal(batch_finish(&b, &seal, NULL, 0), sizeof expected);
	uint8_t with_crc[sizeof expected];
	memcpy(with_crc, expected, sizeof expected);
	checksum_repair(with_crc, sizeof with_crc);
	assert_memory_equal(memory, with_crc, sizeof expected);
}

static void test_random_batches_round_trip_with_every_codec(void **state)
{
	struct fixture *f = *state;
	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		struct batch_seal seal = BATCH_SEAL_PLAIN;
		seal.compressor = compressor_create((enum codec)codec, CODEC_LEVEL_DEFAULT);
		assert_non_null(seal.compressor);
		for (int round = 0; round < 100; round++) {
			arena_reset(&f->arena);
			int32_t count =
				(int32_t)(1 + random_below(&f->random, round % 10 ? 20 : 300));
			size_t size_max = round % 7 ? 100 : 2000;
			struct sample s = sample_make(&f->random, &f->arena, count, size_max);
			seal.producer_id = (int64_t)(random_next(&f->random) >> 1);
			seal.producer_epoch = (int16_t)random_below(&f->random, 32768);
			seal.base_sequence = (int32_t)random_below(&f->random, 1u << 31);
			seal.transactional = round % 2;
			size_t size;
			uint8_t *data = sample_batch(&s, &seal, &size);
			struct batch batch = read_one(data, size);
			assert_int_equal(batch_verify(&batch), 0);
			assert_int_equal(batch.header.codec, codec);
			assert_int_equal(batch.header.producer_id, seal.producer_id);
			assert_int_equal(batch.header.producer_epoch, seal.producer_epoch);
			assert_int_equal(batch.header.base_sequence, seal.base_sequence);
			assert_int_equal(batch.header.transactional, seal.transactional);
			assert_false(batch.header.control);
			assert_false(batch.header.log_append_time);
			assert_int_equal(batch.header.leader_epoch, NO_LEADER_EPOCH);
			sample_expect(&s, &batch, f->decompressor, f->memory, MEMORY_SIZE);
			free(data);
		}
		compressor_free(seal.compressor);
	}
}

static void test_reserved_values_are_as_appended_ones(void **state)
{
	struct fixture *f = *state;
	struct sample s = sample_make(&f->random, &f->arena, 200, 300);
	struct batch_seal seal = BATCH_SEAL_PLAIN;
	size_t size;
	uint8_t *appended = sample_batch(&s, &seal, &size);
	uint8_t *memory = malloc(size);
	assert_non_null(memory);
	struct batch_builder b;
	batch_begin(&b, memory, size, SAMPLE_TIME_MS);
	for (int32_t i = 0; i < s.count; i++) {
		const struct sample_record *r = &s.records[i];
		uint8_t *value = batch_reserve(
			&b, r->timestamp_ms, r->key, r->value.size, r->headers, r->header_count);
		assert_non_null(value);
		if (r->value.size > 0)
			memcpy(value, r->value.data, (size_t)r->value.size);
	}
	assert_int_equal(batch_finish(&b, &seal, NULL, 0), size);
	assert_memory_equal(memory, appended, size);
	free(memory);
	free(appended);
}

/* Every capacity, so that each byte of the last record is once the one that does not fit. */
static void test_capacity_is_used_exactly(void **state)
{
	(void)state;
	uint8_t zeros[90] = { 0 };
	struct record_header headers[] = { { STRING("name"), { zeros, 5 } } };
	struct bytes key = { zeros, 7 }, value = { zeros, 70 };
	for (size_t capacity = BATCH_HEADER_SIZE; capacity < 900; capacity++) {
		uint8_t *memory = malloc(capacity);
		assert_non_null(memory);
		struct batch_builder b;
		batch_begin(&b, memory, capacity, 0);
		int32_t fit = batch_fit_count(capacity, 1000, key.size, value.size, headers, 1);
		for (int32_t i = 0; i < fit; i++) {
			size_t before = b.size;
			assert_true(batch_append(&b, 1000, key, value, headers, 1));
			assert_int_equal(b.size - before, record_size(1000, i, 7, 70, headers, 1));
		}
		struct batch_builder full = b;
		assert_false(batch_append(&b, 1000, key, value, headers, 1));
		assert_memory_equal(&b, &full, sizeof b);
		assert_true(b.size <= capacity);
		assert_true(capacity - b.size < record_size(1000, fit, 7, 70, headers, 1));
		free(memory);
	}
}

static void test_fit_count_follows_growing_offsets(void **state)
{
	(void)state;
	size_t capacity = 20 << 20; /* beyond 2^20 records of 13 bytes: four widths of the offset */
	uint8_t *memory = malloc(capacity);
	assert_non_null(memory);
	struct batch_builder b;
	batch_begin(&b, memory, capacity, 0);
	uint8_t zeros[4] = { 0 };
	struct bytes value = { zeros, sizeof zeros };
	while (batch_append(&b, -64, NULL_BYTES, value, NULL, 0))
		;
	assert_true(b.record_count > 1 << 20);
	assert_int_equal(b.record_count, batch_fit_count(capacity, -64, -1, sizeof zeros, NULL, 0));
	assert_true(batch_finish(&b, &BATCH_SEAL_PLAIN, NULL, 0) > 0);
	struct batch batch = read_one(memory, b.size);
	assert_int_equal(batch_verify(&batch), 0);
	struct record_iterator it;
	assert_int_equal(record_iterator_init(&it, &batch, NULL, NULL, 0), 0);
	struct record record;
	int64_t count = 0;
	while (record_next(&it, &record) == 1)
		assert_int_equal(record.offset, count++);
	assert_int_equal(count, b.record_count);
	free(memory);
	assert_int_equal(batch_fit_count(10, 0, -1, 0, NULL, 0), 0);
	assert_int_equal(batch_fit_count(BATCH_HEADER_SIZE, 0, -1, 0, NULL, 0), 0);
	assert_int_equal(batch_fit_count(SIZE_MAX, 0, -1, INT32_MAX, NULL, 0), 0);
}

static void test_full_builder_compresses_into_too_little_room_and_again(void **state)
{
	struct fixture *f = *state;
	struct sample s = sample_make(&f->random, &f->arena, 50, 300);
	size_t bound = sample_size_bound(&s);
	uint8_t *memory = malloc(bound), out[70];
	assert_non_null(memory);
	struct batch_seal seal = BATCH_SEAL_PLAIN;
	for (int codec = CODEC_GZIP; codec < CODEC_COUNT; codec++) {
		seal.compressor = compressor_create((enum codec)codec, CODEC_LEVEL_DEFAULT);
		struct batch_builder b;
		batch_begin(&b, memory, bound, SAMPLE_TIME_MS);
		sample_append(&s, &b);
		assert_int_equal(batch_finish(&b, &seal, out, sizeof out), -ENOSPC);
		assert_int_equal(batch_finish(&b, &seal, out, 10), -ENOSPC);
		size_t room = batch_compressed_bound((enum codec)codec, b.size);
		uint8_t *enough = malloc(room);
		ssize_t size = batch_finish(&b, &seal, enough, room);
		assert_true(size > 0);
		struct batch batch = read_one(enough, (size_t)size);
		assert_int_equal(batch_verify(&batch), 0);
		sample_expect(&s, &batch, f->decompressor, f->memory, MEMORY_SIZE);
		free(enough);
		compressor_free(seal.compressor);
	}
	free(memory);
}

static void test_every_bit_flip_is_caught(void **state)
{
	struct fixture *f = *state;
	struct sample s = sample_make(&f->random, &f->arena, 12, 60);
	struct batch_seal seal = BATCH_SEAL_PLAIN;
	size_t size;
	uint8_t *data = sample_batch(&s, &seal, &size);
	for (size_t bit = 0; bit < size * 8; bit++) {
		size_t byte = bit / 8;
		if (byte < 8 || (byte >= 12 && byte < 16))
			continue; /* the leader writes these; nothing guards them */
		data[byte] ^= (uint8_t)(1 << bit % 8);
		struct batch_iterator it;
		struct iovec segment = { data, size };
		struct batch batch;
		batch_iterator_init(&it, &segment, 1, &f->arena);
		int status = batch_next(&it, &batch);
		if (status == 1)
			assert_int_equal(batch_verify(&batch), -EBADMSG);
		else if (status == 0)
			assert_true(byte < 12 && it.cut_short == size); /* a longer length */
		else
			assert_true(status == -EPROTO || status == -ENOTSUP);
		data[byte] ^= (uint8_t)(1 << bit % 8);
	}
	struct batch batch = read_one(data, size);
	assert_int_equal(batch_verify(&batch), 0);
	batch.size--;
	assert_int_equal(batch_verify(&batch), -EPROTO);
	free(data);
}

/* Three batches at offsets 100, 110, 120, with three codecs. */
#define PARTITION_BATCHES 3

struct partition {
	struct sample samples[PARTITION_BATCHES];
	size_t ends[PARTITION_BATCHES];
	uint8_t *data;
	size_t size;
};

static struct partition partition_make(struct fixture *f)
{
	static const enum codec codecs[] = { CODEC_LZ4, CODEC_NONE, CODEC_SNAPPY };
	struct partition p = { .data = malloc(1 << 16) };
	assert_non_null(p.data);
	for (int i = 0; i < PARTITION_BATCHES; i++) {
		p.samples[i] = sample_make(&f->random, &f->arena, 10, 40);
		struct batch_seal seal = BATCH_SEAL_PLAIN;
		seal.compressor = compressor_create(codecs[i], CODEC_LEVEL_DEFAULT);
		size_t size;
		uint8_t *data = sample_batch(&p.samples[i], &seal, &size);
		batch_set_offset(data, size, 100 + 10 * i, 7);
		memcpy(p.data + p.size, data, size);
		p.ends[i] = p.size += size;
		free(data);
		compressor_free(seal.compressor);
	}
	return p;
}

/* Walks all whole batches and returns how many there were. */
static int partition_expect(struct fixture *f, const struct partition *p,
	const struct iovec *segments, size_t count, size_t *cut_short)
{
	struct batch_iterator it;
	struct batch batch;
	struct arena gather;
	arena_init(&gather, 1 << 16);
	batch_iterator_init(&it, segments, count, &gather);
	int batches = 0, status;
	while ((status = batch_next(&it, &batch)) == 1) {
		assert_true(batches < PARTITION_BATCHES);
		assert_int_equal(batch.header.base_offset, 100 + 10 * batches);
		assert_int_equal(batch.header.leader_epoch, 7);
		assert_int_equal(batch_verify(&batch), 0);
		sample_expect(
			&p->samples[batches++], &batch, f->decompressor, f->memory, MEMORY_SIZE);
	}
	assert_int_equal(status, 0);
	*cut_short = it.cut_short;
	arena_free(&gather);
	return batches;
}

static void test_segments_split_at_every_byte(void **state)
{
	struct fixture *f = *state;
	struct partition p = partition_make(f);
	size_t cut_short;
	for (size_t at = 0; at <= p.size; at++) {
		uint8_t *first = malloc(at + 1), *second = malloc(p.size - at + 1);
		assert_true(first && second);
		memcpy(first, p.data, at);
		memcpy(second, p.data + at, p.size - at);
		struct iovec segments[] = { { NULL, 0 }, { first, at }, { NULL, 0 },
			{ second, p.size - at }, { NULL, 0 } };
		assert_int_equal(
			partition_expect(f, &p, segments, COUNT_OF(segments), &cut_short), 3);
		assert_int_equal(cut_short, 0);
		free(first);
		free(second);
	}
	/* And a segment for each byte. */
	struct iovec *bytes = calloc(p.size, sizeof *bytes);
	assert_non_null(bytes);
	for (size_t i = 0; i < p.size; i++)
		bytes[i] = (struct iovec){ p.data + i, 1 };
	assert_int_equal(partition_expect(f, &p, bytes, p.size, &cut_short), 3);
	assert_int_equal(partition_expect(f, &p, NULL, 0, &cut_short), 0);
	free(bytes);
	free(p.data);
}

static void test_last_batch_may_be_cut_short_anywhere(void **state)
{
	struct fixture *f = *state;
	struct partition p = partition_make(f);
	for (size_t size = 0; size <= p.size; size++) {
		uint8_t *data = malloc(size + 1);
		assert_non_null(data);
		memcpy(data, p.data, size);
		int whole = 0;
		size_t end = 0;
		while (whole < PARTITION_BATCHES && p.ends[whole] <= size)
			end = p.ends[whole++];
		struct iovec halves[] = { { data, size / 2 },
			{ data + size / 2, size - size / 2 } };
		size_t cut_short;
		assert_int_equal(partition_expect(f, &p, halves, 2, &cut_short), whole);
		assert_int_equal(cut_short, size - end);
		free(data);
	}
	free(p.data);
}

static void test_gathering_stops_at_the_arenas_limit(void **state)
{
	struct fixture *f = *state;
	struct partition p = partition_make(f);
	struct iovec halves[] = { { p.data, 80 }, { p.data + 80, p.size - 80 } };
	struct arena tiny;
	arena_init(&tiny, 64);
	struct batch_iterator it;
	struct batch batch;
	batch_iterator_init(&it, halves, 2, &tiny);
	assert_int_equal(batch_next(&it, &batch), -ENOMEM);
	assert_int_equal(batch_next(&it, &batch), -ENOMEM);
	arena_free(&tiny);
	free(p.data);
}

static void test_older_and_unknown_formats_are_refused(void **state)
{
	struct fixture *f = *state;
	struct partition p = partition_make(f);
	static const struct {
		uint8_t magic;
		int status;
	} cases[] = { { 0, -ENOTSUP }, { 1, -ENOTSUP }, { 3, -EPROTO }, { 0xff, -EPROTO } };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		p.data[16] = cases[i].magic;
		/* A message of magic 0 may be as short as 26 bytes. */
		static const size_t sizes[] = { 17, 26, 60, 61, 100 };
		for (size_t k = 0; k < COUNT_OF(sizes); k++) {
			struct iovec segment = { p.data, sizes[k] };
			struct batch_iterator it;
			struct batch batch;
			batch_iterator_init(&it, &segment, 1, &f->arena);
			assert_int_equal(batch_next(&it, &batch), cases[i].status);
			assert_int_equal(batch_next(&it, &batch), cases[i].status);
		}
	}
	free(p.data);
}

static void store_be(uint8_t *p, int size, uint64_t value)
{
	for (int i = 0; i < size; i++)
		p[i] = (uint8_t)(value >> 8 * (size - 1 - i));
}

static void test_impossible_headers_are_refused(void **state)
{
	struct fixture *f = *state;
	struct sample s = sample_make(&f->random, &f->arena, 5, 40);
	struct batch_seal seal = BATCH_SEAL_PLAIN;
	size_t size;
	uint8_t *good = sample_batch(&s, &seal, &size), *data = malloc(size);
	assert_non_null(data);
	static const struct {
		int at, size;
		uint64_t value;
	} cases[] = {
		{ 8, 4, 48 },                  /* length below that of a header */
		{ 8, 4, 0x80000000 },          /* length negative */
		{ 8, 4, 0 },                   /* length */
		{ 21, 2, 5 },                  /* codec */
		{ 21, 2, 7 },                  /* codec */
		{ 23, 4, 0xffffffff },         /* last offset delta */
		{ 57, 4, 0xffffffff },         /* record count */
		{ 0, 8, UINT64_MAX },          /* base offset */
		{ 0, 8, (uint64_t)INT64_MAX }, /* base offset, so that the last one overflows */
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		memcpy(data, good, size);
		store_be(data + cases[i].at, cases[i].size, cases[i].value);
		checksum_repair(data, size);
		struct batch_header header;
		assert_int_equal(batch_header_read(data, size, &header), -EPROTO);
	}

	/* Counts that contradict each other or the size. */
	static const uint32_t counts[] = { 6, 1000, INT32_MAX };
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		memcpy(data, good, size);
		store_be(data + 57, 4, counts[i]);
		checksum_repair(data, size);
		struct batch batch = read_one(data, size);
		assert_int_equal(batch_verify(&batch), -EPROTO);
		store_be(data + 23, 4, INT32_MAX);
		checksum_repair(data, size);
		batch = read_one(data, size);
		assert_int_equal(batch_verify(&batch), counts[i] > (size - 61) / 7 ? -EPROTO : 0);
	}
	free(good);
	free(data);
}

static void test_producer_is_rewritten_as_if_sealed_so(void **state)
{
	struct fixture *f = *state;
	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		struct sample s = sample_make(&f->random, &f->arena, 20, 100);
		struct compressor *c = compressor_create((enum codec)codec, CODEC_LEVEL_DEFAULT);
		struct batch_seal before = { c, 77, 3, INT32_MAX - 1, true, false };
		struct batch_seal after = { c, INT64_MAX, INT16_MAX, 0, true, false };
		size_t size, expected_size;
		uint8_t *data = sample_batch(&s, &before, &size);
		uint8_t *expected = sample_batch(&s, &after, &expected_size);
		batch_set_producer(data, size, INT64_MAX, INT16_MAX, 0);
		assert_int_equal(size, expected_size);
		assert_memory_equal(data, expected, size);
		free(data);
		free(expected);
		compressor_free(c);
	}
}

/* What a broker's clock says counts for every record, and the batch is as valid as before. */
static void test_append_time_is_every_records_time(void **state)
{
	struct fixture *f = *state;
	struct sample s = sample_make(&f->random, &f->arena, 10, 40);
	struct batch_seal seal = BATCH_SEAL_PLAIN;
	seal.transactional = true;
	size_t size;
	uint8_t *data = sample_batch(&s, &seal, &size);
	uint8_t *before = malloc(size);
	assert_non_null(before);
	memcpy(before, data, size);
	struct batch batch = { .data = data, .size = size };
	assert_int_equal(batch_header_read(data, size, &batch.header), 0);
	int64_t newest_ms = batch.header.max_timestamp_ms;

	batch_set_max_timestamp(data, size, true, SAMPLE_TIME_MS + 77);
	assert_int_equal(batch_header_read(data, size, &batch.header), 0);
	assert_true(batch.header.log_append_time && batch.header.transactional);
	assert_int_equal(batch_verify(&batch), 0);
	struct record_iterator it;
	struct record record;
	assert_int_equal(record_iterator_init(&it, &batch, NULL, NULL, 0), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(record_next(&it, &record), 1);
		assert_int_equal(record.timestamp_ms, SAMPLE_TIME_MS + 77);
	}

	batch_set_max_timestamp(data, size, false, newest_ms);
	assert_memory_equal(data, before, size);
	data[size - 1] ^= 1;
	assert_false(batch_checksum_matches(data, size));
	data[size - 1] ^= 1;
	assert_true(batch_checksum_matches(data, size));
	free(before);
	free(data);
}

static void test_sequences_wrap_at_2_to_the_31(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(sequence_add(0, 0), 0);
	assert_int_equal(sequence_add(5, 10), 15);
	assert_int_equal(sequence_add(INT32_MAX - 1, 1), INT32_MAX);
	assert_int_equal(sequence_add(INT32_MAX, 1), 0);
	assert_int_equal(sequence_add(INT32_MAX - 5, 10), 4);
	assert_int_equal(sequence_add(INT32_MAX, INT32_MAX), INT32_MAX - 1);

	struct sample s = sample_make(&f->random, &f->arena, 10, 40);
	struct batch_seal seal = { .producer_id = 1, .base_sequence = INT32_MAX - 3 };
	size_t size;
	uint8_t *data = sample_batch(&s, &seal, &size);
	struct batch batch = read_one(data, size);
	assert_int_equal(batch.header.base_sequence, INT32_MAX - 3);
	assert_int_equal(
		sequence_add(batch.header.base_sequence, batch.header.last_offset_delta), 5);
	free(data);
}

static void test_compacted_away_batch_is_empty_not_wrong(void **state)
{
	struct fixture *f = *state;
	struct sample s = sample_make(&f->random, &f->arena, 5, 40);
	struct batch_seal seal = BATCH_SEAL_PLAIN;
	size_t size;
	uint8_t *data = sample_batch(&s, &seal, &size);
	store_be(data + 8, 4, 49);
	store_be(data + 57, 4, 0);
	for (uint16_t codec = 0; codec < CODEC_COUNT; codec++) {
		store_be(data + 21, 2, codec);
		checksum_repair(data, BATCH_HEADER_SIZE);
		struct batch batch = read_one(data, BATCH_HEADER_SIZE);
		assert_int_equal(batch_verify(&batch), 0);
		assert_int_equal(batch.header.last_offset_delta, 4);
		struct record_iterator it;
		struct record record;
		assert_int_equal(record_iterator_init(&it, &batch, NULL, NULL, 0), 0);
		assert_int_equal(record_next(&it, &record), 0);
	}
	free(data);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_layout_is_kafkas),
		CASE(test_random_batches_round_trip_with_every_codec),
		CASE(test_reserved_values_are_as_appended_ones),
		CASE(test_capacity_is_used_exactly),
		CASE(test_fit_count_follows_growing_offsets),
		CASE(test_full_builder_compresses_into_too_little_room_and_again),
		CASE(test_every_bit_flip_is_caught),
		CASE(test_segments_split_at_every_byte),
		CASE(test_last_batch_may_be_cut_short_anywhere),
		CASE(test_gathering_stops_at_the_arenas_limit),
		CASE(test_older_and_unknown_formats_are_refused),
		CASE(test_impossible_headers_are_refused),
		CASE(test_producer_is_rewritten_as_if_sealed_so),
		CASE(test_append_time_is_every_records_time),
		CASE(test_sequences_wrap_at_2_to_the_31),
		CASE(test_compacted_away_batch_is_empty_not_wrong),
	};
	return RUN_TESTS(tests);
}
