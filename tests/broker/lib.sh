# What every test of the embedded broker by foreign clients sources: everything of tests/live/lib.sh,
# and a stage of its own that is gone when the test ends. STAGE=kafka puts real Apache Kafka in its
# place: whatever is expected of the stage must hold there too. Not a test itself.
#
#   . "$(dirname "$0")/lib.sh"
#   start_stage --brokers 3           sets bootstrap, brokers
#   client_test NAME VERSION COMMAND...
#
# The agreed records, which client programs write and `records_expected` prints: in each partition p,
# record i of n (from 0) has
#   key        "key-<i>", null in every tenth (i = 0, 10, ...)
#   value      "value <p> <i> " and 37 i mod 301 times "x"; null where i mod 50 is 49
#   timestamp  1700000000000 + 7 i
#   headers    i mod 3 of them, "h<j>" = "<i>.<j>", null in an h1 where i is even
# A line of `read`, and of kcat with $record_format, is: partition, offset, timestamp, the key's
# length and bytes, the value's length and bytes (-1 NULL where null), name=value of the headers.
# shellcheck shell=bash disable=SC2034

. "$(dirname "${BASH_SOURCE[0]}")/../live/lib.sh"

stage=${STAGE:-harrow}
stage_pid=
brokers=1
control_path=$work/control
stage_log=$work/stage.log
record_format='%p %o %T %K %k %S %s %h\n'
codecs='none gzip snappy lz4 zstd'

# start_stage [--brokers N] [--property k=v]... [-- OPTION...]: the options after -- are harrow's.
start_stage() {
	local options=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		[ "$1" != --brokers ] || brokers=$2
		options+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	if [ "$stage" = kafka ]; then
		start_kafka ${options[@]+"${options[@]}"}
		return
	fi
	rm -f "$work/ready" # of a stage before this one
	"$harrow" broker --listen 127.0.0.1:0 --store memory:256MiB --control "$control_path" \
		${options[@]+"${options[@]}"} "$@" >"$work/ready" 2>"$stage_log" &
	stage_pid=$!
	wait_until 10 stage_answers
	bootstrap=$(sed -n 's/^ready //p' "$work/ready")
}
# The broker has to end well when it is asked to, whatever the test did to it.
stage_end() {
	local status=$1 deadline=$((SECONDS + 10))
	trap - ERR
	set +e
	if [ -n "$stage_pid" ]; then
		kill -TERM "$stage_pid"
		while kill -0 "$stage_pid" && [ $SECONDS -lt $deadline ]; do sleep 0.05; done
		kill -KILL "$stage_pid"
		if ! wait "$stage_pid"; then
			printf 'FAILED: harrow broker did not end well: %s\n' "$(tail -n 50 "$stage_log")"
			status=1
		fi
	fi 2>/dev/null
	(exit "$status")
	live_end
}
trap 'stage_end $?' EXIT
stage_answers() {
	kill -0 "$stage_pid" || fail "harrow broker ended: $(cat "$stage_log")"
	grep -qs '^ready ' "$work/ready"
}

# stage_control COMMAND...: one command on the control socket; its answer on standard output.
stage_control() {
	python3 -c 'import socket, sys
control = socket.socket(socket.AF_UNIX)
control.settimeout(10)
control.connect(sys.argv[1])
control.sendall((sys.argv[2] + "\n").encode())
print(control.makefile().readline(), end="")' "$control_path" "$*" >"$work/control-answer"
	cat "$work/control-answer"
	grep -q '^[o{]' "$work/control-answer" # ok: ..., or the status as JSON
}
stage_down() { # BROKER-ID
	if [ "$stage" = kafka ]; then kafka kill "$1"; else stage_control down "$1"; fi
}
stage_up() {
	if [ "$stage" = kafka ]; then kafka start "$1"; else stage_control up "$1"; fi
}
stage_elect() {
	[ "$stage" = kafka ] || { stage_control elect; return; }
	kafka tool org.apache.kafka.tools.LeaderElectionCommand --bootstrap-server "$bootstrap" \
		--election-type preferred --all-topic-partitions
}

# librdkafka_client: builds librdkafka_client.c and prints its path
librdkafka_client() {
	local library client=$build/tests/broker/librdkafka_client
	library=$("$top/infra/librdkafka.sh")
	mkdir -p "${client%/*}"
	cc -std=c11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -isystem "$library/include" \
		"$top/tests/broker/librdkafka_client.c" "-L$library/lib" "-Wl,-rpath,$library/lib" \
		-lrdkafka -o "$client"
	printf '%s\n' "$client"
}

# row CLIENT VERSION WHAT: one row of the table of clients.
row() {
	[ "$stage" = harrow ] || set -- "$1" "$2" "$3 (on real Kafka)"
	say "$(printf '%-26s %-8s %s' "$@")"
}

# ---- the agreed records ----

records_expected() { # PARTITIONS RECORDS
	awk -v partitions="$1" -v records="$2" 'BEGIN {
		x = sprintf("%301s", ""); gsub(/ /, "x", x)
		for (p = 0; p < partitions; p++)
			for (i = 0; i < records; i++) {
				value = "value " p " " i " " substr(x, 1, i * 37 % 301)
				line = p " " i " " sprintf("%.0f", 1700000000000 + 7 * i) " "
				line = line (i % 10 ? length("key-" i) " key-" i : "-1 NULL") " "
				line = line (i % 50 == 49 ? "-1 NULL" : length(value) " " value) " "
				for (j = 0; j < i % 3; j++)
					line = line (j ? "," : "") "h" j "=" (j && i % 2 == 0 ? "NULL" : i "." j)
				print line
			}
	}'
}

# assert_records EXPECTED READ WHAT: READ may mix partitions, but no partition's records.
assert_records() {
	sort -s -n -k 1,1 "$2" >"$2.sorted"
	cmp -s "$1" "$2.sorted" ||
		fail "$3: the records differ: $(diff "$1" "$2.sorted" | cut -c 1-200 | head -n 10)"
}

# kcat_read TOPIC [OPTION]...: all records as lines, checking CRCs.
kcat_read() {
	kcat -C -e -q -b "$bootstrap" -t "$1" -o beginning -Z -X check.crcs=true -f "$record_format" \
		"${@:2}"
}

# client_test NAME VERSION COMMAND...: a client program (`COMMAND write|read|admin`, as in
# librdkafka_client.c) writes the agreed records with every codec in $codecs; it and kcat read every
# one of them back; it administers.
client_test() {
	local name=$1 version=$2 codec topic count=2000
	shift 2
	records_expected 3 $count >"$work/expected"
	for codec in $codecs; do
		topic=$name-$version-$codec
		"$@" write "$bootstrap" "$topic" 3 $count "$codec"
		"$@" read "$bootstrap" "$topic" 3 >"$work/read"
		assert_records "$work/expected" "$work/read" "$topic, read by $name"
		kcat_read "$topic" >"$work/read"
		assert_records "$work/expected" "$work/read" "$topic, read by kcat"
	done
	"$@" admin "$bootstrap" "$brokers"
	row "$name" "$version" "idempotent produce ($codecs), read by partition, and by kcat; admin"
}
