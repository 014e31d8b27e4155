/*
 * What a stream costs against plain send(): 256 KiB frames over loopback into a thread that drops
 * them unread (MSG_TRUNC), cubic on both sides. The two take turns in one run, and the median of
 * the paired ratios is what counts; the rates alone drift with the machine.
 *
 *     send [SECONDS per figure, default 0.3] [PAIRS, default 7] [CAPS, as --io-caps]
 *
 * The sender is pinned to the first core it may use and the receiver to the next.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "io/stream.h"

#define FRAME_SIZE ((size_t)256 * 1024)
#define IN_FLIGHT  5
#define PAIRS_MAX  100

struct figure {
	double bytes_per_ns, bytes_per_cpu_ns;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void pin(int index)
{
	cpu_set_t allowed, one;
	CPU_ZERO(&one);
	if (sched_getaffinity(getpid(), sizeof allowed, &allowed) != 0)
		return;
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && index-- == 0) {
			CPU_SET(cpu, &one);
			pthread_setaffinity_np(pthread_self(), sizeof one, &one);
			return;
		}
}

/* ---- the receiver ---- */

struct receiver {
	pthread_t thread;
	int listening;
	struct address address;
};

static void set_cubic(int fd)
{
	if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) != 0)
		die("cubic");
}

/* One connection after the other, each until its end; ends when the listening socket is shut. */
static void *receive(void *argument)
{
	struct receiver *receiver = argument;
	pin(1);
	for (;;) {
		int fd = accept(receiver->listening, NULL, NULL);
		if (fd < 0)
			return NULL;
		while (recv(fd, NULL, (size_t)1 << 20, MSG_TRUNC) > 0)
			;
		close(fd);
	}
}

static void receiver_start(struct receiver *receiver)
{
	if (address_resolve("127.0.0.1", 0, &receiver->address, 1) != 1)
		die("resolve");
	struct sockaddr *address = (struct sockaddr *)&receiver->address.storage;
	receiver->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	set_cubic(receiver->listening);
	if (bind(receiver->listening, address, receiver->address.size) != 0 ||
		listen(receiver->listening, 8) != 0 ||
		getsockname(receiver->listening, address, &receiver->address.size) != 0 ||
		pthread_create(&receiver->thread, NULL, receive, receiver) != 0)
		die("receiver");
}

static void receiver_stop(struct receiver *receiver)
{
	shutdown(receiver->listening, SHUT_RDWR);
	pthread_join(receiver->thread, NULL);
	close(receiver->listening);
}

/* ---- the senders ---- */

static struct figure figure_make(size_t bytes, int64_t wall_ns, int64_t cpu_ns)
{
	return (struct figure){ (double)bytes / (double)wall_ns, (double)bytes / (double)cpu_ns };
}

static struct figure plain_measure(struct receiver *receiver, uint8_t *frames, int64_t duration_ns)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	set_cubic(fd);
	struct sockaddr *address = (struct sockaddr *)&receiver->address.storage;
	if (connect(fd, address, receiver->address.size) != 0)
		die("connect");
	int64_t start_ns = clock_monotonic_ns(), now_ns;
	int64_t cpu_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
	size_t bytes = 0;
	for (int i = 0; (now_ns = clock_monotonic_ns()) - start_ns < duration_ns; i++) {
		const uint8_t *frame = frames + (size_t)(i % IN_FLIGHT) * FRAME_SIZE;
		ssize_t sent = send(fd, frame, FRAME_SIZE, MSG_NOSIGNAL);
		if (sent <= 0)
			die("send");
		bytes += (size_t)sent;
	}
	cpu_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	close(fd);
	return figure_make(bytes, now_ns - start_ns, cpu_ns);
}

struct sender;

/* A frame as a request is: a head apart from the body. */
struct frame {
	struct send send;
	struct iovec iov[2];
	struct sender *sender;
};

struct sender {
	struct stream stream;
	struct frame frames[IN_FLIGHT];
	size_t bytes;
	bool opened, stopping, closed;
};

static void frame_done(struct send *send, int result)
{
	struct frame *frame = CONTAINER_OF(send, struct frame, send);
	struct sender *sender = frame->sender;
	if (result != 0)
		return;
	sender->bytes += FRAME_SIZE;
	if (!sender->stopping)
		stream_send(&sender->stream, send);
}

