/*
 * The interpreter's writing half: a struct in memory becomes the bytes of a version. Follows
 * Kafka's protocol guide, KIP-482 for flexible versions: sizes are varints there, and tagged fields
 * follow each struct.
 */
#include "message.h"

static const char *const null_reason = "null is not carried by this version";

static void encode_struct(
	struct writer *w, const struct message *m, const struct edition *e, const char *body);

/* Sizes and counts; -1 is null. A flexible one is a varint of one more, so that null is 0. */
static void encode_size(struct writer *w, const struct field *f, enum kind kind,
	const struct edition *e, int32_t size)
{
	if (size < 0 && !null_is_carried(f, kind, *e))
		writer_fail(w, -EINVAL, null_reason);
	else if (e->flexible && !f->inflexible)
		writer_uvarint(w, (uint32_t)size + 1);
	else if (kind != KIND_STRING)
		writer_int32(w, size);
	else if (size > INT16_MAX)
		writer_fail(w, -EINVAL, "longer than the 32767 bytes of a string");
	else
		writer_int16(w, (int16_t)size);
}

static void encode_array(
	struct writer *w, const struct field *f, const struct edition *e, struct array array);
static void encode_optional(
	struct writer *w, const struct field *f, const struct edition *e, const char *body);

/* A field, or, with the kind of its items, one item of an array. */
static void encode_value(struct writer *w, const struct field *f, enum kind kind,
	const struct edition *e, const void *value)
{
	switch (kind) {
	case KIND_BOOL:
		writer_int8(w, *(const bool *)value);
		break;
	case KIND_INT8:
		writer_int8(w, *(const int8_t *)value);
		break;
	case KIND_INT16:
	case KIND_UINT16:
		writer_int16(w, *(const int16_t *)value);
		break;
	case KIND_INT32:
		writer_int32(w, *(const int32_t *)value);
		break;
	case KIND_INT64:
		writer_int64(w, *(const int64_t *)value);
		break;
	case KIND_UUID:
		writer_put(w, value, sizeof(struct uuid));
		break;
	case KIND_STRING: {
		const struct string *s = value;
		encode_size(w, f, kind, e, s->size);
		if (s->size > 0)
			writer_put(w, s->data, s->size);
		break;
	}
	case KIND_BYTES: {
		const struct bytes *b = value;
		encode_size(w, f, kind, e, b->size);
		if (b->size > 0)
			writer_put(w, b->data, b->size);
		break;
	}
	case KIND_RECORDS: {
		const struct records *records = value;
		encode_size(w, f, kind, e, records->size);
		writer_records(w, *records);
		break;
	}
	case KIND_ARRAY:
		encode_array(w, f, e, array_load(value));
		break;
	case KIND_STRUCT:
		encode_struct(w, f->of, e, value);
		break;
	case KIND_OPTIONAL:
		encode_optional(w, f, e, optional_load(value));
		break;
	}
}

static void encode_array(
	struct writer *w, const struct field *f, const struct edition *e, struct array array)
{
	encode_size(w, f, KIND_ARRAY, e, array.count);
	const char *item = array.items;
	size_t item_size = array.count > 0 ? field_item_size(f) : 0;
	for (int32_t i = 0; i < array.count && !w->failed; i++, item += item_size)
		encode_value(w, f, f->item_kind, e, item);
}

static void encode_optional(
	struct writer *w, const struct field *f, const struct edition *e, const char *body)
{
	if (!body && !null_is_carried(f, KIND_OPTIONAL, *e))
		writer_fail(w, -EINVAL, null_reason);
	writer_int8(w, body ? 1 : -1);
	if (body)
		encode_struct(w, f->of, e, body);
}

static void encode_tagged(struct writer *w, const struct message *m, const struct edition *e,
	const char *body, int count)
{
	writer_uvarint(w, (uint32_t)count);
	for (int i = 0; count > 0; i++) {
		const struct field *f = &m->fields[i];
		const char *value = body + f->offset;
		if (!f->tagged || !field_is_carried(f, *e) || field_is_default(f, value))
			continue;
		writer_uvarint(w, f->tag);
		int32_t mark = writer_sized_begin(w);
		encode_value(w, f, f->kind, e, value);
		writer_sized_end(w, mark);
		count--;
		if (w->failed && !w->field)
			w->field = f->name;
	}
}

static void encode_struct(
	struct writer *w, const struct message *m, const struct edition *e, const char *body)
{
	int tagged_count = 0;
	const struct field *end = m->fields + m->field_count;
	for (const struct field *f = m->fields; f < end; f++) {
		const char *value = body + f->offset;
		if (!field_is_carried(f, *e)) {
			if (!f->ignorable && !field_is_default(f, value))
				writer_fail(w, -EINVAL, "is not carried by this version");
		} else if (f->tagged) {
			tagged_count += !field_is_default(f, value);
		} else {
			encode_value(w, f, f->kind, e, value);
		}
		if (w->failed) {
			if (!w->field)
				w->field = f->name;
			break;
		}
	}
	if (e->flexible)
		encode_tagged(w, m, e, body, tagged_count);
	if (w->failed && !w->message)
		w->message = m->name;
}

void message_encode(struct writer *w, const struct message *m, struct edition e, const void *body)
{
	encode_struct(w, m, &e, body);
}
