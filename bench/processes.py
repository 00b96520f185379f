# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Starting, watching and ending the processes of a measurement."""

import contextlib
import os
import signal
import statistics
import subprocess
import time
import urllib.error
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")


def milliseconds_of(command, rounds, environment=None):
    """The times of running `command` to its end, by posix_spawn and wait."""
    null = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        pid = os.posix_spawn(command[0], command, environment or os.environ, file_actions=null)
        _, status = os.waitpid(pid, 0)
        times.append((time.perf_counter() - started) * 1000)
        if status != 0:
            raise RuntimeError(f"{command} ended with status {status}")
    return times


def answers(url):
    """Whether a GET of `url` is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=1) as reply:
            return reply.status == 200
    except (OSError, urllib.error.URLError):
        return False


def wait_until(condition, seconds, what, pause=0.002):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(pause)
    raise RuntimeError(f"{what} did not happen within {seconds} s")


@contextlib.contextmanager
def running(command, log, **options):
    """A process in a group of its own that ends with the block."""
    with open(log, "ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **options)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def descendants(pid):
    """The process and everything below it."""
    family = [pid]
    for folder in os.listdir("/proc"):
        if folder.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                with open(f"/proc/{folder}/stat", encoding="utf-8", errors="replace") as stat:
                    fields = stat.read().rsplit(")", 1)[1].split()
                if int(fields[1]) == pid:
                    family += descendants(int(folder))
    return family


def name_of(pid):
    with open(f"/proc/{pid}/comm", encoding="utf-8") as name:
        return name.read().strip()


def resident_megabytes(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1000
    return 0.0


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def processor_seconds_with_children(pid):
    """With that of the children that have ended and were waited for."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return sum(int(fields[index]) for index in (11, 12, 13, 14)) / TICKS


def median(values):
    return statistics.median(values)
