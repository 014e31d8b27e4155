/*
 * Shows: one seeded script of io operations, without a clock, puts the same bytes on each
 * connection whatever the engine: every rung of io_uring, every variant of epoll, and the simulated
 * network, with and without faults.
 *
 * Both ends of each connection live on the loop. One of them takes every byte down, the other one
 * receives in all modes; which is which alternates. Sends wait for bytes from the other side, so
 * that what is wrong once stays wrong.
 */
#include "io_test.h"

#include "io/sim.h"

#define CONNECTIONS   5
#define GENERATIONS   2 /* each connection is made anew this often */
#define SENDS_MAX     40
#define PIECES_MAX    24
#define CUTS_MAX      8
#define SEGMENTS_MAX  (SENDS_MAX * CUTS_MAX)
#define SEND_SIZE_MAX 70000
#define FRAME_MAX     3000 /* fits the reassembly buffer */
#define PART_MAX      40000
#define PAUSE_TURNS   3
#define TURNS_MAX     20000 /* of at most a millisecond each */

enum mode { MODE_FRAME, MODE_ANY, MODE_INTO, MODE_BULK, MODE_SKIP, MODE_COUNT };

/* ---- the script: the same for all engines ---- */

struct planned_send {
	size_t start, size, after; /* is queued when that many bytes have been received */
	int pieces;
};

struct segment {
	size_t size;
	enum mode mode;
	bool pause; /* behind it, for some turns */
};

/* What one side does on one connection. */
struct part {
	struct planned_send sends[SENDS_MAX];
	int send_count;
	size_t size; /* of all sends */
	struct segment segments[SEGMENTS_MAX];
	int segment_count;
	uint8_t *bytes;
};

struct script {
	struct part parts[CONNECTIONS][2]; /* the client's, the server's */
};

static void part_add_send(struct part *part, struct random *random, size_t from_peer)
{
	struct planned_send *send = &part->sends[part->send_count++];
	send->start = part->size;
	send->size =
		1 + (size_t)random_below(random, random_below(random, 3) ? 500 : SEND_SIZE_MAX);
	send->after = (size_t)random_below(random, from_peer + 1);
	send->pieces = 1 + (int)random_below(random, MIN(send->size, (size_t)PIECES_MAX));
	part->size += send->size;
}

static void part_add_segment(struct part *part, size_t size, enum mode mode, bool pause)
{
	assert_true(part->segment_count < SEGMENTS_MAX);
	part->segments[part->segment_count++] = (struct segment){ size, mode, pause };
}

/*
 * Cuts what will be received of one send; a cut across two could wait for what waits for it. The
 * side that takes all down drops nothing and reads into small buffers or its own memory.
 */
static void part_cut(struct part *part, struct random *random, size_t size, bool recorder)
{
	static const size_t most[MODE_COUNT] = { FRAME_MAX, PART_MAX, PART_MAX, PART_MAX,
		PART_MAX };
	for (int i = 1; size > 0 && i < CUTS_MAX; i++) {
		enum mode mode = (enum mode)random_below(random, recorder ? MODE_BULK : MODE_COUNT);
		size_t taken = 1 + (size_t)random_below(random, most[mode]);
		taken = MIN(taken, size);
		part_add_segment(part, taken, mode, random_below(random, 10) == 0);
		size -= taken;
	}
	if (size > 0)
		part_add_segment(part, size, MODE_ANY, false);
}

static struct script *script_make(uint64_t seed)
{
	struct random random;
	random_seed(&random, seed);
	struct script *script = calloc(1, sizeof *script);
	assert_non_null(script);
	for (int c = 0; c < CONNECTIONS; c++) {
		struct part *parts = script->parts[c];
		/* In this order nobody waits for bytes that are never sent. */
		for (int i = 0; i < SENDS_MAX; i++) {
			int side = i == 0 ? 0 : (int)random_below(&random, 2);
			part_add_send(&parts[side], &random, parts[!side].size);
		}
		for (int side = 0; side < 2; side++) {
			parts[side].bytes = malloc(MAX(parts[side].size, (size_t)1));
			assert_non_null(parts[side].bytes);
			fill_random(parts[side].bytes, parts[side].size, random_next(&random));
			for (int i = 0; i < parts[!side].send_count; i++)
				part_cut(&parts[side], &random, parts[!side].sends[i].size,
					side == c % 2);
		}
	}
	return script;
}

