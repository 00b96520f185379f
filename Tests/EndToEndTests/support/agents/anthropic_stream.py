# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Ten questions in a row over Anthropic's SDK, streamed."""

import json
import os
import time

import anthropic

client = anthropic.Anthropic()
messages = [{"role": "user", "content": "Answer as JSON."}]
answers = []
for number in range(1, 11):
    messages.append({"role": "user", "content": f"question {number}"})
    with client.messages.stream(model=os.environ["MODEL"], max_tokens=100, messages=messages) as stream:
        content = "".join(stream.text_stream)
    answers.append(json.loads(content)["answer"])
    messages.append({"role": "assistant", "content": content})
    time.sleep(0)
for number, answer in enumerate(answers, start=1):
    print(f"{number}\n  {answer}")
