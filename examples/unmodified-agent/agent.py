"""Reads a text and interviews a model about it: ten questions in a row, each with all the answers before it.

This is a plain program with the stock OpenAI SDK. It knows nothing of the node that it runs on.
"""

import json
import os
import sys
import time

from openai import OpenAI

MODEL = os.environ.get("MODEL", "local/extractive")
PAUSE = float(os.environ.get("PAUSE", "0"))

QUESTIONS = [
    "What is the text about?",
    "Who discovered the island?",
    "What did the crew eat?",
    "How did they build the shelter?",
    "What happened in the storm?",
    "Who fell ill?",
    "How was the fever cured?",
    "What signal did they make?",
    "Which ship found them?",
    "What did they bring home?",
]

client = OpenAI()
text = sys.stdin.read().strip() or open("island.txt", encoding="utf-8").read()
messages = [
    {"role": "system", "content": 'Answer from the text, as JSON: {"answer": "…"}.'},
    {"role": "user", "content": text},
]
answers = []

for number, question in enumerate(QUESTIONS, start=1):
    messages.append({"role": "user", "content": question})
    reply = client.chat.completions.create(
        model=MODEL, messages=messages, response_format={"type": "json_object"}
    )
    content = reply.choices[0].message.content
    # A bad answer is no JSON, and ends the program: nothing here was written with crashes in mind.
    answers.append(json.loads(content)["answer"])
    messages.append({"role": "assistant", "content": content})
    print(f"answer {number} of {len(QUESTIONS)}", file=sys.stderr, flush=True)
    time.sleep(PAUSE)

for question, answer in zip(QUESTIONS, answers):
    print(f"{question}\n  {answer}")
