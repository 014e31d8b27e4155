/*
 * The whole system on the simulated network, one random world per seed: an embedded cluster of one
 * to three brokers, harrow's producers, and a reader that reads everything back; under faults of
 * the network, faults of the brokers, and brokers that go down and come back.
 *
 * Checked: every record ends exactly once (scheduled = acked + failed + unknown + unsent, nothing
 * is left in a window or a pool); what was acknowledged is in the log and what was refused is not;
 * with idempotence and acks=all each partition's log holds each sequence number once and in order;
 * the wire (wire_watch.h); after all faults are over everything that may still be sent is
 * acknowledged; the same seed runs the same, byte for byte.
 */
#include "wire_watch.h"

#include "../../src/broker/stage.h"
#include "../../src/load/run.h"
#include "../../src/load/verify.h"
#include "proto/error.h"

#define TOPIC           "simulated"
#define STORE_SIZE      ((size_t)2 << 20)
#define MESSAGE_MAX     "32768"
#define AGAIN_EVERY     64 /* seeds; each of these runs twice */
#define RULES_MAX       8
#define DELIVERY_LONG   (60 * NS_PER_S)
#define CALM_AT_MOST    (2 * NS_PER_S) /* from here on nothing goes wrong any more */
#define WALL_OFFSET     (1700000000 * NS_PER_S)
#define CONNECT_PATIENT (20 * NS_PER_S)

enum note {
	RECORDS,
	ACKED,
	FAILED,
	UNKNOWN,
	UNSENT,
	IDEMPOTENT,
	HEALED,
	NOT_BEGUN,
	REQUESTS,
	LOST,
	TIMED_OUT,
	ERRORS,
	EPOCHS,
	DOWNS,
	RESETS
};

static const char *const notes[] = {
	[RECORDS] = "records",
	[ACKED] = "acked",
	[FAILED] = "failed",
	[UNKNOWN] = "unknown",
	[UNSENT] = "unsent",
	[IDEMPOTENT] = "idempotent runs",
	[HEALED] = "runs in which all had to be sent and, but for refusals, acknowledged",
	[NOT_BEGUN] = "runs that did not begin",
	[REQUESTS] = "requests",
	[LOST] = "requests lost with their connection",
	[TIMED_OUT] = "requests timed out",
	[ERRORS] = "errors answered",
	[EPOCHS] = "epochs bumped",
	[DOWNS] = "brokers taken down",
	[RESETS] = "connections reset",
	NULL,
};

struct world {
	struct random random;
	bool talk;
	struct sim *sim;
	struct watch watch;
	struct loop *loop;
	struct stage stage;
	struct timer chaos;
	int64_t calm_ns, chaos_gap_ns; /* calm_ns: 0 before it begins */
	struct sim_faults faults;
	bool early, node_chaos, lies; /* which kinds of faults there are */
	char rules[RULES_MAX][128];
	int32_t rule_count;
	struct endpoint endpoints[3];
	struct endpoint_list bootstrap;
	struct payload payload;
	struct load load;
	struct run run;
	struct worker worker;
	struct readback readback;
};

/* ---- what goes wrong ---- */

static const char *const mild_rules[] = {
	"api=Produce:error=NOT_LEADER_OR_FOLLOWER",
	"api=Produce:error=NOT_ENOUGH_REPLICAS",
	"api=Produce:error=NOT_ENOUGH_REPLICAS_AFTER_APPEND,applied=yes",
	"api=Produce:error=REQUEST_TIMED_OUT,applied=yes",
	"api=Produce:error=KAFKA_STORAGE_ERROR",
	"api=Produce:error=UNKNOWN_TOPIC_OR_PARTITION",
	"api=Produce:disconnect=before",
	"api=Produce:disconnect=after",
	"api=Produce:half",
	"api=Produce:delay=30ms",
	"api=Produce:delay=3s",
	"api=Produce:throttle=40ms",
	"api=Metadata:disconnect=before",
	"api=Metadata:delay=200ms",
	"api=Metadata:half",
	"api=InitProducerId:error=COORDINATOR_LOAD_IN_PROGRESS",
	"api=InitProducerId:disconnect=after",
	"api=ApiVersions:disconnect=before",
	"api=ApiVersions:delay=100ms",
};

