/*
 * Properties: looked up, checked and read. What there is, is in property_list.h. Values are checked
 * and spelt as Kafka's ConfigDef and LogConfig do, and refused in their words.
 */
#include "property.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../nearest.h"

#define LONG_MAX_TEXT "9223372036854775807"
#define ANY_LONG      INT64_MIN, INT64_MAX
#define ANY_INT       INT32_MIN, INT32_MAX
#define FROM(min)     (min), INT64_MAX
#define BOOL_RANGE    0, 1
/* One macro more, so that a range in the table becomes the two numbers that it stands for. */
#define ROW(ENUM, ...) ROW_OF(ENUM, __VA_ARGS__)
#define ROW_OF(ENUM, NAME, TOPIC_NAME, TYPE, USE, PRESET, MIN, MAX, WORDS, DOCUMENTATION)          \
	[PROPERTY_##ENUM] = {                                                                      \
		.name = (NAME),                                                                    \
		.topic_name = (TOPIC_NAME),                                                        \
		.type = PROPERTY_##TYPE,                                                           \
		.use = PROPERTY_##USE,                                                             \
		.preset = (PRESET),                                                                \
		.min = (MIN),                                                                      \
		.max = (MAX),                                                                      \
		.words = (WORDS),                                                                  \
		.documentation = (DOCUMENTATION),                                                  \
	},

const struct property_info property_infos[PROPERTY_COUNT] = { PROPERTIES(ROW) };

/* What stands in for a number that is not set, and how many of the one make one of the other. */
static const struct property_stand_in {
	enum property property, behind;
	int64_t unit;
} stand_ins[] = {
	{ PROPERTY_LOG_RETENTION_MS, PROPERTY_LOG_RETENTION_MINUTES, 60000 },
	{ PROPERTY_LOG_RETENTION_MS, PROPERTY_LOG_RETENTION_HOURS, 3600000 },
	{ PROPERTY_LOG_ROLL_MS, PROPERTY_LOG_ROLL_HOURS, 3600000 },
	{ PROPERTY_LOG_ROLL_JITTER_MS, PROPERTY_LOG_ROLL_JITTER_HOURS, 3600000 },
	{ PROPERTY_LOG_FLUSH_INTERVAL_MS, PROPERTY_LOG_FLUSH_SCHEDULER_INTERVAL_MS, 1 },
};

/* ---- names ---- */

static const char *name_of(enum property property, bool of_topic)
{
	const struct property_info *info = &property_infos[property];
	return of_topic ? info->topic_name : info->name;
}

int property_find(struct string name, bool of_topic)
{
	for (int i = 0; i < PROPERTY_COUNT; i++) {
		const char *known = name_of((enum property)i, of_topic);
		if (known && string_equal(string_of(known), name))
			return i;
	}
	return -ENOENT;
}

/* The known name that somebody may have meant, or NULL. */
static const char *nearest_name(struct string name, bool of_topic)
{
	char typed[NEAREST_NAME_MAX + 1];
	if (name.size <= 0 || name.size > NEAREST_NAME_MAX)
		return NULL;
	memcpy(typed, name.data, (size_t)name.size);
	typed[name.size] = '\0';
	const char *nearest = NULL;
	size_t least = NEAREST_FAR;
	for (int i = 0; i < PROPERTY_COUNT; i++) {
		const char *known = name_of((enum property)i, of_topic);
		size_t distance = known ? nearest_distance(typed, known) : NEAREST_FAR;
		if (distance < least) {
			least = distance;
			nearest = known;
		}
	}
	return nearest;
}

bool property_is_dynamic(enum property property)
{
	/* All that topics inherit, and two more. */
	const struct property_info *info = &property_infos[property];
	return (info->name && info->topic_name) || property == PROPERTY_MAX_CONNECTIONS ||
	       property == PROPERTY_PRODUCER_ID_EXPIRATION_MS;
}

/* ---- checking a value ---- */

/* A value on its way in: Kafka's spelling of it, and why it is refused. */
struct candidate {
	const struct property_info *info;
	const char *name;
	char text[PROPERTY_TEXT_MAX];
	char *why;
};

__attribute__((format(printf, 3, 4))) static int refuse(
	char why[PROPERTY_WHY_SIZE], int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(why, PROPERTY_WHY_SIZE, format, arguments);
	va_end(arguments);
	return error;
}

static int refuse_value(const struct candidate *c, int error, const char *text, const char *what)
{
	return refuse(
		c->why, error, "Invalid value %s for configuration %s: %s", text, c->name, what);
}

static int check_range(const struct candidate *c, double value)
{
	char what[64];
	if (c->info == &property_infos[PROPERTY_COMPRESSION_GZIP_LEVEL]) {
		if (value == -1 || (value >= 1 && value <= 9))
			return 0;
		return refuse_value(
			c, -ERANGE, c->text, "Value must be between 1 and 9 or equal to -1");
	}
	/* The ends of a range that are of interest are small enough for a double. */
	if (value < (double)c->info->min)
		snprintf(what, sizeof what, "Value must be at least %lld", (long long)c->info->min);
	else if (value > (double)c->info->max)
		snprintf(what, sizeof what, "Value must be no more than %lld",
			(long long)c->info->max);
	else
		return 0;
	return refuse_value(c, -ERANGE, c->text, what);
}

