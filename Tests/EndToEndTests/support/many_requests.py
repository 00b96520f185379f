# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Asks the node of a project for the same thing again and again.

usage: many_requests.py PROJECT COUNT METHOD PATH [BODY]
"""

import http.client
import socket
import sys

project, count, method, path, *body = sys.argv[1:]
with open(project + "/.naos/token", encoding="utf-8") as token:
    headers = {"Authorization": f"Bearer {token.read().strip()}", "Content-Type": "application/json"}
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(project + "/.naos/node.sock")
statuses = set()
for _ in range(int(count)):
    connection.request(method, path, body=body[0] if body else None, headers=headers)
    answer = connection.getresponse()
    answer.read()
    statuses.add(answer.status)
print(*sorted(statuses))
