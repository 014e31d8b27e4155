/*
 * Fetch sessions: the life of one by KIP-227, and which one leaves when there is no room (Kafka's
 * FetchSessionCache).
 */
#include "../test.h"

#include <stdio.h>

#include "../../../src/broker/fetch_session.h"

#define SLOTS    3
#define BY_NAME  12 /* versions */
#define BY_ID    13
#define CONSUMER false
#define FOLLOWER true

struct fixture {
	struct fetch_sessions *sessions;
	int64_t now_ns;
	/* A request of one topic. */
	struct fetch_partition partitions[8];
	int32_t forgotten[8];
	struct fetch_topic topic;
	struct fetch_forgotten_topic forgotten_topic;
	struct fetch_request request;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	assert_int_equal(fetch_sessions_open(&f->sessions, SLOTS, 1), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	fetch_sessions_close(f->sessions);
	free(f);
	return 0;
}

static struct fetch_request *ask(struct fixture *f, int32_t id, int32_t epoch)
{
	f->topic = (struct fetch_topic){ .topic = STRING("t"), .topic_id = { { 7 } } };
	f->forgotten_topic =
		(struct fetch_forgotten_topic){ .topic = STRING("t"), .topic_id = { { 7 } } };
	f->request = (struct fetch_request){ .session_id = id,
		.session_epoch = epoch,
		.topics = { &f->topic, 1 },
		.forgotten_topics_data = { &f->forgotten_topic, 1 } };
	return &f->request;
}

static void add(struct fixture *f, int32_t partition, int64_t offset)
{
	f->partitions[f->topic.partitions.count++] = (struct fetch_partition){
		.partition = partition,
		.fetch_offset = offset,
		.current_leader_epoch = -1,
		.partition_max_bytes = 100,
	};
	f->topic.partitions.items = f->partitions;
}

static void forget(struct fixture *f, int32_t partition)
{
	f->forgotten[f->forgotten_topic.partitions.count++] = partition;
	f->forgotten_topic.partitions.items = f->forgotten;
}

static struct fetch_session *create(struct fixture *f, bool follower, int32_t count)
{
	struct fetch_session *s =
		fetch_sessions_create(f->sessions, follower, false, count, f->now_ns);
	for (int32_t i = 0; s && i < count; i++)
		assert_non_null(fetch_session_set(s, STRING("t"), (struct uuid){ { 0 } },
			&(struct fetch_partition){ .partition = i, .fetch_offset = i }));
	return s;
}

static int16_t enter(struct fixture *f, int version, struct fetch_session **out)
{
	return fetch_sessions_enter(f->sessions, &f->request, version, f->now_ns, out);
}

/* "0:0 1:1": partitions and offsets, in order. */
static void assert_entries(const struct fetch_session *s, const char *want)
{
	char got[256] = "";
	size_t size = 0;
	struct list *node;
	list_for_each (node, &s->entries) {
		const struct fetch_entry *e = CONTAINER_OF(node, struct fetch_entry, node);
		size += (size_t)snprintf(got + size, sizeof got - size, "%s%d:%lld",
			size ? " " : "", e->partition, (long long)e->offset);
	}
	assert_string_equal(got, want);
}

static void test_an_incremental_request_says_only_what_changes(void **state)
{
	struct fixture *f = *state;
	struct fetch_session *s = create(f, CONSUMER, 3), *out;
	assert_true(s->id > 0);
	assert_int_equal(s->epoch, 1);
	ask(f, s->id, 1);
	add(f, 1, 50);
	add(f, 9, 90);
	forget(f, 0);
	assert_int_equal(enter(f, BY_NAME, &out), 0);
	assert_ptr_equal(out, s);
	assert_int_equal(s->epoch, 2);
	assert_entries(s, "1:50 2:2 9:90");
	ask(f, s->id, 2);
	assert_int_equal(enter(f, BY_NAME, &out), 0);
	assert_entries(s, "1:50 2:2 9:90");
	assert_int_equal(s->entry_count, 3);
}

static void test_an_epoch_out_of_turn_is_refused_and_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct fetch_session *s = create(f, CONSUMER, 1), *out;
	for (int32_t epoch = 2; epoch < 4; epoch++) {
		ask(f, s->id, epoch);
		forget(f, 0);
		assert_int_equal(enter(f, BY_NAME, &out), ERROR_INVALID_FETCH_SESSION_EPOCH);
		assert_null(out);
	}
	assert_entries(s, "0:0");
	assert_int_equal(s->epoch, 1);
}

static void test_an_unknown_session_is_not_found(void **state)
{
	struct fixture *f = *state;
	struct fetch_session *s = create(f, CONSUMER, 1), *out;
	ask(f, s->id == 5 ? 6 : 5, 1);
	assert_int_equal(enter(f, BY_NAME, &out), ERROR_FETCH_SESSION_ID_NOT_FOUND);
	ask(f, 0, 1);
	assert_int_equal(enter(f, BY_NAME, &out), ERROR_FETCH_SESSION_ID_NOT_FOUND);
	ask(f, -1, 1);
	assert_int_equal(enter(f, BY_NAME, &out), ERROR_FETCH_SESSION_ID_NOT_FOUND);
}

