/*
 * The simulation engine: what engine.h asks for, on the sockets of sim_network.c. How operations go
 * is next door, in sim_operation.c.
 */
#include "sim_network.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "caps.h"

#define TURN_NS            NS_PER_US /* a wait for nothing takes this long, if it may not wait */
#define POISON_BUFFER      0xdb
#define BUFFER_IS_FREE     UINT32_MAX
#define DEFAULT_CONGESTION "cubic"

static struct sim *sim_of(const struct engine *engine)
{
	return CONTAINER_OF((struct engine *)(uintptr_t)engine, struct sim, engine);
}

/* ---- turning ---- */

static int engine_submit(struct engine *engine)
{
	engine->submissions++;
	return 0;
}

static int engine_wait(struct engine *engine, int64_t deadline_ns)
{
	struct sim *sim = sim_of(engine);
	engine->submissions++;
	if (sim_events_run(sim))
		return 0;
	int64_t next_ns = sim_event_next_ns(sim);
	if (deadline_ns <= sim->now_ns) {
		/* Whoever polls must see time pass. */
		sim->now_ns = MIN(sim->now_ns + TURN_NS, next_ns);
		sim_events_run(sim);
		return 0;
	}
	do {
		if (next_ns == NEVER_NS && deadline_ns == NEVER_NS)
			return -EDEADLK;
		sim->now_ns = MIN(next_ns, deadline_ns);
		if (sim_events_run(sim))
			return 0;
		next_ns = sim_event_next_ns(sim);
	} while (sim->now_ns < deadline_ns);
	return 0;
}

static unsigned engine_reap(struct engine *engine, struct completion *out, unsigned max)
{
	struct sim *sim = sim_of(engine);
	unsigned count = 0;
	while (sim->ready_first < sim->ready_count && count < max) {
		const struct sim_ready *ready = &sim->ready[sim->ready_first++];
		if (ready->operation) {
			sim_watch_check(sim, ready->operation);
			ready->operation->undelivered--;
		}
		out[count++] = ready->completion;
	}
	if (sim->ready_first == sim->ready_count)
		sim->ready_first = sim->ready_count = 0;
	return count;
}

static int64_t engine_clock_ns(const struct engine *engine)
{
	return sim_of(engine)->now_ns;
}

static void engine_wake(struct engine *engine)
{
	atomic_store(&sim_of(engine)->woken, true);
}

/* ---- preparing ---- */

/* Arms one direction of a socket and has it tried. */
static void operation_arm(struct sim *sim, struct sim_socket *s, struct sim_operation *o,
	struct op *op, enum sim_kind kind)
{
	if (o->armed || o->undelivered)
		sim_violation(sim, "two operations of one direction are armed on a socket");
	struct iovec *iovecs = o->iovecs;
	size_t capacity = o->iovec_capacity;
	*o = (struct sim_operation){
		.op = op,
		.kind = kind,
		.armed = true,
		.iovecs = iovecs,
		.iovec_capacity = capacity,
	};
	sim->engine.operations++;
	sim_socket_stir(sim, s, sim->now_ns);
}

static void engine_connect(
	struct engine *engine, struct op *op, int fd, const struct sockaddr *to, socklen_t size)
{
	struct sim *sim = sim_of(engine);
	struct sim_socket *s = sim_socket_of(sim, fd);
	memcpy(&s->remote.storage, to, size);
	s->remote.size = size;
	s->state = SIM_CONNECTING;
	operation_arm(sim, s, &s->transmit, op, SIM_CONNECT);
	int64_t delay_ns =
		(int64_t)random_below(&sim->random, (uint64_t)sim->faults.delay_max_ns + 1);
	sim_event_add(sim, (struct sim_event){
				   .at_ns = sim->now_ns + sim->options.latency_ns + delay_ns,
				   .kind = SIM_EVENT_CONNECT,
				   .fd = s->fd,
				   .id = s->id,
			   });
}

static void engine_accept(struct engine *engine, struct op *op, int fd)
{
	struct sim *sim = sim_of(engine);
	struct sim_socket *s = sim_socket_of(sim, fd);
	operation_arm(sim, s, &s->receive, op, SIM_ACCEPT);
	s->receive.multishot = sim->multishot_accept;
}

/* Only the loop reads from what is no socket: to be woken. */
static void engine_read(struct engine *engine, struct op *op, int fd, void *data, size_t size)
{
	(void)fd;
	(void)data;
	(void)size;
	struct sim *sim = sim_of(engine);
	assert(!sim->wake);
	sim->wake = op;
}

static void engine_receive(
	struct engine *engine, struct op *op, int fd, void *data, size_t size, bool whole)
{
	struct sim *sim = sim_of(engine);
	struct sim_socket *s = sim_socket_of(sim, fd);
	assert((data || engine->discard) && size > 0);
	operation_arm(sim, s, &s->receive, op, SIM_RECEIVE);
	s->receive.data = data;
	s->receive.size = MIN(size, (size_t)INT32_MAX);
	s->receive.whole = whole && sim->wait_all;
	sim_watch(&s->receive);
}

