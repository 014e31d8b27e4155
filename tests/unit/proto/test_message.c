/*
 * Shows, on a table of its own with every kind: what the interpreter writes and reads at each
 * version, what it refuses and how it says so, and what text it makes.
 */
#include "../test.h"

#include <stdio.h>

#include "proto/message.h"

#define MEMORY_SIZE (64 * 1024)

/* ---- a table with every kind ---- */

struct leaf {
	int32_t id;
	struct string name;
};

struct tree {
	bool flag;
	int8_t tiny;
	int16_t small;
	uint16_t port;
	int32_t medium;
	int64_t large;
	struct uuid uuid;
	struct string name;
	struct bytes blob;
	struct records records;
	ARRAY_OF(int32_t) numbers;
	ARRAY_OF(struct string) words;
	ARRAY_OF(struct leaf) leaves;
	struct leaf inner;
	struct leaf *optional;
	struct string old_form;
	int32_t ended;
	struct string ignored;
	struct leaf tagged_leaf;
	ARRAY_OF(struct leaf) tagged_leaves;
	struct string tagged_name;
};

/* clang-format off */
#define THIS struct leaf
static const struct field leaf_fields[] = {
	FIELD(id,   SINCE(0), DEFAULT(-1)),
	FIELD(name, SINCE(2), NULLABLE(2), DEFAULT_NULL),
};
#undef THIS
static MESSAGE(leaf, NAMED("OakLeaf"));

#define THIS struct tree
static const struct field tree_fields[] = {
	FIELD(flag,                      SINCE(0), DEFAULT(true)),
	FIELD(tiny,                      SINCE(0)),
	FIELD(small,                     SINCE(0)),
	FIELD(port,                      SINCE(0)),
	FIELD(medium,                    SINCE(0)),
	FIELD(large,                     SINCE(0), DEFAULT(INT64_MIN)),
	FIELD(uuid,                      SINCE(1)),
	FIELD(name,                      SINCE(0), NULLABLE(1)),
	FIELD(blob,                      SINCE(0), NULLABLE(1)),
	FIELD(records,                   SINCE(0), NULLABLE(0)),
	SCALARS(numbers,                 SINCE(0), NULLABLE(1)),
	SCALARS(words,                   SINCE(0), NULLABLE(0)),
	ITEMS(leaves, leaf,              SINCE(0), NULLABLE(1)),
	STRUCT(inner, leaf,              SINCE(1)),
	OPTIONAL(optional, leaf,         SINCE(1), NULLABLE(1), DEFAULT_NULL),
	FIELD(old_form,                  SINCE(0), INFLEXIBLE),
	FIELD(ended,                     SINCE(0), UNTIL(1), NAMED("ENDed")),
	FIELD(ignored,                   SINCE(2), NULLABLE(2), DEFAULT_NULL, IGNORABLE),
	STRUCT(tagged_leaf, leaf,        TAGGED(0, 2)),
	ITEMS(tagged_leaves, leaf,       TAGGED(1, 2)),
	FIELD(tagged_name,               TAGGED(7, 3), NULLABLE(3), DEFAULT_NULL, IGNORABLE),
};
#undef THIS
static MESSAGE(tree);
/* clang-format on */

#define TREE_VERSION_LAST 3

/* What the tree leaves out: an optional that is not nullable, items with tagged fields. */
struct twig {
	int8_t number;
	struct string tagged_name;
};

struct branch {
	struct leaf *leaf;
	ARRAY_OF(struct twig) twigs;
};

/* clang-format off */
#define THIS struct twig
static const struct field twig_fields[] = {
	FIELD(number,      SINCE(0)),
	FIELD(tagged_name, TAGGED(0, 0)),
};
#undef THIS
static MESSAGE(twig);

#define THIS struct branch
static const struct field branch_fields[] = {
	OPTIONAL(leaf, leaf, SINCE(0), NULLABLE(3), DEFAULT_NULL),
	ITEMS(twigs, twig,   SINCE(0)),
};
#undef THIS
static MESSAGE(branch);
/* clang-format on */

static struct edition edition(int version)
{
	return (struct edition){ (int8_t)version, version >= 2 };
}

