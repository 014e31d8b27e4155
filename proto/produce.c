/*
 * The tables of Produce and InitProducerId: which versions carry which field, and what stands in
 * where they do not. What the fields mean is in include/proto/produce.h. In the order of Kafka
 * 4.3.1's message schemas.
 */
#include "proto/produce.h"

/* clang-format off */

#define THIS struct produce_partition
static const struct field produce_partition_fields[] = {
	FIELD(index,   SINCE(0)),
	FIELD(records, SINCE(0), NULLABLE(0)),
};
#undef THIS
static MESSAGE(produce_partition, NAMED("PartitionProduceData"));

#define THIS struct produce_topic
static const struct field produce_topic_fields[] = {
	FIELD(name,                              SINCE(0), UNTIL(12), IGNORABLE),
	FIELD(topic_id,                          SINCE(13), IGNORABLE),
	ITEMS(partition_data, produce_partition, SINCE(0)),
};
#undef THIS
static MESSAGE(produce_topic, NAMED("TopicProduceData"));

#define THIS struct produce_request
static const struct field produce_request_fields[] = {
	FIELD(transactional_id,          SINCE(3), NULLABLE(3), DEFAULT_NULL),
	FIELD(acks,                      SINCE(0)),
	FIELD(timeout_ms,                SINCE(0)),
	ITEMS(topic_data, produce_topic, SINCE(0)),
};
#undef THIS
MESSAGE(produce_request);

#define THIS struct produce_record_error
static const struct field produce_record_error_fields[] = {
	FIELD(batch_index,               SINCE(8)),
	FIELD(batch_index_error_message, SINCE(8), NULLABLE(8), DEFAULT_NULL),
};
#undef THIS
static MESSAGE(produce_record_error, NAMED("BatchIndexAndErrorMessage"));

#define THIS struct produce_current_leader
static const struct field produce_current_leader_fields[] = {
	FIELD(leader_id,    SINCE(10), DEFAULT(-1)),
	FIELD(leader_epoch, SINCE(10), DEFAULT(-1)),
};
#undef THIS
static MESSAGE(produce_current_leader, NAMED("LeaderIdAndEpoch"));

#define THIS struct produce_partition_response
static const struct field produce_partition_response_fields[] = {
	FIELD(index,              SINCE(0)),
	FIELD(error_code,         SINCE(0)),
	FIELD(base_offset,        SINCE(0)),
	FIELD(log_append_time_ms, SINCE(2), DEFAULT(-1), IGNORABLE),
	FIELD(log_start_offset,   SINCE(5), DEFAULT(-1), IGNORABLE),
	ITEMS(record_errors, produce_record_error, SINCE(8), IGNORABLE),
	FIELD(error_message,      SINCE(8), NULLABLE(8), DEFAULT_NULL, IGNORABLE),
	STRUCT(current_leader, produce_current_leader, TAGGED(0, 10)),
};
#undef THIS
static MESSAGE(produce_partition_response, NAMED("PartitionProduceResponse"));

#define THIS struct produce_topic_response
static const struct field produce_topic_response_fields[] = {
	FIELD(name,     SINCE(0), UNTIL(12), IGNORABLE),
	FIELD(topic_id, SINCE(13), IGNORABLE),
	ITEMS(partition_responses, produce_partition_response, SINCE(0)),
};
#undef THIS
static MESSAGE(produce_topic_response, NAMED("TopicProduceResponse"));

#define THIS struct produce_node_endpoint
static const struct field produce_node_endpoint_fields[] = {
	FIELD(node_id, SINCE(10)),
	FIELD(host,    SINCE(10)),
	FIELD(port,    SINCE(10)),
	FIELD(rack,    SINCE(10), NULLABLE(10), DEFAULT_NULL),
};
#undef THIS
static MESSAGE(produce_node_endpoint, NAMED("NodeEndpoint"));

#define THIS struct produce_response
static const struct field produce_response_fields[] = {
	ITEMS(responses, produce_topic_response, SINCE(0)),
	FIELD(throttle_time_ms,                  SINCE(1), IGNORABLE),
	ITEMS(node_endpoints, produce_node_endpoint, TAGGED(0, 10)),
};
#undef THIS
MESSAGE(produce_response);

#define THIS struct init_producer_id_request
static const struct field init_producer_id_request_fields[] = {
	FIELD(transactional_id,       SINCE(0), NULLABLE(0)),
	FIELD(transaction_timeout_ms, SINCE(0)),
	FIELD(producer_id,            SINCE(3), DEFAULT(-1)),
	FIELD(producer_epoch,         SINCE(3), DEFAULT(-1)),
	FIELD(enable_2pc,             SINCE(6), NAMED("Enable2Pc")),
	FIELD(keep_prepared_txn,      SINCE(6)),
};
#undef THIS
MESSAGE(init_producer_id_request);

#define THIS struct init_producer_id_response
static const struct field init_producer_id_response_fields[] = {
	FIELD(throttle_time_ms,           SINCE(0), IGNORABLE),
	FIELD(error_code,                 SINCE(0)),
	FIELD(producer_id,                SINCE(0), DEFAULT(-1)),
	FIELD(producer_epoch,             SINCE(0)),
	FIELD(ongoing_txn_producer_id,    SINCE(6), DEFAULT(-1)),
	FIELD(ongoing_txn_producer_epoch, SINCE(6), DEFAULT(-1)),
};
#undef THIS
MESSAGE(init_producer_id_response);
