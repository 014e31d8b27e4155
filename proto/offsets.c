/*
 * The tables of ListOffsets, DeleteRecords, OffsetCommit and OffsetFetch: which versions carry
 * which field, and what stands in where they do not. What the fields mean is in
 * include/proto/offsets.h. In the order of Kafka 4.3.1's message schemas.
 */
#include "proto/offsets.h"

/* clang-format off */

#define THIS struct list_offsets_partition
static const struct field list_offsets_partition_fields[] = {
	FIELD(partition_index,      SINCE(0)),
	FIELD(current_leader_epoch, SINCE(4), DEFAULT(-1), IGNORABLE),
	FIELD(timestamp,            SINCE(0)),
};
#undef THIS
static MESSAGE(list_offsets_partition);

#define THIS struct list_offsets_topic
static const struct field list_offsets_topic_fields[] = {
	FIELD(name, SINCE(0)),
	ITEMS(partitions, list_offsets_partition, SINCE(0)),
};
#undef THIS
static MESSAGE(list_offsets_topic);

#define THIS struct list_offsets_request
static const struct field list_offsets_request_fields[] = {
	FIELD(replica_id,                 SINCE(0)),
	FIELD(isolation_level,            SINCE(2)),
	ITEMS(topics, list_offsets_topic, SINCE(0)),
	FIELD(timeout_ms,                 SINCE(10), IGNORABLE),
};
#undef THIS
MESSAGE(list_offsets_request);

#define THIS struct list_offsets_partition_response
static const struct field list_offsets_partition_response_fields[] = {
	FIELD(partition_index, SINCE(0)),
	FIELD(error_code,      SINCE(0)),
	FIELD(timestamp,       SINCE(1), DEFAULT(-1)),
	FIELD(offset,          SINCE(1), DEFAULT(-1)),
	FIELD(leader_epoch,    SINCE(4), DEFAULT(-1)),
};
#undef THIS
static MESSAGE(list_offsets_partition_response);

#define THIS struct list_offsets_topic_response
static const struct field list_offsets_topic_response_fields[] = {
	FIELD(name, SINCE(0)),
	ITEMS(partitions, list_offsets_partition_response, SINCE(0)),
};
#undef THIS
static MESSAGE(list_offsets_topic_response);

#define THIS struct list_offsets_response
static const struct field list_offsets_response_fields[] = {
	FIELD(throttle_time_ms, SINCE(2), IGNORABLE),
	ITEMS(topics, list_offsets_topic_response, SINCE(0)),
};
#undef THIS
MESSAGE(list_offsets_response);

#define THIS struct delete_records_partition
static const struct field delete_records_partition_fields[] = {
	FIELD(partition_index, SINCE(0)),
	FIELD(offset,          SINCE(0)),
};
#undef THIS
static MESSAGE(delete_records_partition);

#define THIS struct delete_records_topic
static const struct field delete_records_topic_fields[] = {
	FIELD(name, SINCE(0)),
	ITEMS(partitions, delete_records_partition, SINCE(0)),
};
#undef THIS
static MESSAGE(delete_records_topic);

#define THIS struct delete_records_request
static const struct field delete_records_request_fields[] = {
	ITEMS(topics, delete_records_topic, SINCE(0)),
	FIELD(timeout_ms,                   SINCE(0)),
};
#undef THIS
MESSAGE(delete_records_request);

#define THIS struct delete_records_partition_result
static const struct field delete_records_partition_result_fields[] = {
	FIELD(partition_index, SINCE(0)),
	FIELD(low_watermark,   SINCE(0)),
	FIELD(error_code,      SINCE(0)),
};
#undef THIS
static MESSAGE(delete_records_partition_result);

#define THIS struct delete_records_topic_result
static const struct field delete_records_topic_result_fields[] = {
	FIELD(name, SINCE(0)),
	ITEMS(partitions, delete_records_partition_result, SINCE(0)),
};
#undef THIS
static MESSAGE(delete_records_topic_result);

