/*
 * json_get FILE PATH: prints one value of a JSON file for shell tests; "-" is standard input.
 *
 * PATH is keys joined by dots, a number where an array is indexed: records.acked, curve.0.passed.
 * A string is printed bare, an array or object as compact JSON. Exit status: 0 printed, 1 the path
 * leads nowhere, 2 usage or a file that is not JSON. Keys that hold a dot cannot be reached.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRINTED = 0, ABSENT = 1, TROUBLE = 2 };

/* The member of `value` that one key of `size` bytes names, or NULL. */
static const json_t *value_step(const json_t *value, const char *key, size_t size)
{
	if (json_is_object(value))
		return json_object_getn(value, key, size);
	if (!json_is_array(value) || size == 0 || strspn(key, "0123456789") < size)
		return NULL;
	return json_array_get(value, (size_t)strtoull(key, NULL, 10));
}

static const json_t *value_find(const json_t *value, const char *path)
{
	while (value) {
		size_t size = strcspn(path, ".");
		value = value_step(value, path, size);
		if (path[size] == '\0')
			break;
		path += size + 1;
	}
	return value;
}

static void value_print(const json_t *value)
{
	if (json_is_string(value))
		fwrite(json_string_value(value), 1, json_string_length(value), stdout);
	else
		json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12));
	putchar('\n');
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fputs("usage: json_get FILE KEY[.KEY]...\n", stderr);
		return TROUBLE;
	}
	json_error_t error;
	size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
	json_t *root = strcmp(argv[1], "-") == 0 ? json_loadf(stdin, flags, &error)
						 : json_load_file(argv[1], flags, &error);
	if (!root) {
		fprintf(stderr, "json_get: %s:%d:%d: %s\n", argv[1], error.line, error.column,
			error.text);
		return TROUBLE;
	}
	const json_t *value = value_find(root, argv[2]);
	if (value)
		value_print(value);
	json_decref(root);
	return value ? PRINTED : ABSENT;
}
