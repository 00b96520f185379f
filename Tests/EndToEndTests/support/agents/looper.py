# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Calls the same tool over and over, as a model that is stuck would have it, and never gives up by itself."""

import json
import os
import sys
import urllib.error
import urllib.request

talk = [{"role": "user", "content": "find it"}]
tools = [{"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}]
for number in range(20):
    body = {"model": os.environ["MODEL"], "messages": talk, "tools": tools}
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json", "authorization": "Bearer " + os.environ["OPENAI_API_KEY"]},
    )
    try:
        urllib.request.urlopen(request).read()
    except urllib.error.HTTPError as error:
        print(f"refused {error.code} {error.headers['x-naos-code']}", file=sys.stderr)
        sys.exit(1)
    call = {"id": f"c{number}", "type": "function", "function": {"name": "search", "arguments": '{"q": "it"}'}}
    talk.append({"role": "assistant", "content": None, "tool_calls": [call]})
    talk.append({"role": "tool", "tool_call_id": f"c{number}", "content": "nothing found"})
print("done")
