/*
 * Fetch: record batches from partition leaders, in incremental sessions since version 7 (KIP-227).
 * Topics are named up to version 12 and given by id from 13 (KIP-516). Fields that only followers
 * use are here because the tables are whole; a consumer leaves them at their defaults.
 */
#ifndef HARROW_PROTO_FETCH_H
#define HARROW_PROTO_FETCH_H

#include "proto/message.h"

/* A follower says who it is (KIP-903). */
struct fetch_replica_state {
	int32_t replica_id;
	int64_t replica_epoch;
};

struct fetch_partition {
	int32_t partition;
	int32_t current_leader_epoch; /* -1: not known; else the broker fences old ones (KIP-320) */
	int64_t fetch_offset;
	int32_t last_fetched_epoch; /* of followers (KIP-595) */
	int64_t log_start_offset;   /* of followers */
	int32_t partition_max_bytes;
	struct uuid replica_directory_id; /* of followers (KIP-853) */
	int64_t high_watermark;           /* of followers (KIP-1166) */
};

struct fetch_topic {
	struct string topic;
	struct uuid topic_id;
	ARRAY_OF(struct fetch_partition) partitions;
};

/* Partitions that leave the session. */
struct fetch_forgotten_topic {
	struct string topic;
	struct uuid topic_id;
	ARRAY_OF(int32_t) partitions;
};

/*
 * Waits until min_bytes are there or max_wait_ms are over. A session begins with id 0 and epoch 0;
 * epoch -1 is a fetch outside any session. Within one, only partitions that changed are listed.
 */
struct fetch_request {
	struct string cluster_id; /* of followers, may be null */
	int32_t replica_id;       /* -1: a consumer; from version 15 in replica_state */
	struct fetch_replica_state replica_state;
	int32_t max_wait_ms;
	int32_t min_bytes;
	int32_t max_bytes; /* of the answer; the first batch comes even if it is larger (KIP-74) */
	int8_t isolation_level; /* 0 read uncommitted, 1 read committed */
	int32_t session_id;
	int32_t session_epoch;
	ARRAY_OF(struct fetch_topic) topics;
	ARRAY_OF(struct fetch_forgotten_topic) forgotten_topics_data;
	struct string rack_id; /* to be sent to a replica nearby (KIP-392) */
};

/* To a follower: where its log stops being the leader's (KIP-595). */
struct fetch_diverging_epoch {
	int32_t epoch;
	int64_t end_offset;
};

/* Where the partition is now, with NOT_LEADER_OR_FOLLOWER or FENCED_LEADER_EPOCH (KIP-951). */
struct fetch_current_leader {
	int32_t leader_id;
	int32_t leader_epoch;
};

/* To a follower: the snapshot that replaces what the log no longer has (KIP-630). */
struct fetch_snapshot_id {
	int64_t end_offset;
	int32_t epoch;
};

/* Its records from first_offset up to its abort marker are to be skipped. */
struct fetch_aborted_transaction {
	int64_t producer_id;
	int64_t first_offset;
};

struct fetch_partition_response {
	int32_t partition_index;
	int16_t error_code;
	int64_t high_watermark;     /* the first offset that not all replicas in sync have */
	int64_t last_stable_offset; /* the first offset of an open transaction */
	int64_t log_start_offset;
	struct fetch_diverging_epoch diverging_epoch;
	struct fetch_current_leader current_leader;
	struct fetch_snapshot_id snapshot_id;
	ARRAY_OF(struct fetch_aborted_transaction)
	aborted_transactions;           /* null: all is to be read */
	int32_t preferred_read_replica; /* -1, or whom to ask instead (KIP-392) */
	struct records records; /* batches in one piece or several, the last perhaps cut off */
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

/* An error of the session is in error_code; of a partition, beside it. */
struct fetch_response {
	int32_t throttle_time_ms;
	int16_t error_code;
	int32_t session_id;
	ARRAY_OF(struct fetch_topic_response) responses;
	ARRAY_OF(struct fetch_node_endpoint) node_endpoints;
};

extern const struct message fetch_request_message, fetch_response_message;

#endif
