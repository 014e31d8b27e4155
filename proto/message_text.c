/*
 * Messages and tables as text: JSON in the shape of Kafka's own converters (so that Java can read
 * what we print), tables in the vocabulary of Kafka's schemas, and a cursor's failure in words.
 */
#include "message.h"

#include <stdio.h>

#define DIGITS_SIZE 24 /* an int64 in decimal */

static void put_text(struct writer *w, const char *text)
{
	writer_put(w, text, (int32_t)strlen(text));
}

static void put_number(struct writer *w, int64_t value)
{
	char digits[DIGITS_SIZE];
	int size = snprintf(digits, sizeof digits, "%lld", (long long)value);
	writer_put(w, digits, size);
}

/* ---- values ---- */

/*
 * The size of the UTF-8 character at the front, or 0 if there is none: overlong forms, surrogates
 * and what lies past U+10FFFF are none (RFC 3629).
 */
static int32_t utf8_size(const uint8_t *at, int32_t left)
{
	static const uint32_t lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	int32_t size = *at < 0x80 ? 1 : *at < 0xc0 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
	if (size < 2)
		return size;
	if (size > left || *at > 0xf4)
		return 0;
	uint32_t code = *at & (0xffu >> (size + 1));
	for (int32_t i = 1; i < size; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	bool surrogate = code >= 0xd800 && code < 0xe000;
	return code < lowest[size] || code > 0x10ffff || surrogate ? 0 : size;
}

/* Bytes that are not UTF-8 become U+FFFD, so that the line stays JSON. */
static void put_string(struct writer *w, struct string s)
{
	put_text(w, "\"");
	const uint8_t *at = (const uint8_t *)s.data;
	for (int32_t left = s.size; left > 0;) {
		int32_t size = utf8_size(at, left);
		if (size == 0) {
			put_text(w, "\xef\xbf\xbd");
			size = 1;
		} else if (*at < 0x20) {
			char escape[8];
			writer_put(w, escape, snprintf(escape, sizeof escape, "\\u%04x", *at));
		} else {
			if (*at == '"' || *at == '\\')
				put_text(w, "\\");
			writer_put(w, at, size);
		}
		at += size;
		left -= size;
	}
	put_text(w, "\"");
}

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Base64 (RFC 4648) of all that the reader holds. */
static void put_base64(struct writer *w, struct reader *r, const char *digits, bool padded)
{
	put_text(w, "\"");
	for (int64_t left; (left = reader_left(r)) > 0;) {
		uint32_t group = 0;
		int count = (int)MIN(left, 3);
		for (int i = 0; i < 3; i++)
			group = group << 8 | (i < count ? (uint8_t)reader_int8(r) : 0);
		for (int i = 0; i <= count; i++)
			writer_int8(w, (int8_t)digits[group >> (18 - 6 * i) & 63]);
		for (int i = count; padded && i < 3; i++)
			put_text(w, "=");
	}
	put_text(w, "\"");
}

static void put_bytes(struct writer *w, const void *data, int32_t size)
{
	struct reader r;
	reader_init_flat(&r, data, size, NULL);
	put_base64(w, &r, base64_digits, true);
}

static void put_records(struct writer *w, const struct records *records)
{
	struct reader r;
	reader_init(&r, records->segments, records->segment_count, NULL);
	put_base64(w, &r, base64_digits, true);
}

static void put_uuid(struct writer *w, const struct uuid *uuid)
{
	struct reader r;
	reader_init_flat(&r, uuid->bytes, sizeof uuid->bytes, NULL);
	put_base64(w, &r, base64url_digits, false);
}

static void print_array(struct writer *w, const struct field *f, struct edition e, struct array a);

static void print_value(struct writer *w, const struct field *f, enum kind kind, struct edition e,
	const void *value)
{
	switch (kind) {
	case KIND_BOOL:
		put_text(w, *(const bool *)value ? "true" : "false");
		break;
	case KIND_INT8:
		put_number(w, *(const int8_t *)value);
		break;
	case KIND_INT16:
		put_number(w, *(const int16_t *)value);
		break;
	case KIND_UINT16:
		put_number(w, *(const uint16_t *)value);
		break;
	case KIND_INT32:
		put_number(w, *(const int32_t *)value);
		break;
	case KIND_INT64:
		put_number(w, *(const int64_t *)value);
		break;
	case KIND_UUID:
		put_uuid(w, value);
		break;
	case KIND_STRING: {
		const struct string *s = value;
		s->size < 0 ? put_text(w, "null") : put_string(w, *s);
		break;
	}
	case KIND_BYTES: {
		const struct bytes *b = value;
		b->size < 0 ? put_text(w, "null") : put_bytes(w, b->data, b->size);
		break;
	}
	case KIND_RECORDS: {
		const struct records *records = value;
		records->size < 0 ? put_text(w, "null") : put_records(w, records);
		break;
	}
	case KIND_ARRAY:
		print_array(w, f, e, array_load(value));
		break;
	case KIND_STRUCT:
		message_print(w, f->of, e, value);
		break;
	case KIND_OPTIONAL: {
		const void *body = optional_load(value);
		body ? message_print(w, f->of, e, body) : put_text(w, "null");
		break;
	}
	}
}

static void print_array(struct writer *w, const struct field *f, struct edition e, struct array a)
{
	if (a.count < 0) {
		put_text(w, "null");
		return;
	}
	const char *item = a.items;
	put_text(w, "[");
	for (int32_t i = 0; i < a.count; i++, item += field_item_size(f)) {
		if (i > 0)
			put_text(w, ",");
		print_value(w, f, f->item_kind, e, item);
	}
	put_text(w, "]");
}

/* ---- names ---- */

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* session_timeout_ms is SessionTimeoutMs in the schemas and sessionTimeoutMs in their JSON. */
static void put_name(struct writer *w, const char *name, const char *kafka_name, bool schema)
{
	const char *at = kafka_name ? kafka_name : name;
	bool capital = schema && !kafka_name;
	for (bool first = true; *at; at++, first = false) {
		if (*at == '_' && !kafka_name) {
			capital = true;
			continue;
		}
		char c = capital ? upper(*at) : first && !schema ? lower(*at) : *at;
		writer_int8(w, (int8_t)c);
		capital = false;
	}
}

void message_schema_name(struct writer *w, const struct message *m)
{
	put_name(w, m->name, m->kafka_name, true);
}

void field_schema_name(struct writer *w, const struct field *f)
{
	put_name(w, f->name, f->kafka_name, true);
}

/* ---- messages ---- */

void message_print(struct writer *w, const struct message *m, struct edition e, const void *body)
{
	const char *separator = "{\"";
	for (const struct field *f = m->fields; f < m->fields + m->field_count; f++) {
		const char *value = (const char *)body + f->offset;
		if (!field_is_carried(f, e) || (f->tagged && field_is_default(f, value)))
			continue;
		put_text(w, separator);
		put_name(w, f->name, f->kafka_name, false);
		put_text(w, "\":");
		print_value(w, f, f->kind, e, value);
		separator = ",\"";
	}
	put_text(w, *separator == '{' ? "{}" : "}");
}

/* ---- tables ---- */

static const char *kind_name(enum kind kind)
{
	switch (kind) {
	case KIND_BOOL:
		return "bool";
	case KIND_INT8:
		return "int8";
	case KIND_INT16:
		return "int16";
	case KIND_UINT16:
		return "uint16";
	case KIND_INT32:
		return "int32";
	case KIND_INT64:
		return "int64";
	case KIND_UUID:
		return "uuid";
	case KIND_STRING:
		return "string";
	case KIND_BYTES:
		return "bytes";
	case KIND_RECORDS:
		return "records";
	case KIND_ARRAY:
	case KIND_STRUCT:
	case KIND_OPTIONAL:
		break;
	}
	return NULL;
}

/* "3+", "0-12", or "4" where a range has one version. */
static void put_versions(struct writer *w, const char *attribute, int first, int ended)
{
	put_text(w, ",\"");
	put_text(w, attribute);
	put_text(w, "\":\"");
	put_number(w, first);
	if (ended == 0) {
		put_text(w, "+");
	} else if (ended - 1 > first) {
		put_text(w, "-");
		put_number(w, ended - 1);
	}
	put_text(w, "\"");
}

static void put_default(struct writer *w, const struct field *f)
{
	put_text(w, ",\"default\":");
	if (kind_name(f->kind) == NULL || f->kind >= KIND_STRING)
		put_text(w, "\"null\"");
	else if (f->kind == KIND_BOOL)
		put_text(w, "\"true\"");
	else {
		put_text(w, "\"");
		put_number(w, f->preset);
		put_text(w, "\"");
	}
}

static void dump_field(struct writer *w, const struct field *f)
{
	put_text(w, "{\"name\":\"");
	field_schema_name(w, f);
	put_text(w, "\",\"type\":\"");
	if (f->kind == KIND_ARRAY)
		put_text(w, "[]");
	if (f->of)
		message_schema_name(w, f->of);
	else
		put_text(w, kind_name(f->kind == KIND_ARRAY ? f->item_kind : f->kind));
	put_text(w, "\"");
	put_versions(w, "versions", f->since, f->ended);
	if (f->nullable)
		put_versions(w, "nullableVersions", f->nullable - 1, f->ended);
	if (f->tagged) {
		put_text(w, ",\"tag\":");
		put_number(w, f->tag);
		put_versions(w, "taggedVersions", f->since, f->ended);
	}
	if (f->preset != 0)
		put_default(w, f);
	if (f->ignorable)
		put_text(w, ",\"ignorable\":true");
	if (f->inflexible)
		put_text(w, ",\"flexibleVersions\":\"none\"");
	if (f->of) {
		put_text(w, ",\"fields\":");
		message_dump(w, f->of);
	}
	put_text(w, "}");
}

void message_dump(struct writer *w, const struct message *m)
{
	put_text(w, "[");
	for (int i = 0; i < m->field_count; i++) {
		if (i > 0)
			put_text(w, ",");
		dump_field(w, &m->fields[i]);
	}
	put_text(w, "]");
}

/* ---- failures ---- */

static const char *error_text(const char *message, const char *field, const char *reason,
	char text[static MESSAGE_ERROR_SIZE])
{
	snprintf(text, MESSAGE_ERROR_SIZE, "%s%s%s%s%s", message ? message : "", field ? "." : "",
		field ? field : "", message || field ? ": " : "", reason ? reason : "no failure");
	return text;
}

const char *message_write_error(const struct writer *w, char text[static MESSAGE_ERROR_SIZE])
{
	return error_text(w->message, w->field, w->reason, text);
}

const char *message_read_error(const struct reader *r, char text[static MESSAGE_ERROR_SIZE])
{
	return error_text(r->message, r->field, r->reason, text);
}
