# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""What sandboxes and modules cost, beside bubblewrap, Extism and the plain C API of wasmtime, in one run."""

import contextlib
import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


def lines(command):
    """The lines of JSON that a program of ours prints, by their names."""
    reply = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    found = [json.loads(line) for line in reply.stdout.splitlines()]
    return {line.pop("name"): line for line in found}


@contextlib.contextmanager
def load():
    """Twice as many busy processes as there are cores."""
    busy = [subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def measure(process, wasm, library, python, folder, quick):
    def modules(kind, count):
        return next(iter(lines([wasm, library, kind, str(count // 10 if quick else count)]).values()))

    start = lines([process, "sandbox", "30" if quick else "300"])
    if "bwrap" not in start:
        raise RuntimeError("bubblewrap is not there, or cannot be started here")
    guest = os.path.join(folder, "extism.wasm")
    subprocess.run([wasm, library, "text", os.path.join(HERE, "peers", "extism.wat"), guest], check=True)
    script = [python, os.path.join(HERE, "peers", "extism_calls.py"), guest, "20000", "300"]
    extism = json.loads(subprocess.run(script, capture_output=True, text=True, check=True, timeout=300).stdout)
    found = {
        "start": start,
        "warm": modules("warm", 20000),
        "cold": modules("cold", 200),
        "started": modules("started", 100),
        "plain": modules("plain", 20000),
        "instances": next(iter(lines([wasm, library, "instances", "10000"]).values())),
        "extism": extism,
    }
    with load():
        found["deadline"] = modules("deadline", 400)
    return found


def add(sandbox, row):
    """The rows of the table."""
    if not sandbox:
        return
    start = sandbox["start"]
    bare, ours, peer = (start[name]["p50us"] / 1000 for name in ("bare", "sandbox", "bwrap"))
    added = ours - bare
    text = f"{ours:.2f} ms, bare {bare:.2f}, bubblewrap {peer:.2f}; p90 {start['sandbox']['p90us'] / 1000:.2f}"
    row("process in a sandbox, start to end, p50", f"{text}: {added:.2f} ms more than bare", "≤ 5 ms more", added <= 5)
    row("process in a sandbox, beside bubblewrap", f"{peer / ours:.2f}×", "faster", ours < peer)
    warm, plain, extism = sandbox["warm"], sandbox["plain"], sandbox["extism"]
    text = (
        f"p50 {warm['p50us']} µs, p99 {warm['p99us']} µs; in the caller's process: wasmtime's C API {plain['p50us']} µs, "
        f"Extism {extism['warm']['p50us']} µs (one instance for all), {extism['new']['p50us']} µs (a new one)")
    row("call of a skill through its worker, a new instance each", text, "p50 ≤ 250 µs", warm["p50us"] <= 250)
    cold, started = sandbox["cold"], sandbox["started"]
    text = f"p50 {cold['p50us'] / 1000:.2f} ms, p99 {cold['p99us'] / 1000:.2f} ms"
    row("first call of a skill, from its compiled module", text, "p50 ≤ 3 ms", cold["p50us"] <= 3000)
    row("first call where no worker is ready", f"p50 {started['p50us'] / 1000:.1f} ms")
    many = sandbox["instances"]
    megabytes = many["bytes"] / 1e6
    text = f"{megabytes:.0f} MB, made and called in {many['ms']} ms"
    row(f"{many['count']:,} live instances", text, "≤ 150 MB", megabytes <= 150)
    late = sandbox["deadline"]
    text = f"p50 {late['p50us'] / 1000:.1f} ms, p99 {late['p99us'] / 1000:.1f} ms, at most {late['maxus'] / 1000:.1f} ms"
    row(f"{late['count']} endless skills under load, late by", text, "p99 ≤ 100 ms", late["p99us"] <= 100_000)
