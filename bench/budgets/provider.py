# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""A model provider that bills exactly what it says, and keeps every bill.

It answers in pieces with short random pauses, so that many calls are under way at a time. Each bill is a pair of token
counts that no other bill of its account has: that is how a charge of a ledger is known to be for this very call.
"""

import asyncio
import dataclasses
import json
import random

import dialects


@dataclasses.dataclass
class Bill:
    prompt: int
    output: int

    @property
    def cost(self):
        return self.prompt * dialects.INPUT_PRICE + self.output * dialects.OUTPUT_PRICE


@dataclasses.dataclass
class Account:
    """What one cell of the table was billed."""
    random: random.Random
    bills: list = dataclasses.field(default_factory=list)
    seen: set = dataclasses.field(default_factory=set)
    total: int = 0

    def bill(self, body_bytes, cap):
        """Bills a call something that no call before it was billed, within its bounds."""
        for _ in range(10_000):
            prompt = self.random.randint(body_bytes // 4, body_bytes)
            output = self.random.randint(max(1, cap // 4), cap) if cap else 0
            if (prompt, output) not in self.seen:
                break
        else:
            raise RuntimeError("no bill is left that would be one of its kind")
        self.seen.add((prompt, output))
        bill = Bill(prompt, output)
        self.bills.append(bill)
        self.total += bill.cost
        return bill


class Provider:
    """Serves all accounts; each request names its own."""

    def __init__(self, seed):
        self.seed = seed
        self.accounts = {}
        self.pauses = random.Random(seed)
        self.server = None
        self.writers = set()

    async def listen(self, port):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", port, backlog=1024)

    async def close(self):
        """Ends with every connection closed, so that nothing is left to cancel."""
        self.server.close()
        for writer in list(self.writers):
            writer.close()
        await asyncio.sleep(0.1)

    def open_account(self, name):
        account = self.accounts[name] = Account(random.Random(f"{self.seed}/{name}"))
        return account

    async def serve(self, reader, writer):
        self.writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, target = head.split(" ", 2)[:2]
                fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                fields = {name.lower(): value for name, value in fields.items()}
                raw = await self.body(reader, fields)
                if method != "POST":
                    writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                    continue
                await self.reply(target, raw, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    @staticmethod
    async def body(reader, fields):
        if "chunked" not in fields.get("transfer-encoding", ""):
            return await reader.readexactly(int(fields.get("content-length", 0)))
        whole = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            whole += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
        return whole

    def account_of(self, raw):
        """The account is named at the end of the question, `… #NAME?`, in every API."""
        return self.accounts[raw.rsplit(b"#", 1)[1].split(b"?", 1)[0].decode()]

    async def reply(self, target, raw, writer):
        body = json.loads(raw)
        api, streamed = dialects.of_path(target)
        if streamed:
            body["stream"] = True
        account = self.account_of(raw)
        cap = api.cap(body)
        bill = account.bill(len(raw), 1024 if cap is None else cap)
        pieces = ["one", "answer", "in", "some", "words"]
        chunks = api.answer(body, bill.prompt, bill.output, pieces)
        await asyncio.sleep(self.pauses.uniform(0, 0.02))
        if not body.get("stream"):
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(chunks[0])
                + chunks[0])
            return await writer.drain()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for chunk in chunks:
            writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            await writer.drain()
            await asyncio.sleep(self.pauses.uniform(0, 0.002))
        writer.write(b"0\r\n\r\n")
        await writer.drain()
