# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""usage: dbos_steps.py FOLDER WORKFLOWS SECONDS

DBOS on SQLite: durable workflows of ten trivial steps, so many at a time. Prints {"stepsPerSecond", "runMilliseconds"}.
"""

import asyncio
import json
import os
import sys
import time

from dbos import DBOS

FOLDER, WORKFLOWS, SECONDS = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
STEPS = 10

DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{FOLDER}/dbos.sqlite", "log_level": "ERROR"})


@DBOS.step()
async def step(index: int) -> dict:
    return {"i": index, "text": "x" * 200}


@DBOS.workflow()
async def flow(count: int) -> int:
    total = 0
    for index in range(count):
        total += (await step(index))["i"]
    return total


async def main():
    DBOS.launch()
    await flow(2)
    times = []
    started = time.perf_counter()

    async def one_after_the_other():
        while time.perf_counter() < started + SECONDS:
            begun = time.perf_counter()
            await flow(STEPS)
            times.append(time.perf_counter() - begun)

    await asyncio.gather(*[one_after_the_other() for _ in range(WORKFLOWS)])
    elapsed = time.perf_counter() - started
    times.sort()
    print(json.dumps({
        "stepsPerSecond": round(len(times) * STEPS / elapsed, 1),
        "runMilliseconds": round(times[len(times) // 2] * 1000, 1)}), flush=True)
    # Its threads would wait for work.
    os._exit(0)


asyncio.run(main())
