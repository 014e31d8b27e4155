/*
 * The fault injector: rules that say which requests go wrong, and how. Pure and seeded: the same
 * requests in the same order meet the same faults.
 *
 * A rule is WHICH:WHAT[:WHEN], each a comma separated list of key=value (--fault, and the control
 * socket's `fault`):
 *   which  api=Produce  topic=NAME  partition=3  client=ID  node=2     (left out: any)
 *   what   error=NOT_LEADER_OR_FOLLOWER  delay=50ms  disconnect=before|after  half=frame
 *          garbage=frame  throttle=100ms
 *   when   count=3  skip=10  probability=0.01  from=2s  until=5s       (left out: always)
 * See also the --help of harrow broker.
 */
#ifndef BROKER_FAULT_H
#define BROKER_FAULT_H

#include "base.h"
#include "clock.h"
#include "random.h"
#include "proto/api.h"

#define FAULT_RULES_MAX 64
#define FAULT_WHY_SIZE  256

struct faults;

/* One request, as far as rules look at it. */
struct fault_question {
	enum api api;
	int32_t node_id;
	struct string client_id;
	int64_t now_ns; /* since the stage opened */
};

/* What goes wrong with it; zeroed: nothing. */
struct fault_plan {
	int16_t error_code; /* of the whole request: not applied, every error_code field says it */
	bool disconnect_before; /* before it is applied */
	bool disconnect_after;  /* applied, not answered */
	bool half_frame;        /* applied; half of the answer, then the end */
	bool garbage;           /* applied; random bytes of the answer's length */
	int64_t delay_ns;       /* of the answer */
	int32_t throttle_ms;
};

int faults_open(struct faults **, uint64_t seed);
void faults_close(struct faults *);
/* 0, or -EINVAL with a clause in `why`. */
int faults_add(struct faults *, const char *rule, char why[FAULT_WHY_SIZE]);
void faults_clear(struct faults *);
bool faults_any(const struct faults *);

/* Asked once per request, when it has been read. */
void faults_plan(struct faults *, const struct fault_question *, struct fault_plan *out);

/* Asked once per partition of a Produce, Fetch or ListOffsets request: an error code or 0.
 * *after (may be NULL): apply it all the same, then answer the error. */
int16_t faults_partition(struct faults *, const struct fault_question *, struct string topic,
	int32_t partition, bool *after);

/* Sets every error_code in the response to the code, by its table. */
void fault_stain(const struct message *, void *response, int16_t error_code);

#endif
