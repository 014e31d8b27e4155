/*
 * Receiving: small buffers from the engine, a reassembly buffer, slabs, memory of the owner's, and
 * bytes that nobody reads. The order of bytes is always: reassembly buffer, held small buffers, the
 * kernel.
 *
 * Where there are no small buffers (an older kernel) the kernel fills the reassembly buffer itself.
 */
#include "stream_private.h"

#include <stdlib.h>

/* Small receives in a row before a stream that had large frames is trusted with multishot again. */
#define MULTISHOT_AFTER 16
#define SKIP_SIZE_MAX   ((size_t)1 << 30) /* per operation */

static void receive_done(struct op *op, int result, uint32_t flags);
static void cancel_done(struct op *op, int result, uint32_t flags);

static void slab_ready(struct slab_waiter *waiter)
{
	stream_work_later(CONTAINER_OF(waiter, struct stream, slab_waiter));
}

void stream_receive_init(struct stream *stream)
{
	size_t size = stream->reassembly_size ? stream->reassembly_size : STREAM_REASSEMBLY_SIZE;
	stream->reassembly_size = MAX(size, stream->loop->options.receive_buffer_size);
	stream->small_receives = MULTISHOT_AFTER;
	stream->receive.done = receive_done;
	stream->cancel_receive.done = cancel_done;
	stream->held_first = stream->held_last = HELD_NONE;
	stream->slab_waiter.ready = slab_ready;
	list_init(&stream->slab_waiter.node);
}

/* ---- bytes that are here ---- */

static size_t buffered(const struct stream *stream)
{
	return stream->reassembly_end - stream->reassembly_start;
}

static uint8_t *buffered_data(const struct stream *stream)
{
	return stream->reassembly + stream->reassembly_start;
}

static void buffered_drop(struct stream *stream, size_t size)
{
	stream->reassembly_start += size;
	if (stream->reassembly_start == stream->reassembly_end)
		stream->reassembly_start = stream->reassembly_end = 0;
}

/* Moves the bytes to the front; returns how much room is behind them. */
static size_t buffered_compact(struct stream *stream)
{
	if (stream->reassembly_start > 0) {
		size_t size = buffered(stream);
		memmove(stream->reassembly, buffered_data(stream), size);
		stream->reassembly_start = 0;
		stream->reassembly_end = size;
	}
	return stream->reassembly_size - stream->reassembly_end;
}

static bool holds(const struct stream *stream)
{
	return stream->held_first != HELD_NONE;
}

static void held_append(struct stream *stream, uint32_t id, uint32_t size)
{
	struct held_buffer *held = stream->loop->held;
	held[id] = (struct held_buffer){ .next = HELD_NONE, .size = size };
	if (holds(stream))
		held[stream->held_last].next = id;
	else
		stream->held_first = id;
	stream->held_last = id;
	stream->loop->held_count++;
}

static struct held_buffer *held_first(const struct stream *stream)
{
	return &stream->loop->held[stream->held_first];
}

static const uint8_t *held_data(const struct stream *stream)
{
	struct engine *engine = stream->loop->engine;
	return engine->class->buffer(engine, stream->held_first) + held_first(stream)->offset;
}

/* Drops bytes from the front of the first held buffer, and the buffer when it is empty. */
static void held_drop(struct stream *stream, size_t size)
{
	struct held_buffer *held = held_first(stream);
	held->offset += (uint32_t)size;
	held->size -= (uint32_t)size;
	if (held->size > 0)
		return;
	uint32_t id = stream->held_first;
	stream->held_first = held->next;
	loop_buffer_return(stream->loop, id);
}

/* Copies from the first held buffer behind the buffered bytes, as much as fits. */
static size_t held_to_buffered(struct stream *stream)
{
	size_t room = stream->reassembly_size - stream->reassembly_end;
	if (room < held_first(stream)->size)
		room = buffered_compact(stream);
	size_t size = MIN(room, (size_t)held_first(stream)->size);
	memcpy(stream->reassembly + stream->reassembly_end, held_data(stream), size);
	stream->reassembly_end += size;
	held_drop(stream, size);
	return size;
}

/* ---- giving them to the owner ---- */

static bool ready_for_frames(const struct stream *stream)
{
	return stream->state == STREAM_OPEN && !stream->paused && stream->mode == MODE_FRAMES;
}

