from __future__ import annotations

from typing import Any

import pytest

from automation.turn import Message
from backend.errors import InvalidRequestError
from backend.wire.chat_request import ChatRequest
from backend.wire.translate import (
    AnswerLimits,
    ignored_params,
    parse_answer_limits,
    prompt_order,
    refuse_unsupported,
    translate_messages,
)

USER = {"role": "user", "content": "Hello"}
ANSWER = {"role": "assistant", "content": "x"}


def request(*messages: dict[str, Any], **fields: object) -> ChatRequest:
    return ChatRequest.model_validate({"model": "m", "messages": list(messages) or [USER], **fields})


def translated(*messages: dict[str, Any]) -> tuple[Message, ...]:
    return translate_messages(request(*messages).messages).messages


def test_a_text_is_passed_on_byte_for_byte():
    text = "  tabs\t\r\n\n\u200b✓ \ud83d\ude00 "

    assert translated({"role": "user", "content": text}) == (Message("user", text),)


def test_the_model_goes_with_the_prompt():
    assert translate_messages(request().messages, "deep").model == "deep"


@pytest.mark.parametrize("role", ["system", "developer"])
def test_what_the_system_says_in_a_turn_comes_before_what_is_asked_in_it(role):
    told, called = {"role": role, "content": "now"}, {"role": "assistant", "content": "calls"}
    result = {"role": "tool", "content": "42", "tool_call_id": "c"}
    turn = [Message("system", "now"), Message("user", "Hello")]

    assert translated(USER, told) == tuple(turn)
    assert translated(USER, told, called, result, told) == (
        *turn,
        Message("assistant", "calls"),
        Message("system", "now"),
        Message("tool", "42"),
    )
    assert prompt_order(request(USER, told, called, USER).messages) == [1, 0, 2, 3]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"role": "developer", "content": "x"}, Message("system", "x")),
        ({"role": "system", "content": "x"}, Message("system", "x")),
        ({"role": "assistant", "content": "x"}, Message("assistant", "x")),
        ({"role": "assistant", "content": None}, Message("assistant", "")),
        (
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
            Message("assistant", "no"),
        ),
        ({"role": "tool", "content": "42", "tool_call_id": "c"}, Message("tool", "42")),
        (
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "ans"}, {"type": "text", "text": "wer"}],
            },
            Message("assistant", "answer"),
        ),
        (
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            Message("user", "a\n\nb"),
        ),
        (
            {
                "role": "assistant",
                "content": "calling",
                "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": '{"x":1}'}}],
            },
            Message("assistant", 'calling\nf({"x":1})'),
        ),
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
            Message("assistant", "f({})"),
        ),
    ],
)
def test_an_earlier_message_becomes(message, expected):
    assert translated(message, USER)[0] == expected


def test_with_tools_calls_and_results_are_written_as_the_model_writes_them():
    calls = [
        {"id": "a", "function": {"name": "f", "arguments": '{"y":1,"x":"ü"}'}},
        {"id": "b", "function": {"name": "g", "arguments": "not JSON"}},
    ]
    messages: list[dict[str, Any]] = [
        USER,
        {"role": "assistant", "content": "One moment. \n", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "b", "content": "```\nx\n```"},
        {"role": "tool", "tool_call_id": "a", "content": "42"},
        {"role": "tool", "tool_call_id": "unknown", "content": "7"},
    ]

    got = translate_messages(request(*messages).messages, has_tools=True).messages

    assert got[1:] == (
        Message(
            "assistant",
            'One moment.\n\n```toolcall\n{"toolcall": "f", "arguments": {"x": "ü", "y": 1}}\n```\n\n'
            '```toolcall\n{"toolcall": "g", "arguments": "not JSON"}\n```',
        ),
        Message("tool", "Result of call 2, g:\n````\n```\nx\n```\n````"),
        Message("tool", "Result of call 1, f:\n```\n42\n```"),
        Message("tool", "7"),
    )


