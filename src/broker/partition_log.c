/* The log of partition_log.h; what a batch must be like is append_check.h's business. */
#include "partition_log.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/error.h"
#include "proto/offsets.h"

#define ENTRIES_MIN 16u

/* ---- the ring of entries ---- */

static struct log_entry *entry_at(const struct partition_log *log, uint32_t index)
{
	return &log->entries[(log->first + index) & (log->capacity - 1)];
}

/* Moves the entries to a ring of that capacity. False without memory: all is as before. */
static bool entries_move(struct partition_log *log, uint32_t capacity)
{
	struct log_entry *entries = malloc(capacity * sizeof *entries);
	if (!entries)
		return false;
	for (uint32_t i = 0; i < log->count; i++)
		entries[i] = *entry_at(log, i);
	free(log->entries);
	log->entries = entries;
	log->capacity = capacity;
	log->first = 0;
	return true;
}

static bool entries_have_room(struct partition_log *log)
{
	return log->count < log->capacity || entries_move(log, MAX(log->capacity * 2, ENTRIES_MIN));
}

static int64_t entry_end(const struct log_entry *e)
{
	return e->base_offset + e->record_count;
}

/* The oldest `count` entries leave; the log then starts at the next, if it does not later. */
static void entries_drop(struct partition_log *log, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		log->bytes -= entry_at(log, i)->size;
	log->first = (log->first + count) & (log->capacity - 1);
	log->count -= count;
	int64_t next = log->count > 0 ? entry_at(log, 0)->base_offset : log->end_offset;
	log->start_offset = MAX(log->start_offset, next);
	store_keep_no_more(log->store, &log->tenant, count, next);
	/* Room for one more always stays: an append may have asked for it already. */
	if (log->capacity > ENTRIES_MIN && log->count < log->capacity / 4)
		(void)entries_move(log, log->capacity / 2);
}

