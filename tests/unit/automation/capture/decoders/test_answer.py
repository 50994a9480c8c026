"""Snapshots that grow become deltas; others stay snapshots."""

from automation.capture.decoders.answer import AnswerSoFar
from automation.capture.decoders.protocol import WireText
from automation.turn import ReasoningDelta, TextDelta


def test_growth_is_told_as_deltas_with_the_reasoning_first():
    answer = AnswerSoFar()

    events = answer.grow("Hel", "I think") + answer.become("Hello", "I think so")

    assert events == [ReasoningDelta("I think"), TextDelta("Hel"), ReasoningDelta(" so"), TextDelta("lo")]
    assert (answer.text, answer.reasoning) == ("Hello", "I think so")


def test_the_same_snapshot_again_tells_nothing():
    answer = AnswerSoFar()
    answer.become("Hello", "so")

    events = answer.become("Hello", "so") + answer.grow()

    assert events == []


def test_changed_text_or_reasoning_is_told_as_a_snapshot():
    answer = AnswerSoFar()
    answer.become("Hello", "so")

    events = answer.become("Hullo", "so") + answer.become("Hullo!", "")

    assert events == [WireText("Hullo", "so"), WireText("Hullo!", "")]
