import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.zip.Deflater;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Reads topics that harrow wrote with Kafka's own consumer, checksums on, and holds every record
 * against what was asked for. Usage: ConsumerCheck BOOTSTRAP < EXPECTATIONS, one topic per line:
 *
 *   TOPIC records=N size=BYTES|lines payload=random|text|zeros|FILE [producers=N] [partitions=N]
 *         [key=none|sequence|random:N] [headers=NxSIZE] [skew=hot:P=SHARE|zipf:S]
 *         [rate=R arrivals=constant|poisson]
 *
 * Prints one line per topic and ends with status 1 if any is not as expected. The layout of stamps
 * is the one of src/load/stamp.h.
 */
public class ConsumerCheck {
	static final int MAGIC = 0x48525731;
	static final int STAMP = 32, SHORT_STAMP = 8;
	static final int KEY_SIZE = 16;
	static final int SAMPLE = 256 * 1024; // bytes of payload that are compressed to judge them
	static final int DISTINCT = 5000;     // payloads of a topic that must differ from each other

	static class Unexpected extends Exception {
		private static final long serialVersionUID = 1;
		Unexpected(String format, Object... arguments) {
			super(String.format(format, arguments));
		}
	}

	static void expect(boolean good, String format, Object... arguments) throws Unexpected {
		if (!good)
			throw new Unexpected(format, arguments);
	}

	/** What one line of the expectations says, and what was seen so far. */
	static class Topic {
		final String name;
		final Map<String, String> wanted = new HashMap<>();
		final int partitions, producers;
		final List<byte[]> lines = new ArrayList<>();
		byte[] file;
		final long[][] next; // [partition][producer]: the sequence that comes next
		final long[][] lastTimestamp;
		final long[] counts;
		final List<Long> times = new ArrayList<>();
		final Set<Long> keys = new HashSet<>();
		final Set<ByteBuffer> payloads = new HashSet<>();
		final byte[] sample = new byte[SAMPLE];
		int sampled;
		long count, runId;

		Topic(String line) throws Exception {
			String[] words = line.split(" ");
			name = words[0];
			for (int i = 1; i < words.length; i++) {
				int at = words[i].indexOf('=');
				wanted.put(words[i].substring(0, at), words[i].substring(at + 1));
			}
			partitions = Integer.parseInt(get("partitions", "12"));
			producers = Integer.parseInt(get("producers", "1"));
			next = new long[partitions][producers];
			counts = new long[partitions];
			lastTimestamp = new long[partitions][producers];
			if (get("payload", "").startsWith("/"))
				linesRead(Path.of(get("payload", "")));
		}

		String get(String name, String otherwise) {
			return wanted.getOrDefault(name, otherwise);
		}

		void linesRead(Path path) throws Exception {
			file = Files.readAllBytes(path);
			int start = 0;
			for (int i = 0; i < file.length; i++) {
				if (file[i] != '\n')
					continue;
				lines.add(Arrays.copyOfRange(file, start, i));
				start = i + 1;
			}
		}

		// ---- one record ----

		void take(ConsumerRecord<byte[], byte[]> r) throws Unexpected {
			byte[] value = r.value();
			String size = get("size", "");
			expect(value != null, "a value is null");
			expect(size.equals("lines") || value.length == Integer.parseInt(size),
				"a value has %d bytes, not %s", value.length, size);
			expect(r.timestampType() == TimestampType.CREATE_TIME, "timestamps are not ours");
			long sequence = stampCheck(r, ByteBuffer.wrap(value));
			keyCheck(r.key(), sequence);
			headersCheck(r.headers().toArray());
			count++;
			counts[r.partition()]++;
		}

		long stampCheck(ConsumerRecord<byte[], byte[]> r, ByteBuffer value) throws Unexpected {
			int producer;
			long sequence;
			if (value.remaining() < STAMP) {
				producer = value.getShort() & 0xffff;
				sequence = (value.getShort() & 0xffffL) << 32 | value.getInt() & 0xffffffffL;
			} else {
				int magic = value.getInt();
				expect(magic == MAGIC, "a stamp begins with %08x", magic);
				producer = value.getInt();
				long id = value.getLong();
				expect(count == 0 || id == runId, "two run ids: %x and %x", runId, id);
				runId = id;
				sequence = value.getLong();
				long wallNs = value.getLong();
				times.add(wallNs);
				expect(r.timestamp() == wallNs / 1_000_000, "timestamp %d ms, stamped %d ns",
					r.timestamp(), wallNs);
			}
			expect(producer >= 0 && producer < producers, "a stamp names producer %d", producer);
			expect(sequence == next[r.partition()][producer],
				"partition %d, producer %d, offset %d: sequence %d where %d comes next",
				r.partition(), producer, r.offset(), sequence, next[r.partition()][producer]);
			next[r.partition()][producer]++;
			expect(r.timestamp() >= lastTimestamp[r.partition()][producer],
				"timestamps go back in partition %d", r.partition());
			lastTimestamp[r.partition()][producer] = r.timestamp();
			payloadTake(value, producer, r.partition(), sequence);
			return sequence;
		}

