/*
 * Where the partitions of a topic shall lie: as somebody assigned them, or by placement. The checks
 * of Kafka's ReplicationControlManager, in their order and in their words.
 */
#include "catalog_layout.h"

#include <stdlib.h>

#include "catalog_private.h"
#include "placement.h"
#include "proto/error.h"

#define TOO_MANY "Excessively large number of partitions per request."

_Static_assert(PLACEMENT_NODES_MAX >= STAGE_NODES_MAX, "every node can be placed on");

static int compare_ids(const void *a, const void *b)
{
	int32_t x, y;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x > y) - (x < y);
}

/* The replicas of one partition as somebody wants them; replica_count is 0 while not known. */
static int16_t check_assignment(struct catalog *c, const int32_t *ids, int32_t count,
	int32_t replica_count, int32_t partition, char why[CATALOG_WHY_SIZE])
{
	const int16_t error = ERROR_INVALID_REPLICA_ASSIGNMENT;
	int32_t sorted[STAGE_NODES_MAX + 1];
	if (count <= 0)
		return catalog_refuse(why, error,
			"The manual partition assignment includes an empty replica list.");
	/* One more than there are nodes is enough to find the one that is wrong. */
	int32_t looked_at = MIN(count, (int32_t)COUNT_OF(sorted));
	memcpy(sorted, ids, (size_t)looked_at * sizeof *sorted);
	qsort(sorted, (size_t)looked_at, sizeof *sorted, compare_ids);
	bool any_up = false;
	for (int32_t i = 0; i < looked_at; i++) {
		if (!catalog_node(c, sorted[i]))
			return catalog_refuse(why, error,
				"The manual partition assignment includes broker %d, but no such "
				"broker is registered.",
				sorted[i]);
		if (i > 0 && sorted[i] == sorted[i - 1])
			return catalog_refuse(why, error,
				"The manual partition assignment includes the broker %d more than "
				"once.",
				sorted[i]);
		any_up = any_up || catalog_node_is_up(c, sorted[i]);
	}
	if (replica_count && count != replica_count)
		return catalog_refuse(why, error,
			"The manual partition assignment includes a partition with %d "
			"replica(s), but this is not consistent with previous partitions, which "
			"have %d replica(s).",
			count, replica_count);
	if (!any_up)
		return catalog_refuse(why, error,
			"All brokers specified in the manual partition assignment for partition "
			"%d are fenced or in controlled shutdown.",
			partition);
	return 0;
}

static int16_t layout_open(struct layout *l, int32_t partition_count, int32_t replica_count,
	char why[CATALOG_WHY_SIZE])
{
	*l = (struct layout){ .partition_count = partition_count, .replica_count = replica_count };
	l->replicas = calloc((size_t)partition_count * (size_t)replica_count, sizeof *l->replicas);
	return l->replicas ? 0 : catalog_refuse(why, ERROR_UNKNOWN_SERVER_ERROR, "no memory");
}

static int16_t layout_by_placement(struct catalog *c, struct layout *l, char why[CATALOG_WHY_SIZE])
{
	int32_t up[STAGE_NODES_MAX], down[STAGE_NODES_MAX], up_count = 0, down_count = 0;
	for (int32_t i = 0; i < c->node_count; i++)
		if (c->nodes[i].up)
			up[up_count++] = c->nodes[i].id;
		else
			down[down_count++] = c->nodes[i].id;
	if (up_count == 0)
		return catalog_refuse(why, ERROR_INVALID_REPLICATION_FACTOR,
			"Unable to replicate the partition %d time(s): All brokers are currently "
			"fenced.",
			l->replica_count);
	struct placement placement;
	placement_begin(&placement, &c->random, up, up_count, down, down_count);
	for (int32_t i = 0; i < l->partition_count; i++)
		placement_next(&placement, l->replica_count,
			&l->replicas[(size_t)i * (size_t)l->replica_count]);
	return 0;
}

static int16_t layout_by_numbers(struct catalog *c, const struct creatable_topic *request,
	struct layout *l, char why[CATALOG_WHY_SIZE])
{
	if (request->replication_factor < -1 || request->replication_factor == 0)
		return catalog_refuse(why, ERROR_INVALID_REPLICATION_FACTOR,
			"Replication factor must be larger than 0, or -1 to use the default "
			"value.");
	if (request->num_partitions < -1 || request->num_partitions == 0)
		return catalog_refuse(why, ERROR_INVALID_PARTITIONS,
			"Number of partitions was set to an invalid non-positive value.");
	int64_t partitions = request->num_partitions, replicas = request->replication_factor;
	if (partitions == -1)
		partitions = property_int(NULL, &c->properties, PROPERTY_NUM_PARTITIONS);
	if (replicas == -1)
		replicas = property_int(NULL, &c->properties, PROPERTY_DEFAULT_REPLICATION_FACTOR);
	if (partitions > CATALOG_CHANGE_MAX)
		return catalog_refuse(why, ERROR_POLICY_VIOLATION, TOO_MANY);
	if (replicas <= 0)
		return catalog_refuse(why, ERROR_INVALID_REPLICATION_FACTOR,
			"Unable to replicate the partition %lld time(s): Invalid replication "
			"factor %lld: the replication factor must be positive.",
			(long long)replicas, (long long)replicas);
	if (replicas > c->node_count)
		return catalog_refuse(why, ERROR_INVALID_REPLICATION_FACTOR,
			"Unable to replicate the partition %lld time(s): The target replication "
			"factor of %lld cannot be reached because only %d broker(s) are registered "
			"or some brokers have all their log directories cordoned.",
			(long long)replicas, (long long)replicas, c->node_count);
	int16_t error = layout_open(l, (int32_t)partitions, (int32_t)replicas, why);
	return error ? error : layout_by_placement(c, l, why);
}

