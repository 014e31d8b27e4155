/*
 * `harrow broker`, top down: options, the loop, the stage, the control socket, "ready", turns until
 * a signal or --duration, one line that sums up. What a broker does is src/broker's.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../broker/control.h"
#include "../broker/stage.h"
#include "../engine_choice.h"
#include "../interrupt.h"
#include "broker_options.h"
#include "commands.h"

/* What the kernel's signal does not wake for sure is noticed after this. */
#define SIGNAL_POLL_NS (100 * NS_PER_MS)

struct broker_run {
	struct option_set options;
	struct broker_config config;
	struct property_pair *properties;
	char host_name[CATALOG_HOST_SIZE];
	struct loop *loop;
	struct stage stage;
	struct control control;
	int64_t started_ns;
};

static void say(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s: %s\n", broker_options.command, line);
}

static enum exit_status complain(enum exit_status status, const char *text)
{
	say(NULL, text);
	return status;
}

/* ---- opening ---- */

static int open_loop(struct broker_run *run, char why[LOOP_TEXT_SIZE])
{
	struct loop_options options = {
		.engine = (enum loop_engine)run->config.engine,
		.caps = run->config.io_caps,
		.connections = 1024,
	};
	int result = loop_open(&options, &run->loop, why);
	if (result == 0)
		engine_say_fallback(run->loop, broker_options.command, stderr);
	return result;
}

static bool is_wildcard(const char *host)
{
	return !strcmp(host, "0.0.0.0") || !strcmp(host, "::") || !strcmp(host, "*");
}

/* What clients are told: they cannot connect to a wildcard. */
static const char *advertised(struct broker_run *run)
{
	if (run->config.advertise)
		return run->config.advertise;
	if (!is_wildcard(run->config.listen.host))
		return run->config.listen.host;
	if (gethostname(run->host_name, sizeof run->host_name - 1) != 0 || !run->host_name[0])
		strcpy(run->host_name, "localhost");
	fprintf(stderr,
		"%s: listens everywhere, and tells clients to connect to '%s': choose another name "
		"with --advertise\n",
		broker_options.command, run->host_name);
	return run->host_name;
}

static int take_properties(struct broker_run *run)
{
	const struct option_pairs *pairs = &run->config.properties;
	run->properties = calloc((size_t)pairs->count + 1, sizeof *run->properties);
	if (!run->properties)
		return -ENOMEM;
	for (int32_t i = 0; i < pairs->count; i++)
		run->properties[i] = (struct property_pair){ string_of(pairs->items[i].key),
			string_of(pairs->items[i].value) };
	return 0;
}

static enum exit_status open_stage(struct broker_run *run)
{
	const struct broker_config *c = &run->config;
	char why[STAGE_REASON_SIZE] = "";
	if (take_properties(run) < 0)
		return complain(EXIT_FAILED, "out of memory");
	const char *host = c->listen.host;
	struct stage_options options = {
		.host = !strcmp(host, "*") ? "0.0.0.0" : host,
		.advertised = advertised(run),
		.port = c->listen.port,
		.node_count = (int32_t)c->brokers,
		.store_size = (size_t)c->store.size,
		.validate = c->validate,
		.service_time = c->service_time,
		.servers = (int32_t)c->servers,
		.congestion = c->tcp_cc,
		.properties = run->properties,
		.property_count = c->properties.count,
		.faults = c->faults.items,
		.fault_count = c->faults.count,
		.seed = (uint64_t)c->seed,
		.say = say,
		.wall_offset_ns = clock_wall_ns() - clock_monotonic_ns(),
	};
	memcpy(options.quota_bytes_per_second, c->quotas, sizeof c->quotas);
	int result = stage_open(&run->stage, run->loop, &options, why);
	if (result == 0)
		return EXIT_DONE;
	if (result == -EADDRINUSE) {
		size_t size = strlen(why);
		snprintf(why + size, sizeof why - size,
			"; stop what listens there, or choose with --listen HOST:PORT");
	}
	return complain(result == -EINVAL || result == -ENOSPC ? EXIT_USAGE : EXIT_FAILED, why);
}

