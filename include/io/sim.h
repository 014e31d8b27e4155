/*
 * The simulated network: one process, one thread, a virtual clock, and seeded faults. A loop opened
 * on it (loop_options.sim) runs unchanged streams and listeners; a wait moves the clock to the next
 * event. The same seed and the same calls give the same run.
 *
 * One loop at a time may use a sim: clients and brokers that are to meet live on that loop.
 */
#ifndef IO_SIM_H
#define IO_SIM_H

#include "base.h"
#include "clock.h"

/* Probabilities are per operation, in millionths; all zero: a perfect network. */
struct sim_faults {
	uint32_t short_send;    /* takes only a part */
	uint32_t short_receive; /* delivers only a part, down to one byte */
	uint32_t reset;         /* the connection breaks, mid-frame */
	uint32_t refuse;        /* a connect fails */
	uint32_t no_buffers;    /* ENOBUFS */
	uint32_t reorder;       /* completions of different operations change places */
	uint32_t late;          /* a completion is delivered late */
	int64_t delay_max_ns;   /* of bytes on the way */
	int64_t late_max_ns;
};

struct sim_options {
	uint64_t seed;
	int64_t start_ns;          /* the clock's first value; 0: one second */
	size_t socket_buffer_size; /* 0: 64 KiB */
	struct sim_faults faults;
};

struct sim;

struct sim *sim_open(const struct sim_options *); /* NULL: no memory */
void sim_close(struct sim *);

/* Faults from now on. */
void sim_set_faults(struct sim *, const struct sim_faults *);

#endif
