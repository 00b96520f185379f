#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""usage: make-zone-goldens.py

Writes the table that the tests of time zones are held against: the bytes of some zones, and what Python's zoneinfo
says about them. It is run by hand, when a zone is to be added; the seed is fixed, the data are those of the machine's
tzdata (its version stands in the table). Zones marked slim are compiled anew with `zic -b slim`, so that most of their
answers come from the rule at the end of the file and not from its table.
"""
import base64
import io
import pathlib
import random
import subprocess
import tempfile
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

ROOT = pathlib.Path("/usr/share/zoneinfo")
ZONES = [
    ("Europe/Berlin", False), ("Europe/Berlin", True), ("America/New_York", True), ("Australia/Lord_Howe", True),
    ("Asia/Kathmandu", False), ("Europe/Dublin", True), ("America/Nuuk", True), ("Pacific/Apia", False),
    ("Africa/Casablanca", True), ("Asia/Gaza", True), ("UTC", False),
]
EPOCH = datetime(1970, 1, 1)
FIRST, LAST = -2_000_000_000, 6_000_000_000
random.seed(20260101)


def offset(zone, second):
    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=second)
    return int(moment.astimezone(zone).utcoffset().total_seconds())


def changes(zone):
    """The seconds at which the offset changes, by search in steps of six days."""
    found, step = [], 6 * 86_400
    for start in range(FIRST, LAST, step):
        low, high = start, start + step
        if offset(zone, low) == offset(zone, high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(zone, middle) == offset(zone, low) else (low, middle)
        found.append(high)
    return found


def local(zone, second, found):
    """`first` where the wall clock shows the second once, `first/last` where twice, `>change` where never."""
    naive = EPOCH + timedelta(seconds=second)
    answers = []
    for fold in (0, 1):
        moment = naive.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc)
        utc = int((moment.replace(tzinfo=None) - EPOCH).total_seconds())
        if utc + offset(zone, utc) == second and utc not in answers:
            answers.append(utc)
    if answers:
        return "/".join(map(str, sorted(answers)))
    for change in found:
        if change + offset(zone, change - 1) <= second < change + offset(zone, change):
            return f">{change}"
    raise SystemExit(f"{zone}: {second} is nowhere")


def slim(name, folder):
    subprocess.run(["zic", "-b", "slim", "-d", folder, str(ROOT / "tzdata.zi")], check=True)
    return (pathlib.Path(folder) / name).read_bytes()


def wrapped(text, indent):
    lines = []
    for word in text.split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= 116 - indent:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return "\n".join(" " * indent + line for line in lines)


def main():
    version = (ROOT / "tzdata.zi").read_text().split("\n")[0].removeprefix("# version ")
    head = "// SPDX-License-Identifier: Apache-2.0\n// Copyright the Nexus OS authors\n\n"
    head += f"// Made by scripts/make-zone-goldens.py from tzdata {version} with Python's zoneinfo; not edited.\n\n"
    files = head + "extension ZoneGolden {\n  /// The files of the zones, in base 64.\n  static let files = [\n"
    table = head + "struct ZoneGolden: Sendable {\n  let name: String\n"
    table += "  /// Seconds in UTC, and what the clock on the wall is ahead by.\n  let offsets: String\n"
    table += "  /// Seconds on the wall: in UTC; in UTC both times; or `>` the change that skips it.\n  let walls: String\n"
    table += "\n  static let all = [\n"
    with tempfile.TemporaryDirectory() as folder:
        for name, is_slim in ZONES:
            data = slim(name, folder) if is_slim else (ROOT / name).read_bytes()
            zone = ZoneInfo.from_file(io.BytesIO(data), key=name)
            found = changes(zone)
            near = random.sample(found, min(14, len(found))) + found[-2:]
            seconds = {change + delta for change in near for delta in (-1, 0)}
            seconds |= {random.randrange(FIRST, LAST) for _ in range(24)}
            walls = set()
            for change in near:
                before, after = offset(zone, change - 1), offset(zone, change)
                low, high = sorted((change + before, change + after))
                walls |= {low - 1, low, random.randrange(low, high), high - 1, high}
            walls |= {random.randrange(FIRST, LAST) for _ in range(6)}
            offsets = " ".join(f"{second}={offset(zone, second)}" for second in sorted(seconds))
            text = " ".join(f"{second}={local(zone, second, found)}" for second in sorted(walls))
            code = base64.b64encode(data).decode()
            code = " ".join(code[start:start + 108] for start in range(0, len(code), 108))
            label = name + (" slim" if is_slim else "")
            files += f'    "{label}": """\n{wrapped(code, 4)}\n    """,\n'
            table += f'    ZoneGolden(\n      name: "{label}",\n      offsets: """\n{wrapped(offsets, 8)}\n        """,\n'
            table += f'      walls: """\n{wrapped(text, 8)}\n        """),\n'
    folder = pathlib.Path(__file__).parent.parent / "Tests/NexusKernelTests/Schedules"
    (folder / "ZoneGoldenFiles.swift").write_text(files + "  ]\n}\n")
    (folder / "ZoneGoldens.swift").write_text(table + "  ]\n}\n")


main()
