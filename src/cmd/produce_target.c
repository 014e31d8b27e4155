/* The cluster and the topic of a producing run: see produce_target.h. */
#include "produce_target.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../engine_choice.h"
#include "../interrupt.h"
#include "proto/error.h"
#include "random.h"

#define CONNECT_TIMEOUT_NS (10 * NS_PER_S)
#define FRESH_NAME_TRIES   5
#define END_PATIENCE_NS    (10 * NS_PER_S) /* for what follows the run */
#define END_GRACE_NS       NS_PER_S        /* the same after an interruption, beyond --drain */
#define END_STEP_NS        (END_GRACE_NS / 2)
#define STILL_NS           (2 * NS_PER_S) /* a log that did not grow for so long has all */
#define OFFSETS_PAUSE_NS   (20 * NS_PER_MS)

/* What of the brokers' configuration explains a producing run's figures. */
static const char *const topic_keys[] = { "min.insync.replicas", "max.message.bytes",
	"compression.type", "message.timestamp.type", "cleanup.policy", "flush.messages" };
static const char *const broker_keys[] = { "num.network.threads", "num.io.threads",
	"socket.send.buffer.bytes", "socket.receive.buffer.bytes", "queued.max.requests",
	"num.replica.fetchers", "log.flush.interval.messages" };

__attribute__((format(printf, 3, 4))) static int fail(
	struct target *t, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(t->reason, sizeof t->reason, format, arguments);
	va_end(arguments);
	return error;
}

/* What only another command line helps with. */
__attribute__((format(printf, 3, 4))) static int refuse(
	struct target *t, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(t->reason, sizeof t->reason, format, arguments);
	va_end(arguments);
	t->status = EXIT_USAGE;
	return error;
}

static int fail_cluster(struct target *t, int error)
{
	return fail(t, error, "%s", t->cluster.reason);
}

/* ---- the cluster ---- */

static int congestion_check(struct target *t)
{
	const char *name = t->config->tcp_cc;
	int result = name ? stream_congestion_check(name) : 0;
	if (result == -ENOENT)
		return refuse(t, result,
			"--tcp-cc: this kernel has no '%.32s', see "
			"/proc/sys/net/ipv4/tcp_available_congestion_control",
			name);
	if (result == -EPERM)
		return refuse(t, result,
			"--tcp-cc: '%.32s' is not allowed here, see "
			"/proc/sys/net/ipv4/tcp_allowed_congestion_control",
			name);
	return 0;
}

/* Before anything is made: what this run cannot do without. */
static int apis_check(struct target *t)
{
	const struct {
		enum api api;
		bool needed;
	} apis[] = {
		{ API_PRODUCE, true },
		{ API_LIST_OFFSETS, true },
		{ API_INIT_PRODUCER_ID, t->config->idempotence },
		{ API_CREATE_TOPICS, !t->config->existing },
		{ API_FETCH, t->config->verify_read },
	};
	for (size_t i = 0; i < COUNT_OF(apis); i++)
		if (apis[i].needed && cluster_speaks(&t->cluster, apis[i].api) < 0)
			return fail_cluster(t, -EPROTONOSUPPORT);
	return 0;
}

static int cluster_reach(struct target *t)
{
	const struct produce_config *config = t->config;
	if (congestion_check(t) < 0)
		return -EINVAL;
	struct loop_options options = {
		.engine = (enum loop_engine)config->engine,
		.caps = config->io_caps,
		/* However little is asked for, a broker sends the first batch whole (KIP-74). */
		.slab_size = TARGET_SLAB_SIZE + (size_t)MAX(config->batch_size, config->size),
		.slab_count = TARGET_SLAB_COUNT,
	};
	char why[LOOP_TEXT_SIZE];
	int result = loop_open(&options, &t->loop, why);
	if (result == -EINVAL && config->io_caps)
		return refuse(t, result, "--io-caps: %s", why);
	if (result < 0)
		return fail(t, result, "%s", why);
	engine_say_fallback(t->loop, produce_options.command, stderr);
	struct connection_options connection = {
		.client_id = config->client_id,
		.congestion = config->tcp_cc,
		.connect_timeout_ns = CONNECT_TIMEOUT_NS,
		.request_timeout_ns = config->request_timeout_ns,
	};
	result = cluster_open(&t->cluster, t->loop, &config->bootstrap, &connection,
		(uint64_t)config->seed, &interrupt_first);
	if (result == -EINTR || result == -EPROTONOSUPPORT)
		return fail_cluster(t, result);
	if (result < 0)
		return fail(t, result, "no broker can be reached: %s (check -b HOST:PORT)",
			t->cluster.reason);
	return apis_check(t);
}

