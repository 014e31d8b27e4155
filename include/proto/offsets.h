/*
 * Offsets: where a partition's log begins, ends, or was at a time (ListOffsets, asked of leaders),
 * where it shall begin (DeleteRecords, likewise), and what a group has committed (OffsetCommit,
 * OffsetFetch, asked of its coordinator). Commits name topics up to version 9 and give ids from 10;
 * member epochs of KIP-848 since version 9.
 */
#ifndef HARROW_PROTO_OFFSETS_H
#define HARROW_PROTO_OFFSETS_H

#include "proto/message.h"

/* Special places in a log, instead of a time. */
#define LIST_OFFSETS_LATEST         ((int64_t)-1) /* the end: one past the last record */
#define LIST_OFFSETS_EARLIEST       ((int64_t)-2)
#define LIST_OFFSETS_MAX_TIMESTAMP  ((int64_t)-3) /* since version 7 (KIP-734) */
#define LIST_OFFSETS_EARLIEST_LOCAL ((int64_t)-4) /* since version 8, not yet tiered (KIP-405) */
#define LIST_OFFSETS_LATEST_TIERED  ((int64_t)-5) /* since version 9 (KIP-1005) */
#define LIST_OFFSETS_PENDING_UPLOAD                                                                \
	((int64_t)-6) /* since version 11: earliest of those (KIP-1023) */

/* The first offset whose record is not older than a time, or one of the special places. */
struct list_offsets_partition {
	int32_t partition_index;
	int32_t current_leader_epoch;
	int64_t timestamp; /* in ms, or one of LIST_OFFSETS_... */
};

struct list_offsets_topic {
	struct string name;
	ARRAY_OF(struct list_offsets_partition) partitions;
};

/* Asked of the leader of each partition. */
struct list_offsets_request {
	int32_t replica_id;     /* -1: not a follower */
	int8_t isolation_level; /* 1: the end is the last stable offset */
	ARRAY_OF(struct list_offsets_topic) topics;
	int32_t timeout_ms; /* for reads from tiered storage (KIP-1075) */
};

/* Offset -1 and timestamp -1: there is no such record. */
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

#define DELETE_RECORDS_TO_END ((int64_t)-1) /* as the offset: all there is */

struct delete_records_partition {
	int32_t partition_index;
	int64_t offset; /* records below it go; or DELETE_RECORDS_TO_END */
};

struct delete_records_topic {
	struct string name;
	ARRAY_OF(struct delete_records_partition) partitions;
};

/* Moves the beginning of logs (KIP-107). Asked of the leader of each partition. */
struct delete_records_request {
	ARRAY_OF(struct delete_records_topic) topics;
	int32_t timeout_ms; /* for the replicas to follow */
};

struct delete_records_partition_result {
	int32_t partition_index;
	int64_t low_watermark; /* where the log begins now, on all replicas; -1 with an error */
	int16_t error_code;
};

struct delete_records_topic_result {
	struct string name;
	ARRAY_OF(struct delete_records_partition_result) partitions;
};

struct delete_records_response {
	int32_t throttle_time_ms;
	ARRAY_OF(struct delete_records_topic_result) topics;
};

extern const struct message delete_records_request_message, delete_records_response_message;

struct offset_commit_partition {
	int32_t partition_index;
	int64_t committed_offset; /* of the next record to read */
	int32_t committed_leader_epoch;
	struct string committed_metadata; /* may be null */
};

struct offset_commit_topic {
	struct string name;
	struct uuid topic_id;
	ARRAY_OF(struct offset_commit_partition) partitions;
};

/* How far a group, or with generation -1 and no member anyone for it, has come. */
struct offset_commit_request {
	struct string group_id;
	int32_t generation_id_or_member_epoch; /* -1: not a member */
	struct string member_id;
	struct string group_instance_id; /* null unless the member is static (KIP-345) */
	int64_t retention_time_ms;       /* version 2-4; -1: as the broker does */
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

/* Version 0-7: partitions of one topic. */
struct offset_fetch_topic {
	struct string name;
	ARRAY_OF(int32_t) partition_indexes;
};

/* Version 8 and later: the same inside a group. */
struct offset_fetch_group_topic {
	struct string name;
	struct uuid topic_id;
	ARRAY_OF(int32_t) partition_indexes;
};

/* One of several groups (KIP-709). Null topics: all that it has committed. */
struct offset_fetch_group {
	struct string group_id;
	struct string member_id; /* null unless asked as a member (KIP-848) */
	int32_t member_epoch;    /* -1: not a member */
	ARRAY_OF(struct offset_fetch_group_topic) topics;
};

/* One group up to version 7, several from version 8; the other fields then stay empty. */
struct offset_fetch_request {
	struct string group_id;
	ARRAY_OF(struct offset_fetch_topic) topics; /* null: all that the group has committed */
	ARRAY_OF(struct offset_fetch_group) groups;
	bool require_stable; /* wait for open transactions to end (KIP-447) */
};

/* A committed_offset of -1: nothing is committed. */
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

/* A committed_offset of -1: nothing is committed. */
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
