# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""The release as a file: size, download, what it needs."""

import os
import subprocess
import tarfile


def measure(naos, folder):
    archive = os.path.join(folder, "naos.tar.xz")
    with tarfile.open(archive, "w:xz", preset=9) as packed:
        packed.add(naos, "naos")
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
