import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * A client on Kafka's own Java clients, for lib.sh's client_test: writes the agreed records, reads
 * them back by partition, and administers, with what 2.8.1 and 4.3.1 have in common.
 *
 *   JavaClient write BOOTSTRAP TOPIC PARTITIONS RECORDS CODEC
 *   JavaClient read  BOOTSTRAP TOPIC PARTITIONS
 *   JavaClient admin BOOTSTRAP NODES
 */
public class JavaClient {
	static final long BASE_MS = 1700000000000L;
	static final Duration TIMEOUT = Duration.ofSeconds(15);
	static final int MAX_BYTES = 50000;

	static void expect(boolean good, String format, Object... arguments) {
		if (!good)
			throw new AssertionError(String.format(format, arguments));
	}

	static void expectEqual(Object expected, Object found, String what) {
		expect(expected.equals(found), "%s: expected %s, got %s", what, expected, found);
	}

	static void expectRefusal(Class<?> reason, Future<?> call, String what) throws Exception {
		try {
			call.get();
		} catch (ExecutionException refused) {
			expectEqual(reason, refused.getCause().getClass(), what);
			return;
		}
		expect(false, "%s: not refused", what);
	}

	// ---- writing ----

	static KafkaProducer<byte[], byte[]> producer(String bootstrap, String codec) {
		Map<String, Object> settings = new HashMap<>();
		settings.put("bootstrap.servers", bootstrap);
		settings.put("enable.idempotence", true);
		settings.put("acks", "all");
		settings.put("compression.type", codec);
		settings.put("linger.ms", 2);
		settings.put("delivery.timeout.ms", 30000);
		settings.put("request.timeout.ms", 10000);
		return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
	}

	static byte[] bytes(String text) {
		return text.getBytes(StandardCharsets.UTF_8);
	}

	static ProducerRecord<byte[], byte[]> record(String topic, int partition, int i) {
		byte[] key = i % 10 == 0 ? null : bytes("key-" + i);
		byte[] value = i % 50 == 49 ? null
			: bytes("value " + partition + " " + i + " " + "x".repeat(i * 37 % 301));
		ProducerRecord<byte[], byte[]> record =
			new ProducerRecord<>(topic, partition, BASE_MS + 7L * i, key, value);
		for (int j = 0; j < i % 3; j++)
			record.headers().add("h" + j, j == 1 && i % 2 == 0 ? null : bytes(i + "." + j));
		return record;
	}

	static void write(String bootstrap, String topic, int partitions, int records, String codec)
		throws Exception {
		List<Future<RecordMetadata>> answers = new ArrayList<>();
		try (Admin admin = admin(bootstrap)) {
			admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
		}
		try (KafkaProducer<byte[], byte[]> producer = producer(bootstrap, codec)) {
			for (int i = 0; i < records; i++)
				for (int partition = 0; partition < partitions; partition++)
					answers.add(producer.send(record(topic, partition, i)));
			producer.flush();
		}
		for (int at = 0; at < answers.size(); at++) {
			RecordMetadata answer = answers.get(at).get();
			expectEqual((long) (at / partitions), answer.offset(), "acknowledged at offset");
			expectEqual(at % partitions, answer.partition(), "acknowledged in partition");
		}
	}

	// ---- reading ----

	static KafkaConsumer<byte[], byte[]> consumer(String bootstrap) {
		Map<String, Object> settings = new HashMap<>();
		settings.put("bootstrap.servers", bootstrap);
		settings.put("enable.auto.commit", false);
		settings.put("auto.offset.reset", "none");
		settings.put("isolation.level", "read_committed");
		settings.put("max.partition.fetch.bytes", 20000); // so that many fetches are needed
		return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
	}

	static void append(StringBuilder line, byte[] bytes) {
		if (bytes == null)
			line.append(" -1 NULL");
		else
			line.append(' ').append(bytes.length).append(' ').append(
				new String(bytes, StandardCharsets.UTF_8));
	}

	static String line(ConsumerRecord<byte[], byte[]> record) {
		StringBuilder line = new StringBuilder();
		line.append(record.partition()).append(' ').append(record.offset()).append(' ').append(
			record.timestamp());
		append(line, record.key());
		append(line, record.value());
		char separator = ' ';
		for (Header header : record.headers()) {
			line.append(separator).append(header.key()).append('=').append(header.value() == null
					? "NULL" : new String(header.value(), StandardCharsets.UTF_8));
			separator = ',';
		}
		return separator == ' ' ? line.append(' ').toString() : line.toString();
	}

