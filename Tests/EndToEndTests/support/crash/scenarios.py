# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Runs that are to end the same wherever their node is killed."""
import calendar, time
from dataclasses import dataclass, field
from typing import Callable

from rules import Difference

# An effect is a folder made under the step's idempotency key: made twice it is there once, as with any service that
# honours such keys. Every execution leaves a line, whether its effect is new or not. `once` is a service that honours no
# keys, and leaves a second folder.
ACT = """#!/bin/sh
set -eu
key=$(printf %s "$NAOS_IDEMPOTENCY_KEY" | tr '/[].' '____')
echo "$NAOS_IDEMPOTENCY_KEY $NAOS_ATTEMPT" >> executions
case ${1-ok} in
  once) mkdir "effects/$key" || mkdir "effects/$key-again" ;;
  probe)
    asked=$(sed 's/.*"idempotencyKey": *"\\([^"]*\\)".*/\\1/' | tr '/[].' '____')
    if [ -d "effects/$asked" ]; then echo '{"applied": true, "output": "done by a"}'; else echo '{"applied": false}'; fi
    exit 0 ;;
  cancelled)
    mkdir -p "effects/$key"
    "$BINARY" runs cancel "$NAOS_RUN_ID" >/dev/null
    sleep 600 ;;
  cancels) "$BINARY" runs cancel "$NAOS_RUN_ID" >/dev/null ;;
  flaky) [ "$NAOS_ATTEMPT" -ge 3 ] || exit 1 ;;
  bad) mkdir -p "effects/$key"; exit 9 ;;
  never) sleep 600 ;;
  learns) [ -n "${NAOS_FEEDBACK-}" ] || set -- learns wrong ;;
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
  judge: { command: [sh, -c, "sh act.sh ok >/dev/null; echo '{\\"groups\\": [[\\"vote-a\\", \\"vote-b\\"]]}'"] }
  signaller: { command: [sh, act.sh, signal], env: { BINARY: "${BINARY}" } }
  undo: { command: [sh, act.sh, ok] }
  undo-flaky: { command: [sh, act.sh, flaky], restart: temporary }
  undo-bad: { command: [sh, act.sh, bad], restart: temporary }
  undo-cancels: { command: [sh, act.sh, cancels], env: { BINARY: "${BINARY}" } }
  cancelled: { command: [sh, act.sh, cancelled], env: { BINARY: "${BINARY}" }, shutdown: brutal-kill }
  once: { command: [sh, act.sh, once] }
  learner: { command: [sh, act.sh, learns] }
  probe: { command: [sh, act.sh, probe] }
"""

# The run of every scenario, asked for as often as a client needs to.
FLOW = ("run", "flow", "--input", '{"list": ["x", "y", "z"]}', "--idempotency-key", "once", "-o", "json")

RETRY = "retry: { maxAttempts: 9, initial: 10ms, max: 20ms }"


def saga(fails_at, undo=None, undo_agent="undo-flaky", more=""):
    """Four steps, of which one may fail, and the undo of one may be another agent's."""
    lines = ["sagas:", "  flow:"] + ([f"    {more}"] if more else []) + ["    steps:"]
    for index in range(4):
        agent = "bad" if index == fails_at else "ok"
        undone_by = undo_agent if index == undo else "undo"
        retry = "retry: { maxAttempts: 2, initial: 10ms }" if undone_by == "undo-bad" else RETRY
        lines += [f"      - name: s{index}", f"        action: {agent}"]
        lines += [f"        compensation: {{ agent: {undone_by}, {retry} }}"]
        if index == fails_at:
            lines += ["        retry: { maxAttempts: 1 }"]
    return "\n".join(lines) + "\n"


def queue(strategy):
    return f"""
workflows:
  flow:
    steps:
      - {{ name: a, pool: workers, forEach: "{{{{ run.input.list }}}}", parallel: 3 }}
      - {{ name: b, agent: ok }}
pools:
  workers: {{ agent: ok, size: 2, strategy: {strategy} }}
"""


def guarded(step, rule, verdict):
    return f"""
validators:
  guard: {{ target: steps.{step}.output, format: text, rules: [ {{ id: r, expr: "{rule}", onFail: {verdict} }} ] }}
"""


def unknown(policy):
    return f"""
workflows:
  flow:
    steps:
      - {{ name: a, agent: once, onUnknown: {policy} }}
      - {{ name: b, agent: ok }}
"""


