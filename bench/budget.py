# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""usage: budget.py [--quick] [--seed N] [--kills N] [--only cells,kills,peer] [--page FILE] NAOS LITELLM FOLDER

The budgets held against what the provider billed: every API, streaming and not, by 1 to 256 clients at once, then with
the node killed again and again, and LiteLLM on the same provider. Without a path for LITELLM (`-`) it is left out.
Exit 1 if a promise is not kept.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "budgets"))

import audit  # noqa: E402
import clients  # noqa: E402
import dialects  # noqa: E402
import litellm  # noqa: E402
import machine  # noqa: E402
import nodes  # noqa: E402
import processes  # noqa: E402
import provider  # noqa: E402
import table  # noqa: E402

CLIENTS = [1, 8, 64, 256]
CALLS_AT_LEAST = 150
# What a call comes to on average, in nano-dollars: it sizes the budgets.
USUAL_COST = {"OpenAI embeddings": 2_400_000}
KILL_CLIENTS = 64
# At the most so long after the node is up it is killed.
LIFE_SECONDS = 0.25
CALLS_A_LIFE = 4 * KILL_CLIENTS
# All cells of LiteLLM together: each gets as much of what is left as its calls are of those that are left.
PEER_SECONDS = 400
PEER_START_SECONDS = 90
# A cell is given so much time whatever is left.
CELL_SECONDS_AT_LEAST = 2


def calls_of(count):
    """How many calls of usual cost the budget of a cell with so many clients takes."""
    return max(CALLS_AT_LEAST, 4 * count)


def cell_of(api, streamed, count, calls, prefix):
    word = "".join(letter for letter in api.name.lower() if letter.isalpha())
    name = f"{prefix}-{word}-{'stream' if streamed else 'whole'}-{count}"
    return clients.Cell(name, api, streamed, count, calls * USUAL_COST.get(api.name, 1_400_000))


def all_cells(counts):
    return [
        cell_of(api, streamed, count, calls_of(count), "cell")
        for api in dialects.ALL for streamed in api.streams for count in counts]


