# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Makes one call of every kind that the agent plane takes, whole and streamed, and keeps every byte that comes back.

What came is written to answers-ATTEMPT.json; then the first attempt waits for ever.
"""

import base64
import http.client
import json
import os
import signal
import urllib.parse

MODEL = os.environ["MODEL"]
PATH_MODEL = urllib.parse.quote(MODEL, safe="")
TALK = [{"role": "user", "content": "Is é 😀 one letter or two?"}]
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "Is é 😀 one letter or two?"}]}]}

CALLS = [
    # A refusal that the program gets past is an answer too.
    ("openai.chat", "/v1/chat/completions", {"model": MODEL, "messages": "none"}),
    ("openai.chat", "/v1/chat/completions", {"model": MODEL, "messages": TALK}),
    ("openai.chat", "/v1/chat/completions", {"model": MODEL, "messages": TALK, "stream": True}),
    (
        "openai.chat",
        "/v1/chat/completions",
        {"model": MODEL, "messages": TALK, "stream": True, "stream_options": {"include_usage": True}},
    ),
    ("openai.responses", "/v1/responses", {"model": MODEL, "input": "one letter"}),
    ("openai.responses", "/v1/responses", {"model": MODEL, "input": "one letter", "stream": True}),
    ("openai.count", "/v1/responses/input_tokens", {"model": MODEL, "input": "one letter"}),
    ("openai.embeddings", "/v1/embeddings", {"model": MODEL, "input": ["one", "letter"]}),
    ("anthropic.messages", "/v1/messages", {"model": MODEL, "messages": TALK, "max_tokens": 500}),
    ("anthropic.messages", "/v1/messages", {"model": MODEL, "messages": TALK, "max_tokens": 500, "stream": True}),
    ("anthropic.count", "/v1/messages/count_tokens", {"model": MODEL, "messages": TALK}),
    ("gemini.generate", f"/v1beta/models/{PATH_MODEL}:generateContent", CONTENTS),
    ("gemini.generate", f"/v1beta/models/{PATH_MODEL}:streamGenerateContent?alt=sse", CONTENTS),
    ("gemini.generate", f"/v1beta/models/{PATH_MODEL}:streamGenerateContent", CONTENTS),
    ("gemini.count", f"/v1beta/models/{PATH_MODEL}:countTokens", CONTENTS),
]

url = urllib.parse.urlsplit(os.environ["NAOS_URL"])
answers = []
for api, path, body in CALLS:
    connection = http.client.HTTPConnection(url.hostname, url.port)
    headers = {"authorization": "Bearer " + os.environ["NAOS_TOKEN"], "content-type": "application/json"}
    connection.request("POST", path, json.dumps(body), headers)
    response = connection.getresponse()
    answers.append(
        {
            "api": api,
            "path": path,
            "status": response.status,
            "type": response.getheader("content-type"),
            "replayed": response.getheader("x-naos-replayed") or "",
            "body": base64.b64encode(response.read()).decode(),
        }
    )
    connection.close()

attempt = os.environ["NAOS_ATTEMPT"]
name = f"answers-{attempt}.json"
with open(name + ".part", "w", encoding="utf-8") as file:
    json.dump(answers, file)
os.rename(name + ".part", name)
if os.environ.get("WAITS") == "1" and attempt == "1":
    with open(os.environ["ANNOUNCE"], "w", encoding="utf-8") as fifo:
        fifo.write(f"{os.getpid()} waits\n")
    signal.pause()
print(len(answers))
