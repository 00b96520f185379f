#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# Builds everything for tests and runs every test; arguments go to `swift test`. The last line is the total.
set -euo pipefail
cd "$(dirname "$0")/.."

swift build --build-tests </dev/null

export NAOS_BINARY=$PWD/.build/debug/naos
export NAOS_PYTHON=$PWD/.build/venv/bin/python
log=.build/test.log
echo "testing; the whole output goes to $log" >&2

# Only what a person must read is shown: failures with what belongs to them, skipped tests, crashes.
status=0
timeout --kill-after=10 "${NAOS_TEST_SECONDS:-1200}" \
  swift test --skip-build --disable-xctest "$@" </dev/null 2>&1 |
  tee "$log" |
  awk '
    /^✘/ && / recorded an issue/ { show = 1; print; next }
    /^↳/ && show { print; next }
    /^➜/ { print; next }
    /[Ff]atal error:|unexpected signal|Program crashed/ { print; next }
    { show = 0 }' || status=$?

total=$(grep -aE 'Test run with [0-9]+ tests?' "$log" | tail -1 | sed 's/^[^T]*//' || true)
skipped=$(grep -acE '^➜.*(skipped|cancelled)' "$log" || true)
if [[ -z $total ]]; then
  tail -20 "$log" >&2
  echo "tests: the run ended without a result (status $status)"
  exit 1
fi
echo "tests: $total${skipped:+ ($skipped skipped)}"
[[ $status -eq 0 && $total == *passed* ]]
