# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""How fast a killed child is back, beside Erlang/OTP and supervisord, and what many children cost.

Every supervisor keeps the same child, `born`, which writes its pid and its first moment into a fifo. A round kills it and
reads when the next one began, so what is measured is the same for all: from the kill to the first instruction of `main`.
"""

import contextlib
import os
import select
import shutil
import signal
import time

import processes

MANY = 1000
CRASHING = 200


class Births:
    """The fifo that the children write into."""

    def __init__(self, folder, name):
        self.path = os.path.join(folder, name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        os.mkfifo(self.path)
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        self.rest = b""
        self.lines = []
        self.last = None

    def next(self, seconds=30.0):
        """The pid and the moment, in nanoseconds, of the next child that began."""
        deadline = time.monotonic() + seconds
        while not self.lines:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.descriptor], [], [], left)[0]:
                raise RuntimeError(f"no child began within {seconds} s")
            parts = (self.rest + os.read(self.descriptor, 65536)).split(b"\n")
            self.rest = parts.pop()
            self.lines += parts
        pid, moment = self.lines.pop(0).split()
        return int(pid), int(moment)

    def close(self):
        # Not every peer takes its children down with it.
        with contextlib.suppress(ProcessLookupError):
            if self.last:
                os.kill(self.last, signal.SIGKILL)
        os.close(self.descriptor)


def restarts(births, rounds):
    """Microseconds from each kill to the next birth."""
    pid, _ = births.next()
    times = []
    for _ in range(rounds):
        # A child that runs, not one that is just starting.
        time.sleep(0.02)
        killed = time.monotonic_ns()
        os.kill(pid, signal.SIGKILL)
        pid, born = births.next()
        times.append((born - killed) / 1000)
    births.last = pid
    times.sort()
    return {
        "p50": round(times[len(times) // 2]), "p99": round(times[min(len(times) - 1, len(times) * 99 // 100)]),
        "rounds": rounds,
    }


def project(folder, name, agents, supervisor):
    """A project whose agents are services with that command each."""
    path = os.path.join(folder, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    lines = ["name: bench", "server: { port: 14300, agentPort: 14301 }", "agents:"]
    for agent, command in agents:
        lines.append(f"  {agent}: {{ command: [{', '.join(command)}], mode: service }}")
    names = ", ".join(agent for agent, _ in agents)
    lines += ["supervisors:", f"  team: {{ {supervisor}, children: [{names}] }}", ""]
    with open(os.path.join(path, "nexus.config.yaml"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    return path


def ours(pid):
    """The node and its guard; not what they supervise."""
    return [one for one in processes.descendants(pid) if processes.name_of(one).startswith("naos")]


def with_naos(naos, folder, child, rounds):
    births = Births(folder, "naos.fifo")
    path = project(folder, "restart", [("child", [child, births.path])], "maxRestarts: 1000000, withinSeconds: 1")
    with processes.running([naos, "up"], os.path.join(folder, "naos.log"), cwd=path):
        figures = restarts(births, rounds)
    births.close()
    return figures


def with_otp(folder, child, rounds):
    births = Births(folder, "otp.fifo")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers", "restart_otp.erl")
    processes.milliseconds_of([shutil.which("erlc"), "-o", folder, source], 1)
    command = ["erl", "-noshell", "-pa", folder, "-run", "restart_otp", "main", child, births.path]
    with processes.running(command, os.path.join(folder, "otp.log")):
        figures = restarts(births, rounds)
    births.close()
    return figures


def with_supervisord(supervisord, folder, child, rounds):
    births = Births(folder, "supervisord.fifo")
    configuration = os.path.join(folder, "supervisord.conf")
    with open(configuration, "w", encoding="utf-8") as file:
        file.write(
            f"[supervisord]\nnodaemon=true\nlogfile={folder}/supervisord.out\npidfile={folder}/supervisord.pid\n"
            f"[program:child]\ncommand={child} {births.path}\nautorestart=true\nstartsecs=0\nstartretries=1000000\n")
    with processes.running([supervisord, "-c", configuration], os.path.join(folder, "supervisord.log")):
        figures = restarts(births, rounds)
    births.close()
    return figures


def many(naos, folder, child, seconds):
    """A thousand idle children, then two hundred that die at once."""
    births = Births(folder, "many.fifo")
    agents = [(f"child-{number}", [child, births.path]) for number in range(MANY)]
    path = project(folder, "many", agents, "maxRestarts: 1000000, withinSeconds: 1")
    with processes.running([naos, "up"], os.path.join(folder, "many.log"), cwd=path) as node:
        began = time.monotonic()
        pids = [births.next(120)[0] for _ in range(MANY)]
        started = time.monotonic() - began
        time.sleep(3)
        family = ours(node.pid)
        before = sum(processes.processor_seconds(pid) for pid in family)
        time.sleep(seconds)
        used = sum(processes.processor_seconds(pid) for pid in family) - before
        resident = {processes.name_of(pid): round(processes.resident_megabytes(pid), 1) for pid in family}
        killed = time.monotonic_ns()
        for pid in pids[:CRASHING]:
            os.kill(pid, signal.SIGKILL)
        back = max(births.next()[1] for _ in range(CRASHING))
    births.close()
    return {
        "children": MANY, "startSeconds": round(started, 2), "processorPercent": round(100 * used / seconds, 2),
        "residentMegabytes": resident, "nodeMegabytes": resident.get("naos", 0), "crashing": CRASHING,
        "backSeconds": round((back - killed) / 1e9, 3),
    }


def storm(naos, folder, seconds):
    """A child that fails at once, without end and without backoff."""
    path = project(folder, "storm", [("broken", ["'false'"])], "maxRestarts: 1000000, withinSeconds: 1")
    with processes.running([naos, "up"], os.path.join(folder, "storm.log"), cwd=path) as node:
        processes.wait_until(lambda: len(ours(node.pid)) >= 2, 30, "the guard's start")
        time.sleep(1)
        before = {pid: processes.processor_seconds_with_children(pid) for pid in ours(node.pid)}
        time.sleep(seconds)
        used = sum(processes.processor_seconds_with_children(pid) - since for pid, since in before.items())
    return {"cores": round(used / seconds, 2)}


def measure(naos, supervisord, folder, child, quick):
    rounds = 30 if quick else 300
    peers = {"naos": with_naos(naos, folder, child, rounds), "otp": with_otp(folder, child, rounds)}
    peers["supervisord"] = with_supervisord(supervisord, folder, child, 5 if quick else 30)
    # Once more in the other order, so that a machine that slows down meanwhile does not decide.
    again = {"otp": with_otp(folder, child, rounds), "naos": with_naos(naos, folder, child, rounds)}
    for name, figures in again.items():
        peers[name] = min(peers[name], figures, key=lambda one: one["p50"])
    return {
        "restart": peers, "many": many(naos, folder, child, 5 if quick else 20),
        "storm": storm(naos, folder, 3 if quick else 10),
    }
