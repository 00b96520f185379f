# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""The release as a file: size, download, what it needs."""

import os
import subprocess


def measure(naos, folder):
    pack = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scripts", "package.sh")
    archive = subprocess.run([pack, naos, folder], capture_output=True, text=True, check=True).stdout.strip()
    libraries = subprocess.run(["ldd", naos], capture_output=True, text=True, check=True).stdout
    with open(naos, "rb") as binary:
        holds_unicode_data = b"icudt" in binary.read()
    return {
        "megabytes": round(os.path.getsize(naos) / 1e6, 1),
        "downloadMegabytes": round(os.path.getsize(archive) / 1e6, 1),
        "needs": sorted(line.split()[0] for line in libraries.splitlines() if line.strip()),
        "sharedSwift": "libswift" in libraries or "libFoundation" in libraries,
        "holdsICU": holds_unicode_data,
    }
