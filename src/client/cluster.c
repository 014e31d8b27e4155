/*
 * The cluster as one thread sees it: see cluster.h. Metadata is asked of the control connection,
 * which walks over all known brokers when the one it is on goes away.
 */
#include "cluster.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/error.h"

#define CALL_PIECES            1
#define METADATA_ATTEMPTS      3 /* when connections are lost */
#define METADATA_FIRST_VERSION 4 /* the first that can be told not to create topics */

static const struct connection_events control_events, call_events;

int cluster_fail(struct cluster *cl, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(cl->reason, sizeof cl->reason, format, arguments);
	va_end(arguments);
	return error;
}

static bool stopped(const struct cluster *cl)
{
	return cl->stop && atomic_load_explicit(cl->stop, memory_order_relaxed);
}

/* ---- brokers ---- */

const struct broker *cluster_broker(const struct cluster *cl, int32_t id)
{
	for (int i = 0; i < cl->broker_count; i++)
		if (cl->brokers[i].id == id)
			return &cl->brokers[i];
	return NULL;
}

static struct broker *broker_find(struct cluster *cl, int32_t id)
{
	return (struct broker *)(uintptr_t)cluster_broker(cl, id);
}

/* Takes over one row of a Metadata answer. 0 or -errno. */
static int broker_learn(struct cluster *cl, const struct metadata_broker *row)
{
	char host[CONNECTION_NAME_SIZE - 8], name[CONNECTION_NAME_SIZE];
	snprintf(host, sizeof host, "%.*s", row->host.size, row->host.data);
	snprintf(name, sizeof name, "%s:%d", host, row->port);
	struct broker *b = broker_find(cl, row->node_id);
	if (!b) {
		if (cl->broker_count == BROKER_LIMIT)
			return cluster_fail(
				cl, -E2BIG, "the cluster has more than %d brokers", BROKER_LIMIT);
		struct broker *more =
			realloc(cl->brokers, (size_t)(cl->broker_count + 1) * sizeof *more);
		if (!more)
			return cluster_fail(cl, -ENOMEM, "out of memory");
		cl->brokers = more;
		b = &more[cl->broker_count++];
		*b = (struct broker){ .id = row->node_id };
	}
	if (b->address.size && strcmp(b->name, name) == 0)
		return 0;
	snprintf(b->name, sizeof b->name, "%s", name);
	if (address_resolve(host, (uint16_t)row->port, &b->address, 1) <= 0)
		b->address.size = 0; /* unreachable until the next refresh */
	return 0;
}

/* ---- metadata ---- */

/* The partitions' number stays: who follows the topic counts on it. */
static void leaders_forget(struct topic *topic)
{
	for (int32_t i = 0; i < topic->partition_count; i++)
		topic->partitions[i] = (struct partition){ .leader = LEADER_UNKNOWN };
}

static int partitions_make_room(struct cluster *cl, int32_t count)
{
	struct topic *topic = &cl->topic;
	if (count <= topic->partition_count || topic->fixed)
		return 0;
	struct partition *more = realloc(topic->partitions, (size_t)count * sizeof *more);
	if (!more)
		return cluster_fail(cl, -ENOMEM, "out of memory");
	topic->partitions = more;
	for (int32_t i = topic->partition_count; i < count; i++)
		more[i] = (struct partition){ .leader = LEADER_UNKNOWN };
	topic->partition_count = count;
	return 0;
}

static int topic_learn(struct cluster *cl, const struct metadata_topic *row)
{
	static const struct uuid unknown; /* before version 10 */
	struct topic *topic = &cl->topic;
	topic->error = row->error_code;
	if (row->error_code != ERROR_NONE && row->error_code != ERROR_LEADER_NOT_AVAILABLE)
		return 0;
	if (memcmp(&row->topic_id, &unknown, sizeof unknown) != 0) {
		/* Deleted and made anew: its leader epochs begin at 0 again. */
		if (memcmp(&topic->id, &row->topic_id, sizeof unknown) != 0)
			leaders_forget(topic);
		topic->id = row->topic_id;
	}
	int32_t count = row->partitions.count; /* an answer lists them all */
	int result = partitions_make_room(cl, count);
	for (int32_t i = 0; i < count && result == 0; i++) {
		const struct metadata_partition *p = &row->partitions.items[i];
		if (p->partition_index < 0 || p->partition_index >= count)
			return cluster_fail(cl, -EPROTO,
				"the metadata of topic '%s' numbers its partitions beyond their "
				"count (%d of %d)",
				topic->name, p->partition_index, count);
		if (p->partition_index >= topic->partition_count)
			continue;
		struct partition *known = &topic->partitions[p->partition_index];
		/* An answer from a broker that lags behind must not undo a leader move: KIP-320. */
		if (p->leader_epoch >= 0 && p->leader_epoch < known->leader_epoch)
			continue;
		*known = (struct partition){
			.leader = p->leader_id,
			.leader_epoch = p->leader_epoch,
			.replica_count = p->replica_nodes.count,
			.isr_count = p->isr_nodes.count,
			.error = p->error_code,
		};
	}
	return result;
}