struct fixture {
	struct arena made;  /* holds what `in` points at */
	struct arena arena; /* holds what `out` points at */
	uint8_t memory[MEMORY_SIZE];
	struct writer w;
	struct tree in, out;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	arena_init(&f->made, 16 * MEMORY_SIZE);
	arena_init(&f->arena, 16 * MEMORY_SIZE);
	message_reset(&tree_message, &f->in);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_free(&f->made);
	arena_free(&f->arena);
	free(f);
	return 0;
}

static int encode(struct fixture *f, int version)
{
	writer_init(&f->w, f->memory, sizeof f->memory, NULL, 0);
	message_encode(&f->w, &tree_message, edition(version), &f->in);
	return f->w.failed;
}

static struct reader decode_bytes(struct fixture *f, int version, const void *data, int32_t size)
{
	struct reader r;
	arena_reset(&f->arena);
	reader_init_flat(&r, data, size, &f->arena);
	memset(&f->out, 0x5a, sizeof f->out);
	message_decode(&r, &tree_message, edition(version), &f->out);
	return r;
}

static struct reader decode(struct fixture *f, int version)
{
	return decode_bytes(f, version, f->memory, f->w.size);
}

static void assert_write_error(struct fixture *f, const char *expected)
{
	char text[MESSAGE_ERROR_SIZE];
	assert_string_equal(message_write_error(&f->w, text), expected);
}

static void assert_read_error(const struct reader *r, int error, const char *expected)
{
	char text[MESSAGE_ERROR_SIZE];
	assert_int_equal(r->failed, error);
	assert_string_equal(message_read_error(r, text), expected);
}

/* ---- bytes ---- */

static void test_reset_sets_defaults(void **state)
{
	struct fixture *f = *state;
	assert_true(f->in.flag);
	assert_true(f->in.large == INT64_MIN);
	assert_int_equal(f->in.inner.id, -1);
	assert_int_equal(f->in.inner.name.size, -1);
	assert_int_equal(f->in.name.size, 0);
	assert_int_equal(f->in.ignored.size, -1);
	assert_int_equal(f->in.leaves.count, 0);
	assert_null(f->in.optional);
}

static void test_defaults_have_the_bytes_of_each_version(void **state)
{
	struct fixture *f = *state;
	static const uint8_t version0[] = {
		1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, /* scalars */
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                            /* name, blob, records */
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                      /* arrays */
		0, 0, 0, 0, 0, 0,                                        /* old_form, ended */
	};
	static const uint8_t version2[] = {
		1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, /* scalars */
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,          /* uuid */
		1, 1, 1, 1, 1, 1,             /* name, blob, records, arrays: empty */
		0xff, 0xff, 0xff, 0xff, 0, 0, /* inner, its null name and its tags */
		0xff, 0, 0, 0, 0,             /* optional, old_form, ignored, tags */
	};
	assert_int_equal(encode(f, 0), 0);
	assert_int_equal(f->w.size, sizeof version0);
	assert_memory_equal(f->memory, version0, sizeof version0);
	assert_int_equal(encode(f, 2), 0);
	assert_int_equal(f->w.size, sizeof version2);
	assert_memory_equal(f->memory, version2, sizeof version2);
}

static void test_random_instances_come_back_equal(void **state)
{
	struct fixture *f = *state;
	struct random random;
	random_seed(&random, 1);
	for (int i = 0; i < 4000; i++) {
		int version = i % (TREE_VERSION_LAST + 1);
		arena_reset(&f->made);
		message_random(&tree_message, edition(version), &random, &f->made, &f->in);
		assert_int_equal(encode(f, version), 0);
		struct reader r = decode(f, version);
		assert_int_equal(r.failed, 0);
		assert_int_equal(reader_left(&r), 0);
		assert_true(message_equal(&tree_message, edition(version), &f->in, &f->out));
	}
}

