/*
 * The classic group protocol: find the coordinator, join, hand out or take the assignment, stay
 * alive, leave. Static members since KIP-345. What is inside `metadata` and `assignment` is the
 * members' own affair (the embedded "consumer" protocol), opaque here and to the broker.
 */
#ifndef HARROW_PROTO_GROUP_H
#define HARROW_PROTO_GROUP_H

#include "proto/message.h"

/* One key up to version 3, several from version 4 (KIP-699). */
struct find_coordinator_request {
	struct string key;
	int8_t key_type; /* 0 group, 1 transaction, 2 share (KIP-932) */
	ARRAY_OF(struct string) coordinator_keys;
};

/* The answer for one key. */
struct found_coordinator {
	struct string key;
	int32_t node_id;
	struct string host;
	int32_t port;
	int16_t error_code;
	struct string error_message; /* may be null */
};

struct find_coordinator_response {
	int32_t throttle_time_ms;
	int16_t error_code;
	struct string error_message; /* may be null */
	int32_t node_id;
	struct string host;
	int32_t port;
	ARRAY_OF(struct found_coordinator) coordinators;
};

extern const struct message find_coordinator_request_message, find_coordinator_response_message;

/* An assignor that the member can follow, and what it would tell it; in order of preference. */
struct join_group_protocol {
	struct string name;
	struct bytes metadata;
};

/* The answer comes when the whole group has joined: up to rebalance_timeout_ms later. */
struct join_group_request {
	struct string group_id;
	int32_t session_timeout_ms;
	int32_t rebalance_timeout_ms; /* for the members to join again (KIP-62) */
	struct string member_id; /* empty on the first join; the broker assigns one (KIP-394) */
	struct string group_instance_id; /* null unless the member is static (KIP-345) */
	struct string protocol_type;     /* "consumer" */
	ARRAY_OF(struct join_group_protocol) protocols;
	struct string reason; /* for the broker's log; may be null (KIP-800) */
};

/* What the leader has to know of a member to assign partitions. */
struct join_group_member {
	struct string member_id;
	struct string group_instance_id;
	struct bytes metadata; /* of its join_group_protocol */
};

/* Members are listed for the leader only; everyone else gets none. */
struct join_group_response {
	int32_t throttle_time_ms;
	int16_t error_code;
	int32_t generation_id;
	struct string protocol_type;
	struct string protocol_name; /* the assignor that all members share */
	struct string leader;        /* the member id of whom the group has to assign */
	bool skip_assignment;        /* the leader came back, and nothing has changed (KIP-814) */
	struct string member_id;
	ARRAY_OF(struct join_group_member) members;
};

extern const struct message join_group_request_message, join_group_response_message;

struct sync_group_assignment {
	struct string member_id;
	struct bytes assignment;
};

/* The leader brings the assignments; the others none, and wait for it. */
struct sync_group_request {
	struct string group_id;
	int32_t generation_id;
	struct string member_id;
	struct string group_instance_id; /* null unless the member is static (KIP-345) */
	struct string protocol_type; /* null or what JoinGroup answered: a cross-check (KIP-559) */
	struct string protocol_name;
	ARRAY_OF(struct sync_group_assignment) assignments;
};

struct sync_group_response {
	int32_t throttle_time_ms;
	int16_t error_code;
	struct string protocol_type;
	struct string protocol_name;
	struct bytes assignment; /* of this member; empty when it gets nothing */
};

extern const struct message sync_group_request_message, sync_group_response_message;

/* Alive, and of this generation. The answer says when the group rebalances. */
struct heartbeat_request {
	struct string group_id;
	int32_t generation_id;
	struct string member_id;
	struct string group_instance_id; /* null unless the member is static (KIP-345) */
};

struct heartbeat_response {
	int32_t throttle_time_ms;
	int16_t error_code;
};

extern const struct message heartbeat_request_message, heartbeat_response_message;

/* Who leaves: by member id, or a static member by instance id with an empty member id. */
struct leave_group_member {
	struct string member_id;
	struct string group_instance_id; /* null unless the member is static */
	struct string reason;            /* for the broker's log; may be null (KIP-800) */
};

/* One member up to version 2, several from version 3 (KIP-345). */
struct leave_group_request {
	struct string group_id;
	struct string member_id; /* version 0-2 */
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
