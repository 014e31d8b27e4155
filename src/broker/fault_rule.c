/*
 * The language of fault rules: a table of keys. Which topics and partitions a request names, and
 * whether its API names any, is read off the tables of the protocol.
 */
#include "fault_rule.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "../nearest.h"
#include "../units.h"
#include "fault_answer.h"
#include "proto/error.h"

#define NAMES_MAX 160 /* of what a word can be near to */

static int refuse(char why[FAULT_WHY_SIZE], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(char why[FAULT_WHY_SIZE], const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(why, FAULT_WHY_SIZE, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* "there is no api 'Prodce': did you mean 'Produce'?" */
static int refuse_name(char why[FAULT_WHY_SIZE], const char *what, const char *typed,
	const char *const *known, size_t count)
{
	const char *nearest = NULL;
	size_t best = NEAREST_FAR;
	for (size_t i = 0; i < count; i++) {
		size_t distance = nearest_distance(typed, known[i]);
		if (distance < best) {
			best = distance;
			nearest = known[i];
		}
	}
	if (nearest)
		return refuse(
			why, "there is no %s '%.64s': did you mean '%s'?", what, typed, nearest);
	return refuse(why, "there is no %s '%.64s'", what, typed);
}

/* ---- values ---- */

static int read_number(const char *key, const char *value, int64_t min, int64_t max, int64_t *out,
	char why[FAULT_WHY_SIZE])
{
	if (units_parse_count(value, out) || *out < min || *out > max)
		return refuse(why, "%s takes a number from %lld to %lld, not '%.64s'", key,
			(long long)min, (long long)max, value);
	return 0;
}

static int read_duration(const char *key, const char *value, int64_t min, int64_t max, int64_t *out,
	char why[FAULT_WHY_SIZE])
{
	if (units_parse_duration(value, out) || *out < min || *out > max)
		return refuse(
			why, "%s takes a time of up to 1h such as 50ms, not '%.64s'", key, value);
	return 0;
}

/* The index of the value among the words, or -EINVAL. */
static int read_word(const char *key, const char *value, const char *const *words, size_t count,
	char why[FAULT_WHY_SIZE])
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(value, words[i]) == 0)
			return (int)i;
	char choices[64] = "";
	for (size_t i = 0; i < count; i++) {
		size_t used = strlen(choices);
		snprintf(choices + used, sizeof choices - used, "%s%s",
			i == 0          ? ""
			: i + 1 < count ? ", "
					: " or ",
			words[i]);
	}
	return refuse(why, "%s is %s, not '%.64s'", key, choices, value);
}

static int read_api(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	const char *names[API_COUNT];
	for (int api = 0; api < API_COUNT; api++) {
		names[api] = api_infos[api].name;
		if (strcmp(value, names[api]) == 0) {
			rule->api = api;
			return 0;
		}
	}
	return refuse_name(why, "api", value, names, API_COUNT);
}

static int read_topic(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	if (!*value || strlen(value) >= FAULT_TOPIC_SIZE)
		return refuse(
			why, "topic takes a name of up to %d characters", FAULT_TOPIC_SIZE - 1);
	rule->topic = string_of(value);
	return 0;
}

static int read_client(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	(void)why; /* an empty client id is one */
	rule->client_id = string_of(value);
	return 0;
}

static int read_partition(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	int64_t number;
	int failed = read_number("partition", value, 0, INT32_MAX, &number, why);
	rule->partition = failed ? FAULT_ANY : (int32_t)number;
	return failed;
}

static int read_node(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	int64_t number;
	int failed = read_number("node", value, 0, INT32_MAX, &number, why);
	rule->node_id = failed ? FAULT_ANY : (int32_t)number;
	return failed;
}

static int read_error(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	int64_t number;
	if (units_parse_count(value, &number) == 0) {
		/* Also one that Kafka does not have: what does a client make of it? */
		if (number == 0 || number < INT16_MIN || number > INT16_MAX)
			return refuse(why, "error takes a name or a number that fits 16 bits, and "
					   "not 0");
		rule->error_code = (int16_t)number;
		return 0;
	}
	const char *names[NAMES_MAX];
	size_t count = 0;
	for (int code = ERROR_FIRST; code <= ERROR_LAST; code++) {
		if (code == ERROR_NONE)
			continue;
		const char *name = error_info((int16_t)code)->name;
		if (strcmp(value, name) == 0) {
			rule->error_code = (int16_t)code;
			return 0;
		}
		assert(count < NAMES_MAX);
		names[count++] = name;
	}
	return refuse_name(why, "error", value, names, count);
}

static int read_applied(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	static const char *const words[] = { "yes", "no" };
	int word = read_word("applied", value, words, COUNT_OF(words), why);
	rule->applied = word == 0 ? FAULT_APPLIED_YES : FAULT_APPLIED_NO;
	return MIN(word, 0);
}

static int read_delay(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	return read_duration("delay", value, 1, FAULT_DELAY_MAX, &rule->delay_ns, why);
}

static int read_throttle(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	int64_t throttle_ns;
	int failed =
		read_duration("throttle", value, NS_PER_MS, FAULT_DELAY_MAX, &throttle_ns, why);
	rule->throttle_ms = failed ? 0 : (int32_t)(throttle_ns / NS_PER_MS);
	return failed;
}

static int read_disconnect(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	static const char *const words[] = { "before", "after" };
	int word = read_word("disconnect", value, words, COUNT_OF(words), why);
	rule->disconnect_before = word == 0;
	rule->disconnect_after = word == 1;
	return MIN(word, 0);
}

static int read_half(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	(void)value;
	(void)why;
	rule->half_frame = true;
	return 0;
}

static int read_empty(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	(void)value;
	(void)why;
	rule->empty = true;
	return 0;
}

static int read_garbage(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	static const char *const words[] = { "size", "header", "body" };
	int word = read_word("garbage", value, words, COUNT_OF(words), why);
	rule->garbage = (enum fault_garbage)(GARBAGE_SIZE + MAX(word, 0));
	return MIN(word, 0);
}

static int read_skip(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	return read_number("skip", value, 0, INT64_MAX, &rule->skip_left, why);
}

static int read_count(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	return read_number("count", value, 1, INT64_MAX, &rule->count_left, why);
}

static int read_probability(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	if (units_parse_number(value, &rule->probability) ||
		!(rule->probability > 0 && rule->probability <= 1))
		return refuse(
			why, "probability takes a number above 0 and up to 1, not '%.64s'", value);
	return 0;
}

static int read_from(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	return read_duration("from", value, 0, FAULT_DELAY_MAX, &rule->from_ns, why);
}

static int read_until(struct fault_rule *rule, const char *value, char why[FAULT_WHY_SIZE])
{
	return read_duration("until", value, 1, FAULT_DELAY_MAX, &rule->until_ns, why);
}

/* ---- the whole ---- */

static const struct key {
	const char *name;
	int (*read)(struct fault_rule *, const char *value, char why[FAULT_WHY_SIZE]);
	bool bare;  /* takes no value */
	bool fault; /* says what goes wrong */
} keys[] = {
	{ "api", read_api, false, false },
	{ "topic", read_topic, false, false },
	{ "partition", read_partition, false, false },
	{ "client", read_client, false, false },
	{ "node", read_node, false, false },
	{ "error", read_error, false, true },
	{ "applied", read_applied, false, false },
	{ "delay", read_delay, false, true },
	{ "throttle", read_throttle, false, true },
	{ "disconnect", read_disconnect, false, true },
	{ "empty", read_empty, true, true },
	{ "half", read_half, true, true },
	{ "garbage", read_garbage, false, true },
	{ "skip", read_skip, false, false },
	{ "count", read_count, false, false },
	{ "probability", read_probability, false, false },
	{ "from", read_from, false, false },
	{ "until", read_until, false, false },
};

static int refuse_key(const char *typed, char why[FAULT_WHY_SIZE])
{
	const char *names[COUNT_OF(keys)];
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		names[i] = keys[i].name;
	return refuse_name(why, "key", typed, names, COUNT_OF(names));
}

/* One key=value, in place. `seen` has a bit for each key. */
static int read_part(struct fault_rule *rule, char *part, uint32_t *seen, char why[FAULT_WHY_SIZE])
{
	char *value = strchr(part, '=');
	if (value)
		*value++ = 0;
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		const struct key *key = &keys[i];
		if (strcmp(part, key->name) != 0)
			continue;
		if (*seen & (UINT32_C(1) << i))
			return refuse(why, "%s is said twice", key->name);
		*seen |= UINT32_C(1) << i;
		if (key->bare && value)
			return refuse(why, "%s takes no value", key->name);
		if (!key->bare && !value)
			return refuse(why, "%s needs a value: %s=...", key->name, key->name);
		return key->read(rule, value, why);
	}
	return refuse_key(part, why);
}

