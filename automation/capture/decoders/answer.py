"""Keeps what was told of an answer, and turns snapshots into deltas where they only grow. Pure."""

from __future__ import annotations

from automation.capture.decoders.protocol import WireEvent, WireText
from automation.turn import ReasoningDelta, TextDelta


class AnswerSoFar:
    """The text and the reasoning that a decoder's events amount to so far."""

    def __init__(self) -> None:
        self.text = ""
        self.reasoning = ""

    def grow(self, text: str = "", reasoning: str = "") -> list[WireEvent]:
        """Append; return the deltas."""
        events: list[WireEvent] = []
        if reasoning:
            self.reasoning += reasoning
            events.append(ReasoningDelta(reasoning))
        if text:
            self.text += text
            events.append(TextDelta(text))
        return events

    def become(self, text: str, reasoning: str = "") -> list[WireEvent]:
        """Take a snapshot; return deltas if it only grew, a ``WireText`` if anything else changed."""
        if text.startswith(self.text) and reasoning.startswith(self.reasoning):
            return self.grow(text[len(self.text) :], reasoning[len(self.reasoning) :])
        self.text, self.reasoning = text, reasoning
        return [WireText(text, reasoning)]
