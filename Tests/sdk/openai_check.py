# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Checks that the official OpenAI SDK works unmodified against a gateway.

Environment: OPENAI_BASE_URL, OPENAI_API_KEY; NAOS_CHECK_MODEL (default local/extractive);
NAOS_CHECK_TOOL_MODEL, a model that answers with a tool call; NAOS_CHECK_FAILING_MODEL, one whose provider answers 500;
NAOS_CHECK_CUT_MODEL, one whose streams break off; NAOS_CHECK_SPENT_MODEL, one whose budget is used up;
NAOS_CHECK_SHAPED_MODEL, one that answers in JSON with a `city` and its `degrees`. Checks without their model are left
out.
"""

import os

import openai
import pydantic

import checking

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
QUESTION = "A saga undoes its steps in reverse order. In which order does a saga undo its steps?"
WEATHER = {"type": "function", "strict": True, **TOOLS[0]["function"]}
WEATHER["parameters"] = {**WEATHER["parameters"], "additionalProperties": False}


class Weather(pydantic.BaseModel):
    city: str
    degrees: int


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
    names = [model.id for model in client.models.list()]
    assert client.models.retrieve(names[0]).id == names[0]


def check_response():
    answer = client.responses.create(model=MODEL, input=QUESTION, instructions="Be brief.")
    assert answer.status == "completed", answer.status
    assert answer.output_text, "no text"
    assert answer.usage.input_tokens > 0, "no usage"


def check_response_of_items():
    answer = client.responses.create(model=MODEL, input=[{"role": "user", "content": QUESTION}], max_output_tokens=64)
    assert answer.output[0].content[0].type == "output_text"


def check_response_stream():
    with client.responses.stream(model=MODEL, input=QUESTION) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert text and final.output_text == text
    assert final.usage.output_tokens > 0, "no usage"


def check_raw_response_stream():
    kinds = [event.type for event in client.responses.create(model=MODEL, input=QUESTION, stream=True)]
    assert kinds[0] == "response.created", kinds
    assert kinds[-1] == "response.completed", kinds


def check_response_left_early():
    stream = client.responses.create(model=MODEL, input=QUESTION, stream=True)
    next(iter(stream))
    stream.close()


def check_response_count():
    assert client.responses.input_tokens.count(model=MODEL, input=QUESTION).input_tokens > 0


def check_response_tools():
    model = os.environ["NAOS_CHECK_TOOL_MODEL"]
    answer = client.responses.create(model=model, input=QUESTION, tools=[WEATHER])
    call = next(item for item in answer.output if item.type == "function_call")
    assert call.name == "weather", call
    followed = [{"role": "user", "content": QUESTION}, call]
    followed.append({"type": "function_call_output", "call_id": call.call_id, "output": "sunny"})
    assert client.responses.create(model=model, input=followed, tools=[WEATHER]).output


def check_shaped_chat():
    answer = client.chat.completions.parse(
        model=os.environ["NAOS_CHECK_SHAPED_MODEL"], messages=MESSAGES, response_format=Weather
    )
    assert answer.choices[0].message.parsed == Weather(city="Oslo", degrees=7), answer


def check_shaped_response():
    answer = client.responses.parse(
        model=os.environ["NAOS_CHECK_SHAPED_MODEL"], input=QUESTION, text_format=Weather
    )
    assert answer.output_parsed == Weather(city="Oslo", degrees=7), answer


def check_embeddings():
    one = client.embeddings.create(model=MODEL, input="saga steps").data[0].embedding
    two = client.embeddings.create(model=MODEL, input=["saga steps", "nothing alike"], dimensions=len(one))
    plain = client.embeddings.create(model=MODEL, input="saga steps", encoding_format="float").data[0].embedding
    assert len(one) > 1 and len(two.data) == 2
    assert max(abs(a - b) for a, b in zip(one, plain, strict=True)) < 1e-6
    assert two.data[0].embedding == one and two.data[1].embedding != one
    assert two.usage.total_tokens > 0, "no usage"
    assert client.embeddings.create(model=MODEL, input=[[1, 2, 3], [4, 5]]).data[1].index == 1


def check_azure():
    azure = openai.AzureOpenAI(
        azure_endpoint=os.environ["OPENAI_BASE_URL"].removesuffix("/v1"),
        api_key=os.environ["OPENAI_API_KEY"],
        api_version="2024-10-21",
        timeout=30,
    )
    assert azure.chat.completions.create(model=MODEL, messages=MESSAGES).choices


def check_unmetered():
    try:
        client.moderations.create(input="x")
    except openai.NotFoundError as error:
        assert error.response.headers["x-naos-code"] == "NX-GWY-003", error
        return
    raise AssertionError("an endpoint is open that nothing meters")


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


def check_failing_response():
    before = len(sent)
    try:
        client.with_options(max_retries=1).responses.create(
            model=os.environ["NAOS_CHECK_FAILING_MODEL"], input=QUESTION
        )
    except openai.InternalServerError:
        assert len(sent) - before == 2, "one retry was asked for"
        return
    raise AssertionError("no error")


def check_cut_response():
    try:
        for _ in client.responses.create(model=os.environ["NAOS_CHECK_CUT_MODEL"], input=QUESTION, stream=True):
            pass
    except openai.APIError as error:
        assert "broke off" in str(error), error
        return
    raise AssertionError("a cut stream ended as if it were whole")


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


def check_spent_response():
    before = len(sent)
    for ask in (client.responses.create, client.embeddings.create):
        try:
            ask(model=os.environ["NAOS_CHECK_SPENT_MODEL"], input=QUESTION)
        except openai.RateLimitError as error:
            assert error.code == "naos_budget_exceeded", error
            continue
        raise AssertionError("a used-up budget let a call through")
    assert len(sent) - before == 2, "the SDK retried"


checking.run(globals(), {
    check_tools: "NAOS_CHECK_TOOL_MODEL",
    check_failing: "NAOS_CHECK_FAILING_MODEL",
    check_cut: "NAOS_CHECK_CUT_MODEL",
    check_spent: "NAOS_CHECK_SPENT_MODEL",
    check_response_tools: "NAOS_CHECK_TOOL_MODEL",
    check_shaped_chat: "NAOS_CHECK_SHAPED_MODEL",
    check_shaped_response: "NAOS_CHECK_SHAPED_MODEL",
    check_failing_response: "NAOS_CHECK_FAILING_MODEL",
    check_cut_response: "NAOS_CHECK_CUT_MODEL",
    check_spent_response: "NAOS_CHECK_SPENT_MODEL",
})