static size_t call_received(struct stream *stream, const uint8_t *data, size_t size)
{
	stream->in_received = true;
	stream->loop->calls++;
	size_t consumed = stream->events->received(stream, data, size, stream->arrived_ns);
	stream->in_received = false;
	assert(consumed <= size);
	return consumed;
}

/* Each step returns whether another may follow. */

static bool deliver_frames(struct stream *stream)
{
	if (holds(stream) && buffered(stream) == 0) {
		size_t size = held_first(stream)->size;
		size_t consumed = call_received(stream, held_data(stream), size);
		held_drop(stream, consumed);
		/* The rest waits for what follows; elsewhere, so that the small buffer is free. */
		if (consumed < size && ready_for_frames(stream)) {
			held_to_buffered(stream);
			stream->unseen = false;
		}
		return true;
	}
	if (holds(stream)) {
		if (held_to_buffered(stream) > 0) {
			stream->unseen = true;
		} else if (!stream->unseen) {
			stream_fail(stream, -EMSGSIZE);
			return false;
		}
	}
	if (!stream->unseen || buffered(stream) == 0)
		return false;
	stream->unseen = false;
	buffered_drop(stream, call_received(stream, buffered_data(stream), buffered(stream)));
	return true;
}

static void target_fill(struct stream *stream, const uint8_t *data, size_t size)
{
	/* Nothing may be nowhere: memcpy knows no null pointer. */
	if (size > 0)
		memcpy(stream->target + stream->mode_size - stream->mode_left, data, size);
	stream->mode_left -= size;
}

/* Copies what is here already; returns whether the target is full. */
static bool target_collect(struct stream *stream)
{
	size_t size = MIN(buffered(stream), stream->mode_left);
	target_fill(stream, buffered_data(stream), size);
	buffered_drop(stream, size);
	while (holds(stream) && stream->mode_left > 0) {
		size = MIN((size_t)held_first(stream)->size, stream->mode_left);
		target_fill(stream, held_data(stream), size);
		held_drop(stream, size);
	}
	return stream->mode_left == 0;
}

static void mode_end(struct stream *stream)
{
	stream->mode = MODE_FRAMES;
	stream->target = NULL;
	stream->unseen = true;
	stream->loop->calls++;
}

static bool deliver_bulk(struct stream *stream)
{
	if (!stream->slab) {
		stream->slab = slab_take(&stream->loop->slabs);
		if (!stream->slab) {
			stream->loop->statistics.slabs_exhausted++;
			slab_wait(&stream->loop->slabs, &stream->slab_waiter);
			return false;
		}
		slab_wait_stop(&stream->slab_waiter);
		stream->target = stream->slab->data;
	}
	if (!target_collect(stream))
		return false;
	struct slab *slab = stream->slab;
	slab->size = stream->mode_size;
	stream->slab = NULL;
	mode_end(stream);
	stream->events->bulk(stream, slab, stream->arrived_ns);
	return true;
}

static bool deliver_into(struct stream *stream)
{
	if (!target_collect(stream))
		return false;
	uint8_t *memory = stream->target;
	mode_end(stream);
	stream->events->filled(stream, memory, stream->mode_size, stream->arrived_ns);
	return true;
}

static bool deliver_skip(struct stream *stream)
{
	size_t size = MIN(buffered(stream), stream->mode_left);
	buffered_drop(stream, size);
	stream->mode_left -= size;
	while (holds(stream) && stream->mode_left > 0) {
		size = MIN((size_t)held_first(stream)->size, stream->mode_left);
		held_drop(stream, size);
		stream->mode_left -= size;
	}
	if (stream->mode_left > 0)
		return false;
	mode_end(stream);
	stream->events->skipped(stream, stream->mode_size, stream->arrived_ns);
	return true;
}

static bool deliver_step(struct stream *stream)
{
	if (stream->state != STREAM_OPEN || stream->paused)
		return false;
	if (stream->armed == ARMED_REASSEMBLY)
		return false; /* the kernel writes behind those bytes: they must not move */
	switch ((enum stream_mode)stream->mode) {
	case MODE_FRAMES:
		return deliver_frames(stream);
	case MODE_BULK:
		return deliver_bulk(stream);
	case MODE_INTO:
		return deliver_into(stream);
	case MODE_SKIP:
		return deliver_skip(stream);
	}
	return false;
}

static bool waits_for_slab(const struct stream *stream)
{
	return stream->mode == MODE_BULK && !stream->slab;
}

