"""A wire is suggested only where what it reads is the page's answer, word for word."""

from __future__ import annotations

import json

import pytest
import yaml

from automation.profiles.wire_format import Wire
from automation.workbench.wire_guess import agree, decode_body, suggest_wire

ANSWER = "We open at nine. Bring **two** photos."
URL = "https://chat.example.com/api/chats/8f14e45f-ceea-467f-a8a5-b8e5fdd1d0a1/ask?stream=1"


def sse(*values):
    return "".join(f"data: {v if isinstance(v, str) else json.dumps(v)}\n\n" for v in values).encode()


OPENAI = sse(
    *(
        {"choices": [{"delta": {"content": piece}}]}
        for piece in ("We open at nine.", " Bring **two** photos.")
    ),
    {"choices": [{"delta": {}, "finish_reason": "stop"}]},
    "[DONE]",
)
PIECES = [{"kind": "token", "t": {"text": piece}} for piece in ("We open at nine.", " Bring **two** photos.")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (OPENAI, {"decoder": "openai_sse"}),
        (ANSWER.encode(), {"decoder": "text"}),
        (json.dumps({"text": ANSWER}).encode(), {"decoder": "json_body", "text_path": "text"}),
        (
            json.dumps({"parts": [{"no": 1}, {"text": ANSWER}]}).encode(),
            {"decoder": "json_body", "text_path": "parts.1.text"},
        ),
        (sse(*PIECES), {"decoder": "json_sse", "text_path": "t.text", "end": "@close"}),
        (sse(*PIECES, "[DONE]"), {"decoder": "json_sse", "text_path": "t.text", "end": "[DONE]"}),
        (
            "\n".join(map(json.dumps, PIECES)).encode(),
            {"decoder": "json_lines", "text_path": "t.text", "end": "@close"},
        ),
        (
            sse({"all": "We open"}, {"all": ANSWER}),
            {"decoder": "json_sse", "text_path": "all", "end": "@close", "snapshot": True},
        ),
        (json.dumps({"a.b": ANSWER}).encode(), {"decoder": "json_body", "text_path": '["a.b"]'}),
    ],
)
def test_a_body_that_holds_the_answer_is_read_by_the_suggested_wire(body, expected):
    suggested = yaml.safe_load(suggest_wire(URL, body, ANSWER))["wire"]

    assert suggested == {"urls": "*/api/chats/*/ask*", **expected}
    assert agree(decode_body(Wire.model_validate(suggested), body) or "", ANSWER)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        json.dumps({"title": "Opening hours"}).encode(),
        json.dumps({"text": ANSWER + " And much more that the page does not show at all."}).encode(),
        sse({"choices": [{"delta": {"content": "Another answer altogether"}}]}, "[DONE]"),
    ],
)
def test_a_body_without_the_answer_suggests_nothing(body):
    assert suggest_wire(URL, body, ANSWER) == ""


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Yes", "**Yes**", True),
        ("Yes", "No", False),
        ("Yes", "Yes indeed", False),
        ("", "", False),
        (" ".join(f"w{n}" for n in range(40)), " ".join(f"w{n}" for n in range(39)), True),
    ],
)
def test_texts_agree_by_their_words(one, other, expected):
    assert agree(one, other) is expected


def test_an_error_on_the_wire_is_no_answer():
    body = sse({"error": {"message": "overloaded"}})

    assert decode_body(Wire(decoder="openai_sse", urls=("*",)), body) is None