def kill_cells(kills):
    """The kills, spread over every API, streaming and not."""
    kinds = [(api, streamed) for api in dialects.ALL for streamed in api.streams]
    shares = [kills // len(kinds) + (index < kills % len(kinds)) for index in range(len(kinds))]
    return [
        (cell_of(api, streamed, KILL_CLIENTS, (share + 2) * CALLS_A_LIFE, "kill"), share)
        for (api, streamed), share in zip(kinds, shares)]


async def run_naos(naos, folder, cells, seed, source):
    node, results = nodes.Node(naos, folder, cells), {}
    try:
        await node.start(cells)
        for cell in cells:
            account = source.open_account(cell.name)
            tally = await clients.spend(
                cell, seed, nodes.AGENT_PORT, node.key(cell), account, clients.judge_naos)
            spent, held = node.spent(cell)
            results[cell.name] = (tally, audit.audit(spent, node.charges(cell), account), held)
            table.progress(cell, tally, account)
    finally:
        node.stop()
    return results


class Killer:
    """Kills the node at random instants and has it started again, until it has done so often enough."""

    def __init__(self, node, cell, seed):
        self.node, self.cell = node, cell
        self.random = random.Random(f"{seed}/{cell.name}")
        self.up = asyncio.Event()

    async def run(self, kills):
        for _ in range(kills):
            await asyncio.sleep(self.random.uniform(0, LIFE_SECONDS))
            self.up.clear()
            self.node.kill()
            await self.node.start([self.cell])
            self.up.set()

    async def client(self, number, seed, account, tally):
        """A client that comes back after each kill; a refusal is the end of it all the same."""
        connection = clients.Connection(nodes.AGENT_PORT)
        for path, body in self.cell.requests(seed, number):
            reply = None
            while reply is None:
                await self.up.wait()
                key = self.node.key(self.cell)
                try:
                    reply = await connection.ask(path, clients.key_fields(self.cell.api, key), body)
                except (OSError, asyncio.IncompleteReadError, ValueError):
                    tally.others["cut off by a kill"] += 1
                    connection.close()
                    # The same request again, as the clients of these APIs do; the provider bills it again.
                    await asyncio.sleep(0.001)
            if reply.status != 200:
                # What is unresolved counts as spent, and the provider may never have seen it.
                tally.refusals += 1
                if reply.fields.get("x-naos-code") not in ("NX-BUD-001", "NX-BUD-003"):
                    tally.others[f"{reply.status} {reply.fields.get('x-naos-code')}"] += 1
                    tally.notes.append(reply.body.decode(errors="replace")[:300])
                connection.close()
                return
            tally.answers += 1


async def run_kills(naos, folder, cells, seed, source):
    results = {}
    for cell, kills in cells:
        node = nodes.Node(naos, folder, [cell])
        account, tally = source.open_account(cell.name), clients.Tally()
        killer = Killer(node, cell, seed)
        try:
            await node.start([cell])
            killer.up.set()
            async with asyncio.TaskGroup() as group:
                group.create_task(killer.run(kills))
                for number in range(cell.clients):
                    group.create_task(killer.client(number, seed, account, tally))
            spent, held = node.spent(cell)
            results[cell.name] = (tally, audit.audit(spent, node.charges(cell), account), held)
            table.progress(cell, tally, account)
        finally:
            node.stop()
    return results


async def peer_is_ready(process):
    """Nil once LiteLLM answers; else why it will not."""
    deadline = time.monotonic() + PEER_START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return f"it ended with status {process.returncode} before it was ready"
        if await asyncio.to_thread(processes.answers, f"http://127.0.0.1:{litellm.PORT}/health/liveliness"):
            return None
        await asyncio.sleep(0.5)
    return f"it was not ready within {PEER_START_SECONDS} s"


async def run_peer(command, folder, cells, seed, source):
    """What came of each cell; a text where it could not be measured."""
    results = {}
    with litellm.peer(command, folder, cells) as process:
        trouble = await peer_is_ready(process)
        end, calls = time.monotonic() + PEER_SECONDS, sum(calls_of(cell.clients) for cell in cells)
        for cell in cells:
            if trouble is None and process.poll() is not None:
                trouble = f"it ended with status {process.returncode} during an earlier cell"
            if trouble is not None:
                results[cell.name] = trouble
                continue
            now = time.monotonic()
            share = max(CELL_SECONDS_AT_LEAST, (end - now) * calls_of(cell.clients) / calls)
            calls -= calls_of(cell.clients)
            account = source.open_account(cell.name)
            tally = await clients.spend(
                cell, seed, litellm.PORT, litellm.KEY, account, clients.judge_peer, model=cell.name,
                deadline=now + share)
            tally.seconds = time.monotonic() - now
            results[cell.name] = (tally, account)
            table.progress(cell, tally, account)
    if trouble is not None:
        print(f"  LiteLLM was not measured to the end: {trouble}; see {litellm.log_file(folder)}", file=sys.stderr)
    return results


async def measure(options):
    # Ended from outside, it ends what it has started.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    folder = os.path.abspath(options.folder)
    os.makedirs(folder, exist_ok=True)
    naos = os.path.abspath(options.naos)
    parts = options.only.split(",")
    cells = all_cells([1, 64] if options.quick else CLIENTS)
    kills = kill_cells(9 if options.quick else options.kills) if "kills" in parts else []
    shown = cells if "cells" in parts or "peer" in parts else []
    results = {"machine": machine.describe(folder), "seed": options.seed, "cells": shown, "kills": kills}
    source = provider.Provider(options.seed)
    await source.listen(nodes.PROVIDER_PORT)
    if "cells" in parts:
        results["naos"] = await run_naos(naos, folder, cells, options.seed, source)
    if kills:
        results["killed"] = await run_kills(naos, folder, kills, options.seed, source)
    if "peer" in parts and options.litellm != "-":
        results["litellm"] = await run_peer(os.path.abspath(options.litellm), folder, cells, options.seed, source)
    await source.close()
    return results


PARTS = "cells,kills,peer"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few cells and kills: to see that it works")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--only", default=PARTS)
    parser.add_argument("--page", help="the page to write the figures into")
    for name in ["naos", "litellm", "folder"]:
        parser.add_argument(name)
    options = parser.parse_args()
    if options.page and (options.quick or options.only != PARTS or options.litellm == "-"):
        parser.error("the page is written from whole runs only: leave out --page, or --only, --quick and the missing peer")
    try:
        results = asyncio.run(measure(options))
    except asyncio.CancelledError:
        return 143
    text, kept = table.write(results)
    print(text)
    if options.page:
        table.store(text, options.page)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
