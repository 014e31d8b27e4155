/* What topics and brokers are configured with. See the header. */
#include "config_value.h"

#include <inttypes.h>
#include <stdlib.h>

#include "stage.h"

static int compare_topic_names(const void *a, const void *b)
{
	enum property x, y;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return strcmp(property_infos[x].topic_name, property_infos[y].topic_name);
}

int config_topic_properties(enum property out[PROPERTY_COUNT])
{
	int count = 0;
	for (int i = 0; i < PROPERTY_COUNT; i++)
		if (property_infos[i].topic_name)
			out[count++] = (enum property)i;
	qsort(out, (size_t)count, sizeof *out, compare_topic_names);
	return count;
}

static const struct property_set *broker_set(const struct exchange *x)
{
	return &x->stage->catalog.properties;
}

struct string config_of_topic(
	struct exchange *x, const struct property_set *topic, enum property property)
{
	const char *text = property_text(topic, broker_set(x), property);
	if (text)
		return string_of(text);
	return exchange_text(x, "%" PRId64, property_int(topic, broker_set(x), property));
}

/* What other options decide. */
static struct string fixed_of_broker(struct exchange *x, enum property property)
{
	const struct catalog_node *node = catalog_node(&x->stage->catalog, x->node_id);
	if (!node)
		return NULL_STRING;
	if (property == PROPERTY_NODE_ID || property == PROPERTY_BROKER_ID)
		return exchange_text(x, "%d", node->id);
	return exchange_text(x, "PLAINTEXT://%s:%d", node->host, node->port);
}

struct string config_of_broker(struct exchange *x, enum property property)
{
	if (property_infos[property].use == PROPERTY_FIXED)
		return fixed_of_broker(x, property);
	return string_of(property_text(NULL, broker_set(x), property));
}

static int add(struct describe_configs_synonym *out, int count, const char *name,
	struct string value, enum property_source source)
{
	if (string_is_null(value))
		return count;
	out[count] = (struct describe_configs_synonym){
		.name = string_of(name),
		.value = value,
		.source = (int8_t)source,
	};
	return count + 1;
}

/* What is set on the broker, then the defaults; what stands before the first that has the asked
 * name itself is left out, as Kafka does: hours alone do not explain a time in ms. */
static int broker_synonyms(
	struct exchange *x, enum property property, struct describe_configs_synonym *out)
{
	enum property names[PROPERTY_SYNONYMS_MAX];
	int name_count = property_synonyms(property, names), count = 0;
	const struct property_set *set = broker_set(x);
	bool fixed = property_infos[property].use == PROPERTY_FIXED;
	for (int i = 0; i < name_count; i++) {
		struct string value =
			fixed ? fixed_of_broker(x, property) : string_of(set->texts[names[i]]);
		if (i == 0 || count > 0)
			count = add(out, count, property_infos[names[i]].name, value,
				PROPERTY_OF_BROKER);
	}
	for (int i = 0; i < name_count; i++)
		if (i == 0 || count > 0)
			count = add(out, count, property_infos[names[i]].name,
				string_of(property_infos[names[i]].preset), PROPERTY_OF_KAFKA);
	return count;
}

int config_synonyms(struct exchange *x, const struct property_set *topic, enum property property,
	struct describe_configs_synonym out[CONFIG_SYNONYMS_MAX])
{
	int count = 0;
	if (topic)
		count = add(out, 0, property_infos[property].topic_name,
			string_of(topic->texts[property]), PROPERTY_OF_TOPIC);
	return count + broker_synonyms(x, property, out + count);
}

int8_t config_source_of_topic(
	struct exchange *x, const struct property_set *topic, enum property property)
{
	enum property names[PROPERTY_SYNONYMS_MAX];
	if (topic->texts[property])
		return PROPERTY_OF_TOPIC;
	int count = property_synonyms(property, names);
	for (int i = 0; i < count; i++)
		if (broker_set(x)->texts[names[i]])
			return PROPERTY_OF_BROKER;
	return PROPERTY_OF_KAFKA;
}
