#!/usr/bin/env bash
# What `harrow broker` refuses, it refuses in one line that says what to do, before it listens; what
# it took is given back at the end. And what clients are told when the store has forgotten.
. "$(dirname "$0")/lib.sh"
require kcat

refuses() { refused "$1" "$2" "$harrow" broker --listen 127.0.0.1:0 "${@:3}"; }

# ---- the command line ----

refuses 2 'did you mean --listen?' --listn 127.0.0.1:9092
refuses 2 'HOST:PORT such as 127.0.0.1:9092' --listen localhost
refuses 2 'HOST:PORT such as 127.0.0.1:9092' --listen 127.0.0.1:99999
refuses 2 'null, memory or memory:SIZE' --store disk
refuses 2 'message.max.bytes' --store memory:1KiB
refuses 2 '1 to 64' --brokers 0
refuses 2 'none above 65535' --brokers 3 --listen 127.0.0.1:65534
refuses 2 'did you mean num.partitions?' --property num.partition=3
refuses 2 'INT' --property num.partitions=many
refuses 2 'at least 1' --property num.partitions=0
refuses 2 'exp:TIME or const:TIME' --service-time 50us
refuses 2 '--service-time' --servers 4
refuses 2 'produce=RATE' --quota produce
refuses 2 "did you mean 'Produce'?" --fault api=Produc:delay=1ms
refuses 2 "did you mean 'NOT_LEADER_OR_FOLLOWER'?" --fault api=Produce:error=NOT_LEADER
refuses 2 '--tcp-cc' --tcp-cc nonesuch
refuses 2 'auto, uring or epoll' --engine warp
refuses 1 'cannot resolve' --listen nonexistent.invalid:9092
refuses 1 'No such file' --control "$work/nowhere/control"
: >"$work/file"
refuses 1 'no socket' --control "$work/file"
[ -f "$work/file" ] || fail 'the file in place of the control socket is gone'

# ---- what is taken already ----

start_stage --brokers 2 --property default.replication.factor=2 --property num.partitions=2
port=${bootstrap##*:}
refuses 1 'stop what listens there' --listen "127.0.0.1:$port"
refuses 1 'control' --control "$control_path"
[ "$(stat -c %a "$control_path")" = 600 ] || fail 'others may open the control socket'
kcat -b "$bootstrap" -L >"$work/still" || fail 'the first broker no longer answers'

# ---- the store is smaller than what was written ----

assert_status 1 "$harrow" produce -b "$bootstrap" --records 600k --size 1KiB --verify-read --quiet
assert_contains "$work/stdout" 'retention took them' 'read back from a store too small'

# ---- the end ----

kill -TERM "$stage_pid"
wait "$stage_pid" || fail 'the broker did not end well'
stage_pid=
[ ! -e "$control_path" ] || fail 'the control socket was left behind'
grep -qE 'harrow broker: .* requests, .* records in .* batches' "$stage_log" ||
	fail "no last line: $(cat "$stage_log")"
assert_equal 1 "$(grep -c '^ready ' "$work/ready")" 'lines that say ready'
