#!/usr/bin/env bash
# The command-line tools that come with Kafka 4.3.1, and some of 2.8.1: console producer and consumer
# with an explicit partition, topics, configs, offsets, delete-records, performance tests that need no
# group, broker-api-versions, cluster. What each one prints is what counts.
. "$(dirname "$0")/lib.sh"
require kcat java mvn

# Short runs gain more from a quick start than from the second compiler.
export JDK_JAVA_OPTIONS='-XX:TieredStopAtLevel=1 -Xshare:auto'
tools=org.apache.kafka.tools
records=3000

# tool CLASS [ARGUMENT]...: of 4.3.1, its output in work/out, its complaints in work/err
tool() {
	tool_of 4.3.1 "$@"
}
tool_of() { # VERSION CLASS [ARGUMENT]...
	"$top/infra/kafka/kafka" tool --version "$1" "$2" --bootstrap-server "$bootstrap" "${@:3}" \
		</dev/null >"$work/out" 2>"$work/err" ||
		fail "$*: $(cat "$work/out" "$work/err")"
}

expect_line() { # LINE WHAT: tabs count as spaces
	tr '\t' ' ' <"$work/out" | sed 's/ *$//' | grep -qxF -- "$1" ||
		fail "$2: no line \"$1\" in: $(cat "$work/out" "$work/err")"
}

start_stage --brokers 3

# ---- topics ----

tool $tools.TopicCommand --create --topic things --partitions 3 --replication-factor 3 \
	--config max.message.bytes=50000 --config retention.ms=86400000
expect_line 'Created topic things.' 'create'
tool $tools.TopicCommand --describe --topic things
assert_equal 3 "$(grep -c 'Partition: [0-2].*Leader: [0-9].*Replicas: \(.,.,.\).*Isr: .,.,.' \
	"$work/out")" 'partitions with a leader and three replicas in sync'
assert_contains "$work/out" 'PartitionCount: 3' 'describe'
assert_contains "$work/out" 'max.message.bytes=50000' 'describe'
tool $tools.TopicCommand --alter --topic things --partitions 5
tool $tools.TopicCommand --describe --topic things
assert_contains "$work/out" 'PartitionCount: 5' 'more partitions'
tool $tools.TopicCommand --create --topic one --partitions 1
tool $tools.TopicCommand --list
expect_line things 'list'
expect_line one 'list'
tool $tools.TopicCommand --create --if-not-exists --topic one --partitions 1

# ---- configs ----

tool kafka.admin.ConfigCommand --describe --topic things
assert_contains "$work/out" 'max.message.bytes=50000 sensitive=false' 'what was set'
assert_contains "$work/out" 'DYNAMIC_TOPIC_CONFIG:max.message.bytes=50000' 'where it was set'
! grep -q cleanup.policy "$work/out" || fail 'a default is described as set'
tool kafka.admin.ConfigCommand --describe --topic things --all
assert_contains "$work/out" 'cleanup.policy=delete' 'a default'
assert_contains "$work/out" 'retention.ms=86400000' 'what was set'
tool kafka.admin.ConfigCommand --describe --broker "$(kcat -L -b "$bootstrap" |
	sed -n 's/^  broker \([0-9]*\) .*/\1/p' | tail -n 1)" --all
assert_contains "$work/out" 'message.max.bytes=1048588' "a broker's setting"

# ---- the cluster ----

tool $tools.BrokerApiVersionsCommand
assert_equal 3 "$(grep -c '^127.0.0.1:[0-9]* (id: [0-9]* ' "$work/out")" 'brokers that say versions'
for api in 'Produce(0)' 'Fetch(1)' 'ListOffsets(2)' 'Metadata(3)' 'ApiVersions(18)' \
	'CreateTopics(19)' 'DeleteTopics(20)' 'DeleteRecords(21)' 'InitProducerId(22)' \
	'DescribeConfigs(32)' 'CreatePartitions(37)' 'DescribeCluster(60)'; do
	assert_equal 3 "$(grep -cF "$api: " "$work/out")" "brokers that serve $api"
	! grep -F "$api: " "$work/out" | grep -q UNSUPPORTED || fail "$api is not supported"
done
"$top/infra/kafka/kafka" tool $tools.ClusterTool cluster-id --bootstrap-server "$bootstrap" \
	>"$work/out" 2>"$work/err"
grep -qx 'Cluster ID: .\{22\}' "$work/out" || fail "the cluster's id: $(cat "$work/out")"
"$top/infra/kafka/kafka" tool $tools.ClusterTool list-endpoints --bootstrap-server "$bootstrap" \
	>"$work/out" 2>"$work/err"
