/* Shows: how `harrow produce` is told what to do, and the one line that each mistake gets. */
#include "../test.h"

#include "io/loop.h"

#include <stdio.h>
#include <string.h>

#include "../../../src/cmd/produce_options.h"
#include "../../../src/nearest.h"

#define SEED 4711

/* Reads a command line; -b is added unless it begins with "!". */
#define READ(set, config, ...)                                                                     \
	read_line(set, config, (char *const[]){ "-b", "localhost:9092", __VA_ARGS__, NULL })

static int read_line(struct option_set *set, struct produce_config *config, char *const words[])
{
	int count = 0;
	while (words[count])
		count++;
	return produce_options_read(set, config, count, words, SEED);
}

static void test_presets_are_what_help_says(void **state)
{
	(void)state;
	struct option_set set;
	struct produce_config c;
	assert_int_equal(READ(&set, &c, "--"), 0);
	assert_int_equal(c.bootstrap.count, 1);
	assert_string_equal(c.bootstrap.items[0].host, "localhost");
	assert_int_equal(c.bootstrap.items[0].port, 9092);
	assert_null(c.topic);
	assert_int_equal(c.cleanup, PRODUCE_CLEANUP_DELETE);
	assert_int_equal(c.partitions, 12);
	assert_int_equal(c.replication_factor, -1);
	assert_int_equal(c.duration_ns, 10 * NS_PER_S);
	assert_int_equal(c.records, 0);
	assert_int_equal(c.rate.unit, RATE_NONE);
	assert_int_equal(c.size, 1024);
	assert_int_equal(c.batch_size, 256 * 1024);
	assert_int_equal(c.acks, PRODUCE_ACKS_ALL);
	assert_true(c.idempotence && c.stamp && !c.quiet);
	assert_int_equal(c.level, CODEC_LEVEL_DEFAULT);
	assert_int_equal(c.producers, 1);
	assert_int_equal(c.seed, SEED);
	assert_string_equal(c.client_id, "harrow");
	assert_int_equal(c.engine, LOOP_ENGINE_AUTO);
	options_free(&set);
}

static void test_every_way_to_write_a_value(void **state)
{
	(void)state;
	struct option_set set;
	struct produce_config c;
	int error = READ(&set, &c, "-tfirst", "--rate=20k", "--size", "100", "--no-stamp", "-q",
		"--acks", "1", "--codec=zstd", "--level", "19", "-b[::1]:9093,other:1", "--threads",
		"2", "--key", "random:1k", "--key_size", "8", "--headers", "3x64",
		"--partition-skew", "hot:3=25%", "--topic-config", "retention.ms=1",
		"--topic-config", "a=b=c", "--records", "5", "--linger", "5ms", "--payload",
		"file:/etc/hosts", "--engine", "epoll");
	assert_int_equal(error, 0);
	assert_int_equal(c.engine, LOOP_ENGINE_EPOLL);
	assert_string_equal(c.topic, "first");
	assert_int_equal(c.cleanup, PRODUCE_CLEANUP_KEEP);
	assert_true(c.rate.unit == RATE_RECORDS && c.rate.per_second == 20000);
	assert_int_equal(c.size, 100);
	assert_false(c.stamp);
	assert_true(c.quiet);
	assert_int_equal(c.acks, PRODUCE_ACKS_LEADER);
	assert_false(c.idempotence);
	assert_int_equal(c.codec, CODEC_ZSTD);
	assert_int_equal(c.level, 19);
	assert_int_equal(c.bootstrap.count, 3);
	assert_string_equal(c.bootstrap.items[1].host, "::1");
	assert_int_equal(c.bootstrap.items[2].port, 1);
	assert_int_equal(c.producers, 2);
	assert_int_equal(c.key.kind, KEY_RANDOM);
	assert_int_equal(c.key.distinct, 1000);
	assert_int_equal(c.headers.count, 3);
	assert_int_equal(c.headers.value_size, 64);
	assert_int_equal(c.partition_skew.kind, SKEW_HOT);
	assert_int_equal(c.partition_skew.hot_partition, 3);
	assert_true(c.partition_skew.hot_share == 0.25);
	assert_int_equal(c.topic_config.count, 2);
	assert_string_equal(c.topic_config.items[1].key, "a");
	assert_string_equal(c.topic_config.items[1].value, "b=c");
	assert_int_equal(c.duration_ns, 0);
	assert_int_equal(c.linger_ns, 5 * NS_PER_MS);
	assert_int_equal(c.payload.kind, PAYLOAD_LINES);
	assert_string_equal(c.payload.path, "/etc/hosts");
	options_free(&set);
}

