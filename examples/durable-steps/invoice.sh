#!/bin/sh
# The same with curl: a step is read first, and worked out and recorded only if it is not there yet.
set -eu
url=$NAOS_URL/agent/v1/steps
auth="Authorization: Bearer $NAOS_TOKEN"

step() { # name command...: prints the step's result
  name=$1; shift
  curl -sf -H "$auth" "$url/$name" && return
  "$@" | curl -sf -X PUT -H "$auth" -H 'Content-Type: application/json' --data-binary @- "$url/$name"
}

draw() { printf '"2026-%05d"' $$; }

number=$(step number draw)
printf '{"invoice": %s}\n' "$number"
