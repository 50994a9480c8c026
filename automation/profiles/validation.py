"""Turns a mapping into a profile, or says by key, line and reason what is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from automation.errors import ProfileError
from automation.profiles.keys import suggest_key
from automation.profiles.model import SelectorProfile

_LONGEST_TEXT = 4000
_MOST_VALUES = 5000
_DEEPEST = 40
_MOST_KEYS_TOLD = 4


def parse_profile(
    data: object, source: str = "<inline>", lines: Mapping[str, int] | None = None
) -> SelectorProfile:
    """Validate a mapping as a profile.

    Raises:
        ProfileError: It is invalid; the error names ``source``, the dotted key and, if ``lines`` has it, the line.
    """
    lines = lines or {}
    if not isinstance(data, Mapping):
        raise ProfileError(source, "<root>", "a profile is a mapping of keys to selectors", 1)
    if (problem := _find_excess(data)) is not None:
        key, reason = problem
        raise ProfileError(source, key, reason, _find_line(key, lines))
    try:
        return SelectorProfile.model_validate(data)
    except ValidationError as exc:
        problems = [_parse_problem(error) for error in exc.errors()]
        key, reason = problems[0]
        if len(problems) > 1:
            reason += "; also " + "; ".join(f"{k}: {r}" for k, r in problems[1:])
        raise ProfileError(source, key, reason, _find_line(key, lines)) from exc


def _find_excess(data: object) -> tuple[str, str] | None:
    """Return the key of what is larger than anything in a profile, and how; None where nothing is."""
    left: list[tuple[tuple[str, ...], object]] = [((), data)]
    count = 0
    while left:
        keys, value = left.pop()
        problem = _text_problem(value) if isinstance(value, str) else None
        if len(keys) > _DEEPEST:
            problem = f"is nested more than {_DEEPEST} deep"
        if problem is not None:
            return ".".join(keys[:_MOST_KEYS_TOLD]), problem
        left += [((*keys, str(name)), inner) for name, inner in _members(value)]
        count += 1
        if count + len(left) > _MOST_VALUES:
            return "<root>", f"has more than {_MOST_VALUES} values"
    return None


def _members(value: object) -> Iterable[tuple[object, object]]:
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, list | tuple) else ()


def _text_problem(text: str) -> str | None:
    if len(text) > _LONGEST_TEXT:
        return f"has more than {_LONGEST_TEXT} characters"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "has half a surrogate pair"
    return None


def _parse_problem(error: Any) -> tuple[str, str]:
    location = [part for part in error["loc"] if not str(part).startswith(("function-", "tuple["))]
    key = ".".join(map(str, location)) or "<root>"
    if error["type"] == "extra_forbidden":
        return key, f"is not a key of a profile{suggest_key(location)}"
    return key, str(error["msg"]).removeprefix("Value error, ")


def _find_line(key: str, lines: Mapping[str, int]) -> int | None:
    while key:
        if key in lines:
            return lines[key]
        key = key.rpartition(".")[0]
    return lines.get("", 1) if lines else None
