/*
 * A whole producing run against an embedded broker with fault rules, on a simulated network: one
 * loop, one thread, a virtual clock, so that time-outs cost nothing and every run repeats. What was
 * produced is read back and compared, stamp by stamp.
 */
#ifndef FAULTY_RUN_H
#define FAULTY_RUN_H

#include "../test.h"

#include <errno.h>
#include <stdio.h>

#include "../../../src/broker/stage.h"
#include "../../../src/client/admin.h"
#include "../../../src/load/run.h"
#include "../../../src/load/verify.h"
#include "io/sim.h"
#include "proto/error.h"

#define FAULTY_PORT       9092
#define FAULTY_TOPIC      "t"
#define FAULTY_PARTITIONS 4
#define FAULTY_RECORDS    8000
#define FAULTY_BATCH      100
#define FAULTY_RULES      4
#define FAULTY_RUN_ID     77

struct faulty {
	/* What the test may change before faulty_run. */
	const char *rules[FAULTY_RULES]; /* of the whole run; NULL ends them */
	/* Added when the topic is there and the workers begin: only the load meets them. */
	const char *load_rules[FAULTY_RULES];
	int32_t nodes;
	int16_t acks, replicas;
	bool idempotent;
	int64_t records;
	int64_t request_timeout_ns, delivery_timeout_ns, drain_ns;
	int64_t quota_bytes_per_second;
	/* Called on the loop, this long after the workers begin. */
	void (*midway)(struct faulty *);
	int64_t midway_ns;

	struct sim *sim;
	struct loop *loop;
	struct stage stage;
	struct cluster cluster;
	struct load load;
	struct payload payload;
	struct worker worker;
	struct run run;
	struct timer timer;
	uint64_t acted_before;

	/* What came of it. */
	int setup;  /* of the topic: 0 or -errno, cluster.reason says why */
	int result; /* of the workers */
	struct run_figures figures;
	uint64_t confirmed, missing, acted, bumps, resent;
	int verified; /* of reading back */
	struct readback readback;
};

static inline struct faulty *faulty_new(void)
{
	struct faulty *f = calloc(1, sizeof *f);
	assert_non_null(f);
	f->nodes = 1;
	f->acks = -1;
	f->replicas = 1;
	f->idempotent = true;
	f->records = FAULTY_RECORDS;
	f->request_timeout_ns = 2 * NS_PER_S;
	f->delivery_timeout_ns = 30 * NS_PER_S;
	f->drain_ns = 40 * NS_PER_S;
	return f;
}

static inline void faulty_say(void *context, const char *line)
{
	(void)context;
	if (getenv("TALK"))
		print_message("%s\n", line);
}

static inline struct connection_options faulty_connection(const struct faulty *f)
{
	return (struct connection_options){
		.client_id = "test",
		.connect_timeout_ns = NS_PER_S,
		.request_timeout_ns = f->request_timeout_ns,
	};
}

static inline void faulty_rules_add(struct faulty *f, const char *const *rules)
{
	char why[FAULT_WHY_SIZE];
	for (int i = 0; i < FAULTY_RULES && rules[i]; i++)
		if (faults_add(f->stage.faults, rules[i], loop_now_ns(f->loop), why) < 0)
			fail_msg("%s: %s", rules[i], why);
}

static inline void faulty_open(struct faulty *f)
{
	f->sim = sim_open(&(struct sim_options){ .seed = 1 });
	assert_non_null(f->sim);
	char why[STAGE_REASON_SIZE];
	struct loop_options loop_options = {
		.sim = f->sim, .slab_size = (size_t)1 << 20, .slab_count = 8
	};
	if (loop_open(&loop_options, &f->loop, why) < 0)
		fail_msg("%s", why);
	struct stage_options options = {
		.host = "127.0.0.1",
		.port = FAULTY_PORT,
		.node_count = f->nodes,
		.store_size = (size_t)64 << 20,
		.servers = 1,
		.seed = 1,
		.wall_offset_ns = 1700000000 * NS_PER_S,
		.say = faulty_say,
	};
	options.quota_bytes_per_second[QUOTA_PRODUCE] = f->quota_bytes_per_second;
	if (stage_open(&f->stage, f->loop, &options, why) < 0)
		fail_msg("%s", why);
	faulty_rules_add(f, f->rules);
}

static inline int faulty_connect(struct faulty *f)
{
	struct endpoint endpoint = { "127.0.0.1", FAULTY_PORT };
	struct endpoint_list list = { &endpoint, 1 };
	struct connection_options options = faulty_connection(f);
	return cluster_open(&f->cluster, f->loop, &list, &options, 1, NULL);
}

static inline int faulty_topic(struct faulty *f, const char *name)
{
	struct topic_spec spec = { name, FAULTY_PARTITIONS, f->replicas, NULL };
	return admin_topic_create(&f->cluster, &spec);
}

static inline void faulty_close(struct faulty *f)
{
	cluster_close(&f->cluster);
	stage_close(&f->stage);
	loop_close(f->loop);
	sim_close(f->sim);
	free(f);
}

