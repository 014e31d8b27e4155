/*
 * A configuration file. jansson reads it and knows the place of a syntax error; it keeps no places
 * of keys, so key_find scans the text, which is known to be well formed by then.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

struct place {
	int line, column; /* from 1; 0: not known */
};

struct config_reader {
	struct option_set *set;
	const char *path, *text;
	size_t size;
};

__attribute__((format(printf, 3, 4))) static int fail_at(
	struct config_reader *reader, struct place place, const char *format, ...)
{
	char message[OPTIONS_ERROR_SIZE / 2], where[32] = "";
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	for (char *c = message; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	if (place.line)
		snprintf(where, sizeof where, ":%d:%d", place.line, place.column);
	snprintf(reader->set->error, sizeof reader->set->error, "%s%s: %s", reader->path, where,
		message);
	return -EINVAL;
}

static struct place place_of(const struct config_reader *reader, size_t offset)
{
	struct place place = { 1, 1 };
	for (size_t i = 0; i < offset; i++) {
		place.column++;
		if (reader->text[i] == '\n')
			place = (struct place){ place.line + 1, 1 };
	}
	return place;
}

/* Where a key of the outermost object stands. Keys with escapes are not found: {0, 0}. */
static struct place key_find(const struct config_reader *reader, const char *key)
{
	size_t key_size = strlen(key), string_start = 0;
	int depth = 0;
	bool in_string = false, key_expected = false;
	for (size_t i = 0; i < reader->size; i++) {
		char c = reader->text[i];
		if (in_string) {
			if (c == '\\')
				i++;
			if (c != '"')
				continue;
			in_string = false;
			bool equal = i - string_start == key_size &&
				     !memcmp(reader->text + string_start, key, key_size);
			if (key_expected && equal)
				return place_of(reader, string_start - 1);
			key_expected = false;
			continue;
		}
		if (c == '"') {
			in_string = true;
			string_start = i + 1;
		}
		depth += (c == '{' || c == '[') - (c == '}' || c == ']');
		if (c == '{' || c == ',')
			key_expected = depth == 1;
	}
	return (struct place){ 0, 0 };
}

/* A number as it would be typed. */
static void number_text(const json_t *value, char text[static UNITS_TEXT_SIZE])
{
	double real = json_number_value(value);
	if (json_is_integer(value))
		snprintf(text, UNITS_TEXT_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (real == floor(real) && fabs(real) < 1e15)
		snprintf(text, UNITS_TEXT_SIZE, "%.0f", real);
	else
		snprintf(text, UNITS_TEXT_SIZE, "%.15g", real);
}

static int assign_scalar(struct config_reader *reader, const struct option_row *row,
	const char *key, const json_t *value, struct place place)
{
	struct option_set *set = reader->set;
	char number[UNITS_TEXT_SIZE];
	const char *text = number, *called = key;
	if (json_is_boolean(value) != row->type->is_flag)
		return fail_at(reader, place, "%s %s", key,
			row->type->is_flag ? "takes true or false"
					   : "takes a value, not true or false");
	if (json_is_boolean(value))
		text = json_is_true(value) ? "true" : "false";
	else if (json_is_string(value))
		text = json_string_value(value);
	else if (json_is_number(value))
		number_text(value, number);
	else
		return fail_at(reader, place, "%s takes one value, not an array or an object", key);
	if (json_is_string(value) && strlen(text) != json_string_length(value))
		return fail_at(reader, place, "%s must not hold a null character", key);
	int error = options_assign(set, row, called, text, OPTION_FROM_FILE);
	if (!error)
		return 0;
	char message[OPTIONS_ERROR_SIZE];
	memcpy(message, set->error, sizeof message);
	return fail_at(reader, place, "%s", message);
}

/* {"a": "b"} for an option that takes a=b. */
static int assign_pairs(struct config_reader *reader, const struct option_row *row, const char *key,
	const json_t *object, struct place place)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)object, name, value)
	{
		char number[UNITS_TEXT_SIZE];
		const char *text = number;
		if (json_is_string(value))
			text = json_string_value(value);
		else if (json_is_number(value))
			number_text(value, number);
		else if (json_is_boolean(value))
			text = json_is_true(value) ? "true" : "false";
		else
			return fail_at(
				reader, place, "%s: the value of '%s' must be a text", key, name);
		json_t *pair = json_sprintf("%s=%s", name, text);
		int error = pair ? assign_scalar(reader, row, key, pair, place) : -ENOMEM;
		json_decref(pair);
		if (error)
			return error;
	}
	return 0;
}

