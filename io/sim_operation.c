/*
 * Operations on simulated sockets: how they go, with faults drawn from the seed, and the checks
 * that io/sim.h promises.
 *
 * An operation is tried when it is armed and whenever something happens to its socket; what it then
 * does is done at once, but its completion may come late and change places with others. Completions
 * of one operation keep their order.
 */
#include <errno.h>
#include <stdlib.h>

#include "sim_network.h"

#define POISON_SIZE    ((size_t)512) /* of a receive's memory, at its front */
#define POISON_RECEIVE 0xcd

/* ---- checks ---- */

static uint64_t checksum(uint64_t sum, const uint8_t *data, size_t size)
{
	uint64_t word;
	for (; size >= sizeof word; size -= sizeof word, data += sizeof word) {
		memcpy(&word, data, sizeof word);
		sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		sum ^= sum >> 29;
	}
	for (; size > 0; size--, data++)
		sum = (sum ^ *data) * UINT64_C(0x9e3779b97f4a7c15);
	return sum;
}

static uint64_t send_checksum(const struct sim_operation *o)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < o->iovec_count; i++)
		sum = checksum(sum, o->iovecs[i].iov_base, o->iovecs[i].iov_len);
	return sum;
}

/* What is not received yet must still hold what the sim put there. */
static void receive_check(const struct sim *sim, const struct sim_operation *o)
{
	for (size_t i = o->done; o->data && i < MIN(o->size, POISON_SIZE); i++)
		if (o->data[i] != POISON_RECEIVE)
			sim_violation(sim, "somebody wrote into the memory of a receive");
}

void sim_watch(struct sim_operation *o)
{
	if (o->kind == SIM_SEND)
		o->checksum = send_checksum(o);
	else if (o->kind == SIM_RECEIVE && o->data)
		memset(o->data, POISON_RECEIVE, MIN(o->size, POISON_SIZE));
}

void sim_watch_check(const struct sim *sim, const struct sim_operation *o)
{
	if (o->kind == SIM_SEND && send_checksum(o) != o->checksum)
		sim_violation(sim, "the memory of a send changed before it was completed");
	if (o->kind == SIM_RECEIVE)
		receive_check(sim, o);
}

/* ---- completions ---- */

static void ready_add(
	struct sim *sim, const struct completion *completion, struct sim_operation *operation)
{
	if (sim->ready_count == sim->ready_capacity) {
		sim->ready_capacity = MAX(2 * sim->ready_capacity, (size_t)64);
		sim->ready = realloc(sim->ready, sim->ready_capacity * sizeof *sim->ready);
		assert(sim->ready);
	}
	size_t place = sim->ready_count++;
	/* Overtakes some that were made before, but none of the same operation. */
	if (sim_chance(sim, sim->faults.reorder)) {
		size_t first = sim->ready_first;
		size_t steps = random_below(&sim->random, place - first + 1);
		for (; steps > 0 && sim->ready[place - 1].completion.op != completion->op;
			steps--) {
			sim->ready[place] = sim->ready[place - 1];
			place--;
			sim->counts.reordered++;
		}
	}
	sim->ready[place] = (struct sim_ready){ *completion, operation };
}

void sim_complete(struct sim *sim, struct op *op, struct sim_operation *operation, int result,
	uint32_t flags, int64_t earliest_ns)
{
	struct completion completion = { .op = op, .result = result, .flags = flags };
	int64_t at_ns = MAX(sim->now_ns, earliest_ns);
	if (sim_chance(sim, sim->faults.late)) {
		sim->counts.late++;
		at_ns += (int64_t)random_below(&sim->random, (uint64_t)sim->faults.late_max_ns + 1);
	}
	if (operation) {
		operation->undelivered++;
		at_ns = MAX(at_ns, operation->last_ns);
		operation->last_ns = at_ns;
	}
	if (at_ns == sim->now_ns && (!operation || operation->queued == 0)) {
		ready_add(sim, &completion, operation);
		return;
	}
	if (operation)
		operation->queued++;
	sim_event_add(sim, (struct sim_event){
				   .at_ns = at_ns,
				   .kind = SIM_EVENT_COMPLETION,
				   .operation = operation,
				   .completion = completion,
			   });
}

