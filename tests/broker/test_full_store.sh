#!/usr/bin/env bash
# A memory store that is much smaller than what is written: the oldest records leave, the log begins
# later, and kcat, which reads the rest without a gap, is told so. Memory stays within bounds.
. "$(dirname "$0")/lib.sh"
require kcat python3
[ "$stage" = harrow ] || skip 'a store in memory is what real Kafka has not'

records=1000000
memory_mib=64 # of the whole process, with a store of 16 MiB

offset_at() { # TIMESTAMP
	kcat -Q -b "$bootstrap" -t "big:0:$1" | sed 's/.*offset \(-*[0-9]*\)$/\1/'
}

start_stage -- --store memory:16MiB
seq 0 $((records - 1)) | sed 's/$/ of many records, each with some more text behind its number/' |
	kcat -P -b "$bootstrap" -t big -p 0 -X enable.idempotence=true
first=$(offset_at -2)
assert_between 100000 "$first" $((records - 50000)) 'the first offset that is left'
assert_equal $records "$(offset_at -1)" 'the end offset'
kcat -C -e -q -b "$bootstrap" -t big -p 0 -o beginning -X check.crcs=true -f '%o %s\n' >"$work/read"
awk -v first="$first" '
	$1 != first + NR - 1 || $1 != $2 { print "line", NR ":", $0; exit 1 }' "$work/read" ||
	fail 'what is left has a gap, or other records'
assert_equal $((records - first)) "$(wc -l <"$work/read")" 'records that are left'
assert_equal "$first" "$(kcat -C -e -q -b "$bootstrap" -t big -p 0 -o 5 -c 1 -f '%o\n' \
	-X auto.offset.reset=earliest)" 'where a reader goes on who came too late'
stage_control status >"$work/status.json"
assert_between 16 $(($(json_get "$work/status.json" memory_bytes) >> 20)) $memory_mib 'memory, in MiB'
say "$records records into 16 MiB: $((records - first)) are left," \
	"$(($(json_get "$work/status.json" memory_bytes) >> 20)) MiB of memory"
