/*
 * Kafka's own record batches, for comparison with batch_tool: the same two commands, the same text.
 *
 *     java BatchOracle.java write SEED COUNT     random batches, back to back, to standard output
 *     java BatchOracle.java read                 batches from standard input, as text
 *
 * Reading is strict: every batch must pass ensureValid.
 */
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Random;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.ByteBufferOutputStream;

final class BatchOracle {
	private static final long TIME_MS = 1700000000000L;
	private static final int CONTROL_IN = 9;
	private static final int[] VALUE_SIZES = {30, 500, 70000};
	private static final CompressionType[] CODECS = {
		CompressionType.NONE, CompressionType.GZIP, CompressionType.SNAPPY, CompressionType.LZ4,
		CompressionType.ZSTD,
	};

	public static void main(String[] arguments) throws IOException {
		PrintStream out = new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false,
			StandardCharsets.US_ASCII);
		switch (arguments[0]) {
			case "write" -> write(new Random(Long.parseLong(arguments[1])),
				Integer.parseInt(arguments[2]), out);
			case "read" -> read(ByteBuffer.wrap(System.in.readAllBytes()), out);
			default -> throw new IllegalArgumentException(arguments[0]);
		}
		out.flush();
	}

	private static byte[] bytes(Random random, int sizeMax) {
		int kind = random.nextInt(6);
		if (kind == 0)
			return null;
		byte[] bytes = new byte[kind == 1 ? 0 : random.nextInt(sizeMax + 1)];
		for (int i = 0; i < bytes.length; i++)
			bytes[i] = (byte) random.nextInt(32);
		return bytes;
	}

	private static Header[] headers(Random random) {
		Header[] headers = new Header[random.nextInt(3) > 0 ? 0 : random.nextInt(5)];
		for (int i = 0; i < headers.length; i++)
			headers[i] = new RecordHeader("h\u00e9".repeat(random.nextInt(4)), bytes(random, 40));
		return headers;
	}

	private static Compression compression(CompressionType type, Random random) {
		if (random.nextBoolean())
			return Compression.of(type).build();
		return switch (type) {
			case GZIP -> Compression.gzip().level(1 + random.nextInt(9)).build();
			case LZ4 -> Compression.lz4().level(1 + random.nextInt(17)).build();
			case ZSTD -> Compression.zstd().level(1 + random.nextInt(12)).build();
			default -> Compression.of(type).build();
		};
	}

	private static void write(Random random, int count, OutputStream out) throws IOException {
		long offset = 0;
		for (int i = 0; i < count; i++) {
			if (i % CONTROL_IN == CONTROL_IN - 1) {
				ControlRecordType type =
					random.nextBoolean() ? ControlRecordType.COMMIT : ControlRecordType.ABORT;
				MemoryRecords marker = MemoryRecords.withEndTransactionMarker(offset++, TIME_MS, i,
					random.nextInt(1000), (short) 3, new EndTransactionMarker(type, 7));
				put(marker.buffer(), out);
				continue;
			}
			int sizeMax = VALUE_SIZES[random.nextInt(VALUE_SIZES.length)];
			int records = 1 + random.nextInt(sizeMax > 1000 ? 6 : 200);
			boolean append = random.nextInt(4) == 0, idempotent = random.nextBoolean();
			MemoryRecordsBuilder builder = new MemoryRecordsBuilder(new ByteBufferOutputStream(1024),
				RecordBatch.CURRENT_MAGIC_VALUE, compression(CODECS[i % CODECS.length], random),
				append ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME, offset,
				TIME_MS + 123, idempotent ? random.nextLong() >>> 1 : RecordBatch.NO_PRODUCER_ID,
				idempotent ? (short) random.nextInt(Short.MAX_VALUE) : RecordBatch.NO_PRODUCER_EPOCH,
				idempotent ? Integer.MAX_VALUE - 3 : RecordBatch.NO_SEQUENCE,
				idempotent && random.nextBoolean(), false, i, Integer.MAX_VALUE,
				random.nextInt(8) == 0 ? TIME_MS + 86400000 : RecordBatch.NO_TIMESTAMP);
			for (int k = 0; k < records; k++)
				builder.append(TIME_MS + random.nextInt(20000) - 10000, bytes(random, sizeMax / 4),
					bytes(random, sizeMax), headers(random));
			put(builder.build().buffer(), out);
			offset += records;
		}
	}

	private static void put(ByteBuffer buffer, OutputStream out) throws IOException {
		byte[] bytes = new byte[buffer.remaining()];
		buffer.get(bytes);
		out.write(bytes);
	}

	private static void print(ByteBuffer bytes, PrintStream out) {
		if (bytes == null) {
			out.print(" null");
			return;
		}
		byte[] copy = new byte[bytes.remaining()];
		bytes.duplicate().get(copy);
		out.print(" x" + HexFormat.of().formatHex(copy));
	}

	private static void read(ByteBuffer input, PrintStream out) {
		MemoryRecords records = MemoryRecords.readableRecords(input);
		for (MutableRecordBatch batch : records.batches()) {
			batch.ensureValid();
			print(batch, out);
			for (Record record : batch)
				print(batch, record, out);
		}
		int left = records.sizeInBytes() - records.validBytes();
		if (left > 0)
			out.print("cut short by " + left + " bytes\n");
	}

	private static void print(RecordBatch batch, PrintStream out) {
		boolean append = batch.timestampType() == TimestampType.LOG_APPEND_TIME;
		out.print("batch " + batch.baseOffset() + "-" + batch.lastOffset() + " "
			+ batch.compressionType().name + " " + (append ? "append" : "create"));
		out.print(" max " + batch.maxTimestamp() + " producer " + batch.producerId() + " "
			+ batch.producerEpoch() + " " + batch.baseSequence());
		out.print(" leader " + batch.partitionLeaderEpoch() + " count " + batch.countOrNull()
			+ (batch.isTransactional() ? " transactional" : "")
			+ (batch.isControlBatch() ? " control" : ""));
		if (batch.deleteHorizonMs().isPresent())
			out.print(" horizon " + batch.deleteHorizonMs().getAsLong());
		out.print("\n");
	}

	private static void print(RecordBatch batch, Record record, PrintStream out) {
		record.ensureValid();
		out.print("record " + record.offset() + " " + record.timestamp());
		if (batch.isControlBatch())
			out.print(" control " + ControlRecordType.parse(record.key()).type());
		print(record.key(), out);
		print(record.value(), out);
		for (Header header : record.headers()) {
			print(ByteBuffer.wrap(header.key().getBytes(StandardCharsets.UTF_8)), out);
			print(header.value() == null ? null : ByteBuffer.wrap(header.value()), out);
		}
		out.print("\n");
	}
}