void sim_finish(struct sim *sim, struct sim_operation *o, int result, uint32_t flags)
{
	o->armed = false;
	sim_complete(sim, o->op, o, result, flags, 0);
}

/* ---- receiving ---- */

/* What ends a receive that finds no bytes: 0, or -errno; or 1 when it has to wait. */
static int receive_end(const struct sim *sim, const struct sim_socket *s)
{
	if (s->broken)
		return s->broken;
	if (s->in.reset_ns <= sim->now_ns)
		return -ECONNRESET;
	return s->shut || s->in.end_ns <= sim->now_ns ? 0 : 1;
}

/* How much of what could be received is; 0: none, try again. */
static size_t receive_amount(struct sim *sim, size_t size)
{
	if (!sim_chance(sim, sim->faults.short_receive))
		return size;
	sim->counts.short_receives++;
	switch (random_below(&sim->random, 8)) {
	case 0:
		return 0;
	case 1:
	case 2:
	case 3:
		return 1;
	default:
		return 1 + (size_t)random_below(&sim->random, size);
	}
}

static void receive_into_buffer(struct sim *sim, struct sim_socket *s, size_t available)
{
	struct sim_operation *o = &s->receive;
	bool exhausted = sim->free_count == 0;
	if (exhausted || sim_chance(sim, sim->faults.no_buffers)) {
		sim->counts.no_buffers += !exhausted;
		sim_finish(sim, o, -ENOBUFS, 0);
		return;
	}
	size_t size = MIN(available, sim->buffer_size);
	size_t amount = receive_amount(sim, size);
	if (amount == 0) {
		sim_finish(sim, o, -EAGAIN, 0);
		return;
	}
	uint32_t id = sim->free_buffers[--sim->free_count];
	sim->buffer_used[id] = (uint32_t)amount;
	sim_read(sim, s, sim->buffers + id * sim->buffer_size, amount);
	/* The kernel may end it at any time. */
	if (o->multishot && amount == size)
		sim_complete(sim, o->op, o, (int)amount, op_flags_buffer(id) | OP_MORE, 0);
	else
		sim_finish(sim, o, (int)amount, op_flags_buffer(id));
}

static void receive_into_memory(struct sim *sim, struct sim_socket *s, size_t available)
{
	struct sim_operation *o = &s->receive;
	receive_check(sim, o);
	size_t size = MIN(available, o->size - o->done);
	size_t amount = receive_amount(sim, size);
	sim_read(sim, s, o->data ? o->data + o->done : NULL, amount);
	o->done += amount;
	if (o->whole && o->done < o->size && amount == size)
		return;
	sim_finish(sim, o, o->done > 0 ? (int)o->done : -EAGAIN, 0);
}

static void receive_try(struct sim *sim, struct sim_socket *s)
{
	struct sim_operation *o = &s->receive;
	while (o->armed && o->kind != SIM_ACCEPT) {
		size_t available = s->broken ? 0 : sim_available(sim, s);
		if (available == 0) {
			int end = receive_end(sim, s);
			if (end <= 0)
				sim_finish(sim, o, o->done > 0 ? (int)o->done : end, 0);
			return;
		}
		if (sim_chance(sim, sim->faults.reset)) {
			sim_break(sim, s);
			continue;
		}
		if (o->kind == SIM_RECEIVE_PROVIDED)
			receive_into_buffer(sim, s, available);
		else
			receive_into_memory(sim, s, available);
	}
}

/* ---- accepting ---- */

static void accept_try(struct sim *sim, struct sim_socket *s)
{
	struct sim_operation *o = &s->receive;
	while (o->armed && o->kind == SIM_ACCEPT) {
		if (s->shut) {
			sim_finish(sim, o, -EINVAL, 0);
			return;
		}
		if (s->backlog_count == 0)
			return;
		if (sim_chance(sim, sim->faults.no_buffers)) {
			sim->counts.no_buffers++;
			sim_finish(sim, o, -ENOBUFS, 0);
			return;
		}
		int fd = sim_accept(s)->fd;
		if (o->multishot)
			sim_complete(sim, o->op, o, fd, OP_MORE, 0);
		else
			sim_finish(sim, o, fd, 0);
	}
}