void stream_receive_deliver(struct stream *stream)
{
	while (deliver_step(stream))
		;
	if (stream->state != STREAM_OPEN)
		return;
	if (stream->paused || waits_for_slab(stream)) {
		/* Small buffers are shared: keep as few of them as possible while it lasts. */
		while (holds(stream) && held_to_buffered(stream) > 0)
			stream->unseen = true;
		return;
	}
	if (stream->ended)
		stream_fail(stream, stream->ended);
}

/* ---- arming ---- */

static enum stream_armed wanted(const struct stream *stream)
{
	const struct loop *loop = stream->loop;
	/* Paused, bytes of the present mode may still stand before those in the kernel. */
	if (stream->state != STREAM_OPEN || stream->ended || stream->paused ||
		waits_for_slab(stream))
		return ARMED_NOTHING;
	enum stream_armed small = ARMED_REASSEMBLY;
	if (loop->engine->provided_buffers) {
		bool multishot =
			loop->engine->multishot && stream->small_receives >= MULTISHOT_AFTER;
		small = multishot ? ARMED_MULTISHOT : ARMED_SINGLE;
	}
	if (stream->mode == MODE_FRAMES)
		return small;
	/* Not worth changing the armed receive for a few bytes more. */
	if (stream->armed == ARMED_MULTISHOT &&
		stream->mode_left <= 2 * loop->options.receive_buffer_size)
		return small;
	return stream->mode == MODE_SKIP ? ARMED_SKIP : ARMED_IN_PLACE;
}

static void arm_skip(struct stream *stream)
{
	struct engine *engine = stream->loop->engine;
	size_t size = MIN(stream->mode_left, SKIP_SIZE_MAX);
	if (engine->discard && !stream->local) {
		engine->class->receive(engine, &stream->receive, stream->fd, NULL, size, false);
		return;
	}
	/* Overwritten by the next one and read by nobody: the reassembly buffer is empty here. */
	engine->class->receive(engine, &stream->receive, stream->fd, stream->reassembly,
		MIN(size, stream->reassembly_size), true);
}

static void arm(struct stream *stream, enum stream_armed kind)
{
	struct engine *engine = stream->loop->engine;
	stream->armed = (uint8_t)kind;
	stream->in_flight++;
	switch (kind) {
	case ARMED_NOTHING:
		assert(false);
		break;
	case ARMED_MULTISHOT:
	case ARMED_SINGLE:
		engine->class->receive_provided(
			engine, &stream->receive, stream->fd, kind == ARMED_MULTISHOT);
		break;
	case ARMED_REASSEMBLY:
		engine->class->receive(engine, &stream->receive, stream->fd,
			stream->reassembly + stream->reassembly_end,
			stream->reassembly_size - stream->reassembly_end, false);
		break;
	case ARMED_IN_PLACE:
		engine->class->receive(engine, &stream->receive, stream->fd,
			stream->target + stream->mode_size - stream->mode_left, stream->mode_left,
			true);
		break;
	case ARMED_SKIP:
		arm_skip(stream);
		break;
	}
}

void stream_receive_cancel(struct stream *stream)
{
	if (stream->armed == ARMED_NOTHING || stream->cancel_receive_armed)
		return;
	struct engine *engine = stream->loop->engine;
	stream->cancel_receive_armed = true;
	stream->in_flight++;
	engine->class->cancel(engine, &stream->cancel_receive, stream->fd, &stream->receive);
}

void stream_receive_update(struct stream *stream)
{
	enum stream_armed want = wanted(stream);
	if (stream->armed != ARMED_NOTHING) {
		/* A receive into small buffers, or paused, must make room; others end by
		 * themselves. */
		bool small = stream->armed <= ARMED_REASSEMBLY;
		bool want_small = want != ARMED_NOTHING && want <= ARMED_REASSEMBLY;
		if (stream->state == STREAM_CLOSING || (small && !want_small))
			stream_receive_cancel(stream);
		return;
	}
	if (want == ARMED_NOTHING)
		return;
	if (want == ARMED_REASSEMBLY && buffered_compact(stream) == 0) {
		stream_fail(stream, -EMSGSIZE);
		return;
	}
	arm(stream, want);
}

/* ---- completions ---- */