CONFIGS = {
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
    "saga-undo-flaky-at-0": saga(2, undo=0),
    "saga-undo-flaky-at-1": saga(2, undo=1),
    "saga-undo-flaky-at-2": saga(2, undo=2),
    "pool-all": "pools:\n  flow: { agents: [vote-a, vote-b, vote-c], strategy: all }\n",
    "pool-first": "pools:\n  flow: { agents: [same, never, never], strategy: first }\n",
    "pool-majority": "pools:\n  flow: { agents: [vote-a, vote-b, vote-c], strategy: majority }\n",
    "pool-quorum": "pools:\n  flow: { agents: [vote-a, vote-b, vote-c], strategy: quorum, quorum: 2 }\n",
    "pool-path": "pools:\n  flow: { agents: [vote-a, vote-b, vote-c], strategy: majority, equality: { path: city } }\n",
    "pool-judged": "pools:\n  flow: { agents: [vote-a, vote-b, vote-c], strategy: majority, equality: { agent: judge } }\n",
    "queue-round-robin": queue("round-robin"),
    "queue-least-busy": queue("least-busy"),
    "queue-random": queue("random"),
    "fails": """
workflows:
  flow:
    steps:
      - { name: a, agent: ok }
      - { name: b, agent: bad, retry: { maxAttempts: 2, initial: 10ms } }
      - { name: c, agent: ok }
""",
    "exhausted": """
workflows:
  flow:
    onExhausted: pause
    steps:
      - { name: a, agent: ok }
      - { name: b, agent: bad, retry: { maxAttempts: 2, initial: 10ms } }
      - { name: c, agent: ok }
""",
    "saga-cancelled": """
sagas:
  flow:
    steps:
      - { name: s0, action: ok, compensation: undo }
      - { name: s1, action: cancelled, compensation: undo }
      - { name: s2, action: ok, compensation: undo }
""",
    "saga-cancelled-in-undo": saga(2, undo=1, undo_agent="undo-cancels"),
    "saga-undo-fails": saga(2, undo=1, undo_agent="undo-bad"),
    "saga-undo-fails-goes-on": saga(2, undo=1, undo_agent="undo-bad", more="onCompensationFailure: continue"),
    "unknown-probe": unknown("{ probe: probe }"),
    "unknown-ask": unknown("ask"),
    "unknown-fail": unknown("fail"),
    "fork": """
workflows:
  flow:
    steps:
      - { name: a, agent: ok }
      - { name: b, agent: ok }
      - { name: c, agent: ok }
""",
    "gate-retries": """
workflows:
  flow:
    steps:
      - { name: a, agent: learner }
      - { name: b, agent: ok }
""" + guarded("a", "!output.startsWith('wrong')", "retry"),
    "gate-stops": saga(None) + guarded("s2", "output.startsWith('right')", "stop"),
    "gate-asks": """
workflows:
  flow:
    steps:
      - { name: a, agent: ok }
      - { name: b, agent: ok }
""" + guarded("a", "output.startsWith('right')", "escalate"),
    "schedule": """
workflows:
  flow:
    steps:
      - { name: a, agent: ok }
      - { name: b, agent: ok }
schedules:
  tick: { cron: "* * * * * *", run: flow, overlap: allow, catchUp: all }
""",
}


# What is done while a node is up; done anew in each life, and finding what was done before.


def flow(project):
    run = project.known("flow")
    if run is not None:
        return project.naos("runs", "wait", run, "-o", "json")
    return project.naos(*FLOW)


def fork(project):
    """When the run is over, another goes another way from its second step on."""
    ended = flow(project)
    project.read_journals()
    if project.known("flow", forked=True) is None:
        project.naos("runs", "fork", project.known("flow"), "--from", "b", "--detach")
        project.read_journals()
    forked = project.known("flow", forked=True)
    return ended if forked is None else project.naos("runs", "wait", forked, "-o", "json")


def answer(project):
    """Somebody looks what a step did whose node was killed, and says so."""
    while True:
        ended = flow(project)
        project.read_journals()
        run = project.known("flow")
        if run is None or project.read("runs", "show", run)["pauseReason"] != "unknown":
            return ended
        if (project.path / "effects" / f"{run}_a").exists():
            project.naos("runs", "mark-done", run, "a", "--result", "done by a", "--detach")
        else:
            project.naos("runs", "resume", run, "--detach")


def look(project):
    """A step fails whose node was killed; somebody looks what it did, and has the run go on from there."""
    while True:
        ended = flow(project)
        project.read_journals()
        run = project.known("flow")
        if run is None or (project.read("runs", "show", run)["error"] or {}).get("code") != "NX-RUN-033":
            return ended
        if (project.path / "effects" / f"{run}_a").exists():
            project.naos("runs", "mark-done", run, "a", "--result", "done by a", "--detach")
        else:
            project.naos("runs", "retry", run, "--detach")


