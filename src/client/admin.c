/* Topics, offsets and configuration: see admin.h. */
#include "admin.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/error.h"
#include "proto/offsets.h"
#include "proto/topics.h"

#define DELETE_BY_NAME_VERSION 5 /* the last DeleteTopics that takes plain names */

static int fail(struct cluster *cl, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct cluster *cl, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(cl->reason, sizeof cl->reason, format, arguments);
	va_end(arguments);
	return error;
}

/* When a step that begins now must have ended. */
static int64_t step_deadline_ns(const struct cluster *cl)
{
	return loop_clock_ns(cl->loop) + (cl->patience_ns ? cl->patience_ns : ADMIN_TIMEOUT_NS);
}

static int64_t remaining_ns(const struct cluster *cl, int64_t deadline_ns)
{
	return MAX(deadline_ns - loop_clock_ns(cl->loop), NS_PER_MS);
}

/* The pause before another attempt: 0, or -ETIMEDOUT when there is no time left, or -EINTR. */
static int again(struct cluster *cl, int64_t deadline_ns)
{
	return loop_clock_ns(cl->loop) < deadline_ns ? cluster_wait(cl, ADMIN_PAUSE_NS)
						     : -ETIMEDOUT;
}

static bool worth_retrying(int result)
{
	return result == -ETIMEDOUT || result == -ECONNRESET || result == -ECONNREFUSED ||
	       result == -EPIPE;
}

/* ---- topics ---- */

int admin_topic_await(struct cluster *cl)
{
	char name[TOPIC_NAME_SIZE];
	snprintf(name, sizeof name, "%s", cl->topic.name);
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
		result = again(cl, deadline_ns);
		if (result == -ETIMEDOUT)
			fail(cl, 0, "topic '%s': %d of %d partitions have a leader", name, led,
				cl->topic.partition_count);
		if (result < 0)
			return result;
	}
}

static int topic_create_once(struct cluster *cl, const struct create_topics_request *body,
	int64_t deadline_ns, int16_t *error)
{
	const struct create_topics_response *answer;
	int result = cluster_call(cl, CONTROLLER, API_CREATE_TOPICS, body, VERSION_ANY,
		remaining_ns(cl, deadline_ns), (const void **)&answer, NULL);
	if (result < 0)
		return result;
	if (answer->topics.count != 1)
		return fail(cl, -EPROTO, "CreateTopics was answered without the topic");
	const struct creatable_topic_result *topic = &answer->topics.items[0];
	*error = topic->error_code;
	fail(cl, 0, "topic '%.*s' cannot be created: %s%s%.*s", topic->name.size, topic->name.data,
		error_info(topic->error_code)->name, topic->error_message.size > 0 ? ": " : "",
		MAX(topic->error_message.size, 0), topic->error_message.data);
	return 0;
}

int admin_topic_create(struct cluster *cl, const struct topic_spec *spec)
{
	int32_t count = spec->configs ? spec->configs->count : 0;
	struct creatable_topic_config *configs = calloc((size_t)count + 1, sizeof *configs);
	if (!configs)
		return fail(cl, -ENOMEM, "out of memory");
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

	int64_t deadline_ns = step_deadline_ns(cl);
	int result, pause = 0;
	int16_t error = ERROR_NONE;
	do {
		result = topic_create_once(cl, &body, deadline_ns, &error);
		if (result == 0 && error == ERROR_NOT_CONTROLLER)
			result = cluster_follow(cl, spec->name);
		bool retry = result == 0 ? error_info(error)->retriable : worth_retrying(result);
		if (!retry)
			break;
		pause = again(cl, deadline_ns);
	} while (pause == 0);
	free(configs);
	if (result < 0 || pause == -EINTR)
		return result < 0 ? result : pause;
	if (error == ERROR_TOPIC_ALREADY_EXISTS)
		return -EEXIST;
	if (error != ERROR_NONE)
		return -EINVAL;
	snprintf(cl->topic.name, sizeof cl->topic.name, "%s", spec->name);
	return admin_topic_await(cl);
}

