# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""What dashboards cost a node: a thousand streams at once, with something to say in each of four beats a second.

usage: streams.py NAOS [STREAMS [SECONDS]]
"""

import json
import os
import pathlib
import selectors
import socket
import sys
import time

BROWSER = pathlib.Path(__file__).resolve().parent.parent / "Tests/browser"
TICKS = os.sysconf("SC_CLK_TCK")
# Seconds until the beginnings of all streams have been read.
SETTLING = 5


def processor(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Reader:
    """One dashboard: takes what comes, as fast as it comes."""

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
        # There is one in each beat.
        self.beats += data.count(b"event: log\n")


def follow(selector, seconds):
    end = time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        for key, _ in selector.select(max(0, left)):
            key.data.read()
        if left <= 0:
            return


def newsroom(naos):
    os.environ["NAOS_BINARY"] = str(pathlib.Path(naos).resolve())
    sys.path.insert(0, str(BROWSER))
    from newsroom import Node  # The module reads the environment when it is loaded.

    node = Node()
    config = node.folder / "nexus.config.yaml"
    # The wire feed writes ten lines a second: every beat has something to say.
    quiet = "wire-feed: { command: [sh, desk.sh, feed]"
    text = config.read_text()
    assert quiet in text, "the project has changed"
    config.write_text(text.replace(quiet, quiet + ', env: { FEED_SECONDS: "0.1" }'))
    return node


def measure(naos, quick=False, count=1000, seconds=None):
    seconds = seconds or (5 if quick else 30)
    node = newsroom(naos)
    readers = []
    try:
        node.up()
        pid = node.process.pid
        idle = resident(pid)
        with selectors.DefaultSelector() as selector:
            for _ in range(count):
                readers.append(Reader(node))
                selector.register(readers[-1].socket, selectors.EVENT_READ, readers[-1])
                follow(selector, 0)
            follow(selector, SETTLING)
            before = [(reader.beats, reader.bytes) for reader in readers]
            started, used = time.monotonic(), processor(pid)
            follow(selector, seconds)
            took, used = time.monotonic() - started, processor(pid) - used
        beats = sorted((reader.beats - first[0]) / took for reader, first in zip(readers, before))
        volume = sum(reader.bytes - first[1] for reader, first in zip(readers, before)) / took / 1e6
        return {"streams": count, "processorPercent": round(used / took * 100, 1), "fewestBeats": round(beats[0], 2),
                "mostBeats": round(beats[-1], 2), "megabytesPerSecond": round(volume, 2),
                "residentMegabytes": round(resident(pid)), "idleMegabytes": round(idle)}
    finally:
        for reader in readers:
            reader.socket.close()
        node.down()


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[2:4]]
    print(json.dumps(measure(sys.argv[1], False, *numbers), indent=2))
