/*
 * Shows: integers and varints keep their bytes, failures latch, records are spliced and gathered, a
 * reader gives the same values however the frame is cut into pieces.
 */
#include "../test.h"

#include "proto/cursor.h"
#include "random.h"

#define MEMORY_SIZE 4096

static void write_samples(struct writer *w)
{
	writer_int8(w, -2);
	writer_int16(w, 0x1234);
	writer_int32(w, INT32_MIN);
	writer_int64(w, INT64_C(0x0102030405060708));
	writer_uvarint(w, 0);
	writer_uvarint(w, 127);
	writer_uvarint(w, 128);
	writer_uvarint(w, UINT32_MAX);
	writer_varint(w, -1);
	writer_varint(w, INT32_MIN);
	writer_varint(w, INT32_MAX);
	writer_varlong(w, INT64_MIN);
	writer_varlong(w, 300);
	writer_uvarlong(w, UINT64_MAX);
	writer_put(w, "twenty bytes of text", 20);
}

static void check_samples(struct reader *r)
{
	assert_int_equal(reader_int8(r), -2);
	assert_int_equal(reader_int16(r), 0x1234);
	assert_int_equal(reader_int32(r), INT32_MIN);
	assert_true(reader_int64(r) == INT64_C(0x0102030405060708));
	assert_true(reader_uvarint(r) == 0);
	assert_true(reader_uvarint(r) == 127);
	assert_true(reader_uvarint(r) == 128);
	assert_true(reader_uvarint(r) == UINT32_MAX);
	assert_int_equal(reader_varint(r), -1);
	assert_int_equal(reader_varint(r), INT32_MIN);
	assert_int_equal(reader_varint(r), INT32_MAX);
	assert_true(reader_varlong(r) == INT64_MIN);
	assert_true(reader_varlong(r) == 300);
	assert_true(reader_uvarlong(r) == UINT64_MAX);
	struct bytes text = reader_bytes(r, 20);
	assert_int_equal(text.size, 20);
	assert_memory_equal(text.data, "twenty bytes of text", 20);
	assert_int_equal(reader_left(r), 0);
	assert_int_equal(r->failed, 0);
}

static void test_wire_bytes_are_big_endian_and_varints_are_zigzag(void **state)
{
	(void)state;
	uint8_t memory[MEMORY_SIZE];
	static const uint8_t expected[] = {
		0xfe, 0x12, 0x34, 0x80, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, /* integers */
		0, 0x7f, 0x80, 0x01, 0xff, 0xff, 0xff, 0xff, 0x0f,       /* unsigned varints */
		0x01, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xfe, 0xff, 0xff, 0xff, 0x0f, /* varints */
	};
	struct writer w;
	writer_init(&w, memory, sizeof memory, NULL, 0);
	write_samples(&w);
	assert_int_equal(w.failed, 0);
	assert_memory_equal(memory, expected, sizeof expected);
	struct reader r;
	reader_init_flat(&r, memory, w.size, NULL);
	check_samples(&r);
}

/* Every cut in two, and every cut in three with an empty piece or a single byte in the middle. */
static void test_values_survive_any_cut(void **state)
{
	(void)state;
	uint8_t memory[MEMORY_SIZE];
	struct arena arena;
	arena_init(&arena, MEMORY_SIZE * 8);
	struct writer w;
	writer_init(&w, memory, sizeof memory, NULL, 0);
	write_samples(&w);
	for (int32_t cut = 0; cut < w.size; cut++) {
		for (int32_t middle = 0; middle <= 1; middle++) {
			struct iovec pieces[] = {
				{ memory, (size_t)cut },
				{ memory + cut, (size_t)middle },
				{ memory + cut + middle, (size_t)(w.size - cut - middle) },
			};
			struct reader r;
			reader_init(&r, pieces, 3, &arena);
			check_samples(&r);
			arena_reset(&arena);
		}
	}
	arena_free(&arena);
}

static void test_writer_latches_at_every_limit(void **state)
{
	(void)state;
	uint8_t memory[MEMORY_SIZE];
	struct writer whole;
	writer_init(&whole, memory, sizeof memory, NULL, 0);
	write_samples(&whole);
	for (int32_t limit = 0; limit < whole.size; limit++) {
		memset(memory, 0xa5, sizeof memory);
		struct writer w;
		writer_init(&w, memory, limit, NULL, 0);
		write_samples(&w);
		assert_int_equal(w.failed, -EMSGSIZE);
		assert_non_null(w.reason);
		assert_true(w.size <= limit);
		assert_int_equal(memory[limit], 0xa5);
	}
}

