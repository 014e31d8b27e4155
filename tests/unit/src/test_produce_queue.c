/*
 * Shows: each rule of the produce queue and of the producer identity by itself. How they hold
 * together is test_produce_queue_faults.c's business.
 */
#include "../test.h"

#include "clock.h"

#include "../../../src/load/produce_error.h"
#include "../../../src/load/produce_queue.h"
#include "sim_partition.h"

#define BATCHES 16

struct fixture {
	struct random random;
	struct produce_queue_config config;
	struct producer_identity identity;
	struct produce_queue queue;
	struct produce_batch batches[BATCHES];
	int64_t now_ns;
};

static void set_up(struct fixture *f, bool idempotent, int64_t producer_id, int16_t epoch)
{
	*f = (struct fixture){ .now_ns = NS_PER_S };
	random_seed(&f->random, 1);
	f->config = (struct produce_queue_config){
		.in_flight_limit = 5,
		.delivery_timeout_ns = 10 * NS_PER_S,
		.retry_backoff_ns = 100 * NS_PER_MS,
		.retry_backoff_max_ns = NS_PER_S,
	};
	producer_identity_init(&f->identity, &f->random);
	produce_queue_init(&f->queue, &f->config, idempotent ? &f->identity : NULL, &f->random);
	produce_queue_connect(&f->queue, 1, f->now_ns);
	if (!idempotent)
		return;
	producer_identity_requested(&f->identity);
	producer_identity_answered(&f->identity, 0, producer_id, epoch, f->now_ns);
	produce_queue_tick(&f->queue, f->now_ns);
}

static void push(struct fixture *f, int i, int32_t record_count)
{
	struct producer_stamp stamp = produce_queue_next_stamp(&f->queue);
	produce_queue_push(&f->queue, &f->batches[i], record_count, stamp, f->now_ns);
}

/* Sends all that may go out now; returns how many. */
static int send_all(struct fixture *f)
{
	int count = 0;
	struct produce_batch *b;
	while ((b = produce_queue_next(&f->queue, f->now_ns))) {
		b->restamp = false;
		produce_queue_sent(&f->queue, b, f->now_ns);
		count++;
	}
	return count;
}

static void answer(struct fixture *f, int i, int16_t error)
{
	struct produce_answer a = { error, error ? -1 : 1000 + i, -1 };
	struct produce_batch *b = &f->batches[i];
	assert_true(produce_queue_answered(&f->queue, b, b->attempt, &a, f->now_ns));
}

static void lose(struct fixture *f, int i)
{
	struct produce_batch *b = &f->batches[i];
	assert_true(produce_queue_lost(&f->queue, b, b->attempt, f->now_ns));
}

/* `count` batches of 10 records, of which the first is acknowledged, so that others may follow
 * freely. */
static void set_up_flowing(struct fixture *f, bool idempotent, int count)
{
	set_up(f, idempotent, 7, 0);
	for (int i = 0; i < count; i++)
		push(f, i, 10);
	send_all(f);
	answer(f, 0, 0);
	assert_ptr_equal(produce_queue_take_done(&f->queue), &f->batches[0]);
	send_all(f);
}

static void pass(struct fixture *f, int64_t ns)
{
	f->now_ns += ns;
	produce_queue_tick(&f->queue, f->now_ns);
}

#define assert_stamp(b, id, epoch, sequence)                                                       \
	do {                                                                                       \
		assert_int_equal((b).stamp.producer_id, id);                                       \
		assert_int_equal((b).stamp.producer_epoch, epoch);                                 \
		assert_int_equal((b).stamp.base_sequence, sequence);                               \
	} while (0)

static void test_nothing_is_sent_before_an_identity_or_a_connection(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, true, 7, 0);
	produce_queue_init(&f.queue, &f.config, &f.identity, &f.random);
	producer_identity_init(&f.identity, &f.random);
	push(&f, 0, 10);
	produce_queue_connect(&f.queue, 1, f.now_ns);
	assert_int_equal(send_all(&f), 0);
	assert_true(producer_identity_request_due(&f.identity, f.now_ns));
	producer_identity_requested(&f.identity);
	producer_identity_answered(&f.identity, 0, 42, 3, f.now_ns);
	produce_queue_connect(&f.queue, PRODUCE_NO_CONNECTION, f.now_ns);
	assert_int_equal(send_all(&f), 0);
	produce_queue_connect(&f.queue, 2, f.now_ns);
	assert_ptr_equal(produce_queue_next(&f.queue, f.now_ns), &f.batches[0]);
	assert_true(f.batches[0].restamp);
	assert_stamp(f.batches[0], 42, 3, 0);
}