static void script_free(struct script *script)
{
	for (int c = 0; c < CONNECTIONS; c++)
		for (int side = 0; side < 2; side++)
			free(script->parts[c][side].bytes);
	free(script);
}

/* ---- playing it ---- */

struct playing_send {
	struct send send;
	struct iovec iov[PIECES_MAX];
	struct player *player;
};

struct player {
	struct stream stream;
	struct stage *stage;
	const struct part *part, *peer;
	int connection, side;
	struct playing_send sends[SENDS_MAX];
	int queued, sent;
	int segment;
	size_t segment_done; /* of MODE_ANY */
	size_t received;
	uint8_t *tape, *memory;
	int pause_turns;
	bool opened, closed;
};

struct stage {
	struct loop *loop;
	struct listener listener;
	const struct script *script;
	struct player players[CONNECTIONS][2];
	int accepted, generation;
	bool listener_closed;
};

static struct player *player_of(struct stream *stream)
{
	return CONTAINER_OF(stream, struct player, stream);
}

static void sent_done(struct send *send, int result)
{
	struct playing_send *s = CONTAINER_OF(send, struct playing_send, send);
	assert_int_equal(result, 0);
	assert_ptr_equal(s, &s->player->sends[s->player->sent]);
	s->player->sent++;
}

static void player_send(struct player *player)
{
	while (player->queued < player->part->send_count) {
		const struct planned_send *plan = &player->part->sends[player->queued];
		if (plan->after > player->received)
			return;
		struct playing_send *s = &player->sends[player->queued++];
		s->player = player;
		s->send = (struct send){ .done = sent_done, .iov = s->iov, .count = plan->pieces };
		size_t each = plan->size / (size_t)plan->pieces, at = plan->start;
		for (int i = 0; i < plan->pieces; i++) {
			bool last = i == plan->pieces - 1;
			size_t size = last ? plan->start + plan->size - at : each;
			s->iov[i] = (struct iovec){ player->part->bytes + at, size };
			at += size;
		}
		stream_send(&player->stream, &s->send);
	}
}

/* `data` NULL: they were skipped. */
static void player_take(struct player *player, const uint8_t *data, size_t size)
{
	assert_true(player->received + size <= player->peer->size);
	if (data)
		memcpy(player->tape + player->received, data, size);
	player->received += size;
}

static void segment_end(struct player *player)
{
	const struct segment *segment = &player->part->segments[player->segment++];
	player->segment_done = 0;
	if (segment->pause) {
		player->pause_turns = PAUSE_TURNS;
		stream_pause(&player->stream);
	}
	player_send(player);
}

/* How many bytes of `data` the present segment takes; `asked`: the stream brings the rest. */
static size_t segment_take(struct player *player, const uint8_t *data, size_t size, bool *asked)
{
	const struct segment *segment = &player->part->segments[player->segment];
	size_t taken = MIN(size, segment->size - player->segment_done);
	switch (segment->mode) {
	case MODE_FRAME:
		if (size < segment->size)
			return 0;
		player_take(player, data, taken);
		segment_end(player);
		return taken;
	case MODE_ANY:
		player_take(player, data, taken);
		player->segment_done += taken;
		if (player->segment_done == segment->size)
			segment_end(player);
		else
			player_send(player);
		return taken;
	case MODE_INTO:
		stream_receive_into(&player->stream, player->memory, segment->size);
		break;
	case MODE_BULK:
		assert_int_equal(stream_receive_bulk(&player->stream, segment->size), 0);
		break;
	case MODE_SKIP:
		stream_skip(&player->stream, segment->size);
		break;
	case MODE_COUNT:
		fail();
	}
	*asked = true;
	return 0;
}

static size_t play_received(
	struct stream *stream, const uint8_t *data, size_t size, int64_t arrived_ns)
{
	(void)arrived_ns;
	struct player *player = player_of(stream);
	size_t used = 0;
	bool asked = false;
	while (used < size && !asked && !player->pause_turns) {
		assert_true(player->segment < player->part->segment_count);
		size_t taken = segment_take(player, data + used, size - used, &asked);
		if (taken == 0)
			break;
		used += taken;
	}
	return used;
}

