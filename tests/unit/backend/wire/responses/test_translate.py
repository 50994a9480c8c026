from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from backend.errors import InvalidRequestError
from backend.wire.chat_request import ChatRequest
from backend.wire.responses.request import ResponsesRequest
from backend.wire.responses.translate import responses_to_chat_body


def body_of(**fields: Any) -> dict[str, Any]:
    return responses_to_chat_body(ResponsesRequest.model_validate({"model": "demo", "input": "hi", **fields}))


def call_item(name: str) -> dict[str, Any]:
    return {"type": "function_call", "id": "fc_1", "call_id": f"call_{name}", "name": name, "arguments": "{}"}


def parse_chat_call(name: str) -> dict[str, Any]:
    return {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": "{}"}}


def output_item(name: str, output: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": f"call_{name}", "output": output}


PNG = "data:image/png;base64,AA=="
USER = {"role": "user", "content": "hi"}
INPUTS: dict[str, tuple[Any, list[dict[str, Any]]]] = {
    "a text": ("hi", [USER]),
    "a message without a type": ([USER], [USER]),
    "roles": (
        [
            {"type": "message", "role": r, "content": "x"}
            for r in ("developer", "system", "user", "assistant")
        ],
        [{"role": r, "content": "x"} for r in ("developer", "system", "user", "assistant")],
    ),
    "parts": (
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "see"},
                    {"type": "input_image", "image_url": PNG, "detail": "low"},
                    {"type": "input_file", "file_data": "AA==", "filename": "a.pdf"},
                ],
            }
        ],
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "see"},
                    {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                    {"type": "file", "file": {"file_data": "AA==", "filename": "a.pdf"}},
                ],
            }
        ],
    ),
    "the answer of an earlier response, sent back as it was": (
        [
            USER,
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [],
                "content": [{"type": "reasoning_text", "text": "hm"}],
            },
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "yo", "annotations": [], "logprobs": []}],
            },
            call_item("f"),
            call_item("g"),
            output_item("f", "1"),
            output_item("g", [{"type": "input_text", "text": "2"}]),
        ],
        [
            USER,
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "yo"}],
                "tool_calls": [parse_chat_call("f"), parse_chat_call("g")],
            },
            {"role": "tool", "tool_call_id": "call_f", "content": "1"},
            {"role": "tool", "tool_call_id": "call_g", "content": "2"},
        ],
    ),
    "calls alone": (
        [USER, call_item("f"), output_item("f", "1")],
        [
            USER,
            {"role": "assistant", "content": None, "tool_calls": [parse_chat_call("f")]},
            {"role": "tool", "tool_call_id": "call_f", "content": "1"},
        ],
    ),
    "a picture among results follows the last of them": (
        [
            call_item("f"),
            call_item("g"),
            output_item("f", [{"type": "input_image", "image_url": PNG}]),
            output_item("g", [{"type": "input_text", "text": "2"}, {"type": "input_text", "text": "3"}]),
        ],
        [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [parse_chat_call("f"), parse_chat_call("g")],
            },
            {"role": "tool", "tool_call_id": "call_f", "content": ""},
            {"role": "tool", "tool_call_id": "call_g", "content": "2\n\n3"},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG}}]},
        ],
    ),
}


@pytest.mark.parametrize(("given", "messages"), INPUTS.values(), ids=INPUTS)
def test_input_becomes_messages(given, messages):
    body = body_of(input=given)

    assert body == {"model": "demo", "messages": messages}
    assert ChatRequest.model_validate(body).messages


def test_instructions_come_first():
    assert body_of(instructions="be brief")["messages"] == [{"role": "system", "content": "be brief"}, USER]


