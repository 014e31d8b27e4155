/*
 * Streams and listeners on the simulated network, one random world per seed: sizes, capabilities of
 * the engine, faults, who closes when.
 *
 * Checked: each connection's bytes arrive in order and unchanged, however they are received
 * (frames, bulk, into the owner's memory, skipped); every send completes exactly once and in order;
 * every stream ends exactly once; without resets everything arrives; the same seed runs the same.
 * The simulated network itself watches that no memory is used too early.
 */
#include "sim_test.h"

#include "io/address.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/stream.h"

#define PAIRS_MAX       6
#define CONNECTIONS_MAX 12
#define SENDS_MAX       24
#define SEND_SIZE_MAX   6000
#define PIECES_MAX      5
#define HELLO_SIZE      ((size_t)8)
#define INTO_SIZE_MAX   4096
#define WORLD_LIMIT_NS  (600 * NS_PER_S)
#define AGAIN_EVERY     16 /* seeds; each of these runs twice */

enum note { BYTES, CONNECTIONS, WHOLE, SHORT, RESETS, REFUSED, NO_BUFFERS, REORDERED, LATE };

static const char *const notes[] = {
	[BYTES] = "bytes",
	[CONNECTIONS] = "connections",
	[WHOLE] = "connections that carried all",
	[SHORT] = "short sends and receives",
	[RESETS] = "resets",
	[REFUSED] = "refused connects",
	[NO_BUFFERS] = "receives without a buffer",
	[REORDERED] = "reordered completions",
	[LATE] = "late completions",
	NULL,
};

struct world;

enum what { SENT, RECEIVED, GOT, OPENED, CLOSED, OVER };

struct part {
	struct send send;
	struct iovec iov[PIECES_MAX];
	struct end *end;
	uint8_t *data;
	int index;
	bool queued, done;
};

/* One end of a connection. */
struct end {
	struct stream stream;
	struct world *world;
	bool client, live, opened, closed;
	uint64_t identity; /* of the connection; 0: not known yet */
	uint64_t received; /* bytes after the hello */
	uint64_t expected; /* all that the other end will send */
	struct part parts[SENDS_MAX];
	int part_count, next_done;
	uint64_t queued_size, sent;
	uint8_t *memory; /* of stream_receive_into */
	size_t asked;    /* of the bytes that come by bulk, into or skip */
	struct timer timer;
	bool paused;
};

struct world {
	struct random random;
	struct sim *sim;
	struct loop *loop;
	bool resets, chaos, talk;
	size_t slab_size, reassembly_size, socket_buffer_size;
	struct listener listener;
	bool listener_closed;
	struct address address;
	struct end clients[PAIRS_MAX], servers[4 * PAIRS_MAX];
	int client_count, server_count, open_count;
	uint64_t next_identity, amount_max;
	uint64_t trace;
};

/* Goes into what two runs of one seed are compared by; and is shown when one is replayed. */
static void trace(struct world *w, const struct end *end, enum what what, int64_t value)
{
	static const char *const names[] = { "sent", "received", "got", "opened", "closed",
		"over" };
	if (w->talk && end)
		printf("%11.6f ms  connection %llu %s: %s %lld\n",
			(double)loop_now_ns(w->loop) / (double)NS_PER_MS,
			(unsigned long long)end->identity, end->client ? "client" : "server",
			names[what], (long long)value);
	uint64_t x = w->trace ^ ((uint64_t)what << 56) ^ (uint64_t)value ^
		     ((uint64_t)loop_now_ns(w->loop) << 8);
	w->trace = random_mix(&x);
}

static uint8_t pattern(uint64_t identity, bool from_client, uint64_t position)
{
	uint64_t x = (identity << 40) + ((uint64_t)from_client << 39) + (position >> 3);
	return (uint8_t)(random_mix(&x) >> (8 * (position & 7)));
}

static struct world *world_of(const struct end *end)
{
	return end->world;
}

/* ---- sending ---- */