assert_equal 3 "$(grep -c '127.0.0.1' "$work/out")" 'endpoints listed'

# ---- console ----

seq $records | awk '{ print "key" $1 "\tsome value of " $1 }' >"$work/lines"
"$top/infra/kafka/kafka" tool $tools.ConsoleProducer --bootstrap-server "$bootstrap" --topic things \
	--reader-property parse.key=true <"$work/lines" >"$work/out" 2>"$work/err" ||
	fail "console producer: $(cat "$work/err")"
tool $tools.GetOffsetShell --topic things
awk -F: '{ print $2, $3 }' "$work/out" >"$work/counts"
assert_equal 5 "$(wc -l <"$work/counts")" 'partitions with offsets'
assert_equal $records "$(awk '{ n += $2 } END { print n }' "$work/counts")" 'records by offsets'
while read -r partition count; do
	[ "$partition" -le 2 ] || continue # the rest by kcat: a JVM takes a second to start
	tool $tools.consumer.ConsoleConsumer --topic things --partition "$partition" \
		--offset earliest --max-messages "$count" --timeout-ms 15000 \
		--formatter-property print.key=true
	cat "$work/out"
done <"$work/counts" >"$work/read"
for partition in 3 4; do
	kcat -C -e -q -b "$bootstrap" -t things -p $partition -o beginning -f '%k\t%s\n'
done >>"$work/read"
sort "$work/read" >"$work/read.sorted"
sort "$work/lines" | cmp - "$work/read.sorted" || fail 'not every line came back once'

"$top/infra/kafka/kafka" tool $tools.ConsoleProducer --bootstrap-server "$bootstrap" --topic one \
	--compression-codec lz4 <"$work/lines" >"$work/out" 2>"$work/err"
tool $tools.consumer.ConsoleConsumer --topic one --partition 0 --offset 1000 \
	--max-messages $((records - 1000)) --timeout-ms 15000
tail -n +1001 "$work/lines" | cmp - "$work/out" || fail 'not the lines from offset 1000 on, in order'
row 'Java console tools' 4.3.1 'produce with keys, lz4; consume one partition from an offset'

# ---- offsets ----

before_ms=$(date +%s%3N)
echo late | kcat -P -b "$bootstrap" -t one
tool $tools.GetOffsetShell --topic one --time "$before_ms"
expect_line "one:0:$records" 'the offset of a time'
tool $tools.GetOffsetShell --topic-partitions one:0 --time max-timestamp
expect_line "one:0:$records" 'the offset of the highest time'
printf '{"version":1,"partitions":[{"topic":"one","partition":0,"offset":%d}]}' 2500 >"$work/json"
tool $tools.DeleteRecordsCommand --offset-json-file "$work/json"
assert_contains "$work/out" 'low_watermark: 2500' 'delete records'
tool $tools.GetOffsetShell --topic one --time earliest
expect_line 'one:0:2500' 'the earliest offset afterwards'
row 'Java admin tools' 4.3.1 \
	'topics, configs, get-offsets, delete-records, broker-api-versions, cluster'

# ---- performance ----

tool $tools.ProducerPerformance --topic perf --num-records 50000 --record-size 200 --throughput -1 \
	--command-property acks=all
assert_contains "$work/out" '50000 records sent' 'producer-perf-test'
assert_equal 50000 "$(topic_count perf)" 'records of producer-perf-test'
tool $tools.VerifiableProducer --topic one --max-messages 1000 --value-prefix 7
assert_contains "$work/out" '"sent":1000,"acked":1000' 'verifiable-producer'
kcat -C -e -q -b "$bootstrap" -t one -p 0 -o $((records + 1)) -f '%s\n' >"$work/read"
seq 0 999 | sed 's/^/7./' | cmp - "$work/read" || fail 'not what verifiable-producer counted'
row 'Java performance tools' 4.3.1 'producer-perf-test, verifiable-producer'

# ---- the end, and an older set ----

tool $tools.TopicCommand --delete --topic things
tool $tools.TopicCommand --list
! grep -qx things "$work/out" || fail 'a deleted topic is still listed'

tool_of 2.8.1 kafka.admin.TopicCommand --describe --topic one
assert_contains "$work/out" 'PartitionCount: 1' 'describe, 2.8.1'
tool_of 2.8.1 kafka.tools.ConsoleConsumer --topic one --partition 0 --offset 2500 --max-messages 500 \
	--timeout-ms 15000
tail -n 500 "$work/lines" | cmp - "$work/out" || fail 'the console consumer of 2.8.1 reads otherwise'
row 'Java tools' 2.8.1 'topics --describe, console consumer'
