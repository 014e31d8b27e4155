/*
 * The types that options have in common: how each reads its text and prints itself as JSON.
 * What a single command needs (a key, a skew) stays with that command.
 */
#include "options.h"

#include <errno.h>

#define LIST_ITEMS_MAX 4096

static char *copy_text(struct arena *arena, const char *text, size_t size)
{
	char *copy = arena_alloc(arena, size + 1);
	if (copy)
		memcpy(copy, text, size);
	return copy;
}

static int check_limits(const struct option_row *row, int64_t value)
{
	int64_t max = row->max ? row->max : INT64_MAX;
	return value < row->min || value > max ? -ERANGE : 0;
}

/* ---- flag ---- */

static int parse_flag(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)row, (void)arena;
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return -EINVAL;
	*(bool *)member = !strcmp(text, "true");
	return 0;
}

static json_t *print_flag(const struct option_row *row, const void *member)
{
	(void)row;
	return json_boolean(*(const bool *)member);
}

const struct option_type option_flag = {
	.takes = "true or false",
	.parse = parse_flag,
	.print = print_flag,
	.is_flag = true,
};

/* ---- integers, sizes, durations ---- */

static int parse_int(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)arena;
	int64_t value;
	int error = units_parse_count(text, &value);
	if (!error)
		error = check_limits(row, value);
	if (!error)
		*(int64_t *)member = value;
	return error;
}

/* What no text can give was not given by any: it stands for unset. */
static json_t *print_int(const struct option_row *row, const void *member)
{
	int64_t value = *(const int64_t *)member;
	return check_limits(row, value) ? json_null() : json_integer(value);
}

const struct option_type option_int = {
	.takes = "a whole number such as 12, 50k or 2M",
	.parse = parse_int,
	.print = print_int,
};

static int parse_size(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)arena;
	int64_t value;
	int error = units_parse_size(text, &value);
	if (!error)
		error = check_limits(row, value);
	if (!error)
		*(int64_t *)member = value;
	return error;
}

const struct option_type option_size = {
	.takes = "a size such as 100, 64KiB or 1MiB",
	.parse = parse_size,
	.print = print_int,
};

static int parse_duration(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)arena;
	int64_t value;
	int error = units_parse_duration(text, &value);
	if (!error)
		error = check_limits(row, value);
	if (!error)
		*(int64_t *)member = value;
	return error;
}

static json_t *print_duration(const struct option_row *row, const void *member)
{
	int64_t value = *(const int64_t *)member;
	if (check_limits(row, value))
		return json_null();
	char text[UNITS_TEXT_SIZE];
	return json_string(units_exact_duration(value, text));
}

const struct option_type option_duration = {
	.takes = "a time with its unit such as 500us, 5ms, 10s or 2m",
	.parse = parse_duration,
	.print = print_duration,
};

/* ---- rate ---- */

static int parse_rate(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)row, (void)arena;
	return units_parse_rate(text, member);
}

/* A plain number of records a second, or text with the unit. */
static json_t *print_rate(const struct option_row *row, const void *member)
{
	(void)row;
	const struct rate *rate = member;
	char text[UNITS_TEXT_SIZE];
	if (rate->unit == RATE_NONE)
		return json_null();
	if (rate->unit == RATE_BYTES)
		return json_string(units_exact_rate(*rate, text));
	if (rate->per_second == (double)(int64_t)rate->per_second)
		return json_integer((int64_t)rate->per_second);
	return json_real(rate->per_second);
}

const struct option_type option_rate = {
	.takes = "records per second such as 50k or 2M, or bytes per second such as 10MiB/s",
	.parse = parse_rate,
	.print = print_rate,
};

/* ---- text and choices ---- */

static int parse_string(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)row;
	if (!*text)
		return -EINVAL;
	char *copy = copy_text(arena, text, strlen(text));
	if (!copy)
		return -ENOMEM;
	*(const char **)member = copy;
	return 0;
}

static json_t *print_string(const struct option_row *row, const void *member)
{
	(void)row;
	const char *text = *(const char *const *)member;
	return text ? json_string(text) : json_null();
}

const struct option_type option_string = {
	.takes = "a text that is not empty",
	.parse = parse_string,
	.print = print_string,
};

static int parse_choice(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)arena;
	for (const struct option_choice *choice = row->choices; choice->name; choice++) {
		if (!strcmp(choice->name, text)) {
			*(int64_t *)member = choice->value;
			return 0;
		}
	}
	return -EINVAL;
}

static json_t *print_choice(const struct option_row *row, const void *member)
{
	int64_t value = *(const int64_t *)member;
	for (const struct option_choice *choice = row->choices; choice->name; choice++)
		if (choice->value == value)
			return json_string(choice->name);
	return json_null();
}

const struct option_type option_choice = {
	.parse = parse_choice,
	.print = print_choice,
};

/* ---- lists ---- */

