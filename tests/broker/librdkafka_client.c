/*
 * A client on librdkafka, for tests/broker/lib.sh (client_test): it writes the agreed records,
 * reads them back by partition, and administers. Linked against build/librdkafka, never against
 * harrow.
 *
 *   librdkafka_client write BOOTSTRAP TOPIC PARTITIONS RECORDS CODEC
 *   librdkafka_client read  BOOTSTRAP TOPIC PARTITIONS
 *   librdkafka_client admin BOOTSTRAP NODES
 *   librdkafka_client steady BOOTSTRAP TOPIC PARTITIONS SECONDS
 *       writes the number of the record every millisecond, to each partition in turn; prints for
 * each acknowledgement its time (CLOCK_REALTIME, in ms), partition, offset and the number
 *   librdkafka_client version
 *
 * The records and the lines that `read` prints are described in lib.sh. Exit status: 0 all was as
 * expected, 1 not (a line on stderr says what).
 */
#include <librdkafka/rdkafka.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMEOUT_MS     15000
#define BASE_MS        1700000000000
#define VALUE_SIZE     512
#define PARTITIONS_MAX 64
#define MESSAGE_SIZE   512

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

#define EXPECT(good, ...)                                                                          \
	do {                                                                                       \
		if (!(good))                                                                       \
			fail(__VA_ARGS__);                                                         \
	} while (0)

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char message[MESSAGE_SIZE];

	if (rd_kafka_conf_set(conf, name, value, message, sizeof(message)) != RD_KAFKA_CONF_OK)
		fail("%s=%s: %s", name, value, message);
}

static rd_kafka_t *client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *bootstrap)
{
	char message[MESSAGE_SIZE];
	rd_kafka_t *client;

	set(conf, "bootstrap.servers", bootstrap);
	client = rd_kafka_new(type, conf, message, sizeof(message));
	EXPECT(client != NULL, "rd_kafka_new: %s", message);
	return client;
}

/* ---- administration: one call, one event ---- */

struct admin {
	rd_kafka_t *client;
	rd_kafka_queue_t *queue;
	rd_kafka_AdminOptions_t *options;
	rd_kafka_event_t *event;
};

static void admin_open(struct admin *admin, rd_kafka_t *client)
{
	char message[MESSAGE_SIZE];

	admin->client = client;
	admin->queue = rd_kafka_queue_new(client);
	admin->options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_ANY);
	admin->event = NULL;
	EXPECT(rd_kafka_AdminOptions_set_request_timeout(
		       admin->options, TIMEOUT_MS, message, sizeof(message)) == 0,
		"%s", message);
}

static void admin_release(struct admin *admin)
{
	if (admin->event != NULL)
		rd_kafka_event_destroy(admin->event);
	admin->event = NULL;
}

static void admin_close(struct admin *admin)
{
	admin_release(admin);
	rd_kafka_AdminOptions_destroy(admin->options);
	rd_kafka_queue_destroy(admin->queue);
}

/* The event of the call just made; it stays admin's until the next one. */
static rd_kafka_event_t *admin_await(struct admin *admin, const char *what)
{
	admin_release(admin);
	admin->event = rd_kafka_queue_poll(admin->queue, 2 * TIMEOUT_MS);
	EXPECT(admin->event != NULL, "%s: no answer", what);
	EXPECT(rd_kafka_event_error(admin->event) == 0, "%s: %s", what,
		rd_kafka_event_error_string(admin->event));
	return admin->event;
}

static void expect_topic_error(const rd_kafka_topic_result_t **topics, size_t count,
	rd_kafka_resp_err_t expected, const char *what)
{
	EXPECT(count == 1, "%s: %zu topics in the answer", what, count);
	EXPECT(rd_kafka_topic_result_error(topics[0]) == expected, "%s: expected %s, got %s (%s)",
		what, rd_kafka_err2name(expected),
		rd_kafka_err2name(rd_kafka_topic_result_error(topics[0])),
		rd_kafka_topic_result_error_string(topics[0]));
}

