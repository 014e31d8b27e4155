/*
 * What a run needs of a cluster before and after it: topics, offsets, configuration. All of it
 * waits for answers (cluster_call), retries what is worth retrying, and leaves a clause for people
 * in cluster->reason on failure. -EINTR: the cluster's stop flag was raised.
 */
#ifndef CLIENT_ADMIN_H
#define CLIENT_ADMIN_H

#include "cluster.h"

#define ADMIN_TIMEOUT_NS  (30 * NS_PER_S)
#define ADMIN_PAUSE_NS    (100 * NS_PER_MS)
#define ADMIN_CONNECT_NS  (2 * NS_PER_S) /* to a broker, in one attempt */
#define OFFSET_LATEST     INT64_C(-1)
#define OFFSET_EARLIEST   INT64_C(-2)
#define ADMIN_CONFIGS_MAX 32

/* Kafka's ConfigResource.Type */
enum { RESOURCE_TOPIC = 2, RESOURCE_BROKER = 4 };

struct topic_spec {
	const char *name;
	int32_t partitions;
	int16_t replication_factor; /* -1: the broker's default */
	const struct option_pairs *configs;
};

/* Creates the topic, and follows it until every partition has a leader. -EEXIST if there is one of
 * that name, -EINVAL when the broker refuses the parameters. */
int admin_topic_create(struct cluster *, const struct topic_spec *);

/* Turns until every partition of the followed topic has a leader. */
int admin_topic_await(struct cluster *);

int admin_topic_delete(struct cluster *, const char *name);

/* Asks the leaders of all partitions of the followed topic; `offsets` holds as
 * many as there are when this is called. */
int admin_offsets(struct cluster *, int64_t timestamp, int64_t *offsets);

/*
 * Asks for the values of up to ADMIN_CONFIGS_MAX configuration keys of a topic or broker and calls
 * `each` for those that the broker knows (value null: not set, or sensitive).
 */
int admin_configs(struct cluster *, int8_t resource_type, const char *resource_name,
	const char *const *keys, int32_t key_count,
	void (*each)(void *context, const char *key, struct string value), void *context);

#endif
