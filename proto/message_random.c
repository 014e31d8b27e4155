/*
 * Invented messages: bodies that are valid at a version, from a seed. They lean to where mistakes
 * live: boundary values, null, empty, one item, sizes on either side of a longer varint. For tests,
 * the byte oracle and the fuzzers' corpus.
 */
#include "message.h"

#define STRING_SIZE_LONG 300 /* where it takes two bytes of varint */
#define SCALARS_LONG     130 /* likewise */

static void *random_alloc(struct arena *arena, size_t size)
{
	void *memory = arena_alloc(arena, size);
	assert(memory && "the arena is large enough");
	return memory;
}

static bool one_in(struct random *random, uint64_t n)
{
	return random_below(random, n) == 0;
}

/* A value of a signed integer of that many bits; unsigned ones take its bits. */
static int64_t random_integer(struct random *random, int bits, int64_t preset)
{
	int64_t max = (int64_t)(UINT64_MAX >> (65 - bits));
	switch (random_below(random, 8)) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return -1;
	case 3:
		return max;
	case 4:
		return -max - 1;
	case 5:
		return preset;
	default:
		return (int64_t)random_next(random) >> (64 - bits);
	}
}

static int32_t random_size(struct random *random)
{
	static const int32_t boundaries[] = { 0, 1, 126, 127, 128, STRING_SIZE_LONG };
	if (one_in(random, 4))
		return boundaries[random_below(random, COUNT_OF(boundaries))];
	return (int32_t)random_below(random, 24);
}

static struct bytes random_bytes(struct random *random, struct arena *arena)
{
	int32_t size = random_size(random);
	uint8_t *data = random_alloc(arena, (size_t)size);
	for (int32_t i = 0; i < size; i++)
		data[i] = (uint8_t)random_next(random);
	return (struct bytes){ data, size };
}

/* UTF-8, with characters of every size and those that JSON has to escape. */
static struct string random_string(struct random *random, struct arena *arena)
{
	static const char *const characters[] = {
		"\"",
		"\\",
		"/",
		"\n",
		"\x01",
		"\x7f",
		"\xc3\xa9",
		"\xe2\x82\xac",
		"\xf0\x9f\x9a\x9c",
	};
	int32_t size = random_size(random);
	bool plain = !one_in(random, 4);
	char *data = random_alloc(arena, (size_t)size);
	for (int32_t at = 0; at < size;) {
		const char *special = characters[random_below(random, COUNT_OF(characters))];
		int32_t special_size = (int32_t)strlen(special);
		if (plain || special_size > size - at || !one_in(random, 3)) {
			data[at++] = "abcdefghijklmnopqrstuvwxyz-._0123"[random_below(random, 33)];
			continue;
		}
		memcpy(data + at, special, (size_t)special_size);
		at += special_size;
	}
	return (struct string){ data, size };
}

/* In one to three pieces. */
static struct records random_records(struct random *random, struct arena *arena)
{
	struct iovec *segments = random_alloc(arena, 3 * sizeof *segments);
	struct records records = { .segments = segments };
	records.segment_count = 1 + (int32_t)random_below(random, 3);
	for (int32_t i = 0; i < records.segment_count; i++) {
		struct bytes piece = random_bytes(random, arena);
		segments[i] = (struct iovec){ (void *)piece.data, (size_t)piece.size };
		records.size += piece.size;
	}
	return records;
}

static struct array random_array(
	const struct field *f, struct edition e, struct random *random, struct arena *arena);

static void random_value(const struct field *f, enum kind kind, struct edition e,
	struct random *random, struct arena *arena, void *value)
{
	switch (kind) {
	case KIND_BOOL:
		*(bool *)value = one_in(random, 2);
		break;
	case KIND_INT8:
		*(int8_t *)value = (int8_t)random_integer(random, 8, f->preset);
		break;
	case KIND_INT16:
	case KIND_UINT16:
		*(int16_t *)value = (int16_t)random_integer(random, 16, f->preset);
		break;
	case KIND_INT32:
		*(int32_t *)value = (int32_t)random_integer(random, 32, f->preset);
		break;
	case KIND_INT64:
		*(int64_t *)value = random_integer(random, 64, f->preset);
		break;
	case KIND_UUID:
		for (size_t i = 0; i < sizeof(struct uuid); i++)
			((uint8_t *)value)[i] = (uint8_t)random_next(random);
		break;
	case KIND_STRING:
		*(struct string *)value = random_string(random, arena);
		break;
	case KIND_BYTES:
		*(struct bytes *)value = random_bytes(random, arena);
		break;
	case KIND_RECORDS:
		*(struct records *)value = random_records(random, arena);
		break;
	case KIND_ARRAY:
		array_store(value, random_array(f, e, random, arena));
		break;
	case KIND_STRUCT:
		message_random(f->of, e, random, arena, value);
		break;
	case KIND_OPTIONAL: {
		void *body = random_alloc(arena, f->of->size);
		message_random(f->of, e, random, arena, body);
		optional_store(value, body);
		break;
	}
	}
}

static struct array random_array(
	const struct field *f, struct edition e, struct random *random, struct arena *arena)
{
	int32_t count = (int32_t)random_below(random, 4);
	if (f->item_kind != KIND_STRUCT && one_in(random, 16))
		count = SCALARS_LONG - (int32_t)random_below(random, 4);
	size_t item_size = field_item_size(f);
	char *items = random_alloc(arena, (size_t)count * item_size);
	for (int32_t i = 0; i < count; i++)
		random_value(f, f->item_kind, e, random, arena, items + (size_t)i * item_size);
	return (struct array){ items, count };
}

static void random_null(const struct field *f, void *value)
{
	struct field null = *f;
	null.preset = -1;
	field_reset(&null, value);
}

void message_random(const struct message *m, struct edition e, struct random *random,
	struct arena *arena, void *body)
{
	for (const struct field *f = m->fields; f < m->fields + m->field_count; f++) {
		void *value = (char *)body + f->offset;
		if (!field_is_carried(f, e) || (f->tagged && one_in(random, 2)))
			field_reset(f, value);
		else if (null_is_carried(f, f->kind, e) && one_in(random, 4))
			random_null(f, value);
		else
			random_value(f, f->kind, e, random, arena, value);
	}
}