static void engine_receive_provided(struct engine *engine, struct op *op, int fd, bool multishot)
{
	struct sim *sim = sim_of(engine);
	struct sim_socket *s = sim_socket_of(sim, fd);
	assert(engine->provided_buffers);
	operation_arm(sim, s, &s->receive, op, SIM_RECEIVE_PROVIDED);
	s->receive.multishot = multishot && engine->multishot;
}

static void engine_send(struct engine *engine, struct op *op, int fd, const struct msghdr *message)
{
	struct sim *sim = sim_of(engine);
	struct sim_socket *s = sim_socket_of(sim, fd);
	operation_arm(sim, s, &s->transmit, op, SIM_SEND);
	struct sim_operation *o = &s->transmit;
	if (o->iovec_capacity < message->msg_iovlen) {
		o->iovec_capacity = MAX(message->msg_iovlen, 2 * o->iovec_capacity);
		o->iovecs = realloc(o->iovecs, o->iovec_capacity * sizeof *o->iovecs);
		assert(o->iovecs);
	}
	o->iovec_count = message->msg_iovlen;
	memcpy(o->iovecs, message->msg_iov, o->iovec_count * sizeof *o->iovecs);
	for (size_t i = 0; i < o->iovec_count; i++)
		o->size += o->iovecs[i].iov_len;
	sim_watch(o);
}

static void engine_cancel(struct engine *engine, struct op *op, int fd, struct op *target)
{
	struct sim *sim = sim_of(engine);
	struct sim_socket *s = sim_socket_of(sim, fd);
	struct sim_operation *o = s->receive.op == target ? &s->receive : &s->transmit;
	engine->operations++;
	if (o->op != target || !o->armed) {
		/* Not before the target's own, which may be late: who sees that it is still armed
		 * would cancel it again, and again. */
		sim_complete(sim, op, NULL, -ENOENT, 0, o->op == target ? o->last_ns : 0);
		return;
	}
	if (sim_chance(sim, sim->faults.late)) {
		sim->counts.uncancelled++;
		sim_complete(sim, op, NULL, -EALREADY, 0, sim->now_ns + TURN_NS);
		return;
	}
	sim_finish(sim, o, o->done > 0 ? (int)o->done : -ECANCELED, 0);
	sim_complete(sim, op, NULL, 0, 0, 0);
}

/* ---- sockets ---- */

static int engine_socket(struct engine *engine, int family)
{
	struct sim_socket *s = sim_socket_new(sim_of(engine), (sa_family_t)family);
	return s ? s->fd : -ENFILE;
}

static void engine_discard_socket(struct engine *engine, int fd, bool reset)
{
	struct sim *sim = sim_of(engine);
	sim_socket_end(sim, sim_socket_of(sim, fd), reset);
}

static void engine_shutdown_socket(struct engine *engine, int fd)
{
	struct sim *sim = sim_of(engine);
	sim_socket_shut(sim, sim_socket_of(sim, fd));
}

