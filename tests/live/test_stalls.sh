#!/usr/bin/env bash
# Who was slow? A broker that is stopped for two seconds shows in the latency, and the run stays
# valid; when harrow itself is stopped, it calls its own run invalid; a rate that no broker reaches
# is a missed objective, counted to the last record.
. "$(dirname "$0")/lib.sh"
require kcat java mvn

start_kafka
pause() { # PID: stopped for two seconds, five seconds into the run
	sleep 5
	kill -STOP "$1"
	sleep 2
	kill -CONT "$1"
}

# produce NAME STATUS [OPTION]...: in the background, sets harrow_pid
produce() {
	"$harrow" produce -b "$bootstrap" --format json --quiet "${@:2}" >"$work/$1.json" &
	harrow_pid=$!
}

finish() { # NAME STATUS
	local status=0
	wait "$harrow_pid" || status=$?
	assert_equal "$2" "$status" "$1: exit status"
}

produce broker --rate 10k --duration 30s --size 100
pause "$(kafka pid 1)"
finish broker 0
assert_equal true "$(json_get "$work/broker.json" verdict.valid)" 'stopped broker: valid'
assert_equal 300000 "$(json_get "$work/broker.json" records.confirmed)" 'stopped broker: confirmed'
assert_between 1000000 "$(json_get "$work/broker.json" latency_us.p99)" 2500000 'stopped broker: p99'
assert_between 1900000 "$(json_get "$work/broker.json" latency_us.max)" 4000000 'stopped broker: max'
say "broker stopped for 2 s: latency p99 $(json_get "$work/broker.json" latency_us.p99) us," \
	"lateness p99 $(json_get "$work/broker.json" lateness_us.p99) us, valid"

produce self --rate 10k --duration 30s --size 100
pause "$harrow_pid"
finish self 3
assert_equal false "$(json_get "$work/self.json" verdict.valid)" 'stopped harrow: valid'
assert_equal generator "$(json_get "$work/self.json" limited_by)" 'stopped harrow: limited by'
assert_equal 300000 "$(json_get "$work/self.json" records.confirmed)" 'stopped harrow: confirmed'
say "harrow stopped for 2 s: lateness p99 $(json_get "$work/self.json" lateness_us.p99) us, invalid"

started=$SECONDS
produce flood --rate 50M --duration 10s --size 1KiB
finish flood 1
assert_between 9 $((SECONDS - started)) 25 'flood: seconds'
assert_equal true "$(json_get "$work/flood.json" verdict.valid)" 'flood: valid'
case $(json_get "$work/flood.json" limited_by) in
broker | window) ;;
*) fail "flood: limited by $(json_get "$work/flood.json" limited_by)" ;;
esac
assert_equal 500000000 "$(json_get "$work/flood.json" records.scheduled)" 'flood: scheduled'
sum=0
for key in acked failed unknown unsent; do
	sum=$((sum + $(json_get "$work/flood.json" "records.$key")))
done
assert_equal 500000000 "$sum" 'flood: acked + failed + unknown + unsent'
assert_between 400000000 "$(json_get "$work/flood.json" records.unsent)" 500000000 'flood: unsent'
say "flood: $(json_get "$work/flood.json" records.acked) acknowledged," \
	"limited by $(json_get "$work/flood.json" limited_by)"
