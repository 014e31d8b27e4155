/* Shows: every code of Kafka 4.3.1 has a row of its own name, and rows do not contradict
 * themselves. */
#include "../test.h"

#include "proto/error.h"

static void test_every_code_has_a_row(void **state)
{
	(void)state;
	for (int code = ERROR_FIRST; code <= ERROR_LAST; code++) {
		const struct error_info *info = error_info((int16_t)code);
		assert_non_null(info->name);
		assert_true(strlen(info->text) > 5);
		assert_true(info->text[strlen(info->text) - 1] != '.');
	}
}

static void test_known_codes_are_themselves(void **state)
{
	(void)state;
	static const struct {
		int16_t code;
		bool retriable;
		enum error_action action;
		const char *name;
	} known[] = {
		{ -1, false, ERROR_ACTION_FATAL, "UNKNOWN_SERVER_ERROR" },
		{ 0, false, ERROR_ACTION_NONE, "NONE" },
		{ 3, true, ERROR_ACTION_REFRESH_METADATA, "UNKNOWN_TOPIC_OR_PARTITION" },
		{ 6, true, ERROR_ACTION_REFRESH_METADATA, "NOT_LEADER_OR_FOLLOWER" },
		{ 10, false, ERROR_ACTION_FATAL, "MESSAGE_TOO_LARGE" },
		{ 14, true, ERROR_ACTION_RETRY, "COORDINATOR_LOAD_IN_PROGRESS" },
		{ 16, true, ERROR_ACTION_REFRESH_COORDINATOR, "NOT_COORDINATOR" },
		{ 20, true, ERROR_ACTION_RETRY, "NOT_ENOUGH_REPLICAS_AFTER_APPEND" },
		{ 25, false, ERROR_ACTION_REJOIN_ANEW, "UNKNOWN_MEMBER_ID" },
		{ 27, false, ERROR_ACTION_REJOIN, "REBALANCE_IN_PROGRESS" },
		{ 45, false, ERROR_ACTION_NEW_EPOCH, "OUT_OF_ORDER_SEQUENCE_NUMBER" },
		{ 46, false, ERROR_ACTION_NONE, "DUPLICATE_SEQUENCE_NUMBER" },
		{ 70, true, ERROR_ACTION_NEW_SESSION, "FETCH_SESSION_ID_NOT_FOUND" },
		{ 82, false, ERROR_ACTION_FATAL, "FENCED_INSTANCE_ID" },
		{ 100, true, ERROR_ACTION_REFRESH_METADATA, "UNKNOWN_TOPIC_ID" },
		{ 129, false, ERROR_ACTION_BOOTSTRAP, "REBOOTSTRAP_REQUIRED" },
		{ 133, true, ERROR_ACTION_RETRY, "SHARE_SESSION_LIMIT_REACHED" },
	};
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		const struct error_info *info = error_info(known[i].code);
		assert_string_equal(info->name, known[i].name);
		assert_int_equal(info->retriable, known[i].retriable);
		assert_int_equal(info->action, known[i].action);
	}
}

static void test_retriable_codes_are_never_given_up(void **state)
{
	(void)state;
	for (int code = ERROR_FIRST; code <= ERROR_LAST; code++) {
		const struct error_info *info = error_info((int16_t)code);
		if (info->retriable &&
			(info->action == ERROR_ACTION_FATAL || info->action == ERROR_ACTION_NONE))
			fail_msg("%s is retriable, but its action does not retry", info->name);
	}
}

static void test_unknown_code_is_fatal(void **state)
{
	(void)state;
	static const int16_t codes[] = { INT16_MIN, ERROR_FIRST - 1, ERROR_LAST + 1, INT16_MAX };
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		const struct error_info *info = error_info(codes[i]);
		assert_string_equal(info->name, "UNKNOWN_ERROR_CODE");
		assert_int_equal(info->action, ERROR_ACTION_FATAL);
		assert_false(info->retriable);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_has_a_row),
		cmocka_unit_test(test_known_codes_are_themselves),
		cmocka_unit_test(test_retriable_codes_are_never_given_up),
		cmocka_unit_test(test_unknown_code_is_fatal),
	};
	return RUN_TESTS(tests);
}
