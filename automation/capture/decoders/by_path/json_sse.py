"""Decodes server-sent events whose data is JSON, by a profile's paths. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from automation.capture.decoders.by_path.json_fields import JsonFields
from automation.capture.decoders.framing.sse import ServerSentEvent, SseParser
from automation.capture.decoders.protocol import WireEvent
from automation.profiles.wire_format import Wire


class JsonSseDecoder:
    """Decodes one response whose data is JSON."""

    def __init__(self, wire: Wire, fields: JsonFields | None = None) -> None:
        self._sse = SseParser()
        self._fields = fields or JsonFields(wire)

    def feed(self, data: bytes) -> list[WireEvent]:
        """Return the events completed by ``data``.

        Raises:
            StreamFormatError: An event's data is not JSON, or what a path finds is no text.
        """
        return self._read(self._sse.feed(data))

    def closed(self) -> list[WireEvent]:
        """Return what an event without its blank line says, and the end if closing is the end.

        Raises:
            StreamFormatError: That event is not complete.
        """
        return [*self._read(self._sse.closed()), *self._fields.closed()]

    def _read(self, sent: Iterable[ServerSentEvent]) -> list[WireEvent]:
        events: list[WireEvent] = []
        for one in sent if not self._fields.is_over else ():
            events += self._event(one)
            if self._fields.is_over:
                break  # what follows an end is of no interest, be it broken or not
        return events

    def _event(self, sent: ServerSentEvent) -> list[WireEvent]:
        return self._fields.read(sent.data, sent.event)


class TextSseDecoder(JsonSseDecoder):
    """Decodes one response whose data is the text itself, not JSON."""

    def _event(self, sent: ServerSentEvent) -> list[WireEvent]:
        return (
            self._fields.end()
            if self._fields.is_end(sent.data)
            else self._fields.read_value(sent.data, sent.event)
        )
