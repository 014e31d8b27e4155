#!/usr/bin/env bash
# librdkafka, current: idempotent produce with every codec, consume by assign(), admin calls
# (librdkafka_client.c). Debian's own, years older, is what kcat uses: test_kcat.sh.
. "$(dirname "$0")/lib.sh"
require kcat npm

library=$("$top/infra/librdkafka.sh")
client=$build/tests/broker/librdkafka_client
mkdir -p "${client%/*}"
cc -std=c11 -g -O1 -Wall -Wextra -isystem "$library/include" \
	"$top/tests/broker/librdkafka_client.c" "-L$library/lib" "-Wl,-rpath,$library/lib" \
	-lrdkafka -o "$client"

start_stage --brokers 3
client_test librdkafka "$("$client" version)" "$client"
