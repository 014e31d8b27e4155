/*
 * Quotas: bytes per second and client id, as Kafka's ClientQuotaManager measures and delays them: a
 * rate over quota.window.num windows, and a throttle time that brings the rate back to the quota.
 * Since KIP-219 the answer goes out at once with throttle_time_ms and the connection is muted for
 * that long. Pure: no socket, no clock.
 */
#ifndef BROKER_QUOTA_H
#define BROKER_QUOTA_H

#include "base.h"
#include "clock.h"

#define QUOTA_CLIENTS_MAX 10000

enum quota_kind { QUOTA_PRODUCE, QUOTA_FETCH, QUOTA_KINDS };

struct quotas;

struct quota_limits {
	int64_t bytes_per_second[QUOTA_KINDS]; /* 0: none */
	int32_t window_count;                  /* quota.window.num, 11 */
	int64_t window_ns;                     /* quota.window.size.seconds, 1 */
};

int quotas_open(struct quotas **, const struct quota_limits *);
void quotas_close(struct quotas *);

/* Books the bytes; returns for how many milliseconds the client is throttled, 0: not at all. */
int32_t quotas_record(
	struct quotas *, enum quota_kind, struct string client_id, int64_t bytes, int64_t now_ns);

#endif
