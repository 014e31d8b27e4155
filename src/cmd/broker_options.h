/* What `harrow broker` is told: its options as a plain struct. */
#ifndef HARROW_BROKER_OPTIONS_H
#define HARROW_BROKER_OPTIONS_H

#include "../broker/service.h"
#include "../broker/quota.h"
#include "../options.h"

struct broker_listen {
	const char *host; /* without brackets */
	uint16_t port;    /* 0: the kernel chooses */
};

struct broker_store {
	int64_t size; /* 0: the null store */
};

struct broker_config {
	struct broker_listen listen;
	const char *advertise;
	int64_t brokers;
	struct broker_store store;
	bool validate;
	struct option_pairs properties;
	struct service_time service_time;
	int64_t servers;
	int64_t quotas[QUOTA_KINDS]; /* bytes per second; 0: none */
	struct string_list faults;
	const char *control;
	int64_t duration_ns; /* 0: until a signal */
	const char *tcp_cc;
	int64_t engine; /* enum loop_engine */
	const char *io_caps;
	int64_t seed;
	const char *config;
};

extern const struct option_table broker_options;

/* Reads and checks. 0, or -EINVAL with set->error. `seed` is taken where none is given. */
int broker_options_read(struct option_set *set, struct broker_config *config, int count,
	char *const arguments[], int64_t seed);

#endif
