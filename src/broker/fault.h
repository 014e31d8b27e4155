/*
 * The fault injector: rules that say which requests go wrong, and how. Pure and seeded: the same
 * requests in the same order meet the same faults. Here is what a rule decides; what an answer with
 * an error looks like is fault_answer.h's business, and the session does what a plan says.
 *
 * A rule is a list of key=value, set apart by commas or colons, in any order (--fault, and the
 * control socket's `fault`), such as  api=Produce,partition=3:error=NOT_LEADER_OR_FOLLOWER:count=2
 *   which  api=Produce  topic=NAME  partition=3  client=ID  node=2      (left out: any)
 *   what   error=NAME or number  [applied=yes|no]   the answer's error codes
 *          delay=50ms                               of the answer
 *          throttle=100ms                           throttle_time_ms, and the connection muted
 *          disconnect=before|after                  the request is applied, unanswered
 *          empty                                    an answer that names nothing that was asked
 *          half                                     half of the answer, then the end
 *          garbage=size|header|body                 the answer is random bytes from there on
 *   when   skip=10  count=3  probability=0.01  from=2s  until=5s        (left out: always)
 *
 * `skip` counts what WHICH selects and lets it pass, then `probability` is drawn, then `count` is
 * how often the rule acts. Times are since the rule was added. Several rules may act on a request:
 * the first error counts, the longest delay and throttle, and every kind of end.
 *
 * What is counted is a request; but an error (or anything else with a topic or partition) of
 * Produce, Fetch and ListOffsets is about one partition of a request, and each is counted. There,
 * and everywhere else, an error means that nothing was applied; with applied=yes all is done and
 * only the answer says otherwise. APIs that only read (Metadata, DescribeCluster, DescribeConfigs,
 * ApiVersions) are applied unless applied=no, so that the rest of the answer is right. Fetch's
 * errors of sessions are about the request.
 */
#ifndef BROKER_FAULT_H
#define BROKER_FAULT_H

#include "base.h"
#include "clock.h"
#include "random.h"
#include "proto/api.h"

#define FAULT_RULES_MAX  64
#define FAULT_RULE_SIZE  512 /* of its text */
#define FAULT_WHY_SIZE   256
#define FAULT_DELAY_MAX  (3600 * NS_PER_S) /* of delay= and throttle= */
#define FAULT_TOPIC_SIZE 250
#define FAULT_ANY        (-1) /* partition or node */

struct faults;

/* One request, as far as rules look at it. */
struct fault_question {
	enum api api;
	int32_t node_id;
	struct string client_id; /* may be null */
	int64_t now_ns;          /* on the clock of faults_add */
	const void *request;     /* decoded; NULL for Produce, Fetch and ListOffsets, which ask
				  * about each partition */
};

/* From where on an answer is random bytes. */
enum fault_garbage { GARBAGE_NONE, GARBAGE_SIZE, GARBAGE_HEADER, GARBAGE_BODY };

/* What goes wrong with a request; zeroed: nothing. The session looks at the members from top to
 * bottom. */
struct fault_plan {
	bool disconnect_before; /* before it is applied (or the rest of it) */
	int16_t error_code;     /* 0: none */
	bool applied;           /* handle it and stain the answer; else send fault_answer's */
	struct string topic;    /* stain only this topic; null: all (valid until faults_clear) */
	int32_t partition;      /* and only this partition; FAULT_ANY: all */
	int32_t throttle_ms;
	int64_t delay_ns;      /* of the answer */
	bool disconnect_after; /* applied, not answered */
	bool empty;            /* applied; an answer of defaults, without topics or anything else */
	bool half_frame;       /* half of the answer, then the end */
	enum fault_garbage garbage;
};

/* 0 or -ENOMEM. */
int faults_open(struct faults **, uint64_t seed);
void faults_close(struct faults *);

/* 0; -EINVAL with a clause in `why`; -ENOSPC above FAULT_RULES_MAX, likewise. */
int faults_add(struct faults *, const char *rule, int64_t now_ns, char why[FAULT_WHY_SIZE]);
void faults_clear(struct faults *);

/* Whether any rule could still act on this API: false costs nothing. `faults` may be NULL. */
bool faults_any(const struct faults *, enum api);

/* Asked once per request, when it has been read; sets *plan, all of it. */
void faults_plan(struct faults *, const struct fault_question *, struct fault_plan *plan);

/*
 * Asked once per partition of a Produce, Fetch or ListOffsets request, after faults_plan: an error
 * code, or 0. With *applied the partition is done all the same, and then the error answered (base
 * offset -1, no records). What such a rule does to the request is added to *plan: after each call
 * look at disconnect_before.
 */
int16_t faults_partition(struct faults *, const struct fault_question *, struct string topic,
	int32_t partition, struct fault_plan *plan, bool *applied);

/* Random bytes for garbage. */
void faults_fill(struct faults *, uint8_t *data, size_t size);

/* How often the rules have acted, for the log's last line. */
uint64_t faults_acted(const struct faults *);

#endif
