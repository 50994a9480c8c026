"""Chat bodies as Anthropic wants them, or refused with the name of the field."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from backend.errors import InvalidRequestError
from backend.providers.api.dialects.anthropic_request import (
    JSON_TOOL,
    MOST_TOKENS,
    ignored_fields,
    messages_request,
)
from backend.wire.chat_response import to_json

ASK = {"role": "user", "content": "hi"}
PDF = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}


def call(call_id: str, arguments: str = '{"a": 1}') -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "f", "arguments": arguments}}


def request(*messages: dict[str, Any], model: str = "claude-sonnet-4-5", **fields: object) -> dict[str, Any]:
    """The request's body as it is sent."""
    body = {"model": model, "messages": list(messages or [ASK]), **fields}
    document: dict[str, Any] = orjson.loads(to_json(messages_request(body, is_streamed=False)))
    return document


def test_system_and_developer_messages_leave_the_conversation():
    made = request(
        {"role": "system", "content": "A"},
        ASK,
        {"role": "developer", "content": [{"type": "text", "text": "B"}]},
    )

    assert made["system"] == [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]
    assert made["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]


def test_content_of_every_kind_is_translated():
    parts = [
        {"type": "text", "text": "see", "cache_control": {"type": "ephemeral"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "file", "file": PDF},
        {"type": "file", "file": {"filename": "a.txt", "file_data": "R3LDvMOfZQ=="}},
        {"type": "text", "text": " "},
    ]

    made = request({"role": "user", "content": parts})

    assert made["messages"][0]["content"] == [
        {"type": "text", "text": "see", "cache_control": {"type": "ephemeral"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
            "title": "a.pdf",
        },
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "Grüße"},
            "title": "a.txt",
        },
    ]


def test_the_numbers_of_earlier_calls_keep_their_digits():
    numbers = '{"id": 123456789012345678901234567890, "p": 0.10000000000000000555}'

    made = messages_request(
        {"model": "m", "messages": [ASK, {"role": "assistant", "tool_calls": [call("a", numbers)]}]},
        is_streamed=False,
    )

    assert numbers.encode() in to_json(made)


def test_results_of_several_calls_are_one_message_and_ids_stay_alike():
    made = request(
        ASK,
        {"role": "assistant", "content": None, "tool_calls": [call("a.1"), call("b", "")]},
        {"role": "tool", "tool_call_id": "a.1", "content": "sun"},
        {"role": "tool", "tool_call_id": "b", "content": ""},
        {"role": "user", "content": "and?"},
    )

    assert [m["role"] for m in made["messages"]] == ["user", "assistant", "user"]
    assert made["messages"][1]["content"] == [
        {"type": "tool_use", "id": "a_1", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "b", "name": "f", "input": {}},
    ]
    assert made["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a_1", "content": [{"type": "text", "text": "sun"}]},
        {"type": "tool_result", "tool_use_id": "b"},
        {"type": "text", "text": "and?"},
    ]


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (None, {"type": "auto"}),
        ("auto", {"type": "auto"}),
        ("required", {"type": "any"}),
        ("none", {"type": "none"}),
        ({"type": "function", "function": {"name": "f"}}, {"type": "tool", "name": "f"}),
    ],
)
def test_tools_and_which_of_them_are_translated(choice, told):
    made = request(tools=[TOOL], tool_choice=choice)

    assert made["tools"] == [{"name": "f", "description": "d", "input_schema": SCHEMA}]
    assert made["tool_choice"] == told


def test_calls_one_at_a_time_and_strict_tools_are_asked_for():
    strict = {"type": "function", "function": {"name": "f", "strict": True}}

    made = request(tools=[strict], parallel_tool_calls=False)

    assert made["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert made["tools"][0] == {
        "name": "f",
        "input_schema": {"type": "object", "properties": {}},
        "strict": True,
    }


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({}, {"max_tokens": MOST_TOKENS}),
        ({"max_tokens": 5, "max_completion_tokens": 7}, {"max_tokens": 7}),
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"stop": ["a", "b"]}, {"stop_sequences": ["a", "b"]}),
        ({"temperature": 1.7}, {"temperature": 1.0}),
        ({"top_p": 0.5}, {"top_p": 0.5}),
        ({"user": "u1"}, {"metadata": {"user_id": "u1"}}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}},
            {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        ),
        (
            {"reasoning_effort": "high"},
            {"thinking": {"type": "enabled", "budget_tokens": 16384}, "max_tokens": 24576},
        ),
        (
            {"reasoning_effort": "high", "max_tokens": 8000},
            {"thinking": {"type": "enabled", "budget_tokens": 4000}},
        ),
        (
            {"reasoning_effort": "minimal", "model": "claude-opus-4-7"},
            {
                "thinking": {"type": "adaptive", "display": "summarized"},
                "output_config": {"effort": "low"},
                "max_tokens": 9216,
            },
        ),
    ],
)
def test_fields_are_translated(fields, made):
    told = request(**fields)

    assert {name: told[name] for name in made} == made


