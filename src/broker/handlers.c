/*
 * Which APIs the stage serves, and up to which version. The lowest one is that of the tables in
 * proto/api.h. Produce has no handler: it goes through the intake, while it arrives.
 */
#include "exchange.h"

static void handle_produce(struct exchange *x)
{
	(void)x;
	assert(false && "the session gives it to the intake");
}

const struct handler handlers[API_COUNT] = {
	[API_PRODUCE] = { handle_produce, 13 },
	[API_FETCH] = { handle_fetch, 18 },
	[API_LIST_OFFSETS] = { handle_list_offsets, 11 },
	[API_METADATA] = { handle_metadata, 13 },
	[API_API_VERSIONS] = { handle_api_versions, 4 },
	[API_CREATE_TOPICS] = { handle_create_topics, 7 },
	[API_DELETE_TOPICS] = { handle_delete_topics, 6 },
	[API_DELETE_RECORDS] = { handle_delete_records, 2 },
	[API_INIT_PRODUCER_ID] = { handle_init_producer_id, 5 }, /* 6 is unstable */
	[API_DESCRIBE_CONFIGS] = { handle_describe_configs, 4 },
	[API_CREATE_PARTITIONS] = { handle_create_partitions, 3 },
	[API_DESCRIBE_CLUSTER] = { handle_describe_cluster, 2 },
};
