#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# usage: leftovers.sh MARK
# Names and ends every process that still carries NAOS_CI_MARK=MARK in its environment; exit 1 if there was one.
# A node hides its environment from all but root, so for others a new `naos` process of the same user counts as well.
set -uo pipefail

mark=$1
found=0
for folder in /proc/[0-9]*; do
  pid=${folder#/proc/}
  [[ $pid -ne $$ && $pid -ne $PPID && -r $folder/status ]] || continue
  name=$(cat "$folder/comm" 2>/dev/null) || continue
  state=$(awk '/^State:/ { print $2 }' "$folder/status" 2>/dev/null)
  [[ $state != Z ]] || continue
  if environment=$(tr '\0' '\n' 2>/dev/null <"$folder/environ") && [[ -n $environment ]]; then
    grep -qx "NAOS_CI_MARK=$mark" <<<"$environment" || continue
  else
    owner=$(awk '/^Uid:/ { print $2 }' "$folder/status" 2>/dev/null)
    [[ $name == naos* && $owner == "$(id -u)" && $folder -nt ${NAOS_CI_START:-/proc/1} ]] || continue
  fi
  # The shells that wait for this script carry the mark, too.
  ancestor=$PPID
  while [[ ${ancestor:-0} -gt 1 && $ancestor -ne $pid ]]; do
    ancestor=$(awk '/^PPid:/ { print $2 }' "/proc/$ancestor/status" 2>/dev/null)
  done
  [[ ${ancestor:-0} -ne $pid ]] || continue
  echo "left behind: $name ($pid)" >&2
  kill -KILL "$pid" 2>/dev/null
  found=1
done
exit $found
