# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Asks until it is refused, and stays then, whoever asks it to go; it says what it sees on the FIFO `lifeline`."""

import os
import signal

import openai

line = open("lifeline", "w", buffering=1)
signal.signal(signal.SIGTERM, lambda *_: line.write("asked to go\n"))
client = openai.OpenAI()
try:
    number = 0
    while True:
        number += 1
        messages = [{"role": "user", "content": f"question {number}"}]
        client.chat.completions.create(model=os.environ["MODEL"], messages=messages)
except openai.APIStatusError as error:
    line.write(f"refused {error.status_code}\n")
while True:
    signal.pause()
