from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from backend.errors import InvalidRequestError
from backend.wire.chat_request import ChatRequest
from backend.wire.responses.request import ResponsesRequest
from backend.wire.responses.translate import responses_to_chat_body, untranslated_of_responses


def body_of(**fields: Any) -> dict[str, Any]:
    return responses_to_chat_body(ResponsesRequest.model_validate({"model": "demo", "input": "hi", **fields}))


def call_item(name: str) -> dict[str, Any]:
    return {"type": "function_call", "id": "fc_1", "call_id": f"call_{name}", "name": name, "arguments": "{}"}


def parse_chat_call(name: str) -> dict[str, Any]:
    return {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": "{}"}}


def output_item(name: str, output: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": f"call_{name}", "output": output}


def reasoning(said: str) -> dict[str, Any]:
    return {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": said}]}


def called(name: str, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": [parse_chat_call(name)], **more}


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
                "reasoning_content": "hm",
                "tool_calls": [parse_chat_call("f"), parse_chat_call("g")],
            },
            {"role": "tool", "tool_call_id": "call_f", "content": "1"},
            {"role": "tool", "tool_call_id": "call_g", "content": "2"},
        ],
    ),
    "reasoning of each step goes with its calls": (
        [reasoning("one"), call_item("f"), output_item("f", "1"), reasoning("two"), call_item("g")],
        [
            called("f", reasoning_content="one"),
            {"role": "tool", "tool_call_id": "call_f", "content": "1"},
            called("g", reasoning_content="two"),
        ],
    ),
    "reasoning that only its summary tells": (
        [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": t} for t in ("a", "b")]},
            {"role": "assistant", "content": "yo"},
        ],
        [{"role": "assistant", "content": "yo", "reasoning_content": "a\n\nb"}],
    ),
    "reasoning whose answer is not there": (
        [reasoning("lost"), USER, {"role": "assistant", "content": "yo"}],
        [USER, {"role": "assistant", "content": "yo"}],
    ),
    "records of another server's tools": (
        [
            USER,
            {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}},
            {"role": "assistant", "content": "yo"},
        ],
        [USER, {"role": "assistant", "content": "yo"}],
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


IGNORED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing": (
        {"truncation": "disabled", "stream_options": {"include_obfuscation": False}, "metadata": {"a": "b"}},
        [],
    ),
    "ids of a client": ({"client_metadata": {"session": "s"}, "prompt_cache_key": "k"}, ["client_metadata"]),
    "what only responses have": (
        {"truncation": "auto", "max_tool_calls": 3, "context_management": [{"type": "compaction"}]},
        ["context_management", "max_tool_calls", "truncation"],
    ),
    "more of the answer": (
        {"include": ["reasoning.encrypted_content", "web_search_call.results"]},
        ["include"],
    ),
    "reasoning that can be sent back": ({"include": ["reasoning.encrypted_content"]}, []),
    "a summary": ({"reasoning": {"effort": "low", "summary": "auto"}}, ["reasoning.summary"]),
    "a padded stream": ({"stream_options": {"include_obfuscation": True}}, ["stream_options"]),
    "a search of tools": ({"tools": [FUNCTION, {"type": "tool_search"}]}, ["tool_search"]),
    "records": ({"input": [USER, {"type": "web_search_call", "id": "ws_1"}]}, ["input.web_search_call"]),
}


@pytest.mark.parametrize(("fields", "names"), IGNORED.values(), ids=IGNORED)
def test_what_no_chat_completion_can_say_is_named(fields, names):
    asked = {"model": "demo", "input": "hi", **fields}

    assert untranslated_of_responses(ResponsesRequest.model_validate(asked)) == names


def test_a_field_that_only_responses_have_never_leaks():
    body = body_of(client_metadata={"session": "s"}, prompt_cache_key="k", context_management=[])

    assert body == {"model": "demo", "messages": [USER], "prompt_cache_key": "k"}


NAMESPACE = {
    "type": "namespace",
    "name": "agents",
    "description": "Work with agents.",
    "tools": [
        {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}},
        {"type": "function", "name": "wait"},
    ],
}
CUSTOM = {
    "type": "custom",
    "name": "edit",
    "description": "Edits.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"},
}


def test_tools_of_a_namespace_are_functions_with_names_of_their_own():
    body = body_of(
        tools=[FUNCTION, NAMESPACE], tool_choice={"type": "function", "name": "f", "namespace": "agents"}
    )

    functions = [tool["function"] for tool in body["tools"]]
    assert [function["name"] for function in functions] == ["f", "agents__f", "agents__wait"]
    assert functions[1]["description"] == "Work with agents.\n\nd"
    assert "description" not in functions[2]
    assert body["tool_choice"]["function"]["name"] == "agents__f"


def test_a_custom_tool_is_a_function_of_one_text():
    [tool] = body_of(tools=[CUSTOM], tool_choice={"type": "custom", "name": "edit"})["tools"]

    function = tool["function"]
    assert function["name"] == "edit"
    assert function["parameters"]["required"] == ["input"]
    assert function["description"].startswith("Edits.\n\nThe input must follow this lark grammar:")
    assert function["description"].endswith("start: X")


def test_tools_that_come_with_the_input_are_offered_once():
    more = {"type": "additional_tools", "role": "developer", "tools": [NAMESPACE, CUSTOM]}

    body = body_of(input=[more, USER, more])

    assert [tool["function"]["name"] for tool in body["tools"]] == ["agents__f", "agents__wait", "edit"]
    assert body["messages"] == [USER]


def test_calls_of_a_namespace_and_of_custom_tools_go_back_as_the_functions_they_were():
    items = [
        {**call_item("f"), "namespace": "agents"},
        {"type": "custom_tool_call", "call_id": "call_e", "name": "edit", "input": 'say "hi"\n'},
        output_item("f", "1"),
        {"type": "custom_tool_call_output", "call_id": "call_e", "output": "done"},
    ]

    assistant, *results = body_of(input=items, tools=[NAMESPACE, CUSTOM])["messages"]

    functions = [call["function"] for call in assistant["tool_calls"]]
    assert [function["name"] for function in functions] == ["agents__f", "edit"]
    assert orjson.loads(functions[1]["arguments"]) == {"input": 'say "hi"\n'}
    assert [result["content"] for result in results] == ["1", "done"]


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
    "tools.0.tools.1.type": {
        "tools": [{"type": "namespace", "name": "n", "tools": [OTHER, {"type": "computer"}]}]
    },
    "tools.0.tools": {"tools": [{"type": "namespace", "name": "n"}]},
    "input.1.tools.0.type": {"input": [USER, {"type": "additional_tools", "tools": [{"type": "mcp"}]}]},
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