static void part_done(struct send *send, int result)
{
	struct part *part = CONTAINER_OF(send, struct part, send);
	struct end *end = part->end;
	trace(end->world, end, SENT, result < 0 ? result : (int64_t)send->size);
	CHECK(part->queued && !part->done, "a send completed twice");
	CHECK(part->index == end->next_done, "send %d completed, %d is next", part->index,
		end->next_done);
	CHECK(!end->closed, "a send completed after the end");
	end->next_done++;
	part->done = true;
	if (result == 0)
		end->sent += part->send.size;
	/* Ours again: whoever still reads it reads garbage. */
	free(part->data);
	part->data = NULL;
}

/* The bytes of one send, cut into pieces at random places. */
static void part_send(struct end *end, size_t size, bool hello)
{
	struct random *random = &end->world->random;
	struct part *part = &end->parts[end->part_count];
	*part = (struct part){ .end = end, .index = end->part_count++, .queued = true };
	part->data = malloc(size);
	CHECK(part->data, "no memory");
	if (hello) {
		memcpy(part->data, &end->identity, HELLO_SIZE);
	} else {
		for (size_t i = 0; i < size; i++)
			part->data[i] =
				pattern(end->identity, end->client, end->queued_size + (uint64_t)i);
		end->queued_size += size;
	}
	int count = (int)sim_between(random, 1, PIECES_MAX);
	size_t offset = 0;
	for (int i = 0; i < count; i++) {
		size_t left = size - offset;
		size_t piece = i == count - 1 ? left : (size_t)random_below(random, left + 1);
		part->iov[i] = (struct iovec){ part->data + offset, piece };
		offset += piece;
	}
	part->send = (struct send){ .iov = part->iov, .count = count, .done = part_done };
	stream_send(&end->stream, &part->send);
}

/* What is sent is settled by the identity, so that the other end knows how much will come. */
static uint64_t amount(const struct world *w, uint64_t identity, bool from_client)
{
	uint64_t x = 2 * identity + from_client;
	return random_mix(&x) % w->amount_max;
}

static void send_more(struct end *end)
{
	struct world *w = end->world;
	uint64_t total = amount(end->world, end->identity, end->client);
	while (end->queued_size < total && end->part_count < SENDS_MAX) {
		uint64_t left = total - end->queued_size;
		uint64_t size = end->part_count == SENDS_MAX - 1
					? left
					: sim_between(&w->random, 1, MIN(left, SEND_SIZE_MAX));
		part_send(end, (size_t)size, false);
		if (random_below(&w->random, 3) == 0)
			return; /* the rest later */
	}
}

/* ---- receiving ---- */

static void take(struct end *end, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t expected = pattern(end->identity, !end->client, end->received + i);
		CHECK(data[i] == expected, "connection %llu, byte %llu is %02x instead of %02x",
			(unsigned long long)end->identity, (unsigned long long)(end->received + i),
			data[i], expected);
	}
	end->received += size;
	CHECK(end->received <= end->expected, "more bytes than were sent");
}

static void over_if_all(struct end *end)
{
	struct world *w = world_of(end);
	bool sent = end->identity && end->next_done == end->part_count &&
		    end->queued_size == amount(end->world, end->identity, end->client);
	/* The client ends it: whatever is unread by then would be a reset. */
	if (end->client && sent && end->received == end->expected)
		stream_close(&end->stream);
	else if (!sent && end->opened && end->identity)
		send_more(end);
	(void)w;
}

