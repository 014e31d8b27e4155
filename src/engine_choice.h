/*
 * --engine, for every command that opens loops: its choices, and the line that is said when epoll
 * has to stand in for io_uring.
 */
#ifndef HARROW_ENGINE_CHOICE_H
#define HARROW_ENGINE_CHOICE_H

#include <stdio.h>

#include "io/loop.h"

#include "options.h"

/* For an option's row: auto, uring, epoll; the values are enum loop_engine. */
extern const struct option_choice engine_choices[];

/*
 * One line for people when `loop` was opened with LOOP_ENGINE_AUTO and runs on epoll; else nothing.
 * Once per process is enough: whoever opens the first loop says it. `command` as "harrow produce".
 */
void engine_say_fallback(const struct loop *loop, const char *command, FILE *out);

#endif