static void sender_opened(struct stream *stream, int result)
{
	CONTAINER_OF(stream, struct sender, stream)->opened = result == 0;
}

static size_t sender_received(
	struct stream *stream, const uint8_t *data, size_t size, int64_t arrived_ns)
{
	(void)stream, (void)data, (void)arrived_ns;
	return size;
}

static void sender_closed(struct stream *stream, int reason)
{
	(void)reason;
	CONTAINER_OF(stream, struct sender, stream)->closed = true;
}

static const struct stream_events sender_events = {
	.opened = sender_opened,
	.received = sender_received,
	.closed = sender_closed,
};

static struct figure stream_measure(
	struct loop *loop, struct receiver *receiver, uint8_t *frames, int64_t duration_ns)
{
	static struct sender sender;
	sender = (struct sender){ 0 };
	struct stream_options options = { .congestion = "cubic" };
	if (stream_connect(loop, &sender.stream, &receiver->address, &options, &sender_events) != 0)
		die("stream_connect");
	while (!sender.opened)
		loop_turn(loop, NEVER_NS);
	int64_t start_ns = clock_monotonic_ns();
	int64_t cpu_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
	for (size_t i = 0; i < IN_FLIGHT; i++) {
		struct frame *frame = &sender.frames[i];
		uint8_t *data = frames + i * FRAME_SIZE;
		frame->sender = &sender;
		frame->iov[0] = (struct iovec){ data, 100 };
		frame->iov[1] = (struct iovec){ data + 100, FRAME_SIZE - 100 };
		frame->send = (struct send){ .done = frame_done, .iov = frame->iov, .count = 2 };
		stream_send(&sender.stream, &frame->send);
	}
	while (loop_now_ns(loop) - start_ns < duration_ns)
		loop_turn(loop, NEVER_NS);
	cpu_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	int64_t wall_ns = loop_now_ns(loop) - start_ns;
	size_t bytes = sender.bytes;
	sender.stopping = true;
	stream_close(&sender.stream);
	while (!sender.closed)
		loop_turn(loop, NEVER_NS);
	return figure_make(bytes, wall_ns, cpu_ns);
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 0.3;
	int pairs = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 7;
	pairs = MAX(1, MIN(pairs, PAIRS_MAX));
	int64_t duration_ns = (int64_t)(seconds * (double)NS_PER_S);
	pin(0);
	struct loop *loop;
	char why[LOOP_TEXT_SIZE];
	struct loop_options options = { .caps = argc > 3 ? argv[3] : NULL };
	if (loop_open(&options, &loop, why) != 0) {
		fprintf(stderr, "send: %s\n", why);
		return 1;
	}
	struct receiver receiver;
	receiver_start(&receiver);
	uint8_t *frames = calloc(IN_FLIGHT, FRAME_SIZE);
	if (!frames)
		die("frames");
	memset(frames, 7, IN_FLIGHT * FRAME_SIZE);
	printf("send: %s, 256 KiB frames, %d in flight, cubic\n", loop_describe(loop), IN_FLIGHT);
	double wall[PAIRS_MAX], cpu[PAIRS_MAX];
	for (int i = 0; i < pairs; i++) {
		struct figure stream, plain;
		if (i % 2) /* who goes first alternates */
			stream = stream_measure(loop, &receiver, frames, duration_ns);
		plain = plain_measure(&receiver, frames, duration_ns);
		if (i % 2 == 0)
			stream = stream_measure(loop, &receiver, frames, duration_ns);
		wall[i] = stream.bytes_per_ns / plain.bytes_per_ns;
		cpu[i] = stream.bytes_per_cpu_ns / plain.bytes_per_cpu_ns;
		printf("send: stream %6.2f GB/s, plain %6.2f GB/s, ratio %.3f; per CPU second "
		       "%.3f\n",
			stream.bytes_per_ns, plain.bytes_per_ns, wall[i], cpu[i]);
	}
	qsort(wall, (size_t)pairs, sizeof *wall, compare_doubles);
	qsort(cpu, (size_t)pairs, sizeof *cpu, compare_doubles);
	printf("send: median ratio stream/plain %.3f (%.3f to %.3f), per CPU second %.3f\n",
		wall[pairs / 2], wall[0], wall[pairs - 1], cpu[pairs / 2]);
	receiver_stop(&receiver);
	loop_close(loop);
	free(frames);
	return 0;
}
