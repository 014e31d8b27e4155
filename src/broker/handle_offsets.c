/*
 * Where logs begin, end, or were at a time, and where they are to begin: ListOffsets, versions 1 to
 * 11, and DeleteRecords, 0 to 2. As Kafka's ReplicaManager.fetchOffset and deleteRecords answer
 * them, of logs without tiers and without transactions: with either isolation level the end is the
 * high watermark, and so the end.
 */
#include <errno.h>
#include <stdlib.h>

#include "exchange.h"
#include "proto/offsets.h"
#include "stage.h"

#define ANY_REPLICA (-2) /* replica_id of one who asks replicas that do not lead, too */

/* ---- where partitions are ---- */

static struct catalog_partition *find(
	const struct exchange *x, struct string topic_name, int32_t index)
{
	struct catalog_topic *topic = catalog_topic_named(&x->stage->catalog, topic_name);
	return topic ? catalog_partition(topic, index) : NULL;
}

/* ---- ListOffsets ---- */

/* One partition that is asked about, and its answer. */
struct question {
	struct string topic;
	const struct list_offsets_partition *partition;
	struct list_offsets_partition_response *answer;
};

static bool place_known(int64_t timestamp, int version)
{
	static const struct {
		int64_t place;
		int since;
	} places[] = {
		{ LIST_OFFSETS_LATEST, 1 },
		{ LIST_OFFSETS_EARLIEST, 1 },
		{ LIST_OFFSETS_MAX_TIMESTAMP, 7 },
		{ LIST_OFFSETS_EARLIEST_LOCAL, 8 },
		{ LIST_OFFSETS_LATEST_TIERED, 9 },
		{ LIST_OFFSETS_PENDING_UPLOAD, 11 },
	};
	for (size_t i = 0; i < COUNT_OF(places); i++)
		if (timestamp == places[i].place)
			return version >= places[i].since;
	return timestamp >= 0;
}

static int16_t list_permit(const struct exchange *x, const struct catalog_partition *p,
	const struct list_offsets_partition *asked)
{
	const struct list_offsets_request *request = x->body;
	if (!p)
		return ERROR_UNKNOWN_TOPIC_OR_PARTITION;
	if (!catalog_partition_replicated(p, x->node_id))
		return ERROR_NOT_LEADER_OR_FOLLOWER;
	int32_t epoch = asked->current_leader_epoch;
	if (epoch != NO_LEADER_EPOCH && epoch != p->leader_epoch)
		return epoch < p->leader_epoch ? ERROR_FENCED_LEADER_EPOCH
					       : ERROR_UNKNOWN_LEADER_EPOCH;
	if (p->leader != x->node_id && request->replica_id != ANY_REPLICA)
		return ERROR_NOT_LEADER_OR_FOLLOWER;
	return ERROR_NONE;
}

/* *cost is that of all searches so far. */
static int16_t list_answer(struct exchange *x, const struct question *q, size_t *cost)
{
	bool applied;
	if (!place_known(q->partition->timestamp, x->version))
		return ERROR_UNSUPPORTED_VERSION;
	struct catalog_partition *p = find(x, q->topic, q->partition->partition_index);
	int16_t error_code = list_permit(x, p, q->partition);
	if (error_code == ERROR_NONE)
		error_code = exchange_fault(x, q->topic, q->partition->partition_index, &applied);
	if (error_code != ERROR_NONE)
		return error_code;
	struct log_position found;
	int status = partition_log_find(&p->log, q->partition->timestamp, cost, &found);
	/* Retriable: who asks again finds what this request has not had the time to. */
	if (status == -EAGAIN || status == -ENOMEM)
		return ERROR_KAFKA_STORAGE_ERROR;
	if (status < 0)
		return ERROR_CORRUPT_MESSAGE;
	q->answer->offset = found.offset;
	q->answer->timestamp = found.timestamp_ms;
	if (x->version >= 4)
		q->answer->leader_epoch = found.leader_epoch;
	return ERROR_NONE;
}

static int question_compare(const void *a, const void *b)
{
	const struct question *x = a, *y = b;
	if (x->topic.size != y->topic.size)
		return x->topic.size < y->topic.size ? -1 : 1;
	int order = 0;
	if (x->topic.size > 0)
		order = memcmp(x->topic.data, y->topic.data, (size_t)x->topic.size);
	if (order)
		return order;
	int32_t i = x->partition->partition_index, k = y->partition->partition_index;
	return (i > k) - (i < k);
}

/* Whoever asks twice about a partition is answered nothing about it. */
static void refuse_twice_asked(struct question *questions, int32_t count)
{
	qsort(questions, (size_t)count, sizeof *questions, question_compare);
	for (int32_t i = 1; i < count; i++) {
		if (question_compare(&questions[i - 1], &questions[i]))
			continue;
		questions[i - 1].answer->error_code = ERROR_INVALID_REQUEST;
		questions[i].answer->error_code = ERROR_INVALID_REQUEST;
	}
}

