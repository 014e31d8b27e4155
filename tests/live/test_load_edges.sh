#!/usr/bin/env bash
# The load engine's edges, each of which once went wrong: what a request's timeout leaves behind, and
# when a lingering batch is sent.
. "$(dirname "$0")/lib.sh"
require kcat java mvn

start_kafka
produce() { # NAME [OPTION]...
	"$harrow" produce -b "$bootstrap" --format json --quiet "${@:2}" >"$work/$1.json"
}
value() { # NAME KEY
	json_get "$work/$1.json" "$2"
}

# Timed out: records come due while the connection is going down.
produce timeout --partitions 1 --rate 3000 --arrivals poisson --no-idempotence --acks 1 \
	--in-flight 1024 --request-timeout 300ms --delivery-timeout 10s --duration 5s --drain 10s &
sleep 2
kill -STOP "$(kafka pid 1)"
sleep 1
kill -CONT "$(kafka pid 1)"
wait $!
assert_equal "$(value timeout records.scheduled)" "$(value timeout records.acked)" 'timeout: acked'
assert_between 1 "$(value timeout requests.errors)" 1000000 'timeout: errors'

# Lingering ends when the batch is full, by records or by bytes; until then it is not lateness. The
# machine may be slow, but 100 ms is far from 1 s.
for full in '--batch-records 50' '--batch-size 5500'; do
	# shellcheck disable=SC2086
	produce linger --partitions 2 --rate 2000 --size 100 --linger 1s --duration 3s $full || true
	assert_between 30000 "$(value linger linger_us.max)" 60000 "$full: linger"
	assert_between 0 "$(value linger lateness_us.p50)" 5000 "$full: lateness"
done

# A closed loop bound by its records alone ends when its brokers are gone.
produce gone --partitions 3 --records 50M --request-timeout 1s --delivery-timeout 3s --drain 2s \
	--topic gone &
sleep 2
kill -STOP "$(kafka pid 1)"
sleep 12
kill -CONT "$(kafka pid 1)"
status=0
wait $! || status=$?
assert_equal 1 "$status" 'broker gone: status'
sum=0
for key in acked failed unknown unsent; do
	sum=$((sum + $(value gone "records.$key")))
done
assert_equal 50000000 "$sum" 'broker gone: acked + failed + unknown + unsent'
assert_between 1 "$(value gone records.unsent)" 50000000 'broker gone: unsent'
grep -q 'nothing more was acknowledged' "$work/gone.json" || fail 'broker gone: no reason'

# A partition without a share gets nothing, and delays nobody.
produce hot --partitions 3 --duration 1s --partition-skew hot:1=100% --topic hot
assert_equal "$(value hot records.acked)" "$(kcat -Q -b "$bootstrap" -t hot:1:-1 | grep -o '[0-9]*$')" \
	'hot partition: all of it'

# A batch that is larger than anything else in the read-back.
produce large --partitions 2 --records 60k --size 1KiB --batch-size 20MiB --verify-read \
	--topic-config max.message.bytes=40000000
assert_equal 60000 "$(value large records.received)" 'large batches: read back'

# acks=1: the leaders acknowledge before their followers have it, and show it only afterwards.
start_kafka --brokers 3
produce leader --partitions 12 --replication-factor 3 --acks 1 --duration 2s --verify-read
assert_equal "$(value leader records.acked)" "$(value leader records.confirmed)" 'acks=1: confirmed'
assert_equal 0 "$(value leader records.gaps)" 'acks=1: gaps'
