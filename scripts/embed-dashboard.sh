#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# Writes Sources/CDashboard/packed from Sources/CDashboard/web: what the binary serves. The modules become one file
# without comments, layout and long names, each file of the program gets an address with the hash of its content, and
# beside each lies a compressed copy. Building naos needs none of this: the result is committed.
# With --check it changes nothing and fails if the committed files are not what it would write.
set -eu
export LC_ALL=C
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/packages.sh" esbuild terser zopfli
web=$root/Sources/CDashboard/web
target=$root/Sources/CDashboard/packed
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

pack() { esbuild "$@" --minify --charset=utf8 --legal-comments=none --log-level=warning; }
pack "$web/app.js" --bundle --format=esm --outfile="$fresh/app.js"
pack "$web/login.js" --format=esm --outfile="$fresh/login.js"
# A second look at the whole program, for what the first does not shorten. Debian's terser keeps its modules where only
# Debian's own Node looks for them.
for program in "$fresh/app.js" "$fresh/login.js"; do
  NODE_PATH=/usr/share/nodejs terser "$program" --module --ecma 2020 --mangle \
    --compress passes=5,unsafe=true,unsafe_arrows=true,unsafe_methods=true,keep_fargs=false,sequences=false \
    --format ecma=2020 --output "$program.short"
  mv "$program.short" "$program"
done
pack "$web/style.css" --outfile="$fresh/style.css"
cp "$web/favicon.svg" "$fresh/"

# An address says what is behind it: /app-0123456789ab.js never changes. The server reckons the same.
addresses=$(cd "$fresh" && for file in *; do
  hash=$(sha256sum "$file" | cut -c 1-12)
  echo "s|\"/$file\"|\"/${file%.*}-$hash.${file##*.}\"|g"
done)
for page in index.html login.html; do
  sed -e 's/^ *//' -e "$addresses" "$web/$page" > "$fresh/$page"
done

if [ "${1:-}" = --check ]; then
  for file in "$fresh"/*; do
    name=${file##*/}
    # Compressed copies are compared by what they hold: libraries of other versions compress otherwise.
    if ! cmp -s "$file" "$target/$name" || ! gzip -dc "$target/$name.gz" | cmp -s - "$file"; then
      echo "Sources/CDashboard/packed/$name does not match web/: run scripts/embed-dashboard.sh" >&2
      exit 1
    fi
  done
else
  mkdir -p "$target"
  for file in "$fresh"/*; do
    cmp -s "$file" "$target/${file##*/}" && continue
    cp "$file" "$target/"
    zopfli -c --i50 "$file" > "$target/${file##*/}.gz"
  done
fi
