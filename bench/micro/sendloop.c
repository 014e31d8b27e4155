/*
 * What a sink takes at most: prebuilt Produce frames of 256 KiB by plain blocking send(), nothing
 * else in the loop. And the sink to compare with, which reads nothing (MSG_TRUNC).
 *
 *     sendloop [--size BYTES] [--seconds S] [--acks 0|1] [--topic NAME] [--core N] HOST:PORT
 *     sendloop --bare [...] HOST:PORT      into a sink that knows no protocol, and answers nothing
 *     sendloop --receive [--core N] HOST:PORT       that sink; prints "ready HOST:PORT", port 0:
 * any
 *
 * It pins itself to --core and uses cubic. A Kafka broker is asked once before and once after the
 * loop (acks=1): the offsets between say that each record was taken. bench/sendloop runs pairs.
 */
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "io/address.h"
#include "proto/api.h"
#include "proto/batch.h"
#include "proto/metadata.h"
#include "proto/produce.h"
#include "random.h"

#define FRAME_SIZE       ((size_t)256 * 1024)
#define FRAMES           5   /* different ones, sent in turn; with acks=1 also the most in flight */
#define HEAD_SIZE        256 /* of a frame, at most: all that is before the batch */
#define ANSWER_SIZE      ((size_t)65536)
#define ARENA_SIZE       ((size_t)1024 * 1024)
#define PRODUCE_VERSION  9
#define METADATA_VERSION 9
#define LEADER_TRIES     100

struct options {
	const char *topic, *host;
	uint16_t port;
	int32_t size;
	double seconds;
	int16_t acks;
	int core;
	bool bare, receive;
};

struct frame {
	uint8_t data[FRAME_SIZE];
	int32_t size;
};

struct sendloop {
	struct options options;
	int fd;
	int32_t records; /* of a frame */
	struct frame *frames;
	struct arena arena;
	uint8_t answer[ANSWER_SIZE];
};

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "sendloop: %s: %s\n", what, why);
	exit(1);
}

/* ---- sockets ---- */

static void pin(int core)
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET((size_t)core, &one);
	if (sched_setaffinity(0, sizeof one, &one) != 0)
		perror("sendloop: not pinned");
}

static int socket_cubic(const struct options *o, struct address *address)
{
	if (address_resolve(o->host, o->port, address, 1) != 1)
		die(o->host, "no such host");
	int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;
	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) != 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
		die("cubic", strerror(errno));
	return fd;
}

static void send_all(int fd, const uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
		if (sent <= 0)
			die("send", strerror(errno));
		data += sent;
		size -= (size_t)sent;
	}
}

static void receive_all(int fd, uint8_t *data, size_t size)
{
	ssize_t got = recv(fd, data, size, MSG_WAITALL);
	if (got != (ssize_t)size)
		die("the broker closed the connection", got < 0 ? strerror(errno) : "end");
}

/* ---- the sink that reads nothing ---- */

static int receive(const struct options *o)
{
	struct address address;
	char text[ADDRESS_TEXT_SIZE];
	int fd = socket_cubic(o, &address), one = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&address.storage, address.size) != 0 || listen(fd, 8) != 0)
		die("listen", strerror(errno));
	getsockname(fd, (struct sockaddr *)&address.storage, &address.size);
	printf("ready %s\n", address_format(&address, text));
	fflush(stdout);
	for (;;) {
		int peer = accept(fd, NULL, NULL);
		if (peer < 0)
			die("accept", strerror(errno));
		while (recv(peer, NULL, (size_t)1 << 20, MSG_TRUNC) > 0)
			;
		close(peer);
	}
}

/* ---- a few words of Kafka ---- */

/* Takes the next answer and reads it into `body`; returns its size on the wire. */
static size_t answer_take(struct sendloop *s, enum api api, int version, void *body)
{
	receive_all(s->fd, s->answer, 4);
	uint32_t size = (uint32_t)s->answer[0] << 24 | (uint32_t)s->answer[1] << 16 |
			(uint32_t)s->answer[2] << 8 | s->answer[3];
	if (size > ANSWER_SIZE - 4)
		die("an answer", "too large");
	receive_all(s->fd, s->answer + 4, size);
	struct reader r;
	int32_t correlation_id;
	reader_init_flat(&r, s->answer + 4, (int32_t)size, &s->arena);
	if (response_header_read(&r, api, version, &correlation_id) != 0 ||
		response_body_read(&r, api, version, body) != 0)
		die("an answer", r.reason ? r.reason : "not understood");
	return size + 4;
}

