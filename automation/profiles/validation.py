"""Turns a mapping into a profile, or says by key, line and reason what is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from automation.errors import ProfileError
from automation.profiles.keys import suggest_key
from automation.profiles.model import SelectorProfile


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
    try:
        return SelectorProfile.model_validate(data)
    except ValidationError as exc:
        problems = [_parse_problem(error) for error in exc.errors()]
        key, reason = problems[0]
        if len(problems) > 1:
            reason += "; also " + "; ".join(f"{k}: {r}" for k, r in problems[1:])
        raise ProfileError(source, key, reason, _find_line(key, lines)) from exc


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
