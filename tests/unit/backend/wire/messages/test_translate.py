from __future__ import annotations

import hashlib
from typing import Any

import pytest
from pydantic import ValidationError

from backend.errors import InvalidRequestError
from backend.wire.chat_request import ChatRequest
from backend.wire.json_body import parse_json
from backend.wire.messages.request import CountRequest, MessagesRequest
from backend.wire.messages.translate import count_tokens, messages_to_chat_body, untranslated_of_messages

USER = {"role": "user", "content": "hi"}


def body_of(**fields: Any) -> dict[str, Any]:
    return messages_to_chat_body(
        MessagesRequest.model_validate({"model": "demo", "max_tokens": 9, "messages": [USER], **fields})
    )


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said, "cache_control": {"type": "ephemeral"}}


def use(name: str, given: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": given}


def result(name: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": f"toolu_{name}", "content": content, **more}


def thought(said: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": said, "signature": ""}


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def tool(name: str, content: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": f"toolu_{name}", "content": content}


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
CHAT_IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
PDF = {
    "type": "document",
    "title": "a.pdf",
    "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
}
CHAT_PDF = {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"}}
MESSAGES: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    "a text": ([USER], [USER]),
    "blocks of text": ([user(text("a"), text("b"))], [{"role": "user", "content": "a\n\nb"}]),
    "a picture and a document": (
        [user(text("see"), IMAGE, PDF)],
        [{"role": "user", "content": [{"type": "text", "text": "see"}, CHAT_IMAGE, CHAT_PDF]}],
    ),
    "a picture by its URL": (
        [user({"type": "image", "source": {"type": "url", "url": "https://a.test/b.png"}})],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.test/b.png"}}]}],
    ),
    "a document of text": (
        [
            user(
                {
                    "type": "document",
                    "title": "T",
                    "source": {"type": "text", "media_type": "text/plain", "data": "d"},
                }
            )
        ],
        [{"role": "user", "content": "T\n\nd"}],
    ),
    "thinking, text and parallel calls, and their results": (
        [
            USER,
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": ""},
                    {"type": "redacted_thinking", "data": "x"},
                    text("ok"),
                    use("f", {"a": "ä"}),
                    use("g", {}),
                ],
            },
            user(result("f", "1"), result("g", [text("no"), text("way")], is_error=True), text("go on")),
        ],
        [
            USER,
            {
                "role": "assistant",
                "content": "ok",
                "reasoning_content": "hm",
                "tool_calls": [
                    {
                        "id": "toolu_f",
                        "type": "function",
                        "function": {"name": "f", "arguments": '{"a":"ä"}'},
                    },
                    {"id": "toolu_g", "type": "function", "function": {"name": "g", "arguments": "{}"}},
                ],
            },
            tool("f", "1"),
            tool("g", "Error: no\n\nway"),
            {"role": "user", "content": "go on"},
        ],
    ),
    "text before a result comes after it": (
        [user(text("note"), result("f", "1"))],
        [tool("f", "1"), {"role": "user", "content": "note"}],
    ),
    "a picture in a result follows the results": (
        [user(result("f", [text("shot"), IMAGE]), result("g", None))],
        [tool("f", "shot"), tool("g", ""), {"role": "user", "content": [CHAT_IMAGE]}],
    ),
    "pieces of one cited answer are not parted": (
        [USER, {"role": "assistant", "content": [text("It is "), text("22 °C"), text(".")]}],
        [USER, {"role": "assistant", "content": "It is 22 °C."}],
    ),
    "thoughts that were parted by a text are one again": (
        [
            USER,
            {"role": "assistant", "content": [thought("First, "), text("ok"), thought("then."), text("!")]},
        ],
        [USER, {"role": "assistant", "content": "ok!", "reasoning_content": "First, then."}],
    ),
    "thinking alone is no message": (
        [USER, {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": ""}]}],
        [USER],
    ),
}


@pytest.mark.parametrize(("given", "messages"), MESSAGES.values(), ids=MESSAGES)
def test_messages_become_those_of_a_chat_completion(given, messages):
    body = body_of(messages=given)

    assert body == {"model": "demo", "max_completion_tokens": 9, "messages": messages}
    assert ChatRequest.model_validate(body).messages


@pytest.mark.parametrize("system", ["a\n\nb", [text("a"), text("b")]])
def test_the_system_prompt_comes_first(system):
    assert body_of(system=system)["messages"] == [{"role": "system", "content": "a\n\nb"}, USER]


TOOL = {
    "name": "f",
    "description": "d",
    "input_schema": {"type": "object"},
    "cache_control": {"type": "ephemeral"},
}
CHAT_TOOL = {
    "type": "function",
    "function": {"name": "f", "description": "d", "parameters": {"type": "object"}},
}
NAMED = {"type": "function", "function": {"name": "f"}}
FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "tuning": (
        {"temperature": 0.5, "top_p": 0.5, "top_k": 3, "stop_sequences": ["a"], "metadata": {"user_id": "u"}},
        {"temperature": 0.5, "top_p": 0.5, "stop": ["a"], "user": "u"},
    ),
    "what Anthropic alone knows": (
        {"service_tier": "auto", "context_management": {"edits": []}, "stop_sequences": []},
        {},
    ),
    "unknown fields": ({"search": True}, {"search": True}),
    "a stream always tells its usage": (
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": True}},
    ),
    "tools": ({"tools": [TOOL, {**TOOL, "type": "custom"}]}, {"tools": [CHAT_TOOL, CHAT_TOOL]}),
    "auto": (
        {"tools": [TOOL], "tool_choice": {"type": "auto"}},
        {"tools": [CHAT_TOOL], "tool_choice": "auto"},
    ),
    "any": (
        {"tools": [TOOL], "tool_choice": {"type": "any"}},
        {"tools": [CHAT_TOOL], "tool_choice": "required"},
    ),
    "none": (
        {"tools": [TOOL], "tool_choice": {"type": "none"}},
        {"tools": [CHAT_TOOL], "tool_choice": "none"},
    ),
    "one, and one at a time": (
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True}},
        {"tools": [CHAT_TOOL], "tool_choice": NAMED, "parallel_tool_calls": False},
    ),
    "little thinking": (
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"reasoning_effort": "low"},
    ),
    "some thinking": (
        {"thinking": {"type": "enabled", "budget_tokens": 4096}},
        {"reasoning_effort": "medium"},
    ),
    "much thinking": (
        {"thinking": {"type": "enabled", "budget_tokens": 31999}},
        {"reasoning_effort": "high"},
    ),
    "no thinking": ({"thinking": {"type": "disabled"}}, {}),
    "adaptive thinking": (
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}},
        {"reasoning_effort": "medium"},
    ),
    "the most effort": ({"output_config": {"effort": "max"}}, {"reasoning_effort": "high"}),
    "JSON of a schema": (
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
            }
        },
    ),
}


