# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Checks that the official Anthropic SDK works unmodified against a gateway.

Environment: ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY; NAOS_CHECK_MODEL (default local/extractive);
NAOS_CHECK_TOOL_MODEL, a model that answers with a tool call; NAOS_CHECK_FAILING_MODEL, one whose provider answers 500;
NAOS_CHECK_CUT_MODEL, one whose streams break off; NAOS_CHECK_SPENT_MODEL, one whose budget is used up. Checks without
their model are left out.
"""

import os

import anthropic

import checking

MODEL = os.environ.get("NAOS_CHECK_MODEL", "local/extractive")
SYSTEM = "Answer from the text: A saga undoes its steps in reverse order."
MESSAGES = [{"role": "user", "content": "In which order does a saga undo its steps?"}]
TOOLS = [
    {
        "name": "weather",
        "description": "The weather of a city.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
]
sent = []
http = anthropic.DefaultHttpxClient(event_hooks={"request": [sent.append]})
client = anthropic.Anthropic(timeout=30, http_client=http)


def ask(model=MODEL, source=None, **more):
    return (source or client).messages.create(
        model=model, system=SYSTEM, messages=more.pop("messages", MESSAGES), max_tokens=256, **more
    )


def check_message():
    answer = ask()
    assert answer.type == "message"
    assert answer.content[0].text, "no text"
    assert answer.usage.input_tokens > 0, "no usage"


def check_stream():
    with client.messages.stream(model=MODEL, system=SYSTEM, messages=MESSAGES, max_tokens=256) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text, "no text"
    assert final.content[0].text == text
    assert final.usage.output_tokens > 0, "no usage"


def check_raw_stream():
    kinds = [event.type for event in ask(stream=True)]
    assert kinds[0] == "message_start", kinds
    assert kinds[-1] == "message_stop", kinds


def check_stream_left_early():
    stream = ask(stream=True)
    next(iter(stream))
    stream.close()


def check_count_tokens():
    count = client.messages.count_tokens(model=MODEL, system=SYSTEM, messages=MESSAGES)
    assert count.input_tokens > 0


def check_models():
    assert client.models.list().data is not None


def check_bearer_key():
    bearer = anthropic.Anthropic(api_key=None, auth_token=os.environ["ANTHROPIC_API_KEY"], timeout=30)
    assert ask(source=bearer).content


def check_tools():
    model = os.environ["NAOS_CHECK_TOOL_MODEL"]
    answer = ask(model, tools=TOOLS)
    call = next(block for block in answer.content if block.type == "tool_use")
    assert call.name == "weather", call
    followed = MESSAGES + [
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]},
    ]
    assert ask(model, tools=TOOLS, messages=followed).content


def check_unknown_model():
    try:
        ask("nobody/nothing-1")
    except (anthropic.NotFoundError, anthropic.BadRequestError) as error:
        assert error.body["error"]["type"], error
        return
    raise AssertionError("an unknown model was answered")


def check_wrong_key():
    try:
        ask(source=anthropic.Anthropic(api_key="nk_wrong", timeout=30))
    except anthropic.AuthenticationError as error:
        assert error.body["error"]["type"] == "authentication_error", error
        return
    raise AssertionError("a wrong key was let in")


def check_failing():
    try:
        ask(os.environ["NAOS_CHECK_FAILING_MODEL"], source=client.with_options(max_retries=1))
    except anthropic.InternalServerError as error:
        assert error.status_code == 500, error
        return
    raise AssertionError("no error")


def check_cut():
    try:
        for _ in ask(os.environ["NAOS_CHECK_CUT_MODEL"], stream=True):
            pass
    except anthropic.APIError:
        return
    raise AssertionError("a cut stream ended as if it were whole")


def check_spent():
    before = len(sent)
    try:
        ask(os.environ["NAOS_CHECK_SPENT_MODEL"])
    except anthropic.APIStatusError as error:
        assert error.status_code == 402, error
        assert error.body["error"]["type"] == "billing_error", error
        assert error.response.headers["x-should-retry"] == "false"
        assert len(sent) - before == 1, "the SDK retried"
        return
    raise AssertionError("a used-up budget let a call through")


checking.run(globals(), {
    check_tools: "NAOS_CHECK_TOOL_MODEL",
    check_failing: "NAOS_CHECK_FAILING_MODEL",
    check_cut: "NAOS_CHECK_CUT_MODEL",
    check_spent: "NAOS_CHECK_SPENT_MODEL",
})