static void test_reader_latches_at_every_end(void **state)
{
	(void)state;
	uint8_t memory[MEMORY_SIZE];
	struct writer w;
	writer_init(&w, memory, sizeof memory, NULL, 0);
	write_samples(&w);
	for (int32_t end = 0; end < w.size; end++) {
		struct reader r;
		reader_init_flat(&r, memory, end, NULL);
		reader_skip(&r, w.size);
		assert_int_equal(r.failed, -EBADMSG);
		assert_int_equal(reader_left(&r), 0);
		assert_int_equal(reader_int64(&r), 0);
		assert_int_equal(reader_bytes(&r, 0).size, 0);
	}
}

static void test_malformed_varints_are_refused(void **state)
{
	(void)state;
	static const uint8_t endless[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff };
	static const uint8_t wide[] = { 0xff, 0xff, 0xff, 0xff, 0x10 };
	static const uint8_t wider[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2 };
	struct reader r;
	reader_init_flat(&r, endless, sizeof endless, NULL);
	reader_uvarint(&r);
	assert_int_equal(r.failed, -EBADMSG);
	reader_init_flat(&r, endless, sizeof endless, NULL);
	reader_uvarlong(&r);
	assert_int_equal(r.failed, -EBADMSG);
	reader_init_flat(&r, wide, sizeof wide, NULL);
	reader_uvarint(&r);
	assert_int_equal(r.failed, -EBADMSG);
	reader_init_flat(&r, wider, sizeof wider, NULL);
	reader_uvarlong(&r);
	assert_int_equal(r.failed, -EBADMSG);
}

static void test_negative_and_huge_sizes_are_refused(void **state)
{
	(void)state;
	static const int32_t sizes[] = { -1, INT32_MIN, 9, INT32_MAX };
	uint8_t data[8] = { 0 };
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct reader r;
		reader_init_flat(&r, data, sizeof data, NULL);
		assert_int_equal(reader_bytes(&r, sizes[i]).size, 0);
		assert_int_equal(r.failed, -EBADMSG);
		reader_init_flat(&r, data, sizeof data, NULL);
		assert_int_equal(reader_records(&r, sizes[i]).segment_count, 0);
		assert_int_equal(r.failed, -EBADMSG);
		reader_init_flat(&r, data, sizeof data, NULL);
		reader_skip(&r, sizes[i]);
		assert_int_equal(r.failed, -EBADMSG);
		reader_init_flat(&r, data, sizeof data, NULL);
		assert_null(reader_take(&r, sizes[i]));
		assert_int_equal(r.failed, -EBADMSG);
	}
}

static void test_gathering_stops_at_the_arena_limit(void **state)
{
	(void)state;
	uint8_t data[200] = { 0 };
	struct iovec pieces[] = { { data, 100 }, { data + 100, 100 } };
	struct arena arena;
	struct reader r;
	arena_init(&arena, 64);
	reader_init(&r, pieces, 2, &arena);
	reader_bytes(&r, 150);
	assert_int_equal(r.failed, -ENOMEM);
	reader_init(&r, pieces, 2, NULL);
	reader_bytes(&r, 150);
	assert_int_equal(r.failed, -ENOMEM);
	arena_free(&arena);
}

/* A head, two spliced batches of which one is in two pieces, and a tail. */
static void write_spliced(struct writer *w, struct records first, struct records second)
{
	int32_t mark = writer_frame_begin(w);
	writer_put(w, "head", 4);
	writer_records(w, first);
	writer_put(w, "middle", 6);
	writer_records(w, second);
	writer_put(w, "tail", 4);
	writer_frame_end(w, mark);
}

static int32_t flatten(const struct iovec *iov, int count, uint8_t *out)
{
	int32_t size = 0;
	for (int i = 0; i < count; i++) {
		assert_true(iov[i].iov_len > 0);
		memcpy(out + size, iov[i].iov_base, iov[i].iov_len);
		size += (int32_t)iov[i].iov_len;
	}
	return size;
}

static void test_spliced_and_copied_frames_are_the_same_bytes(void **state)
{
	(void)state;
	char a[] = "first batch", b[] = "second ", c[] = "batch";
	struct iovec one[] = { { a, 11 } }, two[] = { { b, 7 }, { b, 0 }, { c, 5 } };
	struct records first = { one, 1, 11 }, second = { two, 3, 12 };
	uint8_t copied[MEMORY_SIZE], head[MEMORY_SIZE], gathered[MEMORY_SIZE];
	struct splice splices[4];
	struct iovec iov[16];
	struct writer copy, splice;
	writer_init(&copy, copied, sizeof copied, NULL, 0);
	writer_init(&splice, head, sizeof head, splices, COUNT_OF(splices));
	for (int i = 0; i < 2; i++) { /* two frames in one writer */
		write_spliced(&copy, first, second);
		write_spliced(&splice, first, second);
	}
	assert_int_equal(copy.failed, 0);
	assert_int_equal(splice.failed, 0);
	assert_int_equal(splice.splice_count, 4);
	assert_int_equal(writer_total(&splice), copy.size);
	int count = writer_gather(&splice, iov, COUNT_OF(iov));
	assert_true(count > 0 && count <= writer_piece_count(&splice));
	assert_int_equal(flatten(iov, count, gathered), copy.size);
	assert_memory_equal(gathered, copied, (size_t)copy.size);
	assert_ptr_equal(iov[1].iov_base, a); /* sent from where it lies */
	for (int limit = 0; limit < count; limit++)
		assert_int_equal(writer_gather(&splice, iov, limit), -ENOBUFS);
	struct reader r;
	reader_init_flat(&r, copied, copy.size, NULL);
	assert_int_equal(reader_int32(&r), 4 + 11 + 6 + 12 + 4);
}

