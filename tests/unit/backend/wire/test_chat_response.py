from __future__ import annotations

import json
from typing import Any

import pytest

from backend.asgi import header
from backend.wire.chat_response import (
    ChunkWriter,
    Citation,
    CompletionHead,
    completion_document,
    model_document,
    sse_event,
    to_json,
)
from backend.wire.errors import ErrorReply, retry_after
from backend.wire.tool_envelope import CalledTool
from backend.wire.usage import estimate_tokens, usage_document

HEAD = CompletionHead("chatcmpl-1", 7, "demo")
USAGE = usage_document(None, prompt=4, answer=4, reasoning=0)


def documents(*events: bytes) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in b"".join(events).decode().split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def test_a_whole_answer_has_openais_fields():
    document = completion_document(
        HEAD, text="x", reasoning="", citations=(), finish_reason="stop", usage=USAGE
    )

    assert document == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 7,
        "model": "demo",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "x", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }


@pytest.mark.parametrize(("text", "content"), [("", None), (" \n", None), ("One moment.", "One moment.")])
def test_an_answer_that_calls_tools_has_them_and_its_text_or_null(text, content):
    call = CalledTool("call_1", "f", "{}")

    document = completion_document(
        HEAD,
        text=text,
        reasoning="",
        citations=(),
        finish_reason="tool_calls",
        usage=USAGE,
        tool_calls=[call],
    )

    choice = document["choices"][0]
    assert choice["message"] == {
        "role": "assistant",
        "content": content,
        "refusal": None,
        "tool_calls": [call.document()],
    }
    assert choice["finish_reason"] == "tool_calls"


def test_reasoning_and_citations_are_extras_of_the_message():
    cited = [Citation("u", "t", 3)]
    document = completion_document(
        HEAD, text="x", reasoning="r", citations=cited, finish_reason="stop", usage=USAGE
    )

    message = document["choices"][0]["message"]
    assert message["reasoning_content"] == "r"
    assert message["annotations"] == [
        {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 3, "end_index": 3}}
    ]


def test_chunks_have_openais_fields_and_the_role_comes_once():
    writer = ChunkWriter(HEAD, with_usage=False)

    first, second, end, done = documents(writer.text("a"), writer.reasoning("r"), writer.end("stop", USAGE))

    assert first == {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "demo",
        "choices": [
            {
                "index": 0,
                "delta": {"role": "assistant", "content": "a"},
                "logprobs": None,
                "finish_reason": None,
            }
        ],
    }
    assert second["choices"][0]["delta"] == {"reasoning_content": "r"}
    assert (end["choices"][0]["delta"], end["choices"][0]["finish_reason"]) == ({}, "stop")
    assert done == "[DONE]"


def test_usage_is_a_chunk_of_its_own_without_choices():
    writer = ChunkWriter(HEAD, with_usage=True)

    first, end, usage, done = documents(writer.text("a"), writer.end("length", USAGE))

    assert (first["usage"], end["usage"]) == (None, None)
    assert (usage["choices"], usage["usage"]) == ([], USAGE)
    assert done == "[DONE]"


def test_the_end_carries_citations_and_notes():
    writer = ChunkWriter(HEAD, with_usage=False)

    end = documents(writer.end("stop", USAGE, [Citation("u", "t", 0)], ["rewritten"]))[0]

    assert end["choices"][0]["delta"]["annotations"][0]["url_citation"]["url"] == "u"
    assert end["gateway_notes"] == ["rewritten"]


@pytest.mark.parametrize("line_end", ["\x85", "\u2028", "\u2029"])
def test_no_client_finds_a_line_end_in_a_text(line_end):
    text = f"{line_end}one{line_end}two \u2027\u202a\u00c5\u2018"

    written = to_json({"a": text})

    assert len(written.decode().splitlines()) == 1
    assert json.loads(written) == {"a": text}


def test_half_a_surrogate_pair_is_escaped_and_not_an_error():
    assert sse_event({"a": "\ud83d"}) == b'data: {"a":"\\ud83d"}\n\n'
    assert to_json({"a": "✓"}) == '{"a":"✓"}'.encode()


def test_tokens_are_estimated_at_four_characters_rounded_up():
    assert [estimate_tokens(n) for n in (0, 1, 4, 5)] == [0, 1, 1, 2]


def test_a_model_has_openais_fields():
    assert model_document("m", "demo", 7) == {"id": "m", "object": "model", "created": 7, "owned_by": "demo"}


def test_an_error_has_openais_fields_and_a_type_by_status():
    document = json.loads(ErrorReply(429, "queue_full", "later", "x").encode())

    assert document == {
        "error": {"message": "later", "type": "rate_limit_error", "param": "x", "code": "queue_full"}
    }
    types = [ErrorReply(status, "c", "m").type for status in (400, 401, 403, 404, 500, 502)]
    assert types == [
        "invalid_request_error",
        "authentication_error",
        "permission_error",
        "invalid_request_error",
        "api_error",
        "api_error",
    ]


def test_retry_after_is_whole_seconds_and_at_least_one():
    assert [retry_after(s)["retry-after"] for s in (0.0, 0.2, 1.0, 1.1)] == ["1", "1", "1", "2"]


def test_a_header_is_found_by_its_lower_case_name():
    scope = {"headers": [(b"host", b"a"), (b"host", b"b")]}

    assert (header(scope, "host"), header(scope, "origin")) == ("a", None)
