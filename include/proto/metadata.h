/*
 * Metadata: which brokers there are, which topics, and who leads each partition. Any broker
 * answers. Leader epochs since version 7 (KIP-320), topic ids since version 10 (KIP-516).
 */
#ifndef HARROW_PROTO_METADATA_H
#define HARROW_PROTO_METADATA_H

#include "proto/message.h"

/* By name, or by id with a null name. */
struct metadata_request_topic {
	struct uuid topic_id;
	struct string name;
};

/* Null topics mean all; in version 0, where there is no null, an empty array does. */
struct metadata_request {
	ARRAY_OF(struct metadata_request_topic) topics;
	bool allow_auto_topic_creation; /* the default is true: a question may make a topic */
	bool include_cluster_authorized_operations;
	bool include_topic_authorized_operations;
};

struct metadata_broker {
	int32_t node_id;
	struct string host;
	int32_t port;
	struct string rack; /* may be null */
};

/* One partition. A leader_id of -1: none at the moment, error_code says why. */
struct metadata_partition {
	int16_t error_code;
	int32_t partition_index;
	int32_t leader_id;
	int32_t leader_epoch;
	ARRAY_OF(int32_t) replica_nodes;
	ARRAY_OF(int32_t) isr_nodes;
	ARRAY_OF(int32_t) offline_replicas; /* on a broker or disk that is down (KIP-112) */
};

struct metadata_topic {
	int16_t error_code;
	struct string name; /* null when an id was asked for that nobody knows */
	struct uuid topic_id;
	bool is_internal;
	ARRAY_OF(struct metadata_partition) partitions;
	int32_t topic_authorized_operations; /* a set of bits; INT32_MIN: not asked for (KIP-430) */
};

/* The cluster as this broker sees it; it may be behind. */
struct metadata_response {
	int32_t throttle_time_ms;
	ARRAY_OF(struct metadata_broker) brokers;
	struct string cluster_id; /* may be null */
	int32_t controller_id;
	ARRAY_OF(struct metadata_topic) topics;
	int32_t cluster_authorized_operations; /* likewise; now with DescribeCluster */
	int16_t error_code;                    /* REBOOTSTRAP_REQUIRED (KIP-1102) */
};

extern const struct message metadata_request_message, metadata_response_message;

#endif
