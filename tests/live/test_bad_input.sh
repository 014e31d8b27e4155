#!/usr/bin/env bash
# What goes wrong before and around a run is said in one line that says what to do: exit status 2
# where another command line helps, 1 where the run failed, and standard output stays empty. Once
# records were sent, there is a result whatever happens.
. "$(dirname "$0")/lib.sh"
require java mvn
tools=$build/tests/tools

produce() { "$harrow" produce -b "$bootstrap" -q --format json "$@"; }
# Not a function's name behind `timeout`, so a command of its own.
refuses() { refused "$1" "$2" "$harrow" produce -b "$bootstrap" -q --records 10 "${@:3}"; }
topics() { kcat -b "$bootstrap" -L -m 5 2>/dev/null | grep -c '^  topic ' || true; }

# ---- the command line: nobody is asked anything ----

bootstrap=127.0.0.1:1
refused 2 'did you mean produce?' "$harrow" prodcue
refused 2 'harrow --help' "$harrow" xyzzy
refused 2 '-b HOST:PORT' "$harrow" produce
refuses 2 'did you mean --records?' --recrods 5
refuses 2 "'127.0.0.1'" -b 127.0.0.1
refuses 2 '100, 64KiB or 1MiB' --size 1kb
refuses 2 '100, 64KiB or 1MiB' --size 99TiB
refuses 2 '50k or 2M' --rate 10mb
refuses 2 'time with its unit' --duration 5
refuses 2 'time with its unit' --drain -1s
refuses 2 '1 to' --records 0
refuses 2 '1 to' --partitions 0
refuses 2 '1 to' --threads 0
refuses 2 "'0'" --rate 0
refuses 2 '0, 1 or all' --acks 2
refuses 2 'none, gzip' --codec brotli
refuses 2 'letters, digits' -t a/b
refuses 2 'letters, digits' -t ..
refuses 2 '--topic' --existing
refuses 2 'the last one is 11' --partition-skew hot:12=50%
refuses 2 '/nonexistent' --payload file:/nonexistent
refuses 2 '--io-caps' --io-caps warp
refuses 2 '--tcp-cc' --tcp-cc nonesuch
refuses 2 '/nonexistent' --config /nonexistent
printf '{\n  "rate": "50k",\n  "size" 100\n}\n' >"$work/syntax.json"
refuses 2 'syntax.json:3:' --config "$work/syntax.json"
printf '{\n  "rate": "50k",\n  "duratoin": "1s"\n}\n' >"$work/key.json"
refuses 2 'key.json:3:3: unknown key "duratoin"; did you mean "duration"?' --config "$work/key.json"
printf '{ "rate": "50x" }\n' >"$work/value.json"
refuses 2 'value.json:1:' --config "$work/value.json"
refuses 1 '--out' --out /proc/nonexistent
refuses 1 '--out' --out "$work/syntax.json"

# ---- nobody there, or somebody else ----

refuses 1 'no host of that name' -b nonexistent.invalid:9092
refuses 1 'Connection refused' -b 127.0.0.1:1

# impostor KIND: sets bootstrap
impostor() {
	"$tools/impostor" "$1" >"$work/$1" &
	wait_until 5 grep -qs ready "$work/$1"
	bootstrap=$(cut -d' ' -f2 "$work/$1")
}
for pair in 'http:with HTTP' 'tls:without TLS' 'garbage:de ad be ef' "greeter:not Kafka's" \
	'closing:closed the connection at the first request' 'old:too old' \
	'unproducing:does not speak Produce'; do
	impostor "${pair%%:*}"
	started=$SECONDS
	refuses 1 "${pair#*:}"
	assert_between 0 $((SECONDS - started)) 5 "${pair%%:*}: seconds"
done
# Silence has to be waited for: ten seconds, in the background.
impostor silent
("$harrow" produce -b "$bootstrap" 2>"$work/silence" || echo "$?" >"$work/silent-status") &
silence=$!

# ---- a real broker ----

start_kafka
before=$(topics)
for call in setup enter register; do
	status=0
	"$tools/without_uring" $call true || status=$?
	if [ "$status" -eq 77 ]; then
		say 'seccomp filters cannot be installed here'
		break
	fi
	refused 1 'io_uring is not permitted here' "$tools/without_uring" $call \
		"$harrow" produce -b "$bootstrap" --engine uring
done
refused 1 'ulimit -n' bash -c "ulimit -n 6; exec '$harrow' produce -b '$bootstrap'"
assert_status 0 bash -c "ulimit -n 16; exec '$harrow' produce -b '$bootstrap' -q --records 10"
refuses 1 'INVALID_REPLICATION_FACTOR' --replication-factor 9
refuses 1 'nonsense' --topic-config nonsense=1
refuses 2 '--size' --size 2MiB
refuses 2 '--batch-size' --batch-size 64MiB
refuses 2 'max.message.bytes' --size 2000 --topic-config max.message.bytes=1000
refuses 2 'does not exist' -t mine --existing
assert_equal "$before" "$(topics)" 'topics, none left over'

