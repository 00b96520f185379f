#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# Installs the Debian packages named as arguments that are not there yet.
set -euo pipefail

missing=()
for package in "$@"; do
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if [[ $(id -u) -eq 0 ]]; then
  privileged=()
elif sudo -n true 2>/dev/null; then
  privileged=(sudo -n)
else
  echo "missing Debian packages: ${missing[*]}" >&2
  echo "install them with: sudo apt-get install ${missing[*]}" >&2
  exit 1
fi

install() {
  DEBIAN_FRONTEND=noninteractive "${privileged[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"
}

echo "installing ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! install >"$log" 2>&1 </dev/null; then
  # The package lists may be missing or old.
  if ! { "${privileged[@]}" apt-get update -q && install; } >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    echo "apt-get could not install ${missing[*]}; install them by hand and try again" >&2
    exit 1
  fi
fi
