#!/usr/bin/env bash
# `make demo`: harrow against its own embedded broker on this machine, four times: at a rate, flat out
# into a broker that keeps nothing, flat out with everything read back, and above the capacity of a
# broker that is made slow. About half a minute; needs build/harrow and nothing else; nothing is left
# running.
set -eu
cd "$(dirname "$0")/.."
harrow=build/harrow
scratch=$(mktemp -d)
broker_pid=
wait_s=10

broker_end() {
	[ -n "$broker_pid" ] || return 0
	kill -TERM "$broker_pid" 2>/dev/null || true
	wait "$broker_pid" 2>/dev/null || true
	broker_pid=
}
trap 'exit 130' INT TERM
trap 'broker_end; rm -rf "$scratch"' EXIT

chapter() { printf '\n==== %s\n' "$1"; }

# broker [OPTION]...: a new one in place of the last; sets bootstrap
broker() {
	local deadline=$((SECONDS + wait_s))
	broker_end
	rm -f "$scratch/ready"
	printf '\n$ %s &\n' "$harrow broker --listen 127.0.0.1:0 $*"
	set -m # a process group of its own: Ctrl-C ends the run, which still needs its broker
	"$harrow" broker --listen 127.0.0.1:0 "$@" </dev/null >"$scratch/ready" 2>"$scratch/log" &
	broker_pid=$!
	set +m
	until grep -qs '^ready ' "$scratch/ready"; do
		if ! kill -0 "$broker_pid" 2>/dev/null || [ $SECONDS -gt $deadline ]; then
			cat "$scratch/log" >&2
			exit 1
		fi
		sleep 0.05
	done
	cat "$scratch/ready"
	bootstrap=$(sed -n 's/^ready //p' "$scratch/ready")
}

# run EXPECTED COMMAND...: status 3 says that this machine was too busy for the figures to count: it
# is shown, and no failure here.
run() {
	local expected=$1 status=0
	shift
	printf '\n$ %s\n' "$*"
	"$@" || status=$?
	[ "$status" -eq 0 ] || printf '(exit status %d)\n' "$status"
	[ "$status" -eq "$expected" ] || [ "$status" -eq 0 ] || [ "$status" -eq 3 ] || exit "$status"
}

chapter 'At a rate: 20,000 records/s, fixed in advance. What latency do they meet?'
broker --store memory:512MiB
run 0 $harrow produce -b "$bootstrap" --rate 20k --size 200 --warmup 2s --duration 6s

chapter 'Flat out, every record read back and looked for'
run 0 $harrow produce -b "$bootstrap" --records 4M --size 100 --verify-read

chapter 'Flat out into a broker that throws everything away: the ceiling of harrow and this machine, not of Kafka'
broker --store null
run 0 $harrow produce -b "$bootstrap" --duration 5s --size 1KiB

chapter 'Twice the capacity: one server, 100 us per record, so 10,000 records/s; what overload looks like'
broker --store memory:64MiB --service-time exp:100us --servers 1
run 1 $harrow produce -b "$bootstrap" --rate 20k --size 200 --duration 5s --drain 10s

cat <<'END'

==== Where to go next
A broker of your own:  build/harrow produce -b HOST:PORT --rate 50k --size 1KiB --duration 60s
Real Kafka, here:      infra/deps.sh test && infra/kafka/kafka up     (the last line is its HOST:PORT)
All the options:       build/harrow produce --help; build/harrow broker --help
END
