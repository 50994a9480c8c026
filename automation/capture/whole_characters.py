r"""Joins surrogate pairs that a site split between two events, and holds halves back. Pure.

JSON writes characters beyond U+FFFF as two escapes (``"\ud83d\ude00"``), and servers that cut text by UTF-16 units send
one half in each delta. A half that stays alone has no UTF-8, so that nothing could pass it on as it is.
"""

from __future__ import annotations

import re

from automation.capture.decoders.protocol import (
    StreamFormatError,
    WireAlive,
    WireEnd,
    WireError,
    WireEvent,
    WireText,
)
from automation.turn import ReasoningDelta, SourceFound, TextDelta

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_HALF = re.compile("[\ud800-\udfff]")
_FIRST_HALF_AT_END = re.compile("[\ud800-\udbff]\\Z")


class WholeCharacters:
    """Watches the events of one answer, in order."""

    def __init__(self) -> None:
        self._held: dict[type, str] = {TextDelta: "", ReasoningDelta: ""}

    def feed(self, event: WireEvent) -> WireEvent:
        """Return the event with whole characters only; a first half waits for the second one.

        Raises:
            StreamFormatError: A half stayed alone. At the end of an answer that was cut for its length it is left out.
        """
        match event:
            case TextDelta() | ReasoningDelta():
                kind = type(event)
                text = self._whole(kind, self._held[kind] + event.text)
                return kind(text) if text else WireAlive()
            case WireText():
                return WireText(
                    self._whole(TextDelta, event.text), self._whole(ReasoningDelta, event.reasoning)
                )
            case WireEnd() if event.finish_reason != "length" and any(self._held.values()):
                msg = "the answer ends inside a character"
                raise StreamFormatError(msg)
            case WireError():
                return WireError(_shown(event.message), event.kind, event.retry_after_s)
            case SourceFound():
                return SourceFound(_shown(event.url), _shown(event.title))
            case _:
                return event

    def _whole(self, kind: type, text: str) -> str:
        text = _PAIR.sub(_join, text)
        half = _FIRST_HALF_AT_END.search(text)
        self._held[kind] = half[0] if half else ""
        text = text[: half.start()] if half else text
        if _HALF.search(text):
            msg = "half a character stands alone"
            raise StreamFormatError(msg)
        return text


def _join(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le")


def _shown(words: str) -> str:
    """Return words that are not the model's as a page would show them."""
    return _HALF.sub("\ufffd", _PAIR.sub(_join, words))
