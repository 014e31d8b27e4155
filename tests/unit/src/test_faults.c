/*
 * Shows: what a producing run makes of everything that a broker can do to it. One table says, for
 * each error code, what is retried, refreshed, given a fresh epoch, counted as failed or as
 * unknown; the others, what becomes of lost, cut, spoilt and late answers. In each run nothing
 * acknowledged is missing and nothing is doubled.
 */
#include "faulty_run.h"

/* ---- error codes of Produce ---- */

enum outcome {
	ALL_ACKED,     /* the batch went out again, or was there already */
	BATCH_FAILED,  /* refused: the batch ends as failed, what follows goes on */
	BATCH_UNKNOWN, /* ends as unknown, what follows goes on */
	QUEUE_CLOSED,  /* the partition gets nothing more */
};

/* What follows from one answer with this code, for one partition of a request. */
struct expected {
	const char *error;
	enum outcome outcome;
	bool applied;   /* the broker wrote the batch all the same */
	bool refreshed; /* asks for metadata */
	bool bumped;    /* goes on under a fresh epoch */
	bool resent;
};

#define YES true
#define NO  false

static const struct expected codes[] = {
	/* clang-format off */
	/* error                               outcome        applied refreshed bumped resent */
	/* The leader is another, or cannot take it now: again. */
	{ "NOT_LEADER_OR_FOLLOWER",             ALL_ACKED,     NO,  YES, NO,  YES },
	{ "NOT_LEADER_OR_FOLLOWER",             ALL_ACKED,     YES, YES, NO,  YES },
	{ "LEADER_NOT_AVAILABLE",               ALL_ACKED,     NO,  YES, NO,  YES },
	{ "UNKNOWN_TOPIC_OR_PARTITION",         ALL_ACKED,     NO,  YES, NO,  YES },
	{ "UNKNOWN_TOPIC_ID",                   ALL_ACKED,     NO,  YES, NO,  YES },
	{ "INCONSISTENT_TOPIC_ID",              ALL_ACKED,     NO,  YES, NO,  YES },
	{ "REPLICA_NOT_AVAILABLE",              ALL_ACKED,     NO,  YES, NO,  YES },
	{ "FENCED_LEADER_EPOCH",                ALL_ACKED,     NO,  YES, NO,  YES },
	{ "UNKNOWN_LEADER_EPOCH",               ALL_ACKED,     NO,  YES, NO,  YES },
	{ "KAFKA_STORAGE_ERROR",                ALL_ACKED,     NO,  YES, NO,  YES },
	{ "KAFKA_STORAGE_ERROR",                ALL_ACKED,     YES, YES, NO,  YES },
	{ "NETWORK_EXCEPTION",                  ALL_ACKED,     NO,  YES, NO,  YES },
	{ "NETWORK_EXCEPTION",                  ALL_ACKED,     YES, YES, NO,  YES },
	{ "NOT_ENOUGH_REPLICAS",                ALL_ACKED,     NO,  NO,  NO,  YES },
	{ "NOT_ENOUGH_REPLICAS_AFTER_APPEND",   ALL_ACKED,     YES, NO,  NO,  YES },
	{ "NOT_ENOUGH_REPLICAS_AFTER_APPEND",   ALL_ACKED,     NO,  NO,  NO,  YES },
	{ "REQUEST_TIMED_OUT",                  ALL_ACKED,     YES, NO,  NO,  YES },
	{ "REQUEST_TIMED_OUT",                  ALL_ACKED,     NO,  NO,  NO,  YES },
	{ "THROTTLING_QUOTA_EXCEEDED",          ALL_ACKED,     NO,  NO,  NO,  YES },
	/* It is there already. */
	{ "DUPLICATE_SEQUENCE_NUMBER",          ALL_ACKED,     YES, NO,  NO,  NO  },
	/* Sequences and epochs: the first unacknowledged batch takes a fresh epoch. */
	{ "OUT_OF_ORDER_SEQUENCE_NUMBER",       ALL_ACKED,     NO,  NO,  YES, YES },
	{ "UNKNOWN_PRODUCER_ID",                ALL_ACKED,     NO,  NO,  YES, YES },
	{ "INVALID_PRODUCER_EPOCH",             ALL_ACKED,     NO,  NO,  YES, YES },
	/* This batch will never be taken; the gap that it leaves costs an epoch. */
	{ "MESSAGE_TOO_LARGE",                  BATCH_FAILED,  NO,  NO,  YES, NO  },
	{ "RECORD_LIST_TOO_LARGE",              BATCH_FAILED,  NO,  NO,  YES, NO  },
	{ "CORRUPT_MESSAGE",                    BATCH_FAILED,  NO,  NO,  YES, NO  },
	{ "INVALID_RECORD",                     BATCH_FAILED,  NO,  NO,  YES, NO  },
	{ "INVALID_TIMESTAMP",                  BATCH_FAILED,  NO,  NO,  YES, NO  },
	{ "INVALID_TOPIC_EXCEPTION",            BATCH_FAILED,  NO,  NO,  YES, NO  },
	{ "INVALID_REQUIRED_ACKS",              BATCH_FAILED,  NO,  NO,  YES, NO  },
	{ "TOPIC_AUTHORIZATION_FAILED",         BATCH_FAILED,  NO,  NO,  YES, NO  },
	{ "POLICY_VIOLATION",                   BATCH_FAILED,  NO,  NO,  YES, NO  },
	{ "UNSUPPORTED_COMPRESSION_TYPE",       BATCH_FAILED,  NO,  NO,  YES, NO  },
	{ "UNSUPPORTED_FOR_MESSAGE_FORMAT",     BATCH_FAILED,  NO,  NO,  YES, NO  },
	/* No retry, and no word on whether it was written. */
	{ "UNKNOWN_SERVER_ERROR",               BATCH_UNKNOWN, NO,  NO,  YES, NO  },
	{ "UNKNOWN_SERVER_ERROR",               BATCH_UNKNOWN, YES, NO,  NO,  NO  },
	{ "INVALID_REQUEST",                    BATCH_UNKNOWN, NO,  NO,  YES, NO  },
	{ "INVALID_TXN_STATE",                  BATCH_UNKNOWN, NO,  NO,  YES, NO  },
	{ "9999",                               BATCH_UNKNOWN, NO,  NO,  YES, NO  },
	{ "9999",                               BATCH_UNKNOWN, YES, NO,  NO,  NO  },
	/* Nor anything else of this producer. */
	{ "CLUSTER_AUTHORIZATION_FAILED",       QUEUE_CLOSED,  NO,  NO,  NO,  NO  },
	{ "UNSUPPORTED_VERSION",                QUEUE_CLOSED,  NO,  NO,  NO,  NO  },
	{ "PRODUCER_FENCED",                    QUEUE_CLOSED,  NO,  NO,  NO,  NO  },
	/* clang-format on */
};

