/*
 * The catalog: which brokers, topics and partitions the stage has, who leads what, and with which
 * configuration. Pure: what follows from a change (sockets that open or close, fetches that wake
 * up) is the stage's business, which is told through `events`.
 *
 * All brokers of the stage share it, as a KRaft quorum that never disagrees; the controller is the
 * lowest broker that is up.
 */
#ifndef BROKER_CATALOG_H
#define BROKER_CATALOG_H

#include "base.h"
#include "list.h"
#include "partition_log.h"
#include "property.h"
#include "proto/cursor.h"
#include "random.h"

#define STAGE_NODES_MAX      64
#define STAGE_TOPICS_MAX     10000
#define STAGE_PARTITIONS_MAX 200000 /* of all topics */
#define CATALOG_NAME_SIZE    250
#define CATALOG_HOST_SIZE    256
#define NODE_NONE            (-1)

struct catalog_topic;

struct catalog_partition {
	struct catalog_topic *topic;
	int32_t index;
	int32_t leader; /* node id, or NODE_NONE */
	int32_t leader_epoch;
	int32_t replica_count, isr_count;
	int32_t *replicas; /* the preferred leader first */
	int32_t *isr;
	struct partition_log log;
	struct list fetch_waiters; /* the fetch handler's */
};

struct catalog_topic {
	char name[CATALOG_NAME_SIZE];
	struct uuid id;
	int32_t partition_count;
	struct catalog_partition **partitions; /* each stays where it is until the topic goes */
	struct property_set config;            /* what was set on the topic itself */
	struct append_rules rules;             /* follows from config and the broker's properties */
	int64_t retention_ms, retention_bytes;
	int32_t min_insync_replicas;
	struct list node;
};

struct catalog_node {
	int32_t id;
	char host[CATALOG_HOST_SIZE]; /* as advertised */
	uint16_t port;
	bool up;
};

struct catalog_events {
	/* Leader, in-sync list or log end changed, or the partition is about to go (`gone`). */
	void (*changed)(void *owner, struct catalog_partition *, bool gone);
};

struct catalog {
	struct catalog_node nodes[STAGE_NODES_MAX];
	int32_t node_count;
	char cluster_id[23];
	struct property_set properties; /* the brokers' */
	struct store *store;
	struct random random; /* uuids, spreading leaders */
	struct list topics;
	int32_t topic_count, partition_count;
	int64_t next_producer_id;
	const struct catalog_events *events;
	void *owner;
	/* private to catalog.c from here on */
};

/* Names 0 or an error for the wire, with one clause for people in `why` (static or in the arena).
 */
struct topic_request {
	struct string name;
	int32_t partition_count;           /* -1: num.partitions */
	int16_t replication_factor;        /* -1: default.replication.factor */
	const int32_t *const *assignments; /* NULL, or per partition */
	const int32_t *assignment_sizes;
	const struct property_pair *configs;
	int32_t config_count;
	bool validate_only;
};

void catalog_init(struct catalog *, struct store *, uint64_t seed);
void catalog_free(struct catalog *);

struct catalog_node *catalog_node(struct catalog *, int32_t id);
int32_t catalog_controller(const struct catalog *);

struct catalog_topic *catalog_topic_named(struct catalog *, struct string name);
struct catalog_topic *catalog_topic_of_id(struct catalog *, struct uuid id);
/* NULL when there is none. */
struct catalog_partition *catalog_partition(struct catalog_topic *, int32_t index);

/* All return Kafka's error codes (0: done). `why` gets a clause for people, or an empty one. */
int16_t catalog_topic_create(struct catalog *, const struct topic_request *,
	struct catalog_topic **out, char *why, size_t why_size);
int16_t catalog_topic_delete(struct catalog *, struct catalog_topic *);
int16_t catalog_topic_grow(struct catalog *, struct catalog_topic *, int32_t partition_count,
	const int32_t *const *assignments, const int32_t *assignment_sizes, bool validate_only,
	char *why, size_t why_size);

/* The node dies: it leaves the in-sync lists, its partitions get other leaders (or none). */
void catalog_node_down(struct catalog *, int32_t id);
/* It is back: its partitions without a leader get it; its replicas rejoin the in-sync lists. */
void catalog_node_up(struct catalog *, int32_t id);
/* The preferred leaders lead again, where they are in sync. */
void catalog_elect_preferred(struct catalog *);

/* Tells `events` that records were appended. */
void catalog_partition_appended(struct catalog *, struct catalog_partition *);

#endif
