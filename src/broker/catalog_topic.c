/*
 * How topics come, grow and go: the checks of Kafka's Topic, LogConfig and
 * ReplicationControlManager, in their order and in their words. Where replicas lie is
 * catalog_layout.c's.
 */
#include "catalog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "catalog_index.h"
#include "catalog_layout.h"
#include "catalog_private.h"
#include "proto/error.h"

/* ---- names ---- */

static bool is_legal(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

int16_t topic_name_check(struct string name, char why[CATALOG_WHY_SIZE])
{
	const int16_t error = ERROR_INVALID_TOPIC_EXCEPTION;
	if (name.size <= 0)
		return catalog_refuse(
			why, error, "Topic name is invalid: the empty string is not allowed");
	if (string_equal(name, STRING(".")) || string_equal(name, STRING("..")))
		return catalog_refuse(why, error, "Topic name is invalid: '%.*s' is not allowed",
			name.size, name.data);
	if (name.size >= CATALOG_NAME_SIZE)
		return catalog_refuse(why, error,
			"Topic name is invalid: the length of '%.*s' is longer than the max "
			"allowed length %d",
			MIN(name.size, CATALOG_NAME_SIZE), name.data, CATALOG_NAME_SIZE - 1);
	for (int32_t i = 0; i < name.size; i++)
		if (!is_legal(name.data[i]))
			return catalog_refuse(why, error,
				"Topic name is invalid: '%.*s' contains one or more characters "
				"other than ASCII alphanumerics, '.', '_' and '-'",
				name.size, name.data);
	return 0;
}

bool topic_is_internal(struct string name)
{
	return string_equal(name, STRING("__consumer_offsets")) ||
	       string_equal(name, STRING("__transaction_state")) ||
	       string_equal(name, STRING("__share_group_state"));
}

static int16_t check_new_name(struct catalog *c, struct string name, char why[CATALOG_WHY_SIZE])
{
	if (!string_is_null(name) && catalog_topic_named(c, name))
		return catalog_refuse(why, ERROR_TOPIC_ALREADY_EXISTS,
			"Topic '%.*s' already exists.", name.size, name.data);
	int16_t error = topic_name_check(name, why);
	if (error)
		return error;
	const struct catalog_topic *alike = catalog_index_alike(c->index, name);
	if (alike)
		return catalog_refuse(why, ERROR_INVALID_TOPIC_EXCEPTION,
			"Topic '%.*s' collides with existing topic: %s", name.size, name.data,
			alike->name);
	return 0;
}

/* ---- configuration ---- */

static int16_t check_null_configs(const struct creatable_topic *request, char why[CATALOG_WHY_SIZE])
{
	int at = 0;
	for (int32_t i = 0; i < request->configs.count && at < CATALOG_WHY_SIZE; i++) {
		const struct creatable_topic_config *config = &request->configs.items[i];
		if (!string_is_null(config->value))
			continue;
		at += snprintf(why + at, (size_t)(CATALOG_WHY_SIZE - at), "%s%.*s",
			at ? "," : "Null value not supported for topic configs: ",
			MIN(config->name.size, CATALOG_WHY_SIZE), config->name.data);
	}
	return at ? ERROR_INVALID_CONFIG : 0;
}

/* Unknown names go before bad values, as Kafka says them. 0 or what property_set_text says. */
static int set_all(const struct creatable_topic *request, struct property_set *set,
	char clause[PROPERTY_WHY_SIZE])
{
	int error = 0;
	for (int32_t i = 0; i < request->configs.count && !error; i++) {
		const struct creatable_topic_config *config = &request->configs.items[i];
		if (property_find(config->name, true) < 0)
			error = property_set_text(set, config->name, true, config->value, clause);
	}
	for (int32_t i = 0; i < request->configs.count && !error; i++) {
		const struct creatable_topic_config *config = &request->configs.items[i];
		error = property_set_text(set, config->name, true, config->value, clause);
	}
	return error;
}

static int16_t set_configs(const struct catalog *c, const struct creatable_topic *request,
	struct property_set *set, char why[CATALOG_WHY_SIZE])
{
	char clause[PROPERTY_WHY_SIZE];
	int16_t error = check_null_configs(request, why);
	if (error)
		return error;
	int refused = set_all(request, set, clause);
	if (!refused)
		refused = property_set_check(set, &c->properties, clause);
	if (!refused)
		return 0;
	property_set_free(set);
	error = refused == -ENOMEM ? ERROR_UNKNOWN_SERVER_ERROR : ERROR_INVALID_CONFIG;
	return catalog_refuse(why, error, "%s", clause);
}

/* What follows from the topic's configuration for its logs. */
static void topic_configure(const struct catalog *c, struct catalog_topic *topic)
{
	const struct property_set *set = &topic->config, *broker = &c->properties;
	topic->rules = (struct append_rules){
		.max_message_bytes = (int32_t)property_int(set, broker, PROPERTY_MESSAGE_MAX_BYTES),
		.log_append_time = property_has(
			set, broker, PROPERTY_LOG_MESSAGE_TIMESTAMP_TYPE, "LogAppendTime"),
		.timestamp_before_max_ms =
			property_int(set, broker, PROPERTY_LOG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS),
		.timestamp_after_max_ms =
			property_int(set, broker, PROPERTY_LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS),
		.compacted = property_has(set, broker, PROPERTY_LOG_CLEANUP_POLICY, "compact"),
		.check_crc = c->check_crc,
		.check_records = c->check_records,
	};
	bool deletes = property_has(set, broker, PROPERTY_LOG_CLEANUP_POLICY, "delete");
	int64_t bytes = property_int(set, broker, PROPERTY_LOG_RETENTION_BYTES);
	topic->retention_ms = deletes ? property_int(set, broker, PROPERTY_LOG_RETENTION_MS) : -1;
	topic->retention_bytes = deletes && bytes >= 0 ? bytes : -1;
	topic->min_insync_replicas =
		(int32_t)property_int(set, broker, PROPERTY_MIN_INSYNC_REPLICAS);
}

/* ---- partitions ---- */

static struct catalog_partition *partition_new(struct catalog *c, struct catalog_topic *topic,
	int32_t index, const int32_t *replicas, int32_t replica_count)
{
	size_t ids_size = (size_t)replica_count * sizeof *replicas;
	struct catalog_partition *p = calloc(1, sizeof *p + 2 * ids_size);
	if (!p)
		return NULL;
	p->topic = topic;
	p->index = index;
	p->replica_count = replica_count;
	p->replicas = (int32_t *)(void *)(p + 1);
	p->isr = p->replicas + replica_count;
	memcpy(p->replicas, replicas, ids_size);
	for (int32_t i = 0; i < replica_count; i++)
		if (catalog_node_is_up(c, replicas[i]))
			p->isr[p->isr_count++] = replicas[i];
	assert(p->isr_count > 0);
	p->leader = p->isr[0];
	list_init(&p->fetch_waiters);
	partition_log_open(&p->log, c->store);
	p->log.leader_epoch = p->leader_epoch;
	return p;
}

static void partitions_free(struct catalog_topic *topic, int32_t from)
{
	while (topic->partition_count > from) {
		struct catalog_partition *p = topic->partitions[--topic->partition_count];
		partition_log_close(&p->log);
		free(p);
	}
}

/* All of the layout, behind those that the topic has; or none, and -ENOMEM. */
static int topic_extend(struct catalog *c, struct catalog_topic *topic, const struct layout *l)
{
	int32_t before = topic->partition_count;
	struct catalog_partition **partitions = realloc(
		topic->partitions, (size_t)(before + l->partition_count) * sizeof *partitions);
	if (!partitions)
		return -ENOMEM;
	topic->partitions = partitions;
	for (int32_t i = 0; i < l->partition_count; i++) {
		struct catalog_partition *p = partition_new(c, topic, before + i,
			&l->replicas[(size_t)i * (size_t)l->replica_count], l->replica_count);
		if (!p) {
			partitions_free(topic, before);
			return -ENOMEM;
		}
		partitions[topic->partition_count++] = p;
	}
	c->partition_count += l->partition_count;
	return 0;
}

static int16_t check_room(
	const struct catalog *c, bool new_topic, const struct layout *l, char why[CATALOG_WHY_SIZE])
{
	if (new_topic && c->topic_count == STAGE_TOPICS_MAX)
		return catalog_refuse(why, ERROR_POLICY_VIOLATION,
			"harrow's broker has at most %d topics.", STAGE_TOPICS_MAX);
	if (l->partition_count > STAGE_PARTITIONS_MAX - c->partition_count)
		return catalog_refuse(why, ERROR_POLICY_VIOLATION,
			"harrow's broker has at most %d partitions.", STAGE_PARTITIONS_MAX);
	return 0;
}

/* ---- topics ---- */

/* Takes over the configuration. NULL: no memory. */
static struct catalog_topic *topic_new(struct catalog *c, struct string name, struct uuid id,
	const struct layout *l, const struct property_set *config)
{
	struct catalog_topic *topic = calloc(1, sizeof *topic);
	if (!topic)
		return NULL;
	if (topic_extend(c, topic, l)) {
		free(topic->partitions);
		free(topic);
		return NULL;
	}
	memcpy(topic->name, name.data, (size_t)name.size);
	topic->id = id;
	topic->config = *config;
	topic_configure(c, topic);
	list_append(&c->topics, &topic->node);
	catalog_index_add(c->index, topic);
	c->topic_count++;
	return topic;
}

/* The configuration goes to the topic, to the outcome, or is freed. */
static int16_t topic_conclude(struct catalog *c, struct string name, const struct layout *l,
	struct property_set *config, bool validate_only, struct topic_outcome *out,
	char why[CATALOG_WHY_SIZE])
{
	int16_t error = check_room(c, true, l, why);
	if (error) {
		property_set_free(config);
		return error;
	}
	out->id = catalog_uuid(&c->random);
	out->partition_count = l->partition_count;
	out->replication_factor = (int16_t)l->replica_count;
	if (validate_only) {
		out->config = *config;
		return 0;
	}
	out->topic = topic_new(c, name, out->id, l, config);
	if (out->topic)
		return 0;
	property_set_free(config);
	return catalog_refuse(why, ERROR_UNKNOWN_SERVER_ERROR, "no memory");
}

int16_t catalog_topic_create(struct catalog *c, const struct creatable_topic *request,
	bool validate_only, struct topic_outcome *out, char why[CATALOG_WHY_SIZE])
{
	struct layout layout = { 0 };
	struct property_set config = { 0 };
	*out = (struct topic_outcome){ 0 };
	why[0] = '\0';
	int16_t error = check_new_name(c, request->name, why);
	if (error)
		return error;
	error = set_configs(c, request, &config, why);
	if (error)
		return error;
	error = layout_of_topic(c, request, &layout, why);
	if (error)
		property_set_free(&config);
	else
		error = topic_conclude(c, request->name, &layout, &config, validate_only, out, why);
	layout_close(&layout);
	return error;
}

void catalog_topic_delete(struct catalog *c, struct catalog_topic *topic)
{
	for (int32_t i = 0; i < topic->partition_count; i++)
		catalog_changed(c, topic->partitions[i], true);
	catalog_index_remove(c->index, topic);
	list_remove(&topic->node);
	c->topic_count--;
	c->partition_count -= topic->partition_count;
	partitions_free(topic, 0);
	property_set_free(&topic->config);
	free(topic->partitions);
	free(topic);
}

/* ---- more partitions ---- */

static int16_t check_growth(const struct catalog_topic *topic,
	const struct create_partitions_topic *request, char why[CATALOG_WHY_SIZE])
{
	int32_t count = topic->partition_count;
	if (request->count == count)
		return catalog_refuse(
			why, ERROR_INVALID_PARTITIONS, "Topic already has %d partition(s).", count);
	if (request->count < count)
		return catalog_refuse(why, ERROR_INVALID_PARTITIONS,
			"The topic %s currently has %d partition(s); %d would not be an increase.",
			topic->name, count, request->count);
	int32_t additional = request->count - count;
	if (request->assignments.count >= 0 && request->assignments.count != additional)
		return catalog_refuse(why, ERROR_INVALID_REPLICA_ASSIGNMENT,
			"Attempted to add %d additional partition(s), but only %d assignment(s) "
			"were specified.",
			additional, request->assignments.count);
	return 0;
}

int16_t catalog_topic_grow(struct catalog *c, struct catalog_topic *topic,
	const struct create_partitions_topic *request, bool validate_only,
	char why[CATALOG_WHY_SIZE])
{
	struct layout layout = { 0 };
	why[0] = '\0';
	int16_t error = check_growth(topic, request, why);
	if (error)
		return error;
	layout.partition_count = request->count - topic->partition_count;
	error = check_room(c, false, &layout, why);
	if (!error)
		error = layout_of_growth(c, topic, request, &layout, why);
	if (!error && !validate_only && topic_extend(c, topic, &layout))
		error = catalog_refuse(why, ERROR_UNKNOWN_SERVER_ERROR, "no memory");
	layout_close(&layout);
	return error;
}
