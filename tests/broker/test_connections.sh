#!/usr/bin/env bash
# Connections by the thousand: an idle one costs the broker less than 16 KiB of user memory; thousands
# a second, of strangers too, leave it answering, its memory bounded and its log short.
. "$(dirname "$0")/lib.sh"
require kcat python3
[ "$stage" = harrow ] || skip 'about harrow alone'

idle_max=16384 # bytes each
storm=20000
memory_max=$((32 << 20)) # after the storms
log_lines_max=200
http=$(printf 'GET / HTTP/1.1\r\n\r\n' | od -An -tx1 | tr -d ' \n')

connections() { python3 "$top/tests/broker/connections.py" "$@"; }

for engine in uring epoll; do
	rm -f "$work/ready"
	start_stage -- --engine $engine
	port=${bootstrap##*:}
	bytes=$(connections idle "$port" "$stage_pid" 1000)
	assert_between 0 "$bytes" $idle_max "$engine: bytes of each of 1,000 idle connections"
	for data in '' "$http" 00000004; do
		rate=$(connections storm "$port" $storm $data)
		say "$engine: $bytes bytes an idle connection; $rate connections/s sending '${data:0:8}'"
		kcat -L -b "$bootstrap" >/dev/null || fail "$engine: no answer after the storm"
	done
	anonymous=$(($(awk '/^RssAnon/ { print $2 }' "/proc/$stage_pid/status") * 1024))
	assert_between 0 "$anonymous" $memory_max "$engine: bytes of memory after the storms"
	kill -TERM "$stage_pid"
	wait "$stage_pid" || fail "$engine: the broker did not end well"
	stage_pid=
	assert_between 1 "$(wc -l <"$stage_log")" $log_lines_max "$engine: lines of log"
done