static void test_one_batch_proves_the_epoch_before_the_window_opens(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, true, 7, 0);
	for (int i = 0; i < 8; i++)
		push(&f, i, 10);
	assert_int_equal(send_all(&f), 1);
	answer(&f, 0, 0);
	assert_int_equal(send_all(&f), 5);
	answer(&f, 1, 0);
	assert_int_equal(send_all(&f), 1);
	for (int i = 0; i < 8; i++) {
		assert_false(f.batches[i].restamp);
		assert_stamp(f.batches[i], 7, 0, i * 10);
	}
}

static void test_sequences_wrap_to_zero(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, true, 7, 0);
	push(&f, 0, INT32_MAX);
	push(&f, 1, 1);
	push(&f, 2, 5);
	assert_stamp(f.batches[1], 7, 0, INT32_MAX);
	assert_stamp(f.batches[2], 7, 0, 0);
	set_up(&f, true, 7, 0);
	push(&f, 0, INT32_MAX - 2);
	push(&f, 1, 10);
	push(&f, 2, 5);
	assert_stamp(f.batches[1], 7, 0, INT32_MAX - 2);
	assert_stamp(f.batches[2], 7, 0, 7);
}

static void test_a_failure_waits_backs_off_and_resends_in_order(void **state)
{
	(void)state;
	struct fixture f;
	set_up_flowing(&f, true, 6);
	answer(&f, 1, ERROR_NOT_LEADER_OR_FOLLOWER);
	assert_true(produce_queue_take_doubt(&f.queue));
	pass(&f, NS_PER_S);
	assert_int_equal(send_all(&f), 0); /* 2 to 5 are in flight */
	for (int i = 2; i < 6; i++)
		answer(&f, i, ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	assert_ptr_equal(produce_queue_next(&f.queue, f.now_ns), &f.batches[1]);
	assert_int_equal(send_all(&f), 1);
	assert_int_equal(f.batches[1].attempt, 2);
	assert_stamp(f.batches[1], 7, 0, 10);
	answer(&f, 1, 0);
	assert_int_equal(send_all(&f), 4);
	assert_stamp(f.batches[5], 7, 0, 50);
}

static void test_back_off_doubles_with_jitter_up_to_its_limit(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, true, 7, 0);
	push(&f, 0, 10);
	int64_t expected_ns[] = { 100, 200, 400, 800, 1000, 1000 };
	int64_t seen_ns[COUNT_OF(expected_ns)];
	for (size_t i = 0; i < COUNT_OF(expected_ns); i++) {
		assert_int_equal(send_all(&f), 1);
		answer(&f, 0, ERROR_NOT_ENOUGH_REPLICAS);
		seen_ns[i] = produce_queue_deadline_ns(&f.queue) - f.now_ns;
		assert_in_range(seen_ns[i], expected_ns[i] * NS_PER_MS * 8 / 10,
			expected_ns[i] * NS_PER_MS * 12 / 10);
		assert_int_equal(send_all(&f), 0);
		pass(&f, seen_ns[i]);
	}
	assert_true(seen_ns[4] != seen_ns[5]);
}

static void test_a_duplicate_counts_as_success(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, true, 7, 0);
	push(&f, 0, 10);
	send_all(&f);
	answer(&f, 0, ERROR_DUPLICATE_SEQUENCE_NUMBER);
	assert_int_equal(f.batches[0].result, PRODUCE_ACKED);
	assert_int_equal(f.batches[0].base_offset, -1);
}

static void test_a_connection_is_lost_with_its_last_batch(void **state)
{
	(void)state;
	struct fixture f;
	set_up_flowing(&f, true, 3);
	lose(&f, 1);
	produce_queue_connect(&f.queue, 2, f.now_ns);
	pass(&f, NS_PER_S);
	assert_int_equal(send_all(&f), 0);
	assert_int_equal(f.queue.connection, 1);
	lose(&f, 2);
	assert_int_equal(send_all(&f), 1);
	assert_int_equal(f.queue.connection, 2);
}

