from __future__ import annotations

from typing import Any

import pytest

from automation.errors import SiteError
from backend.wire.answers.answer_document import (
    count_at,
    parse_count,
    read_list,
    read_object,
    read_objects,
    read_text,
)

VALUES: tuple[Any, ...] = (True, 7, 1.5, "text", ["x"], {"x": 1})


@pytest.mark.parametrize(
    ("read", "kinds", "empty"),
    [
        (read_text, (str,), ""),
        (read_object, (dict,), {}),
        (read_list, (list,), []),
    ],
)
def test_a_field_is_of_its_type_or_missing_or_an_error(read, kinds, empty):
    for value in VALUES:
        if isinstance(value, kinds):
            assert read({"a": value}, "a") == value
        else:
            with pytest.raises(SiteError, match="the a of its answer"):
                read({"a": value}, "a")

    assert read({}, "a") == read({"a": None}, "a") == empty


def test_a_list_of_objects_holds_nothing_else():
    assert read_objects({"a": [{}, {"b": 1}]}, "a") == [{}, {"b": 1}]
    with pytest.raises(SiteError):
        read_objects({"a": [{}, 7]}, "a")


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0),
        (7, 7),
        (7.0, 7),
        (-1, None),
        (1.5, None),
        (True, None),
        ("7", None),
        (10**30, None),
        (float("inf"), None),
    ],
)
def test_only_what_can_be_a_number_of_tokens_is_one(value, count):
    assert parse_count(value) == count


@pytest.mark.parametrize("document", [None, 7, {}, {"a": 7}, {"a": {"b": "many"}}])
def test_a_count_that_is_not_there_is_0(document):
    assert count_at(document, "a", "b") == 0


def test_a_count_is_found_by_its_path():
    assert count_at({"a": {"b": 7}}, "a", "b") == 7