/* Each partition must come once, whatever the order. */
static int16_t layout_fill(struct catalog *c, const struct creatable_topic *request,
	struct layout *l, char why[CATALOG_WHY_SIZE])
{
	int32_t missing = request->assignments.count;
	for (int32_t i = 0; i < request->assignments.count; i++) {
		const struct creatable_replica_assignment *a = &request->assignments.items[i];
		int32_t index = a->partition_index;
		bool in_range = index >= 0 && index < l->partition_count;
		int32_t *replicas =
			in_range ? &l->replicas[(size_t)index * (size_t)l->replica_count] : NULL;
		/* No broker has a negative id: the caller filled the layout with them. */
		if (replicas && replicas[0] >= 0)
			return catalog_refuse(why, ERROR_INVALID_REPLICA_ASSIGNMENT,
				"Found multiple manual partition assignments for partition %d",
				index);
		int16_t error = check_assignment(c, a->broker_ids.items, a->broker_ids.count,
			i > 0 ? l->replica_count : 0, index, why);
		if (error)
			return error;
		if (!replicas)
			continue;
		memcpy(replicas, a->broker_ids.items, (size_t)l->replica_count * sizeof *replicas);
		missing--;
	}
	if (missing)
		return catalog_refuse(why, ERROR_INVALID_REPLICA_ASSIGNMENT,
			"partitions should be a consecutive 0-based integer sequence");
	return 0;
}

static int16_t layout_by_assignments(struct catalog *c, const struct creatable_topic *request,
	struct layout *l, char why[CATALOG_WHY_SIZE])
{
	if (request->replication_factor != -1)
		return catalog_refuse(why, ERROR_INVALID_REQUEST,
			"A manual partition assignment was specified, but replication factor was "
			"not set to -1.");
	if (request->num_partitions != -1)
		return catalog_refuse(why, ERROR_INVALID_REQUEST,
			"A manual partition assignment was specified, but numPartitions was not "
			"set to -1.");
	const struct creatable_replica_assignment *first = request->assignments.items;
	if (request->assignments.count > CATALOG_CHANGE_MAX)
		return catalog_refuse(why, ERROR_POLICY_VIOLATION, TOO_MANY);
	int16_t error = check_assignment(c, first->broker_ids.items, first->broker_ids.count, 0,
		first->partition_index, why);
	if (error)
		return error;
	error = layout_open(l, request->assignments.count, first->broker_ids.count, why);
	if (error)
		return error;
	memset(l->replicas, -1,
		(size_t)l->partition_count * (size_t)l->replica_count * sizeof *l->replicas);
	return layout_fill(c, request, l, why);
}

int16_t layout_of_topic(struct catalog *c, const struct creatable_topic *request, struct layout *l,
	char why[CATALOG_WHY_SIZE])
{
	return request->assignments.count > 0 ? layout_by_assignments(c, request, l, why)
					      : layout_by_numbers(c, request, l, why);
}

static int16_t growth_fill(struct catalog *c, const struct catalog_topic *topic,
	const struct create_partitions_topic *request, struct layout *l, char why[CATALOG_WHY_SIZE])
{
	if (request->assignments.count < 0)
		return layout_by_placement(c, l, why);
	for (int32_t i = 0; i < l->partition_count; i++) {
		const struct create_partitions_assignment *a = &request->assignments.items[i];
		int16_t error = check_assignment(c, a->broker_ids.items, a->broker_ids.count,
			l->replica_count, topic->partition_count + i, why);
		if (error)
			return error;
		memcpy(&l->replicas[(size_t)i * (size_t)l->replica_count], a->broker_ids.items,
			(size_t)l->replica_count * sizeof *l->replicas);
	}
	return 0;
}

int16_t layout_of_growth(struct catalog *c, const struct catalog_topic *topic,
	const struct create_partitions_topic *request, struct layout *l, char why[CATALOG_WHY_SIZE])
{
	int32_t additional = request->count - topic->partition_count;
	if (additional > CATALOG_CHANGE_MAX)
		return catalog_refuse(why, ERROR_POLICY_VIOLATION, TOO_MANY);
	int16_t error = layout_open(l, additional, topic->partitions[0]->replica_count, why);
	return error ? error : growth_fill(c, topic, request, l, why);
}

void layout_close(struct layout *l)
{
	free(l->replicas);
	*l = (struct layout){ 0 };
}
