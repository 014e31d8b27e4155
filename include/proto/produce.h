/*
 * Produce, and InitProducerId, which hands out what makes it idempotent (KIP-98). Topics are named
 * up to version 12 and given by id from 13 (KIP-516).
 */
#ifndef HARROW_PROTO_PRODUCE_H
#define HARROW_PROTO_PRODUCE_H

#include "proto/message.h"

/* One batch for one partition, sent from where it lies. */
struct produce_partition {
	int32_t index; /* of the partition */
	struct records records;
};

struct produce_topic {
	struct string name;
	struct uuid topic_id;
	ARRAY_OF(struct produce_partition) partition_data;
};

/* Batches for partitions that this broker leads. With acks 0 there is no answer. */
struct produce_request {
	struct string transactional_id; /* null outside transactions */
	int16_t acks;                   /* 0 none, 1 the leader, -1 all in sync */
	int32_t timeout_ms;             /* for the replicas to follow */
	ARRAY_OF(struct produce_topic) topic_data;
};

/* A record that made the broker refuse its whole batch (KIP-467). */
struct produce_record_error {
	int32_t batch_index;
	struct string batch_index_error_message;
};

/* Where the partition is now, with NOT_LEADER_OR_FOLLOWER (KIP-951). */
struct produce_current_leader {
	int32_t leader_id;
	int32_t leader_epoch;
};

/* What became of one batch. */
struct produce_partition_response {
	int32_t index;
	int16_t error_code;
	int64_t base_offset;        /* of the batch's first record; -1 with an error */
	int64_t log_append_time_ms; /* -1 unless the topic has LogAppendTime */
	int64_t log_start_offset;
	ARRAY_OF(struct produce_record_error) record_errors;
	struct string error_message; /* may be null */
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

/* A producer id and epoch; with those it has, a new epoch for the same id (KIP-360). */
struct init_producer_id_request {
	struct string transactional_id; /* null for a producer that is only idempotent */
	int32_t transaction_timeout_ms; /* matters with a transactional id only */
	int64_t producer_id;            /* -1: a new one */
	int16_t producer_epoch;
	bool enable_2pc; /* KIP-939 */
	bool keep_prepared_txn;
};

struct init_producer_id_response {
	int32_t throttle_time_ms;
	int16_t error_code;
	int64_t producer_id;
	int16_t producer_epoch;
	int64_t ongoing_txn_producer_id; /* -1: no transaction was kept */
	int16_t ongoing_txn_producer_epoch;
};

extern const struct message init_producer_id_request_message, init_producer_id_response_message;

#endif