static int metadata_learn(struct cluster *cl, const struct metadata_response *answer)
{
	for (int32_t i = 0; i < answer->brokers.count; i++) {
		int result = broker_learn(cl, &answer->brokers.items[i]);
		if (result < 0)
			return result;
	}
	cl->controller_id = answer->controller_id;
	for (int32_t i = 0; i < answer->topics.count; i++) {
		const struct metadata_topic *row = &answer->topics.items[i];
		if (!string_equal(row->name, string_of(cl->topic.name)))
			continue;
		int result = topic_learn(cl, row);
		if (result < 0)
			return result;
	}
	return 0;
}

static void metadata_body(
	struct cluster *cl, struct metadata_request *body, struct metadata_request_topic *topic)
{
	message_reset(&metadata_request_message, body);
	*topic = (struct metadata_request_topic){ .name = string_of(cl->topic.name) };
	body->topics.items = topic;
	body->topics.count = cl->topic.name[0] ? 1 : 0;
	body->allow_auto_topic_creation = false;
}

/* ---- the control connection ---- */

static void refresh_send(struct cluster *cl);

static void refresh_done(struct request *r, const struct response *response)
{
	struct cluster *cl = CONTAINER_OF(r, struct cluster, refresh_request);
	cl->refreshing = false;
	cl->refreshed_ns = loop_now_ns(cl->loop);
	if (response->error) {
		cl->refresh_wanted = true; /* sent again once the connection is back */
		return;
	}
	if (metadata_learn(cl, response->body) == 0 && cl->refreshed)
		cl->refreshed(cl);
	if (cl->refresh_wanted)
		cluster_refresh(cl);
}

static void refresh_send(struct cluster *cl)
{
	metadata_body(cl, &cl->refresh_body, &cl->refresh_topic);
	cl->refresh_request = (struct request){
		.api = API_METADATA,
		.body = &cl->refresh_body,
		.version_limit = VERSION_ANY,
		.frame = cl->refresh_frame,
		.frame_size = sizeof cl->refresh_frame,
		.pieces = &cl->refresh_piece,
		.piece_limit = 1,
		.done = refresh_done,
	};
	if (connection_send(cl->control, &cl->refresh_request) == 0) {
		cl->refreshing = true;
		cl->refresh_wanted = false;
	}
}

static void refresh_due(struct timer *timer, int64_t now_ns)
{
	(void)now_ns;
	struct cluster *cl = CONTAINER_OF(timer, struct cluster, refresh_timer);
	if (cl->refresh_wanted && !cl->refreshing)
		refresh_send(cl);
}

void cluster_refresh(struct cluster *cl)
{
	cl->refresh_wanted = true;
	if (cl->refreshing || !connection_ready(cl->control))
		return;
	int64_t due_ns = cl->refreshed_ns + METADATA_PAUSE_NS;
	if (due_ns <= loop_now_ns(cl->loop))
		refresh_send(cl);
	else if (!timer_started(&cl->refresh_timer))
		loop_timer_start(cl->loop, &cl->refresh_timer, due_ns);
}

static void control_ready(struct connection *c)
{
	struct cluster *cl = c->owner;
	if (cl->refresh_wanted)
		cluster_refresh(cl);
}

/* The next address to try: all known brokers, then the bootstrap servers, in turn. */
static void control_lost(struct connection *c, const char *reason)
{
	struct cluster *cl = c->owner;
	snprintf(cl->reason, sizeof cl->reason, "%s: %s", c->name, reason);
	int count = cl->broker_count + cl->bootstrap_count;
	for (int i = 0; i < count; i++) {
		int index = (int)(cl->next_candidate++ % (unsigned)count);
		const struct broker *b = index < cl->broker_count
						 ? &cl->brokers[index]
						 : &cl->bootstrap[index - cl->broker_count];
		if (b->address.size && strcmp(b->name, c->name) != 0) {
			connection_redirect(c, b->name, &b->address);
			return;
		}
	}
}

