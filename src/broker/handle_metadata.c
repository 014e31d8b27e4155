/*
 * Metadata, versions 0 to 13, as a KRaft broker answers: brokers that are up, topics by name, by id
 * or all, and who leads. A topic that is created by being asked for is unknown in that answer, and
 * there in the next.
 */
#include "exchange.h"
#include "operations.h"
#include "proto/metadata.h"
#include "stage.h"
#include "tally.h"

#define NULL_MEANS_ALL_SINCE     1
#define IDS_SINCE                12 /* in requests; before, they are refused */
#define CLUSTER_OPERATIONS_SINCE 8
#define CLUSTER_OPERATIONS_UNTIL 10

/* An answer in the making. */
struct question {
	struct exchange *exchange;
	struct catalog *catalog;
	const struct metadata_request *request;
	struct metadata_response *response;
	bool creates; /* what is not there */
	bool all_up;
};

/* ---- partitions ---- */

/* Of the replicas those that are up, or those that are not. */
static int32_t replicas_where(
	const struct question *q, const int32_t *ids, int32_t count, bool up, int32_t *out)
{
	int32_t found = 0;
	for (int32_t i = 0; i < count; i++)
		if (catalog_node_is_up(q->catalog, ids[i]) == up)
			out[found++] = ids[i];
	return found;
}

/* Version 0 leaves out what is not there, and says that it does. */
static void filter_replicas(
	struct question *q, const struct catalog_partition *p, struct metadata_partition *out)
{
	int32_t *ids = exchange_alloc(q->exchange, 2 * (size_t)p->replica_count * sizeof *ids);
	out->replica_nodes.items = ids;
	out->replica_nodes.count = replicas_where(q, p->replicas, p->replica_count, true, ids);
	out->isr_nodes.items = ids + p->replica_count;
	out->isr_nodes.count =
		replicas_where(q, p->isr, p->isr_count, true, ids + p->replica_count);
	if (out->error_code == 0 && (out->replica_nodes.count < p->replica_count ||
					    out->isr_nodes.count < p->isr_count))
		out->error_code = ERROR_REPLICA_NOT_AVAILABLE;
}

static void describe_partition(
	struct question *q, struct catalog_partition *p, struct metadata_partition *out)
{
	*out = (struct metadata_partition){
		.error_code = p->leader == NODE_NONE ? ERROR_LEADER_NOT_AVAILABLE : ERROR_NONE,
		.partition_index = p->index,
		.leader_id = p->leader,
		.leader_epoch = p->leader_epoch,
		/* They lie where they are until the answer has been encoded. */
		.replica_nodes = { p->replicas, p->replica_count },
		.isr_nodes = { p->isr, p->isr_count },
	};
	if (q->all_up)
		return;
	int32_t *offline = exchange_alloc(q->exchange, (size_t)p->replica_count * sizeof *offline);
	out->offline_replicas.items = offline;
	out->offline_replicas.count =
		replicas_where(q, p->replicas, p->replica_count, false, offline);
	if (q->exchange->version == 0)
		filter_replicas(q, p, out);
}

/* ---- topics ---- */

static struct metadata_topic *add_topic(struct question *q)
{
	struct metadata_topic *out = &q->response->topics.items[q->response->topics.count++];
	*out = (struct metadata_topic){ .topic_authorized_operations = INT32_MIN };
	return out;
}

static void set_operations(const struct question *q, struct metadata_topic *out)
{
	if (q->request->include_topic_authorized_operations)
		out->topic_authorized_operations = TOPIC_OPERATIONS;
}

static void describe_topic(struct question *q, const struct catalog_topic *topic)
{
	size_t count = (size_t)topic->partition_count;
	struct metadata_topic *out = add_topic(q);
	struct metadata_partition *partitions =
		exchange_alloc(q->exchange, count * sizeof *partitions);
	out->name = string_of(topic->name);
	out->topic_id = topic->id;
	out->is_internal = topic_is_internal(out->name);
	set_operations(q, out);
	if (exchange_full(q->exchange))
		return;
	out->partitions.items = partitions;
	out->partitions.count = topic->partition_count;
	for (size_t i = 0; i < count; i++)
		describe_partition(q, topic->partitions[i], &partitions[i]);
}

static void create_by_asking(struct question *q, struct string name)
{
	struct topic_outcome outcome;
	char why[CATALOG_WHY_SIZE];
	struct creatable_topic topic = {
		.name = name,
		.num_partitions = -1,
		.replication_factor = -1,
	};
	/* Whether it came about is seen when it is asked for again, as with Kafka. */
	(void)catalog_topic_create(q->catalog, &topic, false, &outcome, why);
}

static void describe_name(struct question *q, struct string name)
{
	char why[CATALOG_WHY_SIZE];
	const struct catalog_topic *topic = catalog_topic_named(q->catalog, name);
	if (topic) {
		describe_topic(q, topic);
		return;
	}
	struct metadata_topic *out = add_topic(q);
	out->name = name;
	out->is_internal = topic_is_internal(name);
	out->error_code = topic_name_check(name, why);
	set_operations(q, out);
	if (out->error_code)
		return;
	out->error_code = ERROR_UNKNOWN_TOPIC_OR_PARTITION;
	if (q->creates && !out->is_internal && !string_equal(name, STRING("__cluster_metadata")))
		create_by_asking(q, name);
}

