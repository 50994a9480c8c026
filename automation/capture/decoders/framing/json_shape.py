"""Parses JSON that others wrote strictly, and reads values from it without trusting its shape. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from automation.capture.decoders.protocol import StreamFormatError
from automation.growing_text import GrowingText

DEPTH_LIMIT = 100
"""How deep values may be nested. Python gives up at about 1,000 calls, and readers of a value may recurse, too."""

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"?+|[\[{]|[\]}]', re.DOTALL)
_BETWEEN_VALUES = re.compile(r"[\s\x1e]*")  # RFC 7464 and SignalR separate values by U+001E
_DECODER = json.JSONDecoder()


def decode_json(text: str) -> Any:
    """Return the value that ``text`` holds.

    Raises:
        StreamFormatError: It is not JSON, or nested too deeply.
    """
    _check_depth(text)
    try:
        return json.loads(text)
    except ValueError as exc:
        msg = f"not JSON: {exc}"
        raise StreamFormatError(msg) from exc


def decode_json_values(text: str) -> list[Any]:
    """Return the values that ``text`` holds one after another, with or without spaces between them.

    Raises:
        StreamFormatError: A part of it is not JSON, or nested too deeply.
    """
    _check_depth(text)
    values: list[Any] = []
    at = _after_space(text, 0)
    while at < len(text):
        try:
            value, at = _DECODER.raw_decode(text, at)
        except ValueError as exc:
            msg = f"not JSON: {exc}"
            raise StreamFormatError(msg) from exc
        values.append(value)
        at = _after_space(text, at)
    return values


def as_dict(value: object) -> dict[str, Any]:
    """Return ``value`` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return ``value`` if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """Return ``value`` if it is a string, else an empty one."""
    if isinstance(value, GrowingText):
        return str(value)
    return value if isinstance(value, str) else ""


def _after_space(text: str, at: int) -> int:
    match = _BETWEEN_VALUES.match(text, at)
    assert match is not None  # it matches nothing, too
    return match.end()


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= DEPTH_LIMIT:
        return
    depth = 0
    for match in _BRACKETS.finditer(text):
        depth += (match[0] in "[{") - (match[0] in "]}")
        if depth > DEPTH_LIMIT:
            msg = f"JSON is nested deeper than {DEPTH_LIMIT}"
            raise StreamFormatError(msg)
