/*
 * One fault rule: its text read into what fault.c decides by. Private to the fault injector; the
 * language is described in fault.h.
 */
#ifndef BROKER_FAULT_RULE_H
#define BROKER_FAULT_RULE_H

#include "base.h"
#include "fault.h"

enum fault_applied { FAULT_APPLIED_UNSAID, FAULT_APPLIED_YES, FAULT_APPLIED_NO };

struct fault_rule {
	char text[FAULT_RULE_SIZE]; /* cut to pieces: topic and client_id point into it */
	/* which */
	int api;                        /* or FAULT_ANY */
	struct string topic, client_id; /* null: any */
	int32_t partition, node_id;     /* or FAULT_ANY */
	/* what */
	int16_t error_code;
	enum fault_applied applied;
	int64_t delay_ns;
	int32_t throttle_ms;
	bool disconnect_before, disconnect_after, half_frame, empty;
	enum fault_garbage garbage;
	/* when */
	int64_t added_ns; /* fault.c's; the times below count from it */
	int64_t from_ns, until_ns;
	int64_t skip_left, count_left;
	double probability;
};

/* 0, or -EINVAL with a clause in `why`. */
int fault_rule_read(struct fault_rule *, const char *text, char why[FAULT_WHY_SIZE]);

/* Whether it is asked for each partition of a request of this API, not once for the request. */
bool fault_rule_is_about_partitions(const struct fault_rule *, enum api);

/* Whether the request has the rule's topic and partition: true for a rule that says neither. */
bool fault_rule_names(const struct fault_rule *, enum api, const void *request);

#endif
