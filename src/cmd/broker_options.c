/*
 * The table of `harrow broker`'s options, and what they must satisfy together. Names and values of
 * --property, and rules of --fault, are judged where they are known: by the stage.
 */
#include "broker_options.h"

#include <errno.h>
#include <inttypes.h>

#include "../broker/catalog.h"
#include "../broker/fault.h"
#include "../config.h"
#include "../engine_choice.h"

#define DURATION_MAX   ((int64_t)31 * 24 * 3600 * NS_PER_S)
#define SEED_MAX       ((int64_t)1 << 53)
#define STORE_SIZE_MAX ((int64_t)1 << 44)
#define STORE_PRESET   "256MiB"

static char *copy_text(struct arena *arena, const char *text, size_t size)
{
	char *copy = arena_alloc(arena, size + 1);
	if (copy)
		memcpy(copy, text, size);
	return copy;
}

/* ---- HOST:PORT, port 0 allowed ---- */

static int parse_listen(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)row;
	const char *colon = strrchr(text, ':');
	if (!colon || !colon[1] || strlen(colon + 1) > 5)
		return -EINVAL;
	int32_t port = 0;
	for (const char *digit = colon + 1; *digit; digit++) {
		if (*digit < '0' || *digit > '9')
			return -EINVAL;
		port = port * 10 + (*digit - '0');
	}
	size_t size = (size_t)(colon - text);
	if (size > 2 && text[0] == '[' && colon[-1] == ']') {
		text++;
		size -= 2;
	} else if (memchr(text, ':', size)) {
		return -EINVAL;
	}
	if (port > UINT16_MAX || size == 0 || size >= CATALOG_HOST_SIZE ||
		memchr(text, ' ', size) || memchr(text, '/', size))
		return -EINVAL;
	char *host = copy_text(arena, text, size);
	if (!host)
		return -ENOMEM;
	*(struct broker_listen *)member = (struct broker_listen){ host, (uint16_t)port };
	return 0;
}

static json_t *print_listen(const struct option_row *row, const void *member)
{
	(void)row;
	const struct broker_listen *listen = member;
	bool brackets = strchr(listen->host, ':') != NULL;
	return json_sprintf(
		"%s%s%s:%d", brackets ? "[" : "", listen->host, brackets ? "]" : "", listen->port);
}

static const struct option_type listen_type = {
	.takes = "HOST:PORT such as 127.0.0.1:9092, or port 0 for any that is free",
	.parse = parse_listen,
	.print = print_listen,
};

/* ---- null, memory, memory:SIZE ---- */

static int parse_store(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)row, (void)arena;
	int64_t size = 0;
	int result = 0;
	if (!strcmp(text, "memory"))
		result = units_parse_size(STORE_PRESET, &size);
	else if (!strncmp(text, "memory:", 7))
		result = units_parse_size(text + 7, &size);
	else if (strcmp(text, "null") != 0)
		return -EINVAL;
	if (result < 0)
		return result;
	if (strcmp(text, "null") != 0 && (size <= 0 || size > STORE_SIZE_MAX))
		return -EINVAL;
	((struct broker_store *)member)->size = size;
	return 0;
}

static json_t *print_store(const struct option_row *row, const void *member)
{
	(void)row;
	const struct broker_store *store = member;
	char text[UNITS_TEXT_SIZE];
	if (store->size == 0)
		return json_string("null");
	return json_sprintf("memory:%s", units_exact_size(store->size, text));
}

static const struct option_type store_type = {
	.takes = "null, memory or memory:SIZE such as memory:1GiB",
	.parse = parse_store,
	.print = print_store,
};

/* ---- exp:50us, const:50us ---- */

static int parse_service_time(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)row, (void)arena;
	return service_time_parse(text, member) < 0 ? -EINVAL : 0;
}

static json_t *print_service_time(const struct option_row *row, const void *member)
{
	(void)row;
	const struct service_time *time = member;
	char text[UNITS_TEXT_SIZE];
	if (time->kind == SERVICE_NONE)
		return json_null();
	return json_sprintf("%s:%s", time->kind == SERVICE_CONSTANT ? "const" : "exp",
		units_exact_duration(time->mean_ns, text));
}

static const struct option_type service_time_type = {
	.takes = "exp:TIME or const:TIME such as exp:50us",
	.parse = parse_service_time,
	.print = print_service_time,
};

/* ---- produce=10MiB/s,fetch=1MiB/s ---- */

