# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""usage: extism_calls.py MODULE CALLS COLD: calls of one plugin of Extism, and of new ones; one line of JSON."""

import json
import sys
import time

import extism

INPUT = b'{"name": "a", "values": [1, 2, 3]}'


def figures(times):
    times.sort()
    return {"count": len(times), "p50us": round(times[len(times) // 2]), "p99us": round(times[len(times) * 99 // 100])}


def timed(call):
    started = time.perf_counter_ns()
    assert call() == INPUT
    return (time.perf_counter_ns() - started) / 1000


def main():
    with open(sys.argv[1], "rb") as file:
        module = file.read()
    plugin = extism.Plugin(module)
    plugin.call("run", INPUT)
    warm = [timed(lambda: bytes(plugin.call("run", INPUT))) for _ in range(int(sys.argv[2]))]
    # Compiled once, as ours; a plugin of it is a new instance, in the process that calls.
    compiled = extism.extism.CompiledPlugin(module)
    cold = [timed(lambda: bytes(extism.Plugin(compiled).call("run", INPUT))) for _ in range(int(sys.argv[3]))]
    print(json.dumps({"warm": figures(warm), "new": figures(cold)}))


if __name__ == "__main__":
    main()
