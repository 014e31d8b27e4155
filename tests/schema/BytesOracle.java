/*
 * The byte oracle: Kafka's own serialiser against ours, for random messages of every listed API at
 * every version, in three directions.
 *
 *   ours to Java   our random message as JSON, read and serialised by Java: our bytes
 *   and back       our bytes, parsed by Java: serialised again the same, and its JSON is ours
 *   Java to ours   Java's random message (made from Kafka's schema, not from our tables), decoded
 *                  and encoded by `message_tool decode`: Java's bytes, and its JSON is Java's
 *
 * Kafka's JSON converters read the bytes of a records field but write an empty one in its place
 * (KIP-673 keeps records out of logs), so after a write the true bytes are put back from the
 * parsed message; otherwise both JSON trees are used as they are. Records are opaque here.
 *
 *     java BytesOracle MESSAGE_TOOL SEED COUNT
 */
import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.lang.reflect.InvocationTargetException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageUtil;

final class BytesOracle {
	private static final int SHOWN_FAILURES = 10;
	private static final int ANSWER_TIMEOUT_S = 30;
	private static final String NO_BYTES = "-"; /* how message_tool writes an empty body */
	private static final HexFormat HEX = HexFormat.of();

	/* One message at one version: what is known of it and how often it was right. */
	private static final class Tally {
		final KafkaMessage message;
		final int version;
		int fromUs, fromJava;

		Tally(KafkaMessage message, int version) {
			this.message = message;
			this.version = version;
		}
	}

	private record Line(Tally tally, String text, JsonNode json) {
	}

	private final String tool;
	private final long seed;
	private final int count;
	private final Map<String, KafkaMessage> messages = new TreeMap<>();
	private final Map<String, Tally> tallies = new TreeMap<>();
	private int failures;

	private BytesOracle(String[] args) {
		tool = args[0];
		seed = Long.parseLong(args[1]);
		count = Integer.parseInt(args[2]);
	}

	public static void main(String[] args) throws Exception {
		BytesOracle oracle = new BytesOracle(args);
		oracle.checkOurs();
		oracle.checkJavas();
		oracle.checkCoverage();
		oracle.report();
		System.exit(oracle.failures == 0 ? 0 : 1);
	}

	private void fail(String what) {
		failures++;
		if (failures <= SHOWN_FAILURES)
			System.out.println(what);
		if (failures == SHOWN_FAILURES)
			System.out.println("(more failures are counted, not shown)");
	}

	private Tally tally(String api, String direction, int version) throws Exception {
		String name = api + (direction.equals("request") ? "Request" : "Response");
		Tally known = tallies.get(name + " " + version);
		if (known != null)
			return known;
		KafkaMessage message = messages.get(name);
		if (message == null)
			messages.put(name, message = new KafkaMessage(name));
		Tally tally = new Tally(message, version);
		tallies.put(name + " " + version, tally);
		return tally;
	}

	/* ---- ours to Java, and back ---- */

	private void checkOurs() throws Exception {
		Process process = new ProcessBuilder(tool, "random", "" + seed, "" + count)
				.redirectError(ProcessBuilder.Redirect.INHERIT).start();
		try (BufferedReader lines = reader(process)) {
			for (String line; (line = lines.readLine()) != null;)
				checkOurLine(line);
		}
		if (process.waitFor() != 0)
			fail("message_tool random: status " + process.exitValue());
	}

	private void checkOurLine(String text) throws Exception {
		String[] parts = text.split(" ", 5);
		if (parts.length != 5)
			throw new IOException("not a line of message_tool random: " + text);
		Tally tally = tally(parts[0], parts[1], Integer.parseInt(parts[2]));
		String hex = parts[3].equals(NO_BYTES) ? "" : parts[3];
		JsonNode json = Schema.MAPPER.readTree(parts[4]);
		String problem = ourProblem(tally, hex, json);
		if (problem == null && tally.fromUs == 0)
			problem = selfCheckProblem(tally, hex, json);
		if (problem == null)
			tally.fromUs++;
		else
			fail(problem + "\n  " + text);
	}

	/* What is wrong with our bytes and our JSON, or null if nothing is. */
	private static String ourProblem(Tally tally, String hex, JsonNode json) throws Exception {
		try {
			String java = bytes(tally.message.fromJson(json, tally.version), tally.version);
			return java.equals(hex) ? parseProblem(tally, hex, json)
					: "Java serialises our JSON to " + java;
		} catch (InvocationTargetException e) {
			return "Java refuses our JSON: " + e.getCause();
		}
	}

	private static String parseProblem(Tally tally, String hex, JsonNode json) throws Exception {
		try {
			ApiMessage parsed = tally.message.parse(HEX.parseHex(hex), tally.version);
			String again = bytes(parsed, tally.version);
			if (!again.equals(hex))
				return "Java parses our bytes and serialises " + again;
			JsonNode read = tally.message.toJson(parsed, tally.version);
			return same(json, read) ? null : "Java reads our bytes as " + read;
		} catch (InvocationTargetException e) {
			return "Java cannot write our message: " + e.getCause();
		} catch (RuntimeException e) {
			return "Java refuses our bytes: " + e;
		}
	}

	/* A wrong last byte must be noticed, by the comparison of bytes and by that of values. */
	private static String selfCheckProblem(Tally tally, String hex, JsonNode json)
			throws Exception {
		if (hex.isEmpty())
			return null;
		byte[] bytes = HEX.parseHex(hex);
		bytes[bytes.length - 1] ^= 1;
		String wrong = HEX.formatHex(bytes);
		return ourProblem(tally, wrong, json) == null || parseProblem(tally, wrong, json) == null
				? "self-check: a wrong byte went unnoticed" : null;
	}

