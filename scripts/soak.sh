#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# Runs work on a node for SOAK_SECONDS (600) while the node is killed again and again. Every run must end completed, and
# neither memory nor descriptors may grow.
set -euo pipefail
cd "$(dirname "$0")/.."

naos=$PWD/.build/release/naos
folder=$PWD/.build/soak
seconds=${SOAK_SECONDS:-600}
kill_every=${SOAK_KILL_EVERY:-30}
parallel=4

rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
"$naos" init project >/dev/null
cd project
sed -i '/^server:/d' nexus.config.yaml
# The tokens of a day are those of a person, not of thousands of runs.
sed -i '/^ *cost:$/,/^ *onLimit:/d' nexus.config.yaml
printf '\nserver: { port: 0 }\n' >>nexus.config.yaml

node=
start() {
  "$naos" up >>"$folder/node.log" 2>&1 </dev/null &
  node=$!
  for _ in $(seq 300); do
    if "$naos" status -o json 2>/dev/null | grep -q '"running": *true'; then return; fi
    kill -0 "$node" 2>/dev/null || break
    sleep 0.1
  done
  tail -5 "$folder/node.log" >&2
  echo "the node did not start" >&2
  exit 1
}
finish() { [[ -z $node ]] || { kill -TERM "$node" 2>/dev/null && wait "$node" 2>/dev/null; } || true; }
trap finish EXIT

memory() { awk '/^VmRSS:/ { print $2 }' "/proc/$node/status"; }
descriptors() { find "/proc/$node/fd" -mindepth 1 2>/dev/null | wc -l; }

started=0
ids=$folder/ids
: >"$ids"
submit() {
  "$naos" run researcher --input "Which steps are compensated? ($1)" --detach -o json 2>/dev/null </dev/null |
    sed -n 's/.*"id": *"\(run_[a-z0-9]*\)".*/\1/p' >>"$ids" || true
}

start
first_memory=
kills=0
end=$((SECONDS + seconds))
next_kill=$((SECONDS + kill_every))
while [[ $SECONDS -lt $end ]]; do
  submissions=()
  for _ in $(seq $parallel); do
    started=$((started + 1))
    submit "$started" &
    submissions+=($!)
  done
  wait "${submissions[@]}"
  if [[ -z $first_memory && $started -ge 40 ]]; then first_memory=$(memory); fi
  if [[ $SECONDS -ge $next_kill ]]; then
    last_memory=$(memory)
    last_descriptors=$(descriptors)
    echo "$(wc -l <"$ids") runs, $kills kills, $((last_memory / 1000)) MB, $last_descriptors descriptors"
    kill -KILL "$node"
    wait "$node" 2>/dev/null || true
    kills=$((kills + 1))
    start
    next_kill=$((SECONDS + kill_every))
  fi
done

failed=0
while read -r id; do
  timeout 120 "$naos" runs wait "$id" >/dev/null 2>&1 </dev/null || { echo "$id did not complete" >&2; failed=1; }
done <"$ids"
last_memory=$(memory)
[[ ${last_memory:-0} -le 200000 ]] || { echo "the node uses $((last_memory / 1000)) MB" >&2; failed=1; }
[[ $(descriptors) -le 500 ]] || { echo "the node holds $(descriptors) descriptors" >&2; failed=1; }
echo "soak: $(wc -l <"$ids") runs over $kills kills, $((last_memory / 1000)) MB at the end (${first_memory:-0} kB at the start)"
[[ $failed -eq 0 ]] || exit 1

# Every change of the database is a place to die at, and the next life dies as well.
cd "$folder"
crash=$folder/../../Tests/EndToEndTests/support/crash
cc -shared -fPIC -O1 -Wall -o crashpoint.so "$crash/crashpoint.c" -ldl
tried() { python3 -B "$crash/crash.py" "$naos" crashpoint.so --double --every "${SOAK_CRASH_EVERY:-1}" "$@"; }
tried
# Making the database is the same for all of them.
tried --only sequence --creation
# A node that stays recovers all of it by itself, before anybody asks.
tried --up
