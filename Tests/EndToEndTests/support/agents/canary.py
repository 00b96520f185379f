# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Calls every dialect, with models that answer and models that do not, and prints all that it sees and is."""

import json
import os
import urllib.error
import urllib.request

PLACES = {
    "chat": (os.environ["OPENAI_BASE_URL"] + "/chat/completions", "authorization", "Bearer " + os.environ["OPENAI_API_KEY"]),
    "responses": (os.environ["OPENAI_BASE_URL"] + "/responses", "authorization", "Bearer " + os.environ["OPENAI_API_KEY"]),
    "messages": (os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", "x-api-key", os.environ["ANTHROPIC_API_KEY"]),
    "contents": (os.environ["GOOGLE_GEMINI_BASE_URL"] + "/v1beta/models/{}:generateContent", "x-goog-api-key", os.environ["GEMINI_API_KEY"]),
}


def ask(kind, model, question):
    place, field, key = PLACES[kind]
    message = {"role": "user", "content": question}
    body = {
        "chat": {"model": model, "messages": [message]},
        "responses": {"model": model, "input": [message], "stream": True},
        "messages": {"model": model, "max_tokens": 9, "messages": [message]},
        "contents": {"contents": [{"role": "user", "parts": [{"text": question}]}]},
    }[kind]
    request = urllib.request.Request(
        place.format(model), json.dumps(body).encode(), {"content-type": "application/json", field: key})
    try:
        with urllib.request.urlopen(request) as reply:
            print(kind, model, reply.status, dict(reply.headers), reply.read().decode())
    except urllib.error.HTTPError as error:
        print(kind, model, error.code, dict(error.headers), error.read().decode())


for name, value in os.environ.items():
    print(f"{name}={value}")
for line in os.environ["CALLS"].split():
    kind, model = line.split("=")
    for number in range(3):
        ask(kind, model, f"question {number}")
