/*
 * The APIs that harrow speaks: one list of keys, versions and messages. Everything that follows
 * from a row follows in api.c: request and response headers, frames in both directions, version
 * negotiation (KIP-35).
 *
 * The list says what can be spoken, every version that Kafka 4.3.1's schemas declare. What to speak
 * is the caller's choice, by api_negotiate.
 */
#ifndef HARROW_PROTO_API_H
#define HARROW_PROTO_API_H

#include "proto/cursor.h"
#include "proto/message.h"

/* X(ENUM, name, Kafka's name, key, first version, last version, first flexible version) */
/* clang-format off */
#define API_LIST(X)                                                                   \
	X(PRODUCE,           produce,           "Produce",          0,  3, 13, 9)   \
	X(FETCH,             fetch,             "Fetch",            1,  4, 18, 12)  \
	X(LIST_OFFSETS,      list_offsets,      "ListOffsets",      2,  1, 11, 6)   \
	X(METADATA,          metadata,          "Metadata",         3,  0, 13, 9)   \
	X(OFFSET_COMMIT,     offset_commit,     "OffsetCommit",     8,  2, 10, 8)   \
	X(OFFSET_FETCH,      offset_fetch,      "OffsetFetch",      9,  1, 10, 6)   \
	X(FIND_COORDINATOR,  find_coordinator,  "FindCoordinator",  10, 0, 6,  3)   \
	X(JOIN_GROUP,        join_group,        "JoinGroup",        11, 0, 9,  6)   \
	X(HEARTBEAT,         heartbeat,         "Heartbeat",        12, 0, 4,  4)   \
	X(LEAVE_GROUP,       leave_group,       "LeaveGroup",       13, 0, 5,  4)   \
	X(SYNC_GROUP,        sync_group,        "SyncGroup",        14, 0, 5,  4)   \
	X(API_VERSIONS,      api_versions,      "ApiVersions",      18, 0, 4,  3)   \
	X(CREATE_TOPICS,     create_topics,     "CreateTopics",     19, 2, 7,  5)   \
	X(DELETE_TOPICS,     delete_topics,     "DeleteTopics",     20, 1, 6,  4)   \
	X(DELETE_RECORDS,    delete_records,    "DeleteRecords",    21, 0, 2,  2)   \
	X(INIT_PRODUCER_ID,  init_producer_id,  "InitProducerId",   22, 0, 6,  2)   \
	X(DESCRIBE_CONFIGS,  describe_configs,  "DescribeConfigs",  32, 1, 4,  4)   \
	X(CREATE_PARTITIONS, create_partitions, "CreatePartitions", 37, 0, 3,  2)   \
	X(DESCRIBE_CLUSTER,  describe_cluster,  "DescribeCluster",  60, 0, 2,  0)

enum api {
#define X(ENUM, name, kafka_name, key, first, last, flexible) API_##ENUM,
	API_LIST(X)
#undef X
	API_COUNT,
};
/* clang-format on */

struct api_info {
	const char *name;              /* Kafka's, for people */
	int16_t key;                   /* on the wire */
	int16_t first, last, flexible; /* versions */
	const struct message *request, *response;
};

extern const struct api_info api_infos[API_COUNT];

/* The API of a wire key, or -ENOENT. */
int api_of_key(int16_t key);

/*
 * The highest version that both sides speak and that is not above wanted_max (INT16_MAX: any), or
 * -EPROTONOSUPPORT. peer_min and peer_max are what the peer's ApiVersions answer says.
 */
int api_negotiate(enum api api, int peer_min, int peer_max, int wanted_max);

/* Whether the list has it. */
static inline bool api_speaks(enum api api, int version)
{
	return version >= api_infos[api].first && version <= api_infos[api].last;
}

/* For message_encode and its kin. */
static inline struct edition api_edition(enum api api, int version)
{
	return (struct edition){ (int8_t)version, version >= api_infos[api].flexible };
}

/* ---- whole frames, with their four bytes of size in front ---- */

/*
 * Writes a request, the size prefix first. Returns the bytes of the frame, spliced records
 * included, or -EINVAL (a value that this version cannot carry) or -EMSGSIZE (no room): the writer
 * says where and why, and the writer is of no more use.
 */
int32_t request_write(struct writer *w, enum api api, int version, int32_t correlation_id,
	struct string client_id, const void *body);

/* The same for an answer. */
int32_t response_write(
	struct writer *w, enum api api, int version, int32_t correlation_id, const void *body);

/* ---- the inside of a frame: the reader begins after the size prefix ---- */

struct request_header {
	int16_t request_api_key;
	int16_t request_api_version;
	int32_t correlation_id;
	struct string client_id; /* may be null */
};

struct response_header {
	int32_t correlation_id;
};

extern const struct message request_header_message, response_header_message;

/* The header's own version, which follows from that of what it heads. */
struct edition request_header_edition(enum api api, int version);
struct edition response_header_edition(enum api api, int version);

/*
 * Reads the header that fits the request's own key and version. Returns the enum api, with the
 * reader at the body; or, and correlation_id is good for an error answer:
 *   -ENOSYS            the API is not in the list
 *   -EPROTONOSUPPORT   the API is, the version is not (ApiVersions: answer in version 0)
 * or -EBADMSG, and nothing is good.
 */
int request_header_read(struct reader *r, struct request_header *header);

/* Reads the header of an answer to a request of this API and version. 0 or -EBADMSG. */
int response_header_read(struct reader *r, enum api api, int version, int32_t *correlation_id);

/*
 * Read the body, which must be all that is left. 0, or the reader's failure: -EBADMSG, -EMSGSIZE,
 * -ENOMEM.
 */
int request_body_read(struct reader *r, enum api api, int version, void *body);
int response_body_read(struct reader *r, enum api api, int version, void *body);

#endif
