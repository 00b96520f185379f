# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""usage: symbol_order.py NAOS FLOWS FOLDER LIST

Learns which functions a node uses, and writes their symbols into LIST (gzip) in the order in which the linker is to place
them: first those of a node at work, the busiest first, then those of its start in the order of their first call. Both
programs have to have their symbols.
"""

import collections
import gzip
import os
import re
import signal
import subprocess
import sys
import tempfile

import flows
import gateway
import processes
import startup
import steady

HERE = os.path.dirname(os.path.abspath(__file__))
# Requests a second: the more of them, the more functions are seen.
RATES = [1500, 1500, 200, 50]


def recording(target, data):
    """Notes where a process, or a command and what it starts, is at work."""
    return ["perf", "record", "-q", "-F", "4000", "--call-graph", "fp", "-o", data, *target]


def noted(data):
    """How often each function was met, callers included."""
    text = subprocess.run(
        ["perf", "script", "-i", data, "-F", "ip,sym"], capture_output=True, text=True, check=True).stdout
    return collections.Counter(words[1] for words in map(str.split, text.splitlines()) if len(words) == 2)


def of_calls(naos, folder):
    """A node that passes model calls on, every kind of them."""
    project = startup.make_project(os.path.join(HERE, "project"), os.path.join(folder, "order-project"))
    data = os.path.join(folder, "perf.calls")
    with steady.upstream(folder):
        steady.wait_until_up(folder)
        with startup.node(naos, project, os.path.join(folder, "order.log")) as node:
            key = gateway.wait_for_key(project)
            recorder = subprocess.Popen(recording(["-p", str(node.pid)], data), stderr=subprocess.DEVNULL)
            for case, rate in zip(steady.CASES, RATES):
                _, _, model, _, prompt, streams = case
                steady.ask(folder, steady.GATEWAY_PORT, key, "", model, rate, prompt, streams, 6)
            recorder.send_signal(signal.SIGINT)
            recorder.wait()
    return noted(data)


def of_runs(program, folder):
    """Durable runs, a few and many at a time."""
    found = collections.Counter()
    for runs in [1, 64]:
        data = os.path.join(folder, "perf.runs")
        database = os.path.join(flows.fresh(folder), "nexus.db")
        subprocess.run(
            recording(["--", program, "steps", database, str(runs), "4"], data), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, check=True)
        found += noted(data)
    return found


def of_start(naos, folder):
    """Every function of a start, in the order of the first calls.

    The guard of the agents cannot be started there: the node ends by itself, once it was up.
    """
    project = startup.make_project(os.path.join(HERE, "project"), os.path.join(folder, "order-project"))
    with tempfile.TemporaryDirectory() as place:
        notes = os.path.join(place, "calls")
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={notes}", "--demangle=no", naos, "up"]
        with open(os.path.join(folder, "order.log"), "w", encoding="utf-8") as log:
            node = subprocess.Popen(command, cwd=project, stdout=log, stderr=log)
        node.wait(300)
        with open(os.path.join(folder, "order.log"), encoding="utf-8") as log:
            if "node up" not in log.read():
                raise RuntimeError(f"the node did not start: {log.name}")
        with open(notes, encoding="utf-8") as lines:
            names = [match[1] for line in lines if (match := re.match(r"c?fn=\(\d+\) ([^']+)", line.rstrip("\n")))]
    return list(dict.fromkeys(names))


def main():
    naos, program, folder, place = map(os.path.abspath, sys.argv[1:])
    busy = (of_calls(naos, folder) + of_runs(program, folder)).most_common()
    start = of_start(naos, folder)
    order = list(dict.fromkeys([name for name, _ in busy] + start))
    with open(place, "wb") as file:
        file.write(gzip.compress("".join(name + "\n" for name in order).encode(), 9, mtime=0))
    print(f"{len(busy)} functions at work, {len(start)} of the start, {len(order)} in all")


if __name__ == "__main__":
    main()