/* ---- the topic ---- */

static int topic_create(struct target *t)
{
	struct topic_spec spec = {
		.name = t->topic,
		.partitions = (int32_t)t->config->partitions,
		.replication_factor = (int16_t)t->config->replication_factor,
		.configs = &t->config->topic_config,
	};
	int result = admin_topic_create(&t->cluster, &spec);
	t->created = result == 0;
	/* Without an answer it may be there all the same, and a fresh name is nobody else's. */
	t->perhaps_created =
		!t->config->topic && result < 0 && result != -EEXIST && result != -EINVAL;
	return result;
}

/* A name that nobody has; not from the seed, which two runs may share. */
static int topic_fresh(struct target *t)
{
	struct random random;
	random_seed(&random, (uint64_t)clock_wall_ns() ^ (uint64_t)getpid() << 32);
	int result = -EEXIST;
	for (int i = 0; i < FRESH_NAME_TRIES && result == -EEXIST; i++) {
		snprintf(t->topic, sizeof t->topic, "harrow-%010llx",
			(unsigned long long)(random_next(&random) >> 24));
		result = topic_create(t);
	}
	return result < 0 ? fail_cluster(t, result) : 0;
}

static int topic_named(struct target *t)
{
	const struct produce_config *config = t->config;
	snprintf(t->topic, sizeof t->topic, "%s", config->topic);
	int result = cluster_follow(&t->cluster, t->topic);
	if (result < 0)
		return fail_cluster(t, result);
	int16_t error = t->cluster.topic.error;
	if (error == ERROR_UNKNOWN_TOPIC_OR_PARTITION) {
		if (config->existing)
			return refuse(t, -ENOENT,
				"topic '%s' does not exist: leave out --existing to have it "
				"created",
				t->topic);
		result = topic_create(t);
		if (result != -EEXIST)
			return result < 0 ? fail_cluster(t, result) : 0;
		error = ERROR_NONE;
	}
	if (error != ERROR_NONE && error != ERROR_LEADER_NOT_AVAILABLE)
		return fail(t, -EINVAL, "topic '%s': %s (%s)", t->topic, error_info(error)->name,
			error_info(error)->text);
	if (!config->existing)
		return refuse(t, -EEXIST,
			"topic '%s' exists already and is not this run's own: give "
			"--existing to write to it all the same, or another --topic",
			t->topic);
	result = admin_topic_await(&t->cluster);
	return result < 0 ? fail_cluster(t, result) : 0;
}

/* ---- what it is configured as ---- */

static void config_take(void *context, const char *key, struct string value)
{
	struct target *t = context;
	if (string_is_null(value))
		return;
	json_object_set_new(t->broker_config, key, json_stringn(value.data, (size_t)value.size));
	if (strcmp(key, "max.message.bytes") == 0) {
		char text[32];
		snprintf(text, sizeof text, "%.*s", value.size, value.data);
		t->max_message_bytes = atoll(text);
	}
}

/* Brokers may hide it (authorisation); a run goes on without. */
static void config_read_all(struct target *t)
{
	t->broker_config = json_object();
	json_object_set_new(t->broker_config, "brokers", json_integer(t->cluster.broker_count));
	if (t->cluster.topic.partition_count > 0)
		json_object_set_new(t->broker_config, "replication.factor",
			json_integer(t->cluster.topic.partitions[0].replica_count));
	admin_configs(&t->cluster, RESOURCE_TOPIC, t->topic, topic_keys, COUNT_OF(topic_keys),
		config_take, t);
	if (t->cluster.broker_count > 0) {
		char id[16];
		snprintf(id, sizeof id, "%d", t->cluster.brokers[0].id);
		admin_configs(&t->cluster, RESOURCE_BROKER, id, broker_keys, COUNT_OF(broker_keys),
			config_take, t);
	}
}

/* ---- opening and closing ---- */

