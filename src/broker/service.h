/*
 * The service model: N servers, first come first served, each record a job whose time is constant
 * or drawn from an exponential distribution. A queue of known capacity, N / mean records per
 * second, for tests of what finds capacities. Pure: no socket, no clock.
 *
 * Cost of admitting n records, one core of 2-3 GHz: constant: O(min(n, N)), nanoseconds;
 * exponential with one server about 2 ns a record (their sum in one go, exact in distribution),
 * with 16 about 35 ns and with 1024 100 ns a record (each has its draw and its server). So 10,000
 * records hold the broker up for 1 ms at most.
 */
#ifndef BROKER_SERVICE_H
#define BROKER_SERVICE_H

#include "base.h"
#include "clock.h"
#include "random.h"

#define SERVERS_MAX         1024
#define SERVICE_TIME_MAX_NS (3600 * NS_PER_S)
#define SERVICE_DRAWS_MAX   100000 /* of one service_admit: see there */

enum service_kind { SERVICE_NONE, SERVICE_CONSTANT, SERVICE_EXPONENTIAL };

struct service_time {
	enum service_kind kind;
	int64_t mean_ns;
};

struct service {
	struct service_time time;
	int32_t server_count;
	struct random random;
	uint64_t served; /* records admitted */
	double busy_ns;  /* their service times, over all servers: for the log's last line */
	int32_t first;   /* constant: free_ns is a sorted ring that begins here */
	int64_t free_ns[SERVERS_MAX]; /* when each server will be free; exponential: a heap */
};

/* "exp:50us" or "const:50us". 0; -EINVAL; -ERANGE: not within 1 ns and SERVICE_TIME_MAX_NS. */
int service_time_parse(const char *text, struct service_time *out);

/* `servers` is 1 to SERVERS_MAX. Nothing to close. */
void service_init(struct service *, struct service_time, int32_t servers, uint64_t seed);

/*
 * `records` (0 or more) jobs arrive together, after all that came before; returns when each of them
 * is served: now_ns without a model, never before now_ns, NEVER_NS at the end of time. now_ns does
 * not go back. Beyond SERVICE_DRAWS_MAX draws, a batch's remaining jobs take the mean, spread over
 * the servers: the error of that is below 1 % of the batch, and nobody can stall the broker.
 */
int64_t service_admit(struct service *, int64_t now_ns, int64_t records);

#endif
