#!/usr/bin/env bash
# kafka-python, in a virtual environment under build/: idempotent produce, consume by partition, admin
# (python_client.py).
. "$(dirname "$0")/lib.sh"
require kcat python3

# A virtual environment knows its own path, and is made anew where the list of packages changed.
environment=$build/python
wanted=$top/tests/broker/requirements.txt
if ! cmp -s "$wanted" "$environment/requirements.txt"; then
	rm -rf "$environment"
	python3 -m venv "$environment" || skip 'python3-venv is not installed'
	"$environment/bin/pip" install --quiet --disable-pip-version-check --no-deps \
		--require-hashes -r "$wanted"
	cp "$wanted" "$environment/"
fi
client=("$environment/bin/python" "$top/tests/broker/python_client.py")

start_stage --brokers 3
codecs='none gzip'
client_test kafka-python "$("${client[@]}" version)" "${client[@]}"