		void payloadTake(ByteBuffer payload, int producer, int partition, long sequence)
			throws Unexpected {
			int some = Math.min(payload.remaining(), SAMPLE - sampled);
			payload.duplicate().get(sample, sampled, some);
			sampled += some;
			switch (get("payload", "")) {
			case "zeros":
				while (payload.hasRemaining())
					expect(payload.get() == 0, "a byte of zeros is not");
				break;
			case "random":
				if (payload.remaining() >= 16 && payloads.size() < DISTINCT)
					expect(payloads.add(ByteBuffer.wrap(Arrays.copyOfRange(payload.array(),
						payload.position(), payload.limit()))), "a payload comes twice");
				break;
			case "text":
				while (payload.hasRemaining()) {
					byte b = payload.get();
					expect(b == '\n' || b >= ' ' && b < 127, "a byte of text is %d", b);
				}
				break;
			default:
				lineCheck(payload, producer, partition, sequence);
			}
		}

		/** Each producer goes through the file once per partition, from a place of its own. */
		void lineCheck(ByteBuffer payload, int producer, int partition, long sequence)
			throws Unexpected {
			long stream = (long)producer * partitions + partition;
			long first = stream * lines.size() / ((long)producers * partitions);
			int index = (int)((first + sequence) % lines.size());
			byte[] expected = lines.get(index);
			if (!get("size", "").equals("lines")) {
				int at = 0;
				for (int i = 0; i < index; i++)
					at += lines.get(i).length + 1;
				expected = new byte[payload.remaining()];
				for (int i = 0; i < expected.length; i++)
					expected[i] = file[(at + i) % file.length];
			}
			expect(payload.equals(ByteBuffer.wrap(expected)), "partition %d, sequence %d: not line %d",
				partition, sequence, index + 1);
		}

		void keyCheck(byte[] key, long sequence) throws Unexpected {
			String kind = get("key", "none");
			if (kind.equals("none")) {
				expect(key == null, "a key that nobody asked for");
				return;
			}
			expect(key != null && key.length == KEY_SIZE, "a key is not of %d bytes", KEY_SIZE);
			long number = Long.parseLong(new String(key, StandardCharsets.US_ASCII));
			if (kind.equals("sequence"))
				expect(number == sequence, "key %d of sequence %d", number, sequence);
			keys.add(number);
		}

		void headersCheck(Header[] headers) throws Unexpected {
			String[] form = get("headers", "0x0").split("x");
			int wantedCount = Integer.parseInt(form[0]), wantedSize = Integer.parseInt(form[1]);
			expect(headers.length == wantedCount, "%d headers, not %d", headers.length, wantedCount);
			for (int i = 0; i < headers.length; i++) {
				expect(headers[i].key().equals(String.format("h%02d", i)), "a header is called %s",
					headers[i].key());
				expect(headers[i].value().length == wantedSize, "a header of %d bytes",
					headers[i].value().length);
				expect(i == 0 || !Arrays.equals(headers[i].value(), headers[i - 1].value()),
					"two headers are alike");
			}
		}

		// ---- all records ----

		String finish() throws Unexpected {
			long wantedCount = Long.parseLong(get("records", "-1"));
			expect(count == wantedCount, "%d records, not %d", count, wantedCount);
			StringBuilder says = new StringBuilder(count + " records");
			compressionCheck(says);
			if (get("key", "none").startsWith("random:")) {
				long distinct = Long.parseLong(get("key", "").substring(7));
				expect(keys.size() == distinct && keys.stream().allMatch(k -> k >= 0 && k < distinct),
					"%d different keys, not %d", keys.size(), distinct);
				says.append(", ").append(distinct).append(" keys");
			}
			sharesCheck(says);
			if (get("rate", null) != null) {
				times.sort(null);
				if (get("arrivals", "constant").equals("constant"))
					constantCheck(says);
				else
					poissonCheck(says);
			}
			return says.toString();
		}

		void compressionCheck(StringBuilder says) throws Unexpected {
			if (sampled < SAMPLE)
				return;
			Deflater deflater = new Deflater();
			deflater.setInput(sample);
			deflater.finish();
			byte[] out = new byte[2 * SAMPLE];
			int size = 0;
			while (!deflater.finished())
				size += deflater.deflate(out);
			deflater.end();
			double ratio = (double)SAMPLE / size;
			String kind = get("payload", "");
			if (kind.equals("random"))
				expect(ratio < 1.02, "random bytes compress %.2f:1", ratio);
			if (kind.equals("text"))
				expect(ratio > 2.5 && ratio < 5, "text compresses %.2f:1", ratio);
			says.append(String.format(", payload %.2f:1", ratio));
		}