/* Metadata requests are counted by a rule that does nothing to speak of. */
#define COUNT_METADATA "api=Metadata:delay=1ns"

static int16_t code_of(const char *error)
{
	for (int code = ERROR_FIRST; code <= ERROR_LAST; code++)
		if (strcmp(error_info((int16_t)code)->name, error) == 0)
			return (int16_t)code;
	return (int16_t)atoi(error);
}

static struct faulty *run_with(const char *rule)
{
	struct faulty *f = faulty_new();
	f->load_rules[0] = COUNT_METADATA;
	f->load_rules[1] = rule;
	faulty_run(f);
	return f;
}

static void assert_nothing_lost_or_doubled(const struct faulty *f, const char *rule)
{
	if (f->missing || f->readback.duplicates || f->readback.foreign || f->readback.out_of_order)
		fail_msg("%s: %llu missing, %llu doubled, %llu out of order, %llu foreign", rule,
			(unsigned long long)f->missing, (unsigned long long)f->readback.duplicates,
			(unsigned long long)f->readback.out_of_order,
			(unsigned long long)f->readback.foreign);
	const struct run_figures *s = &f->figures;
	assert_int_equal(s->scheduled, s->acked + s->failed + s->unknown + s->unsent);
	assert_in_range(f->confirmed, s->acked, s->acked + s->unknown);
}

static bool matches(bool condition, const struct expected *e, const char *what)
{
	if (!condition)
		print_error("%s%s: %s\n", e->error, e->applied ? " (applied)" : "", what);
	return condition;
}