produce -t mine --records 10 >"$work/result.json"
refuses 2 '--existing' -t mine
refuses 2 'the last one of topic' -t mine --existing --partition-skew hot:40=50%

# One broker of several is there.
assert_status 0 produce -b "nonexistent.invalid:1,127.0.0.1:1,$bootstrap" --records 10

# ---- the broker itself refuses: a result, with counts ----

# compressed batches are not known to be too large beforehand
assert_status 1 produce --records 1000 --size 500 --codec lz4 --topic-config max.message.bytes=1000
assert_equal 1000 "$(json_get "$work/stdout" records.failed)" 'too large: failed'
assert_equal 0 "$(json_get "$work/stdout" records.confirmed)" 'too large: confirmed'
assert_contains "$work/stdout" 'MESSAGE_TOO_LARGE' 'too large: the reason'
# a limit that is lowered under a run, which is then interrupted
produce -t lowered --records 10 >"$work/result.json"
kafka tool kafka.admin.ConfigCommand --bootstrap-server "$bootstrap" --alter --entity-type topics \
	--entity-name lowered --add-config max.message.bytes=100 >"$work/altered" &
altering=$!
"$harrow" produce -b "$bootstrap" -t lowered --existing --rate 1k --size 500 --duration 60s \
	-q --format json >"$work/lowered.json" &
lowered=$!
wait $altering
sleep 0.5
kill -INT $lowered
status=0
wait $lowered || status=$?
# 3 where this machine was too busy with Java
[ "$status" -eq 3 ] || assert_equal 1 "$status" 'limit lowered: status'
sum=0
for key in acked failed unknown unsent; do
	sum=$((sum + $(json_get "$work/lowered.json" records.$key)))
done
assert_equal "$(json_get "$work/lowered.json" records.scheduled)" "$sum" 'limit lowered: acked + failed + unknown + unsent'
assert_between 1 "$(json_get "$work/lowered.json" records.failed)" 60000 'limit lowered: failed'
assert_equal "$(json_get "$work/lowered.json" records.acked)" \
	"$(json_get "$work/lowered.json" records.confirmed)" 'limit lowered: acked = confirmed'
assert_contains "$work/lowered.json" 'MESSAGE_TOO_LARGE' 'limit lowered: the reason'

# ---- where the result goes ----

status=0
produce --records 10 >/dev/full 2>"$work/stderr" || status=$?
assert_equal 1 "$status" 'standard output is full: status'
assert_contains "$work/stderr" 'No space left' 'standard output is full'
status=0
produce --records 10 --out "$work/closed" >&- 2>"$work/stderr" || status=$?
assert_equal 1 "$status" 'standard output is closed: status'
assert_contains "$work/stderr" 'standard output' 'standard output is closed'
assert_equal 10 "$(json_get "$work/closed/result.json" records.acked)" 'saved all the same'
status=0
"$harrow" --help >/dev/full 2>"$work/stderr" || status=$?
assert_equal 1 "$status" 'help into a full disk: status'

# A disk of its own, of one page, is full before the result is: it still goes to standard output.
if unshare -rm true 2>/dev/null; then
	mkdir "$work/small"
	status=0
	unshare -rm sh -c 'mount -t tmpfs -o size=4k none "$1/small" && shift && exec "$@"' - "$work" \
		"$harrow" produce -b "$bootstrap" -q --format json --records 10 \
		--out "$work/small" >"$work/stdout" 2>"$work/stderr" || status=$?
	assert_equal 1 "$status" "--out is full: status; $(cat "$work/stderr")"
	assert_contains "$work/stderr" 'No space left' '--out is full'
	assert_equal 10 "$(json_get "$work/stdout" records.acked)" '--out is full: the result'
else
	say 'no mount namespaces here: --out on a full disk is not tried'
fi

# ---- small and odd, but right ----

assert_status 0 produce --records 10 --size 0 --headers 2
assert_equal 10 "$(json_get "$work/stdout" records.confirmed)" 'empty values: confirmed'
assert_status 0 produce --duration 1ms
assert_equal "$(json_get "$work/stdout" records.acked)" \
	"$(json_get "$work/stdout" records.confirmed)" '1 ms: acked = confirmed'
# Whether one record in two seconds is on time is up to the machine.
status=0
produce --rate 0.5 --records 1 >"$work/stdout" || status=$?
[ "$status" -eq 0 ] || assert_equal 3 "$status" 'one record: status'
assert_equal 1 "$(json_get "$work/stdout" records.confirmed)" 'one record: confirmed'

# ---- silence ----

wait $silence
assert_equal 1 "$(cat "$work/silent-status")" 'silence: status'
assert_contains "$work/silence" 'does not answer ApiVersions' silence
