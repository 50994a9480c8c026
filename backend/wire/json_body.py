"""Parses a request's body as JSON, and refuses what would fill the memory or couldn't be passed on unchanged. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import orjson

from backend.errors import InvalidRequestError
from backend.wire.answers.exact_json import may_be_rounded, parse_decimal, parse_slowly

# Deeper than any tool's schema; orjson writes 254 levels, and our own walks must not meet Python's limit.
MOST_DEPTH = 200
# A value takes up to 20 times its text in memory: what fits MAX_REQUEST_BYTES could take 400 MB.
MOST_VALUES = 500_000

# What begins a value, outside of texts: these may be code, with as many commas as they like. One match, because a
# million of them would take more memory than what they guard.
_TOO_MANY = re.compile(
    rb'(?:(?:[^{\[,"]++|"(?:[^"\\]++|\\.)*+")*+[{\[,]){%d}+' % (MOST_VALUES + 1), re.DOTALL
)
# SQL text can't hold the first, UTF-8 can't carry the others.
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


def parse_json(raw: bytes) -> Any:
    """Return the document of a body. Half a surrogate pair is let through: JSON allows it, and clients cut text there.

    Raises:
        InvalidRequestError: It is not JSON, is nested more than ``MOST_DEPTH`` deep or has more than ``MOST_VALUES``.
    """
    containers = raw.count(b"{") + raw.count(b"[")
    if containers + raw.count(b",") > MOST_VALUES and _TOO_MANY.match(raw):
        msg = f"The body holds more than {MOST_VALUES} values."
        raise InvalidRequestError(msg)
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        document = _parse_exactly(raw, exc)
    else:
        if may_be_rounded(raw):
            document = _parse_exactly(raw)
    if containers > MOST_DEPTH and _is_too_deep(document):
        msg = f"The body is nested more than {MOST_DEPTH} deep."
        raise InvalidRequestError(msg)
    return document


def check_keepable(document: Any) -> None:
    """Refuse text that a database can't keep: with NUL in it, or with half a surrogate pair.

    Raises:
        InvalidRequestError: ``param`` names the field.
    """
    for path, text in _texts(document, ()):
        if _UNKEEPABLE.search(text):
            name = ".".join(path).encode("ascii", "backslashreplace").decode()
            msg = f"{name or 'The body'}: has a character that can't be kept: NUL, or half a surrogate pair."
            raise InvalidRequestError(msg, name or None)


def _parse_exactly(raw: bytes, refused: orjson.JSONDecodeError | None = None) -> Any:
    """Return what the strict parser refused for half a surrogate pair alone, or has rounded.

    Raises:
        InvalidRequestError: Something else is wrong with it.
    """
    try:
        return parse_slowly(raw.decode("utf-8-sig"), int, _finite)
    except ValueError as exc:
        msg = f"The body is not JSON: {refused.msg if refused else exc}."
        raise InvalidRequestError(msg) from exc


def _finite(number: str) -> float:
    value = parse_decimal(number)
    if not math.isfinite(value):
        msg = f"{number} is no number of JSON"
        raise ValueError(msg)
    return value


def _is_too_deep(document: Any) -> bool:
    level = [document]
    for _ in range(MOST_DEPTH):
        level = [
            child
            for one in level
            for child in (one.values() if isinstance(one, dict) else one)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _texts(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every text with where it is, keys too."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield from _texts(one, (*path, str(at)))
    elif isinstance(value, dict):
        for name, one in value.items():
            yield (*path, name), name
            yield from _texts(one, (*path, name))
