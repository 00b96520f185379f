# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Ten questions in a row over OpenAI's SDK, streamed."""

import json
import os
import time

from openai import OpenAI

client = OpenAI()
messages = [{"role": "user", "content": "Answer as JSON."}]
answers = []
for number in range(1, 11):
    messages.append({"role": "user", "content": f"question {number}"})
    chunks = client.chat.completions.create(model=os.environ["MODEL"], messages=messages, stream=True)
    content = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    answers.append(json.loads(content)["answer"])
    messages.append({"role": "assistant", "content": content})
    time.sleep(0)
for number, answer in enumerate(answers, start=1):
    print(f"{number}\n  {answer}")
