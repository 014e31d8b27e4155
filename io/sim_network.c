/*
 * The simulated network: see sim_network.h. Every byte takes the latency at least; a FIN and a RST
 * come behind the bytes before them. The kernel's habits that matter to streams are kept: closing
 * with unread bytes resets, data to a closed socket is answered with a reset, what has arrived can
 * be read after a reset.
 */
#include "sim_network.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#define DEFAULT_START_NS    NS_PER_S
#define DEFAULT_LATENCY_NS  (20 * NS_PER_US)
#define DEFAULT_BUFFER_SIZE ((size_t)64 * 1024)

void sim_violation(const struct sim *sim, const char *what)
{
	fprintf(stderr, "sim: seed %llu, at %lld ns: %s\n", (unsigned long long)sim->options.seed,
		(long long)sim->now_ns, what);
	abort();
}

bool sim_chance(struct sim *sim, uint32_t millionths)
{
	return millionths > 0 && random_below(&sim->random, 1000000) < millionths;
}

/* Grows an array; its users cannot go on without. */
static void *grown(void *items, size_t *capacity, size_t item_size)
{
	*capacity = MAX(*capacity * 2, (size_t)64);
	items = realloc(items, *capacity * item_size);
	assert(items);
	return items;
}

/* ---- what is yet to happen ---- */

static bool event_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void sim_event_add(struct sim *sim, struct sim_event event)
{
	if (sim->event_count == sim->event_capacity)
		sim->events = grown(sim->events, &sim->event_capacity, sizeof *sim->events);
	event.order = sim->next_order++;
	size_t place = sim->event_count++;
	while (place > 0 && event_before(&event, &sim->events[(place - 1) / 2])) {
		sim->events[place] = sim->events[(place - 1) / 2];
		place = (place - 1) / 2;
	}
	sim->events[place] = event;
}

int64_t sim_event_next_ns(const struct sim *sim)
{
	return sim->event_count > 0 ? sim->events[0].at_ns : NEVER_NS;
}

bool sim_event_take(struct sim *sim, struct sim_event *out)
{
	if (sim_event_next_ns(sim) > sim->now_ns)
		return false;
	*out = sim->events[0];
	const struct sim_event *last = &sim->events[--sim->event_count];
	size_t place = 0;
	for (;;) {
		size_t child = 2 * place + 1;
		if (child >= sim->event_count)
			break;
		if (child + 1 < sim->event_count &&
			event_before(&sim->events[child + 1], &sim->events[child]))
			child++;
		if (!event_before(&sim->events[child], last))
			break;
		sim->events[place] = sim->events[child];
		place = child;
	}
	sim->events[place] = *last;
	return true;
}

void sim_socket_stir(struct sim *sim, const struct sim_socket *socket, int64_t at_ns)
{
	sim_event_add(sim, (struct sim_event){
				   .at_ns = MAX(at_ns, sim->now_ns),
				   .kind = SIM_EVENT_SOCKET,
				   .fd = socket->fd,
				   .id = socket->id,
			   });
}

/* ---- pipes ---- */

static void pipe_open(struct sim *sim, struct sim_pipe *pipe, int send_size, int receive_size)
{
	size_t capacity = sim->options.socket_buffer_size;
	if (send_size > 0)
		capacity = MIN(capacity, (size_t)send_size);
	if (receive_size > 0)
		capacity = MIN(capacity, (size_t)receive_size);
	pipe->capacity = capacity;
	pipe->data = malloc(capacity);
	assert(pipe->data);
}

static void pieces_drop(struct sim_pipe *pipe)
{
	pipe->piece_first = pipe->piece_count = 0;
}

static void piece_add(struct sim_pipe *pipe, uint64_t end, int64_t arrival_ns)
{
	if (pipe->piece_count == pipe->piece_capacity && pipe->piece_first > 0) {
		pipe->piece_count -= pipe->piece_first;
		memmove(pipe->pieces, pipe->pieces + pipe->piece_first,
			pipe->piece_count * sizeof *pipe->pieces);
		pipe->piece_first = 0;
	}
	if (pipe->piece_count == pipe->piece_capacity)
		pipe->pieces = grown(pipe->pieces, &pipe->piece_capacity, sizeof *pipe->pieces);
	pipe->pieces[pipe->piece_count++] = (struct sim_piece){ end, arrival_ns };
	pipe->last_arrival_ns = arrival_ns;
}

/* What was on its way is lost from some byte on. */
static void pipe_cut(struct sim *sim, struct sim_pipe *pipe)
{
	uint64_t left = pipe->written - pipe->arrived;
	pieces_drop(pipe);
	pipe->written = pipe->arrived + random_below(&sim->random, left + 1);
	if (pipe->written > pipe->arrived)
		piece_add(pipe, pipe->written, sim->now_ns + sim->options.latency_ns);
}

