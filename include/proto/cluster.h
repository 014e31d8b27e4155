/*
 * What a broker is and speaks: ApiVersions (KIP-35, KIP-511), the first request on every
 * connection, and DescribeCluster (KIP-700, KIP-919).
 */
#ifndef HARROW_PROTO_CLUSTER_H
#define HARROW_PROTO_CLUSTER_H

#include "proto/message.h"

struct api_versions_request {
	struct string client_software_name;
	struct string client_software_version;
};

struct api_version {
	int16_t api_key;
	int16_t min_version;
	int16_t max_version;
};

struct supported_feature_key {
	struct string name;
	int16_t min_version;
	int16_t max_version;
};

struct finalized_feature_key {
	struct string name;
	int16_t max_version_level;
	int16_t min_version_level;
};

struct api_versions_response {
	int16_t error_code;
	ARRAY_OF(struct api_version) api_keys;
	int32_t throttle_time_ms;
	ARRAY_OF(struct supported_feature_key) supported_features;
	int64_t finalized_features_epoch;
	ARRAY_OF(struct finalized_feature_key) finalized_features;
	bool zk_migration_ready;
};

extern const struct message api_versions_request_message, api_versions_response_message;

struct describe_cluster_request {
	bool include_cluster_authorized_operations;
	int8_t endpoint_type;
	bool include_fenced_brokers;
};

struct describe_cluster_broker {
	int32_t broker_id;
	struct string host;
	int32_t port;
	struct string rack;
	bool is_fenced;
};

struct describe_cluster_response {
	int32_t throttle_time_ms;
	int16_t error_code;
	struct string error_message;
	int8_t endpoint_type;
	struct string cluster_id;
	int32_t controller_id;
	ARRAY_OF(struct describe_cluster_broker) brokers;
	int32_t cluster_authorized_operations;
};

extern const struct message describe_cluster_request_message, describe_cluster_response_message;

#endif