static void test_random_reaches_null_empty_and_absent(void **state)
{
	struct fixture *f = *state;
	struct random random;
	random_seed(&random, 2);
	int null_count = 0, empty_count = 0, long_count = 0, tagged_count = 0, optional_count = 0;
	for (int i = 0; i < 500; i++) {
		arena_reset(&f->made);
		message_random(&tree_message, edition(3), &random, &f->made, &f->in);
		null_count += f->in.leaves.count < 0;
		empty_count += f->in.leaves.count == 0;
		long_count += f->in.name.size > 127;
		tagged_count += f->in.tagged_leaves.count > 0;
		optional_count += f->in.optional != NULL;
	}
	assert_in_range(null_count, 50, 200);
	assert_in_range(empty_count, 20, 300);
	assert_in_range(long_count, 5, 200);
	assert_in_range(tagged_count, 100, 300);
	assert_in_range(optional_count, 200, 450);
}

static void test_decode_gives_defaults_to_what_a_version_lacks(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(encode(f, 0), 0);
	struct reader r = decode(f, 0);
	assert_int_equal(r.failed, 0);
	assert_int_equal(f->out.inner.id, -1);
	assert_int_equal(f->out.ignored.size, -1);
	assert_int_equal(f->out.tagged_leaf.id, -1);
	assert_int_equal(f->out.tagged_name.size, -1);
	assert_null(f->out.optional);
	assert_int_equal(encode(f, 2), 0);
	f->out.ended = 7;
	r = decode(f, 2);
	assert_int_equal(r.failed, 0);
	assert_int_equal(f->out.ended, 0);
}

static void test_null_and_empty_arrays_differ(void **state)
{
	struct fixture *f = *state;
	for (int version = 1; version <= TREE_VERSION_LAST; version++) {
		f->in.leaves.count = -1;
		f->in.numbers.count = 0;
		assert_int_equal(encode(f, version), 0);
		struct reader r = decode(f, version);
		assert_int_equal(r.failed, 0);
		assert_int_equal(f->out.leaves.count, -1);
		assert_int_equal(f->out.numbers.count, 0);
		f->in.leaves.count = 0;
		assert_false(message_equal(&tree_message, edition(version), &f->in, &f->out));
	}
}

/* ---- what a version cannot carry ---- */

static void test_value_that_a_version_lacks_is_an_error(void **state)
{
	struct fixture *f = *state;
	f->in.uuid.bytes[15] = 1;
	assert_int_equal(encode(f, 0), -EINVAL);
	assert_write_error(f, "tree.uuid: is not carried by this version");
	assert_int_equal(encode(f, 1), 0);
	f->in.ended = 3;
	assert_int_equal(encode(f, 1), 0);
	assert_int_equal(encode(f, 2), -EINVAL);
	assert_write_error(f, "tree.ended: is not carried by this version");
}

static void test_nested_value_that_a_version_lacks_names_its_own_field(void **state)
{
	struct fixture *f = *state;
	struct leaf leaves[] = { { 1, NULL_STRING }, { 2, STRING("x") } };
	f->in.leaves.items = leaves;
	f->in.leaves.count = 2;
	assert_int_equal(encode(f, 1), -EINVAL);
	assert_write_error(f, "leaf.name: is not carried by this version");
	assert_int_equal(encode(f, 2), 0);
	f->in.leaves.count = 0;
	f->in.inner.id = 5;
	assert_int_equal(encode(f, 0), -EINVAL);
	assert_write_error(f, "tree.inner: is not carried by this version");
}

static void test_ignorable_value_is_left_out(void **state)
{
	struct fixture *f = *state;
	f->in.ignored = STRING("quietly");
	f->in.tagged_name = STRING("likewise");
	assert_int_equal(encode(f, 1), 0);
	assert_int_equal(encode(f, 2), 0);
	struct reader r = decode(f, 2);
	assert_int_equal(r.failed, 0);
	assert_true(string_equal(f->out.ignored, STRING("quietly")));
	assert_int_equal(f->out.tagged_name.size, -1);
}

static void test_null_is_an_error_before_its_version(void **state)
{
	struct fixture *f = *state;
	f->in.name = NULL_STRING;
	assert_int_equal(encode(f, 0), -EINVAL);
	assert_write_error(f, "tree.name: null is not carried by this version");
	assert_int_equal(encode(f, 1), 0);
	f->in.name = STRING("");
	f->in.numbers.count = -1;
	assert_int_equal(encode(f, 0), -EINVAL);
	assert_write_error(f, "tree.numbers: null is not carried by this version");
	f->in.numbers.count = 0;
	f->in.old_form = NULL_STRING;
	assert_int_equal(encode(f, 3), -EINVAL);
	assert_write_error(f, "tree.old_form: null is not carried by this version");
}

