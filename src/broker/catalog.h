/*
 * The catalog: which brokers, topics and partitions the stage has, who leads what, and with which
 * configuration. Pure: what follows from a change (sockets that open or close, fetches that wake
 * up) is the stage's business, which is told through `events`.
 *
 * All brokers of the stage share it, as a KRaft quorum that never disagrees; the controller is the
 * lowest broker that is up. Rules and words are those of Kafka 4.3.1's ReplicationControlManager,
 * Topic and StripedReplicaPlacer. Replicas share one log: who comes back is in sync at once.
 */
#ifndef BROKER_CATALOG_H
#define BROKER_CATALOG_H

#include "base.h"
#include "list.h"
#include "partition_log.h"
#include "property.h"
#include "proto/cursor.h"
#include "proto/topics.h"
#include "random.h"

#define STAGE_NODES_MAX      64
#define STAGE_TOPICS_MAX     10000
#define STAGE_PARTITIONS_MAX 200000 /* of all topics */
#define CATALOG_CHANGE_MAX   10000  /* partitions that one request may make, as in Kafka */
#define CATALOG_NAME_SIZE    250
#define CATALOG_HOST_SIZE    256
#define CATALOG_WHY_SIZE     512
#define CATALOG_ID_SIZE      23
#define NODE_NONE            (-1)

struct catalog_topic;

struct catalog_partition {
	struct catalog_topic *topic;
	int32_t index;
	int32_t leader; /* node id, or NODE_NONE */
	int32_t leader_epoch;
	int32_t replica_count, isr_count;
	int32_t *replicas; /* the preferred leader first */
	int32_t *isr;      /* never empty: the last one stays in it when it goes down */
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
	int64_t retention_ms, retention_bytes; /* -1: none; with cleanup.policy=delete only */
	int32_t min_insync_replicas;
	struct list node;

	/* private: the next of the same bucket */
	struct catalog_topic *next_named, *next_alike, *next_of_id;
};

struct catalog_node {
	int32_t id;
	char host[CATALOG_HOST_SIZE]; /* as advertised */
	uint16_t port;
	bool up;
};

struct catalog_events {
	/* Leader, in-sync list, or the log's start or end changed, or the partition is about to
	 * go (`gone`). */
	void (*changed)(void *owner, struct catalog_partition *, bool gone);
};

struct catalog {
	/* The stage's to fill, after catalog_init and before the first topic; ids ascend. */
	struct catalog_node nodes[STAGE_NODES_MAX];
	int32_t node_count;
	struct property_set properties;      /* the brokers'; freed by catalog_free */
	bool check_crc, check_records;       /* for every topic's rules */
	const struct catalog_events *events; /* NULL: nobody is told */
	void *owner;

	char cluster_id[CATALOG_ID_SIZE];
	struct store *store;
	struct random random; /* ids, and where replicas go */
	struct list topics;   /* in order of creation */
	int32_t topic_count, partition_count;
	int64_t next_producer_id;

	/* private */
	struct catalog_index *index;
};

/* What a new topic is, or would be. */
struct topic_outcome {
	struct catalog_topic *topic; /* NULL with an error or validate_only */
	struct uuid id;
	int32_t partition_count;
	int16_t replication_factor;
	struct property_set config; /* validate_only: the caller frees it */
};

/* 0 or -ENOMEM. The same seed gives the same ids and the same places of replicas. */
int catalog_init(struct catalog *, struct store *, uint64_t seed);
void catalog_free(struct catalog *);

/* NULL when there is none. */
struct catalog_node *catalog_node(struct catalog *, int32_t id);
bool catalog_node_is_up(const struct catalog *, int32_t id);
/* The lowest that is up, or NODE_NONE. */
int32_t catalog_controller(const struct catalog *);

struct catalog_topic *catalog_topic_named(struct catalog *, struct string name);
struct catalog_topic *catalog_topic_of_id(struct catalog *, struct uuid id);
/* NULL when there is none. */
struct catalog_partition *catalog_partition(struct catalog_topic *, int32_t index);
/* Whether the node is one of its replicas, in sync or not. */
bool catalog_partition_replicated(const struct catalog_partition *, int32_t node_id);

/* Kafka's Topic.validate: 0, or ERROR_INVALID_TOPIC_EXCEPTION and a sentence. */
int16_t topic_name_check(struct string name, char why[CATALOG_WHY_SIZE]);
/* Kafka's own topics of groups and transactions. */
bool topic_is_internal(struct string name);

/*
 * Both return one of Kafka's error codes, 0: done; else with Kafka's sentence in `why`, or an empty
 * one. A topic is made or enlarged as a whole or not at all; nothing of the request is kept.
 */
int16_t catalog_topic_create(struct catalog *, const struct creatable_topic *, bool validate_only,
	struct topic_outcome *out, char why[CATALOG_WHY_SIZE]);
int16_t catalog_topic_grow(struct catalog *, struct catalog_topic *,
	const struct create_partitions_topic *, bool validate_only, char why[CATALOG_WHY_SIZE]);

void catalog_topic_delete(struct catalog *, struct catalog_topic *);

/* The node dies: it leaves the in-sync lists, its partitions get other leaders (or none). */
void catalog_node_down(struct catalog *, int32_t id);
/* It is back: it leads what has no leader, where it is in sync or unclean.leader.election.enable
 * says so; its replicas rejoin the in-sync lists. */
void catalog_node_up(struct catalog *, int32_t id);
/* The preferred leaders lead again, where they are in sync. Returns how many changed. */
int32_t catalog_elect_preferred(struct catalog *);

/* Tells `events` that records were appended, or that some are gone (DeleteRecords). */
void catalog_partition_appended(struct catalog *, struct catalog_partition *);

#endif
