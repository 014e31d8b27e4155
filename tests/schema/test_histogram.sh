#!/usr/bin/env bash
# Shows: our histogram equals the Java HdrHistogram's on the same samples (counters, percentiles, mean,
# encoded bytes), and HistogramLogReader and HistogramLogProcessor read our .hlog with equal figures.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$top/$build ;; esac
version=2.2.2
jar=$build/java/HdrHistogram-$version.jar
work=$build/tests/histogram
sets=60

for program in java mvn; do
	command -v "$program" >/dev/null || {
		echo "needs $program (infra/deps.sh test)"
		exit 77
	}
done
if [ ! -f "$jar" ]; then
	mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
		-Dartifact=org.hdrhistogram:HdrHistogram:$version -DoutputDirectory="$build/java" ||
		{ echo "Maven could not fetch HdrHistogram $version"; exit 1; }
fi

for seed in 1 2 3; do
	rm -rf "$work"
	mkdir -p "$work/ours" "$work/java"
	"$build/tests/tools/histogram_tool" "$work/ours" $seed $sets
	java -cp "$jar" "$top/tests/schema/HistogramOracle.java" "$work/ours" "$work/java" $sets
	for file in counts inner; do
		cmp "$work/ours/$file" "$work/java/$file"
	done
	# Without the mean, which the oracle compares as a number.
	for side in ours java; do
		cut -d' ' -f1-3,5- "$work/$side/figures" >"$work/$side/figures.cut"
	done
	cmp "$work/ours/figures.cut" "$work/java/figures.cut"
done

# The processor over the last seed's log, per tag: the whole percentile distribution.
for tag in none odd; do
	arguments=(-i "$work/ours/log.hlog" -o "$work/processed")
	[ $tag = none ] || arguments+=(-tag $tag)
	timeout 60 java -cp "$jar" org.HdrHistogram.HistogramLogProcessor "${arguments[@]}"
	sed -i '/^#\[Overall/d; /^#\[StartTime/d' "$work/processed.hgrm"
	cmp "$work/processed.hgrm" "$work/java/$tag.hgrm"
done
echo "# $((sets * 3)) histograms equal to HdrHistogram $version, counters, percentiles and bytes"
