/*
 * What a broker is and speaks: ApiVersions (KIP-35, KIP-511), the first request on every
 * connection, and DescribeCluster (KIP-700, KIP-919).
 */
#ifndef HARROW_PROTO_CLUSTER_H
#define HARROW_PROTO_CLUSTER_H

#include "proto/message.h"

/* Asked first, in the highest version known; who does not speak that answers in version 0. */
struct api_versions_request {
	struct string client_software_name; /* letters, digits, dots and dashes (KIP-511) */
	struct string client_software_version;
};

/* The versions of one API that the broker speaks, both ends included. */
struct api_version {
	int16_t api_key;
	int16_t min_version;
	int16_t max_version;
};

/* A feature that the broker could run, such as metadata.version or group.version (KIP-584). */
struct supported_feature_key {
	struct string name;
	int16_t min_version;
	int16_t max_version;
};

/* A feature as the whole cluster runs it. */
struct finalized_feature_key {
	struct string name;
	int16_t max_version_level;
	int16_t min_version_level;
};

/* Always behind a version 0 header: the client cannot know more yet. */
struct api_versions_response {
	int16_t error_code;
	ARRAY_OF(struct api_version) api_keys;
	int32_t throttle_time_ms;
	ARRAY_OF(struct supported_feature_key) supported_features;
	int64_t finalized_features_epoch; /* -1: not known */
	ARRAY_OF(struct finalized_feature_key) finalized_features;
	bool zk_migration_ready;
};

extern const struct message api_versions_request_message, api_versions_response_message;

/* Who is in the cluster: brokers, or, asked of a controller, controllers. */
struct describe_cluster_request {
	bool include_cluster_authorized_operations;
	int8_t endpoint_type;        /* 1 brokers, 2 controllers */
	bool include_fenced_brokers; /* KIP-1073 */
};

struct describe_cluster_broker {
	int32_t broker_id;
	struct string host;
	int32_t port;
	struct string rack; /* may be null */
	bool is_fenced;
};

struct describe_cluster_response {
	int32_t throttle_time_ms;
	int16_t error_code;
	struct string error_message;
	int8_t endpoint_type; /* as in the request */
	struct string cluster_id;
	int32_t controller_id; /* asked of a broker: any broker that is alive */
	ARRAY_OF(struct describe_cluster_broker) brokers;
	int32_t cluster_authorized_operations; /* a set of bits; INT32_MIN: not asked for */
};

extern const struct message describe_cluster_request_message, describe_cluster_response_message;

#endif
