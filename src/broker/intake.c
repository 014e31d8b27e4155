/* Produce requests, taken apart while they arrive: see intake.h. */
#include "intake.h"

#include <stdlib.h>

#include "proto/error.h"
#include "proto/produce.h"
#include "session.h"

#define LEADER_SINCE 10 /* the version that says where the leader is (KIP-951) */
#define ZSTD_SINCE   7  /* KIP-110 */

static struct stage *stage_of(const struct intake *intake)
{
	return intake->exchange->stage;
}

void intake_open(struct intake *intake, struct exchange *x, int32_t size)
{
	*intake = (struct intake){ .exchange = x };
	x->memory.limit = x->memory.total + EXCHANGE_ALLOC_MAX;
	produce_reader_init(&intake->reader, x->version, size);
	exchange_plan(x);
}

/* ---- whom the records are for ---- */

static struct catalog_topic *find_topic(const struct intake *intake, const struct intake_topic *t)
{
	struct catalog *catalog = &stage_of(intake)->catalog;
	return string_is_null(t->name) ? catalog_topic_of_id(catalog, t->id)
				       : catalog_topic_named(catalog, t->name);
}

/* What Kafka finds without a look at the records. */
static int16_t refusal(const struct intake *intake, const struct intake_topic *t,
	const struct catalog_topic *topic, const struct catalog_partition *partition)
{
	if (!topic)
		return string_is_null(t->name) ? ERROR_UNKNOWN_TOPIC_ID
					       : ERROR_UNKNOWN_TOPIC_OR_PARTITION;
	if (!partition)
		return ERROR_UNKNOWN_TOPIC_OR_PARTITION;
	if (intake->acks < -1 || intake->acks > 1)
		return ERROR_INVALID_REQUIRED_ACKS;
	if (partition->leader != intake->exchange->node_id)
		return ERROR_NOT_LEADER_OR_FOLLOWER;
	if (intake->acks == -1 && partition->isr_count < topic->min_insync_replicas)
		return ERROR_NOT_ENOUGH_REPLICAS;
	return 0;
}

static struct string topic_name(const struct intake_topic *t, const struct catalog_topic *topic)
{
	return topic ? string_of(topic->name) : t->name;
}

static enum intake_use use_of(
	const struct stage *stage, const struct catalog_topic *topic, int32_t records_size)
{
	const struct append_rules *rules = &topic->rules;
	bool kept = !stage->store.null || rules->check_crc || rules->check_records;
	if (records_size <= 0 || records_size > rules->max_message_bytes || !kept)
		return INTAKE_HEAD;
	return INTAKE_KEEP;
}

/* ---- the steps of the reader ---- */

static enum intake_step bad(struct intake *intake, const char *reason)
{
	intake->reason = reason;
	return INTAKE_BAD;
}

static bool add_topic(struct intake *intake)
{
	const struct produce_reader *reader = &intake->reader;
	struct intake_topic *t = exchange_memory(intake->exchange, sizeof *t);
	if (!t)
		return false;
	t->name = NULL_STRING;
	if (intake->exchange->version >= 13) {
		t->id = reader->topic_id;
	} else {
		char *name = exchange_memory(intake->exchange, (size_t)reader->topic.size);
		if (!name)
			return false;
		memcpy(name, reader->topic.data, (size_t)reader->topic.size);
		t->name = (struct string){ name, reader->topic.size };
	}
	if (intake->topic)
		intake->topic->next = t;
	else
		intake->first = t;
	intake->topic = t;
	intake->topic_count++;
	return true;
}

static bool add_partition(struct intake *intake)
{
	const struct produce_reader *reader = &intake->reader;
	struct intake_topic *t = intake->topic;
	struct intake_partition *p = exchange_memory(intake->exchange, sizeof *p);
	if (!p)
		return false;
	struct catalog_topic *topic = find_topic(intake, t);
	struct catalog_partition *partition =
		topic ? catalog_partition(topic, reader->partition_index) : NULL;
	p->index = reader->partition_index;
	p->error_code = refusal(intake, t, topic, partition);
	if (!p->error_code)
		p->error_code = exchange_fault(
			intake->exchange, topic_name(t, topic), p->index, &p->applied);
	p->applied = p->applied && p->error_code;
	p->use = INTAKE_DROP;
	if (topic && (!p->error_code || p->applied))
		p->use = (uint8_t)use_of(stage_of(intake), topic, reader->records_size);
	p->batch.size = reader->records_size;
	if (t->last)
		t->last->next = p;
	else
		t->first = p;
	t->last = p;
	t->partition_count++;
	intake->partition = p;
	intake->left = MAX(reader->records_size, 0);
	return true;
}

