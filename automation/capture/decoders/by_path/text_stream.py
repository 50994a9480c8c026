"""Decodes a response whose body is the answer itself, as ``toTextStreamResponse`` and small servers write it. Pure.

Such a body has no mark of its own: its clean end is the answer's end. With HTTP/2 or chunks a connection that breaks is
told apart from an end; of a body that only the connection's closing ends (HTTP/1.0), nobody can tell.
"""

from __future__ import annotations

import codecs

from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEnd, WireEvent
from automation.turn import TextDelta


class TextStreamDecoder:
    """Decodes one response."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._has_text = False

    def feed(self, data: bytes) -> list[WireEvent]:
        """Return the text completed by ``data``.

        Raises:
            StreamFormatError: It is not UTF-8.
        """
        return self._text(data, final=False) or [WireAlive()]

    def closed(self) -> list[WireEvent]:
        """Return the end; an empty body is no answer.

        Raises:
            StreamFormatError: The body ends inside a character.
        """
        self._text(b"", final=True)
        return [WireEnd()] if self._has_text else []

    def _text(self, data: bytes, *, final: bool) -> list[WireEvent]:
        try:
            text = self._decoder.decode(data, final)
        except UnicodeDecodeError as exc:
            msg = f"the body is not UTF-8: {exc.reason}"
            raise StreamFormatError(msg) from exc
        self._has_text = self._has_text or bool(text)
        return [TextDelta(text)] if text else []