/* Asks until the topic, created by the question, has a leader. */
static void topic_reach(struct sendloop *s)
{
	struct metadata_request_topic topic = { .name = string_of(s->options.topic) };
	struct metadata_request request = { .topics = { &topic, 1 },
		.allow_auto_topic_creation = true };
	for (int i = 0; i < LEADER_TRIES; i++) {
		uint8_t memory[1024];
		struct writer w;
		writer_init(&w, memory, sizeof memory, NULL, 0);
		int32_t size = request_write(
			&w, API_METADATA, METADATA_VERSION, 0, STRING("sendloop"), &request);
		if (size < 0)
			die("--topic", w.reason);
		send_all(s->fd, memory, (size_t)size);
		struct metadata_response answer;
		arena_reset(&s->arena);
		answer_take(s, API_METADATA, METADATA_VERSION, &answer);
		if (answer.topics.count == 1 && answer.topics.items[0].error_code == 0 &&
			answer.topics.items[0].partitions.count > 0 &&
			answer.topics.items[0].partitions.items[0].leader_id >= 0)
			return;
		usleep(100000);
	}
	die(s->options.topic, "the topic has no leader");
}

/* A batch of fresh random values that fills what the head leaves of the frame. */
static struct records batch_make(struct sendloop *s, uint8_t *memory, struct iovec *segment)
{
	struct random random;
	struct batch_builder b;
	random_seed(&random, (uint64_t)(uintptr_t)memory);
	size_t capacity = FRAME_SIZE - HEAD_SIZE;
	batch_begin(&b, memory, capacity, clock_wall_ns() / NS_PER_MS);
	uint8_t *value;
	while ((value = batch_reserve(
			&b, b.base_timestamp_ms, NULL_BYTES, s->options.size, NULL, 0)))
		for (int32_t i = 0; i < s->options.size; i++)
			value[i] = (uint8_t)random_next(&random);
	if (b.record_count == 0)
		die("--size", "a record does not fit a frame");
	s->records = b.record_count;
	struct batch_seal seal = BATCH_SEAL_PLAIN;
	ssize_t size = batch_finish(&b, &seal, NULL, 0);
	if (size < 0)
		die("the batch", strerror((int)-size));
	*segment = (struct iovec){ memory, (size_t)size };
	return (struct records){ segment, 1, (int32_t)size };
}

static void frame_make(struct sendloop *s, struct frame *frame, int16_t acks)
{
	static uint8_t memory[FRAME_SIZE];
	struct iovec segment;
	struct produce_partition partition = { .index = 0,
		.records = batch_make(s, memory, &segment) };
	struct produce_topic topic = { .name = string_of(s->options.topic),
		.partition_data = { &partition, 1 } };
	struct produce_request request = { .transactional_id = NULL_STRING,
		.acks = acks,
		.timeout_ms = 30000,
		.topic_data = { &topic, 1 } };
	struct writer w;
	writer_init(&w, frame->data, FRAME_SIZE, NULL, 0);
	frame->size =
		request_write(&w, API_PRODUCE, PRODUCE_VERSION, 0, STRING("sendloop"), &request);
	if (frame->size < 0)
		die("a frame", w.reason);
}

/* Sends one frame with acks=1. Returns its first record's offset; the answer's size is set. */
static int64_t frame_confirm(struct sendloop *s, size_t *answer_size)
{
	static struct frame frame;
	frame_make(s, &frame, 1);
	send_all(s->fd, frame.data, (size_t)frame.size);
	struct produce_response answer;
	arena_reset(&s->arena);
	*answer_size = answer_take(s, API_PRODUCE, PRODUCE_VERSION, &answer);
	if (answer.responses.count != 1 || answer.responses.items[0].partition_responses.count != 1)
		die("the answer", "not of one partition");
	const struct produce_partition_response *p =
		&answer.responses.items[0].partition_responses.items[0];
	char text[32];
	snprintf(text, sizeof text, "error %d", p->error_code);
	if (p->error_code != 0)
		die("the broker", text);
	return p->base_offset;
}

/* ---- the loop ---- */

/* With acks=1 answers, all of one size, are counted by their bytes. */
static void answers_wait(struct sendloop *s, size_t bytes, size_t *taken)
{
	while (*taken < bytes) {
		ssize_t got = recv(s->fd, NULL, ANSWER_SIZE, MSG_TRUNC);
		if (got <= 0)
			die("the broker closed the connection", got < 0 ? strerror(errno) : "end");
		*taken += (size_t)got;
	}
}

