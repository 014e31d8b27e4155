/* What the workers are told, from the options and the topic: see produce_load.h. */
#include "produce_load.h"

#include <errno.h>
#include <stdio.h>

#include "../load/stamp.h"
#include "proto/batch.h"

#define RETRY_BACKOFF_FACTOR 10 /* the longest back-off, in first ones */

int produce_payload_make(
	struct payload *payload, const struct produce_config *config, char *why, size_t why_size)
{
	const struct produce_payload *wanted = &config->payload;
	int result = wanted->kind == PAYLOAD_LINES
			     ? payload_init_lines(payload, wanted->path)
			     : payload_init(payload, wanted->kind, (uint64_t)config->seed);
	if (result == -ENODATA)
		snprintf(why, why_size, "%s has no lines to send", wanted->path);
	else if (result < 0)
		snprintf(why, why_size, "%s: %s",
			wanted->kind == PAYLOAD_LINES ? wanted->path : "payload",
			strerror(-result));
	return result;
}

static void plan_set(struct load *load, const struct load_sources *from)
{
	const struct produce_config *c = from->config;
	load->open_loop = c->rate.unit != RATE_NONE;
	load->duration_ns = c->duration_ns ? c->duration_ns + c->warmup_ns : NEVER_NS;
	load->plan = (struct plan){
		.arrivals = (enum arrivals)c->arrivals,
		.skew = c->partition_skew,
		.producers = (uint32_t)c->producers,
		.partitions = (uint32_t)from->target->cluster.topic.partition_count,
		.records = (uint64_t)c->records,
		.duration_ns = c->duration_ns ? load->duration_ns : 0,
		.seed = (uint64_t)c->seed,
	};
	if (c->rate.unit == RATE_RECORDS)
		load->plan.rate = record_rate_of(c->rate.per_second);
	else if (c->rate.unit == RATE_BYTES)
		load->plan.rate = record_rate_of_bytes(c->rate.per_second, (uint32_t)c->size);
}

/* The most that one record takes in a batch of its own. */
static size_t record_bound(const struct load *load)
{
	uint32_t value = load->value_size != VALUE_SIZE_OF_LINES
				 ? load->value_size
				 : payload_size_max(load->payload) + (load->stamp ? STAMP_SIZE : 0);
	size_t headers =
		load->headers.count * (HEADER_NAME_SIZE + (size_t)load->headers.value_size + 16);
	return BATCH_HEADER_SIZE + 64 + value + load->key.size + headers;
}

/*
 * As many records as a batch can hold at all, so that whoever waits for it to be full knows when
 * it is, and a backlog of millions is not looked at for a batch of a hundred.
 */
static uint32_t batch_records_max(const struct load *load, const struct produce_config *config)
{
	uint32_t value = load->value_size != VALUE_SIZE_OF_LINES ? load->value_size
			 : load->stamp                           ? STAMP_SIZE
								 : 0;
	value += load->headers.count * (HEADER_NAME_SIZE + load->headers.value_size);
	int32_t fitting = batch_fit_count(
		load->batch_size, 0, (int32_t)load->key.size, (int32_t)value, NULL, 0);
	int64_t wanted = config->batch_records ? config->batch_records : BATCH_RECORDS_MAX;
	return (uint32_t)MIN(MIN(wanted, BATCH_RECORDS_MAX), MAX(fitting, 1));
}

/* Fits the batch to the record and to what the topic takes. */
static int sizes_set(struct load *load, const struct load_sources *from, char *why, size_t why_size)
{
	int64_t limit = from->target->max_message_bytes;
	size_t record = record_bound(load);
	load->batch_size = MAX((size_t)from->config->batch_size, record);
	load->request_size = load->batch_size;
	if (limit < 0 || load->batch_size <= (size_t)limit || load->codec != CODEC_NONE)
		return 0;
	if (record > (size_t)limit)
		snprintf(why, why_size,
			"a record of this size takes %zu bytes, and topic '%s' takes %lld at most "
			"(max.message.bytes): lower --size, or have a topic created with "
			"--topic-config max.message.bytes=%zu",
			record, from->target->topic, (long long)limit, record);
	else if (from->batch_size_given)
		snprintf(why, why_size,
			"--batch-size %lld is more than topic '%s' takes (max.message.bytes is "
			"%lld): lower it",
			(long long)from->config->batch_size, from->target->topic, (long long)limit);
	else {
		load->batch_size = load->request_size = (size_t)limit;
		return 0;
	}
	return -E2BIG;
}

int produce_load_make(
	struct load *load, const struct load_sources *from, char *why, size_t why_size)
{
	const struct produce_config *c = from->config;
	int32_t partitions = from->target->cluster.topic.partition_count;
	if (c->partition_skew.kind == SKEW_HOT &&
		c->partition_skew.hot_partition >= (uint32_t)partitions) {
		snprintf(why, why_size,
			"--partition-skew names partition %u, but the last one of topic '%s' is %d",
			c->partition_skew.hot_partition, from->target->topic, partitions - 1);
		return -EINVAL;
	}
	struct random random;
	random_seed(&random, (uint64_t)clock_wall_ns() ^ (uint64_t)c->seed);
	load->bootstrap = &c->bootstrap;
	load->topic = from->target->topic;
	load->connection = from->target->cluster.options;
	load->connections = (int32_t)c->connections;
	load->engine = (enum loop_engine)c->engine;
	load->io_caps = c->io_caps;
	load->warmup_ns = c->warmup_ns;
	load->drain_ns = c->drain_ns;
	load->linger_ns = c->linger_ns;
	load->run_id = random_next(&random);
	load->value_size =
		c->size == PRODUCE_SIZE_OF_LINES ? VALUE_SIZE_OF_LINES : (uint32_t)c->size;
	load->stamp = c->stamp;
	load->payload = from->payload;
	load->key = (struct key_content){ c->key.kind, (uint32_t)c->key_size,
		(uint64_t)c->key.distinct };
	if (c->key.kind == KEY_NONE)
		load->key.size = 0;
	load->headers = c->headers;
	load->acks = (int16_t)c->acks;
	load->idempotent = c->idempotence;
	load->codec = (enum codec)c->codec;
	load->level = (int)c->level;
	load->in_flight = (int32_t)c->in_flight;
	load->request_timeout_ns = c->request_timeout_ns;
	load->queue = (struct produce_queue_config){
		.in_flight_limit = (int32_t)c->in_flight,
		.delivery_timeout_ns = c->delivery_timeout_ns,
		.retry_backoff_ns = c->retry_backoff_ns,
		.retry_backoff_max_ns = c->retry_backoff_ns * RETRY_BACKOFF_FACTOR,
	};
	load->seed = (uint64_t)c->seed;
	load->wall_offset_ns = clock_wall_ns() - clock_monotonic_ns();
	plan_set(load, from);
	if (plan_init(&load->plan) < 0) {
		snprintf(why, why_size, "the schedule cannot be made");
		return -EINVAL;
	}
	int result = sizes_set(load, from, why, why_size);
	load->batch_records = batch_records_max(load, c);
	return result;
}