/* ---- sending ---- */

static int send_end(const struct sim *sim, const struct sim_socket *s)
{
	if (s->broken)
		return s->broken;
	if (s->in.reset_ns <= sim->now_ns)
		return -EPIPE;
	return s->shut ? -EPIPE : 0;
}

/* Takes `amount` of the bytes that are left. */
static void send_take(struct sim *sim, struct sim_socket *s, size_t amount)
{
	struct sim_operation *o = &s->transmit;
	size_t skip = o->done, left = amount;
	for (size_t i = 0; left > 0; i++) {
		const struct iovec *iovec = &o->iovecs[i];
		if (skip >= iovec->iov_len) {
			skip -= iovec->iov_len;
			continue;
		}
		size_t part = MIN(iovec->iov_len - skip, left);
		sim_write(sim, s, (const uint8_t *)iovec->iov_base + skip, part);
		left -= part;
		skip = 0;
	}
	if (amount > 0)
		sim_write_end(sim, s, amount);
	o->done += amount;
}

static void send_try(struct sim *sim, struct sim_socket *s)
{
	struct sim_operation *o = &s->transmit;
	if (!o->armed || o->kind != SIM_SEND)
		return;
	int end = send_end(sim, s);
	if (end < 0) {
		sim_finish(sim, o, end, 0);
		return;
	}
	size_t size = MIN(sim_room(s), o->size - o->done);
	if (size == 0)
		return;
	sim_watch_check(sim, o);
	if (sim_chance(sim, sim->faults.reset)) {
		sim_break(sim, s);
		sim_finish(sim, o, s->broken, 0);
		return;
	}
	bool cut = sim_chance(sim, sim->faults.short_send);
	sim->counts.short_sends += cut;
	send_take(sim, s, cut ? (size_t)random_below(&sim->random, size + 1) : size);
	if (cut || o->done == o->size || !sim->wait_all)
		sim_finish(sim, o, (int)o->done, 0);
}

/* ---- events ---- */

static void connect_arrives(struct sim *sim, struct sim_socket *s)
{
	struct sim_operation *o = &s->transmit;
	if (!o->armed || o->kind != SIM_CONNECT || s->state != SIM_CONNECTING)
		return;
	int result = s->shut ? -ECONNRESET : sim_connect(sim, s);
	if (result == -EAGAIN) {
		sim_event_add(sim, (struct sim_event){
					   .at_ns = sim->now_ns + SIM_CONNECT_RETRY,
					   .kind = SIM_EVENT_CONNECT,
					   .fd = s->fd,
					   .id = s->id,
				   });
		return;
	}
	sim->counts.refused += result < 0;
	sim_finish(sim, o, result, 0);
}

static void socket_try(struct sim *sim, struct sim_socket *s)
{
	accept_try(sim, s);
	receive_try(sim, s);
	send_try(sim, s);
	if (s->shut)
		connect_arrives(sim, s);
}

static void event_run(struct sim *sim, const struct sim_event *event)
{
	if (event->kind == SIM_EVENT_COMPLETION) {
		if (event->operation)
			event->operation->queued--;
		ready_add(sim, &event->completion, event->operation);
		return;
	}
	size_t place = (size_t)(event->fd - SIM_FD_BASE);
	struct sim_socket *s = place < sim->socket_count ? sim->sockets[place] : NULL;
	if (!s || s->id != event->id)
		return; /* closed meanwhile */
	if (event->kind == SIM_EVENT_CONNECT)
		connect_arrives(sim, s);
	else
		socket_try(sim, s);
}

bool sim_events_run(struct sim *sim)
{
	struct sim_event event;
	while (sim_event_take(sim, &event))
		event_run(sim, &event);
	if (sim->wake && atomic_exchange(&sim->woken, false)) {
		ready_add(sim, &(struct completion){ .op = sim->wake, .result = 8 }, NULL);
		sim->wake = NULL;
	}
	return sim->ready_first < sim->ready_count;
}
