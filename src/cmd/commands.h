/*
 * The subcommands. Each gets the arguments after its name, reads its options, does its work, writes
 * its result to standard output and everything else to standard error, and returns the exit status.
 */
#ifndef HARROW_COMMANDS_H
#define HARROW_COMMANDS_H

#include "../exit_status.h"

enum exit_status produce_command(int count, char *const arguments[]);
enum exit_status broker_command(int count, char *const arguments[]);

#endif