/* Room for one more item behind `items`: the old ones are copied, lists are short. */
static void *list_grow(struct arena *arena, const void *items, int32_t count, size_t item_size)
{
	if (count >= LIST_ITEMS_MAX)
		return NULL;
	char *grown = arena_alloc(arena, ((size_t)count + 1) * item_size);
	if (grown && count > 0)
		memcpy(grown, items, (size_t)count * item_size);
	return grown;
}

static int parse_strings(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)row;
	struct string_list *list = member;
	if (!*text)
		return -EINVAL;
	const char *copy = copy_text(arena, text, strlen(text));
	const char **items = list_grow(arena, list->items, list->count, sizeof *items);
	if (!copy || !items)
		return -ENOMEM;
	items[list->count] = copy;
	list->items = items;
	list->count++;
	return 0;
}

static json_t *print_strings(const struct option_row *row, const void *member)
{
	(void)row;
	const struct string_list *list = member;
	json_t *array = json_array();
	for (int32_t i = 0; i < list->count; i++)
		json_array_append_new(array, json_string(list->items[i]));
	return array;
}

const struct option_type option_strings = {
	.takes = "a text that is not empty",
	.parse = parse_strings,
	.print = print_strings,
	.list_size = sizeof(struct string_list),
};

static int parse_pair(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)row;
	struct option_pairs *pairs = member;
	const char *equals = strchr(text, '=');
	if (!equals || equals == text)
		return -EINVAL;
	const char *key = copy_text(arena, text, (size_t)(equals - text));
	const char *value = copy_text(arena, equals + 1, strlen(equals + 1));
	struct option_pair *items = list_grow(arena, pairs->items, pairs->count, sizeof *items);
	if (!key || !value || !items)
		return -ENOMEM;
	items[pairs->count] = (struct option_pair){ .key = key, .value = value };
	pairs->items = items;
	pairs->count++;
	return 0;
}

static json_t *print_pairs(const struct option_row *row, const void *member)
{
	(void)row;
	const struct option_pairs *pairs = member;
	json_t *object = json_object();
	for (int32_t i = 0; i < pairs->count; i++)
		json_object_set_new(
			object, pairs->items[i].key, json_string(pairs->items[i].value));
	return object;
}

const struct option_type option_pairs = {
	.takes = "KEY=VALUE such as retention.ms=60000",
	.parse = parse_pair,
	.print = print_pairs,
	.list_size = sizeof(struct option_pairs),
};

/* One HOST:PORT, or [IPV6]:PORT. */
static int parse_endpoint(
	const char *text, size_t size, struct arena *arena, struct endpoint *endpoint)
{
	const char *colon = memrchr(text, ':', size);
	if (!colon)
		return -EINVAL;
	const char *host = text, *digits = colon + 1;
	size_t host_size = (size_t)(colon - text), digit_count = size - host_size - 1;
	if (host_size > 2 && host[0] == '[' && colon[-1] == ']') {
		host++;
		host_size -= 2;
	} else if (memchr(host, ':', host_size)) {
		return -EINVAL; /* an IPv6 address needs its brackets, or its port is a guess */
	}
	if (host_size == 0 || memchr(host, '/', host_size) || memchr(host, ' ', host_size))
		return -EINVAL;
	if (digit_count == 0 || digit_count > 5)
		return -EINVAL;
	int32_t port = 0;
	for (size_t i = 0; i < digit_count; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return -EINVAL;
		port = port * 10 + (digits[i] - '0');
	}
	if (port < 1 || port > UINT16_MAX)
		return -EINVAL;
	const char *copy = copy_text(arena, host, host_size);
	if (!copy)
		return -ENOMEM;
	*endpoint = (struct endpoint){ .host = copy, .port = (uint16_t)port };
	return 0;
}

static int parse_endpoints(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)row;
	struct endpoint_list list = *(struct endpoint_list *)member;
	for (const char *item = text;;) {
		const char *comma = strchrnul(item, ',');
		struct endpoint endpoint;
		int error = parse_endpoint(item, (size_t)(comma - item), arena, &endpoint);
		if (error)
			return error;
		struct endpoint *items = list_grow(arena, list.items, list.count, sizeof *items);
		if (!items)
			return -ENOMEM;
		items[list.count++] = endpoint;
		list.items = items;
		if (!*comma)
			break;
		item = comma + 1;
	}
	*(struct endpoint_list *)member = list;
	return 0;
}

static json_t *print_endpoints(const struct option_row *row, const void *member)
{
	(void)row;
	const struct endpoint_list *list = member;
	json_t *array = json_array();
	for (int32_t i = 0; i < list->count; i++) {
		const struct endpoint *endpoint = &list->items[i];
		bool brackets = strchr(endpoint->host, ':') != NULL;
		json_array_append_new(
			array, json_sprintf("%s%s%s:%d", brackets ? "[" : "", endpoint->host,
				       brackets ? "]" : "", endpoint->port));
	}
	return array;
}

const struct option_type option_endpoints = {
	.takes = "HOST:PORT such as localhost:9092, several with commas between",
	.parse = parse_endpoints,
	.print = print_endpoints,
	.list_size = sizeof(struct endpoint_list),
};
