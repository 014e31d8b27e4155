/*
 * The answer to a Fetch: reads the logs within the limits of the request (KIP-74: the first batch
 * comes, however large it is), and leaves out of an incremental session what has no news (KIP-227).
 * Follows KafkaApis.handleFetchRequest, ReplicaManager.readFromLog and FetchSession's
 * maybeUpdateResponseData.
 */
#include "fetch.h"
#include "stage.h"

#define LEADER_ENDPOINTS_SINCE 16 /* KIP-951 */

/* What an answer has around the records of a partition, about; for quotas. */
#define PARTITION_OVERHEAD 48
#define TOPIC_OVERHEAD     24

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

/* Returns the bytes of the answer, about. */
static int64_t targets_read(struct fetch *f)
{
	struct budget budget = {
		.bytes = f->max_bytes, .segments = FETCH_ANSWER_SEGMENTS_MAX, .first_whole = true
	};
	int64_t size = 0;
	for (int32_t i = 0; i < f->target_count && !f->failed; i++) {
		struct fetch_target *t = &f->targets[i];
		target_read(t, &budget);
		t->answered = has_news(t);
		if (t->answered)
			size += PARTITION_OVERHEAD + t->records.size;
	}
	return size + TOPIC_OVERHEAD;
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
	for (int32_t i = 0; i < f->target_count; i++) {
		struct fetch_target *t = &f->targets[i];
		if (!t->answered)
			continue;
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
		fetch_sessions_of(f), f->replica_id >= 0, topic_ids, f->target_count, x->now_ns);
	for (int32_t i = 0; session && i < f->target_count; i++) {
		struct fetch_target *t = &f->targets[i];
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

/* Partitions of one topic that follow each other are one item, as in Kafka. */
static void topics_write(struct fetch *f, struct fetch_response *response)
{
	int32_t topics = 0, partitions = 0;
	const struct fetch_target *last = NULL;
	for (int32_t i = 0; i < f->target_count; i++) {
		const struct fetch_target *t = &f->targets[i];
		if (!t->answered)
			continue;
		partitions++;
		topics += !last || !is_same_topic(f, last, t);
		last = t;
	}
	struct fetch_topic_response *topic =
		exchange_alloc(f->exchange, (size_t)topics * sizeof *topic);
	struct fetch_partition_response *partition =
		exchange_alloc(f->exchange, (size_t)partitions * sizeof *partition);
	if (exchange_full(f->exchange))
		return;
	response->responses.items = topic;
	response->responses.count = topics;
	topic--;
	last = NULL;
	for (int32_t i = 0; i < f->target_count; i++) {
		const struct fetch_target *t = &f->targets[i];
		if (!t->answered)
			continue;
		if (!last || !is_same_topic(f, last, t)) {
			topic++;
			topic->topic = t->topic;
			topic->topic_id = t->topic_id;
			topic->partitions.items = partition;
		}
		partition_write(f, t, partition++);
		topic->partitions.count++;
		last = t;
	}
}

/* Where the leaders are that partitions are said to have. */
static void endpoints_write(struct fetch *f, struct fetch_response *response)
{
	bool named[STAGE_NODES_MAX] = { false };
	struct exchange *x = f->exchange;
	for (int32_t i = 0; i < f->target_count; i++) {
		const struct fetch_target *t = &f->targets[i];
		int32_t id = t->leader.leader_id;
		if (!t->answered || id < 0 || named[id])
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
	int64_t size = targets_read(f);
	if (f->failed) {
		exchange_drop(x, "no memory for the answer");
		return;
	}
	response.throttle_time_ms = throttle_ms(f, size);
	if (response.throttle_time_ms == 0 && !exchange_full(x)) {
		topics_write(f, &response);
		if (x->version >= LEADER_ENDPOINTS_SINCE)
			endpoints_write(f, &response);
		if (session)
			session_continue(f, session);
		else if (fetch_wants_session(f->request))
			response.session_id = session_begin(f);
	}
	exchange_answer(x, &response);
}
