#!/usr/bin/env bash
# SIGINT and SIGTERM at any moment: within the drain and a second there is a valid result of what was
# done, whose counts add up and whose acknowledged records are confirmed; the signal is named in
# verdict.reasons, and a fresh topic is gone. Before anything was sent that is a result of zeros
# with exit status 1; later, the status is what the shortened run deserves. A broker that goes and
# does not come back ends the run as well.
. "$(dirname "$0")/lib.sh"
require kcat java mvn

get() { json_get "$work/result.json" "$1"; }
topics() { kcat -b "$bootstrap" -L -m 5 2>/dev/null | grep -c '^  topic "harrow-' || true; }

# begin [OPTION]...: a run in the background; sets harrow_pid
begin() {
	"$harrow" produce -b "$bootstrap" -q --format json "$@" >"$work/result.json" \
		2>"$work/stderr" &
	harrow_pid=$!
}

# finish WHAT SECONDS: the run ends within so many and its counts add up; sets status
finish() {
	local began=$EPOCHREALTIME key sum=0
	status=0
	wait "$harrow_pid" || status=$?
	[ "$status" -le 3 ] || fail "$1: status $status: $(cat "$work/stderr")"
	assert_between 0 "$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')" "$2" \
		"$1: seconds to end"
	for key in acked failed unknown unsent; do
		sum=$((sum + $(get records.$key)))
	done
	assert_equal "$(get records.scheduled)" "$sum" "$1: acked + failed + unknown + unsent"
}

# signal NAME DELAY SECONDS [OPTION]...: a run, and one signal
signal() {
	begin "${@:4}"
	sleep "$2"
	kill "-$1" "$harrow_pid"
	finish "SIG$1 after $2 s of ${*:4}" "$3"
	assert_contains "$work/result.json" "stopped early by SIG$1" "$2 s: verdict.reasons"
	assert_equal "$(get records.acked)" "$(get records.confirmed)" "$2 s: acked = confirmed"
	[ ! -s "$work/stderr" ] || fail "SIG$1 after $2 s of ${*:4}: $(cat "$work/stderr")"
}

# ---- nobody answers ----

for kind in silent mute; do
	"$build/tests/tools/impostor" $kind >"$work/$kind" &
	wait_until 5 grep -qs ready "$work/$kind"
	bootstrap=$(cut -d' ' -f2 "$work/$kind")
	begin --drain 500ms
	sleep 0.5
	kill -TERM "$harrow_pid"
	finish "SIGTERM at a $kind broker" 2
	assert_equal 1 "$status" "SIGTERM at a $kind broker: status"
	assert_equal 0 "$(get records.scheduled)" "SIGTERM at a $kind broker: scheduled"
	assert_contains "$work/result.json" 'stopped early by SIGTERM' "a $kind broker: the reason"
done

# ---- every moment of a run ----

start_kafka
# While it connects, makes the topic, waits for leaders, starts.
for delay in 0.02 0.04 0.06 0.08 0.1 0.13 0.16 0.2 0.25; do
	signal INT $delay 3 --duration 20s --size 100
done
signal INT 0.6 3 --duration 20s --warmup 10s --rate 1k
signal TERM 1 3 --duration 20s --size 100
assert_between 1 "$(get records.acked)" 100000000 'flat out: acknowledged'
assert_equal 0 "$status" 'flat out: status'
signal INT 1 3 --rate 2k --duration 20s --size 100
assert_between 100 "$(get records.acked)" 3000 'at a rate: acknowledged'
signal TERM 1 3 --records 1000000000 --acks 1 --codec lz4 --payload text --threads 2
signal INT 1 10 --records 1000000000 --verify-read --size 4KiB
[ "$status" -ne 0 ] || assert_equal "$(get records.acked)" "$(get records.received)" 'read back'
signal INT 1 3 --duration 20s --out "$work/out"
assert_equal "$(get records.acked)" "$(json_get "$work/out/result.json" records.acked)" 'saved too'

# Twice: the second one waits for nothing.
begin --duration 20s --size 100
sleep 1
kill -INT "$harrow_pid"
kill -TERM "$harrow_pid"
finish 'two signals' 3

# During the drain: the broker stands still when the schedule ends.
broker=$(kafka pid 1)
begin --rate 2k --duration 1500ms --drain 20s
sleep 1
kill -STOP "$broker"
sleep 1.5
kill -INT "$harrow_pid"
sleep 0.5
kill -CONT "$broker"
finish 'during the drain' 5
assert_contains "$work/result.json" 'stopped early by SIGINT' 'during the drain: the reason'
assert_equal "$(get records.acked)" "$(get records.confirmed)" 'during the drain: acked = confirmed'

# During the read-back: what is known by then, and that not everything was checked.
for delay in 0.5 0.8 1.1; do # the moment is the machine's to choose: any must do
	begin --records 100k --size 1KiB --verify-read
	sleep $delay
	kill -INT "$harrow_pid" 2>/dev/null || true
	finish "with the read-back, after $delay s" 10
done

assert_equal 0 "$(topics)" 'fresh topics that are left over'

# ---- a broker that does not come back ----

begin --rate 2k --duration 4s --drain 2s --request-timeout 1s --delivery-timeout 3s
sleep 2
kafka kill 1
# the schedule, the drain, ten seconds for the offsets, one for the topic
finish 'the broker is gone' 18
# 3 where this machine was too busy for the latencies to count: it goes before 1.
[ "$status" -eq 3 ] || assert_equal 1 "$status" 'the broker is gone: status'
assert_equal 8000 "$(get records.scheduled)" 'the broker is gone: scheduled'
assert_between 1 "$(get records.acked)" 6000 'the broker is gone: acknowledged'
assert_equal null "$(get records.confirmed)" 'the broker is gone: confirmed'
assert_contains "$work/result.json" 'not confirmed' 'the broker is gone: why'
say "gone: $(get records.acked) acknowledged, $(get records.unknown) unknown," \
	"$(get records.failed) failed, $(get records.unsent) unsent; $(cat "$work/stderr")"