static void connection_freed(struct connection *c)
{
	struct cluster *cl = c->owner;
	if (c == cl->control)
		cl->control = NULL;
	for (int i = 0; i < cl->broker_count; i++)
		if (cl->brokers[i].connection == c)
			cl->brokers[i].connection = NULL;
	free(c);
}

static const struct connection_events control_events = {
	.ready = control_ready,
	.lost = control_lost,
	.closed = connection_freed,
};

/* ---- waiting calls ---- */

static void call_ready(struct connection *c)
{
	(void)c; /* the waiting call sees the state */
}

static void call_lost(struct connection *c, const char *reason)
{
	struct cluster *cl = c->owner;
	snprintf(cl->reason, sizeof cl->reason, "%s: %s", c->name, reason);
}

static const struct connection_events call_events = {
	.ready = call_ready,
	.lost = call_lost,
	.closed = connection_freed,
};

static struct connection *connection_make(
	struct cluster *cl, const struct broker *b, const struct connection_events *events)
{
	struct connection *c = malloc(sizeof *c);
	if (!c)
		return NULL;
	connection_init(c, cl->loop, b->name, &b->address, &cl->options, events, cl,
		cl->seed ^ (uint64_t)b->id);
	return c;
}

int cluster_turn(struct cluster *cl, int64_t deadline_ns)
{
	if (stopped(cl))
		return cluster_fail(cl, -EINTR, "interrupted");
	if (loop_clock_ns(cl->loop) >= deadline_ns)
		return -ETIMEDOUT;
	int result = loop_turn(cl->loop, deadline_ns);
	return result < 0 ? cluster_fail(cl, result, "the event loop failed: %s", strerror(-result))
			  : 0;
}

int cluster_wait(struct cluster *cl, int64_t duration_ns)
{
	int64_t deadline_ns = loop_clock_ns(cl->loop) + duration_ns;
	int result;
	while ((result = cluster_turn(cl, deadline_ns)) == 0)
		;
	return result == -ETIMEDOUT ? 0 : result;
}

/* The connection to a broker, as in cluster_call; it may not be ready. 0 or -errno. */
static int connection_pick(struct cluster *cl, int32_t id, struct connection **out)
{
	if (id == CONTROLLER)
		id = cl->controller_id; /* KRaft brokers name one of themselves and forward */
	struct broker *b = id >= 0 ? broker_find(cl, id) : NULL;
	if (id >= 0 && !b)
		return cluster_fail(
			cl, -ENOENT, "broker %d is not part of the cluster's metadata", id);
	if (!b || strcmp(b->name, cl->control->name) == 0) {
		*out = cl->control;
		return 0;
	}
	if (!b->address.size)
		return cluster_fail(cl, -ENOENT,
			"broker %d advertises %s, which does not resolve: "
			"check advertised.listeners",
			b->id, b->name);
	if (!b->connection) {
		b->connection = connection_make(cl, b, &call_events);
		if (!b->connection)
			return cluster_fail(cl, -ENOMEM, "out of memory");
		connection_open(b->connection);
	}
	*out = b->connection;
	return 0;
}

/* The same, ready. Picked again in each turn: the control connection may move away meanwhile. */
static int connection_await(
	struct cluster *cl, int32_t id, int64_t deadline_ns, struct connection **out)
{
	cl->reason[0] = 0;
	for (;;) {
		struct connection *c = NULL;
		int result = connection_pick(cl, id, &c);
		if (result < 0)
			return result;
		assert(c);
		if (connection_ready(c)) {
			*out = c;
			return 0;
		}
		result = cluster_turn(cl, deadline_ns);
		if (result == -ETIMEDOUT && !cl->reason[0])
			return cluster_fail(cl, result, "%s: no connection in time", c->name);
		if (result < 0)
			return result;
	}
}

int cluster_connect(struct cluster *cl, int32_t broker, int64_t timeout_ns, struct connection **out)
{
	return connection_await(cl, broker, loop_clock_ns(cl->loop) + timeout_ns, out);
}

struct call {
	struct request request;
	struct response response;
	bool done;
};

static void call_done(struct request *r, const struct response *response)
{
	struct call *call = CONTAINER_OF(r, struct call, request);
	call->response = *response;
	call->done = true;
}

