"""Calls of tools are told apart however a provider numbers them; where they can't be, that is an error."""

from __future__ import annotations

from typing import Any

import pytest

from automation.errors import SiteError
from backend.wire.answers.call_sorter import CallSorter, JsonEnd, arguments_text, read_call


def piece(
    index: Any = None, call_id: str | None = None, name: str | None = None, arguments: str | None = None
) -> dict[str, Any]:
    """One entry of ``tool_calls`` with what is given of it."""
    function = {"name": name, "arguments": arguments}
    entry = {"index": index, "id": call_id, "function": {k: v for k, v in function.items() if v is not None}}
    return {key: value for key, value in entry.items() if value is not None}


def sorted_calls(pieces: list[dict[str, Any]]) -> list[tuple[int, str, str, str]]:
    """The calls in the order they began: index, id, name, arguments."""
    sorter = CallSorter()
    calls: dict[int, Any] = {}
    texts: dict[int, str] = {}
    for entry in pieces:
        call, text = sorter.sort(entry)
        calls[call.index] = call
        texts[call.index] = texts.get(call.index, "") + text
    return [(index, call.call_id, call.name, texts[index]) for index, call in calls.items()]


FIRST, SECOND = (0, "a", "read", '{"x":1}'), (1, "b", "write", '{"y":2}')
CASES: dict[str, tuple[list[dict[str, Any]], list[tuple[int, str, str, str]]]] = {
    "as OpenAI numbers them, in turns": (
        [
            piece(0, "a", "read", ""),
            piece(1, "b", "write", ""),
            piece(0, arguments='{"x"'),
            piece(1, arguments='{"y"'),
            piece(0, arguments=":1}"),
            piece(1, arguments=":2}"),
        ],
        [FIRST, SECOND],
    ),
    "without indexes": ([piece(None, *FIRST[1:]), piece(None, *SECOND[1:])], [FIRST, SECOND]),
    "without indexes, the first without arguments yet": (
        [piece(None, "a", "read", ""), piece(None, "b", "write", '{"y":2}')],
        [(0, "a", "read", ""), SECOND],
    ),
    "all on one index": ([piece(0, *FIRST[1:]), piece(0, *SECOND[1:])], [FIRST, SECOND]),
    "all on one index, the first without arguments": (
        [piece(0, "a", "read", ""), piece(0, "b", "write", '{"y"'), piece(0, arguments=":2}")],
        [(0, "a", "read", ""), SECOND],
    ),
    "all on one index and told by their ids in turns": (
        [
            piece(0, "a", "read", ""),
            piece(0, "b", "write", ""),
            piece(0, "a", arguments='{"x":1}'),
            piece(0, "b", arguments='{"y":2}'),
        ],
        [FIRST, SECOND],
    ),
    "without indexes and ids": (
        [piece(None, None, "read", '{"x":1}'), piece(None, None, "write", '{"y"'), piece(arguments=":2}")],
        [(0, "", "read", '{"x":1}'), (1, "", "write", '{"y":2}')],
    ),
    "without indexes and ids, the same tool twice": (
        [piece(None, None, "read", '{"x":1}'), piece(None, None, "read", '{"x":2}')],
        [(0, "", "read", '{"x":1}'), (1, "", "read", '{"x":2}')],
    ),
    "one id for two calls on two indexes": (
        [piece(0, "read", "read", '{"x":1}'), piece(1, "read", "read", '{"x":2}')],
        [(0, "read", "read", '{"x":1}'), (1, "read", "read", '{"x":2}')],
    ),
    "one id for two calls without indexes": (
        [piece(None, "a", "read", '{"x":1}'), piece(None, "a", "write", '{"y":2}')],
        [(0, "a", "read", '{"x":1}'), (1, "a", "write", '{"y":2}')],
    ),
    "the first at index 1": (
        [piece(1, "a", "read", '{"x"'), piece(1, arguments=":1}")],
        [(1, "a", "read", '{"x":1}')],
    ),
    "id and name again in every piece": (
        [piece(0, "a", "read", '{"x"'), piece(0, "a", "read", ":1}"), piece(0, "a", "read", "")],
        [FIRST],
    ),
    "the name again in every piece, without ids": (
        [piece(0, None, "read", ""), piece(0, None, "read", '{"x"'), piece(0, None, "read", ":1}")],
        [(0, "", "read", '{"x":1}')],
    ),
    "empty ids and names in the pieces that follow": (
        [piece(0, "a", "read", ""), piece(0, "", "", '{"x":1}')],
        [FIRST],
    ),
    "a name in two pieces": (
        [piece(0, "a", "re", ""), piece(0, None, "ad", ""), piece(0, arguments='{"x":1}')],
        [FIRST],
    ),
    "a name after the arguments began": (
        [piece(0, "a", None, '{"x"'), piece(0, None, "read", ":1}")],
        [FIRST],
    ),
    "an id after the name": (
        [piece(0, None, "read", ""), piece(0, "a", None, '{"x":1}')],
        [FIRST],
    ),
    "an index only from the second piece on": (
        [piece(None, "a", "read", ""), piece(0, arguments='{"x":1}')],
        [FIRST],
    ),
    "an id that is a number": ([piece(0, 7, "read", '{"x":1}')], [(0, "7", "read", '{"x":1}')]),  # type: ignore[arg-type]
    "indexes that are none": (
        [piece("0", *FIRST[1:]), piece(True, *SECOND[1:])],
        [FIRST, SECOND],
    ),
}


@pytest.mark.parametrize(("pieces", "calls"), CASES.values(), ids=CASES)
def test_calls_are_told_apart_by_their_ids_then_by_their_indexes(pieces, calls):
    assert sorted_calls(pieces) == calls


@pytest.mark.parametrize(
    "pieces",
    [
        [piece(0, "a", "read", '{"x"'), piece(0, "b", "write", "")],
        [piece(0, "a", "read", '{"x":1}'), piece(0, None, None, '{"y":2}')],
        [piece(0, "a", "read", "{}"), "no object"],
        [{"index": 0, "function": []}],
        [{"index": 0, "function": {"name": 7}}],
        [{"index": 0, "id": {}, "function": {}}],
    ],
    ids=[
        "another id amid the arguments",
        "more after the end",
        "no object",
        "a list",
        "a number",
        "an object",
    ],
)
def test_what_cannot_be_told_apart_or_read_is_an_error(pieces):
    with pytest.raises(SiteError):
        sorted_calls(pieces)


def test_arguments_that_are_an_object_are_its_json_and_an_empty_list_is_none():
    assert read_call({"function": {"name": "f", "arguments": {"a": [1]}}}).arguments == '{"a":[1]}'
    assert arguments_text([]) == arguments_text(None) == ""


@pytest.mark.parametrize("arguments", [7, True, [1], 1.5])
def test_arguments_that_are_neither_text_nor_object_are_an_error(arguments):
    with pytest.raises(SiteError):
        arguments_text(arguments)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ('{"a":[1,{"b":2}]}', True),
        ('{"a":"}', False),
        ('{"a":"\\"}', False),
        ('{"a":"\\\\"}', True),
        ('{"a":"\\\\\\"}', False),
        ("[{}]", True),
        ("", False),
        ("7", False),
    ],
)
def test_the_end_of_a_value_is_seen_whatever_stands_in_its_strings(text, ends, size):
    end = JsonEnd()

    for at in range(0, len(text), size):
        end.feed(text[at : at + size])

    assert end.is_reached is ends