/* Metadata's answer has partitions, though its requests name topics only. */
static bool has_partitions(enum api api)
{
	return api == API_METADATA || fault_request_names_partitions(api);
}

static int check_names(const struct fault_rule *rule, char why[FAULT_WHY_SIZE])
{
	if (rule->api == FAULT_ANY)
		return 0;
	enum api api = (enum api)rule->api;
	if (!string_is_null(rule->topic) && !fault_request_names_topics(api))
		return refuse(why, "requests of %s name no topics", api_infos[api].name);
	if (rule->partition != FAULT_ANY && !has_partitions(api))
		return refuse(why, "requests of %s name no partitions", api_infos[api].name);
	return 0;
}

static int check_together(const struct fault_rule *rule, uint32_t seen, char why[FAULT_WHY_SIZE])
{
	bool fault = false;
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		fault |= keys[i].fault && (seen & (UINT32_C(1) << i));
	if (!fault)
		return refuse(why, "it does not say what goes wrong: error, delay, throttle, "
				   "disconnect, empty, half or garbage");
	if (rule->applied != FAULT_APPLIED_UNSAID && rule->error_code == 0)
		return refuse(why, "applied goes with an error");
	if (rule->until_ns <= rule->from_ns)
		return refuse(why, "until is not after from");
	return check_names(rule, why);
}