static size_t on_received(struct stream *stream, const uint8_t *data, size_t size, int64_t now_ns)
{
	struct end *end = CONTAINER_OF(stream, struct end, stream);
	struct world *w = end->world;
	trace(w, end, RECEIVED, (int64_t)size);
	CHECK(end->opened && !end->closed && !end->paused && now_ns > 0, "bytes at a wrong time");
	CHECK(end->asked == 0, "bytes that were asked for came otherwise");
	size_t used = 0;
	if (!end->identity) {
		if (size < HELLO_SIZE)
			return 0;
		memcpy(&end->identity, data, HELLO_SIZE);
		end->expected = amount(w, end->identity, true);
		used = HELLO_SIZE;
		send_more(end);
	}
	size_t left = size - used;
	uint64_t kind = random_below(&w->random, 8);
	/* Leaves some unseen, if it may; at times asks for what follows in another way. */
	size_t now = kind < 3 ? left : (size_t)random_below(&w->random, left + 1);
	bool last = end->received + left == end->expected; /* nothing will present it again */
	if (last || (size >= w->reassembly_size && now + used == 0))
		now = left;
	take(end, data + used, now);
	used += now;
	uint64_t coming = end->expected - end->received;
	size_t wish = 1 + (size_t)random_below(&w->random, INTO_SIZE_MAX);
	wish = MIN(MIN(wish, (size_t)coming), w->slab_size);
	if (wish == 0 || kind > 5)
		return used;
	end->asked = wish;
	if (kind == 3) {
		CHECK(stream_receive_bulk(stream, wish) == 0, "bulk refused");
	} else if (kind == 4) {
		end->memory = malloc(wish);
		CHECK(end->memory, "no memory");
		stream_receive_into(stream, end->memory, wish);
	} else if (kind == 5) {
		stream_skip(stream, wish);
	} else {
		end->asked = 0;
	}
	return used;
}

static void on_bulk(struct stream *stream, struct slab *slab, int64_t now_ns)
{
	struct end *end = CONTAINER_OF(stream, struct end, stream);
	(void)now_ns;
	CHECK(slab->size == end->asked && !end->paused, "another size than asked for");
	end->asked = 0;
	take(end, slab->data, slab->size);
	trace(end->world, end, GOT, (int64_t)slab->size);
	slab_release(slab);
	over_if_all(end);
}

static void on_filled(struct stream *stream, uint8_t *memory, size_t size, int64_t now_ns)
{
	struct end *end = CONTAINER_OF(stream, struct end, stream);
	(void)now_ns;
	CHECK(size == end->asked && memory == end->memory, "another size than asked for");
	end->asked = 0;
	take(end, memory, size);
	trace(end->world, end, GOT, (int64_t)size);
	free(end->memory);
	end->memory = NULL;
	over_if_all(end);
}

static void on_skipped(struct stream *stream, size_t size, int64_t now_ns)
{
	struct end *end = CONTAINER_OF(stream, struct end, stream);
	(void)now_ns;
	CHECK(size == end->asked && !end->paused, "another size than asked for");
	end->asked = 0;
	end->received += size;
	trace(end->world, end, GOT, (int64_t)size);
	over_if_all(end);
}

/* ---- lives ---- */

static void client_start(struct world *w, struct end *end);

static void on_timer(struct timer *timer, int64_t now_ns)
{
	struct end *end = CONTAINER_OF(timer, struct end, timer);
	struct world *w = end->world;
	if (!end->live) {
		if (end->client && w->next_identity < CONNECTIONS_MAX)
			client_start(w, end);
		return;
	}
	loop_timer_start(
		w->loop, timer, now_ns + (int64_t)sim_between(&w->random, 1, 5 * NS_PER_MS));
	if (!end->opened)
		return;
	if (end->paused) {
		end->paused = false;
		stream_resume(&end->stream);
	} else if (random_below(&w->random, 6) == 0) {
		end->paused = true;
		stream_pause(&end->stream);
	}
	if (w->chaos && random_below(&w->random, 40) == 0) {
		if (random_below(&w->random, 2))
			stream_close(&end->stream);
		else
			stream_reset(&end->stream);
		return;
	}
	over_if_all(end);
}

static void on_opened(struct stream *stream, int result)
{
	struct end *end = CONTAINER_OF(stream, struct end, stream);
	struct world *w = end->world;
	trace(w, end, OPENED, result);
	CHECK(!end->opened && end->live, "opened twice");
	if (result < 0)
		return;
	end->opened = true;
}

