#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# Everybody of the newsroom in one file: each verb leaves a mark in desk/, each undo takes it away.
set -eu
mkdir -p desk
case $1 in
  undo)
    sleep 0.3
    # Nothing is taken back as long as desk/hold is there.
    while [ -e desk/hold ]; do sleep 0.1; done
    rm -f "desk/$2"
    echo "took $2 back" >&2
    echo "{\"undone\": \"$2\"}" ;;
  publish)
    cat > desk/publish
    # The press jams as long as desk/jam is there.
    if [ -e desk/jam ]; then
      echo "the press is jammed" >&2
      exit 1
    fi
    echo "on the front page" >&2
    echo '{"page": 1, "edition": "evening"}' ;;
  vote)
    sleep 0.2
    echo "votes $2" >&2
    echo "{\"publish\": \"$2\"}" ;;
  feed)
    count=0
    while :; do
      count=$((count + 1))
      echo "story $count came in over the wire: $(head -c 400 docs/sagas.md | tr '\n' ' ' | cut -c "$((count % 90 + 1))-$((count % 90 + 60))")" >&2
      [ $((count % 7)) -ne 0 ] || printf 'Traceback of story %s\n  File "wire.py", line 41, in fetch\n  TimeoutError: the wire is slow\n' "$count" >&2
      sleep "${FEED_SECONDS:-2}"
    done ;;
  serve)
    while :; do
      echo "archive: 214 documents, all in order" >&2
      sleep 9
    done ;;
  crash)
    echo "press: warming up" >&2
    sleep 5
    echo "press: paper jam in tray 2" >&2
    exit 3 ;;
  echo)
    # Says back what it was told, whatever that is: on one line of the log, and as its output.
    cat > desk/echo
    cat desk/echo >&2
    cat desk/echo ;;
  translate)
    sleep 1
    text=$(cat)
    echo "translated $text" >&2
    echo "{\"text\": \"$1d\"}" ;;
  *)
    sleep 0.4
    cat > "desk/$1"
    echo "$1: done" >&2
    echo "{\"$1\": \"done\", \"words\": 412}" ;;
esac