static void test_item_of_a_nullable_array_is_not_nullable(void **state)
{
	struct fixture *f = *state;
	struct string words[] = { STRING("a"), NULL_STRING };
	f->in.words.items = words;
	f->in.words.count = 2;
	for (int version = 0; version <= TREE_VERSION_LAST; version++) {
		assert_int_equal(encode(f, version), -EINVAL);
		assert_write_error(f, "tree.words: null is not carried by this version");
	}
}

static void test_string_longer_than_its_size_can_say_is_an_error(void **state)
{
	struct fixture *f = *state;
	static char text[40000];
	memset(text, 'x', sizeof text);
	f->in.name = (struct string){ text, sizeof text };
	assert_int_equal(encode(f, 1), -EINVAL);
	assert_write_error(f, "tree.name: longer than the 32767 bytes of a string");
	assert_int_equal(encode(f, 2), 0);
	f->in.name = STRING("");
	f->in.old_form = (struct string){ text, sizeof text };
	assert_int_equal(encode(f, 2), -EINVAL);
}

static void test_lack_of_room_names_the_field(void **state)
{
	struct fixture *f = *state;
	f->in.name = STRING("a name of some length");
	assert_int_equal(encode(f, 1), 0);
	int32_t whole = f->w.size;
	for (int32_t limit = 0; limit < whole; limit++) {
		writer_init(&f->w, f->memory, limit, NULL, 0);
		message_encode(&f->w, &tree_message, edition(1), &f->in);
		assert_int_equal(f->w.failed, -EMSGSIZE);
		assert_non_null(f->w.field);
		assert_non_null(f->w.message);
	}
}

/* ---- tagged fields ---- */

static void test_tagged_defaults_are_left_out(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(encode(f, 3), 0);
	int32_t bare = f->w.size;
	assert_int_equal(f->memory[bare - 1], 0);
	f->in.tagged_leaf.id = 9;
	assert_int_equal(encode(f, 3), 0);
	assert_int_equal(f->w.size, bare + 2 + 4 + 1 + 1); /* tag, size, id, null name, no tags */
	f->in.tagged_leaf.id = -1;
	f->in.tagged_name = STRING("");
	assert_int_equal(encode(f, 3), 0);
	assert_int_equal(f->w.size, bare + 2 + 1);
	struct reader r = decode(f, 3);
	assert_int_equal(r.failed, 0);
	assert_int_equal(f->out.tagged_name.size, 0); /* the empty one is not the null default */
}

/* Replaces the count of tagged fields at the end of a version 3 body. */
static int32_t with_tags(struct fixture *f, const uint8_t *tags, size_t size)
{
	assert_int_equal(encode(f, 3), 0);
	memcpy(f->memory + f->w.size - 1, tags, size);
	f->w.size += (int32_t)size - 1;
	return f->w.size;
}

static void test_unknown_tagged_fields_are_skipped(void **state)
{
	struct fixture *f = *state;
	/* tag 1000000 with two bytes, the known tag 7 with "hi", the known tag 5 with nothing */
	static const uint8_t tags[] = { 3, 0xc0, 0x84, 0x3d, 2, 0xaa, 0xbb, 7, 3, 3, 'h', 'i', 5,
		0 };
	with_tags(f, tags, sizeof tags);
	struct reader r = decode(f, 3);
	assert_int_equal(r.failed, 0);
	assert_int_equal(reader_left(&r), 0);
	assert_true(string_equal(f->out.tagged_name, STRING("hi")));
}

static void test_tagged_field_of_a_later_version_is_skipped(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(encode(f, 2), 0);
	static const uint8_t tags[] = { 1, 7, 3, 3, 'h', 'i' };
	memcpy(f->memory + f->w.size - 1, tags, sizeof tags);
	f->w.size += (int32_t)sizeof tags - 1;
	struct reader r = decode(f, 2);
	assert_int_equal(r.failed, 0);
	assert_int_equal(f->out.tagged_name.size, -1);
}

