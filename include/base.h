/*
 * The words that every layer shares: slices, counts, alignment, checks.
 *
 * Slices never own what they point at. A size or a count of -1 means null, as on Kafka's wire; a
 * zeroed slice is therefore empty, not null.
 */
#ifndef HARROW_BASE_H
#define HARROW_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

struct string {
	const char *data; /* not terminated */
	int32_t size;
};

struct bytes {
	const uint8_t *data;
	int32_t size;
};

/* A counted array whose items live elsewhere, usually in an arena. */
#define ARRAY_OF(type)                                                                             \
	struct {                                                                                   \
		type *items;                                                                       \
		int32_t count;                                                                     \
	}

#define STRING(literal) ((struct string){ (literal), (int32_t)sizeof(literal) - 1 })
#define NULL_STRING     ((struct string){ NULL, -1 })
#define NULL_BYTES      ((struct bytes){ NULL, -1 })

#define COUNT_OF(array)                     (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
#define MIN(a, b)                           CHOOSE(a, <, b, __COUNTER__)
#define MAX(a, b)                           CHOOSE(a, >, b, __COUNTER__)
#define CHOOSE(a, compare, b, number)       CHOOSE_NAMED(a, compare, b, number)
#define CHOOSE_NAMED(a, compare, b, number)                                                        \
	__extension__({                                                                            \
		const __auto_type a_##number = (a);                                                \
		const __auto_type b_##number = (b);                                                \
		a_##number compare b_##number ? a_##number : b_##number;                           \
	})

static inline struct string string_of(const char *terminated)
{
	if (!terminated)
		return NULL_STRING;
	return (struct string){ terminated, (int32_t)strlen(terminated) };
}

static inline bool string_is_null(struct string s)
{
	return s.size < 0;
}

static inline bool string_equal(struct string a, struct string b)
{
	return a.size == b.size && (a.size <= 0 || memcmp(a.data, b.data, (size_t)a.size) == 0);
}

#endif
