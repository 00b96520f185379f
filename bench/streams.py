# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""What dashboards cost a node: many streams at once, while something happens between any two beats.

usage: streams.py BINARY [STREAMS [SECONDS]]
"""

import os
import pathlib
import selectors
import socket
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
os.environ["NAOS_BINARY"] = str(pathlib.Path(sys.argv[1]).resolve())
sys.path.insert(0, str(HERE.parent / "Tests/browser"))
from newsroom import Node  # noqa: E402 - found by the line above

TICKS = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Reader:
    def __init__(self, node):
        self.socket = socket.create_connection(("127.0.0.1", node.port))
        self.socket.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {node.token}\r\n\r\n".encode())
        self.socket.setblocking(False)
        self.bytes = 0
        self.beats = 0

    def read(self):
        data = self.socket.recv(1 << 20)
        if not data:
            raise RuntimeError("the node ended a stream")
        self.bytes += len(data)
        # One log event in each beat.
        self.beats += data.count(b"event: log\n")


def follow(selector, seconds):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for key, _ in selector.select(left):
            key.data.read()


def main(count, seconds):
    node = Node()
    config = node.folder / "nexus.config.yaml"
    # The wire feed writes ten lines a second: every beat has something to say.
    config.write_text(config.read_text().replace("wire-feed: { command: [sh, desk.sh, feed]", 'wire-feed: { command: [sh, desk.sh, feed], env: { FEED_SECONDS: "0.1" }'))
    try:
        node.up()
        pid = node.process.pid
        idle = memory(pid)
        selector = selectors.DefaultSelector()
        readers = []
        for _ in range(count):
            readers.append(Reader(node))
            selector.register(readers[-1].socket, selectors.EVENT_READ, readers[-1])
            follow(selector, 0)
        follow(selector, 5)
        before = [(reader.beats, reader.bytes) for reader in readers]
        started, used = time.monotonic(), cpu(pid)
        follow(selector, seconds)
        took, used = time.monotonic() - started, cpu(pid) - used
        beats = sorted((reader.beats - first[0]) / took for reader, first in zip(readers, before))
        volume = sum(reader.bytes - first[1] for reader, first in zip(readers, before)) / took / 1e6
        print(f"{count} streams: {used / took * 100:.1f} % of one core, {beats[0]:.1f} to {beats[-1]:.1f} beats a second, {volume:.1f} MB/s, "
              f"{memory(pid):.0f} MB of memory (before: {idle:.0f})")
        for reader in readers:
            reader.socket.close()
    finally:
        node.down()


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[2:4]]
    main(*(numbers + [1000, 30][len(numbers):]))
