from __future__ import annotations

from typing import Any

import orjson
import pytest

from automation.errors import SiteError
from backend.wire.answers.chunked_completion import gather_completion, split_completion

CALLS = [
    {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
    {
        "id": "b",
        "type": "function",
        "function": {"name": "g", "arguments": "{}"},
        "extra_content": {"k": "v"},
    },
]
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}


def whole(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    choices = [
        {"index": i, "message": {"role": "assistant", **message}, "logprobs": None, "finish_reason": "stop"}
        for i, message in enumerate(messages)
    ]
    return {"id": "c", "created": 1, "model": "m", "object": "chat.completion", "choices": choices, **more}


CASES = {
    "text": whole({"content": "Hello"}, usage=USAGE),
    "reasoning, text and calls": whole(
        {"content": "Hello", "reasoning_content": "hm", "tool_calls": CALLS}, usage=USAGE
    ),
    "several choices": whole({"content": "a"}, {"content": "b"}),
    "a call of the api before tools": whole(
        {"content": None, "function_call": {"name": "f", "arguments": "{}"}}
    ),
    "a content of parts": whole({"content": [{"type": "text", "text": "a"}]}),
    "fields of one's own": whole({"content": "a", "their_own": {"k": [1]}}, system_fingerprint="fp"),
    "nothing": whole({"content": None}),
}


@pytest.mark.parametrize("document", CASES.values(), ids=CASES)
def test_a_whole_answer_comes_back_from_its_chunks(document):
    events = split_completion(orjson.dumps(document), with_usage=True)

    assert gather_completion(events) == document


def test_usage_is_a_chunk_of_its_own_where_it_was_asked_for():
    raw = orjson.dumps(CASES["text"])

    assert b"prompt_tokens" in split_completion(raw, with_usage=True)
    assert b"usage" not in split_completion(raw, with_usage=False)


def test_logprobs_are_gathered():
    pieces = [{"content": [{"token": token, "logprob": -1.5}]} for token in ("a", "b")]
    events = b"".join(
        b"data: "
        + orjson.dumps({"choices": [{"index": 0, "delta": {"content": "x"}, "logprobs": one}]})
        + b"\n\n"
        for one in pieces
    )

    [choice] = gather_completion(events)["choices"]

    assert choice["logprobs"] == {"content": [*pieces[0]["content"], *pieces[1]["content"]]}
    assert choice["message"]["content"] == "xx"


@pytest.mark.parametrize("raw", [b"[]", b"{", b'{"choices": 7}', b'{"choices": [{"message": []}]}'])
def test_what_is_no_completion_cannot_be_split(raw):
    with pytest.raises(SiteError):
        split_completion(raw, with_usage=True)
