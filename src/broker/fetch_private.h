/*
 * A fetch under way, from the request to its answer: what handle_fetch.c, which waits, and
 * fetch_answer.c, which reads, know of it. Nobody else includes this.
 */
#ifndef BROKER_FETCH_PRIVATE_H
#define BROKER_FETCH_PRIVATE_H

#include "catalog.h"
#include "exchange.h"
#include "fetch_session.h"
#include "io/timer.h"

#define FETCH_TOPIC_ID_SINCE      13
#define FETCH_STORE_SHARE         16          /* one answer is at most the store's size over this */
#define FETCH_ANSWER_MAX          (256 << 20) /* bytes of records in one answer */
#define FETCH_ANSWER_SEGMENTS_MAX 16384       /* pieces of memory they are in: reading ends there */

/* A partition that is asked for. */
struct fetch_target {
	struct fetch *fetch;
	struct list waiter; /* of the partition, while the fetch waits */
	struct string topic;
	struct uuid topic_id;
	const struct fetch_partition *request; /* or the entry, of a session */
	struct fetch_entry *entry;             /* valid while the session has the epoch */
	int32_t partition;
	int32_t max_bytes;
	int32_t leader_epoch;
	int64_t offset;
	int64_t available;  /* bytes that were there when somebody last looked */
	int64_t seen_bytes; /* the log's appended_bytes then; -1: nobody has looked */

	/* What the answer says. */
	int16_t fault; /* that rules want; with fault_applied after it was read */
	bool fault_applied;
	bool unknown; /* the partition was not found: the error is beside the log's */
	int16_t error_code;
	struct fetch_current_leader leader;
	int64_t high_watermark, log_start_offset;
	struct records records;
};

struct fetch {
	struct exchange *exchange;
	const struct fetch_request *request;
	int32_t replica_id;
	int32_t session_id; /* of an incremental fetch, else 0 */
	int32_t epoch;      /* that the session has until somebody else uses it */
	int64_t max_bytes, min_bytes;
	int64_t available; /* over all targets */
	bool woken;
	bool failed; /* there was no memory to read into */
	struct timer timer;
	int32_t target_count;
	struct fetch_target *targets;
	int32_t answered_count;
	struct fetch_target **answered; /* those that the answer has, in its order */
};

struct fetch_sessions *fetch_sessions_of(const struct fetch *);

/* The partition, and 0; or the error of one that is not there, and sets `unknown`. */
int16_t fetch_locate(struct fetch_target *, struct catalog_partition **out);

/* Whether this broker lets the client read there: 0, or the error. */
int16_t fetch_permit(const struct fetch_target *, const struct catalog_partition *);

/* Reads, and ends the exchange. */
void fetch_answer(struct fetch *);

#endif
