/* Reading options by a table: the command line, presets, and what is in force in the end. */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>

#include <sys/random.h>

#include "nearest.h"

/* Every error passes here, so that each is one line whatever was typed. */
int options_refuse(struct option_set *set, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(set->error, sizeof set->error, format, arguments);
	va_end(arguments);
	for (char *c = set->error; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	return -EINVAL;
}

static size_t row_index(const struct option_set *set, const struct option_row *row)
{
	return (size_t)(row - set->table->rows);
}

static void *row_member(const struct option_set *set, const struct option_row *row)
{
	return (char *)set->config + row->offset;
}

static bool name_equal(const char *a, const char *b)
{
	for (; *a && (*a == *b || (*a == '_' && *b == '-') || (*a == '-' && *b == '_')); a++)
		b++;
	return *a == *b;
}

const struct option_row *options_find(const struct option_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].name && name_equal(table->rows[i].name, name))
			return &table->rows[i];
	return NULL;
}

static const struct option_row *find_letter(const struct option_table *table, char letter)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].name && table->rows[i].letter == letter)
			return &table->rows[i];
	return NULL;
}

const char *options_nearest(const struct option_table *table, const char *name)
{
	const char *nearest = NULL;
	size_t best = NEAREST_FAR;
	for (size_t i = 0; i < table->count; i++) {
		const struct option_row *row = &table->rows[i];
		if (!row->name || !row->help)
			continue;
		size_t distance = nearest_distance(name, row->name);
		if (distance < best) {
			best = distance;
			nearest = row->name;
		}
	}
	return nearest;
}

enum option_source options_source(const struct option_set *set, const char *name)
{
	const struct option_row *row = options_find(set->table, name);
	assert(row);
	return set->sources[row_index(set, row)];
}

bool options_given(const struct option_set *set, const char *name)
{
	return options_source(set, name) != OPTION_PRESET;
}

int64_t options_seed(void)
{
	uint32_t seed = 0;
	if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		seed = (uint32_t)clock_wall_ns();
	return seed;
}

void options_init(struct option_set *set, const struct option_table *table, void *config)
{
	assert(table->count <= OPTIONS_MAX);
	*set = (struct option_set){ .table = table, .config = config };
	arena_init(&set->arena, OPTIONS_MEMORY_MAX);
	for (size_t i = 0; i < table->count; i++) {
		const struct option_row *row = &table->rows[i];
		if (!row->name || !row->preset)
			continue;
		int error = row->type->parse(row, row->preset, &set->arena, row_member(set, row));
		assert(!error);
		(void)error;
	}
}

void options_free(struct option_set *set)
{
	arena_free(&set->arena);
}

/* ---- values ---- */

static char *limit_text(
	const struct option_row *row, int64_t limit, char text[static UNITS_TEXT_SIZE])
{
	if (row->type == &option_size)
		return units_exact_size(limit, text);
	if (row->type == &option_duration)
		return units_exact_duration(limit, text);
	snprintf(text, UNITS_TEXT_SIZE, "%" PRId64, limit);
	return text;
}

static int fail_range(
	struct option_set *set, const struct option_row *row, const char *called, const char *text)
{
	char low[UNITS_TEXT_SIZE], high[UNITS_TEXT_SIZE];
	limit_text(row, row->min, low);
	limit_text(row, row->max, high);
	if (!row->max && !row->min)
		return options_refuse(set, "%s: '%s' is out of range", called, text);
	if (!row->max)
		return options_refuse(set, "%s takes at least %s, not '%s'", called, low, text);
	return options_refuse(set, "%s takes %s to %s, not '%s'", called, low, high, text);
}

/* "none, gzip or lz4" */
static void list_choices(const struct option_choice *choices, char *text, size_t size)
{
	size_t used = 0;
	text[0] = 0;
	for (size_t i = 0; choices[i].name && used < size; i++) {
		const char *before = i == 0 ? "" : choices[i + 1].name ? ", " : " or ";
		used += (size_t)snprintf(text + used, size - used, "%s%s", before, choices[i].name);
	}
}

static void describe_value(const struct option_row *row, char *text, size_t size)
{
	if (row->choices)
		list_choices(row->choices, text, size);
	else
		snprintf(text, size, "%s", row->type->takes);
}

/* jansson would refuse to write anything else into the result. */
static bool is_utf8(const char *text)
{
	json_t *string = json_string(text);
	json_decref(string);
	return string != NULL;
}

int options_assign(struct option_set *set, const struct option_row *row, const char *called,
	const char *text, enum option_source source)
{
	enum option_source *previous = &set->sources[row_index(set, row)];
	if (*previous > source)
		return 0;
	if (!is_utf8(text))
		return options_refuse(set, "%s takes text in UTF-8, not '%s'", called, text);
	if (*previous < source && row->type->list_size)
		memset(row_member(set, row), 0, row->type->list_size);
	*previous = source;
	int error = row->type->parse(row, text, &set->arena, row_member(set, row));
	if (!error)
		return 0;
	if (error == -ERANGE)
		return fail_range(set, row, called, text);
	if (error == -ENOMEM)
		return options_refuse(set, "%s: more values than fit into %zu MiB", called,
			OPTIONS_MEMORY_MAX >> 20);
	char takes[OPTIONS_ERROR_SIZE / 2];
	describe_value(row, takes, sizeof takes);
	if (!*text)
		return options_refuse(set, "%s needs a value: %s", called, takes);
	return options_refuse(set, "%s takes %s, not '%s'", called, takes, text);
}