static void create_topic(struct admin *admin, const char *name, int partitions, int replicas,
	const char *max_bytes, rd_kafka_resp_err_t expected)
{
	char message[MESSAGE_SIZE];
	rd_kafka_NewTopic_t *topic =
		rd_kafka_NewTopic_new(name, partitions, replicas, message, sizeof(message));
	const rd_kafka_topic_result_t **results;
	size_t count;

	EXPECT(topic != NULL, "new topic %s: %s", name, message);
	if (max_bytes != NULL)
		rd_kafka_NewTopic_set_config(topic, "max.message.bytes", max_bytes);
	rd_kafka_CreateTopics(admin->client, &topic, 1, admin->options, admin->queue);
	rd_kafka_NewTopic_destroy(topic);
	results = rd_kafka_CreateTopics_result_topics(
		rd_kafka_event_CreateTopics_result(admin_await(admin, "create topic")), &count);
	expect_topic_error(results, count, expected, "create topic");
}

static void create_partitions(
	struct admin *admin, const char *name, size_t partitions, rd_kafka_resp_err_t expected)
{
	char message[MESSAGE_SIZE];
	rd_kafka_NewPartitions_t *more =
		rd_kafka_NewPartitions_new(name, partitions, message, sizeof(message));
	const rd_kafka_topic_result_t **results;
	size_t count;

	rd_kafka_CreatePartitions(admin->client, &more, 1, admin->options, admin->queue);
	rd_kafka_NewPartitions_destroy(more);
	results = rd_kafka_CreatePartitions_result_topics(
		rd_kafka_event_CreatePartitions_result(admin_await(admin, "create partitions")),
		&count);
	expect_topic_error(results, count, expected, "create partitions");
}

static void delete_topic(struct admin *admin, const char *name, rd_kafka_resp_err_t expected)
{
	rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
	const rd_kafka_topic_result_t **results;
	size_t count;

	rd_kafka_DeleteTopics(admin->client, &topic, 1, admin->options, admin->queue);
	rd_kafka_DeleteTopic_destroy(topic);
	results = rd_kafka_DeleteTopics_result_topics(
		rd_kafka_event_DeleteTopics_result(admin_await(admin, "delete topic")), &count);
	expect_topic_error(results, count, expected, "delete topic");
}

/* The offset that is found for a rd_kafka_OffsetSpec_t or for a timestamp. */
static int64_t list_offset(struct admin *admin, const char *topic, int32_t partition, int64_t at)
{
	rd_kafka_topic_partition_list_t *asked = rd_kafka_topic_partition_list_new(1);
	const rd_kafka_ListOffsetsResultInfo_t **infos;
	const rd_kafka_topic_partition_t *found;
	size_t count;

	rd_kafka_topic_partition_list_add(asked, topic, partition)->offset = at;
	rd_kafka_ListOffsets(admin->client, asked, admin->options, admin->queue);
	rd_kafka_topic_partition_list_destroy(asked);
	infos = rd_kafka_ListOffsets_result_infos(
		rd_kafka_event_ListOffsets_result(admin_await(admin, "list offsets")), &count);
	EXPECT(count == 1, "list offsets: %zu partitions in the answer", count);
	found = rd_kafka_ListOffsetsResultInfo_topic_partition(infos[0]);
	EXPECT(found->err == 0, "list offsets: %s", rd_kafka_err2name(found->err));
	return found->offset;
}

static void expect_offset(
	struct admin *admin, const char *topic, int64_t at, int64_t expected, const char *what)
{
	int64_t found = list_offset(admin, topic, 0, at);

	EXPECT(found == expected, "offset of %s: expected %lld, got %lld", what,
		(long long)expected, (long long)found);
}

static void delete_records(struct admin *admin, const char *topic, int64_t before)
{
	rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(1);
	const rd_kafka_topic_partition_list_t *results;
	rd_kafka_DeleteRecords_t *order;

	rd_kafka_topic_partition_list_add(offsets, topic, 0)->offset = before;
	order = rd_kafka_DeleteRecords_new(offsets);
	rd_kafka_topic_partition_list_destroy(offsets);
	rd_kafka_DeleteRecords(admin->client, &order, 1, admin->options, admin->queue);
	rd_kafka_DeleteRecords_destroy(order);
	results = rd_kafka_DeleteRecords_result_offsets(
		rd_kafka_event_DeleteRecords_result(admin_await(admin, "delete records")));
	EXPECT(results->cnt == 1 && results->elems[0].err == 0, "delete records: %s",
		rd_kafka_err2name(results->elems[0].err));
	EXPECT(results->elems[0].offset == before, "delete records: low watermark is %lld",
		(long long)results->elems[0].offset);
}

