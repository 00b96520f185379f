# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""A model provider that is told what to do: OpenAI's, Anthropic's and Google's dialect, streaming and not.

It says `listening PORT`, then a line for each call as it comes in: `call NUMBER asked QUESTION`, where QUESTION counts
the user's turns. Lines on its standard input steer it: `release` lets the call that is held go on. It ends with its
standard input.

Environment: HOLD_AT, the number of the call that is held (in the middle of its answer, if that is a stream); BAD_AT,
the question that is answered badly, once; FAULTS, the statuses of the first calls in order, the last one with a `*` for
all that follow; FAULTY, the one model that these are for; USAGE_IN and USAGE_OUT, the tokens that it reports; TOOL=1, the first answer
asks for a tool; TELL_KEY=1, a line `key KEY` for each call, and errors that repeat the key that the call came with.
"""

import http.server
import json
import os
import socket
import sys
import threading

HOLD_AT = int(os.environ.get("HOLD_AT", "0"))
FAULTS = [fault for fault in os.environ.get("FAULTS", "").split(",") if fault]
FAULTY = os.environ.get("FAULTY", "")
BAD_AT = int(os.environ.get("BAD_AT", "0"))
USAGE_IN = int(os.environ.get("USAGE_IN", "100"))
USAGE_OUT = int(os.environ.get("USAGE_OUT", "10"))
TOOL = os.environ.get("TOOL") == "1"
TELL_KEY = os.environ.get("TELL_KEY") == "1"

KEY_FIELDS = ["authorization", "x-api-key", "x-goog-api-key"]
lock = threading.Lock()
released = threading.Event()
calls = 0
bad_answers = 0
faulty_calls = 0


def fault():
    """The status of the next faulty call; 0 if it is to be answered."""
    global faulty_calls
    faulty_calls += 1
    last = FAULTS[-1] if FAULTS else "0"
    text = FAULTS[faulty_calls - 1] if faulty_calls <= len(FAULTS) else last if last.endswith("*") else "0"
    return int(text.rstrip("*"))


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def pieces(text):
    middle = len(text) // 2
    return [text[:middle], text[middle:]]


class Provider(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass

    def do_POST(self):
        global calls, bad_answers
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        messages = request.get("messages") or request.get("input") or request["contents"]
        asked = sum(1 for message in messages if message.get("role", "user") == "user")
        with lock:
            calls += 1
            number = calls
            bad = BAD_AT == asked and bad_answers == 0
            bad_answers += bad
            say(f"call {number} asked {asked}")
            status = fault() if FAULTY in ("", request.get("model")) else 0
        key = next((self.headers[name] for name in KEY_FIELDS if self.headers[name]), "") if TELL_KEY else ""
        if TELL_KEY:
            say(f"key {key}")
        if status:
            body = {"error": {"message": f"as told {key}".strip()}}
            return self.answer("application/json", json.dumps(body).encode(), status)
        text = "no JSON at all" if bad else json.dumps({"answer": f"answer to question {asked}"})
        anthropic = self.path.endswith("/messages")
        tool = TOOL and not any(isinstance(message.get("content"), list) for message in messages)
        hold = number == HOLD_AT
        if self.path.endswith("/responses"):
            self.stream(self.response_events(number, text), hold)
        elif self.path.endswith(":streamGenerateContent?alt=sse"):
            self.stream(self.content_events(text), hold)
        elif request.get("stream"):
            events = self.anthropic_events(number, text, tool) if anthropic else self.openai_events(number, text, request)
            self.stream(events, hold)
        else:
            if hold:
                released.wait()
            body = self.anthropic_body(number, text) if anthropic else self.openai_body(number, text)
            self.answer("application/json", json.dumps(body).encode())
        say(f"answered {number}")

    def answer(self, kind, body, status=200):
        self.send_response(status)
        if status != 200:
            self.send_header("retry-after-ms", "20")
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def stream(self, events, hold):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for index, event in enumerate(events):
            if hold and index == len(events) // 2:
                self.wfile.flush()
                say("held")
                released.wait()
            data = event.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def openai_body(self, number, text):
        return {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": 1,
            "model": "fixed",
            "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            ],
            "usage": {
                "prompt_tokens": USAGE_IN,
                "completion_tokens": USAGE_OUT,
                "total_tokens": USAGE_IN + USAGE_OUT,
            },
        }

    def openai_events(self, number, text, request):
        def chunk(choices, **more):
            head = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 1, "model": "fixed"}
            return "data: " + json.dumps({**head, "choices": choices, **more}) + "\n\n"

        events = [chunk([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])]
        events += [chunk([{"index": 0, "delta": {"content": part}, "finish_reason": None}]) for part in pieces(text)]
        events.append(chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
        if (request.get("stream_options") or {}).get("include_usage"):
            usage = self.openai_body(number, text)["usage"]
            events.append(chunk([], usage=usage))
        return events + ["data: [DONE]\n\n"]

    def response_events(self, number, text):
        place = {"item_id": f"msg_{number}", "output_index": 0, "content_index": 0}
        part = {"type": "output_text", "text": text, "annotations": []}
        item = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed"}
        response = {
            "id": f"resp_{number}",
            "object": "response",
            "created_at": 1,
            "model": "fixed",
            "output": [],
            "parallel_tool_calls": True,
            "status": "in_progress",
            "tool_choice": "auto",
            "tools": [],
        }
        usage = {
            "input_tokens": USAGE_IN,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": USAGE_OUT,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": USAGE_IN + USAGE_OUT,
        }
        done = {**response, "status": "completed", "usage": usage, "output": [{**item, "content": [part]}]}
        steps = [("response.created", {"response": response})]
        steps.append(("response.output_item.added", {"output_index": 0, "item": {**item, "content": []}}))
        steps.append(("response.content_part.added", {**place, "part": {**part, "text": ""}}))
        steps += [("response.output_text.delta", {**place, "delta": piece, "logprobs": []}) for piece in pieces(text)]
        steps.append(("response.completed", {"response": done}))
        return [
            f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': index, **more})}\n\n"
            for index, (kind, more) in enumerate(steps)
        ]

    def content_events(self, text):
        def event(part, **more):
            candidate = {"content": {"role": "model", "parts": [{"text": part}]}, "index": 0, **more}
            usage = {"promptTokenCount": USAGE_IN, "candidatesTokenCount": USAGE_OUT}
            body = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "fixed"}
            return f"data: {json.dumps(body)}\r\n\r\n"

        first, second = pieces(text)
        return [event(first), event(second, finishReason="STOP")]

    def anthropic_body(self, number, text):
        return {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": "fixed",
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": USAGE_IN, "output_tokens": USAGE_OUT},
        }

    def anthropic_events(self, number, text, tool):
        def event(kind, **more):
            return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n"

        message = {**self.anthropic_body(number, text), "content": [], "stop_reason": None}
        events = [event("message_start", message={**message, "usage": {"input_tokens": USAGE_IN, "output_tokens": 1}})]
        if tool:
            block = {"type": "tool_use", "id": f"toolu_{number}", "name": "files_search", "input": {}}
            deltas = [
                {"type": "input_json_delta", "partial_json": part} for part in pieces(json.dumps({"query": "green tea"}))
            ]
        else:
            block = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": part} for part in pieces(text)]
        events.append(event("content_block_start", index=0, content_block=block))
        events += [event("content_block_delta", index=0, delta=delta) for delta in deltas]
        events.append(event("content_block_stop", index=0))
        reason = "tool_use" if tool else "end_turn"
        events.append(
            event(
                "message_delta",
                delta={"stop_reason": reason, "stop_sequence": None},
                usage={"output_tokens": USAGE_OUT},
            )
        )
        return events + [event("message_stop")]


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


server = Listener(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
say(f"listening {server.server_port}")
for line in sys.stdin:
    if line.strip() == "release":
        released.set()
os._exit(0)