static const char *const garbage_rules[] = {
	"api=Produce:garbage=size",
	"api=Produce:garbage=header",
	"api=Produce:garbage=body",
};

/* What no retry helps with. */
static const char *const terminal_rules[] = {
	"api=Produce:error=MESSAGE_TOO_LARGE",
	"api=Produce:error=INVALID_RECORD",
	"api=Produce:error=UNKNOWN_SERVER_ERROR",
};

/*
 * A leader that says this has certainly not written the batch; here it may have, in an attempt
 * before. harrow believes it and sends the batch again under a fresh epoch: written twice.
 */
static const char *const lying_rules[] = {
	"api=Produce:error=UNKNOWN_PRODUCER_ID",
	"api=Produce:error=OUT_OF_ORDER_SEQUENCE_NUMBER",
};

static void rule_draw(struct world *w, const char *const *rules, size_t count)
{
	struct random *r = &w->random;
	char *rule = w->rules[w->rule_count++];
	snprintf(rule, sizeof w->rules[0], "%s:probability=0.%02u", rules[random_below(r, count)],
		(unsigned)SIM_ONE_OF(r, 2, 10, 30, 60));
}

static void rules_draw(struct world *w)
{
	struct random *r = &w->random;
	int count = (int)sim_between(r, 0, 4);
	for (int i = 0; i < count; i++)
		rule_draw(w, mild_rules, COUNT_OF(mild_rules));
	w->watch.garbage = random_below(r, 6) == 0;
	if (w->watch.garbage)
		rule_draw(w, garbage_rules, COUNT_OF(garbage_rules));
	if (random_below(r, 6) == 0)
		rule_draw(w, terminal_rules, COUNT_OF(terminal_rules));
	w->lies = random_below(r, 12) == 0;
	if (w->lies)
		rule_draw(w, lying_rules, COUNT_OF(lying_rules));
}

static void rules_install(struct world *w)
{
	for (int32_t i = 0; i < w->rule_count; i++) {
		char why[FAULT_WHY_SIZE];
		int result = faults_add(w->stage.faults, w->rules[i], loop_clock_ns(w->loop), why);
		CHECK(result == 0, "%s: %s", w->rules[i], why);
	}
}

/* Everything works from here on. */
static void calm(struct world *w)
{
	faults_clear(w->stage.faults);
	sim_set_faults(w->sim, &(struct sim_faults){ 0 });
	for (int32_t i = 0; i < w->stage.options.node_count; i++)
		stage_node_up(&w->stage, i); /* one that is still closing comes next time */
}

static bool all_up(const struct world *w)
{
	for (int32_t i = 0; i < w->stage.options.node_count; i++)
		if (!catalog_node_is_up(&w->stage.catalog, i))
			return false;
	return true;
}

/* Things go wrong from the beginning, or (more to learn from) when the producers are at work. */
static bool chaos_begin(struct world *w, int64_t now_ns)
{
	if (!w->early && !w->worker.begun) {
		loop_timer_start(w->loop, &w->chaos, now_ns + NS_PER_MS);
		return false;
	}
	w->calm_ns = now_ns + 1 + (int64_t)random_below(&w->random, (uint64_t)CALM_AT_MOST);
	sim_set_faults(w->sim, &w->faults);
	rules_install(w);
	return true;
}

