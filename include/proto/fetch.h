/*
 * Fetch: record batches from partition leaders, with incremental sessions since version 7
 * (KIP-227). Topics are named up to version 12 and given by id from 13 (KIP-516). The fields for
 * followers are there because the tables are whole; a consumer leaves them at their defaults.
 */
#ifndef HARROW_PROTO_FETCH_H
#define HARROW_PROTO_FETCH_H

#include "proto/message.h"

struct fetch_replica_state {
	int32_t replica_id;
	int64_t replica_epoch;
};

struct fetch_partition {
	int32_t partition;
	int32_t current_leader_epoch;
	int64_t fetch_offset;
	int32_t last_fetched_epoch;
	int64_t log_start_offset;
	int32_t partition_max_bytes;
	struct uuid replica_directory_id;
	int64_t high_watermark;
};

struct fetch_topic {
	struct string topic;
	struct uuid topic_id;
	ARRAY_OF(struct fetch_partition) partitions;
};

struct fetch_forgotten_topic {
	struct string topic;
	struct uuid topic_id;
	ARRAY_OF(int32_t) partitions;
};

struct fetch_request {
	struct string cluster_id;
	int32_t replica_id;
	struct fetch_replica_state replica_state;
	int32_t max_wait_ms;
	int32_t min_bytes;
	int32_t max_bytes;
	int8_t isolation_level;
	int32_t session_id;
	int32_t session_epoch;
	ARRAY_OF(struct fetch_topic) topics;
	ARRAY_OF(struct fetch_forgotten_topic) forgotten_topics_data;
	struct string rack_id;
};

struct fetch_diverging_epoch {
	int32_t epoch;
	int64_t end_offset;
};

struct fetch_current_leader {
	int32_t leader_id;
	int32_t leader_epoch;
};

struct fetch_snapshot_id {
	int64_t end_offset;
	int32_t epoch;
};

struct fetch_aborted_transaction {
	int64_t producer_id;
	int64_t first_offset;
};

struct fetch_partition_response {
	int32_t partition_index;
	int16_t error_code;
	int64_t high_watermark;
	int64_t last_stable_offset;
	int64_t log_start_offset;
	struct fetch_diverging_epoch diverging_epoch;
	struct fetch_current_leader current_leader;
	struct fetch_snapshot_id snapshot_id;
	ARRAY_OF(struct fetch_aborted_transaction) aborted_transactions;
	int32_t preferred_read_replica;
	struct records records;
};

struct fetch_topic_response {
	struct string topic;
	struct uuid topic_id;
	ARRAY_OF(struct fetch_partition_response) partitions;
};

struct fetch_node_endpoint {
	int32_t node_id;
	struct string host;
	int32_t port;
	struct string rack;
};

struct fetch_response {
	int32_t throttle_time_ms;
	int16_t error_code;
	int32_t session_id;
	ARRAY_OF(struct fetch_topic_response) responses;
	ARRAY_OF(struct fetch_node_endpoint) node_endpoints;
};

extern const struct message fetch_request_message, fetch_response_message;

#endif
