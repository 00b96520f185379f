# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Ten questions in a row over OpenAI's SDK, as responses, streamed."""

import json
import os
import time

from openai import OpenAI

client = OpenAI()
items = [{"role": "user", "content": "Answer as JSON."}]
answers = []
for number in range(1, 11):
    items.append({"role": "user", "content": f"question {number}"})
    with client.responses.stream(model=os.environ["MODEL"], input=items) as stream:
        content = stream.get_final_response().output_text
    answers.append(json.loads(content)["answer"])
    items.append({"role": "assistant", "content": content})
    time.sleep(0)
for number, answer in enumerate(answers, start=1):
    print(f"{number}\n  {answer}")
