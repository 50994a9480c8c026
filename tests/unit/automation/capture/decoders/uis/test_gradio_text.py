"""What of a growing message can be told although Gradio takes shared indentation off."""

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.capture.decoders.uis.gradio_text import SettledText, without_blank_end


def settled(text):
    return SettledText().append(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "One line",
        "- an item",
        "{",
        "Prose\nmore",
        "# Title\n- a",
        "```py\nx = 1",
        "1. a\n2. b",
        "- a\n\n## Next",
        "9) a\n10) b",
    ],
)
def test_text_that_indented_lines_hardly_follow_is_settled(text):
    told = settled(text)

    assert told == text


@pytest.mark.parametrize(
    "text", ["- a\n- b", "1. a\n- b", "1. a\n1. b\n2. c", '{\n"a": 1', "f(\nx", "* a\ntext"]
)
def test_only_the_first_line_is_told_while_indented_lines_may_follow(text):
    told = settled(text)

    assert told == text.partition("\n")[0]


def test_blank_lines_at_the_end_are_not_told_yet():
    told = [without_blank_end(text) for text in ("a", "a ", "a\n", "a\n \n  ", "a\n  b", "\n ")]

    assert told == ["a", "a ", "a", "a", "a\n  b", ""]


@pytest.mark.parametrize(
    "text",
    [
        "1. one\n   - inner\n   - inner too\n2. two\n   - inner",
        "- a\n  - b\n    - c\n- d",
        '{\n  "a": {\n    "b": 1\n  }\n}',
        "1. one\n   1. inner\n   2. inner\n2. two",
    ],
)
def test_what_was_told_is_never_changed_by_what_gradio_makes_of_longer_text(text):
    told = [settled(inspect.cleandoc(text[:end])) for end in range(len(text))]

    assert all(inspect.cleandoc(text).startswith(part) for part in told)


MARKS = [
    "- ",
    "* ",
    "1. ",
    "2. ",
    "10) ",
    "9) ",
    "## ",
    "{",
    "(",
    "\n",
    "\n",
    " ",
    "a",
    "word ",
    "é",
    "1",
    "2",
    ".",
    "#",
]


@given(st.lists(st.lists(st.sampled_from(MARKS), max_size=4).map("".join), max_size=20))
def test_a_message_that_grows_is_settled_as_far_as_all_of_it_would_be(pieces):
    growing, told, whole = SettledText(), "", ""

    for piece in pieces:
        whole += piece
        told += growing.append(piece)

        assert told == settled_part(without_blank_end(whole))


def settled_part(text):
    """The part of a whole text that no later line changes: all of it, or the first line."""
    first, newline, rest = text.partition("\n")
    list_item = re.compile(r"(?:[-*+]|(?P<number>\d+)[.)])\s")
    item = list_item.match(first)
    if not newline or not (item or re.search(r"[{\[(]\s*$", first)):
        return text
    lines = rest.split("\n")
    if any(re.match(r"#{1,6}\s", line) for line in lines):
        return text
    numbers = [match["number"] for match in map(list_item.match, lines) if match and match["number"]]
    is_next = item and item["number"] and numbers and numbers[0] == str(int(item["number"]) + 1)
    return text if is_next else first
