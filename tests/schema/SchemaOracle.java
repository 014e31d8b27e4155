/*
 * The schema oracle: every table that `message_tool dump` prints against the schema of the same
 * name in the kafka-clients jar, field by field, in wire order. Any difference fails, and so does
 * an API that is missing. Then it proves that it can fail: one attribute of one field is changed
 * at a time, for every attribute that it compares, and each change must be reported.
 *
 *     java SchemaOracle MESSAGE_TOOL
 */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

final class SchemaOracle {
	private static final String[] REQUIRED = { "ApiVersions", "Metadata", "DescribeCluster",
			"Produce", "Fetch", "ListOffsets", "InitProducerId", "CreateTopics", "DeleteTopics",
			"CreatePartitions", "DescribeConfigs", "FindCoordinator", "JoinGroup", "SyncGroup",
			"Heartbeat", "LeaveGroup", "OffsetCommit", "OffsetFetch", "DeleteRecords" };
	private static final String[] HEADERS = { "RequestHeader", "ResponseHeader" };

	public static void main(String[] args) throws Exception {
		Map<String, JsonNode> ours = dump(args[0]);
		List<String> differences = new ArrayList<>();
		for (JsonNode table : ours.values())
			compare(table, differences);
		for (String api : REQUIRED)
			for (String kind : new String[] { "Request", "Response" })
				if (!ours.containsKey(api + kind))
					differences.add(api + kind + ": no table");
		for (String header : HEADERS)
			if (!ours.containsKey(header))
				differences.add(header + ": no table");
		report(ours);
		if (differences.isEmpty())
			selfCheck(ours, differences);
		differences.forEach(System.out::println);
		System.exit(differences.isEmpty() ? 0 : 1);
	}

	private static Map<String, JsonNode> dump(String tool) throws Exception {
		Process process = new ProcessBuilder(tool, "dump")
				.redirectError(ProcessBuilder.Redirect.INHERIT).start();
		JsonNode root = Schema.MAPPER.readTree(process.getInputStream());
		if (process.waitFor() != 0)
			throw new IOException("message_tool dump: status " + process.exitValue());
		Map<String, JsonNode> tables = new LinkedHashMap<>();
		for (JsonNode table : root)
			if (tables.put(table.get("name").asText(), table) != null)
				throw new IOException("two tables named " + table.get("name"));
		return tables;
	}

	private static void compare(JsonNode table, List<String> differences) throws IOException {
		Schema ours = new Schema(table);
		Schema kafka = Schema.ofKafka(ours.name);
		if (kafka == null) {
			differences.add(ours.name + ": Kafka has no such message");
			return;
		}
		differ(ours.name, "apiKey", "" + ours.apiKey, "" + kafka.apiKey, differences);
		differ(ours.name, "validVersions", "" + ours.valid, "" + kafka.valid, differences);
		differ(ours.name, "flexibleVersions", "" + ours.flexible, "" + kafka.flexible, differences);
		compareFields(ours.name, ours.fields, kafka.fields, differences);
	}

	private static void compareFields(String path, List<Schema.Field> ours,
			List<Schema.Field> kafka, List<String> differences) {
		for (int i = 0; i < Math.max(ours.size(), kafka.size()); i++) {
			if (i >= ours.size() || i >= kafka.size()) {
				differences.add(path + ": field " + i + " is "
						+ (i < ours.size() ? ours.get(i).name() + ", Kafka has none"
								: "missing, Kafka has " + kafka.get(i).name()));
				continue;
			}
			Schema.Field a = ours.get(i), b = kafka.get(i);
			String inner = path + "." + b.name();
			Map<String, String> expected = b.attributes();
			a.attributes().forEach((key, value) ->
					differ(inner, key, value, expected.get(key), differences));
			compareFields(inner, a.fields(), b.fields(), differences);
		}
	}

	private static void differ(String path, String what, String ours, String kafka,
			List<String> differences) {
		if (!ours.equals(kafka))
			differences.add(path + ": " + what + " is '" + ours + "', Kafka has '" + kafka + "'");
	}

