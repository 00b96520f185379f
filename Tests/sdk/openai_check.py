# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Checks that the official OpenAI SDK works unmodified against a gateway.

Environment: OPENAI_BASE_URL, OPENAI_API_KEY; NAOS_CHECK_MODEL (default local/extractive);
NAOS_CHECK_TOOL_MODEL, a model that answers with a tool call; NAOS_CHECK_FAILING_MODEL, one whose provider answers 500;
NAOS_CHECK_CUT_MODEL, one whose streams break off; NAOS_CHECK_SPENT_MODEL, one whose budget is used up. Checks without
their model are left out.
"""

import os
import sys

import openai

MODEL = os.environ.get("NAOS_CHECK_MODEL", "local/extractive")
MESSAGES = [
    {"role": "system", "content": "Answer from the text: A saga undoes its steps in reverse order."},
    {"role": "user", "content": "In which order does a saga undo its steps?"},
]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather of a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]
sent = []
http = openai.DefaultHttpxClient(event_hooks={"request": [sent.append]})
client = openai.OpenAI(timeout=30, http_client=http)


def check_chat():
    answer = client.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert answer.choices[0].message.content, "no text"
    assert answer.usage.total_tokens > 0, "no usage"


def check_stream():
    chunks = list(client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text, "no text"
    assert all(chunk.usage is None for chunk in chunks), "usage that was not asked for"
    assert chunks[-1].choices[0].finish_reason == "stop", "no finish reason"


def check_stream_with_usage():
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[-1].choices == [], "the last chunk has choices"
    assert chunks[-1].usage.total_tokens > 0, "no usage"


def check_stream_left_early():
    stream = client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
    next(iter(stream))
    stream.close()


def check_raw_headers():
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES)
    assert raw.headers["content-type"].startswith("application/json")
    assert raw.parse().choices


def check_models():
    assert client.models.list().object == "list"


def check_tools():
    model = os.environ["NAOS_CHECK_TOOL_MODEL"]
    answer = client.chat.completions.create(model=model, messages=MESSAGES, tools=TOOLS)
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "weather", call
    followed = MESSAGES + [
        answer.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    assert client.chat.completions.create(model=model, messages=followed, tools=TOOLS).choices


def check_unknown_model():
    try:
        client.chat.completions.create(model="nobody/nothing-1", messages=MESSAGES)
    except (openai.NotFoundError, openai.BadRequestError) as error:
        assert error.code, error
        return
    raise AssertionError("an unknown model was answered")


def check_wrong_key():
    stranger = openai.OpenAI(api_key="nk_wrong", timeout=30)
    try:
        stranger.chat.completions.create(model=MODEL, messages=MESSAGES)
    except openai.AuthenticationError as error:
        assert error.code == "invalid_api_key", error
        return
    raise AssertionError("a wrong key was let in")


def check_failing():
    try:
        client.with_options(max_retries=1).chat.completions.create(
            model=os.environ["NAOS_CHECK_FAILING_MODEL"], messages=MESSAGES
        )
    except openai.InternalServerError as error:
        assert error.status_code == 500, error
        return
    raise AssertionError("no error")


def check_cut():
    stream = client.chat.completions.create(model=os.environ["NAOS_CHECK_CUT_MODEL"], messages=MESSAGES, stream=True)
    try:
        list(stream)
    except openai.APIError:
        return
    raise AssertionError("a cut stream ended as if it were whole")


def check_spent():
    before = len(sent)
    try:
        client.chat.completions.create(model=os.environ["NAOS_CHECK_SPENT_MODEL"], messages=MESSAGES)
    except openai.RateLimitError as error:
        assert error.code == "naos_budget_exceeded", error
        assert error.type == "insufficient_quota", error
        assert error.response.headers["x-should-retry"] == "false"
        assert len(sent) - before == 1, "the SDK retried"
        return
    raise AssertionError("a used-up budget let a call through")


def main():
    needs = {
        check_tools: "NAOS_CHECK_TOOL_MODEL",
        check_failing: "NAOS_CHECK_FAILING_MODEL",
        check_cut: "NAOS_CHECK_CUT_MODEL",
        check_spent: "NAOS_CHECK_SPENT_MODEL",
    }
    checks = [value for name, value in globals().items() if name.startswith("check_")]
    failed = 0
    for check in checks:
        if check in needs and needs[check] not in os.environ:
            print(f"left out  {check.__name__}")
            continue
        try:
            check()
            print(f"ok        {check.__name__}")
        except Exception as error:  # every check is run, whatever the others came to
            failed += 1
            print(f"FAILED    {check.__name__}: {type(error).__name__}: {error}")
    sys.exit(1 if failed else 0)


main()
