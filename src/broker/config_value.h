/*
 * What a topic or a broker is configured with, as CreateTopics and DescribeConfigs tell it: values,
 * where they come from, and what else they could come from (KIP-226). As Kafka's ConfigHelper.
 */
#ifndef BROKER_CONFIG_VALUE_H
#define BROKER_CONFIG_VALUE_H

#include "exchange.h"
#include "property.h"
#include "proto/topics.h"

/* A topic's own value, the broker's, and the default. */
#define CONFIG_SYNONYMS_MAX (1 + 2 * PROPERTY_SYNONYMS_MAX)

/* All of topics, in the order of their names. Returns how many. */
int config_topic_properties(enum property out[PROPERTY_COUNT]);

/* The value that a topic has; `topic` is its own configuration. */
struct string config_of_topic(struct exchange *, const struct property_set *topic, enum property);

/* The value that the broker who was asked has; null where Kafka says so. */
struct string config_of_broker(struct exchange *, enum property);

/*
 * Where the value comes from, the deciding one first, none for a default that nobody can set.
 * `topic` NULL: the broker's. Returns how many.
 */
int config_synonyms(struct exchange *, const struct property_set *topic, enum property,
	struct describe_configs_synonym out[CONFIG_SYNONYMS_MAX]);

/* In CreateTopics' answer, where hours count as the broker's value of a time in ms. */
int8_t config_source_of_topic(struct exchange *, const struct property_set *topic, enum property);

#endif
