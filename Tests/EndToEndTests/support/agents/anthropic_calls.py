# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Ten questions in a row over Anthropic's SDK."""

import json
import os
import time

import anthropic

client = anthropic.Anthropic()
messages = [{"role": "user", "content": "Answer as JSON."}]
answers = []
for number in range(1, 11):
    messages.append({"role": "user", "content": f"question {number}"})
    reply = client.messages.create(model=os.environ["MODEL"], max_tokens=100, messages=messages)
    content = reply.content[0].text
    answers.append(json.loads(content)["answer"])
    messages.append({"role": "assistant", "content": content})
    time.sleep(0)
for number, answer in enumerate(answers, start=1):
    print(f"{number}\n  {answer}")
