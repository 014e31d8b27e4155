/*
 * Sending: a queue of sends, one gathered message in flight. Two messages in flight on one socket
 * may reorder, and bytes per kernel call are what pays, so everything that is ready goes together.
 */
#include "stream_private.h"

static void transmit_done(struct op *op, int result, uint32_t flags);

void stream_send_init(struct stream *stream)
{
	stream->transmit.done = transmit_done;
}

void stream_send(struct stream *stream, struct send *send)
{
	assert(stream->state != STREAM_CLOSED);
	send->size = 0;
	for (int i = 0; i < send->count; i++)
		send->size += send->iov[i].iov_len;
	assert(send->size > 0);
	send->submitted_ns = 0;
	list_append(&stream->sends, &send->node);
	stream->queued_bytes += send->size;
	if (stream->state == STREAM_OPEN && !stream->transmit_armed)
		stream_work_later(stream);
}

size_t stream_queued_bytes(const struct stream *stream)
{
	return stream->queued_bytes;
}

/* Appends what is left of a send behind `skip` bytes; returns how many bytes that is. */
static size_t gather_send(struct loop *loop, struct msghdr *message, const struct send *send,
	size_t skip, size_t limit)
{
	size_t total = 0;
	for (int i = 0; i < send->count && total < limit; i++) {
		size_t size = send->iov[i].iov_len;
		if (skip >= size) {
			skip -= size;
			continue;
		}
		if (message->msg_iovlen == STREAM_GATHER_COUNT)
			break;
		size = MIN(size - skip, limit - total);
		loop->iovecs[loop->iovec_count++] = (struct iovec){
			.iov_base = (char *)send->iov[i].iov_base + skip,
			.iov_len = size,
		};
		message->msg_iovlen++;
		skip = 0;
		total += size;
	}
	return total;
}

void stream_send_flush(struct stream *stream)
{
	struct loop *loop = stream->loop;
	if (stream->state != STREAM_OPEN || stream->transmit_armed || list_empty(&stream->sends))
		return;
	loop_gather_reserve(loop);
	struct msghdr *message = &loop->messages[loop->message_count++];
	*message = (struct msghdr){ .msg_iov = &loop->iovecs[loop->iovec_count] };
	size_t left = stream->gather_size, skip = stream->sent;
	struct list *node;
	list_for_each (node, &stream->sends) {
		struct send *send = CONTAINER_OF(node, struct send, node);
		size_t taken = gather_send(loop, message, send, skip, left);
		if (taken == 0)
			break;
		if (send->submitted_ns == 0)
			send->submitted_ns = loop->submit_ns;
		left -= taken;
		if (taken < send->size - skip)
			break;
		skip = 0;
	}
	stream->transmit_armed = true;
	stream->in_flight++;
	loop->engine->class->send(loop->engine, &stream->transmit, stream->fd, message);
}

static void sends_advance(struct stream *stream, size_t taken)
{
	stream->sent += taken;
	stream->queued_bytes -= taken;
	stream->traffic.sent += taken;
	while (!list_empty(&stream->sends)) {
		struct send *send = CONTAINER_OF(stream->sends.next, struct send, node);
		if (stream->sent < send->size)
			return;
		stream->sent -= send->size;
		list_remove(&send->node);
		stream->loop->calls++;
		send->done(send, 0);
	}
	assert(stream->sent == 0);
}

static void transmit_done(struct op *op, int result, uint32_t flags)
{
	(void)flags;
	struct stream *stream = CONTAINER_OF(op, struct stream, transmit);
	stream->in_flight--;
	stream->transmit_armed = false;
	if (result > 0)
		sends_advance(stream, (size_t)result);
	else if (result < 0 && result != -EAGAIN && result != -EINTR)
		stream_fail(stream, result);
	if (stream->state == STREAM_OPEN && !list_empty(&stream->sends))
		stream_work_later(stream);
	stream_settle(stream);
}

void stream_send_abandon(struct stream *stream, int result)
{
	while (!list_empty(&stream->sends)) {
		struct send *send =
			CONTAINER_OF(list_take_first(&stream->sends), struct send, node);
		stream->queued_bytes -= send->size - stream->sent;
		stream->sent = 0;
		stream->loop->calls++;
		send->done(send, result);
	}
}
