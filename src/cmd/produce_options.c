/*
 * The table of `harrow produce`'s options, and what they must satisfy together. Each check is one
 * line that names the options as they are typed.
 */
#include "produce_options.h"

#include <ctype.h>
#include <errno.h>

#include "../config.h"
#include "../engine_choice.h"
#include "../load/stamp.h"
#include "produce_types.h"

#define DURATION_MAX       ((int64_t)31 * 24 * 3600 * NS_PER_S)
#define LEVEL_MIN          INT64_C(-131072) /* of zstd */
#define TIMEOUT_MAX        ((int64_t)24 * 3600 * NS_PER_S)
#define RECORDS_MAX        ((int64_t)1 << 53) /* exact in any reader's JSON */
#define SEED_MAX           ((int64_t)1 << 53)
#define PRESET_DURATION_NS (10 * NS_PER_S)
#define PRODUCERS_MAX      1024
#define THREADS_MAX        256
#define CONNECTIONS_MAX    64
#define IN_FLIGHT_MAX      1024
#define TOPIC_NAME_MAX     249

static const struct option_choice cleanup_choices[] = {
	{ "keep", PRODUCE_CLEANUP_KEEP },
	{ "delete", PRODUCE_CLEANUP_DELETE },
	{ NULL, 0 },
};
static const struct option_choice arrivals_choices[] = {
	{ "constant", ARRIVALS_CONSTANT },
	{ "poisson", ARRIVALS_POISSON },
	{ NULL, 0 },
};
static const struct option_choice acks_choices[] = {
	{ "0", PRODUCE_ACKS_NONE },
	{ "1", PRODUCE_ACKS_LEADER },
	{ "all", PRODUCE_ACKS_ALL },
	{ NULL, 0 },
};
static const struct option_choice codec_choices[] = {
	{ "none", CODEC_NONE },
	{ "gzip", CODEC_GZIP },
	{ "snappy", CODEC_SNAPPY },
	{ "lz4", CODEC_LZ4 },
	{ "zstd", CODEC_ZSTD },
	{ NULL, 0 },
};
static const struct option_choice pace_choices[] = {
	{ "sleep", PRODUCE_PACE_SLEEP },
	{ NULL, 0 },
};
static const struct option_choice format_choices[] = {
	{ "text", PRODUCE_FORMAT_TEXT },
	{ "json", PRODUCE_FORMAT_JSON },
	{ NULL, 0 },
};

#define THIS struct produce_config
#define HEADING(text)                                                                              \
	{                                                                                          \
		.help = (text)                                                                     \
	}
#define FLAG(member) &option_flag, .offset = OPTION_MEMBER(bool, member)
#define INT(member)  &option_int, .offset = OPTION_MEMBER(int64_t, member)
#define SIZE(member) &option_size, .offset = OPTION_MEMBER(int64_t, member)
#define TIME(member) &option_duration, .offset = OPTION_MEMBER(int64_t, member)
#define TEXT(member) &option_string, .offset = OPTION_MEMBER(const char *, member)
#define CHOICE(member, list)                                                                       \
	&option_choice, .offset = OPTION_MEMBER(int64_t, member), .choices = (list)
#define OF(type_row, c_type, member) &(type_row), .offset = OPTION_MEMBER(c_type, member)

