"""The input of a custom tool in the arguments of a function."""

from __future__ import annotations

import pytest

from backend.wire.responses.custom_tools import custom_arguments, custom_description, custom_input


@pytest.mark.parametrize("text", ["", 'a "quoted"\nline\t\\', "ä€🎉", "\ud83d"])
def test_what_goes_in_comes_out(text):
    assert custom_input(custom_arguments(text), is_whole=True) == text


@pytest.mark.parametrize(
    ("arguments", "is_whole", "text"),
    [
        ('{"input": "a", "more": "b"}', True, "a"),
        ('{"patch": "a"}', True, "a"),
        ('{"a": "1", "b": "2"}', True, '{"a": "1", "b": "2"}'),
        ('"a"', True, "a"),
        ("[1]", True, "[1]"),
        ("*** Begin", True, "*** Begin"),
        ('{"input": "*** Beg', False, ""),
    ],
)
def test_the_text_is_found_however_the_model_wrote_it(arguments, is_whole, text):
    assert custom_input(arguments, is_whole=is_whole) == text


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ({}, ""),
        ({"description": "d", "format": {"type": "text"}}, "d"),
        (
            {"format": {"type": "grammar", "syntax": "regex", "definition": "a+"}},
            "The input must follow this regex grammar:\na+",
        ),
    ],
)
def test_the_grammar_is_told_in_words(tool, said):
    assert custom_description(tool) == said