static void test_a_late_answer_of_an_ended_attempt_is_ignored(void **state)
{
	(void)state;
	struct fixture f;
	struct produce_answer success = { 0, 5, -1 };
	set_up(&f, true, 7, 0);
	push(&f, 0, 10);
	send_all(&f);
	lose(&f, 0);
	assert_false(produce_queue_answered(&f.queue, &f.batches[0], 1, &success, f.now_ns));
	produce_queue_connect(&f.queue, 2, f.now_ns);
	pass(&f, NS_PER_S);
	assert_int_equal(send_all(&f), 1);
	assert_false(produce_queue_answered(&f.queue, &f.batches[0], 1, &success, f.now_ns));
	assert_false(produce_queue_lost(&f.queue, &f.batches[0], 1, f.now_ns));
	assert_true(produce_queue_answered(&f.queue, &f.batches[0], 2, &success, f.now_ns));
	assert_false(produce_queue_answered(&f.queue, &f.batches[0], 2, &success, f.now_ns));
}

static void test_a_leader_move_awaits_what_is_in_flight(void **state)
{
	(void)state;
	struct fixture f;
	set_up_flowing(&f, true, 4);
	produce_queue_connect(&f.queue, 2, f.now_ns);
	push(&f, 4, 10);
	answer(&f, 1, 0);
	answer(&f, 2, 0);
	assert_int_equal(send_all(&f), 0);
	answer(&f, 3, 0);
	assert_int_equal(send_all(&f), 1); /* nothing failed: no back-off */
	assert_int_equal(f.queue.connection, 2);
}

static void test_a_head_refused_for_its_sequence_gets_a_fresh_epoch(void **state)
{
	(void)state;
	const int16_t errors[] = { ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER, ERROR_UNKNOWN_PRODUCER_ID,
		ERROR_INVALID_PRODUCER_EPOCH };
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		struct fixture f;
		set_up_flowing(&f, true, 4);
		answer(&f, 1, errors[i]);
		pass(&f, NS_PER_S);
		assert_stamp(f.batches[1], 7, 0, 10); /* 2 and 3 are still in flight */
		answer(&f, 2, errors[i]);
		lose(&f, 3);
		produce_queue_connect(&f.queue, 2, f.now_ns);
		pass(&f, NS_PER_S);
		assert_stamp(f.batches[1], 7, 1, 0);
		assert_stamp(f.batches[2], 7, 1, 10);
		assert_stamp(f.batches[3], 7, 1, 20);
		assert_true(f.batches[3].restamp);
		assert_int_equal(send_all(&f), 1);
	}
}

