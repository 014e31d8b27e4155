#!/usr/bin/env bash
# Installs the Debian packages that harrow needs, and nothing when all of it is there.
#
#   infra/deps.sh build   what `make` needs: a compiler and the libraries
#   infra/deps.sh test    also what the tests need: cmocka, clang, a JDK, Maven, kcat, and what other
#                         clients of Kafka are made with: Go, Python, npm
#
# It asks the machine for the thing (a command, a library that pkg-config knows) rather than for the
# package, so a compiler or a JDK that came another way counts too. Exit status: 0 all is there,
# 1 it could not be installed, 2 usage.
set -u

java_minimum=17 # Kafka 4 brokers need it

say() { printf 'deps: %s\n' "$*" >&2; }

# The packages as rows "package check", where the check is a function below and its argument.
rows_build='
gcc            command gcc
libc6-dev      header stdio.h
make           command make
pkg-config     command pkg-config
liburing-dev   library liburing
libssl-dev     library openssl
liblz4-dev     library liblz4
libzstd-dev    library libzstd
libsnappy-dev  library snappy
zlib1g-dev     library zlib
libjansson-dev library jansson'
rows_test="$rows_build
git            command git
libcmocka-dev  library cmocka
clang          command clang
clang-tidy     command clang-tidy
clang-format   command clang-format
kcat           command kcat
JDK            javac $java_minimum
maven          command mvn
golang-go      command go
python3-venv   python_venv -
npm            command npm
CLANG-RUNTIME  clang_runtime -"

has_command() { command -v "$1" >/dev/null; }
has_header() { [ -e "/usr/include/$1" ] || echo "#include <$1>" | gcc -E - >/dev/null 2>&1; }
has_library() { pkg-config --exists "$1" 2>/dev/null; }

# The release file of a JDK says its version without starting it.
has_javac() {
	local path version
	path=$(command -v javac) && has_command java || return 1
	path=$(readlink -f "$path")
	version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' \
		"${path%/bin/javac}/release" 2>/dev/null)
	[ -n "$version" ] || version=$(javac -version 2>&1 | sed 's/^javac \([0-9]*\).*/\1/')
	[ "${version:-0}" -ge "$1" ] 2>/dev/null
}

# Debian packs the sanitizers and libFuzzer apart from clang itself.
has_clang_runtime() {
	has_command clang &&
		compgen -G "$(clang -print-resource-dir)/lib/*/libclang_rt.fuzzer*" >/dev/null
}

has_python_venv() { python3 -c 'import venv, ensurepip' 2>/dev/null; }

missing() {
	local package check argument
	while read -r package check argument; do
		[ -z "$package" ] || "has_$check" "$argument" || printf '%s\n' "$package"
	done <<<"$1"
}

give_up() {
	say "$1"
	say "harrow needs: ${needed//$'\n'/ }"
	exit 1
}

# The names that differ from release to release; asked for after the package lists are fresh.
package_name() {
	local major
	case $1 in
	JDK)
		for major in 17 21 25; do
			apt-cache show "openjdk-$major-jdk-headless" >/dev/null 2>&1 && break
		done
		echo "openjdk-$major-jdk-headless"
		;;
	CLANG-RUNTIME)
		major=$(apt-cache depends clang |
			sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
		! has_command clang || major=$(clang -dumpversion | cut -d. -f1)
		echo "libclang-rt-$major-dev"
		;;
	*) echo "$1" ;;
	esac
}

apt() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
		-o Acquire::Retries=3 "$@" </dev/null >>"$log" 2>&1
}

case ${1:-} in
build) rows=$rows_build ;;
test) rows=$rows_test ;;
*)
	say 'usage: infra/deps.sh build|test'
	exit 2
	;;
esac

needed=$(missing "$rows")
[ -n "$needed" ] || exit 0

has_command apt-get || give_up 'no apt-get here: install what is missing by other means'
as_root=
if [ "$(id -u)" -ne 0 ]; then
	as_root=sudo
	has_command sudo && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; } ||
		give_up 'installing packages needs root or sudo'
fi

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
apt update || say "apt-get update failed; trying with the package lists as they are"
packages=()
while read -r name; do packages+=("$(package_name "$name")"); done <<<"$needed"
say "installing: ${packages[*]}"
if ! apt install -y --no-install-recommends "${packages[@]}"; then
	tail -n 20 "$log" >&2
	give_up 'apt-get could not install them; its last words are above'
fi
needed=$(missing "$rows")
[ -z "$needed" ] || give_up 'apt-get installed its packages, but something is still not found'
