#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# usage: venv.sh FOLDER REQUIREMENTS
# A Python environment with exactly those packages, made anew when the list changes.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$1
requirements=$2
stamp=$folder/.requirements
if [[ -x $folder/bin/python ]] && cmp -s "$requirements" "$stamp"; then exit 0; fi

make_environment() { rm -rf "$folder" && python3 -m venv "$folder"; }

mkdir -p "$(dirname "$folder")"
if ! command -v python3 >/dev/null || ! make_environment >/dev/null 2>&1; then
  scripts/packages.sh python3 python3-venv
  hash -r
  make_environment
fi
echo "installing the Python packages of $requirements" >&2
"$folder/bin/pip" install --quiet --disable-pip-version-check --no-input --requirement "$requirements" </dev/null
cp "$requirements" "$stamp"
