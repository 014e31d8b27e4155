/*
 * The interpreter of field tables: defaults, encoding, decoding, equality. It is the only code that
 * knows how Kafka lays out a kind at a version; text and invention are in message_text.c and
 * message_random.c. Follows the protocol guide, KIP-482 for flexible versions.
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

/* ---- encoding ---- */

static void encode_struct(
	struct writer *w, const struct message *m, struct edition e, const char *body);

/* Sizes and counts; -1 is null. A flexible one is a varint of one more, so that null is 0. */
static void encode_size(
	struct writer *w, const struct field *f, enum kind kind, struct edition e, int32_t size)
{
	if (size < 0 && !null_is_carried(f, kind, e))
		writer_fail(w, -EINVAL, "null is not carried by this version");
	else if (e.flexible && !f->inflexible)
		writer_uvarint(w, (uint32_t)size + 1);
	else
		writer_int32(w, size);
}

static void encode_string(
	struct writer *w, const struct field *f, struct edition e, const void *value)
{
	const struct string *s = value;
	if (e.flexible && !f->inflexible)
		encode_size(w, f, KIND_STRING, e, s->size);
	else if (s->size < 0 && !null_is_carried(f, KIND_STRING, e))
		writer_fail(w, -EINVAL, "null is not carried by this version");
	else if (s->size > INT16_MAX)
		writer_fail(w, -EINVAL, "longer than the 32767 bytes of a string");
	else
		writer_int16(w, (int16_t)s->size);
	if (s->size > 0)
		writer_put(w, s->data, s->size);
}

static void encode_scalar(struct writer *w, const struct field *f, enum kind kind, struct edition e,
	const void *value)
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
	case KIND_STRING:
		encode_string(w, f, e, value);
		break;
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
	case KIND_STRUCT:
	case KIND_OPTIONAL:
		assert(false && "not a scalar");
	}
}

static void encode_array(
	struct writer *w, const struct field *f, struct edition e, const void *value)
{
	struct array array = array_load(value);
	size_t item_size = field_item_size(f);
	encode_size(w, f, KIND_ARRAY, e, array.count);
	const char *item = array.items;
	for (int32_t i = 0; i < array.count && !w->failed; i++, item += item_size) {
		if (f->of)
			encode_struct(w, f->of, e, item);
		else
			encode_scalar(w, f, f->item_kind, e, item);
	}
}

static void encode_value(
	struct writer *w, const struct field *f, struct edition e, const void *value)
{
	if (f->kind == KIND_ARRAY) {
		encode_array(w, f, e, value);
	} else if (f->kind == KIND_STRUCT) {
		encode_struct(w, f->of, e, value);
	} else if (f->kind == KIND_OPTIONAL) {
		const char *body = optional_load(value);
		if (!body && !null_is_carried(f, KIND_OPTIONAL, e))
			writer_fail(w, -EINVAL, "null is not carried by this version");
		writer_int8(w, body ? 1 : -1);
		if (body)
			encode_struct(w, f->of, e, body);
	} else {
		encode_scalar(w, f, f->kind, e, value);
	}
}

static void encode_tagged(
	struct writer *w, const struct message *m, struct edition e, const char *body, int count)
{
	writer_uvarint(w, (uint32_t)count);
	for (int i = 0; count > 0; i++) {
		const struct field *f = &m->fields[i];
		const char *value = body + f->offset;
		if (!f->tagged || !field_is_carried(f, e) || field_is_default(f, value))
			continue;
		writer_uvarint(w, f->tag);
		int32_t mark = writer_sized_begin(w);
		encode_value(w, f, e, value);
		writer_sized_end(w, mark);
		count--;
		if (w->failed && !w->field)
			w->field = f->name;
	}
}

static void encode_struct(
	struct writer *w, const struct message *m, struct edition e, const char *body)
{
	int tagged_count = 0;
	for (const struct field *f = m->fields; f < m->fields + m->field_count; f++) {
		const char *value = body + f->offset;
		if (!field_is_carried(f, e)) {
			if (!f->ignorable && !field_is_default(f, value))
				writer_fail(w, -EINVAL, "is not carried by this version");
		} else if (f->tagged) {
			tagged_count += !field_is_default(f, value);
		} else {
			encode_value(w, f, e, value);
		}
		if (w->failed) {
			if (!w->field)
				w->field = f->name;
			break;
		}
	}
	if (e.flexible)
		encode_tagged(w, m, e, body, tagged_count);
	if (w->failed && !w->message)
		w->message = m->name;
}

void message_encode(struct writer *w, const struct message *m, struct edition e, const void *body)
{
	encode_struct(w, m, e, body);
}

/* ---- decoding ---- */

static void decode_struct(struct reader *r, const struct message *m, struct edition e, char *body);

/* The least that a kind takes on the wire: what a count is checked against before it is believed.
 */
