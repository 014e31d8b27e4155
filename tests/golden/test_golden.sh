#!/usr/bin/env bash
# Shows: frames that kcat and Java clients exchanged with real brokers are decoded and encoded again
# to the same bytes, headers included. capture.sh beside this file makes them.
set -eu
cd "$(dirname "$0")/../.."
exec "${BUILD:-build}/tests/tools/golden" tests/golden/*.frames
