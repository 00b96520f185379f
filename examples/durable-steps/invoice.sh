#!/bin/sh
# The same with curl: a step is read first, and worked out and recorded only if it is not there yet.
set -eu
url=$NAOS_URL/agent/v1
auth="Authorization: Bearer $NAOS_TOKEN"

step() { # name command...: prints the step's result
  name=$1; shift
  curl -sf -H "$auth" "$url/steps/$name" && return
  "$@" | curl -sf -X PUT -H "$auth" -H 'Content-Type: application/json' --data-binary @- "$url/steps/$name"
}

post() { curl -sf -w '\n%{http_code}' -H "$auth" -d "$2" "$url/$1"; } # prints the answer, then its status

draw() { printf '"2026-%05d"' $$; }

number=$(step number draw)
# Not before that time: naos starts the agent again when it has come.
[ "$(post sleep '{"until": 1}' | tail -n 1)" = 200 ] || exit 75
while answer=$(post call/auditor '{"input": []}') || exit; do
  [ "$(echo "$answer" | tail -n 1)" = 200 ] && break # else it took more than a minute
done
printf '{"invoice": %s, "audit": %s}\n' "$number" "$(echo "$answer" | head -n 1)"
