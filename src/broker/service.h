/*
 * The service model: N servers, first come first served, each record a job whose time is constant
 * or drawn from an exponential distribution. A queue of known capacity, N / mean records per
 * second, for tests of what finds capacities. Pure: no socket, no clock.
 */
#ifndef BROKER_SERVICE_H
#define BROKER_SERVICE_H

#include "base.h"
#include "clock.h"
#include "random.h"

#define SERVERS_MAX 1024

enum service_kind { SERVICE_NONE, SERVICE_CONSTANT, SERVICE_EXPONENTIAL };

struct service_time {
	enum service_kind kind;
	int64_t mean_ns;
};

struct service {
	struct service_time time;
	int32_t server_count;
	int64_t *free_ns; /* a heap: when each server will be free */
	struct random random;
	int64_t busy_ns; /* over all servers: for the log's last line */
	uint64_t served;
};

/* "exp:50us" or "const:50us". 0 or -EINVAL. */
int service_time_parse(const char *text, struct service_time *out);

int service_open(struct service *, struct service_time, int32_t servers, uint64_t seed);
void service_close(struct service *);

/* `records` jobs arrive; returns when the last of them is served. */
int64_t service_admit(struct service *, int64_t now_ns, int64_t records);

#endif