static void expect_cluster(struct admin *admin, size_t nodes)
{
	const rd_kafka_DescribeCluster_result_t *cluster;
	size_t count, i, found = 0;
	const rd_kafka_Node_t **all, *controller;

	rd_kafka_DescribeCluster(admin->client, admin->options, admin->queue);
	cluster = rd_kafka_event_DescribeCluster_result(admin_await(admin, "describe cluster"));
	all = rd_kafka_DescribeCluster_result_nodes(cluster, &count);
	controller = rd_kafka_DescribeCluster_result_controller(cluster);
	EXPECT(count == nodes, "describe cluster: %zu nodes, not %zu", count, nodes);
	EXPECT(controller != NULL, "describe cluster: no controller");
	for (i = 0; i < count; i++)
		if (rd_kafka_Node_id(all[i]) == rd_kafka_Node_id(controller))
			found++;
	EXPECT(found == 1, "describe cluster: the controller is %zu of the nodes", found);
	EXPECT(strlen(rd_kafka_DescribeCluster_result_cluster_id(cluster)) == 22,
		"describe cluster: the cluster's id is not a UUID: %s",
		rd_kafka_DescribeCluster_result_cluster_id(cluster));
}

static void expect_partitions(struct admin *admin, const char *name, size_t expected)
{
	rd_kafka_TopicCollection_t *names = rd_kafka_TopicCollection_of_topic_names(&name, 1);
	const rd_kafka_TopicPartitionInfo_t **partitions;
	const rd_kafka_TopicDescription_t **topics;
	size_t count, replicas, i;

	rd_kafka_DescribeTopics(admin->client, names, admin->options, admin->queue);
	rd_kafka_TopicCollection_destroy(names);
	topics = rd_kafka_DescribeTopics_result_topics(
		rd_kafka_event_DescribeTopics_result(admin_await(admin, "describe topic")), &count);
	EXPECT(count == 1, "describe topic: %zu topics", count);
	EXPECT(rd_kafka_error_code(rd_kafka_TopicDescription_error(topics[0])) == 0,
		"describe topic: %s",
		rd_kafka_error_string(rd_kafka_TopicDescription_error(topics[0])));
	partitions = rd_kafka_TopicDescription_partitions(topics[0], &count);
	EXPECT(count == expected, "describe topic: %zu partitions, not %zu", count, expected);
	for (i = 0; i < count; i++) {
		EXPECT(rd_kafka_TopicPartitionInfo_partition(partitions[i]) == (int)i,
			"describe topic: partition %zu is missing", i);
		EXPECT(rd_kafka_TopicPartitionInfo_leader(partitions[i]) != NULL,
			"describe topic: partition %zu has no leader", i);
		rd_kafka_TopicPartitionInfo_isr(partitions[i], &replicas);
		EXPECT(replicas == 1, "describe topic: %zu replicas in sync, not 1", replicas);
	}
}

static void expect_config(
	struct admin *admin, const char *topic, const char *name, const char *value, bool set_here)
{
	rd_kafka_ConfigResource_t *resource =
		rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	const rd_kafka_ConfigResource_t **resources;
	const rd_kafka_ConfigEntry_t **entries;
	size_t count, i;

	rd_kafka_DescribeConfigs(admin->client, &resource, 1, admin->options, admin->queue);
	rd_kafka_ConfigResource_destroy(resource);
	resources = rd_kafka_DescribeConfigs_result_resources(
		rd_kafka_event_DescribeConfigs_result(admin_await(admin, "describe configs")),
		&count);
	EXPECT(count == 1 && rd_kafka_ConfigResource_error(resources[0]) == 0,
		"describe configs: %s", rd_kafka_ConfigResource_error_string(resources[0]));
	entries = rd_kafka_ConfigResource_configs(resources[0], &count);
	for (i = 0; i < count; i++) {
		if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) != 0)
			continue;
		EXPECT(strcmp(rd_kafka_ConfigEntry_value(entries[i]), value) == 0,
			"describe configs: %s is %s, not %s", name,
			rd_kafka_ConfigEntry_value(entries[i]), value);
		EXPECT((rd_kafka_ConfigEntry_source(entries[i]) ==
			       RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG) == set_here,
			"describe configs: %s is said to come from %s", name,
			rd_kafka_ConfigSource_name(rd_kafka_ConfigEntry_source(entries[i])));
		return;
	}
	fail("describe configs: no %s among %zu", name, count);
}

