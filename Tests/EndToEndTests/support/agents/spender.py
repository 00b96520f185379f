# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Asks ten questions (QUESTIONS) one after the other, or one each from CLIENTS at once, and fails if one is refused.

API=responses asks OpenAI's SDK for responses.
"""

import concurrent.futures
import os
import sys

import anthropic
import openai
from google import genai

CLIENTS = int(os.environ["CLIENTS"])
QUESTIONS = int(os.environ.get("QUESTIONS", "10"))
MODEL = os.environ["MODEL"]
openai_client = openai.OpenAI()
anthropic_client = anthropic.Anthropic()
google_client = genai.Client()


def ask(number):
    messages = [{"role": "user", "content": f"question {number}"}]
    try:
        if MODEL.startswith("fakeanthropic"):
            anthropic_client.messages.create(model=MODEL, max_tokens=100, messages=messages)
        elif MODEL.startswith("fakegemini"):
            list(google_client.models.generate_content_stream(model=MODEL, contents=f"question {number}"))
        elif os.environ.get("API") == "responses":
            list(openai_client.responses.create(model=MODEL, input=messages, stream=True))
        else:
            openai_client.chat.completions.create(model=MODEL, messages=messages)
        return True
    except openai.APIStatusError as error:
        print(f"refused {error.status_code} {error.type} {error.code}", file=sys.stderr)
    except anthropic.APIStatusError as error:
        print(f"refused {error.status_code} {error.body['error']['type']}", file=sys.stderr)
    except genai.errors.APIError as error:
        print(f"refused {error.code} {error.status}", file=sys.stderr)
    return False


if CLIENTS == 1:
    answers = 0
    while answers < QUESTIONS and ask(answers):
        answers += 1
else:
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        answers = sum(pool.map(ask, range(CLIENTS)))
if answers < max(QUESTIONS, CLIENTS):
    sys.exit(1)
print(f"{answers} answers")
