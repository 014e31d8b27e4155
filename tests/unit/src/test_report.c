/* Shows: a result as the JSON that scripts read, as the text that people read, and its progress. */
#include "../test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"

#include "../../../src/report/json.h"
#include "../../../src/report/output.h"
#include "../../../src/report/progress.h"
#include "../../../src/report/text.h"

static struct result_summary summary_of(double scale)
{
	return (struct result_summary){
		.applies = true,
		.us = { 1000000, 1.5 * scale, 1.2 * scale, 2.1 * scale, 4.25 * scale, 9.5 * scale,
			21 * scale },
	};
}

/* An open-loop run in which one broker went away for a while. */
static void make_open(struct run_result *r)
{
	result_init(r);
	r->command = "produce";
	r->version = "v1";
	r->seed = 42;
	r->duration_s = 50;
	r->engine = "uring (defer, multishot)";
	r->congestion_control = "cubic";
	r->loop = "open";
	r->topic = "orders";
	r->partitions = 12;
	snprintf(r->host.name, sizeof r->host.name, "bench");
	snprintf(r->host.kernel, sizeof r->host.kernel, "6.1.0");
	r->host.cpus = 2;
	r->host.memory_bytes = INT64_C(8) << 30;
	r->records.scheduled = 1000000;
	r->records.sent = 1000000;
	r->records.acked = 999990;
	r->records.failed = 0;
	r->records.unknown = 10;
	r->records.unsent = 0;
	r->records.confirmed = 1000000;
	r->bytes.payload = 1024000000;
	r->bytes.wire = 1031234567;
	r->rate.records_per_second = 19999.8;
	r->rate.payload_bytes_per_second = 20479795;
	r->rate.target_records_per_second = 20000;
	r->latency = summary_of(1000);
	r->service = summary_of(800);
	r->lateness = summary_of(10);
	r->blocked = (struct result_summary){ .applies = true };
	r->cpu.user_s = 1.25;
	r->cpu.system_s = 2.5;
	r->cpu.us_per_record = 3.75;
	r->memory_bytes = INT64_C(40) << 20;
	r->requests.sent = 71234;
	r->requests.errors = 0;
	result_error(r, "NOT_LEADER_OR_FOLLOWER", 3);
	result_error(r, "timeout", 1);
	result_error(r, "NOT_LEADER_OR_FOLLOWER", 2);
	r->throttle_ms = 1500;
	r->verdict.status = EXIT_FAILED;
	r->verdict.limited_by = LIMITED_BY_BROKER;
	r->verdict.reason_count = 1;
	strcpy(r->verdict.reasons[0], "10 records were sent, and nobody knows what became of them");
	strcpy(r->verdict.sentence, "The brokers kept up with the rate; try a higher --rate.");
}

static int64_t number_at(const json_t *object, const char *group, const char *key)
{
	const json_t *value = json_object_get(json_object_get(object, group), key);
	assert_non_null(value);
	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static void assert_null_at(const json_t *object, const char *group, const char *key)
{
	if (group)
		object = json_object_get(object, group);
	const json_t *value = json_object_get(object, key);
	if (!value || !json_is_null(value))
		fail_msg("%s.%s is not null", group ? group : "", key);
}

static void test_json_has_the_keys_that_scripts_rely_on_in_order(void **state)
{
	(void)state;
	struct run_result *r = malloc(sizeof *r);
	make_open(r);
	json_t *config = json_pack("{s:i}", "size", 1024);
	r->config = config;
	json_t *o = json_result(r);
	static const char *const keys[] = { "command", "version", "seed", "config", "duration_s",
		"host", "engine", "engine_detail", "broker", "topic", "partitions", "verdict",
		"limited_by", "loop", "records", "bytes", "rate", "latency_us", "service_us",
		"lateness_us", "blocked_us", "linger_us", "cpu", "memory_bytes", "requests",
		"throttle_ms" };
	const char *key;
	json_t *value;
	size_t i = 0;
	json_object_foreach(o, key, value)
	{
		assert_true(i < COUNT_OF(keys));
		assert_string_equal(key, keys[i++]);
	}
	assert_int_equal(i, COUNT_OF(keys));
	assert_string_equal(json_string_value(json_object_get(o, "engine")), "uring");
	assert_string_equal(json_string_value(json_object_get(o, "engine_detail")), r->engine);
	assert_int_equal(number_at(o, "records", "acked"), 999990);
	assert_int_equal(number_at(o, "config", "size"), 1024);
	assert_int_equal(number_at(o, "requests", "errors"), 6);
	const json_t *names = json_object_get(json_object_get(o, "requests"), "errors_by_name");
	assert_int_equal(json_integer_value(json_object_get(names, "NOT_LEADER_OR_FOLLOWER")), 5);
	assert_string_equal(json_string_value(json_object_get(o, "limited_by")), "broker");
	const json_t *p99 = json_object_get(json_object_get(o, "latency_us"), "p99");
	assert_true(json_real_value(p99) == 4250);
	json_decref(o);
	json_decref(config);
	free(r);
}

static void test_what_does_not_apply_is_null(void **state)
{
	(void)state;
	struct run_result *r = malloc(sizeof *r);
	result_init(r);
	r->command = "produce";
	r->blocked.applies = true;
	json_t *o = json_result(r);
	static const char *const plain[] = { "config", "duration_s", "engine", "engine_detail",
		"broker", "topic", "partitions", "limited_by", "loop", "latency_us", "service_us",
		"lateness_us", "linger_us", "memory_bytes", "throttle_ms" };
	for (size_t i = 0; i < COUNT_OF(plain); i++)
		assert_null_at(o, NULL, plain[i]);
	assert_null_at(o, "records", "acked");
	assert_null_at(o, "records", "confirmed");
	assert_null_at(o, "bytes", "wire");
	assert_null_at(o, "rate", "records_per_second");
	assert_null_at(o, "cpu", "us_per_record");
	assert_null_at(o, "requests", "sent");
	assert_int_equal(number_at(o, "blocked_us", "count"), 0);
	assert_null_at(o, "blocked_us", "p99");
	json_decref(o);
	free(r);
}

static char *text_of(const struct run_result *r)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_int_equal(text_write(r, out), 0);
	fclose(out);
	return text;
}

