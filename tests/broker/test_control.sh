#!/usr/bin/env bash
# Brokers of three are taken down and up again through the control socket under load of harrow and of
# librdkafka, acks=all, replication 3, min.insync.replicas 2: what was acknowledged is still served,
# once and in order; clients move on within their metadata refresh; who comes back rejoins the
# in-sync lists, and `elect` gives it its leaderships again.
. "$(dirname "$0")/lib.sh"
require kcat npm python3

seconds=16
move_on_ms=5000 # from `down` to the next acknowledgement of a partition that was led there
[ "$stage" = harrow ] || move_on_ms=20000

# partition_lists TOPIC: "PARTITION LEADER REPLICAS ISRS" for each
partition_lists() {
	kcat -L -b "$bootstrap" -t "$1" | sed -n \
		's/^ *partition \([0-9]*\), leader \(-*[0-9]*\), replicas: \([0-9,]*\), isrs: \([0-9,]*\).*/\1 \2 \3 \4/p'
}
all_in_sync() { # TOPIC REPLICAS
	[ "$(partition_lists "$1" | awk '{ print split($4, in_sync, ",") }' | sort -u)" = "$2" ]
}
led_as_preferred() { # TOPIC: every leader is the first of its replicas
	partition_lists "$1" | awk '{ split($3, replicas, ","); if ($2 != replicas[1]) exit 1 }'
}

# bounce ID: down under load, then up, then elect; every step is looked at from outside
bounce() {
	partition_lists steady-c | awk -v id="$1" '$2 == id { print $1 }' >"$work/led-by-$1"
	[ -s "$work/led-by-$1" ] || fail "broker $1 leads nothing"
	date +%s%3N >"$work/down-$1"
	stage_down "$1" || fail "down $1"
	wait_until 20 all_in_sync steady-c 2
	partition_lists steady-c | awk -v id="$1" '$2 == id || ("," $4 ",") ~ ("," id ",") { exit 1 }' ||
		fail "broker $1 is down and still leads or is in sync: $(partition_lists steady-c)"
	kcat -L -b "$bootstrap" | grep -q "broker $1 at" && fail "broker $1 is down and still listed"
	sleep 1
	stage_up "$1" || fail "up $1"
	wait_until 30 all_in_sync steady-c 3
	sleep 1
	stage_elect >"$work/elected" || fail "elect: $(cat "$work/elected")"
	wait_until 10 led_as_preferred steady-c
}

client=$(librdkafka_client)
start_stage --brokers 3 --property default.replication.factor=3 --property min.insync.replicas=2 \
	--property num.partitions=6
kcat -L -b "$bootstrap" -t steady-c >/dev/null
wait_until 10 all_in_sync steady-c 3
mapfile -t ids < <(kcat -L -b "$bootstrap" | sed -n 's/^  broker \([0-9]*\) at .*/\1/p' | sort -n)
[ "$stage" = harrow ] || seconds=60

"$harrow" produce -b "$bootstrap" -t steady-h --partitions 6 --replication-factor 3 \
	--topic-config min.insync.replicas=2 --acks all --rate 5k --size 100 \
	--duration ${seconds}s --drain 20s --verify-read --format json --quiet \
	>"$work/result.json" 2>"$work/errors" &
harrow_pid=$!
"$client" steady "$bootstrap" steady-c 6 $seconds >"$work/acknowledged" 2>"$work/client-errors" &
client_pid=$!
sleep 2
bounce "${ids[1]}"
bounce "${ids[0]}" # where clients have their first connection
wait "$client_pid" || fail "librdkafka: $(cat "$work/client-errors")"
status=0
wait "$harrow_pid" || status=$?
[ "$status" -le 1 ] || [ "$status" -eq 3 ] ||
	fail "harrow ended with status $status: $(cat "$work/errors")"

# ---- harrow ----

assert_equal $((seconds * 5000)) "$(json_get "$work/result.json" records.scheduled)" scheduled
assert_equal $((seconds * 5000)) "$(json_get "$work/result.json" records.acked)" acknowledged
for key in gaps duplicates failed unknown unsent; do
	assert_equal 0 "$(json_get "$work/result.json" records.$key)" "harrow: $key; $(json_get "$work/result.json" verdict) $(cat "$work/errors")"
done
assert_equal $((seconds * 5000)) "$(topic_count steady-h)" 'records of harrow, counted by kcat'
hole_us=$(json_get "$work/result.json" latency_us.max)
assert_between 0 "$hole_us" ${move_on_ms}000 "harrow's longest wait, in us"

# ---- librdkafka ----

awk '{ print $2, $3, $4 }' "$work/acknowledged" | sort -n -k 1,1 -k 2,2 >"$work/expected"
kcat -C -e -q -b "$bootstrap" -t steady-c -o beginning -X check.crcs=true -f '%p %o %s\n' |
	sort -n -k 1,1 -k 2,2 >"$work/read"
cmp "$work/expected" "$work/read" || fail 'what is served is not what was acknowledged'
awk '$1 in last && $3 <= last[$1] { exit 1 } { last[$1] = $3 }' "$work/read" ||
	fail 'records of a partition are out of order or doubled'
assert_equal $((seconds * 1000)) "$(wc -l <"$work/read")" 'records of librdkafka'

# next_acknowledgement ID: from `down` until every partition that it led has acknowledged again; what
# was under way at that moment does not count, so each one's longest pause is taken.
next_acknowledgement() {
	awk -v down="$(cat "$work/down-$1")" '
		NR == FNR { led[$1]; next }
		$2 in led && $1 <= down { last[$2] = $1 }
		$2 in led && $1 > down && $1 < down + 30000 {
			pause = $1 - ($2 in last ? last[$2] : down); last[$2] = $1
			if (pause > longest) longest = pause
		}
		END { print longest + 0 }' "$work/led-by-$1" "$work/acknowledged"
}
moved=
for id in "${ids[1]}" "${ids[0]}"; do
	took=$(next_acknowledgement "$id")
	assert_between 0 "$took" $move_on_ms "ms until the partitions of broker $id went on"
	moved+=${moved:+, }$took
done
say "moved on after a broker went: librdkafka within $moved ms, harrow within $((${hole_us%.*} / 1000)) ms"

# ---- too few in sync ----

accepts() { # ACKS
	echo one | kcat -P -b "$bootstrap" -t "$1" -p 0 -X "acks=$2" -X message.timeout.ms=3000 \
		>"$work/stdout" 2>"$work/stderr"
}
stage_down "${ids[1]}" && stage_down "${ids[2]}"
wait_until 20 all_in_sync steady-c 1
! accepts steady-c all || fail 'acks=all is accepted with one replica in sync of at least two'
accepts steady-c 1 || fail "acks=1 is refused: $(cat "$work/stderr")"
stage_up "${ids[1]}" && stage_up "${ids[2]}"
wait_until 30 all_in_sync steady-c 3
accepts steady-c all || fail "acks=all is refused with all in sync: $(cat "$work/stderr")"