static int fail_versions(
	struct cluster *cl, const struct connection *c, enum api api, int version_limit)
{
	const struct api_info *info = &api_infos[api];
	int last = MIN(info->last, version_limit);
	if (c->versions[api].max < 0)
		return cluster_fail(cl, -EPROTONOSUPPORT, "%s does not speak %s (harrow: %d to %d)",
			c->name, info->name, info->first, last);
	return cluster_fail(cl, -EPROTONOSUPPORT,
		"%s speaks no version of %s that harrow does (harrow: %d to %d, it: %d to %d)",
		c->name, info->name, info->first, last, c->versions[api].min, c->versions[api].max);
}

int cluster_call(struct cluster *cl, int32_t broker, enum api api, const void *body,
	int version_limit, int64_t timeout_ns, const void **answer, int *version)
{
	struct connection *c = NULL;
	int64_t deadline_ns = loop_clock_ns(cl->loop) + timeout_ns;
	/* What happened to the connections since the last call: a broker closes idle ones. */
	int result = loop_turn(cl->loop, 0);
	if (result < 0)
		return cluster_fail(cl, result, "the event loop failed: %s", strerror(-result));
	result = connection_await(cl, broker, deadline_ns, &c);
	if (result < 0)
		return result;
	assert(c);
	struct iovec piece;
	struct call call = {
		.request = {
			.api = api,
			.body = body,
			.version_limit = version_limit,
			.timeout_ns = timeout_ns,
			.frame = cl->frame,
			.frame_size = CALL_FRAME_SIZE,
			.pieces = &piece,
			.piece_limit = CALL_PIECES,
			.arena = &cl->answers,
			.done = call_done,
		},
	};
	arena_reset(&cl->answers);
	cl->reason[0] = 0;
	result = connection_send(c, &call.request);
	if (result == -EPROTONOSUPPORT)
		return fail_versions(cl, c, api, version_limit);
	if (result < 0)
		return cluster_fail(cl, result, "%s: %s cannot be sent: %s", c->name,
			api_infos[api].name, strerror(-result));
	while (!call.done) {
		/* The request is on the stack: it must end before this returns. */
		if (stopped(cl))
			connection_drop(c, -EINTR, "interrupted");
		result = loop_turn(cl->loop, NEVER_NS);
		if (result < 0)
			abort(); /* the ring itself is broken, with our memory in it */
	}
	if (call.response.error == -EINTR)
		return cluster_fail(cl, -EINTR, "interrupted");
	if (call.response.error < 0) /* `lost` has told why; the connection may have moved on */
		return call.response.error;
	*answer = call.response.body;
	if (version)
		*version = call.response.version;
	return 0;
}

/* ---- opening and closing ---- */

int cluster_speaks(struct cluster *cl, enum api api)
{
	const struct connection *c = cl->control;
	int first = api == API_METADATA ? METADATA_FIRST_VERSION : api_infos[api].first;
	int version = connection_version(c, api, VERSION_ANY);
	if (version >= first)
		return 0;
	if (c->versions[api].max < 0)
		return cluster_fail(cl, -EPROTONOSUPPORT,
			"the broker at %s does not speak %s: harrow needs Kafka 0.11 or later, "
			"or a broker that is compatible with it",
			c->name, api_infos[api].name);
	bool too_old = c->versions[api].max < first;
	return cluster_fail(cl, -EPROTONOSUPPORT,
		"the broker at %s is too %s: it speaks %s in versions "
		"%d to %d, harrow in %d to %d, as Kafka 0.11 and later do",
		c->name, too_old ? "old" : "new", api_infos[api].name, c->versions[api].min,
		c->versions[api].max, first, api_infos[api].last);
}

static int metadata_await(struct cluster *cl)
{
	struct metadata_request body;
	struct metadata_request_topic topic;
	metadata_body(cl, &body, &topic);
	const void *answer = NULL;
	int64_t timeout_ns = cl->options.request_timeout_ns;
	if (cl->patience_ns)
		timeout_ns = MIN(timeout_ns, cl->patience_ns);
	int result = -ECONNRESET;
	/* The control connection comes back by itself, on another broker if need be. */
	for (int i = 0; i < METADATA_ATTEMPTS && result == -ECONNRESET; i++)
		result = cluster_call(cl, ANY_BROKER, API_METADATA, &body, VERSION_ANY, timeout_ns,
			&answer, NULL);
	if (result < 0)
		return result;
	assert(answer);
	cl->refreshed_ns = loop_now_ns(cl->loop);
	return metadata_learn(cl, answer);
}

