/* What every unit test includes: cmocka with its prerequisites, and CASE=pattern to run one case.
 */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base.h"

static inline void test_filter_take(const char *pattern)
{
	if (pattern && *pattern)
		cmocka_set_test_filter(pattern);
}

/* Runs the group; CASE in the environment, a pattern with * and ?, selects cases by name. */
#define RUN_TESTS(tests)                                                                           \
	(test_filter_take(getenv("CASE")), cmocka_run_group_tests(tests, NULL, NULL))

#endif