static void test_a_full_request_ends_the_session_that_it_names(void **state)
{
	struct fixture *f = *state;
	for (int32_t epoch = -1; epoch <= 0; epoch++) {
		struct fetch_session *s = create(f, CONSUMER, 1), *out;
		int32_t id = s->id;
		ask(f, id, epoch);
		assert_int_equal(enter(f, BY_NAME, &out), 0);
		assert_null(out);
		assert_null(fetch_sessions_find(f->sessions, id));
		assert_true(fetch_is_full(&f->request));
		assert_int_equal(fetch_wants_session(&f->request), epoch == 0);
	}
	assert_int_equal(fetch_sessions_count(f->sessions), 0);
}

static void test_a_session_without_partitions_ends(void **state)
{
	struct fixture *f = *state;
	struct fetch_session *s = create(f, CONSUMER, 1), *out;
	ask(f, s->id, 1);
	forget(f, 0);
	forget(f, 5);
	assert_int_equal(enter(f, BY_NAME, &out), 0);
	assert_null(out);
	assert_int_equal(fetch_sessions_count(f->sessions), 0);
}

static void test_names_and_ids_do_not_mix(void **state)
{
	struct fixture *f = *state;
	struct fetch_session *out, *by_name = create(f, CONSUMER, 1);
	struct fetch_session *by_id =
		fetch_sessions_create(f->sessions, CONSUMER, true, 1, f->now_ns);
	ask(f, by_name->id, 1);
	assert_int_equal(enter(f, BY_ID, &out), ERROR_FETCH_SESSION_TOPIC_ID_ERROR);
	ask(f, by_id->id, 1);
	assert_int_equal(enter(f, BY_NAME, &out), ERROR_FETCH_SESSION_TOPIC_ID_ERROR);
	add(f, 3, 30);
	assert_int_equal(enter(f, BY_ID, &out), 0);
	assert_ptr_equal(out, by_id);
	assert_entries(by_id, "3:30");
	/* With an id, the name in the request says nothing. */
	struct fetch_entry *e = CONTAINER_OF(by_id->entries.next, struct fetch_entry, node);
	assert_int_equal(e->topic.size, 0);
	fetch_entry_name(e, STRING("t"));
	assert_true(string_equal(e->topic, STRING("t")));
	ask(f, by_id->id, 2);
	forget(f, 3);
	assert_int_equal(enter(f, BY_ID, &out), 0);
	assert_null(out);
}

static void test_epochs_begin_again_at_one(void **state)
{
	struct fixture *f = *state;
	struct fetch_session *s = create(f, CONSUMER, 1), *out;
	s->epoch = INT32_MAX;
	ask(f, s->id, INT32_MAX);
	assert_int_equal(enter(f, BY_NAME, &out), 0);
	assert_int_equal(s->epoch, 1);
}

static void test_what_was_answered_is_read_last(void **state)
{
	struct fixture *f = *state;
	struct fetch_session *s = create(f, CONSUMER, 3);
	fetch_session_rotate(s, CONTAINER_OF(s->entries.next, struct fetch_entry, node));
	assert_entries(s, "1:1 2:2 0:0");
}

static void test_many_partitions_are_found_again(void **state)
{
	struct fixture *f = *state;
	struct fetch_session *s = create(f, CONSUMER, 5000);
	assert_int_equal(s->entry_count, 5000);
	for (int32_t i = 0; i < 5000; i++)
		fetch_session_set(s, STRING("t"), (struct uuid){ { 0 } },
			&(struct fetch_partition){ .partition = i, .fetch_offset = 1000000 + i });
	assert_int_equal(s->entry_count, 5000);
	fetch_session_set(s, STRING("u"), (struct uuid){ { 0 } },
		&(struct fetch_partition){ .partition = 1 });
	assert_int_equal(s->entry_count, 5001);
}

static void test_no_session_is_larger_than_the_limit(void **state)
{
	struct fixture *f = *state;
	struct fetch_session *out, *s = create(f, CONSUMER, FETCH_SESSION_ENTRIES_MAX);
	assert_non_null(s);
	assert_null(create(f, CONSUMER, FETCH_SESSION_ENTRIES_MAX + 1));
	ask(f, s->id, 1);
	add(f, FETCH_SESSION_ENTRIES_MAX, 0);
	assert_int_equal(enter(f, BY_NAME, &out), ERROR_FETCH_SESSION_ID_NOT_FOUND);
	assert_int_equal(fetch_sessions_count(f->sessions), 0);
}

/* ---- who leaves ---- */

