/*
 * From the options of a producing run, and the topic that it found or made, to what its workers are
 * told. What does not fit together is one line for people in `why`.
 */
#ifndef CMD_PRODUCE_LOAD_H
#define CMD_PRODUCE_LOAD_H

#include "../load/load.h"
#include "produce_target.h"

/* All of it outlives the load. */
struct load_sources {
	const struct produce_config *config;
	const struct target *target;
	const struct payload *payload;
	bool batch_size_given; /* by the user, who is told when it does not fit */
};

/* Loads a file's lines, or makes the pool of bytes. 0 or -errno. */
int produce_payload_make(
	struct payload *payload, const struct produce_config *config, char *why, size_t why_size);

/*
 * 0; -EINVAL when the topic's partitions do not suit the skew; -E2BIG when a record or a batch is
 * more than the topic takes. plan_free(&load->plan) in any case.
 */
int produce_load_make(
	struct load *load, const struct load_sources *from, char *why, size_t why_size);

#endif