/* clang-format off */
static const struct option_row rows[] = {
	HEADING("Where to"),
	{ .name = "bootstrap", .letter = 'b',
		.type = OF(option_endpoints, struct endpoint_list, bootstrap),
		.argument = "HOST:PORT[,...]",
		.help = "brokers to ask first for the others; required" },
	{ .name = "topic", .letter = 't', .type = TEXT(topic), .argument = "NAME",
		.help = "topic to write to; created if it does not exist",
		.otherwise = "a fresh name" },
	{ .name = "existing", .type = FLAG(existing),
		.help = "allow --topic to name a topic that exists already" },
	{ .name = "cleanup", .type = CHOICE(cleanup, cleanup_choices),
		.help = "what becomes of a topic that this run created",
		.preset = "keep", .otherwise = "keep with --topic, else delete" },
	{ .name = "partitions", .type = INT(partitions), .argument = "N",
		.help = "partitions of a topic that is created",
		.preset = "12", .min = 1, .max = PRODUCE_PARTITIONS_MAX },
	{ .name = "replication-factor", .type = INT(replication_factor), .argument = "N",
		.help = "replicas of a topic that is created",
		.preset = "-1", .otherwise = "the broker's default", .min = -1, .max = INT16_MAX },
	{ .name = "topic-config", .type = OF(option_pairs, struct option_pairs, topic_config),
		.argument = "KEY=VALUE",
		.help = "configuration of a topic that is created; may be repeated" },

	HEADING("How much, how fast (whichever bound comes first ends the run)"),
	{ .name = "records", .type = INT(records), .argument = "N",
		.help = "end after this many records: 1000, 50k, 2M",
		.otherwise = "no limit", .min = 1, .max = RECORDS_MAX },
	{ .name = "duration", .type = TIME(duration_ns), .argument = "TIME",
		.help = "end after this time: 500ms, 30s, 5m",
		.otherwise = "10s, or no limit with --records", .min = NS_PER_MS,
		.max = DURATION_MAX },
	{ .name = "rate", .type = OF(option_rate, struct rate, rate), .argument = "RATE",
		.help = "records per second (50k, 2M) or bytes of values per second (10MiB/s), "
			"at fixed times whatever the brokers do: an open loop",
		.otherwise = "as fast as it goes: a closed loop" },
	{ .name = "arrivals", .type = CHOICE(arrivals, arrivals_choices),
		.help = "spacing of the records of --rate",
		.preset = "constant" },
	{ .name = "warmup", .type = TIME(warmup_ns), .argument = "TIME",
		.help = "send this long before the measurement begins",
		.preset = "0s", .max = DURATION_MAX },
	{ .name = "drain", .type = TIME(drain_ns), .argument = "TIME",
		.help = "wait this long at the end for what is still due or unanswered",
		.preset = "5s", .max = DURATION_MAX },

	HEADING("What is sent"),
	{ .name = "size", .type = SIZE(size), .argument = "SIZE",
		.help = "size of each value, stamp included: 100, 1KiB, 1MiB",
		.preset = "1KiB", .max = PRODUCE_RECORD_SIZE_MAX },
	{ .name = "payload", .type = OF(produce_payload_type, struct produce_payload, payload),
		.argument = "KIND",
		.help = "random bytes, text that compresses about 3:1, zeros, or file:PATH whose "
			"lines are the values of each partition in turn",
		.preset = "random" },
	{ .name = "key", .type = OF(produce_key_type, struct produce_key, key), .argument = "KIND",
		.help = "none, sequence, random (a million different ones), or random:N",
		.preset = "none" },
	{ .name = "key-size", .type = SIZE(key_size), .argument = "SIZE",
		.help = "size of each key",
		.preset = "16", .min = 1, .max = KEY_SIZE_MAX },
	{ .name = "headers", .type = OF(produce_headers_type, struct header_content, headers),
		.argument = "N[xSIZE]",
		.help = "headers per record, and the size of each one's value",
		.preset = "0", .otherwise = "none; 16 bytes each" },
	{ .name = "partition-skew", .type = OF(produce_skew_type, struct skew, partition_skew),
		.argument = "KIND",
		.help = "uniform, hot:PARTITION=SHARE (hot:0=50%), or zipf:S (zipf:0.99)",
		.preset = "uniform" },
	{ .name = "stamp", .type = FLAG(stamp), .negatable = true,
		.help = "leave out the stamp (run, producer, sequence, time) at the start of "
			"each value",
		.preset = "true" },
	{ .name = "verify-read", .type = FLAG(verify_read),
		.help = "read everything back at the end and check every stamp" },

	HEADING("How it is sent"),
	{ .name = "acks", .type = CHOICE(acks, acks_choices),
		.help = "who must have a record before it counts as acknowledged: nobody, its "
			"leader, all in-sync replicas",
		.preset = "all" },
	{ .name = "idempotence", .type = FLAG(idempotence), .negatable = true,
		.help = "let brokers drop what a retry sends twice; needs --acks all",
		.otherwise = "on with --acks all" },
	{ .name = "codec", .type = CHOICE(codec, codec_choices), .argument = "CODEC",
		.help = "compression: none, gzip, snappy, lz4 or zstd",
		.preset = "none" },
	{ .name = "level", .type = INT(level), .argument = "N",
		.help = "compression level: gzip 1-9, lz4 1-12, zstd 1-22",
		.otherwise = "the codec's own", .min = LEVEL_MIN, .max = 22 },
	/* 256 KiB: bytes cost least CPU in frames of 128 to 256 KiB, and it is a quarter of what a
	 * broker takes unless told otherwise (message.max.bytes), so it fits where 1 MiB may not.
	 */
	{ .name = "batch-size", .type = SIZE(batch_size), .argument = "SIZE",
		.help = "a batch is sent when it has this size, before compression",
		.preset = "256KiB", .min = 1024, .max = PRODUCE_BATCH_SIZE_MAX },
	{ .name = "batch-records", .type = INT(batch_records), .argument = "N",
		.help = "or this many records",
		.otherwise = "no limit", .min = 1, .max = INT32_MAX },
	{ .name = "linger", .type = TIME(linger_ns), .argument = "TIME",
		.help = "or when its first record is this old; only with --rate, otherwise "
			"batches are full",
		.preset = "0s", .max = TIMEOUT_MAX },
	{ .name = "in-flight", .type = INT(in_flight), .argument = "N",
		.help = "produce requests under way per connection; at most 5 with idempotence",
		.preset = "5", .min = 1, .max = IN_FLIGHT_MAX },
	{ .name = "connections", .type = INT(connections), .argument = "N",
		.help = "connections per broker of each producer",
		.preset = "1", .min = 1, .max = CONNECTIONS_MAX },
	{ .name = "producers", .type = INT(producers), .argument = "N",
		.help = "producers, each with its own producer id and connections",
		.otherwise = "one per thread", .min = 1, .max = PRODUCERS_MAX },
	{ .name = "threads", .type = INT(threads), .argument = "N",
		.help = "threads, each with its own ring, that share the producers",
		.preset = "1", .min = 1, .max = THREADS_MAX },
	{ .name = "request-timeout", .type = TIME(request_timeout_ns), .argument = "TIME",
		.help = "give up on a request, close its connection and send again",
		.preset = "30s", .min = NS_PER_MS, .max = TIMEOUT_MAX },
	{ .name = "delivery-timeout", .type = TIME(delivery_timeout_ns), .argument = "TIME",
		.help = "give up on a record",
		.preset = "2m", .min = NS_PER_MS, .max = TIMEOUT_MAX },
	{ .name = "retry-backoff", .type = TIME(retry_backoff_ns), .argument = "TIME",
		.help = "wait before the first retry; doubles up to ten times this",
		.preset = "100ms", .min = NS_PER_MS, .max = TIMEOUT_MAX },
	{ .name = "pace", .type = CHOICE(pace, pace_choices),
		.help = "how a thread waits for the next record's time",
		.preset = "sleep" },
	{ .name = "client-id", .type = TEXT(client_id), .argument = "NAME",
		.help = "name that the brokers see in their logs and quotas",
		.preset = "harrow" },
	{ .name = "tcp-cc", .type = TEXT(tcp_cc), .argument = "NAME",
		.help = "TCP congestion control of harrow's sockets: cubic, bbr, reno",
		.otherwise = "the system's" },
	{ .name = "engine", .type = CHOICE(engine, engine_choices),
		.help = "what moves the bytes: io_uring or epoll; auto takes epoll where io_uring "
			"is forbidden or missing, and says so",
		.preset = "auto" },
	{ .name = "io-caps", .type = TEXT(io_caps), .argument = "CAPS",
		.help = "hold the engine back, to test or to compare: io_uring's highest rung "
			"to try (defer, coop, plain) and features to leave out (-multishot, ...)",
		.otherwise = "all that the kernel has" },

	HEADING("Report"),
	{ .name = "format", .type = CHOICE(format, format_choices),
		.help = "form of the result on standard output",
		.preset = "text" },
	{ .name = "out", .type = TEXT(out), .argument = "DIR",
		.help = "also write result.json, intervals.csv and latency.hlog there" },
	{ .name = "config", .type = TEXT(config), .argument = "FILE",
		.help = "read options from JSON, named as here with underscores: { \"rate\": "
			"\"50k\" }; the command line overrides it", .command_line_only = true },
	{ .name = "seed", .type = INT(seed), .argument = "N",
		.help = "start of all random numbers; the same seed sends the same bytes",
		.otherwise = "chosen, and shown in the result", .max = SEED_MAX },
	{ .name = "quiet", .letter = 'q', .type = FLAG(quiet),
		.help = "no progress on standard error" },
	{ .name = "no-progress", .type = FLAG(quiet) },
};
/* clang-format on */
#undef THIS