/* ---- writing ---- */

struct outcome {
	int64_t next_offset[PARTITIONS_MAX];
	int64_t delivered;
	rd_kafka_resp_err_t error; /* the last */
};

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *context)
{
	struct outcome *outcome = context;

	(void)client;
	outcome->error = message->err;
	if (message->err != 0)
		return;
	EXPECT(message->offset == outcome->next_offset[message->partition],
		"partition %d: acknowledged at offset %lld instead of %lld", message->partition,
		(long long)message->offset, (long long)outcome->next_offset[message->partition]);
	outcome->next_offset[message->partition]++;
	outcome->delivered++;
}

static rd_kafka_t *producer_new(const char *bootstrap, const char *codec, struct outcome *outcome)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	set(conf, "enable.idempotence", "true");
	set(conf, "compression.codec", codec);
	set(conf, "linger.ms", "2");
	set(conf, "batch.num.messages", "300");
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_conf_set_opaque(conf, outcome);
	return client_new(RD_KAFKA_PRODUCER, conf, bootstrap);
}

static rd_kafka_headers_t *record_headers(int index)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(2);
	char name[16], value[32];
	int i;

	for (i = 0; i < index % 3; i++) {
		snprintf(name, sizeof(name), "h%d", i);
		snprintf(value, sizeof(value), "%d.%d", index, i);
		rd_kafka_header_add(headers, name, -1, i == 1 && index % 2 == 0 ? NULL : value, -1);
	}
	return headers;
}

static void produce(rd_kafka_t *client, const char *topic, int32_t partition, int index)
{
	bool has_key = index % 10 != 0, has_value = index % 50 != 49;
	char key[32], value[VALUE_SIZE];
	size_t size;
	rd_kafka_resp_err_t error;

	snprintf(key, sizeof(key), "key-%d", index);
	size = (size_t)snprintf(value, sizeof(value), "value %d %d ", partition, index);
	memset(value + size, 'x', (size_t)(index * 37 % 301));
	size += (size_t)(index * 37 % 301);
	/* clang-format off */
	error = rd_kafka_producev(client,
		RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
		RD_KAFKA_V_KEY(has_key ? key : NULL, has_key ? strlen(key) : 0),
		RD_KAFKA_V_VALUE(has_value ? value : NULL, has_value ? size : 0),
		RD_KAFKA_V_TIMESTAMP(BASE_MS + 7 * (int64_t)index),
		RD_KAFKA_V_HEADERS(record_headers(index)),
		RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK),
		RD_KAFKA_V_END);
	/* clang-format on */
	EXPECT(error == 0, "produce: %s", rd_kafka_err2str(error));
}

static void write_records(const char *bootstrap, const char *topic, int32_t partitions, int records,
	const char *codec)
{
	struct outcome outcome = { .delivered = 0 };
	rd_kafka_t *client = producer_new(bootstrap, codec, &outcome);
	struct admin admin;
	int32_t partition;
	int i;

	admin_open(&admin, client);
	create_topic(&admin, topic, partitions, 1, NULL, RD_KAFKA_RESP_ERR_NO_ERROR);
	admin_close(&admin);
	for (i = 0; i < records; i++) {
		for (partition = 0; partition < partitions; partition++)
			produce(client, topic, partition, i);
		rd_kafka_poll(client, 0);
	}
	rd_kafka_flush(client, TIMEOUT_MS);
	EXPECT(outcome.delivered == (int64_t)records * partitions,
		"%lld of %lld records were acknowledged; %s", (long long)outcome.delivered,
		(long long)records * partitions, rd_kafka_err2str(outcome.error));
	rd_kafka_destroy(client);
}

/* ---- writing at a steady pace, whatever happens to brokers ---- */

static int64_t now_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_steady_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *context)
{
	int64_t *acknowledged = context;

	(void)client;
	EXPECT(message->err == 0, "not delivered: %s", rd_kafka_err2str(message->err));
	printf("%lld %d %lld %.*s\n", (long long)now_ms(CLOCK_REALTIME), message->partition,
		(long long)message->offset, (int)message->len, (const char *)message->payload);
	++*acknowledged;
}