def accept(project):
    """Somebody accepts what a validator has escalated, as soon as it has."""
    if project.known("flow") is None:
        project.naos(*FLOW, "--detach")
        project.read_journals()
    run = project.known("flow")
    while run is not None and project.read("runs", "show", run)["status"] in ("queued", "running", "suspended"):
        asked = [entry["kind"] for entry in project.read_journals()[run] if entry["kind"] in ("judged", "gate-decided")]
        if asked == ["judged"]:
            project.naos("runs", "decide", run, "a", "--accept", "--detach")
        elif asked:
            break
        time.sleep(0.05)
    return flow(project)


def ticks(project):
    """A schedule starts some runs, and is stopped."""
    while len(project.run_ids()) < 3:
        time.sleep(0.1)
    paused = project.naos("schedule", "pause", "tick")
    over = set()
    while new := set(project.run_ids()) - over:
        for run in new:
            project.naos("runs", "wait", run)
        over |= new
    return paused


def as_it_is(end):
    return end


def without(*names, effects=True):
    """What a loser does before it is stopped is a matter of luck; with `effects`, also whether it comes to its effect."""
    def comparable(end):
        steps = end["runs"]["flow"]["steps"]
        left = {path: status for path, status in steps.items() if path not in names}
        free = [f"flow_{name}" for name in names if effects]
        return {
            "runs": {**end["runs"], "flow": {**end["runs"]["flow"], "steps": left}},
            "effects": [effect for effect in end["effects"] if effect not in free]}
    return comparable


def without_probe(end):
    steps = end["runs"]["flow"]["steps"]
    return {**end, "runs": {"flow": {**end["runs"]["flow"], "steps": {"a": steps["a"], "b": steps["b"]}}},
            "effects": [effect for effect in end["effects"] if effect != "flow_a_probe"]}


def every_tick(end):
    """Each time was due once: what came of all of them is the same, and no second is left out."""
    due = sorted(label.split(" at ")[1] for label in end["runs"])
    seconds = [calendar.timegm(time.strptime(at[:19], "%Y-%m-%dT%H:%M:%S")) for at in due]
    if len(due) < 3 or seconds != list(range(seconds[0], seconds[0] + len(seconds))):
        raise Difference(f"runs for {due}")
    ends = {(run["status"], str(run["output"]), str(sorted(run["steps"].items()))) for run in end["runs"].values()}
    effects = sorted(label + step for label in end["runs"] for step in ("_a", "_b"))
    if end["effects"] != effects:
        raise Difference(f"effects {end['effects']}, expected {effects}")
    return {"runs": {label: {"status": status, "rest": rest} for label, (status, *rest) in zip("=≠≢", sorted(ends))}}


@dataclass
class Scenario:
    name: str
    config: str
    # How the run without a crash may end.
    ends: set = field(default_factory=lambda: {"completed", "compensated"})
    # What only a node that stays can do.
    needs_node: bool = False
    drive: Callable = flow
    comparable: Callable = as_it_is
    # How often steps are executed at most that the run without a crash does not execute.
    others: int = 0
    # How often steps are executed, where the run without a crash does not tell.
    usual: dict = field(default_factory=dict)


SPECIAL = {
    "pool-first": {"comparable": without("never", "never-2", effects=False), "others": 1},
    "pool-majority": {"comparable": without("vote-c"), "others": 1},
    "pool-path": {"comparable": without("vote-c"), "others": 1},
    "pool-quorum": {"comparable": without("vote-c"), "others": 1},
    "fails": {"ends": {"failed"}},
    "exhausted": {"ends": {"paused"}},
    "saga-undo-fails": {"ends": {"paused"}},
    "saga-undo-fails-goes-on": {"ends": {"compensated-partial"}},
    "unknown-probe": {"comparable": without_probe},
    "unknown-ask": {"needs_node": True, "drive": answer},
    "unknown-fail": {"needs_node": True, "drive": look},
    "fork": {"needs_node": True, "drive": fork},
    "gate-stops": {"ends": {"stopped"}},
    "gate-asks": {"needs_node": True, "drive": accept},
    "schedule": {
        "needs_node": True, "drive": ticks, "comparable": every_tick,
        "usual": {("flow", "a"): 1, ("flow", "b"): 1}},
}

SCENARIOS = {name: Scenario(name, config, **SPECIAL.get(name, {})) for name, config in CONFIGS.items()}
