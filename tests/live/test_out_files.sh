#!/usr/bin/env bash
# --out: result.json is what standard output got, intervals.csv adds up to it, and Java's
# HistogramLogProcessor reads its percentiles out of latency.hlog. --seed: each producer's records in
# each partition are the same again in number and order, keys, headers, payloads and, in an open loop,
# intended times counted from the first; what differs is the run's id and when it began. --config:
# a result's own `config` does the run again.
. "$(dirname "$0")/lib.sh"
require kcat java mvn

hdr_version=2.2.2
hdr=$build/java/HdrHistogram-$hdr_version.jar
[ -f "$hdr" ] || mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
	-Dartifact="org.hdrhistogram:HdrHistogram:$hdr_version" -DoutputDirectory="$build/java" >/dev/null

partitions=3 size=96

# of NAME PATH: a value of that run's result
of() { json_get "$work/$1/result.json" "$2"; }

# produce NAME [OPTION]...: topic and folder of that name. Lateness (status 3) is not the subject here.
produce() {
	local status=0
	"$harrow" produce -b "$bootstrap" -t "$1" --out "$work/$1" --format json --quiet "${@:2}" \
		>"$work/$1.json" || status=$?
	case $status in
	0 | 3) ;;
	*) fail "$1: status $status: $(json_get "$work/$1.json" verdict)" ;;
	esac
	cmp "$work/$1.json" "$work/$1/result.json" || fail "$1: standard output and result.json differ"
}

# content TOPIC: keys and headers, then payloads behind the stamps, of each partition in order
content() {
	local p
	for ((p = 0; p < partitions; p++)); do
		kcat -C -e -q -b "$bootstrap" -t "$1" -p $p -o beginning -f '%k %h' | od -An -v -tx8
		kcat -C -e -q -b "$bootstrap" -t "$1" -p $p -o beginning -f '%s' |
			od -An -v -tx8 --endian=big -w$size | cut -d' ' -f 6-
	done
}

# times TOPIC: intended times of each partition's records, ns since its first one
times() {
	local p
	for ((p = 0; p < partitions; p++)); do
		kcat -C -e -q -b "$bootstrap" -t "$1" -p $p -o beginning -f '%s' |
			od -An -v -td8 --endian=big -w$size |
			awk '{ at = substr($4, length($4) - 14); if (NR == 1) first = at; print at - first }'
	done
}

start_kafka

# ---- the files of an open loop ----

produce open --rate 2k --arrivals poisson --duration 6s --size $size --partitions $partitions \
	--key random:1000 --headers 2x10 --payload text --client-id 'a "quoted" näme'
of open records.acked >"$work/acked"
assert_between 11000 "$(cat "$work/acked")" 13000 'acked'
assert_equal "$(cat "$work/acked")" "$(topic_count open)" 'acked, counted by kcat'

csv=$work/open/intervals.csv
quantity() { for figure in count mean_us p50_us p90_us p99_us p999_us max_us; do
	printf ',%s_%s' "$1" $figure; done; }
assert_equal "start_s,length_s,records_acked,records_per_second,payload_bytes,errors,in_flight,backlog$(
	quantity latency)$(quantity service)$(quantity lateness)" "$(head -n 1 "$csv")" 'header of the CSV'
# column_sum NAME
column_sum() {
	awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) column = i }
		NR > 1 { sum += $column } END { print sum + 0 }' "$csv"
}
assert_equal "$(of open records.acked)" "$(column_sum records_acked)" 'sum of records_acked'
assert_equal "$(of open bytes.payload)" "$(column_sum payload_bytes)" 'sum of payload_bytes'
assert_equal 0 "$(column_sum errors)" 'sum of errors'
for quantity in latency service lateness; do
	assert_equal "$(of open ${quantity}_us.count)" "$(column_sum ${quantity}_count)" \
		"sum of ${quantity}_count"
done
assert_between 6 "$(wc -l <"$csv")" 14 'lines of the CSV'
assert_equal "$(head -n 1 "$csv" | tr -cd , | wc -c)" \
	"$(tail -n +2 "$csv" | tr -cd ',\n' | sort -u | head -n 1 | wc -c | awk '{ print $1 - 1 }')" \
	'columns of the rows'

# The last line of the processor has the whole log's 50, 90, 99, 99.9 and 99.99 per cent and maximum.
timeout 60 java -cp "$hdr" org.HdrHistogram.HistogramLogProcessor -i "$work/open/latency.hlog" \
	-o "$work/processed" -outputValueUnitRatio 1000 >/dev/null
read -r count p50 p90 p99 p999 _ max <<<"$(tail -n 1 "$work/processed" |
	sed 's/.*T:\([0-9]*\) (\(.*\)).*/\1 \2/')"
assert_equal "$(of open latency_us.count)" "$count" 'samples in latency.hlog'
for figure in p50 p90 p99 p999 max; do
	assert_equal "$(printf %.3f "$(of open latency_us.$figure)")" "$(printf %.3f "${!figure}")" \
		"$figure of latency.hlog, in us"
done
say "$count samples: p50 $p50, p99 $p99, max $max us by HdrHistogram $hdr_version"

# ---- the same seed ----

closed=(--size $size --partitions $partitions --records 30000 --key random:1000 --headers 2x10)
produce seed-7 "${closed[@]}" --seed 7
produce seed-7-again "${closed[@]}" --seed 7 --batch-size 4KiB --in-flight 1
produce seed-8 "${closed[@]}" --seed 8
for topic in seed-7 seed-7-again seed-8; do
	content $topic >"$work/content-$topic"
	assert_equal 30000 "$(topic_count $topic)" "$topic: counted by kcat"
done
cmp "$work/content-seed-7" "$work/content-seed-7-again" || fail 'the same seed made other records'
! cmp -s "$work/content-seed-7" "$work/content-seed-8" || fail 'two seeds made the same records'
assert_equal service "$(sed -n 's/^Tag=\([^,]*\),.*/\1/p' "$work/seed-7/latency.hlog" | sort -u)" \
	'tag of the rows of a closed loop'

# ---- a result's configuration ----

of open config >"$work/config.json"
produce replay --config "$work/config.json"
assert_equal "$(of open seed)" "$(of replay seed)" 'seed of the replay'
# settings NAME: what the two must have in common: all but names
settings() {
	of "$1" config | tr , '\n' | grep -v -e '"topic":' -e '"out":' -e '"config":'
}
assert_equal "$(settings open)" "$(settings replay)" 'configuration of the replay'
content open >"$work/content-open"
content replay >"$work/content-replay"
cmp "$work/content-open" "$work/content-replay" || fail 'the replay sent other records'
cmp <(times open) <(times replay) || fail 'the replay sent at other times'
say "replayed from its result: $(of replay records.acked) records with the same bytes and gaps"
