/*
 * The classic group protocol: find the coordinator, join, take or hand out the assignment, stay
 * alive, leave. Static members since KIP-345, the consumer's own assignment format is not here but
 * inside the bytes of `metadata` and `assignment`.
 */
#ifndef HARROW_PROTO_GROUP_H
#define HARROW_PROTO_GROUP_H

#include "proto/message.h"

struct find_coordinator_request {
	struct string key;
	int8_t key_type;
	ARRAY_OF(struct string) coordinator_keys;
};

struct found_coordinator {
	struct string key;
	int32_t node_id;
	struct string host;
	int32_t port;
	int16_t error_code;
	struct string error_message;
};

struct find_coordinator_response {
	int32_t throttle_time_ms;
	int16_t error_code;
	struct string error_message;
	int32_t node_id;
	struct string host;
	int32_t port;
	ARRAY_OF(struct found_coordinator) coordinators;
};

extern const struct message find_coordinator_request_message, find_coordinator_response_message;

struct join_group_protocol {
	struct string name;
	struct bytes metadata;
};

struct join_group_request {
	struct string group_id;
	int32_t session_timeout_ms;
	int32_t rebalance_timeout_ms;
	struct string member_id;
	struct string group_instance_id;
	struct string protocol_type;
	ARRAY_OF(struct join_group_protocol) protocols;
	struct string reason;
};

struct join_group_member {
	struct string member_id;
	struct string group_instance_id;
	struct bytes metadata;
};

struct join_group_response {
	int32_t throttle_time_ms;
	int16_t error_code;
	int32_t generation_id;
	struct string protocol_type;
	struct string protocol_name;
	struct string leader;
	bool skip_assignment;
	struct string member_id;
	ARRAY_OF(struct join_group_member) members;
};

extern const struct message join_group_request_message, join_group_response_message;

struct sync_group_assignment {
	struct string member_id;
	struct bytes assignment;
};

struct sync_group_request {
	struct string group_id;
	int32_t generation_id;
	struct string member_id;
	struct string group_instance_id;
	struct string protocol_type;
	struct string protocol_name;
	ARRAY_OF(struct sync_group_assignment) assignments;
};

struct sync_group_response {
	int32_t throttle_time_ms;
	int16_t error_code;
	struct string protocol_type;
	struct string protocol_name;
	struct bytes assignment;
};

extern const struct message sync_group_request_message, sync_group_response_message;

struct heartbeat_request {
	struct string group_id;
	int32_t generation_id;
	struct string member_id;
	struct string group_instance_id;
};

struct heartbeat_response {
	int32_t throttle_time_ms;
	int16_t error_code;
};

extern const struct message heartbeat_request_message, heartbeat_response_message;

struct leave_group_member {
	struct string member_id;
	struct string group_instance_id;
	struct string reason;
};

struct leave_group_request {
	struct string group_id;
	struct string member_id;
	ARRAY_OF(struct leave_group_member) members;
};

struct leave_group_member_response {
	struct string member_id;
	struct string group_instance_id;
	int16_t error_code;
};

struct leave_group_response {
	int32_t throttle_time_ms;
	int16_t error_code;
	ARRAY_OF(struct leave_group_member_response) members;
};

extern const struct message leave_group_request_message, leave_group_response_message;

#endif
