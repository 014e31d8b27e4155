/*
 * The interpreter's reading half: bytes of a version become a struct in memory. Nothing that it
 * reads is believed: sizes are checked against the bytes left, and what is allocated is never more
 * than a small multiple of what was received. Follows Kafka's protocol guide, KIP-482 for flexible
 * versions.
 */
#include "message.h"

/*
 * An array this small is allocated before it is known whether the frame can hold its items: asking
 * the table would take longer than giving the memory back.
 */
#define ARRAY_SIZE_TRUSTED 512

static void decode_struct(
	struct reader *r, const struct message *m, const struct edition *e, char *body);

/* The least that a kind takes on the wire: a count is checked against it before it is believed. */
static int32_t kind_wire_min(enum kind kind, const struct message *of, const struct edition *e)
{
	switch (kind) {
	case KIND_BOOL:
	case KIND_INT8:
	case KIND_OPTIONAL:
		return 1;
	case KIND_INT16:
	case KIND_UINT16:
		return 2;
	case KIND_INT32:
		return 4;
	case KIND_INT64:
		return 8;
	case KIND_UUID:
		return 16;
	case KIND_STRING:
		return e->flexible ? 1 : 2;
	case KIND_BYTES:
	case KIND_RECORDS:
	case KIND_ARRAY:
		return e->flexible ? 1 : 4;
	case KIND_STRUCT:
		break;
	}
	int32_t size = e->flexible;
	const struct field *end = of->fields + of->field_count;
	for (const struct field *f = of->fields; f < end; f++)
		if (field_is_carried(f, *e) && !f->tagged)
			size += kind_wire_min(f->kind, f->of, e);
	return MAX(size, 1);
}

/* A size or count that was read, in the one form that it has in memory; 0 after a failure. */
static int32_t decode_size(
	struct reader *r, const struct field *f, enum kind kind, const struct edition *e)
{
	int64_t size;
	if (e->flexible && !f->inflexible)
		size = (int64_t)reader_uvarint(r) - 1;
	else
		size = kind == KIND_STRING ? reader_int16(r) : reader_int32(r);
	if (r->failed)
		return 0;
	if (size > INT32_MAX)
		reader_fail(r, -EMSGSIZE, "a size above 2 GiB");
	else if (size < -1)
		reader_fail(r, -EBADMSG, "a negative size");
	else if (size == -1 && !null_is_carried(f, kind, *e))
		reader_fail(r, -EBADMSG, "null where this version has none");
	return r->failed ? 0 : (int32_t)size;
}

static void decode_array(
	struct reader *r, const struct field *f, const struct edition *e, void *value);
static void decode_optional(
	struct reader *r, const struct field *f, const struct edition *e, void *value);

/* A field, or, with the kind of its items, one item of an array. */
static void decode_value(struct reader *r, const struct field *f, enum kind kind,
	const struct edition *e, void *value)
{
	switch (kind) {
	case KIND_BOOL:
		*(bool *)value = reader_int8(r) != 0;
		break;
	case KIND_INT8:
		*(int8_t *)value = reader_int8(r);
		break;
	case KIND_INT16:
	case KIND_UINT16:
		*(int16_t *)value = reader_int16(r);
		break;
	case KIND_INT32:
		*(int32_t *)value = reader_int32(r);
		break;
	case KIND_INT64:
		*(int64_t *)value = reader_int64(r);
		break;
	case KIND_UUID: {
		const uint8_t *at = reader_take(r, sizeof(struct uuid));
		if (at)
			memcpy(value, at, sizeof(struct uuid));
		break;
	}
	case KIND_STRING: {
		int32_t size = decode_size(r, f, kind, e);
		struct bytes b = size < 0 ? NULL_BYTES : reader_bytes(r, size);
		*(struct string *)value = (struct string){ (const char *)b.data, b.size };
		break;
	}
	case KIND_BYTES: {
		int32_t size = decode_size(r, f, kind, e);
		*(struct bytes *)value = size < 0 ? NULL_BYTES : reader_bytes(r, size);
		break;
	}
	case KIND_RECORDS: {
		int32_t size = decode_size(r, f, kind, e);
		*(struct records *)value = size < 0 ? NULL_RECORDS : reader_records(r, size);
		break;
	}
	case KIND_ARRAY:
		decode_array(r, f, e, value);
		break;
	case KIND_STRUCT:
		decode_struct(r, f->of, e, value);
		break;
	case KIND_OPTIONAL:
		decode_optional(r, f, e, value);
		break;
	}
}

