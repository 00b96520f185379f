# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Durable appends a second, beside plain C on the same tables and the same disk."""

import os
import subprocess

import processes

WRITERS = [1, 64, 256]


def run(program, folder, writers, seconds):
    database = os.path.join(folder, "journal.db")
    for ending in ["", "-wal", "-shm", "-log"]:
        if os.path.exists(database + ending):
            os.unlink(database + ending)
    reply = subprocess.run(
        [program, database, str(writers), str(seconds)], capture_output=True, text=True, check=True, timeout=seconds + 60)
    for ending in ["", "-wal", "-shm", "-log"]:
        if os.path.exists(database + ending):
            os.unlink(database + ending)
    return float(reply.stdout.split()[0])


def decisions(program, folder, quick):
    """Gated decisions a second, each in the durable audit log before the next: the median of the rounds."""
    rounds, seconds = (1, 1) if quick else (5, 3)
    replies = []
    for _ in range(rounds):
        database = os.path.join(folder, "audit.db")
        for ending in ["", "-wal", "-shm", "-log"]:
            if os.path.exists(database + ending):
                os.unlink(database + ending)
        reply = subprocess.run(
            [program, "audit", database, "16", str(seconds)], capture_output=True, text=True, check=True,
            timeout=seconds + 60)
        replies.append([int(word) for word in reply.stdout.split()])
        for ending in ["", "-wal", "-shm", "-log"]:
            if os.path.exists(database + ending):
                os.unlink(database + ending)
    rate, middle, slow = (round(processes.median(list(figures))) for figures in zip(*replies))
    return {"writers": 16, "perSecond": rate, "p50": middle, "p99": slow}


def measure(ours, plain, folder, quick):
    """Rounds alternate, so that a slow minute of the disk falls on both; the share is the median of the rounds."""
    rounds, seconds = (2, 1) if quick else (7, 3)
    figures = {}
    for writers in WRITERS:
        pairs = []
        for index in range(rounds):
            if index % 2 == 0:
                pair = run(ours, folder, writers, seconds), run(plain, folder, writers, seconds)
            else:
                pair = tuple(reversed((run(plain, folder, writers, seconds), run(ours, folder, writers, seconds))))
            pairs.append(pair)
        figures[str(writers)] = {
            "appendsPerSecond": round(processes.median([pair[0] for pair in pairs])),
            "plainC": round(processes.median([pair[1] for pair in pairs])),
            "share": round(processes.median([pair[0] / pair[1] for pair in pairs]), 2),
        }
    return figures
