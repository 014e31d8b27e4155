/* A result as the JSON object that scripts rely on: DESIGN section 7, in its order. */
#ifndef HARROW_REPORT_JSON_H
#define HARROW_REPORT_JSON_H

#include <stdio.h>

#include "result.h"

/* The caller owns the object. NULL only when memory ran out. */
json_t *json_result(const struct run_result *result);

/* Writes an object and a newline, flushed: 0 or -errno. */
int json_write(const json_t *object, FILE *out);

/* Makes a directory (and its parents) unless it is there, and checks that it can be written to, so
 * that a run does not fail at its end: 0, or -errno with one line in `error`. */
int json_prepare_directory(const char *directory, char *error, size_t error_size);

/* Writes DIRECTORY/result.json, complete or not at all: 0, or -errno with one line in `error`. */
int json_save(const json_t *object, const char *directory, char *error, size_t error_size);

#endif
