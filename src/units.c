/* Quantities as text. Decimal arithmetic is done on integers: no value passes through a double
 * unless it is a double in the end. */
#include "units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base.h"
#include "clock.h"

#define DIGITS_MAX 18 /* of a number: what an int64_t surely holds */

/* Rates outside this range are typing mistakes, and would print with an exponent. */
#define RATE_MIN 0.001
#define RATE_MAX 1e12

struct suffix {
	const char *text;
	int64_t factor;
};

static const struct suffix count_suffixes[] = {
	{ "", 1 },
	{ "k", 1000 },
	{ "M", 1000000 },
	{ "G", 1000000000 },
};

static const struct suffix size_suffixes[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "KiB", INT64_C(1) << 10 },
	{ "MiB", INT64_C(1) << 20 },
	{ "GiB", INT64_C(1) << 30 },
};

/* From the largest to the smallest, as units_exact_duration wants it. */
static const struct suffix duration_suffixes[] = {
	{ "h", 3600 * NS_PER_S },
	{ "m", 60 * NS_PER_S },
	{ "s", NS_PER_S },
	{ "ms", NS_PER_MS },
	{ "us", NS_PER_US },
	{ "ns", 1 },
};

/* A decimal number as it was written: digits / 10^places. */
struct decimal {
	int64_t digits;
	int places;
	bool negative;
};

/* Returns what follows the number, or NULL and an error. */
static const char *decimal_parse(const char *text, struct decimal *decimal, int *error)
{
	*decimal = (struct decimal){ .negative = *text == '-' };
	*error = -EINVAL;
	text += decimal->negative;
	if (!isdigit((unsigned char)*text))
		return NULL;
	bool fraction = false;
	int count = 0;
	for (;; text++) {
		if (*text == '.' && !fraction && isdigit((unsigned char)text[1])) {
			fraction = true;
			continue;
		}
		if (!isdigit((unsigned char)*text))
			return text;
		count += decimal->digits > 0 || *text != '0';
		if (count > DIGITS_MAX) {
			*error = -ERANGE;
			return NULL;
		}
		decimal->digits = decimal->digits * 10 + (*text - '0');
		decimal->places += fraction;
	}
}

static const struct suffix *suffix_find(
	const char *text, const struct suffix *suffixes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(text, suffixes[i].text))
			return &suffixes[i];
	return NULL;
}

static int64_t power_of_ten(int exponent)
{
	int64_t power = 1;
	while (exponent-- > 0)
		power *= 10;
	return power;
}

static int decimal_scale(struct decimal decimal, int64_t factor, int64_t *value)
{
	if (decimal.places > DIGITS_MAX)
		return -ERANGE;
	__int128 scaled = (__int128)decimal.digits * factor;
	int64_t divisor = power_of_ten(decimal.places);
	if (scaled % divisor)
		return -EINVAL;
	scaled /= divisor;
	if (scaled > INT64_MAX)
		return -ERANGE;
	*value = (int64_t)(decimal.negative ? -scaled : scaled);
	return 0;
}

static int parse_scaled(
	const char *text, const struct suffix *suffixes, size_t count, int64_t *value)
{
	struct decimal decimal;
	int error;
	const char *rest = decimal_parse(text, &decimal, &error);
	if (!rest)
		return error;
	const struct suffix *suffix = suffix_find(rest, suffixes, count);
	if (!suffix)
		return -EINVAL;
	return decimal_scale(decimal, suffix->factor, value);
}

int units_parse_count(const char *text, int64_t *count)
{
	return parse_scaled(text, count_suffixes, COUNT_OF(count_suffixes), count);
}

int units_parse_size(const char *text, int64_t *bytes)
{
	if (*text == '-')
		return -EINVAL;
	return parse_scaled(text, size_suffixes, COUNT_OF(size_suffixes), bytes);
}

int units_parse_duration(const char *text, int64_t *ns)
{
	if (*text == '-')
		return -EINVAL;
	if (!strcmp(text, "0")) {
		*ns = 0;
		return 0;
	}
	return parse_scaled(text, duration_suffixes, COUNT_OF(duration_suffixes), ns);
}

/* The text before "/s", which must fit; false when there is no "/s". */
static bool strip_per_second(const char *text, char stripped[UNITS_TEXT_SIZE])
{
	size_t size = strlen(text);
	if (size < 2 || strcmp(text + size - 2, "/s") != 0 || size - 2 >= UNITS_TEXT_SIZE)
		return false;
	memcpy(stripped, text, size - 2);
	stripped[size - 2] = 0;
	return true;
}

