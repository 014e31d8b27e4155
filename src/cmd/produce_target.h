/*
 * Where a producing run writes to: the cluster, seen from the main thread, and the topic: made,
 * or allowed to exist; its limits; its offsets before and after; and removed again.
 */
#ifndef CMD_PRODUCE_TARGET_H
#define CMD_PRODUCE_TARGET_H

#include <jansson.h>

#include "../client/admin.h"
#include "../exit_status.h"
#include "produce_options.h"

#define TARGET_SLAB_SIZE   ((size_t)16 << 20) /* one Fetch answer of the read-back */
#define TARGET_SLAB_COUNT  8
#define TARGET_REASON_SIZE 600

struct target {
	const struct produce_config *config;
	struct loop *loop;
	struct cluster cluster;
	char topic[TOPIC_NAME_SIZE];
	bool created;
	bool perhaps_created;      /* the answer did not come; the name is nobody else's */
	bool unreachable;          /* the brokers did not answer after the run */
	int64_t max_message_bytes; /* of the topic; -1: not known */
	json_t *broker_config;     /* what matters of topic and brokers */
	int64_t *start_offsets, *end_offsets;
	char reason[TARGET_REASON_SIZE]; /* one line for people */
	enum exit_status status;         /* that a failure deserves */
};

/*
 * Connects, makes or checks the topic, reads its limits and start offsets. 0, or -errno with a line
 * in reason and in status what it means: usage, where the user has to decide (the topic is not
 * ours). -EINTR when interrupted. target_cleanup and target_close in any case.
 */
int target_open(struct target *, const struct produce_config *);

/*
 * The end offsets after the run. With acks=0 the last requests may still be on their way, and with
 * acks=1 a leader shows what it acknowledged only when its followers have it (the high watermark):
 * asks again until the partitions have grown by `expected` records, or stand still. 0 or -errno
 * with a line in reason.
 */
int target_offsets(struct target *, int64_t expected);

/* The sum of what the partitions have grown by. */
int64_t target_growth(const struct target *);

/* Removes the topic if this run made it and is to remove it. 0 or -errno with a line in reason. */
int target_cleanup(struct target *);

void target_close(struct target *);

#endif