static const char *const quota_names[QUOTA_KINDS] = {
	[QUOTA_PRODUCE] = "produce",
	[QUOTA_FETCH] = "fetch",
};

static int parse_quota(const char *text, size_t size, int64_t quotas[QUOTA_KINDS])
{
	char item[64];
	if (size >= sizeof item)
		return -EINVAL;
	memcpy(item, text, size);
	item[size] = 0;
	char *value = strchr(item, '=');
	if (!value)
		return -EINVAL;
	*value++ = 0;
	struct rate rate;
	if (units_parse_rate(value, &rate) < 0 || rate.unit != RATE_BYTES || rate.per_second < 1)
		return -EINVAL;
	for (int kind = 0; kind < QUOTA_KINDS; kind++) {
		if (strcmp(item, quota_names[kind]) != 0)
			continue;
		quotas[kind] = (int64_t)rate.per_second;
		return 0;
	}
	return -EINVAL;
}

static int parse_quotas(
	const struct option_row *row, const char *text, struct arena *arena, void *member)
{
	(void)row, (void)arena;
	int64_t *quotas = member;
	for (const char *item = text;;) {
		const char *comma = strchrnul(item, ',');
		int result = parse_quota(item, (size_t)(comma - item), quotas);
		if (result < 0 || !*comma)
			return result;
		item = comma + 1;
	}
}

static json_t *print_quotas(const struct option_row *row, const void *member)
{
	(void)row;
	const int64_t *quotas = member;
	char text[256] = "";
	size_t size = 0;
	for (int kind = 0; kind < QUOTA_KINDS; kind++)
		if (quotas[kind])
			size += (size_t)snprintf(text + size, sizeof text - size,
				"%s%s=%" PRId64 "B/s", size ? "," : "", quota_names[kind],
				quotas[kind]);
	return size ? json_string(text) : json_null();
}

static const struct option_type quotas_type = {
	.takes = "produce=RATE,fetch=RATE in bytes per second, such as produce=10MiB/s",
	.parse = parse_quotas,
	.print = print_quotas,
};

#define THIS struct broker_config
#define HEADING(text)                                                                              \
	{                                                                                          \
		.help = (text)                                                                     \
	}
#define FLAG(member) &option_flag, .offset = OPTION_MEMBER(bool, member)
#define INT(member)  &option_int, .offset = OPTION_MEMBER(int64_t, member)
#define TIME(member) &option_duration, .offset = OPTION_MEMBER(int64_t, member)
#define TEXT(member) &option_string, .offset = OPTION_MEMBER(const char *, member)
#define CHOICE(member, list)                                                                       \
	&option_choice, .offset = OPTION_MEMBER(int64_t, member), .choices = (list)
#define OF(type_row, c_type, member) &(type_row), .offset = OPTION_MEMBER(c_type, member)

