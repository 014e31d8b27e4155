/*
 * Fuzzes the embedded broker: a stream of requests, or of anything, on several connections of the
 * simulated network. The same input runs the same.
 *
 * An input is a byte of OPTION_..., a byte that seeds faults of the network (0: none), then pieces:
 * a byte that says on which connection and what else happens, two bytes of size, and the bytes as
 * they go out. So requests are split, interleaved and cut off wherever the input says.
 *
 * Shown: no crash, no leak, nothing touched that the network still has (io/sim.h), answers that are
 * frames, no more memory than the limits, and an end: time passes in a bounded number of turns.
 */
#include "message_fuzz.h"

#include <stdlib.h>

#include "../../src/broker/exchange.h"
#include "../../src/broker/stage.h"
#include "io/sim.h"
#include "proto/batch.h"
#include "proto/fetch.h"
#include "proto/metadata.h"
#include "proto/offsets.h"
#include "proto/produce.h"

#define TOPIC            "golden" /* as the captured frames have it */
#define CONNECTIONS      4
#define PIECE_HEAD_SIZE  3
#define INPUT_HEAD_SIZE  2
#define TURNS_MAX        200000 /* of one input: far more than any needs */
#define PAUSE_NS         (2 * NS_PER_S)
#define IDLE_NS          (12 * 60 * NS_PER_S) /* longer than connections.max.idle.ms */
#define STORE_SIZE       ((size_t)2 << 20)
#define RESPONSE_MAX     (64 << 20)
#define INVENT_ONE_IN    4
#define INVENT_TRIES     8
#define INVENT_VALUE_MAX 40

#define OPTION_NULL_STORE 0x01
#define OPTION_VALIDATE   0x02
#define OPTION_TWO_NODES  0x04
#define OPTION_SERVICE    0x08
#define OPTION_QUOTA      0x10
#define OPTION_NO_BUFFERS 0x20
#define OPTION_SMALL      0x40 /* receive buffers */
#define OPTION_FAULTS     0x80 /* of the broker */

/* Of a piece's first byte: bits 0-1 the connection, then: */
#define PIECE_WAITS  0x04 /* time passes afterwards: long polls end */
#define PIECE_CLOSES 0x08 /* the connection ends behind it */
#define PIECE_RESETS 0x10 /* at once */
#define PIECE_STOPS  0x20 /* the client reads no more, or again */
#define PIECE_SHAKES 0x40 /* a broker goes down, or comes back */

struct client {
	struct stream stream;
	struct fuzz *fuzz;
	int32_t node;
	bool live, opened, stopped;
	uint64_t left; /* of the answer that comes */
	struct part *parts;
};

struct part {
	struct send send;
	struct iovec iov;
	struct client *client;
	uint8_t bytes[];
};

struct fuzz {
	struct sim *sim;
	struct loop *loop;
	struct stage stage;
	struct client clients[CONNECTIONS];
	int turns;
};

/* ---- clients ---- */

static void opened(struct stream *stream, int result)
{
	CONTAINER_OF(stream, struct client, stream)->opened = result == 0;
}

/* Answers are frames of a sensible size, whatever was asked. */
static size_t received(struct stream *stream, const uint8_t *data, size_t size, int64_t now_ns)
{
	struct client *c = CONTAINER_OF(stream, struct client, stream);
	(void)now_ns;
	size_t used = 0;
	while (used < size) {
		if (c->left > 0) {
			size_t part = (size_t)MIN(c->left, (uint64_t)(size - used));
			c->left -= part;
			used += part;
			continue;
		}
		if (size - used < 4)
			break;
		const uint8_t *at = data + used;
		uint32_t frame = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
				 (uint32_t)at[2] << 8 | at[3];
		assert(frame >= 4 && frame <= RESPONSE_MAX);
		c->left = frame;
		used += 4;
	}
	return used;
}

static void closed(struct stream *stream, int reason)
{
	(void)reason;
	CONTAINER_OF(stream, struct client, stream)->live = false;
}