const struct option_table produce_options = {
	.command = "harrow produce",
	.summary = "what happens at this rate? (at a rate, or as fast as it goes)",
	.usage = "harrow produce -b HOST:PORT [OPTIONS]",
	.examples =
		"  harrow produce -b localhost:9092\n"
		"      as fast as it goes for 10 s, into a fresh topic that is deleted afterwards\n"
		"  harrow produce -b localhost:9092 -t orders --rate 20k --size 200 --duration 1m\n"
		"      20,000 records a second for a minute, with honest latency\n",
	.rows = rows,
	.count = COUNT_OF(rows),
};

/* ---- what the options must satisfy together ---- */

/* Presets that depend on other options. */
static void resolve(struct option_set *set, struct produce_config *config, int64_t seed)
{
	if (!options_given(set, "cleanup"))
		config->cleanup = config->topic ? PRODUCE_CLEANUP_KEEP : PRODUCE_CLEANUP_DELETE;
	if (!config->records && !config->duration_ns)
		config->duration_ns = PRESET_DURATION_NS;
	if (!config->producers)
		config->producers = config->threads;
	if (!options_given(set, "idempotence"))
		config->idempotence = config->acks == PRODUCE_ACKS_ALL;
	if (!options_given(set, "seed"))
		config->seed = seed;
	if (!options_given(set, "level"))
		config->level = CODEC_LEVEL_DEFAULT;
	if (!options_given(set, "size") && config->payload.kind == PAYLOAD_LINES)
		config->size = PRODUCE_SIZE_OF_LINES;
}

