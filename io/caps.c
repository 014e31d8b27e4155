/* Words of --io-caps to flags and back, for io/caps.h. */
#include "caps.h"

#include <errno.h>
#include <stdio.h>

static const char *const rung_names[RUNG_COUNT] = { "defer", "coop", "plain" };

static const struct {
	const char *name;
	size_t offset;
} features[] = {
	{ "multishot", offsetof(struct caps, multishot) },
	{ "bufring", offsetof(struct caps, buffer_ring) },
	{ "waitall", offsetof(struct caps, wait_all) },
	{ "trunc", offsetof(struct caps, discard) },
	{ "multiaccept", offsetof(struct caps, multishot_accept) },
	{ "pwait2", offsetof(struct caps, pwait2) },
};

static bool *feature_of(struct caps *caps, size_t index)
{
	return (bool *)((char *)caps + features[index].offset);
}

const char *rung_name(enum uring_rung rung)
{
	return rung_names[rung];
}

static bool caps_word(struct caps *caps, const char *word, size_t size)
{
	for (int rung = 0; rung < RUNG_COUNT; rung++)
		if (strlen(rung_names[rung]) == size && !memcmp(word, rung_names[rung], size)) {
			caps->rung = (enum uring_rung)rung;
			return true;
		}
	for (size_t i = 0; i < COUNT_OF(features); i++)
		if (word[0] == '-' && strlen(features[i].name) == size - 1 &&
			!memcmp(word + 1, features[i].name, size - 1)) {
			*feature_of(caps, i) = false;
			return true;
		}
	if (size == 4 && !memcmp(word, "tiny", size)) {
		caps->tiny = true;
		return true;
	}
	return false;
}

int caps_parse(const char *text, struct caps *caps, char why[LOOP_TEXT_SIZE])
{
	struct caps result = { .rung = RUNG_DEFER };
	for (size_t i = 0; i < COUNT_OF(features); i++)
		*feature_of(&result, i) = true;
	const char *word = text ? text : "";
	while (*word) {
		size_t size = strcspn(word, ",");
		if (size == 0 || !caps_word(&result, word, size)) {
			snprintf(why, LOOP_TEXT_SIZE,
				"unknown capability \"%.*s\": defer, coop, plain, -multishot, "
				"-bufring, -waitall, -trunc, -multiaccept, -pwait2, tiny",
				(int)MIN(size, (size_t)32), word);
			return -EINVAL;
		}
		word += size;
		word += *word == ',';
	}
	*caps = result;
	return 0;
}

void caps_describe(
	const struct caps *caps, const char *name, const char *first, char text[LOOP_TEXT_SIZE])
{
	struct caps copy = *caps;
	const char *between = " (";
	int used = snprintf(text, LOOP_TEXT_SIZE, "%s", name);
	if (first) {
		used += snprintf(
			text + used, LOOP_TEXT_SIZE - (size_t)used, "%s%s", between, first);
		between = ", ";
	}
	for (size_t i = 0; i < COUNT_OF(features); i++)
		if (*feature_of(&copy, i)) {
			used += snprintf(text + used, LOOP_TEXT_SIZE - (size_t)used, "%s%s",
				between, features[i].name);
			between = ", ";
		}
	if (caps->tiny) {
		used += snprintf(text + used, LOOP_TEXT_SIZE - (size_t)used, "%stiny", between);
		between = ", ";
	}
	if (between[0] == ',')
		snprintf(text + used, LOOP_TEXT_SIZE - (size_t)used, ")");
}