static void test_a_full_cache_declines_the_young(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < SLOTS; i++)
		assert_non_null(create(f, CONSUMER, 1));
	assert_null(create(f, CONSUMER, 8));
	assert_int_equal(fetch_sessions_count(f->sessions), SLOTS);
}

static void test_the_one_idle_longest_leaves_first(void **state)
{
	struct fixture *f = *state;
	struct fetch_session *out;
	int32_t ids[SLOTS];
	for (int i = 0; i < SLOTS; i++, f->now_ns++)
		ids[i] = create(f, CONSUMER, 8)->id;
	ask(f, ids[0], 1);
	assert_int_equal(enter(f, BY_NAME, &out), 0); /* now the second is */
	f->now_ns = FETCH_SESSION_IDLE_NS + 1;
	assert_null(create(f, CONSUMER, 1));
	f->now_ns++;
	assert_non_null(create(f, CONSUMER, 1));
	assert_non_null(fetch_sessions_find(f->sessions, ids[0]));
	assert_null(fetch_sessions_find(f->sessions, ids[1]));
}

/* Keeps a session in use until it is old. */
static void grow_old(struct fixture *f, struct fetch_session *s)
{
	struct fetch_session *out;
	ask(f, s->id, s->epoch);
	assert_int_equal(enter(f, BY_NAME, &out), 0);
}

static void test_an_old_one_leaves_for_a_larger_one(void **state)
{
	struct fixture *f = *state;
	struct fetch_session *young, *small, *large;
	small = create(f, CONSUMER, 2);
	large = create(f, CONSUMER, 4);
	int32_t small_id = small->id;
	f->now_ns = FETCH_SESSION_IDLE_NS;
	young = create(f, CONSUMER, 1);
	f->now_ns++;
	grow_old(f, small);
	grow_old(f, large);
	assert_null(create(f, CONSUMER, 2));
	assert_non_null(create(f, CONSUMER, 3));
	assert_null(fetch_sessions_find(f->sessions, small_id));
	assert_non_null(fetch_sessions_find(f->sessions, young->id));
	assert_null(create(f, CONSUMER, 4));
	assert_non_null(create(f, CONSUMER, 5));
}

static void test_a_consumer_leaves_for_a_follower(void **state)
{
	struct fixture *f = *state;
	int32_t small_id = 0;
	for (int32_t i = 0; i < SLOTS; i++) {
		struct fetch_session *s = create(f, CONSUMER, 8 - i);
		small_id = s->id;
	}
	assert_non_null(create(f, FOLLOWER, 1));
	assert_null(fetch_sessions_find(f->sessions, small_id));
	assert_non_null(create(f, FOLLOWER, 1));
	assert_non_null(create(f, FOLLOWER, 1));
	assert_null(create(f, FOLLOWER, 9));
	assert_null(create(f, CONSUMER, 9));
}

static void test_without_slots_all_are_declined(void **state)
{
	struct fixture *f = *state;
	struct fetch_sessions *none;
	assert_int_equal(fetch_sessions_open(&none, 0, 1), 0);
	assert_null(fetch_sessions_create(none, CONSUMER, false, 1, f->now_ns));
	fetch_sessions_close(none);
	fetch_sessions_close(NULL);
}

static void test_a_broker_that_goes_down_forgets_them(void **state)
{
	struct fixture *f = *state;
	struct fetch_session *out;
	int32_t id = create(f, CONSUMER, 3)->id;
	fetch_sessions_clear(f->sessions);
	assert_int_equal(fetch_sessions_count(f->sessions), 0);
	ask(f, id, 1);
	assert_int_equal(enter(f, BY_NAME, &out), ERROR_FETCH_SESSION_ID_NOT_FOUND);
}

#define CASE_OF(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE_OF(test_an_incremental_request_says_only_what_changes),
		CASE_OF(test_an_epoch_out_of_turn_is_refused_and_changes_nothing),
		CASE_OF(test_an_unknown_session_is_not_found),
		CASE_OF(test_a_full_request_ends_the_session_that_it_names),
		CASE_OF(test_a_session_without_partitions_ends),
		CASE_OF(test_names_and_ids_do_not_mix),
		CASE_OF(test_epochs_begin_again_at_one),
		CASE_OF(test_what_was_answered_is_read_last),
		CASE_OF(test_many_partitions_are_found_again),
		CASE_OF(test_no_session_is_larger_than_the_limit),
		CASE_OF(test_a_full_cache_declines_the_young),
		CASE_OF(test_the_one_idle_longest_leaves_first),
		CASE_OF(test_an_old_one_leaves_for_a_larger_one),
		CASE_OF(test_a_consumer_leaves_for_a_follower),
		CASE_OF(test_without_slots_all_are_declined),
		CASE_OF(test_a_broker_that_goes_down_forgets_them),
	};
	return RUN_TESTS(tests);
}