static void play_bulk(struct stream *stream, struct slab *slab, int64_t arrived_ns)
{
	(void)arrived_ns;
	player_take(player_of(stream), slab->data, slab->size);
	slab_release(slab);
	segment_end(player_of(stream));
}

static void play_filled(struct stream *stream, uint8_t *memory, size_t size, int64_t arrived_ns)
{
	(void)arrived_ns;
	player_take(player_of(stream), memory, size);
	segment_end(player_of(stream));
}

static void play_skipped(struct stream *stream, size_t size, int64_t arrived_ns)
{
	(void)arrived_ns;
	player_take(player_of(stream), NULL, size);
	segment_end(player_of(stream));
}

static void play_opened(struct stream *stream, int result)
{
	assert_int_equal(result, 0);
	player_of(stream)->opened = true;
	player_send(player_of(stream));
}

static void play_closed(struct stream *stream, int reason)
{
	struct player *player = player_of(stream);
	assert_int_equal(reason, player->side == 0 ? 0 : STREAM_PEER_CLOSED);
	player->closed = true;
}

static const struct stream_events play_events = { play_opened, play_received, play_bulk,
	play_filled, play_skipped, play_closed };

static struct stream *stage_accepted(struct listener *listener, const struct address *peer)
{
	(void)peer;
	struct stage *stage = CONTAINER_OF(listener, struct stage, listener);
	assert_true(stage->accepted < CONNECTIONS);
	return &stage->players[stage->accepted++][1].stream;
}

static void stage_closed(struct listener *listener)
{
	CONTAINER_OF(listener, struct stage, listener)->listener_closed = true;
}

static const struct listener_events stage_events = { stage_accepted, stage_closed };

static bool player_over(const struct player *player)
{
	return player->opened && player->received == player->peer->size &&
	       player->sent == player->part->send_count;
}

static void player_begin(struct stage *stage, int connection, int side)
{
	struct player *player = &stage->players[connection][side];
	const struct part *parts = stage->script->parts[connection];
	*player = (struct player){
		.stage = stage,
		.part = &parts[side],
		.peer = &parts[!side],
		.connection = connection,
		.side = side,
		.tape = calloc(MAX(parts[!side].size, (size_t)1), 1),
		.memory = malloc(PART_MAX),
	};
	assert_non_null(player->tape);
	assert_non_null(player->memory);
}

/* What was taken down is what the other side's script says, skipped bytes aside. */
static void player_check(struct player *player)
{
	size_t at = 0;
	assert_int_equal(player->segment, player->part->segment_count);
	for (int i = 0; i < player->part->segment_count; i++) {
		const struct segment *segment = &player->part->segments[i];
		if (segment->mode != MODE_SKIP)
			assert_memory_equal(
				player->tape + at, player->peer->bytes + at, segment->size);
		at += segment->size;
	}
	assert_int_equal(at, player->peer->size);
	free(player->tape);
	free(player->memory);
}

/* Turns are the only clock. */
static void stage_turn(struct stage *stage, int *turns, const char *what)
{
	if (++*turns > TURNS_MAX)
		fail_msg("stuck in %s on %s", what, loop_describe(stage->loop));
	assert_true(loop_turn(stage->loop, loop_clock_ns(stage->loop) + NS_PER_MS) >= 0);
	for (int c = 0; c < CONNECTIONS; c++)
		for (int side = 0; side < 2; side++) {
			struct player *player = &stage->players[c][side];
			if (player->pause_turns > 0 && --player->pause_turns == 0)
				stream_resume(&player->stream);
		}
}

/* One connection after the other is made, so that both ends know its number; then all talk. */
static void generation_play(struct stage *stage, const struct address *address)
{
	int turns = 0;
	stage->accepted = 0;
	for (int c = 0; c < CONNECTIONS; c++) {
		player_begin(stage, c, 0);
		player_begin(stage, c, 1);
	}
	for (int c = 0; c < CONNECTIONS; c++) {
		struct player *players = stage->players[c];
		assert_int_equal(stream_connect(stage->loop, &players[0].stream, address, NULL,
					 &play_events),
			0);
		while (!players[0].opened || !players[1].opened)
			stage_turn(stage, &turns, "connecting");
	}
	for (int c = 0; c < CONNECTIONS; c++) {
		struct player *players = stage->players[c];
		while (!player_over(&players[0]) || !player_over(&players[1]))
			stage_turn(stage, &turns, "talking");
		stream_close(&players[0].stream);
		while (!players[0].closed || !players[1].closed)
			stage_turn(stage, &turns, "closing");
		player_check(&players[0]);
		player_check(&players[1]);
	}
}

