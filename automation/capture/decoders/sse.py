"""Server-sent events: bytes in, split anywhere; events out (WHATWG HTML 9.2.6). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from automation.capture.decoders.protocol import StreamFormatError

LINE_LIMIT_BYTES = 1024 * 1024

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


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
    """Splits one stream into events. Every byte is looked at once, however small the pieces."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []  # of the line that is not complete yet
        self._piece_bytes = 0
        self._after_cr = False
        self._is_first_line = True
        self._event = ""
        self._data: list[str] = []
        self._id = ""

    def feed(self, data: bytes) -> Iterator[ServerSentEvent]:
        """Yield every event completed by ``data``. An event that lacks its blank line is not complete.

        Raises:
            StreamFormatError: A line exceeds 1 MiB or is not UTF-8.
        """
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if not data:
            return
        self._after_cr = data.endswith(b"\r")
        *ends, rest = _LINE_END.split(data)
        for end in ends:
            self._keep(end)
            event = self._take_line(self._whole_line())
            if event is not None:
                yield event
        self._keep(rest)

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._piece_bytes += len(piece)
        if self._piece_bytes > LINE_LIMIT_BYTES:
            msg = f"a line exceeds {LINE_LIMIT_BYTES} bytes"
            raise StreamFormatError(msg)

    def _whole_line(self) -> str:
        line = b"".join(self._pieces)
        self._pieces, self._piece_bytes = [], 0
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError as exc:
            msg = f"a line is not UTF-8: {exc.reason}"
            raise StreamFormatError(msg) from exc

    def _take_line(self, line: str) -> ServerSentEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._event = value
        elif field == "id" and "\0" not in value:
            self._id = value
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        event, lines = self._event or "message", self._data
        self._event, self._data = "", []
        return ServerSentEvent(event, "\n".join(lines), self._id) if lines else None
