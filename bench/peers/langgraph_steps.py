# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""usage: langgraph_steps.py FOLDER RUNS SECONDS

LangGraph with its SQLite checkpointer: chains of ten trivial nodes, each checkpoint written before the next node, so
many at a time. Prints {"stepsPerSecond", "runMilliseconds"}.
"""

import asyncio
import json
import sys
import time
import uuid
from typing import TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph

FOLDER, RUNS, SECONDS = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
NODES = 10


class State(TypedDict):
    i: int
    text: str


def node(state):
    return {"i": state["i"] + 1, "text": "x" * 200}


def chain():
    graph = StateGraph(State)
    names = [f"n{index}" for index in range(NODES)]
    for name in names:
        graph.add_node(name, node)
    for before, after in zip([START, *names], [*names, END]):
        graph.add_edge(before, after)
    return graph


async def main():
    async with AsyncSqliteSaver.from_conn_string(f"{FOLDER}/langgraph.sqlite") as saver:
        await saver.setup()
        app = chain().compile(checkpointer=saver)

        async def run():
            config = {"configurable": {"thread_id": str(uuid.uuid4())}, "recursion_limit": NODES + 5}
            await app.ainvoke({"i": 0, "text": ""}, config, durability="sync")

        await run()
        times = []
        started = time.perf_counter()

        async def one_after_the_other():
            while time.perf_counter() < started + SECONDS:
                begun = time.perf_counter()
                await run()
                times.append(time.perf_counter() - begun)

        await asyncio.gather(*[one_after_the_other() for _ in range(RUNS)])
        elapsed = time.perf_counter() - started
        times.sort()
        print(json.dumps({
            "stepsPerSecond": round(len(times) * NODES / elapsed, 1),
            "runMilliseconds": round(times[len(times) // 2] * 1000, 1)}), flush=True)


asyncio.run(main())
