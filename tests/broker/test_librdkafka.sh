#!/usr/bin/env bash
# librdkafka, current: idempotent produce with every codec, consume by assign(), admin calls
# (librdkafka_client.c). Debian's own, years older, is what kcat uses: test_kcat.sh.
. "$(dirname "$0")/lib.sh"
require kcat npm

client=$(librdkafka_client)
start_stage --brokers 3
client_test librdkafka "$("$client" version)" "$client"
