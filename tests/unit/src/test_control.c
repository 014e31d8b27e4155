/*
 * Shows: the control socket's commands do what they say and answer in one line, whoever asks in
 * whatever pieces; what is left of a dead broker is replaced, what lives is not; only the owner may
 * connect.
 */
#include "stage_test.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <jansson.h>

#include "../../../src/broker/control.h"

static char path[64];

static void begin(struct test_stage *t, struct control *control, int32_t nodes)
{
	struct stage_options options = stage_test_options();
	options.node_count = nodes;
	stage_begin(t, &options);
	snprintf(path, sizeof path, "/tmp/harrow-test-control-%d", (int)getpid());
	char why[STAGE_REASON_SIZE];
	if (control_open(control, &t->stage, path, why) < 0)
		fail_msg("%s", why);
}

static void end(struct test_stage *t, struct control *control)
{
	control_close(control);
	assert_int_equal(access(path, F_OK), -1);
	stage_end(t);
}

static int dial(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
	return fd;
}

/* One line of answer, without its end. */
static const char *hear(struct test_stage *t, int fd)
{
	static char line[CONTROL_ANSWER_SIZE + 1];
	for (size_t size = 0; size < sizeof line; size++) {
		assert_int_equal(client_receive(t, fd, (uint8_t *)line + size, 1, PATIENCE_NS), 0);
		if (line[size] != '\n')
			continue;
		line[size] = 0;
		return line;
	}
	fail_msg("a line without end");
	return NULL;
}

static const char *ask(struct test_stage *t, int fd, const char *command)
{
	client_send(t, fd, command, strlen(command));
	client_send(t, fd, "\n", 1);
	return hear(t, fd);
}

static void test_nodes_go_down_and_up(void **state)
{
	(void)state;
	struct test_stage t;
	struct control control;
	begin(&t, &control, 3);
	struct catalog_topic *topic = stage_topic(&t, "t", 6, 3);
	int fd = dial();
	assert_string_equal(ask(&t, fd, "down 1"), "ok: broker 1 is down");
	assert_false(t.stage.catalog.nodes[1].up);
	for (int i = 0; i < 6; i++)
		assert_int_not_equal(topic->partitions[i]->leader, 1);
	assert_string_equal(ask(&t, fd, "down 1"), "error: broker 1 is down already");
	assert_string_equal(ask(&t, fd, "up 1"), "ok: broker 1 is up");
	assert_string_equal(ask(&t, fd, "up 1"), "error: broker 1 is up already");
	assert_non_null(strstr(ask(&t, fd, "elect"), "preferred leader"));
	for (int i = 0; i < 6; i++)
		assert_int_equal(topic->partitions[i]->leader, topic->partitions[i]->replicas[0]);
	close(fd);
	end(&t, &control);
}

static void test_bad_lines_get_a_line_that_says_why(void **state)
{
	(void)state;
	struct test_stage t;
	struct control control;
	begin(&t, &control, 3);
	int fd = dial();
	static const char *const lines[] = { "", "   ", "down", "down x", "down -1", "down 3",
		"down 1 2", "up 99999999999999999999", "stop", "elect now", "faults", "faults on",
		"fault", "fault nonsense", "status please", "\x01\x02" };
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		const char *answer = ask(&t, fd, lines[i]);
		if (strncmp(answer, "error: ", 7) != 0)
			fail_msg("'%s' was answered '%s'", lines[i], answer);
	}
	for (int i = 0; i < 3; i++)
		assert_true(t.stage.catalog.nodes[i].up);
	close(fd);
	end(&t, &control);
}

static void test_line_without_end_is_refused(void **state)
{
	(void)state;
	struct test_stage t;
	struct control control;
	begin(&t, &control, 1);
	int fd = dial();
	static char line[20000];
	memset(line, 'a', sizeof line);
	client_send(&t, fd, line, sizeof line);
	assert_non_null(strstr(hear(&t, fd), "error: a command has at most"));
	uint8_t byte;
	assert_int_equal(client_receive(&t, fd, &byte, 1, PATIENCE_NS), CLIENT_ENDED);
	close(fd);
	end(&t, &control);
}