void intake_taken(struct intake *intake)
{
	intake->partition = NULL;
	intake->left = 0;
	produce_reader_records_taken(&intake->reader);
}

/* ---- the records ---- */

static void refuse(struct intake_partition *p, int16_t error_code, const char *message)
{
	p->error_code = error_code;
	p->error_message = message;
	p->applied = false;
	p->use = INTAKE_DROP;
}

/* Room for the records; INTAKE_FULL when there is none yet. */
static enum intake_step find_room(struct intake *intake, int64_t now_ns)
{
	struct intake_partition *p = intake->partition;
	struct stage *stage = stage_of(intake);
	size_t size = (size_t)p->batch.size;
	if (stage->store.null) {
		/* To be checked, and forgotten: --validate. */
		p->space = (struct store_space){ .data = exchange_memory(intake->exchange, size),
			.size = size };
		if (!p->space.data)
			refuse(p, ERROR_KAFKA_STORAGE_ERROR, "no memory to check the records in");
		return INTAKE_MORE;
	}
	int result = store_reserve(&stage->store, size, &p->space);
	if (result == 0) {
		intake->full_since_ns = 0;
		intake->holding = true;
		return INTAKE_MORE;
	}
	if (result == -ENOSPC) {
		if (!intake->full_since_ns)
			intake->full_since_ns = now_ns;
		if (now_ns - intake->full_since_ns < INTAKE_ROOM_WAIT_NS) {
			intake->room_ns = now_ns + INTAKE_ROOM_RETRY_NS;
			return INTAKE_FULL;
		}
		/* The others of this request are not waited for again. */
		refuse(p, ERROR_KAFKA_STORAGE_ERROR, "the memory store is full");
		return INTAKE_MORE;
	}
	refuse(p, ERROR_RECORD_LIST_TOO_LARGE, NULL);
	return INTAKE_MORE;
}

/* Takes what is here of the records. INTAKE_DONE: all of them. */
static enum intake_step take_records(struct intake *intake, struct stream *stream,
	const uint8_t *data, size_t size, int64_t now_ns, size_t *used)
{
	struct intake_partition *p = intake->partition;
	if (p->use == INTAKE_KEEP && !p->space.data && find_room(intake, now_ns) == INTAKE_FULL)
		return INTAKE_FULL;
	if (p->use == INTAKE_HEAD) {
		size_t head_size = MIN((size_t)intake->left, (size_t)BATCH_HEADER_SIZE);
		if (size < head_size)
			return INTAKE_MORE;
		append_batch_read(&p->batch, data, head_size, p->batch.size);
		p->use = INTAKE_DROP;
	}
	size_t left = (size_t)intake->left, here = MIN(size, left);
	uint8_t *to = NULL;
	if (p->use == INTAKE_KEEP) {
		to = p->space.data;
		memcpy(to, data, here);
	}
	*used = here;
	if (here == left) {
		intake_taken(intake);
		return INTAKE_DONE;
	}
	if (to)
		stream_receive_into(stream, to + here, left - here);
	else
		stream_skip(stream, left - here);
	return INTAKE_ASKED;
}

enum intake_step intake_feed(struct intake *intake, struct stream *stream, const uint8_t *data,
	size_t size, int64_t now_ns, size_t *used)
{
	*used = 0;
	for (;;) {
		size_t part = 0;
		if (intake->partition) {
			enum intake_step step = take_records(
				intake, stream, data + *used, size - *used, now_ns, &part);
			*used += part;
			if (step != INTAKE_DONE)
				return step;
			continue;
		}
		enum produce_step step =
			produce_reader_next(&intake->reader, data + *used, size - *used, &part);
		*used += part;
		switch (step) {
		case PRODUCE_MORE:
			return INTAKE_MORE;
		case PRODUCE_HEAD:
			intake->acks = intake->reader.acks;
			intake->transactional = !string_is_null(intake->reader.transactional_id);
			break;
		case PRODUCE_TOPIC:
			if (!add_topic(intake))
				return bad(intake, "names more topics than there is memory for");
			break;
		case PRODUCE_PARTITION:
			if (!add_partition(intake))
				return bad(
					intake, "names more partitions than there is memory for");
			break;
		case PRODUCE_END:
			return INTAKE_DONE;
		case PRODUCE_MALFORMED:
			return bad(intake, intake->reader.reason);
		}
	}
}

