"""JSON as others wrote it: numbers keep their digits, half surrogate pairs are let through. Pure.

orjson rounds integers beyond 64 bits and decimals beyond 17 digits, and refuses half a surrogate pair, which JSON allows
(RFC 8259, 8.2) and providers send where a token ends within a character. Everything here tries it first: the standard
library's parser, which can keep both, takes several times as long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Self

import orjson

from backend.provider_errors import ApiFailedError

# What orjson would write in other bytes; in a text it costs the slower parser and changes nothing.
_OTHERWISE_WRITTEN = re.compile(rb"\d{17}|\d[.eE]|-0")
# What orjson would write with other digits, seen at the speed of memory: a run that long in a text costs the same.
_DIGITS = bytes.maketrans(b"123456789.", b"0" * 10)
_LONG_RUN = b"0" * 17
_MOST_DIGITS = 4000  # of an integer; Python refuses longer ones


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
        return _parse_again(data, exc)


def parse_exactly(data: bytes | str) -> Any:
    """Return the document; a number that orjson would write otherwise is an ``ExactNumber``.

    Raises:
        ValueError: As ``parse_lenient``.
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if _OTHERWISE_WRITTEN.search(raw):
        return _parse_again(data, None)
    return parse_lenient(data)


def is_json_object(text: str) -> bool:
    """Whether a text is the JSON of an object."""
    try:
        return isinstance(parse_lenient(text), dict)
    except ValueError:
        return False


def may_be_rounded(raw: bytes) -> bool:
    """Whether a document may hold a number that orjson would round."""
    return _LONG_RUN in raw.translate(_DIGITS)


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


def parse_slowly(text: str, parse_int: Callable[[str], float], parse_float: Callable[[str], float]) -> Any:
    """Return the document by the standard library's parser.

    Raises:
        ValueError: As ``parse_lenient``, or from the parsers of numbers.
    """
    try:
        return json.loads(text, parse_int=parse_int, parse_float=parse_float, parse_constant=_refuse_constant)
    except RecursionError as exc:
        msg = "nested too deep"
        raise ValueError(msg) from exc


def parse_decimal(text: str) -> float:
    """Return a number with a point or an exponent."""
    value = float(text)
    return value if orjson.dumps(value).decode() == text else ExactNumber(text)


def _parse_again(data: bytes | str, refused: orjson.JSONDecodeError | None) -> Any:
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        return parse_slowly(text, _parse_integer, parse_decimal)
    except ValueError as exc:
        raise (refused or exc) from exc


def _parse_integer(text: str) -> float:
    return ExactNumber(text) if text == "-0" or len(text) > _MOST_DIGITS else int(text)


def _refuse_constant(name: str) -> Any:
    msg = f"{name} is no JSON"
    raise ValueError(msg)


def _dump_parts(document: Any) -> bytes:
    """Write what orjson refused: half a surrogate pair, which UTF-8 can't carry; integers beyond 64 bits; over 254 levels."""
    if isinstance(document, str):
        return json.dumps(document).encode()
    if isinstance(document, Mapping):
        members = (_dump_parts(str(name)) + b":" + dump_exactly(one) for name, one in document.items())
        return b"{" + b",".join(members) + b"}"
    if isinstance(document, list | tuple):
        return b"[" + b",".join(map(dump_exactly, document)) + b"]"
    return json.dumps(document).encode()
