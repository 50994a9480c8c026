"""A field that asks for another kind of answer is refused by its name; what asks for nothing is no field at all."""

from __future__ import annotations

from typing import Any

import pytest

from backend.errors import InvalidRequestError
from backend.wire.answer_fields import ANOTHER_ANSWER, find_given_fields, refuse_fields

NEUTRAL: dict[str, Any] = {
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "tools": [],
    "functions": [],
    "function_call": "auto",
    "modalities": ["text"],
    "response_format": {"type": "text"},
    "tool_choice": "none",
    "seed": None,
}
ASKING: dict[str, Any] = {
    "n": 2,
    "logprobs": True,
    "top_logprobs": 2,
    "functions": [{"name": "f"}],
    "function_call": {"name": "f"},
    "modalities": ["text", "audio"],
    "audio": {},
}


def test_only_what_asks_for_something_is_given():
    assert find_given_fields({**NEUTRAL, "seed": 0, "web_search_options": {}, "zebra": False}) == {
        "seed",
        "web_search_options",
        "zebra",
    }


def test_what_asks_for_nothing_is_not_refused():
    refused: list[str | None] = []
    try:
        refuse_fields({**NEUTRAL, "web_search_options": {}, "seed": 1})
    except InvalidRequestError as exc:
        refused.append(exc.param)

    assert refused == []


def test_each_field_that_asks_for_another_answer_is_tested():
    assert tuple(ASKING) == ANOTHER_ANSWER


@pytest.mark.parametrize("name", ASKING)
def test_a_field_that_asks_for_another_answer_is_refused_in_the_same_words(name):
    with pytest.raises(InvalidRequestError) as caught:
        refuse_fields({**NEUTRAL, name: ASKING[name]})

    assert caught.value.param == name
    assert str(caught.value).startswith(f"{name} is not supported with this value by this endpoint.")


@pytest.mark.parametrize(
    ("n", "most_choices", "is_refused"),
    [(1, 1, False), (2, 1, True), (0, 1, True), (8, 8, False), (9, 8, True), ("x", 8, True), ([2], 8, True)],
)
def test_so_many_answers_may_be_asked_for_as_the_api_gives(n, most_choices, is_refused):
    refused = []
    try:
        refuse_fields({"n": n}, most_choices=most_choices)
    except InvalidRequestError as exc:
        refused.append(exc.param)

    assert refused == (["n"] if is_refused else [])


def test_more_fields_can_be_refused():
    with pytest.raises(InvalidRequestError) as caught:
        refuse_fields({"tools": [{}]}, [*ANOTHER_ANSWER, "tools"])

    assert caught.value.param == "tools"
