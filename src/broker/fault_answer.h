/*
 * What the fault injector reads off the tables of the protocol: which topics and partitions a
 * request names, and answers that say an error, made without a handler. Pure.
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
 * plan's topic only in items of that name, with its partition only in those partitions of them. A
 * partition of Metadata with an error has no leader.
 */
void fault_stain(enum api, int version, void *response, const struct fault_plan *);

/*
 * The least answer to a request that was not applied: an item for each topic, partition or resource
 * that the request names, all else default, every error code that of the plan. NULL: the arena is
 * at its limit. It points at the request's strings.
 */
void *fault_answer(
	enum api, int version, const void *request, const struct fault_plan *, struct arena *);

/* Whether requests of this API can name topics, and partitions of them. */
bool fault_request_names_topics(enum api);
bool fault_request_names_partitions(enum api);

/* Whether the request names the topic (null: any), and of it the partition (FAULT_ANY, or an API
 * whose requests name none: any). A null list of topics means all of them. */
bool fault_request_has(enum api, const void *request, struct string topic, int32_t partition);

#endif
