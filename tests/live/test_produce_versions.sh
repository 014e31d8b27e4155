#!/usr/bin/env bash
# A million records on every broker version: what harrow says was acknowledged is what the broker
# confirms and what kcat counts. RECORDS=n for another number.
. "$(dirname "$0")/lib.sh"
require kcat java mvn
records=${RECORDS:-1000000}

for version in 4.3.1 3.7.1 3.5.1 2.8.1; do
	start_kafka --version "$version"
	"$harrow" produce -b "$bootstrap" -t first --records "$records" --size 1024 \
		--format json --quiet >"$work/result.json"
	for key in scheduled sent acked confirmed; do
		assert_equal "$records" "$(json_get "$work/result.json" "records.$key")" \
			"Kafka $version, records.$key"
	done
	assert_equal "$records" "$(topic_count first)" "Kafka $version, counted by kcat"
	say "Kafka $version: $records acknowledged, confirmed and counted," \
		"$(json_get "$work/result.json" rate.records_per_second) records/s," \
		"$(json_get "$work/result.json" cpu.us_per_record) us of CPU each"
	kafka down
done
