"""{{name}}: asks a model about its input.

OPENAI_BASE_URL and OPENAI_API_KEY are set for every agent, so `openai.OpenAI()` works here as it is. This file speaks
plain HTTP instead, so that it runs without anything installed.
"""

import json
import os
import sys
import urllib.error
import urllib.request

MODEL = "local/extractive"  # offline; with a provider: "openai/gpt-4o-mini" and the like


def ask(messages):
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        data=json.dumps({"model": MODEL, "messages": messages}).encode(),
        headers={
            "authorization": "Bearer " + os.environ["OPENAI_API_KEY"],
            "content-type": "application/json",
        },
    )
    try:
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)["choices"][0]["message"]["content"]
    except urllib.error.HTTPError as error:
        sys.exit(f"the model call failed: {error.read().decode()}")


text = sys.stdin.read() or """What does a supervisor do?

A supervisor watches its agents. When an agent crashes, its supervisor starts it again. When an agent crashes too often,
the supervisor gives up and says so.
"""

print("asking", MODEL, file=sys.stderr)
print(ask([
    {"role": "system", "content": "Answer the question from the text."},
    {"role": "user", "content": text},
]))