/* As Kafka has it (Topic.java): so that nothing has to be asked first. */
static bool topic_name_is_legal(const char *name)
{
	size_t size = strlen(name);
	if (size == 0 || size > TOPIC_NAME_MAX || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("._-", *name))
			return false;
	return true;
}

static int check_topic(struct option_set *set, const struct produce_config *config)
{
	if (!config->bootstrap.count)
		return options_refuse(
			set, "where are the brokers? give -b HOST:PORT, such as -b localhost:9092");
	if (config->topic && !topic_name_is_legal(config->topic))
		return options_refuse(set,
			"--topic takes 1 to %d letters, digits, dots, underscores and hyphens, not "
			"'%.*s'",
			TOPIC_NAME_MAX, TOPIC_NAME_MAX, config->topic);
	if (config->existing && !config->topic)
		return options_refuse(set, "--existing needs the topic's name: give --topic NAME");
	if (config->existing && config->cleanup == PRODUCE_CLEANUP_DELETE)
		return options_refuse(set,
			"--cleanup delete does not go with --existing: only topics that "
			"harrow created are deleted");
	if (config->replication_factor == 0)
		return options_refuse(set,
			"--replication-factor takes at least 1, or -1 for the broker's default");
	if (config->partition_skew.kind == SKEW_HOT && !config->existing &&
		config->partition_skew.hot_partition >= config->partitions)
		return options_refuse(set,
			"--partition-skew names partition %lld, but --partitions is %lld: the "
			"last one is %lld",
			(long long)config->partition_skew.hot_partition,
			(long long)config->partitions, (long long)config->partitions - 1);
	return 0;
}

static int check_loop(struct option_set *set, const struct produce_config *config)
{
	const struct rate *rate = &config->rate;
	if (rate->unit == RATE_BYTES && config->size <= 0)
		return options_refuse(set, "--rate in bytes per second needs a --size above 0");
	double records = rate->per_second;
	if (rate->unit == RATE_BYTES)
		records /= (double)config->size;
	if (records > (double)SCHEDULE_RATE_MAX)
		return options_refuse(set,
			"--rate is above %lldM records per second, the most that can be timed",
			(long long)SCHEDULE_RATE_MAX / 1000000);
	if (rate->unit != RATE_NONE)
		return 0;
	if (config->arrivals != ARRIVALS_CONSTANT)
		return options_refuse(
			set, "--arrivals needs --rate: without a rate there is no schedule");
	if (config->linger_ns)
		return options_refuse(set,
			"--linger needs --rate: flat out, batches are full when they are sent");
	return 0;
}

