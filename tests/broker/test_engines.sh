#!/usr/bin/env bash
# The engines over whole runs: io_uring and epoll write the same records to each partition; where
# io_uring is refused, by whichever of its calls and with whichever error, harrow says so in one line,
# goes on with epoll, and the result says epoll.
. "$(dirname "$0")/lib.sh"
require kcat cksum

partitions=4
records=20000

# run TOPIC [OPTION]...: the same seed and schedule in each run; the result goes to work/TOPIC.json.
# Lateness (status 3) is not the subject here, and the machine may be busy.
run() {
	local status=0
	"$harrow" produce -b "$bootstrap" -t "$1" --partitions "$partitions" \
		--records "$records" --rate 40k --size 300 --seed 7 --no-stamp --key sequence \
		--headers 2x9 --quiet --format json "${@:2}" >"$work/$1.json" 2>"$work/stderr" ||
		status=$?
	case $status in
	0 | 3) ;;
	*) fail "$1: status $status: $(cat "$work/stderr" "$work/$1.json")" ;;
	esac
	assert_equal "$records" "$(json_get "$work/$1.json" records.acked)" "$1: acknowledged"
	assert_equal "$records" "$(json_get "$work/$1.json" records.confirmed)" "$1: confirmed"
}
# content TOPIC: a checksum of each partition's records in order, times aside: those are the run's.
content() {
	local partition
	for ((partition = 0; partition < partitions; partition++)); do
		kcat -C -e -q -b "$bootstrap" -t "$1" -p "$partition" -o beginning \
			-X check.crcs=true -f '%o %K %k %S %s %h\n' | cksum
	done
}
engine_of() { json_get "$work/$1.json" engine; }

start_stage

# ---- side by side ----

run of-uring --engine uring
assert_equal uring "$(engine_of of-uring)" 'engine asked for'
assert_equal '' "$(cat "$work/stderr")" 'said with io_uring'
content of-uring >"$work/content-of-uring"
assert_equal "$partitions" "$(sort -u "$work/content-of-uring" | wc -l)" 'different partitions'
for topic in of-epoll of-epoll-held-back; do
	caps=()
	[ $topic = of-epoll ] ||
		caps=(--io-caps -multishot,-bufring,-waitall,-trunc,-multiaccept,-pwait2)
	run $topic --engine epoll ${caps[@]+"${caps[@]}"}
	assert_equal epoll "$(engine_of $topic)" 'engine asked for'
	assert_equal '' "$(cat "$work/stderr")" 'said with epoll asked for'
	content $topic >"$work/content-$topic"
	cmp -s "$work/content-of-uring" "$work/content-$topic" ||
		fail "$topic: the records differ from those that io_uring wrote"
done
say "uring and epoll: the same $records records in $partitions partitions"

# ---- under filters ----

without_uring() { "$build/tests/tools/without_uring" "$@"; }
status=0
without_uring all true || status=$?
if [ "$status" -eq 77 ]; then
	skip 'no seccomp filter can be installed here: uring and epoll agree, the rest was left out'
fi
for call in all=EPERM all=ENOSYS all=EACCES setup enter register; do
	assert_status 0 without_uring $call "$harrow" produce -b "$bootstrap" -t "without-${call/=/-}" \
		--partitions 2 --records 1000 --quiet --format json
	cp "$work/stdout" "$work/without-$call.json"
	assert_equal 1 "$(wc -l <"$work/stderr")" "$call: lines on standard error"
	assert_contains "$work/stderr" 'io_uring' "$call: what is missing"
	assert_contains "$work/stderr" 'going on with epoll' "$call: what is done about it"
	assert_equal epoll "$(engine_of "without-$call")" "$call: engine"
	assert_equal 1000 "$(json_get "$work/without-$call.json" records.confirmed)" "$call: confirmed"
	assert_status 1 without_uring $call "$harrow" produce -b "$bootstrap" --engine uring
	assert_equal 1 "$(wc -l <"$work/stderr")" "$call: lines when io_uring is insisted on"
done
[ "$stage" = harrow ] || exit 0

# ---- the broker itself ----

kill -TERM "$stage_pid"
wait "$stage_pid" || true
rm "$work/ready"
"$build/tests/tools/without_uring" all "$harrow" broker --listen 127.0.0.1:0 >"$work/ready" \
	2>"$stage_log" &
stage_pid=$!
wait_until 10 stage_answers
bootstrap=$(sed -n 's/^ready //p' "$work/ready")
assert_equal 1 "$(grep -c 'going on with epoll' "$stage_log")" 'lines about epoll from the broker'
run broker-on-epoll
content broker-on-epoll >"$work/content-broker-on-epoll"
cmp -s "$work/content-of-uring" "$work/content-broker-on-epoll" ||
	fail 'a broker on epoll serves other records'
say 'the broker goes on with epoll, too'
