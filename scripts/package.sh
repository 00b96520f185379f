#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# usage: package.sh BINARY FOLDER
# Packs the release as one archive, with its checksum beside it, and prints the name of the archive. The same binary gives
# the same archive.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$1
folder=$2
scripts/packages.sh xz-utils
machine=$(uname -m)
name=naos-$("$binary" --version | awk '{ print $2 }')-linux-$machine
# Addresses of calls packed as what they point to: a tenth less.
case $machine in
  x86_64) filter=(--x86) ;;
  *) filter=() ;;
esac
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
mkdir "$top/$name"
install -m 755 "$binary" "$top/$name/naos"
# What runs modules is looked for beside the binary.
if [[ -f .build/wasmtime/libwasmtime.so ]]; then
  install -m 755 .build/wasmtime/libwasmtime.so "$top/$name/libwasmtime.so"
fi
install -m 644 README.md LICENSE CHANGELOG.md "$top/$name/"
mkdir -p "$folder"
tar --create --directory "$top" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 "$name" |
  xz --compress --stdout "${filter[@]}" --lzma2=preset=9e >"$folder/$name.tar.xz"
(cd "$folder" && sha256sum "$name.tar.xz" >"$name.tar.xz.sha256")
echo "$folder/$name.tar.xz"
