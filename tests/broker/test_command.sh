#!/usr/bin/env bash
# `harrow broker` as a command: "ready", its end by signal, by --duration and by second signals, one
# line and the right status for what cannot be, what it tells clients to connect to.
. "$(dirname "$0")/lib.sh"
require kcat python3
[ "$stage" = harrow ] || skip 'about harrow alone'

refuses() { refused "$1" "$2" "$harrow" broker --listen 127.0.0.1:0 "${@:3}"; }
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
refuses 2 'unexpected' now
refuses 2 '--tcp-cc' --tcp-cc nonesuch
refuses 2 'auto, uring or epoll' --engine warp
refuses 1 'cannot resolve' --listen nonexistent.invalid:9092
refuses 1 'No such file' --control "$work/nowhere/control"
: >"$work/file"
refuses 1 'no socket' --control "$work/file"
[ -f "$work/file" ] || fail 'the file in place of the control socket is gone'

start_stage --brokers 2
refuses 1 'stop what listens there' --listen "${bootstrap%%,*}"
refuses 1 'a broker that runs' --control "$control_path"
assert_equal 600 "$(stat -c %a "$control_path")" 'mode of the control socket'
stage_control status >/dev/null
echo 'hello' | kcat -P -b "$bootstrap" -t t -p 0
assert_equal hello "$(kcat_read t -f '%s')" 'what was kept'
kill -TERM "$stage_pid"
status=0
wait "$stage_pid" || status=$?
stage_pid=
assert_equal 0 "$status" 'status after SIGTERM'
[ ! -e "$control_path" ] || fail 'the control socket is still there'
tail -n 1 "$stage_log" | grep -qE '[0-9]+ requests, 1 records in 1 batches, .* CPU .* ns per record$' ||
	fail "its last line: $(tail -n 1 "$stage_log")"

# Killed, it leaves its socket, which the next one replaces.
rm "$work/ready"
"$harrow" broker --listen 127.0.0.1:0 --control "$control_path" >"$work/ready" 2>"$work/err" &
pid=$!
wait_until 10 grep -qs '^ready ' "$work/ready"
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
[ -S "$control_path" ] || fail 'no socket was left'
start_stage
stage_control status >/dev/null
kill -INT "$stage_pid"
wait "$stage_pid" || fail "status after SIGINT: $?"
stage_pid=

# A wildcard is not what clients are told.
for advertise in '' localhost; do
	rm "$work/ready"
	"$harrow" broker --listen 0.0.0.0:0 ${advertise:+--advertise "$advertise"} --duration 2s \
		>"$work/ready" 2>"$work/err" &
	pid=$!
	wait_until 10 grep -qs '^ready ' "$work/ready"
	port=$(sed -n 's/^ready .*://p' "$work/ready")
	assert_equal "ready ${advertise:-$(hostname)}:$port" "$(cat "$work/ready")" 'what is ready'
	[ -n "$advertise" ] || grep -q -- '--advertise' "$work/err" || fail 'it does not say so'
	kcat -L -b "127.0.0.1:$port" | grep -q "broker 0 at ${advertise:-$(hostname)}:$port" ||
		fail "$(kcat -L -b "127.0.0.1:$port")"
	wait "$pid" || fail "status after --duration: $?"
done