	private static void report(Map<String, JsonNode> tables) {
		int messages = 0, fields = 0;
		for (JsonNode table : tables.values()) {
			Schema schema = new Schema(table);
			messages++;
			fields += schema.count();
			if (schema.name.endsWith("Header"))
				System.out.printf("# %s %s: %d fields compared%n", schema.name, schema.valid,
						schema.count());
			if (!schema.name.endsWith("Request"))
				continue;
			String api = schema.name.substring(0, schema.name.length() - "Request".length());
			JsonNode response = tables.get(api + "Response");
			int count = schema.count() + (response == null ? 0 : new Schema(response).count());
			System.out.printf("# %s %s: request and response, %d fields compared%n", api,
					schema.valid, count);
		}
		System.out.printf("# %d messages, %d fields%n", messages, fields);
	}

	/* ---- the proof that a wrong table is noticed ---- */

	private static void selfCheck(Map<String, JsonNode> tables, List<String> differences)
			throws IOException {
		int changes = 0;
		for (JsonNode table : tables.values()) {
			String name = table.get("name").asText();
			for (String key : new String[] { "apiKey", "validVersions", "flexibleVersions" }) {
				ObjectNode changed = table.deepCopy();
				change(changed, key);
				changes += expectDifference(changed, name + ": " + key, differences);
			}
			for (int i = 0; i < structs(table).size(); i++)
				changes += changeFields(table, name, i, differences);
		}
		System.out.printf("# self-check: each of %d single changes was noticed%n", changes);
	}

	/* One change at a time to the last field of the struct that comes i-th in the table. */
	private static int changeFields(JsonNode table, String name, int struct,
			List<String> differences) throws IOException {
		int changes = 0;
		String[] keys = { "name", "type", "versions", "nullableVersions", "taggedVersions", "tag",
				"flexibleVersions", "default", "ignorable", "missing" };
		for (String key : keys) {
			ObjectNode changed = table.deepCopy();
			ArrayNode fields = structs(changed).get(struct);
			if (fields.isEmpty())
				return changes;
			int last = fields.size() - 1;
			if (key.equals("missing"))
				fields.remove(last);
			else
				change((ObjectNode) fields.get(last), key);
			changes += expectDifference(changed, name + ": " + key + " of a field", differences);
		}
		return changes;
	}

	private static List<ArrayNode> structs(JsonNode node) {
		List<ArrayNode> list = new ArrayList<>();
		if (!node.has("fields"))
			return list;
		list.add((ArrayNode) node.get("fields"));
		for (JsonNode field : node.get("fields"))
			list.addAll(structs(field));
		return list;
	}

	private static void change(ObjectNode node, String key) {
		switch (key) {
		case "name":
			node.put(key, node.get(key).asText() + "X");
			break;
		case "type":
			String type = node.get(key).asText();
			node.put(key, type.startsWith("[]") ? type.substring(2)
					: node.has("fields") ? "[]" + type
					: type.equals("int32") ? "uint32" : "int32");
			break;
		case "ignorable":
			node.put(key, !node.path(key).asBoolean(false));
			break;
		case "apiKey": case "tag":
			node.put(key, node.path(key).asInt(-1) + 1);
			break;
		case "default":
			node.put(key, node.path(key).asText().equals("5") ? "6"
					: node.get("type").asText().equals("bool")
					? "" + !node.path(key).asText().equals("true") : "5");
			break;
		case "validVersions":
			Schema.Versions valid = Schema.Versions.parse(node.get(key));
			node.put(key, valid.low() + "-" + (valid.high() + 1));
			break;
		case "flexibleVersions":
			node.put(key, node.has(key) && node.get(key).asText().equals("none") ? "0+" : "none");
			break;
		default: /* other versions of the field: none of them, or all of them */
			node.put(key, Schema.Versions.parse(node.get(key)).isEmpty() ? "0+" : "none");
		}
	}

	private static int expectDifference(JsonNode changed, String what, List<String> differences)
			throws IOException {
		List<String> found = new ArrayList<>();
		compare(changed, found);
		if (found.isEmpty())
			differences.add("self-check: nobody noticed " + what);
		return 1;
	}
}
