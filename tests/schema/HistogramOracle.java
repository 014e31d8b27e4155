import java.io.File;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramIterationValue;
import org.HdrHistogram.HistogramLogReader;

/**
 * The Java HdrHistogram's side of test_histogram.sh: records the same samples and writes the same
 * files as tests/tools/histogram_tool.c (except the log), then reads the log that the tool wrote and
 * compares each row with its own histogram. Usage: HistogramOracle TOOL_FOLDER OUT_FOLDER SETS
 */
public class HistogramOracle {
	static final double[] PERCENTILES = { 0, 0.1, 1, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 99.999, 100 };

	/** Set 2 has counts so huge that HistogramLogProcessor never ends: it is kept apart. */
	static String tagOf(int set) {
		return set == 2 ? "huge" : set % 2 == 0 ? null : "odd";
	}

	static Histogram[] record(Path samples, int sets) throws Exception {
		Histogram[] histograms = new Histogram[sets];
		for (int i = 0; i < sets; i++)
			histograms[i] = new Histogram(1, 3_600_000_000_000L, 3);
		for (String line : Files.readAllLines(samples)) {
			String[] part = line.split(" ");
			histograms[Integer.parseInt(part[0])].recordValueWithCount(
				Long.parseLong(part[1]), Long.parseLong(part[2]));
		}
		return histograms;
	}

	static void write(Histogram[] histograms, Path out) throws Exception {
		Files.createDirectories(out);
		try (PrintWriter figures = new PrintWriter(out.resolve("figures").toFile());
				PrintWriter counts = new PrintWriter(out.resolve("counts").toFile());
				PrintWriter inner = new PrintWriter(out.resolve("inner").toFile())) {
			for (int set = 0; set < histograms.length; set++) {
				Histogram h = histograms[set];
				figures.print(h.getTotalCount() + " " + h.getMinValue() + " " + h.getMaxValue()
					+ " " + Double.toString(h.getMean()));
				for (double percentile : PERCENTILES)
					figures.print(" " + h.getValueAtPercentile(percentile));
				figures.println();
				for (HistogramIterationValue v : h.recordedValues())
					counts.println(set + " " + h.lowestEquivalentValue(v.getValueIteratedTo())
						+ " " + v.getCountAtValueIteratedTo());
				ByteBuffer buffer = ByteBuffer.allocate(h.getNeededByteBufferCapacity());
				int size = h.encodeIntoByteBuffer(buffer);
				StringBuilder hex = new StringBuilder();
				for (int i = 0; i < size; i++)
					hex.append(String.format("%02x", buffer.get(i)));
				inner.println(hex);
			}
		}
	}

	static void check(boolean good, String what, int set) {
		if (!good) {
			System.err.println("set " + set + ": " + what);
			System.exit(1);
		}
	}

	/** The mean is compared here: the two languages print the same double differently. */
	static void compareMeans(Histogram[] histograms, Path figures) throws Exception {
		List<String> lines = Files.readAllLines(figures);
		for (int set = 0; set < histograms.length; set++) {
			double ours = Double.parseDouble(lines.get(set).split(" ")[3]);
			check(ours == histograms[set].getMean(), "mean " + ours + ", Java "
				+ histograms[set].getMean(), set);
		}
	}

	static void readLog(Histogram[] histograms, File log) throws Exception {
		HistogramLogReader reader = new HistogramLogReader(log);
		int set = 0;
		for (EncodableHistogram row; (row = reader.nextIntervalHistogram()) != null; set++) {
			Histogram h = (Histogram) row;
			check(h.equals(histograms[set]), "the log's row differs", set);
			check(h.getTotalCount() == histograms[set].getTotalCount(), "count in the log", set);
			check(Objects.equals(h.getTag(), tagOf(set)), "tag " + h.getTag(), set);
			check(h.getStartTimeStamp() == (1_700_000_000L + set) * 1000, "start "
				+ h.getStartTimeStamp(), set);
			check(h.getEndTimeStamp() - h.getStartTimeStamp() == 1000, "length", set);
		}
		check(set == histograms.length, "the log ends early", set);
		check(reader.getStartTimeSec() == 1_700_000_000, "start time", -1);
	}

	public static void main(String[] arguments) throws Exception {
		Path tool = Path.of(arguments[0]), out = Path.of(arguments[1]);
		Histogram[] histograms = record(tool.resolve("samples"), Integer.parseInt(arguments[2]));
		write(histograms, out);
		compareMeans(histograms, tool.resolve("figures"));
		readLog(histograms, tool.resolve("log.hlog").toFile());

		/* What HistogramLogProcessor must write about the rows of each tag, for the script. */
		for (String tag : new String[] { null, "odd" }) {
			Histogram sum = new Histogram(1, 3_600_000_000_000L, 3);
			for (int set = 0; set < histograms.length; set++)
				if (Objects.equals(tag, tagOf(set)))
					sum.add(histograms[set]);
			try (PrintStream file = new PrintStream(
					out.resolve((tag == null ? "none" : tag) + ".hgrm").toFile())) {
				sum.outputPercentileDistribution(file, 5, 1_000_000.0);
			}
		}
	}
}
