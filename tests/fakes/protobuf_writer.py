"""Writes Protocol Buffers by field numbers, for messages that no recording has."""

from __future__ import annotations

Value = int | str | bytes


def varint(number: int) -> bytes:
    """Encode one integer."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def write(*fields: tuple[int, Value]) -> bytes:
    """Encode a message; text and bytes are length-delimited, integers are varints."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out
