/* What the commands of the control socket do: see control.h. */
#include "control.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <jansson.h>

__attribute__((format(printf, 2, 3))) static void reply(
	char answer[CONTROL_ANSWER_SIZE], const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(answer, CONTROL_ANSWER_SIZE, format, arguments);
	va_end(arguments);
}

/* ---- commands: each gets what follows its name ---- */

/* The broker that is meant, or -1 and an answer. */
static int32_t node_of(
	const struct stage *stage, const char *text, char answer[CONTROL_ANSWER_SIZE])
{
	char *end;
	long id = strtol(text, &end, 10);
	if (isdigit((unsigned char)*text) && !*end && id < stage->options.node_count)
		return (int32_t)id;
	reply(answer, "error: which broker? one of 0 to %d, not '%.32s'",
		stage->options.node_count - 1, text);
	return -1;
}

static void run_down(struct stage *stage, const char *text, char answer[CONTROL_ANSWER_SIZE])
{
	int32_t id = node_of(stage, text, answer);
	if (id < 0)
		return;
	if (stage_node_down(stage, id) == 0)
		reply(answer, "ok: broker %d is down", id);
	else
		reply(answer, "error: broker %d is down already", id);
}

static void run_up(struct stage *stage, const char *text, char answer[CONTROL_ANSWER_SIZE])
{
	int32_t id = node_of(stage, text, answer);
	if (id < 0)
		return;
	int result = stage_node_up(stage, id);
	if (result == 0)
		reply(answer, "ok: broker %d is up", id);
	else if (result == -EALREADY)
		reply(answer, "error: broker %d is up already", id);
	else if (result == -EBUSY)
		reply(answer, "error: broker %d is still going down: try again", id);
	else
		reply(answer, "error: broker %d cannot listen on port %u again: %s", id,
			stage_port(stage, id), strerror(-result));
}

static void run_elect(struct stage *stage, const char *text, char answer[CONTROL_ANSWER_SIZE])
{
	(void)text;
	int32_t count = catalog_elect_preferred(&stage->catalog);
	reply(answer, "ok: %d partitions have their preferred leader again", count);
}

static void run_fault(struct stage *stage, const char *text, char answer[CONTROL_ANSWER_SIZE])
{
	char why[FAULT_WHY_SIZE];
	if (faults_add(stage->faults, text, loop_now_ns(stage->loop), why) == 0)
		reply(answer, "ok: the rule is in force");
	else
		reply(answer, "error: %s", why);
}

static void run_faults(struct stage *stage, const char *text, char answer[CONTROL_ANSWER_SIZE])
{
	if (strcmp(text, "clear") != 0) {
		reply(answer, "error: did you mean 'faults clear'?");
		return;
	}
	faults_clear(stage->faults);
	reply(answer, "ok: no fault rules");
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static json_t *nodes_json(const struct stage *stage)
{
	json_t *nodes = json_array();
	for (int32_t i = 0; i < stage->options.node_count; i++) {
		const struct catalog_node *node = &stage->catalog.nodes[i];
		json_array_append_new(
			nodes, json_pack("{s:i, s:s, s:i, s:b, s:i}", "id", node->id, "host",
				       node->host, "port", node->port, "up", node->up, "sessions",
				       stage->nodes[i].session_count));
	}
	return nodes;
}

static void run_status(struct stage *stage, const char *text, char answer[CONTROL_ANSWER_SIZE])
{
	(void)text;
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	const struct stage_figures *f = &stage->figures;
	json_t *status = json_pack(
		"{s:o, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:{s:f, s:f}, s:I}", "nodes",
		nodes_json(stage), "topics", stage->catalog.topic_count, "partitions",
		stage->catalog.partition_count, "sessions", stage->session_count, "requests",
		(json_int_t)f->requests, "batches", (json_int_t)f->batches, "records",
		(json_int_t)f->records, "bytes", (json_int_t)f->bytes, "faults",
		(json_int_t)faults_acted(stage->faults), "cpu", "user_s", seconds(usage.ru_utime),
		"system_s", seconds(usage.ru_stime), "memory_bytes",
		(json_int_t)usage.ru_maxrss * 1024);
	char *line = status ? json_dumps(status, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
	if (line)
		reply(answer, "%s", line);
	else
		reply(answer, "error: no memory");
	free(line);
	json_decref(status);
}

static void run_help(struct stage *stage, const char *text, char answer[CONTROL_ANSWER_SIZE])
{
	(void)stage, (void)text;
	reply(answer, "ok: down N, up N, elect, fault RULE, faults clear, status, help");
}

static const struct control_command {
	const char *name;
	bool takes;
	void (*run)(struct stage *, const char *text, char answer[CONTROL_ANSWER_SIZE]);
} commands[] = {
	{ "down", true, run_down },
	{ "up", true, run_up },
	{ "elect", false, run_elect },
	{ "fault", true, run_fault },
	{ "faults", true, run_faults },
	{ "status", false, run_status },
	{ "help", false, run_help },
};

void control_run(struct stage *stage, const char *line, char answer[CONTROL_ANSWER_SIZE])
{
	size_t name_size = strcspn(line, " \t");
	const char *text = line + name_size;
	text += strspn(text, " \t");
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		const struct control_command *command = &commands[i];
		if (strlen(command->name) != name_size ||
			strncmp(command->name, line, name_size) != 0)
			continue;
		if (command->takes != (*text != 0))
			reply(answer, "error: '%s' takes %s; 'help' lists the commands",
				command->name, command->takes ? "an argument" : "no argument");
		else
			command->run(stage, text, answer);
		return;
	}
	reply(answer, "error: unknown command '%.*s'; 'help' lists the commands",
		(int)MIN(name_size, (size_t)32), line);
}