int fault_rule_read(struct fault_rule *rule, const char *text, char why[FAULT_WHY_SIZE])
{
	*rule = (struct fault_rule){
		.api = FAULT_ANY,
		.topic = NULL_STRING,
		.client_id = NULL_STRING,
		.partition = FAULT_ANY,
		.node_id = FAULT_ANY,
		.until_ns = NEVER_NS,
		.count_left = INT64_MAX,
		.probability = 1,
	};
	if (strlen(text) >= sizeof rule->text)
		return refuse(why, "it is longer than %zu characters", sizeof rule->text - 1);
	memcpy(rule->text, text, strlen(text) + 1);
	uint32_t seen = 0;
	char *next = rule->text;
	while (next) {
		char *part = next;
		next = strpbrk(part, ",:");
		if (next)
			*next++ = 0;
		int failed = read_part(rule, part, &seen, why);
		if (failed)
			return failed;
	}
	return check_together(rule, seen, why);
}

/* ---- what a rule is about ---- */

static bool is_session_error(const struct fault_rule *rule, enum api api)
{
	return api == API_FETCH && (rule->error_code == ERROR_FETCH_SESSION_ID_NOT_FOUND ||
					   rule->error_code == ERROR_INVALID_FETCH_SESSION_EPOCH ||
					   rule->error_code == ERROR_FETCH_SESSION_TOPIC_ID_ERROR);
}

bool fault_rule_is_about_partitions(const struct fault_rule *rule, enum api api)
{
	if (api != API_PRODUCE && api != API_FETCH && api != API_LIST_OFFSETS)
		return false;
	if (!string_is_null(rule->topic) || rule->partition != FAULT_ANY)
		return true;
	return rule->error_code != 0 && !is_session_error(rule, api);
}

bool fault_rule_names(const struct fault_rule *rule, enum api api, const void *request)
{
	if (string_is_null(rule->topic) && rule->partition == FAULT_ANY)
		return true;
	if (rule->partition != FAULT_ANY && !has_partitions(api))
		return false;
	return request && fault_request_has(api, request, rule->topic, rule->partition);
}
