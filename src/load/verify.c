/* Reading a topic back: see verify.h. */
#include "verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/batch.h"
#include "proto/error.h"
#include "proto/fetch.h"

#define FETCH_FIXED_SIZE     512
#define FETCH_PARTITION_SIZE 64
#define DECOMPRESSED_LIMIT   BATCH_DECOMPRESSED_MAX

struct reading {
	struct verify *verify;
	struct cluster *cluster;
	int64_t *position;
	const int64_t *end;
	struct decompressor *decompressor;
	uint8_t *memory; /* of decompressed records */
	struct arena arena;
	bool refresh;
	int error;
	int64_t progress_ns;
};

/* One leader's fetch. */
struct fetcher {
	struct reading *reading;
	int32_t leader;
	bool busy;
	unsigned turn; /* which of its partitions comes first */
	struct request request;
	struct fetch_request body;
	struct fetch_topic topic;
	struct fetch_partition *partitions;
	uint8_t *frame;
	int32_t frame_size;
	struct iovec piece;
};

static void reading_fail(struct reading *r, int error, int32_t partition, const char *what)
{
	if (!r->error)
		snprintf(r->cluster->reason, sizeof r->cluster->reason,
			"partition %d near offset %lld: %s", partition,
			(long long)r->position[partition], what);
	r->error = error;
}

static int batch_read(struct reading *r, int32_t partition, const struct batch *batch)
{
	int64_t *position = &r->position[partition];
	int64_t after = batch->header.base_offset + batch->header.last_offset_delta + 1;
	struct record_iterator records;
	struct record record;
	int result = batch->header.control ? 0 : 1;
	if (result && (result = record_iterator_init(&records, batch, r->decompressor, r->memory,
			       DECOMPRESSED_LIMIT)) < 0)
		return result;
	while (!batch->header.control && (result = record_next(&records, &record)) > 0) {
		if (record.offset < *position || record.offset >= r->end[partition])
			continue; /* brokers send whole batches, also from before the offset asked
				     for */
		readback_add(r->verify->readback, (uint32_t)partition, record.value.data,
			(uint32_t)MAX(record.value.size, 0));
		r->verify->records++;
		r->verify->bytes += (uint64_t)MAX(record.value.size, 0);
	}
	r->verify->batches++;
	*position = MAX(*position, MIN(after, r->end[partition]));
	return result;
}

static void partition_read(struct reading *r, const struct fetch_partition_response *p)
{
	int32_t partition = p->partition_index;
	if (partition < 0 || partition >= r->cluster->topic.partition_count)
		return;
	if (p->error_code != ERROR_NONE) {
		if (error_info(p->error_code)->retriable)
			r->refresh = true;
		else if (p->error_code == ERROR_OFFSET_OUT_OF_RANGE)
			reading_fail(r, -EIO, partition,
				"the broker no longer has these records, retention took them: give "
				"it more room (retention.bytes, retention.ms, or memory:SIZE of "
				"harrow "
				"broker --store) or write less");
		else
			reading_fail(r, -EIO, partition, error_info(p->error_code)->name);
		return;
	}
	if (p->records.size <= 0)
		return;
	struct batch_iterator batches;
	struct batch batch;
	arena_reset(&r->arena);
	batch_iterator_init(
		&batches, p->records.segments, (size_t)p->records.segment_count, &r->arena);
	int64_t before = r->position[partition];
	int result;
	while ((result = batch_next(&batches, &batch)) > 0) {
		result = batch_verify(&batch);
		if (result == 0)
			result = batch_read(r, partition, &batch);
		if (result < 0)
			break;
	}
	if (result == -EBADMSG)
		reading_fail(r, result, partition, "the checksum of a batch is wrong");
	else if (result < 0)
		reading_fail(r, result, partition, "a batch cannot be read");
	if (r->position[partition] > before)
		r->progress_ns = loop_now_ns(r->cluster->loop);
}

static void fetch_done(struct request *request, const struct response *response)
{
	struct fetcher *f = CONTAINER_OF(request, struct fetcher, request);
	struct reading *r = f->reading;
	f->busy = false;
	if (response->error) {
		r->refresh = true;
		return;
	}
	const struct fetch_response *body = response->body;
	if (body->error_code != ERROR_NONE)
		r->refresh = true;
	for (int32_t i = 0; i < body->responses.count && !r->error; i++)
		for (int32_t j = 0; j < body->responses.items[i].partitions.count; j++)
			partition_read(r, &body->responses.items[i].partitions.items[j]);
	if (r->verify->progress)
		r->verify->progress(r->verify->context, r->verify->records);
}

/* Fills in the partitions that this leader still has to give. Returns their number. */
static int32_t fetch_plan(struct fetcher *f)
{
	const struct reading *r = f->reading;
	const struct topic *topic = &r->cluster->topic;
	int32_t count = 0;
	for (int32_t i = 0; i < topic->partition_count; i++) {
		/* Brokers fill an answer in the order of the request: each is first in its turn. */
		int32_t p = (int32_t)((f->turn + (unsigned)i) % (unsigned)topic->partition_count);
		if (r->position[p] >= r->end[p] || topic->partitions[p].leader != f->leader)
			continue;
		f->partitions[count++] = (struct fetch_partition){
			.partition = p,
			.current_leader_epoch = -1,
			.fetch_offset = r->position[p],
			.last_fetched_epoch = -1,
			.log_start_offset = -1,
			.partition_max_bytes = VERIFY_PARTITION_SIZE,
			.high_watermark = INT64_MAX,
		};
	}
	f->turn++;
	return count;
}

