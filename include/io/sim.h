/*
 * The simulated network: one process, one thread, a virtual clock, and seeded faults. A loop opened
 * on it (loop_options.sim) runs unchanged streams and listeners; a wait moves the clock to the next
 * event or to its deadline, whichever is earlier. The same seed and the same calls give the same
 * run: nothing real is read, neither clock nor sockets.
 *
 * One loop at a time may use a sim: clients and brokers that are to meet live on that loop. A wait
 * without a deadline while nothing can happen any more ends the loop with -EDEADLK; loop_wake works
 * before a wait (and from the same thread, there is no other).
 *
 * The sim watches what uses it. It aborts, after one line that names what was done, when memory of
 * a send changes before the send has completed, when a receive's memory is written by somebody
 * else, when two sends or two receives are armed on one socket, when a socket is closed under an
 * operation, when a small buffer is returned twice, or when a socket is left open at the end.
 * Memory that a receive may fill, and small buffers that were given back, are overwritten.
 */
#ifndef IO_SIM_H
#define IO_SIM_H

#include "base.h"
#include "clock.h"

/*
 * Probabilities are per operation, in millionths; all zero: a perfect network. Bytes of one
 * direction of one connection never change places, and arrive unchanged.
 */
struct sim_faults {
	uint32_t short_send;    /* takes only a part, or nothing */
	uint32_t short_receive; /* delivers only a part, down to one byte, or asks to try again */
	uint32_t reset;         /* the connection breaks; what was on its way may be cut anywhere */
	uint32_t refuse;        /* a connect fails */
	uint32_t no_buffers;    /* ENOBUFS, of a receive into small buffers or an accept */
	uint32_t reorder;       /* completions of different operations change places */
	uint32_t late;        /* a completion is delivered late, a cancel cannot stop its target */
	int64_t delay_max_ns; /* of bytes on the way, beside the latency; pieces are delayed apart
			       */
	int64_t late_max_ns;
};

struct sim_options {
	uint64_t seed;
	int64_t start_ns;          /* the clock's first value; 0: one second */
	int64_t latency_ns;        /* of all bytes, one way; 0: 20 us */
	size_t socket_buffer_size; /* bytes on the way, per direction; 0: 64 KiB */
	struct sim_faults faults;
	/*
	 * Sees every byte that a connection's end has taken for its peer, in order; the end that
	 * connected and the one that accepted have the same number, from 1. NULL: nobody. Must not
	 * call into the loop.
	 */
	void (*tap)(void *context, uint64_t connection, bool from_client, const uint8_t *data,
		size_t size);
	void *tap_context;
};

/* What has happened so far. */
struct sim_counts {
	uint64_t connections, refused; /* refused: connects that failed, for whatever reason */
	uint64_t bytes;                /* taken from sends */
	uint64_t short_sends, short_receives, resets, no_buffers, reordered, late, uncancelled;
};

struct sim;

struct sim *sim_open(const struct sim_options *options); /* NULL: no memory */
void sim_close(struct sim *sim);                         /* after loop_close */

/* Faults from now on. */
void sim_set_faults(struct sim *sim, const struct sim_faults *faults);

int64_t sim_now_ns(const struct sim *sim);
void sim_counts(const struct sim *sim, struct sim_counts *out);

#endif
