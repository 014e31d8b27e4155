#!/usr/bin/env bash
# Kafka's own consumer, of 4.3.1 and of 2.8.1, reads what harrow wrote: every codec, payload, size, key
# and header, acks, several producers, the two kinds of arrivals, skew. Checksums on; every stamp,
# timestamp, key, header and intended time is checked (ConsumerCheck.java).
. "$(dirname "$0")/lib.sh"
require java mvn

records=20000
expectations=$work/expectations
seq -f 'line %.0f of a file, some longer than others' 1 997 |
	awk '{ for (i = NR % 5; i > 0; i--) $0 = $0 " and so on"; print }' >"$work/lines"

# produce TOPIC EXPECTATION... -- [OPTION]...: the expected number of records is what harrow says was
# scheduled and confirmed. Lateness (status 3) is not the subject here, and the machine may be busy.
produce() {
	local topic=$1 words='' status=0 result=$work/$1.json key
	shift
	for (( ; $# > 0; )); do
		[ "$1" != -- ] || { shift; break; }
		words+=" $1"
		shift
	done
	"$harrow" produce -b "$bootstrap" -t "$topic" --format json --quiet "$@" >"$result" || status=$?
	case $status in
	0 | 3) ;;
	*) fail "$topic: status $status: $(json_get "$result" verdict)" ;;
	esac
	for key in sent confirmed; do
		assert_equal "$(json_get "$result" records.scheduled)" "$(json_get "$result" records.$key)" \
			"$topic: $key"
	done
	printf '%s records=%s%s\n' "$topic" "$(json_get "$result" records.scheduled)" "$words" \
		>>"$expectations"
}

start_kafka

for codec in none gzip snappy lz4 zstd; do
	produce "codec-$codec" size=1024 payload=text key=sequence headers=3x20 -- --size 1024 \
		--payload text --key sequence --headers 3x20 --codec "$codec" --records $records
done
for size in 8 31 32 100 1024; do
	produce "size-$size" "size=$size" payload=random key=random:500 headers=1x0 -- --size "$size" \
		--payload random --key random:500 --headers 1x0 --records $records
done
produce size-100000 size=100000 payload=random -- --size 100000 --records 500
produce zeros size=100 payload=zeros -- --size 100 --payload zeros --codec lz4 --records $records
produce lines size=lines "payload=$work/lines" -- --payload "file:$work/lines" --codec zstd \
	--records $records
produce lines-cut size=200 "payload=$work/lines" producers=2 -- --payload "file:$work/lines" \
	--size 200 --producers 2 --records $records
for acks in 0 1 all; do
	produce "acks-$acks" size=100 payload=random -- --size 100 --acks $acks --records 100000
done
produce many size=100 payload=random producers=3 key=sequence -- --size 100 --producers 3 \
	--threads 2 --connections 2 --key sequence --records 100000
produce plain size=100 payload=random -- --size 100 --no-idempotence --in-flight 10 --records 100000
produce hot size=100 payload=random skew=hot:0=0.5 -- --size 100 --partition-skew hot:0=50% \
	--records 60001
produce zipf size=100 payload=random producers=2 skew=zipf:1 -- --size 100 --producers 2 \
	--partition-skew zipf:1 --records 60001

# Open loops share the time that they take.
produce constant size=64 payload=random rate=3000 -- --size 64 --rate 3k --duration 4s &
produce constant-many size=64 payload=random rate=7001 producers=3 -- --size 64 --rate 7001 \
	--producers 3 --threads 2 --connections 2 --linger 20ms --codec snappy --duration 4s &
produce poisson size=64 payload=random producers=2 rate=5000 arrivals=poisson -- --size 64 \
	--rate 5k --arrivals poisson --producers 2 --duration 4s &
produce zipf-open size=64 payload=random rate=4000 skew=zipf:1 -- --size 64 --rate 4k \
	--partition-skew zipf:1 --duration 4s &
for job in $(jobs -p); do wait "$job"; done

# consumer_check VERSION TOPICS: by that version's consumer, topics that match
consumer_check() {
	local jars
	grep "$2" "$expectations" >"$work/chosen"
	jars=$("$top/infra/kafka/kafka" classpath "$1")
	java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx512m -cp "$jars" \
		"$top/tests/live/ConsumerCheck.java" "$bootstrap" <"$work/chosen" >"$work/checked" \
		2>"$work/java" || fail "consumer $1: $(grep -v '^#' "$work/checked") $(grep -v \
			-e SLF4J -e log4j "$work/java" | head -n 20)"
	assert_equal "$(wc -l <"$work/chosen")" "$(grep -c '^#' "$work/checked")" \
		"topics read by the consumer of $1"
}
consumer_check 2.8.1 '^codec\|^size\|^many\|^constant'
consumer_check 4.3.1 '.'
cat "$work/checked"
