/* The control socket itself: lines in, lines out. The commands are control_run.c's. */
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROBE_MS    300
#define PROBE_TRIES 20

struct control_client {
	struct stream stream;
	struct control *control;
	struct list node;
	bool ending; /* once the answer is out */
	/* One command at a time: the next is read when its answer has gone. */
	struct send send;
	struct iovec iov;
	char answer[CONTROL_ANSWER_SIZE + 1];
};

/* ---- a client ---- */

static void client_sent(struct send *send, int result)
{
	struct control_client *client = CONTAINER_OF(send, struct control_client, send);
	if (result < 0)
		return;
	if (client->ending)
		stream_close(&client->stream);
	else
		stream_resume(&client->stream);
}

/* The stream rests until the answer is out, so that an end behind the command does not overtake it.
 */
static void client_answer(struct control_client *client)
{
	size_t size = strlen(client->answer);
	client->answer[size++] = '\n';
	client->iov = (struct iovec){ client->answer, size };
	client->send = (struct send){ .done = client_sent, .iov = &client->iov, .count = 1 };
	stream_send(&client->stream, &client->send);
	stream_pause(&client->stream);
}

static size_t client_received(
	struct stream *stream, const uint8_t *data, size_t size, int64_t arrived_ns)
{
	(void)arrived_ns;
	struct control_client *client = CONTAINER_OF(stream, struct control_client, stream);
	if (client->ending)
		return size;
	const uint8_t *newline = memchr(data, '\n', MIN(size, (size_t)CONTROL_LINE_MAX));
	if (!newline && size < CONTROL_LINE_MAX)
		return 0;
	if (!newline) {
		snprintf(client->answer, sizeof client->answer,
			"error: a command has at most %d bytes", CONTROL_LINE_MAX);
		client->ending = true;
		client_answer(client);
		return size;
	}
	char line[CONTROL_LINE_MAX];
	size_t line_size = (size_t)(newline - data), length = line_size;
	memcpy(line, data, length);
	while (length > 0 && (line[length - 1] == '\r' || line[length - 1] == ' '))
		length--;
	line[length] = 0;
	control_run(client->control->stage, line, client->answer);
	client_answer(client);
	return line_size + 1;
}

static void client_opened(struct stream *stream, int result)
{
	(void)stream, (void)result;
}

static void client_closed(struct stream *stream, int reason)
{
	(void)reason;
	struct control_client *client = CONTAINER_OF(stream, struct control_client, stream);
	list_remove(&client->node);
	client->control->client_count--;
	free(client);
}

static const struct stream_events client_events = {
	.opened = client_opened,
	.received = client_received,
	.closed = client_closed,
};

/* ---- the socket ---- */

static struct stream *control_accepted(struct listener *listener, const struct address *peer)
{
	(void)peer;
	struct control *control = CONTAINER_OF(listener, struct control, listener);
	if (control->client_count == CONTROL_CLIENTS_MAX)
		return NULL;
	struct control_client *client = calloc(1, sizeof *client);
	if (!client)
		return NULL;
	client->control = control;
	list_append(&control->clients, &client->node);
	control->client_count++;
	return &client->stream;
}

static void control_closed(struct listener *listener)
{
	CONTAINER_OF(listener, struct control, listener)->listening = false;
}

static const struct listener_events control_events = {
	.accepted = control_accepted,
	.closed = control_closed,
};

/*
 * Whether somebody answers there: 0, -ECONNREFUSED, or -ECONNRESET. The last is seen right after a
 * broker was killed: the kernel takes its ring apart, and the listening socket in it, a little
 * later than the process.
 */
static int probe(const struct address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	struct timeval patience = { .tv_usec = PROBE_MS * 1000 };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	int result = 0;
	char byte;
	if (connect(fd, (const struct sockaddr *)&address->storage, address->size) != 0) {
		result = errno == ECONNREFUSED ? -ECONNREFUSED : 0;
	} else if (send(fd, "help\n", 5, MSG_NOSIGNAL) < 0) {
		result = -ECONNRESET;
	} else {
		ssize_t got = recv(fd, &byte, 1, 0);
		/* Whoever is too busy to answer is alive. */
		if (got == 0 || (got < 0 && errno != EAGAIN))
			result = -ECONNRESET;
	}
	close(fd);
	return result;
}

/* Removes what a broker that is gone has left there. 0, -EADDRINUSE, -EEXIST. */
static int remove_stale(const char *path, const struct address *address)
{
	struct stat status;
	if (lstat(path, &status) != 0)
		return 0;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	int result = probe(address);
	for (int tries = 0; result == -ECONNRESET && tries < PROBE_TRIES; tries++) {
		nanosleep(&(struct timespec){ .tv_nsec = 10 * NS_PER_MS }, NULL);
		result = probe(address);
	}
	if (result != -ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(path) == 0 ? 0 : -errno;
}

int control_open(
	struct control *control, struct stage *stage, const char *path, char why[STAGE_REASON_SIZE])
{
	*control = (struct control){ .stage = stage };
	list_init(&control->clients);
	struct address address;
	int result =
		strlen(path) < sizeof control->path ? address_unix(path, &address) : -ENAMETOOLONG;
	if (result == 0)
		result = remove_stale(path, &address);
	if (result == 0) {
		mode_t mask = umask(0177);
		result = listener_open(stage->loop, &control->listener, &address, NULL,
			&client_events, &control_events);
		umask(mask);
	}
	if (result < 0) {
		const char *reason = result == -EADDRINUSE ? "a broker that runs listens there"
				     : result == -EEXIST   ? "there is something that is no socket"
				     : result == -ENAMETOOLONG
					     ? "a socket's path has less than 108 bytes"
					     : strerror(-result);
		snprintf(why, STAGE_REASON_SIZE, "control socket '%.128s': %s", path, reason);
		return result;
	}
	control->listening = true;
	snprintf(control->path, sizeof control->path, "%s", path);
	return 0;
}

void control_close(struct control *control)
{
	if (!control->listening)
		return;
	listener_close(&control->listener);
	struct list *at;
	list_for_each (at, &control->clients)
		stream_reset(&CONTAINER_OF(at, struct control_client, node)->stream);
	while (control->listening || !list_empty(&control->clients))
		loop_turn(control->stage->loop, NEVER_NS);
	unlink(control->path);
}