size_t sim_available(struct sim *sim, struct sim_socket *socket)
{
	struct sim_pipe *pipe = &socket->in;
	while (pipe->piece_first < pipe->piece_count &&
		pipe->pieces[pipe->piece_first].arrival_ns <= sim->now_ns)
		pipe->arrived = pipe->pieces[pipe->piece_first++].end;
	if (pipe->piece_first == pipe->piece_count)
		pieces_drop(pipe);
	return (size_t)(pipe->arrived - pipe->read);
}

size_t sim_room(const struct sim_socket *socket)
{
	if (!socket->peer)
		return SIZE_MAX;
	const struct sim_pipe *pipe = &socket->peer->in;
	return pipe->capacity - (size_t)(pipe->written - pipe->read);
}

static size_t ring_part(const struct sim_pipe *pipe, uint64_t position, size_t size)
{
	return MIN(size, pipe->capacity - (size_t)(position % pipe->capacity));
}

void sim_write(struct sim *sim, struct sim_socket *socket, const uint8_t *data, size_t size)
{
	if (sim->options.tap)
		sim->options.tap(
			sim->options.tap_context, socket->connection, socket->client, data, size);
	sim->counts.bytes += size;
	if (!socket->peer)
		return;
	struct sim_pipe *pipe = &socket->peer->in;
	while (size > 0) {
		size_t part = ring_part(pipe, pipe->written, size);
		memcpy(pipe->data + pipe->written % pipe->capacity, data, part);
		pipe->written += part;
		data += part;
		size -= part;
	}
}

/* Nobody reads any more what this socket sends: a reset comes back. */
static void answer_with_reset(struct sim *sim, struct sim_socket *socket)
{
	if (socket->in.reset_ns != NEVER_NS)
		return;
	socket->in.reset_ns = sim->now_ns + 2 * sim->options.latency_ns;
	sim_socket_stir(sim, socket, socket->in.reset_ns);
}

void sim_write_end(struct sim *sim, struct sim_socket *socket, size_t size)
{
	if (!socket->peer) {
		answer_with_reset(sim, socket);
		return;
	}
	struct sim_pipe *pipe = &socket->peer->in;
	uint64_t end = pipe->written - size;
	int64_t delay_max_ns = sim->faults.delay_max_ns;
	uint64_t pieces = delay_max_ns > 0 ? 1 + random_below(&sim->random, SIM_PIECES_MAX) : 1;
	for (; end < pipe->written; pieces--) {
		uint64_t left = pipe->written - end;
		uint64_t part = pieces > 1 ? 1 + random_below(&sim->random, left) : left;
		int64_t arrival_ns = sim->now_ns + sim->options.latency_ns;
		if (delay_max_ns > 0)
			arrival_ns +=
				(int64_t)random_below(&sim->random, (uint64_t)delay_max_ns + 1);
		end += part;
		piece_add(pipe, end, MAX(arrival_ns, pipe->last_arrival_ns));
		sim_socket_stir(sim, socket->peer, pipe->last_arrival_ns);
	}
}

void sim_read(struct sim *sim, struct sim_socket *socket, uint8_t *data, size_t size)
{
	struct sim_pipe *pipe = &socket->in;
	bool was_full = pipe->written - pipe->read == pipe->capacity;
	for (size_t left = size; left > 0;) {
		size_t part = ring_part(pipe, pipe->read, left);
		if (data) {
			memcpy(data, pipe->data + pipe->read % pipe->capacity, part);
			data += part;
		}
		pipe->read += part;
		left -= part;
	}
	if (was_full && size > 0 && socket->peer)
		sim_socket_stir(sim, socket->peer, sim->now_ns + sim->options.latency_ns);
}

/* ---- ends ---- */

/* Both sockets forget each other. Returns the other one, if it is there. */
static struct sim_socket *parted(struct sim_socket *socket)
{
	struct sim_socket *peer = socket->peer;
	socket->peer = NULL;
	if (peer)
		peer->peer = NULL;
	return peer;
}

static void reset_arrives(struct sim *sim, struct sim_socket *peer)
{
	sim_available(sim, peer);
	pipe_cut(sim, &peer->in);
	peer->in.reset_ns = MAX(sim->now_ns + sim->options.latency_ns, peer->in.last_arrival_ns);
	sim_socket_stir(sim, peer, peer->in.reset_ns);
}

static void end_arrives(struct sim *sim, struct sim_socket *peer)
{
	if (peer->in.end_ns != NEVER_NS)
		return;
	peer->in.end_ns = MAX(sim->now_ns + sim->options.latency_ns, peer->in.last_arrival_ns);
	sim_socket_stir(sim, peer, peer->in.end_ns);
}

