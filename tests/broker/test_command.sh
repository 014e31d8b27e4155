#!/usr/bin/env bash
# `harrow broker` as a command: "ready", its end by signal, by --duration and by second signals, one
# line and the right status for what cannot be, what it tells clients to connect to.
. "$(dirname "$0")/lib.sh"
require kcat python3
[ "$stage" = harrow ] || skip 'about harrow alone'

# refused STATUS WORDS OPTION...: one line on standard error, nothing on standard output.
refused() {
	local status=0
	"$harrow" broker "${@:3}" >"$work/out" 2>"$work/err" || status=$?
	assert_equal "$1" "$status" "status of broker ${*:3}"
	assert_equal 1 "$(wc -l <"$work/err")" "lines about broker ${*:3}: $(cat "$work/err")"
	grep -qF -- "$2" "$work/err" || fail "broker ${*:3} says: $(cat "$work/err")"
	[ ! -s "$work/out" ] || fail "broker ${*:3} wrote: $(cat "$work/out")"
}
refused 2 'HOST:PORT' --listen 127.0.0.1
refused 2 'HOST:PORT' --listen 127.0.0.1:65536
refused 2 'memory:SIZE' --store disk
refused 2 'message.max.bytes' --store memory:1KiB
refused 2 '1 to 64' --brokers 65
refused 2 '65535' --brokers 3 --listen 127.0.0.1:65534
refused 2 'num.partition' --property num.partition=3
refused 2 'num.partitions' --property num.partitions=many
refused 2 'nonsense' --fault nonsense
refused 2 'exp:TIME' --service-time 50us
refused 2 '--service-time' --servers 3
refused 2 'produce=10MiB/s' --quota produce=10
refused 2 'tcp-cc' --tcp-cc nosuch
refused 2 'unexpected' now
refused 1 'nowhere.invalid' --listen nowhere.invalid:9092

start_stage --brokers 2
refused 1 '--listen' --listen "${bootstrap%%,*}" # in use: it says what to do
refused 1 'a broker that runs' --listen 127.0.0.1:0 --control "$control_path"
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
