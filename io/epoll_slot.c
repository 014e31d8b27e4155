/*
 * Operations on one descriptor under epoll: tried at once, and where the kernel says EAGAIN kept
 * until an edge comes. A short read or write tells that the socket is exhausted as EAGAIN does
 * (epoll(7), questions and answers, 9), which saves the call that would say so.
 */
#include "epoll.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define WATCHED_EVENTS (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

/* ---- slots ---- */

static struct slot *slot_find(struct epoll_engine *epoll, int fd)
{
	if (fd < 0 || (size_t)fd >= epoll->slot_count || !epoll->slots[fd].open)
		return NULL;
	return &epoll->slots[fd];
}

/* Room for this descriptor, with nothing known of it; NULL: no memory. */
static struct slot *slot_open(struct epoll_engine *epoll, int fd)
{
	assert(fd >= 0);
	if ((size_t)fd >= epoll->slot_count) {
		size_t count = 2 * ((size_t)fd + 1);
		struct slot *grown = realloc(epoll->slots, count * sizeof *grown);
		if (!grown)
			return NULL;
		memset(grown + epoll->slot_count, 0, (count - epoll->slot_count) * sizeof *grown);
		epoll->slots = grown;
		epoll->slot_count = count;
	}
	struct slot *slot = &epoll->slots[fd];
	/* Its place in the queue outlives the descriptor that had this number before. */
	*slot = (struct slot){
		.open = true,
		.queued = slot->queued,
		.next = slot->next,
		.readable = true,
		.writable = true,
	};
	return slot;
}

void epoll_slot_close(struct epoll_engine *epoll, int fd)
{
	struct slot *slot = slot_find(epoll, fd);
	if (!slot)
		return;
	assert(slot->in.kind == REQUEST_NONE && slot->out.kind == REQUEST_NONE);
	slot->open = false;
}

/* Completes the request and empties its place. */
static void finish(struct epoll_engine *epoll, struct request *request, int result, uint32_t flags)
{
	request->kind = REQUEST_NONE;
	epoll_complete(epoll, request->op, result, flags);
}

/* Edges come from now on, the first one at once if there is something; else the request fails. */
static bool watch(struct epoll_engine *epoll, struct slot *slot, struct request *request)
{
	if (slot->watched)
		return true;
	struct epoll_event event = { .events = WATCHED_EVENTS, .data.fd = request->fd };
	epoll->engine.submissions++;
	if (epoll_ctl(epoll->fd, EPOLL_CTL_ADD, request->fd, &event) != 0) {
		finish(epoll, request, -errno, 0);
		return false;
	}
	slot->watched = true;
	return true;
}

static bool must_wait(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK;
}

static void wait_readable(struct epoll_engine *epoll, struct slot *slot)
{
	slot->hangup = false;
	if (watch(epoll, slot, &slot->in))
		slot->readable = false;
}

static void wait_writable(struct epoll_engine *epoll, struct slot *slot)
{
	if (watch(epoll, slot, &slot->out))
		slot->writable = false;
}

/* ---- reading ---- */

static void run_accept(struct epoll_engine *epoll, struct slot *slot)
{
	struct request *request = &slot->in;
	for (unsigned i = 0; i < epoll->burst; i++) {
		epoll->engine.submissions++;
		int fd = accept4(request->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && must_wait(errno)) {
			wait_readable(epoll, slot);
			return;
		}
		if (fd < 0 || !request->multishot) {
			finish(epoll, request, fd < 0 ? -errno : fd, 0);
			return;
		}
		epoll_complete(epoll, request->op, fd, OP_MORE);
	}
	epoll_slot_later(epoll, request->fd);
}

/* The descriptor may block, and an edge may tell of what an earlier read has taken already. */
static void run_read(struct epoll_engine *epoll, struct slot *slot)
{
	struct request *request = &slot->in;
	struct pollfd poller = { .fd = request->fd, .events = POLLIN };
	epoll->engine.submissions += 2;
	if (poll(&poller, 1, 0) == 0) {
		wait_readable(epoll, slot);
		return;
	}
	ssize_t result = read(request->fd, request->data, request->size);
	finish(epoll, request, result < 0 ? -errno : (int)result, 0);
}

/* The kernel tells an error once: one that was met behind bytes is kept for the next receive. */
static bool error_kept(struct epoll_engine *epoll, struct slot *slot)
{
	int error = slot->error;
	if (error == 0)
		return false;
	slot->error = 0;
	finish(epoll, &slot->in, error, 0);
	return true;
}

static void note_received(struct slot *slot, bool all)
{
	slot->readable = all || slot->hangup || !slot->watched;
}

static void run_receive(struct epoll_engine *epoll, struct slot *slot)
{
	struct request *request = &slot->in;
	if (error_kept(epoll, slot))
		return;
	do {
		size_t wanted = request->size - request->done;
		uint8_t *data = request->data;
		epoll->engine.submissions++;
		ssize_t got = data ? recv(request->fd, data + request->done, wanted, 0)
				   : recv(request->fd, NULL, wanted, MSG_TRUNC);
		if (got < 0 && must_wait(errno)) {
			wait_readable(epoll, slot);
			return;
		}
		if (got <= 0) {
			int result = got < 0 ? -errno : 0; /* the end is told again */
			if (request->done > 0) {
				slot->error = result;
				result = (int)request->done;
			}
			finish(epoll, request, result, 0);
			return;
		}
		request->done += (size_t)got;
		note_received(slot, (size_t)got == wanted);
	} while (request->whole && request->done < request->size && slot->readable);
	if (!request->whole || request->done == request->size)
		finish(epoll, request, (int)request->done, 0);
}