static void test_wrong_tagged_sizes_are_malformed(void **state)
{
	struct fixture *f = *state;
	static const uint8_t short_size[] = { 1, 7, 2, 3, 'h', 'i' };
	static const uint8_t long_size[] = { 1, 7, 4, 3, 'h', 'i', 0 };
	static const uint8_t past_end[] = { 1, 100, 50, 1 };
	static const uint8_t endless[] = { 0xff, 0xff, 0xff, 0xff, 0x0f, 100, 0 };
	with_tags(f, short_size, sizeof short_size);
	struct reader r = decode(f, 3);
	assert_read_error(&r, -EBADMSG, "tree.tagged_name: its tagged size is not its own");
	with_tags(f, long_size, sizeof long_size);
	r = decode(f, 3);
	assert_read_error(&r, -EBADMSG, "tree.tagged_name: its tagged size is not its own");
	with_tags(f, past_end, sizeof past_end);
	assert_int_equal(decode(f, 3).failed, -EBADMSG);
	with_tags(f, endless, sizeof endless);
	assert_int_equal(decode(f, 3).failed, -EBADMSG);
}

/* ---- bytes that are not a message ---- */

static void test_truncation_at_every_byte_fails(void **state)
{
	struct fixture *f = *state;
	struct random random;
	random_seed(&random, 3);
	for (int i = 0; i < 40; i++) {
		int version = i % (TREE_VERSION_LAST + 1);
		arena_reset(&f->made);
		message_random(&tree_message, edition(version), &random, &f->made, &f->in);
		assert_int_equal(encode(f, version), 0);
		for (int32_t end = 0; end < f->w.size; end++) {
			struct reader r = decode_bytes(f, version, f->memory, end);
			assert_int_equal(r.failed, -EBADMSG);
			assert_non_null(r.message);
		}
	}
}

static void test_overlong_counts_are_refused_before_allocation(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(encode(f, 0), 0);
	int32_t numbers_at = 18 + 10, leaves_at = numbers_at + 8;
	static const uint8_t counts[][4] = { { 0x7f, 0xff, 0xff, 0xff }, { 0, 0, 0, 200 },
		{ 0, 0, 0, 50 }, { 0, 1, 0, 0 } };
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		size_t held = f->arena.total;
		assert_int_equal(encode(f, 0), 0);
		memcpy(f->memory + numbers_at, counts[i], 4);
		struct reader r = decode(f, 0);
		assert_read_error(&r, -EBADMSG,
			"tree.numbers: more items than the rest of the frame can hold");
		assert_int_equal(encode(f, 0), 0);
		memcpy(f->memory + leaves_at, counts[i], 4);
		r = decode(f, 0);
		assert_read_error(&r, -EBADMSG,
			"tree.leaves: more items than the rest of the frame can hold");
		assert_int_equal(f->arena.total, held);
	}
}

static void test_nulls_and_sizes_that_cannot_be_are_malformed(void **state)
{
	struct fixture *f = *state;
	static const uint8_t null[] = { 0xff, 0xff, 0xff, 0xff }, minus_two[] = { 0xff, 0xfe };
	assert_int_equal(encode(f, 0), 0);
	memcpy(f->memory + 18, null, 2);
	struct reader r = decode(f, 0);
	assert_read_error(&r, -EBADMSG, "tree.name: null where this version has none");
	assert_int_equal(encode(f, 1), 0);
	memcpy(f->memory + 18 + 16, minus_two, 2);
	r = decode(f, 1);
	assert_read_error(&r, -EBADMSG, "tree.name: a negative size");
	assert_int_equal(encode(f, 0), 0);
	memcpy(f->memory + 18 + 10, null, 4);
	r = decode(f, 0);
	assert_read_error(&r, -EBADMSG, "tree.numbers: null where this version has none");
}

static void test_size_above_two_gib_is_refused(void **state)
{
	struct fixture *f = *state;
	static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff, 0x0f };
	assert_int_equal(encode(f, 2), 0);
	memcpy(f->memory + 18 + 16, huge, sizeof huge);
	struct reader r = decode(f, 2);
	assert_read_error(&r, -EMSGSIZE, "tree.name: a size above 2 GiB");
}