static void chaos_fire(struct timer *timer, int64_t now_ns)
{
	struct world *w = CONTAINER_OF(timer, struct world, chaos);
	if (w->calm_ns == 0 && !chaos_begin(w, now_ns))
		return;
	if (now_ns >= w->calm_ns) {
		calm(w);
		if (!all_up(w))
			loop_timer_start(w->loop, timer, now_ns + NS_PER_MS);
		return;
	}
	int64_t next_ns = now_ns + 1 + (int64_t)random_below(&w->random, (uint64_t)w->chaos_gap_ns);
	loop_timer_start(w->loop, timer, MIN(next_ns, w->calm_ns));
	if (!w->node_chaos)
		return;
	int32_t node = (int32_t)random_below(&w->random, (uint64_t)w->stage.options.node_count);
	if (stage_node_down(&w->stage, node) == 0)
		sim_note(DOWNS, 1);
	else
		stage_node_up(&w->stage, node);
}

/* ---- the world ---- */

static void stage_line(void *context, const char *line)
{
	struct world *w = context;
	if (w->talk)
		printf("%12.6f ms  stage: %s\n", (double)sim_now_ns(w->sim) / (double)NS_PER_MS,
			line);
}

static void network_make(struct world *w, uint64_t seed)
{
	struct random *r = &w->random;
	/* Not both: so slow a network could not carry a request within its timeout. */
	bool far = random_below(r, 2);
	struct sim_options options = {
		.seed = seed,
		.latency_ns = far ? (int64_t)SIM_ONE_OF(r, 500000, 2000000) : 0,
		.socket_buffer_size = far ? 0 : SIM_ONE_OF(r, 0, 1000, 5000),
		.tap = watch_tap,
		.tap_context = &w->watch,
	};
	w->sim = sim_open(&options);
	CHECK(w->sim, "no memory");
	w->watch.sim = w->sim;
	w->watch.talk = w->talk;
	static const char *const caps[] = { "defer", "defer,-multishot", "defer,-bufring,-waitall",
		"defer,-trunc,-multiaccept" };
	struct loop_options loop_options = {
		.sim = w->sim,
		.caps = caps[random_below(r, COUNT_OF(caps))],
		.receive_buffer_size = SIM_ONE_OF(r, 64, 500, 4096),
		.receive_buffer_count = SIM_ONE_OF(r, 4, 64),
		.slab_size = (size_t)VERIFY_RESPONSE_SIZE + 65536, /* the reader asks for so much */
		.slab_count = (unsigned)sim_between(r, 2, 6),
	};
	char why[LOOP_TEXT_SIZE];
	int result = loop_open(&loop_options, &w->loop, why);
	CHECK(result == 0, "loop_open: %s", why);
}

static int32_t topic_make(struct world *w)
{
	struct random *r = &w->random;
	int32_t nodes = w->stage.options.node_count;
	int16_t copies = (int16_t)sim_between(r, 1, (uint64_t)nodes);
	char in_sync[8];
	snprintf(in_sync, sizeof in_sync, "%d", (int)sim_between(r, 1, (uint64_t)copies));
	struct creatable_topic_config config = {
		.name = STRING("min.insync.replicas"),
		.value = string_of(in_sync),
	};
	struct creatable_topic topic = {
		.name = STRING(TOPIC),
		.num_partitions = (int32_t)sim_between(r, 1, 4),
		.replication_factor = copies,
	};
	topic.configs.items = &config;
	topic.configs.count = 1;
	struct topic_outcome outcome;
	char why[CATALOG_WHY_SIZE];
	int16_t error = catalog_topic_create(&w->stage.catalog, &topic, false, &outcome, why);
	CHECK(error == 0, "the topic cannot be created: %d %s", error, why);
	return topic.num_partitions;
}

