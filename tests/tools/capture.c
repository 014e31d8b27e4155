/*
 * A recording proxy between Kafka clients and one broker on 127.0.0.1, for making golden frames.
 *
 *	capture TARGET_PORT OUTPUT
 *
 * prints "ready PORT", then forwards every connection to the broker and appends each frame to
 * OUTPUT as "request|response ApiName VERSION HEX", size prefix included, exactly as it was sent.
 * Clients follow the broker's address in answers, so what is forwarded (not what is recorded) has
 * the proxy's port wherever 127.0.0.1 and the broker's port stand. Frames of an API or version that
 * is not in our list are forwarded and left out. Ends on SIGTERM. Not for load: it copies and
 * blocks on sends, which is safe because a blocked broker or client here only delays the capture.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/api.h"

#define FRAME_LIMIT      (1 << 20) /* larger ones end the connection */
#define CONNECTION_LIMIT 64
#define PENDING_LIMIT    256 /* requests without their answer, per connection */
#define HOST             "127.0.0.1"

struct pending {
	int16_t key, version;
	int32_t correlation_id;
};

/* One direction: bytes that are not yet a whole frame. */
struct half {
	uint8_t *data;
	size_t size;
};

struct connection {
	int client, broker; /* -1: the slot is free */
	struct half requests, responses;
	struct pending pending[PENDING_LIMIT];
	int pending_count;
};

struct capture {
	int listener;
	uint16_t port, target;
	FILE *output;
	struct connection connections[CONNECTION_LIMIT];
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static int32_t load_int32(const uint8_t *at)
{
	uint32_t big;
	memcpy(&big, at, sizeof big);
	return (int32_t)ntohl(big);
}

static int16_t load_int16(const uint8_t *at)
{
	return (int16_t)(at[0] << 8 | at[1]);
}

static void record(struct capture *c, const char *direction, struct pending p, const uint8_t *frame,
	size_t size)
{
	int api = api_of_key(p.key);
	if (api < 0 || !api_speaks((enum api)api, p.version))
		return;
	fprintf(c->output, "%s %s %d ", direction, api_infos[api].name, p.version);
	for (size_t i = 0; i < size; i++)
		fprintf(c->output, "%02x", frame[i]);
	fputc('\n', c->output);
}

/* Puts the proxy's port in the place of the broker's, wherever it follows the host's name. */
static void redirect(const struct capture *c, uint8_t *frame, size_t size)
{
	uint8_t *at = frame, *end = frame + size;
	while ((at = memmem(at, (size_t)(end - at), HOST, strlen(HOST)))) {
		at += strlen(HOST);
		if (end - at >= 4 && load_int32(at) == c->target) {
			at[2] = (uint8_t)(c->port >> 8);
			at[3] = (uint8_t)c->port;
		}
	}
}

static bool on_request(struct capture *c, struct connection *n, uint8_t *frame, size_t size)
{
	if (size < 12 || n->pending_count == PENDING_LIMIT)
		return false;
	struct pending p = { load_int16(frame + 4), load_int16(frame + 6), load_int32(frame + 8) };
	n->pending[n->pending_count++] = p;
	record(c, "request", p, frame, size);
	return true;
}

/* Answers come in order; a request before this one's never gets any (acks=0). */
static bool on_response(struct capture *c, struct connection *n, uint8_t *frame, size_t size)
{
	int i = 0;
	if (size < 8)
		return false;
	while (i < n->pending_count && n->pending[i].correlation_id != load_int32(frame + 4))
		i++;
	if (i == n->pending_count)
		return false;
	record(c, "response", n->pending[i], frame, size);
	n->pending_count -= i + 1;
	memmove(n->pending, n->pending + i + 1, (size_t)n->pending_count * sizeof *n->pending);
	redirect(c, frame, size);
	return true;
}

static bool send_all(int fd, const uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		data += sent;
		size -= (size_t)sent;
	}
	return true;
}

