/*
 * Time is an int64_t of nanoseconds, named ..._ns, and is always passed in: nothing but io and
 * src/main reads a clock. Unless a name says "wall", it is CLOCK_MONOTONIC; wall is CLOCK_REALTIME.
 */
#ifndef HARROW_CLOCK_H
#define HARROW_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

#define NEVER_NS INT64_MAX /* a deadline that does not come */

static inline int64_t clock_read_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static inline int64_t clock_monotonic_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

static inline int64_t clock_wall_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}

#endif