static void stage_make(struct world *w, uint64_t seed)
{
	struct random *r = &w->random;
	static const struct property_pair properties[] = {
		{ STRING("message.max.bytes"), STRING(MESSAGE_MAX) },
	};
	struct stage_options options = {
		.host = "127.0.0.1",
		.node_count = (int32_t)sim_between(r, 1, 3),
		.store_size = STORE_SIZE,
		.validate = random_below(r, 2),
		.properties = properties,
		.property_count = COUNT_OF(properties),
		.seed = seed,
		.say = stage_line,
		.say_context = w,
		.wall_offset_ns = WALL_OFFSET,
	};
	if (random_below(r, 8) == 0) {
		options.service_time =
			(struct service_time){ SERVICE_EXPONENTIAL, 100 * NS_PER_US };
		options.servers = 2;
	}
	char why[STAGE_REASON_SIZE];
	int result = stage_open(&w->stage, w->loop, &options, why);
	CHECK(result == 0, "stage_open: %s", why);
	for (int32_t i = 0; i < options.node_count; i++)
		w->endpoints[i] = (struct endpoint){ "127.0.0.1", stage_port(&w->stage, i) };
	w->bootstrap = (struct endpoint_list){ w->endpoints, options.node_count };
}

static void schedule_make(struct world *w, struct load *l, int32_t partitions)
{
	struct random *r = &w->random;
	l->open_loop = random_below(r, 3) > 0;
	l->duration_ns = NEVER_NS;
	l->plan = (struct plan){
		.producers = (uint32_t)sim_between(r, 1, 2),
		.partitions = (uint32_t)partitions,
		.records = sim_between(r, 1, 200),
		.seed = w->load.seed,
		.arrivals = random_below(r, 2) ? ARRIVALS_POISSON : ARRIVALS_CONSTANT,
	};
	if (l->open_loop)
		l->plan.rate = record_rate_of((double)SIM_ONE_OF(r, 100, 1000, 20000));
	l->linger_ns = l->open_loop ? (int64_t)SIM_ONE_OF(r, 0, 0, 5000000) : 0;
	CHECK(plan_init(&l->plan) == 0, "the plan cannot be made");
}

static void load_make(struct world *w, uint64_t seed, int32_t partitions)
{
	struct random *r = &w->random;
	struct load *l = &w->load;
	l->bootstrap = &w->bootstrap;
	l->topic = TOPIC;
	l->seed = seed;
	l->run_id = seed;
	l->connections = (int32_t)sim_between(r, 1, 2);
	l->acks = (int16_t)SIM_ONE_OF(r, 0, 1, (uint16_t)-1, (uint16_t)-1, (uint16_t)-1);
	l->idempotent = l->acks == -1 && random_below(r, 4) > 0;
	l->in_flight = (int32_t)sim_between(r, 1, l->idempotent ? 5 : 8);
	l->value_size = (uint32_t)SIM_ONE_OF(r, STAMP_SIZE, 100, 700);
	l->stamp = true;
	l->payload = &w->payload;
	l->level = CODEC_LEVEL_DEFAULT;
	l->codec = random_below(r, 6) ? CODEC_NONE : CODEC_LZ4;
	l->batch_size = SIM_ONE_OF(r, 900, 3000, 10000);
	l->batch_records = (uint32_t)SIM_ONE_OF(r, 1, 4, 50);
	l->request_size = SIM_ONE_OF(r, 1, 3000, 30000);
	l->request_timeout_ns = (int64_t)SIM_ONE_OF(r, 50, 500, 3000) * NS_PER_MS;
	bool patient = random_below(r, 2);
	l->drain_ns = patient ? 2 * DELIVERY_LONG : (int64_t)SIM_ONE_OF(r, 1, 500) * NS_PER_MS;
	l->queue = (struct produce_queue_config){
		.in_flight_limit = l->in_flight,
		.delivery_timeout_ns =
			patient ? DELIVERY_LONG : (int64_t)SIM_ONE_OF(r, 100, 1000) * NS_PER_MS,
		.retry_backoff_ns = 10 * NS_PER_MS,
		.retry_backoff_max_ns = 100 * NS_PER_MS,
	};
	l->connection = (struct connection_options){
		.client_id = "harrow",
		.connect_timeout_ns = NS_PER_S,
		.request_timeout_ns = l->request_timeout_ns,
	};
	l->wall_offset_ns = WALL_OFFSET;
	schedule_make(w, l, partitions);
	w->watch.in_flight_limit = l->in_flight;
	w->watch.one_way = l->acks == 0;
}