static void write_steadily(
	const char *bootstrap, const char *topic, int32_t partitions, int64_t seconds)
{
	int64_t acknowledged = 0, started_ms = now_ms(CLOCK_MONOTONIC), sent = 0;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *client;
	char value[32];

	set(conf, "enable.idempotence", "true");
	set(conf, "linger.ms", "1");
	rd_kafka_conf_set_dr_msg_cb(conf, on_steady_delivery);
	rd_kafka_conf_set_opaque(conf, &acknowledged);
	client = client_new(RD_KAFKA_PRODUCER, conf, bootstrap);
	while (sent < seconds * 1000) {
		for (; sent < now_ms(CLOCK_MONOTONIC) - started_ms; sent++) {
			snprintf(value, sizeof(value), "%lld", (long long)sent);
			EXPECT(rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic),
				       RD_KAFKA_V_PARTITION((int32_t)(sent % partitions)),
				       RD_KAFKA_V_VALUE(value, strlen(value)),
				       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
				       RD_KAFKA_V_END) == 0,
				"produce is refused");
		}
		rd_kafka_poll(client, 1);
	}
	rd_kafka_flush(client, 2 * TIMEOUT_MS);
	EXPECT(acknowledged == sent, "%lld of %lld records were acknowledged",
		(long long)acknowledged, (long long)sent);
	rd_kafka_destroy(client);
}

/* ---- reading ---- */

static void print_bytes(const void *bytes, size_t size)
{
	if (bytes == NULL)
		printf(" -1 NULL");
	else
		printf(" %zu %.*s", size, (int)size, (const char *)bytes);
}

static void print_record(const rd_kafka_message_t *message)
{
	rd_kafka_headers_t *headers;
	const char *name;
	const void *value;
	size_t size, i;

	printf("%d %lld %lld", message->partition, (long long)message->offset,
		(long long)rd_kafka_message_timestamp(message, NULL));
	print_bytes(message->key, message->key_len);
	print_bytes(message->payload, message->len);
	putchar(' ');
	if (rd_kafka_message_headers(message, &headers) == 0)
		for (i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0; i++)
			printf("%s%s=%.*s", i > 0 ? "," : "", name, value == NULL ? 4 : (int)size,
				value == NULL ? "NULL" : (const char *)value);
	putchar('\n');
}

static rd_kafka_t *consumer_new(const char *bootstrap, const char *topic, int32_t partitions)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *client;
	int32_t partition;

	/* assign() wants the name of a group; nothing is asked of its coordinator. */
	set(conf, "group.id", "unused");
	set(conf, "enable.auto.commit", "false");
	set(conf, "enable.partition.eof", "true");
	set(conf, "check.crcs", "true");
	set(conf, "auto.offset.reset", "error");
	set(conf, "fetch.message.max.bytes", "20000"); /* so that many fetches are needed */
	client = client_new(RD_KAFKA_CONSUMER, conf, bootstrap);
	for (partition = 0; partition < partitions; partition++)
		rd_kafka_topic_partition_list_add(list, topic, partition)->offset = 0;
	EXPECT(rd_kafka_assign(client, list) == 0, "assign is refused");
	rd_kafka_topic_partition_list_destroy(list);
	return client;
}

static void read_records(const char *bootstrap, const char *topic, int32_t partitions)
{
	rd_kafka_t *client = consumer_new(bootstrap, topic, partitions);
	rd_kafka_message_t *message;
	int32_t at_end = 0;

	while (at_end < partitions) {
		message = rd_kafka_consumer_poll(client, TIMEOUT_MS);
		EXPECT(message != NULL, "no record within %d ms", TIMEOUT_MS);
		if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
			at_end++;
		else if (message->err != 0)
			fail("consume: %s", rd_kafka_message_errstr(message));
		else
			print_record(message);
		rd_kafka_message_destroy(message);
	}
	rd_kafka_consumer_close(client);
	rd_kafka_destroy(client);
}

