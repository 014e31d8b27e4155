/*
 * Asks a broker questions that are written as JSON and prints what it answers, for comparing two
 * brokers. Each line of the standard input is one of
 *
 *   Api VERSION JSON     in the words of Kafka's message schemas; fields of the outermost level that
 *                        are left out have their defaults, "id:NAME" stands for the id that the topic
 *                        of that name had in an earlier answer
 *   @Api VERSION JSON    the same, and the answer is not printed
 *   wait MS              for what a broker does later
 *   # ...                is printed as it is
 *
 * and each answer a line "Api VERSION JSON", or "Api VERSION closed".
 *
 * What no two clusters have in common is replaced, unless --raw is given: ids, names of clusters and
 * hosts, ports, where replicas lie (how many there are stays). Lists without an order are sorted, and
 * min.insync.replicas is left out: a quorum with KIP-966 sets it for all its brokers. A version that
 * Kafka's clients do not know is sent with an empty body behind the newest header (KIP-511).
 *
 *     java Ask.java [--raw] HOST:PORT <QUESTIONS
 */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

final class Ask {
	private static final ObjectMapper MAPPER = new ObjectMapper();
	private static final int TIMEOUT_MS = 30000;
	private static final String NO_ID = "AAAAAAAAAAAAAAAAAAAAAA";
	private static final Set<String> UNORDERED = Set.of("topics", "responses", "results",
			"partitions", "configs", "brokers", "apiKeys");

	private final String host;
	private final int port;
	private final boolean raw;
	private final Map<String, String> ids = new HashMap<>();
	private Socket socket;
	private int correlation;

	private Ask(String address, boolean raw) {
		int colon = address.lastIndexOf(':');
		host = address.substring(0, colon);
		port = Integer.parseInt(address.substring(colon + 1));
		this.raw = raw;
	}

	public static void main(String[] args) throws Exception {
		boolean raw = args[0].equals("--raw");
		Ask ask = new Ask(args[raw ? 1 : 0], raw);
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
		for (String line; (line = in.readLine()) != null; )
			if (line.isBlank() || line.startsWith("#"))
				System.out.println(line);
			else if (line.startsWith("wait "))
				Thread.sleep(Long.parseLong(line.substring(5)));
			else if (line.startsWith("@"))
				ask.line(line.substring(1));
			else
				System.out.println(ask.line(line));
	}

	private String line(String line) throws Exception {
		String[] words = line.trim().split("\\s+", 3);
		ApiKeys api = ApiKeys.valueOf(words[0].replaceAll("([a-z])([A-Z])", "$1_$2").toUpperCase());
		short version = Short.parseShort(words[1]);
		try {
			return words[0] + " " + version + " " + answer(api, words[0], version,
					words.length > 2 ? words[2] : "{}");
		} catch (EOFException | SocketException closed) {
			socket = null;
			return words[0] + " " + version + " closed";
		}
	}

	private JsonNode answer(ApiKeys api, String name, short version, String json) throws Exception {
		boolean known = version <= api.latestVersion(true);
		short requestHeader = api.requestHeaderVersion(known ? version : api.latestVersion(true));
		ApiMessage header = new RequestHeaderData().setRequestApiKey(api.id)
				.setRequestApiVersion(version).setCorrelationId(++correlation).setClientId("ask");
		ByteBuffer request = bytes(header, requestHeader);
		ByteBuffer body = known ? question(name, version, json) : ByteBuffer.allocate(0);
		ByteBuffer frame = ByteBuffer.allocate(4 + request.remaining() + body.remaining());
		frame.putInt(frame.capacity() - 4).put(request).put(body);
		ByteBuffer response = exchange(frame.array());
		short answered = known ? version : 0;
		if (response.getInt() != correlation)
			throw new IOException("an answer to another question");
		if (api.responseHeaderVersion(answered) > 0)
			response.get(); /* no tagged fields are defined */
		if (api == ApiKeys.API_VERSIONS && response.getShort(response.position()) == 35)
			answered = 0;
		Class<?> type = Class.forName("org.apache.kafka.common.message." + name + "ResponseData");
		ApiMessage message = (ApiMessage) type.getConstructor().newInstance();
		message.read(new ByteBufferAccessor(response), answered);
		if (response.hasRemaining())
			throw new IOException(response.remaining() + " bytes left over");
		JsonNode said = (JsonNode) Class.forName(type.getName() + "JsonConverter")
				.getMethod("write", type, short.class).invoke(null, message, answered);
		remember(said);
		return raw ? said : normalised(said);
	}