static void world_open(struct world *w, uint64_t seed, bool talk)
{
	w->talk = talk;
	random_seed(&w->random, seed);
	CHECK(payload_init(&w->payload, PAYLOAD_ZEROS, seed) == 0, "no memory");
	network_make(w, seed);
	stage_make(w, seed);
	load_make(w, seed, topic_make(w));
	rules_draw(w);
	w->faults = sim_faults_any(&w->random, random_below(&w->random, 2));
	w->faults.delay_max_ns = MIN(w->faults.delay_max_ns, 5 * NS_PER_MS);
	w->faults.reset = MIN(w->faults.reset, 5000);
	w->early = random_below(&w->random, 8) == 0;
	w->node_chaos = random_below(&w->random, 2);
	w->chaos_gap_ns = (int64_t)SIM_ONE_OF(&w->random, 20, 200, 1000) * NS_PER_MS;
	timer_init(&w->chaos, chaos_fire);
	loop_timer_start(w->loop, &w->chaos, loop_clock_ns(w->loop));
	if (!talk)
		return;
	printf("%s; %d brokers, %u partitions, %u producers, acks %d, %s, %d in flight, %s, "
	       "%llu records\n",
		loop_describe(w->loop), w->stage.options.node_count, w->load.plan.partitions,
		w->load.plan.producers, w->load.acks,
		w->load.idempotent ? "idempotent" : "not idempotent", w->load.in_flight,
		w->load.open_loop ? "open loop" : "closed loop",
		(unsigned long long)w->load.plan.records);
	for (int32_t i = 0; i < w->rule_count; i++)
		printf("  %s\n", w->rules[i]);
}

static void world_close(struct world *w)
{
	loop_timer_stop(w->loop, &w->chaos);
	w->run.workers = NULL;
	worker_free(&w->worker);
	recorder_close(&w->run.recorder);
	stage_close(&w->stage);
	loop_close(w->loop);
	sim_close(w->sim);
	plan_free(&w->load.plan);
	payload_free(&w->payload);
	watch_free(&w->watch);
	free(w);
}

/* ---- what must hold ---- */

static void lane_check(struct world *w, struct lane *l)
{
	uint64_t ended = l->acked + l->failed + l->unknown + l->unsent;
	CHECK(l->taken == ended, "partition %d: %llu records were taken up, %llu ended",
		l->partition, (unsigned long long)l->taken, (unsigned long long)ended);
	CHECK(l->taken <= l->limit, "more than there were to send");
	CHECK(produce_queue_empty(&l->queue), "the queue is not empty");
	if (w->load.open_loop)
		CHECK(l->taken <= schedule_total(&l->schedule), "more than was scheduled");
}

static void worker_check(struct world *w)
{
	struct worker *k = &w->worker;
	CHECK(k->pool.used == 0, "%u batches were not given back", k->pool.used);
	for (int32_t i = 0; i < k->producer_count; i++) {
		struct producer *p = &k->producers[i];
		for (int32_t j = 0; j < p->lane_count && p->lanes; j++)
			lane_check(w, &p->lanes[j]);
		for (int32_t j = 0; j < p->link_count; j++)
			CHECK(p->links[j]->used == 0, "%d requests did not end", p->links[j]->used);
		sim_note(EPOCHS, (uint64_t)MAX(p->identity.producer_epoch, 0));
	}
}

/* Everything is back in order; the reader sees the network's mildest faults only. */
static void heal(struct world *w)
{
	w->calm_ns = loop_clock_ns(w->loop);
	loop_timer_stop(w->loop, &w->chaos);
	for (calm(w); !all_up(w); calm(w))
		CHECK(loop_turn(w->loop, loop_clock_ns(w->loop) + NS_PER_MS) >= 0,
			"the loop failed");
	const struct sim_faults mild = {
		.short_send = 100000,
		.short_receive = 100000,
		.no_buffers = 10000,
		.reorder = 100000,
		.late = 50000,
		.late_max_ns = NS_PER_MS,
	};
	sim_set_faults(w->sim, &mild);
}