static void describe_id(struct question *q, struct uuid id)
{
	const struct catalog_topic *topic = catalog_topic_of_id(q->catalog, id);
	if (topic) {
		describe_topic(q, topic);
		return;
	}
	struct metadata_topic *out = add_topic(q);
	out->name = NULL_STRING;
	out->topic_id = id;
	out->error_code = ERROR_UNKNOWN_TOPIC_ID;
}

static void describe_all(struct question *q)
{
	struct list *node;
	q->response->topics.items = exchange_alloc(
		q->exchange, (size_t)q->catalog->topic_count * sizeof *q->response->topics.items);
	list_for_each (node, &q->catalog->topics) {
		if (exchange_full(q->exchange))
			return;
		describe_topic(q, CONTAINER_OF(node, struct catalog_topic, node));
	}
}

static bool has_id(const struct metadata_request_topic *topic)
{
	static const struct uuid none;
	return memcmp(&topic->topic_id, &none, sizeof none) != 0;
}

/* Where one id is given, names are not looked at. Each is answered once. */
static void describe_asked(struct question *q)
{
	const struct metadata_request *request = q->request;
	struct tally asked;
	bool by_id = false;
	q->response->topics.items = exchange_alloc(
		q->exchange, (size_t)request->topics.count * sizeof *q->response->topics.items);
	tally_open(&asked, q->exchange, request->topics.count);
	for (int32_t i = 0; i < request->topics.count; i++)
		by_id = by_id || has_id(&request->topics.items[i]);
	for (int32_t i = 0; i < request->topics.count; i++) {
		const struct metadata_request_topic *topic = &request->topics.items[i];
		if (exchange_full(q->exchange))
			return;
		if (by_id && has_id(topic) &&
			!(*tally_of(&asked, topic->topic_id.bytes, sizeof topic->topic_id))++)
			describe_id(q, topic->topic_id);
		if (!by_id && !(*tally_of(&asked, topic->name.data, topic->name.size))++)
			describe_name(q, topic->name);
	}
}

/* ---- the rest ---- */

static void describe_brokers(struct question *q)
{
	struct metadata_broker *brokers =
		exchange_alloc(q->exchange, STAGE_NODES_MAX * sizeof *brokers);
	q->response->brokers.items = brokers;
	q->all_up = true;
	for (int32_t i = 0; i < q->catalog->node_count; i++) {
		const struct catalog_node *node = &q->catalog->nodes[i];
		q->all_up = q->all_up && node->up;
		if (node->up)
			brokers[q->response->brokers.count++] = (struct metadata_broker){
				.node_id = node->id,
				.host = string_of(node->host),
				.port = node->port,
				.rack = NULL_STRING,
			};
	}
}

/* A null name needs an id, and ids need a version that has them. */
static bool is_legal(const struct exchange *x, const struct metadata_request *request)
{
	for (int32_t i = 0; i < request->topics.count; i++) {
		const struct metadata_request_topic *topic = &request->topics.items[i];
		if (has_id(topic) ? x->version < IDS_SINCE : string_is_null(topic->name))
			return false;
	}
	return true;
}

/* The answer to a request as a whole: of every topic, and nothing else. */
static void refuse(struct question *q)
{
	const struct metadata_request *request = q->request;
	q->response->topics.items = exchange_alloc(
		q->exchange, (size_t)request->topics.count * sizeof *q->response->topics.items);
	if (exchange_full(q->exchange))
		return;
	for (int32_t i = 0; i < request->topics.count; i++) {
		struct metadata_topic *out = add_topic(q);
		out->error_code = ERROR_INVALID_REQUEST;
		out->topic_id = request->topics.items[i].topic_id;
		if (!string_is_null(request->topics.items[i].name))
			out->name = request->topics.items[i].name;
	}
}

void handle_metadata(struct exchange *x)
{
	const struct metadata_request *request = x->body;
	struct metadata_response *response = exchange_alloc(x, sizeof *response);
	struct catalog *catalog = &x->stage->catalog;
	struct question q = { x, catalog, request, response, false, false };
	message_reset(&metadata_response_message, response);
	bool all = request->topics.count < 0 ||
		   (x->version < NULL_MEANS_ALL_SINCE && request->topics.count == 0);
	if (!is_legal(x, request)) {
		refuse(&q);
		exchange_answer(x, response);
		return;
	}
	q.creates = request->allow_auto_topic_creation &&
		    property_bool(NULL, &catalog->properties, PROPERTY_AUTO_CREATE_TOPICS_ENABLE);
	describe_brokers(&q);
	response->cluster_id = string_of(catalog->cluster_id);
	response->controller_id = catalog_controller(catalog);
	if (request->include_cluster_authorized_operations &&
		x->version >= CLUSTER_OPERATIONS_SINCE && x->version <= CLUSTER_OPERATIONS_UNTIL)
		response->cluster_authorized_operations = CLUSTER_OPERATIONS;
	if (all)
		describe_all(&q);
	else
		describe_asked(&q);
	exchange_answer(x, response);
}
