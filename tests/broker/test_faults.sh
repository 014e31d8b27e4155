#!/usr/bin/env bash
# The binary against faults of the stage, over real sockets: what passes is survived, confirmed and
# read back once; what does not pass is counted, said in words, and ends with 1. Every consequence
# of every answer is in tests/unit/src/test_faults.c, on a simulated network.
. "$(dirname "$0")/lib.sh"
[ "$stage" = harrow ] || skip 'Kafka does nothing wrong on command'

result() { json_get "$work/result.json" "$1"; }

# produce RULES STATUS [OPTION]...: on a stage of its own with these rules, separated by spaces
produce() {
	local rules=() rule expected=$2 status=0
	for rule in $1; do
		rules+=(--fault "$rule")
	done
	what=$1
	shift 2
	if [ -n "${stage_pid-}" ]; then
		kill "$stage_pid"
		wait "$stage_pid" || true
		: >"$work/ready" # so that the next one is not taken for ready
	fi
	start_stage --brokers 2 -- --seed 5 ${rules[@]+"${rules[@]}"}
	"$harrow" produce -b "$bootstrap" --records 20000 --size 100 --partitions 4 --seed 5 \
		--batch-records 250 --request-timeout 1s --delivery-timeout 10s --verify-read \
		--format json --quiet "$@" >"$work/result.json" 2>"$work/errors" || status=$?
	[ "$status" -eq "$expected" ] || fail "$what: expected status $expected, got $status:" \
		"$(result verdict.sentence || cat "$work/errors")"
	assert_equal 0 "$(result records.duplicates)" "$what: read twice"
}

passes() { # RULES [ERROR-NAME]
	produce "$1" 0
	assert_equal 20000 "$(result records.acked)" "$1: acknowledged"
	assert_equal 20000 "$(result records.confirmed)" "$1: confirmed"
	assert_equal 0 "$(result records.gaps)" "$1: gaps"
	[ $# -eq 1 ] ||
		assert_between 1 "$(result "requests.errors_by_name.$2")" 1000 "$1: counted"
}

passes api=Produce,partition=1:error=NOT_LEADER_OR_FOLLOWER:skip=3,count=2 NOT_LEADER_OR_FOLLOWER
passes api=Produce:error=REQUEST_TIMED_OUT,applied=yes:probability=0.1 REQUEST_TIMED_OUT
passes api=Produce,partition=2:error=OUT_OF_ORDER_SEQUENCE_NUMBER:skip=3,count=1 \
	OUT_OF_ORDER_SEQUENCE_NUMBER
passes api=Produce:disconnect=after:skip=3,count=3 'connection lost'
passes api=Produce:half:skip=3,count=2 'connection lost'
passes api=Produce:garbage=body:skip=3,count=2 'connection lost'
passes api=Produce:delay=1500ms:skip=3,count=1 timeout
passes 'api=CreateTopics:disconnect=after:count=1 api=ListOffsets:half:count=1
	api=InitProducerId:error=COORDINATOR_LOAD_IN_PROGRESS:count=2
	api=Fetch:disconnect=before:count=2 api=DeleteTopics:error=NOT_CONTROLLER:count=1
	api=DescribeConfigs:error=TOPIC_AUTHORIZATION_FAILED'
say 'what passes is survived: nothing lost, nothing doubled'

produce api=Produce,partition=1:error=MESSAGE_TOO_LARGE:skip=3,count=1 1
assert_equal 250 "$(result records.failed)" 'one batch refused: failed'
assert_equal 19750 "$(result records.confirmed)" 'one batch refused: confirmed'

produce api=Produce,partition=1:error=9999,applied=yes:skip=3,count=1 1
assert_equal 250 "$(result records.unknown)" 'an unknown error: unknown'
assert_equal 20000 "$(result records.confirmed)" 'an unknown error: confirmed'

# A broker that confirms what it never wrote.
produce api=Produce,partition=1:error=DUPLICATE_SEQUENCE_NUMBER,applied=no:skip=19,count=1 1
assert_equal 20000 "$(result records.acked)" 'a lying broker: acknowledged'
assert_equal 19750 "$(result records.confirmed)" 'a lying broker: confirmed'
say "a lying broker: $(result verdict.sentence)"

# The topic goes while it is written to.
produce 'api=Produce:error=UNKNOWN_TOPIC_OR_PARTITION:skip=20
	api=Metadata:error=UNKNOWN_TOPIC_OR_PARTITION:skip=8' 1 --delivery-timeout 2s
assert_between 1 "$(result records.acked)" 19999 'a topic that goes: acknowledged'
say "a topic that goes: $(result verdict.sentence)"
