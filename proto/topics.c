/*
 * The tables of CreateTopics, DeleteTopics, CreatePartitions and DescribeConfigs: which versions
 * carry which field, and what stands in where they do not. What the fields mean is in
 * include/proto/topics.h. In the order of Kafka 4.3.1's message schemas.
 */
#include "proto/topics.h"

/* clang-format off */

#define THIS struct creatable_replica_assignment
static const struct field creatable_replica_assignment_fields[] = {
	FIELD(partition_index, SINCE(0)),
	SCALARS(broker_ids,    SINCE(0)),
};
#undef THIS
static MESSAGE(creatable_replica_assignment);

#define THIS struct creatable_topic_config
static const struct field creatable_topic_config_fields[] = {
	FIELD(name,  SINCE(0)),
	FIELD(value, SINCE(0), NULLABLE(0)),
};
#undef THIS
static MESSAGE(creatable_topic_config);

#define THIS struct creatable_topic
static const struct field creatable_topic_fields[] = {
	FIELD(name,                            SINCE(0)),
	FIELD(num_partitions,                  SINCE(0)),
	FIELD(replication_factor,              SINCE(0)),
	ITEMS(assignments, creatable_replica_assignment, SINCE(0)),
	ITEMS(configs, creatable_topic_config, SINCE(0)),
};
#undef THIS
static MESSAGE(creatable_topic);

#define THIS struct create_topics_request
static const struct field create_topics_request_fields[] = {
	ITEMS(topics, creatable_topic, SINCE(0)),
	FIELD(timeout_ms,              SINCE(0), DEFAULT(60000), NAMED("timeoutMs")),
	FIELD(validate_only,           SINCE(1), NAMED("validateOnly")),
};
#undef THIS
MESSAGE(create_topics_request);

#define THIS struct creatable_topic_configs
static const struct field creatable_topic_configs_fields[] = {
	FIELD(name,          SINCE(5)),
	FIELD(value,         SINCE(5), NULLABLE(5)),
	FIELD(read_only,     SINCE(5)),
	FIELD(config_source, SINCE(5), DEFAULT(-1), IGNORABLE),
	FIELD(is_sensitive,  SINCE(5)),
};
#undef THIS
static MESSAGE(creatable_topic_configs);

#define THIS struct creatable_topic_result
static const struct field creatable_topic_result_fields[] = {
	FIELD(name,                             SINCE(0)),
	FIELD(topic_id,                         SINCE(7), IGNORABLE),
	FIELD(error_code,                       SINCE(0)),
	FIELD(error_message,                    SINCE(1), NULLABLE(0), IGNORABLE),
	FIELD(topic_config_error_code,          TAGGED(0, 5), IGNORABLE),
	FIELD(num_partitions,                   SINCE(5), DEFAULT(-1), IGNORABLE),
	FIELD(replication_factor,               SINCE(5), DEFAULT(-1), IGNORABLE),
	ITEMS(configs, creatable_topic_configs, SINCE(5), NULLABLE(5), IGNORABLE),
};
#undef THIS
static MESSAGE(creatable_topic_result);

#define THIS struct create_topics_response
static const struct field create_topics_response_fields[] = {
	FIELD(throttle_time_ms,               SINCE(2), IGNORABLE),
	ITEMS(topics, creatable_topic_result, SINCE(0)),
};
#undef THIS
MESSAGE(create_topics_response);

#define THIS struct delete_topic_state
static const struct field delete_topic_state_fields[] = {
	FIELD(name,     SINCE(6), NULLABLE(6), DEFAULT_NULL),
	FIELD(topic_id, SINCE(6)),
};
#undef THIS
static MESSAGE(delete_topic_state);

#define THIS struct delete_topics_request
static const struct field delete_topics_request_fields[] = {
	ITEMS(topics, delete_topic_state, SINCE(6)),
	SCALARS(topic_names,              SINCE(0), UNTIL(5), IGNORABLE),
	FIELD(timeout_ms,                 SINCE(0)),
};
#undef THIS
MESSAGE(delete_topics_request);

#define THIS struct deletable_topic_result
static const struct field deletable_topic_result_fields[] = {
	FIELD(name,          SINCE(0), NULLABLE(6)),
	FIELD(topic_id,      SINCE(6), IGNORABLE),
	FIELD(error_code,    SINCE(0)),
	FIELD(error_message, SINCE(5), NULLABLE(5), DEFAULT_NULL, IGNORABLE),
};
#undef THIS
static MESSAGE(deletable_topic_result);

