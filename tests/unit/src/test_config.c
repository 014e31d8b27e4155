/* Shows: what a configuration file may say, who overrides whom, and where a mistake is. */
#include "../test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../../src/cmd/produce_options.h"
#include "../../../src/config.h"

static int read_text(struct option_set *set, struct produce_config *c, const char *text)
{
	memset(c, 0, sizeof *c);
	options_init(set, &produce_options, c);
	return config_read_text(set, "run.json", text, strlen(text));
}

static void test_values_come_as_json_or_as_typed(void **state)
{
	(void)state;
	struct option_set set;
	struct produce_config c;
	int error = read_text(&set, &c,
		"{ \"bootstrap\": [\"a:1\", \"b:2,c:3\"], \"rate\": 20000, \"size\": \"1KiB\",\n"
		"  \"duration\": \"2m\", \"acks\": 1, \"stamp\": false, \"batch-size\": 4096,\n"
		"  \"topic_config\": { \"retention.ms\": 60000, \"x\": \"y\" }, \"level\": null,\n"
		"  \"partitions\": 3.0, \"key\": \"sequence\" }");
	assert_string_equal(set.error, "");
	assert_int_equal(error, 0);
	assert_int_equal(c.bootstrap.count, 3);
	assert_string_equal(c.bootstrap.items[2].host, "c");
	assert_true(c.rate.per_second == 20000);
	assert_int_equal(c.size, 1024);
	assert_int_equal(c.duration_ns, 120 * NS_PER_S);
	assert_int_equal(c.acks, 1);
	assert_false(c.stamp);
	assert_int_equal(c.batch_size, 4096);
	assert_int_equal(c.topic_config.count, 2);
	assert_string_equal(c.topic_config.items[0].value, "60000");
	assert_int_equal(c.partitions, 3);
	options_free(&set);
}

static void test_mistakes_name_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *text, *line;
	} mistakes[] = {
		{ "{\n  \"rate\": \"50k\",\n  \"recrods\": 5\n}",
			"run.json:3:3: unknown key \"recrods\"; did you mean \"records\"?" },
		{ "{ \"batchsize\": 5 }",
			"run.json:1:3: unknown key \"batchsize\"; did you mean \"batch_size\"?" },
		{ "{ \"no_stamp\": true }",
			"run.json:1:3: unknown key \"no_stamp\"; write \"stamp\": false" },
		{ "{ \"x\": {\"rate\": 1}, \"rate\": 2 }",
			"run.json:1:3: unknown key \"x\"; harrow produce --help lists the names" },
		{ "{ \"topic\": \"rate\", \"topic_config\": {\"rate\":\"}\\\"\"},\n \"rate\": "
		  "\"fish\" }",
			"run.json:2:2: rate takes records per second such as 50k or 2M, or bytes "
			"per "
			"second such as 10MiB/s, not 'fish'" },
		{ "{ \"duration\": 10 }", "run.json:1:3: duration takes a time with its unit such "
					  "as 500us, 5ms, 10s or "
					  "2m, not '10'" },
		{ "{ \"quiet\": 1 }", "run.json:1:3: quiet takes true or false" },
		{ "{ \"topic\": true }", "run.json:1:3: topic takes a value, not true or false" },
		{ "{ \"size\": [1, 2] }",
			"run.json:1:3: size takes one value, not an array or an object" },
		{ "{ \"config\": \"x\" }", "run.json:1:3: \"config\" belongs on the command line" },
		{ "{ \"topic\": \"a\\u0000b\" }", "run.json:1:21: \\u0000 is not allowed without "
						  "JSON_ALLOW_NUL near '\"a\\u0000b\"'" },
		{ "[1]", "run.json:1:1: a configuration is an object, such as { \"rate\": \"50k\" "
			 "}" },
		{ "{ \"rate\": 1,\n  \"rate\": 2 }",
			"run.json:2:8: duplicate object key near '\"rate\"'" },
		{ "{\n  \"rate\": 50k\n}", "run.json:2:13: '}' expected near 'k'" },
		{ "{\n  \"rate\": 5,\n}", "run.json:3:1: string or '}' expected near '}'" },
		{ "", "run.json:1:1: '[' or '{' expected near end of file" },
		{ "{ \"rate\": 5", "run.json:1:11: '}' expected near end of file" },
	};
	for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
		struct option_set set;
		struct produce_config c;
		if (!read_text(&set, &c, mistakes[i].text))
			fail_msg("taken: %s", mistakes[i].text);
		assert_string_equal(set.error, mistakes[i].line);
		options_free(&set);
	}
}

