/* Topics, offsets and configuration: see admin.h. */
#include "admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/error.h"
#include "proto/offsets.h"
#include "proto/topics.h"

#define DELETE_BY_NAME_VERSION 5 /* the last DeleteTopics that takes plain names */

/* When a step that begins now must have ended. */
static int64_t step_deadline_ns(const struct cluster *cl)
{
	return loop_clock_ns(cl->loop) + (cl->patience_ns ? cl->patience_ns : ADMIN_TIMEOUT_NS);
}

static int64_t remaining_ns(const struct cluster *cl, int64_t deadline_ns)
{
	return MAX(deadline_ns - loop_clock_ns(cl->loop), NS_PER_MS);
}

/* The pause before another attempt: 0, -ETIMEDOUT when there is no time for one, or -EINTR. */
static int attempt_pause(struct cluster *cl, int64_t deadline_ns)
{
	return loop_clock_ns(cl->loop) < deadline_ns ? cluster_wait(cl, ADMIN_PAUSE_NS)
						     : -ETIMEDOUT;
}

static bool worth_retrying(int result)
{
	return result == -ETIMEDOUT || result == -ECONNRESET || result == -ECONNREFUSED ||
	       result == -EPIPE;
}

/* One question; a broker that is not there soon is given up, another may have taken its place. */
static int ask(struct cluster *cl, int32_t broker, enum api api, const void *body,
	int version_limit, int64_t deadline_ns, const void **answer)
{
	struct connection *c;
	int64_t connect_ns = MIN(ADMIN_CONNECT_NS, remaining_ns(cl, deadline_ns));
	int result = cluster_connect(cl, broker, connect_ns, &c);
	if (result < 0)
		return result;
	return cluster_call(
		cl, broker, api, body, version_limit, remaining_ns(cl, deadline_ns), answer, NULL);
}

/*
 * After an attempt that failed, or was answered with an error: pauses, and learns where the
 * controller is now. 0: try again; else the failure that is to be returned.
 */
static int attempt_again(struct cluster *cl, int result, int16_t error, int64_t deadline_ns)
{
	if (result < 0 ? !worth_retrying(result) : !error_info(error)->retriable)
		return result < 0 ? result : -EINVAL;
	int failure = result < 0 ? result : -ETIMEDOUT; /* not refused: it may yet be done */
	result = attempt_pause(cl, deadline_ns);
	if (result < 0)
		return result == -ETIMEDOUT ? failure : result;
	result = cluster_follow(cl, cl->topic.name);
	return result < 0 && !worth_retrying(result) ? result : 0;
}

/* Ends the reason with what the broker said. */
static void reason_add(struct cluster *cl, int16_t error, struct string message)
{
	size_t used = strlen(cl->reason);
	snprintf(cl->reason + used, sizeof cl->reason - used, "%s%s%s%.*s", used ? ": " : "",
		error_info(error)->name, message.size > 0 ? ": " : "", MAX(message.size, 0),
		message.size > 0 ? message.data : "");
}

/* ---- topics ---- */

static int topic_await(struct cluster *cl, const char *name)
{
	int64_t deadline_ns = step_deadline_ns(cl);
	for (;;) {
		int result = cluster_follow(cl, name);
		if (result < 0 && !worth_retrying(result))
			return result;
		int32_t led = 0;
		for (int32_t i = 0; i < cl->topic.partition_count; i++)
			led += cl->topic.partitions[i].leader >= 0;
		if (result == 0 && cl->topic.error == ERROR_NONE && led > 0 &&
			led == cl->topic.partition_count)
			return 0;
		result = attempt_pause(cl, deadline_ns);
		if (result == -ETIMEDOUT)
			return cluster_fail(cl, result,
				"topic '%s': %d of %d partitions have a leader", name, led,
				cl->topic.partition_count);
		if (result < 0)
			return result;
	}
}

int admin_topic_await(struct cluster *cl)
{
	return topic_await(cl, cl->topic.name);
}

static int topic_create_once(struct cluster *cl, const struct create_topics_request *body,
	int64_t deadline_ns, int16_t *error)
{
	const struct create_topics_response *answer;
	int result = ask(cl, CONTROLLER, API_CREATE_TOPICS, body, VERSION_ANY, deadline_ns,
		(const void **)&answer);
	if (result < 0)
		return result;
	if (answer->topics.count != 1)
		return cluster_fail(cl, -EPROTO, "CreateTopics was answered without the topic");
	const struct creatable_topic_result *topic = &answer->topics.items[0];
	*error = topic->error_code;
	if (*error != ERROR_NONE) {
		cluster_fail(cl, 0, "topic '%.*s' cannot be created", topic->name.size,
			topic->name.data);
		reason_add(cl, *error, topic->error_message);
	}
	return 0;
}