static void test_the_last_one_wins_and_files_of_lines_have_their_own_size(void **state)
{
	(void)state;
	struct option_set set;
	struct produce_config c;
	assert_int_equal(READ(&set, &c, "--rate", "1", "--rate", "2", "--stamp", "--no-stamp",
				 "--no-progress", "--payload", "file:x"),
		0);
	assert_true(c.rate.per_second == 2);
	assert_false(c.stamp);
	assert_true(c.quiet);
	assert_int_equal(c.size, PRODUCE_SIZE_OF_LINES);
	options_free(&set);
}

struct mistake {
	const char *words[8];
	const char *line;
};

static void check_mistakes(const struct mistake *mistakes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct option_set set;
		struct produce_config c;
		char *words[12] = { "-b", "localhost:9092" };
		for (int j = 0; mistakes[i].words[j]; j++)
			words[2 + j] = (char *)mistakes[i].words[j];
		if (!read_line(&set, &c, words))
			fail_msg("'%s %s' was taken", words[2], words[3] ? words[3] : "");
		assert_string_equal(set.error, mistakes[i].line);
		assert_null(strchr(set.error, '\n'));
		options_free(&set);
	}
}

static void test_a_wrong_word_names_the_nearest(void **state)
{
	(void)state;
	static const struct mistake mistakes[] = {
		{ { "--recrods", "5" }, "unknown option --recrods; did you mean --records?" },
		{ { "--dur", "5s" }, "unknown option --dur; did you mean --duration?" },
		{ { "--codek=lz4" }, "unknown option --codek; did you mean --codec?" },
		{ { "--BATCH_SIZ=1" }, "unknown option --BATCH_SIZ; did you mean --batch-size?" },
		{ { "--no-acks" },
			"--acks cannot be turned off with --no-acks; see harrow produce --help" },
		{ { "--fish" }, "unknown option --fish; harrow produce --help lists the options" },
		{ { "-x" }, "unknown option -x; harrow produce --help lists the options" },
		{ { "first" }, "unexpected argument 'first'; options begin with --, see harrow "
			       "produce --help" },
		{ { "--", "--rate" }, "unexpected argument '--rate'; options begin with --, see "
				      "harrow produce --help" },
		{ { "a\nb" }, "unexpected argument 'a?b'; options begin with --, see harrow "
			      "produce --help" },
		{ { "--quiet=1" }, "--quiet takes no value" },
	};
	check_mistakes(mistakes, COUNT_OF(mistakes));
}