/* ---- when the frame is complete ---- */

static void give_back(struct intake *intake, struct intake_partition *p)
{
	if (p->space.slab)
		store_release(&stage_of(intake)->store, &p->space);
	p->space = (struct store_space){ 0 };
}

void intake_abandon(struct intake *intake)
{
	for (struct intake_topic *t = intake->first; t; t = t->next)
		for (struct intake_partition *p = t->first; p; p = p->next)
			give_back(intake, p);
	*intake = (struct intake){ 0 };
}

/* What the request itself does not allow its records to be. */
static int16_t unfit(const struct intake *intake, const struct append_batch *batch)
{
	if (intake->exchange->version < ZSTD_SINCE && batch->codec == CODEC_ZSTD)
		return ERROR_UNSUPPORTED_COMPRESSION_TYPE;
	if (batch->header_status != 0 || !batch->header.transactional)
		return 0;
	/* No transaction is ever open: there are no coordinators. */
	return intake->transactional ? ERROR_INVALID_TXN_STATE
				     : ERROR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
}

static void append(struct intake *intake, struct intake_partition *p, struct catalog_topic *topic,
	struct catalog_partition *partition, struct append_result *result)
{
	struct stage *stage = stage_of(intake);
	struct append_batch *batch = &p->batch;
	if (p->space.data) {
		size_t head_size = MIN(p->space.size, (size_t)BATCH_HEADER_SIZE);
		append_batch_read(batch, p->space.data, head_size, batch->size);
		batch->data = p->space.data;
		batch->space = p->space.slab ? &p->space : NULL;
	}
	result->error_code = unfit(intake, batch);
	/* Dropped when it came, as too large for a topic that has made room for this one since. */
	if (!p->space.data && use_of(stage, topic, batch->size) == INTAKE_KEEP)
		result->error_code = ERROR_MESSAGE_TOO_LARGE;
	if (result->error_code)
		return;
	partition_log_append(&partition->log, batch, &topic->rules, stage_wall_ms(stage), result);
	if (result->error_code)
		return;
	stage->figures.batches++;
	stage->figures.records += (uint64_t)batch->header.record_count;
	stage->figures.bytes += (uint64_t)batch->size;
	catalog_partition_appended(&stage->catalog, partition);
}

/* A record that offends is named, as Kafka does it (KIP-467). */
static void say_record(struct exchange *x, const struct append_result *result,
	struct produce_partition_response *out)
{
	if (result->record_index < 0)
		return;
	out->record_errors.items = exchange_alloc(x, sizeof *out->record_errors.items);
	out->record_errors.count = 1;
	out->record_errors.items[0] = (struct produce_record_error){
		.batch_index = result->record_index,
		.batch_index_error_message = string_of(result->error_message),
	};
}

static void answer_partition(struct intake *intake, struct intake_topic *t,
	struct intake_partition *p, struct catalog_topic *topic,
	struct produce_partition_response *out)
{
	struct exchange *x = intake->exchange;
	struct catalog_partition *partition = topic ? catalog_partition(topic, p->index) : NULL;
	struct append_result result = { .record_index = -1,
		.error_message = p->error_message,
		.base_offset = -1,
		.log_append_time_ms = -1,
		.log_start_offset = -1 };
	/* The cluster may have changed since the partition was announced. */
	int16_t error_code =
		p->error_code && !p->applied ? p->error_code : refusal(intake, t, topic, partition);
	if (!error_code) {
		append(intake, p, topic, partition, &result);
		error_code = result.error_code;
	}
	if (!error_code && p->applied) {
		error_code = p->error_code;
		result.base_offset = result.log_append_time_ms = -1;
	}
	*out = (struct produce_partition_response){
		.index = p->index,
		.error_code = error_code,
		.base_offset = error_code ? -1 : result.base_offset,
		.log_append_time_ms = result.log_append_time_ms,
		.log_start_offset = result.log_start_offset,
		.error_message = error_code ? string_of(result.error_message) : NULL_STRING,
		.current_leader = { .leader_id = -1, .leader_epoch = -1 },
	};
	if (error_code)
		say_record(x, &result, out);
	if (error_code == ERROR_NOT_LEADER_OR_FOLLOWER && partition && x->version >= LEADER_SINCE)
		out->current_leader = (struct produce_current_leader){
			.leader_id = partition->leader,
			.leader_epoch = partition->leader_epoch,
		};
	give_back(intake, p);
}

