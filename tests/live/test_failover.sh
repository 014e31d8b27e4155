#!/usr/bin/env bash
# A broker of three is killed with -9 and started again, three times, under a steady open loop with
# acks=all: nothing acknowledged is lost, nothing is doubled, and the latency shows the hole.
. "$(dirname "$0")/lib.sh"
require kcat java mvn

start_kafka --brokers 3
"$harrow" produce -b "$bootstrap" -t steady --rate 2k --duration 60s --drain 30s --size 256 \
	--replication-factor 3 --topic-config min.insync.replicas=2 --verify-read \
	--format json --quiet >"$work/result.json" 2>"$work/errors" &
harrow_pid=$!
for broker in 1 2 3; do
	sleep 6
	kafka kill "$broker"
	sleep 3
	kafka start "$broker"
done
status=0
wait "$harrow_pid" || status=$?
# 3: this machine was too busy for the latencies to count; the records have to be there all the same.
[ "$status" -le 1 ] || [ "$status" -eq 3 ] || fail "harrow ended with status $status: $(cat "$work/errors")"

acked=$(json_get "$work/result.json" records.acked)
say "$acked of $(json_get "$work/result.json" records.scheduled) acknowledged," \
	"$(json_get "$work/result.json" records.unknown) unknown," \
	"latency p50 $(json_get "$work/result.json" latency_us.p50) us," \
	"max $(json_get "$work/result.json" latency_us.max) us"
assert_equal 120000 "$(json_get "$work/result.json" records.scheduled)" scheduled
assert_equal 0 "$(json_get "$work/result.json" records.gaps)" 'acknowledged but not read back'
assert_equal 0 "$(json_get "$work/result.json" records.duplicates)" 'read twice'
assert_equal 0 "$(json_get "$work/result.json" records.failed)" failed
assert_between 119000 "$acked" 120000 acknowledged
assert_equal "$(json_get "$work/result.json" records.confirmed)" "$(topic_count steady)" \
	'confirmed, counted by kcat'
assert_between 500000 "$(json_get "$work/result.json" latency_us.max)" 60000000 'the hole, in us'