static void test_a_wrong_value_is_told_what_the_option_takes(void **state)
{
	(void)state;
	static const struct mistake mistakes[] = {
		{ { "--rate", "10 fish" }, "--rate takes records per second such as 50k or 2M, or "
					   "bytes per second such as "
					   "10MiB/s, not '10 fish'" },
		{ { "--rate", "10MB/s" }, "--rate takes records per second such as 50k or 2M, or "
					  "bytes per second such as "
					  "10MiB/s, not '10MB/s'" },
		{ { "--size", "1kB" },
			"--size takes a size such as 100, 64KiB or 1MiB, not '1kB'" },
		{ { "--size=2GiB" }, "--size takes 0 to 64MiB, not '2GiB'" },
		{ { "--duration", "10" }, "--duration takes a time with its unit such as 500us, "
					  "5ms, 10s or 2m, not '10'" },
		{ { "--duration", "0s" }, "--duration takes 1ms to 744h, not '0s'" },
		{ { "--records", "0.3" },
			"--records takes a whole number such as 12, 50k or 2M, not '0.3'" },
		{ { "--records", "0" }, "--records takes 1 to 9007199254740992, not '0'" },
		{ { "--records" },
			"--records needs a value: a whole number such as 12, 50k or 2M" },
		{ { "--records=" },
			"--records needs a value: a whole number such as 12, 50k or 2M" },
		{ { "--acks", "two" }, "--acks takes 0, 1 or all, not 'two'" },
		{ { "--acks" }, "--acks needs a value: 0, 1 or all" },
		{ { "--codec", "brotli" },
			"--codec takes none, gzip, snappy, lz4 or zstd, not 'brotli'" },
		{ { "-b", "localhost" }, "-b takes HOST:PORT such as localhost:9092, several with "
					 "commas between, not "
					 "'localhost'" },
		{ { "-b", "http://a:1" }, "-b takes HOST:PORT such as localhost:9092, several with "
					  "commas between, not "
					  "'http://a:1'" },
		{ { "-b", "::1:9092" }, "-b takes HOST:PORT such as localhost:9092, several with "
					"commas between, not "
					"'::1:9092'" },
		{ { "-ba:70000" }, "-b takes HOST:PORT such as localhost:9092, several with commas "
				   "between, not "
				   "'a:70000'" },
		{ { "--topic-config", "x" },
			"--topic-config takes KEY=VALUE such as retention.ms=60000, not 'x'" },
		{ { "--partition-skew", "hot:0=150%" },
			"--partition-skew takes uniform, hot:PARTITION=SHARE such as hot:0=50%, or "
			"zipf:S "
			"such as zipf:0.99, not 'hot:0=150%'" },
		{ { "--key", "random:0" },
			"--key takes none, sequence, random or random:N for N different keys, not "
			"'random:0'" },
		{ { "--payload", "file:" },
			"--payload takes random, text, zeros or file:PATH, not 'file:'" },
		{ { "--headers", "3x5KiB" }, "--headers takes a number of headers up to 64, and "
					     "the size of each value up to "
					     "4KiB, such as 3x100, not '3x5KiB'" },
		{ { "--topic", "\xff" }, "--topic takes text in UTF-8, not '\xff'" },
	};
	check_mistakes(mistakes, COUNT_OF(mistakes));
}

static void test_options_that_contradict_each_other_are_refused(void **state)
{
	(void)state;
	static const struct mistake mistakes[] = {
		{ { "--existing" }, "--existing needs the topic's name: give --topic NAME" },
		{ { "-t", "a", "--existing", "--cleanup", "delete" },
			"--cleanup delete does not go with --existing: only topics that harrow "
			"created "
			"are deleted" },
		{ { "--idempotence", "--acks", "1" }, "--idempotence needs --acks all" },
		{ { "--in-flight", "6" }, "--in-flight above 5 needs --no-idempotence: brokers "
					  "remember the last 5 batches "
					  "of a producer" },
		{ { "--level", "3" },
			"--level does not go with --codec none, which has no levels" },
		{ { "--level", "10", "--codec", "gzip" },
			"--level takes 1 to 9 with --codec gzip, not 10" },
		{ { "--arrivals", "poisson" },
			"--arrivals needs --rate: without a rate there is no schedule" },
		{ { "--linger", "5ms" },
			"--linger needs --rate: flat out, batches are full when they are sent" },
		{ { "--key-size", "8" },
			"--key-size needs a key: give --key sequence or --key random" },
		{ { "--key", "random:1001", "--key-size", "3" },
			"--key-size 3 is too short for 1001 different keys of digits" },
		{ { "--verify-read", "--no-stamp" },
			"--verify-read checks the stamp: remove --no-stamp" },
		{ { "--verify-read", "--size", "7" },
			"--verify-read needs room for a stamp: --size must be at least 8" },
		{ { "--threads", "4", "--producers", "2" },
			"--threads 4 needs at least as many --producers, not 2" },
		{ { "--delivery-timeout", "1s" }, "--delivery-timeout must be at least "
						  "--request-timeout plus --linger, or no "
						  "request could be answered late" },
		{ { "--rate", "1MiB/s", "--size", "0" },
			"--rate in bytes per second needs a --size above 0" },
		{ { "--rate", "2G" },
			"--rate is above 1000M records per second, the most that can be timed" },
		{ { "--partitions", "3", "--partition-skew", "hot:3=0.5" },
			"--partition-skew names partition 3, but --partitions is 3: the last one "
			"is 2" },
		{ { "--replication-factor", "0" },
			"--replication-factor takes at least 1, or -1 for the broker's default" },
	};
	check_mistakes(mistakes, COUNT_OF(mistakes));
	struct option_set set;
	struct produce_config c;
	assert_int_not_equal(produce_options_read(&set, &c, 0, NULL, SEED), 0);
	assert_string_equal(
		set.error, "where are the brokers? give -b HOST:PORT, such as -b localhost:9092");
	options_free(&set);
}

