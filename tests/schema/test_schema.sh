#!/usr/bin/env bash
# Shows: every message table equals Kafka's own schema, field by field, in the versions, defaults,
# tags and nulls of the kafka-clients 4.3.1 jar; and the comparison notices any single change.
set -eu
cd "$(dirname "$0")/../.."
. tests/schema/java.sh
exec timeout 300 "${java[@]}" SchemaOracle "$build/tests/tools/message_tool"