/* clang-format off */
static const struct option_row rows[] = {
	HEADING("Where"),
	{ .name = "listen", .type = OF(listen_type, struct broker_listen, listen),
		.argument = "HOST:PORT",
		.help = "where broker 0 listens; broker N on port PORT+N; port 0: any that are "
			"free",
		.preset = "127.0.0.1:9092" },
	{ .name = "advertise", .type = TEXT(advertise), .argument = "HOST",
		.help = "host that clients are told to connect to",
		.otherwise = "the one listened on; of a wildcard, this machine's name" },
	{ .name = "brokers", .type = INT(brokers), .argument = "N",
		.help = "brokers of the cluster",
		.preset = "1", .min = 1, .max = STAGE_NODES_MAX },
	{ .name = "control", .type = TEXT(control), .argument = "PATH",
		.help = "a Unix socket that takes commands: down N, up N, elect, fault RULE, "
			"faults clear, status, help" },
	{ .name = "duration", .type = TIME(duration_ns), .argument = "TIME",
		.help = "end after this time",
		.otherwise = "at SIGINT or SIGTERM", .min = NS_PER_MS, .max = DURATION_MAX },

	HEADING("What it is like"),
	{ .name = "store", .type = OF(store_type, struct broker_store, store),
		.argument = "KIND",
		.help = "memory:SIZE keeps records, the oldest leave when it is full; null reads "
			"the head of each batch and drops the rest unread",
		.preset = "memory:" STORE_PRESET },
	{ .name = "validate", .type = FLAG(validate),
		.help = "check checksums and every record, also with --store null" },
	{ .name = "property", .type = OF(option_pairs, struct option_pairs, properties),
		.argument = "KEY=VALUE",
		.help = "a broker property by Kafka's own name; may be repeated" },
	{ .name = "service-time", .type = OF(service_time_type, struct service_time, service_time),
		.argument = "KIND:TIME",
		.help = "each produced record keeps a server busy for so long, exp or const: a "
			"queue of known capacity",
		.otherwise = "none" },
	{ .name = "servers", .type = INT(servers), .argument = "N",
		.help = "servers of --service-time",
		.preset = "1", .min = 1, .max = SERVERS_MAX },
	{ .name = "quota", .type = &quotas_type, .offset = offsetof(THIS, quotas),
		.argument = "KIND=RATE",
		.help = "bytes per second of each client id, of produce and fetch: "
			"produce=10MiB/s,fetch=50MiB/s",
		.otherwise = "none" },
	{ .name = "fault", .type = OF(option_strings, struct string_list, faults),
		.argument = "RULE",
		.help = "what goes wrong, such as api=Produce:error=NOT_LEADER_OR_FOLLOWER:"
			"count=3; may be repeated; which: api, topic, partition, client, node; "
			"what: error, applied, delay, throttle, disconnect, empty, half, garbage; when: "
			"skip, count, probability, from, until" },

	HEADING("How it runs"),
	{ .name = "engine", .type = CHOICE(engine, engine_choices),
		.help = "io_uring, or where that is not permitted epoll",
		.preset = "auto" },
	{ .name = "io-caps", .type = TEXT(io_caps), .argument = "CAPS",
		.help = "hold the engine back, to test or to compare: io_uring's highest rung "
			"to try (defer, coop, plain) and features to leave out (-multishot, ...)",
		.otherwise = "all that the kernel has" },
	{ .name = "tcp-cc", .type = TEXT(tcp_cc), .argument = "NAME",
		.help = "TCP congestion control of its sockets: cubic, bbr, reno",
		.otherwise = "the system's" },
	{ .name = "config", .type = TEXT(config), .argument = "FILE",
		.help = "read options from JSON, named as here with underscores; the command line "
			"overrides it", .command_line_only = true },
	{ .name = "seed", .type = INT(seed), .argument = "N",
		.help = "start of all random numbers: ids, places of replicas, faults, service "
			"times",
		.otherwise = "chosen, and said", .max = SEED_MAX },
};
/* clang-format on */
#undef THIS

const struct option_table broker_options = {
	.command = "harrow broker",
	.summary = "the embedded broker: a sink, a rehearsal stage, a fault injector",
	.usage = "harrow broker [OPTIONS]",
	.examples = "  harrow broker\n"
		    "      a broker on 127.0.0.1:9092 that keeps 256 MiB in memory\n"
		    "  harrow broker --store null\n"
		    "      the cheapest sink there is\n"
		    "  harrow broker --brokers 3 --property default.replication.factor=3 --control "
		    "/tmp/stage\n"
		    "      three of them; echo down 1 | socat - UNIX:/tmp/stage takes one away\n"
		    "  harrow broker --service-time exp:50us --servers 4\n"
		    "      a queue that serves 80,000 records per second\n",
	.rows = rows,
	.count = COUNT_OF(rows),
};

static int check(struct option_set *set, const struct broker_config *config)
{
	if (config->listen.port && config->listen.port + config->brokers - 1 > UINT16_MAX)
		return options_refuse(set,
			"--brokers %" PRId64 " needs as many ports from %d on, and there are none "
			"above %d",
			config->brokers, config->listen.port, UINT16_MAX);
	if (options_given(set, "servers") && config->service_time.kind == SERVICE_NONE)
		return options_refuse(set, "--servers needs a --service-time, such as exp:50us");
	if (config->advertise &&
		(!*config->advertise || strlen(config->advertise) >= CATALOG_HOST_SIZE))
		return options_refuse(set, "--advertise takes a host name or address");
	if (config->control && !*config->control)
		return options_refuse(set, "--control takes the path of a socket to make");
	return 0;
}

int broker_options_read(struct option_set *set, struct broker_config *config, int count,
	char *const arguments[], int64_t seed)
{
	*config = (struct broker_config){ 0 };
	options_init(set, &broker_options, config);
	int error = options_parse(set, count, arguments);
	if (error || set->wants_help)
		return error;
	if (config->config && config_read(set, config->config))
		return -EINVAL;
	if (!options_given(set, "seed"))
		config->seed = seed;
	return check(set, config);
}
