"""Decodes newline-delimited JSON (NDJSON), by a profile's paths. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from automation.capture.decoders.by_path.json_fields import JsonFields
from automation.capture.decoders.framing.lines import LineSplitter
from automation.capture.decoders.protocol import WireEvent
from automation.profiles.wire_format import Wire


class JsonLinesDecoder:
    """Decodes one response."""

    def __init__(self, wire: Wire) -> None:
        self._lines = LineSplitter()
        self._fields = JsonFields(wire)

    def feed(self, data: bytes) -> list[WireEvent]:
        """Return the events completed by ``data``.

        Raises:
            StreamFormatError: A line is not JSON, or what a path finds is no text.
        """
        return self._read(self._lines.feed(data))

    def closed(self) -> list[WireEvent]:
        """Return what a last line without its line end says, and the end if closing is the end.

        Raises:
            StreamFormatError: That line is not complete.
        """
        return [*self._read([self._lines.rest()]), *self._fields.closed()]

    def _read(self, lines: Iterable[str]) -> list[WireEvent]:
        events: list[WireEvent] = []
        for line in lines if not self._fields.is_over else ():
            events += self._fields.read(line) if line.strip() else []
            if self._fields.is_over:
                break  # what follows an end is of no interest, be it broken or not
        return events