static void test_optional_is_null_only_where_it_may_be(void **state)
{
	struct fixture *f = *state;
	struct leaf leaf = { 4, NULL_STRING };
	struct branch in = { .leaf = &leaf }, out;
	for (int version = 2; version <= 3; version++) {
		writer_init(&f->w, f->memory, sizeof f->memory, NULL, 0);
		message_encode(&f->w, &branch_message, edition(version), &in);
		assert_int_equal(f->w.failed, 0);
		assert_int_equal(f->memory[0], 1);
		f->memory[0] = 0xff;
		memmove(f->memory + 1, f->memory + f->w.size - 2, 2); /* without the leaf */
		struct reader r;
		reader_init_flat(&r, f->memory, 3, &f->arena);
		message_decode(&r, &branch_message, edition(version), &out);
		if (version == 2)
			assert_read_error(
				&r, -EBADMSG, "branch.leaf: null where this version has none");
		else
			assert_int_equal(r.failed, 0);
	}
	in.leaf = NULL;
	writer_init(&f->w, f->memory, sizeof f->memory, NULL, 0);
	message_encode(&f->w, &branch_message, edition(2), &in);
	assert_int_equal(f->w.failed, -EINVAL);
	assert_write_error(f, "branch.leaf: null is not carried by this version");
}

/* The least that an item takes on the wire must not count what it may leave out. */
static void test_many_items_without_their_tagged_fields_are_read(void **state)
{
	struct fixture *f = *state;
	static struct twig twigs[1000];
	struct leaf leaf = { 4, NULL_STRING };
	struct branch in = { &leaf, { twigs, COUNT_OF(twigs) } }, out;
	writer_init(&f->w, f->memory, sizeof f->memory, NULL, 0);
	message_encode(&f->w, &branch_message, edition(3), &in);
	struct reader r;
	reader_init_flat(&r, f->memory, f->w.size, &f->arena);
	message_decode(&r, &branch_message, edition(3), &out);
	assert_int_equal(r.failed, 0);
	assert_true(message_equal(&branch_message, edition(3), &in, &out));
}

/* ---- equality ---- */

static void test_equality_sees_every_kind_and_only_what_is_carried(void **state)
{
	struct fixture *f = *state;
	char batch[] = "a batch";
	struct iovec whole = { batch, 7 }, halves[] = { { batch, 3 }, { batch + 3, 4 } };
	struct leaf leaf = { 4, NULL_STRING }, same = { 4, NULL_STRING },
		    other = { 5, NULL_STRING };
	f->in.records = (struct records){ &whole, 1, 7 };
	f->in.optional = &leaf;
	struct tree b = f->in;
	b.optional = &same;
	b.records = (struct records){ halves, 2, 7 };
	assert_true(message_equal(&tree_message, edition(3), &f->in, &b));
#define DIFFERS(member, value)                                                                     \
	do {                                                                                       \
		struct tree changed = b;                                                           \
		changed.member = value;                                                            \
		assert_false(message_equal(&tree_message, edition(3), &f->in, &changed));          \
		assert_false(message_equal(&tree_message, edition(3), &changed, &f->in));          \
	} while (0)
	DIFFERS(flag, false);
	DIFFERS(tiny, 1);
	DIFFERS(small, 256);
	DIFFERS(port, 256);
	DIFFERS(medium, 1 << 24);
	DIFFERS(large, 0);
	DIFFERS(uuid.bytes[15], 1);
	DIFFERS(name, STRING("x"));
	DIFFERS(name, NULL_STRING);
	DIFFERS(blob, ((struct bytes){ (const uint8_t *)"x", 1 }));
	DIFFERS(records, ((struct records){ &whole, 1, 6 }));
	DIFFERS(records, ((struct records){ halves + 1, 1, 4 }));
	DIFFERS(records, NULL_RECORDS);
	DIFFERS(numbers.count, -1);
	DIFFERS(inner.id, 1);
	DIFFERS(optional, &other);
	DIFFERS(optional, NULL);
	DIFFERS(tagged_leaf.id, 1);
	DIFFERS(tagged_name, STRING(""));
#undef DIFFERS
	b.ended = 9;
	assert_true(message_equal(&tree_message, edition(3), &f->in, &b));
	assert_false(message_equal(&tree_message, edition(1), &f->in, &b));
}

