#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# The dashboard of the real binary, in Debian's Chromium.
# usage: test-browser.sh [--screenshots | TEST ...]   NAOS_BINARY: another binary than the debug build
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ -z ${NAOS_BINARY:-} ]]; then
  swift build --product naos </dev/null
  export NAOS_BINARY=$PWD/.build/debug/naos
fi
python=$PWD/.build/browser-venv/bin/python
cd Tests/browser
if [[ ${1:-} == --screenshots ]]; then
  # Pages name where the program lies, and no picture is to show where this repository does.
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  cp "$NAOS_BINARY" "$folder/naos"
  cp "$(dirname "$(realpath "$NAOS_BINARY")")/libwasmtime.so" "$folder/"
  NAOS_BINARY=$folder/naos "$python" screenshots.py ../../docs/images </dev/null
  exit
fi
if [[ $# -gt 0 ]]; then exec "$python" -m unittest -v "$@" </dev/null; fi
exec "$python" -m unittest discover -v -p 'test_*.py' </dev/null
