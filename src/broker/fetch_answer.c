/*
 * The answer to a Fetch: reads the logs within the limits of the request (KIP-74: the first batch
 * comes, however large it is), and leaves out of an incremental session what has no news (KIP-227).
 * Follows KafkaApis.handleFetchRequest, ReplicaManager.readFromLog and FetchSession's
 * maybeUpdateResponseData.
 */
#include "fetch_private.h"
#include "stage.h"

#define LEADER_ENDPOINTS_SINCE 16 /* KIP-951 */

/* What is around the records of a partition, and around all partitions, about; for quotas. */
#define PARTITION_OVERHEAD 48
#define ANSWER_OVERHEAD    40

/* What may still be read for one answer. */
struct budget {
	int64_t bytes;
	int32_t segments;
	bool first_whole; /* nothing was read yet */
};

static void hold(void *context, struct slab *slab)
{
	exchange_hold(context, slab);
}

static int16_t read_records(
	struct fetch_target *t, struct partition_log *log, struct budget *budget)
{
	struct exchange *x = t->fetch->exchange;
	int64_t max_bytes = MAX(MIN(budget->bytes, t->max_bytes), 0);
	if (budget->segments <= 0)
		max_bytes = 0;
	int result = partition_log_read(
		log, t->offset, max_bytes, budget->first_whole, x->arena, hold, x, &t->records);
	if (result == -ERANGE)
		return ERROR_OFFSET_OUT_OF_RANGE;
	if (result < 0) {
		t->fetch->failed = true;
		return ERROR_UNKNOWN_SERVER_ERROR;
	}
	if (t->records.size > 0)
		budget->first_whole = false;
	budget->bytes -= t->records.size;
	budget->segments -= t->records.segment_count;
	t->high_watermark = log->end_offset;
	t->log_start_offset = log->start_offset;
	return ERROR_NONE;
}

static void target_read(struct fetch_target *t, struct budget *budget)
{
	struct catalog_partition *p = NULL;
	t->high_watermark = t->log_start_offset = -1;
	t->leader = (struct fetch_current_leader){ -1, -1 };
	if (t->fault && !t->fault_applied) {
		t->error_code = t->fault;
		fetch_locate(t, &p);
	} else {
		t->error_code = fetch_locate(t, &p);
		if (!t->error_code)
			t->error_code = fetch_permit(t, p);
		if (!t->error_code)
			t->error_code = read_records(t, &p->log, budget);
		if (t->fault)
			t->error_code = t->fault;
	}
	if (!t->error_code)
		return;
	t->records = (struct records){ 0 };
	t->high_watermark = t->log_start_offset = -1;
	if (p && (t->error_code == ERROR_NOT_LEADER_OR_FOLLOWER ||
			 t->error_code == ERROR_FENCED_LEADER_EPOCH))
		t->leader = (struct fetch_current_leader){ p->leader, p->leader_epoch };
}

/* Whether an incremental session has news of it. */
static bool has_news(const struct fetch_target *t)
{
	const struct fetch_entry *e = t->entry;
	return !e || t->error_code || t->records.size > 0 ||
	       t->high_watermark != e->high_watermark || t->log_start_offset != e->log_start_offset;
}

/* Notes who is answered: as in Kafka, partitions that were not found come last. */
static void targets_choose(struct fetch *f)
{
	size_t size = (size_t)f->target_count * sizeof(struct fetch_target *);
	f->answered = exchange_alloc(f->exchange, size);
	for (int unknown = 0; unknown <= 1; unknown++)
		for (int32_t i = 0; i < f->target_count; i++) {
			struct fetch_target *t = &f->targets[i];
			if (t->unknown == unknown && has_news(t))
				f->answered[f->answered_count++] = t;
		}
}

static void targets_read(struct fetch *f)
{
	struct budget budget = {
		.bytes = f->max_bytes, .segments = FETCH_ANSWER_SEGMENTS_MAX, .first_whole = true
	};
	for (int32_t i = 0; i < f->target_count && !f->failed; i++)
		target_read(&f->targets[i], &budget);
	targets_choose(f);
}

/* About the bytes of the answer. */
static int64_t answer_size(const struct fetch *f)
{
	int64_t size = ANSWER_OVERHEAD;
	for (int32_t i = 0; i < f->answered_count; i++)
		size += PARTITION_OVERHEAD + f->answered[i]->records.size;
	return size;
}

/* ---- the session ---- */

/* After an error both are -1, so that it is told again. */
static void entry_told(struct fetch_entry *e, const struct fetch_target *t)
{
	e->high_watermark = t->high_watermark;
	e->log_start_offset = t->log_start_offset;
}

static void session_continue(struct fetch *f, struct fetch_session *session)
{
	for (int32_t i = 0; i < f->answered_count; i++) {
		struct fetch_target *t = f->answered[i];
		entry_told(t->entry, t);
		fetch_session_rotate(session, t->entry);
	}
}

/* The id of a new session, or 0. */
static int32_t session_begin(struct fetch *f)
{
	struct exchange *x = f->exchange;
	bool topic_ids = x->version >= FETCH_TOPIC_ID_SINCE;
	struct fetch_session *session = fetch_sessions_create(
		fetch_sessions_of(f), f->replica_id >= 0, topic_ids, f->answered_count, x->now_ns);
	for (int32_t i = 0; session && i < f->answered_count; i++) {
		const struct fetch_target *t = f->answered[i];
		struct fetch_entry *e =
			fetch_session_set(session, t->topic, t->topic_id, t->request);
		if (!e) {
			fetch_session_end(session);
			return 0;
		}
		entry_told(e, t);
		struct catalog_topic *topic =
			topic_ids ? catalog_topic_of_id(&x->stage->catalog, t->topic_id) : NULL;
		if (topic)
			fetch_entry_name(e, string_of(topic->name));
	}
	return session ? session->id : 0;
}