static void on_closed(struct stream *stream, int reason)
{
	struct end *end = CONTAINER_OF(stream, struct end, stream);
	struct world *w = end->world;
	trace(w, end, CLOSED, reason);
	CHECK(end->live && !end->closed, "closed twice");
	CHECK(end->next_done == end->part_count, "%d sends did not complete",
		end->part_count - end->next_done);
	bool whole = end->identity && end->received == end->expected;
	if (!w->resets && !w->chaos)
		CHECK(whole, "connection %llu ended with %d after %llu of %llu bytes",
			(unsigned long long)end->identity, reason,
			(unsigned long long)end->received, (unsigned long long)end->expected);
	sim_note(WHOLE, whole && end->client);
	end->closed = true;
	end->live = false;
	free(end->memory);
	end->memory = NULL;
	w->open_count--;
	loop_timer_stop(w->loop, &end->timer);
	if (end->client)
		loop_timer_start(w->loop, &end->timer,
			loop_now_ns(w->loop) + (int64_t)random_below(&w->random, NS_PER_MS));
}

static const struct stream_events events = {
	.opened = on_opened,
	.received = on_received,
	.bulk = on_bulk,
	.filled = on_filled,
	.skipped = on_skipped,
	.closed = on_closed,
};

static void end_begin(struct world *w, struct end *end, bool client)
{
	*end = (struct end){ .world = w, .client = client, .live = true };
	timer_init(&end->timer, on_timer);
	w->open_count++;
}

static struct stream_options stream_options_any(struct world *w)
{
	return (struct stream_options){
		.reassembly_size = w->reassembly_size,
		.gather_size = w->amount_max < 1000 ? SIM_ONE_OF(&w->random, 0, 1, 100)
						    : SIM_ONE_OF(&w->random, 0, 500, 3000),
		.send_buffer_size = (int)w->socket_buffer_size,
		.receive_buffer_size = (int)SIM_ONE_OF(&w->random, 0, 2 * w->socket_buffer_size),
	};
}

static void client_start(struct world *w, struct end *end)
{
	end_begin(w, end, true);
	end->identity = ++w->next_identity;
	end->expected = amount(w, end->identity, false);
	struct stream_options options = stream_options_any(w);
	int result = stream_connect(w->loop, &end->stream, &w->address, &options, &events);
	CHECK(result == 0, "stream_connect: %d", result);
	part_send(end, HELLO_SIZE, true);
	loop_timer_start(w->loop, &end->timer, loop_now_ns(w->loop) + NS_PER_MS);
}

static struct stream *on_accepted(struct listener *listener, const struct address *peer)
{
	struct world *w = listener->owner;
	CHECK(address_port(peer) != 0, "an address without a port");
	for (size_t i = 0; i < COUNT_OF(w->servers); i++) {
		struct end *end = &w->servers[i];
		if (end->live)
			continue;
		end_begin(w, end, false);
		loop_timer_start(w->loop, &end->timer, loop_now_ns(w->loop) + NS_PER_MS);
		return &end->stream;
	}
	CHECK(w->resets || w->chaos, "no room for a connection");
	return NULL;
}

static void on_listener_closed(struct listener *listener)
{
	struct world *w = listener->owner;
	w->listener_closed = true;
}

static const struct listener_events listener_events = {
	.accepted = on_accepted,
	.closed = on_listener_closed,
};

/* ---- the world ---- */

