#!/usr/bin/env bash
# `make demo`: a real Kafka on this machine, and harrow on it twice: at a rate, to see latency, and
# as fast as it goes, with everything read back. About a minute; nothing is left running.
set -eu
cd "$(dirname "$0")/.."
name=demo-$$
trap 'infra/kafka/kafka down --name "$name"' EXIT

# Status 3 says that this machine was too busy for the figures to count: shown, and no failure here.
run() {
	local status=0
	printf '\n$ %s\n' "$*"
	"$@" || status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 3 ] || exit "$status"
}

echo 'Starting Apache Kafka 4.3.1 on this machine ...'
bootstrap=$(infra/kafka/kafka up --name "$name" | tail -n 1)

run build/harrow produce -b "$bootstrap" --rate 20k --size 200 --warmup 5s --duration 10s
run build/harrow produce -b "$bootstrap" --records 1M --size 1KiB --verify-read
