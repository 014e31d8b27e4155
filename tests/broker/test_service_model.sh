#!/usr/bin/env bash
# A queue of known capacity on the stage: harrow at half of it is served, at twice of it gets what
# there is, says that the broker was the limit, and ends with 1; and a quota holds the rate where it
# says, with the throttling in the result.
. "$(dirname "$0")/lib.sh"
[ "$stage" = harrow ] || skip 'Kafka has no service model'

# another_stage OPTION...: in place of the one that runs.
another_stage() {
	if [ -n "${stage_pid-}" ]; then
		kill "$stage_pid"
		wait "$stage_pid" || true
		: >"$work/ready" # so that the next one is not taken for ready
	fi
	start_stage -- "$@"
}

# produce STATUS LIMIT [OPTION]...: the result is in work/result.json; it names the limit. Others may
# use this machine: a run that says of itself that harrow was late (3) is made again, and the second
# time its rate counts all the same.
produce() {
	local expected=$1 limit=$2 status attempt
	shift 2
	for attempt in 1 2; do
		status=0
		"$harrow" produce -b "$bootstrap" --size 100 --format json --quiet "$@" \
			>"$work/result.json" 2>"$work/errors" || status=$?
		[ "$status" -eq 3 ] || break
		say "attempt $attempt: $(result verdict.reasons.0 || true)"
	done
	[ "$status" -ne 3 ] || return 0
	[ "$status" -eq "$expected" ] || fail "$*: expected status $expected, got $status:" \
		"$(result verdict.sentence || cat "$work/errors")"
	assert_equal "$limit" "$(result limited_by)" "$*: limited by"
}
result() { json_get "$work/result.json" "$1"; }

# queue CAPACITY OPTION...: of a stage with this capacity in records per second.
queue() {
	local capacity=$1
	shift
	another_stage "$@"
	produce 0 null --rate $((capacity / 2)) --duration 4s
	assert_equal $((capacity * 2)) "$(result records.acked)" "$*, half: acknowledged"
	say "$*, half its capacity: latency p50 $(result latency_us.p50) us," \
		"p99 $(result latency_us.p99) us"

	# What is in flight is 100 ms of work: the broker need not be turned more often, and what is
	# never acknowledged at the end is little.
	local batch=$((capacity / 200))
	produce 0 broker --duration 3s --partitions 4 --batch-records $batch
	assert_between $((capacity * 9 / 10)) "$(result rate.records_per_second)" \
		$((capacity * 21 / 20)) "$*, flat out: acknowledged per second"
	say "$*, flat out: $(result rate.records_per_second) records/s"

	produce 1 broker --rate $((capacity * 2)) --duration 5s --drain 100ms --partitions 4 \
		--batch-records $batch
	assert_between $((capacity * 9 / 10)) "$(result rate.records_per_second)" \
		$((capacity * 21 / 20)) "$*, twice: acknowledged per second"
	say "$*, twice its capacity: $(result rate.records_per_second) records/s"
}

queue 10000 --service-time const:100us --servers 1
queue 40000 --service-time exp:50us --servers 2

# Kafka's windows are eleven seconds: so much goes at once, then a request a second.
another_stage --quota produce=2MiB/s
produce 0 broker --duration 11s --size 1KiB --batch-size 32KiB
assert_between 1 "$(result throttle_ms)" 1000000 'throttled, in ms'
assert_between 1700000 "$(result rate.payload_bytes_per_second)" 2500000 \
	'under quota: payload bytes per second'
say "quota of 2 MiB/s: $(result rate.payload_bytes_per_second) bytes/s," \
	"throttle_ms $(result throttle_ms)"