static uint64_t logs_ends(struct world *w, int64_t *from, int64_t *to)
{
	struct catalog_topic *topic = catalog_topic_named(&w->stage.catalog, STRING(TOPIC));
	CHECK(topic, "the topic is gone");
	uint64_t sum = 0;
	for (int32_t i = 0; i < topic->partition_count; i++) {
		from[i] = topic->partitions[i]->log.start_offset;
		to[i] = topic->partitions[i]->log.end_offset;
		CHECK(from[i] == 0, "partition %d lost its beginning", i);
		sum += (uint64_t)to[i];
	}
	return sum;
}

static void read_back(struct world *w, const int64_t *from, const int64_t *to)
{
	struct cluster cluster;
	struct connection_options options = {
		.client_id = "reader",
		.connect_timeout_ns = CONNECT_PATIENT,
		.request_timeout_ns = CONNECT_PATIENT,
	};
	int result = cluster_open(&cluster, w->loop, &w->bootstrap, &options, 1, NULL);
	CHECK(result == 0, "the reader cannot connect: %s", cluster.reason);
	result = cluster_follow(&cluster, TOPIC);
	CHECK(result == 0, "the reader does not find the topic: %s", cluster.reason);
	struct verify verify = { .readback = &w->readback };
	result = verify_read(&verify, &cluster, from, to);
	CHECK(result == 0, "the reader fails: %s", cluster.reason);
	cluster_close(&cluster);
}

static void log_check(struct world *w, const struct run_figures *f, uint64_t in_log)
{
	const struct readback *r = &w->readback;
	CHECK(r->foreign == 0 && r->unchecked == 0, "%llu foreign, %llu unchecked records",
		(unsigned long long)r->foreign, (unsigned long long)r->unchecked);
	CHECK(r->received == in_log, "%llu records read of %llu", (unsigned long long)r->received,
		(unsigned long long)in_log);
	if (w->load.acks == 0)
		return;
	uint64_t unchecked = 0;
	uint64_t missing = run_missing(&w->run, r, &unchecked);
	CHECK(missing == 0 && unchecked == 0, "%llu acknowledged records are not in the log",
		(unsigned long long)missing);
	if (!w->load.idempotent || w->lies)
		return;
	CHECK(r->duplicates == 0, "%llu duplicates", (unsigned long long)r->duplicates);
	CHECK(r->out_of_order == 0, "%llu out of order", (unsigned long long)r->out_of_order);
	CHECK(in_log >= f->acked && in_log <= f->acked + f->unknown,
		"%llu records in the log; %llu acked, %llu unknown", (unsigned long long)in_log,
		(unsigned long long)f->acked, (unsigned long long)f->unknown);
	if (f->unknown == 0 && f->failed == 0 && f->unsent == 0)
		CHECK(readback_gaps(r) == 0, "gaps in the log");
}

/* Whether no retry helps with it, not even one under a fresh epoch. */
static bool terminal(const struct world *w, int16_t error)
{
	switch (error) {
	case ERROR_MESSAGE_TOO_LARGE:
	case ERROR_INVALID_RECORD:
	case ERROR_UNKNOWN_SERVER_ERROR:
		return true;
	case ERROR_UNKNOWN_PRODUCER_ID:
	case ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER:
		return !w->load.idempotent;
	default:
		return false;
	}
}

static uint64_t terminal_answers(const struct world *w)
{
	uint64_t sum = 0;
	for (int32_t i = 0; i < w->worker.error_count; i++)
		if (terminal(w, w->worker.errors[i].code))
			sum += w->worker.errors[i].count;
	return sum;
}

