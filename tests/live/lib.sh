# What every live test sources: a real Kafka of its own that is gone when the test ends, checks that
# say what was expected, counting with kcat, values out of harrow's JSON. A command that fails where
# nobody asks fails the test and names its line. Lines that start with "# " (say) are shown even
# when the test passes. Not a test itself.
#
#   . "$(dirname "$0")/lib.sh"
#   start_kafka --brokers 3             sets bootstrap; `kafka kill 2` then speaks of this cluster
#   "$harrow" produce -b "$bootstrap" ... --format json >"$work/result.json"
#   assert_equal 1000 "$(json_get "$work/result.json" records.acked)" 'records acknowledged'
# shellcheck shell=bash disable=SC2034

set -eEu
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
build=${BUILD:-build}
[[ $build == /* ]] || build=$top/$build
harrow=$build/harrow
work=$(mktemp -d)
kafka_name= bootstrap=
kafka_names=()

say() { printf '# %s\n' "$*"; }
fail() {
	printf 'FAILED: %s\n' "$*"
	exit 1
}
skip() {
	printf '%s\n' "$*"
	exit 77
}
require() {
	local command
	for command in "$@"; do
		command -v "$command" >/dev/null || skip "$command is not installed"
	done
}

trap 'printf "%s line %d: status %d of: %s\n" "$0" "$LINENO" "$?" "$BASH_COMMAND"' ERR
trap 'exit 130' INT TERM
trap live_end EXIT
live_end() {
	local status=$? pid name
	trap - ERR INT TERM
	set +e
	for pid in $(jobs -p); do
		kill -CONT "$pid"
		kill -KILL "$pid"
	done 2>/dev/null
	wait
	for name in ${kafka_names[@]+"${kafka_names[@]}"}; do
		"$top/infra/kafka/kafka" down --name "$name" || status=1
	done
	rm -rf "$work"
	exit "$status"
}

# ---- Kafka ----

# start_kafka [UP-OPTION]...: a cluster of its own name; sets kafka_name and bootstrap. A second one
# may be started; set kafka_name to the cluster that `kafka` shall speak of.
start_kafka() {
	kafka_name=live-$$-${#kafka_names[@]}
	kafka_names+=("$kafka_name")
	bootstrap=$(kafka up "$@" | tail -n 1)
	[ -n "$bootstrap" ] || fail "Kafka did not start: up $*"
}

# kafka VERB [ARGUMENT]...: infra/kafka/kafka on the cluster started last.
kafka() {
	"$top/infra/kafka/kafka" "$1" --name "$kafka_name" "${@:2}"
}

# topic_count TOPIC [BOOTSTRAP]: how many records kcat reads from all partitions, checking CRCs.
topic_count() (
	set -o pipefail
	kcat -C -e -q -b "${2:-$bootstrap}" -t "$1" -o beginning -X check.crcs=true -f '\n' |
		wc -l
)

# ---- checks ----

# json_get FILE PATH: one value of a JSON file, e.g. records.acked; status 1 when it is not there.
json_get() {
	"$build/tests/tools/json_get" "$@"
}

assert_equal() { # EXPECTED ACTUAL WHAT
	[ "$1" = "$2" ] || fail "$3: expected $1, got $2"
}

assert_between() { # LOW ACTUAL HIGH WHAT (numbers, also with a fraction)
	[[ $2 =~ ^-?[0-9] ]] && awk -v low="$1" -v actual="$2" -v high="$3" \
		'BEGIN { exit !(low + 0 <= actual + 0 && actual + 0 <= high + 0) }' ||
		fail "$4: expected $1 to $3, got $2"
}

assert_contains() { # FILE TEXT WHAT
	grep -qF -- "$2" "$1" || fail "$3: no \"$2\" in: $(tail -n 20 "$1")"
}

# assert_status STATUS COMMAND [ARGUMENT]...: its output goes to work/stdout and work/stderr.
assert_status() {
	local expected=$1 status=0
	shift
	"$@" >"$work/stdout" 2>"$work/stderr" || status=$?
	[ "$status" -eq "$expected" ] ||
		fail "$*: expected status $expected, got $status; $(tail -n 20 "$work/stderr")"
}

# refused STATUS TEXT COMMAND [ARGUMENT]...: one line with the text, within 80 s, and no result
refused() {
	assert_status "$1" timeout 80 "${@:3}"
	assert_contains "$work/stderr" "$2" "${*:3}"
	assert_equal 1 "$(wc -l <"$work/stderr")" "lines on standard error: ${*:3}: $(cat "$work/stderr")"
	[ ! -s "$work/stdout" ] || fail "${*:3}: a result: $(cat "$work/stdout")"
}

# wait_until SECONDS COMMAND [ARGUMENT]...: tries every 100 ms until it succeeds.
wait_until() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || fail "not within the time given: $*"
		sleep 0.1
	done
}
