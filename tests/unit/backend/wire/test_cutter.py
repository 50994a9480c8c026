from __future__ import annotations

import pytest

from backend.wire.cutter import Cutter
from backend.wire.translate import AnswerLimits


def cut(text: str, size: int, limits: AnswerLimits) -> tuple[str, str | None]:
    """Feed ``text`` in pieces of ``size`` characters."""
    cutter = Cutter(limits)
    passed = "".join(cutter.feed(text[at : at + size]) for at in range(0, len(text), size))
    return passed + cutter.flush(), cutter.finish_reason


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("text", "limits", "expected", "reason"),
    [
        ("hello world", AnswerLimits(), "hello world", None),
        ("hello world", AnswerLimits(stops=("wor",)), "hello ", "stop"),
        ("hello world", AnswerLimits(stops=("x", "lo", "world")), "hel", "stop"),
        ("aaab", AnswerLimits(stops=("aab",)), "a", "stop"),
        ("abab", AnswerLimits(stops=("abc",)), "abab", None),
        ("abc", AnswerLimits(stops=("abc",)), "", "stop"),
        ("hello", AnswerLimits(most_characters=3), "hel", "length"),
        ("hello", AnswerLimits(most_characters=5), "hello", None),
        ("hello", AnswerLimits(stops=("l",), most_characters=9), "he", "stop"),
        ("hello", AnswerLimits(stops=("lo",), most_characters=2), "he", "length"),
        ("hel", AnswerLimits(stops=("ello",), most_characters=2), "he", "length"),
    ],
)
def test_an_answer_is_cut_the_same_in_pieces_of_any_size(size, text, limits, expected, reason):
    passed, why = cut(text, size, limits)

    assert passed == expected
    assert why == reason


def test_nothing_is_held_back_that_cannot_begin_a_stop():
    cutter = Cutter(AnswerLimits(stops=("<end>",)))

    assert cutter.feed("abc") == "abc"
    assert cutter.feed("d<e") == "d"
    assert cutter.feed("x") == "<ex"


def test_nothing_passes_after_the_cut():
    cutter = Cutter(AnswerLimits(stops=("|",)))
    cutter.feed("a|b")

    assert (cutter.feed("c"), cutter.flush()) == ("", "")
