/*
 * Random messages in the JSON that Kafka's converters read, made from Kafka's schema alone. Values
 * lean to the edges: extremes, defaults (a tagged default is not sent), null, empty, lengths on
 * both sides of where a varint grows.
 */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.Uuid;

final class RandomMessage {
	private static final int[] SIZES = { 0, 1, 3, 8, 20, 126, 127, 128, 300 };
	private static final int LONG_SIZE = 17000; /* a length of three varint bytes */
	private static final int MAX_DEPTH_MANY = 2; /* below it arrays have at most two items */
	private static final String LETTERS = "abz09-_. \"\\\u0000\n\u007f\u00e9\u07ff\u20ac\uffee";

	private final Random random;

	RandomMessage(long seed) {
		random = new Random(seed);
	}

	JsonNode message(Schema schema, int version) {
		return struct(schema.fields, version, 0);
	}

	private ObjectNode struct(List<Schema.Field> fields, int version, int depth) {
		ObjectNode node = new ObjectNode(JsonNodeFactory.instance);
		for (Schema.Field field : fields) {
			if (!field.versions().has(version))
				continue;
			/* A tagged field that is absent from the JSON gets its default. */
			if (field.tagged().has(version) && random.nextBoolean())
				continue;
			node.set(field.name(), field(field, version, depth));
		}
		return node;
	}

	private JsonNode field(Schema.Field field, int version, int depth) {
		if (field.nullable().has(version) && random.nextInt(4) == 0)
			return NullNode.instance;
		if (!field.array())
			return one(field, version, depth);
		ArrayNode array = new ArrayNode(JsonNodeFactory.instance);
		boolean scalars = field.fields().isEmpty();
		int items = random.nextInt(depth < MAX_DEPTH_MANY ? 4 : 3);
		if (scalars && random.nextInt(16) == 0)
			items = 126 + random.nextInt(4);
		for (int i = 0; i < items; i++)
			array.add(one(field, version, depth + 1));
		return array;
	}

	private JsonNode one(Schema.Field field, int version, int depth) {
		switch (field.element()) {
		case "struct": return struct(field.fields(), version, depth);
		case "bool": return BooleanNode.valueOf(random.nextBoolean());
		case "int8": return integer(field, 8, true);
		case "int16": return integer(field, 16, true);
		case "uint16": return integer(field, 16, false);
		case "int32": return integer(field, 32, true);
		case "uint32": return integer(field, 32, false);
		case "int64": return integer(field, 64, true);
		case "uuid": return TextNode.valueOf(new Uuid(random.nextLong(), random.nextInt(4)).toString());
		case "string": return TextNode.valueOf(text());
		case "bytes": case "records": return BinaryNode.valueOf(bytes());
		default: throw new IllegalArgumentException("type " + field.element());
		}
	}

	private JsonNode integer(Schema.Field field, int bits, boolean signed) {
		long high = signed ? Long.MAX_VALUE >>> (64 - bits) : (1L << bits) - 1;
		long low = signed ? -high - 1 : 0;
		switch (random.nextInt(6)) {
		case 0: return LongNode.valueOf(low);
		case 1: return LongNode.valueOf(high);
		case 2: return LongNode.valueOf(field.array() ? 0 : Long.parseLong(field.preset()));
		case 3: return LongNode.valueOf(random.nextInt(100));
		default: return LongNode.valueOf(signed ? random.nextLong() >> (64 - bits)
				: random.nextLong() >>> (64 - bits));
		}
	}

	private int size() {
		if (random.nextInt(2000) == 0)
			return LONG_SIZE;
		return SIZES[random.nextInt(random.nextInt(8) == 0 ? SIZES.length : 5)];
	}

	/* Of about so many bytes of UTF-8; now and then one outside the basic plane. */
	private String text() {
		int size = size();
		StringBuilder text = new StringBuilder();
		boolean plain = random.nextBoolean();
		while (text.length() < size)
			text.append(plain ? (char) ('a' + random.nextInt(26))
					: LETTERS.charAt(random.nextInt(LETTERS.length())));
		if (!plain && random.nextInt(8) == 0)
			text.appendCodePoint(0x1f600 + random.nextInt(16));
		return text.toString();
	}

	private byte[] bytes() {
		byte[] bytes = new byte[size()];
		random.nextBytes(bytes);
		return bytes;
	}
}