/* Connects to one address, once. */
static int bootstrap_try(struct cluster *cl, const struct broker *candidate)
{
	cl->control = connection_make(cl, candidate, &call_events);
	if (!cl->control)
		return cluster_fail(cl, -ENOMEM, "out of memory");
	cl->reason[0] = 0;
	connection_open(cl->control);
	int64_t deadline_ns = loop_clock_ns(cl->loop) + 2 * cl->options.connect_timeout_ns;
	int result = 0;
	while (!result && !connection_ready(cl->control) && !cl->reason[0])
		result = cluster_turn(cl, deadline_ns);
	if (connection_ready(cl->control)) {
		cl->control->events = &control_events;
		return 0;
	}
	connection_close(cl->control);
	while (cl->control && loop_turn(cl->loop, NEVER_NS) >= 0)
		;
	if (stopped(cl))
		return cluster_fail(cl, -EINTR, "interrupted");
	return result < 0 ? result : -ECONNREFUSED;
}

static int bootstrap_endpoint(struct cluster *cl, const struct endpoint *endpoint)
{
	struct address addresses[8];
	int count = address_resolve(endpoint->host, endpoint->port, addresses, COUNT_OF(addresses));
	if (count <= 0)
		return cluster_fail(cl, -ENOENT, "%s: %s", endpoint->host,
			count == -EAGAIN ? "its address cannot be looked up now (is DNS reachable?)"
					 : "there is no host of that name");
	int result = 0;
	for (int i = 0; i < count; i++) {
		struct broker candidate = { .id = -1, .address = addresses[i] };
		bool bracket = strchr(endpoint->host, ':') != NULL;
		snprintf(candidate.name, sizeof candidate.name,
			bracket ? "[%.250s]:%u" : "%.250s:%u", endpoint->host, endpoint->port);
		if (cl->bootstrap_count < BOOTSTRAP_LIMIT)
			cl->bootstrap[cl->bootstrap_count++] = candidate;
		if (cl->control)
			continue;
		result = bootstrap_try(cl, &candidate);
		if (result == -EINTR)
			return result;
	}
	return result;
}

int cluster_open(struct cluster *cl, struct loop *loop, const struct endpoint_list *bootstrap,
	const struct connection_options *options, uint64_t seed, const atomic_bool *stop)
{
	*cl = (struct cluster){
		.loop = loop,
		.options = *options,
		.seed = seed,
		.stop = stop,
		.controller_id = -1,
	};
	timer_init(&cl->refresh_timer, refresh_due);
	arena_init(&cl->answers, RESPONSE_ARENA_LIMIT);
	cl->frame = malloc((size_t)CALL_FRAME_SIZE);
	if (!cl->frame)
		return cluster_fail(cl, -ENOMEM, "out of memory");
	char tried[CLUSTER_REASON_SIZE] = "";
	int result = -EINVAL;
	for (int32_t i = 0; i < bootstrap->count && !cl->control; i++) {
		result = bootstrap_endpoint(cl, &bootstrap->items[i]);
		if (result == -EINTR)
			return result;
		strncat(tried, tried[0] ? "; " : "", sizeof tried - strlen(tried) - 1);
		strncat(tried, cl->reason, sizeof tried - strlen(tried) - 1);
	}
	if (!cl->control)
		return cluster_fail(cl, result, "%s", tried);
	result = cluster_speaks(cl, API_METADATA);
	return result < 0 ? result : metadata_await(cl);
}

void cluster_close(struct cluster *cl)
{
	if (!cl->loop)
		return;
	loop_timer_stop(cl->loop, &cl->refresh_timer);
	for (int i = cl->broker_count - 1; i >= 0; i--)
		if (cl->brokers[i].connection)
			connection_close(cl->brokers[i].connection);
	if (cl->control)
		connection_close(cl->control);
	for (;;) {
		bool open = cl->control != NULL;
		for (int i = 0; i < cl->broker_count; i++)
			open |= cl->brokers[i].connection != NULL;
		if (!open || loop_turn(cl->loop, NEVER_NS) < 0)
			break;
	}
	free(cl->brokers);
	free(cl->topic.partitions);
	free(cl->frame);
	arena_free(&cl->answers);
	*cl = (struct cluster){ 0 };
}

int cluster_follow(struct cluster *cl, const char *topic)
{
	if (strcmp(cl->topic.name, topic) != 0) {
		free(cl->topic.partitions);
		cl->topic = (struct topic){ 0 };
		snprintf(cl->topic.name, sizeof cl->topic.name, "%s", topic);
	}
	cl->topic.error = ERROR_UNKNOWN_TOPIC_OR_PARTITION;
	return metadata_await(cl);
}
