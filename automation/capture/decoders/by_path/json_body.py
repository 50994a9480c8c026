"""Decodes a response that is one JSON value, by a profile's paths. Pure."""

from __future__ import annotations

from automation.capture.decoders.by_path.json_fields import JsonFields
from automation.capture.decoders.framing.whole_body import WholeBody
from automation.capture.decoders.protocol import WireAlive, WireEvent
from automation.profiles.wire_format import Wire


class JsonBodyDecoder:
    """Decodes one response when it has ended."""

    def __init__(self, wire: Wire) -> None:
        self._fields = JsonFields(wire)
        self._body = WholeBody()

    def feed(self, data: bytes) -> list[WireEvent]:
        """Return a ``WireAlive``.

        Raises:
            StreamFormatError: The body exceeds 32 MiB.
        """
        self._body.feed(data)
        return [WireAlive()]

    def closed(self) -> list[WireEvent]:
        """Return what the body says, and the end if that is an answer: the page may ask other things of that address.

        Raises:
            StreamFormatError: It is not JSON, or what a path finds is no text.
        """
        events = self._fields.take(self._body.value())
        return (
            [*events, *self._fields.end()] if self._fields.has_answer and not self._fields.is_over else events
        )