/* The first entry that ends behind the offset: log->count when there is none. */
static uint32_t entry_find(const struct partition_log *log, int64_t offset)
{
	uint32_t low = 0, high = log->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (entry_end(entry_at(log, middle)) > offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* ---- opening, closing, leaving ---- */

static void segment_leaves(struct store_tenant *tenant, int64_t last_offset)
{
	struct partition_log *log = CONTAINER_OF(tenant, struct partition_log, tenant);
	entries_drop(log, entry_find(log, last_offset + 1));
}

void partition_log_open(struct partition_log *log, struct store *store)
{
	*log = (struct partition_log){
		.store = store,
		.findings = { .cut_offset = -1, .bad_offset = -1 },
	};
	store_tenant_init(&log->tenant, segment_leaves);
	producer_group_init(&log->producers);
}

void partition_log_close(struct partition_log *log)
{
	if (log->count > 0)
		entries_drop(log, log->count);
	producer_group_clear(&log->store->producers, &log->producers);
	free(log->entries);
	*log = (struct partition_log){ 0 };
}

/* ---- appending ---- */

static bool producer_allows(const struct partition_log *log, const struct batch_header *header,
	const struct producer_batch *producer, struct append_result *out)
{
	struct producer_place place;
	switch (producer_check(&log->store->producers, &log->producers, producer, &place)) {
	case PRODUCER_ACCEPTED:
		break;
	case PRODUCER_DUPLICATE:
		out->duplicate = true;
		out->base_offset = place.base_offset;
		/* Whatever the topic's kind of time, as in Kafka. */
		out->log_append_time_ms = place.max_timestamp_ms;
		return false;
	case PRODUCER_OUT_OF_ORDER:
		out->error_code = ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER;
		return false;
	case PRODUCER_FENCED:
		out->error_code = ERROR_INVALID_PRODUCER_EPOCH;
		return false;
	}
	/* There is no transaction that it could be part of. */
	if (header->transactional)
		out->error_code = ERROR_INVALID_TXN_STATE;
	return !header->transactional;
}

static int batch_keep(struct partition_log *log, const struct append_batch *b,
	const struct append_verdict *verdict)
{
	int32_t count = b->header.record_count;
	if (!entries_have_room(log))
		return -ENOMEM;
	int status = store_keep(log->store, &log->tenant, b->space, log->end_offset + count - 1);
	if (status < 0)
		return status;
	if (verdict->rewrite)
		batch_set_max_timestamp(b->data, (size_t)b->size, verdict->log_append_time,
			verdict->max_timestamp_ms);
	batch_set_offset(b->data, (size_t)b->size, log->end_offset, log->leader_epoch);
	log->count++;
	*entry_at(log, log->count - 1) = (struct log_entry){
		.base_offset = log->end_offset,
		.max_timestamp_ms = verdict->max_timestamp_ms,
		.data = b->data,
		.slab = b->space->slab,
		.size = b->size,
		.record_count = count,
	};
	log->bytes += b->size;
	log->appended_bytes += b->size;
	return 0;
}

/* What is not kept counts as taken by retention. */
static void batch_count(struct partition_log *log, int32_t record_count)
{
	log->end_offset += record_count;
	if (log->count == 0 && log->store->null)
		log->start_offset = log->end_offset;
}

static void append_checked(struct partition_log *log, const struct append_batch *b,
	const struct append_verdict *verdict, int64_t now_ms, struct append_result *out)
{
	const struct batch_header *h = &b->header;
	struct producer_batch producer = {
		.producer_id = h->producer_id,
		.epoch = h->producer_epoch,
		.first_sequence = h->base_sequence,
		.last_sequence = sequence_add(h->base_sequence, h->last_offset_delta),
	};
	bool idempotent = h->producer_id != NO_PRODUCER_ID;
	if (idempotent && !producer_allows(log, h, &producer, out))
		return;
	if (b->space && batch_keep(log, b, verdict) < 0) {
		out->error_code = ERROR_KAFKA_STORAGE_ERROR;
		return;
	}
	struct producer_place place = { log->end_offset, verdict->max_timestamp_ms };
	if (idempotent)
		producer_remember(
			&log->store->producers, &log->producers, &producer, &place, now_ms);
	out->base_offset = log->end_offset;
	if (verdict->log_append_time)
		out->log_append_time_ms = verdict->max_timestamp_ms;
	batch_count(log, h->record_count);
}

void partition_log_append(struct partition_log *log, const struct append_batch *batch,
	const struct append_rules *rules, int64_t now_ms, struct append_result *out)
{
	struct append_verdict verdict;
	append_check(log->store, batch, rules, now_ms, &verdict);
	*out = (struct append_result){
		.error_code = verdict.error_code,
		.error_message = verdict.error_message,
		.record_index = verdict.record_index,
		.base_offset = -1,
		.log_append_time_ms = -1,
		.log_start_offset = -1,
	};
	if (verdict.error_code == ERROR_NONE) {
		assert(log->store->null || batch->space);
		append_checked(log, batch, &verdict, now_ms, out);
	}
	if (verdict.knows_log && out->error_code != ERROR_KAFKA_STORAGE_ERROR)
		out->log_start_offset = log->start_offset;
}

/* ---- reading ---- */

static bool adjacent(const struct log_entry *a, const struct log_entry *b)
{
	return a->slab == b->slab && a->data + a->size == b->data;
}

/* How many entries from `index` on a read takes; *pieces of memory they are. */
static uint32_t read_count(const struct partition_log *log, uint32_t index, int64_t max_bytes,
	bool first_whole, int32_t *pieces)
{
	int64_t size = 0;
	uint32_t count = 0;
	for (*pieces = 0; index + count < log->count; count++) {
		const struct log_entry *e = entry_at(log, index + count);
		if (size + e->size > max_bytes && !(first_whole && count == 0))
			break;
		if (count == 0 || !adjacent(entry_at(log, index + count - 1), e)) {
			if (*pieces == LOG_READ_SEGMENTS_MAX)
				break;
			++*pieces;
		}
		size += e->size;
	}
	return count;
}

int partition_log_read(struct partition_log *log, int64_t offset, int64_t max_bytes,
	bool first_whole, struct arena *arena, void (*hold)(void *context, struct slab *),
	void *context, struct records *out)
{
	if (offset < log->start_offset || offset > log->end_offset)
		return -ERANGE;
	uint32_t index = entry_find(log, offset);
	int32_t pieces;
	uint32_t count = read_count(log, index, MIN(max_bytes, INT32_MAX), first_whole, &pieces);
	struct iovec *segments = arena_alloc(arena, (size_t)pieces * sizeof *segments);
	if (!segments)
		return -ENOMEM;
	*out = (struct records){ segments, pieces, 0 };
	struct iovec *piece = segments;
	const struct log_entry *last = NULL;
	for (uint32_t i = 0; i < count; i++) {
		const struct log_entry *e = entry_at(log, index + i);
		if (!last || last->slab != e->slab) {
			slab_hold(e->slab);
			hold(context, e->slab);
		}
		if (last && adjacent(last, e))
			piece[-1].iov_len += (size_t)e->size;
		else
			*piece++ = (struct iovec){ e->data, (size_t)e->size };
		out->size += e->size;
		last = e;
	}
	return 0;
}

int64_t partition_log_available(const struct partition_log *log, int64_t offset, int64_t enough)
{
	if (offset < log->start_offset)
		return 0;
	int64_t size = 0;
	for (uint32_t i = entry_find(log, offset); i < log->count && size < enough; i++)
		size += entry_at(log, i)->size;
	return size;
}

/* ---- finding ---- */

static int32_t entry_epoch(const struct log_entry *e)
{
	struct batch_header header;
	return batch_header_read(e->data, (size_t)e->size, &header) < 0 ? NO_LEADER_EPOCH
									: header.leader_epoch;
}

/* Starts on the batch's records, and pays for their unpacking. */
static int entry_open(const struct partition_log *log, const struct log_entry *e, size_t *cost,
	struct batch_header *header, struct record_iterator *it)
{
	struct batch batch = { .data = e->data, .size = (size_t)e->size };
	int status = batch_header_read(e->data, (size_t)e->size, &batch.header);
	if (status == 0)
		status = store_records(log->store, &batch, it);
	if (status < 0) /* after how much work is not known */
		*cost += LOG_FIND_COST_MAX;
	else if (batch.header.codec != CODEC_NONE)
		*cost += (size_t)(it->end - it->at);
	*header = batch.header;
	return status;
}

/*
 * The batch's first record from `offset` on that is not older: 1 and *out, 0, or an error. With 0
 * the entry learns the newest time of all its records; *newest_ms is that from `offset` on.
 */
static int records_search(const struct partition_log *log, struct log_entry *e,
	int64_t timestamp_ms, int64_t offset, size_t *cost, int64_t *newest_ms,
	struct log_position *out)
{
	struct batch_header header;
	struct record_iterator it = { 0 };
	struct record record;
	int64_t newest_of_all_ms = NO_TIMESTAMP;
	*newest_ms = NO_TIMESTAMP;
	int status = entry_open(log, e, cost, &header, &it);
	while (status >= 0 && (status = record_next(&it, &record)) == 1) {
		*cost += LOG_FIND_RECORD_COST;
		newest_of_all_ms = MAX(newest_of_all_ms, record.timestamp_ms);
		if (record.offset < offset)
			continue;
		*newest_ms = MAX(*newest_ms, record.timestamp_ms);
		if (record.timestamp_ms < timestamp_ms)
			continue;
		*out = (struct log_position){ record.offset, record.timestamp_ms,
			header.leader_epoch };
		return 1;
	}
	if (status == 0)
		e->max_timestamp_ms = newest_of_all_ms;
	return status;
}

/* As records_search, unless the answer is known or the request has cost enough. */
static int entry_search(struct partition_log *log, struct log_entry *e, int64_t timestamp_ms,
	int64_t offset, size_t *cost, struct log_position *out)
{
	struct log_findings *known = &log->findings;
	bool cut = offset > e->base_offset;
	int64_t newest_ms;
	if (e->base_offset == known->bad_offset)
		return known->bad_status;
	if (cut && known->cut_offset == offset && known->cut_newest_ms < timestamp_ms)
		return 0;
	if (*cost >= LOG_FIND_COST_MAX)
		return -EAGAIN;
	int status = records_search(log, e, timestamp_ms, offset, cost, &newest_ms, out);
	if (status == 0 && cut) {
		known->cut_offset = offset;
		known->cut_newest_ms = newest_ms;
	} else if (status < 0 && status != -ENOMEM) {
		known->bad_offset = e->base_offset;
		known->bad_status = status;
	}
	return status;
}

static int time_find(
	struct partition_log *log, int64_t timestamp_ms, size_t *cost, struct log_position *out)
{
	int status = 0;
	for (uint32_t i = 0; i < log->count && status == 0; i++) {
		struct log_entry *e = entry_at(log, i);
		int64_t offset = MAX(log->start_offset, e->base_offset);
		if (e->max_timestamp_ms >= timestamp_ms)
			status = entry_search(log, e, timestamp_ms, offset, cost, out);
	}
	return MIN(status, 0);
}

static struct log_entry *newest_entry(const struct partition_log *log)
{
	struct log_entry *newest = NULL;
	for (uint32_t i = 0; i < log->count; i++) {
		struct log_entry *e = entry_at(log, i);
		if (e->max_timestamp_ms != NO_TIMESTAMP &&
			(!newest || e->max_timestamp_ms > newest->max_timestamp_ms))
			newest = e;
	}
	return newest;
}

/* The first of the newest records. */
static int newest_find(struct partition_log *log, size_t *cost, struct log_position *out)
{
	int status = 0;
	struct log_entry *newest;
	while (status == 0 && (newest = newest_entry(log))) {
		status = entry_search(
			log, newest, newest->max_timestamp_ms, newest->base_offset, cost, out);
		if (status == 0) /* its header lied: all are looked at again */
			*cost += log->count * sizeof *newest;
	}
	return MIN(status, 0);
}

int partition_log_find(
	struct partition_log *log, int64_t timestamp_ms, size_t *cost, struct log_position *out)
{
	struct log_position found = { -1, -1, NO_LEADER_EPOCH };
	int status = 0;
	if (timestamp_ms >= 0) {
		status = time_find(log, timestamp_ms, cost, &found);
	} else if (timestamp_ms == LIST_OFFSETS_LATEST) {
		found.offset = log->end_offset;
		found.leader_epoch = log->leader_epoch;
	} else if (timestamp_ms == LIST_OFFSETS_EARLIEST ||
		   timestamp_ms == LIST_OFFSETS_EARLIEST_LOCAL) {
		found.offset = log->start_offset;
		found.leader_epoch =
			log->count > 0 ? entry_epoch(entry_at(log, 0)) : log->leader_epoch;
	} else if (timestamp_ms == LIST_OFFSETS_MAX_TIMESTAMP) {
		status = newest_find(log, cost, &found);
	} else if (timestamp_ms != LIST_OFFSETS_LATEST_TIERED &&
		   timestamp_ms != LIST_OFFSETS_PENDING_UPLOAD) {
		status = -EINVAL;
	}
	if (status == 0)
		*out = found;
	return status;
}

/* ---- deleting ---- */

int partition_log_delete_before(struct partition_log *log, int64_t offset)
{
	if (offset == -1)
		offset = log->end_offset;
	if (offset < 0 || offset > log->end_offset)
		return -ERANGE;
	log->start_offset = MAX(log->start_offset, offset);
	uint32_t count = entry_find(log, log->start_offset);
	if (count > 0)
		entries_drop(log, count);
	return 0;
}

void partition_log_retain(
	struct partition_log *log, int64_t retention_ms, int64_t retention_bytes, int64_t now_ms)
{
	int64_t bytes = log->bytes;
	uint32_t count = 0;
	for (; count < log->count; count++) {
		const struct log_entry *e = entry_at(log, count);
		bool old = retention_ms >= 0 && e->max_timestamp_ms >= 0 &&
			   now_ms - e->max_timestamp_ms > retention_ms;
		bool beyond = retention_bytes >= 0 && bytes - e->size >= retention_bytes;
		if (!old && !beyond)
			break;
		bytes -= e->size;
	}
	if (count > 0)
		entries_drop(log, count);
}
