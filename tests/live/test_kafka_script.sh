#!/usr/bin/env bash
# Shows: infra/kafka/kafka runs two versions side by side, kills, stops, starts and adds brokers,
# refuses what it does not understand, and leaves no process and no data behind.
. "$(dirname "$0")/lib.sh"
require java mvn kcat

script=$top/infra/kafka/kafka
clusters=$top/build/kafka/clusters

# brokers_seen BOOTSTRAP COUNT: kcat, asking these brokers, sees this many.
brokers_seen() {
	kcat -b "$1" -L -m 5 2>/dev/null >"$work/metadata" &&
		grep -q "^ $2 brokers:" "$work/metadata"
}
# lists ID HOST:PORT
lists() {
	kcat -b "$bootstrap" -L -m 5 2>/dev/null >"$work/metadata" &&
		grep -q "broker $1 at $2" "$work/metadata"
}
# Ended, though its parent may not have asked for its status yet.
ended() { ! [ -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
listens() { (: <"/dev/tcp/${1%:*}/${1#*:}") 2>/dev/null; }
not() { ! "$@"; }

# ---- usage: status 2 and one line ----

assert_usage() {
	assert_status 2 "$script" "$@"
	assert_equal 1 "$(wc -l <"$work/stderr")" "lines that refuse: $*"
}
assert_usage
assert_usage nonsense
assert_usage kill
assert_usage kill one
assert_usage kill 1 2
assert_usage up now
assert_usage up --brokers 0
assert_usage up --version 0.8.2
assert_usage up --property nonsense
assert_usage up --name
assert_usage up --name ../elsewhere
assert_usage up --nonsense 1
assert_usage tool
assert_status 0 "$script" down --name "live-$$-never-started"
assert_status 1 "$script" bootstrap --name "live-$$-never-started"

# ---- two versions at once ----

start_kafka --version 3.7.1
old=$kafka_name old_bootstrap=$bootstrap
started=$SECONDS
start_kafka --brokers 3 --property num.partitions=5
say "three brokers of 4.3.1 were ready after $((SECONDS - started)) s"
brokers_seen "$old_bootstrap" 1 || fail "3.7.1 is not there: $(cat "$work/metadata")"
brokers_seen "$bootstrap" 3 || fail "4.3.1 is not there: $(cat "$work/metadata")"
assert_equal "$bootstrap" "$(kafka bootstrap)" 'what bootstrap prints'
assert_status 1 kafka up
for i in 1 2 3 4 5; do echo "$i"; done | kcat -P -b "$bootstrap" -t numbers -p 2 -X acks=all
assert_equal 5 "$(topic_count numbers)" 'records read back'
assert_equal 5 "$(kcat -b "$bootstrap" -L -t numbers | grep -c '^    partition ')" \
	'partitions, as --property asked'

# ---- kill, start, stop, add ----

second=$(cut -d, -f2 <<<"$bootstrap")
pid=$(kafka pid 2)
kafka kill 2
ended "$pid" || fail 'the killed broker is still there'
not listens "$second" || fail 'the killed broker still listens'
assert_status 1 kafka pid 2
assert_status 1 kafka kill 2
kafka start 2
lists 2 "$second" || fail "broker 2 is not back on $second: $(cat "$work/metadata")"
assert_status 1 kafka start 2
[ "$(kafka pid 2)" != "$pid" ] || fail 'a started broker has a new pid'

kafka stop 3
assert_status 1 kafka pid 3
kafka logs 3 >"$work/log"
assert_contains "$work/log" 'shut down completed' 'an orderly stop'

added=$(kafka add)
lists 4 "$added" || fail "broker 4 is not on $added: $(cat "$work/metadata")"
assert_status 1 kafka stop 9
assert_equal 5 "$(topic_count numbers)" 'records read after all that'

# A recorded pid that meanwhile belongs to somebody else is left alone.
sleep 1000 &
stranger=$!
echo "$stranger" >"$clusters/$kafka_name/broker-3/pid"
assert_status 1 kafka kill 3
kill -0 "$stranger" || fail 'a stranger was killed'

# ---- down ----

pids="$(kafka pid 1) $(kafka pid 2) $(kafka pid 4) $(kafka pid controller)"
kafka down
for pid in $pids; do ended "$pid" || fail "process $pid is left over"; done
not test -e "$clusters/$kafka_name" || fail 'data is left over'
brokers_seen "$old_bootstrap" 1 || fail 'the other cluster was stopped too'
kafka_name=$old
pid=$(kafka pid 1)
kafka down
ended "$pid" || fail "process $pid is left over"

# ---- a broker that cannot start says why ----

assert_status 1 kafka up --property log.retention.hours=soon
assert_contains "$work/stderr" 'log.retention.hours' 'the end of the log'
assert_status 1 kafka pid 1
