"""Answers with tool calls, whole and in every piece."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from backend.gateway.structured_output.schema_check import compile_schema
from backend.gateway.structured_output.tool_calls import Tool, ToolBox, ToolCallReader
from tests.recordings.tool_answers import PARIS, REFUSED, RIGHT, SCHEMAS, ToolAnswer, block, body

BOX = ToolBox({name: Tool(name, "", schema, compile_schema(schema)) for name, schema in SCHEMAS.items()})

LEAKS = ("toolcall", "tool_call", "get_weather", "save_note", "arguments")


def read(*pieces: str, box: ToolBox = BOX) -> tuple[str, ToolCallReader]:
    reader = ToolCallReader(box)
    return "".join([*(reader.feed(piece) for piece in pieces), reader.finish()]), reader


def called(reader: ToolCallReader) -> list[tuple[str, Any]]:
    return [(call.name, json.loads(call.arguments)) for call in reader.calls]


def test_there_are_answers_enough_and_each_has_its_own_name():
    names = [case.name for case in (*RIGHT, *REFUSED)]

    assert len(names) >= 200
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.name)
def test_an_answer_is_parted_into_its_text_and_its_calls(case: ToolAnswer):
    text, reader = read(case.answer)

    assert reader.problem is None
    assert called(reader) == list(case.calls)
    assert text == case.text


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_wrong_call_is_a_problem_and_none_of_it_is_text(case: ToolAnswer):
    text, reader = read(case.answer)

    assert reader.calls == ()
    assert case.problem in (reader.problem or "")
    assert reader.problem
    assert not any(word in text for word in LEAKS)


@pytest.mark.parametrize("case", [*RIGHT, *REFUSED], ids=lambda case: case.name)
def test_an_answer_reads_the_same_in_whatever_pieces_it_comes(case: ToolAnswer):
    whole_text, whole = read(case.answer)

    by_character = read(*case.answer)
    in_two = [read(case.answer[:at], case.answer[at:]) for at in range(len(case.answer))]

    for text, reader in (by_character, *in_two):
        assert (text, reader.calls, reader.problem) == (whole_text, whole.calls, whole.problem)


@pytest.mark.parametrize("case", [c for c in RIGHT if not c.calls and c.text], ids=lambda case: case.name)
def test_what_only_talks_is_passed_on_character_by_character_with_little_held_back(case: ToolAnswer):
    reader, passed, most_held = ToolCallReader(BOX), 0, 0

    for number, character in enumerate(case.answer, 1):
        passed += len(reader.feed(character))
        most_held = max(most_held, number - passed)

    assert most_held <= 64


def test_text_before_a_call_is_passed_on_before_the_answer_is_over():
    reader = ToolCallReader(BOX)

    assert reader.feed("Let me see.\n\n```toolcall\n") == "Let me see.\n\n"
    assert reader.has_envelope


@pytest.mark.parametrize(
    ("changes", "answer", "problem"),
    [
        ({"must_call": True}, "No need.", "there is no toolcall block"),
        ({"must_call": True}, "", "there is no toolcall block"),
        ({"is_parallel": False}, block(body(PARIS, PARIS)), "2 calls, and only one"),
        ({"must_call": True, "only": "now"}, block(body(PARIS)), "the tool to call is now"),
        ({"is_parallel": False}, block(body(PARIS)), None),
        ({"must_call": True, "only": "get_weather"}, block(body(PARIS)), None),
    ],
)
def test_the_requests_choice_is_kept(changes, answer, problem):
    _, reader = read(answer, box=replace(BOX, **changes))

    assert (reader.problem is None) is (problem is None)
    assert (problem or "") in (reader.problem or "")


def test_a_call_that_stands_only_in_the_reasoning_is_a_problem_unless_there_is_an_answer():
    silent, speaking = ToolCallReader(BOX), ToolCallReader(BOX)
    for reader in (silent, speaking):
        reader.note_reasoning(block(body(PARIS)))
    speaking.feed("It rains.")

    silent.finish()
    speaking.finish()

    assert "only in the reasoning" in (silent.problem or "")
    assert (speaking.problem, speaking.calls) == (None, ())


def test_numbers_keep_their_digits():
    answer = '{"toolcall": "now", "arguments": {"x": 0.10000000000000000001, "y": 1e400, "z": 1.0}}'

    _, reader = read(answer)

    assert reader.calls[0].arguments == '{"x": 0.10000000000000000001, "y": 1e400, "z": 1.0}'


@pytest.mark.usefixtures("little_cpu_time")
@pytest.mark.parametrize(
    "text",
    [
        "```" + "a" * 200_000,
        "`" * 200_000,
        "[ " * 100_000,
        "{" * 200_000,
        "x`y" * 70_000,
        "```x\n" * 40_000,
        " " * 200_000 + "{",
        "```" + " " * 200_000 + "\n",
        "<tool_call>" * 20_000,
        "```\n" + "{\n" * 100_000,
        block(body(PARIS) + "\n") * 2000,
    ],
)
def test_no_text_takes_more_than_its_length(text):
    whole, _ = read(text)
    pieces, _ = read(*(text[at : at + 7] for at in range(0, len(text), 7)))

    assert whole == pieces
