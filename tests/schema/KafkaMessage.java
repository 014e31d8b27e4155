/*
 * One message class of the kafka-clients jar, by name: its schema, and the ways between JSON,
 * object and bytes that its generated code offers.
 */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.List;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.record.internal.MemoryRecords;

final class KafkaMessage {
	final String name; /* ProduceRequest */
	final Schema schema;
	private final Constructor<?> make;
	private final Method read, write;
	private final boolean hasRecords;

	KafkaMessage(String name) throws Exception {
		String data = "org.apache.kafka.common.message." + name + "Data";
		Class<?> type = Class.forName(data);
		Class<?> converter = Class.forName(data + "JsonConverter");
		this.name = name;
		schema = Schema.ofKafka(name);
		make = type.getConstructor();
		read = converter.getMethod("read", JsonNode.class, short.class);
		write = converter.getMethod("write", type, short.class);
		hasRecords = hasRecords(schema.fields);
	}

	private static boolean hasRecords(List<Schema.Field> fields) {
		return fields.stream().anyMatch(f -> f.element().equals("records") || hasRecords(f.fields()));
	}

	ApiMessage fromJson(JsonNode json, int version) throws Exception {
		return (ApiMessage) read.invoke(null, json, (short) version);
	}

	/* Throws if bytes are left over. */
	ApiMessage parse(byte[] bytes, int version) throws Exception {
		ApiMessage message = (ApiMessage) make.newInstance();
		ByteBuffer buffer = ByteBuffer.wrap(bytes);
		message.read(new ByteBufferAccessor(buffer), (short) version);
		if (buffer.hasRemaining())
			throw new IllegalArgumentException(buffer.remaining() + " bytes left over");
		return message;
	}

	JsonNode toJson(ApiMessage message, int version) throws Exception {
		JsonNode json = (JsonNode) write.invoke(null, message, (short) version);
		if (hasRecords)
			putRecords(schema.fields, message, (ObjectNode) json);
		return json;
	}

	/* The converter writes every records field as empty: the bytes come from the object. */
	private static void putRecords(List<Schema.Field> fields, Object message, ObjectNode json)
			throws Exception {
		for (Schema.Field field : fields) {
			if (!json.has(field.name()) || json.get(field.name()).isNull())
				continue;
			if (!field.element().equals("records") && !hasRecords(field.fields()))
				continue;
			Object value = message.getClass().getMethod(field.name()).invoke(message);
			if (field.element().equals("records")) {
				json.set(field.name(), value == null ? NullNode.instance : binary((MemoryRecords) value));
			} else {
				Iterator<?> items = ((Iterable<?>) value).iterator();
				for (JsonNode item : json.get(field.name()))
					putRecords(field.fields(), items.next(), (ObjectNode) item);
			}
		}
	}

	private static BinaryNode binary(MemoryRecords records) {
		byte[] bytes = new byte[records.sizeInBytes()];
		records.buffer().duplicate().get(bytes);
		return new BinaryNode(bytes);
	}
}
