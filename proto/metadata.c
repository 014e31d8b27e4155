/*
 * The tables of Metadata: which versions carry which field, and what stands in where they do not.
 * What the fields mean is in include/proto/metadata.h. In the order of Kafka 4.3.1's message
 * schemas.
 */
#include "proto/metadata.h"

/* clang-format off */

#define THIS struct metadata_request_topic
static const struct field metadata_request_topic_fields[] = {
	FIELD(topic_id, SINCE(10), IGNORABLE),
	FIELD(name,     SINCE(0), NULLABLE(10)),
};
#undef THIS
static MESSAGE(metadata_request_topic);

#define THIS struct metadata_request
static const struct field metadata_request_fields[] = {
	ITEMS(topics, metadata_request_topic, SINCE(0), NULLABLE(1)),
	FIELD(allow_auto_topic_creation,      SINCE(4), DEFAULT(true)),
	FIELD(include_cluster_authorized_operations, SINCE(8), UNTIL(10)),
	FIELD(include_topic_authorized_operations, SINCE(8)),
};
#undef THIS
MESSAGE(metadata_request);

#define THIS struct metadata_broker
static const struct field metadata_broker_fields[] = {
	FIELD(node_id, SINCE(0)),
	FIELD(host,    SINCE(0)),
	FIELD(port,    SINCE(0)),
	FIELD(rack,    SINCE(1), NULLABLE(1), DEFAULT_NULL, IGNORABLE),
};
#undef THIS
static MESSAGE(metadata_broker, NAMED("MetadataResponseBroker"));

#define THIS struct metadata_partition
static const struct field metadata_partition_fields[] = {
	FIELD(error_code,         SINCE(0)),
	FIELD(partition_index,    SINCE(0)),
	FIELD(leader_id,          SINCE(0)),
	FIELD(leader_epoch,       SINCE(7), DEFAULT(-1), IGNORABLE),
	SCALARS(replica_nodes,    SINCE(0)),
	SCALARS(isr_nodes,        SINCE(0)),
	SCALARS(offline_replicas, SINCE(5), IGNORABLE),
};
#undef THIS
static MESSAGE(metadata_partition, NAMED("MetadataResponsePartition"));

#define THIS struct metadata_topic
static const struct field metadata_topic_fields[] = {
	FIELD(error_code,                     SINCE(0)),
	FIELD(name,                           SINCE(0), NULLABLE(12)),
	FIELD(topic_id,                       SINCE(10), IGNORABLE),
	FIELD(is_internal,                    SINCE(1), IGNORABLE),
	ITEMS(partitions, metadata_partition, SINCE(0)),
	FIELD(topic_authorized_operations,    SINCE(8), DEFAULT(INT32_MIN)),
};
#undef THIS
static MESSAGE(metadata_topic, NAMED("MetadataResponseTopic"));

#define THIS struct metadata_response
static const struct field metadata_response_fields[] = {
	FIELD(throttle_time_ms,              SINCE(3), IGNORABLE),
	ITEMS(brokers, metadata_broker,      SINCE(0)),
	FIELD(cluster_id,                    SINCE(2), NULLABLE(2), DEFAULT_NULL, IGNORABLE),
	FIELD(controller_id,                 SINCE(1), DEFAULT(-1), IGNORABLE),
	ITEMS(topics, metadata_topic,        SINCE(0)),
	FIELD(cluster_authorized_operations, SINCE(8), UNTIL(10), DEFAULT(INT32_MIN)),
	FIELD(error_code,                    SINCE(13), IGNORABLE),
};
#undef THIS
MESSAGE(metadata_response);
