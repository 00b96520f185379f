#!/bin/sh
# {{name}}: a task agent. Any program in any language can stand here; there is nothing to import.
#
#   stdin           the input
#   $NAOS_OUTPUT    a file for the output; without it, what is printed is the output
#   stderr          the log
#   exit 0          done; 75 asks to be tried again later; anything else is a failure
set -eu

echo "attempt $NAOS_ATTEMPT of run $NAOS_RUN_ID" >&2

input=$(cat)
printf '%s\n' "{{name}} was given ${#input} characters: $input" > "$NAOS_OUTPUT"
