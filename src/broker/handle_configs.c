/*
 * DescribeConfigs, versions 1 to 4, as Kafka's ConfigHelper: of topics and of the broker that is
 * asked. Nothing is sensitive; documentation is the stage's own.
 */
#include "config_value.h"
#include "exchange.h"
#include "stage.h"

#include <stdio.h>

enum resource_type {
	RESOURCE_TOPIC = 2,
	RESOURCE_BROKER = 4,
	RESOURCE_BROKER_LOGGER = 8,
};

/* One resource, and what is asked about it. */
struct description {
	struct exchange *exchange;
	const struct describe_configs_request *request;
	const struct describe_configs_resource *resource;
	const struct catalog_topic *topic; /* NULL: the broker */
	struct describe_configs_result *result;
};

static bool is_wanted(const struct describe_configs_resource *resource, const char *name)
{
	if (resource->configuration_keys.count <= 0)
		return true;
	for (int32_t i = 0; i < resource->configuration_keys.count; i++)
		if (string_equal(resource->configuration_keys.items[i], string_of(name)))
			return true;
	return false;
}

static void describe_config(
	struct description *d, enum property property, struct describe_configs_resource_result *out)
{
	struct exchange *x = d->exchange;
	const struct property_info *info = &property_infos[property];
	const struct property_set *set = d->topic ? &d->topic->config : NULL;
	struct describe_configs_synonym synonyms[CONFIG_SYNONYMS_MAX];
	int count = config_synonyms(x, set, property, synonyms);
	*out = (struct describe_configs_resource_result){
		.name = string_of(set ? info->topic_name : info->name),
		.value = set ? config_of_topic(x, set, property) : config_of_broker(x, property),
		.read_only = !set && !property_is_dynamic(property),
		.config_source = count > 0 ? synonyms[0].source : PROPERTY_OF_KAFKA,
		.config_type = (int8_t)info->type,
		.documentation = d->request->include_documentation ? string_of(info->documentation)
								   : NULL_STRING,
	};
	if (!d->request->include_synonyms || count == 0)
		return;
	out->synonyms.items = exchange_alloc(x, (size_t)count * sizeof *synonyms);
	out->synonyms.count = count;
	memcpy(out->synonyms.items, synonyms, (size_t)count * sizeof *synonyms);
}

static void describe_all(struct description *d)
{
	struct describe_configs_resource_result *items =
		exchange_alloc(d->exchange, PROPERTY_COUNT * sizeof *items);
	int32_t count = 0;
	for (int i = 0; i < PROPERTY_COUNT; i++) {
		const struct property_info *info = &property_infos[i];
		const char *name = d->topic ? info->topic_name : info->name;
		if (name && is_wanted(d->resource, name))
			describe_config(d, (enum property)i, &items[count++]);
	}
	d->result->configs.items = items;
	d->result->configs.count = count;
}

static void refuse(struct description *d, int16_t error, struct string message)
{
	d->result->error_code = error;
	d->result->error_message = message;
}

static void describe_topic(struct description *d)
{
	struct string name = d->resource->resource_name;
	char why[CATALOG_WHY_SIZE];
	int16_t error = topic_name_check(name, why);
	if (error) {
		refuse(d, error, exchange_text(d->exchange, "%s", why));
		return;
	}
	d->topic = catalog_topic_named(&d->exchange->stage->catalog, name);
	if (!d->topic) {
		d->result->error_code = ERROR_UNKNOWN_TOPIC_OR_PARTITION;
		return;
	}
	describe_all(d);
}

/* A broker's id as text: at most ten digits and a sign. */
static bool parse_id(struct string text, int64_t *id)
{
	char digits[16];
	int end = 0;
	if (text.size <= 0 || text.size >= (int32_t)sizeof digits)
		return false;
	memcpy(digits, text.data, (size_t)text.size);
	digits[text.size] = '\0';
	long long value;
	if (sscanf(digits, "%lld%n", &value, &end) != 1 || end != text.size)
		return false;
	*id = value;
	return true;
}

/* False, and the resource is refused: it is not the broker that was asked. */
static bool is_asked_broker(struct description *d, const char *or_empty)
{
	struct exchange *x = d->exchange;
	struct string name = d->resource->resource_name;
	int32_t shown = MIN(name.size, CATALOG_NAME_SIZE);
	int64_t id;
	if (!parse_id(name, &id)) {
		refuse(d, ERROR_INVALID_REQUEST,
			exchange_text(x, "Broker id must be an integer, but it is: %.*s", shown,
				name.data));
		return false;
	}
	if (id == x->node_id)
		return true;
	refuse(d, ERROR_INVALID_REQUEST,
		exchange_text(x, "Unexpected broker id, expected %d%s but received %.*s",
			x->node_id, or_empty, shown, name.data));
	return false;
}

static void describe_resource(struct description *d)
{
	bool named = d->resource->resource_name.size > 0;
	switch (d->resource->resource_type) {
	case RESOURCE_TOPIC:
		describe_topic(d);
		return;
	case RESOURCE_BROKER:
		/* Without a name: what was altered on all brokers, which is nothing. */
		if (named && is_asked_broker(d, " or empty string,"))
			describe_all(d);
		return;
	case RESOURCE_BROKER_LOGGER:
		/* There is no logger whose level could be told. */
		if (!named)
			refuse(d, ERROR_INVALID_REQUEST, STRING("Broker id must not be empty"));
		else
			(void)is_asked_broker(d, "");
		return;
	default:
		refuse(d, ERROR_INVALID_REQUEST,
			exchange_text(d->exchange, "Unsupported resource type: %d",
				d->resource->resource_type));
	}
}

void handle_describe_configs(struct exchange *x)
{
	const struct describe_configs_request *request = x->body;
	struct describe_configs_response *response = exchange_alloc(x, sizeof *response);
	struct describe_configs_result *results =
		exchange_alloc(x, (size_t)request->resources.count * sizeof *results);
	response->results.items = results;
	for (int32_t i = 0; i < request->resources.count && !exchange_full(x); i++) {
		struct description d = {
			.exchange = x,
			.request = request,
			.resource = &request->resources.items[i],
			.result = &results[i],
		};
		/* Kafka's message of success is empty, not null. */
		results[i].resource_type = d.resource->resource_type;
		results[i].resource_name = d.resource->resource_name;
		response->results.count++;
		describe_resource(&d);
	}
	exchange_answer(x, response);
}