static void test_text_is_one_aligned_screen_that_ends_in_the_sentence(void **state)
{
	(void)state;
	struct run_result *r = malloc(sizeof *r);
	make_open(r);
	char *text = text_of(r);
	static const char expected[] =
		"harrow produce to 'orders', 12 partitions, 50 s, open loop\n"
		"bench, Linux 6.1.0, 2 CPUs, 8 GiB, uring (defer, multishot), TCP cubic\n"
		"\n"
		"records     1,000,000 scheduled, 999,990 acknowledged, 1,000,000 confirmed, 10 "
		"unknown\n"
		"rate        20.0 k records/s, 19.5 MiB/s of values (asked for: 20 k records/s)\n"
		"bytes       977 MiB of values, 983 MiB on the wire\n"
		"\n"
		"                  p50       p90       p99     p99.9       max\n"
		"latency       1.20 ms   2.10 ms   4.25 ms   9.50 ms     21 ms   "
		"intended time to acknowledgement\n"
		"service        960 us   1.68 ms   3.40 ms   7.60 ms   16.8 ms   "
		"send to acknowledgement\n"
		"lateness        12 us     21 us   42.5 us     95 us    210 us   "
		"harrow itself being late\n"
		"\n"
		"cost        1.25 s user, 2.50 s system, 3.75 us of CPU per record, 40 MiB of "
		"memory\n"
		"requests    71,234 sent, 6 answered with an error: 5 NOT_LEADER_OR_FOLLOWER, 1 "
		"timeout;\n"
		"            throttled by the broker for 1.50 s\n"
		"\n"
		"FAILED      10 records were sent, and nobody knows what became of them\n"
		"\n"
		"The brokers kept up with the rate; try a higher --rate.\n";
	assert_string_equal(text, expected);
	free(text);
	free(r);
}

static void test_text_of_an_empty_result_invents_nothing(void **state)
{
	(void)state;
	struct run_result *r = malloc(sizeof *r);
	result_init(r);
	r->command = "produce";
	strcpy(r->records.confirmed_reason, "others write to this topic");
	char *text = text_of(r);
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "-1"));
	assert_null(strstr(text, "p99"));
	assert_null(strstr(text, "FAILED"));
	assert_non_null(strstr(text, "not confirmed: others write to this topic"));
	free(text);
	free(r);
}

static void test_output_that_cannot_be_written_is_an_error(void **state)
{
	(void)state;
	struct run_result *r = malloc(sizeof *r);
	make_open(r);
	json_t *o = json_result(r);
	FILE *full = fopen("/dev/full", "w");
	assert_non_null(full);
	assert_int_equal(json_write(o, full), -ENOSPC);
	fclose(full);
	full = fopen("/dev/full", "w");
	assert_int_equal(text_write(r, full), -ENOSPC);
	fclose(full);
	json_decref(o);
	free(r);
}