static int32_t list_count(const struct list_offsets_request *request)
{
	int32_t count = 0;
	for (int32_t i = 0; i < request->topics.count; i++)
		count += MAX(request->topics.items[i].partitions.count, 0);
	return count;
}

/* An empty answer of the request's shape; questions[] lead into it. */
static void list_prepare(
	struct exchange *x, struct list_offsets_response *response, struct question *questions)
{
	const struct list_offsets_request *request = x->body;
	response->topics.count = MAX(request->topics.count, 0);
	struct list_offsets_topic_response *topics =
		exchange_alloc(x, (size_t)response->topics.count * sizeof *topics);
	response->topics.items = topics;
	for (int32_t i = 0; i < request->topics.count && !exchange_full(x); i++) {
		const struct list_offsets_topic *topic = &request->topics.items[i];
		int32_t count = MAX(topic->partitions.count, 0);
		struct list_offsets_partition_response *answers =
			exchange_alloc(x, (size_t)count * sizeof *answers);
		if (exchange_full(x))
			return;
		topics[i].name = topic->name;
		topics[i].partitions.items = answers;
		topics[i].partitions.count = count;
		for (int32_t k = 0; k < count; k++) {
			const struct list_offsets_partition *asked = &topic->partitions.items[k];
			answers[k] = (struct list_offsets_partition_response){
				.partition_index = asked->partition_index,
				.timestamp = -1,
				.offset = -1,
				.leader_epoch = NO_LEADER_EPOCH,
			};
			*questions++ = (struct question){ topic->name, asked, &answers[k] };
		}
	}
}

void handle_list_offsets(struct exchange *x)
{
	int32_t count = list_count(x->body);
	size_t cost = 0;
	struct question *questions = exchange_alloc(x, (size_t)count * sizeof *questions);
	struct list_offsets_response *response = exchange_alloc(x, sizeof *response);
	if (!exchange_full(x))
		list_prepare(x, response, questions);
	if (!exchange_full(x)) {
		refuse_twice_asked(questions, count);
		for (int32_t i = 0; i < count; i++)
			if (questions[i].answer->error_code == ERROR_NONE)
				questions[i].answer->error_code =
					list_answer(x, &questions[i], &cost);
	}
	exchange_answer(x, response);
}

/* ---- DeleteRecords ---- */

static int16_t delete_before(struct exchange *x, struct catalog_partition *p, int64_t offset)
{
	if (!p)
		return ERROR_UNKNOWN_TOPIC_OR_PARTITION;
	if (p->leader != x->node_id)
		return ERROR_NOT_LEADER_OR_FOLLOWER;
	if (!property_has(&p->topic->config, &x->stage->catalog.properties,
		    PROPERTY_LOG_CLEANUP_POLICY, "delete"))
		return ERROR_POLICY_VIOLATION;
	int64_t start = p->log.start_offset;
	if (partition_log_delete_before(&p->log, offset) < 0)
		return ERROR_OFFSET_OUT_OF_RANGE;
	/* Who waits for records below the new start has to be told. */
	if (p->log.start_offset != start)
		catalog_partition_appended(&x->stage->catalog, p);
	return ERROR_NONE;
}

static void delete_topic_records(struct exchange *x, const struct delete_records_topic *topic,
	struct delete_records_topic_result *out)
{
	int32_t count = MAX(topic->partitions.count, 0);
	struct delete_records_partition_result *results =
		exchange_alloc(x, (size_t)count * sizeof *results);
	if (exchange_full(x))
		return;
	*out = (struct delete_records_topic_result){ topic->name, { results, count } };
	for (int32_t i = 0; i < count; i++) {
		const struct delete_records_partition *asked = &topic->partitions.items[i];
		struct catalog_partition *p = find(x, topic->name, asked->partition_index);
		results[i].partition_index = asked->partition_index;
		results[i].error_code = delete_before(x, p, asked->offset);
		results[i].low_watermark = -1;
		if (results[i].error_code == ERROR_NONE)
			results[i].low_watermark = p->log.start_offset;
	}
}

void handle_delete_records(struct exchange *x)
{
	const struct delete_records_request *request = x->body;
	struct delete_records_response *response = exchange_alloc(x, sizeof *response);
	int32_t count = MAX(request->topics.count, 0);
	struct delete_records_topic_result *topics =
		exchange_alloc(x, (size_t)count * sizeof *topics);
	for (int32_t i = 0; i < count && !exchange_full(x); i++)
		delete_topic_records(x, &request->topics.items[i], &topics[i]);
	response->topics.items = topics;
	response->topics.count = exchange_full(x) ? 0 : count;
	exchange_answer(x, response);
}
