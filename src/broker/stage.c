/*
 * The stage joins everything: see stage.h. What happens to a request is exchange.c's, to a
 * connection session.c's; here are listeners, timers, nodes that go and come, and the log.
 */
#include "stage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <netinet/in.h>
#include <sys/mman.h>

#include "handle_fetch.h"
#include "session.h"

#define TICK_NS NS_PER_S

/* ---- the log ---- */

static void say(struct stage *stage, const char *line)
{
	if (stage->options.say)
		stage->options.say(stage->options.say_context, line);
}

static void say_left_out(struct stage *stage)
{
	if (!stage->lines_left_out)
		return;
	char line[STAGE_LINE_SIZE];
	snprintf(line, sizeof line, "%llu more lines like these were left out",
		(unsigned long long)stage->lines_left_out);
	stage->lines_left_out = 0;
	say(stage, line);
}

void stage_say(struct stage *stage, const char *format, ...)
{
	int64_t now_ns = loop_now_ns(stage->loop);
	if (now_ns - stage->lines_since_ns >= NS_PER_S) {
		say_left_out(stage);
		stage->lines_since_ns = now_ns;
		stage->line_count = 0;
	}
	if (stage->line_count == STAGE_LOG_LINES_MAX) {
		stage->lines_left_out++;
		return;
	}
	stage->line_count++;
	char line[STAGE_LINE_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	/* One line, whatever a client wrote into it. */
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	say(stage, line);
}

int64_t stage_wall_ms(const struct stage *stage)
{
	return (loop_now_ns(stage->loop) + stage->options.wall_offset_ns) / NS_PER_MS;
}

/* ---- connections ---- */

static struct stream *node_accepted(struct listener *listener, const struct address *peer)
{
	struct stage_node *node = CONTAINER_OF(listener, struct stage_node, listener);
	struct stage *stage = node->stage;
	if (node->session_count >= stage->session_max ||
		stage->session_count >= STAGE_SESSIONS_MAX) {
		stage->figures.refused++;
		stage_say(stage, "broker %d: refused a connection: %d are open (max.connections)",
			node->id, node->session_count);
		return NULL;
	}
	struct session *session = session_open(node, peer);
	if (!session)
		return NULL;
	stage->figures.sessions++;
	return &session->stream;
}

static void node_closed(struct listener *listener)
{
	CONTAINER_OF(listener, struct stage_node, listener)->listening = false;
}

static const struct listener_events node_events = {
	.accepted = node_accepted,
	.closed = node_closed,
};

uint16_t stage_port(const struct stage *stage, int32_t node_id)
{
	return stage->catalog.nodes[node_id].port;
}

/* ---- nodes ---- */

static void address_set_port(struct address *address, uint16_t port)
{
	uint16_t big = __builtin_bswap16(port);
	if (address->storage.ss_family == AF_INET6)
		memcpy((char *)&address->storage + offsetof(struct sockaddr_in6, sin6_port), &big,
			sizeof big);
	else
		memcpy((char *)&address->storage + offsetof(struct sockaddr_in, sin_port), &big,
			sizeof big);
}

static int node_listen(struct stage_node *node, uint16_t port)
{
	struct stage *stage = node->stage;
	struct address address = stage->address;
	address_set_port(&address, port);
	const struct stream_options options = {
		.congestion = stage->options.congestion,
		.reassembly_size = SESSION_REASSEMBLY_SIZE,
	};
	int result = listener_open(
		stage->loop, &node->listener, &address, &options, &session_events, &node_events);
	if (result == 0)
		node->listening = true;
	return result;
}

static void node_end(struct stage_node *node)
{
	if (node->listening)
		listener_close(&node->listener);
	struct list *at, *after;
	list_for_each_safe (at, after, &node->sessions)
		session_reset(CONTAINER_OF(at, struct session, sibling));
}

static struct catalog_node *find_node(struct stage *stage, int32_t node_id)
{
	return node_id < 0 || node_id >= stage->options.node_count
		       ? NULL
		       : catalog_node(&stage->catalog, node_id);
}

int stage_node_down(struct stage *stage, int32_t node_id)
{
	struct catalog_node *node = find_node(stage, node_id);
	if (!node)
		return -ENOENT;
	if (!node->up)
		return -EALREADY;
	node_end(&stage->nodes[node_id]);
	fetch_sessions_clear(stage->nodes[node_id].fetch_sessions);
	catalog_node_down(&stage->catalog, node_id);
	stage_say(stage, "broker %d is down", node_id);
	return 0;
}

int stage_node_up(struct stage *stage, int32_t node_id)
{
	struct catalog_node *node = find_node(stage, node_id);
	if (!node)
		return -ENOENT;
	if (node->up)
		return -EALREADY;
	if (stage->nodes[node_id].listening)
		return -EBUSY;
	int result = node_listen(&stage->nodes[node_id], node->port);
	if (result < 0)
		return result;
	catalog_node_up(&stage->catalog, node_id);
	stage_say(stage, "broker %d is up", node_id);
	return 0;
}

/* ---- time ---- */

static void retain(struct stage *stage)
{
	int64_t wall_ms = stage_wall_ms(stage);
	struct list *at;
	list_for_each (at, &stage->catalog.topics) {
		struct catalog_topic *topic = CONTAINER_OF(at, struct catalog_topic, node);
		for (int32_t i = 0; i < topic->partition_count; i++)
			partition_log_retain(&topic->partitions[i]->log, topic->retention_ms,
				topic->retention_bytes, wall_ms);
	}
	producer_table_expire(&stage->store.producers,
		property_int(NULL, &stage->catalog.properties, PROPERTY_PRODUCER_ID_EXPIRATION_MS),
		wall_ms);
}

static void close_idle(struct stage *stage, int64_t now_ns)
{
	while (!list_empty(&stage->idle_sessions)) {
		struct session *session =
			CONTAINER_OF(stage->idle_sessions.next, struct session, idle);
		if (now_ns - session->active_ns < stage->idle_ns)
			return;
		list_remove(&session->idle);
		session_idle(session);
	}
}

/* Only while somebody finds no room: who holds it otherwise does no harm. */
static void reset_stalled(struct stage *stage, int64_t now_ns)
{
	if (stage->store.exhausted_count == stage->exhausted_count)
		return;
	stage->exhausted_count = stage->store.exhausted_count;
	for (int32_t i = 0; i < stage->options.node_count; i++) {
		struct list *at, *after;
		list_for_each_safe (at, after, &stage->nodes[i].sessions)
			session_stalled(CONTAINER_OF(at, struct session, sibling), now_ns);
	}
}

static void stage_tick(struct timer *timer, int64_t now_ns)
{
	struct stage *stage = CONTAINER_OF(timer, struct stage, tick);
	if (stage->closing)
		return;
	if (now_ns - stage->lines_since_ns >= NS_PER_S)
		say_left_out(stage);
	if (stage->idle_ns >= 0)
		close_idle(stage, now_ns);
	reset_stalled(stage, now_ns);
	if (now_ns >= stage->retention_due_ns) {
		stage->retention_due_ns = now_ns + stage->retention_ns;
		retain(stage);
	}
	if (stage->rebalance_ns != NEVER_NS && now_ns >= stage->rebalance_due_ns) {
		stage->rebalance_due_ns = now_ns + stage->rebalance_ns;
		catalog_elect_preferred(&stage->catalog);
	}
	loop_timer_start(stage->loop, &stage->tick, now_ns + TICK_NS);
}

/* ---- opening ---- */

static void partition_changed(void *owner, struct catalog_partition *partition, bool gone)
{
	(void)owner;
	fetch_partition_changed(partition, gone);
}

static const struct catalog_events stage_catalog_events = { .changed = partition_changed };

__attribute__((format(printf, 3, 4))) static int refuse(
	char why[STAGE_REASON_SIZE], int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(why, STAGE_REASON_SIZE, format, arguments);
	va_end(arguments);
	return error;
}

static int64_t property(const struct stage *stage, enum property property)
{
	return property_int(NULL, &stage->catalog.properties, property);
}

static int take_properties(struct stage *stage, char why[STAGE_REASON_SIZE])
{
	struct property_set *set = &stage->catalog.properties;
	for (int32_t i = 0; i < stage->options.property_count; i++) {
		const struct property_pair *pair = &stage->options.properties[i];
		char clause[PROPERTY_WHY_SIZE];
		int result = property_set_text(set, pair->name, false, pair->value, clause);
		if (result < 0)
			return refuse(why, -EINVAL, "%s", clause);
	}
	char clause[PROPERTY_WHY_SIZE];
	if (property_set_check(NULL, set, clause) < 0)
		return refuse(why, -EINVAL, "%s", clause);
	stage->request_size_max = (int32_t)property(stage, PROPERTY_SOCKET_REQUEST_MAX_BYTES);
	stage->session_max = (int32_t)property(stage, PROPERTY_MAX_CONNECTIONS);
	stage->rebalance_ns = NEVER_NS;
	if (property_bool(NULL, set, PROPERTY_AUTO_LEADER_REBALANCE_ENABLE))
		stage->rebalance_ns =
			MIN(property(stage, PROPERTY_LEADER_IMBALANCE_CHECK_INTERVAL_SECONDS),
				INT32_MAX) *
			NS_PER_S;
	stage->idle_ns = property(stage, PROPERTY_CONNECTIONS_MAX_IDLE_MS);
	if (stage->idle_ns > 0)
		stage->idle_ns = MIN(stage->idle_ns, INT64_MAX / NS_PER_MS) * NS_PER_MS;
	stage->retention_ns =
		MIN(property(stage, PROPERTY_LOG_RETENTION_CHECK_INTERVAL_MS), INT32_MAX) *
		NS_PER_MS;
	return 0;
}

static int open_faults(struct stage *stage, char why[STAGE_REASON_SIZE])
{
	int result = faults_open(&stage->faults, stage->options.seed);
	if (result < 0)
		return refuse(why, result, "fault rules: %s", strerror(-result));
	for (int32_t i = 0; i < stage->options.fault_count; i++) {
		char clause[FAULT_WHY_SIZE];
		result = faults_add(
			stage->faults, stage->options.faults[i], loop_now_ns(stage->loop), clause);
		if (result < 0)
			return refuse(why, result, "fault rule '%.64s': %s",
				stage->options.faults[i], clause);
	}
	return 0;
}

static int open_quotas(struct stage *stage, char why[STAGE_REASON_SIZE])
{
	const int64_t *rates = stage->options.quota_bytes_per_second;
	if (!rates[QUOTA_PRODUCE] && !rates[QUOTA_FETCH])
		return 0;
	if (property(stage, PROPERTY_QUOTA_WINDOW_NUM) > QUOTA_WINDOWS_MAX)
		return refuse(why, -EINVAL, "quota.window.num is at most %d", QUOTA_WINDOWS_MAX);
	struct quota_limits limits = {
		.window_count = (int32_t)property(stage, PROPERTY_QUOTA_WINDOW_NUM),
		.window_ns = property(stage, PROPERTY_QUOTA_WINDOW_SIZE_SECONDS) * NS_PER_S,
	};
	memcpy(limits.bytes_per_second, rates, sizeof limits.bytes_per_second);
	int result = quotas_open(&stage->quotas, &limits);
	return result < 0 ? refuse(why, result, "quotas: %s", strerror(-result)) : 0;
}

static int open_nodes(struct stage *stage, char why[STAGE_REASON_SIZE])
{
	const struct stage_options *o = &stage->options;
	int result = address_resolve(o->host, o->port, &stage->address, 1);
	if (result < 0)
		return refuse(why, result, "cannot resolve '%.128s'", o->host);
	const char *advertised = o->advertised ? o->advertised : o->host;
	int32_t slots = (int32_t)property(stage, PROPERTY_FETCH_SESSION_SLOTS);
	for (int32_t i = 0; i < o->node_count; i++) {
		result = fetch_sessions_open(
			&stage->nodes[i].fetch_sessions, slots, o->seed + (uint64_t)i);
		if (result < 0)
			return refuse(why, result, "no memory");
		uint16_t port = o->port ? (uint16_t)(o->port + i) : 0;
		result = node_listen(&stage->nodes[i], port);
		if (result < 0)
			return refuse(why, result, "cannot listen on %.128s:%u: %s", o->host, port,
				strerror(-result));
		struct catalog_node *node = &stage->catalog.nodes[i];
		*node = (struct catalog_node){
			.id = i,
			.port = listener_port(&stage->nodes[i].listener),
			.up = true,
		};
		snprintf(node->host, sizeof node->host, "%s", advertised);
	}
	return 0;
}

static void init(struct stage *stage, struct loop *loop, const struct stage_options *options)
{
	*stage = (struct stage){ .loop = loop, .options = *options };
	list_init(&stage->idle_sessions);
	list_init(&stage->spare_exchanges);
	timer_init(&stage->tick, stage_tick);
	stage->lines_since_ns = loop_now_ns(loop);
	for (int32_t i = 0; i < STAGE_NODES_MAX; i++) {
		stage->nodes[i].stage = stage;
		stage->nodes[i].id = i;
		list_init(&stage->nodes[i].sessions);
	}
}

static void close_nodes(struct stage *stage)
{
	for (int32_t i = 0; i < stage->options.node_count; i++)
		node_end(&stage->nodes[i]);
	for (int32_t i = 0; i < stage->options.node_count;) {
		if (stage->nodes[i].listening || !list_empty(&stage->nodes[i].sessions))
			loop_turn(stage->loop, NEVER_NS);
		else
			fetch_sessions_close(stage->nodes[i++].fetch_sessions);
	}
}

int stage_open(struct stage *stage, struct loop *loop, const struct stage_options *options,
	char why[STAGE_REASON_SIZE])
{
	if (options->node_count < 1 || options->node_count > STAGE_NODES_MAX)
		return refuse(why, -EINVAL, "1 to %d brokers, not %d", STAGE_NODES_MAX,
			options->node_count);
	if (options->port && options->port + options->node_count - 1 > UINT16_MAX)
		return refuse(why, -EINVAL,
			"%d brokers from port %u on: there are no ports above %d",
			options->node_count, options->port, UINT16_MAX);
	init(stage, loop, options);
	int result = catalog_init(&stage->catalog, &stage->store, options->seed);
	if (result < 0)
		return refuse(why, result, "no memory");
	stage->catalog.node_count = options->node_count;
	stage->catalog.check_crc = options->store_size > 0 || options->validate;
	stage->catalog.check_records = options->validate;
	stage->catalog.events = &stage_catalog_events;
	stage->catalog.owner = stage;
	result = take_properties(stage, why);
	if (result < 0)
		goto free_catalog;
	size_t batch_max = (size_t)MAX(property(stage, PROPERTY_MESSAGE_MAX_BYTES), 0);
	result = store_open(&stage->store, options->store_size, batch_max);
	if (result < 0) {
		refuse(why, result,
			result == -EINVAL ? "a memory store of %zu bytes cannot hold %d batches of "
					    "message.max.bytes: make it larger"
					  : "no memory for a store of %zu bytes",
			options->store_size, STORE_SEGMENTS_MIN);
		goto free_catalog;
	}
	stage->scratch = mmap(NULL, STAGE_SCRATCH_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (stage->scratch == MAP_FAILED) {
		result = refuse(why, -ENOMEM, "no memory");
		goto close_store;
	}
	result = open_faults(stage, why);
	if (result < 0)
		goto close_faults;
	result = open_quotas(stage, why);
	if (result < 0)
		goto close_faults;
	service_init(
		&stage->service, options->service_time, MAX(options->servers, 1), options->seed);
	result = open_nodes(stage, why);
	if (result < 0)
		goto close_nodes;
	stage->retention_due_ns = loop_now_ns(loop) + stage->retention_ns;
	if (stage->rebalance_ns != NEVER_NS)
		stage->rebalance_due_ns = loop_now_ns(loop) + stage->rebalance_ns;
	loop_timer_start(loop, &stage->tick, loop_now_ns(loop) + TICK_NS);
	return 0;
close_nodes:
	close_nodes(stage);
	quotas_close(stage->quotas);
close_faults:
	if (stage->faults)
		faults_close(stage->faults);
	munmap(stage->scratch, STAGE_SCRATCH_SIZE);
close_store:
	catalog_free(&stage->catalog);
	store_close(&stage->store);
	return result;
free_catalog:
	catalog_free(&stage->catalog);
	return result;
}

void stage_close(struct stage *stage)
{
	stage->closing = true;
	loop_timer_stop(stage->loop, &stage->tick);
	close_nodes(stage);
	say_left_out(stage);
	exchange_free_spares(stage);
	answer_desk_close(&stage->desk);
	quotas_close(stage->quotas);
	faults_close(stage->faults);
	munmap(stage->scratch, STAGE_SCRATCH_SIZE);
	catalog_free(&stage->catalog);
	store_close(&stage->store);
}