static int check_integer(struct candidate *c, int64_t min, int64_t max, const char *type)
{
	char *end, what[64];
	errno = 0;
	long long value = strtoll(c->text, &end, 10);
	bool sound = end != c->text && *end == '\0' && errno == 0 && !isspace((uint8_t)*c->text);
	if (!sound || value < min || value > max) {
		snprintf(what, sizeof what, "Not a number of type %s", type);
		return refuse_value(c, -EINVAL, c->text, what);
	}
	snprintf(c->text, sizeof c->text, "%lld", value);
	return check_range(c, (double)value);
}

/* As Java prints it: the shortest text that means the same, with a fraction. */
static void spell_double(char *text, size_t size, double value)
{
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, size, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	if (!strpbrk(text, ".en"))
		snprintf(text + strlen(text), size - strlen(text), ".0");
}

static int check_double(struct candidate *c)
{
	char *end;
	double value = strtod(c->text, &end);
	if (end == c->text || *end != '\0' || !isfinite(value))
		return refuse_value(c, -EINVAL, c->text, "Not a number of type DOUBLE");
	spell_double(c->text, sizeof c->text, value);
	return check_range(c, value);
}

static int check_boolean(struct candidate *c)
{
	char given[PROPERTY_TEXT_MAX];
	memcpy(given, c->text, sizeof given);
	for (char *at = c->text; *at; at++)
		*at = (char)tolower((uint8_t)*at);
	if (strcmp(c->text, "true") == 0 || strcmp(c->text, "false") == 0)
		return 0;
	return refuse_value(c, -EINVAL, given, "Expected value to be either true or false");
}

/* Whether one of the words between commas is this one. */
static bool word_in(const char *list, const char *word, size_t word_size)
{
	for (const char *at = list; *at;) {
		size_t size = strcspn(at, ",");
		if (size == word_size && memcmp(at, word, size) == 0)
			return true;
		at += size;
		at += strspn(at, ", ");
	}
	return false;
}

static int check_word(const struct candidate *c, const char *word, size_t size)
{
	char given[PROPERTY_TEXT_MAX], what[PROPERTY_WHY_SIZE];
	if (!c->info->words || word_in(c->info->words, word, size))
		return 0;
	snprintf(given, sizeof given, "%.*s", (int)size, word);
	snprintf(what, sizeof what, "String must be one of: %s", c->info->words);
	return refuse_value(c, -EINVAL, given, what);
}

/* "partition:broker" or, alone, "*". */
static bool is_throttled_replica(const char *word, size_t size)
{
	size_t first = strspn(word, "0123456789");
	if (size == 1 && *word == '*')
		return true;
	return first > 0 && first + 1 < size && word[first] == ':' &&
	       first + 1 + strspn(word + first + 1, "0123456789") == size;
}

/* Words between commas: each is trimmed and checked. */
static int check_list(struct candidate *c)
{
	char given[PROPERTY_TEXT_MAX];
	memcpy(given, c->text, sizeof given);
	bool throttled = c->info == &property_infos[PROPERTY_LEADER_THROTTLED_REPLICAS] ||
			 c->info == &property_infos[PROPERTY_FOLLOWER_THROTTLED_REPLICAS];
	char *out = c->text;
	*out = '\0';
	for (const char *at = given; *at;) {
		at += strspn(at, " \t");
		size_t whole = strcspn(at, ","), size = whole;
		while (size > 0 && isspace((uint8_t)at[size - 1]))
			size--;
		int error = check_word(c, at, size);
		if (error)
			return error;
		if (throttled && !is_throttled_replica(at, size))
			return refuse(c->why, -EINVAL,
				"Invalid value [%.64s] for configuration %s: %s must be the "
				"literal '*' or a list of replicas in the following format: "
				"[partitionId]:[brokerId],[partitionId]:[brokerId],...",
				given, c->name, c->name);
		if (out != c->text)
			*out++ = ',';
		memmove(out, at, size); /* never longer than what was given */
		out += size;
		*out = '\0';
		at += whole + (at[whole] == ',');
	}
	return 0;
}

static int check(struct candidate *c)
{
	switch (c->info->type) {
	case PROPERTY_BOOLEAN:
		return check_boolean(c);
	case PROPERTY_STRING:
		return check_word(c, c->text, strlen(c->text));
	case PROPERTY_INT:
		return check_integer(c, INT32_MIN, INT32_MAX, "INT");
	case PROPERTY_SHORT:
		return check_integer(c, INT16_MIN, INT16_MAX, "SHORT");
	case PROPERTY_LONG:
		return check_integer(c, INT64_MIN, INT64_MAX, "LONG");
	case PROPERTY_DOUBLE:
		return check_double(c);
	case PROPERTY_LIST:
		return check_list(c);
	}
	return -EINVAL;
}

