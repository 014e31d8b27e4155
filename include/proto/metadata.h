/*
 * Metadata: which brokers there are, which topics, and who leads each partition. Topic ids since
 * version 10 (KIP-516), leader epochs since version 7 (KIP-320).
 */
#ifndef HARROW_PROTO_METADATA_H
#define HARROW_PROTO_METADATA_H

#include "proto/message.h"

struct metadata_request_topic {
	struct uuid topic_id;
	struct string name;
};

struct metadata_request {
	ARRAY_OF(struct metadata_request_topic) topics;
	bool allow_auto_topic_creation;
	bool include_cluster_authorized_operations;
	bool include_topic_authorized_operations;
};

struct metadata_broker {
	int32_t node_id;
	struct string host;
	int32_t port;
	struct string rack;
};

struct metadata_partition {
	int16_t error_code;
	int32_t partition_index;
	int32_t leader_id;
	int32_t leader_epoch;
	ARRAY_OF(int32_t) replica_nodes;
	ARRAY_OF(int32_t) isr_nodes;
	ARRAY_OF(int32_t) offline_replicas;
};

struct metadata_topic {
	int16_t error_code;
	struct string name;
	struct uuid topic_id;
	bool is_internal;
	ARRAY_OF(struct metadata_partition) partitions;
	int32_t topic_authorized_operations;
};

struct metadata_response {
	int32_t throttle_time_ms;
	ARRAY_OF(struct metadata_broker) brokers;
	struct string cluster_id;
	int32_t controller_id;
	ARRAY_OF(struct metadata_topic) topics;
	int32_t cluster_authorized_operations;
	int16_t error_code;
};

extern const struct message metadata_request_message, metadata_response_message;

#endif
