"""Accumulates an answer's text, and turns snapshots into deltas where they only grow. Pure."""

from __future__ import annotations

from automation.capture.decoders.protocol import WireEvent, WireText
from automation.growing_text import GrowingText
from automation.turn import ReasoningDelta, TextDelta


class AnswerSoFar:
    """The text and the reasoning of an answer, accumulated from a decoder's events."""

    def __init__(self) -> None:
        self._text = GrowingText()
        self._reasoning = GrowingText()

    @property
    def text(self) -> str:
        """All of the answer, joined: not for each delta."""
        return str(self._text)

    @property
    def reasoning(self) -> str:
        """All of the reasoning, joined: not for each delta."""
        return str(self._reasoning)

    @property
    def sizes(self) -> tuple[int, int]:
        """How long the text and the reasoning are."""
        return len(self._text), len(self._reasoning)

    def grow(self, text: str = "", reasoning: str = "") -> list[WireEvent]:
        """Append; return the deltas."""
        events: list[WireEvent] = []
        if reasoning:
            self._reasoning.append(reasoning)
            events.append(ReasoningDelta(reasoning))
        if text:
            self._text.append(text)
            events.append(TextDelta(text))
        return events

    def become(self, text: str | None = None, reasoning: str | None = "") -> list[WireEvent]:
        """Take a snapshot; return deltas if it only grew, a ``WireText`` if anything else changed.

        What is None stays as it is.
        """
        more_text, more_reasoning = _growth(self._text, text), _growth(self._reasoning, reasoning)
        if more_text is not None and more_reasoning is not None:
            return self.grow(more_text, more_reasoning)
        self._text = self._text if text is None else GrowingText(text)
        self._reasoning = self._reasoning if reasoning is None else GrowingText(reasoning)
        return [WireText(self.text, self.reasoning)]


def _growth(told: GrowingText, text: str | None) -> str | None:
    """Return what ``text`` has more than what was told; None where it is no longer text of the same beginning."""
    if text is None:
        return ""
    return text[len(told) :] if len(text) >= len(told) and text.startswith(str(told)) else None
