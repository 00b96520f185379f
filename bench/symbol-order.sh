#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# Learns anew which functions a node uses, for the linker to place side by side: scripts/symbol-order.txt.gz.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=.build/bench
mkdir -p "$folder"
scripts/packages.sh valgrind binutils
command -v perf >/dev/null || scripts/packages.sh linux-perf
cc -O2 -o "$folder/upstream" bench/peers/upstream.c
cc -O2 -o "$folder/steady" bench/peers/steady.c
flags=$(make -s release-flags)
for product in naos naos-bench-flows; do
  # shellcheck disable=SC2086 # the flags of the release are words; with its symbols
  swift build ${flags/-Xlinker -s /} --product $product
done
# What debuggers need is too much for the tool that notes the start.
for product in naos naos-bench-flows; do strip --strip-debug -o "$folder/$product.symbols" ".build/release/$product"; done
exec env PYTHONDONTWRITEBYTECODE=1 python3 bench/symbol_order.py "$folder/naos.symbols" "$folder/naos-bench-flows.symbols" \
  "$folder" scripts/symbol-order.txt.gz
