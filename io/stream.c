/*
 * A stream's life: connecting, options, the orderly end. Receiving and sending are next door.
 *
 * The end is always the same: state CLOSING, what is in flight is cancelled, and the completion
 * that brings in_flight to zero closes the socket, completes the sends and calls `closed`. Closing
 * the descriptor earlier would send neither FIN nor RST while the engine holds the socket.
 */
#include "stream_private.h"

#include <stdlib.h>

static const struct stream_options default_options;

static struct engine *engine_of(const struct stream *stream)
{
	return stream->loop->engine;
}

/* ---- the end ---- */

void stream_work_later(struct stream *stream)
{
	/* It may stand among the starved, which are not sure to run next. */
	list_remove(&stream->work);
	list_append(&stream->loop->work, &stream->work);
}

static void cancel_transmit_done(struct op *op, int result, uint32_t flags)
{
	(void)flags;
	struct stream *stream = CONTAINER_OF(op, struct stream, cancel_transmit);
	stream->in_flight--;
	if (result == -EALREADY)
		engine_of(stream)->class->shutdown_socket(engine_of(stream), stream->fd);
	stream_settle(stream);
}

void stream_fail(struct stream *stream, int reason)
{
	if (stream->state == STREAM_CLOSING || stream->state == STREAM_CLOSED)
		return;
	stream->state = STREAM_CLOSING;
	stream->reason = reason;
	list_remove(&stream->work);
	slab_wait_stop(&stream->slab_waiter);
	stream_receive_cancel(stream);
	if (stream->transmit_armed) {
		stream->in_flight++;
		engine_of(stream)->class->cancel(
			engine_of(stream), &stream->cancel_transmit, stream->fd, &stream->transmit);
	}
	/* With nothing in flight no completion would end it. */
	if (stream->in_flight == 0)
		stream_work_later(stream);
}

void stream_settle(struct stream *stream)
{
	if (stream->state != STREAM_CLOSING || stream->in_flight > 0)
		return;
	struct loop *loop = stream->loop;
	list_remove(&stream->work);
	stream_receive_release(stream);
	engine_of(stream)->class->discard_socket(engine_of(stream), stream->fd, stream->reset);
	stream->fd = -1;
	stream_send_abandon(stream, stream->reason ? stream->reason : -ECANCELED);
	stream->state = STREAM_CLOSED;
	loop->owners--;
	loop->calls++;
	stream->events->closed(stream, stream->reason);
}

void stream_close(struct stream *stream)
{
	stream_fail(stream, 0);
}

void stream_reset(struct stream *stream)
{
	stream->reset = true;
	stream_fail(stream, 0);
}

/* ---- the beginning ---- */

static void connect_done(struct op *op, int result, uint32_t flags)
{
	(void)flags;
	struct stream *stream = CONTAINER_OF(op, struct stream, transmit);
	stream->in_flight--;
	stream->transmit_armed = false;
	if (stream->state == STREAM_CONNECTING) {
		stream->loop->calls++;
		if (result < 0) {
			/* Failed before the owner is told, so that it cannot queue more. */
			stream_fail(stream, result);
			stream->events->opened(stream, result);
		} else {
			stream->state = STREAM_OPEN;
			stream_send_init(stream);
			stream->events->opened(stream, 0);
			stream_receive_update(stream);
			if (!list_empty(&stream->sends))
				stream_work_later(stream);
		}
	}
	stream_settle(stream);
}

/* Everything but the socket. 0 or -ENOMEM. */
static int stream_init(struct loop *loop, struct stream *stream, int fd, sa_family_t family,
	const struct stream_options *options, const struct stream_events *events)
{
	*stream = (struct stream){
		.owner = stream->owner,
		.events = events,
		.loop = loop,
		.fd = fd,
		.local = family == AF_UNIX,
		.gather_size = options->gather_size ? options->gather_size : STREAM_GATHER_SIZE,
		.reassembly_size = options->reassembly_size,
		.cancel_transmit.done = cancel_transmit_done,
	};
	list_init(&stream->work);
	list_init(&stream->sends);
	stream_receive_init(stream);
	stream->reassembly = malloc(stream->reassembly_size);
	if (!stream->reassembly)
		return -ENOMEM;
	loop->owners++;
	return 0;
}

int stream_connect(struct loop *loop, struct stream *stream, const struct address *address,
	const struct stream_options *options, const struct stream_events *events)
{
	options = options ? options : &default_options;
	struct engine *engine = loop->engine;
	sa_family_t family = address->storage.ss_family;
	int fd = engine->class->socket(engine, family);
	if (fd < 0)
		return fd;
	int result = engine->class->sockets->configure(engine, fd, family, options);
	if (result == 0)
		result = stream_init(loop, stream, fd, family, options, events);
	if (result < 0) {
		engine->class->discard_socket(engine, fd, true);
		return result;
	}
	stream->state = STREAM_CONNECTING;
	stream->address = *address;
	stream->transmit.done = connect_done;
	stream->transmit_armed = true;
	stream->in_flight++;
	engine->class->connect(engine, &stream->transmit, fd,
		(const struct sockaddr *)&stream->address.storage, stream->address.size);
	return 0;
}

void stream_accept(struct loop *loop, struct stream *stream, int fd, sa_family_t family,
	const struct stream_options *options, const struct stream_events *events)
{
	struct engine *engine = loop->engine;
	*stream = (struct stream){ .owner = stream->owner, .fd = -1 };
	int result = engine->class->sockets->configure(engine, fd, family, options);
	if (result == 0)
		result = stream_init(loop, stream, fd, family, options, events);
	loop->calls++;
	if (result < 0) {
		engine->class->discard_socket(engine, fd, true);
		events->closed(stream, result);
		return;
	}
	stream->state = STREAM_OPEN;
	stream_send_init(stream);
	events->opened(stream, 0);
	stream_receive_update(stream);
	stream_settle(stream);
}

void stream_work(struct stream *stream)
{
	stream_receive_deliver(stream);
	stream_receive_update(stream);
	stream_send_flush(stream);
	stream_settle(stream);
}

/* ---- asking ---- */

const char *stream_congestion(const struct stream *stream, char text[STREAM_CONGESTION_SIZE])
{
	struct engine *engine = stream->fd >= 0 ? engine_of(stream) : NULL;
	if (!engine || engine->class->sockets->congestion(
			       engine, stream->fd, text, STREAM_CONGESTION_SIZE) < 0)
		text[0] = 0;
	return text;
}

void stream_traffic(const struct stream *stream, struct stream_traffic *out)
{
	*out = stream->traffic;
	struct engine *engine = stream->fd >= 0 && !stream->local ? engine_of(stream) : NULL;
	if (engine)
		(void)engine->class->sockets->traffic(engine, stream->fd, out);
}

int stream_local_address(const struct stream *stream, struct address *out)
{
	return engine_of(stream)->class->sockets->local_address(engine_of(stream), stream->fd, out);
}

int stream_peer_address(const struct stream *stream, struct address *out)
{
	return engine_of(stream)->class->sockets->peer_address(engine_of(stream), stream->fd, out);
}
