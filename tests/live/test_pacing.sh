#!/usr/bin/env bash
# 20,000 records a second for 20 s on an idle machine: the generator is on time. Others may use this
# machine, so the best of three attempts counts.
. "$(dirname "$0")/lib.sh"
require kcat java mvn

start_kafka
"$harrow" produce -b "$bootstrap" --rate 20k --duration 5s --size 100 --quiet >/dev/null || true
for attempt in 1 2 3; do
	status=0
	"$harrow" produce -b "$bootstrap" --rate 20k --duration 20s --size 100 --format json \
		--quiet >"$work/result.json" || status=$?
	late=$(json_get "$work/result.json" lateness_us.p99)
	say "attempt $attempt: lateness p99 $late us," \
		"latency p99 $(json_get "$work/result.json" latency_us.p99) us, status $status"
	if [ "$status" -eq 0 ] && awk -v late="$late" 'BEGIN { exit !(late < 1000) }'; then
		break
	fi
	[ "$attempt" -lt 3 ] || fail 'lateness p99 stayed above 1 ms'
done
assert_equal true "$(json_get "$work/result.json" verdict.valid)" valid
assert_equal 400000 "$(json_get "$work/result.json" records.confirmed)" confirmed