static void test_fault_rules_come_and_go(void **state)
{
	(void)state;
	struct test_stage t;
	struct control control;
	begin(&t, &control, 1);
	int fd = dial();
	assert_string_equal(
		ask(&t, fd, "fault api=Produce:delay=50ms:count=1"), "ok: the rule is in force");
	assert_true(faults_any(t.stage.faults, API_PRODUCE));
	assert_string_equal(ask(&t, fd, "faults clear"), "ok: no fault rules");
	assert_false(faults_any(t.stage.faults, API_PRODUCE));
	close(fd);
	end(&t, &control);
}

static void test_status_is_one_json_object(void **state)
{
	(void)state;
	struct test_stage t;
	struct control control;
	begin(&t, &control, STAGE_NODES_MAX);
	stage_topic(&t, "t", 6, 3);
	int client = client_open(&t, 1);
	int fd = dial();
	ask(&t, fd, "down 0");
	json_t *status = json_loads(ask(&t, fd, "status"), 0, NULL);
	assert_non_null(status);
	json_t *nodes = json_object_get(status, "nodes");
	assert_int_equal(json_array_size(nodes), STAGE_NODES_MAX);
	assert_true(json_is_false(json_object_get(json_array_get(nodes, 0), "up")));
	assert_true(json_is_true(json_object_get(json_array_get(nodes, 1), "up")));
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(nodes, 1), "sessions")), 1);
	assert_int_equal(json_integer_value(json_object_get(status, "partitions")), 6);
	assert_true(json_is_real(json_object_get(json_object_get(status, "cpu"), "user_s")));
	json_decref(status);
	close(client);
	close(fd);
	end(&t, &control);
}

static void test_end_behind_a_command_does_not_overtake_its_answer(void **state)
{
	(void)state;
	struct test_stage t;
	struct control control;
	begin(&t, &control, 1);
	int fd = dial();
	assert_int_equal(send(fd, "help\nhelp\n", 10, 0), 10);
	shutdown(fd, SHUT_WR);
	assert_non_null(strstr(hear(&t, fd), "status"));
	assert_non_null(strstr(hear(&t, fd), "status"));
	close(fd);
	end(&t, &control);
}

static void test_dead_socket_is_replaced_and_a_live_one_is_not(void **state)
{
	(void)state;
	struct test_stage t;
	struct control control, second;
	begin(&t, &control, 1);
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	char why[STAGE_REASON_SIZE];
	assert_int_equal(control_open(&second, &t.stage, path, why), -EADDRINUSE);
	assert_non_null(strstr(why, "a broker that runs"));
	int fd = dial();
	assert_non_null(strstr(ask(&t, fd, "help"), "ok: "));
	close(fd);
	control_close(&control);
	/* As a broker leaves it that was killed. */
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
	int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(dead, (struct sockaddr *)&name, sizeof name), 0);
	close(dead);
	assert_int_equal(control_open(&control, &t.stage, path, why), 0);
	fd = dial();
	assert_non_null(strstr(ask(&t, fd, "help"), "ok: "));
	close(fd);
	end(&t, &control);
}

static void test_file_that_is_no_socket_is_left_alone(void **state)
{
	(void)state;
	struct test_stage t;
	struct control control;
	begin(&t, &control, 1);
	control_close(&control);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	char why[STAGE_REASON_SIZE];
	assert_int_equal(control_open(&control, &t.stage, path, why), -EEXIST);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
	static char too_long[300];
	memset(too_long, 'a', sizeof too_long - 1);
	assert_int_equal(control_open(&control, &t.stage, too_long, why), -ENAMETOOLONG);
	stage_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes_go_down_and_up),
		cmocka_unit_test(test_bad_lines_get_a_line_that_says_why),
		cmocka_unit_test(test_line_without_end_is_refused),
		cmocka_unit_test(test_fault_rules_come_and_go),
		cmocka_unit_test(test_status_is_one_json_object),
		cmocka_unit_test(test_end_behind_a_command_does_not_overtake_its_answer),
		cmocka_unit_test(test_dead_socket_is_replaced_and_a_live_one_is_not),
		cmocka_unit_test(test_file_that_is_no_socket_is_left_alone),
	};
	return RUN_TESTS(tests);
}