static void test_too_many_splices_fail(void **state)
{
	(void)state;
	char a[] = "batch";
	struct iovec segment = { a, 5 };
	uint8_t memory[64];
	struct splice splices[1];
	struct writer w;
	writer_init(&w, memory, sizeof memory, splices, 1);
	writer_records(&w, (struct records){ &segment, 1, 5 });
	assert_int_equal(w.failed, 0);
	writer_records(&w, (struct records){ &segment, 1, 5 });
	assert_int_equal(w.failed, -EMSGSIZE);
	writer_init(&w, memory, sizeof memory, splices, 1);
	writer_records(&w, (struct records){ &segment, 1, INT32_MAX });
	assert_int_equal(w.failed, -EMSGSIZE);
}

static void test_sized_fields_move_for_a_long_prefix(void **state)
{
	(void)state;
	static const int32_t sizes[] = { 0, 1, 127, 128, 300, 3000 };
	uint8_t memory[MEMORY_SIZE], body[3000];
	memset(body, 0x5a, sizeof body);
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct writer w;
		writer_init(&w, memory, sizeof memory, NULL, 0);
		writer_int8(&w, 1);
		int32_t mark = writer_sized_begin(&w);
		writer_put(&w, body, sizes[i]);
		writer_sized_end(&w, mark);
		writer_int8(&w, 2);
		struct reader r;
		reader_init_flat(&r, memory, w.size, NULL);
		assert_int_equal(reader_int8(&r), 1);
		assert_int_equal(reader_uvarint(&r), sizes[i]);
		assert_memory_equal(reader_take(&r, sizes[i]), body, (size_t)sizes[i]);
		assert_int_equal(reader_int8(&r), 2);
		assert_int_equal(reader_left(&r), 0);
	}
	struct writer full; /* the body fits, its longer prefix does not */
	writer_init(&full, memory, 1 + 128, NULL, 0);
	int32_t mark = writer_sized_begin(&full);
	writer_put(&full, body, 128);
	writer_sized_end(&full, mark);
	assert_int_equal(full.failed, -EMSGSIZE);
}

static void test_records_are_read_as_the_pieces_that_hold_them(void **state)
{
	(void)state;
	uint8_t data[64];
	for (int i = 0; i < 64; i++)
		data[i] = (uint8_t)i;
	struct iovec pieces[] = { { data, 10 }, { data + 10, 0 }, { data + 10, 20 },
		{ data + 30, 34 } };
	struct arena arena;
	struct reader r;
	arena_init(&arena, 4096);
	reader_init(&r, pieces, 4, &arena);
	reader_skip(&r, 10);
	struct records within = reader_records(&r, 20);
	assert_int_equal(within.segment_count, 1);
	assert_ptr_equal(within.segments[0].iov_base, data + 10);
	reader_init(&r, pieces, 4, &arena);
	reader_skip(&r, 5);
	struct records across = reader_records(&r, 50);
	assert_int_equal(across.size, 50);
	assert_int_equal(across.segment_count, 3);
	assert_ptr_equal(across.segments[0].iov_base, data + 5);
	assert_int_equal(across.segments[2].iov_len, 25);
	assert_int_equal(reader_int8(&r), 55);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wire_bytes_are_big_endian_and_varints_are_zigzag),
		cmocka_unit_test(test_values_survive_any_cut),
		cmocka_unit_test(test_writer_latches_at_every_limit),
		cmocka_unit_test(test_reader_latches_at_every_end),
		cmocka_unit_test(test_malformed_varints_are_refused),
		cmocka_unit_test(test_negative_and_huge_sizes_are_refused),
		cmocka_unit_test(test_gathering_stops_at_the_arena_limit),
		cmocka_unit_test(test_spliced_and_copied_frames_are_the_same_bytes),
		cmocka_unit_test(test_too_many_splices_fail),
		cmocka_unit_test(test_sized_fields_move_for_a_long_prefix),
		cmocka_unit_test(test_records_are_read_as_the_pieces_that_hold_them),
	};
	return RUN_TESTS(tests);
}
