"""JSON as others wrote it: numbers keep their digits, half surrogate pairs are let through. Pure.

orjson rounds integers beyond 64 bits and decimals beyond 17 digits, and refuses half a surrogate pair, which JSON allows
(RFC 8259, 8.2) and providers send where a token ends within a character. Everything here tries it first: the standard
library's parser, which can keep both, takes several times as long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Self

import orjson

from backend.provider_errors import ApiFailedError

# What orjson would write in other bytes; in a text it costs the slower parser and changes nothing.
_OTHERWISE_WRITTEN = re.compile(rb"\d{17}|\d[.eE]|-0")
_MOST_PLAIN_DIGITS = 18  # of an integer that 64 bits hold for certain


class ExactNumber(float):
    """A number that Python's own types would change; ``write_exactly`` writes it as it came."""

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str) -> Self:
        """Return the number that JSON writes as ``text``."""
        number = super().__new__(cls, text)
        number.text = text
        return number


class RawJson:
    """A JSON value that is passed on in its own bytes."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def parse_lenient(data: bytes | str) -> Any:
    """Return the document, with half surrogate pairs where they are.

    Raises:
        ValueError: It is not JSON, or nested deeper than can be read.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        return _parse_slowly(data, exc)


def parse_exactly(data: bytes | str) -> Any:
    """Return the document; a number that orjson would write otherwise is an ``ExactNumber``.

    Raises:
        ValueError: As ``parse_lenient``.
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if _OTHERWISE_WRITTEN.search(raw):
        return _parse_slowly(data, None)
    return parse_lenient(data)


def write_exactly(value: Any) -> orjson.Fragment:
    """Be orjson's ``default`` for ``ExactNumber`` and ``RawJson``."""
    if isinstance(value, ExactNumber | RawJson):
        # A surrogate stands within a text there, where this is how JSON escapes it.
        return orjson.Fragment(value.text.encode("utf-8", "backslashreplace"))
    msg = f"{type(value).__name__} is no JSON"
    raise TypeError(msg)


def dump_exactly(document: Any) -> bytes:
    """Return ``document`` as JSON, whatever numbers and texts are in it.

    Raises:
        ApiFailedError: It is nested deeper than can be written; what a client sends never is.
    """
    try:
        return orjson.dumps(document, default=write_exactly)
    except orjson.JSONEncodeError:
        try:
            return _dump_parts(document)
        except RecursionError as exc:
            msg = "what it sent is nested too deep"
            raise ApiFailedError(msg) from exc


def _parse_slowly(data: bytes | str, refused: orjson.JSONDecodeError | None) -> Any:
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        return json.loads(text, parse_int=_integer, parse_float=_decimal, parse_constant=_refuse_constant)
    except RecursionError as exc:
        msg = "nested too deep"
        raise ValueError(msg) from exc
    except ValueError as exc:
        raise (refused or exc) from exc


def _integer(text: str) -> int | ExactNumber:
    if len(text) > _MOST_PLAIN_DIGITS or text == "-0":
        return ExactNumber(text)
    return int(text)


def _decimal(text: str) -> float:
    value = float(text)
    return value if orjson.dumps(value).decode() == text else ExactNumber(text)


def _refuse_constant(name: str) -> Any:
    msg = f"{name} is no JSON"
    raise ValueError(msg)


def _dump_parts(document: Any) -> bytes:
    """Write what orjson refused: half a surrogate pair, which UTF-8 can't carry, is escaped; more than 254 levels."""
    if isinstance(document, str):
        return json.dumps(document).encode()
    if isinstance(document, Mapping):
        members = (_dump_parts(str(name)) + b":" + dump_exactly(one) for name, one in document.items())
        return b"{" + b",".join(members) + b"}"
    if isinstance(document, list | tuple):
        return b"[" + b",".join(map(dump_exactly, document)) + b"]"
    return json.dumps(document).encode()
