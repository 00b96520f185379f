#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# usage: allocator.sh OBJECT
# Makes one object file of Debian's static jemalloc. What comes from an archive is not exported by a program with a static
# Swift library, and shared libraries have to find these functions in the program.
set -euo pipefail
cd "$(dirname "$0")/.."

object=$PWD/$1
[[ ! -e $object ]] || exit 0
archive=$(dpkg-query -L libjemalloc-dev | grep '/libjemalloc_pic\.a$')
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT
(cd "$parts" && ar x "$archive")
mkdir -p "$(dirname "$object")"
ld -r -o "$parts/all" "$parts"/*.o
mv "$parts/all" "$object"
