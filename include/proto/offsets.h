/*
 * Offsets: where a partition's log begins, ends, or was at a time (ListOffsets), and what a group
 * has committed (OffsetCommit, OffsetFetch). Commits name topics up to version 9, from 10 they give
 * ids (KIP-848).
 */
#ifndef HARROW_PROTO_OFFSETS_H
#define HARROW_PROTO_OFFSETS_H

#include "proto/message.h"

struct list_offsets_partition {
	int32_t partition_index;
	int32_t current_leader_epoch;
	int64_t timestamp;
};

struct list_offsets_topic {
	struct string name;
	ARRAY_OF(struct list_offsets_partition) partitions;
};

struct list_offsets_request {
	int32_t replica_id;
	int8_t isolation_level;
	ARRAY_OF(struct list_offsets_topic) topics;
	int32_t timeout_ms;
};

struct list_offsets_partition_response {
	int32_t partition_index;
	int16_t error_code;
	int64_t timestamp;
	int64_t offset;
	int32_t leader_epoch;
};

struct list_offsets_topic_response {
	struct string name;
	ARRAY_OF(struct list_offsets_partition_response) partitions;
};

struct list_offsets_response {
	int32_t throttle_time_ms;
	ARRAY_OF(struct list_offsets_topic_response) topics;
};

extern const struct message list_offsets_request_message, list_offsets_response_message;

struct offset_commit_partition {
	int32_t partition_index;
	int64_t committed_offset;
	int32_t committed_leader_epoch;
	struct string committed_metadata;
};

struct offset_commit_topic {
	struct string name;
	struct uuid topic_id;
	ARRAY_OF(struct offset_commit_partition) partitions;
};

struct offset_commit_request {
	struct string group_id;
	int32_t generation_id_or_member_epoch;
	struct string member_id;
	struct string group_instance_id;
	int64_t retention_time_ms;
	ARRAY_OF(struct offset_commit_topic) topics;
};

struct offset_commit_partition_response {
	int32_t partition_index;
	int16_t error_code;
};

struct offset_commit_topic_response {
	struct string name;
	struct uuid topic_id;
	ARRAY_OF(struct offset_commit_partition_response) partitions;
};

struct offset_commit_response {
	int32_t throttle_time_ms;
	ARRAY_OF(struct offset_commit_topic_response) topics;
};

extern const struct message offset_commit_request_message, offset_commit_response_message;

struct offset_fetch_topic {
	struct string name;
	ARRAY_OF(int32_t) partition_indexes;
};

struct offset_fetch_group_topic {
	struct string name;
	struct uuid topic_id;
	ARRAY_OF(int32_t) partition_indexes;
};

struct offset_fetch_group {
	struct string group_id;
	struct string member_id;
	int32_t member_epoch;
	ARRAY_OF(struct offset_fetch_group_topic) topics;
};

struct offset_fetch_request {
	struct string group_id;
	ARRAY_OF(struct offset_fetch_topic) topics;
	ARRAY_OF(struct offset_fetch_group) groups;
	bool require_stable;
};

struct offset_fetch_partition_response {
	int32_t partition_index;
	int64_t committed_offset;
	int32_t committed_leader_epoch;
	struct string metadata;
	int16_t error_code;
};

struct offset_fetch_topic_response {
	struct string name;
	ARRAY_OF(struct offset_fetch_partition_response) partitions;
};

struct offset_fetch_group_partition_response {
	int32_t partition_index;
	int64_t committed_offset;
	int32_t committed_leader_epoch;
	struct string metadata;
	int16_t error_code;
};

struct offset_fetch_group_topic_response {
	struct string name;
	struct uuid topic_id;
	ARRAY_OF(struct offset_fetch_group_partition_response) partitions;
};

struct offset_fetch_group_response {
	struct string group_id;
	ARRAY_OF(struct offset_fetch_group_topic_response) topics;
	int16_t error_code;
};

struct offset_fetch_response {
	int32_t throttle_time_ms;
	ARRAY_OF(struct offset_fetch_topic_response) topics;
	int16_t error_code;
	ARRAY_OF(struct offset_fetch_group_response) groups;
};

extern const struct message offset_fetch_request_message, offset_fetch_response_message;

#endif
