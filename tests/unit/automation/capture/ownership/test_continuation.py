"""How an answer that comes in several streams becomes one text."""

import pytest

from automation.capture.decoders.protocol import WireAlive, WireEnd, WireText
from automation.capture.ownership.continuation import Continuation, Follows
from automation.turn import ReasoningDelta, TextDelta


def deltas(text):
    return [TextDelta(char) for char in text]


def shown(events):
    """What a client that takes every event shows in the end: text, reasoning."""
    text = thought = ""
    for event in events:
        match event:
            case TextDelta():
                text += event.text
            case ReasoningDelta():
                thought += event.text
            case WireText():
                text, thought = event.text, event.reasoning
    return text, thought


def played(*streams):
    answer, events = Continuation(), []
    for follows, told in streams:
        answer.begin(follows)
        events += [out for event in told for out in answer.feed(event)]
    assert answer.text == shown(events)[0]
    return events


@pytest.mark.parametrize(
    ("first", "follows", "second", "whole"),
    [
        ("", Follows.CUT, "Hello", "Hello"),
        ("One.", Follows.TOOL_CALL, "Two.", "One.\n\nTwo."),
        ("", Follows.TOOL_CALL, "Two.", "Two."),
        ("One. ", Follows.TOOL_CALL, "One. Two.", "One. \n\nOne. Two."),
        ("The fox ", Follows.CUT, "The fox jumps", "The fox jumps"),
        ("The fox ", Follows.CUT, "jumps", "The fox jumps"),
        ("The fox ", Follows.CUT, "The dog", "The fox The dog"),
        ("The fox ", Follows.CUT, "", "The fox "),
        ("The fox ", Follows.CUT, "The", "The fox The"),
        ("The fox ", Follows.CUT_AND_ASKED_AGAIN, "The fox jumps", "The fox jumps"),
        ("The fox ", Follows.CUT_AND_ASKED_AGAIN, "A dog", "A dog"),
        ("The fox ", Follows.CUT_AND_ASKED_AGAIN, "The", "The"),
        ("The fox ", Follows.CONTINUED, "jumps", "The fox jumps"),
        ("capital city", Follows.ANOTHER_ANSWER, "Paris", "Paris"),
        ("capital city", Follows.ANOTHER_ANSWER, "capital city of all", "capital city of all"),
    ],
)
def test_a_second_stream_is_appended_replayed_or_written_anew(first, follows, second, whole):
    events = played((Follows.NOTHING, deltas(first)), (follows, [*deltas(second), WireEnd()]))

    assert shown(events) == (whole, "")
    assert events[-1] == WireEnd()


@pytest.mark.parametrize("follows", [Follows.CUT, Follows.CUT_AND_ASKED_AGAIN])
def test_a_replay_tells_only_what_is_new_and_takes_nothing_back(follows):
    first = [ReasoningDelta("Hm."), TextDelta("The fox ")]

    events = played((Follows.NOTHING, first), (follows, [*first, TextDelta("jumps"), WireEnd()]))

    told = [event for event in events if event != WireAlive()]
    assert told == [*first, TextDelta("jumps"), WireEnd()]


def test_a_text_without_the_reasoning_of_before_is_no_replay():
    first = [ReasoningDelta("Hm."), TextDelta("The ")]

    events = played((Follows.NOTHING, first), (Follows.CUT, [TextDelta("The end"), WireEnd()]))

    assert shown(events) == ("The The end", "Hm.")


def test_snapshots_go_on_below_what_was_told_before():
    second = [WireText("Two", ""), WireText("Two.", "Hm.")]

    events = played((Follows.NOTHING, [TextDelta("One.")]), (Follows.TOOL_CALL, second))

    assert shown(events) == ("One.\n\nTwo.", "Hm.")
