/*
 * CreateTopics and CreatePartitions, as a KRaft broker answers: it forwards them to the controller,
 * so that each broker takes them. What Kafka's ControllerApis checks is checked here, all else by
 * the catalog. Done when answered: timeouts do not matter.
 */
#include "config_value.h"
#include "exchange.h"
#include "stage.h"
#include "tally.h"

#define CONFIGS_SINCE 5 /* of CreateTopics: the answer tells what a topic has (KIP-525) */

static const char duplicate_name[] = "Duplicate topic name.";

/* Null when there is nothing to say. */
static struct string sentence(struct exchange *x, const char *why)
{
	return *why ? exchange_text(x, "%s", why) : NULL_STRING;
}

/* ---- CreateTopics ---- */

/* What is the same for every topic of a request. */
struct creation {
	struct exchange *exchange;
	const struct create_topics_request *request;
	struct tally names;
	bool excessive; /* more partitions than one request may make */
	enum property properties[PROPERTY_COUNT];
	int property_count;
};

static int64_t partitions_wanted(const struct catalog *catalog, const struct creatable_topic *topic)
{
	if (topic->assignments.count > 0)
		return topic->assignments.count;
	if (topic->num_partitions == -1)
		return property_int(NULL, &catalog->properties, PROPERTY_NUM_PARTITIONS);
	return MAX(topic->num_partitions, 0);
}

static void tell_configs(const struct creation *c, const struct property_set *config,
	struct creatable_topic_result *result)
{
	struct exchange *x = c->exchange;
	if (x->version < CONFIGS_SINCE)
		return;
	struct creatable_topic_configs *items =
		exchange_alloc(x, (size_t)c->property_count * sizeof *items);
	for (int i = 0; i < c->property_count; i++) {
		enum property property = c->properties[i];
		items[i] = (struct creatable_topic_configs){
			.name = string_of(property_infos[property].topic_name),
			.value = config_of_topic(x, config, property),
			.config_source = config_source_of_topic(x, config, property),
		};
	}
	result->configs.items = items;
	result->configs.count = c->property_count;
}

static void create(const struct creation *c, const struct creatable_topic *topic,
	struct creatable_topic_result *result)
{
	struct exchange *x = c->exchange;
	bool validate_only = c->request->validate_only;
	struct topic_outcome outcome;
	char why[CATALOG_WHY_SIZE];
	result->error_code =
		catalog_topic_create(&x->stage->catalog, topic, validate_only, &outcome, why);
	result->error_message = sentence(x, why);
	if (result->error_code)
		return;
	result->topic_id = outcome.id;
	result->num_partitions = outcome.partition_count;
	result->replication_factor = outcome.replication_factor;
	tell_configs(c, outcome.topic ? &outcome.topic->config : &outcome.config, result);
	/* The texts were not copied: the answer's must outlive the set. */
	if (validate_only)
		for (int32_t i = 0; i < result->configs.count; i++)
			result->configs.items[i].value =
				exchange_text(x, "%.*s", result->configs.items[i].value.size,
					result->configs.items[i].value.data);
	property_set_free(&outcome.config);
}

static void refuse_topic(
	struct creatable_topic_result *result, int16_t error, struct string message)
{
	result->error_code = error;
	result->error_message = message;
}

/* A result, or none for a name that has got one. */
static int32_t create_or_refuse(struct creation *c, const struct creatable_topic *topic,
	struct creatable_topic_result *result)
{
	int32_t *count = tally_of(&c->names, topic->name.data, topic->name.size);
	if (*count == 0)
		return 0;
	*result = (struct creatable_topic_result){
		.name = topic->name,
		.error_message = NULL_STRING,
		.num_partitions = -1,
		.replication_factor = -1,
	};
	if (*count > 1)
		refuse_topic(result, ERROR_INVALID_REQUEST, string_of(duplicate_name));
	else if (string_equal(topic->name, STRING("__cluster_metadata")))
		refuse_topic(result, ERROR_INVALID_REQUEST,
			STRING("Creation of internal topic __cluster_metadata is prohibited."));
	else if (c->excessive)
		refuse_topic(result, ERROR_POLICY_VIOLATION,
			STRING("Excessively large number of partitions per request."));
	else
		create(c, topic, result);
	*count = 0;
	return 1;
}

void handle_create_topics(struct exchange *x)
{
	const struct create_topics_request *request = x->body;
	struct create_topics_response *response = exchange_alloc(x, sizeof *response);
	struct creation c = { .exchange = x, .request = request };
	int64_t partitions = 0;
	response->topics.items =
		exchange_alloc(x, (size_t)request->topics.count * sizeof *response->topics.items);
	tally_open(&c.names, x, request->topics.count);
	c.property_count = config_topic_properties(c.properties);
	for (int32_t i = 0; i < request->topics.count && !exchange_full(x); i++) {
		const struct creatable_topic *topic = &request->topics.items[i];
		++*tally_of(&c.names, topic->name.data, topic->name.size);
		partitions += partitions_wanted(&x->stage->catalog, topic);
	}
	c.excessive = partitions > CATALOG_CHANGE_MAX;
	for (int32_t i = 0; i < request->topics.count && !exchange_full(x); i++)
		response->topics.count += create_or_refuse(&c, &request->topics.items[i],
			&response->topics.items[response->topics.count]);
	exchange_answer(x, response);
}

/* ---- CreatePartitions ---- */

static void grow(struct exchange *x, const struct create_partitions_topic *topic,
	bool validate_only, struct create_partitions_topic_result *result)
{
	struct catalog *catalog = &x->stage->catalog;
	struct catalog_topic *known = catalog_topic_named(catalog, topic->name);
	char why[CATALOG_WHY_SIZE] = "";
	result->error_code = known ? catalog_topic_grow(catalog, known, topic, validate_only, why)
				   : ERROR_UNKNOWN_TOPIC_OR_PARTITION;
	result->error_message = sentence(x, why);
}

void handle_create_partitions(struct exchange *x)
{
	const struct create_partitions_request *request = x->body;
	struct create_partitions_response *response = exchange_alloc(x, sizeof *response);
	struct create_partitions_topic_result *results =
		exchange_alloc(x, (size_t)request->topics.count * sizeof *results);
	struct tally names;
	response->results.items = results;
	tally_open(&names, x, request->topics.count);
	for (int32_t i = 0; i < request->topics.count && !exchange_full(x); i++) {
		const struct create_partitions_topic *topic = &request->topics.items[i];
		++*tally_of(&names, topic->name.data, topic->name.size);
	}
	for (int32_t i = 0; i < request->topics.count && !exchange_full(x); i++) {
		const struct create_partitions_topic *topic = &request->topics.items[i];
		int32_t *count = tally_of(&names, topic->name.data, topic->name.size);
		if (*count == 0)
			continue;
		struct create_partitions_topic_result *result = &results[response->results.count++];
		*result = (struct create_partitions_topic_result){
			.name = topic->name,
			.error_code = ERROR_INVALID_REQUEST,
			.error_message = string_of(duplicate_name),
		};
		if (*count == 1)
			grow(x, topic, request->validate_only, result);
		*count = 0;
	}
	exchange_answer(x, response);
}
