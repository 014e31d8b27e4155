/*
 * impostor KIND: listens on a free port of 127.0.0.1, prints `ready 127.0.0.1:PORT`, and is what a
 * client may meet instead of a usable broker, until it is killed:
 *
 *   http         answers whatever comes with an HTTP response, and closes
 *   tls          answers with a TLS alert, as a TLS listener does to plain bytes
 *   garbage      answers with bytes that are nobody's protocol
 *   greeter      sends a line of text before it was asked anything, as mail and SSH servers do
 *   silent       accepts, reads, and never answers
 *   closing      closes every connection as soon as it is accepted
 *   old          a broker as of Kafka 0.10: ApiVersions v0, Produce and Metadata too old for us
 *   unproducing  a broker that speaks everything but Produce
 *   mute         a broker that answers ApiVersions and Metadata, and then nothing more
 *
 * Not a broker: one request after the other, and no topics.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base.h"
#include "proto/api.h"
#include "proto/cluster.h"
#include "proto/error.h"
#include "proto/metadata.h"

#define FRAME_SIZE  65536
#define ARENA_LIMIT ((size_t)1 << 20)

struct impostor {
	const char *kind;
	uint16_t port;
};

static bool is(const struct impostor *self, const char *kind)
{
	return strcmp(self->kind, kind) == 0;
}

/* ---- what is not Kafka ---- */

static const char http_answer[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
				  "Content-Length: 0\r\n\r\n";
static const char tls_answer[] = "\x15\x03\x03\x00\x02\x02\x46";
static const char garbage_answer[] = "\xde\xad\xbe\xef\x00\x01\x02\x03 and so on";
static const char greeter_answer[] = "220 mail.example.org ESMTP\r\n";

/* Until the peer has gone. */
static void swallow(int fd)
{
	char bytes[4096];
	while (read(fd, bytes, sizeof bytes) > 0)
		;
}

static void say(int fd, const char *bytes, size_t size, bool when_asked)
{
	char asked[4096];
	if (when_asked && read(fd, asked, sizeof asked) <= 0)
		return;
	if (send(fd, bytes, size, MSG_NOSIGNAL) < 0)
		return;
	shutdown(fd, SHUT_WR);
	swallow(fd);
}

/* ---- what is nearly Kafka ---- */

static bool read_all(int fd, uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t got = read(fd, data, size);
		if (got <= 0)
			return false;
		data += got;
		size -= (size_t)got;
	}
	return true;
}

static bool answer(int fd, enum api api, int version, int32_t correlation_id, const void *body)
{
	uint8_t frame[FRAME_SIZE];
	struct writer w;
	writer_init(&w, frame, sizeof frame, NULL, 0);
	int32_t size = response_write(&w, api, version, correlation_id, body);
	return size > 0 && send(fd, frame, (size_t)size, MSG_NOSIGNAL) == size;
}

static bool answer_versions(
	const struct impostor *self, int fd, int version, int32_t correlation_id)
{
	static struct api_version old[] = {
		{ .api_key = 0, .min_version = 0, .max_version = 2 },  /* Produce */
		{ .api_key = 3, .min_version = 0, .max_version = 2 },  /* Metadata */
		{ .api_key = 18, .min_version = 0, .max_version = 0 }, /* ApiVersions */
	};
	struct api_version all[API_COUNT];
	struct api_versions_response body;
	message_reset(api_infos[API_API_VERSIONS].response, &body);
	if (is(self, "old")) {
		body.error_code = version > 0 ? ERROR_UNSUPPORTED_VERSION : ERROR_NONE;
		body.api_keys.items = old;
		body.api_keys.count = COUNT_OF(old);
		return answer(fd, API_API_VERSIONS, 0, correlation_id, &body);
	}
	int32_t count = 0;
	for (int i = 0; i < API_COUNT; i++)
		if (i != API_PRODUCE || !is(self, "unproducing"))
			all[count++] = (struct api_version){ .api_key = api_infos[i].key,
				.min_version = api_infos[i].first,
				.max_version = api_infos[i].last };
	body.api_keys.items = all;
	body.api_keys.count = count;
	return answer(fd, API_API_VERSIONS, version, correlation_id, &body);
}

