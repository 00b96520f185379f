#!/bin/sh
# A newsroom in one file: every verb leaves a mark in desk/, every undo takes it away.
set -eu
mkdir -p desk
case $1 in
  undo) rm -f "desk/$2"; echo "\"$2 undone\"" ;;
  publish)
    cat > desk/publish
    # The press jams as long as desk/jam is there.
    if [ -e desk/jam ]; then echo "the press is jammed" >&2; exit 1; fi
    echo '"on the front page"' ;;
  *) cat > "desk/$1"; echo "\"$1 done\"" ;;
esac