def test_files_leave_only_the_text_and_may_stand_alone():
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    between = [{"type": "text", "text": "a"}, image, {"type": "text", "text": "b"}]

    assert translated({"role": "user", "content": between}) == (Message("user", "a\n\nb"),)
    assert translated({"role": "user", "content": [image]}) == (Message("user", ""),)


def test_a_tools_result_may_be_last():
    assert translated(USER, {"role": "tool", "content": "42"})[-1] == Message("tool", "42")


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([{"role": "assistant", "content": "x"}], "messages.0.role"),
        ([{"role": "system", "content": "x"}], "messages.0.role"),
        ([USER, ANSWER], "messages.1.role"),
        ([USER, ANSWER, {"role": "system", "content": "x"}], "messages.2.role"),
        ([{"role": "user", "content": " "}, {"role": "system", "content": "x"}], "messages.0.content"),
        ([{"role": "user", "content": " \n"}], "messages.0.content"),
        ([{"role": "user"}], "messages.0.content"),
        ([{"role": "user", "content": []}], "messages.0.content"),
        (
            [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "video_url"}]}],
            "messages.0.content.1",
        ),
        ([{"role": "user", "content": [{"type": "text"}]}], "messages.0.content.0"),
        ([{"role": "assistant", "content": [{"type": "refusal"}]}, USER], "messages.0.content.0"),
    ],
)
def test_what_a_page_cannot_be_asked_is_refused_by_name(messages, param):
    with pytest.raises(InvalidRequestError) as caught:
        translated(*messages)

    assert caught.value.param == param


@pytest.mark.parametrize(
    ("fields", "limits"),
    [
        ({}, AnswerLimits()),
        ({"stop": "END"}, AnswerLimits(stops=("END",))),
        ({"stop": ["a", "b"]}, AnswerLimits(stops=("a", "b"))),
        ({"stop": []}, AnswerLimits()),
        ({"max_tokens": 3}, AnswerLimits(most_characters=12)),
        ({"max_tokens": 3, "max_completion_tokens": 2}, AnswerLimits(most_characters=8)),
    ],
)
def test_limits_are_counted_in_characters(fields, limits):
    assert parse_answer_limits(request(**fields)) == limits


@pytest.mark.parametrize("stop", ["", [""], ["a", ""], list("abcde")])
def test_stops_that_cannot_be_honoured_are_refused(stop):
    with pytest.raises(InvalidRequestError) as caught:
        parse_answer_limits(request(stop=stop))

    assert caught.value.param == "stop"


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 2},
        {"n": 0},
        {"logprobs": True},
        {"top_logprobs": 2},
        {"functions": [{}]},
        {"function_call": {"name": "f"}},
        {"modalities": ["text", "audio"]},
        {"modalities": ["image"]},
        {"audio": {"voice": "x"}},
    ],
)
def test_what_would_change_the_answers_nature_is_refused_by_name(fields):
    with pytest.raises(InvalidRequestError) as caught:
        refuse_unsupported(request(**fields))

    assert caught.value.param == next(iter(fields))


NEUTRAL = {
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "tools": [],
    "functions": [],
    "tool_choice": "auto",
    "function_call": "none",
    "response_format": {"type": "text"},
    "modalities": ["text"],
    "conversation": "new",
    "temperature": None,
    "unknown": None,
}


def test_what_asks_for_what_happens_anyway_is_neither_refused_nor_named():
    neutral = request(**NEUTRAL)

    refuse_unsupported(neutral)

    assert ignored_params(neutral) == []


def test_what_has_no_effect_is_named():
    search: dict[str, Any] = {"web_search_options": {}}
    tuned = request(
        temperature=1, user="u", thinking=True, zebra=1, stream=True, max_tokens=3, stop="x", **search
    )

    assert ignored_params(tuned) == ["temperature", "thinking", "user", "web_search_options", "zebra"]
