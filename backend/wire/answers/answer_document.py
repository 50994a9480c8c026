"""Reads the fields of a provider's answer, whose values may be of any type. Pure.

A value of another type than its field has is an error of the provider's, named by the field: guessing what it may mean would
make up an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.provider_errors import ApiFailedError

_MOST_TOKENS = 10**12  # more is no count, and no database holds all that JSON can write


def read_text(document: Mapping[str, Any], name: str) -> str:
    """Return a text; empty where there is none.

    Raises:
        ApiFailedError: It is something else.
    """
    value = document.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        msg = f"the {name} of its answer is no text"
        raise ApiFailedError(msg)
    return value


def read_object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object; an empty one where there is none.

    Raises:
        ApiFailedError: It is something else.
    """
    value = document.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        msg = f"the {name} of its answer is no object"
        raise ApiFailedError(msg)
    return value


def read_list(document: Mapping[str, Any], name: str) -> list[Any]:
    """Return a list; an empty one where there is none.

    Raises:
        ApiFailedError: It is something else.
    """
    value = document.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        msg = f"the {name} of its answer is no list"
        raise ApiFailedError(msg)
    return value


def read_objects(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return a list of objects; an empty one where there is none.

    Raises:
        ApiFailedError: It is something else, or one in it is.
    """
    values = read_list(document, name)
    if not all(isinstance(value, dict) for value in values):
        msg = f"the {name} of its answer are no objects"
        raise ApiFailedError(msg)
    return values


def parse_count(value: Any) -> int | None:
    """Return a number of tokens; None for anything that can't be one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS
    return value if is_count else None


def count_at(document: Any, *path: str) -> int:
    """Return the number of tokens at a path; 0 where there is none."""
    for name in path:
        document = document.get(name) if isinstance(document, Mapping) else None
    return parse_count(document) or 0