/* A cluster of one, which has no topic. */
static bool answer_metadata(const struct impostor *self, int fd, int version,
	int32_t correlation_id, const struct metadata_request *request)
{
	struct metadata_broker broker = { .node_id = 1,
		.host = string_of("127.0.0.1"),
		.port = self->port,
		.rack = NULL_STRING };
	struct metadata_topic topic;
	struct metadata_response body;
	message_reset(api_infos[API_METADATA].response, &body);
	body.brokers.items = &broker;
	body.brokers.count = 1;
	body.controller_id = 1;
	if (request->topics.count > 0) {
		topic = (struct metadata_topic){ .error_code = ERROR_UNKNOWN_TOPIC_OR_PARTITION,
			.name = request->topics.items[0].name,
			.topic_authorized_operations = INT32_MIN };
		body.topics.items = &topic;
		body.topics.count = 1;
	}
	return answer(fd, API_METADATA, version, correlation_id, &body);
}

static bool request_take(const struct impostor *self, int fd, const uint8_t *frame, int32_t size,
	struct arena *arena)
{
	struct reader r;
	struct request_header header;
	reader_init_flat(&r, frame, size, arena);
	int api = request_header_read(&r, &header);
	if (api == API_API_VERSIONS)
		return answer_versions(self, fd, header.request_api_version, header.correlation_id);
	if (api != API_METADATA)
		return true; /* never answered */
	struct metadata_request body;
	if (request_body_read(&r, API_METADATA, header.request_api_version, &body) < 0)
		return false;
	return answer_metadata(self, fd, header.request_api_version, header.correlation_id, &body);
}

static void serve_requests(const struct impostor *self, int fd)
{
	static uint8_t frame[FRAME_SIZE];
	uint8_t prefix[4];
	struct arena arena;
	arena_init(&arena, ARENA_LIMIT);
	for (bool going = true; going && read_all(fd, prefix, sizeof prefix);) {
		uint32_t size = (uint32_t)prefix[0] << 24 | (uint32_t)prefix[1] << 16 |
				(uint32_t)prefix[2] << 8 | prefix[3];
		going = size <= sizeof frame && read_all(fd, frame, size) &&
			request_take(self, fd, frame, (int32_t)size, &arena);
		arena_reset(&arena);
	}
	arena_free(&arena);
}

/* ---- the listener ---- */

static void serve(const struct impostor *self, int fd)
{
	if (is(self, "http"))
		say(fd, http_answer, sizeof http_answer - 1, true);
	else if (is(self, "tls"))
		say(fd, tls_answer, sizeof tls_answer - 1, true);
	else if (is(self, "garbage"))
		say(fd, garbage_answer, sizeof garbage_answer - 1, true);
	else if (is(self, "greeter"))
		say(fd, greeter_answer, sizeof greeter_answer - 1, false);
	else if (is(self, "silent"))
		swallow(fd);
	else if (!is(self, "closing"))
		serve_requests(self, fd);
}

static bool kind_is_known(const char *kind)
{
	static const char *const kinds[] = { "http", "tls", "garbage", "greeter", "silent",
		"closing", "old", "unproducing", "mute" };
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (strcmp(kinds[i], kind) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	if (argc != 2 || !kind_is_known(argv[1])) {
		fputs("usage: impostor http|tls|garbage|greeter|silent|closing|old|unproducing|"
		      "mute\n",
			stderr);
		return 2;
	}
	struct impostor self = { .kind = argv[1] };
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof address;
	signal(SIGCHLD, SIG_IGN); /* no zombies */
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
		listen(listener, 16) != 0 ||
		getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
		perror("impostor");
		return 1;
	}
	self.port = ntohs(address.sin_port);
	printf("ready 127.0.0.1:%u\n", self.port);
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			continue;
		if (fork() == 0) { /* each connection its own process: a run opens several */
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(listener);
			serve(&self, fd);
			_exit(0);
		}
		close(fd);
	}
}