static void with_file(const char *text, char path[static 32])
{
	snprintf(path, 32, "/tmp/harrow-config-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void test_the_command_line_overrides_the_file_in_any_order(void **state)
{
	(void)state;
	char path[32];
	with_file("{ \"bootstrap\": \"file:1\", \"rate\": \"5k\", \"size\": 7, \"acks\": \"1\" }",
		path);
	for (int first = 0; first < 2; first++) {
		struct option_set set;
		struct produce_config c;
		char *words[] = { "--config", path, "--rate", "9k", "-b", "line:2", "--config",
			path };
		int error = produce_options_read(&set, &c, 6, words + (first ? 0 : 2), 1);
		assert_string_equal(set.error, "");
		assert_int_equal(error, 0);
		assert_true(c.rate.per_second == 9000);
		assert_int_equal(c.size, 7);
		assert_int_equal(c.bootstrap.count, 1);
		assert_string_equal(c.bootstrap.items[0].host, "line");
		assert_false(c.idempotence);
		options_free(&set);
	}
	unlink(path);
}

static void test_a_file_that_cannot_be_read_is_one_line(void **state)
{
	(void)state;
	struct option_set set;
	struct produce_config c;
	char *words[] = { "--config", "/nowhere/run.json" };
	assert_int_not_equal(produce_options_read(&set, &c, 2, words, 1), 0);
	assert_string_equal(set.error,
		"cannot read the configuration /nowhere/run.json: No such file or directory");
	options_free(&set);
	words[1] = "/tmp";
	assert_int_not_equal(produce_options_read(&set, &c, 2, words, 1), 0);
	assert_string_equal(set.error, "cannot read the configuration /tmp: Is a directory");
	options_free(&set);
}

/* The effective configuration, given back as a file, is the same configuration. */
static void check_round_trip(char *const words[], int count)
{
	struct option_set set, again;
	struct produce_config c, d;
	int error = produce_options_read(&set, &c, count, words, 99);
	assert_string_equal(set.error, "");
	assert_int_equal(error, 0);
	json_t *effective = options_json(&set);
	char *text = json_dumps(effective, JSON_INDENT(2)), path[32];
	assert_non_null(text);
	with_file(text, path);
	char *from_file[] = { "--config", path };
	error = produce_options_read(&again, &d, 2, from_file, 100);
	assert_string_equal(again.error, "");
	assert_int_equal(error, 0);
	json_t *second = options_json(&again);
	assert_true(json_equal(effective, second));
	assert_int_equal(json_integer_value(json_object_get(second, "seed")), 99);
	assert_null(json_object_get(second, "config"));
	assert_null(json_object_get(second, "no_progress"));
	unlink(path);
	free(text);
	json_decref(effective);
	json_decref(second);
	options_free(&set);
	options_free(&again);
}

static void test_the_effective_configuration_reads_back(void **state)
{
	(void)state;
	char *const plain[] = { "-b", "a:1" };
	check_round_trip(plain, 2);
	char *const full[] = { "-b", "[::1]:1,b:2", "-t", "x", "--rate", "1.5MiB/s", "--arrivals",
		"poisson", "--duration", "90s", "--key", "random:77", "--headers", "2x10",
		"--partition-skew", "zipf:0.99", "--payload", "text", "--codec", "zstd", "--level",
		"-5", "--topic-config", "a=b", "--no-stamp", "--linger", "1500us",
		"--batch-records", "10", "--tcp-cc", "reno", "--out", "d" };
	check_round_trip(full, (int)COUNT_OF(full));
	char *const lines[] = { "-b", "a:1", "--payload", "file:/x", "--rate", "0.5", "--acks",
		"0" };
	check_round_trip(lines, (int)COUNT_OF(lines));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_come_as_json_or_as_typed),
		cmocka_unit_test(test_mistakes_name_their_place),
		cmocka_unit_test(test_the_command_line_overrides_the_file_in_any_order),
		cmocka_unit_test(test_a_file_that_cannot_be_read_is_one_line),
		cmocka_unit_test(test_the_effective_configuration_reads_back),
	};
	return RUN_TESTS(tests);
}
