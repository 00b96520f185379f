# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""A service over HTTP alone: takes tasks, announces them, never answers the first attempt at a hard one."""

import json
import os
import urllib.error
import urllib.request

fifo = os.open(os.environ["ANNOUNCE"], os.O_WRONLY)


def call(method, path, body=None):
    request = urllib.request.Request(
        os.environ["NAOS_URL"] + "/agent/v1/" + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"authorization": "Bearer " + os.environ["NAOS_TOKEN"], "content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        data = response.read()
        return json.loads(data) if data else None


while True:
    task = call("GET", "next?wait=30")
    if task is None:
        continue
    os.write(fifo, f"{os.getpid()} took {task['input']} {task['attempt']}\n".encode())
    if task["input"] == "fail":
        call("POST", f"tasks/{task['task']}/failure", {"message": "this is too hard"})
    elif task["input"] == "easy" or task["attempt"] > 1:
        call("POST", f"tasks/{task['task']}/result", f"did {task['input']} in attempt {task['attempt']}")
