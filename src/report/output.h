/* Where a result goes: standard output as text or JSON, and the folder of --out. */
#ifndef HARROW_REPORT_OUTPUT_H
#define HARROW_REPORT_OUTPUT_H

#include "result.h"

struct output_options {
	bool json;             /* else text */
	const char *directory; /* of --out, or NULL: result.json is written there */
};

/*
 * Writes the result, and returns the exit status that the run deserves. What cannot be written is
 * one line on standard error and a failed run, but keeps neither form from the other: a full disk
 * does not cost the result on standard output.
 */
enum exit_status output_write(
	const struct run_result *result, const struct output_options *options);

#endif
