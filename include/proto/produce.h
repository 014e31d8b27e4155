/*
 * Produce, and InitProducerId, which hands out what makes it idempotent (KIP-98). Topics are named
 * up to version 12 and given by id from 13 (KIP-516).
 */
#ifndef HARROW_PROTO_PRODUCE_H
#define HARROW_PROTO_PRODUCE_H

#include "proto/message.h"

struct produce_partition {
	int32_t index;
	struct records records;
};

struct produce_topic {
	struct string name;
	struct uuid topic_id;
	ARRAY_OF(struct produce_partition) partition_data;
};

struct produce_request {
	struct string transactional_id;
	int16_t acks;
	int32_t timeout_ms;
	ARRAY_OF(struct produce_topic) topic_data;
};

struct produce_record_error {
	int32_t batch_index;
	struct string batch_index_error_message;
};

struct produce_current_leader {
	int32_t leader_id;
	int32_t leader_epoch;
};

struct produce_partition_response {
	int32_t index;
	int16_t error_code;
	int64_t base_offset;
	int64_t log_append_time_ms;
	int64_t log_start_offset;
	ARRAY_OF(struct produce_record_error) record_errors;
	struct string error_message;
	struct produce_current_leader current_leader;
};

struct produce_topic_response {
	struct string name;
	struct uuid topic_id;
	ARRAY_OF(struct produce_partition_response) partition_responses;
};

struct produce_node_endpoint {
	int32_t node_id;
	struct string host;
	int32_t port;
	struct string rack;
};

struct produce_response {
	ARRAY_OF(struct produce_topic_response) responses;
	int32_t throttle_time_ms;
	ARRAY_OF(struct produce_node_endpoint) node_endpoints;
};

extern const struct message produce_request_message, produce_response_message;

struct init_producer_id_request {
	struct string transactional_id;
	int32_t transaction_timeout_ms;
	int64_t producer_id;
	int16_t producer_epoch;
	bool enable_2pc;
	bool keep_prepared_txn;
};

struct init_producer_id_response {
	int32_t throttle_time_ms;
	int16_t error_code;
	int64_t producer_id;
	int16_t producer_epoch;
	int64_t ongoing_txn_producer_id;
	int16_t ongoing_txn_producer_epoch;
};

extern const struct message init_producer_id_request_message, init_producer_id_response_message;

#endif
