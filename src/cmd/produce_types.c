/* Payload, key, headers and skew as they are typed, and back. */
#include "produce_types.h"

#include <errno.h>
#include <inttypes.h>

#include "produce_options.h"

/* What follows "prefix" in text, or NULL. */
static const char *after(const char *text, const char *prefix)
{
	size_t size = strlen(prefix);
	return strncmp(text, prefix, size) == 0 ? text + size : NULL;
}

/* ---- payload: random, text, zeros, file:PATH ---- */

static int parse_payload(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)row;
	struct produce_payload payload = { 0 };
	const char *path = after(text, "file:");
	if (!strcmp(text, "random")) {
		payload.kind = PAYLOAD_RANDOM;
	} else if (!strcmp(text, "text")) {
		payload.kind = PAYLOAD_TEXT;
	} else if (!strcmp(text, "zeros")) {
		payload.kind = PAYLOAD_ZEROS;
	} else if (path && *path) {
		size_t size = strlen(path) + 1;
		char *copy = arena_alloc(arena, size);
		if (!copy)
			return -ENOMEM;
		payload.kind = PAYLOAD_LINES;
		payload.path = memcpy(copy, path, size);
	} else {
		return -EINVAL;
	}
	*(struct produce_payload *)member = payload;
	return 0;
}

static json_t *print_payload(const struct option_row *row, const void *member)
{
	(void)row;
	const struct produce_payload *payload = member;
	switch (payload->kind) {
	case PAYLOAD_RANDOM:
		return json_string("random");
	case PAYLOAD_TEXT:
		return json_string("text");
	case PAYLOAD_ZEROS:
		return json_string("zeros");
	case PAYLOAD_LINES:
		return json_sprintf("file:%s", payload->path);
	}
	return json_null();
}

const struct option_type produce_payload_type = {
	.takes = "random, text, zeros or file:PATH",
	.parse = parse_payload,
	.print = print_payload,
};

/* ---- key: none, sequence, random[:N] ---- */

static int parse_key(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)row, (void)arena;
	struct produce_key key = { 0 };
	const char *distinct = after(text, "random:");
	if (!strcmp(text, "sequence")) {
		key.kind = KEY_SEQUENCE;
	} else if (!strcmp(text, "random") || distinct) {
		key.kind = KEY_RANDOM;
		key.distinct = PRODUCE_KEY_DISTINCT_PRESET;
		if (distinct && (units_parse_count(distinct, &key.distinct) || key.distinct < 1))
			return -EINVAL;
	} else if (strcmp(text, "none") != 0) {
		return -EINVAL;
	}
	*(struct produce_key *)member = key;
	return 0;
}

static json_t *print_key(const struct option_row *row, const void *member)
{
	(void)row;
	const struct produce_key *key = member;
	switch (key->kind) {
	case KEY_NONE:
		return json_string("none");
	case KEY_SEQUENCE:
		return json_string("sequence");
	case KEY_RANDOM:
		return json_sprintf("random:%" JSON_INTEGER_FORMAT, (json_int_t)key->distinct);
	}
	return json_null();
}

const struct option_type produce_key_type = {
	.takes = "none, sequence, random or random:N for N different keys",
	.parse = parse_key,
	.print = print_key,
};

/* ---- headers: N, NxSIZE ---- */

static int parse_headers(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)row, (void)arena;
	int64_t count, size = PRODUCE_HEADER_SIZE_PRESET;
	char number[UNITS_TEXT_SIZE];
	const char *x = strchrnul(text, 'x');
	if ((size_t)(x - text) >= sizeof number)
		return -EINVAL;
	snprintf(number, sizeof number, "%.*s", (int)(x - text), text);
	if (units_parse_count(number, &count) || (*x && units_parse_size(x + 1, &size)))
		return -EINVAL;
	if (count < 0 || count > HEADERS_MAX || size > HEADER_VALUE_SIZE_MAX)
		return -EINVAL;
	*(struct header_content *)member = (struct header_content){
		.count = (uint32_t)count,
		.value_size = (uint32_t)size,
	};
	return 0;
}

static json_t *print_headers(const struct option_row *row, const void *member)
{
	(void)row;
	const struct header_content *headers = member;
	char size[UNITS_TEXT_SIZE];
	return json_sprintf(
		"%dx%s", (int)headers->count, units_exact_size(headers->value_size, size));
}

const struct option_type produce_headers_type = {
	.takes = "a number of headers up to 64, and the size of each value up to 4KiB, such as "
		 "3x100",
	.parse = parse_headers,
	.print = print_headers,
};

/* ---- skew: uniform, hot:P=SHARE, zipf:S ---- */

/* 0.5 or 50%. */
static int parse_share(const char *text, double *share)
{
	char number[UNITS_TEXT_SIZE];
	size_t size = strlen(text);
	bool percent = size > 0 && text[size - 1] == '%';
	size -= percent;
	if (size >= sizeof number)
		return -EINVAL;
	snprintf(number, sizeof number, "%.*s", (int)size, text);
	double value;
	if (units_parse_number(number, &value))
		return -EINVAL;
	value = percent ? value / 100 : value;
	if (value <= 0 || value > 1)
		return -EINVAL;
	*share = value;
	return 0;
}

static int parse_hot(const char *text, struct skew *skew)
{
	char partition[UNITS_TEXT_SIZE];
	const char *equals = strchr(text, '=');
	if (!equals || (size_t)(equals - text) >= sizeof partition)
		return -EINVAL;
	snprintf(partition, sizeof partition, "%.*s", (int)(equals - text), text);
	int64_t value;
	if (units_parse_count(partition, &value) || value < 0 || value >= PRODUCE_PARTITIONS_MAX)
		return -EINVAL;
	skew->hot_partition = (uint32_t)value;
	return parse_share(equals + 1, &skew->hot_share);
}

static int parse_skew(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)row, (void)arena;
	struct skew skew = { 0 };
	const char *hot = after(text, "hot:"), *zipf = after(text, "zipf:");
	int error = 0;
	if (hot) {
		skew.kind = SKEW_HOT;
		error = parse_hot(hot, &skew);
	} else if (zipf) {
		skew.kind = SKEW_ZIPF;
		error = units_parse_number(zipf, &skew.exponent);
		if (!error && (skew.exponent <= 0 || skew.exponent > PRODUCE_ZIPF_EXPONENT_MAX))
			error = -EINVAL;
	} else if (strcmp(text, "uniform") != 0) {
		error = -EINVAL;
	}
	if (error)
		return -EINVAL;
	*(struct skew *)member = skew;
	return 0;
}

static json_t *print_skew(const struct option_row *row, const void *member)
{
	(void)row;
	const struct skew *skew = member;
	char text[2 * UNITS_TEXT_SIZE] = "uniform";
	switch (skew->kind) {
	case SKEW_UNIFORM:
		break;
	case SKEW_HOT:
		snprintf(text, sizeof text, "hot:%" PRIu32 "=%.15g", skew->hot_partition,
			skew->hot_share);
		break;
	case SKEW_ZIPF:
		snprintf(text, sizeof text, "zipf:%.15g", skew->exponent);
		break;
	}
	return json_string(text);
}

const struct option_type produce_skew_type = {
	.takes = "uniform, hot:PARTITION=SHARE such as hot:0=50%, or zipf:S such as zipf:0.99",
	.parse = parse_skew,
	.print = print_skew,
};
