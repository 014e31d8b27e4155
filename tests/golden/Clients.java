/*
 * What a Java application does to a cluster, for golden frames: topics, configurations, plain and
 * idempotent and transactional producers, a group of static and dynamic members, offsets. It uses
 * only what the Java clients of 2.8.1 to 4.3.1 have in common.
 *
 *     java Clients.java HOST:PORT [GROUP_PROTOCOL]
 */
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

final class Clients {
	private static final String TOPIC = "golden", OTHER = "golden-other";
	private static final TopicPartition PARTITION = new TopicPartition(TOPIC, 0);
	private static final int RECORDS = 20;

	private static String bootstrap;

	public static void main(String[] args) throws Exception {
		bootstrap = args[0];
		try (Admin admin = Admin.create(properties("admin"))) {
			prepare(admin);
			produce(Map.of("acks", "1", "enable.idempotence", "false"));
			produce(Map.of("acks", "all", "enable.idempotence", "true", "compression.type", "lz4"));
			produce(Map.of("acks", "0", "enable.idempotence", "false"));
			produceInTransaction();
			consume("dynamic", Map.of());
			consume("static", Map.of("group.instance.id", "instance-1"));
			if (args.length > 1)
				consume("next-generation", Map.of("group.protocol", args[1]));
			finish(admin);
		}
	}

	private static Properties properties(String client) {
		Properties properties = new Properties();
		properties.put("bootstrap.servers", bootstrap);
		properties.put("client.id", client);
		return properties;
	}

	private static void prepare(Admin admin) throws Exception {
		admin.describeCluster().nodes().get();
		admin.createTopics(List.of(new NewTopic(TOPIC, 2, (short) 1)
				.configs(Map.of("retention.ms", "3600000")), new NewTopic(OTHER, 1, (short) 1)))
				.all().get();
		admin.createPartitions(Map.of(TOPIC, NewPartitions.increaseTo(3))).all().get();
		try { /* an error with its text */
			admin.createTopics(List.of(new NewTopic(TOPIC, 1, (short) 1))).all().get();
		} catch (java.util.concurrent.ExecutionException expected) {
			System.err.println(expected.getCause().getMessage());
		}
		ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, TOPIC);
		admin.describeConfigs(List.of(topic)).all().get();
		admin.listTopics().names().get();
	}

	private static void produce(Map<String, String> settings) throws Exception {
		Properties properties = properties("producer");
		properties.putAll(settings);
		try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties,
				new StringSerializer(), new StringSerializer())) {
			for (int i = 0; i < RECORDS; i++)
				producer.send(new ProducerRecord<>(TOPIC, i % 3, "key " + i, "value " + i));
			producer.flush();
		}
	}

	private static void produceInTransaction() throws Exception {
		Properties properties = properties("transaction");
		properties.put("transactional.id", "golden-transaction");
		try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties,
				new StringSerializer(), new StringSerializer())) {
			producer.initTransactions();
			producer.beginTransaction();
			ProducerRecord<String, String> record = new ProducerRecord<>(TOPIC, 0, "k", "aborted");
			record.headers().add("header", new byte[] { 1, 2, 3 });
			producer.send(record).get();
			producer.abortTransaction();
			producer.beginTransaction();
			producer.send(new ProducerRecord<>(TOPIC, 0, "k", "committed")).get();
			producer.commitTransaction();
		}
	}

	private static void consume(String group, Map<String, String> settings) {
		Properties properties = properties("consumer");
		properties.put("group.id", group);
		properties.put("auto.offset.reset", "earliest");
		properties.put("enable.auto.commit", "false");
		properties.put("isolation.level", "read_committed");
		if (!settings.containsKey("group.protocol")) { /* the broker's business in the other one */
			properties.put("session.timeout.ms", "6000");
			properties.put("heartbeat.interval.ms", "300");
		}
		properties.putAll(settings);
		try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(properties,
				new StringDeserializer(), new StringDeserializer())) {
			consumer.subscribe(List.of(TOPIC));
			int count = 0;
			for (int i = 0; i < 100 && count < 3 * RECORDS; i++)
				count += consumer.poll(Duration.ofMillis(200)).count();
			consumer.poll(Duration.ofMillis(800)); /* a heartbeat or two */
			consumer.commitSync();
			consumer.committed(Set.of(PARTITION));
			consumer.beginningOffsets(List.of(PARTITION));
			consumer.offsetsForTimes(Map.of(PARTITION, 1L));
		}
	}

	private static void finish(Admin admin) throws Exception {
		admin.listOffsets(Map.of(PARTITION, OffsetSpec.latest())).all().get();
		admin.deleteRecords(Map.of(PARTITION, RecordsToDelete.beforeOffset(1))).all().get();
		admin.listConsumerGroupOffsets("dynamic").partitionsToOffsetAndMetadata().get();
		admin.alterConsumerGroupOffsets("dynamic", Map.of(PARTITION,
				new org.apache.kafka.clients.consumer.OffsetAndMetadata(1, "metadata"))).all().get();
		admin.removeMembersFromConsumerGroup("static", new RemoveMembersFromConsumerGroupOptions(
				Set.of(new MemberToRemove("instance-1")))).all().get();
		admin.deleteTopics(List.of(OTHER)).all().get();
	}
}
