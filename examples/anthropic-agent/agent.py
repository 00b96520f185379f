"""Asks one question with the stock Anthropic SDK, lets the model call a tool of this program, and streams the answer."""

import json
import os
import sys

import anthropic

MODEL = os.environ.get("MODEL", "local/extractive")
SHELF = {
    "tea.txt": "Green tea is steeped at 80 degrees for two minutes. Black tea is steeped at 100 degrees for four minutes.",
    "coffee.txt": "Coffee is brewed just below boiling. A coarse grind needs more time.",
}
TOOL = {
    "name": "files_search",
    "description": "Finds the lines of the shelf that hold a word of the query.",
    "input_schema": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
}


def search(query):
    words = query.lower().split()
    hits = [
        {"path": path, "line": 1, "text": text}
        for path, text in SHELF.items()
        if any(word in text.lower() for word in words)
    ]
    return json.dumps({"hits": hits})


client = anthropic.Anthropic()
question = sys.stdin.read().strip() or "How long is green tea steeped?"
messages = [{"role": "user", "content": question}]

while True:
    with client.messages.stream(model=MODEL, max_tokens=1000, messages=messages, tools=[TOOL]) as stream:
        for text in stream.text_stream:
            print(text, end="", flush=True)
        reply = stream.get_final_message()
    if reply.stop_reason != "tool_use":
        break
    messages.append({"role": "assistant", "content": reply.content})
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": search(**block.input)}
        for block in reply.content
        if block.type == "tool_use"
    ]
    messages.append({"role": "user", "content": results})
print()
