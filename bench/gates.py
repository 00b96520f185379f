# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Schemas, rules, whole gates and patterns beside what there is for Python, in one run on the same values."""

import json
import os
import subprocess

import processes

HERE = os.path.dirname(os.path.abspath(__file__))


def measure(program, python, quick):
    """Rounds alternate; each figure is the median of its rounds."""
    case = os.path.join(HERE, "gates", "case.json")
    commands = {"ours": [program, "gates", case], "peers": [python, os.path.join(HERE, "peers", "gates.py"), case]}
    found = {"ours": [], "peers": []}
    for index in range(1 if quick else 5):
        for name in sorted(commands, reverse=index % 2 == 1):
            reply = subprocess.run(commands[name], capture_output=True, text=True, check=True, timeout=300)
            found[name].append(json.loads(reply.stdout.splitlines()[-1]))
    return {
        name: {key: processes.median([one[key] for one in replies]) for key in replies[0]}
        for name, replies in found.items()
    }
