"""Reads JSON that others wrote: parse strictly, then look inside without trusting any shape. Pure."""

from __future__ import annotations

import json
from typing import Any

from automation.capture.decoders.protocol import StreamFormatError


def parse_json(text: str) -> Any:
    """Return the value that ``text`` holds.

    Raises:
        StreamFormatError: It is not JSON.
    """
    try:
        return json.loads(text)
    except ValueError as exc:
        msg = f"not JSON: {exc}"
        raise StreamFormatError(msg) from exc


def as_dict(value: object) -> dict[str, Any]:
    """Return ``value`` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return ``value`` if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """Return ``value`` if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""
