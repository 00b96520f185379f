#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# usage: leftovers.sh MARK
# Names and ends every process that carries NAOS_CI_MARK=MARK in its environment and does not end by itself within the
# patience that a warden has for what its guard left; exit 1 if there was one.
# A node hides its environment from all but root, so for others a new `naos` process of the same user counts as well.
set -uo pipefail

mark=$1
patience=15

# Whether a process, by its folder in /proc, is one of them.
is_marked() {
  local folder=$1 pid=${1#/proc/} name state environment owner ancestor
  [[ $pid -ne $$ && $pid -ne $PPID && -r $folder/status ]] || return
  name=$(cat "$folder/comm" 2>/dev/null) || return
  state=$(awk '/^State:/ { print $2 }' "$folder/status" 2>/dev/null)
  [[ $state != Z ]] || return
  if environment=$(tr '\0' '\n' 2>/dev/null <"$folder/environ") && [[ -n $environment ]]; then
    grep -qx "NAOS_CI_MARK=$mark" <<<"$environment" || return
  else
    owner=$(awk '/^Uid:/ { print $2 }' "$folder/status" 2>/dev/null)
    [[ $name == naos* && $owner == "$(id -u)" && $folder -nt ${NAOS_CI_START:-/proc/1} ]] || return
  fi
  # The shells that wait for this script carry the mark, too.
  ancestor=$PPID
  while [[ ${ancestor:-0} -gt 1 && $ancestor -ne $pid ]]; do
    ancestor=$(awk '/^PPid:/ { print $2 }' "/proc/$ancestor/status" 2>/dev/null)
  done
  [[ ${ancestor:-0} -ne $pid ]]
}

# Sets `left` to the folders of those that there are now.
look() {
  left=()
  for folder in /proc/[0-9]*; do
    if is_marked "$folder" 2>/dev/null; then left+=("$folder"); fi
  done
}

look
while [[ ${#left[@]} -gt 0 && $SECONDS -lt $patience ]]; do
  sleep 0.2
  look
done
for folder in "${left[@]}"; do
  pid=${folder#/proc/}
  echo "left behind: $(ps -o pid=,ppid=,etimes=,stat=,wchan=,comm= -p "$pid")" >&2
  kill -KILL "$pid" 2>/dev/null
done
[[ ${#left[@]} -eq 0 ]]
