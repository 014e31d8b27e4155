/* Edit distance with transpositions, over three rows of the table. */
#include "nearest.h"

#include <ctype.h>
#include <string.h>

#include "base.h"

static int fold(char c)
{
	return c == '_' ? '-' : tolower((unsigned char)c);
}

static bool is_beginning(const char *typed, const char *known)
{
	for (; *typed; typed++, known++)
		if (fold(*typed) != fold(*known))
			return false;
	return true;
}

static size_t edit_distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
	size_t rows[3][NEAREST_NAME_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];
	for (size_t j = 0; j <= b_size; j++)
		last[j] = before[j] = j;
	for (size_t i = 1; i <= a_size; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b_size; j++) {
			bool same = fold(a[i - 1]) == fold(b[j - 1]);
			size_t best = MIN(last[j], row[j - 1]) + 1;
			best = MIN(best, last[j - 1] + !same);
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
				fold(a[i - 2]) == fold(b[j - 1]))
				best = MIN(best, before[j - 2] + 1);
			row[j] = best;
		}
		size_t *free_row = before;
		before = last;
		last = row;
		row = free_row;
	}
	return last[b_size];
}

size_t nearest_distance(const char *typed, const char *known)
{
	size_t typed_size = strlen(typed), known_size = strlen(known);
	if (typed_size == 0 || typed_size > NEAREST_NAME_MAX || known_size > NEAREST_NAME_MAX)
		return NEAREST_FAR;
	if (typed_size >= 3 && is_beginning(typed, known))
		return 1;
	size_t distance = edit_distance(typed, typed_size, known, known_size);
	size_t allowed = MAX(MIN(typed_size, known_size) / 3, 1);
	return distance <= allowed ? distance : NEAREST_FAR;
}
