"""What a request wants its answer to be."""

from __future__ import annotations

from typing import Any

import pytest

from automation.turn import Message, Prompt
from backend.errors import InvalidRequestError
from backend.gateway.structured_output.answer_shape import parse_answer_shape, with_directive, with_tools
from backend.wire.chat_request import ChatRequest

USER = {"role": "user", "content": "Hello"}


def tool(name: str = "now", **function: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **function}}


def shaped(**fields: Any):
    return parse_answer_shape(ChatRequest.model_validate({"model": "m", "messages": [USER], **fields}))


def told(**fields: Any) -> tuple[str, ...]:
    shape = shaped(**fields)
    assert shape is not None
    prompt = with_directive(with_tools(Prompt((Message("user", "Hello"),)), shape), shape)
    return tuple(message.text for message in prompt.messages)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"tools": []},
        {"tools": [tool()], "tool_choice": "none"},
        {"tool_choice": "auto"},
        {"response_format": {"type": "text"}},
        {"parallel_tool_calls": False},
    ],
)
def test_an_answer_as_it_comes_has_no_shape(fields):
    assert shaped(**fields) is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": ["now"]}, "tools.0"),
        ({"tools": [{"type": "web_search"}]}, "tools.0"),
        ({"tools": [tool(), {"type": "custom", "custom": {}}]}, "tools.1"),
        ({"tools": [tool("a b")]}, "tools.0.function.name"),
        ({"tools": [tool("")]}, "tools.0.function.name"),
        ({"tools": [tool(), tool()]}, "tools.1.function.name"),
        ({"tools": [tool(description=7)]}, "tools.0.function.description"),
        ({"tools": [tool(parameters="x")]}, "tools.0.function.parameters"),
        ({"tools": [tool(parameters={"$ref": "http://x/y"})]}, "tools.0.function.parameters"),
        ({"tools": [tool(str(i)) for i in range(257)]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [tool()], "tool_choice": "any"}, "tool_choice"),
        ({"tools": [tool()], "tool_choice": ["none"]}, "tool_choice"),
        (
            {"tools": [tool()], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "tool_choice",
        ),
        ({"tools": [tool()], "tool_choice": {"type": "function", "function": {"name": []}}}, "tool_choice"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
            "response_format.json_schema.schema",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": 1}}}},
            "response_format.json_schema.schema",
        ),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(fields, param):
    with pytest.raises(InvalidRequestError) as caught:
        shaped(**fields)

    assert caught.value.param == param


def test_tools_are_explained_first_and_the_same_tools_in_the_same_words():
    fields = {"tools": [tool("get", description="Gets it.", parameters={"type": "object"}), tool()]}

    first, second = told(**fields)

    assert '{"toolcall": "NAME", "arguments": {"KEY": "VALUE"}}' in first
    assert 'get: Gets it.\n{"type": "object"}' in first
    assert second == "Hello"
    assert told(**fields, tool_choice="required")[0] == first


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tools": [tool()], "tool_choice": "required"}, "must call a tool"),
        ({"tools": [tool()], "tool_choice": {"type": "function", "function": {"name": "now"}}}, "tool now"),
        ({"tools": [tool()], "parallel_tool_calls": False}, "one toolcall block at the most"),
        ({"response_format": {"type": "json_object"}}, "one JSON object"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"title": "Zebra"}}}},
            '"title": "Zebra"',
        ),
    ],
)
def test_what_holds_for_the_turn_alone_stands_behind_the_last_message(fields, said):
    last = told(**fields)[-1]

    assert last.startswith("Hello\n\n")
    assert said in last
