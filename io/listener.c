/* Accepting connections, for io/listener.h. */
#include "io/listener.h"

#include "stream_private.h"

static void listener_arm(struct listener *listener)
{
	struct engine *engine = listener->loop->engine;
	listener->armed = true;
	engine->class->accept(engine, &listener->accept, listener->fd);
}

/* Ends the listener when nothing is in flight; it may be gone then. */
static void listener_settle(struct listener *listener)
{
	if (!listener->closing || listener->armed || listener->cancel_armed)
		return;
	struct loop *loop = listener->loop;
	loop_timer_stop(loop, &listener->retry);
	loop->engine->class->discard_socket(loop->engine, listener->fd, false);
	listener->fd = -1;
	loop->owners--;
	loop->calls++;
	listener->events->closed(listener);
}

static void listener_take(struct listener *listener, int fd)
{
	struct engine *engine = listener->loop->engine;
	struct address peer = { 0 };
	struct stream *stream = NULL;
	if (!listener->closing && engine->class->sockets->peer_address(engine, fd, &peer) == 0) {
		listener->loop->calls++;
		stream = listener->events->accepted(listener, &peer);
	}
	if (!stream) {
		listener->refused_count++;
		engine->class->discard_socket(engine, fd, true);
		return;
	}
	listener->accepted_count++;
	stream_accept(listener->loop, stream, fd, listener->address.storage.ss_family,
		&listener->options, listener->stream_events);
}

static bool out_of_resources(int result)
{
	return result == -EMFILE || result == -ENFILE || result == -ENOBUFS || result == -ENOMEM;
}

static void accept_done(struct op *op, int result, uint32_t flags)
{
	struct listener *listener = CONTAINER_OF(op, struct listener, accept);
	listener->armed = flags & OP_MORE;
	if (result >= 0)
		listener_take(listener, result);
	else if (result != -ECANCELED)
		listener->failed_count++;
	if (!listener->armed && !listener->closing) {
		/* Other failures are of one connection that came and went: accept the next. */
		if (out_of_resources(result))
			loop_timer_start(listener->loop, &listener->retry,
				loop_now_ns(listener->loop) + LISTENER_RETRY_MS * NS_PER_MS);
		else
			listener_arm(listener);
	}
	listener_settle(listener);
}

static void cancel_done(struct op *op, int result, uint32_t flags)
{
	(void)flags;
	struct listener *listener = CONTAINER_OF(op, struct listener, cancel);
	struct engine *engine = listener->loop->engine;
	listener->cancel_armed = false;
	if (result == -EALREADY)
		engine->class->shutdown_socket(engine, listener->fd);
	listener_settle(listener);
}

static void retry_fire(struct timer *timer, int64_t now_ns)
{
	(void)now_ns;
	struct listener *listener = CONTAINER_OF(timer, struct listener, retry);
	if (!listener->closing)
		listener_arm(listener);
	listener_settle(listener);
}

int listener_open(struct loop *loop, struct listener *listener, const struct address *address,
	const struct stream_options *options, const struct stream_events *stream_events,
	const struct listener_events *events)
{
	struct engine *engine = loop->engine;
	const struct socket_calls *sockets = engine->class->sockets;
	struct stream_options accepted = options ? *options : (struct stream_options){ 0 };
	accepted.source = NULL;
	int fd = engine->class->socket(engine, address->storage.ss_family);
	if (fd < 0)
		return fd;
	/* Buffer sizes count from the handshake on, so the listening socket has them too. */
	int result = sockets->configure(engine, fd, address->storage.ss_family, &accepted);
	if (result == 0)
		result = sockets->listen(engine, fd, address, LISTENER_BACKLOG);
	struct address local;
	if (result == 0)
		result = sockets->local_address(engine, fd, &local);
	if (result < 0) {
		engine->class->discard_socket(engine, fd, false);
		return result;
	}
	*listener = (struct listener){
		.owner = listener->owner,
		.events = events,
		.stream_events = stream_events,
		.options = accepted,
		.loop = loop,
		.fd = fd,
		.accept.done = accept_done,
		.cancel.done = cancel_done,
		.address = local,
	};
	timer_init(&listener->retry, retry_fire);
	loop->owners++;
	listener_arm(listener);
	return 0;
}

void listener_close(struct listener *listener)
{
	if (listener->closing)
		return;
	struct loop *loop = listener->loop;
	listener->closing = true;
	if (listener->armed) {
		listener->cancel_armed = true;
		loop->engine->class->cancel(
			loop->engine, &listener->cancel, listener->fd, &listener->accept);
	} else {
		loop_timer_start(loop, &listener->retry, loop_now_ns(loop));
	}
}

uint16_t listener_port(const struct listener *listener)
{
	return address_port(&listener->address);
}
