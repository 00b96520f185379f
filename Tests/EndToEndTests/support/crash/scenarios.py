# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Runs that are to end the same wherever their node is killed."""

# An effect is a folder made under the step's idempotency key: made twice it is there once, as with any service that
# honours such keys. Every execution leaves a line, whether its effect is new or not.
ACT = """#!/bin/sh
set -eu
key=$(printf %s "$NAOS_IDEMPOTENCY_KEY" | sed 's,^[^/]*/,,' | tr '/[].' '____')
echo "$key $NAOS_ATTEMPT" >> executions
case ${1-ok} in
  flaky) [ "$NAOS_ATTEMPT" -ge 3 ] || exit 1 ;;
  bad) mkdir -p "effects/$key"; exit 9 ;;
  never) sleep 600 ;;
  signal) "$BINARY" runs signal "$NAOS_RUN_ID" go --id once --input '{"n": 7}' >/dev/null 2>&1 ;;
esac
mkdir -p "effects/$key"
echo "\\"${2-done} by $NAOS_STEP\\""
"""

AGENTS = """
name: crash
agents:
  ok: { command: [sh, act.sh, ok] }
  same: { command: [sh, act.sh, ok, same] }
  flaky: { command: [sh, act.sh, flaky], restart: temporary }
  bad: { command: [sh, act.sh, bad], restart: temporary }
  never: { command: [sh, act.sh, never], shutdown: brutal-kill }
  vote-a: { command: [sh, -c, "sh act.sh ok >/dev/null; echo '{\\"city\\": \\"Paris\\"}'"] }
  vote-b: { command: [sh, -c, "sh act.sh ok >/dev/null; echo '{\\"city\\": \\"Paris\\"}'"] }
  vote-c: { command: [sh, -c, "sh act.sh ok >/dev/null; echo '{\\"city\\": \\"Rome\\"}'"] }
  signaller: { command: [sh, act.sh, signal], env: { BINARY: "${BINARY}" } }
  undo: { command: [sh, act.sh, ok] }
  undo-flaky: { command: [sh, act.sh, flaky], restart: temporary }
"""

RETRY = "retry: { maxAttempts: 9, initial: 10ms, max: 20ms }"


def saga(fails_at, flaky_undo=None):
    lines = ["sagas:", "  flow:", "    steps:"]
    for index in range(4):
        agent = "bad" if index == fails_at else "ok"
        undo = "undo-flaky" if index == flaky_undo else "undo"
        lines += [f"      - name: s{index}", f"        action: {agent}"]
        lines += [f"        compensation: {{ agent: {undo}, {RETRY} }}"]
        if index == fails_at:
            lines += ["        retry: { maxAttempts: 1 }"]
    return "\n".join(lines) + "\n"


SCENARIOS = {
    "sequence": f"""
workflows:
  flow:
    steps:
      - {{ name: a, agent: ok }}
      - {{ name: b, agent: flaky, {RETRY} }}
      - {{ name: c, agent: ok, input: {{ before: "{{{{ steps.b.output }}}}" }} }}
""",
    "dag": f"""
workflows:
  flow:
    steps:
      - {{ name: a, agent: ok, needs: [] }}
      - {{ name: b, agent: flaky, needs: [a], {RETRY} }}
      - {{ name: c, agent: ok, needs: [a] }}
      - {{ name: d, agent: bad, needs: [a], onError: skip, retry: {{ maxAttempts: 1 }} }}
      - {{ name: e, agent: ok, needs: [b, c, d] }}
""",
    "each": """
workflows:
  flow:
    steps:
      - { name: a, agent: ok, forEach: "{{ run.input.list }}", parallel: 2 }
      - { name: b, agent: ok }
""",
    "timer": """
workflows:
  flow:
    steps:
      - { name: a, agent: ok }
      - { name: nap, sleep: 100ms }
      - { name: b, agent: ok }
""",
    "event": """
workflows:
  flow:
    steps:
      - { name: tell, agent: signaller }
      - { name: hear, waitFor: go }
      - { name: b, agent: ok, when: steps.hear.output.n == 7 }
""",
    "child": """
workflows:
  flow:
    steps:
      - { name: a, agent: ok }
      - { name: sub, workflow: inner }
      - { name: b, agent: ok }
  inner:
    steps:
      - { name: x, agent: ok }
      - { name: y, agent: ok }
""",
    "saga-completes": saga(None),
    "saga-fails-at-0": saga(0),
    "saga-fails-at-1": saga(1),
    "saga-fails-at-2": saga(2),
    "saga-fails-at-3": saga(3),
    "saga-undo-flaky-at-0": saga(2, 0),
    "saga-undo-flaky-at-1": saga(2, 1),
    "saga-undo-flaky-at-2": saga(2, 2),
    "pool-all": "pools:\n  flow: { agents: [vote-a, vote-b, vote-c], strategy: all }\n",
    "pool-first": "pools:\n  flow: { agents: [same, never, never], strategy: first }\n",
    "pool-majority": "pools:\n  flow: { agents: [vote-a, vote-b, vote-c], strategy: majority }\n",
    "pool-quorum": "pools:\n  flow: { agents: [vote-a, vote-b, vote-c], strategy: quorum, quorum: 2 }\n",
}

# What a loser of these does before it is stopped is a matter of luck.
LOSERS_VARY = {"pool-first", "pool-majority", "pool-quorum"}