@pytest.mark.parametrize(
    ("model", "effort", "told"),
    [
        ("claude-sonnet-4-6", "xhigh", "max"),
        ("claude-opus-4-8", "xhigh", "xhigh"),
        ("claude-opus-4-8", "minimal", "low"),
        ("claude-opus-4-8", "medium", "medium"),
    ],
)
def test_an_effort_is_told_in_the_words_that_the_model_knows(model, effort, told):
    assert request(model=model, reasoning_effort=effort)["output_config"] == {"effort": told}


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("claude-3-7-sonnet-20250219", "enabled"),
        ("claude-sonnet-4-20250514", "enabled"),
        ("claude-opus-4-1-20250805", "enabled"),
        ("claude-haiku-4-5-20251001", "enabled"),
        ("kimi-k2", "enabled"),
        ("claude-sonnet-4-6", "adaptive"),
        ("claude-opus-5", "adaptive"),
        ("claude-opus-4-10-20270101", "adaptive"),
        ("claude-mythos-preview", "adaptive"),
    ],
)
def test_a_model_is_asked_to_think_in_the_way_it_knows(model, kind):
    told = request(model=model, reasoning_effort="low")

    assert told["thinking"]["type"] == kind


TOOL_TURN = [
    ASK,
    {"role": "assistant", "tool_calls": [call("a")]},
    {"role": "tool", "tool_call_id": "a", "content": "x"},
    ASK,
]


@pytest.mark.parametrize(
    ("messages", "fields"),
    [
        ([ASK], {"max_tokens": 1500}),
        ([ASK], {"tools": [TOOL], "tool_choice": "required"}),
        (TOOL_TURN, {"tools": [TOOL]}),
    ],
)
def test_thinking_that_the_api_would_refuse_is_left_out_and_named(messages, fields):
    fields = {"reasoning_effort": "high", "temperature": 0.5, **fields}

    told = request(*messages, **fields)

    assert "thinking" not in told
    assert told["temperature"] == 0.5
    assert ignored_fields({"model": "claude-sonnet-4-5", "messages": messages, **fields}) == [
        "reasoning_effort"
    ]


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"temperature": 0.5, "top_p": 0.9}, ["top_p"]),
        ({"temperature": 0.5, "reasoning_effort": "low"}, ["temperature"]),
        ({"temperature": 0.5, "top_p": 0.9, "model": "claude-opus-4-7"}, ["temperature", "top_p"]),
        ({"temperature": 0.5, "model": "claude-sonnet-4-6"}, []),
        ({"temperature": 0.5, "model": "glm-5"}, []),
        ({"reasoning_effort": "none"}, []),
        ({"web_search_options": {"a": 1}}, ["web_search_options"]),
        ({"logprobs": False, "top_logprobs": 0, "function_call": "auto"}, []),
        (
            {"seed": 1, "presence_penalty": None, "logit_bias": {}, "novel": True},
            ["logit_bias", "novel", "seed"],
        ),
    ],
)
def test_fields_without_effect_are_named(fields, names):
    assert ignored_fields({"model": "claude-sonnet-4-5", "messages": [ASK], **fields}) == names


def user(part: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [part]}]}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"n": 0}, "n"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"tools": [{"type": "custom"}]}, "tools.0"),
        ({"tools": [TOOL], "tool_choice": "any"}, "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"messages": [{"role": "system", "content": "A"}]}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.tool_call_id"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [call("a", "{")]}]},
            "messages.0.tool_calls.0.function.arguments",
        ),
        (user({"type": "input_audio"}), "messages.0.content.0.type"),
        (user({"type": "file", "file": {"file_id": "f"}}), "messages.0.content.0.file.file_data"),
        (
            user({"type": "file", "file": {"file_data": "data:video/mp4;base64,AA"}}),
            "messages.0.content.0.file.file_data",
        ),
        (user({"type": "image_url", "image_url": {"url": "ftp://a"}}), "messages.0.content.0.image_url.url"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(fields, param):
    body = {"model": "claude-sonnet-4-5", "messages": [ASK], **fields}

    with pytest.raises(InvalidRequestError) as caught:
        messages_request(body, is_streamed=True)
    assert caught.value.param == param


ONE = {"disable_parallel_tool_use": True}


@pytest.mark.parametrize(
    ("fields", "names", "choice"),
    [
        ({}, [JSON_TOOL], {"type": "tool", "name": JSON_TOOL, **ONE}),
        ({"tools": [TOOL]}, ["f", JSON_TOOL], {"type": "any", **ONE}),
        (
            {"tools": [TOOL], "tool_choice": "none"},
            ["f", JSON_TOOL],
            {"type": "tool", "name": JSON_TOOL, **ONE},
        ),
        ({"tools": [TOOL], "tool_choice": "required"}, ["f"], {"type": "any"}),
    ],
)
def test_any_json_is_the_input_of_a_tool_that_must_be_called(fields, names, choice):
    made = request(response_format={"type": "json_object"}, reasoning_effort="low", **fields)

    assert [tool["name"] for tool in made["tools"]] == names
    assert made["tool_choice"] == choice
    assert "thinking" not in made


@pytest.mark.parametrize("is_within", [True, False])
def test_the_mark_of_what_to_cache_stays_with_its_tool(is_within):
    mark = {"cache_control": {"type": "ephemeral"}}
    function = {"name": "f", "parameters": {"type": "object"}}
    marked = {"function": {**function, **mark}} if is_within else {"function": function, **mark}
    tools = [{"type": "function", **marked}, {"type": "function", "function": {**function, "name": "g"}}]

    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "tools": tools}
    request = messages_request(body, is_streamed=False)

    assert [tool.get("cache_control") for tool in request["tools"]] == [{"type": "ephemeral"}, None]