static int fetch_send(struct fetcher *f)
{
	struct reading *r = f->reading;
	int32_t count = fetch_plan(f);
	if (count == 0)
		return 0;
	struct connection *c;
	int result = cluster_connect(r->cluster, f->leader, 2 * NS_PER_S, &c);
	if (result == -EINTR)
		return result;
	if (result < 0) {
		r->refresh = true;
		return 0;
	}
	message_reset(&fetch_request_message, &f->body);
	f->topic = (struct fetch_topic){ .topic = string_of(r->cluster->topic.name) };
	f->topic.partitions.items = f->partitions;
	f->topic.partitions.count = count;
	f->body.max_wait_ms = VERIFY_WAIT_MS;
	f->body.min_bytes = 1;
	f->body.max_bytes = VERIFY_RESPONSE_SIZE;
	f->body.topics.items = &f->topic;
	f->body.topics.count = 1;
	f->request = (struct request){
		.api = API_FETCH,
		.body = &f->body,
		.version_limit = VERIFY_VERSION,
		.frame = f->frame,
		.frame_size = f->frame_size,
		.pieces = &f->piece,
		.piece_limit = 1,
		.done = fetch_done,
	};
	result = connection_send(c, &f->request);
	if (result == -ENOTCONN) {
		r->refresh = true;
		return 0;
	}
	f->busy = result == 0;
	return result;
}

static bool reading_done(const struct reading *r)
{
	for (int32_t i = 0; i < r->cluster->topic.partition_count; i++)
		if (r->position[i] < r->end[i])
			return false;
	return true;
}

static bool any_busy(const struct fetcher *fetchers, int count)
{
	for (int i = 0; i < count; i++)
		if (fetchers[i].busy)
			return true;
	return false;
}

/* Keeps one fetch in flight per leader until everything is read. */
static int reading_run(struct reading *r, struct fetcher *fetchers, int count)
{
	r->progress_ns = loop_clock_ns(r->cluster->loop);
	while (!reading_done(r)) {
		if (r->error)
			return r->error;
		if (loop_clock_ns(r->cluster->loop) - r->progress_ns > VERIFY_SILENCE_NS) {
			snprintf(r->cluster->reason, sizeof r->cluster->reason,
				"nothing more came within %lld s",
				(long long)(VERIFY_SILENCE_NS / NS_PER_S));
			return -ETIMEDOUT;
		}
		if (r->refresh && !any_busy(fetchers, count)) {
			r->refresh = false;
			int result = cluster_wait(r->cluster, METADATA_PAUSE_NS);
			if (result == 0)
				result = cluster_follow(r->cluster, r->cluster->topic.name);
			if (result == -EINTR)
				return result;
		}
		for (int i = 0; i < count; i++) {
			if (fetchers[i].busy || r->refresh)
				continue;
			int result = fetch_send(&fetchers[i]);
			if (result < 0)
				return result;
		}
		int result = cluster_turn(r->cluster, loop_clock_ns(r->cluster->loop) + NS_PER_S);
		if (result < 0 && result != -ETIMEDOUT)
			return result;
	}
	return r->error;
}

static int fetchers_open(struct fetcher *fetchers, struct reading *r)
{
	const struct cluster *cl = r->cluster;
	for (int i = 0; i < cl->broker_count; i++) {
		struct fetcher *f = &fetchers[i];
		f->reading = r;
		f->leader = cl->brokers[i].id;
		f->frame_size = FETCH_FIXED_SIZE + cl->topic.partition_count * FETCH_PARTITION_SIZE;
		f->frame = malloc((size_t)f->frame_size);
		f->partitions = calloc((size_t)cl->topic.partition_count, sizeof *f->partitions);
		if (!f->frame || !f->partitions)
			return -ENOMEM;
	}
	return 0;
}

int verify_read(struct verify *v, struct cluster *cl, const int64_t *from, const int64_t *to)
{
	int count = cl->broker_count;
	struct reading r = { .verify = v, .cluster = cl, .end = to };
	arena_init(&r.arena, BATCH_DECOMPRESSED_MAX);
	r.position = calloc((size_t)cl->topic.partition_count, sizeof *r.position);
	r.decompressor = decompressor_create();
	r.memory = malloc(DECOMPRESSED_LIMIT);
	struct fetcher *fetchers = calloc((size_t)count, sizeof *fetchers);
	int result = -ENOMEM;
	if (r.position && r.decompressor && r.memory && fetchers)
		result = fetchers_open(fetchers, &r);
	if (result == 0) {
		memcpy(r.position, from, (size_t)cl->topic.partition_count * sizeof *from);
		result = reading_run(&r, fetchers, count);
		/* The requests point into memory that goes now; their end is not the reason. */
		char reason[CLUSTER_REASON_SIZE];
		memcpy(reason, cl->reason, sizeof reason);
		for (int i = 0; i < count; i++)
			if (fetchers[i].busy)
				connection_drop(
					fetchers[i].request.connection, -ECANCELED, "not needed");
		while (any_busy(fetchers, count) && loop_turn(cl->loop, NEVER_NS) >= 0)
			;
		memcpy(cl->reason, reason, sizeof reason);
	}
	for (int i = 0; fetchers && i < count; i++) {
		free(fetchers[i].frame);
		free(fetchers[i].partitions);
	}
	free(fetchers);
	free(r.memory);
	decompressor_free(r.decompressor);
	free(r.position);
	arena_free(&r.arena);
	return result;
}
