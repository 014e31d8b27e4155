/* --help, written from the same table that the options are read by. */
#include "options.h"

#include "wrap.h"

#define LEFT_WIDTH 30 /* of the column with the options' names */
#define GAP        2

/* How the option is typed: "-b, --bootstrap HOST:PORT". */
static int format_name(const struct option_row *row, char *text, size_t size)
{
	const char *prefix = "";
	char choices[128] = "";
	if (row->negatable)
		prefix = row->preset && !strcmp(row->preset, "true") ? "no-" : "[no-]";
	for (size_t i = 0; !row->argument && row->choices && row->choices[i].name; i++) {
		size_t used = strlen(choices);
		snprintf(choices + used, sizeof choices - used, "%s%s", i ? "|" : "",
			row->choices[i].name);
	}
	const char *argument = row->argument ? row->argument : choices;
	char letter[8] = "    ";
	if (row->letter)
		snprintf(letter, sizeof letter, "-%c, ", row->letter);
	return snprintf(text, size, "  %s--%s%s%s%s", letter, prefix, row->name,
		*argument ? " " : "", argument);
}

static void print_row(const struct option_row *row, FILE *out)
{
	char name[256], help[1024];
	int width = format_name(row, name, sizeof name);
	const char *preset = row->preset && !row->type->is_flag ? row->preset : NULL;
	if (row->otherwise)
		preset = row->otherwise;
	if (preset)
		snprintf(help, sizeof help, "%s (default: %s)", row->help, preset);
	else
		snprintf(help, sizeof help, "%s", row->help);
	fputs(name, out);
	if (width + GAP > LEFT_WIDTH)
		fprintf(out, "\n%*s", LEFT_WIDTH, "");
	else
		fprintf(out, "%*s", LEFT_WIDTH - width, "");
	wrap_write(out, help, LEFT_WIDTH, OPTIONS_HELP_WIDTH);
}

void options_help(const struct option_table *table, FILE *out)
{
	fprintf(out, "%s: %s\n\nUsage: %s\n", table->command, table->summary, table->usage);
	for (size_t i = 0; i < table->count; i++) {
		const struct option_row *row = &table->rows[i];
		if (!row->name)
			fprintf(out, "\n%s\n", row->help);
		else if (row->help)
			print_row(row, out);
	}
	if (table->examples)
		fprintf(out, "\nExamples\n%s", table->examples);
}
