/*
 * A cluster as one thread sees it: how to reach it, its brokers, one topic's partitions and their
 * leaders, and calls that wait for their answer.
 *
 * The waiting calls turn the loop until the answer is there; they are for setting up and for
 * closing (topics, offsets, configuration), never for the data path. During a run cluster_refresh
 * asks for metadata in the background, at most every METADATA_PAUSE_NS, on whatever broker answers.
 *
 * Errors: functions return 0 or -errno and leave one clause for people in cluster->reason.
 */
#ifndef CLIENT_CLUSTER_H
#define CLIENT_CLUSTER_H

#include <stdatomic.h>

#include "../options.h"
#include "connection.h"
#include "proto/metadata.h"

#define CLUSTER_REASON_SIZE 400
#define TOPIC_NAME_SIZE     250 /* Kafka's limit of 249, terminated */
#define BOOTSTRAP_LIMIT     16
#define BROKER_LIMIT        1000
#define CALL_FRAME_SIZE     ((int32_t)1 << 20) /* the largest request of a waiting call */
#define REFRESH_FRAME_SIZE  512
#define METADATA_PAUSE_NS   (100 * NS_PER_MS) /* Kafka's retry.backoff.ms */
#define LEADER_UNKNOWN      (-1)
#define ANY_BROKER          (-1)
#define CONTROLLER          (-2)

struct broker {
	int32_t id;
	char name[CONNECTION_NAME_SIZE]; /* host:port */
	struct address address;          /* size 0: its name did not resolve */
	struct connection *connection;   /* for waiting calls, opened on demand */
};

struct partition {
	int32_t leader; /* broker id or LEADER_UNKNOWN */
	int32_t leader_epoch;
	int32_t replica_count, isr_count;
	int16_t error;
};

struct topic {
	char name[TOPIC_NAME_SIZE];
	struct uuid id;
	int16_t error; /* UNKNOWN_TOPIC_OR_PARTITION: it does not exist */
	int32_t partition_count;
	bool fixed; /* by who follows it: partitions added from now on are not looked at */
	struct partition *partitions;
};

struct cluster {
	struct loop *loop;
	struct connection_options options;
	uint64_t seed;
	const atomic_bool *stop; /* ends every wait with -EINTR; may be NULL */
	int64_t patience_ns;     /* how long an administrative step may take; 0: ADMIN_TIMEOUT_NS */
	char reason[CLUSTER_REASON_SIZE];

	struct connection *control; /* for metadata; moves on to another broker when it is lost */
	struct broker bootstrap[BOOTSTRAP_LIMIT];
	int bootstrap_count;
	struct broker *brokers;
	int broker_count;
	unsigned next_candidate;
	int32_t controller_id;
	uint8_t *frame;       /* of the waiting calls */
	struct arena answers; /* theirs, too */

	struct topic topic; /* the one that cluster_refresh follows */
	bool refresh_wanted, refreshing;
	int64_t refreshed_ns;
	struct timer refresh_timer;
	struct request refresh_request;
	uint8_t refresh_frame[REFRESH_FRAME_SIZE];
	struct iovec refresh_piece;
	struct metadata_request refresh_body;
	struct metadata_request_topic refresh_topic;
	void (*refreshed)(
		struct cluster *); /* after each answer that was taken over; may be NULL */
	void *owner;
};

/*
 * Connects to the first of the bootstrap servers that answers as Kafka does and asks for the
 * brokers. On failure `reason` names every server that was tried. The cluster must be closed in
 * either case.
 */
int cluster_open(struct cluster *, struct loop *, const struct endpoint_list *bootstrap,
	const struct connection_options *, uint64_t seed, const atomic_bool *stop);
/* Turns the loop until all its connections are closed. */
void cluster_close(struct cluster *);

/* Looks a topic up (never creating it) and follows it from now on. 0 also when it does not exist:
 * see topic.error. */
int cluster_follow(struct cluster *, const char *topic);

/* Asks for metadata in the background, now or as soon as the pause since the last time is over. */
void cluster_refresh(struct cluster *);

const struct broker *cluster_broker(const struct cluster *, int32_t id);

/*
 * Whether the broker that the control connection is on speaks a version of it that is of use. 0, or
 * -EPROTONOSUPPORT with the reason.
 */
int cluster_speaks(struct cluster *, enum api);

/*
 * Sends one request to a broker (an id, ANY_BROKER or CONTROLLER) and turns the loop until it is
 * answered. *answer is in the cluster's memory: valid until the next call. version may be NULL.
 */
int cluster_call(struct cluster *, int32_t broker, enum api, const void *body, int version_limit,
	int64_t timeout_ns, const void **answer, int *version);

/* Turns the loop until a connection to the broker (as above) is ready: for requests of one's own.
 */
int cluster_connect(struct cluster *, int32_t broker, int64_t timeout_ns, struct connection **);

/* Turns the loop once, at most until the deadline: 0, -ETIMEDOUT after it, -EINTR when stopped. */
int cluster_turn(struct cluster *, int64_t deadline_ns);

/* Leaves a clause in `reason` and returns the error: for what is built on a cluster. */
int cluster_fail(struct cluster *, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Turns the loop for a while: the pause between two attempts of something. 0 or -EINTR. */
int cluster_wait(struct cluster *, int64_t duration_ns);

#endif