		double weight(int partition) {
			String skew = get("skew", "uniform");
			if (skew.startsWith("zipf:"))
				return Math.pow(partition + 1.0, -Double.parseDouble(skew.substring(5)));
			if (skew.startsWith("hot:")) {
				String[] hot = skew.substring(4).split("=");
				double share = Double.parseDouble(hot[1]);
				return partition == Integer.parseInt(hot[0]) ? share : (1 - share) / (partitions - 1);
			}
			return 1;
		}

		/** Streams are rounded one by one: within a record or two of the share for each producer. */
		void sharesCheck(StringBuilder says) throws Unexpected {
			double total = 0;
			for (int i = 0; i < partitions; i++)
				total += weight(i);
			boolean random = get("arrivals", "constant").equals("poisson");
			for (int i = 0; i < partitions; i++) {
				double share = count * weight(i) / total;
				double off = random ? 5 * Math.sqrt(share) : 2 * producers;
				expect(Math.abs(counts[i] - share) <= off, "partition %d has %d records, not %.1f",
					i, counts[i], share);
			}
			if (get("skew", null) != null)
				says.append(", by partition ").append(Arrays.toString(counts));
		}

		/** t_k = t_0 + floor(k / rate) over all partitions and producers, to the nanosecond. */
		void constantCheck(StringBuilder says) throws Unexpected {
			long rate = Long.parseLong(get("rate", "")), start = times.get(0);
			if (get("skew", null) == null)
				for (int k = 0; k < times.size(); k++)
					expect(times.get(k) - start == k * 1_000_000_000L / rate,
						"record %d is %d ns after the first one", k, times.get(k) - start);
			double seconds = (times.get(times.size() - 1) - start) / 1e9;
			expect(Math.abs((times.size() - 1) / seconds / rate - 1) < 0.01, "%.1f records a second",
				(times.size() - 1) / seconds);
			says.append(", at ").append(rate).append("/s");
		}

		/** Gaps of a Poisson process: mean 1/rate, variance 1/rate^2, 63.2 % below the mean. */
		void poissonCheck(StringBuilder says) throws Unexpected {
			double wantedMean = 1e9 / Double.parseDouble(get("rate", ""));
			int n = times.size() - 1, below = 0;
			double mean = (times.get(n) - times.get(0)) / (double)n, squares = 0;
			for (int i = 0; i < n; i++) {
				double gap = times.get(i + 1) - times.get(i);
				squares += (gap - mean) * (gap - mean);
				below += gap < mean ? 1 : 0;
			}
			double spread = squares / n / (mean * mean), part = (double)below / n;
			double error = 1 / Math.sqrt(n);
			expect(Math.abs(mean / wantedMean - 1) < 5 * error, "the mean gap is %.0f ns", mean);
			expect(Math.abs(spread - 1) < 5 * Math.sqrt(8) * error,
				"the gaps' variance is %.3f of the mean's square", spread);
			expect(Math.abs(part - (1 - Math.exp(-1))) < 5 * 0.49 * error,
				"%.1f %% of the gaps are below their mean", part * 100);
			says.append(String.format(", gaps: mean %.0f ns, variance %.3f of its square", mean, spread));
		}
	}

	// ---- reading ----

	static KafkaConsumer<byte[], byte[]> consumerOpen(String bootstrap) {
		Properties p = new Properties();
		p.put("bootstrap.servers", bootstrap);
		p.put("check.crcs", "true");
		p.put("enable.auto.commit", "false");
		p.put("max.poll.records", "20000");
		p.put("fetch.max.bytes", Integer.toString(16 << 20));
		p.put("receive.buffer.bytes", Integer.toString(1 << 20));
		return new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer());
	}

	static String check(KafkaConsumer<byte[], byte[]> consumer, Topic topic) throws Unexpected {
		List<TopicPartition> partitions = new ArrayList<>();
		consumer.partitionsFor(topic.name).forEach(
			p -> partitions.add(new TopicPartition(topic.name, p.partition())));
		expect(partitions.size() == topic.partitions, "%d partitions", partitions.size());
		Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
		consumer.assign(partitions);
		consumer.seekToBeginning(partitions);
		long deadline = System.nanoTime() + 60_000_000_000L;
		while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
			expect(System.nanoTime() < deadline, "after a minute only %d records", topic.count);
			ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(500));
			for (ConsumerRecord<byte[], byte[]> r : records)
				topic.take(r);
		}
		return topic.finish();
	}

	public static void main(String[] arguments) throws Exception {
		boolean good = true;
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
		try (KafkaConsumer<byte[], byte[]> consumer = consumerOpen(arguments[0])) {
			for (String line; (line = in.readLine()) != null;) {
				Topic topic = new Topic(line);
				try {
					System.out.println("# " + topic.name + ": " + check(consumer, topic));
				} catch (Unexpected e) {
					System.out.println("FAILED: " + topic.name + ": " + e.getMessage());
					good = false;
				}
			}
		}
		System.exit(good ? 0 : 1);
	}
}
