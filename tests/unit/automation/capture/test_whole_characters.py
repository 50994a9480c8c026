"""Characters in two halves."""

import json

import pytest

from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEnd, WireError, WireText
from automation.capture.whole_characters import WholeCharacters
from automation.turn import ReasoningDelta, SourceFound, TextDelta, UsageReported

FIRST, SECOND = json.loads(r'["\ud83d", "\ude00"]')


def fed(*events):
    characters = WholeCharacters()
    return [characters.feed(event) for event in events]


def test_halves_of_two_deltas_become_one_character():
    events = fed(
        TextDelta(f"a{FIRST}"), TextDelta(f"{SECOND}b"), TextDelta(FIRST), TextDelta(SECOND), WireEnd()
    )

    assert events == [TextDelta("a"), TextDelta("😀b"), WireAlive(), TextDelta("😀"), WireEnd()]


def test_halves_of_the_reasoning_and_of_the_answer_are_not_mixed_up():
    events = fed(ReasoningDelta(FIRST), TextDelta(FIRST), ReasoningDelta(SECOND), TextDelta(SECOND))

    assert events == [WireAlive(), WireAlive(), ReasoningDelta("😀"), TextDelta("😀")]


def test_a_snapshot_is_joined_and_what_follows_it_too():
    events = fed(
        TextDelta(FIRST),
        WireText(f"{FIRST}{SECOND}{FIRST}", FIRST),
        TextDelta(SECOND),
        ReasoningDelta(SECOND),
    )

    assert events == [WireAlive(), WireText("😀"), TextDelta("😀"), ReasoningDelta("😀")]


@pytest.mark.parametrize("text", [SECOND, f"{FIRST}x", f"{FIRST}{FIRST}", f"{SECOND}{FIRST}"])
def test_a_half_that_stays_alone_is_refused(text):
    with pytest.raises(StreamFormatError, match="half a character"):
        fed(TextDelta(text))


def test_a_half_at_the_end_is_refused_unless_the_answer_was_cut_there():
    with pytest.raises(StreamFormatError, match="ends inside a character"):
        fed(TextDelta(f"a{FIRST}"), WireEnd())

    assert fed(TextDelta(f"a{FIRST}"), WireEnd("length")) == [TextDelta("a"), WireEnd("length")]


def test_words_of_the_site_show_a_replacement_for_a_half():
    events = fed(
        WireError(f"{FIRST}{SECOND}{FIRST}", "rate_limited", 5),
        SourceFound("http://a", SECOND),
        UsageReported(1, 2),
    )

    assert events == [
        WireError("😀\ufffd", "rate_limited", 5),
        SourceFound("http://a", "\ufffd"),
        UsageReported(1, 2),
    ]


@pytest.mark.parametrize("text", ["", "a", "é€🎉", "👩‍👩‍👧‍👦", "\0\u2028\ufffe"])
def test_other_text_is_left_as_it_is(text):
    assert fed(TextDelta(f"x{text}")) == [TextDelta(f"x{text}")]
