/*
 * Quotas: bytes per second of each client id at each broker, as Kafka's ClientQuotaManager measures
 * them and says how long to wait: a rate over quota.window.num windows, and the time that brings it
 * back to the quota. Since KIP-219 the answer goes out at once with throttle_time_ms, and the
 * connection is muted for that long. Pure: no socket, no clock.
 *
 * Produce books the bytes of the request's frame. Fetch books those of its answer before it sends
 * it: when that is too much the bytes are taken back, and the answer is an empty one.
 */
#ifndef BROKER_QUOTA_H
#define BROKER_QUOTA_H

#include "base.h"
#include "clock.h"

#define QUOTA_CLIENTS_MAX 10000 /* further ones take the place of the one unheard of longest */
#define QUOTA_WINDOWS_MAX 1000

enum quota_kind { QUOTA_PRODUCE, QUOTA_FETCH, QUOTA_KINDS };

struct quotas;

struct quota_limits {
	int64_t bytes_per_second[QUOTA_KINDS]; /* 0: none */
	int32_t window_count;                  /* quota.window.num, 11 */
	int64_t window_ns;                     /* quota.window.size.seconds, 1 */
};

/* 0; -EINVAL for less than one window, more than QUOTA_WINDOWS_MAX or one under 1 ms; -ENOMEM. */
int quotas_open(struct quotas **, const struct quota_limits *);
void quotas_close(struct quotas *); /* may be NULL */

/* Whether there is such a quota at all; `quotas` may be NULL. */
bool quotas_limit(const struct quotas *, enum quota_kind);

/*
 * Books the bytes; returns for how many milliseconds the client is throttled, 0: not at all. As in
 * Kafka there is no upper bound but the type's. A null client id is the empty one. Where there is
 * no such quota, or no memory, nothing is booked.
 */
int32_t quotas_record(struct quotas *, enum quota_kind, int32_t node_id, struct string client_id,
	int64_t bytes, int64_t now_ns);

/* Takes back what was just booked. */
void quotas_unrecord(struct quotas *, enum quota_kind, int32_t node_id, struct string client_id,
	int64_t bytes, int64_t now_ns);

/* The most that can be booked at once without being throttled for it alone: an answer to Fetch is
 * not made larger. INT64_MAX without a quota. */
int64_t quotas_bytes_max(const struct quotas *, enum quota_kind);

#endif