#define THIS struct delete_records_response
static const struct field delete_records_response_fields[] = {
	FIELD(throttle_time_ms, SINCE(0)),
	ITEMS(topics, delete_records_topic_result, SINCE(0)),
};
#undef THIS
MESSAGE(delete_records_response);

#define THIS struct offset_commit_partition
static const struct field offset_commit_partition_fields[] = {
	FIELD(partition_index,        SINCE(0)),
	FIELD(committed_offset,       SINCE(0)),
	FIELD(committed_leader_epoch, SINCE(6), DEFAULT(-1), IGNORABLE),
	FIELD(committed_metadata,     SINCE(0), NULLABLE(0)),
};
#undef THIS
static MESSAGE(offset_commit_partition, NAMED("OffsetCommitRequestPartition"));

#define THIS struct offset_commit_topic
static const struct field offset_commit_topic_fields[] = {
	FIELD(name,     SINCE(0), UNTIL(9), IGNORABLE),
	FIELD(topic_id, SINCE(10), IGNORABLE),
	ITEMS(partitions, offset_commit_partition, SINCE(0)),
};
#undef THIS
static MESSAGE(offset_commit_topic, NAMED("OffsetCommitRequestTopic"));

#define THIS struct offset_commit_request
static const struct field offset_commit_request_fields[] = {
	FIELD(group_id,                      SINCE(0)),
	FIELD(generation_id_or_member_epoch, SINCE(1), DEFAULT(-1), IGNORABLE),
	FIELD(member_id,                     SINCE(1), IGNORABLE),
	FIELD(group_instance_id,             SINCE(7), NULLABLE(7), DEFAULT_NULL),
	FIELD(retention_time_ms,             SINCE(2), UNTIL(4), DEFAULT(-1), IGNORABLE),
	ITEMS(topics, offset_commit_topic,   SINCE(0)),
};
#undef THIS
MESSAGE(offset_commit_request);

#define THIS struct offset_commit_partition_response
static const struct field offset_commit_partition_response_fields[] = {
	FIELD(partition_index, SINCE(0)),
	FIELD(error_code,      SINCE(0)),
};
#undef THIS
static MESSAGE(offset_commit_partition_response, NAMED("OffsetCommitResponsePartition"));

#define THIS struct offset_commit_topic_response
static const struct field offset_commit_topic_response_fields[] = {
	FIELD(name,     SINCE(0), UNTIL(9), IGNORABLE),
	FIELD(topic_id, SINCE(10), IGNORABLE),
	ITEMS(partitions, offset_commit_partition_response, SINCE(0)),
};
#undef THIS
static MESSAGE(offset_commit_topic_response, NAMED("OffsetCommitResponseTopic"));

#define THIS struct offset_commit_response
static const struct field offset_commit_response_fields[] = {
	FIELD(throttle_time_ms, SINCE(3), IGNORABLE),
	ITEMS(topics, offset_commit_topic_response, SINCE(0)),
};
#undef THIS
MESSAGE(offset_commit_response);

#define THIS struct offset_fetch_topic
static const struct field offset_fetch_topic_fields[] = {
	FIELD(name,                SINCE(0), UNTIL(7)),
	SCALARS(partition_indexes, SINCE(0), UNTIL(7)),
};
#undef THIS
static MESSAGE(offset_fetch_topic, NAMED("OffsetFetchRequestTopic"));

#define THIS struct offset_fetch_group_topic
static const struct field offset_fetch_group_topic_fields[] = {
	FIELD(name,                SINCE(8), UNTIL(9), IGNORABLE),
	FIELD(topic_id,            SINCE(10), IGNORABLE),
	SCALARS(partition_indexes, SINCE(8)),
};
#undef THIS
static MESSAGE(offset_fetch_group_topic, NAMED("OffsetFetchRequestTopics"));

