#!/usr/bin/env bash
# Shows: Kafka's own record code accepts our batches (every codec, every level, markers, any producer)
# and we accept Kafka's; both read the same out of either.
# SEED and COUNT (batches in each direction) may be set.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
jars=${KAFKA_CLASSPATH:-$(infra/kafka/kafka classpath 4.3.1)}
seed=${SEED:-$RANDOM} count=${COUNT:-300}
echo "# seed $seed"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ours=$build/tests/tools/batch_tool

java() {
	timeout 120 "${JAVA_HOME:+$JAVA_HOME/bin/}java" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx512m \
		-cp "$jars" tests/schema/BatchOracle.java "$@" 2>"$work/java.err" ||
		{ cat "$work/java.err" >&2; return 1; }
}

compare() { # who wrote it
	"$ours" read <"$work/batches" >"$work/ours.txt"
	java read <"$work/batches" >"$work/java.txt"
	diff "$work/ours.txt" "$work/java.txt" | cut -c 1-200 | head -n 20
	cmp "$work/ours.txt" "$work/java.txt"
	[ "$(grep -c '^batch' "$work/java.txt")" -eq "$count" ]
	for codec in none gzip snappy lz4 zstd; do
		grep -q "^batch [0-9-]* $codec " "$work/java.txt"
	done
	grep -q ' control$' "$work/java.txt"
	echo "# $count batches written by $1: $(grep -c '^record' "$work/java.txt") records read alike"
}

"$ours" write "$seed" "$count" >"$work/batches"
compare us
java write "$seed" "$count" >"$work/batches"
compare Kafka
grep -q ' append ' "$work/java.txt" && grep -q ' horizon ' "$work/java.txt"

# The end of a Fetch response may be missing; both stop at the same batch.
truncate -s -20 "$work/batches"
count=$((count - 1))
compare 'Kafka and cut short'
grep -q '^cut short' "$work/java.txt"
