"""A call becomes a chat body, and a chat completion its result."""

from __future__ import annotations

import pytest

from backend.providers.library.call_types import CallParams, CallResult, PassthroughParser, build_call_result

MESSAGES = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (CallParams(MESSAGES), {"messages": MESSAGES, "model": "m"}),
        (
            CallParams(MESSAGES, enable_thinking=True, enable_search=True),
            {"messages": MESSAGES, "model": "m", "reasoning_effort": "medium", "web_search_options": {}},
        ),
        (
            CallParams(MESSAGES, enable_thinking=True, extra={"reasoning_effort": "high", "seed": 1}),
            {"messages": MESSAGES, "model": "m", "reasoning_effort": "high", "seed": 1},
        ),
    ],
)
def test_a_calls_body(params, expected):
    assert params.body("m") == expected


def test_a_call_without_a_model_names_none():
    assert "model" not in CallParams(MESSAGES).body(None)


def test_a_completions_parts_are_told_apart():
    citation = {"url": "https://a", "title": "A", "start_index": 1, "end_index": 1}
    message = {
        "content": "Hello",
        "reasoning_content": "Hm",
        "annotations": [{"type": "url_citation", "url_citation": citation}, {"type": "file"}],
    }
    document = {
        "model": "m",
        "choices": [{"message": message, "finish_reason": "stop"}],
        "usage": {"total_tokens": 3},
    }

    result = build_call_result(document, account="a")

    assert (result.content, result.reasoning) == ("Hello", "Hm")
    assert result.sources == [{"url": "https://a", "title": "A"}]
    assert result.metadata["usage"] == {"total_tokens": 3}
    assert (result.metadata["account"], result.metadata["finish_reason"]) == ("a", "stop")
    assert result.raw_response is document


def test_an_answer_that_only_calls_tools_has_no_text():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    document = {
        "choices": [{"message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}]
    }

    result = build_call_result(document)

    assert (result.content, result.metadata["tool_calls"]) == ("", [call])
    assert PassthroughParser().parse(result) is result
    assert CallResult(None, "x").rankings == ()