static void figures_check(struct world *w, const struct run_figures *f)
{
	CHECK(f->scheduled == w->load.plan.records, "%llu scheduled of %llu",
		(unsigned long long)f->scheduled, (unsigned long long)w->load.plan.records);
	CHECK(f->acked + f->failed + f->unknown <= f->scheduled, "more ended than was scheduled");
	if (w->load.drain_ns < DELIVERY_LONG || w->load.acks == 0)
		return;
	/* Everything else had all the time to be sent again, after the faults were over. */
	sim_note(HEALED, 1);
	/* One that is given up in uncertainty may take those along that are in flight behind it. */
	uint64_t excused =
		terminal_answers(w) * w->load.batch_records * (uint64_t)w->load.in_flight;
	CHECK(f->unsent == 0 && f->failed + f->unknown <= excused,
		"the faults were over, yet of %llu: %llu acked, %llu failed, %llu unknown, %llu "
		"unsent",
		(unsigned long long)f->scheduled, (unsigned long long)f->acked,
		(unsigned long long)f->failed, (unsigned long long)f->unknown,
		(unsigned long long)f->unsent);
}

static void count(struct world *w, const struct run_figures *f)
{
	struct sim_counts c;
	sim_counts(w->sim, &c);
	sim_note(RECORDS, f->scheduled);
	sim_note(ACKED, f->acked);
	sim_note(FAILED, f->failed);
	sim_note(UNKNOWN, f->unknown);
	sim_note(UNSENT, f->unsent);
	sim_note(IDEMPOTENT, w->load.idempotent);
	sim_note(REQUESTS, f->requests);
	sim_note(LOST, w->worker.lost_requests);
	sim_note(TIMED_OUT, w->worker.timed_out_requests);
	sim_note(
		ERRORS, f->request_errors - w->worker.lost_requests - w->worker.timed_out_requests);
	sim_note(RESETS, c.resets);
}

static uint64_t world_run(uint64_t seed, bool talk)
{
	struct world *w = calloc(1, sizeof *w);
	CHECK(w, "no memory");
	world_open(w, seed, talk);
	CHECK(recorder_open(&w->run.recorder, 1, NULL) == 0, "no memory");
	w->run.load = &w->load;
	w->run.workers = &w->worker;
	w->run.worker_count = 1;
	int result = worker_run(&w->worker, &w->load, &w->run.recorder, w->loop);
	if (talk)
		printf("%12.6f ms  worker: %d %s\n", (double)sim_now_ns(w->sim) / (double)NS_PER_MS,
			result, w->worker.reason);
	/* It may be that no broker was there; anything else must begin and end. */
	CHECK(result == 0 || (w->early && !w->worker.begun), "the worker failed: %s",
		w->worker.reason);
	worker_check(w);
	struct run_figures f;
	run_sum(&w->run, false, &f);
	if (w->worker.begun)
		figures_check(w, &f);
	else
		sim_note(NOT_BEGUN, 1);
	heal(w);
	int64_t from[4], to[4];
	uint64_t in_log = logs_ends(w, from, to);
	CHECK(readback_init(&w->readback, w->load.run_id, w->load.plan.producers,
		      w->load.plan.partitions) == 0,
		"no memory");
	read_back(w, from, to);
	log_check(w, &f, in_log);
	readback_free(&w->readback);
	count(w, &f);
	uint64_t sum = w->watch.sum;
	if (talk)
		printf("%.3f s of simulated time, %llu of %llu acked, bytes' sum %016llx\n",
			(double)loop_now_ns(w->loop) / (double)NS_PER_S,
			(unsigned long long)f.acked, (unsigned long long)f.scheduled,
			(unsigned long long)sum);
	world_close(w);
	return sum;
}

int main(void)
{
	return sim_main(&(struct simulation){
		.name = "produce",
		.seeds = 10000,
		.notes = notes,
		.run = world_run,
		.again_every = AGAIN_EVERY,
	});
}
