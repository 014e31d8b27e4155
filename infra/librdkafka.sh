#!/usr/bin/env bash
# librdkafka for the tests, as the npm package @confluentinc/kafka-javascript carries its source:
# built once under build/librdkafka with what a plaintext client needs (no TLS, SASL, HTTP). Debian's
# own is years older; kcat of the tests uses that one.
#
#   infra/librdkafka.sh            build it when it is not there; prints its folder (include/, lib/)
#   infra/librdkafka.sh version    print the version of librdkafka that is built
#
# It is not part of `make` or of harrow. Exit status: 0 done, 1 it failed, 2 usage.
set -u

package=@confluentinc/kafka-javascript
package_version=1.10.1
integrity=29578f5019f6d44a8254ff667f1cc4b8cdd26091c7105ed7fa2882d9ee374108034b211a92c2279821a8a13df0e6af9c340764482acaef58f42027eaa12a992f
options='--disable-ssl --disable-gssapi --disable-curl --disable-syslog --enable-static'
jobs=2

cd "$(dirname "$0")/.." || exit 1
prefix=$PWD/build/librdkafka
# Another package, option or script asks for another build.
wanted="$package@$package_version $options"

say() { printf 'librdkafka: %s\n' "$*" >&2; }
fail() {
	say "$@"
	exit 1
}

is_built() { [ "$(cat "$prefix/built" 2>/dev/null)" = "$wanted" ]; }

# npm checks the integrity of what it fetches against the registry; the sum here is against a
# registry that changed its mind.
fetch() {
	local attempt archive sum
	command -v npm >/dev/null || fail 'npm is not installed; run infra/deps.sh test'
	for attempt in 1 2 3 failed; do
		[ "$attempt" != failed ] || fail "cannot fetch $package; see above"
		[ "$attempt" = 1 ] || sleep $((attempt * 3))
		archive=$(cd "$scratch" && npm pack --silent "$package@$package_version") && break
	done
	archive=$scratch/$(tail -n 1 <<<"$archive")
	sum=$(sha512sum "$archive" | cut -d' ' -f1)
	[ "$sum" = "$integrity" ] || fail "$archive is not the package that was expected"
	tar -xzf "$archive" -C "$scratch" --strip-components=3 package/deps/librdkafka
}

build() {
	scratch=$prefix.partial
	rm -rf "$scratch" "$prefix"
	mkdir -p "$scratch" || fail "cannot write $scratch"
	fetch
	say "building $package_version's librdkafka, about two minutes"
	# shellcheck disable=SC2086 # a list of options
	(cd "$scratch" && ./configure --prefix="$prefix" $options &&
		make -j$jobs -C src && make -C src install) >"$scratch/log" 2>&1 </dev/null ||
		{ tail -n 30 "$scratch/log" >&2; fail 'it does not build; the end of its log is above'; }
	rm -rf "$scratch"
	printf '%s\n' "$wanted" >"$prefix/built"
}

case ${1:-build} in
build | version) ;;
*)
	say 'usage: infra/librdkafka.sh [version]'
	exit 2
	;;
esac
mkdir -p build
exec 9>build/librdkafka.lock && flock 9 || exit 1
is_built || build
case ${1:-build} in
build) printf '%s\n' "$prefix" ;;
version)
	sed -n 's/^#define RD_KAFKA_VERSION *0x\(..\)\(..\)\(..\).*/\1 \2 \3/p' \
		"$prefix/include/librdkafka/rdkafka.h" | while read -r a b c; do
		printf '%d.%d.%d\n' "0x$a" "0x$b" "0x$c"
	done
	;;
esac
