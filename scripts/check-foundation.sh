#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# usage: check-foundation.sh CONFIGURATION
# No object of the product may ask the linker for Foundation.
set -euo pipefail
cd "$(dirname "$0")/.."

list=.build/${1:-debug}/naos.product/Objects.LinkFileList
[[ -f $list ]] || { echo "$list is missing; build first" >&2; exit 1; }
options=$(mktemp)
trap 'rm -f "$options"' EXIT
count=0
guilty=()
while IFS= read -r object; do
  # C objects have nothing to say.
  swift-autolink-extract "$object" -o "$options" 2>/dev/null || continue
  count=$((count + 1))
  ! grep -qx -- -lFoundation "$options" || guilty+=("$object")
done < <(tr -d "'" <"$list" | grep '\.o$')
if [[ ${#guilty[@]} -gt 0 ]]; then
  printf 'links Foundation: %s\n' "${guilty[@]}" >&2
  exit 1
fi
[[ $count -gt 100 ]] || { echo "only $count objects looked at; the check is broken" >&2; exit 1; }
echo "no Foundation in $count objects"
