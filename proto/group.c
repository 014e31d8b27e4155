/*
 * The tables of FindCoordinator, JoinGroup, SyncGroup, Heartbeat and LeaveGroup: which versions
 * carry which field, and what stands in where they do not. What the fields mean is in
 * include/proto/group.h. In the order of Kafka 4.3.1's message schemas.
 */
#include "proto/group.h"

/* clang-format off */

#define THIS struct find_coordinator_request
static const struct field find_coordinator_request_fields[] = {
	FIELD(key,                SINCE(0), UNTIL(3)),
	FIELD(key_type,           SINCE(1)),
	SCALARS(coordinator_keys, SINCE(4)),
};
#undef THIS
MESSAGE(find_coordinator_request);

#define THIS struct found_coordinator
static const struct field found_coordinator_fields[] = {
	FIELD(key,           SINCE(4)),
	FIELD(node_id,       SINCE(4)),
	FIELD(host,          SINCE(4)),
	FIELD(port,          SINCE(4)),
	FIELD(error_code,    SINCE(4)),
	FIELD(error_message, SINCE(4), NULLABLE(4), IGNORABLE),
};
#undef THIS
static MESSAGE(found_coordinator, NAMED("Coordinator"));

#define THIS struct find_coordinator_response
static const struct field find_coordinator_response_fields[] = {
	FIELD(throttle_time_ms,                SINCE(1), IGNORABLE),
	FIELD(error_code,                      SINCE(0), UNTIL(3)),
	FIELD(error_message,                   SINCE(1), UNTIL(3), NULLABLE(1), IGNORABLE),
	FIELD(node_id,                         SINCE(0), UNTIL(3)),
	FIELD(host,                            SINCE(0), UNTIL(3)),
	FIELD(port,                            SINCE(0), UNTIL(3)),
	ITEMS(coordinators, found_coordinator, SINCE(4)),
};
#undef THIS
MESSAGE(find_coordinator_response);

#define THIS struct join_group_protocol
static const struct field join_group_protocol_fields[] = {
	FIELD(name,     SINCE(0)),
	FIELD(metadata, SINCE(0)),
};
#undef THIS
static MESSAGE(join_group_protocol, NAMED("JoinGroupRequestProtocol"));

#define THIS struct join_group_request
static const struct field join_group_request_fields[] = {
	FIELD(group_id,                       SINCE(0)),
	FIELD(session_timeout_ms,             SINCE(0)),
	FIELD(rebalance_timeout_ms,           SINCE(1), DEFAULT(-1), IGNORABLE),
	FIELD(member_id,                      SINCE(0)),
	FIELD(group_instance_id,              SINCE(5), NULLABLE(5), DEFAULT_NULL),
	FIELD(protocol_type,                  SINCE(0)),
	ITEMS(protocols, join_group_protocol, SINCE(0)),
	FIELD(reason,                         SINCE(8), NULLABLE(8), DEFAULT_NULL, IGNORABLE),
};
#undef THIS
MESSAGE(join_group_request);

#define THIS struct join_group_member
static const struct field join_group_member_fields[] = {
	FIELD(member_id,         SINCE(0)),
	FIELD(group_instance_id, SINCE(5), NULLABLE(5), DEFAULT_NULL, IGNORABLE),
	FIELD(metadata,          SINCE(0)),
};
#undef THIS
static MESSAGE(join_group_member, NAMED("JoinGroupResponseMember"));

#define THIS struct join_group_response
static const struct field join_group_response_fields[] = {
	FIELD(throttle_time_ms,           SINCE(2), IGNORABLE),
	FIELD(error_code,                 SINCE(0)),
	FIELD(generation_id,              SINCE(0), DEFAULT(-1)),
	FIELD(protocol_type,              SINCE(7), NULLABLE(7), DEFAULT_NULL, IGNORABLE),
	FIELD(protocol_name,              SINCE(0), NULLABLE(7)),
	FIELD(leader,                     SINCE(0)),
	FIELD(skip_assignment,            SINCE(9)),
	FIELD(member_id,                  SINCE(0)),
	ITEMS(members, join_group_member, SINCE(0)),
};
#undef THIS
MESSAGE(join_group_response);

