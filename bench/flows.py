# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Durable runs: steps a second beside DBOS, LangGraph and plain C; latency, history, resumption, lists."""

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess

import processes

HERE = os.path.dirname(os.path.abspath(__file__))
RUNS = [1, 64, 256, 1024]
# The more runs there are at a time, the longer a peer takes to bring each of them to its end once.
ROUNDS = {1: 5, 64: 5, 256: 3, 1024: 1}
# Of a workflow, here and at the peers.
STEPS = 10


def fresh(folder):
    """An empty folder for one measurement."""
    place = os.path.join(folder, "flows")
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    return place


def output_of(command, seconds, status=0):
    reply = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    if reply.returncode != status:
        raise RuntimeError(f"{command[0]} ended with {reply.returncode}: {reply.stdout[-500:]}{reply.stderr[-2000:]}")
    return reply.stdout


def leave_under_way(command, seconds):
    """Runs what leaves runs behind and kills itself, as a node dies by kill -9."""
    left = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    if left.returncode != -signal.SIGKILL:
        raise RuntimeError(f"{command[0]} was not killed, but ended with {left.returncode}: {left.stderr[-2000:]}")


def figures_of(command, seconds=120, status=0):
    """The JSON object on the last line of what ends as it should."""
    return json.loads(output_of(command, seconds, status).strip().splitlines()[-1])


def resumed(flows, database, runs):
    """Goes on with what was left; it stays under way, so whoever measures it kills itself too."""
    return figures_of([flows, "resume", database, str(runs)], 300, -signal.SIGKILL)


class Contest:
    """The four that do the same work, each with a database of its own."""

    def __init__(self, tools, folder):
        self.tools = tools
        self.folder = folder

    def ours(self, runs, seconds):
        database = os.path.join(fresh(self.folder), "nexus.db")
        return figures_of([self.tools["flows"], "steps", database, str(runs), str(seconds)], seconds + 120)

    def plain(self, runs, seconds):
        database = os.path.join(fresh(self.folder), "plain.db")
        words = output_of([self.tools["plain"], database, str(runs), str(seconds), str(STEPS)], seconds + 120).split()
        return {"stepsPerSecond": float(words[0])}

    def peer(self, script, runs, seconds):
        command = [self.tools["python"], os.path.join(HERE, "peers", script), fresh(self.folder), str(runs), str(seconds)]
        return figures_of(command, seconds + 900)

    def round(self, runs, seconds, turn):
        """One measurement of each; who begins changes from round to round."""
        entrants = [
            ("ours", lambda: self.ours(runs, seconds)), ("plain", lambda: self.plain(runs, seconds)),
            ("dbos", lambda: self.peer("dbos_steps.py", runs, seconds)),
            ("langgraph", lambda: self.peer("langgraph_steps.py", runs, seconds))]
        turn %= len(entrants)
        return {name: measure() for name, measure in entrants[turn:] + entrants[:turn]}


def steps(contest, quick):
    """The median of each, and of the ratios of each round."""
    seconds = 1 if quick else 3
    figures = {}
    for runs in RUNS[:2] if quick else RUNS:
        found = [contest.round(runs, seconds, turn) for turn in range(1 if quick else ROUNDS[runs])]

        def median(name, key="stepsPerSecond"):
            return processes.median([one[name][key] for one in found])

        def ratio(name):
            return processes.median(
                [one["ours"]["stepsPerSecond"] / max(0.1, one[name]["stepsPerSecond"]) for one in found])

        figures[str(runs)] = {
            "stepsPerSecond": round(median("ours")), "plainC": round(median("plain")),
            "dbos": round(median("dbos")), "langgraph": round(median("langgraph")),
            "runMilliseconds": round(median("ours", "runMilliseconds"), 2),
            "shareOfC": round(ratio("plain"), 2), "timesDBOS": round(ratio("dbos"), 1),
            "timesLangGraph": round(ratio("langgraph"), 1),
            "processorMicrosecondsPerStep": round(median("ours", "processorMicrosecondsPerStep"), 1),
            "bytesPerStep": round(median("ours", "bytesPerStep")),
        }
    return figures


def resumption(flows, folder, runs):
    database = os.path.join(fresh(folder), "nexus.db")
    leave_under_way([flows, "hold", database, str(runs)], 300)
    return {"runs": runs, **resumed(flows, database, runs)}


def long_journal(flows, folder, quick):
    """How long one run that is nearly as long as a run may be takes to go on: by default 64 MiB of journal."""
    database = os.path.join(fresh(folder), "nexus.db")
    steps = 3_000 if quick else 33_000
    leave_under_way([flows, "hold", database, str(steps), "1600"], 300)
    figures = resumed(flows, database, 1)
    with contextlib.closing(sqlite3.connect(database)) as store:
        (length,) = store.execute("SELECT journal_bytes FROM run").fetchone()
    return {"steps": steps, "megabytes": length / 1e6, **figures}


def lists(journal, folder, runs):
    """The slowest list of each kind, and the other figures that the list bench says in words."""
    database = os.path.join(fresh(folder), "nexus.db")
    words = output_of([journal, "lists", database, str(runs)], 3600)
    shutil.rmtree(os.path.dirname(database), ignore_errors=True)
    times = {name: float(time) for name, time in re.findall(r"^(list .*|counts .*|show .*): ([\d.]+) ms$", words, re.M)}
    sizes = dict(re.findall(r"^(bytes per [^:]*): (\d+)$", words, re.M))
    return {
        "runs": runs, "listMilliseconds": max(time for name, time in times.items() if name.startswith("list")),
        "slowestList": max((name for name in times if name.startswith("list")), key=times.get),
        "countMilliseconds": max(time for name, time in times.items() if name.startswith("counts")),
        "showMilliseconds": max(time for name, time in times.items() if name.startswith("show")),
        "bytesPerFinishedRun": int(sizes["bytes per finished run, with its entry"]), "times": times,
    }


def measure(tools, folder, quick):
    flows = tools["flows"]
    histories = [
        figures_of([flows, "history", os.path.join(fresh(folder), "nexus.db")], 300) for _ in range(1 if quick else 5)]
    return {
        "steps": steps(Contest(tools, folder), quick),
        "latency": figures_of([flows, "latency", os.path.join(fresh(folder), "nexus.db"), "20" if quick else "300"]),
        "history": sorted(histories, key=lambda one: one["times"])[len(histories) // 2],
        "resumption": resumption(flows, folder, 1000 if quick else 10_000),
        "longJournal": long_journal(flows, folder, quick),
        "lists": lists(tools["journal"], folder, 10_000 if quick else 1_000_000),
    }