static bool check_outcome(const struct faulty *f, const struct expected *e)
{
	const struct run_figures *s = &f->figures;
	uint64_t all = FAULTY_RECORDS, one = FAULTY_BATCH;
	switch (e->outcome) {
	case ALL_ACKED:
		return matches(s->acked == all, e, "not all are acknowledged");
	case BATCH_FAILED:
		return matches(s->failed == one && s->acked == all - one, e,
			"not one batch has failed and all others are acknowledged");
	case BATCH_UNKNOWN:
		return matches(s->unknown == one && s->acked == all - one, e,
			"not one batch is unknown and all others are acknowledged");
	case QUEUE_CLOSED:
		return matches(s->acked >= all - all / FAULTY_PARTITIONS && s->acked < all &&
				       s->failed >= one && s->unsent > 0,
			e, "not just this partition has ended");
	}
	return false;
}

static void test_every_error_of_produce_has_its_consequence(void **state)
{
	(void)state;
	struct faulty *calm = run_with(NULL);
	uint64_t metadata_asked = calm->acted;
	assert_int_equal(calm->figures.acked, FAULTY_RECORDS);
	assert_nothing_lost_or_doubled(calm, "no fault");
	assert_true(metadata_asked > 0);
	faulty_end(calm);
	bool good = true;
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		const struct expected *e = &codes[i];
		char rule[FAULT_RULE_SIZE];
		snprintf(rule, sizeof rule,
			"api=Produce,partition=1:error=%s,applied=%s:skip=3,count=1", e->error,
			e->applied ? "yes" : "no");
		struct faulty *f = run_with(rule);
		good &= matches(f->result == 0, e, "the run failed");
		good &= check_outcome(f, e);
		good &= matches(faulty_errors(f, code_of(e->error)) > 0, e, "it is not counted");
		bool refreshed = f->acted - 1 > metadata_asked;
		good &= matches(refreshed == e->refreshed, e, "metadata");
		good &= matches((f->bumps > 0) == e->bumped, e, "epoch");
		good &= matches(
			e->outcome != ALL_ACKED || (f->resent > 0) == e->resent, e, "sent again");
		assert_nothing_lost_or_doubled(f, rule);
		faulty_end(f);
	}
	assert_true(good);
}

/* ---- what becomes of answers ---- */

static void check_all_acked(const char *rule)
{
	struct faulty *f = run_with(rule);
	if (f->result < 0 || f->figures.acked != FAULTY_RECORDS)
		fail_msg("%s: %llu acknowledged, %llu failed, %llu unknown; %s", rule,
			(unsigned long long)f->figures.acked, (unsigned long long)f->figures.failed,
			(unsigned long long)f->figures.unknown, f->worker.reason);
	assert_nothing_lost_or_doubled(f, rule);
	assert_true(f->acted > 1);
	faulty_end(f);
}

static void test_lost_and_spoilt_answers_are_recognised(void **state)
{
	(void)state;
	static const char *const rules[] = {
		"api=Produce:disconnect=before:skip=5,count=1",
		"api=Produce:disconnect=after:skip=5,count=1",
		"api=Produce:disconnect=after:skip=5,count=3",
		"api=Produce:disconnect=after:count=1",
		"api=Produce,partition=2:disconnect=before:skip=3,count=2",
		"api=Produce,partition=2:disconnect=after:skip=3,count=2",
		"api=Produce:half:skip=5,count=2",
		"api=Produce:garbage=size:skip=5,count=2",
		"api=Produce:garbage=header:skip=5,count=2",
		"api=Produce:garbage=body:skip=5,count=2",
		"api=Produce:delay=3s:skip=5,count=1", /* longer than the request may take */
		"api=Produce:delay=1s:skip=5,count=4",
		"api=Produce:throttle=300ms:skip=5,count=3",
		"api=Produce:disconnect=after:probability=0.1",
		"api=Produce:half:probability=0.1",
		"api=Produce:error=NOT_LEADER_OR_FOLLOWER,applied=yes:probability=0.1",
		"api=Produce:error=REQUEST_TIMED_OUT:probability=0.2",
		"api=Produce:error=OUT_OF_ORDER_SEQUENCE_NUMBER:probability=0.05",
		"disconnect=before:probability=0.1",
		"disconnect=after:probability=0.1",
		"half:probability=0.1",
		"garbage=body:probability=0.05",
		"garbage=header:probability=0.05",
		"garbage=size:probability=0.05",
	};
	for (size_t i = 0; i < COUNT_OF(rules); i++)
		check_all_acked(rules[i]);
}

