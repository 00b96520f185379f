#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# Builds everything for tests and runs every test, one module after the other; the last line is the total.
# usage: test.sh [MODULE ...]
set -euo pipefail
cd "$(dirname "$0")/.."

swift build --build-tests </dev/null

export NAOS_BINARY=$PWD/.build/debug/naos
export NAOS_PYTHON=$PWD/.build/venv/bin/python
# A seed of a simulation that fails has to fail again: hashes of another run would put things into another order.
export SWIFT_DETERMINISTIC_HASHING=1
bundle=.build/debug/naosPackageTests.xctest
log=.build/test.log
: >"$log"
echo "testing; the whole output goes to $log" >&2

# Tests that may be left out, by a part of their line, and why. Any other that leaves itself out has failed: it proved
# nothing, and nobody would see.
skippable=(
  # Only by hand.
  'are recorded once'
  'serves until its file is removed'
  # Public suites that are no part of the repository; their figures are in docs/reference/conformance.md.
  'the public suite of'
  'a file of the conformance tests passes'
  # Machines without control groups, or without root to make them, such as most containers.
  'is killed, and its end says so'
  'are held to the ceiling'
  'forks beyond the ceiling fail'
  'a real bomb of forks'
  'a share of a core is not exceeded'
  'the processor time of a whole tree is counted'
  'is refused where nothing holds root to it'
  'is born into a group of its own'
  'removes the group made ahead'
  'within the group of an agent end with it'
  'that leaves its group is found all the same'
  'killing node and guard at once leaves nothing'
  'ends what outlived guard and warden'
  'groups that cannot be removed'
  'groups of others are left alone'
  'no control groups can be made here'
  # What needs root, or may not be mounted.
  'needs root'
  'only root can'
  'no tmpfs here'
  # The template for Node, where there is none.
  'no Node on this machine'
)

modules=("$@")
if [[ $# -eq 0 ]]; then
  for folder in Tests/*Tests; do modules+=("$(basename "$folder")"); done
fi

# Modules run one after the other: tests that start real processes and servers would else wait for those that compute,
# and a limit of time would measure the machine.
passed=0
failed=0
skipped=0
for module in "${modules[@]}"; do
  part=.build/test-$module.log
  status=0
  started=$SECONDS
  timeout --kill-after=10 "${NAOS_TEST_SECONDS:-900}" \
    "$bundle" --testing-library swift-testing --no-color --filter "^$module\\." </dev/null >"$part" 2>&1 || status=$?
  cat "$part" >>"$log"
  # Only what a person must read is shown: failures with what belongs to them, skipped tests, crashes.
  awk '
    /^✘/ && / recorded an issue/ { show = 1; print; next }
    /^↳/ && show { print; next }
    /^➜/ { print; next }
    /[Ff]atal error:|unexpected signal|Program crashed/ { print; next }
    { show = 0 }' "$part"
  ok=$(grep -aE '^✔ Test .* passed after' "$part" | grep -avc '^✔ Test run with' || true)
  bad=$(grep -aE '^✘ Test .* failed after' "$part" | grep -avc '^✘ Test run with' || true)
  cancelled=$(grep -acE '^➜.*(skipped|cancelled)' "$part" || true)
  # Each argument of a test is a line of its own.
  unexcused=$(grep -aE '^➜.*(skipped|cancelled)' "$part" | grep -avcF "$(printf '%s\n' "${skippable[@]}")" || true)
  if [[ $unexcused -gt 0 ]]; then
    echo "$module: $unexcused left themselves out that may not: see \`skippable\` in scripts/test.sh" >&2
    bad=$((bad + unexcused))
  fi
  total=$(grep -aE 'Test run with [0-9]+ tests?' "$part" | tail -1 || true)
  # A run that ended without a result, for whatever reason, has failed.
  if [[ -z $total || ($status -ne 0 && $bad -eq 0) ]]; then
    tail -20 "$part" >&2
    echo "$module: the run ended without a result (status $status)" >&2
    bad=$((bad + 1))
  fi
  echo "  $module: $ok passed, $bad failed$( ((cancelled)) && echo ", $cancelled skipped" || true) ($((SECONDS - started)) s)"
  passed=$((passed + ok))
  failed=$((failed + bad))
  skipped=$((skipped + cancelled))
  rm -f "$part"
done

echo "tests: $passed passed, $failed failed, $skipped skipped"
[[ $failed -eq 0 && $passed -gt 0 ]]