static const struct stream_events client_events = {
	.opened = opened,
	.received = received,
	.closed = closed,
};

static void part_done(struct send *send, int result)
{
	(void)result;
	free(CONTAINER_OF(send, struct part, send));
}

static void client_connect(struct fuzz *f, struct client *c)
{
	struct address address;
	uint16_t port = stage_port(&f->stage, c->node);
	*c = (struct client){ .fuzz = f, .node = c->node };
	int count = address_resolve("127.0.0.1", port, &address, 1);
	assert(count == 1);
	int result = stream_connect(f->loop, &c->stream, &address, NULL, &client_events);
	assert(result == 0);
	c->live = true;
}

static void client_send(struct client *c, const uint8_t *data, size_t size)
{
	if (size == 0)
		return;
	struct part *part = malloc(sizeof *part + size);
	assert(part);
	*part = (struct part){ .client = c, .send = { .count = 1, .done = part_done } };
	memcpy(part->bytes, data, size);
	part->iov = (struct iovec){ part->bytes, size };
	part->send.iov = &part->iov;
	stream_send(&c->stream, &part->send);
}

/* ---- the world ---- */

static void turn(struct fuzz *f, int64_t until_ns)
{
	int result = loop_turn(f->loop, until_ns);
	assert(result >= 0);
	assert(f->turns++ < TURNS_MAX && "it spins");
}

static void pass(struct fuzz *f, int64_t duration_ns)
{
	int64_t until_ns = loop_clock_ns(f->loop) + duration_ns;
	while (loop_clock_ns(f->loop) < until_ns)
		turn(f, until_ns);
}

static void topic_create(struct fuzz *f)
{
	struct creatable_topic topic = {
		.name = STRING(TOPIC),
		.num_partitions = 3,
		.replication_factor = (int16_t)f->stage.options.node_count,
	};
	struct topic_outcome outcome;
	char why[CATALOG_WHY_SIZE];
	int16_t error = catalog_topic_create(&f->stage.catalog, &topic, false, &outcome, why);
	assert(error == 0);
}

static void stage_start(struct fuzz *f, uint8_t options)
{
	static const struct property_pair properties[] = {
		{ STRING("message.max.bytes"), STRING("65536") },
		{ STRING("socket.request.max.bytes"), STRING("1048576") },
	};
	static const char *const faults[] = { "api=Produce:error=6:probability=0.3",
		"api=Fetch:half:probability=0.1", "delay=5ms:probability=0.2",
		"api=Metadata:garbage=header:probability=0.1" };
	struct stage_options o = {
		.host = "127.0.0.1",
		.node_count = options & OPTION_TWO_NODES ? 2 : 1,
		.store_size = options & OPTION_NULL_STORE ? 0 : STORE_SIZE,
		.validate = options & OPTION_VALIDATE,
		.properties = properties,
		.property_count = COUNT_OF(properties),
		/* What garbage of its own the broker sends is none of ours: sizes stay right. */
		.faults = faults,
		.fault_count = options & OPTION_FAULTS ? COUNT_OF(faults) : 0,
		.seed = 1,
		.wall_offset_ns = 1700000000 * NS_PER_S,
	};
	if (options & OPTION_SERVICE) {
		o.service_time = (struct service_time){ SERVICE_CONSTANT, 50 * NS_PER_US };
		o.servers = 2;
	}
	if (options & OPTION_QUOTA)
		for (int i = 0; i < QUOTA_KINDS; i++)
			o.quota_bytes_per_second[i] = 1000;
	char why[STAGE_REASON_SIZE];
	int result = stage_open(&f->stage, f->loop, &o, why);
	assert(result == 0);
	topic_create(f);
}

