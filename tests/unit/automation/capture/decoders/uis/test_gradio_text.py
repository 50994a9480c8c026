"""What of a growing message can be told although Gradio takes shared indentation off."""

import inspect

import pytest

from automation.capture.decoders.uis.gradio_text import settled, without_blank_end


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
    told = [settled(without_blank_end(inspect.cleandoc(text[:end]))) for end in range(len(text))]

    assert all(inspect.cleandoc(text).startswith(part) for part in told)
