/*
 * Properties: Kafka's own names, types and defaults, of brokers and of topics, as far as the stage
 * honours them. One table; --property, CreateTopics and DescribeConfigs all read it.
 *
 * A topic's property has a broker property from which its default comes (max.message.bytes from
 * message.max.bytes), as in Kafka's LogConfig.
 */
#ifndef BROKER_PROPERTY_H
#define BROKER_PROPERTY_H

#include "base.h"

enum property_type { /* DescribeConfigs' ConfigType, KIP-569 */
	PROPERTY_BOOLEAN = 1,
	PROPERTY_STRING = 2,
	PROPERTY_INT = 3,
	PROPERTY_SHORT = 4,
	PROPERTY_LONG = 5,
	PROPERTY_DOUBLE = 6,
	PROPERTY_LIST = 7,
};

/* clang-format off */
/* X(ENUM, name of the broker's, of the topic's or NULL, type, default, min, max, documentation).
  */
#define PROPERTY_LIST(X)                                                                           \
	X(AUTO_CREATE_TOPICS_ENABLE, "auto.create.topics.enable", NULL, BOOLEAN, "true", 0, 1,     \
		"Whether asking for an unknown topic makes it.")                                   \
	X(NUM_PARTITIONS, "num.partitions", NULL, INT, "1", 1, INT32_MAX,                          \
		"Partitions of a topic that does not say how many.")                               \
	X(MESSAGE_MAX_BYTES, "message.max.bytes", "max.message.bytes", INT, "1048588", 0,          \
		INT32_MAX, "The largest batch that is taken.")
/* clang-format on */

enum property {
#define X(ENUM, name, topic_name, type, preset, min, max, documentation) PROPERTY_##ENUM,
	PROPERTY_LIST(X)
#undef X
		PROPERTY_COUNT,
};

struct property_info {
	const char *name, *topic_name;
	enum property_type type;
	const char *preset;
	int64_t min, max;
	const char *documentation;
};

extern const struct property_info property_infos[PROPERTY_COUNT];

struct property_pair {
	struct string name, value;
};

/* Values that were set; texts are the set's own. */
struct property_set {
	char *texts[PROPERTY_COUNT]; /* NULL: not set */
};

/* By the broker's or by the topic's name; -ENOENT. */
int property_find(struct string name, bool of_topic);
/* 0; -ENOENT unknown; -EINVAL not of its type; -ERANGE; -ENOMEM. */
int property_set_text(
	struct property_set *, struct string name, bool of_topic, struct string value);
void property_set_free(struct property_set *);

/* The topic's value, else the broker's, else the default. `topic` may be NULL. */
const char *property_text(
	const struct property_set *topic, const struct property_set *broker, enum property);
int64_t property_int(
	const struct property_set *topic, const struct property_set *broker, enum property);
bool property_bool(
	const struct property_set *topic, const struct property_set *broker, enum property);

#endif
