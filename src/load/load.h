/*
 * What a producing run is: everything that all its workers share and only read. Made by the command
 * from its options, once.
 */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include <stdatomic.h>

#include "../client/cluster.h"
#include "payload.h"
#include "produce_queue.h"
#include "proto/compress.h"
#include "schedule.h"

#define REQUEST_BATCHES_MAX 256                 /* partitions in one Produce request */
#define BATCH_RECORDS_MAX   65536               /* records in one batch */
#define BATCH_MEMORY_MAX    ((size_t)512 << 20) /* of all batches of one worker */
#define PRODUCE_VERSION     9 /* the newest that every broker from 2.8 to 4.x speaks */

#define VALUE_SIZE_OF_LINES UINT32_MAX /* as long as the payload's lines */

struct load {
	/* where */
	const struct endpoint_list *bootstrap;
	const char *topic;
	struct connection_options connection;
	int32_t connections; /* per broker and producer */
	enum loop_engine engine;
	const char *io_caps;

	/* how much, when */
	struct plan plan;
	bool open_loop;
	int64_t duration_ns; /* NEVER_NS: until plan.records */
	int64_t warmup_ns, drain_ns;
	int64_t linger_ns;

	/* what */
	uint64_t run_id;
	uint32_t value_size; /* or VALUE_SIZE_OF_LINES */
	bool stamp;
	const struct payload *payload;
	struct key_content key;
	struct header_content headers;

	/* how */
	int16_t acks;
	bool idempotent;
	enum codec codec;
	int level;
	size_t batch_size; /* of the largest batch before compression */
	uint32_t batch_records;
	size_t request_size; /* batches are added to a request while it stays below */
	int32_t in_flight;   /* requests per connection */
	int64_t request_timeout_ns;
	struct produce_queue_config queue;

	uint64_t seed;
	int64_t wall_offset_ns; /* CLOCK_REALTIME minus CLOCK_MONOTONIC at the start */

	/* Set once, when all workers are ready; before that 0. */
	_Atomic int64_t start_ns;
	/* 0 goes on; 1 takes up nothing more, and awaits what is due; 2 waits for nothing. */
	atomic_int stop;
	atomic_bool abort; /* stop == 2, for waits while connecting */
};

#endif