static bool congestion_known(const char *name)
{
	static const char *const names[] = { DEFAULT_CONGESTION, "reno", "bbr" };
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static int engine_configure(
	struct engine *engine, int fd, sa_family_t family, const struct stream_options *options)
{
	struct sim_socket *s = sim_socket_of(sim_of(engine), fd);
	const char *congestion = options->congestion ? options->congestion : DEFAULT_CONGESTION;
	s->send_buffer_size = options->send_buffer_size;
	s->receive_buffer_size = options->receive_buffer_size;
	if (family == AF_UNIX)
		return 0;
	if (!congestion_known(congestion))
		return -ENOENT;
	snprintf(s->congestion, sizeof s->congestion, "%s", congestion);
	if (options->source) {
		const struct sockaddr_in *four =
			(const struct sockaddr_in *)&options->source->storage;
		bool loopback = ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
		if (four->sin_family == AF_INET && !loopback)
			return -EADDRNOTAVAIL;
		s->local = *options->source;
	}
	return 0;
}

static int engine_listen(struct engine *engine, int fd, const struct address *address, int backlog)
{
	struct sim *sim = sim_of(engine);
	return sim_listen(sim, sim_socket_of(sim, fd), address, backlog);
}

static int engine_local_address(struct engine *engine, int fd, struct address *out)
{
	*out = sim_socket_of(sim_of(engine), fd)->local;
	return 0;
}

static int engine_peer_address(struct engine *engine, int fd, struct address *out)
{
	const struct sim_socket *s = sim_socket_of(sim_of(engine), fd);
	if (s->state != SIM_CONNECTED)
		return -ENOTCONN;
	*out = s->remote;
	return 0;
}

static int engine_congestion(struct engine *engine, int fd, char *text, size_t size)
{
	const struct sim_socket *s = sim_socket_of(sim_of(engine), fd);
	if (!s->congestion[0])
		return -EOPNOTSUPP;
	snprintf(text, size, "%s", s->congestion);
	return 0;
}

static int engine_traffic(struct engine *engine, int fd, struct stream_traffic *out)
{
	const struct sim_socket *s = sim_socket_of(sim_of(engine), fd);
	if (!s->peer)
		return -ENOTCONN;
	*out = (struct stream_traffic){ s->peer->in.written, s->in.arrived };
	return 0;
}

static const struct socket_calls sim_calls = {
	.configure = engine_configure,
	.listen = engine_listen,
	.local_address = engine_local_address,
	.peer_address = engine_peer_address,
	.congestion = engine_congestion,
	.traffic = engine_traffic,
};

/* ---- small buffers ---- */

static uint8_t *engine_buffer(struct engine *engine, uint32_t id)
{
	struct sim *sim = sim_of(engine);
	assert(id < sim->buffer_count);
	return sim->buffers + id * sim->buffer_size;
}

static void engine_buffer_return(struct engine *engine, uint32_t id)
{
	struct sim *sim = sim_of(engine);
	uint8_t *buffer = engine_buffer(engine, id);
	if (sim->buffer_used[id] == BUFFER_IS_FREE)
		sim_violation(sim, "a small buffer was returned twice");
	memset(buffer, POISON_BUFFER, sim->buffer_used[id]);
	sim->buffer_used[id] = BUFFER_IS_FREE;
	sim->free_buffers[sim->free_count++] = id;
}

static int buffers_open(struct sim *sim, const struct engine_options *options)
{
	sim->buffer_size = options->buffer_size;
	sim->buffer_count = options->buffer_count;
	sim->free_count = 0;
	sim->buffers = malloc(sim->buffer_count * sim->buffer_size);
	sim->free_buffers = calloc(sim->buffer_count, sizeof *sim->free_buffers);
	sim->buffer_used = calloc(sim->buffer_count, sizeof *sim->buffer_used);
	if (!sim->buffers || !sim->free_buffers || !sim->buffer_used)
		return -ENOMEM;
	for (size_t i = sim->buffer_count; i-- > 0;) {
		sim->buffer_used[i] = BUFFER_IS_FREE;
		sim->free_buffers[sim->free_count++] = (uint32_t)i;
	}
	return 0;
}

static void buffers_close(struct sim *sim)
{
	free(sim->buffers);
	free(sim->free_buffers);
	free(sim->buffer_used);
}

/* ---- life ---- */

static void engine_close(struct engine *engine)
{
	struct sim *sim = sim_of(engine);
	if (sim->open_count > 0)
		sim_violation(sim, "a socket was left open");
	if (sim->free_count < sim->buffer_count)
		sim_violation(sim, "a small buffer was not returned");
	buffers_close(sim);
	sim->wake = NULL;
	sim->event_count = sim->ready_first = sim->ready_count = 0;
	sim->open = false;
}

static const struct engine_class sim_class = {
	.close = engine_close,
	.clock_ns = engine_clock_ns,
	.submit = engine_submit,
	.wait = engine_wait,
	.reap = engine_reap,
	.wake = engine_wake,
	.sockets = &sim_calls,
	.socket = engine_socket,
	.discard_socket = engine_discard_socket,
	.shutdown_socket = engine_shutdown_socket,
	.connect = engine_connect,
	.accept = engine_accept,
	.read = engine_read,
	.receive = engine_receive,
	.receive_provided = engine_receive_provided,
	.send = engine_send,
	.cancel = engine_cancel,
	.buffer = engine_buffer,
	.buffer_return = engine_buffer_return,
};

int engine_sim_open(
	const struct engine_options *options, struct engine **engine, char why[LOOP_TEXT_SIZE])
{
	struct sim *sim = options->sim;
	assert(!sim->open);
	/* The same words as io_uring's; of the rungs only the name is there. */
	struct caps caps;
	int result = caps_parse(options->caps, &caps, why);
	if (result < 0)
		return result;
	if (buffers_open(sim, options) < 0) {
		buffers_close(sim);
		return -ENOMEM;
	}
	sim->engine = (struct engine){
		.class = &sim_class,
		.multishot = caps.multishot,
		.provided_buffers = caps.buffer_ring,
		.discard = caps.discard,
	};
	sim->wait_all = caps.wait_all;
	sim->multishot_accept = caps.multishot_accept;
	caps.pwait2 = caps.tiny = false; /* nothing of the kind here */
	char seed[32];
	snprintf(seed, sizeof seed, "seed %llu", (unsigned long long)sim->options.seed);
	caps_describe(&caps, "sim", seed, sim->engine.description);
	atomic_store(&sim->woken, false);
	sim->open = true;
	*engine = &sim->engine;
	return 0;
}