static void test_arena_limit_is_an_error(void **state)
{
	struct fixture *f = *state;
	static int32_t numbers[1000];
	f->in.numbers.items = numbers;
	f->in.numbers.count = COUNT_OF(numbers);
	assert_int_equal(encode(f, 3), 0);
	struct arena small;
	arena_init(&small, 1000);
	struct reader r;
	reader_init_flat(&r, f->memory, f->w.size, &small);
	message_decode(&r, &tree_message, edition(3), &f->out);
	assert_read_error(&r, -ENOMEM, "tree.numbers: needs more memory than one message may take");
	arena_free(&small);
}

static void test_random_bytes_never_crash(void **state)
{
	struct fixture *f = *state;
	struct random random;
	random_seed(&random, 4);
	for (int i = 0; i < 20000; i++) {
		int version = i % (TREE_VERSION_LAST + 1);
		arena_reset(&f->made);
		message_random(&tree_message, edition(version), &random, &f->made, &f->in);
		if (encode(f, version) < 0 || f->w.size == 0)
			continue;
		for (uint64_t n = 1 + random_below(&random, 4); n > 0; n--)
			f->memory[random_below(&random, (uint64_t)f->w.size)] =
				(uint8_t)random_next(&random);
		decode(f, version);
	}
}

/* ---- text ---- */

static void test_print_is_kafkas_json(void **state)
{
	struct fixture *f = *state;
	struct leaf leaves[] = { { 1, STRING("a\"\\\n\x01\xff\xc3\xa9") }, { 2, NULL_STRING } };
	int32_t numbers[] = { 1, -2 };
	char batch[] = "batch";
	struct iovec segments[] = { { batch, 2 }, { batch + 2, 3 } };
	f->in.leaves.items = leaves;
	f->in.leaves.count = 2;
	f->in.numbers.items = numbers;
	f->in.numbers.count = 2;
	f->in.words.count = -1;
	f->in.port = 65535;
	f->in.blob = (struct bytes){ (const uint8_t *)"\x00\xfb\xff?", 4 };
	f->in.records = (struct records){ segments, 2, 5 };
	memset(f->in.uuid.bytes, 0xfb, sizeof f->in.uuid.bytes);
	f->in.optional = &leaves[1];
	f->in.tagged_leaf.id = 3;
	struct writer w;
	writer_init(&w, f->memory, sizeof f->memory - 1, NULL, 0);
	message_print(&w, &tree_message, edition(2), &f->in);
	assert_int_equal(w.failed, 0);
	f->memory[w.size] = '\0';
	assert_string_equal((char *)f->memory,
		"{\"flag\":true,\"tiny\":0,\"small\":0,\"port\":65535,\"medium\":0,"
		"\"large\":-9223372036854775808,\"uuid\":\"-_v7-_v7-_v7-_v7-_v7-w\",\"name\":\"\","
		"\"blob\":\"APv/Pw==\",\"records\":\"YmF0Y2g=\",\"numbers\":[1,-2],\"words\":null,"
		"\"leaves\":[{\"id\":1,\"name\":\"a\\\"\\\\\\u000a\\u0001\xef\xbf\xbd\xc3\xa9\"},"
		"{\"id\":2,\"name\":null}],\"inner\":{\"id\":-1,\"name\":null},"
		"\"optional\":{\"id\":2,\"name\":null},\"oldForm\":\"\",\"ignored\":null,"
		"\"taggedLeaf\":{\"id\":3,\"name\":null}}");
}