#define THIS struct offset_fetch_group
static const struct field offset_fetch_group_fields[] = {
	FIELD(group_id,                         SINCE(8)),
	FIELD(member_id,                        SINCE(9), NULLABLE(9), DEFAULT_NULL, IGNORABLE),
	FIELD(member_epoch,                     SINCE(9), DEFAULT(-1), IGNORABLE),
	ITEMS(topics, offset_fetch_group_topic, SINCE(8), NULLABLE(8)),
};
#undef THIS
static MESSAGE(offset_fetch_group, NAMED("OffsetFetchRequestGroup"));

#define THIS struct offset_fetch_request
static const struct field offset_fetch_request_fields[] = {
	FIELD(group_id,                   SINCE(0), UNTIL(7)),
	ITEMS(topics, offset_fetch_topic, SINCE(0), UNTIL(7), NULLABLE(2)),
	ITEMS(groups, offset_fetch_group, SINCE(8)),
	FIELD(require_stable,             SINCE(7)),
};
#undef THIS
MESSAGE(offset_fetch_request);

#define THIS struct offset_fetch_partition_response
static const struct field offset_fetch_partition_response_fields[] = {
	FIELD(partition_index,        SINCE(0), UNTIL(7)),
	FIELD(committed_offset,       SINCE(0), UNTIL(7)),
	FIELD(committed_leader_epoch, SINCE(5), UNTIL(7), DEFAULT(-1), IGNORABLE),
	FIELD(metadata,               SINCE(0), UNTIL(7), NULLABLE(0)),
	FIELD(error_code,             SINCE(0), UNTIL(7)),
};
#undef THIS
static MESSAGE(offset_fetch_partition_response, NAMED("OffsetFetchResponsePartition"));

#define THIS struct offset_fetch_topic_response
static const struct field offset_fetch_topic_response_fields[] = {
	FIELD(name, SINCE(0), UNTIL(7)),
	ITEMS(partitions, offset_fetch_partition_response, SINCE(0), UNTIL(7)),
};
#undef THIS
static MESSAGE(offset_fetch_topic_response, NAMED("OffsetFetchResponseTopic"));

#define THIS struct offset_fetch_group_partition_response
static const struct field offset_fetch_group_partition_response_fields[] = {
	FIELD(partition_index,        SINCE(8)),
	FIELD(committed_offset,       SINCE(8)),
	FIELD(committed_leader_epoch, SINCE(8), DEFAULT(-1), IGNORABLE),
	FIELD(metadata,               SINCE(8), NULLABLE(8)),
	FIELD(error_code,             SINCE(8)),
};
#undef THIS
static MESSAGE(offset_fetch_group_partition_response, NAMED("OffsetFetchResponsePartitions"));

#define THIS struct offset_fetch_group_topic_response
static const struct field offset_fetch_group_topic_response_fields[] = {
	FIELD(name,     SINCE(8), UNTIL(9), IGNORABLE),
	FIELD(topic_id, SINCE(10), IGNORABLE),
	ITEMS(partitions, offset_fetch_group_partition_response, SINCE(8)),
};
#undef THIS
static MESSAGE(offset_fetch_group_topic_response, NAMED("OffsetFetchResponseTopics"));

#define THIS struct offset_fetch_group_response
static const struct field offset_fetch_group_response_fields[] = {
	FIELD(group_id,   SINCE(8)),
	ITEMS(topics, offset_fetch_group_topic_response, SINCE(8)),
	FIELD(error_code, SINCE(8)),
};
#undef THIS
static MESSAGE(offset_fetch_group_response, NAMED("OffsetFetchResponseGroup"));

#define THIS struct offset_fetch_response
static const struct field offset_fetch_response_fields[] = {
	FIELD(throttle_time_ms, SINCE(3), IGNORABLE),
	ITEMS(topics, offset_fetch_topic_response, SINCE(0), UNTIL(7)),
	FIELD(error_code,       SINCE(2), UNTIL(7), IGNORABLE),
	ITEMS(groups, offset_fetch_group_response, SINCE(8)),
};
#undef THIS
MESSAGE(offset_fetch_response);
