/*
 * Fetch, versions 4 to 18: which partitions are meant, and waiting until there is enough of them.
 * As in Kafka's ReplicaManager.fetchMessages and DelayedFetch, an answer goes out when min_bytes
 * are there, when max_wait_ms are over, or when there is an error to tell of (but for partitions
 * that are not there at all, which wait with the others). Other than Kafka it answers a partition
 * twice that is named twice, and never cuts a batch.
 *
 * A waiting fetch has a place in the list of each of its partitions, with the bytes last seen
 * there: an append looks only at those who wait for that partition, and at nothing else of theirs.
 */
#include "handle_fetch.h"

#include "fetch_private.h"
#include "stage.h"

#define FOLLOWER_READS_SINCE 11 /* KIP-392: from replicas that do not lead */

struct fetch_sessions *fetch_sessions_of(const struct fetch *f)
{
	return f->exchange->stage->nodes[f->exchange->node_id].fetch_sessions;
}

/* ---- where the partitions are ---- */

static struct catalog_topic *topic_of_id(struct fetch_target *t, int16_t *error)
{
	struct catalog *catalog = &t->fetch->exchange->stage->catalog;
	struct catalog_topic *topic = catalog_topic_of_id(catalog, t->topic_id);
	if (topic) {
		if (t->entry)
			fetch_entry_name(t->entry, string_of(topic->name));
		return topic;
	}
	/* A topic that had the id while the session lasts may have another one now. */
	*error = ERROR_UNKNOWN_TOPIC_ID;
	if (t->entry && t->entry->topic.size > 0)
		*error = catalog_topic_named(catalog, t->entry->topic)
				 ? ERROR_INCONSISTENT_TOPIC_ID
				 : ERROR_UNKNOWN_TOPIC_OR_PARTITION;
	return NULL;
}

int16_t fetch_locate(struct fetch_target *t, struct catalog_partition **out)
{
	struct exchange *x = t->fetch->exchange;
	struct catalog_topic *topic;
	int16_t error = ERROR_UNKNOWN_TOPIC_OR_PARTITION;
	if (x->version >= FETCH_TOPIC_ID_SINCE)
		topic = topic_of_id(t, &error);
	else
		topic = catalog_topic_named(&x->stage->catalog, t->topic);
	*out = topic ? catalog_partition(topic, t->partition) : NULL;
	t->unknown = !*out;
	return *out ? ERROR_NONE : error;
}

int16_t fetch_permit(const struct fetch_target *t, const struct catalog_partition *p)
{
	const struct fetch *f = t->fetch;
	const struct exchange *x = f->exchange;
	if (!catalog_partition_replicated(p, x->node_id))
		return ERROR_NOT_LEADER_OR_FOLLOWER;
	if (t->leader_epoch >= 0 && t->leader_epoch != p->leader_epoch)
		return t->leader_epoch < p->leader_epoch ? ERROR_FENCED_LEADER_EPOCH
							 : ERROR_UNKNOWN_LEADER_EPOCH;
	bool consumer = f->replica_id < 0;
	if (p->leader != x->node_id && !(consumer && x->version >= FOLLOWER_READS_SINCE))
		return ERROR_NOT_LEADER_OR_FOLLOWER;
	/* The stage's replicas share one log: nobody who fetches is one of them. */
	if (!consumer)
		return t->leader_epoch >= 0 ? ERROR_UNKNOWN_LEADER_EPOCH
					    : ERROR_NOT_LEADER_OR_FOLLOWER;
	return ERROR_NONE;
}

/* ---- waiting ---- */

/* The bytes that count for this partition. Batches are counted once, however many appends come
 * while it waits: what came since the last look is known from the log's total. */
static int64_t target_count(struct fetch_target *t, const struct partition_log *log)
{
	int64_t enough = MIN(t->fetch->min_bytes, t->max_bytes);
	int64_t available = t->available + log->appended_bytes - t->seen_bytes;
	if (t->seen_bytes < 0)
		available = enough > 0 ? partition_log_available(log, t->offset, enough) : 0;
	t->seen_bytes = log->appended_bytes;
	return MIN(available, t->max_bytes);
}

/* Looks again at one partition. Whether the answer is due. */
static bool target_look(struct fetch_target *t, const struct catalog_partition *p)
{
	struct fetch *f = t->fetch;
	const struct partition_log *log = &p->log;
	if (fetch_permit(t, p) || t->offset < log->start_offset || t->offset > log->end_offset)
		return true;
	int64_t available = target_count(t, log);
	f->available += available - t->available;
	t->available = available;
	return f->available >= f->min_bytes;
}

static void fetch_stop(struct fetch *f)
{
	loop_timer_stop(f->exchange->stage->loop, &f->timer);
	for (int32_t i = 0; i < f->target_count; i++)
		list_remove(&f->targets[i].waiter);
}

static void fetch_cancelled(struct exchange *x)
{
	fetch_stop(x->handler_data);
}

static void fetch_due(struct timer *timer, int64_t now_ns)
{
	struct fetch *f = CONTAINER_OF(timer, struct fetch, timer);
	f->exchange->now_ns = now_ns;
	fetch_stop(f);
	fetch_answer(f);
}

void fetch_partition_changed(struct catalog_partition *p, bool gone)
{
	struct list *node, *after;
	list_for_each_safe (node, after, &p->fetch_waiters) {
		struct fetch_target *t = CONTAINER_OF(node, struct fetch_target, waiter);
		struct fetch *f = t->fetch;
		if (gone)
			list_remove(&t->waiter);
		if (f->woken || !(gone || target_look(t, p)))
			continue;
		f->woken = true;
		loop_timer_start(f->exchange->stage->loop, &f->timer, f->exchange->now_ns);
	}
}

