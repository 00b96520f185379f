# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Clients that spend a budget: each asks one call after another until it is refused."""

import asyncio
import collections
import dataclasses
import json
import random
import re
import time

import dialects

# A gateway that lets so many times the budget through is not asked on.
GIVEN_UP = 2
# Longer than any gateway here makes a call wait for room in its budget.
ANSWER_SECONDS = 60
GIVEN_UP_NOTE, OUT_OF_TIME = "given up", "out of time"
AMOUNT = re.compile(r"(-?)\$(\d+)\.(\d+)")
ASKED = re.compile(r"it may come to (-?\$\d+\.\d+)")


def nanodollars(text):
    """`$0.0042` in nano-dollars; nil for a text without an amount."""
    found = AMOUNT.search(text or "")
    if not found:
        return None
    value = int(found[2]) * 1_000_000_000 + int((found[3] + "0" * 9)[:9])
    return -value if found[1] else value


@dataclasses.dataclass
class Tally:
    """What the clients of one cell saw."""
    answers: int = 0
    refusals: int = 0
    false_refusals: int = 0
    others: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    notes: list = dataclasses.field(default_factory=list)
    seconds: float = 0.0

    def false(self, note):
        self.false_refusals += 1
        self.notes.append(note)


@dataclasses.dataclass
class Reply:
    status: int
    fields: dict
    body: bytes


class Connection:
    """One kept-alive connection of HTTP/1.1."""

    def __init__(self, port):
        self.port, self.reader, self.writer = port, None, None

    async def ask(self, path, key_fields, body):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\ncontent-type: application/json\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in key_fields.items())
        self.writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        text = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = text.split("\r\n")
        fields = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in lines[1:] if ":" in line}
        if "chunked" in fields.get("transfer-encoding", ""):
            body = await self.chunks()
        elif "content-length" in fields:
            body = await self.reader.readexactly(int(fields["content-length"]))
        else:
            body = await self.reader.read()
            self.close()
        if fields.get("connection", "").lower() == "close":
            self.close()
        return Reply(int(lines[0].split()[1]), fields, body)

    async def chunks(self):
        whole = b""
        while True:
            size = int((await self.reader.readline()).split(b";")[0], 16)
            whole += (await self.reader.readexactly(size + 2))[:-2]
            if size == 0:
                return whole

    def close(self):
        if self.writer:
            self.writer.close()
        self.reader = self.writer = None


def key_fields(api, key):
    if api.provider == "anthropic":
        return {"x-api-key": key, "anthropic-version": "2023-06-01"}
    if api.provider == "gemini":
        return {"x-goog-api-key": key}
    return {"authorization": f"Bearer {key}"}


@dataclasses.dataclass
class Cell:
    """One budget, and who spends it how."""
    name: str
    api: dialects.Chat
    streamed: bool
    clients: int
    limit: int

    def requests(self, seed, number, model=None):
        """The requests of one client, the same for every gateway."""
        source = random.Random(f"{seed}/{self.name}/{number}")
        while True:
            path, body = self.api.request(source, self.name, self.streamed, model)
            yield path, dialects.ordered(body)


def judge_naos(cell, account, reply, body, tally):
    """Holds one refusal of naos against the figures it states and those of the provider."""
    text = reply.body.decode(errors="replace")
    code = reply.fields.get("x-naos-code")
    if code not in ("NX-BUD-001", "NX-BUD-002", "NX-BUD-003"):
        tally.others[f"{reply.status} {code}"] += 1
        tally.notes.append(text[:300])
        return
    tally.refusals += 1
    left = nanodollars(reply.fields.get("x-naos-budget-remaining"))
    asked = nanodollars((ASKED.search(text) or [None, None])[1])
    if code == "NX-BUD-002":
        # All calls under way end within milliseconds, so whoever waits gets a place or a final answer.
        return tally.false("busy: " + text[:300])
    if left is None or (code == "NX-BUD-003" and asked is None):
        return tally.false("without figures: " + text[:300])
    if code == "NX-BUD-003" and asked <= left:
        return tally.false(f"{asked} fits into {left}")
    if left < cell.limit - account.total:
        return tally.false(f"{left} said to be left, but the provider has billed {account.total} of {cell.limit}")
    most = dialects.bound_of(cell.api, len(body), min(256, cell.api.cap(json.loads(body)) or 0))
    if asked is not None and asked > most:
        return tally.false(f"{asked} asked for a request that comes to {most} at the most")


def judge_peer(_cell, _account, reply, _body, tally):
    text = reply.body.decode(errors="replace")
    if reply.status in (400, 401, 403, 429) and "udget" in text:
        tally.refusals += 1
    else:
        tally.others[f"{reply.status}"] += 1
        tally.notes.append(text[:300])


async def client(cell, number, seed, port, key, account, judge, tally, model=None, deadline=None):
    """Asks until it is refused, the budget is spent so many times over, or the time for its cell is over."""
    connection = Connection(port)
    try:
        for path, body in cell.requests(seed, number, model):
            if account.total > GIVEN_UP * cell.limit:
                tally.others[GIVEN_UP_NOTE] += 1
                return
            if deadline is not None and time.monotonic() > deadline:
                tally.others[OUT_OF_TIME] += 1
                return
            async with asyncio.timeout(ANSWER_SECONDS):
                reply = await connection.ask(path, key_fields(cell.api, key), body)
            if reply.status == 200:
                tally.answers += 1
                continue
            judge(cell, account, reply, body, tally)
            return
    # A head that is too long and a chunk without a size are answers too, only not of HTTP.
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, IndexError) as trouble:
        tally.others[type(trouble).__name__] += 1
    finally:
        connection.close()


async def spend(cell, seed, port, key, account, judge, model=None, deadline=None):
    tally = Tally()
    async with asyncio.TaskGroup() as group:
        for number in range(cell.clients):
            group.create_task(client(cell, number, seed, port, key, account, judge, tally, model, deadline))
    return tally
