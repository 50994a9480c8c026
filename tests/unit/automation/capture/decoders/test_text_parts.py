"""Parts of one answer, their steps, and steps that are written anew."""

from automation.capture.decoders.protocol import WireAlive, WireText
from automation.capture.decoders.text_parts import TextParts
from automation.turn import ReasoningDelta, TextDelta


def test_parts_stand_one_below_the_other_and_empty_ones_nowhere():
    parts = TextParts()

    events = [
        *parts.append("text", "1", "a"),
        *parts.begin("text", "2"),
        *parts.append("text", "2", ""),
        *parts.append("reasoning", "r", "Hm"),
        *parts.begin("text", "3"),
        *parts.append("text", "3", "b"),
    ]

    assert events == [
        TextDelta("a"),
        WireAlive(),
        WireAlive(),
        ReasoningDelta("Hm"),
        WireAlive(),
        TextDelta("\n\nb"),
    ]


def test_an_id_may_come_again_in_the_next_step():
    parts = TextParts()
    parts.append("text", "1", "a")
    parts.next_step()

    assert parts.append("text", "1", "b") == [TextDelta("\n\nb")]


def test_parts_that_grow_side_by_side_are_told_whole():
    parts = TextParts()
    parts.append("text", "1", "a")
    parts.append("text", "2", "b")

    assert parts.append("text", "1", "A") == [WireText("aA\n\nb")]


def test_a_step_that_is_written_anew_takes_back_only_its_own_parts():
    parts = TextParts()
    parts.append("text", "1", "kept")
    parts.append("reasoning", "1", "kept")
    parts.next_step()
    parts.append("text", "2", "dropped")
    parts.append("reasoning", "2", "dropped")

    assert parts.reset_step() == [WireText("kept", "kept")]
    assert parts.append("text", "2", "new") == [TextDelta("\n\nnew")]