static int32_t kind_wire_min(enum kind kind, const struct message *of, struct edition e)
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
		return e.flexible ? 1 : 2;
	case KIND_BYTES:
	case KIND_RECORDS:
	case KIND_ARRAY:
		return e.flexible ? 1 : 4;
	case KIND_STRUCT:
		break;
	}
	int32_t size = e.flexible;
	for (const struct field *f = of->fields; f < of->fields + of->field_count; f++)
		if (field_is_carried(f, e) && !f->tagged)
			size += kind_wire_min(f->kind, f->of, e);
	return MAX(size, 1);
}

/* A size or count that was read, in the one form that it has in memory; 0 after a failure. */
static int32_t decode_size(
	struct reader *r, const struct field *f, enum kind kind, struct edition e)
{
	int64_t size;
	if (e.flexible && !f->inflexible)
		size = (int64_t)reader_uvarint(r) - 1;
	else
		size = kind == KIND_STRING ? reader_int16(r) : reader_int32(r);
	if (r->failed)
		return 0;
	if (size > INT32_MAX)
		reader_fail(r, -EMSGSIZE, "a size above 2 GiB");
	else if (size < -1)
		reader_fail(r, -EBADMSG, "a negative size");
	else if (size == -1 && !null_is_carried(f, kind, e))
		reader_fail(r, -EBADMSG, "null where this version has none");
	return r->failed ? 0 : (int32_t)size;
}

static void decode_scalar(
	struct reader *r, const struct field *f, enum kind kind, struct edition e, void *value)
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
	case KIND_STRUCT:
	case KIND_OPTIONAL:
		assert(false && "not a scalar");
	}
}

static void *decode_alloc(struct reader *r, size_t size)
{
	void *memory = r->arena ? arena_alloc(r->arena, size) : NULL;
	if (!memory)
		reader_fail(r, -ENOMEM, "needs more memory than one message may take");
	return memory;
}

static void decode_array(struct reader *r, const struct field *f, struct edition e, void *value)
{
	int32_t count = decode_size(r, f, KIND_ARRAY, e);
	array_store(value, (struct array){ NULL, count });
	if (count <= 0)
		return;
	if ((int64_t)count * kind_wire_min(f->item_kind, f->of, e) > reader_left(r)) {
		reader_fail(r, -EBADMSG, "more items than the rest of the frame can hold");
		return;
	}
	size_t item_size = field_item_size(f);
	char *item = decode_alloc(r, (size_t)count * item_size);
	if (!item)
		return;
	array_store(value, (struct array){ item, count });
	for (int32_t i = 0; i < count && !r->failed; i++, item += item_size) {
		if (f->of)
			decode_struct(r, f->of, e, item);
		else
			decode_scalar(r, f, f->item_kind, e, item);
	}
}

static void decode_optional(struct reader *r, const struct field *f, struct edition e, void *value)
{
	optional_store(value, NULL);
	if (reader_int8(r) < 0) {
		if (!null_is_carried(f, KIND_OPTIONAL, e))
			reader_fail(r, -EBADMSG, "null where this version has none");
		return;
	}
	char *body = r->failed ? NULL : decode_alloc(r, f->of->size);
	if (!body)
		return;
	optional_store(value, body);
	decode_struct(r, f->of, e, body);
}

static void decode_value(struct reader *r, const struct field *f, struct edition e, void *value)
{
	if (f->kind == KIND_ARRAY)
		decode_array(r, f, e, value);
	else if (f->kind == KIND_STRUCT)
		decode_struct(r, f->of, e, value);
	else if (f->kind == KIND_OPTIONAL)
		decode_optional(r, f, e, value);
	else
		decode_scalar(r, f, f->kind, e, value);
}

static const struct field *field_of_tag(const struct message *m, struct edition e, uint32_t tag)
{
	for (const struct field *f = m->fields; f < m->fields + m->field_count; f++)
		if (f->tagged && f->tag == tag && field_is_carried(f, e))
			return f;
	return NULL;
}

static void decode_tagged(struct reader *r, const struct message *m, struct edition e, char *body)
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
		decode_value(r, f, e, body + f->offset);
		if (!r->failed && before - reader_left(r) != size)
			reader_fail(r, -EBADMSG, "its tagged size is not its own");
		if (r->failed && !r->field)
			r->field = f->name;
	}
}

static void decode_struct(struct reader *r, const struct message *m, struct edition e, char *body)
{
	for (const struct field *f = m->fields; f < m->fields + m->field_count; f++) {
		if (!field_is_carried(f, e) || f->tagged)
			field_reset(f, body + f->offset);
		else
			decode_value(r, f, e, body + f->offset);
		if (r->failed) {
			if (!r->field)
				r->field = f->name;
			break;
		}
	}
	if (e.flexible && !r->failed)
		decode_tagged(r, m, e, body);
	if (r->failed && !r->message)
		r->message = m->name;
}

void message_decode(struct reader *r, const struct message *m, struct edition e, void *body)
{
	decode_struct(r, m, e, body);
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
