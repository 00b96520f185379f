# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Ten questions in a row over Google's SDK, streamed."""

import json
import os
import time

from google import genai

client = genai.Client()
contents = [{"role": "user", "parts": [{"text": "Answer as JSON."}]}]
answers = []
for number in range(1, 11):
    contents.append({"role": "user", "parts": [{"text": f"question {number}"}]})
    chunks = client.models.generate_content_stream(model=os.environ["MODEL"], contents=contents)
    content = "".join(chunk.text or "" for chunk in chunks)
    answers.append(json.loads(content)["answer"])
    contents.append({"role": "model", "parts": [{"text": content}]})
    time.sleep(0)
for number, answer in enumerate(answers, start=1):
    print(f"{number}\n  {answer}")
