/*
 * `harrow produce`: what happens at this rate? Options in, a run, a result out.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "../report/json.h"
#include "commands.h"
#include "produce_options.h"

#define ERROR_SIZE 512

static enum exit_status fail(enum exit_status status, const char *error)
{
	fprintf(stderr, "%s: %s\n", produce_options.command, error);
	return status;
}

/* Short enough to be typed again. */
static int64_t choose_seed(void)
{
	uint32_t seed = 0;
	if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		seed = (uint32_t)clock_wall_ns();
	return seed;
}

static enum exit_status run(const struct produce_config *config)
{
	char error[ERROR_SIZE];
	if (config->out && json_prepare_directory(config->out, error, sizeof error))
		return fail(EXIT_FAILED, error);
	return fail(EXIT_FAILED, "the options are right, but this build has no load engine");
}

enum exit_status produce_command(int count, char *const arguments[])
{
	struct option_set set;
	struct produce_config config;
	enum exit_status status = EXIT_DONE;
	if (produce_options_read(&set, &config, count, arguments, choose_seed()))
		status = fail(EXIT_USAGE, set.error);
	else if (set.wants_help)
		options_help(&produce_options, stdout);
	else
		status = run(&config);
	options_free(&set);
	return status;
}
