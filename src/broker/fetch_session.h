/*
 * Incremental fetch sessions (KIP-227): what a client fetches from a broker is kept here, so that
 * its requests list only changes and its answers only partitions with news. The rules are those of
 * Kafka's FetchSessionCache: a bounded number of sessions
 * (max.incremental.fetch.session.cache.slots); when all are taken a new one takes the place of one
 * that was idle for FETCH_SESSION_IDLE_NS, or of an old one with fewer partitions, or is declined
 * (session id 0, and the client goes on with full fetches). Pure: no socket, no clock.
 *
 * Each broker has its own. The stage opens them, empties them when the broker goes down, and tells
 * the fetch handler about partitions (fetch_partition_changed).
 */
#ifndef BROKER_FETCH_SESSION_H
#define BROKER_FETCH_SESSION_H

#include "base.h"
#include "clock.h"
#include "list.h"
#include "proto/error.h"
#include "proto/fetch.h"

#define FETCH_SESSION_IDLE_NS     (120 * NS_PER_S)
#define FETCH_SESSIONS_MAX        100000
#define FETCH_SESSION_ENTRIES_MAX 100000  /* partitions of one; more are declined */
#define FETCH_ENTRIES_MAX         1000000 /* of all of a broker */

struct fetch_sessions;

/* A partition in a session. */
struct fetch_entry {
	struct list node;         /* of the session: in the order in which they are read */
	struct fetch_entry *next; /* of its bucket */
	struct string
		topic; /* a copy; where topics have ids, the name that was last found, or empty */
	struct uuid topic_id;
	int32_t partition;
	int32_t max_bytes;
	int32_t leader_epoch; /* -1: not known */
	int64_t offset;
	int64_t high_watermark, log_start_offset; /* that the client was told last; -1: none */
};

struct fetch_session {
	int32_t id;
	int32_t epoch; /* that the next request must have */
	bool topic_ids;
	struct list entries;
	int32_t entry_count;

	/* private */
	struct fetch_sessions *owner;
	struct list by_use; /* of all, the latest last */
	struct fetch_session *next;
	bool follower;
	int64_t created_ns, used_ns;
	struct fetch_entry **buckets;
	int32_t bucket_count; /* a power of two */
};

/* `slots` 0: every session is declined. 0 or -ENOMEM. */
int fetch_sessions_open(struct fetch_sessions **, int32_t slots, uint64_t seed);
void fetch_sessions_close(struct fetch_sessions *); /* may be NULL */
void fetch_sessions_clear(struct fetch_sessions *);

/*
 * What the request does to its session: a full one ends it (*out: NULL), an incremental one changes
 * and continues it. When nothing is left in it, it ends, and there is nothing to be fetched (*out:
 * NULL). Returns an error for the whole answer, or 0.
 */
int16_t fetch_sessions_enter(struct fetch_sessions *, const struct fetch_request *, int version,
	int64_t now_ns, struct fetch_session **out);

/* Whether a full request asks for a session; before version 7 it has the defaults, and does not. */
static inline bool fetch_wants_session(const struct fetch_request *request)
{
	return request->session_epoch == 0;
}

static inline bool fetch_is_full(const struct fetch_request *request)
{
	return request->session_epoch == 0 || request->session_epoch == -1;
}

/* The session, or NULL when it has ended. */
struct fetch_session *fetch_sessions_find(struct fetch_sessions *, int32_t id);

/* A new session, empty, for so many partitions; NULL: declined. */
struct fetch_session *fetch_sessions_create(struct fetch_sessions *, bool follower, bool topic_ids,
	int32_t entry_count, int64_t now_ns);

/* The entry of a partition as a request has it, made if absent; its position is the request's.
 * NULL: no memory, or more than FETCH_SESSION_ENTRIES_MAX or FETCH_ENTRIES_MAX. */
struct fetch_entry *fetch_session_set(struct fetch_session *, struct string topic,
	struct uuid topic_id, const struct fetch_partition *);

/* Notes the name of a topic that has an id. Nothing happens without memory. */
void fetch_entry_name(struct fetch_entry *, struct string topic);

/* The entry has been answered: it is read last the next time. */
void fetch_session_rotate(struct fetch_session *, struct fetch_entry *);

void fetch_session_end(struct fetch_session *);

int32_t fetch_sessions_count(const struct fetch_sessions *);

#endif
