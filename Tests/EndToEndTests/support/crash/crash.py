#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Kills a node with SIGKILL at every change of its database, and again while it recovers, and compares the end.

    crash.py NAOS CRASHPOINT.so [--every N] [--seed N] [--only NAME] [--double] [--workers N]

For each scenario: one run without a crash counts the changes; then for every k (or every N-th, from a seeded start) a
fresh project is run until change k, killed there, and run again to its end. With --double the second node is killed,
too, at a random change of its own. The end has to be the same: status, output, steps, and the effects outside. No step
whose end was on the disk is executed again, and nothing is executed more often than there were kills.
"""
import argparse, concurrent.futures, json, os, pathlib, random, shutil, signal, struct, subprocess, sys, tempfile, time

from scenarios import ACT, AGENTS, LOSERS_VARY, SCENARIOS

TIMEOUT = 60


class Difference(Exception):
    pass


class Project:
    def __init__(self, options, scenario):
        self.options, self.scenario = options, scenario
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="naos-crash-"))
        (self.path / "nexus.config.yaml").write_text(AGENTS + SCENARIOS[scenario] + "server: { port: 0 }\n")
        (self.path / "act.sh").write_text(ACT)
        (self.path / "effects").mkdir()
        (self.path / "executions").touch()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def environment(self, crash_at=None, torn=False):
        names = ("PATH", "HOME", "LANG", "TMPDIR")
        env = {name: os.environ[name] for name in names if name in os.environ}
        env["BINARY"] = self.options.naos
        if crash_at is not None:
            # Each life counts anew.
            (self.path / "count").unlink(missing_ok=True)
            env |= {
                "LD_PRELOAD": self.options.crashpoint, "NAOS_CRASH_AT": str(crash_at),
                "NAOS_CRASH_COUNT": str(self.path / "count"), "NAOS_CRASH_TORN": "1" if torn else "0"}
        return env

    def naos(self, *arguments, **environment):
        return subprocess.run(
            [self.options.naos, *arguments], cwd=self.path, env=self.environment(**environment), text=True,
            capture_output=True, timeout=TIMEOUT)

    def run(self, **environment):
        """One life of a node: until the run is over, or until the crash."""
        return self.naos(
            "run", "flow", "--input", '{"list": ["x", "y", "z"]}', "--idempotency-key", "once", "-o", "json",
            **environment)

    def changes(self):
        return struct.unpack("q", (self.path / "count").read_bytes())[0]

    def executions(self):
        counts = {}
        for line in (self.path / "executions").read_text().splitlines():
            counts[line.split()[0]] = counts.get(line.split()[0], 0) + 1
        return counts

    def effects(self):
        return {entry.name for entry in (self.path / "effects").iterdir()}

    def runs(self):
        listed = self.naos("runs", "list", "--all", "-o", "json")
        if listed.returncode != 0:
            raise Difference(f"the store cannot be read after the crash: {listed.stderr}")
        return [self.show(row["id"]) for row in json.loads(listed.stdout)["runs"]]

    def show(self, run):
        shown = self.naos("runs", "show", run, "-o", "json")
        if shown.returncode != 0:
            raise Difference(f"the run cannot be read: {shown.stderr}")
        return json.loads(shown.stdout)

    def end(self):
        """What has to be the same: of each run, by its name, how it and its steps ended, and the effects outside."""
        runs = {}
        for run in self.runs():
            if run["name"] in runs:
                raise Difference(f"there are two runs of {run['name']}")
            runs[run["name"]] = {
                "status": run["status"], "output": run["output"], "error": (run["error"] or {}).get("code"),
                "steps": {step["path"]: step["status"] for step in run["steps"]}}
        end = {"runs": runs, "effects": sorted(self.effects())}
        if self.scenario in LOSERS_VARY:
            end["effects"] = None
            runs["flow"]["steps"] = None
        return end

    def finished_steps(self):
        return {
            step["path"] for run in self.runs() for step in run["steps"] if step["status"] in ("completed", "skipped")}


def key_of(path):
    return "".join("_" if character in "/[]." else character for character in path)


def check(options, scenario, expected, base, kills_at, torn):
    """One crash, or two, and the end."""
    with Project(options, scenario) as project:
        kills = 0
        for at in kills_at:
            lived = project.run(crash_at=at, torn=torn)
            if lived.returncode != -signal.SIGKILL:
                break
            kills += 1
            before, finished = project.executions(), project.finished_steps() if has_store(project) else set()
            again = {path: before.get(key_of(path), 0) for path in finished}
            last = project.run() if at == kills_at[-1] else None
            if last is not None:
                lived = last
            after = project.executions()
            for path, count in again.items():
                if after.get(key_of(path), 0) != count:
                    raise Difference(f"{path} was over, and was executed again")
        end = project.end()
        if end != expected:
            raise Difference(
                f"expected {json.dumps(expected)}\n  got {json.dumps(end)}\n  {lived.stderr[-600:]}")
        for key, count in project.executions().items():
            if count > base.get(key, 0) + kills and scenario not in LOSERS_VARY:
                raise Difference(f"{key} was executed {count} times, {base.get(key, 0)} without a kill, {kills} kills")
        leftovers = [name for name in os.listdir(project.path / ".naos") if name.endswith(".sock")]
        if leftovers and not has_store(project):
            raise Difference("a socket without a store")
        return kills


def has_store(project):
    return (project.path / ".naos" / "nexus.db").exists()


def measure(options, scenario):
    with Project(options, scenario) as project:
        lived = project.run(crash_at=0)
        if lived.returncode < 0:
            sys.exit(f"{scenario}: the run without a crash died: {lived.stderr}")
        end = project.end()
        statuses = {run["status"] for run in end["runs"].values()}
        if not statuses <= {"completed", "compensated"}:
            sys.exit(f"{scenario}: the run without a crash ended {statuses}: {lived.stderr}")
        return project.changes(), end, project.executions()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("naos", type=os.path.abspath)
    parser.add_argument("crashpoint", type=os.path.abspath)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only")
    parser.add_argument("--double", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    dice, total, failed, began = random.Random(options.seed), 0, 0, time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(options.workers) as workers:
        for scenario in SCENARIOS:
            if options.only not in (None, scenario):
                continue
            changes, expected, base = measure(options, scenario)
            waiting = {}
            for k in range(1 + dice.randrange(options.every), changes + 1, options.every):
                kills_at = [k, 1 + dice.randrange(changes)] if options.double else [k]
                torn = dice.random() < 0.3
                job = workers.submit(check, options, scenario, expected, base, kills_at, torn)
                waiting[job] = (kills_at, torn)
            kills = 0
            for job in concurrent.futures.as_completed(waiting):
                try:
                    kills += job.result()
                except Exception as problem:
                    failed += 1
                    print(f"✗ {scenario} killed at {waiting[job]}: {problem}", flush=True)
            total += kills
            print(f"{scenario}: {changes} changes, {len(waiting)} lives, {kills} kills", flush=True)
    print(f"{total} kills in {time.monotonic() - began:.0f} s, {failed} wrong ends (seed {options.seed})")
    sys.exit(1 if failed else 0)


main()