static void test_print_replaces_what_is_not_utf8(void **state)
{
	struct fixture *f = *state;
	static const struct {
		struct string in;
		const char *out;
	} texts[] = {
		{ STRING("\xf0\x9f\x9a\x9c \xe2\x82\xac"), "\xf0\x9f\x9a\x9c \xe2\x82\xac" },
		{ STRING("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* surrogate */
		{ STRING("\xc0\x80"), "\xef\xbf\xbd\xef\xbf\xbd" },                 /* overlong */
		{ STRING("\xf4\x90\x80\x80"), /* past U+10FFFF */
			"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ STRING("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd" }, /* cut short */
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct leaf leaf = { 1, texts[i].in };
		char expected[100];
		snprintf(expected, sizeof expected, "{\"id\":1,\"name\":\"%s\"}", texts[i].out);
		struct writer w;
		writer_init(&w, f->memory, sizeof f->memory - 1, NULL, 0);
		message_print(&w, &leaf_message, edition(2), &leaf);
		f->memory[w.size] = '\0';
		assert_string_equal((char *)f->memory, expected);
	}
}

static void test_dump_speaks_the_schemas_words(void **state)
{
	struct fixture *f = *state;
	struct writer w;
	writer_init(&w, f->memory, sizeof f->memory - 1, NULL, 0);
	message_dump(&w, &tree_message);
	assert_int_equal(w.failed, 0);
	f->memory[w.size] = '\0';
	static const char *const parts[] = {
		"{\"name\":\"Flag\",\"type\":\"bool\",\"versions\":\"0+\",\"default\":\"true\"}",
		"{\"name\":\"OldForm\",\"type\":\"string\",\"versions\":\"0+\","
		"\"flexibleVersions\":\"none\"}",
		"{\"name\":\"ENDed\",\"type\":\"int32\",\"versions\":\"0-1\"}",
		"{\"name\":\"Leaves\",\"type\":\"[]OakLeaf\",\"versions\":\"0+\","
		"\"nullableVersions\":\"1+\",\"fields\":[{\"name\":\"Id\",\"type\":\"int32\","
		"\"versions\":\"0+\",\"default\":\"-1\"}",
		"{\"name\":\"TaggedName\",\"type\":\"string\",\"versions\":\"3+\","
		"\"nullableVersions\":\"3+\",\"tag\":7,\"taggedVersions\":\"3+\","
		"\"default\":\"null\",\"ignorable\":true}",
		"{\"name\":\"Words\",\"type\":\"[]string\"",
	};
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (!strstr((char *)f->memory, parts[i]))
			fail_msg("%s is not in %s", parts[i], (char *)f->memory);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_reset_sets_defaults),
		CASE(test_defaults_have_the_bytes_of_each_version),
		CASE(test_random_instances_come_back_equal),
		CASE(test_random_reaches_null_empty_and_absent),
		CASE(test_decode_gives_defaults_to_what_a_version_lacks),
		CASE(test_null_and_empty_arrays_differ),
		CASE(test_value_that_a_version_lacks_is_an_error),
		CASE(test_nested_value_that_a_version_lacks_names_its_own_field),
		CASE(test_ignorable_value_is_left_out),
		CASE(test_null_is_an_error_before_its_version),
		CASE(test_item_of_a_nullable_array_is_not_nullable),
		CASE(test_string_longer_than_its_size_can_say_is_an_error),
		CASE(test_lack_of_room_names_the_field),
		CASE(test_tagged_defaults_are_left_out),
		CASE(test_unknown_tagged_fields_are_skipped),
		CASE(test_tagged_field_of_a_later_version_is_skipped),
		CASE(test_wrong_tagged_sizes_are_malformed),
		CASE(test_truncation_at_every_byte_fails),
		CASE(test_overlong_counts_are_refused_before_allocation),
		CASE(test_nulls_and_sizes_that_cannot_be_are_malformed),
		CASE(test_size_above_two_gib_is_refused),
		CASE(test_optional_is_null_only_where_it_may_be),
		CASE(test_many_items_without_their_tagged_fields_are_read),
		CASE(test_equality_sees_every_kind_and_only_what_is_carried),
		CASE(test_arena_limit_is_an_error),
		CASE(test_random_bytes_never_crash),
		CASE(test_print_is_kafkas_json),
		CASE(test_print_replaces_what_is_not_utf8),
		CASE(test_dump_speaks_the_schemas_words),
	};
	return RUN_TESTS(tests);
}
