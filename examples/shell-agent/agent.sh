#!/bin/sh
# Makes an invoice exactly once, however often the script is killed: a durable step in shell, with curl.
set -eu

step() { # name, command: prints the recorded result of the step, or that of running the command now
  url="$NAOS_URL/agent/v1/steps/$1"
  if recorded=$(curl -sf -H "Authorization: Bearer $NAOS_TOKEN" "$url"); then
    echo "step $1: done before" >&2
    printf '%s' "$recorded"
    return
  fi
  result=$($2)
  printf '%s' "$result" |
    curl -sSf -X PUT -H "Authorization: Bearer $NAOS_TOKEN" -H "Content-Type: application/json" \
      --data-binary @- "$url" > /dev/null
  echo "step $1: done" >&2
  printf '%s' "$result"
}

number() { printf '{"number":"%s"}' "$NAOS_IDEMPOTENCY_KEY"; }
total() { printf '{"cents":%s}' "$((3 * 1999))"; }

customer=$(cat)
invoice=$(step number number)
sleep "${PAUSE:-0}" # time to kill it by hand
amount=$(step total total)

printf '{"customer":"%s","invoice":%s,"amount":%s}\n' "${customer:-nobody}" "$invoice" "$amount" > "$NAOS_OUTPUT"
