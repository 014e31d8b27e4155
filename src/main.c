/*
 * harrow: finds the command, and leaves the rest to it. Nothing is decided here but which file
 * under cmd/ runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base.h"

#include "cmd/commands.h"
#include "nearest.h"
#include "version.h"

struct command {
	const char *name;
	const char *question; /* that it answers */
	enum exit_status (*run)(int count, char *const arguments[]);
};

static const struct command commands[] = {
	{ "produce", "what happens at this rate? (at a rate, or as fast as it goes)",
		produce_command },
	{ "broker", "the embedded broker: a sink, a rehearsal stage, a fault injector",
		broker_command },
};

static void print_help(FILE *out)
{
	fputs("harrow puts load on Apache Kafka, and measures honestly what happens.\n\n"
	      "Usage: harrow COMMAND [OPTIONS]\n\nCommands\n",
		out);
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].question);
	fputs("\n  harrow COMMAND --help   the command's options\n"
	      "  harrow --version        which harrow this is\n\n"
	      "Exit status: 0 done; 1 the run failed, lost something or missed its objective; 2 "
	      "wrong\n"
	      "usage; 3 the result is invalid, because harrow itself was too slow.\n",
		out);
}

/* What was asked for must have been written, or it was not done. */
static int finish(enum exit_status status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return (int)status;
	fprintf(stderr, "harrow: cannot write to standard output: %s\n", strerror(errno));
	return (int)(status == EXIT_DONE ? EXIT_FAILED : status);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int fail_unknown(const char *name)
{
	const char *nearest = NULL;
	size_t best = NEAREST_FAR;
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		size_t distance = nearest_distance(name, commands[i].name);
		if (distance < best) {
			best = distance;
			nearest = commands[i].name;
		}
	}
	if (nearest)
		fprintf(stderr, "harrow: unknown command '%.64s'; did you mean %s?\n", name,
			nearest);
	else
		fprintf(stderr,
			"harrow: unknown command '%.64s'; harrow --help lists the commands\n",
			name);
	return EXIT_USAGE;
}

/*
 * Where a standard stream was closed, the next descriptor would take its number, and the result be
 * written into a connection. What stands in for it fails every write, so that the loss is noticed.
 */
static void hold_standard_streams(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
			open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			_exit(EXIT_FAILED);
}

int main(int count, char *arguments[])
{
	hold_standard_streams();
	/* A closed pipe or connection is an error of that write, not the end of the run. */
	signal(SIGPIPE, SIG_IGN);
	const char *name = count > 1 ? arguments[1] : "";
	if (!*name) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		print_help(stdout);
		return finish(EXIT_DONE);
	}
	if (!strcmp(name, "--version")) {
		printf("harrow %s\n", version_text());
		return finish(EXIT_DONE);
	}
	const struct command *command = find_command(name);
	if (!command)
		return fail_unknown(name);
	return finish(command->run(count - 2, arguments + 2));
}
