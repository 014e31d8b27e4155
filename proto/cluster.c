/*
 * The tables of ApiVersions and DescribeCluster: which versions carry which field, and what stands
 * in where they do not. What the fields mean is in include/proto/cluster.h. In the order of Kafka
 * 4.3.1's message schemas.
 */
#include "proto/cluster.h"

/* clang-format off */

#define THIS struct api_versions_request
static const struct field api_versions_request_fields[] = {
	FIELD(client_software_name,    SINCE(3), IGNORABLE),
	FIELD(client_software_version, SINCE(3), IGNORABLE),
};
#undef THIS
MESSAGE(api_versions_request);

#define THIS struct api_version
static const struct field api_version_fields[] = {
	FIELD(api_key,     SINCE(0)),
	FIELD(min_version, SINCE(0)),
	FIELD(max_version, SINCE(0)),
};
#undef THIS
static MESSAGE(api_version);

#define THIS struct supported_feature_key
static const struct field supported_feature_key_fields[] = {
	FIELD(name,        SINCE(3)),
	FIELD(min_version, SINCE(3)),
	FIELD(max_version, SINCE(3)),
};
#undef THIS
static MESSAGE(supported_feature_key);

#define THIS struct finalized_feature_key
static const struct field finalized_feature_key_fields[] = {
	FIELD(name,              SINCE(3)),
	FIELD(max_version_level, SINCE(3)),
	FIELD(min_version_level, SINCE(3)),
};
#undef THIS
static MESSAGE(finalized_feature_key);

#define THIS struct api_versions_response
static const struct field api_versions_response_fields[] = {
	FIELD(error_code,               SINCE(0)),
	ITEMS(api_keys, api_version,    SINCE(0)),
	FIELD(throttle_time_ms,         SINCE(1), IGNORABLE),
	ITEMS(supported_features, supported_feature_key, TAGGED(0, 3), IGNORABLE),
	FIELD(finalized_features_epoch, TAGGED(1, 3), DEFAULT(-1), IGNORABLE),
	ITEMS(finalized_features, finalized_feature_key, TAGGED(2, 3), IGNORABLE),
	FIELD(zk_migration_ready,       TAGGED(3, 3), IGNORABLE),
};
#undef THIS
MESSAGE(api_versions_response);

#define THIS struct describe_cluster_request
static const struct field describe_cluster_request_fields[] = {
	FIELD(include_cluster_authorized_operations, SINCE(0)),
	FIELD(endpoint_type,          SINCE(1), DEFAULT(1)),
	FIELD(include_fenced_brokers, SINCE(2)),
};
#undef THIS
MESSAGE(describe_cluster_request);

#define THIS struct describe_cluster_broker
static const struct field describe_cluster_broker_fields[] = {
	FIELD(broker_id, SINCE(0)),
	FIELD(host,      SINCE(0)),
	FIELD(port,      SINCE(0)),
	FIELD(rack,      SINCE(0), NULLABLE(0), DEFAULT_NULL),
	FIELD(is_fenced, SINCE(2)),
};
#undef THIS
static MESSAGE(describe_cluster_broker);

#define THIS struct describe_cluster_response
static const struct field describe_cluster_response_fields[] = {
	FIELD(throttle_time_ms,                 SINCE(0)),
	FIELD(error_code,                       SINCE(0)),
	FIELD(error_message,                    SINCE(0), NULLABLE(0), DEFAULT_NULL),
	FIELD(endpoint_type,                    SINCE(1), DEFAULT(1)),
	FIELD(cluster_id,                       SINCE(0)),
	FIELD(controller_id,                    SINCE(0), DEFAULT(-1)),
	ITEMS(brokers, describe_cluster_broker, SINCE(0)),
	FIELD(cluster_authorized_operations,    SINCE(0), DEFAULT(INT32_MIN)),
};
#undef THIS
MESSAGE(describe_cluster_response);
