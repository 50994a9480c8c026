"""Parses Protocol Buffers' wire format into fields by number, as far as the decoders need. Pure.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from automation.capture.decoders.protocol import StreamFormatError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}


class ProtoMessage:
    """One message: what was written under each field number, in order."""

    def __init__(self, data: bytes) -> None:
        """Read the message.

        Raises:
            StreamFormatError: ``data`` is not a whole message.
        """
        self._fields: dict[int, list[int | bytes]] = {}
        at = 0
        while at < len(data):
            key, at = _varint(data, at)
            value, at = _value(data, at, key & 7)
            self._fields.setdefault(key >> 3, []).append(value)

    def __contains__(self, field: int) -> bool:
        return field in self._fields

    def number(self, field: int) -> int:
        """Return the last integer written under ``field``; 0 if there is none."""
        value = self._fields.get(field, [0])[-1]
        return value if isinstance(value, int) else 0

    def flag(self, field: int) -> bool:
        """Return the last truth value written under ``field``; False if there is none."""
        return self.number(field) != 0

    def data(self, field: int) -> bytes:
        """Return the last bytes written under ``field``; none if there are none."""
        value = self._fields.get(field, [b""])[-1]
        return value if isinstance(value, bytes) else b""

    def text(self, field: int) -> str:
        """Return the last string written under ``field``.

        Raises:
            StreamFormatError: It is not UTF-8.
        """
        try:
            return self.data(field).decode("utf-8")
        except UnicodeDecodeError as exc:
            raise StreamFormatError(f"field {field} is not UTF-8: {exc.reason}") from exc

    def message(self, field: int) -> ProtoMessage:
        """Return the last message written under ``field``; an empty one if there is none.

        Raises:
            StreamFormatError: It is not a whole message.
        """
        return ProtoMessage(self.data(field))

    def messages(self, field: int) -> list[ProtoMessage]:
        """Return every message written under ``field``.

        Raises:
            StreamFormatError: One is not a whole message.
        """
        return [ProtoMessage(value) for value in self._fields.get(field, []) if isinstance(value, bytes)]

    def numbers(self, field: int) -> tuple[int, ...]:
        """Return every integer of a repeated ``field``, packed or not.

        Raises:
            StreamFormatError: A packed run ends inside a number.
        """
        found: list[int] = []
        for value in self._fields.get(field, []):
            if isinstance(value, int):
                found.append(value)
                continue
            at = 0
            while at < len(value):
                number, at = _varint(value, at)
                found.append(number)
        return tuple(found)


def _value(data: bytes, at: int, wire_type: int) -> tuple[int | bytes, int]:
    if wire_type == _VARINT:
        return _varint(data, at)
    if wire_type == _BYTES:
        size, at = _varint(data, at)
    elif wire_type in _FIXED_SIZES:
        size = _FIXED_SIZES[wire_type]
    else:
        raise StreamFormatError(f"wire type {wire_type} is not one of Protocol Buffers'")
    if at + size > len(data):
        raise StreamFormatError("a field is cut short")
    return data[at : at + size], at + size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return number, at
        shift += 7
    raise StreamFormatError("a number is cut short or too long")
