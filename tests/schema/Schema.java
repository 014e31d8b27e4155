/*
 * A message schema in the vocabulary of Kafka's message definitions, as both sides of the oracles
 * read it: Kafka's own from the kafka-clients jar, ours from `message_tool dump`.
 *
 * Versions are the effective ones: a field's versions are cut to those of its parent and of the
 * message, what is nullable or tagged to the versions of the field, and a field of no version
 * left is dropped. Two tables that differ only beyond that cannot differ on the wire.
 */
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

final class Schema {
	static final ObjectMapper MAPPER =
			new ObjectMapper().configure(JsonParser.Feature.ALLOW_COMMENTS, true);

	record Versions(int low, int high) {
		static final Versions NONE = new Versions(1, 0);

		static Versions parse(JsonNode node) {
			if (node == null || node.asText().equals("none"))
				return NONE;
			String text = node.asText();
			if (text.endsWith("+"))
				return new Versions(Integer.parseInt(text, 0, text.length() - 1, 10), Short.MAX_VALUE);
			int dash = text.indexOf('-');
			if (dash < 0)
				return new Versions(Integer.parseInt(text), Integer.parseInt(text));
			return new Versions(Integer.parseInt(text, 0, dash, 10),
					Integer.parseInt(text, dash + 1, text.length(), 10));
		}

		Versions cut(Versions other) {
			Versions both = new Versions(Math.max(low, other.low), Math.min(high, other.high));
			return both.low > both.high ? NONE : both;
		}

		boolean has(int version) {
			return version >= low && version <= high;
		}

		boolean isEmpty() {
			return low > high;
		}

		@Override
		public String toString() {
			return isEmpty() ? "none" : low == high ? "" + low : low + "-" + high;
		}
	}

	/* The type of an element is "struct" for structs: C's struct names are not Kafka's. */
	record Field(String name, String element, boolean array, Versions versions, Versions nullable,
			Versions tagged, int tag, Versions flexible, String preset, boolean ignorable,
			List<Field> fields) {
		/* What must be equal, in words for a difference. */
		Map<String, String> attributes() {
			Map<String, String> map = new LinkedHashMap<>();
			map.put("name", name);
			map.put("type", (array ? "[]" : "") + element);
			map.put("versions", versions.toString());
			map.put("nullableVersions", nullable.toString());
			map.put("taggedVersions", tagged.toString());
			map.put("tag", tag < 0 ? "none" : "" + tag);
			map.put("flexibleVersions", flexible.toString());
			map.put("default", preset);
			map.put("ignorable", "" + ignorable);
			return map;
		}

		int count() {
			return 1 + fields.stream().mapToInt(Field::count).sum();
		}
	}

	final String name; /* ProduceRequest */
	final int apiKey;
	final Versions valid, flexible;
	final List<Field> fields;

	private final Map<String, JsonNode> commonStructs = new HashMap<>();

	Schema(JsonNode root) {
		name = root.get("name").asText();
		apiKey = root.path("apiKey").asInt(-1); /* headers have none */
		valid = Versions.parse(root.get("validVersions"));
		flexible = Versions.parse(root.get("flexibleVersions")).cut(valid);
		if (root.has("commonStructs"))
			for (JsonNode struct : root.get("commonStructs"))
				commonStructs.put(struct.get("name").asText(), struct.get("fields"));
		fields = parseFields(root.get("fields"), valid);
	}

	/* The schema that Kafka carries for a message, or null. */
	static Schema ofKafka(String name) throws IOException {
		JsonNode root = kafkaJson(name);
		return root == null ? null : new Schema(root);
	}

	static JsonNode kafkaJson(String name) throws IOException {
		String path = "/common/message/" + name + ".json";
		try (InputStream in = Schema.class.getResourceAsStream(path)) {
			return in == null ? null : MAPPER.readTree(in);
		}
	}

	int count() {
		return fields.stream().mapToInt(Field::count).sum();
	}

	private List<Field> parseFields(JsonNode nodes, Versions parent) {
		List<Field> list = new ArrayList<>();
		for (JsonNode node : nodes) {
			Field field = parseField(node, parent);
			if (!field.versions.isEmpty())
				list.add(field);
		}
		return list;
	}

	private Field parseField(JsonNode node, Versions parent) {
		String type = node.get("type").asText();
		boolean array = type.startsWith("[]");
		String element = array ? type.substring(2) : type;
		Versions versions = Versions.parse(node.get("versions")).cut(parent);
		JsonNode inner = node.has("fields") ? node.get("fields") : commonStructs.get(element);
		Versions nullable = Versions.parse(node.get("nullableVersions")).cut(versions);
		return new Field(lowerFirst(node.get("name").asText()), inner == null ? element : "struct",
				array, versions, nullable,
				Versions.parse(node.get("taggedVersions")).cut(versions),
				node.has("tag") ? node.get("tag").asInt() : -1,
				node.has("flexibleVersions") ? Versions.parse(node.get("flexibleVersions")) : flexible,
				preset(array || inner != null ? "" : element, node.get("default")),
				node.path("ignorable").asBoolean(false),
				inner == null ? List.of() : parseFields(inner, versions));
	}

	/* Kafka's JSON writes the member the same way whether the schema says TimeoutMs or timeoutMs. */
	private static String lowerFirst(String name) {
		return Character.toLowerCase(name.charAt(0)) + name.substring(1);
	}

	private static String preset(String type, JsonNode node) {
		String text = node == null ? "" : node.isNull() ? "null" : node.asText();
		switch (type) {
		case "bool":
			return text.isEmpty() ? "false" : text;
		case "int8": case "int16": case "uint16": case "int32": case "uint32": case "int64":
			if (text.isEmpty())
				return "0";
			return text.matches("-?(0x)?[0-9a-fA-F]+") ? Long.decode(text).toString() : text;
		default:
			return text;
		}
	}
}