static void test_a_batch_refused_for_good_fails_and_the_rest_gets_a_fresh_epoch(void **state)
{
	(void)state;
	struct fixture f;
	set_up_flowing(&f, true, 4);
	answer(&f, 1, ERROR_MESSAGE_TOO_LARGE);
	assert_int_equal(f.batches[1].result, PRODUCE_FAILED);
	assert_int_equal(f.batches[1].error, ERROR_MESSAGE_TOO_LARGE);
	answer(&f, 2, ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	answer(&f, 3, ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	pass(&f, NS_PER_S);
	assert_stamp(f.batches[2], 7, 1, 0);
	assert_stamp(f.batches[3], 7, 1, 10);
}

static void test_the_last_batch_refused_for_good_renews_the_epoch_of_the_next(void **state)
{
	(void)state;
	struct fixture f;
	set_up_flowing(&f, true, 2);
	answer(&f, 1, ERROR_INVALID_RECORD);
	assert_true(produce_queue_empty(&f.queue));
	assert_true(produce_queue_ready(&f.queue)); /* or nobody would ever push the next */
	push(&f, 2, 10);
	assert_stamp(f.batches[2], 7, 1, 0);
	assert_false(f.batches[2].restamp);
}

static void test_a_refusal_after_a_lost_attempt_is_unknown_and_proves_no_gap(void **state)
{
	(void)state;
	struct fixture f;
	set_up_flowing(&f, true, 4);
	for (int i = 1; i < 4; i++)
		lose(&f, i);
	produce_queue_connect(&f.queue, 2, f.now_ns);
	pass(&f, NS_PER_S);
	assert_int_equal(send_all(&f), 1);
	answer(&f, 1, ERROR_TOPIC_AUTHORIZATION_FAILED);
	assert_int_equal(f.batches[1].result, PRODUCE_UNKNOWN);
	pass(&f, NS_PER_S);
	assert_int_equal(send_all(&f), 1);
	assert_stamp(f.batches[2], 7, 0, 20); /* may be in the log: asked under the old epoch */
	answer(&f, 2, 0);
	assert_int_equal(send_all(&f), 1);
	assert_stamp(f.batches[3], 7, 0, 30);
}

static void test_an_uncertain_batch_behind_an_unknown_one_is_not_stamped_anew(void **state)
{
	(void)state;
	struct fixture f;
	set_up_flowing(&f, true, 3);
	lose(&f, 1);
	lose(&f, 2);
	push(&f, 3, 10);
	produce_queue_connect(&f.queue, 2, f.now_ns);
	pass(&f, NS_PER_S);
	send_all(&f);
	answer(&f, 1, ERROR_TOPIC_AUTHORIZATION_FAILED);
	send_all(&f);
	answer(&f, 2, ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	assert_int_equal(f.batches[2].result, PRODUCE_UNKNOWN);
	pass(&f, NS_PER_S);
	assert_int_equal(send_all(&f), 1); /* 3 was never sent: nothing to double */
	assert_stamp(f.batches[3], 7, 1, 0);
}

static void test_no_batch_runs_more_than_five_ahead_of_the_first_unacknowledged(void **state)
{
	(void)state;
	struct fixture f;
	set_up_flowing(&f, true, 10);
	assert_int_equal(f.queue.in_flight, 5); /* 1 to 5 */
	answer(&f, 1, ERROR_REQUEST_TIMED_OUT);
	for (int i = 2; i < 6; i++)
		answer(&f, i, i == 3 ? ERROR_REQUEST_TIMED_OUT : 0);
	pass(&f, NS_PER_S);
	send_all(&f);
	answer(&f, 1, 0);
	assert_int_equal(send_all(&f), 3); /* 3, which is in the log before 4 and 5, then 6 and 7 */
	assert_int_equal(f.batches[7].state, PRODUCE_BATCH_IN_FLIGHT);
	assert_int_equal(f.batches[8].state, PRODUCE_BATCH_QUEUED);
}

static void test_delivery_timeout_tells_unsent_failed_and_unknown_apart(void **state)
{
	(void)state;
	struct fixture f;
	set_up_flowing(&f, true, 3);
	lose(&f, 1);
	answer(&f, 2, ERROR_NOT_ENOUGH_REPLICAS);
	push(&f, 3, 10);
	pass(&f, NS_PER_S);
	push(&f, 4, 10);
	assert_stamp(f.batches[4], 7, 0, 40);
	assert_int_equal(produce_queue_deadline_ns(&f.queue), 11 * NS_PER_S);
	pass(&f, 9 * NS_PER_S);
	assert_int_equal(f.batches[1].result, PRODUCE_UNKNOWN);
	assert_int_equal(f.batches[2].result, PRODUCE_FAILED);
	assert_int_equal(f.batches[2].error, ERROR_NOT_ENOUGH_REPLICAS);
	assert_int_equal(f.batches[3].result, PRODUCE_UNSENT);
	assert_int_equal(f.batches[4].state, PRODUCE_BATCH_QUEUED);
	produce_queue_connect(&f.queue, 2, f.now_ns);
	pass(&f, NS_PER_S / 2);
	assert_int_equal(send_all(&f), 1);
	assert_stamp(f.batches[4], 7, 1, 0);
}

static void test_unsent_batches_leave_no_gap_in_the_sequences(void **state)
{
	(void)state;
	struct fixture f;
	set_up_flowing(&f, true, 2);
	produce_queue_connect(&f.queue, PRODUCE_NO_CONNECTION, f.now_ns);
	answer(&f, 1, 0);
	push(&f, 2, 10);
	pass(&f, NS_PER_S);
	push(&f, 3, 10);
	pass(&f, 9 * NS_PER_S);
	assert_int_equal(f.batches[2].result, PRODUCE_UNSENT);
	assert_stamp(f.batches[3], 7, 0, 20);
	assert_true(f.batches[3].restamp);
	push(&f, 4, 10);
	assert_stamp(f.batches[4], 7, 0, 30);
}

static void test_an_exhausted_epoch_asks_for_a_new_producer_id(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, true, 7, INT16_MAX);
	push(&f, 0, 10);
	send_all(&f);
	answer(&f, 0, ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	pass(&f, NS_PER_S);
	assert_int_equal(send_all(&f), 0);
	assert_true(producer_identity_request_due(&f.identity, f.now_ns));
	producer_identity_requested(&f.identity);
	producer_identity_answered(&f.identity, 0, 8, 0, f.now_ns);
	assert_int_equal(send_all(&f), 1);
	assert_stamp(f.batches[0], 8, 0, 0);
}

static void test_partitions_share_one_bump_and_take_it_when_empty(void **state)
{
	(void)state;
	struct fixture f;
	struct produce_queue other;
	struct produce_batch others[3];
	set_up_flowing(&f, true, 2);
	produce_queue_init(&other, &f.config, &f.identity, &f.random);
	produce_queue_connect(&other, 1, f.now_ns);
	produce_queue_push(&other, &others[0], 5, produce_queue_next_stamp(&other), f.now_ns);
	produce_queue_sent(&other, produce_queue_next(&other, f.now_ns), f.now_ns);
	answer(&f, 1, ERROR_MESSAGE_TOO_LARGE);
	push(&f, 2, 10);
	assert_stamp(f.batches[2], 7, 1, 0);
	produce_queue_push(&other, &others[1], 5, produce_queue_next_stamp(&other), f.now_ns);
	assert_stamp(others[1], 7, 0, 5);
	struct produce_answer fatal = { ERROR_INVALID_RECORD, -1, -1 };
	produce_queue_answered(&other, &others[0], 1, &fatal, f.now_ns);
	assert_stamp(others[1], 7, 1, 0); /* not 2: the epoch has moved on already */
}

static void test_a_refused_identity_closes_the_queue(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, true, 7, 0);
	producer_identity_init(&f.identity, &f.random);
	produce_queue_init(&f.queue, &f.config, &f.identity, &f.random);
	push(&f, 0, 10);
	producer_identity_requested(&f.identity);
	producer_identity_answered(&f.identity, 14, -1, -1, f.now_ns); /* still loading */
	assert_int_equal(f.identity.state, IDENTITY_BACKING_OFF);
	assert_false(producer_identity_request_due(&f.identity, f.now_ns));
	f.now_ns = producer_identity_deadline_ns(&f.identity);
	assert_true(producer_identity_request_due(&f.identity, f.now_ns));
	producer_identity_requested(&f.identity);
	producer_identity_answered(
		&f.identity, ERROR_CLUSTER_AUTHORIZATION_FAILED, -1, -1, f.now_ns);
	produce_queue_tick(&f.queue, f.now_ns);
	assert_int_equal(f.batches[0].result, PRODUCE_UNSENT);
	assert_int_equal(f.batches[0].error, ERROR_CLUSTER_AUTHORIZATION_FAILED);
	push(&f, 1, 10);
	assert_int_equal(f.batches[1].result, PRODUCE_UNSENT);
}

static void test_a_refused_producer_ends_all_but_what_is_in_flight(void **state)
{
	(void)state;
	struct fixture f;
	set_up_flowing(&f, true, 7);
	answer(&f, 1, ERROR_CLUSTER_AUTHORIZATION_FAILED);
	assert_int_equal(f.batches[1].result, PRODUCE_FAILED);
	assert_int_equal(f.batches[6].result, PRODUCE_UNSENT);
	answer(&f, 2, 0);
	assert_int_equal(f.batches[2].result, PRODUCE_ACKED);
	answer(&f, 3, ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	assert_int_equal(f.batches[3].result, PRODUCE_FAILED);
	lose(&f, 4);
	assert_int_equal(f.batches[4].result, PRODUCE_UNKNOWN);
	answer(&f, 5, ERROR_REQUEST_TIMED_OUT);
	assert_int_equal(f.batches[5].result, PRODUCE_UNKNOWN);
	assert_true(produce_queue_empty(&f.queue));
}

static void test_abort_ends_everything_once(void **state)
{
	(void)state;
	struct fixture f;
	set_up_flowing(&f, true, 7);
	answer(&f, 1, ERROR_NOT_ENOUGH_REPLICAS);
	produce_queue_abort(&f.queue, f.now_ns);
	assert_int_equal(f.batches[1].result, PRODUCE_FAILED);
	assert_int_equal(f.batches[2].result, PRODUCE_UNKNOWN);
	assert_int_equal(f.batches[6].result, PRODUCE_UNSENT);
	struct produce_answer success = { 0, 5, -1 };
	assert_false(produce_queue_answered(&f.queue, &f.batches[2], 1, &success, f.now_ns));
	for (int i = 1; i < 7; i++)
		assert_ptr_equal(produce_queue_take_done(&f.queue), &f.batches[i]);
	assert_null(produce_queue_take_done(&f.queue));
	assert_true(produce_queue_empty(&f.queue));
	assert_int_equal(produce_queue_deadline_ns(&f.queue), NEVER_NS);
}

static void test_without_idempotence_all_slots_are_used_at_once_and_nothing_is_stamped(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, false, -1, -1);
	for (int i = 0; i < 7; i++)
		push(&f, i, 10);
	assert_int_equal(send_all(&f), 5);
	assert_stamp(f.batches[4], -1, -1, -1);
	assert_false(f.batches[4].restamp);
	answer(&f, 0, ERROR_MESSAGE_TOO_LARGE);
	assert_int_equal(f.batches[0].result, PRODUCE_FAILED);
	assert_int_equal(send_all(&f), 1); /* others do not depend on it */
	answer(&f, 1, ERROR_NOT_ENOUGH_REPLICAS);
	for (int i = 2; i < 6; i++)
		answer(&f, i, 0);
	pass(&f, NS_PER_S);
	assert_ptr_equal(produce_queue_next(&f.queue, f.now_ns), &f.batches[1]);
	assert_int_equal(send_all(&f), 2);
}

static void test_an_error_nobody_knows_may_have_been_written(void **state)
{
	(void)state;
	struct fixture f;
	set_up_flowing(&f, false, 3);
	answer(&f, 1, 999);
	assert_int_equal(f.batches[1].result, PRODUCE_UNKNOWN);
	answer(&f, 2, ERROR_UNKNOWN_SERVER_ERROR);
	assert_int_equal(f.batches[2].result, PRODUCE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_sent_before_an_identity_or_a_connection),
		cmocka_unit_test(test_one_batch_proves_the_epoch_before_the_window_opens),
		cmocka_unit_test(test_sequences_wrap_to_zero),
		cmocka_unit_test(test_a_failure_waits_backs_off_and_resends_in_order),
		cmocka_unit_test(test_back_off_doubles_with_jitter_up_to_its_limit),
		cmocka_unit_test(test_a_duplicate_counts_as_success),
		cmocka_unit_test(test_a_connection_is_lost_with_its_last_batch),
		cmocka_unit_test(test_a_late_answer_of_an_ended_attempt_is_ignored),
		cmocka_unit_test(test_a_leader_move_awaits_what_is_in_flight),
		cmocka_unit_test(test_a_head_refused_for_its_sequence_gets_a_fresh_epoch),
		cmocka_unit_test(
			test_a_batch_refused_for_good_fails_and_the_rest_gets_a_fresh_epoch),
		cmocka_unit_test(test_the_last_batch_refused_for_good_renews_the_epoch_of_the_next),
		cmocka_unit_test(test_a_refusal_after_a_lost_attempt_is_unknown_and_proves_no_gap),
		cmocka_unit_test(test_an_uncertain_batch_behind_an_unknown_one_is_not_stamped_anew),
		cmocka_unit_test(
			test_no_batch_runs_more_than_five_ahead_of_the_first_unacknowledged),
		cmocka_unit_test(test_delivery_timeout_tells_unsent_failed_and_unknown_apart),
		cmocka_unit_test(test_unsent_batches_leave_no_gap_in_the_sequences),
		cmocka_unit_test(test_an_exhausted_epoch_asks_for_a_new_producer_id),
		cmocka_unit_test(test_partitions_share_one_bump_and_take_it_when_empty),
		cmocka_unit_test(test_a_refused_identity_closes_the_queue),
		cmocka_unit_test(test_a_refused_producer_ends_all_but_what_is_in_flight),
		cmocka_unit_test(test_abort_ends_everything_once),
		cmocka_unit_test(
			test_without_idempotence_all_slots_are_used_at_once_and_nothing_is_stamped),
		cmocka_unit_test(test_an_error_nobody_knows_may_have_been_written),
	};
	return RUN_TESTS(tests);
}
