/*
 * The stage: an embedded cluster of one or several brokers on one loop. It joins the catalog, the
 * logs, the handlers and the sessions, and is what `harrow broker`, the tests and the simulation
 * open.
 */
#ifndef BROKER_STAGE_H
#define BROKER_STAGE_H

#include "answer.h"
#include "base.h"
#include "catalog.h"
#include "exchange.h"
#include "fault.h"
#include "fetch_session.h"
#include "io/address.h"
#include "io/listener.h"
#include "io/loop.h"
#include "list.h"
#include "quota.h"
#include "service.h"
#include "store.h"

#define STAGE_REASON_SIZE   512
#define STAGE_SESSIONS_MAX  100000
#define STAGE_LOG_LINES_MAX 10 /* per second; more are counted and summed up in one line */
#define STAGE_LINE_SIZE     512

/* All requests under way, without the records that the store holds: more closes connections. */
#define STAGE_EXCHANGE_BYTES_MAX ((size_t)512 * 1024 * 1024)
/* All answers that clients have not read, likewise without the records. */
#define STAGE_ANSWER_BYTES_MAX ((size_t)512 * 1024 * 1024)
/* What a connection has of either kind when others have taken all that. */
#define STAGE_SMALL_BYTES_MAX ((size_t)64 * 1024)
/* While the store is full, a client that keeps records there may stand still for so long. */
#define STAGE_STALL_NS     (10 * NS_PER_S)
#define STAGE_SCRATCH_SIZE (2 * EXCHANGE_ALLOC_MAX) /* of address space */

struct stage_options {
	const char *host;       /* to listen on */
	const char *advertised; /* what clients are told; NULL: host */
	uint16_t port;          /* of node 0; 0: the kernel chooses each */
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
	int32_t session_count;
	struct fetch_sessions *fetch_sessions; /* see fetch_session.h */
};

struct stage_figures {
	uint64_t requests, batches, records, bytes; /* bytes: of batches that were taken */
	uint64_t sessions;                          /* accepted */
	uint64_t refused;                           /* connections above the limit */
};

struct stage {
	struct loop *loop;
	struct stage_options options;
	struct stage_figures figures;
	struct store store;
	struct catalog catalog;
	struct faults *faults;
	struct quotas *quotas;
	struct service service;
	struct stage_node nodes[STAGE_NODES_MAX];
	int32_t session_count;

	/* What follows from the properties. */
	int32_t request_size_max; /* socket.request.max.bytes */
	int32_t session_max;      /* max.connections, of each broker */
	int64_t idle_ns;          /* connections.max.idle.ms */
	int64_t retention_ns;     /* log.retention.check.interval.ms */
	int64_t rebalance_ns;     /* leader.imbalance.check.interval.seconds; NEVER_NS: never */

	/* private to stage.c, session.c and exchange.c from here on */
	struct list idle_sessions; /* the longest idle first */
	struct list spare_exchanges;
	int32_t spare_count;
	size_t exchange_bytes;
	size_t answer_bytes; /* memory of answers that are not sent */
	struct answer_desk desk;
	uint8_t *scratch; /* see exchange_alloc */
	size_t scratch_used;
	struct address address; /* of options.host */
	struct timer tick;      /* every second */
	int64_t retention_due_ns, rebalance_due_ns;
	uint64_t exhausted_count; /* the store's, at the last tick */
	int64_t lines_since_ns;   /* of the log: the second that is counted */
	int32_t line_count;
	uint64_t lines_left_out;
	bool closing;
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