void sim_break(struct sim *sim, struct sim_socket *socket)
{
	struct sim_socket *peer = parted(socket);
	sim->counts.resets++;
	socket->broken = -ECONNRESET;
	socket->in.read = socket->in.arrived = socket->in.written;
	pieces_drop(&socket->in);
	if (peer)
		reset_arrives(sim, peer);
	sim_socket_stir(sim, socket, sim->now_ns);
}

void sim_socket_shut(struct sim *sim, struct sim_socket *socket)
{
	socket->shut = true;
	if (socket->peer)
		end_arrives(sim, socket->peer);
	sim_socket_stir(sim, socket, sim->now_ns);
}

static void connection_end(struct sim *sim, struct sim_socket *socket, bool reset)
{
	bool unread = sim_available(sim, socket) > 0;
	bool on_the_way = socket->in.written > socket->in.arrived;
	struct sim_socket *peer = parted(socket);
	if (!peer)
		return;
	if (reset || unread) {
		reset_arrives(sim, peer);
		return;
	}
	end_arrives(sim, peer);
	if (on_the_way)
		answer_with_reset(sim, peer);
}

void sim_socket_end(struct sim *sim, struct sim_socket *socket, bool reset)
{
	if (socket->transmit.armed || socket->transmit.undelivered || socket->receive.armed ||
		socket->receive.undelivered)
		sim_violation(sim, "a socket was closed under an operation");
	struct sim_socket *waiting;
	while ((waiting = sim_accept(socket)))
		sim_socket_end(sim, waiting, true);
	if (socket->state == SIM_CONNECTED)
		connection_end(sim, socket, reset);
	free(socket->in.pieces);
	free(socket->in.data);
	free(socket->transmit.iovecs);
	sim->sockets[socket->fd - SIM_FD_BASE] = NULL;
	sim->open_count--;
	free(socket);
}

/* ---- sockets ---- */

struct sim_socket *sim_socket_new(struct sim *sim, sa_family_t family)
{
	size_t place = 0;
	while (sim->open_count < sim->socket_count && sim->sockets[place])
		place++;
	if (sim->open_count == sim->socket_count)
		place = sim->socket_count;
	struct sim_socket *socket = calloc(1, sizeof *socket);
	if (!socket)
		return NULL;
	if (place == sim->socket_count) {
		if (sim->socket_count == sim->socket_capacity)
			sim->sockets =
				grown(sim->sockets, &sim->socket_capacity, sizeof *sim->sockets);
		sim->socket_count++;
	}
	sim->sockets[place] = socket;
	sim->open_count++;
	socket->fd = SIM_FD_BASE + (int)place;
	socket->id = sim->next_id++;
	socket->local.storage.ss_family = family;
	socket->in.end_ns = socket->in.reset_ns = NEVER_NS;
	return socket;
}

struct sim_socket *sim_socket_of(const struct sim *sim, int fd)
{
	size_t place = (size_t)(fd - SIM_FD_BASE);
	if (fd < SIM_FD_BASE || place >= sim->socket_count || !sim->sockets[place])
		sim_violation(sim, "no such socket");
	return sim->sockets[place];
}

/* ---- addresses ---- */

static in_port_t *port_of(struct address *address)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address->storage;
	struct sockaddr_in *four = (struct sockaddr_in *)&address->storage;
	return address->storage.ss_family == AF_INET6 ? &six->sin6_port : &four->sin_port;
}

static bool any_host(const struct address *address)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address->storage;
	const struct sockaddr_in *four = (const struct sockaddr_in *)&address->storage;
	if (address->storage.ss_family == AF_INET6)
		return memcmp(&six->sin6_addr, &in6addr_any, sizeof in6addr_any) == 0;
	return four->sin_addr.s_addr == htonl(INADDR_ANY);
}

static bool same_host(const struct address *a, const struct address *b)
{
	if (a->storage.ss_family == AF_INET6)
		return memcmp(&((const struct sockaddr_in6 *)&a->storage)->sin6_addr,
			       &((const struct sockaddr_in6 *)&b->storage)->sin6_addr,
			       sizeof(struct in6_addr)) == 0;
	return ((const struct sockaddr_in *)&a->storage)->sin_addr.s_addr ==
	       ((const struct sockaddr_in *)&b->storage)->sin_addr.s_addr;
}

static bool listens_on(const struct sim_socket *socket, const struct address *address)
{
	if (socket->state != SIM_LISTENING || socket->shut ||
		socket->local.storage.ss_family != address->storage.ss_family)
		return false;
	if (address->storage.ss_family == AF_UNIX)
		return socket->local.size == address->size &&
		       memcmp(&socket->local.storage, &address->storage, address->size) == 0;
	return address_port(&socket->local) == address_port(address) &&
	       (any_host(&socket->local) || any_host(address) ||
		       same_host(&socket->local, address));
}

