#!/usr/bin/env bash
# franz-go: idempotent produce with every codec, consume by partition, kadm (franz-go/main.go). It is
# built with the Go that is there, with the modules that its go.sum names, and never another Go.
. "$(dirname "$0")/lib.sh"
require kcat go

client=$build/tests/broker/franz-go
mkdir -p "${client%/*}"
(cd "$top/tests/broker/franz-go" &&
	GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -buildvcs=false -o "$client" .)

start_stage --brokers 3
client_test franz-go "$("$client" version)" "$client"