#define THIS struct sync_group_assignment
static const struct field sync_group_assignment_fields[] = {
	FIELD(member_id,  SINCE(0)),
	FIELD(assignment, SINCE(0)),
};
#undef THIS
static MESSAGE(sync_group_assignment, NAMED("SyncGroupRequestAssignment"));

#define THIS struct sync_group_request
static const struct field sync_group_request_fields[] = {
	FIELD(group_id,          SINCE(0)),
	FIELD(generation_id,     SINCE(0)),
	FIELD(member_id,         SINCE(0)),
	FIELD(group_instance_id, SINCE(3), NULLABLE(3), DEFAULT_NULL),
	FIELD(protocol_type,     SINCE(5), NULLABLE(5), DEFAULT_NULL, IGNORABLE),
	FIELD(protocol_name,     SINCE(5), NULLABLE(5), DEFAULT_NULL, IGNORABLE),
	ITEMS(assignments, sync_group_assignment, SINCE(0)),
};
#undef THIS
MESSAGE(sync_group_request);

#define THIS struct sync_group_response
static const struct field sync_group_response_fields[] = {
	FIELD(throttle_time_ms, SINCE(1), IGNORABLE),
	FIELD(error_code,       SINCE(0)),
	FIELD(protocol_type,    SINCE(5), NULLABLE(5), DEFAULT_NULL, IGNORABLE),
	FIELD(protocol_name,    SINCE(5), NULLABLE(5), DEFAULT_NULL, IGNORABLE),
	FIELD(assignment,       SINCE(0)),
};
#undef THIS
MESSAGE(sync_group_response);

#define THIS struct heartbeat_request
static const struct field heartbeat_request_fields[] = {
	FIELD(group_id,          SINCE(0)),
	FIELD(generation_id,     SINCE(0)),
	FIELD(member_id,         SINCE(0)),
	FIELD(group_instance_id, SINCE(3), NULLABLE(3), DEFAULT_NULL),
};
#undef THIS
MESSAGE(heartbeat_request);

#define THIS struct heartbeat_response
static const struct field heartbeat_response_fields[] = {
	FIELD(throttle_time_ms, SINCE(1), IGNORABLE),
	FIELD(error_code,       SINCE(0)),
};
#undef THIS
MESSAGE(heartbeat_response);

#define THIS struct leave_group_member
static const struct field leave_group_member_fields[] = {
	FIELD(member_id,         SINCE(3)),
	FIELD(group_instance_id, SINCE(3), NULLABLE(3), DEFAULT_NULL),
	FIELD(reason,            SINCE(5), NULLABLE(5), DEFAULT_NULL, IGNORABLE),
};
#undef THIS
static MESSAGE(leave_group_member, NAMED("MemberIdentity"));

#define THIS struct leave_group_request
static const struct field leave_group_request_fields[] = {
	FIELD(group_id,                    SINCE(0)),
	FIELD(member_id,                   SINCE(0), UNTIL(2)),
	ITEMS(members, leave_group_member, SINCE(3)),
};
#undef THIS
MESSAGE(leave_group_request);

#define THIS struct leave_group_member_response
static const struct field leave_group_member_response_fields[] = {
	FIELD(member_id,         SINCE(3)),
	FIELD(group_instance_id, SINCE(3), NULLABLE(3)),
	FIELD(error_code,        SINCE(3)),
};
#undef THIS
static MESSAGE(leave_group_member_response, NAMED("MemberResponse"));

#define THIS struct leave_group_response
static const struct field leave_group_response_fields[] = {
	FIELD(throttle_time_ms, SINCE(1), IGNORABLE),
	FIELD(error_code,       SINCE(0)),
	ITEMS(members, leave_group_member_response, SINCE(3)),
};
#undef THIS
MESSAGE(leave_group_response);
