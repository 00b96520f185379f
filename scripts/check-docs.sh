#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# usage: check-docs.sh NAOS
# Every configuration that the documentation shows whole (its first line is `# nexus.config.yaml`) must load.
set -euo pipefail
naos=$(realpath "$1")
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export OPENAI_API_KEY=sk-documentation ANTHROPIC_API_KEY=sk-documentation
count=0
failed=0
while IFS= read -r page; do
  rm -rf "$folder/blocks" && mkdir "$folder/blocks"
  awk -v folder="$folder/blocks" '
    /^```/ { if (inside) close(file); inside = 0 }
    opening && $0 == "# nexus.config.yaml" { inside = 1; file = folder "/" ++number ".yaml" }
    { opening = /^```yaml/ }
    inside { print > file }' "$page"
  for block in "$folder"/blocks/*.yaml; do
    [[ -f $block ]] || continue
    count=$((count + 1))
    mkdir -p "$folder/project"
    cp "$block" "$folder/project/nexus.config.yaml"
    if ! (cd "$folder/project" && "$naos" config validate) >"$folder/answer" 2>&1 </dev/null; then
      echo "$page: block $(basename "$block" .yaml) does not load" >&2
      cat "$folder/answer" >&2
      failed=1
    fi
  done
done < <(find README.md docs -name '*.md')
[[ $count -gt 0 ]] || { echo "no configuration found; the check is broken" >&2; exit 1; }
[[ $failed -eq 0 ]] && echo "$count configurations of the documentation load"
exit $failed