@pytest.mark.parametrize(("fields", "expected"), FIELDS.values(), ids=FIELDS)
def test_fields_become_those_of_a_chat_completion(fields, expected):
    assert body_of(**fields) == {"model": "demo", "max_completion_tokens": 9, "messages": [USER], **expected}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("u" * 64, "u" * 64),
        ("u" * 65, hashlib.sha256(b"u" * 65).hexdigest()),
        (None, None),
    ],
)
def test_an_id_of_the_user_that_openai_would_refuse_becomes_its_hash(given, told):
    assert body_of(metadata={"user_id": given}).get("user") == told


IGNORED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing": ({"top_k": None, "metadata": {"user_id": "u"}, "thinking": {"type": "disabled"}}, []),
    "what only Anthropic has": (
        {"top_k": 3, "service_tier": "auto", "context_management": {"edits": []}},
        ["context_management", "service_tier", "top_k"],
    ),
    "a field of tomorrow": ({"betas_of_2030": {"a": 1}, "speed": None}, ["betas_of_2030"]),
    "the gateway's own": ({"search": True, "conversation": "new"}, []),
    "thinking without an effort": ({"thinking": {"type": "adaptive"}}, ["thinking"]),
    "thinking of an effort": ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, []),
    "a budget": ({"output_config": {"task_budget": {"total": 9}}}, ["output_config.task_budget"]),
    "marks in a text": ({"messages": [user(text("a"))]}, ["cache_control"]),
    "marks in the system prompt": ({"system": [text("a")]}, ["cache_control"]),
    "marks in a result": ({"messages": [user(result("f", [text("a")]))]}, ["cache_control"]),
    "marks of a tool": ({"tools": [TOOL]}, ["cache_control"]),
    "more of a tool": (
        {"tools": [{"name": "f", "input_schema": {}, "input_examples": [{}], "defer_loading": None}]},
        ["tools.input_examples"],
    ),
    "citations of a document": (
        {"messages": [user({**PDF, "citations": {"enabled": True}})]},
        ["citations"],
    ),
}