static inline void faulty_midway(struct timer *timer, int64_t now_ns)
{
	(void)now_ns;
	struct faulty *f = CONTAINER_OF(timer, struct faulty, timer);
	f->midway(f);
}

static inline void faulty_load(struct faulty *f, const struct endpoint_list *bootstrap)
{
	assert_int_equal(payload_init(&f->payload, PAYLOAD_RANDOM, 1), 0);
	f->load = (struct load){
		.bootstrap = bootstrap,
		.topic = FAULTY_TOPIC,
		.connection = faulty_connection(f),
		.connections = 1,
		.plan = { .producers = 1,
			.partitions = FAULTY_PARTITIONS,
			.records = (uint64_t)f->records,
			.seed = 1 },
		.duration_ns = NEVER_NS,
		.drain_ns = f->drain_ns,
		.run_id = FAULTY_RUN_ID,
		.value_size = 64,
		.stamp = true,
		.payload = &f->payload,
		.acks = f->acks,
		.idempotent = f->idempotent,
		.batch_size = (size_t)32 << 10,
		.batch_records = FAULTY_BATCH,
		.request_size = (size_t)32 << 10,
		.in_flight = 5,
		.request_timeout_ns = f->request_timeout_ns,
		.queue = { .in_flight_limit = 5,
			.delivery_timeout_ns = f->delivery_timeout_ns,
			.retry_backoff_ns = 200 * NS_PER_MS, /* longer than metadata's pause */
			.retry_backoff_max_ns = NS_PER_S },
		.seed = 1,
		.wall_offset_ns = 1700000000 * NS_PER_S,
	};
	assert_int_equal(plan_init(&f->load.plan), 0);
}

static inline void faulty_produce(struct faulty *f)
{
	struct endpoint endpoint = { "127.0.0.1", FAULTY_PORT };
	struct endpoint_list list = { &endpoint, 1 };
	faulty_load(f, &list);
	f->run = (struct run){ .load = &f->load, .workers = &f->worker, .worker_count = 1 };
	assert_int_equal(recorder_open(&f->run.recorder, 1, NULL), 0);
	if (f->midway) {
		timer_init(&f->timer, faulty_midway);
		loop_timer_start(f->loop, &f->timer, loop_clock_ns(f->loop) + f->midway_ns);
	}
	f->acted_before = faults_acted(f->stage.faults);
	faulty_rules_add(f, f->load_rules);
	f->result = worker_run(&f->worker, &f->load, &f->run.recorder, f->loop);
	f->acted = faults_acted(f->stage.faults) - f->acted_before;
	loop_timer_stop(f->loop, &f->timer);
	run_sum(&f->run, false, &f->figures);
	for (int32_t i = 0; i < f->worker.producer_count; i++)
		for (int32_t j = 0; j < f->worker.producers[i].lane_count; j++) {
			f->bumps += f->worker.producers[i].lanes[j].queue.bump_count;
			f->resent += f->worker.producers[i].lanes[j].queue.resent_count;
		}
}

/* Without faults: what is there is what counts. */
static inline void faulty_read_back(struct faulty *f)
{
	int64_t from[FAULTY_PARTITIONS] = { 0 }, to[FAULTY_PARTITIONS];
	faults_clear(f->stage.faults);
	assert_int_equal(cluster_follow(&f->cluster, FAULTY_TOPIC), 0);
	struct catalog_topic *topic = catalog_topic_named(&f->stage.catalog, STRING(FAULTY_TOPIC));
	for (int i = 0; i < FAULTY_PARTITIONS; i++) {
		to[i] = topic->partitions[i]->log.end_offset;
		f->confirmed += (uint64_t)to[i];
	}
	struct verify verify = { .readback = &f->readback };
	assert_int_equal(readback_init(&f->readback, FAULTY_RUN_ID, 1, FAULTY_PARTITIONS), 0);
	f->verified = verify_read(&verify, &f->cluster, from, to);
	if (f->verified < 0)
		fail_msg("reading back: %s", f->cluster.reason);
	uint64_t unchecked = 0;
	f->missing = run_missing(&f->run, &f->readback, &unchecked);
	assert_int_equal(unchecked, 0);
}

static inline void faulty_produce_end(struct faulty *f)
{
	recorder_close(&f->run.recorder);
	worker_free(&f->worker);
	plan_free(&f->load.plan);
	payload_free(&f->payload);
	readback_free(&f->readback);
}

/* How often the load was answered with this error. */
static inline uint64_t faulty_errors(const struct faulty *f, int16_t code)
{
	for (int32_t i = 0; i < f->worker.error_count; i++)
		if (f->worker.errors[i].code == code)
			return f->worker.errors[i].count;
	return 0;
}

/* Opens, makes the topic, produces, reads back. The caller judges, then calls faulty_end. */
static inline void faulty_run(struct faulty *f)
{
	faulty_open(f);
	if (faulty_connect(f) < 0)
		fail_msg("%s", f->cluster.reason);
	if (faulty_topic(f, FAULTY_TOPIC) < 0)
		fail_msg("%s", f->cluster.reason);
	faulty_produce(f);
	faulty_read_back(f);
}

static inline void faulty_end(struct faulty *f)
{
	faulty_produce_end(f);
	faulty_close(f);
}

#endif