static void network_start(struct fuzz *f, uint8_t options, uint8_t seed)
{
	struct sim_options o = { .seed = seed };
	if (seed)
		o.faults = (struct sim_faults){
			.short_send = 100000,
			.short_receive = 200000,
			.no_buffers = 20000,
			.reorder = 200000,
			.late = 100000,
			.delay_max_ns = NS_PER_MS,
			.late_max_ns = NS_PER_MS,
		};
	f->sim = sim_open(&o);
	assert(f->sim);
	struct loop_options loop_options = {
		.sim = f->sim,
		.caps = options & OPTION_NO_BUFFERS ? "-bufring,-trunc" : NULL,
		.receive_buffer_size = options & OPTION_SMALL ? 32 : 0,
		.receive_buffer_count = 16,
	};
	char why[LOOP_TEXT_SIZE];
	int result = loop_open(&loop_options, &f->loop, why);
	assert(result == 0);
}

static void node_shake(struct fuzz *f, int32_t node)
{
	if (node < f->stage.options.node_count && stage_node_down(&f->stage, node) < 0)
		stage_node_up(&f->stage, node);
}

static void piece_run(struct fuzz *f, uint8_t head, const uint8_t *data, size_t size)
{
	struct client *c = &f->clients[head % CONNECTIONS];
	if (head & PIECE_SHAKES)
		node_shake(f, c->node);
	if (!c->live)
		client_connect(f, c);
	client_send(c, data, size);
	if (head & PIECE_STOPS) {
		c->stopped = !c->stopped;
		if (c->stopped)
			stream_pause(&c->stream);
		else
			stream_resume(&c->stream);
	}
	if (head & PIECE_CLOSES)
		pass(f, NS_PER_MS);
	if (c->live && head & PIECE_RESETS)
		stream_reset(&c->stream);
	else if (c->live && head & PIECE_CLOSES)
		stream_close(&c->stream);
	pass(f, head & PIECE_WAITS ? PAUSE_NS : 50 * NS_PER_US);
}

static void finish(struct fuzz *f)
{
	pass(f, PAUSE_NS);
	for (int i = 0; i < CONNECTIONS; i++) {
		if (f->clients[i].live)
			stream_close(&f->clients[i].stream);
		while (f->clients[i].live)
			turn(f, NEVER_NS);
	}
	/* A fetch that waits for days, with requests behind it, hides the end of its connection. */
	pass(f, PAUSE_NS);
	if (f->stage.session_count > 0)
		pass(f, IDLE_NS);
	assert(f->stage.session_count == 0);
	stage_close(&f->stage);
	loop_close(f->loop);
	sim_close(f->sim);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < INPUT_HEAD_SIZE)
		return 0;
	struct fuzz *f = calloc(1, sizeof *f);
	assert(f);
	network_start(f, data[0], data[1]);
	stage_start(f, data[0]);
	for (int i = 0; i < CONNECTIONS; i++)
		f->clients[i].node = i % f->stage.options.node_count;
	size_t at = INPUT_HEAD_SIZE;
	while (size - at >= PIECE_HEAD_SIZE) {
		uint8_t head = data[at];
		size_t piece = (size_t)data[at + 1] << 8 | data[at + 2];
		at += PIECE_HEAD_SIZE;
		piece = MIN(piece, size - at);
		piece_run(f, head, data + at, piece);
		at += piece;
	}
	finish(f);
	free(f);
	return 0;
}

/* ---- requests that make sense ---- */

static const enum api served[] = { API_PRODUCE, API_FETCH, API_LIST_OFFSETS, API_METADATA,
	API_API_VERSIONS, API_CREATE_TOPICS, API_DELETE_TOPICS, API_DELETE_RECORDS,
	API_INIT_PRODUCER_ID, API_DESCRIBE_CONFIGS, API_CREATE_PARTITIONS, API_DESCRIBE_CLUSTER };