/* Finds every partition. Whether the answer is due now; if not, it waits for them. */
static bool fetch_look(struct fetch *f)
{
	bool due = f->request->max_wait_ms <= 0;
	int32_t known = 0;
	for (int32_t i = 0; i < f->target_count; i++) {
		struct fetch_target *t = &f->targets[i];
		struct catalog_partition *p;
		due |= t->fault != 0;
		if (due || fetch_locate(t, &p))
			continue;
		known++;
		list_append(&p->fetch_waiters, &t->waiter);
		due |= target_look(t, p);
	}
	return due || known == 0 || f->available >= f->min_bytes;
}

/* ---- from the request ---- */

static int32_t partition_count(const struct fetch_request *request)
{
	int64_t count = 0;
	for (int32_t i = 0; i < request->topics.count; i++)
		count += request->topics.items[i].partitions.count;
	return (int32_t)count; /* all are in memory */
}

static struct fetch_target *targets_new(struct fetch *f, int32_t count)
{
	size_t size = (size_t)count * sizeof(struct fetch_target);
	if (size > EXCHANGE_ALLOC_MAX)
		return NULL;
	f->targets = exchange_alloc(f->exchange, size);
	return exchange_full(f->exchange) ? NULL : f->targets;
}

static void target_add(struct fetch *f, struct fetch_target target)
{
	struct fetch_target *t = &f->targets[f->target_count++];
	*t = target;
	t->fetch = f;
	t->seen_bytes = -1;
	list_init(&t->waiter);
}

static bool targets_of_request(struct fetch *f)
{
	if (!targets_new(f, partition_count(f->request)))
		return false;
	for (int32_t i = 0; i < f->request->topics.count; i++) {
		const struct fetch_topic *topic = &f->request->topics.items[i];
		for (int32_t k = 0; k < topic->partitions.count; k++) {
			const struct fetch_partition *p = &topic->partitions.items[k];
			target_add(f, (struct fetch_target){ .topic = topic->topic,
					      .topic_id = topic->topic_id,
					      .request = p,
					      .partition = p->partition,
					      .max_bytes = p->partition_max_bytes,
					      .leader_epoch = p->current_leader_epoch,
					      .offset = p->fetch_offset });
		}
	}
	return true;
}

static bool targets_of_session(struct fetch *f, const struct fetch_session *session)
{
	struct list *node;
	if (!targets_new(f, session->entry_count))
		return false;
	list_for_each (node, &session->entries) {
		struct fetch_entry *e = CONTAINER_OF(node, struct fetch_entry, node);
		target_add(f, (struct fetch_target){ .topic = e->topic,
				      .topic_id = e->topic_id,
				      .entry = e,
				      .partition = e->partition,
				      .max_bytes = e->max_bytes,
				      .leader_epoch = e->leader_epoch,
				      .offset = e->offset });
	}
	return true;
}

/* Asks the rules about every partition. False: the exchange is over. */
static bool faults_ask(struct fetch *f)
{
	struct exchange *x = f->exchange;
	for (int32_t i = 0; x->faulty && i < f->target_count; i++) {
		struct fetch_target *t = &f->targets[i];
		struct catalog_partition *p;
		struct string topic = t->topic;
		if (x->version >= FETCH_TOPIC_ID_SINCE && !fetch_locate(t, &p))
			topic = string_of(p->topic->name);
		t->fault = exchange_fault(x, topic, t->partition, &t->fault_applied);
		if (x->plan.disconnect_before) {
			exchange_drop(x, "a fault rule disconnects it before it is applied");
			return false;
		}
	}
	return true;
}

static void limits_set(struct fetch *f)
{
	const struct stage *stage = f->exchange->stage;
	int64_t max_bytes =
		property_int(NULL, &stage->catalog.properties, PROPERTY_FETCH_MAX_BYTES);
	max_bytes = MIN(max_bytes, f->request->max_bytes);
	max_bytes = MIN(max_bytes, quotas_bytes_max(stage->quotas, QUOTA_FETCH));
	/* What is being sent cannot be evicted: a client that stops reading keeps so much. */
	const struct slab_pool *pool = &stage->store.pool;
	if (!stage->store.null)
		max_bytes = MIN(
			max_bytes, (int64_t)(pool->slab_size * pool->count / FETCH_STORE_SHARE));
	f->max_bytes = MIN(max_bytes, FETCH_ANSWER_MAX);
	f->min_bytes = MIN(f->max_bytes, f->request->min_bytes);
}

void handle_fetch(struct exchange *x)
{
	struct fetch *f = exchange_alloc(x, sizeof *f);
	const struct fetch_request *request = x->body;
	struct fetch_session *session;
	*f = (struct fetch){ .exchange = x, .request = request };
	f->replica_id = x->version >= 15 ? request->replica_state.replica_id : request->replica_id;
	timer_init(&f->timer, fetch_due);
	limits_set(f);
	int16_t error = fetch_sessions_enter(
		fetch_sessions_of(f), request, x->version, x->now_ns, &session);
	if (error) {
		struct fetch_response response = { .error_code = error };
		exchange_answer(x, &response);
		return;
	}
	if (session) {
		f->session_id = session->id;
		f->epoch = session->epoch;
	}
	if (!(session ? targets_of_session(f, session) : targets_of_request(f))) {
		exchange_drop(x, "it asks for more partitions than one answer may hold");
		return;
	}
	if (!faults_ask(f))
		return;
	if (fetch_look(f)) {
		fetch_stop(f);
		fetch_answer(f);
		return;
	}
	exchange_defer(x, fetch_cancelled, f);
	loop_timer_start(
		x->stage->loop, &f->timer, x->now_ns + (int64_t)request->max_wait_ms * NS_PER_MS);
}
