#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# usage: check-binary.sh BINARY
# The release is one file: static Swift runtime, neither Foundation nor ICU in it, not larger than its limit.
set -euo pipefail

binary=$1
limit=$((36 * 1000 * 1000))
size=$(stat -L -c %s "$binary")
libraries=$(ldd "$binary" | awk '{ print $1 }' | xargs)

fail() {
  echo "$binary: $*" >&2
  exit 1
}
[[ $size -le $limit ]] || fail "$size bytes; the limit is $limit"
[[ $libraries != *libswift* && $libraries != *libFoundation* ]] || fail "needs shared Swift libraries: $libraries"
[[ $libraries != *sqlite* && $libraries != *yaml* ]] || fail "needs shared libraries: $libraries"
# ICU's data carries this name wherever it is linked.
! grep -aq icudt "$binary" || fail "holds ICU, so something imports Foundation"
# Memory of another allocator would be freed by this one, and the other way round.
for name in malloc calloc realloc free posix_memalign; do
  readelf --dyn-syms --wide "$binary" | awk -v name="$name" '$7 != "UND" && $8 == name { found = 1 } END { exit !found }' ||
    fail "does not export $name of its allocator"
done
echo "$binary: $(awk -v b="$size" 'BEGIN { printf "%.1f", b / 1e6 }') MB, needs only $libraries"