static void take_in(struct stream *stream, enum stream_armed armed, size_t size, uint32_t flags)
{
	stream->arrived_ns = stream->loop->now_ns;
	stream->traffic.received += size;
	switch (armed) {
	case ARMED_NOTHING:
		assert(false);
		break;
	case ARMED_MULTISHOT:
	case ARMED_SINGLE:
		assert(flags & OP_BUFFER);
		held_append(stream, op_buffer_id(flags), (uint32_t)size);
		/* Those that a multishot brings before it is cancelled say nothing of frames. */
		if (stream->mode == MODE_FRAMES && stream->small_receives < MULTISHOT_AFTER)
			stream->small_receives++;
		break;
	case ARMED_REASSEMBLY:
		stream->reassembly_end += size;
		stream->unseen = true;
		break;
	case ARMED_IN_PLACE:
	case ARMED_SKIP:
		assert(size <= stream->mode_left);
		stream->mode_left -= size;
		break;
	}
}

static void note_result(struct stream *stream, int result)
{
	switch (result) {
	case 0:
		stream->ended = STREAM_PEER_CLOSED;
		break;
	case -ENOBUFS:
		/* The loop puts it to work again as soon as a buffer may be free. */
		stream->loop->statistics.buffers_exhausted++;
		break;
	case -ECANCELED: /* ours; stream_receive_update knows what is next */
	case -EAGAIN:
	case -EINTR:
		break;
	default:
		stream->ended = result;
	}
}

static void receive_done(struct op *op, int result, uint32_t flags)
{
	struct stream *stream = CONTAINER_OF(op, struct stream, receive);
	enum stream_armed armed = (enum stream_armed)stream->armed;
	if (!(flags & OP_MORE)) {
		stream->armed = ARMED_NOTHING;
		stream->in_flight--;
	}
	if (result > 0)
		take_in(stream, armed, (size_t)result, flags);
	else
		note_result(stream, result);
	if (result <= 0 && flags & OP_BUFFER)
		stream->loop->engine->class->buffer_return(
			stream->loop->engine, op_buffer_id(flags));
	stream_receive_deliver(stream);
	if (result == -ENOBUFS && stream->state == STREAM_OPEN && list_empty(&stream->work))
		list_append(&stream->loop->starved, &stream->work);
	else
		stream_receive_update(stream);
	stream_settle(stream);
}

static void cancel_done(struct op *op, int result, uint32_t flags)
{
	(void)flags;
	struct stream *stream = CONTAINER_OF(op, struct stream, cancel_receive);
	struct engine *engine = stream->loop->engine;
	stream->in_flight--;
	stream->cancel_receive_armed = false;
	if (result == -EALREADY && stream->state == STREAM_CLOSING)
		engine->class->shutdown_socket(engine, stream->fd);
	/* A cancel that came for an earlier receive may leave the present one to be stopped. */
	stream_receive_update(stream);
	stream_settle(stream);
}

void stream_receive_release(struct stream *stream)
{
	slab_wait_stop(&stream->slab_waiter);
	while (holds(stream))
		held_drop(stream, held_first(stream)->size);
	if (stream->slab)
		slab_release(stream->slab);
	stream->slab = NULL;
	free(stream->reassembly);
	stream->reassembly = NULL;
}

/* ---- the owner's wishes ---- */

static void mode_begin(struct stream *stream, enum stream_mode mode, size_t size)
{
	assert(stream->in_received && stream->mode == MODE_FRAMES);
	stream->mode = (uint8_t)mode;
	stream->mode_size = stream->mode_left = size;
	stream->small_receives = 0;
}

int stream_receive_bulk(struct stream *stream, size_t size)
{
	if (size > stream->loop->slabs.slab_size)
		return -EMSGSIZE;
	mode_begin(stream, MODE_BULK, size);
	return 0;
}

void stream_receive_into(struct stream *stream, uint8_t *memory, size_t size)
{
	assert(memory || size == 0);
	mode_begin(stream, MODE_INTO, size);
	stream->target = memory;
}

void stream_skip(struct stream *stream, size_t size)
{
	mode_begin(stream, MODE_SKIP, size);
}

void stream_pause(struct stream *stream)
{
	if (stream->state != STREAM_OPEN)
		return;
	stream->paused = true;
	stream_work_later(stream);
}

void stream_resume(struct stream *stream)
{
	if (!stream->paused)
		return;
	stream->paused = false;
	stream->unseen = true;
	stream_work_later(stream);
}