#define THIS struct delete_topics_response
static const struct field delete_topics_response_fields[] = {
	FIELD(throttle_time_ms,                  SINCE(1), IGNORABLE),
	ITEMS(responses, deletable_topic_result, SINCE(0)),
};
#undef THIS
MESSAGE(delete_topics_response);

#define THIS struct create_partitions_assignment
static const struct field create_partitions_assignment_fields[] = {
	SCALARS(broker_ids, SINCE(0)),
};
#undef THIS
static MESSAGE(create_partitions_assignment);

#define THIS struct create_partitions_topic
static const struct field create_partitions_topic_fields[] = {
	FIELD(name,  SINCE(0)),
	FIELD(count, SINCE(0)),
	ITEMS(assignments, create_partitions_assignment, SINCE(0), NULLABLE(0)),
};
#undef THIS
static MESSAGE(create_partitions_topic);

#define THIS struct create_partitions_request
static const struct field create_partitions_request_fields[] = {
	ITEMS(topics, create_partitions_topic, SINCE(0)),
	FIELD(timeout_ms,                      SINCE(0)),
	FIELD(validate_only,                   SINCE(0)),
};
#undef THIS
MESSAGE(create_partitions_request);

#define THIS struct create_partitions_topic_result
static const struct field create_partitions_topic_result_fields[] = {
	FIELD(name,          SINCE(0)),
	FIELD(error_code,    SINCE(0)),
	FIELD(error_message, SINCE(0), NULLABLE(0), DEFAULT_NULL),
};
#undef THIS
static MESSAGE(create_partitions_topic_result);

#define THIS struct create_partitions_response
static const struct field create_partitions_response_fields[] = {
	FIELD(throttle_time_ms, SINCE(0)),
	ITEMS(results, create_partitions_topic_result, SINCE(0)),
};
#undef THIS
MESSAGE(create_partitions_response);

#define THIS struct describe_configs_resource
static const struct field describe_configs_resource_fields[] = {
	FIELD(resource_type,        SINCE(0)),
	FIELD(resource_name,        SINCE(0)),
	SCALARS(configuration_keys, SINCE(0), NULLABLE(0)),
};
#undef THIS
static MESSAGE(describe_configs_resource);

#define THIS struct describe_configs_request
static const struct field describe_configs_request_fields[] = {
	ITEMS(resources, describe_configs_resource, SINCE(0)),
	FIELD(include_synonyms,      SINCE(1)),
	FIELD(include_documentation, SINCE(3)),
};
#undef THIS
MESSAGE(describe_configs_request);

#define THIS struct describe_configs_synonym
static const struct field describe_configs_synonym_fields[] = {
	FIELD(name,   SINCE(1)),
	FIELD(value,  SINCE(1), NULLABLE(0)),
	FIELD(source, SINCE(1)),
};
#undef THIS
static MESSAGE(describe_configs_synonym);

#define THIS struct describe_configs_resource_result
static const struct field describe_configs_resource_result_fields[] = {
	FIELD(name,          SINCE(0)),
	FIELD(value,         SINCE(0), NULLABLE(0)),
	FIELD(read_only,     SINCE(0)),
	FIELD(config_source, SINCE(1), DEFAULT(-1), IGNORABLE),
	FIELD(is_sensitive,  SINCE(0)),
	ITEMS(synonyms, describe_configs_synonym, SINCE(1), IGNORABLE),
	FIELD(config_type,   SINCE(3), IGNORABLE),
	FIELD(documentation, SINCE(3), NULLABLE(0), IGNORABLE),
};
#undef THIS
static MESSAGE(describe_configs_resource_result);

#define THIS struct describe_configs_result
static const struct field describe_configs_result_fields[] = {
	FIELD(error_code,    SINCE(0)),
	FIELD(error_message, SINCE(0), NULLABLE(0)),
	FIELD(resource_type, SINCE(0)),
	FIELD(resource_name, SINCE(0)),
	ITEMS(configs, describe_configs_resource_result, SINCE(0)),
};
#undef THIS
static MESSAGE(describe_configs_result);

#define THIS struct describe_configs_response
static const struct field describe_configs_response_fields[] = {
	FIELD(throttle_time_ms,                 SINCE(0)),
	ITEMS(results, describe_configs_result, SINCE(0)),
};
#undef THIS
MESSAGE(describe_configs_response);
