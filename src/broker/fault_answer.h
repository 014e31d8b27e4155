/*
 * Answers that say an error, made from the tables of the protocol alone: no handler takes part.
 * Pure.
 *
 * Not for a single partition of Produce, Fetch or ListOffsets: whoever handles those writes the
 * error where it belongs.
 */
#ifndef BROKER_FAULT_ANSWER_H
#define BROKER_FAULT_ANSWER_H

#include "arena.h"
#include "base.h"
#include "fault.h"
#include "proto/api.h"

/*
 * Sets every error_code that the version carries to the plan's, throughout the response; with the
 * plan's topic only in items of that name, with its partition only in those partitions of them.
 * What lies beside an error in a produced partition follows: base_offset is -1.
 */
void fault_stain(enum api, int version, void *response, const struct fault_plan *);

/*
 * The least answer to a request that was not applied: an item for each topic, partition or resource
 * that the request names, all else default, every error code that of the plan. NULL: the arena is
 * at its limit. It points at the request's strings.
 */
void *fault_answer(
	enum api, int version, const void *request, const struct fault_plan *, struct arena *);

#endif
