#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# usage: wasmtime.sh [FOLDER]
# Puts libwasmtime.so into FOLDER (.build/wasmtime) and beside every binary that was built: one version, byte for byte, out
# of the wheel that wasmtime's authors publish. Then it holds our prototypes against the bindings in that wheel.
set -euo pipefail
cd "$(dirname "$0")/.."

version=50.0.1
wheel_sha256=cc14c3a17654e0394e0225b11813532ef0cd7bd1e222a0c5494cdedaabeddac4
# The same stands in Sources/NexusWasm/Engine/WasmLibrary.swift: naos opens no other library.
library_sha256=3127ca42fe7cdd3f0a43a358e79177dcfedd46c1746329826403b9d854de6178
folder=${1:-.build/wasmtime}
library=$folder/libwasmtime.so

is_right() { [[ -f $1 ]] && echo "$library_sha256  $1" | sha256sum --check --status; }

if [[ $(uname -sm) != "Linux x86_64" ]]; then
  echo "wasmtime: there is a library for Linux on x86_64 only; agents and skills that are modules are refused here" >&2
  exit 0
fi

if ! is_right "$library"; then
  scripts/venv.sh .build/wasmtime-venv scripts/wasmtime-requirements.txt
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  echo "fetching wasmtime $version" >&2
  .build/wasmtime-venv/bin/pip download --quiet --disable-pip-version-check --no-input --no-deps --only-binary :all: \
    --platform manylinux1_x86_64 --require-hashes --dest "$work" \
    --requirement <(echo "wasmtime==$version --hash=sha256:$wheel_sha256") </dev/null
  python3 - "$work"/wasmtime-"$version"-*.whl "$work" <<'PYTHON'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for name in ["wasmtime/linux-x86_64/_libwasmtime.so", "wasmtime/_bindings.py"]:
        with open(sys.argv[2] + "/" + name.split("/")[-1], "wb") as file:
            file.write(wheel.read(name))
PYTHON
  is_right "$work/_libwasmtime.so" || { echo "wasmtime: the library in the wheel is another one" >&2; exit 1; }
  python3 -B scripts/check-wasmtime-header.py "$work/_bindings.py" Sources/CWasmtime/Wasmtime.h
  mkdir -p "$folder"
  install -m 644 "$work/_bindings.py" "$folder/_bindings.py"
  install -m 755 "$work/_libwasmtime.so" "$library.new"
  mv "$library.new" "$library"
fi

# Beside the binary it is found wherever that is put.
for place in .build/release .build/debug; do
  [[ -x $place/naos ]] || continue
  is_right "$place/libwasmtime.so" || { cp "$library" "$place/libwasmtime.so.new" && mv "$place/libwasmtime.so.new" "$place/libwasmtime.so"; }
done
echo "$library: wasmtime $version"