/*
 * Until it is created or refused. *unheard: an attempt may have created it, and its answer was
 * lost, or the controller did not wait for it (which goes on, after REQUEST_TIMED_OUT).
 */
static int topic_create_try(
	struct cluster *cl, const struct create_topics_request *body, bool *unheard)
{
	int64_t deadline_ns = step_deadline_ns(cl);
	*unheard = false;
	for (;;) {
		int16_t error = ERROR_NONE;
		int result = topic_create_once(cl, body, deadline_ns, &error);
		if (result == 0 && error == ERROR_NONE)
			return 0;
		if (result == 0 && error == ERROR_TOPIC_ALREADY_EXISTS)
			return -EEXIST;
		*unheard |= result < 0 || error == ERROR_REQUEST_TIMED_OUT;
		result = attempt_again(cl, result, error, deadline_ns);
		if (result < 0)
			return result;
	}
}

/* It exists, and nobody but us is known to have asked for it: ours, if it looks like it. */
static int topic_claim(struct cluster *cl, const struct topic_spec *spec)
{
	char reason[CLUSTER_REASON_SIZE];
	memcpy(reason, cl->reason, sizeof reason);
	int result = topic_await(cl, spec->name);
	if (result < 0 || spec->partitions < 0 || cl->topic.partition_count == spec->partitions)
		return result;
	memcpy(cl->reason, reason, sizeof reason);
	return -EEXIST;
}

int admin_topic_create(struct cluster *cl, const struct topic_spec *spec)
{
	int32_t count = spec->configs ? spec->configs->count : 0;
	struct creatable_topic_config *configs = calloc((size_t)count + 1, sizeof *configs);
	if (!configs)
		return cluster_fail(cl, -ENOMEM, "out of memory");
	for (int32_t i = 0; i < count; i++)
		configs[i] =
			(struct creatable_topic_config){ string_of(spec->configs->items[i].key),
				string_of(spec->configs->items[i].value) };
	struct creatable_topic topic = { .name = string_of(spec->name),
		.num_partitions = spec->partitions,
		.replication_factor = spec->replication_factor };
	topic.configs.items = configs;
	topic.configs.count = count;
	struct create_topics_request body = { .timeout_ms =
						      (int32_t)(ADMIN_TIMEOUT_NS / NS_PER_MS) };
	body.topics.items = &topic;
	body.topics.count = 1;

	bool unheard;
	int result = topic_create_try(cl, &body, &unheard);
	free(configs);
	if (result == -EEXIST && unheard)
		return topic_claim(cl, spec);
	return result < 0 ? result : topic_await(cl, spec->name);
}

static int topic_delete_once(
	struct cluster *cl, const char *name, int64_t deadline_ns, int16_t *error)
{
	struct string names[] = { string_of(name) };
	struct delete_topics_request body = { .timeout_ms =
						      (int32_t)(ADMIN_TIMEOUT_NS / NS_PER_MS) };
	body.topic_names.items = names;
	body.topic_names.count = 1;
	const struct delete_topics_response *answer;
	int result = ask(cl, CONTROLLER, API_DELETE_TOPICS, &body, DELETE_BY_NAME_VERSION,
		deadline_ns, (const void **)&answer);
	if (result < 0)
		return result;
	if (answer->responses.count != 1)
		return cluster_fail(cl, -EPROTO, "DeleteTopics was answered without the topic");
	const struct deletable_topic_result *topic = &answer->responses.items[0];
	*error = topic->error_code;
	if (*error != ERROR_NONE) {
		cl->reason[0] = 0;
		reason_add(cl, *error, topic->error_message);
	}
	return 0;
}

int admin_topic_delete(struct cluster *cl, const char *name)
{
	int64_t deadline_ns = step_deadline_ns(cl);
	bool unheard = false; /* an attempt may have done it, as in topic_create_try */
	for (;;) {
		int16_t error = ERROR_NONE;
		int result = topic_delete_once(cl, name, deadline_ns, &error);
		if (result == 0 && error == ERROR_NONE)
			return 0;
		if (result == 0 && error == ERROR_UNKNOWN_TOPIC_OR_PARTITION)
			return unheard ? 0 : -ENOENT;
		unheard |= result < 0 || error == ERROR_REQUEST_TIMED_OUT;
		result = attempt_again(cl, result, error, deadline_ns);
		if (result < 0)
			return result;
	}
}

/* ---- offsets ---- */

struct offset_question {
	int64_t timestamp;
	int64_t *offsets; /* -1: not known yet */
	int32_t count;    /* partitions that are added meanwhile have no place in it */
	int16_t error;    /* the last one that a leader answered */
	int64_t deadline_ns;
};