int target_open(struct target *t, const struct produce_config *config)
{
	*t = (struct target){
		.config = config,
		.max_message_bytes = -1,
		.status = EXIT_FAILED,
	};
	int result = cluster_reach(t);
	if (result == 0)
		result = config->topic ? topic_named(t) : topic_fresh(t);
	if (result < 0)
		return result;
	config_read_all(t);
	t->cluster.topic.fixed = true;
	size_t count = (size_t)t->cluster.topic.partition_count;
	t->start_offsets = calloc(count, sizeof *t->start_offsets);
	t->end_offsets = calloc(count, sizeof *t->end_offsets);
	if (!t->start_offsets || !t->end_offsets)
		return fail(t, -ENOMEM, "out of memory");
	result = admin_offsets(&t->cluster, OFFSET_LATEST, t->start_offsets);
	return result < 0 ? fail_cluster(t, result) : 0;
}

/* ---- after the run ---- */

/*
 * How long the next step may take. Who interrupts a run waits for the drain, and a moment; nobody
 * waits long for brokers that have gone.
 */
static void patience_set(struct target *t, int64_t share)
{
	int64_t interrupted_ns = interrupt_time_ns();
	int64_t left_ns = END_PATIENCE_NS;
	if (interrupted_ns > 0)
		left_ns = interrupted_ns + t->config->drain_ns + END_GRACE_NS -
			  loop_clock_ns(t->loop);
	else if (t->unreachable)
		left_ns = END_GRACE_NS;
	t->cluster.patience_ns = MAX(MIN(left_ns, END_PATIENCE_NS) / share, END_STEP_NS);
	t->cluster.stop = &interrupt_next;
	interrupt_forget();
}

static int end_offsets_read(struct target *t)
{
	int result = admin_offsets(&t->cluster, OFFSET_LATEST, t->end_offsets);
	t->unreachable = result == -ETIMEDOUT;
	return result < 0 ? fail_cluster(t, result) : 0;
}

static void pause_until(struct target *t, int64_t until_ns)
{
	while (!atomic_load(&interrupt_next) && loop_clock_ns(t->loop) < until_ns &&
		loop_turn(t->loop, until_ns) >= 0)
		;
}

int target_offsets(struct target *t, int64_t expected)
{
	patience_set(t, 2);
	int result = end_offsets_read(t);
	if (result < 0)
		return result;
	int64_t now_ns = loop_clock_ns(t->loop), still_ns = now_ns + STILL_NS;
	int64_t grown = target_growth(t);
	while (grown < expected && now_ns < still_ns && !atomic_load(&interrupt_next)) {
		pause_until(t, now_ns + OFFSETS_PAUSE_NS);
		result = end_offsets_read(t);
		if (result < 0)
			return result;
		now_ns = loop_clock_ns(t->loop);
		if (target_growth(t) > grown)
			still_ns = now_ns + STILL_NS;
		grown = target_growth(t);
	}
	return 0;
}

int64_t target_growth(const struct target *t)
{
	int64_t sum = 0;
	for (int32_t i = 0; i < t->cluster.topic.partition_count; i++)
		sum += t->end_offsets[i] - t->start_offsets[i];
	return sum;
}

/* A creation that nobody waited for may be carried out after the first attempt to delete. */
static int topic_delete(struct target *t)
{
	int64_t deadline_ns = loop_clock_ns(t->loop) + END_STEP_NS;
	int result = admin_topic_delete(&t->cluster, t->topic);
	while (result == -ENOENT && t->perhaps_created && loop_clock_ns(t->loop) < deadline_ns &&
		cluster_wait(&t->cluster, ADMIN_PAUSE_NS) == 0)
		result = admin_topic_delete(&t->cluster, t->topic);
	return result == -ENOENT ? 0 : result;
}

int target_cleanup(struct target *t)
{
	bool ours = t->created || t->perhaps_created;
	if (!ours || t->config->cleanup != PRODUCE_CLEANUP_DELETE)
		return 0;
	patience_set(t, 1);
	int result = topic_delete(t);
	if (result < 0)
		fail(t, result, "topic '%s' %s left over, it could not be deleted: %s", t->topic,
			t->created ? "is" : "may be", t->cluster.reason);
	return result;
}

void target_close(struct target *t)
{
	cluster_close(&t->cluster);
	if (t->loop)
		loop_close(t->loop);
	json_decref(t->broker_config);
	free(t->start_offsets);
	free(t->end_offsets);
}