@pytest.mark.parametrize(("fields", "names"), IGNORED.values(), ids=IGNORED)
def test_what_no_chat_completion_can_say_is_named(fields, names):
    asked = {"model": "demo", "max_tokens": 9, "messages": [USER], **fields}

    assert untranslated_of_messages(MessagesRequest.model_validate(asked)) == names


def test_a_field_that_only_anthropic_has_never_leaks():
    body = body_of(betas_of_2030={"a": 1}, seed=7)

    assert body == {"model": "demo", "max_completion_tokens": 9, "messages": [USER], "seed": 7}


URL_PDF = {"type": "document", "source": {"type": "url", "url": "https://a.test/b.pdf"}}
REFUSED: dict[str, dict[str, Any]] = {
    "tools.0.type": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    "tools.0.name": {"tools": [{"input_schema": {}}]},
    "tools.1.input_schema": {"tools": [TOOL, {"name": "f"}]},
    "tool_choice": {"tool_choice": {"type": "any"}},
    "container": {"container": "c"},
    "mcp_servers": {"mcp_servers": [{"type": "url"}]},
    "output_config.format": {"output_config": {"format": {"type": "grammar"}}},
    "system.0.type": {"system": [IMAGE]},
    "messages.0.content.0.type": {"messages": [user({"type": "video"})]},
    "messages.0.content.1.text": {"messages": [user(text("a"), {"type": "text"})]},
    "messages.0.content.0.source": {"messages": [user({"type": "image"})]},
    "messages.0.content.0.source.type": {"messages": [user(URL_PDF)]},
    "messages.0.content.0.tool_use_id": {"messages": [user({"type": "tool_result", "content": "x"})]},
    "messages.0.content.0.content.0.type": {"messages": [user(result("f", [{"type": "video"}]))]},
    "messages.0.content.0.input": {
        "messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f"}]}]
    },
}


@pytest.mark.parametrize(("param", "fields"), REFUSED.items(), ids=REFUSED)
def test_what_cannot_be_honoured_is_refused_by_its_name(param, fields):
    with pytest.raises(InvalidRequestError) as caught:
        body_of(**fields)

    assert caught.value.param == param


@pytest.mark.parametrize("choice", [{"type": "some"}, {"type": "tool"}])
def test_a_choice_of_nothing_known_is_refused(choice):
    with pytest.raises(InvalidRequestError) as caught:
        body_of(tools=[TOOL], tool_choice=choice)

    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize("name", ["max_tokens", "messages", "model"])
def test_what_anthropic_requires_is_required(name):
    body = {"model": "demo", "max_tokens": 9, "messages": [USER]}
    del body[name]

    with pytest.raises(ValidationError) as caught:
        MessagesRequest.model_validate(body)

    assert caught.value.errors()[0]["loc"] == (name,)


COUNTS: dict[str, tuple[dict[str, Any], int]] = {
    "a letter": ({"messages": [{"role": "user", "content": "a"}]}, 1),
    "a text": ({"messages": [{"role": "user", "content": "a" * 400}]}, 100),
    "a system prompt": ({"system": "s" * 40, "messages": [{"role": "user", "content": "a" * 400}]}, 110),
    "a picture, not its base64": ({"messages": [user(IMAGE)]}, 1600),
    "a call and its result": (
        {
            "messages": [
                {"role": "assistant", "content": [use("ffff", {"a": "aaaa"})]},
                user(result("ffff", "r" * 40)),
            ]
        },
        14,
    ),
}


@pytest.mark.parametrize(("fields", "tokens"), COUNTS.values(), ids=COUNTS)
def test_tokens_are_counted_without_a_limit_of_the_answer(fields, tokens):
    request = CountRequest.model_validate({"model": "demo", **fields})

    assert count_tokens(request) == {"input_tokens": tokens}


def test_tools_count():
    plain = CountRequest.model_validate({"model": "demo", "messages": [USER]})
    with_tools = CountRequest.model_validate({"model": "demo", "messages": [USER], "tools": [TOOL]})

    assert count_tokens(with_tools)["input_tokens"] > count_tokens(plain)["input_tokens"] + 15


def test_the_numbers_of_an_earlier_call_keep_their_digits():
    numbers = '{"id":123456789012345678901234567890,"p":0.10000000000000000555}'
    block = f'{{"type":"tool_use","id":"c","name":"f","input":{numbers}}}'
    asked = f'{{"model":"m","max_tokens":9,"messages":[{{"role":"assistant","content":[{block}]}}]}}'

    body = messages_to_chat_body(MessagesRequest.model_validate(parse_json(asked.encode())))

    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == numbers