/* A batch as an idempotent producer, or another, would send it. */
static void batch_invent(struct random *random, struct arena *arena, struct records *out)
{
	size_t capacity = 4096;
	uint8_t *memory = arena_alloc(arena, capacity);
	struct batch_builder b;
	batch_begin(&b, memory, capacity, 1700000000000);
	int32_t count = 1 + (int32_t)random_below(random, 5);
	uint8_t value[INVENT_VALUE_MAX] = { 0 };
	for (int32_t i = 0; i < count; i++) {
		struct bytes bytes = { value, (int32_t)random_below(random, sizeof value) };
		batch_append(&b, 1700000000000 + i, NULL_BYTES, bytes, NULL, 0);
	}
	struct batch_seal seal = BATCH_SEAL_PLAIN;
	if (random_below(random, 2)) {
		seal.producer_id = (int64_t)random_below(random, 3);
		seal.producer_epoch = (int16_t)random_below(random, 2);
		seal.base_sequence = (int32_t)random_below(random, 6);
	}
	ssize_t size = batch_finish(&b, &seal, NULL, 0);
	assert(size > 0);
	struct iovec *segment = arena_alloc(arena, sizeof *segment);
	*segment = (struct iovec){ memory, (size_t)size };
	*out = (struct records){ segment, 1, (int32_t)size };
}

static const void *produce_invent(struct random *random, struct arena *arena)
{
	struct produce_request *r = arena_alloc(arena, sizeof *r);
	struct produce_topic *topic = arena_alloc(arena, sizeof *topic);
	int32_t count = 1 + (int32_t)random_below(random, 3);
	struct produce_partition *partitions =
		arena_alloc(arena, (size_t)count * sizeof *partitions);
	for (int32_t i = 0; i < count; i++) {
		partitions[i].index = (int32_t)random_below(random, 4);
		batch_invent(random, arena, &partitions[i].records);
	}
	*topic = (struct produce_topic){ .name = STRING(TOPIC) };
	topic->partition_data.items = partitions;
	topic->partition_data.count = count;
	*r = (struct produce_request){ .transactional_id = NULL_STRING,
		.acks = (int16_t)((int)random_below(random, 3) - 1),
		.timeout_ms = 1000 };
	r->topic_data.items = topic;
	r->topic_data.count = 1;
	return r;
}

static const void *fetch_invent(struct random *random, struct arena *arena)
{
	struct fetch_request *r = arena_alloc(arena, sizeof *r);
	struct fetch_topic *topic = arena_alloc(arena, sizeof *topic);
	int32_t count = 1 + (int32_t)random_below(random, 3);
	struct fetch_partition *partitions = arena_alloc(arena, (size_t)count * sizeof *partitions);
	for (int32_t i = 0; i < count; i++)
		partitions[i] = (struct fetch_partition){
			.partition = i,
			.current_leader_epoch = -1,
			.fetch_offset = (int64_t)random_below(random, 8),
			.last_fetched_epoch = -1,
			.log_start_offset = -1,
			.partition_max_bytes = (int32_t)random_below(random, 2000),
			.high_watermark = INT64_MAX,
		};
	*topic = (struct fetch_topic){ .topic = STRING(TOPIC) };
	topic->partitions.items = partitions;
	topic->partitions.count = count;
	*r = (struct fetch_request){
		.cluster_id = NULL_STRING,
		.replica_id = -1,
		.replica_state = { -1, -1 },
		.max_wait_ms = (int32_t)random_below(random, 3000),
		.min_bytes = (int32_t)random_below(random, 200),
		.max_bytes = (int32_t)random_below(random, 100000),
		.session_id = (int32_t)random_below(random, 2),
		.session_epoch = (int32_t)random_below(random, 3) - 1,
	};
	if (random_below(random, 4)) {
		r->topics.items = topic;
		r->topics.count = 1;
	}
	return r;
}

