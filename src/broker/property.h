/*
 * Properties: Kafka's own names, types, ranges and defaults, of brokers and of topics. One table;
 * --property, CreateTopics and DescribeConfigs all read it. Those that the stage has nothing to do
 * about are carried all the same, checked and reported, because clients set them. The table is
 * property_list.h.
 *
 * A topic's property has a broker property from which its default comes (max.message.bytes from
 * message.max.bytes), and some of those have another behind them (log.retention.ms, else
 * log.retention.minutes, else log.retention.hours), as in Kafka's ServerTopicConfigSynonyms.
 * Of Kafka 4.3.1, where topics are refused with the words that are used here.
 */
#ifndef BROKER_PROPERTY_H
#define BROKER_PROPERTY_H

#include "base.h"
#include "property_list.h"

#define PROPERTY_WHY_SIZE     320
#define PROPERTY_TEXT_MAX     1024 /* of a value */
#define PROPERTY_SYNONYMS_MAX 3    /* broker properties behind a topic's */

enum property_type { /* DescribeConfigs' ConfigType, KIP-569 */
	PROPERTY_BOOLEAN = 1,
	PROPERTY_STRING = 2,
	PROPERTY_INT = 3,
	PROPERTY_SHORT = 4,
	PROPERTY_LONG = 5,
	PROPERTY_DOUBLE = 6,
	PROPERTY_LIST = 7,
};

enum property_use {
	PROPERTY_HONOURED, /* the stage does what it says */
	PROPERTY_CARRIED,  /* taken, checked and reported, no more */
	PROPERTY_FIXED,    /* reported; other options decide it */
};

/* Where a value comes from: DescribeConfigs' ConfigSource, KIP-226. */
enum property_source {
	PROPERTY_OF_TOPIC = 1,
	PROPERTY_OF_BROKER = 4,
	PROPERTY_OF_KAFKA = 5, /* the default */
};

/* clang-format off */
enum property {
#define X(ENUM, ...) PROPERTY_##ENUM,
	PROPERTIES(X)
#undef X
	PROPERTY_COUNT,
};
/* clang-format on */

struct property_info {
	const char *name;       /* the broker's; NULL: there is none */
	const char *topic_name; /* NULL likewise */
	enum property_type type;
	enum property_use use;
	const char *preset; /* NULL: not set, or it follows from another */
	int64_t min, max;
	const char *words; /* the values allowed, ", " between them; NULL: any */
	const char *documentation;
};

extern const struct property_info property_infos[PROPERTY_COUNT];

struct property_pair {
	struct string name, value;
};

/* Values that were set, in Kafka's own spelling of them; texts are the set's own. Zeroed: none. */
struct property_set {
	char *texts[PROPERTY_COUNT]; /* NULL: not set */
};

/* By the broker's or by the topic's name; -ENOENT. */
int property_find(struct string name, bool of_topic);

/*
 * Sets a value that may be set. 0, or with a sentence in `why`: -ENOENT unknown; -EINVAL not of its
 * type, or null; -ERANGE; -EPERM fixed; -ENOMEM. Of topics the sentences are Kafka's own.
 */
int property_set_text(struct property_set *, struct string name, bool of_topic, struct string value,
	char why[PROPERTY_WHY_SIZE]);

/* What no value alone can be blamed for. 0, or -EINVAL with a sentence. `topic` may be NULL. */
int property_set_check(const struct property_set *topic, const struct property_set *broker,
	char why[PROPERTY_WHY_SIZE]);

void property_set_free(struct property_set *);

/*
 * The topic's value, else the broker's, else the default. `topic` may be NULL. Numbers that are not
 * set follow from those behind them; the text of such a one is NULL.
 */
const char *property_text(
	const struct property_set *topic, const struct property_set *broker, enum property);
int64_t property_int(
	const struct property_set *topic, const struct property_set *broker, enum property);
bool property_bool(
	const struct property_set *topic, const struct property_set *broker, enum property);
/* Whether a list holds the word. */
bool property_has(const struct property_set *topic, const struct property_set *broker,
	enum property, const char *word);

/* The broker properties that a value comes from, the deciding one first. Returns how many. */
int property_synonyms(enum property, enum property out[PROPERTY_SYNONYMS_MAX]);

/* Whether Kafka lets a running broker's be altered (the stage does not). */
bool property_is_dynamic(enum property);

#endif