	/* ---- Java to ours ---- */

	private void checkJavas() throws Exception {
		Process process = new ProcessBuilder(tool, "decode")
				.redirectError(ProcessBuilder.Redirect.INHERIT).start();
		/* Bounded by the pipes: the writer stops when message_tool does not read on. */
		BlockingQueue<Line> sent = new LinkedBlockingQueue<>();
		List<Tally> list = new ArrayList<>(tallies.values());
		Exception[] problem = new Exception[1];
		Thread writer = new Thread(() -> {
			try (Writer out = new OutputStreamWriter(process.getOutputStream(),
					StandardCharsets.US_ASCII)) {
				send(list, sent, out);
			} catch (Exception e) {
				problem[0] = e;
			}
		});
		writer.setDaemon(true);
		writer.start();
		try (BufferedReader lines = reader(process)) {
			for (String line; (line = lines.readLine()) != null;)
				checkJavasLine(sent.poll(ANSWER_TIMEOUT_S, TimeUnit.SECONDS), line);
		}
		writer.join();
		if (problem[0] != null)
			fail("generating in Java: " + problem[0]);
		if (process.waitFor() != 0)
			fail("message_tool decode: status " + process.exitValue());
	}

	private void send(List<Tally> list, BlockingQueue<Line> sent, Writer out) throws Exception {
		for (Tally tally : list) {
			KafkaMessage message = tally.message;
			RandomMessage random = new RandomMessage(seed + tally.version);
			String api = message.name.replaceAll("(Request|Response)$", "");
			String direction = message.name.substring(api.length()).toLowerCase();
			for (int i = 0; i < count; i++) {
				JsonNode json = random.message(message.schema, tally.version);
				ApiMessage made = message.fromJson(json, tally.version);
				String hex = bytes(made, tally.version);
				Line line = new Line(tally, api + " " + direction + " " + tally.version + " "
						+ (hex.isEmpty() ? NO_BYTES : hex), message.toJson(made, tally.version));
				sent.put(line);
				out.write(line.text + "\n");
			}
		}
	}

	private void checkJavasLine(Line sent, String answer) throws IOException {
		if (sent == null)
			throw new IOException("message_tool decode said more than it was asked: " + answer);
		if (!answer.startsWith(sent.text + " "))
			fail("Java's bytes\n  " + sent.text + " " + sent.json + "\nbecame\n  " + answer);
		else if (!same(Schema.MAPPER.readTree(answer.substring(sent.text.length())), sent.json))
			fail("Java's bytes\n  " + sent.text + " " + sent.json + "\nare read as\n  " + answer);
		else
			sent.tally.fromJava++;
	}

	/* ---- common ---- */

	private static BufferedReader reader(Process process) {
		return new BufferedReader(new InputStreamReader(process.getInputStream(),
				StandardCharsets.UTF_8), 1 << 16);
	}

	private static String bytes(ApiMessage message, int version) {
		ByteBuffer buffer = MessageUtil.toByteBufferAccessor(message, (short) version).buffer();
		return HEX.formatHex(Arrays.copyOf(buffer.array(), buffer.limit()));
	}

	/* Java's tree has binary nodes and narrow integers where a parsed text has text and int. */
	private static boolean same(JsonNode ours, JsonNode javas) {
		if (javas.isObject() || javas.isArray()) {
			if (ours.getNodeType() != javas.getNodeType() || ours.size() != javas.size())
				return false;
			if (javas.isArray()) {
				for (int i = 0; i < javas.size(); i++)
					if (!same(ours.get(i), javas.get(i)))
						return false;
				return true;
			}
			for (Map.Entry<String, JsonNode> entry : javas.properties()) {
				JsonNode member = ours.get(entry.getKey());
				if (member == null || !same(member, entry.getValue()))
					return false;
			}
			return true;
		}
		if (javas.isIntegralNumber())
			return ours.isIntegralNumber() && ours.longValue() == javas.longValue();
		if (javas.isBinary())
			return ours.isTextual() && ours.asText().equals(javas.asText());
		return ours.equals(javas);
	}

	private void checkCoverage() {
		for (KafkaMessage message : messages.values())
			for (int v = message.schema.valid.low(); v <= message.schema.valid.high(); v++)
				if (!tallies.containsKey(message.name + " " + v))
					fail(message.name + ": no instance of version " + v);
		for (Map.Entry<String, Tally> entry : tallies.entrySet())
			if (failures == 0 && Math.min(entry.getValue().fromUs, entry.getValue().fromJava) < count)
				fail(entry.getKey() + ": only " + entry.getValue().fromUs + " and "
						+ entry.getValue().fromJava + " instances");
		if (messages.isEmpty())
			fail("no messages at all");
	}

	private void report() {
		long total = 0;
		for (KafkaMessage message : messages.values()) {
			int ours = 0, javas = 0;
			for (Tally tally : tallies.values())
				if (tally.message == message) {
					ours += tally.fromUs;
					javas += tally.fromJava;
				}
			total += ours + javas;
			System.out.printf("# %s %s: %d of our messages, %d of Java's, identical%n",
					message.name, message.schema.valid, ours, javas);
		}
		System.out.printf("# %d messages at %d versions, %d instances, %d failures%n",
				messages.size(), tallies.size(), total, failures);
	}
}