static void test_nearest_is_near(void **state)
{
	(void)state;
	assert_int_equal(nearest_distance("rate", "rate"), 1); /* a beginning */
	assert_int_equal(nearest_distance("raet", "rate"), 1);
	assert_int_equal(nearest_distance("batch_size", "batch-size"), 1);
	assert_true(nearest_distance("fish", "acks") == NEAREST_FAR);
	assert_true(nearest_distance("", "acks") == NEAREST_FAR);
	char huge[1000];
	memset(huge, 'a', sizeof huge);
	huge[sizeof huge - 1] = 0;
	assert_true(nearest_distance(huge, "acks") == NEAREST_FAR);
}

static void test_a_huge_argument_is_one_short_line(void **state)
{
	(void)state;
	char huge[5000];
	memset(huge, 'a', sizeof huge);
	memcpy(huge, "--", 2);
	huge[sizeof huge - 1] = 0;
	struct option_set set;
	struct produce_config c;
	assert_int_not_equal(READ(&set, &c, huge), 0);
	assert_true(strlen(set.error) < 200);
	options_free(&set);
	assert_int_not_equal(READ(&set, &c, "--rate", huge), 0);
	assert_true(strlen(set.error) < OPTIONS_ERROR_SIZE);
	options_free(&set);
}

static void test_help_is_narrow_complete_and_needs_nothing_else(void **state)
{
	(void)state;
	struct option_set set;
	struct produce_config c;
	char *const words[] = { "--help", "--fish" };
	assert_int_equal(produce_options_read(&set, &c, 2, words, SEED), 0);
	assert_true(set.wants_help);
	options_free(&set);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	options_help(&produce_options, out);
	fclose(out);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (strlen(line) > OPTIONS_HELP_WIDTH)
			fail_msg("too wide: %s", line);
	free(text);
	out = open_memstream(&text, &size);
	options_help(&produce_options, out);
	fclose(out);
	assert_non_null(strstr(text, "(default: 256KiB)"));
	assert_non_null(strstr(text, "--no-stamp"));
	assert_non_null(strstr(text, "--[no-]idempotence"));
	assert_null(strstr(text, "--no-progress"));
	for (size_t i = 0; i < produce_options.count; i++)
		if (produce_options.rows[i].name && produce_options.rows[i].help)
			assert_non_null(strstr(text, produce_options.rows[i].name));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presets_are_what_help_says),
		cmocka_unit_test(test_every_way_to_write_a_value),
		cmocka_unit_test(test_the_last_one_wins_and_files_of_lines_have_their_own_size),
		cmocka_unit_test(test_a_wrong_word_names_the_nearest),
		cmocka_unit_test(test_a_wrong_value_is_told_what_the_option_takes),
		cmocka_unit_test(test_options_that_contradict_each_other_are_refused),
		cmocka_unit_test(test_nearest_is_near),
		cmocka_unit_test(test_a_huge_argument_is_one_short_line),
		cmocka_unit_test(test_help_is_narrow_complete_and_needs_nothing_else),
	};
	return RUN_TESTS(tests);
}
