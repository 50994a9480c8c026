"""Parses server-sent events from bytes that are split anywhere (WHATWG HTML 9.2.6). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from automation.capture.decoders.framing.lines import LINE_LIMIT_BYTES, LineSplitter
from automation.capture.decoders.protocol import StreamFormatError


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One dispatched event.

    Attributes:
        event: Its type; ``message`` when the stream names none.
        data: Its data lines, joined by newlines.
        id: The last event id that the stream has set so far.
    """

    event: str
    data: str
    id: str = ""


class SseParser:
    """Splits one stream into events."""

    def __init__(self) -> None:
        self._lines = LineSplitter()
        self._event = ""
        self._data: list[str] = []
        self._data_size = 0
        self._id = ""

    def feed(self, data: bytes) -> Iterator[ServerSentEvent]:
        """Yield every event completed by ``data``. An event that lacks its blank line is not complete.

        Raises:
            StreamFormatError: An event exceeds 32 MiB, or a line is not UTF-8.
        """
        for line in self._lines.feed(data):
            event = self._take_line(line)
            if event is not None:
                yield event

    def closed(self) -> Iterator[ServerSentEvent]:
        """Yield the event that lacks only its blank line at the stream's end.

        The standard drops it; pages that read line by line don't, and servers written for them leave the line out.

        Raises:
            StreamFormatError: The last line is not UTF-8.
        """
        self._take_line(self._lines.rest() or ":")
        event = self._dispatch()
        if event is not None:
            yield event

    def _take_line(self, line: str) -> ServerSentEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._keep(value)
        elif field == "event":
            self._event = value
        elif field == "id" and "\0" not in value:
            self._id = value
        return None

    def _keep(self, value: str) -> None:
        self._data.append(value)
        self._data_size += len(value) + 1  # lines without a character take memory too
        if self._data_size > LINE_LIMIT_BYTES:
            msg = f"an event exceeds {LINE_LIMIT_BYTES} characters"
            raise StreamFormatError(msg)

    def _dispatch(self) -> ServerSentEvent | None:
        event, lines = self._event or "message", self._data
        self._event, self._data, self._data_size = "", [], 0
        return ServerSentEvent(event, "\n".join(lines), self._id) if lines else None