static void script_play(struct loop *loop, const struct script *script)
{
	struct stage *stage = calloc(1, sizeof *stage);
	assert_non_null(stage);
	stage->loop = loop;
	stage->script = script;
	struct address any = loopback(0);
	assert_int_equal(
		listener_open(loop, &stage->listener, &any, NULL, &play_events, &stage_events), 0);
	struct address address = loopback(listener_port(&stage->listener));
	for (int i = 0; i < GENERATIONS; i++)
		generation_play(stage, &address);
	listener_close(&stage->listener);
	int turns = 0;
	while (!stage->listener_closed)
		stage_turn(stage, &turns, "ending");
	free(stage);
}

/* Small buffers and few slabs, so that running out belongs to the script. */
static const struct loop_options narrow = { .receive_buffer_size = 1024,
	.receive_buffer_count = 16,
	.slab_size = PART_MAX,
	.slab_count = 2 };

/* ---- the engines ---- */

#define SEEDS 4

static void test_real_sockets_carry_the_scripts_bytes(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct script *script = script_make(seed);
		FOR_EACH_RUNG(loop, seed % 2 ? NULL : &narrow)
		script_play(loop, script);
		script_free(script);
	}
}

/* The wire itself, which only the simulated network can show. */
struct wire {
	const struct script *script;
	size_t at[GENERATIONS * CONNECTIONS][2];
};

static void wire_tap(
	void *context, uint64_t connection, bool from_client, const uint8_t *data, size_t size)
{
	struct wire *wire = context;
	assert_in_range(connection, 1, GENERATIONS * CONNECTIONS);
	const struct part *parts = wire->script->parts[(connection - 1) % CONNECTIONS];
	const struct part *part = &parts[from_client ? 0 : 1];
	size_t *at = &wire->at[connection - 1][from_client ? 0 : 1];
	assert_true(*at + size <= part->size);
	assert_memory_equal(data, part->bytes + *at, size);
	*at += size;
}

static void sim_play(uint64_t seed, const struct sim_faults *faults)
{
	struct script *script = script_make(seed);
	struct wire wire = { .script = script };
	struct sim_options options = {
		.seed = seed, .faults = *faults, .tap = wire_tap, .tap_context = &wire
	};
	struct loop_options loop_options = seed % 2 ? (struct loop_options){ 0 } : narrow;
	loop_options.sim = sim_open(&options);
	assert_non_null(loop_options.sim);
	struct loop *loop;
	char why[LOOP_TEXT_SIZE];
	assert_int_equal(loop_open(&loop_options, &loop, why), 0);
	assert_memory_equal(loop_describe(loop), "sim", 3);
	script_play(loop, script);
	loop_close(loop);
	sim_close(loop_options.sim);
	for (size_t i = 0; i < COUNT_OF(wire.at); i++)
		for (int side = 0; side < 2; side++)
			assert_int_equal(
				wire.at[i][side], script->parts[i % CONNECTIONS][side].size);
	script_free(script);
}

static void test_the_simulated_network_carries_the_scripts_bytes(void **state)
{
	(void)state;
	static const struct sim_faults none;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		sim_play(seed, &none);
}

static void test_faults_that_break_nothing_change_no_byte(void **state)
{
	(void)state;
	static const struct sim_faults faults = {
		.short_send = 200000,
		.short_receive = 200000,
		.no_buffers = 100000,
		.reorder = 200000,
		.late = 100000,
		.delay_max_ns = NS_PER_MS,
		.late_max_ns = NS_PER_MS,
	};
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		sim_play(seed, &faults);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_sockets_carry_the_scripts_bytes),
		cmocka_unit_test(test_the_simulated_network_carries_the_scripts_bytes),
		cmocka_unit_test(test_faults_that_break_nothing_change_no_byte),
	};
	return RUN_TESTS(tests);
}
