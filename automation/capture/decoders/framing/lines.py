"""Splits bytes, cut anywhere, into lines of UTF-8 text, whatever the line ends. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from automation.capture.decoders.protocol import StreamFormatError

# An image inside the stream: base64 of what models draw takes a few megabytes.
LINE_LIMIT_BYTES = 32 * 1024 * 1024

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class LineSplitter:
    """Splits one stream into lines. Every byte is looked at once, however small the pieces."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []  # of the line that is not complete yet
        self._piece_bytes = 0
        self._after_cr = False
        self._is_first_line = True

    def feed(self, data: bytes) -> Iterator[str]:
        """Yield every line completed by ``data``, without its end.

        Raises:
            StreamFormatError: A line exceeds 32 MiB or is not UTF-8.
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
            yield self._whole_line()
        self._keep(rest)

    def rest(self) -> str:
        """Return the line that the stream's end leaves without a line end; empty if there is none.

        Raises:
            StreamFormatError: It is not UTF-8.
        """
        return self._whole_line()

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