static void run_receive_provided(struct epoll_engine *epoll, struct slot *slot)
{
	struct request *request = &slot->in;
	if (error_kept(epoll, slot))
		return;
	for (unsigned i = 0; i < epoll->burst; i++) {
		uint32_t id;
		if (!epoll_buffer_take(epoll, &id)) {
			finish(epoll, request, -ENOBUFS, 0);
			return;
		}
		epoll->engine.submissions++;
		ssize_t got = recv(request->fd, epoll->buffers + id * epoll->buffer_size,
			epoll->buffer_size, 0);
		if (got <= 0) {
			int error = got < 0 ? errno : 0;
			epoll_buffer_put(epoll, id);
			if (must_wait(error))
				wait_readable(epoll, slot);
			else
				finish(epoll, request, -error, 0);
			return;
		}
		note_received(slot, (size_t)got == epoll->buffer_size);
		if (!request->multishot) {
			finish(epoll, request, (int)got, op_flags_buffer(id));
			return;
		}
		epoll_complete(epoll, request->op, (int)got, op_flags_buffer(id) | OP_MORE);
		if (!slot->readable)
			return;
	}
	epoll_slot_later(epoll, request->fd);
}

static void run_in(struct epoll_engine *epoll, struct slot *slot)
{
	switch (slot->in.kind) {
	case REQUEST_ACCEPT:
		run_accept(epoll, slot);
		return;
	case REQUEST_READ:
		run_read(epoll, slot);
		return;
	case REQUEST_RECEIVE:
		run_receive(epoll, slot);
		return;
	case REQUEST_RECEIVE_PROVIDED:
		run_receive_provided(epoll, slot);
		return;
	case REQUEST_NONE:
	case REQUEST_CONNECT:
	case REQUEST_SEND:
	case REQUEST_CANCEL:
		return;
	}
}

/* ---- writing ---- */

static void start_connect(struct epoll_engine *epoll, struct slot *slot)
{
	struct request *request = &slot->out;
	epoll->engine.submissions++;
	if (connect(request->fd, request->to, (socklen_t)request->size) == 0)
		finish(epoll, request, 0, 0);
	else if (errno == EINPROGRESS)
		wait_writable(epoll, slot);
	else
		finish(epoll, request, -errno, 0);
}

static void end_connect(struct epoll_engine *epoll, struct slot *slot)
{
	int error = 0;
	socklen_t size = sizeof error;
	if (getsockopt(slot->out.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	finish(epoll, &slot->out, -error, 0);
}

static size_t message_size(const struct msghdr *message)
{
	size_t size = 0;
	for (size_t i = 0; i < message->msg_iovlen; i++)
		size += message->msg_iov[i].iov_len;
	return size;
}

static void start_send(struct epoll_engine *epoll, struct slot *slot)
{
	struct request *request = &slot->out;
	if (!slot->writable)
		return;
	epoll->engine.submissions++;
	ssize_t sent = sendmsg(request->fd, request->message, MSG_NOSIGNAL);
	if (sent < 0 && must_wait(errno)) {
		wait_writable(epoll, slot);
		return;
	}
	if (sent >= 0 && slot->watched)
		slot->writable = (size_t)sent == message_size(request->message);
	finish(epoll, request, sent < 0 ? -errno : (int)sent, 0);
}

static void run_out(struct epoll_engine *epoll, struct slot *slot)
{
	if (slot->out.kind == REQUEST_CONNECT)
		end_connect(epoll, slot);
	else
		/* The message is gone by now: the caller sends again, with what has joined it. */
		finish(epoll, &slot->out, 0, 0);
}

/* ---- all ---- */

static void cancel(struct epoll_engine *epoll, const struct request *request)
{
	struct slot *slot = slot_find(epoll, request->fd);
	struct request *found = NULL;
	if (slot && slot->in.kind != REQUEST_NONE && slot->in.op == request->target)
		found = &slot->in;
	else if (slot && slot->out.kind != REQUEST_NONE && slot->out.op == request->target)
		found = &slot->out;
	if (found)
		finish(epoll, found, found->done > 0 ? (int)found->done : -ECANCELED, 0);
	epoll_complete(epoll, request->op, found ? 0 : -ENOENT, 0);
}

void epoll_start(struct epoll_engine *epoll, const struct request *request)
{
	if (request->kind == REQUEST_CANCEL) {
		cancel(epoll, request);
		return;
	}
	struct slot *slot = slot_find(epoll, request->fd);
	if (!slot)
		slot = slot_open(epoll, request->fd);
	if (!slot) {
		epoll_complete(epoll, request->op, -ENOMEM, 0);
		return;
	}
	bool out = request->kind == REQUEST_CONNECT || request->kind == REQUEST_SEND;
	struct request *place = out ? &slot->out : &slot->in;
	assert(place->kind == REQUEST_NONE);
	*place = *request;
	if (request->kind == REQUEST_CONNECT)
		start_connect(epoll, slot);
	else if (request->kind == REQUEST_SEND)
		start_send(epoll, slot);
	else if (slot->readable)
		run_in(epoll, slot);
}

void epoll_slot_run(struct epoll_engine *epoll, int fd)
{
	struct slot *slot = slot_find(epoll, fd);
	if (!slot)
		return;
	if (slot->in.kind != REQUEST_NONE && slot->readable)
		run_in(epoll, slot);
	if (slot->out.kind != REQUEST_NONE && slot->writable)
		run_out(epoll, slot);
}

void epoll_slot_event(struct epoll_engine *epoll, int fd, uint32_t events)
{
	struct slot *slot = slot_find(epoll, fd);
	if (!slot)
		return;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		slot->hangup = true;
	if (slot->hangup || events & EPOLLIN)
		slot->readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		slot->writable = true;
	epoll_slot_run(epoll, fd);
}