/* A consumer that stands before the first record left is told so. */
static void expect_out_of_range(const char *bootstrap, const char *topic)
{
	rd_kafka_t *client = consumer_new(bootstrap, topic, 1);
	rd_kafka_message_t *message = rd_kafka_consumer_poll(client, TIMEOUT_MS);

	EXPECT(message != NULL, "no answer to a fetch before the log's start");
	EXPECT(message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET,
		"a fetch before the log's start: %s", rd_kafka_err2name(message->err));
	rd_kafka_message_destroy(message);
	rd_kafka_consumer_close(client);
	rd_kafka_destroy(client);
}

/* ---- administration ---- */

static void expect_too_large(rd_kafka_t *client, struct outcome *outcome, const char *topic)
{
	static char value[60000];

	outcome->error = 0;
	rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(1),
		RD_KAFKA_V_VALUE(value, sizeof(value)), RD_KAFKA_V_END);
	rd_kafka_flush(client, TIMEOUT_MS);
	EXPECT(outcome->error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
		"a record above max.message.bytes: %s", rd_kafka_err2name(outcome->error));
}

static void administer(const char *bootstrap, size_t nodes)
{
	struct outcome outcome = { .delivered = 0 };
	rd_kafka_t *client = producer_new(bootstrap, "none", &outcome);
	const char *topic = "librdkafka-admin";
	struct admin admin;
	int i;

	admin_open(&admin, client);
	expect_cluster(&admin, nodes);
	create_topic(&admin, topic, 3, 1, "50000", RD_KAFKA_RESP_ERR_NO_ERROR);
	create_topic(&admin, topic, 3, 1, NULL, RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS);
	create_topic(&admin, "no/name", 3, 1, NULL, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION);
	create_topic(&admin, "too-many", 1, (int)nodes + 1, NULL,
		RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR);
	expect_partitions(&admin, topic, 3);
	create_partitions(&admin, topic, 5, RD_KAFKA_RESP_ERR_NO_ERROR);
	create_partitions(&admin, topic, 2, RD_KAFKA_RESP_ERR_INVALID_PARTITIONS);
	expect_partitions(&admin, topic, 5);
	expect_config(&admin, topic, "max.message.bytes", "50000", true);
	expect_config(&admin, topic, "retention.ms", "604800000", false);

	for (i = 0; i < 100; i++)
		produce(client, topic, 0, i);
	rd_kafka_flush(client, TIMEOUT_MS);
	EXPECT(outcome.delivered == 100, "%lld of 100 records; %s", (long long)outcome.delivered,
		rd_kafka_err2name(outcome.error));
	expect_offset(&admin, topic, RD_KAFKA_OFFSET_SPEC_EARLIEST, 0, "the earliest");
	expect_offset(&admin, topic, RD_KAFKA_OFFSET_SPEC_LATEST, 100, "the end");
	expect_offset(&admin, topic, RD_KAFKA_OFFSET_SPEC_MAX_TIMESTAMP, 99, "the highest time");
	expect_offset(&admin, topic, BASE_MS + 7 * 40, 40, "a time");
	expect_offset(&admin, topic, BASE_MS + 7 * 40 + 1, 41, "a time between two");
	expect_offset(&admin, topic, BASE_MS + 7 * 100, -1, "a time after the last");

	delete_records(&admin, topic, 10);
	expect_offset(&admin, topic, RD_KAFKA_OFFSET_SPEC_EARLIEST, 10, "the earliest, later");
	expect_out_of_range(bootstrap, topic);
	expect_too_large(client, &outcome, topic);

	delete_topic(&admin, topic, RD_KAFKA_RESP_ERR_NO_ERROR);
	delete_topic(&admin, topic, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	admin_close(&admin);
	rd_kafka_destroy(client);
}

int main(int argc, char **argv)
{
	if (argc == 7 && strcmp(argv[1], "write") == 0)
		write_records(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]), argv[6]);
	else if (argc == 5 && strcmp(argv[1], "read") == 0)
		read_records(argv[2], argv[3], atoi(argv[4]));
	else if (argc == 4 && strcmp(argv[1], "admin") == 0)
		administer(argv[2], (size_t)atoi(argv[3]));
	else if (argc == 6 && strcmp(argv[1], "steady") == 0)
		write_steadily(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]));
	else if (argc == 2 && strcmp(argv[1], "version") == 0)
		puts(rd_kafka_version_str());
	else
		fail("usage: see the head of librdkafka_client.c");
	return 0;
}