static int assign_value(struct config_reader *reader, const struct option_row *row, const char *key,
	const json_t *value, struct place place)
{
	if (json_is_null(value))
		return 0;
	if (json_is_object(value) && row->type == &option_pairs)
		return assign_pairs(reader, row, key, value, place);
	if (!json_is_array(value) || !row->type->list_size)
		return assign_scalar(reader, row, key, value, place);
	size_t index;
	json_t *item;
	json_array_foreach((json_t *)value, index, item)
	{
		int error = assign_scalar(reader, row, key, item, place);
		if (error)
			return error;
	}
	return 0;
}

static int fail_unknown(struct config_reader *reader, const char *key, struct place place)
{
	const struct option_table *table = reader->set->table;
	if (!strncmp(key, "no_", 3) || !strncmp(key, "no-", 3)) {
		const struct option_row *row = options_find(table, key + 3);
		if (row && row->type->is_flag)
			return fail_at(reader, place, "unknown key \"%s\"; write \"%s\": false",
				key, key + 3);
	}
	const char *nearest = options_nearest(table, key);
	if (!nearest)
		return fail_at(reader, place, "unknown key \"%s\"; %s --help lists the names", key,
			table->command);
	char name[OPTIONS_ERROR_SIZE / 4];
	snprintf(name, sizeof name, "%s", nearest);
	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	return fail_at(reader, place, "unknown key \"%s\"; did you mean \"%s\"?", key, name);
}

static int read_object(struct config_reader *reader, const json_t *object)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)object, key, value)
	{
		const struct option_row *row = options_find(reader->set->table, key);
		struct place place = key_find(reader, key);
		if (!row)
			return fail_unknown(reader, key, place);
		if (row->command_line_only)
			return fail_at(reader, place, "\"%s\" belongs on the command line", key);
		int error = assign_value(reader, row, key, value, place);
		if (error)
			return error;
	}
	return 0;
}

int config_read_text(struct option_set *set, const char *path, const char *text, size_t size)
{
	struct config_reader reader = { .set = set, .path = path, .text = text, .size = size };
	json_error_t error;
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!root) {
		struct place place = { error.line > 0 ? error.line : 1,
			error.column > 0 ? error.column : 1 };
		return fail_at(&reader, place, "%s", error.text);
	}
	int result;
	if (json_is_object(root))
		result = read_object(&reader, root);
	else
		result = fail_at(&reader, (struct place){ 1, 1 },
			"a configuration is an object, such as { \"rate\": \"50k\" }");
	json_decref(root);
	return result;
}

static int fail_file(struct option_set *set, const char *path, int error)
{
	snprintf(set->error, sizeof set->error, "cannot read the configuration %s: %s", path,
		strerror(error));
	return -error;
}

int config_read(struct option_set *set, const char *path)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return fail_file(set, path, errno);
	char *text = malloc(CONFIG_SIZE_MAX + 1);
	size_t size = text ? fread(text, 1, CONFIG_SIZE_MAX + 1, file) : 0;
	int error = !text ? ENOMEM : ferror(file) ? errno : size > CONFIG_SIZE_MAX ? EFBIG : 0;
	fclose(file);
	int result = error ? fail_file(set, path, error) : config_read_text(set, path, text, size);
	free(text);
	return result;
}