/* ---- the command line ---- */

struct reader {
	int count, index; /* index: the next argument */
	char *const *arguments;
};

static int fail_unknown(struct option_set *set, const char *typed, const char *name)
{
	const char *nearest = options_nearest(set->table, name);
	if (!nearest && !strncmp(name, "no-", 3)) {
		const struct option_row *row = options_find(set->table, name + 3);
		if (row)
			return options_refuse(set,
				"--%s cannot be turned off with %s; see %s --help", row->name,
				typed, set->table->command);
	}
	if (nearest)
		return options_refuse(set, "unknown option %s; did you mean --%s?", typed, nearest);
	return options_refuse(
		set, "unknown option %s; %s --help lists the options", typed, set->table->command);
}

/* The value of `row`: attached, or the next argument. */
static int read_value(struct option_set *set, struct reader *reader, const struct option_row *row,
	const char *called, const char *attached)
{
	if (attached)
		return options_assign(set, row, called, attached, OPTION_FROM_COMMAND_LINE);
	if (reader->index < reader->count) {
		const char *value = reader->arguments[reader->index++];
		return options_assign(set, row, called, value, OPTION_FROM_COMMAND_LINE);
	}
	char takes[OPTIONS_ERROR_SIZE / 2];
	describe_value(row, takes, sizeof takes);
	return options_refuse(set, "%s needs a value: %s", called, takes);
}

static int read_flag(struct option_set *set, const struct option_row *row, const char *typed,
	bool on, bool has_value)
{
	if (has_value)
		return options_refuse(set, "%s takes no value", typed);
	return options_assign(set, row, typed, on ? "true" : "false", OPTION_FROM_COMMAND_LINE);
}

static int read_long(struct option_set *set, struct reader *reader, const char *argument)
{
	char name[NEAREST_NAME_MAX + 1], typed[NEAREST_NAME_MAX + 3];
	const char *equals = strchr(argument, '=');
	size_t size = equals ? (size_t)(equals - argument) : strlen(argument);
	snprintf(typed, sizeof typed, "%.*s", (int)size, argument);
	if (size - 2 >= sizeof name)
		return options_refuse(set, "unknown option %s...; %s --help lists the options",
			typed, set->table->command);
	snprintf(name, sizeof name, "%.*s", (int)size - 2, argument + 2);
	const struct option_row *row = options_find(set->table, name);
	bool negated = !row && !strncmp(name, "no-", 3);
	if (negated)
		row = options_find(set->table, name + 3);
	if (!row || (negated && !row->negatable)) {
		if (!strcmp(name, "help")) {
			set->wants_help = true;
			return 0;
		}
		return fail_unknown(set, typed, name);
	}
	if (row->type->is_flag)
		return read_flag(set, row, typed, !negated, equals != NULL);
	return read_value(set, reader, row, typed, equals ? equals + 1 : NULL);
}

/* -b VALUE, -bVALUE, and flags in a row: -qh. */
static int read_short(struct option_set *set, struct reader *reader, const char *argument)
{
	for (const char *letter = argument + 1; *letter; letter++) {
		char typed[] = { '-', *letter, 0 };
		const struct option_row *row = find_letter(set->table, *letter);
		if (!row && *letter == 'h') {
			set->wants_help = true;
			return 0;
		}
		if (!row)
			return options_refuse(set, "unknown option %s; %s --help lists the options",
				typed, set->table->command);
		if (!row->type->is_flag)
			return read_value(set, reader, row, typed, letter[1] ? letter + 1 : NULL);
		int error = read_flag(set, row, typed, true, false);
		if (error)
			return error;
	}
	return 0;
}

int options_parse(struct option_set *set, int count, char *const arguments[])
{
	struct reader reader = { .count = count, .arguments = arguments };
	bool ended = false;
	while (reader.index < count && !set->wants_help) {
		const char *argument = arguments[reader.index++];
		int error;
		if (!ended && !strcmp(argument, "--")) {
			ended = true;
			continue;
		}
		if (ended || argument[0] != '-' || !argument[1])
			error = options_refuse(set,
				"unexpected argument '%s'; options begin with --, see %s --help",
				argument, set->table->command);
		else if (argument[1] == '-')
			error = read_long(set, &reader, argument);
		else
			error = read_short(set, &reader, argument);
		if (error)
			return error;
	}
	return 0;
}

/* ---- what is in force ---- */

json_t *options_json(const struct option_set *set)
{
	json_t *object = json_object();
	for (size_t i = 0; i < set->table->count; i++) {
		const struct option_row *row = &set->table->rows[i];
		if (!row->name || !row->help || row->command_line_only)
			continue;
		char name[NEAREST_NAME_MAX + 1];
		snprintf(name, sizeof name, "%s", row->name);
		for (char *c = name; *c; c++)
			if (*c == '-')
				*c = '_';
		json_object_set_new(object, name, row->type->print(row, row_member(set, row)));
	}
	return object;
}
