# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""The five model APIs as a client asks them and as a provider answers: requests, answers, prices, bounds."""

import json

# Nano-dollars a token. All products are whole, so that a bill and a charge can be held against each other exactly.
INPUT_PRICE = 1000
OUTPUT_PRICE = 4000
TOPICS = ["sagas", "budgets", "journals", "leases", "gates", "replays", "holds", "retries"]


def question(random, account, least=10, most=60):
    """A prompt; the name at its end tells the provider whose bill the call is."""
    words = " ".join(random.choice(TOPICS) for _ in range(random.randint(least, most)))
    return f"What is to be said of {words} #{account}?"


def ordered(value):
    return json.dumps(value, separators=(",", ":")).encode()


def event(value, name=None):
    return (f"event: {name}\n" if name else "").encode() + b"data: " + ordered(value) + b"\n\n"


class Chat:
    name, path, model, provider = "OpenAI chat", "/v1/chat/completions", "gpt-4o-mini", "openai"
    streams = [False, True]
    # The dearest input that can apply, in hundredths of the price; tokens for a hundred bytes of text.
    dearest, factor = 100, 100

    def request(self, random, account, streamed, model=None):
        body = {
            "model": model or self.model, "max_tokens": random.randint(280, 600),
            "messages": [{"role": "user", "content": question(random, account)}],
        }
        if streamed:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return self.path, body

    def cap(self, body):
        return body.get("max_completion_tokens", body.get("max_tokens"))

    def answer(self, body, prompt, output, pieces):
        usage = {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}
        common = {"id": "chatcmpl-bench", "created": 1760000000, "model": body["model"]}
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": " ".join(pieces)}, "finish_reason": "stop"}
            return [ordered({**common, "object": "chat.completion", "choices": [choice], "usage": usage})]
        chunk = {**common, "object": "chat.completion.chunk"}
        parts = [
            event({**chunk, "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
            for piece in pieces]
        end = event({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        return parts + [end, event({**chunk, "choices": [], "usage": usage}) + b"data: [DONE]\n\n"]


class Responses(Chat):
    name, path = "OpenAI Responses", "/v1/responses"

    def request(self, random, account, streamed, model=None):
        body = {
            "model": model or self.model, "max_output_tokens": random.randint(280, 600), "input": question(random, account)}
        if streamed:
            body["stream"] = True
        return self.path, body

    def cap(self, body):
        return body.get("max_output_tokens")

    def answer(self, body, prompt, output, pieces):
        text = " ".join(pieces)
        part = {"type": "output_text", "text": text, "annotations": []}
        message = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}
        response = {
            "id": "resp_bench", "object": "response", "created_at": 1760000000, "status": "completed",
            "model": body["model"], "output": [message], "parallel_tool_calls": True, "tool_choice": "auto",
            "tools": [], "error": None, "incomplete_details": None, "instructions": None, "metadata": {},
            "temperature": 1.0, "top_p": 1.0, "usage": {
                "input_tokens": prompt, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": output,
                "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": prompt + output}}
        if not body.get("stream"):
            return [ordered(response)]
        begun = {**response, "status": "in_progress", "output": [], "usage": None}
        start = event({"type": "response.created", "sequence_number": 0, "response": begun}, "response.created")
        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        parts = [
            event({"type": "response.output_text.delta", "sequence_number": number, **place, "delta": piece},
                  "response.output_text.delta") for number, piece in enumerate(pieces, 1)]
        end = {"type": "response.completed", "sequence_number": len(pieces) + 1, "response": response}
        return [start] + parts + [event(end, "response.completed")]


class Embeddings(Chat):
    name, path, model = "OpenAI embeddings", "/v1/embeddings", "text-embedding-3-small"
    streams = [False]

    def request(self, random, account, _streamed, model=None):
        return self.path, {"model": model or self.model, "input": question(random, account, 250, 700)}

    def cap(self, _body):
        return 0

    def answer(self, body, prompt, _output, _pieces):
        row = {"object": "embedding", "index": 0, "embedding": [0.5, -0.25, 0.125]}
        usage = {"prompt_tokens": prompt, "total_tokens": prompt}
        return [ordered({"object": "list", "data": [row], "model": body["model"], "usage": usage})]


class Messages(Chat):
    name, path, model, provider = "Anthropic messages", "/v1/messages", "claude-haiku-4-5", "anthropic"
    dearest, factor = 200, 200

    def request(self, random, account, streamed, model=None):
        body = {
            "model": model or self.model, "max_tokens": random.randint(280, 600),
            "messages": [{"role": "user", "content": question(random, account)}],
        }
        if streamed:
            body["stream"] = True
        return self.path, body

    def answer(self, body, prompt, output, pieces):
        message = {
            "id": "msg_bench", "type": "message", "role": "assistant", "model": body["model"], "content": [],
            "stop_reason": None, "stop_sequence": None}
        usage = {
            "input_tokens": prompt, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
            "output_tokens": output}
        if not body.get("stream"):
            content = [{"type": "text", "text": " ".join(pieces)}]
            return [ordered({**message, "content": content, "stop_reason": "end_turn", "usage": usage})]
        start = event({"type": "message_start", "message": {**message, "usage": {**usage, "output_tokens": 1}}},
                      "message_start")
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        parts = [
            event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}},
                  "content_block_delta") for piece in pieces]
        stop = event({"type": "content_block_stop", "index": 0}, "content_block_stop")
        ending = {"stop_reason": "end_turn", "stop_sequence": None}
        delta = event({"type": "message_delta", "delta": ending, "usage": {"output_tokens": output}}, "message_delta")
        return [start, event(block, "content_block_start")] + parts + [
            stop, delta + event({"type": "message_stop"}, "message_stop")]


class Contents(Chat):
    name, model, provider = "Gemini generate", "gemini-2.5-flash", "gemini"

    def request(self, random, account, streamed, model=None):
        call = "streamGenerateContent?alt=sse" if streamed else "generateContent"
        body = {
            "contents": [{"role": "user", "parts": [{"text": question(random, account)}]}],
            "generationConfig": {"maxOutputTokens": random.randint(280, 600)},
        }
        return f"/v1beta/models/{model or self.model}:{call}", body

    def cap(self, body):
        return body.get("generationConfig", {}).get("maxOutputTokens")

    def answer(self, body, prompt, output, pieces):
        usage = {"promptTokenCount": prompt, "candidatesTokenCount": output, "totalTokenCount": prompt + output}

        def content(text, **more):
            candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0, **more}
            return {"candidates": [candidate], "modelVersion": self.model, "usageMetadata": usage}

        if not body.get("stream"):
            return [ordered(content(" ".join(pieces), finishReason="STOP"))]
        return [event(content(piece)) for piece in pieces[:-1]] + [event(content(pieces[-1], finishReason="STOP"))]


ALL = [Chat(), Responses(), Embeddings(), Messages(), Contents()]


def of_path(path):
    """The API that a path belongs to, and whether the path alone asks for a stream."""
    if "GenerateContent" in path or "generateContent" in path:
        return ALL[4], "streamGenerateContent" in path
    return next(api for api in ALL[:4] if path.split("?")[0].endswith(api.path.removeprefix("/v1"))), False


def bound_of(api, body_bytes, cap):
    """The most that a request may be said to come to (docs/concepts/budgets.md): nano-dollars."""
    tokens = (body_bytes * api.factor + 99) // 100 + 64 + 16 * 2
    return tokens * INPUT_PRICE * api.dearest // 100 + cap * OUTPUT_PRICE
