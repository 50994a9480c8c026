"""Chat bodies that are told in other words: whatever a client sends is translated or refused, and never a crash."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from backend.errors import InvalidRequestError
from backend.providers.api.chat.chat_body import validate_body
from backend.providers.api.dialect import Dialect
from backend.providers.api.dialects.anthropic import Anthropic
from backend.providers.api.dialects.google import Google

ASK = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f"}}
DIALECTS: dict[str, Dialect] = {"anthropic": Anthropic(), "google": Google()}
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
