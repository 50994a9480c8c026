"""Ends an answer at a stop sequence or a length, whatever pieces it arrives in. Pure."""

from __future__ import annotations

from automation.turn import FinishReason
from backend.wire.translate import AnswerLimits


class Cutter:
    """Passes text on until a limit is met.

    The end of the text that could be the beginning of a stop sequence is held back until it is known not to be.

    Attributes:
        finish_reason: Why the answer was cut, or None while it was not.
    """

    def __init__(self, limits: AnswerLimits) -> None:
        self._stops = limits.stops
        self._left = limits.most_characters
        self._held = ""
        self.finish_reason: FinishReason | None = None

    def feed(self, text: str) -> str:
        """Return what may be passed on now that ``text`` came; nothing once the answer was cut."""
        if self.finish_reason is not None:
            return ""
        text, self._held = self._held + text, ""
        ends = [at for at in (text.find(stop) for stop in self._stops) if at >= 0]
        if ends:
            self.finish_reason = "stop"
            text = text[: min(ends)]
        else:
            keep = len(text) - max((_overlap(text, stop) for stop in self._stops), default=0)
            text, self._held = text[:keep], text[keep:]
        return self._shorten(text)

    def flush(self) -> str:
        """Return what was held back, because the answer is over."""
        held, self._held = self._held, ""
        return self._shorten(held) if self.finish_reason is None else ""

    def _shorten(self, text: str) -> str:
        if self._left is None:
            return text
        passed, self._left = text[: self._left], self._left - len(text)
        if self._left < 0:
            self._left = 0
            self.finish_reason = "length"
        return passed


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of ``text`` that begins ``stop``."""
    longest = min(len(text), len(stop) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(stop[:size])), 0)