static double cpu_seconds(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void run(struct sendloop *s)
{
	bool asked = !s->options.bare, answered = asked && s->options.acks != 0;
	size_t answer_size = 0, taken = 0, sent = 0, bytes = 0;
	if (asked)
		topic_reach(s);
	for (int i = 0; i < FRAMES; i++)
		frame_make(s, &s->frames[i], s->options.acks);
	int64_t first = asked ? frame_confirm(s, &answer_size) : 0;
	double cpu = cpu_seconds();
	int64_t start_ns = clock_monotonic_ns(), now_ns;
	int64_t end_ns = start_ns + (int64_t)(s->options.seconds * (double)NS_PER_S);
	while ((now_ns = clock_monotonic_ns()) < end_ns) {
		const struct frame *frame = &s->frames[sent % FRAMES];
		if (answered && sent >= FRAMES)
			answers_wait(s, (sent - FRAMES + 1) * answer_size, &taken);
		send_all(s->fd, frame->data, (size_t)frame->size);
		bytes += (size_t)frame->size;
		sent++;
	}
	cpu = cpu_seconds() - cpu;
	if (answered)
		answers_wait(s, sent * answer_size, &taken);
	if (asked) {
		int64_t expected = (int64_t)(sent + 1) * s->records;
		if (frame_confirm(s, &answer_size) - first != expected)
			die("the offsets", "not all records were taken");
	}
	double seconds = (double)(now_ns - start_ns) / (double)NS_PER_S;
	double records = (double)sent * s->records;
	printf("%.3f GB/s %.3f M records/s %.2f ns of CPU per record, %d of %d B per frame, %.0f\n",
		(double)bytes / seconds / 1e9, records / seconds / 1e6, cpu * 1e9 / records,
		s->records, s->options.size, records);
}

/* ---- options ---- */

static _Noreturn void usage(void)
{
	fputs("usage: sendloop [--bare | --receive] [--size BYTES] [--seconds S] [--acks 0|1]\n"
	      "                [--topic NAME] [--core N] HOST:PORT\n",
		stderr);
	exit(2);
}

static void address_take(struct options *o, char *text)
{
	char *colon = strrchr(text, ':');
	if (!colon)
		usage();
	*colon = 0;
	o->host = text;
	o->port = (uint16_t)strtoul(colon + 1, NULL, 10);
}

static struct options options_take(int argc, char **argv)
{
	enum { BARE = 1, RECEIVE, SIZE, SECONDS, ACKS, TOPIC, CORE };
	static const struct option known[] = { { "bare", 0, NULL, BARE },
		{ "receive", 0, NULL, RECEIVE }, { "size", 1, NULL, SIZE },
		{ "seconds", 1, NULL, SECONDS }, { "acks", 1, NULL, ACKS },
		{ "topic", 1, NULL, TOPIC }, { "core", 1, NULL, CORE }, { NULL, 0, NULL, 0 } };
	struct options o = { .topic = "sendloop", .size = 100, .seconds = 1, .core = -1 };
	int option;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case BARE:
			o.bare = true;
			break;
		case RECEIVE:
			o.receive = true;
			break;
		case SIZE:
			o.size = (int32_t)strtol(optarg, NULL, 10);
			break;
		case SECONDS:
			o.seconds = strtod(optarg, NULL);
			break;
		case ACKS:
			o.acks = (int16_t)strtol(optarg, NULL, 10);
			break;
		case TOPIC:
			o.topic = optarg;
			break;
		case CORE:
			o.core = (int)strtol(optarg, NULL, 10);
			break;
		default:
			usage();
		}
	}
	if (optind != argc - 1 || o.size < 0 || o.acks < 0 || o.acks > 1)
		usage();
	address_take(&o, argv[optind]);
	return o;
}

int main(int argc, char **argv)
{
	static struct sendloop s;
	s.options = options_take(argc, argv);
	if (s.options.core >= 0)
		pin(s.options.core);
	if (s.options.receive)
		return receive(&s.options);
	struct address address;
	s.fd = socket_cubic(&s.options, &address);
	if (connect(s.fd, (struct sockaddr *)&address.storage, address.size) != 0)
		die("connect", strerror(errno));
	arena_init(&s.arena, ARENA_SIZE);
	s.frames = calloc(FRAMES, sizeof *s.frames);
	if (!s.frames)
		die("frames", "out of memory");
	run(&s);
	free(s.frames);
	arena_free(&s.arena);
	close(s.fd);
	return 0;
}
