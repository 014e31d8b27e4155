/*
 * The stage: an embedded cluster of one or several brokers on one loop. It joins the catalog, the
 * logs, the handlers and the sessions, and is what `harrow broker`, the tests and the simulation
 * open.
 */
#ifndef BROKER_STAGE_H
#define BROKER_STAGE_H

#include "base.h"
#include "catalog.h"
#include "fault.h"
#include "fetch_session.h"
#include "io/address.h"
#include "io/listener.h"
#include "io/loop.h"
#include "list.h"
#include "quota.h"
#include "service.h"
#include "store.h"

#define STAGE_REASON_SIZE   256
#define STAGE_SESSIONS_MAX  100000
#define STAGE_LOG_LINES_MAX 10 /* per second; more are counted and summed up in one line */

struct stage_options {
	const char *host; /* to listen on, and advertised */
	uint16_t port;    /* of node 0; 0: the kernel chooses each */
	int32_t node_count;
	size_t store_size; /* 0: null store */
	bool validate;
	struct service_time service_time;
	int32_t servers;
	int64_t quota_bytes_per_second[QUOTA_KINDS];
	const char *congestion;
	const struct property_pair *properties;
	int32_t property_count;
	const char *const *faults;
	int32_t fault_count;
	uint64_t seed;
	/* Receives log lines, without newline; NULL: nobody. */
	void (*say)(void *context, const char *line);
	void *say_context;
	int64_t wall_offset_ns; /* loop clock + this = CLOCK_REALTIME */
};

struct stage_node {
	struct stage *stage;
	int32_t id;
	struct listener listener;
	bool listening;
	struct list sessions;
	struct fetch_sessions *fetch_sessions; /* see fetch_session.h */
};

struct stage {
	struct loop *loop;
	struct stage_options options;
	struct store store;
	struct catalog catalog;
	struct faults *faults;
	struct quotas *quotas;
	struct service service;
	struct stage_node nodes[STAGE_NODES_MAX];
	int32_t session_count;
	/* private to stage.c from here on */
};

/* Everything listens afterwards. 0 or -errno with a clause in `why`. The loop is the caller's. */
int stage_open(
	struct stage *, struct loop *, const struct stage_options *, char why[STAGE_REASON_SIZE]);
/* Turns the loop until all is closed. */
void stage_close(struct stage *);

uint16_t stage_port(const struct stage *, int32_t node_id);

/* As kill -9: the listener and all connections of the node end, leaders move. 0 or -ENOENT. */
int stage_node_down(struct stage *, int32_t node_id);
int stage_node_up(struct stage *, int32_t node_id);

/* CLOCK_REALTIME in ms, derived from the loop's clock. */
int64_t stage_wall_ms(const struct stage *);

void stage_say(struct stage *, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
