/*
 * The options of a command: one table row per option, read from the command line (GNU style), from
 * a JSON file (config.h), written as --help and as the result's `config`.
 *
 * Not here: what the options mean together; each command checks that after the parse. A row names a
 * member of the command's plain struct, and a type that knows how to read and print such a member.
 * Values point into the argument vector's copies, held by the option_set until options_free.
 */
#ifndef HARROW_OPTIONS_H
#define HARROW_OPTIONS_H

#include <stdio.h>

#include <jansson.h>

#include "arena.h"
#include "clock.h"
#include "units.h"

#define OPTIONS_MAX        96  /* rows of one table */
#define OPTIONS_ERROR_SIZE 512 /* one line */
#define OPTIONS_MEMORY_MAX ((size_t)16 * 1024 * 1024)
#define OPTIONS_HELP_WIDTH 96

struct option_row;

/* What an option takes. The types below serve most options; a command may bring its own. */
struct option_type {
	/* For "--rate takes <takes>, not 'x'": "a rate such as 50k, 2M or 10MiB/s". NULL: the row's
	 * choices are listed. */
	const char *takes;
	/* Reads text into the member: 0, -EINVAL, or -ERANGE when it is outside the row's limits.
	 */
	int (*parse)(
		const struct option_row *row, const char *text, struct arena *arena, void *member);
	/* The member as JSON, null when unset; such that parsing its text gives the member back. */
	json_t *(*print)(const struct option_row *row, const void *member);
	bool is_flag;     /* takes no value */
	size_t list_size; /* of a member that may be given again and again, parse appends; else 0 */
};

struct option_choice {
	const char *name; /* the last one of a row is NULL */
	int64_t value;
};

/* Zeroed when unset, which each type prints as null: an integer that must tell 0 from unset has a
 * preset. */
struct option_row {
	const char *name;       /* long name without dashes; NULL: `help` heads a group */
	char letter;            /* or 0 */
	bool negatable;         /* a flag that also takes --no-NAME */
	bool command_line_only; /* refused in a file, not part of the effective configuration */
	const struct option_type *type;
	size_t offset;         /* OPTION_MEMBER */
	const char *argument;  /* what --help calls the value: SIZE */
	const char *help;      /* NULL: accepted, but neither shown nor part of the configuration */
	const char *preset;    /* the default, as it would be typed; NULL: unset */
	const char *otherwise; /* what happens when unset, for --help */
	int64_t min, max;      /* of integers, sizes and durations; max 0: INT64_MAX */
	const struct option_choice *choices;
};

/* The offset of a member of THIS; does not compile unless the member has that type. */
#define OPTION_MEMBER(c_type, member) _Generic(((THIS *)0)->member, c_type : offsetof(THIS, member))

struct string_list {
	const char **items;
	int32_t count;
};

struct option_pair {
	const char *key, *value;
};

struct option_pairs {
	struct option_pair *items;
	int32_t count;
};

struct endpoint {
	const char *host; /* a name or an address; an IPv6 address without its brackets */
	uint16_t port;
};

struct endpoint_list {
	struct endpoint *items;
	int32_t count;
};

extern const struct option_type option_flag;     /* bool */
extern const struct option_type option_int;      /* int64_t, 50k allowed */
extern const struct option_type option_size;     /* int64_t bytes */
extern const struct option_type option_duration; /* int64_t ns */
extern const struct option_type option_rate;     /* struct rate */
extern const struct option_type option_string;   /* const char * */
extern const struct option_type option_choice;   /* int64_t: the choice's value */
extern const struct option_type option_strings;  /* struct string_list */
extern const struct option_type option_pairs;    /* struct option_pairs: KEY=VALUE each */
extern const struct option_type
	option_endpoints; /* struct endpoint_list: HOST:PORT[,HOST:PORT...] */

struct option_table {
	const char *command;  /* "harrow produce": opens every error line */
	const char *summary;  /* one line, for --help */
	const char *usage;    /* after "Usage: " */
	const char *examples; /* whole lines, for the end of --help */
	const struct option_row *rows;
	size_t count;
};

enum option_source { OPTION_PRESET, OPTION_FROM_FILE, OPTION_FROM_COMMAND_LINE };

/* One reading of a table's options into one struct. */
struct option_set {
	const struct option_table *table;
	void *config;
	enum option_source sources[OPTIONS_MAX];
	bool wants_help;
	struct arena arena;
	char error[OPTIONS_ERROR_SIZE]; /* one line, without the command's name and without newline
					 */
};

/* Zeroes nothing: `config` must be zeroed by the caller; sets every preset. */
void options_init(struct option_set *set, const struct option_table *table, void *config);

/* Reads what follows the command's name. 0, or -EINVAL with set->error. --help stops the reading
 * and sets wants_help. */
int options_parse(struct option_set *set, int count, char *const arguments[]);

/* Gives one option a value, unless one of a stronger source is there. 0, or -EINVAL with an error
 * that calls the option `called` ("--rate", "rate"). */
int options_assign(struct option_set *set, const struct option_row *row, const char *called,
	const char *text, enum option_source source);

/* The row of a long name, with - and _ alike; NULL when there is none. */
const struct option_row *options_find(const struct option_table *table, const char *name);

/* The long name that looks most like `name`, or NULL when none is near. */
const char *options_nearest(const struct option_table *table, const char *name);

/* Whether somebody gave the option a value. It must be in the table. */
bool options_given(const struct option_set *set, const char *name);

/* For what cannot be: leaves the line in set->error and returns -EINVAL. Control characters become
 * question marks. */
int options_refuse(struct option_set *set, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A seed for runs that were given none: short enough to be typed again. */
int64_t options_seed(void);

/* Who gave the option its value. The option must be in the table. */
enum option_source options_source(const struct option_set *set, const char *name);

/* The effective configuration with underscored names, in the table's order; the caller owns it. A
 * file that holds it, read with --config, gives the same configuration. */
json_t *options_json(const struct option_set *set);

void options_help(const struct option_table *table, FILE *out);

void options_free(struct option_set *set);

#endif
