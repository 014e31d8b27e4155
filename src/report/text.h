/* A result for a person: one screen, aligned, ending in one plain sentence. */
#ifndef HARROW_REPORT_TEXT_H
#define HARROW_REPORT_TEXT_H

#include <stdio.h>

#include "result.h"

/* Writes the report, flushed: 0 or -errno. */
int text_write(const struct run_result *result, FILE *out);

#endif
