# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""How long a start takes, and what a node costs that does nothing."""

import os
import shutil
import time

import processes

OPERATOR = "http://127.0.0.1:14200"


def make_project(source, folder):
    """A fresh copy of the bench project."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    return folder


def node(naos, project, log):
    return processes.running([naos, "up"], log, cwd=project)


def until_ready(naos, project, log):
    """Milliseconds from the start of `naos up` to the first good answer of /readyz."""
    started = time.perf_counter()
    with node(naos, project, log):
        processes.wait_until(lambda: processes.answers(OPERATOR + "/readyz"), 30, "the node's readiness", pause=0.001)
        return (time.perf_counter() - started) * 1000


def idle(naos, project, log, seconds):
    """Memory and processor share of a node that waits, with the process that guards its agents."""
    with node(naos, project, log) as process:
        processes.wait_until(lambda: processes.answers(OPERATOR + "/readyz"), 30, "the node's readiness")
        time.sleep(3)
        ours = [pid for pid in processes.descendants(process.pid) if processes.name_of(pid).startswith("naos")]
        before = sum(processes.processor_seconds(pid) for pid in ours)
        time.sleep(seconds)
        used = sum(processes.processor_seconds(pid) for pid in ours) - before
        return {
            "residentMegabytes": round(sum(processes.resident_megabytes(pid) for pid in ours), 1),
            "processorPercent": round(100 * used / seconds, 2),
            "processes": len(ours),
        }


def measure(naos, source, folder, quick):
    rounds = 10 if quick else 60
    project = make_project(source, os.path.join(folder, "startup-project"))
    log = os.path.join(folder, "startup.log")
    processes.milliseconds_of([naos, "--version"], 3)
    version = processes.milliseconds_of([naos, "--version"], rounds)
    floor = processes.milliseconds_of(["/bin/true"], rounds)
    ready = [until_ready(naos, project, log) for _ in range(3 if quick else 9)]
    return {
        "versionMilliseconds": round(processes.median(version), 2),
        "floorMilliseconds": round(processes.median(floor), 2),
        "readyMilliseconds": round(processes.median(ready[1:]), 1),
        "firstReadyMilliseconds": round(ready[0], 1),
        "idle": idle(naos, project, log, 3 if quick else 15),
    }
