# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Calls other agents, one after the other, as its input says, and leaves with exit 75 where people have to decide first.

A step with `from` takes the input of the call out of that file: another one each time, if somebody changes it.
"""

import json
import os
import sys
import urllib.error
import urllib.request


def post(path, body):
    request = urllib.request.Request(
        os.environ["NAOS_URL"] + "/agent/v1/" + path, data=json.dumps(body).encode(), method="POST",
        headers={"authorization": "Bearer " + os.environ["NAOS_TOKEN"], "content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


answers = []
for step in json.load(sys.stdin)["steps"]:
    if "from" in step:
        with open(step["from"]) as file:
            step["input"] = json.load(file)
    if "ask" in step:
        status, answer = post("approvals", step["ask"])
    else:
        status, answer = post("call/" + step["call"], {key: step[key] for key in ("input", "extra") if key in step})
    with open("calls", "a") as log:
        log.write(f"{status} {answer.get('code', answer.get('status', ''))} {answer.get('detail', '')}\n")
    if status == 202:
        sys.exit(75)
    answers.append({"status": status, "code": answer.get("code"), "answer": answer.get("status"),
                    "arguments": answer.get("arguments")})
print(json.dumps({"answers": answers}))
