"""The one JSON value in an answer."""

from __future__ import annotations

import pytest

from backend.gateway.structured_output.json_output import (
    JsonForm,
    UnfitAnswerError,
    extract_json,
    json_directive,
    json_repair_prompt,
)
from backend.gateway.structured_output.schema_check import compile_schema

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
ANY, FIT = JsonForm(), JsonForm(SCHEMA, compile_schema(SCHEMA))
LIST = JsonForm({"type": "array"}, compile_schema({"type": "array"}))


@pytest.mark.parametrize("form", [ANY, FIT])
@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ('{"a": 1}', '{"a": 1}'),
        (' \n{"a":  1}\n', '{"a":  1}'),
        ('```json\n{\n  "a": 1\n}\n```', '{\n  "a": 1\n}'),
        ('```\n{"a": 1}\n```\n', '{"a": 1}'),
        ('Here it is [1]:\n\n~~~json\n{"a": 1}\n~~~\nEnjoy.', '{"a": 1}'),
        ('Here it is: {"a": 1} (see [2]).', '{"a": 1}'),
        ("{'a': 1,}", '{"a": 1}'),
        ("{“a”: 1}", '{"a": 1}'),
        ('```json\n{"a": 1, "t": "```"}\n```', '{"a": 1, "t": "```"}'),
        ('> ```json\n{"a": 1}\n> ```', '{"a": 1}'),
    ],
)
def test_the_value_is_found_and_is_all_that_is_left(form, answer, value):
    assert extract_json(answer, form) == value


def test_of_two_values_the_one_that_fits_is_taken():
    answer = '```json\n{"b": 1}\n```\nor\n```json\n{"a": 2}\n```'

    assert extract_json(answer, FIT) == '{"a": 2}'


def test_a_value_that_is_no_object_may_be_the_whole_answer():
    assert extract_json("```json\n[1, 2]\n```", LIST) == "[1, 2]"
    assert extract_json("[]", LIST) == "[]"


@pytest.mark.parametrize(
    ("answer", "form", "why"),
    [
        ("", ANY, "no JSON"),
        ("I can't.", ANY, "no JSON"),
        ('{"a": 1', ANY, "no JSON"),
        ("[1]", ANY, "no JSON object"),
        ('"a"', ANY, "no JSON object"),
        ('{"a": "x"}', FIT, "a: does not fit type"),
        ("```json\n{}\n```", FIT, '"a" is missing'),
        ('{"a": 1} and {"a": 2}', FIT, "2 JSON values"),
        ('```json\n{"a": 1}\n```\n```json\n{"a": 2}\n```', ANY, "2 JSON values"),
    ],
)
def test_what_is_not_one_fitting_value_is_refused(answer, form, why):
    with pytest.raises(UnfitAnswerError, match=why):
        extract_json(answer, form)


@pytest.mark.usefixtures("little_cpu_time")
@pytest.mark.parametrize(
    "text",
    [
        "{" * 100_000,
        "[1, " * 50_000,
        "```\n" * 30_000,
        "```x\n" * 30_000,
        "~~~\n```\n" * 30_000,
        '{"a": ' * 30_000,
    ],
)
def test_no_answer_takes_for_ever(text):
    with pytest.raises(UnfitAnswerError):
        extract_json(text, FIT)


def test_the_model_is_told_the_schema_and_what_was_wrong():
    assert '"required": ["a"]' in json_directive(FIT, may_call=False)
    assert json_directive(ANY, may_call=False).startswith(
        "Write your whole answer to this as one JSON object"
    )
    assert json_directive(ANY, may_call=True).startswith("Unless you call a tool, write")
    assert "a is missing" in json_repair_prompt("a is missing")
