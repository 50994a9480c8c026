"""Base of decoders for a response that is one JSON value, read at its end. Pure."""

from __future__ import annotations

from typing import Any

from automation.capture.decoders.framing.json_shape import decode_json
from automation.capture.decoders.protocol import StreamFormatError

BODY_LIMIT_BYTES = 32 * 1024 * 1024


class WholeBody:
    """Collects one body and reads it at its end."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> None:
        """Append ``data``.

        Raises:
            StreamFormatError: The body exceeds 32 MiB.
        """
        self._bytes += data
        if len(self._bytes) > BODY_LIMIT_BYTES:
            msg = f"a JSON body exceeds {BODY_LIMIT_BYTES} bytes"
            raise StreamFormatError(msg)

    def value(self) -> Any:
        """Return the JSON value.

        Raises:
            StreamFormatError: It is not UTF-8 or not JSON.
        """
        try:
            return decode_json(self._bytes.decode("utf-8-sig"))
        except UnicodeDecodeError as exc:
            msg = f"a JSON body is not UTF-8: {exc.reason}"
            raise StreamFormatError(msg) from exc