	private ByteBuffer question(String name, short version, String json) throws Exception {
		Class<?> type = Class.forName("org.apache.kafka.common.message." + name + "RequestData");
		Class<?> converter = Class.forName(type.getName() + "JsonConverter");
		ObjectNode whole = (ObjectNode) converter.getMethod("write", type, short.class)
				.invoke(null, type.getConstructor().newInstance(), version);
		whole.setAll((ObjectNode) withIds(MAPPER.readTree(json)));
		ApiMessage message = (ApiMessage) converter.getMethod("read", JsonNode.class, short.class)
				.invoke(null, whole, version);
		return bytes(message, version);
	}

	private static ByteBuffer bytes(ApiMessage message, short version) {
		ObjectSerializationCache cache = new ObjectSerializationCache();
		ByteBuffer bytes = ByteBuffer.allocate(message.size(cache, version));
		message.write(new ByteBufferAccessor(bytes), cache, version);
		return bytes.flip();
	}

	private ByteBuffer exchange(byte[] frame) throws IOException {
		if (socket == null) {
			socket = new Socket(host, port);
			socket.setSoTimeout(TIMEOUT_MS);
			socket.setTcpNoDelay(true);
		}
		OutputStream out = socket.getOutputStream();
		out.write(frame);
		DataInputStream in = new DataInputStream(socket.getInputStream());
		byte[] answer = new byte[in.readInt()];
		in.readFully(answer);
		return ByteBuffer.wrap(answer);
	}

	/* ---- ids of topics ---- */

	private JsonNode withIds(JsonNode node) {
		if (node.isTextual() && node.asText().startsWith("id:"))
			return TextNode.valueOf(ids.getOrDefault(node.asText().substring(3), NO_ID));
		if (node.isArray())
			for (int i = 0; i < node.size(); i++)
				((ArrayNode) node).set(i, withIds(node.get(i)));
		else if (node.isObject())
			for (Iterator<String> i = node.fieldNames(); i.hasNext(); ) {
				String field = i.next();
				((ObjectNode) node).replace(field, withIds(node.get(field)));
			}
		return node;
	}

	private void remember(JsonNode node) {
		if (node.hasNonNull("name") && node.has("topicId"))
			ids.put(node.get("name").asText(), node.get("topicId").asText());
		for (JsonNode child : node)
			remember(child);
	}

	/* ---- what two clusters have in common ---- */

	private JsonNode normalised(JsonNode node) {
		if (node.isArray())
			for (int i = 0; i < node.size(); i++)
				((ArrayNode) node).set(i, normalised(node.get(i)));
		else if (node.isObject())
			for (Iterator<String> i = node.fieldNames(); i.hasNext(); ) {
				String field = i.next();
				((ObjectNode) node).replace(field, normalisedField(field, node.get(field)));
			}
		return node;
	}

	private JsonNode normalisedField(String field, JsonNode value) {
		switch (field) {
		case "topicId":
			return TextNode.valueOf(value.asText().equals(NO_ID) ? "none" : "some");
		case "clusterId":
		case "host":
		case "port":
		case "documentation":
			return value.isNull() ? value : TextNode.valueOf("some");
		case "controllerId":
		case "leaderId":
		case "producerId":
		case "brokerId":
		case "nodeId":
			return value.asLong() < 0 ? value : TextNode.valueOf("some");
		case "replicaNodes":
		case "isrNodes":
			return IntNode.valueOf(value.size());
		default:
			JsonNode inside = normalised(value);
			return inside.isArray() && UNORDERED.contains(field) ? sorted(inside) : inside;
		}
	}

	private static ArrayNode sorted(JsonNode array) {
		List<JsonNode> items = new ArrayList<>();
		for (JsonNode item : array)
			if (!item.path("name").asText().equals("min.insync.replicas"))
				items.add(item);
		items.sort(Comparator.comparing(JsonNode::toString));
		return MAPPER.createArrayNode().addAll(items);
	}
}