/* Whether `digits` decimal digits can tell `distinct` numbers apart. */
static bool digits_suffice(int64_t digits, int64_t distinct)
{
	while (digits-- > 0 && distinct > 1)
		distinct = (distinct + 9) / 10;
	return distinct <= 1;
}

static int check_content(struct option_set *set, const struct produce_config *config)
{
	if (config->key_size != KEY_SIZE_DEFAULT && config->key.kind == KEY_NONE)
		return options_refuse(
			set, "--key-size needs a key: give --key sequence or --key random");
	if (config->key.kind == KEY_RANDOM &&
		!digits_suffice(config->key_size, config->key.distinct))
		return options_refuse(set,
			"--key-size %lld is too short for %lld different keys of digits",
			(long long)config->key_size, (long long)config->key.distinct);
	if (config->verify_read && !config->stamp)
		return options_refuse(set, "--verify-read checks the stamp: remove --no-stamp");
	if (config->verify_read && config->size >= 0 && config->size < STAMP_SHORT_SIZE)
		return options_refuse(set,
			"--verify-read needs room for a stamp: --size must be at least %d",
			STAMP_SHORT_SIZE);
	return 0;
}

static int check_codec(struct option_set *set, const struct produce_config *config)
{
	if (config->level == CODEC_LEVEL_DEFAULT)
		return 0;
	enum codec codec = (enum codec)config->codec;
	int low, high;
	if (!codec_levels(codec, &low, &high))
		return options_refuse(set,
			"--level does not go with --codec %s, which has no levels",
			codec_name(codec));
	if (config->level < low || config->level > high)
		return options_refuse(set, "--level takes %d to %d with --codec %s, not %lld", low,
			high, codec_name(codec), (long long)config->level);
	return 0;
}

static int check_sending(struct option_set *set, const struct produce_config *config)
{
	if (config->idempotence && config->acks != PRODUCE_ACKS_ALL)
		return options_refuse(set, "--idempotence needs --acks all");
	if (config->idempotence && config->in_flight > PRODUCE_IDEMPOTENT_IN_FLIGHT_MAX)
		return options_refuse(set,
			"--in-flight above %d needs --no-idempotence: brokers remember the last %d "
			"batches of a producer",
			PRODUCE_IDEMPOTENT_IN_FLIGHT_MAX, PRODUCE_IDEMPOTENT_IN_FLIGHT_MAX);
	if (config->producers < config->threads)
		return options_refuse(set,
			"--threads %lld needs at least as many --producers, not %lld",
			(long long)config->threads, (long long)config->producers);
	if (config->producers * config->partitions > SCHEDULE_STREAMS_MAX)
		return options_refuse(set, "--producers times --partitions must not be above %u",
			SCHEDULE_STREAMS_MAX);
	if (config->delivery_timeout_ns < config->request_timeout_ns + config->linger_ns)
		return options_refuse(set,
			"--delivery-timeout must be at least --request-timeout plus "
			"--linger, or no "
			"request could be answered late");
	return 0;
}

static int check(struct option_set *set, const struct produce_config *config)
{
	int error = check_topic(set, config);
	if (!error)
		error = check_loop(set, config);
	if (!error)
		error = check_content(set, config);
	if (!error)
		error = check_codec(set, config);
	if (!error)
		error = check_sending(set, config);
	return error;
}

int produce_options_read(struct option_set *set, struct produce_config *config, int count,
	char *const arguments[], int64_t seed)
{
	*config = (struct produce_config){ 0 };
	options_init(set, &produce_options, config);
	int error = options_parse(set, count, arguments);
	if (error || set->wants_help)
		return error;
	if (config->config && config_read(set, config->config))
		return -EINVAL;
	resolve(set, config, seed);
	return check(set, config);
}