static void print_ready(const struct broker_run *run)
{
	const char *host = run->stage.catalog.nodes[0].host;
	bool brackets = strchr(host, ':') != NULL;
	printf("ready ");
	for (int32_t i = 0; i < run->stage.options.node_count; i++)
		printf("%s%s%s%s:%u", i ? "," : "", brackets ? "[" : "", host, brackets ? "]" : "",
			stage_port(&run->stage, i));
	printf("\n");
	fflush(stdout);
}

/* ---- running ---- */

static enum exit_status turn_until_end(struct broker_run *run)
{
	int64_t end_ns =
		run->config.duration_ns ? run->started_ns + run->config.duration_ns : NEVER_NS;
	while (!atomic_load(&interrupt_first)) {
		int64_t now_ns = loop_now_ns(run->loop);
		if (now_ns >= end_ns)
			break;
		int result = loop_turn(run->loop, MIN(end_ns, now_ns + SIGNAL_POLL_NS));
		if (result < 0) {
			fprintf(stderr, "%s: the engine failed: %s\n", broker_options.command,
				strerror(-result));
			return EXIT_FAILED;
		}
	}
	return EXIT_DONE;
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void sum_up(const struct broker_run *run)
{
	const struct stage_figures *f = &run->stage.figures;
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	double user_s = seconds(usage.ru_utime), system_s = seconds(usage.ru_stime);
	double ran_s = (double)(loop_clock_ns(run->loop) - run->started_ns) / (double)NS_PER_S;
	char bytes[UNITS_TEXT_SIZE];
	char per_record[64] = "";
	if (f->records > 0)
		snprintf(per_record, sizeof per_record, ", %.1f ns per record",
			(user_s + system_s) * 1e9 / (double)f->records);
	fprintf(stderr,
		"%s: %.1f s, %" PRIu64 " requests, %" PRIu64 " records in %" PRIu64
		" batches, %s, CPU %.2f s user and %.2f s system%s\n",
		broker_options.command, ran_s, f->requests, f->records, f->batches,
		units_human_size((double)f->bytes, bytes), user_s, system_s, per_record);
}

static enum exit_status run_stage(struct broker_run *run)
{
	char why[STAGE_REASON_SIZE];
	if (run->config.control &&
		control_open(&run->control, &run->stage, run->config.control, why) < 0)
		return complain(EXIT_FAILED, why);
	run->started_ns = loop_clock_ns(run->loop);
	fprintf(stderr, "%s: engine %s, seed %" PRId64 "\n", broker_options.command,
		loop_describe(run->loop), run->config.seed);
	print_ready(run);
	enum exit_status status = turn_until_end(run);
	sum_up(run);
	if (run->config.control)
		control_close(&run->control);
	return status;
}

static enum exit_status run_all(struct broker_run *run)
{
	char why[LOOP_TEXT_SIZE];
	interrupt_install();
	if (run->config.tcp_cc && stream_congestion_check(run->config.tcp_cc) < 0)
		return complain(EXIT_USAGE, "--tcp-cc names a congestion control that this kernel "
					    "does not have or permit");
	int result = open_loop(run, why);
	if (result < 0)
		return complain(result == -EINVAL ? EXIT_USAGE : EXIT_FAILED, why);
	enum exit_status status = open_stage(run);
	if (status == EXIT_DONE) {
		status = run_stage(run);
		stage_close(&run->stage);
	}
	loop_close(run->loop);
	return status;
}

enum exit_status broker_command(int count, char *const arguments[])
{
	struct broker_run *run = calloc(1, sizeof *run);
	if (!run)
		return complain(EXIT_FAILED, "out of memory");
	enum exit_status status = EXIT_DONE;
	if (broker_options_read(&run->options, &run->config, count, arguments, options_seed()) < 0)
		status = complain(EXIT_USAGE, run->options.error);
	else if (run->options.wants_help)
		options_help(&broker_options, stdout);
	else
		status = run_all(run);
	options_free(&run->options);
	free(run->properties);
	free(run);
	return status;
}