static const void *offsets_invent(struct random *random, struct arena *arena)
{
	struct list_offsets_request *r = arena_alloc(arena, sizeof *r);
	struct list_offsets_topic *topic = arena_alloc(arena, sizeof *topic);
	struct list_offsets_partition *partition = arena_alloc(arena, sizeof *partition);
	*partition = (struct list_offsets_partition){
		.partition_index = (int32_t)random_below(random, 4),
		.current_leader_epoch = -1,
		.timestamp = random_below(random, 2) ? -1 - (int64_t)random_below(random, 6)
						     : 1700000000000,
	};
	*topic = (struct list_offsets_topic){ .name = STRING(TOPIC) };
	topic->partitions.items = partition;
	topic->partitions.count = 1;
	*r = (struct list_offsets_request){ .replica_id = -1 };
	r->topics.items = topic;
	r->topics.count = 1;
	return r;
}

static const void *body_invent(struct pick p, struct random *random, struct arena *arena)
{
	if (p.api == API_PRODUCE && random_below(random, 8))
		return produce_invent(random, arena);
	if (p.api == API_FETCH && random_below(random, 8))
		return fetch_invent(random, arena);
	if (p.api == API_LIST_OFFSETS && random_below(random, 4))
		return offsets_invent(random, arena);
	return pick_invent(p, random, arena);
}

/* A whole request of a served API; its size, or 0 when it does not fit or cannot be written. */
static size_t request_invent(
	struct random *random, struct arena *arena, uint8_t *out, size_t capacity)
{
	struct pick p = { .api = served[random_below(random, COUNT_OF(served))],
		.is_request = true };
	const struct api_info *info = &api_infos[p.api];
	int last = MIN(info->last, handlers[p.api].last);
	p.version =
		info->first + (int)random_below(random, (uint64_t)last - (uint64_t)info->first + 1);
	p.message = info->request;
	p.edition = api_edition(p.api, p.version);
	struct writer w;
	writer_init(&w, out, (int32_t)MIN(capacity, (size_t)UINT16_MAX), NULL, 0);
	int32_t size = request_write(&w, p.api, p.version, (int32_t)random_below(random, 1000),
		STRING("fuzz"), body_invent(p, random, arena));
	return size > 0 ? (size_t)size : 0;
}

/* Appends a request, in one piece or in two. */
static size_t input_extend(struct random *random, uint8_t *data, size_t size, size_t max_size)
{
	static const uint8_t heads[] = { 0, 0, 0, PIECE_WAITS, PIECE_CLOSES, PIECE_RESETS,
		PIECE_STOPS, PIECE_SHAKES };
	struct arena arena;
	uint8_t *frame = malloc(UINT16_MAX);
	assert(frame);
	arena_init(&arena, 4 * INVENT_LIMIT);
	size_t length = 0;
	for (int i = 0; i < INVENT_TRIES && length == 0; i++)
		length = request_invent(random, &arena, frame, UINT16_MAX);
	size_t cut = random_below(random, 3) ? length : (size_t)random_below(random, length + 1);
	if (length > 0 && size + length + 2 * PIECE_HEAD_SIZE <= max_size) {
		uint8_t connection = (uint8_t)random_below(random, CONNECTIONS);
		size_t parts[] = { cut, length - cut }, from = 0;
		for (int i = 0; i < 2; i++) {
			if (parts[i] == 0)
				continue;
			uint8_t head = heads[random_below(random, COUNT_OF(heads))];
			data[size++] = (uint8_t)(connection | (i == 1 ? head : 0));
			data[size++] = (uint8_t)(parts[i] >> 8);
			data[size++] = (uint8_t)parts[i];
			memcpy(data + size, frame + from, parts[i]);
			size += parts[i];
			from += parts[i];
		}
	}
	arena_free(&arena);
	free(frame);
	return size;
}

/* Now and then a valid request is appended; else bytes are mutated. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct random random;
	random_seed(&random, seed);
	if (size < INPUT_HEAD_SIZE && max_size >= INPUT_HEAD_SIZE) {
		data[0] = (uint8_t)random_next(&random);
		data[1] = 0;
		size = INPUT_HEAD_SIZE;
	}
	if (random_below(&random, INVENT_ONE_IN) == 0)
		return input_extend(&random, data, size, max_size);
	return LLVMFuzzerMutate(data, size, max_size);
}