static int refuse_name(struct string name, bool of_topic, char why[PROPERTY_WHY_SIZE])
{
	int size = MIN(MAX(name.size, 0), NEAREST_NAME_MAX);
	if (of_topic)
		return refuse(why, -ENOENT, "Unknown topic config name: %.*s", size,
			size ? name.data : "");
	const char *nearest = nearest_name(name, of_topic);
	return refuse(why, -ENOENT, "unknown property %.*s%s%s%s", size, size ? name.data : "",
		nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

int property_set_text(struct property_set *set, struct string name, bool of_topic,
	struct string value, char why[PROPERTY_WHY_SIZE])
{
	struct candidate c = { .why = why };
	int found = property_find(name, of_topic);
	if (found < 0)
		return refuse_name(name, of_topic, why);
	c.info = &property_infos[found];
	c.name = name_of((enum property)found, of_topic);
	if (c.info->use == PROPERTY_FIXED)
		return refuse(
			why, -EPERM, "property %s cannot be set: other options decide it", c.name);
	if (string_is_null(value))
		return refuse(
			why, -EINVAL, "Null value not supported for topic configs: %s", c.name);
	while (value.size > 0 && isspace((uint8_t)value.data[0])) {
		value.data++;
		value.size--;
	}
	while (value.size > 0 && isspace((uint8_t)value.data[value.size - 1]))
		value.size--;
	if (value.size >= PROPERTY_TEXT_MAX || memchr(value.data, '\0', (size_t)value.size))
		return refuse(why, -EINVAL, "Invalid value for configuration %s: too long", c.name);
	memcpy(c.text, value.data, (size_t)value.size);
	int error = check(&c);
	if (error)
		return error;
	char *text = strdup(c.text);
	if (!text)
		return refuse(why, -ENOMEM, "no memory for configuration %s", c.name);
	free(set->texts[found]);
	set->texts[found] = text;
	return 0;
}

int property_set_check(const struct property_set *topic, const struct property_set *broker,
	char why[PROPERTY_WHY_SIZE])
{
	int64_t least = property_int(topic, broker, PROPERTY_LOG_CLEANER_MIN_COMPACTION_LAG_MS);
	int64_t most = property_int(topic, broker, PROPERTY_LOG_CLEANER_MAX_COMPACTION_LAG_MS);
	if (least > most)
		return refuse(why, -EINVAL,
			"conflict topic config setting min.compaction.lag.ms (%lld) > "
			"max.compaction.lag.ms (%lld)",
			(long long)least, (long long)most);
	if (property_bool(topic, broker, PROPERTY_REMOTE_STORAGE_ENABLE))
		return refuse(why, -EINVAL,
			"Tiered Storage functionality is disabled in the broker. Topic cannot be "
			"configured with remote log storage.");
	return 0;
}

void property_set_free(struct property_set *set)
{
	for (int i = 0; i < PROPERTY_COUNT; i++)
		free(set->texts[i]);
	*set = (struct property_set){ 0 };
}

/* ---- reading ---- */

const char *property_text(
	const struct property_set *topic, const struct property_set *broker, enum property property)
{
	if (topic && topic->texts[property])
		return topic->texts[property];
	if (broker->texts[property])
		return broker->texts[property];
	return property_infos[property].preset;
}

/* Negative numbers mean "never", whatever the unit. */
static int64_t in_unit(int64_t value, int64_t unit)
{
	if (value < 0)
		return -1;
	return value > INT64_MAX / unit ? INT64_MAX : value * unit;
}

int64_t property_int(
	const struct property_set *topic, const struct property_set *broker, enum property property)
{
	const char *text = property_text(topic, broker, property);
	if (text)
		return strtoll(text, NULL, 10);
	for (size_t i = 0; i < COUNT_OF(stand_ins); i++) {
		if (stand_ins[i].property != property)
			continue;
		text = property_text(NULL, broker, stand_ins[i].behind);
		if (text)
			return in_unit(strtoll(text, NULL, 10), stand_ins[i].unit);
	}
	return -1;
}

bool property_bool(
	const struct property_set *topic, const struct property_set *broker, enum property property)
{
	const char *text = property_text(topic, broker, property);
	return text && strcmp(text, "true") == 0;
}

bool property_has(const struct property_set *topic, const struct property_set *broker,
	enum property property, const char *word)
{
	const char *text = property_text(topic, broker, property);
	return text && word_in(text, word, strlen(word));
}

int property_synonyms(enum property property, enum property out[PROPERTY_SYNONYMS_MAX])
{
	int count = 0;
	if (property_infos[property].name)
		out[count++] = property;
	for (size_t i = 0; i < COUNT_OF(stand_ins); i++)
		if (stand_ins[i].property == property)
			out[count++] = stand_ins[i].behind;
	return count;
}