/* Whether the bytes left can hold that many items. */
static bool count_is_possible(
	const struct reader *r, const struct field *f, const struct edition *e, int32_t count)
{
	int64_t left = reader_left(r);
	if ((size_t)count * field_item_size(f) <= ARRAY_SIZE_TRUSTED)
		return count <= left;
	return (int64_t)count * kind_wire_min(f->item_kind, f->of, e) <= left;
}

static void decode_array(
	struct reader *r, const struct field *f, const struct edition *e, void *value)
{
	int32_t count = decode_size(r, f, KIND_ARRAY, e);
	array_store(value, (struct array){ NULL, count });
	if (count <= 0)
		return;
	if (!count_is_possible(r, f, e, count)) {
		reader_fail(r, -EBADMSG, "more items than the rest of the frame can hold");
		return;
	}
	size_t item_size = field_item_size(f);
	char *item = reader_alloc(r, (size_t)count * item_size);
	if (!item)
		return;
	array_store(value, (struct array){ item, count });
	for (int32_t i = 0; i < count && !r->failed; i++, item += item_size)
		decode_value(r, f, f->item_kind, e, item);
}

static void decode_optional(
	struct reader *r, const struct field *f, const struct edition *e, void *value)
{
	optional_store(value, NULL);
	if (reader_int8(r) < 0) {
		if (!null_is_carried(f, KIND_OPTIONAL, *e))
			reader_fail(r, -EBADMSG, "null where this version has none");
		return;
	}
	char *body = r->failed ? NULL : reader_alloc(r, f->of->size);
	if (!body)
		return;
	optional_store(value, body);
	decode_struct(r, f->of, e, body);
}

static const struct field *field_of_tag(
	const struct message *m, const struct edition *e, uint32_t tag)
{
	const struct field *end = m->fields + m->field_count;
	for (const struct field *f = m->fields; f < end; f++)
		if (f->tagged && f->tag == tag && field_is_carried(f, *e))
			return f;
	return NULL;
}

static void decode_tagged(
	struct reader *r, const struct message *m, const struct edition *e, char *body)
{
	for (uint32_t count = reader_uvarint(r); count > 0 && !r->failed; count--) {
		uint32_t tag = reader_uvarint(r);
		int64_t size = reader_uvarint(r);
		const struct field *f = field_of_tag(m, e, tag);
		if (!f) {
			reader_skip(r, size);
			continue;
		}
		int64_t before = reader_left(r);
		decode_value(r, f, f->kind, e, body + f->offset);
		if (!r->failed && before - reader_left(r) != size)
			reader_fail(r, -EBADMSG, "its tagged size is not its own");
		if (r->failed && !r->field)
			r->field = f->name;
	}
}

static void decode_struct(
	struct reader *r, const struct message *m, const struct edition *e, char *body)
{
	const struct field *end = m->fields + m->field_count;
	for (const struct field *f = m->fields; f < end; f++) {
		if (!field_is_carried(f, *e) || f->tagged)
			field_reset(f, body + f->offset);
		else
			decode_value(r, f, f->kind, e, body + f->offset);
		if (r->failed) {
			if (!r->field)
				r->field = f->name;
			break;
		}
	}
	if (e->flexible && !r->failed)
		decode_tagged(r, m, e, body);
	if (r->failed && !r->message)
		r->message = m->name;
}

void message_decode(struct reader *r, const struct message *m, struct edition e, void *body)
{
	decode_struct(r, m, &e, body);
}