/* Takes what has arrived and forwards the whole frames of it; false ends the connection. */
static bool forward(struct capture *c, struct connection *n, bool from_client)
{
	struct half *half = from_client ? &n->requests : &n->responses;
	int from = from_client ? n->client : n->broker, to = from_client ? n->broker : n->client;
	ssize_t got = recv(from, half->data + half->size, FRAME_LIMIT - half->size, 0);
	if (got <= 0)
		return false;
	half->size += (size_t)got;
	while (half->size >= 4) {
		int32_t body = load_int32(half->data);
		if (body < 0 || body > FRAME_LIMIT - 4)
			return false;
		size_t size = (size_t)body + 4;
		if (half->size < size)
			break;
		bool known = from_client ? on_request(c, n, half->data, size)
					 : on_response(c, n, half->data, size);
		if (!known || !send_all(to, half->data, size))
			return false;
		half->size -= size;
		memmove(half->data, half->data + size, half->size);
	}
	return true;
}

static void connection_end(struct connection *n)
{
	close(n->client);
	close(n->broker);
	free(n->requests.data);
	free(n->responses.data);
	*n = (struct connection){ .client = -1, .broker = -1 };
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void connection_begin(struct capture *c)
{
	int client = accept(c->listener, NULL, NULL);
	if (client < 0)
		return;
	struct connection *n = c->connections;
	while (n < c->connections + CONNECTION_LIMIT && n->client >= 0)
		n++;
	struct sockaddr_in address = loopback(c->target);
	int broker = socket(AF_INET, SOCK_STREAM, 0);
	if (n == c->connections + CONNECTION_LIMIT || broker < 0 ||
		connect(broker, (struct sockaddr *)&address, sizeof address)) {
		close(client);
		close(broker);
		return;
	}
	*n = (struct connection){ .client = client, .broker = broker };
	n->requests.data = malloc(FRAME_LIMIT);
	n->responses.data = malloc(FRAME_LIMIT);
	if (!n->requests.data || !n->responses.data)
		connection_end(n);
}

static void turn(struct capture *c)
{
	struct pollfd fds[1 + 2 * CONNECTION_LIMIT];
	fds[0] = (struct pollfd){ c->listener, POLLIN, 0 };
	for (int i = 0; i < CONNECTION_LIMIT; i++) {
		fds[1 + 2 * i] = (struct pollfd){ c->connections[i].client, POLLIN, 0 };
		fds[2 + 2 * i] = (struct pollfd){ c->connections[i].broker, POLLIN, 0 };
	}
	if (poll(fds, COUNT_OF(fds), -1) <= 0)
		return;
	for (int i = 0; i < CONNECTION_LIMIT; i++) {
		struct connection *n = &c->connections[i];
		if ((fds[1 + 2 * i].revents && !forward(c, n, true)) ||
			(fds[2 + 2 * i].revents && !forward(c, n, false)))
			connection_end(n);
	}
	if (fds[0].revents)
		connection_begin(c);
}

static bool listen_anywhere(struct capture *c)
{
	struct sockaddr_in address = loopback(0);
	socklen_t size = sizeof address;
	c->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (c->listener < 0 || bind(c->listener, (struct sockaddr *)&address, size) ||
		listen(c->listener, CONNECTION_LIMIT) ||
		getsockname(c->listener, (struct sockaddr *)&address, &size))
		return false;
	c->port = ntohs(address.sin_port);
	return true;
}

int main(int argc, char **argv)
{
	struct capture c = { .target = argc == 3 ? (uint16_t)atoi(argv[1]) : 0 };
	if (c.target == 0) {
		fprintf(stderr, "usage: capture TARGET_PORT OUTPUT\n");
		return 2;
	}
	for (int i = 0; i < CONNECTION_LIMIT; i++)
		c.connections[i].client = c.connections[i].broker = -1;
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	sigaction(SIGINT, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	c.output = fopen(argv[2], "w");
	if (!c.output || !listen_anywhere(&c)) {
		perror("capture");
		return 1;
	}
	printf("ready %d\n", c.port);
	fflush(stdout);
	while (!stopped)
		turn(&c);
	for (int i = 0; i < CONNECTION_LIMIT; i++)
		if (c.connections[i].client >= 0)
			connection_end(&c.connections[i]);
	close(c.listener);
	return fclose(c.output) ? 1 : 0;
}
