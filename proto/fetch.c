/*
 * The tables of Fetch: which versions carry which field, and what stands in where they do not.
 * What the fields mean is in include/proto/fetch.h. In the order of Kafka 4.3.1's message schemas.
 */
#include "proto/fetch.h"

/* clang-format off */

#define THIS struct fetch_replica_state
static const struct field fetch_replica_state_fields[] = {
	FIELD(replica_id,    SINCE(15), DEFAULT(-1)),
	FIELD(replica_epoch, SINCE(15), DEFAULT(-1)),
};
#undef THIS
static MESSAGE(fetch_replica_state, NAMED("ReplicaState"));

#define THIS struct fetch_partition
static const struct field fetch_partition_fields[] = {
	FIELD(partition,            SINCE(0)),
	FIELD(current_leader_epoch, SINCE(9), DEFAULT(-1), IGNORABLE),
	FIELD(fetch_offset,         SINCE(0)),
	FIELD(last_fetched_epoch,   SINCE(12), DEFAULT(-1)),
	FIELD(log_start_offset,     SINCE(5), DEFAULT(-1), IGNORABLE),
	FIELD(partition_max_bytes,  SINCE(0)),
	FIELD(replica_directory_id, TAGGED(0, 17), IGNORABLE),
	FIELD(high_watermark,       TAGGED(1, 18), DEFAULT(INT64_MAX), IGNORABLE),
};
#undef THIS
static MESSAGE(fetch_partition);

#define THIS struct fetch_topic
static const struct field fetch_topic_fields[] = {
	FIELD(topic,                       SINCE(0), UNTIL(12), IGNORABLE),
	FIELD(topic_id,                    SINCE(13), IGNORABLE),
	ITEMS(partitions, fetch_partition, SINCE(0)),
};
#undef THIS
static MESSAGE(fetch_topic);

#define THIS struct fetch_forgotten_topic
static const struct field fetch_forgotten_topic_fields[] = {
	FIELD(topic,        SINCE(7), UNTIL(12), IGNORABLE),
	FIELD(topic_id,     SINCE(13), IGNORABLE),
	SCALARS(partitions, SINCE(7)),
};
#undef THIS
static MESSAGE(fetch_forgotten_topic, NAMED("ForgottenTopic"));

#define THIS struct fetch_request
static const struct field fetch_request_fields[] = {
	FIELD(cluster_id,          TAGGED(0, 12), NULLABLE(12), DEFAULT_NULL, IGNORABLE),
	FIELD(replica_id,          SINCE(0), UNTIL(14), DEFAULT(-1)),
	STRUCT(replica_state, fetch_replica_state, TAGGED(1, 15)),
	FIELD(max_wait_ms,         SINCE(0)),
	FIELD(min_bytes,           SINCE(0)),
	FIELD(max_bytes,           SINCE(3), DEFAULT(INT32_MAX), IGNORABLE),
	FIELD(isolation_level,     SINCE(4), IGNORABLE),
	FIELD(session_id,          SINCE(7), IGNORABLE),
	FIELD(session_epoch,       SINCE(7), DEFAULT(-1), IGNORABLE),
	ITEMS(topics, fetch_topic, SINCE(0)),
	ITEMS(forgotten_topics_data, fetch_forgotten_topic, SINCE(7)),
	FIELD(rack_id,             SINCE(11), IGNORABLE),
};
#undef THIS
MESSAGE(fetch_request);

#define THIS struct fetch_diverging_epoch
static const struct field fetch_diverging_epoch_fields[] = {
	FIELD(epoch,      SINCE(12), DEFAULT(-1)),
	FIELD(end_offset, SINCE(12), DEFAULT(-1)),
};
#undef THIS
static MESSAGE(fetch_diverging_epoch, NAMED("EpochEndOffset"));

#define THIS struct fetch_current_leader
static const struct field fetch_current_leader_fields[] = {
	FIELD(leader_id,    SINCE(12), DEFAULT(-1)),
	FIELD(leader_epoch, SINCE(12), DEFAULT(-1)),
};
#undef THIS
static MESSAGE(fetch_current_leader, NAMED("LeaderIdAndEpoch"));

#define THIS struct fetch_snapshot_id
static const struct field fetch_snapshot_id_fields[] = {
	FIELD(end_offset, SINCE(0), DEFAULT(-1)),
	FIELD(epoch,      SINCE(0), DEFAULT(-1)),
};
#undef THIS
static MESSAGE(fetch_snapshot_id, NAMED("SnapshotId"));

#define THIS struct fetch_aborted_transaction
static const struct field fetch_aborted_transaction_fields[] = {
	FIELD(producer_id,  SINCE(4)),
	FIELD(first_offset, SINCE(4)),
};
#undef THIS
static MESSAGE(fetch_aborted_transaction, NAMED("AbortedTransaction"));

#define THIS struct fetch_partition_response
static const struct field fetch_partition_response_fields[] = {
	FIELD(partition_index,                 SINCE(0)),
	FIELD(error_code,                      SINCE(0)),
	FIELD(high_watermark,                  SINCE(0)),
	FIELD(last_stable_offset,              SINCE(4), DEFAULT(-1), IGNORABLE),
	FIELD(log_start_offset,                SINCE(5), DEFAULT(-1), IGNORABLE),
	STRUCT(diverging_epoch, fetch_diverging_epoch, TAGGED(0, 12)),
	STRUCT(current_leader, fetch_current_leader, TAGGED(1, 12)),
	STRUCT(snapshot_id, fetch_snapshot_id, TAGGED(2, 12)),
	ITEMS(aborted_transactions, fetch_aborted_transaction, SINCE(4), NULLABLE(4), IGNORABLE),
	FIELD(preferred_read_replica,          SINCE(11), DEFAULT(-1)),
	FIELD(records,                         SINCE(0), NULLABLE(0)),
};
#undef THIS
static MESSAGE(fetch_partition_response, NAMED("PartitionData"));

#define THIS struct fetch_topic_response
static const struct field fetch_topic_response_fields[] = {
	FIELD(topic,    SINCE(0), UNTIL(12), IGNORABLE),
	FIELD(topic_id, SINCE(13), IGNORABLE),
	ITEMS(partitions, fetch_partition_response, SINCE(0)),
};
#undef THIS
static MESSAGE(fetch_topic_response, NAMED("FetchableTopicResponse"));

#define THIS struct fetch_node_endpoint
static const struct field fetch_node_endpoint_fields[] = {
	FIELD(node_id, SINCE(16)),
	FIELD(host,    SINCE(16)),
	FIELD(port,    SINCE(16)),
	FIELD(rack,    SINCE(16), NULLABLE(16), DEFAULT_NULL),
};
#undef THIS
static MESSAGE(fetch_node_endpoint, NAMED("NodeEndpoint"));

#define THIS struct fetch_response
static const struct field fetch_response_fields[] = {
	FIELD(throttle_time_ms,                SINCE(1), IGNORABLE),
	FIELD(error_code,                      SINCE(7), IGNORABLE),
	FIELD(session_id,                      SINCE(7)),
	ITEMS(responses, fetch_topic_response, SINCE(0)),
	ITEMS(node_endpoints, fetch_node_endpoint, TAGGED(0, 16)),
};
#undef THIS
MESSAGE(fetch_response);
