# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""One call of an official SDK, with its own retries, while the budget has no room: says how it went.

Environment: NAOS_CHECK_SDK (openai, anthropic or gemini) with that client's own variables; NAOS_CHECK_BUSY_MODEL.
Prints `sent COUNT`, `waited SECONDS`, the shortest time between two requests, and `answered TEXT` or `refused STATUS
SHOULD-RETRY RETRY-AFTER CODE`.
"""

import os
import time

SDK, MODEL = os.environ["NAOS_CHECK_SDK"], os.environ["NAOS_CHECK_BUSY_MODEL"]
QUESTION = "In which order does a saga undo its steps?"
MESSAGES = [{"role": "user", "content": QUESTION}]
times = []
HOOKS = {"request": [lambda request: times.append(time.monotonic())]}


def openai_call():
    import openai

    client = openai.OpenAI(timeout=30, max_retries=1, http_client=openai.DefaultHttpxClient(event_hooks=HOOKS))
    return client.chat.completions.create(model=MODEL, messages=MESSAGES).choices[0].message.content


def anthropic_call():
    import anthropic

    http = anthropic.DefaultHttpxClient(event_hooks=HOOKS)
    client = anthropic.Anthropic(timeout=30, max_retries=1, http_client=http)
    return client.messages.create(model=MODEL, messages=MESSAGES, max_tokens=64).content[0].text


def gemini_call():
    import httpx2
    from google import genai
    from google.genai import types

    # It retries nothing unless it is told to, and waits by its own clock then.
    retries = types.HttpRetryOptions(attempts=2, initial_delay=1)
    http = httpx2.Client(event_hooks=HOOKS, timeout=30)
    client = genai.Client(http_options=types.HttpOptions(httpx_client=http, retry_options=retries))
    return client.models.generate_content(model=MODEL, contents=QUESTION).text


try:
    text = {"openai": openai_call, "anthropic": anthropic_call, "gemini": gemini_call}[SDK]()
    outcome = f"answered {text}"
except Exception as error:
    response = getattr(error, "response", None)
    if response is None:
        raise
    fields = [response.headers.get(name) for name in ("x-should-retry", "retry-after", "x-naos-code")]
    outcome = " ".join(["refused", str(response.status_code), *map(str, fields)])
gaps = [later - earlier for earlier, later in zip(times, times[1:])]
print(f"sent {len(times)}")
print(f"waited {min(gaps, default=0):.1f}")
print(outcome)
