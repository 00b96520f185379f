#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# usage: promtool.sh FILE
# Fetches Prometheus' checker of metrics out of Debian's package, without installing the server that is in it.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$1
[[ -x $target ]] && exit 0
mkdir -p "$(dirname "$target")"
target=$(realpath "$target")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
echo "fetching promtool" >&2
apt-get download -q prometheus >log 2>&1 </dev/null ||
  { (apt-get update -q && apt-get download -q prometheus) >log 2>&1 </dev/null || { cat log >&2; exit 1; }; }
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
install -m 755 usr/bin/promtool "$target"