static struct sim_socket *listener_find(const struct sim *sim, const struct address *address)
{
	for (size_t i = 0; i < sim->socket_count; i++)
		if (sim->sockets[i] && listens_on(sim->sockets[i], address))
			return sim->sockets[i];
	return NULL;
}

/* Gives an address without a port the next one that no listener has. */
static void port_choose(struct sim *sim, struct address *address)
{
	if (address->storage.ss_family == AF_UNIX || *port_of(address) != 0)
		return;
	do {
		sim->next_port = (uint16_t)MAX(sim->next_port + 1, SIM_PORT_FIRST);
		*port_of(address) = htons(sim->next_port);
	} while (listener_find(sim, address));
}

int sim_listen(
	struct sim *sim, struct sim_socket *socket, const struct address *address, int backlog)
{
	struct address local = *address;
	port_choose(sim, &local);
	if (listener_find(sim, &local))
		return -EADDRINUSE;
	socket->local = local;
	socket->state = SIM_LISTENING;
	socket->backlog_limit = backlog;
	return 0;
}

/* ---- connections ---- */

static void local_choose(struct sim *sim, struct sim_socket *socket)
{
	if (socket->local.size == 0) {
		socket->local = socket->remote; /* loopback talks to itself */
		if (socket->local.storage.ss_family == AF_UNIX)
			socket->local.size = sizeof(sa_family_t);
		else
			*port_of(&socket->local) = 0;
	}
	port_choose(sim, &socket->local);
}

int sim_connect(struct sim *sim, struct sim_socket *socket)
{
	struct sim_socket *listener = listener_find(sim, &socket->remote);
	if (!listener || sim_chance(sim, sim->faults.refuse))
		return -ECONNREFUSED;
	if (listener->backlog_count >= listener->backlog_limit)
		return -EAGAIN;
	struct sim_socket *other = sim_socket_new(sim, socket->remote.storage.ss_family);
	if (!other)
		return -ECONNREFUSED;
	local_choose(sim, socket);
	other->local = socket->remote;
	other->remote = socket->local;
	other->send_buffer_size = listener->send_buffer_size;
	other->receive_buffer_size = listener->receive_buffer_size;
	memcpy(other->congestion, listener->congestion, sizeof other->congestion);
	other->state = socket->state = SIM_CONNECTED;
	other->connection = socket->connection = ++sim->counts.connections;
	socket->client = true;
	other->peer = socket;
	socket->peer = other;
	pipe_open(sim, &socket->in, other->send_buffer_size, socket->receive_buffer_size);
	pipe_open(sim, &other->in, socket->send_buffer_size, other->receive_buffer_size);
	if (listener->last_waiting)
		listener->last_waiting->next_waiting = other;
	else
		listener->first_waiting = other;
	listener->last_waiting = other;
	listener->backlog_count++;
	sim_socket_stir(sim, listener, sim->now_ns);
	return 0;
}

struct sim_socket *sim_accept(struct sim_socket *listener)
{
	struct sim_socket *first = listener->first_waiting;
	if (!first)
		return NULL;
	listener->first_waiting = first->next_waiting;
	if (!listener->first_waiting)
		listener->last_waiting = NULL;
	first->next_waiting = NULL;
	listener->backlog_count--;
	return first;
}

/* ---- io/sim.h ---- */

struct sim *sim_open(const struct sim_options *options)
{
	struct sim *sim = calloc(1, sizeof *sim);
	if (!sim)
		return NULL;
	sim->options = *options;
	struct sim_options *o = &sim->options;
	o->start_ns = o->start_ns ? o->start_ns : DEFAULT_START_NS;
	o->latency_ns = o->latency_ns ? o->latency_ns : DEFAULT_LATENCY_NS;
	o->socket_buffer_size = o->socket_buffer_size ? o->socket_buffer_size : DEFAULT_BUFFER_SIZE;
	sim->faults = o->faults;
	sim->now_ns = o->start_ns;
	random_seed(&sim->random, o->seed);
	return sim;
}

void sim_close(struct sim *sim)
{
	assert(!sim->open);
	free(sim->sockets);
	free(sim->events);
	free(sim->ready);
	free(sim);
}

void sim_set_faults(struct sim *sim, const struct sim_faults *faults)
{
	sim->faults = *faults;
}

int64_t sim_now_ns(const struct sim *sim)
{
	return sim->now_ns;
}

void sim_counts(const struct sim *sim, struct sim_counts *out)
{
	*out = sim->counts;
}
