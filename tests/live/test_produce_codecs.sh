#!/usr/bin/env bash
# Every codec, with text that compresses: kcat reads the same number of records with checksums on,
# and harrow reads every stamp back.
. "$(dirname "$0")/lib.sh"
require kcat java mvn

start_kafka
for codec in none gzip snappy lz4 zstd; do
	"$harrow" produce -b "$bootstrap" -t "with-$codec" --codec "$codec" --payload text \
		--records 200000 --size 500 --key sequence --headers 2x8 --verify-read \
		--format json --quiet >"$work/result.json"
	for key in acked confirmed received; do
		assert_equal 200000 "$(json_get "$work/result.json" "records.$key")" "$codec, records.$key"
	done
	assert_equal 0 "$(json_get "$work/result.json" records.gaps)" "$codec, gaps"
	assert_equal 0 "$(json_get "$work/result.json" records.duplicates)" "$codec, duplicates"
	assert_equal 200000 "$(topic_count "with-$codec")" "$codec, counted by kcat"
	payload=$(json_get "$work/result.json" bytes.payload)
	wire=$(json_get "$work/result.json" bytes.wire)
	say "$codec: 200000 records, $payload bytes of payload in $wire on the wire"
	if [ "$codec" != none ]; then
		assert_between 0 $((wire * 100 / payload)) 75 "$codec, per cent of the payload's size"
	fi
done