static void world_open(struct world *w, uint64_t seed, bool talk)
{
	*w = (struct world){ .talk = talk };
	random_seed(&w->random, seed);
	struct random *r = &w->random;
	w->resets = random_below(r, 2);
	w->chaos = random_below(r, 3) == 0;
	/* Byte by byte, or much. */
	w->socket_buffer_size = SIM_ONE_OF(r, 1, 7, 1000, 20000, 60000);
	w->amount_max = w->socket_buffer_size < 100 ? 300 : 12000;
	struct sim_options sim_options = {
		.seed = seed,
		.latency_ns = (int64_t)SIM_ONE_OF(r, 0, 1, 1000000),
		.socket_buffer_size = SIM_ONE_OF(r, 0, w->socket_buffer_size),
		.faults = sim_faults_any(r, w->resets),
	};
	w->sim = sim_open(&sim_options);
	CHECK(w->sim, "no memory");
	char caps[80] = "defer";
	static const char *const words[] = { ",-multishot", ",-bufring", ",-waitall", ",-trunc",
		",-multiaccept" };
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (random_below(r, 3) == 0)
			strncat(caps, words[i], sizeof caps - strlen(caps) - 1);
	struct loop_options loop_options = {
		.sim = w->sim,
		.caps = caps,
		.receive_buffer_size = SIM_ONE_OF(r, 8, 64, 500, 4096),
		.receive_buffer_count = SIM_ONE_OF(r, 1, 2, 16, 64),
		.slab_size = w->slab_size = SIM_ONE_OF(r, 100, 4096, 8192),
		.slab_count = (unsigned)sim_between(r, 1, 3),
	};
	w->reassembly_size = SIM_ONE_OF(r, 8, 100, 5000);
	w->reassembly_size = MAX(w->reassembly_size, loop_options.receive_buffer_size);
	char why[LOOP_TEXT_SIZE];
	int result = loop_open(&loop_options, &w->loop, why);
	CHECK(result == 0, "loop_open: %s", why);
	if (talk)
		printf("%s; resets %d, chaos %d, buffers %zu x %zu, socket buffer %zu\n",
			loop_describe(w->loop), w->resets, w->chaos,
			loop_options.receive_buffer_count, loop_options.receive_buffer_size,
			w->socket_buffer_size);
	CHECK(address_resolve("127.0.0.1", 0, &w->address, 1) == 1, "no address");
	w->listener.owner = w;
	struct stream_options options = stream_options_any(w);
	result = listener_open(
		w->loop, &w->listener, &w->address, &options, &events, &listener_events);
	CHECK(result == 0, "listener_open: %d", result);
	CHECK(address_resolve("127.0.0.1", listener_port(&w->listener), &w->address, 1) == 1,
		"no address");
}

static void world_turn(struct world *w)
{
	int result = loop_turn(w->loop, NEVER_NS);
	CHECK(result >= 0, "the loop failed: %d", result);
	CHECK(loop_now_ns(w->loop) < WORLD_LIMIT_NS, "it does not end");
}

static void world_count(struct world *w)
{
	struct sim_counts c;
	sim_counts(w->sim, &c);
	sim_note(BYTES, c.bytes);
	sim_note(CONNECTIONS, c.connections);
	sim_note(SHORT, c.short_sends + c.short_receives);
	sim_note(RESETS, c.resets);
	sim_note(REFUSED, c.refused);
	sim_note(NO_BUFFERS, c.no_buffers);
	sim_note(REORDERED, c.reordered);
	sim_note(LATE, c.late);
	trace(w, NULL, OVER, (int64_t)c.bytes);
}

static bool clients_over(const struct world *w)
{
	for (int i = 0; i < w->client_count; i++)
		if (w->clients[i].live || timer_started(&w->clients[i].timer))
			return false;
	return true;
}

static uint64_t world_run(uint64_t seed, bool talk)
{
	struct world *w = malloc(sizeof *w);
	CHECK(w, "no memory");
	world_open(w, seed, talk);
	w->client_count = (int)sim_between(&w->random, 1, PAIRS_MAX);
	for (int i = 0; i < w->client_count; i++)
		client_start(w, &w->clients[i]);
	while (!clients_over(w))
		world_turn(w);
	while (w->open_count > 0)
		world_turn(w);
	listener_close(&w->listener);
	while (loop_busy(w->loop))
		world_turn(w);
	CHECK(w->listener_closed, "the listener did not close");
	world_count(w);
	uint64_t result = w->trace;
	if (talk)
		printf("%.3f s of simulated time, trace %016llx\n",
			(double)loop_now_ns(w->loop) / (double)NS_PER_S,
			(unsigned long long)result);
	loop_close(w->loop);
	sim_close(w->sim);
	free(w);
	return result;
}

int main(void)
{
	return sim_main(&(struct simulation){
		.name = "io",
		.seeds = 2000,
		.notes = notes,
		.run = world_run,
		.again_every = AGAIN_EVERY,
	});
}