static void test_the_result_file_is_complete_or_not_there(void **state)
{
	(void)state;
	char base[] = "/tmp/harrow-report-XXXXXX", directory[64], path[96], error[256] = "";
	assert_non_null(mkdtemp(base));
	snprintf(directory, sizeof directory, "%s/a/b", base);
	snprintf(path, sizeof path, "%s/result.json", directory);
	json_t *object = json_pack("{s:f}", "x", 0.1);
	assert_int_equal(json_prepare_directory(directory, error, sizeof error), 0);
	assert_int_equal(json_prepare_directory(directory, error, sizeof error), 0);
	assert_int_equal(json_save(object, directory, error, sizeof error), 0);
	assert_int_equal(json_save(object, directory, error, sizeof error), 0);
	json_t *back = json_load_file(path, 0, NULL);
	assert_true(json_equal(object, back));
	json_decref(back);
	/* A file where the directory should be. */
	assert_int_equal(json_prepare_directory(path, error, sizeof error), -ENOTDIR);
	char line[256];
	snprintf(line, sizeof line, "cannot write to --out %s: Not a directory", path);
	assert_string_equal(error, line);
	/* result.json cannot be replaced: nothing else is left behind. */
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_not_equal(json_save(object, directory, error, sizeof error), 0);
	rmdir(path);
	assert_int_equal(rmdir(directory), 0);
	assert_int_equal(json_save(object, directory, error, sizeof error), -ENOENT);
	snprintf(directory, sizeof directory, "%s/a", base);
	rmdir(directory);
	rmdir(base);
	json_decref(object);
}

static void test_the_first_line_says_how_long_it_takes(void **state)
{
	(void)state;
	char line[PROGRESS_LINE_SIZE];
	struct progress_plan plan = { .what = "producing to 'first'",
		.duration_ns = 60 * NS_PER_S,
		.records_per_second = 20000,
		.drain_ns = 5 * NS_PER_S };
	assert_string_equal(progress_format_start(&plan, line),
		"producing to 'first' at 20 k records/s: takes "
		"60 s, and up to 5 s for late answers");
	plan = (struct progress_plan){ .what = "producing", .records = 1000000 };
	assert_string_equal(progress_format_start(&plan, line),
		"producing as fast as it goes, 1 M records: takes as long as the brokers need");
	plan.duration_ns = 10 * NS_PER_S;
	assert_string_equal(progress_format_start(&plan, line),
		"producing as fast as it goes, 1 M records: takes 10 s at most");
	plan = (struct progress_plan){ .what = "producing",
		.records = 1000000,
		.records_per_second = 10000,
		.warmup_ns = 5 * NS_PER_S };
	assert_string_equal(progress_format_start(&plan, line),
		"producing at 10 k records/s, 1 M records: takes 105 s, warm-up included");
}

static void test_a_line_fits_and_shows_what_is_known(void **state)
{
	(void)state;
	char line[PROGRESS_LINE_SIZE];
	struct progress_plan plan = { .what = "x", .duration_ns = 60 * NS_PER_S };
	struct progress_sample sample = { .phase = "sending",
		.elapsed_ns = 12340 * NS_PER_MS,
		.records_acked = 246000,
		.records_per_second = 19987,
		.payload_bytes_per_second = 20.5e6,
		.p99_ns = 4250000,
		.lateness_p99_ns = 42000,
		.errors = 3,
		.backlog = 1200 };
	assert_string_equal(progress_format(&plan, &sample, 200, line),
		"sending  12.3 s of 60 s  20.0 k rec/s  19.6 MiB/s  p99 4.25 ms  3 errors  1.20 k "
		"waiting"
		"  late 42 us");
	/* Only whole parts are dropped. */
	assert_string_equal(progress_format(&plan, &sample, 60, line),
		"sending  12.3 s of 60 s  20.0 k rec/s  19.6 MiB/s");
	assert_string_equal(progress_format(&plan, &sample, 49, line),
		"sending  12.3 s of 60 s  20.0 k rec/s  19.6 MiB/s");
	assert_string_equal(
		progress_format(&plan, &sample, 48, line), "sending  12.3 s of 60 s  20.0 k rec/s");
	for (int width = 1; width < 120; width++)
		assert_true(strlen(progress_format(&plan, &sample, width, line)) <= (size_t)width);
	/* Behind the schedule there is the time for late answers. */
	plan.drain_ns = 5 * NS_PER_S;
	sample.phase = "draining";
	sample.elapsed_ns = 61 * NS_PER_S;
	assert_string_equal(
		progress_format(&plan, &sample, 40, line), "draining 61.0 s of at most 65 s");
	plan = (struct progress_plan){ .what = "x", .records = 1000000 };
	sample = (struct progress_sample){ .phase = "draining",
		.records_acked = 250000,
		.records_per_second = -1,
		.payload_bytes_per_second = -1,
		.p99_ns = -1,
		.lateness_p99_ns = -1 };
	assert_string_equal(progress_format(&plan, &sample, 200, line), "draining 0.0 s, 25 %");
}