int units_parse_rate(const char *text, struct rate *rate)
{
	char stripped[UNITS_TEXT_SIZE];
	bool per_second = strip_per_second(text, stripped);
	struct decimal decimal;
	int error;
	const char *rest = decimal_parse(per_second ? stripped : text, &decimal, &error);
	if (!rest)
		return error;
	enum rate_unit unit = RATE_RECORDS;
	const struct suffix *suffix = suffix_find(rest, count_suffixes, COUNT_OF(count_suffixes));
	if (!suffix && per_second) { /* "10MiB" alone is a size: bytes need their "/s" */
		unit = RATE_BYTES;
		suffix = suffix_find(rest, size_suffixes, COUNT_OF(size_suffixes));
	}
	if (!suffix || decimal.negative)
		return -EINVAL;
	if (decimal.places > DIGITS_MAX)
		return -ERANGE;
	double value = (double)decimal.digits * (double)suffix->factor /
		       (double)power_of_ten(decimal.places);
	if (value < RATE_MIN || value > RATE_MAX)
		return -ERANGE;
	*rate = (struct rate){ .per_second = value, .unit = unit };
	return 0;
}

int units_parse_number(const char *text, double *number)
{
	/* strtod alone would take leading space, "inf", "nan" and hexadecimal. */
	if (!isdigit((unsigned char)*text) && !(*text == '-' && isdigit((unsigned char)text[1])))
		return -EINVAL;
	if (strpbrk(text, "xX"))
		return -EINVAL;
	char *end;
	double value = strtod(text, &end);
	if (*end)
		return -EINVAL;
	if (!isfinite(value))
		return -ERANGE;
	*number = value;
	return 0;
}

char *units_exact_size(int64_t bytes, char text[UNITS_TEXT_SIZE])
{
	const struct suffix *best = &size_suffixes[0];
	for (size_t i = 2; i < COUNT_OF(size_suffixes); i++)
		if (bytes > 0 && bytes % size_suffixes[i].factor == 0)
			best = &size_suffixes[i];
	snprintf(text, UNITS_TEXT_SIZE, "%" PRId64 "%s", bytes / best->factor, best->text);
	return text;
}

char *units_exact_duration(int64_t ns, char text[UNITS_TEXT_SIZE])
{
	if (ns == 0) {
		snprintf(text, UNITS_TEXT_SIZE, "0s");
		return text;
	}
	const struct suffix *unit = duration_suffixes;
	while (ns % unit->factor)
		unit++;
	snprintf(text, UNITS_TEXT_SIZE, "%" PRId64 "%s", ns / unit->factor, unit->text);
	return text;
}

char *units_exact_rate(struct rate rate, char text[UNITS_TEXT_SIZE])
{
	/* 15 digits give every decimal back that was typed with as many. */
	if (rate.unit != RATE_BYTES) {
		snprintf(text, UNITS_TEXT_SIZE, "%.15g", rate.per_second);
		return text;
	}
	if (rate.per_second == floor(rate.per_second)) {
		units_exact_size((int64_t)rate.per_second, text);
		snprintf(text + strlen(text), UNITS_TEXT_SIZE - strlen(text), "%s",
			strchr(text, 'B') ? "/s" : "B/s");
	} else {
		snprintf(text, UNITS_TEXT_SIZE, "%.15gB/s", rate.per_second);
	}
	return text;
}

/* Three significant digits; a whole number below 1000 keeps no fraction. */
static void format_three(double value, const char *unit, char text[UNITS_TEXT_SIZE])
{
	double size = fabs(value);
	int places = size >= 99.95 || value == floor(value) ? 0 : size >= 9.995 ? 1 : 2;
	snprintf(text, UNITS_TEXT_SIZE, "%.*f%s%s", places, value, *unit ? " " : "", unit);
}

/* Divides by `step` while the three digits would round to more than 999 or 1023. */
static char *format_scaled(
	double value, double step, const char *const *units, char text[UNITS_TEXT_SIZE])
{
	if (!isfinite(value)) {
		snprintf(text, UNITS_TEXT_SIZE, "-");
		return text;
	}
	while (fabs(value) >= step - 0.5 && units[1]) {
		value /= step;
		units++;
	}
	format_three(value, *units, text);
	return text;
}

char *units_human_count(double count, char text[UNITS_TEXT_SIZE])
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", NULL };
	return format_scaled(count, 1000, units, text);
}

char *units_human_size(double bytes, char text[UNITS_TEXT_SIZE])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", NULL };
	return format_scaled(bytes, 1024, units, text);
}

char *units_human_duration(double ns, char text[UNITS_TEXT_SIZE])
{
	static const char *const units[] = { "ns", "us", "ms", "s", NULL };
	double seconds = round(ns / (double)NS_PER_S);
	if (!isfinite(ns) || fabs(seconds) < 120)
		return format_scaled(ns, 1000, units, text);
	bool minutes = seconds < 7200;
	double whole = floor(seconds / (minutes ? 60 : 3600));
	double rest = minutes ? fmod(seconds, 60) : fmod(floor(seconds / 60), 60);
	int used = snprintf(text, UNITS_TEXT_SIZE, "%.0f %s", whole, minutes ? "min" : "h");
	if (rest > 0)
		snprintf(text + used, UNITS_TEXT_SIZE - (size_t)used, " %.0f %s", rest,
			minutes ? "s" : "min");
	return text;
}
