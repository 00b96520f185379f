#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# Installs the peers, builds what is measured and runs bench.py; its options may be given as arguments.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=.build/bench
mkdir -p "$folder"
scripts/packages.sh nginx-light wrk xz-utils erlang-base bubblewrap
scripts/venv.sh "$folder/peers" bench/peers/requirements.txt
scripts/venv.sh "$folder/durable" bench/peers/durable-requirements.txt
scripts/venv.sh "$folder/gates" bench/peers/gates-requirements.txt
scripts/venv.sh "$folder/sandbox" bench/peers/sandbox-requirements.txt
make -s wasmtime

cc -O2 -o "$folder/c-group-commit" bench/c-group-commit.c -l:libsqlite3.a -lm -lpthread
cc -O2 -o "$folder/born" bench/peers/born.c
cc -O2 -o "$folder/upstream" bench/peers/upstream.c
cc -O2 -o "$folder/steady" bench/peers/steady.c
# shellcheck disable=SC2046 # the flags of the release are words
swift build $(make -s release-flags) --product naos-bench
# shellcheck disable=SC2046
swift build $(make -s release-flags) --product naos-bench-flows
# shellcheck disable=SC2046
swift build $(make -s release-flags) --product naos-bench-proxy
# shellcheck disable=SC2046
swift build $(make -s release-flags) --product naos-bench-process
# shellcheck disable=SC2046
swift build $(make -s release-flags) --product naos-bench-wasm

exec env PYTHONDONTWRITEBYTECODE=1 "$folder/peers/bin/python" bench/bench.py "$@" --page docs/operating/performance.md .build/release/naos .build/release/naos-bench \
  "$folder/c-group-commit" .build/release/naos-bench-flows .build/release/naos-bench-proxy "$folder/durable/bin/python" "$folder/gates/bin/python" "$folder/peers/bin/litellm" "$folder/peers/bin/supervisord" "$folder/born" \
  .build/release/naos-bench-process .build/release/naos-bench-wasm .build/wasmtime/libwasmtime.so \
  "$folder/sandbox/bin/python" "$folder"
