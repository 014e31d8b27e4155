#!/usr/bin/env bash
# kcat, with the librdkafka that Debian gives it: metadata, produce with every codec, keys and
# headers, idempotence, every acks, consume by partition, offset and time, offsets by time, long
# polls, and the requests of clients that do not ask which versions are spoken.
. "$(dirname "$0")/lib.sh"
require kcat

count=3000

# lines PARTITION: "key:value", some keys and some values empty.
lines() {
	seq 0 $((count - 1)) | awk -v p="$1" '{
		print ($1 % 10 ? "k" $1 : "") ":" ($1 % 50 == 49 ? "" : "value " p " of " $1 ", " $1 * $1)
	}'
}
# What kcat_read shows of them, without the timestamp. -Z makes an empty key or value null.
lines_expected() {
	lines "$1" | awk -F: -v p="$1" -v headers="$2" '{
		print p, NR - 1, ($1 == "" ? "-1 NULL" : length($1) " " $1),
			($2 == "" ? "-1 NULL" : length($2) " " $2), headers
	}'
}

led_by() { # TOPIC COUNT: so many brokers lead a partition of it
	[ "$(kcat -L -b "$bootstrap" -t "$1" | sed -n 's/.*, leader \([0-9]*\),.*/\1/p' |
		sort -u | wc -l)" -eq "$2" ]
}

start_stage --brokers 3 --property num.partitions=3

# ---- metadata ----

kcat -L -b "$bootstrap" >"$work/metadata"
assert_contains "$work/metadata" ' 3 brokers:' 'kcat -L'
assert_equal 3 "$(grep -c '^  broker [0-9]* at 127.0.0.1:[0-9]*' "$work/metadata")" 'brokers listed'
assert_equal 1 "$(grep -c '(controller)' "$work/metadata")" controllers
kcat -L -J -b "${bootstrap##*,}" -t new-here >"$work/metadata.json"
wait_until 10 led_by new-here 3

# ---- produce, and consume what was produced ----

started_ms=$(date +%s%3N)
for codec in none gzip snappy lz4 zstd; do
	for partition in 0 1 2; do
		lines $partition | kcat -P -b "$bootstrap" -t "codec-$codec" -p $partition -K : -Z \
			-H one=1 -H two=second -z "$codec" -X enable.idempotence=true \
			-X batch.num.messages=500
		lines_expected $partition one=1,two=second
	done >"$work/expected"
	kcat_read "codec-$codec" | sort -s -n -k 1,1 >"$work/read"
	cut -d ' ' -f 1,2,4- <"$work/read" >"$work/without-time"
	cmp "$work/expected" "$work/without-time" || fail "$codec: the records differ"
	awk -v low="$started_ms" -v high="$(date +%s%3N)" '$3 < low || $3 > high { exit 1 }' \
		"$work/read" || fail "$codec: a timestamp is not of this run"
done

acks_arrived() {
	kcat_read "acks-$acks" | cut -d ' ' -f 1,2,4- | cmp -s "$work/expected"
}
for acks in 0 1 all; do
	lines 1 | kcat -P -b "$bootstrap" -t "acks-$acks" -p 1 -K : -Z -X "acks=$acks"
	lines_expected 1 '' >"$work/expected"
	wait_until 5 acks_arrived
done

# ---- by offset and by time ----

offsets_read() { # OFFSET [OPTION]...
	kcat -C -e -q -b "$bootstrap" -t codec-zstd -p 1 -o "$1" -f '%o\n' "${@:2}" |
		awk 'NR == 1 { first = $1 } { last = $1 } END { print first "-" last, NR }'
}
assert_equal "1234-1333 100" "$(offsets_read 1234 -c 100)" 'a hundred from offset 1234'
assert_equal "$((count - 7))-$((count - 1)) 7" "$(offsets_read -7)" 'the last seven'
assert_equal "- 0" "$(offsets_read end)" 'nothing after the end'

offset_at() { # TIMESTAMP
	kcat -Q -b "$bootstrap" -t "codec-zstd:1:$1" | sed 's/.*offset \(-*[0-9]*\)$/\1/'
}
assert_equal 0 "$(offset_at -2)" 'the earliest offset'
assert_equal $count "$(offset_at -1)" 'the end offset'
assert_equal 0 "$(offset_at "$started_ms")" 'the offset when it began'
assert_equal -1 "$(offset_at "$(($(date +%s%3N) + 60000))")" 'the offset in a minute: none'
time_ms=$(awk '$1 == 1 && $2 == 1700 { print $3 }' "$work/read")
first=$(awk -v time="$time_ms" '$1 == 1 && $3 >= time { print $2; exit }' "$work/read")
assert_equal "$first" "$(offset_at "$time_ms")" 'the first offset of that millisecond'
assert_equal "$first-$((count - 1)) $((count - first))" "$(offsets_read "s@$time_ms")" \
	'everything from that time on'

# ---- a long poll ends when a record arrives, not when it is over ----

kcat -C -u -q -b "$bootstrap" -t codec-zstd -p 1 -o end -c 1 -f '%s\n' -X fetch.wait.max.ms=20000 \
	>"$work/polled" &
poller=$!
sleep 1
before=$(date +%s%3N)
echo 'the awaited' | kcat -P -b "$bootstrap" -t codec-zstd -p 1
wait "$poller"
took=$(($(date +%s%3N) - before))
assert_equal 'the awaited' "$(cat "$work/polled")" 'what was polled'
assert_between 0 $took 5000 'milliseconds that a long poll took to notice'

# ---- the largest records ----

head -c 1000000 /dev/urandom >"$work/large"
kcat -P -b "$bootstrap" -t large -p 1 "$work/large" -X message.max.bytes=2000000
kcat -C -e -q -b "$bootstrap" -t large -p 1 -o beginning -c 1 -f '%s' -D '' \
	-X fetch.message.max.bytes=10000 | cmp - "$work/large" ||
	fail 'a record larger than a fetch asks for does not come back'
head -c 1100000 /dev/urandom >"$work/large"
! kcat -P -b "$bootstrap" -t large -p 1 "$work/large" -X message.max.bytes=2000000 \
	2>"$work/stderr" || fail 'a record above message.max.bytes is taken'
assert_contains "$work/stderr" 'Broker: Message size too large' 'what is said of it'

# ---- clients that do not ask for versions ----

for version in 0.11.0 0.10.2 0.10.0; do
	lines 0 | kcat -P -b "$bootstrap" -t "as-$version" -p 0 -K : -Z -z lz4 \
		-X api.version.request=false -X "broker.version.fallback=$version"
	lines_expected 0 '' >"$work/expected"
	kcat_read "as-$version" -X api.version.request=false \
		-X "broker.version.fallback=$version" | cut -d ' ' -f 1,2,4- >"$work/without-time"
	cmp "$work/expected" "$work/without-time" || fail "as $version: the records differ"
done

version=$(kcat -V | sed -n 's/.*librdkafka \([0-9.]*\).*/\1/p')
row "kcat $(kcat -V | sed -n 's/^Version \([0-9.]*\).*/\1/p'), librdkafka" "$version" \
	"-L, -P with every codec, keys, headers, idempotence, each acks, -C by offset and time, -Q"
