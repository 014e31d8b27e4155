/*
 * Topics made, enlarged and removed, and the configuration of topics and brokers read. All but
 * DescribeConfigs are the controller's work; a broker of a KRaft cluster forwards them.
 */
#ifndef HARROW_PROTO_TOPICS_H
#define HARROW_PROTO_TOPICS_H

#include "proto/message.h"

/* Where one partition goes, the preferred leader first. */
struct creatable_replica_assignment {
	int32_t partition_index;
	ARRAY_OF(int32_t) broker_ids;
};

struct creatable_topic_config {
	struct string name;
	struct string value; /* may be null */
};

/* Either numbers, which -1 leaves to the brokers (KIP-464), or assignments. */
struct creatable_topic {
	struct string name;
	int32_t num_partitions;     /* -1: as configured, or assignments */
	int16_t replication_factor; /* likewise */
	ARRAY_OF(struct creatable_replica_assignment) assignments;
	ARRAY_OF(struct creatable_topic_config) configs;
};

struct create_topics_request {
	ARRAY_OF(struct creatable_topic) topics;
	int32_t timeout_ms;
	bool validate_only; /* say what would happen, do nothing */
};

/* A setting that the topic now has (KIP-525). */
struct creatable_topic_configs {
	struct string name;
	struct string value; /* null when sensitive */
	bool read_only;
	int8_t config_source; /* as in describe_configs_resource_result */
	bool is_sensitive;
};

struct creatable_topic_result {
	struct string name;
	struct uuid topic_id;
	int16_t error_code;
	struct string error_message;     /* may be null */
	int16_t topic_config_error_code; /* why the configs below are null */
	int32_t num_partitions;
	int16_t replication_factor;
	ARRAY_OF(struct creatable_topic_configs) configs;
};

struct create_topics_response {
	int32_t throttle_time_ms;
	ARRAY_OF(struct creatable_topic_result) topics;
};

extern const struct message create_topics_request_message, create_topics_response_message;

/* By name, or by id with a null name (KIP-516). */
struct delete_topic_state {
	struct string name;
	struct uuid topic_id;
};

/* topic_names up to version 5, topics from version 6. */
struct delete_topics_request {
	ARRAY_OF(struct delete_topic_state) topics;
	ARRAY_OF(struct string) topic_names;
	int32_t timeout_ms;
};

struct deletable_topic_result {
	struct string name; /* null when an id was given that nobody knows */
	struct uuid topic_id;
	int16_t error_code;
	struct string error_message; /* may be null */
};

struct delete_topics_response {
	int32_t throttle_time_ms;
	ARRAY_OF(struct deletable_topic_result) responses;
};

extern const struct message delete_topics_request_message, delete_topics_response_message;

/* Where one new partition goes, the preferred leader first. */
struct create_partitions_assignment {
	ARRAY_OF(int32_t) broker_ids;
};

/* A topic and how many partitions it is to have in all. */
struct create_partitions_topic {
	struct string name;
	int32_t count;
	ARRAY_OF(struct create_partitions_assignment) assignments; /* null: any */
};

/* Partitions are added, never taken away (KIP-195). */
struct create_partitions_request {
	ARRAY_OF(struct create_partitions_topic) topics;
	int32_t timeout_ms;
	bool validate_only; /* say what would happen, do nothing */
};

struct create_partitions_topic_result {
	struct string name;
	int16_t error_code;
	struct string error_message; /* may be null */
};

struct create_partitions_response {
	int32_t throttle_time_ms;
	ARRAY_OF(struct create_partitions_topic_result) results;
};

extern const struct message create_partitions_request_message, create_partitions_response_message;

/* Type 2 is a topic, 4 a broker (its id as text), 8 a broker logger. */
struct describe_configs_resource {
	int8_t resource_type;
	struct string resource_name;
	ARRAY_OF(struct string) configuration_keys; /* null: all */
};

struct describe_configs_request {
	ARRAY_OF(struct describe_configs_resource) resources;
	bool include_synonyms;
	bool include_documentation; /* KIP-569 */
};

/* Another place where the value could come from, the deciding one first (KIP-226). */
struct describe_configs_synonym {
	struct string name;
	struct string value; /* may be null */
	int8_t source;
};

/* A setting and where it comes from. The value of a sensitive one is null. */
struct describe_configs_resource_result {
	struct string name;
	struct string value; /* may be null */
	bool read_only;
	int8_t config_source; /* 1 topic, 2 broker, 3 broker default, 4 static, 5 default */
	bool is_sensitive;
	ARRAY_OF(struct describe_configs_synonym) synonyms;
	int8_t config_type; /* 0 unknown, or DescribeConfigsResponse.ConfigType of KIP-569 */
	struct string documentation;
};

struct describe_configs_result {
	int16_t error_code;
	struct string error_message; /* may be null */
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