static void test_lost_requests_are_counted_by_their_reason(void **state)
{
	(void)state;
	struct faulty *f = run_with("api=Produce:delay=3s:skip=5,count=1");
	assert_true(f->worker.timed_out_requests > 0);
	assert_int_equal(f->worker.lost_requests, 0);
	assert_true(f->figures.request_errors > 0);
	faulty_end(f);
	f = run_with("api=Produce:disconnect=after:skip=5,count=1");
	assert_true(f->worker.lost_requests > 0);
	assert_int_equal(f->worker.timed_out_requests, 0);
	faulty_end(f);
}

static void test_throttling_is_reported_and_kept(void **state)
{
	(void)state;
	struct faulty *f = run_with("api=Produce:throttle=300ms:skip=5,count=3");
	assert_int_equal(f->figures.throttle_ms, 900);
	assert_true(f->figures.verdict.throttled_s > 0.29);
	faulty_end(f);
}

/* Kafka lets the windows that are not there yet count as empty: ten seconds' worth go at once. */
static void test_a_quota_is_what_is_taken(void **state)
{
	(void)state;
	struct faulty *f = faulty_new();
	f->quota_bytes_per_second = 20000;
	f->delivery_timeout_ns = f->drain_ns = 200 * NS_PER_S;
	faulty_run(f);
	assert_int_equal(f->figures.acked, FAULTY_RECORDS);
	assert_nothing_lost_or_doubled(f, "a quota");
	assert_true(f->figures.throttle_ms > 0);
	double seconds = (double)f->figures.wire_bytes / 20000;
	if (f->figures.measured_s < seconds - 12 || f->figures.measured_s > seconds + 2)
		fail_msg("%.1f s for %.1f s' worth", f->figures.measured_s, seconds);
	faulty_end(f);
}

/* A broker that confirms what it has not written is found out. */
static void test_a_lying_broker_is_found_out(void **state)
{
	(void)state;
	struct faulty *f = run_with("api=Produce,partition=1:error=DUPLICATE_SEQUENCE_NUMBER,"
				    "applied=no:skip=19,count=1"); /* the last batch */
	assert_int_equal(f->figures.acked, FAULTY_RECORDS);
	assert_int_equal(f->confirmed, FAULTY_RECORDS - FAULTY_BATCH);
	assert_int_equal(f->missing, FAULTY_BATCH);
	faulty_end(f);
}

/* Nobody knows what became of batches that the answer leaves out; they are not sent again. */
static void test_an_answer_without_the_partitions_leaves_them_unknown(void **state)
{
	(void)state;
	struct faulty *f = run_with("api=Produce:empty:skip=5,count=1");
	assert_int_equal(f->figures.unknown % FAULTY_BATCH, 0);
	assert_true(f->figures.unknown > 0);
	assert_int_equal(f->figures.acked + f->figures.unknown, FAULTY_RECORDS);
	assert_int_equal(f->confirmed, FAULTY_RECORDS);
	assert_nothing_lost_or_doubled(f, "an empty answer");
	faulty_end(f);
}

/* ---- before the first record ---- */

static void test_connecting_survives_what_passes(void **state)
{
	(void)state;
	static const char *const rules[] = {
		/* The first connection is that of the bootstrap. */
		"api=ApiVersions:disconnect=before:skip=1,count=2",
		"api=ApiVersions:half:skip=1,count=2",
		"api=ApiVersions:garbage=size:skip=1,count=2",
		"api=ApiVersions:garbage=body:skip=1,count=2",
		"api=ApiVersions:delay=3s:skip=1,count=1",
		"api=ApiVersions:error=UNKNOWN_SERVER_ERROR:skip=1,count=2",
		"api=ApiVersions:error=UNSUPPORTED_VERSION:count=1",
		"api=ApiVersions:error=UNSUPPORTED_VERSION:skip=1,count=1",
		"api=Metadata:disconnect=after:count=1",
		"api=Metadata:half:count=2",
		"api=Metadata:error=LEADER_NOT_AVAILABLE:count=3",
		"api=Metadata,partition=2:error=LEADER_NOT_AVAILABLE:count=3",
		"api=Metadata:error=UNKNOWN_TOPIC_OR_PARTITION:count=2",
		"api=Metadata:error=UNKNOWN_SERVER_ERROR,applied=no:count=2",
		"api=InitProducerId:error=COORDINATOR_LOAD_IN_PROGRESS:count=3",
		"api=InitProducerId:error=COORDINATOR_NOT_AVAILABLE:count=1",
		"api=InitProducerId:error=NOT_COORDINATOR:count=1",
		"api=InitProducerId:disconnect=before:count=2",
		"api=InitProducerId:disconnect=after:count=1",
		"api=InitProducerId:garbage=body:count=1",
		"api=InitProducerId:delay=3s:count=1",
	};
	for (size_t i = 0; i < COUNT_OF(rules); i++)
		check_all_acked(rules[i]);
}

