#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# usage: readme-output.sh NAOS
# Renews the output that the README shows: makes a project, runs its researcher, puts both commands with what they print
# between the two marks.
set -euo pipefail
naos=$(realpath "$1")
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
question="What happens when step five of a saga fails?"
{
  echo '```console'
  echo "\$ naos init research && cd research"
  (cd "$folder" && "$naos" init research 2>&1 </dev/null)
  echo
  echo "\$ naos run researcher --input \"$question\""
  (cd "$folder/research" && "$naos" run researcher --input "$question" 2>&1 </dev/null)
  echo '```'
} >"$folder/output"
awk -v output="$folder/output" '
  /^<!-- output: first minute -->$/ { print; while ((getline line < output) > 0) print line; skip = 1; next }
  /^<!-- end of output -->$/ { skip = 0 }
  !skip' README.md >"$folder/README.md"
cat "$folder/README.md" >README.md