	static boolean atEnd(KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, Long> ends) {
		for (Map.Entry<TopicPartition, Long> end : ends.entrySet())
			if (consumer.position(end.getKey()) < end.getValue())
				return false;
		return true;
	}

	static void read(String bootstrap, String topic, int partitions) throws Exception {
		List<TopicPartition> assigned = new ArrayList<>();
		for (int partition = 0; partition < partitions; partition++)
			assigned.add(new TopicPartition(topic, partition));
		long deadline = System.nanoTime() + 2 * TIMEOUT.toNanos();
		try (PrintStream out = new PrintStream(System.out, false, "UTF-8");
			KafkaConsumer<byte[], byte[]> consumer = consumer(bootstrap)) {
			consumer.assign(assigned);
			consumer.seekToBeginning(assigned);
			Map<TopicPartition, Long> ends = consumer.endOffsets(assigned);
			while (!atEnd(consumer, ends)) {
				expect(System.nanoTime() < deadline, "not read to the end within the time given");
				for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500)))
					out.println(line(record));
			}
		}
	}

	// ---- administration ----

	static Admin admin(String bootstrap) {
		Map<String, Object> settings = new HashMap<>();
		settings.put("bootstrap.servers", bootstrap);
		settings.put("default.api.timeout.ms", (int) TIMEOUT.toMillis());
		settings.put("request.timeout.ms", (int) TIMEOUT.toMillis() / 2);
		return Admin.create(settings);
	}

	static void expectCluster(Admin admin, int nodes) throws Exception {
		DescribeClusterResult cluster = admin.describeCluster();
		expectEqual(nodes, cluster.nodes().get().size(), "nodes of the cluster");
		expect(cluster.nodes().get().contains(cluster.controller().get()), "no such controller: %s",
			cluster.controller().get());
		expectEqual(22, cluster.clusterId().get().length(), "letters of the cluster's id");
	}

	// describeTopics().all() became allTopicNames() in 3.1.
	@SuppressWarnings("unchecked")
	static TopicDescription describe(Admin admin, String topic) throws Exception {
		Object result = admin.describeTopics(List.of(topic));
		String all = "all";
		for (java.lang.reflect.Method method : result.getClass().getMethods())
			if (method.getName().equals("allTopicNames"))
				all = "allTopicNames";
		Object future = result.getClass().getMethod(all).invoke(result);
		return ((Future<Map<String, TopicDescription>>) future).get().get(topic);
	}

	static void expectPartitions(Admin admin, String topic, int count) throws Exception {
		List<TopicPartitionInfo> partitions = describe(admin, topic).partitions();
		expectEqual(count, partitions.size(), "partitions of the topic");
		for (TopicPartitionInfo partition : partitions) {
			expectEqual(1, partition.replicas().size(), "replicas");
			expectEqual(partition.replicas(), partition.isr(), "in sync");
			expectEqual(partition.leader(), partition.replicas().get(0), "the leader");
		}
		expect(admin.listTopics().names().get().contains(topic), "%s is not listed", topic);
	}

	static void expectConfig(Admin admin, String topic, String name, String value,
		ConfigEntry.ConfigSource source) throws Exception {
		ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
		ConfigEntry entry =
			admin.describeConfigs(List.of(resource)).all().get().get(resource).get(name);
		expect(entry != null, "%s is not described", name);
		expectEqual(value, entry.value(), name);
		expectEqual(source, entry.source(), "the source of " + name);
	}

	static long offset(Admin admin, TopicPartition partition, OffsetSpec spec) throws Exception {
		return admin.listOffsets(Map.of(partition, spec)).all().get().get(partition).offset();
	}

	static void expectOffsets(Admin admin, TopicPartition partition) throws Exception {
		expectEqual(0L, offset(admin, partition, OffsetSpec.earliest()), "the earliest");
		expectEqual(100L, offset(admin, partition, OffsetSpec.latest()), "the end");
		expectEqual(40L, offset(admin, partition, OffsetSpec.forTimestamp(BASE_MS + 7 * 40)),
			"the offset of a time");
		expectEqual(41L, offset(admin, partition, OffsetSpec.forTimestamp(BASE_MS + 7 * 40 + 1)),
			"the offset of a time between two");
		expectEqual(-1L, offset(admin, partition, OffsetSpec.forTimestamp(BASE_MS + 7 * 100)),
			"the offset of a time after the last");
		try { // since 3.0
			OffsetSpec highest = (OffsetSpec) OffsetSpec.class.getMethod("maxTimestamp").invoke(null);
			expectEqual(99L, offset(admin, partition, highest), "the offset of the highest time");
		} catch (NoSuchMethodException old) {
			System.err.println("no OffsetSpec.maxTimestamp in this version");
		}
	}

	static void expectConsumersView(String bootstrap, TopicPartition partition) {
		try (KafkaConsumer<byte[], byte[]> consumer = consumer(bootstrap)) {
			List<TopicPartition> one = List.of(partition);
			expectEqual(10L, consumer.beginningOffsets(one).get(partition), "beginning for consumers");
			expectEqual(100L, consumer.endOffsets(one).get(partition), "end for consumers");
			OffsetAndTimestamp found =
				consumer.offsetsForTimes(Map.of(partition, BASE_MS + 300)).get(partition);
			expectEqual(43L, found.offset(), "offset for a time");
			expectEqual(BASE_MS + 301, found.timestamp(), "time of that offset");
			expectEqual(5, consumer.partitionsFor(partition.topic()).size(), "partitions for consumers");
			consumer.assign(one);
			consumer.seek(partition, 3);
			try {
				long deadline = System.nanoTime() + TIMEOUT.toNanos();
				while (System.nanoTime() < deadline)
					consumer.poll(Duration.ofMillis(500));
				expect(false, "a fetch before the log's start is not refused");
			} catch (OffsetOutOfRangeException refused) {
				expectEqual(Collections.singleton(partition), refused.partitions(), "out of range");
			}
		}
	}

	static void administer(String bootstrap, int nodes) throws Exception {
		String topic = "java-admin";
		TopicPartition partition = new TopicPartition(topic, 0);
		NewTopic three = new NewTopic(topic, 3, (short) 1).configs(
			Map.of("max.message.bytes", "" + MAX_BYTES));
		try (Admin admin = admin(bootstrap);
			KafkaProducer<byte[], byte[]> producer = producer(bootstrap, "none")) {
			expectCluster(admin, nodes);
			admin.createTopics(List.of(three)).all().get();
			expectRefusal(TopicExistsException.class, admin.createTopics(List.of(three)).all(),
				"a topic that exists");
			expectRefusal(InvalidTopicException.class,
				admin.createTopics(List.of(new NewTopic("no/name", 1, (short) 1))).all(),
				"a name with a slash");
			expectRefusal(InvalidReplicationFactorException.class,
				admin.createTopics(List.of(new NewTopic("many", 1, (short) (nodes + 1)))).all(),
				"more replicas than brokers");
			expectPartitions(admin, topic, 3);
			admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
			expectRefusal(InvalidPartitionsException.class,
				admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(2))).all(),
				"fewer partitions");
			expectPartitions(admin, topic, 5);
			expectConfig(admin, topic, "max.message.bytes", "" + MAX_BYTES,
				ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG);
			expectConfig(admin, topic, "retention.ms", "604800000",
				ConfigEntry.ConfigSource.DEFAULT_CONFIG);

			for (int i = 0; i < 100; i++)
				producer.send(record(topic, 0, i));
			producer.flush();
			expectOffsets(admin, partition);
			expectEqual(10L, admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(10)))
				.lowWatermarks().get(partition).get().lowWatermark(), "low watermark");
			expectConsumersView(bootstrap, partition);
			expectRefusal(RecordTooLargeException.class,
				producer.send(new ProducerRecord<>(topic, 1, null, new byte[MAX_BYTES + 1000])),
				"a record above max.message.bytes");

			admin.deleteTopics(List.of(topic)).all().get();
			expectRefusal(UnknownTopicOrPartitionException.class,
				admin.deleteTopics(List.of(topic)).all(), "a topic that is gone");
		}
	}

	public static void main(String[] arguments) throws Exception {
		switch (arguments[0]) {
		case "write":
			write(arguments[1], arguments[2], Integer.parseInt(arguments[3]),
				Integer.parseInt(arguments[4]), arguments[5]);
			break;
		case "read":
			read(arguments[1], arguments[2], Integer.parseInt(arguments[3]));
			break;
		case "admin":
			administer(arguments[1], Integer.parseInt(arguments[2]));
			break;
		default:
			throw new IllegalArgumentException(arguments[0]);
		}
	}
}
