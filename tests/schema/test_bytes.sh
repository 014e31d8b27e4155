#!/usr/bin/env bash
# Shows: for every message at every version, Kafka's own serialiser and ours put out the same bytes
# and read the same values, on random messages made by us and on random messages made in Java.
# SEED and COUNT (instances per message, version and direction) may be set.
set -eu
cd "$(dirname "$0")/../.."
. tests/schema/java.sh
seed=${SEED:-$RANDOM}
echo "# seed $seed"
exec timeout 300 "${java[@]}" BytesOracle "$build/tests/tools/message_tool" "$seed" "${COUNT:-200}"