FUNCTION = {
    "type": "function",
    "name": "f",
    "description": "d",
    "parameters": {"type": "object"},
    "strict": True,
}
CHAT_FUNCTION = {"type": "function", "function": {k: v for k, v in FUNCTION.items() if k != "type"}}
OTHER = {"type": "function", "name": "g"}
SCHEMA = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}
FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "limits and tuning": (
        {"max_output_tokens": 5, "temperature": 0, "top_p": 0.5, "user": "u", "reasoning": {"effort": "low"}},
        {"max_completion_tokens": 5, "temperature": 0, "top_p": 0.5, "user": "u", "reasoning_effort": "low"},
    ),
    "what is for the response alone": (
        {
            "metadata": {"a": "b"},
            "store": True,
            "include": ["reasoning.encrypted_content"],
            "truncation": "auto",
        },
        {},
    ),
    "what says nothing": ({"previous_response_id": None, "background": False, "conversation": None}, {}),
    "unknown fields": ({"search": True, "service_tier": "flex"}, {"search": True, "service_tier": "flex"}),
    "a stream always tells its usage": (
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": True}},
    ),
    "functions": (
        {"tools": [FUNCTION], "tool_choice": "required", "parallel_tool_calls": False},
        {"tools": [CHAT_FUNCTION], "tool_choice": "required", "parallel_tool_calls": False},
    ),
    "one function": (
        {"tools": [FUNCTION], "tool_choice": {"type": "function", "name": "f"}},
        {"tools": [CHAT_FUNCTION], "tool_choice": {"type": "function", "function": {"name": "f"}}},
    ),
    "allowed functions": (
        {
            "tools": [FUNCTION, OTHER],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "f"}],
            },
        },
        {"tools": [CHAT_FUNCTION], "tool_choice": "required"},
    ),
    "a choice of nothing": ({"tools": [], "tool_choice": "auto", "parallel_tool_calls": True}, {}),
    "search": (
        {
            "tools": [
                {
                    "type": "web_search_preview",
                    "search_context_size": "low",
                    "user_location": {"type": "approximate", "city": "Ulm", "region": None},
                }
            ]
        },
        {
            "web_search_options": {
                "search_context_size": "low",
                "user_location": {"type": "approximate", "approximate": {"city": "Ulm"}},
            }
        },
    ),
    "plain text": ({"text": {"format": {"type": "text"}}}, {}),
    "JSON": ({"text": {"format": {"type": "json_object"}}}, {"response_format": {"type": "json_object"}}),
    "JSON of a schema": (
        {"text": {"format": SCHEMA, "verbosity": "low"}},
        {
            "verbosity": "low",
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
            },
        },
    ),
}


@pytest.mark.parametrize(("fields", "expected"), FIELDS.values(), ids=FIELDS)
def test_fields_become_those_of_a_chat_completion(fields, expected):
    assert body_of(**fields) == {"model": "demo", "messages": [USER], **expected}


REFUSED: dict[str, dict[str, Any]] = {
    "previous_response_id": {"previous_response_id": "resp_1"},
    "conversation": {"conversation": "conv_1"},
    "background": {"background": True},
    "prompt": {"prompt": {"id": "pmpt_1"}},
    "top_logprobs": {"top_logprobs": 3},
    "include": {"include": ["message.output_text.logprobs"]},
    "input": {"input": [{"type": "reasoning", "summary": []}]},
    "input.0": {"input": [{"type": "item_reference", "id": "msg_1"}]},
    "input.0.type": {"input": [{"type": "computer_call"}]},
    "input.0.role": {"input": [{"role": "tool", "content": "x"}]},
    "input.0.content": {"input": [{"role": "user"}]},
    "input.1.name": {"input": [USER, {"type": "function_call", "call_id": "c"}]},
    "input.0.call_id": {"input": [{"type": "function_call_output", "output": "x"}]},
    "input.0.output": {"input": [{"type": "function_call_output", "call_id": "c"}]},
    "input.0.content.0.type": {"input": [{"role": "user", "content": [{"type": "input_video"}]}]},
    "input.0.content.0.text": {"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
    "input.0.content.0.file_id": {
        "input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]
    },
    "input.0.content.0.file_url": {
        "input": [{"role": "user", "content": [{"type": "input_file", "file_url": "u"}]}]
    },
    "tools.0.type": {"tools": [{"type": "code_interpreter"}]},
    "tools.0.name": {"tools": [{"type": "function"}]},
    "tools.0.filters": {"tools": [{"type": "web_search", "filters": {"allowed_domains": ["a.test"]}}]},
    "tool_choice": {"tool_choice": "required"},
    "text.format": {"text": {"format": {"type": "grammar"}}},
}


@pytest.mark.parametrize(("param", "fields"), REFUSED.items(), ids=REFUSED)
def test_what_cannot_be_honoured_is_refused_by_its_name(param, fields):
    with pytest.raises(InvalidRequestError) as caught:
        body_of(**fields)

    assert caught.value.param == param


@pytest.mark.parametrize("choice", ["always", {"type": "web_search"}, {"type": "mcp"}])
def test_a_choice_of_something_else_is_refused(choice):
    with pytest.raises(InvalidRequestError) as caught:
        body_of(tools=[FUNCTION], tool_choice=choice)

    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize(
    "fields", [{"input": ""}, {"input": []}, {"max_output_tokens": 0}, {"temperature": 3}]
)
def test_values_out_of_range_are_refused(fields):
    with pytest.raises(ValidationError) as caught:
        body_of(**fields)

    assert caught.value.errors()[0]["loc"][0] in fields
