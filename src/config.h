/*
 * --config FILE: a JSON object with the long options' names, underscored. Values are strings as
 * they would be typed, or JSON numbers, booleans and arrays where the option takes such; null
 * leaves the default. What the command line says is stronger, whatever the order.
 */
#ifndef HARROW_CONFIG_H
#define HARROW_CONFIG_H

#include "options.h"

#define CONFIG_SIZE_MAX ((size_t)1024 * 1024)

/* Reads a file into the set: 0, or a negative errno with set->error: "FILE:LINE:COLUMN: ..." */
int config_read(struct option_set *set, const char *path);

/* The same from memory; `path` is for the error's text only. */
int config_read_text(struct option_set *set, const char *path, const char *text, size_t size);

#endif
