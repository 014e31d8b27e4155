/*
 * The interpreter of field tables, the part that never sees a wire: defaults and equality. Its
 * other parts are message_encode.c, message_decode.c, message_text.c and message_random.c.
 */
#include "message.h"

size_t field_item_size(const struct field *f)
{
	switch ((enum kind)f->item_kind) {
	case KIND_BOOL:
		return sizeof(bool);
	case KIND_INT8:
		return sizeof(int8_t);
	case KIND_INT16:
	case KIND_UINT16:
		return sizeof(int16_t);
	case KIND_INT32:
		return sizeof(int32_t);
	case KIND_INT64:
		return sizeof(int64_t);
	case KIND_UUID:
		return sizeof(struct uuid);
	case KIND_STRING:
		return sizeof(struct string);
	case KIND_BYTES:
		return sizeof(struct bytes);
	case KIND_STRUCT:
		return f->of->size;
	case KIND_RECORDS:
	case KIND_ARRAY:
	case KIND_OPTIONAL:
		break;
	}
	assert(false && "no array of these");
	return 0;
}

/* ---- defaults ---- */

void field_reset(const struct field *f, void *value)
{
	switch ((enum kind)f->kind) {
	case KIND_BOOL:
		*(bool *)value = f->preset != 0;
		break;
	case KIND_INT8:
		*(int8_t *)value = (int8_t)f->preset;
		break;
	case KIND_INT16:
		*(int16_t *)value = (int16_t)f->preset;
		break;
	case KIND_UINT16:
		*(uint16_t *)value = (uint16_t)f->preset;
		break;
	case KIND_INT32:
		*(int32_t *)value = (int32_t)f->preset;
		break;
	case KIND_INT64:
		*(int64_t *)value = f->preset;
		break;
	case KIND_UUID:
		*(struct uuid *)value = (struct uuid){ 0 };
		break;
	case KIND_STRING:
		*(struct string *)value = (struct string){ NULL, (int32_t)f->preset };
		break;
	case KIND_BYTES:
		*(struct bytes *)value = (struct bytes){ NULL, (int32_t)f->preset };
		break;
	case KIND_RECORDS:
		*(struct records *)value = (struct records){ NULL, 0, (int32_t)f->preset };
		break;
	case KIND_ARRAY:
		array_store(value, (struct array){ NULL, (int32_t)f->preset });
		break;
	case KIND_STRUCT:
		message_reset(f->of, value);
		break;
	case KIND_OPTIONAL:
		optional_store(value, NULL);
		break;
	}
}

void message_reset(const struct message *m, void *body)
{
	for (int i = 0; i < m->field_count; i++)
		field_reset(&m->fields[i], (char *)body + m->fields[i].offset);
}

static bool message_is_default(const struct message *m, const void *body)
{
	for (int i = 0; i < m->field_count; i++)
		if (!field_is_default(&m->fields[i], (const char *)body + m->fields[i].offset))
			return false;
	return true;
}

bool field_is_default(const struct field *f, const void *value)
{
	static const struct uuid zero;
	switch ((enum kind)f->kind) {
	case KIND_BOOL:
		return *(const bool *)value == (f->preset != 0);
	case KIND_INT8:
		return *(const int8_t *)value == f->preset;
	case KIND_INT16:
		return *(const int16_t *)value == f->preset;
	case KIND_UINT16:
		return *(const uint16_t *)value == f->preset;
	case KIND_INT32:
		return *(const int32_t *)value == f->preset;
	case KIND_INT64:
		return *(const int64_t *)value == f->preset;
	case KIND_UUID:
		return memcmp(value, &zero, sizeof zero) == 0;
	case KIND_STRING:
		return ((const struct string *)value)->size == f->preset;
	case KIND_BYTES:
		return ((const struct bytes *)value)->size == f->preset;
	case KIND_RECORDS:
		return ((const struct records *)value)->size == f->preset;
	case KIND_ARRAY:
		return array_load(value).count == f->preset;
	case KIND_STRUCT:
		return message_is_default(f->of, value);
	case KIND_OPTIONAL:
		return !optional_load(value);
	}
	return false;
}

/* ---- equality ---- */

static bool bytes_equal(const void *a, int32_t a_size, const void *b, int32_t b_size)
{
	return a_size == b_size && (a_size <= 0 || memcmp(a, b, (size_t)a_size) == 0);
}

static bool records_equal(const struct records *a, const struct records *b)
{
	if (a->size != b->size)
		return false;
	struct reader x, y;
	reader_init(&x, a->segments, a->segment_count, NULL);
	reader_init(&y, b->segments, b->segment_count, NULL);
	for (int32_t i = 0; i < a->size; i++)
		if (reader_int8(&x) != reader_int8(&y))
			return false;
	return true;
}

static bool array_equal(const struct field *f, struct edition e, struct array a, struct array b);

static bool value_equal(
	const struct field *f, enum kind kind, struct edition e, const void *a, const void *b)
{
	switch (kind) {
	case KIND_BOOL:
	case KIND_INT8:
		return memcmp(a, b, sizeof(int8_t)) == 0;
	case KIND_INT16:
	case KIND_UINT16:
		return memcmp(a, b, sizeof(int16_t)) == 0;
	case KIND_INT32:
		return memcmp(a, b, sizeof(int32_t)) == 0;
	case KIND_INT64:
		return memcmp(a, b, sizeof(int64_t)) == 0;
	case KIND_UUID:
		return memcmp(a, b, sizeof(struct uuid)) == 0;
	case KIND_STRING:
		return string_equal(*(const struct string *)a, *(const struct string *)b);
	case KIND_BYTES: {
		const struct bytes *x = a, *y = b;
		return bytes_equal(x->data, x->size, y->data, y->size);
	}
	case KIND_RECORDS:
		return records_equal(a, b);
	case KIND_ARRAY:
		return array_equal(f, e, array_load(a), array_load(b));
	case KIND_STRUCT:
		return message_equal(f->of, e, a, b);
	case KIND_OPTIONAL: {
		const void *x = optional_load(a), *y = optional_load(b);
		return x && y ? message_equal(f->of, e, x, y) : x == y;
	}
	}
	return false;
}

static bool array_equal(const struct field *f, struct edition e, struct array a, struct array b)
{
	if (a.count != b.count)
		return false;
	const char *x = a.items, *y = b.items;
	size_t item_size = a.count > 0 ? field_item_size(f) : 0;
	for (int32_t i = 0; i < a.count; i++, x += item_size, y += item_size)
		if (!value_equal(f, f->item_kind, e, x, y))
			return false;
	return true;
}

bool message_equal(const struct message *m, struct edition e, const void *a, const void *b)
{
	for (const struct field *f = m->fields; f < m->fields + m->field_count; f++)
		if (field_is_carried(f, e) &&
			!value_equal(f, f->kind, e, (const char *)a + f->offset,
				(const char *)b + f->offset))
			return false;
	return true;
}