/* Nobody waits for a bootstrap server that does not answer as Kafka does. */
static void test_a_bootstrap_server_that_fails_is_told_at_once(void **state)
{
	(void)state;
	static const struct {
		const char *rule, *reason;
	} cases[] = {
		{ "api=ApiVersions:disconnect=before", "it closed the connection at the first" },
		{ "api=ApiVersions:delay=3s", "it does not answer ApiVersions" },
		{ "api=ApiVersions:garbage=body", "bytes that are not Kafka's" },
		{ "api=ApiVersions:empty", "does not speak Metadata" },
		{ "api=Metadata:garbage=body", "its answer to Metadata v13 cannot be read" },
		{ "api=Metadata:disconnect=before", "it closed the connection" },
		{ "api=Metadata:delay=3s", "no answer to Metadata in time" },
		{ "api=ApiVersions:error=UNKNOWN_SERVER_ERROR",
			"it refused ApiVersions with UNKNOWN_SERVER_ERROR" },
		{ "api=ApiVersions:error=UNSUPPORTED_VERSION",
			"it refused ApiVersions with UNSUPPORTED_VERSION" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct faulty *f = run_with(cases[i].rule);
		assert_true(f->result < 0);
		if (!strstr(f->worker.reason, cases[i].reason))
			fail_msg("%s: %s", cases[i].rule, f->worker.reason);
		assert_int_equal(f->confirmed, 0);
		faulty_end(f);
	}
}

static void test_a_producer_id_that_is_refused_ends_the_run(void **state)
{
	(void)state;
	struct faulty *f = run_with("api=InitProducerId:error=CLUSTER_AUTHORIZATION_FAILED");
	assert_int_equal(f->figures.acked, 0);
	assert_int_equal(f->confirmed, 0);
	assert_true(faulty_errors(f, ERROR_CLUSTER_AUTHORIZATION_FAILED) > 0);
	assert_non_null(strstr(f->worker.reason, "CLUSTER_AUTHORIZATION_FAILED"));
	faulty_end(f);
}

/* ---- times that run out ---- */

static void test_what_cannot_be_delivered_in_time_has_failed(void **state)
{
	(void)state;
	struct faulty *f = faulty_new();
	f->load_rules[0] = "api=Produce,partition=1:error=NOT_ENOUGH_REPLICAS";
	f->delivery_timeout_ns = 3 * NS_PER_S;
	faulty_run(f);
	assert_int_equal(f->figures.acked, FAULTY_RECORDS / FAULTY_PARTITIONS * 3);
	assert_true(f->figures.failed >= FAULTY_BATCH);
	assert_int_equal(f->figures.unknown, 0); /* refused, each time */
	assert_nothing_lost_or_doubled(f, f->load_rules[0]);
	faulty_end(f);
}

static void test_what_was_never_answered_is_unknown(void **state)
{
	(void)state;
	struct faulty *f = faulty_new();
	f->load_rules[0] = "api=Produce,partition=1:disconnect=after";
	f->delivery_timeout_ns = 5 * NS_PER_S;
	faulty_run(f);
	assert_true(f->figures.unknown >= FAULTY_BATCH);
	assert_int_equal(f->figures.failed, 0);
	assert_nothing_lost_or_doubled(f, f->load_rules[0]);
	faulty_end(f);
}

/* ---- a cluster that changes ---- */

static void move_leaders(struct faulty *f)
{
	stage_node_down(&f->stage, 1);
}

static void test_leaders_that_move_are_followed(void **state)
{
	(void)state;
	struct faulty *f = faulty_new();
	f->nodes = f->replicas = 3;
	f->load_rules[0] = "api=Produce:delay=5ms"; /* some is under way */
	f->midway = move_leaders;
	f->midway_ns = 50 * NS_PER_MS;
	faulty_run(f);
	assert_int_equal(f->figures.acked, FAULTY_RECORDS);
	assert_true(f->worker.lost_requests > 0);
	assert_nothing_lost_or_doubled(f, "a broker dies");
	faulty_end(f);
}

static void bounce(struct faulty *f)
{
	if (f->stage.catalog.nodes[1].up)
		stage_node_down(&f->stage, 1);
	else
		stage_node_up(&f->stage, 1);
	loop_timer_start(f->loop, &f->timer, loop_now_ns(f->loop) + 300 * NS_PER_MS);
}

static void test_a_leader_without_replicas_is_awaited(void **state)
{
	(void)state;
	struct faulty *f = faulty_new();
	f->nodes = 3;
	f->load_rules[0] = "api=Produce:delay=20ms";
	f->midway = bounce;
	f->midway_ns = 50 * NS_PER_MS;
	faulty_run(f);
	assert_int_equal(f->figures.acked, FAULTY_RECORDS);
	assert_nothing_lost_or_doubled(f, "a broker comes and goes");
	faulty_end(f);
}

/* ---- other acks ---- */

static void test_without_idempotence_nothing_is_lost_but_some_is_doubled(void **state)
{
	(void)state;
	struct faulty *f = faulty_new();
	f->idempotent = false;
	f->acks = 1;
	f->load_rules[0] = "api=Produce:disconnect=after:skip=5,count=2";
	faulty_run(f);
	assert_int_equal(f->figures.acked, FAULTY_RECORDS);
	assert_int_equal(f->missing, 0);
	assert_true(f->readback.duplicates > 0);
	assert_true(f->confirmed > FAULTY_RECORDS);
	faulty_end(f);

	f = faulty_new();
	f->idempotent = false;
	f->acks = 1;
	f->load_rules[0] = "api=Produce,partition=1:error=OUT_OF_ORDER_SEQUENCE_NUMBER:count=1";
	faulty_run(f);
	assert_int_equal(f->figures.failed, FAULTY_BATCH); /* without sequences it means nothing */
	assert_int_equal(f->figures.acked, FAULTY_RECORDS - FAULTY_BATCH);
	faulty_end(f);
}

static void test_acks_0_hears_of_nothing(void **state)
{
	(void)state;
	struct faulty *f = faulty_new();
	f->idempotent = false;
	f->acks = 0;
	f->load_rules[0] = "api=Produce,partition=1:error=MESSAGE_TOO_LARGE:skip=3,count=2";
	faulty_run(f);
	assert_int_equal(f->figures.failed, 0);
	assert_int_equal(f->figures.sent, FAULTY_RECORDS);
	/* A broker closes the connection instead of answering: what follows may be gone, too. */
	assert_true(f->confirmed <= FAULTY_RECORDS - 2 * FAULTY_BATCH);
	faulty_end(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_error_of_produce_has_its_consequence),
		cmocka_unit_test(test_lost_and_spoilt_answers_are_recognised),
		cmocka_unit_test(test_lost_requests_are_counted_by_their_reason),
		cmocka_unit_test(test_throttling_is_reported_and_kept),
		cmocka_unit_test(test_a_quota_is_what_is_taken),
		cmocka_unit_test(test_a_lying_broker_is_found_out),
		cmocka_unit_test(test_an_answer_without_the_partitions_leaves_them_unknown),
		cmocka_unit_test(test_connecting_survives_what_passes),
		cmocka_unit_test(test_a_bootstrap_server_that_fails_is_told_at_once),
		cmocka_unit_test(test_a_producer_id_that_is_refused_ends_the_run),
		cmocka_unit_test(test_what_cannot_be_delivered_in_time_has_failed),
		cmocka_unit_test(test_what_was_never_answered_is_unknown),
		cmocka_unit_test(test_leaders_that_move_are_followed),
		cmocka_unit_test(test_a_leader_without_replicas_is_awaited),
		cmocka_unit_test(test_without_idempotence_nothing_is_lost_but_some_is_doubled),
		cmocka_unit_test(test_acks_0_hears_of_nothing),
	};
	return RUN_TESTS(tests);
}
