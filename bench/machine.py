# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""What machine the figures come from."""

import os
import platform
import statistics
import time


def first_line(path, prefix):
    try:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if line.startswith(prefix):
                    return line.split(":", 1)[-1].split("=", 1)[-1].strip().strip('"')
    except OSError:
        pass
    return "unknown"


def file_system(path):
    """The type of the file system that holds `path`."""
    best = ("", "unknown")
    with open("/proc/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            _, mount, kind, *_ = line.split()
            if os.path.realpath(path).startswith(mount) and len(mount) > len(best[0]):
                best = (mount, kind)
    return best[1]


def flush_milliseconds(folder, rounds=100):
    """The median of appending 4 KB and waiting for the disk."""
    path = os.path.join(folder, "flush.tmp")
    times = []
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for _ in range(rounds):
            started = time.perf_counter()
            os.write(descriptor, b"x" * 4096)
            os.fdatasync(descriptor)
            times.append((time.perf_counter() - started) * 1000)
    finally:
        os.close(descriptor)
        os.unlink(path)
    return statistics.median(times)


def describe(folder):
    memory_kilobytes = first_line("/proc/meminfo", "MemTotal").split()[0]
    return {
        "processor": first_line("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memoryGB": round(int(memory_kilobytes) / 1e6, 1),
        "kernel": platform.release(),
        "system": first_line("/etc/os-release", "PRETTY_NAME"),
        "fileSystem": file_system(folder),
        "flushMilliseconds": round(flush_milliseconds(folder), 2),
        "loadBefore": round(os.getloadavg()[0], 2),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