/* The addresses of the leaders that the answer names (KIP-951). */
static void add_endpoints(struct exchange *x, struct produce_response *response)
{
	struct catalog *catalog = &x->stage->catalog;
	bool named[STAGE_NODES_MAX] = { false };
	for (int32_t i = 0; i < response->responses.count; i++) {
		const struct produce_topic_response *t = &response->responses.items[i];
		for (int32_t j = 0; j < t->partition_responses.count; j++) {
			int32_t id = t->partition_responses.items[j].current_leader.leader_id;
			if (id < 0 || named[id])
				continue;
			named[id] = true;
			response->node_endpoints.count++;
		}
	}
	if (!response->node_endpoints.count)
		return;
	response->node_endpoints.items = exchange_alloc(
		x, (size_t)response->node_endpoints.count * sizeof *response->node_endpoints.items);
	int32_t count = 0;
	for (int32_t id = 0; id < catalog->node_count; id++)
		if (named[id])
			response->node_endpoints.items[count++] = (struct produce_node_endpoint){
				.node_id = id,
				.host = string_of(catalog->nodes[id].host),
				.port = catalog->nodes[id].port,
				.rack = NULL_STRING,
			};
}

static void answer_topic(
	struct intake *intake, struct intake_topic *t, struct produce_topic_response *out)
{
	struct catalog_topic *topic = find_topic(intake, t);
	*out = (struct produce_topic_response){ .name = topic_name(t, topic), .topic_id = t->id };
	if (string_is_null(out->name))
		out->name = (struct string){ 0 };
	out->partition_responses.count = t->partition_count;
	out->partition_responses.items = exchange_alloc(intake->exchange,
		(size_t)t->partition_count * sizeof *out->partition_responses.items);
	int32_t i = 0;
	for (struct intake_partition *p = t->first; p; p = p->next)
		answer_partition(intake, t, p, topic, &out->partition_responses.items[i++]);
}

/* As Kafka has it, who wants no answer learns of an error by losing the connection. */
static void end_unanswered(struct exchange *x, const struct produce_response *response)
{
	for (int32_t i = 0; i < response->responses.count; i++) {
		const struct produce_topic_response *t = &response->responses.items[i];
		for (int32_t j = 0; j < t->partition_responses.count; j++) {
			int16_t error_code = t->partition_responses.items[j].error_code;
			if (!error_code)
				continue;
			exchange_drop(x, error_info(error_code)->name);
			return;
		}
	}
	exchange_end(x);
}

void intake_finish(struct intake *intake)
{
	struct exchange *x = intake->exchange;
	struct stage *stage = x->stage;
	x->now_ns = loop_now_ns(stage->loop);
	stage->figures.requests++;
	if (x->plan.disconnect_before) {
		intake_abandon(intake);
		exchange_disconnected(x);
		return;
	}
	uint64_t records = stage->figures.records;
	struct produce_response *response = exchange_alloc(x, sizeof *response);
	response->responses.count = intake->topic_count;
	response->responses.items =
		exchange_alloc(x, (size_t)intake->topic_count * sizeof *response->responses.items);
	int32_t i = 0;
	for (struct intake_topic *t = intake->first; t; t = t->next)
		answer_topic(intake, t, &response->responses.items[i++]);
	bool answered = intake->acks != 0;
	*intake = (struct intake){ 0 };
	if (exchange_full(x)) {
		exchange_answer(x, response);
		return;
	}
	if (x->version >= LEADER_SINCE)
		add_endpoints(x, response);
	if (stage->service.time.kind != SERVICE_NONE)
		x->served_ns = service_admit(
			&stage->service, x->now_ns, (int64_t)(stage->figures.records - records));
	if (answered)
		exchange_answer(x, response);
	else
		end_unanswered(x, response);
}