/* ---- the response ---- */

static bool is_same_topic(
	const struct fetch *f, const struct fetch_target *a, const struct fetch_target *b)
{
	if (f->exchange->version >= FETCH_TOPIC_ID_SINCE)
		return !memcmp(&a->topic_id, &b->topic_id, sizeof a->topic_id);
	return string_equal(a->topic, b->topic);
}

static void partition_write(
	const struct fetch *f, const struct fetch_target *t, struct fetch_partition_response *out)
{
	*out = (struct fetch_partition_response){
		.partition_index = t->partition,
		.error_code = t->error_code,
		.high_watermark = t->high_watermark,
		.last_stable_offset = t->high_watermark, /* there are no transactions */
		.log_start_offset = t->log_start_offset,
		.diverging_epoch = { -1, -1 },
		.current_leader = { -1, -1 },
		.snapshot_id = { -1, -1 },
		.preferred_read_replica = -1,
		.records = t->records,
	};
	bool committed = f->request->isolation_level == 1 && !t->error_code;
	if (!committed && !t->unknown)
		out->aborted_transactions.count = -1;
	if (f->exchange->version >= LEADER_ENDPOINTS_SINCE)
		out->current_leader = t->leader;
}

static bool begins_topic(const struct fetch *f, int32_t i)
{
	return i == 0 || !is_same_topic(f, f->answered[i - 1], f->answered[i]);
}

/* Partitions of one topic that follow each other are one item, as in Kafka. */
static void topics_write(struct fetch *f, struct fetch_response *response)
{
	int32_t count = 0;
	for (int32_t i = 0; i < f->answered_count; i++)
		count += begins_topic(f, i);
	struct fetch_topic_response *topic =
		exchange_alloc(f->exchange, (size_t)count * sizeof *topic);
	struct fetch_partition_response *partition =
		exchange_alloc(f->exchange, (size_t)f->answered_count * sizeof *partition);
	if (exchange_full(f->exchange))
		return;
	response->responses.items = topic;
	for (int32_t i = 0; i < f->answered_count; i++) {
		const struct fetch_target *t = f->answered[i];
		if (begins_topic(f, i)) {
			topic = &response->responses.items[response->responses.count++];
			topic->topic = t->topic;
			topic->topic_id = t->topic_id;
			topic->partitions.items = &partition[i];
		}
		partition_write(f, t, &partition[i]);
		topic->partitions.count++;
	}
}

/* Where the leaders are that partitions are said to have. */
static void endpoints_write(struct fetch *f, struct fetch_response *response)
{
	bool named[STAGE_NODES_MAX] = { false };
	struct exchange *x = f->exchange;
	for (int32_t i = 0; i < f->answered_count; i++) {
		int32_t id = f->answered[i]->leader.leader_id;
		if (id < 0 || named[id])
			continue;
		named[id] = true;
		if (!response->node_endpoints.items)
			response->node_endpoints.items = exchange_alloc(
				x, STAGE_NODES_MAX * sizeof *response->node_endpoints.items);
		const struct catalog_node *node = catalog_node(&x->stage->catalog, id);
		response->node_endpoints.items[response->node_endpoints.count++] =
			(struct fetch_node_endpoint){ .node_id = id,
				.host = string_of(node->host),
				.port = node->port,
				.rack = NULL_STRING };
	}
}

/* Books what the answer has. Too much: the answer is empty, and nothing has happened. */
static int32_t throttle_ms(struct fetch *f, int64_t size)
{
	struct exchange *x = f->exchange;
	struct quotas *quotas = x->stage->quotas;
	int32_t ms = quotas_record(quotas, QUOTA_FETCH, x->node_id, x->client_id, size, x->now_ns);
	if (ms > 0)
		quotas_unrecord(quotas, QUOTA_FETCH, x->node_id, x->client_id, size, x->now_ns);
	return ms;
}

void fetch_answer(struct fetch *f)
{
	struct exchange *x = f->exchange;
	struct fetch_response response = { .session_id = f->session_id };
	struct fetch_session *session = NULL;
	if (f->session_id) {
		session = fetch_sessions_find(fetch_sessions_of(f), f->session_id);
		if (!session || session->epoch != f->epoch) {
			/* It ended, or went on without this request, while the request waited. */
			response.error_code = session ? ERROR_INVALID_FETCH_SESSION_EPOCH
						      : ERROR_FETCH_SESSION_ID_NOT_FOUND;
			exchange_answer(x, &response);
			return;
		}
	}
	targets_read(f);
	if (f->failed || exchange_full(x)) {
		exchange_drop(x, "no memory for the answer");
		return;
	}
	response.throttle_time_ms = throttle_ms(f, answer_size(f));
	if (response.throttle_time_ms == 0) {
		topics_write(f, &response);
		if (x->version >= LEADER_ENDPOINTS_SINCE && f->replica_id < 0)
			endpoints_write(f, &response);
		if (session)
			session_continue(f, session);
		else if (fetch_wants_session(f->request))
			response.session_id = session_begin(f);
	}
	exchange_answer(x, &response);
}
