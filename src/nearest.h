/* Which known name did somebody mean? For "did you mean ...?" and nothing else. */
#ifndef HARROW_NEAREST_H
#define HARROW_NEAREST_H

#include <stddef.h>

#define NEAREST_NAME_MAX 64
#define NEAREST_FAR      ((size_t)-1)

/*
 * How far apart two names are: insertions, deletions, replacements and swaps of neighbours (optimal
 * string alignment), without regard to case and with - and _ alike; NEAREST_FAR when they are too
 * far apart to be a slip of the fingers. A beginning of a name is near it.
 */
size_t nearest_distance(const char *typed, const char *known);

#endif
