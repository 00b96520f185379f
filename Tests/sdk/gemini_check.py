# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Checks that the official Google Gen AI SDK works unmodified against a gateway.

Environment: GOOGLE_GEMINI_BASE_URL, GEMINI_API_KEY; NAOS_CHECK_MODEL (default local/extractive);
NAOS_CHECK_TOOL_MODEL, a model that answers with a function call; NAOS_CHECK_FAILING_MODEL, one whose provider answers
500; NAOS_CHECK_CUT_MODEL, one whose streams break off; NAOS_CHECK_SPENT_MODEL, one whose budget is used up;
NAOS_CHECK_SHAPED_MODEL, one that answers in JSON with a `city` and its `degrees`. Checks without their model are left
out.
"""

import json
import os
import urllib.error
import urllib.request

import httpx2
import pydantic
from google import genai
from google.genai import errors, types

import checking

MODEL = os.environ.get("NAOS_CHECK_MODEL", "local/extractive")
BASE = os.environ["GOOGLE_GEMINI_BASE_URL"]
KEY = os.environ["GEMINI_API_KEY"]
QUESTION = "In which order does a saga undo its steps?"
SYSTEM = types.GenerateContentConfig(
    system_instruction="Answer from the text: A saga undoes its steps in reverse order."
)
WEATHER = types.FunctionDeclaration(
    name="weather",
    description="The weather of a city.",
    parameters=types.Schema(
        type="OBJECT", properties={"city": types.Schema(type="STRING")}, required=["city"]
    ),
)


class Weather(pydantic.BaseModel):
    city: str
    degrees: int


sent = []
http = httpx2.Client(event_hooks={"request": [sent.append]}, timeout=30)
client = genai.Client(http_options=types.HttpOptions(httpx_client=http))


def ask(model=MODEL, contents=QUESTION, config=SYSTEM, source=None):
    return (source or client).models.generate_content(model=model, contents=contents, config=config)


def check_content():
    answer = ask()
    assert answer.text, "no text"
    assert answer.usage_metadata.total_token_count > 0, "no usage"


def check_stream():
    chunks = list(client.models.generate_content_stream(model=MODEL, contents=QUESTION, config=SYSTEM))
    assert "".join(chunk.text or "" for chunk in chunks) == ask().text
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert chunks[-1].usage_metadata.candidates_token_count > 0, "no usage"


def check_stream_left_early():
    stream = client.models.generate_content_stream(model=MODEL, contents=QUESTION, config=SYSTEM)
    next(iter(stream))
    stream.close()


def check_chat():
    chat = client.chats.create(model=MODEL, config=SYSTEM)
    assert chat.send_message(QUESTION).text
    assert chat.send_message("And then?").text


def check_array_stream_with_a_key_in_the_address():
    body = json.dumps({"contents": [{"parts": [{"text": QUESTION}]}]}).encode()
    address = f"{BASE}/v1beta/models/{MODEL}:streamGenerateContent?key={KEY}"
    request = urllib.request.Request(address, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        chunks = json.load(answer)
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP", chunks


def check_count_tokens():
    assert client.models.count_tokens(model=MODEL, contents=QUESTION).total_tokens > 0


def check_models():
    names = [model.name for model in client.models.list()]
    assert f"models/{MODEL}" in names, names
    assert client.models.get(model=MODEL).name == f"models/{MODEL}"


def check_tools():
    model = os.environ["NAOS_CHECK_TOOL_MODEL"]
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[WEATHER])],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    answer = ask(model, config=config)
    call = answer.function_calls[0]
    assert call.name == "weather", call
    response = types.Part.from_function_response(name="weather", response={"result": "sunny"})
    followed = [
        types.Content(role="user", parts=[types.Part(text=QUESTION)]),
        answer.candidates[0].content,
        types.Content(role="user", parts=[response]),
    ]
    assert ask(model, followed, config).candidates


def check_shaped():
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Weather)
    answer = ask(os.environ["NAOS_CHECK_SHAPED_MODEL"], config=config)
    assert answer.parsed == Weather(city="Oslo", degrees=7), answer


def check_unknown_model():
    try:
        ask("nobody-1:x")
    except errors.ClientError as error:
        assert error.code in (400, 404), error
        return
    raise AssertionError("an unknown model was answered")


def check_wrong_key():
    try:
        ask(source=genai.Client(api_key="nk_wrong"))
    except errors.ClientError as error:
        assert error.code == 401 and error.status == "UNAUTHENTICATED", error
        return
    raise AssertionError("a wrong key was let in")


def check_unmetered():
    try:
        client.files.list()[0]
    except errors.ClientError as error:
        assert error.code == 404 and error.status == "NOT_FOUND", error
        return
    raise AssertionError("an endpoint is open that nothing meters")


def check_failing():
    before = len(sent)
    try:
        ask(os.environ["NAOS_CHECK_FAILING_MODEL"])
    except errors.ServerError as error:
        assert error.code == 500, error
        assert len(sent) - before == 1, "the SDK retried"
        return
    raise AssertionError("no error")


def check_cut():
    try:
        for _ in client.models.generate_content_stream(model=os.environ["NAOS_CHECK_CUT_MODEL"], contents=QUESTION):
            pass
    except errors.APIError as error:
        assert "broke off" in str(error), error
        return
    raise AssertionError("a cut stream ended as if it were whole")


def check_spent():
    before = len(sent)
    try:
        ask(os.environ["NAOS_CHECK_SPENT_MODEL"])
    except errors.ClientError as error:
        assert error.code == 429 and error.status == "RESOURCE_EXHAUSTED", error
        assert error.response.headers["x-should-retry"] == "false"
        assert len(sent) - before == 1, "the SDK retried"
        return
    raise AssertionError("a used-up budget let a call through")


checking.run(globals(), {
    check_tools: "NAOS_CHECK_TOOL_MODEL",
    check_shaped: "NAOS_CHECK_SHAPED_MODEL",
    check_failing: "NAOS_CHECK_FAILING_MODEL",
    check_cut: "NAOS_CHECK_CUT_MODEL",
    check_spent: "NAOS_CHECK_SPENT_MODEL",
})
