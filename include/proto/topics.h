/*
 * Topics made, enlarged and removed, and the configuration of topics and brokers read. All but
 * DescribeConfigs go to the controller; brokers since 2.8 in KRaft mode forward them.
 */
#ifndef HARROW_PROTO_TOPICS_H
#define HARROW_PROTO_TOPICS_H

#include "proto/message.h"

struct creatable_replica_assignment {
	int32_t partition_index;
	ARRAY_OF(int32_t) broker_ids;
};

struct creatable_topic_config {
	struct string name;
	struct string value;
};

struct creatable_topic {
	struct string name;
	int32_t num_partitions;
	int16_t replication_factor;
	ARRAY_OF(struct creatable_replica_assignment) assignments;
	ARRAY_OF(struct creatable_topic_config) configs;
};

struct create_topics_request {
	ARRAY_OF(struct creatable_topic) topics;
	int32_t timeout_ms;
	bool validate_only;
};

struct creatable_topic_configs {
	struct string name;
	struct string value;
	bool read_only;
	int8_t config_source;
	bool is_sensitive;
};

struct creatable_topic_result {
	struct string name;
	struct uuid topic_id;
	int16_t error_code;
	struct string error_message;
	int16_t topic_config_error_code;
	int32_t num_partitions;
	int16_t replication_factor;
	ARRAY_OF(struct creatable_topic_configs) configs;
};

struct create_topics_response {
	int32_t throttle_time_ms;
	ARRAY_OF(struct creatable_topic_result) topics;
};

extern const struct message create_topics_request_message, create_topics_response_message;

struct delete_topic_state {
	struct string name;
	struct uuid topic_id;
};

struct delete_topics_request {
	ARRAY_OF(struct delete_topic_state) topics;
	ARRAY_OF(struct string) topic_names;
	int32_t timeout_ms;
};

struct deletable_topic_result {
	struct string name;
	struct uuid topic_id;
	int16_t error_code;
	struct string error_message;
};

struct delete_topics_response {
	int32_t throttle_time_ms;
	ARRAY_OF(struct deletable_topic_result) responses;
};

extern const struct message delete_topics_request_message, delete_topics_response_message;

struct create_partitions_assignment {
	ARRAY_OF(int32_t) broker_ids;
};

struct create_partitions_topic {
	struct string name;
	int32_t count;
	ARRAY_OF(struct create_partitions_assignment) assignments;
};

struct create_partitions_request {
	ARRAY_OF(struct create_partitions_topic) topics;
	int32_t timeout_ms;
	bool validate_only;
};

struct create_partitions_topic_result {
	struct string name;
	int16_t error_code;
	struct string error_message;
};

struct create_partitions_response {
	int32_t throttle_time_ms;
	ARRAY_OF(struct create_partitions_topic_result) results;
};

extern const struct message create_partitions_request_message, create_partitions_response_message;

struct describe_configs_resource {
	int8_t resource_type;
	struct string resource_name;
	ARRAY_OF(struct string) configuration_keys;
};

struct describe_configs_request {
	ARRAY_OF(struct describe_configs_resource) resources;
	bool include_synonyms;
	bool include_documentation;
};

struct describe_configs_synonym {
	struct string name;
	struct string value;
	int8_t source;
};

struct describe_configs_resource_result {
	struct string name;
	struct string value;
	bool read_only;
	int8_t config_source;
	bool is_sensitive;
	ARRAY_OF(struct describe_configs_synonym) synonyms;
	int8_t config_type;
	struct string documentation;
};

struct describe_configs_result {
	int16_t error_code;
	struct string error_message;
	int8_t resource_type;
	struct string resource_name;
	ARRAY_OF(struct describe_configs_resource_result) configs;
};

struct describe_configs_response {
	int32_t throttle_time_ms;
	ARRAY_OF(struct describe_configs_result) results;
};

extern const struct message describe_configs_request_message, describe_configs_response_message;

#endif
