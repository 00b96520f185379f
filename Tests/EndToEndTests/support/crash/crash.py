#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Kills a node with SIGKILL at every change of its database, and again while it recovers, and compares the end.

    crash.py NAOS CRASHPOINT.so [--every N | --lives N] [--seed N] [--only NAME] [--double] [--up] [--creation] [--repeat]
                                [--workers N]
    crash.py NAOS CRASHPOINT.so --list

Without --seed one is drawn; the last line says which.

For each scenario: one run without a crash counts the changes; then for every k (every N-th from a seeded start, or N
seeded ones) a fresh project is run until change k, killed there, and run again to its end. With --double the second
node is killed, too, at a change of its own. The end has to be the same: status, output, steps, and the effects outside.
After every kill and at the end the rules of `rules.py` are held: no journal loses an entry that was read, no step whose
end is recorded is executed again, and one more execution is allowed only for an attempt that a kill cut off.

The node is that of `naos run`, or with --up, and where a scenario needs it, that of `naos up`. A project begins with the
database of a node that came up and went down again; with --creation without one, so that the changes that make it and
get its files their space, the same whatever runs are to come, are counted and killed at, too. With --repeat a step that
is recorded is executed once more after the first kill, as a node that forgets would: such a life must be found. It is
the last.
"""
import argparse, concurrent.futures, json, os, random, subprocess, sys, time
from collections import Counter

from project import Project, made_store
from rules import Difference, Watch, completed, unit
from scenarios import SCENARIOS


def repeat(project):
    """Executes a step again whose result is recorded; true if there is one."""
    done = completed(project.journals)
    for run, path, attempt in reversed(project.executions()):
        if (run, path) in done:
            env = dict(os.environ, NAOS_IDEMPOTENCY_KEY=f"{run}/{path}", NAOS_ATTEMPT=str(attempt + 1), NAOS_STEP=path)
            subprocess.run(["sh", "act.sh", "ok"], cwd=project.path, env=env, check=True, capture_output=True)
            return True
    return False


class Lives:
    """The lives of one project, and what came of them."""

    def __init__(self, options, scenario, usual):
        self.options, self.scenario, self.watch = options, scenario, Watch(usual, scenario.others)
        self.kills, self.repeated = 0, False

    def check(self, expected, kills_at, torn):
        up = self.options.up or self.scenario.needs_node
        with Project(self.options, self.scenario) as project:
            for at in kills_at:
                killed, lived = project.live(crash_at=at, torn=torn, up=up)
                if not killed:
                    break
                self.kills += 1
                self.look(project, killed=True)
                if self.options.repeat and not self.repeated:
                    self.repeated = repeat(project)
            else:
                _, lived = project.live(up=up)
            self.look(project, killed=False)
            self.watch.end(project.kind)
            end = project.end()
            if end != expected:
                raise Difference(
                    f"expected {json.dumps(expected)}\n  got {json.dumps(end)}\n  {lived.stderr[-600:]}")

    def look(self, project, killed):
        self.watch.look(project.read_journals(), project.executions(), killed)


def measure(options, scenario):
    """The run without a crash: its changes, its end, and how often each step is executed."""
    with Project(options, scenario) as project:
        killed, lived = project.live(crash_at=0, up=options.up or scenario.needs_node)
        if killed:
            sys.exit(f"{scenario.name}: the run without a crash died: {lived.stderr}")
        end = project.end()
        statuses = {run["status"] for run in end["runs"].values()}
        if not statuses <= scenario.ends:
            sys.exit(f"{scenario.name}: the run without a crash ended {statuses}: {lived.stderr}")
        usual = Counter((project.kind(run), path) for run, path in map(unit, project.executions()))
        return project.changes(), end, {**usual, **scenario.usual}


def points(options, changes, dice):
    """Where to kill: the first change, and that of the next life."""
    if options.lives:
        firsts = sorted(dice.sample(range(1, changes + 1), min(options.lives, changes)))
        if options.repeat:
            dice.shuffle(firsts)
    else:
        firsts = range(1 + dice.randrange(options.every), changes + 1, options.every)
    # What is left to do after the first kill has about so many changes.
    return [([k, 1 + dice.randrange(changes - k + 8)] if options.double else [k], dice.random() < 0.3) for k in firsts]


def kill_all(options, scenario, workers, dice):
    """All lives of a scenario; how many kills there were, how many wrong ends, and how many repeated steps."""
    changes, expected, usual = measure(options, scenario)
    waiting = {}
    for kills_at, torn in points(options, changes, dice):
        lives = Lives(options, scenario, usual)
        job = workers.submit(lives.check, expected, kills_at, torn)
        waiting[job] = (lives, kills_at, torn)
        if options.repeat:
            concurrent.futures.wait([job])
            if lives.repeated:
                break
    failed = repeated = 0
    for job in concurrent.futures.as_completed(waiting):
        lives, kills_at, torn = waiting[job]
        repeated += lives.repeated
        problem = job.exception()
        if options.repeat and lives.repeated:
            if isinstance(problem, Difference) and "executed" in str(problem):
                continue
            problem = problem or "a step was executed again, and that was not found"
        if problem is not None:
            failed += 1
            print(f"✗ {scenario.name} killed at {kills_at}{' torn' if torn else ''}: {problem}", flush=True)
    kills = sum(lives.kills for lives, _, _ in waiting.values())
    print(f"{scenario.name}: {changes} changes, {len(waiting)} lives, {kills} kills", flush=True)
    return kills, failed, repeated


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("naos", type=os.path.abspath)
    parser.add_argument("crashpoint", type=os.path.abspath)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--lives", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--double", action="store_true")
    parser.add_argument("--up", action="store_true")
    parser.add_argument("--creation", action="store_true")
    parser.add_argument("--repeat", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    if options.list:
        return print("\n".join(SCENARIOS))
    if options.only is not None and options.only not in SCENARIOS:
        parser.error(f"there is no scenario {options.only}: {', '.join(SCENARIOS)}")
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1_000_000)
    total, failed, repeated, began = 0, 0, 0, time.monotonic()
    with made_store(options) as options.store, concurrent.futures.ThreadPoolExecutor(options.workers) as workers:
        for name, scenario in SCENARIOS.items():
            if options.only in (None, name):
                dice = random.Random(f"{options.seed} {name}")
                kills, wrong, again = kill_all(options, scenario, workers, dice)
                total, failed, repeated = total + kills, failed + wrong, repeated + again
    if options.repeat and not repeated:
        failed += 1
        print("✗ nothing was repeated")
    print(f"{total} kills in {time.monotonic() - began:.0f} s, {failed} wrong ends (seed {options.seed})"
          + (f", {repeated} repeated steps" if options.repeat else ""))
    sys.exit(1 if failed else 0)


main()
