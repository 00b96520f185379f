#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# usage: schema-suite.sh [FOLDER]
# Puts the JSON Schema Test Suite (MIT licence) into FOLDER (.build/json-schema-suite): all drafts that gates know, out of
# the source archive of the Python package jsonschema, whose authors are those of the suite.
set -euo pipefail
cd "$(dirname "$0")/.."

version=4.26.0
archive_sha256=0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326
folder=${1:-.build/json-schema-suite}
edition=jsonschema-$version

[[ $(cat "$folder/EDITION" 2>/dev/null) != "$edition" ]] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "fetching the JSON Schema Test Suite of $edition" >&2
python3 -m venv "$work/venv"
"$work/venv/bin/pip" download --quiet --disable-pip-version-check --no-input --no-deps --no-binary jsonschema \
  --require-hashes --dest "$work" --requirement <(echo "jsonschema==$version --hash=sha256:$archive_sha256") </dev/null
# Once more, and of the file that is opened.
echo "$archive_sha256  $work/$edition.tar.gz" | sha256sum --check --status
tar -xzf "$work/$edition.tar.gz" -C "$work"
suite=$work/$edition/json
rm -rf "$folder"
mkdir -p "$folder"
cp -r "$suite"/tests/draft7 "$suite"/tests/draft2019-09 "$suite"/tests/draft2020-12 "$suite"/remotes "$suite"/LICENSE "$folder"
echo "$edition" >"$folder/EDITION"
echo "$folder: the JSON Schema Test Suite of $edition"
