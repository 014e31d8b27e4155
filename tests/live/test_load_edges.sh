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
