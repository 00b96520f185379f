# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Holds a project as the node of a command does, and is gone before its answer when it is asked to hand its runs over.

With `--leaves` it is gone as soon as it has said that it is there.

usage: holder.py PROJECT [--leaves]
"""

import fcntl
import json
import os
import socket
import sys

project = sys.argv[1]
leaves = "--leaves" in sys.argv
state = project + "/.naos"
os.makedirs(state, 0o700, exist_ok=True)
with open(state + "/token", "w", encoding="utf-8") as token:
    token.write("a-token-of-the-test-that-is-long-enough\n")
lock = os.open(state + "/lock", os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(lock, fcntl.LOCK_EX)
os.write(lock, f"{os.getpid()}\n".encode())
node = {
    "running": True,
    "version": "test",
    "project": "test",
    "directory": project,
    "pid": os.getpid(),
    "forOneRun": True,
}
answers = {
    "/healthz": {},
    "/api/v1/status": {"node": node, "agents": [], "runs": {"total": 1, "running": 1}, "approvals": 0},
}
listener = socket.socket(socket.AF_UNIX)
listener.bind(state + "/node.sock")
listener.listen()
print("holds", flush=True)
while True:
    connection, _ = listener.accept()
    request = b""
    while b"\r\n\r\n" not in request:
        part = connection.recv(4096)
        if not part:
            break
        request += part
    path = request.split(b" ")[1].decode() if request else ""
    if path == "/api/v1/shutdown":
        sys.exit(0)
    body = json.dumps(answers.get(path, {})).encode()
    connection.sendall(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
        + f"content-length: {len(body)}\r\n\r\n".encode()
        + body
    )
    if leaves:
        sys.exit(0)
    connection.close()
