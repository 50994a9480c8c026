"""Chat bodies that are told in other words: whatever a client sends is translated or refused, and never a crash."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from backend.errors import InvalidRequestError
from backend.providers.api.chat.chat_body import (
    Base64Data,
    iter_parts,
    iter_tool_calls,
    most_tokens,
    parse_image,
    parse_messages,
    parse_stops,
    text_of,
    validate_body,
)
from backend.providers.api.codegen.runs import build_run_prompt
from backend.providers.api.dialect import Dialect
from backend.providers.api.dialects.anthropic import Anthropic
from backend.providers.api.dialects.custom import Custom
from backend.providers.api.dialects.custom_api import parse_api
from backend.providers.api.dialects.google import Google
from backend.providers.api.dialects.ollama import Ollama
from backend.wire.chat_request import ChatMessage
from backend.wire.translate import translate_messages

ASK = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f"}}
CUSTOM = {"request": {"path": "/", "body": {"q": "{{prompt}}", "s": "{{system}}"}}, "response": {"text": "a"}}
DIALECTS: dict[str, Dialect] = {
    "anthropic": Anthropic(),
    "google": Google(),
    "ollama": Ollama(),
    "custom": Custom(parse_api(CUSTOM)),
}
FIELDS = (
    "max_tokens",
    "max_completion_tokens",
    "modalities",
    "n",
    "reasoning_effort",
    "response_format",
    "stop",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
    "user",
)
JUNK: dict[str, Any] = {
    "a number": 5,
    "a negative number": -1,
    "a text": "x",
    "a number as text": "1",
    "a list": ["x"],
    "a list of numbers": [5],
    "an object": {"a": 1},
    "a function that is none": {"type": "function", "function": "f"},
    "functions that are none": [{"type": "function", "function": {"name": "f", "parameters": 5}}],
    "a schema that is none": {"type": "json_schema", "json_schema": "x"},
    "a boolean": True,
    "nothing": None,
}
CONTENTS: dict[str, Any] = {
    "a number": 5,
    "parts that are none": [5],
    "a part without a type": [{}],
    "an image that is a text": [{"type": "image_url", "image_url": "x"}],
    "an image without an address": [{"type": "image_url"}],
    "an image that is no image": [{"type": "image_url", "image_url": {"url": "data:,x"}}],
    "a file that is a text": [{"type": "file", "file": "x"}],
    "a file without data": [{"type": "file", "file": {}}],
    "audio without data": [{"type": "input_audio"}],
}


def is_told_or_refused(dialect: Dialect, body: dict[str, Any]) -> bool:
    try:
        dialect.ignored(body)
        return bool(dialect.chat(body, is_streamed=False).body)
    except (InvalidRequestError, ValidationError):
        return True


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_any_kind_is_told_or_refused(dialect, field, junk):
    body = {"model": "claude-sonnet-4-5", "messages": [ASK], "tools": [TOOL], "reasoning_effort": "low"}

    assert is_told_or_refused(DIALECTS[dialect], {**body, field: JUNK[junk]})


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool"])
@pytest.mark.parametrize("content", CONTENTS)
def test_a_content_that_is_none_is_refused(dialect, role, content):
    message = {"role": role, "content": CONTENTS[content], "tool_call_id": "c"}

    with pytest.raises((InvalidRequestError, ValidationError)):
        DIALECTS[dialect].chat({"model": "m", "messages": [message, ASK]}, is_streamed=False)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("calls", [5, ["x"], [{}], [{"id": "c", "function": {"name": "f", "arguments": 5}}]])
def test_calls_that_are_none_are_refused(dialect, calls):
    message = {"role": "assistant", "tool_calls": calls}

    with pytest.raises((InvalidRequestError, ValidationError)):
        DIALECTS[dialect].chat({"model": "m", "messages": [ASK, message, ASK]}, is_streamed=False)


def test_a_number_that_came_as_text_is_a_number_and_what_is_not_known_stays():
    body = validate_body({"messages": [{**ASK, "cache_control": {"a": 1}}], "temperature": "0.5", "top_k": 3})

    assert body["temperature"] == 0.5
    assert body["top_k"] == 3
    assert body["messages"] == [{**ASK, "cache_control": {"a": 1}}]


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


PARTED_SYSTEM = {"role": "system", "content": [text("A"), text("B")]}


def sent_system(name: str) -> Any:
    """Return where the text of a system message of two parts stands in what is sent."""
    messages = [PARTED_SYSTEM, ASK]
    if name == "page":
        return translate_messages([ChatMessage.model_validate(m) for m in messages]).messages[0].text
    if name == "codegen":
        return build_run_prompt({"messages": messages}).removesuffix("\n\nhi")
    sent = orjson.loads(DIALECTS[name].chat({"model": "m", "messages": messages}, is_streamed=False).body)
    if name == "google":
        return sent["systemInstruction"]["parts"][0]["text"]
    return sent["messages"][0]["content"] if name == "ollama" else sent["s"]


@pytest.mark.parametrize("name", ["page", "codegen", "google", "ollama", "custom"])
def test_the_parts_of_a_system_message_are_parted_by_a_blank_line_everywhere(name):
    assert sent_system(name) == "A\n\nB"


def test_a_provider_that_takes_a_systems_parts_gets_them_as_they_came():
    sent = DIALECTS["anthropic"].chat({"model": "m", "messages": [PARTED_SYSTEM, ASK]}, is_streamed=False)

    assert orjson.loads(sent.body)["system"] == [text("A"), text("B")]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "fields",
    [{"n": 2}, {"logprobs": True}, {"top_logprobs": 2}, {"functions": [{}]}, {"modalities": ["audio"]}],
)
def test_every_api_refuses_another_kind_of_answer_in_the_same_words(dialect, fields):
    [name] = fields

    with pytest.raises(
        InvalidRequestError, match=f"^{name} is not supported with this value by this endpoint"
    ):
        DIALECTS[dialect].chat({"model": "m", "messages": [ASK], **fields}, is_streamed=True)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_api_names_a_search_that_it_does_not_do(dialect):
    body = {"model": "m", "messages": [ASK], "web_search_options": {}}

    assert DIALECTS[dialect].chat(body, is_streamed=False).body
    assert DIALECTS[dialect].ignored(body) == ["web_search_options"]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (None, []),
        ("hi", [("m", text("hi"))]),
        ([text("a"), {"type": "x"}], [("m.content.0", text("a")), ("m.content.1", {"type": "x"})]),
        ([{"type": "refusal", "refusal": "no"}], [("m.content.0", text("no"))]),
    ],
)
def test_a_content_is_its_parts_and_a_refusal_is_a_text(content, parts):
    assert iter_parts({"content": content}, "m") == parts


@pytest.mark.parametrize("content", [5, {"a": 1}, ["x"], [text("a"), 5]])
def test_a_content_that_has_no_parts_is_refused_by_its_name(content):
    with pytest.raises(InvalidRequestError) as caught:
        iter_parts({"content": content}, "messages.0")

    assert caught.value.param == "messages.0.content"


@pytest.mark.parametrize("part", [{"type": "image_url"}, {"type": "text"}, {"type": "refusal"}, {}])
def test_a_message_of_texts_refuses_any_other_part_by_its_name(part):
    with pytest.raises(InvalidRequestError) as caught:
        text_of({"content": [text("a"), part]}, "messages.3")

    assert caught.value.param == "messages.3.content.1"


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ({"url": "https://a/b.png"}, "https://a/b.png"),
        ({"url": "data:IMAGE/PNG;charset=x;base64,aGk="}, Base64Data("image/png", "aGk=")),
        ("data:image/gif;base64,aGk=", Base64Data("image/gif", "aGk=")),
    ],
)
def test_an_image_is_its_address_or_its_data(image, found):
    assert parse_image({"image_url": image}, "m") == found


@pytest.mark.parametrize(
    ("calls", "field"),
    [
        (5, "m.tool_calls"),
        ([5], "m.tool_calls.0"),
        ([{"function": {}}], "m.tool_calls.0"),
        ([{"function": {"name": "f", "arguments": "["}}], "m.tool_calls.0.function.arguments"),
        ([{"function": {"name": "f", "arguments": "[]"}}], "m.tool_calls.0.function.arguments"),
        ([{"function": {"name": "f", "arguments": 5}}], "m.tool_calls.0.function.arguments"),
    ],
)
def test_a_call_that_is_none_is_refused_by_its_name(calls, field):
    with pytest.raises(InvalidRequestError) as caught:
        list(iter_tool_calls({"tool_calls": calls}, "m"))

    assert caught.value.param == field


def test_calls_are_read_with_their_arguments():
    call = {"id": "c", "function": {"name": "f", "arguments": '{"a": 1}'}}
    bare = {"function": {"name": "g"}}

    read = list(iter_tool_calls({"tool_calls": [call, bare]}, "m"))

    assert [(one, name, arguments.text) for one, name, arguments in read] == [
        (call, "f", '{"a": 1}'),
        (bare, "g", "{}"),
    ]


@pytest.mark.parametrize(
    ("messages", "field"),
    [(None, "messages"), ([], "messages"), ([5], "messages.0"), ([ASK, {}], "messages.1")],
)
def test_messages_that_are_none_are_refused_by_their_name(messages, field):
    with pytest.raises(InvalidRequestError) as caught:
        parse_messages({"messages": messages})

    assert caught.value.param == field


def test_a_limit_and_stops_are_read_in_all_their_forms():
    assert most_tokens({"max_tokens": 5, "max_completion_tokens": 9}) == 9
    assert most_tokens({"max_tokens": None}) is None
    assert [parse_stops({"stop": stop}) for stop in ("a", ["a", "b"], None)] == [["a"], ["a", "b"], []]