/* Asks one leader for those of its partitions that are not known yet. */
static int offsets_of_leader(struct cluster *cl, int32_t leader, struct offset_question *q)
{
	struct list_offsets_partition *partitions = calloc((size_t)q->count, sizeof *partitions);
	if (!partitions)
		return cluster_fail(cl, -ENOMEM, "out of memory");
	int32_t count = 0;
	for (int32_t i = 0; i < q->count; i++)
		if (q->offsets[i] < 0 && cl->topic.partitions[i].leader == leader)
			partitions[count++] = (struct list_offsets_partition){ .partition_index = i,
				.current_leader_epoch = -1,
				.timestamp = q->timestamp };
	struct list_offsets_topic topic = { .name = string_of(cl->topic.name) };
	topic.partitions.items = partitions;
	topic.partitions.count = count;
	struct list_offsets_request body = { .replica_id = -1 };
	body.topics.items = &topic;
	body.topics.count = 1;
	const struct list_offsets_response *answer = NULL;
	int result = 0;
	if (count > 0)
		result = ask(cl, leader, API_LIST_OFFSETS, &body, VERSION_ANY, q->deadline_ns,
			(const void **)&answer);
	free(partitions);
	if (result < 0 || !answer)
		return result;
	for (int32_t i = 0; i < answer->topics.count; i++) {
		for (int32_t j = 0; j < answer->topics.items[i].partitions.count; j++) {
			const struct list_offsets_partition_response *p =
				&answer->topics.items[i].partitions.items[j];
			if (p->error_code != ERROR_NONE)
				q->error = p->error_code;
			else if (p->partition_index >= 0 && p->partition_index < q->count)
				q->offsets[p->partition_index] = p->offset;
		}
	}
	return 0;
}

int admin_offsets(struct cluster *cl, int64_t timestamp, int64_t *offsets)
{
	struct offset_question q = { timestamp, offsets, cl->topic.partition_count, ERROR_NONE,
		step_deadline_ns(cl) };
	for (int32_t i = 0; i < q.count; i++)
		offsets[i] = -1;
	for (;;) {
		q.error = ERROR_NONE;
		int result = 0;
		for (int i = 0; i < cl->broker_count; i++) {
			result = offsets_of_leader(cl, cl->brokers[i].id, &q);
			if (result < 0 && !worth_retrying(result))
				return result;
		}
		int32_t known = 0;
		while (known < q.count && offsets[known] >= 0)
			known++;
		if (known == q.count)
			return 0;
		result = attempt_pause(cl, q.deadline_ns);
		if (result == -ETIMEDOUT && (q.error != ERROR_NONE || !cl->reason[0]))
			return cluster_fail(cl, result,
				"the offset of partition %d cannot be learnt: %s", known,
				q.error != ERROR_NONE ? error_info(q.error)->name
						      : "no leader of it answers");
		if (result < 0)
			return result;
		result = cluster_follow(cl, cl->topic.name); /* leaders may have moved */
		if (result < 0 && !worth_retrying(result))
			return result;
	}
}

/* ---- configuration ---- */

int admin_configs(struct cluster *cl, int8_t resource_type, const char *resource_name,
	const char *const *keys, int32_t key_count,
	void (*each)(void *context, const char *key, struct string value), void *context)
{
	assert(key_count <= ADMIN_CONFIGS_MAX);
	struct string names[ADMIN_CONFIGS_MAX];
	for (int32_t i = 0; i < key_count; i++)
		names[i] = string_of(keys[i]);
	struct describe_configs_resource resource = { .resource_type = resource_type,
		.resource_name = string_of(resource_name) };
	resource.configuration_keys.items = names;
	resource.configuration_keys.count = key_count;
	struct describe_configs_request body = { 0 };
	body.resources.items = &resource;
	body.resources.count = 1;
	/* A broker answers for itself only. */
	int32_t broker = resource_type == RESOURCE_BROKER ? atoi(resource_name) : ANY_BROKER;
	const struct describe_configs_response *answer;
	int result = cluster_call(cl, broker, API_DESCRIBE_CONFIGS, &body, VERSION_ANY,
		remaining_ns(cl, step_deadline_ns(cl)), (const void **)&answer, NULL);
	if (result < 0)
		return result;
	if (answer->results.count != 1)
		return cluster_fail(
			cl, -EPROTO, "DescribeConfigs was answered without the resource");
	const struct describe_configs_result *found = &answer->results.items[0];
	if (found->error_code != ERROR_NONE) {
		cluster_fail(cl, 0, "the configuration of %s cannot be read", resource_name);
		reason_add(cl, found->error_code, found->error_message);
		return -EINVAL;
	}
	for (int32_t i = 0; i < found->configs.count; i++)
		for (int32_t k = 0; k < key_count; k++)
			if (string_equal(found->configs.items[i].name, names[k]))
				each(context, keys[k], found->configs.items[i].value);
	return 0;
}
