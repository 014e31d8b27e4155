#!/usr/bin/env bash
# `make demo`: a real Kafka on this machine, and harrow on it twice: at a rate, to see latency, and
# as fast as it goes, with everything read back. About a minute; nothing is left running.
set -eu
cd "$(dirname "$0")/.."
name=demo-$$
trap 'infra/kafka/kafka down --name "$name"' EXIT

show() { printf '\n$ %s\n' "$*"; }

echo 'Starting Apache Kafka 4.3.1 on this machine ...'
bootstrap=$(infra/kafka/kafka up --name "$name" | tail -n 1)

show "build/harrow produce -b $bootstrap --rate 20k --size 200 --warmup 5s --duration 10s"
build/harrow produce -b "$bootstrap" --rate 20k --size 200 --warmup 5s --duration 10s

show "build/harrow produce -b $bootstrap --records 1M --size 1KiB --verify-read"
build/harrow produce -b "$bootstrap" --records 1M --size 1KiB --verify-read
