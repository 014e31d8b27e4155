#!/usr/bin/env bash
# Captures the golden frames again: tests/golden/capture.sh [VERSION]...
#
# For each broker version it starts one real broker, puts the recording proxy tests/tools/capture
# before it, lets kcat and the Java clients of the same version do what applications do, and keeps
# of each client, API, version and direction the shortest frame and the longest below KEPT_HEX.
# Writes tests/golden/{kcat,java}-VERSION.frames. Takes a minute or two per version.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
versions=${*:-2.8.1 3.5.1 3.7.1 4.3.1}
kept_hex=1600 # digits of the longest frame that is kept in addition
kafka=infra/kafka/kafka
work=$build/tests/golden
mkdir -p "$work"
make -s "$build/tests/tools/capture"
proxy=
cleanup() {
	[ -z "$proxy" ] || kill "$proxy" 2>/dev/null || true
	$kafka down --name golden >/dev/null 2>&1 || true
}
trap cleanup EXIT

proxy_start() { # BROKER_PORT: sets proxy and address
	: >"$work/ready" # not the port of the proxy before this one
	"$build/tests/tools/capture" "$1" "$work/frames" >"$work/ready" &
	proxy=$!
	for _ in $(seq 100); do
		grep -q ready "$work/ready" && break
		sleep 0.05
	done
	address=127.0.0.1:$(sed -n 's/^ready //p' "$work/ready")
}

proxy_stop() { # FILE TITLE: ends the capture and keeps a choice of its frames
	kill "$proxy"
	wait "$proxy" || true
	proxy=
	{
		echo "# Frames of $2."
		echo "# request|response ApiName VERSION HEX, size prefix included; made by tests/golden/capture.sh"
		awk -v kept="$kept_hex" '{
			what = $1 " " $2 " " $3
			n = length($4)
			if (!(what in short) || n < length(short[what])) short[what] = $4
			if (n <= kept && n > length(long[what])) long[what] = $4
		}
		END {
			for (what in short) {
				print what, short[what]
				if (long[what] != "" && long[what] != short[what]) print what, long[what]
			}
		}' "$work/frames" | sort
	} >"tests/golden/$1"
	echo "$1: $(grep -vc '^#' "tests/golden/$1") of $(wc -l <"$work/frames") frames"
}

# librdkafka cannot be told to speak older versions than it prefers: since 0.10 it always asks.
kcat_session() { # ADDRESS
	local address=$1
	kcat -b "$address" -L >/dev/null
	seq 30 | kcat -b "$address" -P -t golden-kcat -z gzip -k key
	seq 3 | kcat -b "$address" -P -t golden-kcat -H name=value -X acks=1
	seq 5 | kcat -b "$address" -P -t golden-kcat -X enable.idempotence=true
	kcat -b "$address" -C -t golden-kcat -o beginning -e -q >/dev/null
	kcat -b "$address" -Q -t golden-kcat:0:-1 >/dev/null
	timeout 25 kcat -b "$address" -G golden-group -c 38 -X auto.offset.reset=earliest \
		-X heartbeat.interval.ms=200 -X auto.commit.interval.ms=100 golden-kcat >/dev/null ||
		echo "kcat -G: status $?" >&2
}

for version in $versions; do
	bootstrap=$($kafka up --name golden --version "$version" | tail -n 1)
	librdkafka=$(kcat -V 2>&1 | sed -n 's/.*librdkafka \([0-9.]*\).*/\1/p')

	proxy_start "${bootstrap##*:}"
	kcat_session "$address"
	proxy_stop "kcat-$version.frames" "kcat with librdkafka $librdkafka to a broker of Kafka $version"

	case $version in
	4.*) protocol=consumer ;;
	*) protocol= ;;
	esac
	proxy_start "${bootstrap##*:}"
	java -XX:+UseSerialGC -cp "$($kafka classpath "$version")" tests/golden/Clients.java \
		"$address" $protocol >"$work/java.log" 2>&1 || { tail -n 30 "$work/java.log" >&2; exit 1; }
	proxy_stop "java-$version.frames" "the Java clients of Kafka $version to a broker of the same"
	$kafka down --name golden
done