static void test_plain_lines_come_every_second_or_less_often_in_long_runs(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size = 0;
	FILE *out = tmpfile();
	struct progress progress;
	struct progress_plan plan = { .what = "x", .duration_ns = 10 * NS_PER_S };
	struct progress_sample sample = { .phase = "sending" };
	progress_begin(&progress, &plan, out, false, 0);
	int shown = 0;
	for (int64_t now = 0; now <= 10 * NS_PER_S; now += NS_PER_MS) {
		if (!progress_due(&progress, now))
			continue;
		progress_show(&progress, &sample, now);
		shown++;
	}
	assert_int_equal(shown, 10);
	progress_show(&progress, &sample, 100 * NS_PER_S); /* a stall is not made up for */
	assert_false(progress_due(&progress, 100 * NS_PER_S + NS_PER_MS));
	progress_note(&progress, "broker %d went away", 2);
	progress_end(&progress);
	rewind(out);
	int lines = 0;
	while (getline(&text, &size, out) > 0) {
		assert_null(strchr(text, '\r'));
		lines++;
	}
	assert_int_equal(lines, 1 + 11 + 1);
	free(text);
	fclose(out);
	plan.duration_ns = 3600 * NS_PER_S;
	out = tmpfile();
	progress_begin(&progress, &plan, out, false, 0);
	assert_false(progress_due(&progress, 29 * NS_PER_S));
	assert_true(progress_due(&progress, 30 * NS_PER_S));
	progress_begin(&progress, &plan, out, true, 0);
	assert_false(progress_due(&progress, INT64_MAX));
	progress_note(&progress, "silent");
	progress_end(&progress);
	fclose(out);
}

/* Standard output is /dev/full and --out is a file: two lines, a failed run, nothing else. */
static void test_a_result_that_cannot_be_written_fails_the_run(void **state)
{
	(void)state;
	struct run_result *r = malloc(sizeof *r);
	make_open(r);
	r->verdict.status = EXIT_DONE;
	struct output_options options = { .json = true, .directory = "/dev/null" };
	fflush(NULL);
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
	FILE *lines = tmpfile();
	assert_non_null(freopen("/dev/full", "w", stdout));
	dup2(fileno(lines), STDERR_FILENO);
	enum exit_status status = output_write(r, &options);
	r->verdict.status = EXIT_INVALID;
	enum exit_status invalid = output_write(r, &options);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	assert_int_equal(status, EXIT_FAILED);
	assert_int_equal(invalid, EXIT_INVALID);
	char text[1024] = "";
	rewind(lines);
	assert_true(fread(text, 1, sizeof text - 1, lines) > 0);
	static const char expected[] =
		"harrow produce: cannot write to --out /dev/null: Not a directory\n"
		"harrow produce: cannot write the result to standard output: No space left on "
		"device\n";
	assert_memory_equal(text, expected, sizeof expected - 1);
	assert_int_equal(strlen(text), 2 * (sizeof expected - 1));
	fclose(lines);
	free(r);
}

static void test_host_facts_are_this_machines(void **state)
{
	(void)state;
	struct host host;
	host_read(&host);
	assert_true(host.cpus >= 1);
	assert_true(host.cpus_allowed >= 1 && host.cpus_allowed <= host.cpus);
	assert_true(host.memory_bytes > 1 << 20);
	assert_true(host.kernel[0] >= '0' && host.kernel[0] <= '9');
	assert_true(host.machine[0]);
	assert_true(host.memory_limit_bytes == -1 || host.memory_limit_bytes > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_has_the_keys_that_scripts_rely_on_in_order),
		cmocka_unit_test(test_what_does_not_apply_is_null),
		cmocka_unit_test(test_text_is_one_aligned_screen_that_ends_in_the_sentence),
		cmocka_unit_test(test_text_of_an_empty_result_invents_nothing),
		cmocka_unit_test(test_output_that_cannot_be_written_is_an_error),
		cmocka_unit_test(test_the_result_file_is_complete_or_not_there),
		cmocka_unit_test(test_the_first_line_says_how_long_it_takes),
		cmocka_unit_test(test_a_line_fits_and_shows_what_is_known),
		cmocka_unit_test(test_plain_lines_come_every_second_or_less_often_in_long_runs),
		cmocka_unit_test(test_a_result_that_cannot_be_written_fails_the_run),
		cmocka_unit_test(test_host_facts_are_this_machines),
	};
	return RUN_TESTS(tests);
}