int admin_topic_delete(struct cluster *cl, const char *name)
{
	struct string names[] = { string_of(name) };
	struct delete_topics_request body = { .timeout_ms =
						      (int32_t)(ADMIN_TIMEOUT_NS / NS_PER_MS) };
	body.topic_names.items = names;
	body.topic_names.count = 1;
	int64_t deadline_ns = step_deadline_ns(cl);
	for (;;) {
		const struct delete_topics_response *answer;
		int16_t error = ERROR_NONE;
		int result = cluster_call(cl, CONTROLLER, API_DELETE_TOPICS, &body,
			DELETE_BY_NAME_VERSION, remaining_ns(cl, deadline_ns),
			(const void **)&answer, NULL);
		if (result == 0)
			error = answer->responses.count == 1 ? answer->responses.items[0].error_code
							     : ERROR_UNKNOWN_SERVER_ERROR;
		if (result == 0 && error == ERROR_NONE)
			return 0;
		if (result == 0)
			fail(cl, 0, "%s", error_info(error)->name);
		if (result == 0 && error == ERROR_UNKNOWN_TOPIC_OR_PARTITION)
			return -ENOENT;
		bool retry = result == 0 ? error_info(error)->retriable : worth_retrying(result);
		if (!retry)
			return result < 0 ? result : -EINVAL;
		int pause = again(cl, deadline_ns);
		if (pause < 0)
			return pause;
	}
}

/* ---- offsets ---- */

/* Asks one leader for the partitions that are not known yet. */
static int offsets_of_leader(struct cluster *cl, int32_t leader, int64_t timestamp,
	int64_t deadline_ns, int64_t *offsets)
{
	struct list_offsets_partition *partitions =
		calloc((size_t)cl->topic.partition_count, sizeof *partitions);
	if (!partitions)
		return fail(cl, -ENOMEM, "out of memory");
	int32_t count = 0;
	for (int32_t i = 0; i < cl->topic.partition_count; i++)
		if (offsets[i] < 0 && cl->topic.partitions[i].leader == leader)
			partitions[count++] = (struct list_offsets_partition){ .partition_index = i,
				.current_leader_epoch = -1,
				.timestamp = timestamp };
	struct list_offsets_topic topic = { .name = string_of(cl->topic.name) };
	topic.partitions.items = partitions;
	topic.partitions.count = count;
	struct list_offsets_request body = { .replica_id = -1 };
	body.topics.items = &topic;
	body.topics.count = 1;
	const struct list_offsets_response *answer = NULL;
	int result = cluster_call(cl, leader, API_LIST_OFFSETS, &body, VERSION_ANY,
		remaining_ns(cl, deadline_ns), (const void **)&answer, NULL);
	free(partitions);
	if (result < 0)
		return result;
	for (int32_t i = 0; i < answer->topics.count; i++) {
		for (int32_t j = 0; j < answer->topics.items[i].partitions.count; j++) {
			const struct list_offsets_partition_response *p =
				&answer->topics.items[i].partitions.items[j];
			if (p->error_code == ERROR_NONE && p->partition_index >= 0 &&
				p->partition_index < cl->topic.partition_count)
				offsets[p->partition_index] = p->offset;
			else
				fail(cl, 0, "the offsets of partition %d: %s", p->partition_index,
					error_info(p->error_code)->name);
		}
	}
	return 0;
}

int admin_offsets(struct cluster *cl, int64_t timestamp, int64_t *offsets)
{
	int64_t deadline_ns = step_deadline_ns(cl);
	for (int32_t i = 0; i < cl->topic.partition_count; i++)
		offsets[i] = -1;
	for (;;) {
		for (int32_t i = 0; i < cl->topic.partition_count; i++) {
			if (offsets[i] >= 0 || cl->topic.partitions[i].leader < 0)
				continue;
			int result = offsets_of_leader(cl, cl->topic.partitions[i].leader,
				timestamp, deadline_ns, offsets);
			if (result < 0 && !worth_retrying(result))
				return result;
		}
		int32_t known = 0;
		while (known < cl->topic.partition_count && offsets[known] >= 0)
			known++;
		if (known == cl->topic.partition_count)
			return 0;
		int result = again(cl, deadline_ns);
		if (result < 0)
			return result;
		result = cluster_follow(cl, cl->topic.name); /* the leader may have moved */
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
	if (answer->results.count != 1 || answer->results.items[0].error_code != ERROR_NONE)
		return fail(cl, -EPROTO, "the configuration of %s cannot be read", resource_name);
	const struct describe_configs_result *found = &answer->results.items[0];
	for (int32_t i = 0; i < found->configs.count; i++)
		for (int32_t k = 0; k < key_count; k++)
			if (string_equal(found->configs.items[i].name, names[k]))
				each(context, keys[k], found->configs.items[i].value);
	return 0;
}
