"""Paths into a site's JSON, as a profile writes them: ``choices.0.delta.content``. Pure.

A path is names and list indexes after dots; ``$`` alone is the whole value. ``*`` is every member, ``-1`` the last one,
``["a.b"]`` a name with a dot in it, and ``[type==text]`` goes on only where that holds. A path that leads nowhere finds
nothing: sites leave out what they have no value for.

Own and small rather than JMESPath: dotted indexes aren't JMESPath, and the name of the event around the JSON, ``@event``,
is no part of what a library would search.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Self

from automation.growing_text import GrowingText

_EVENT = "@event"
_STEP = re.compile(r'(?:^|\.)(?P<name>[^.\[\]"=!\s]+)|\[(?P<inner>(?:"(?:[^"\\]|\\.)*"|[^\]"])+)\]')
_INDEX = re.compile(r"-?\d{1,9}")
_SIGN_AND_VALUE = re.compile(r"\s*(?P<sign>==|!=)\s*(?P<value>.*?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Member:
    name: str

    def follow(self, value: Any, event: str) -> list[Any]:  # noqa: ARG002 - of all steps
        if isinstance(value, dict):
            return [value[self.name]] if self.name in value else []
        if isinstance(value, list) and _INDEX.fullmatch(self.name):
            index = int(self.name)
            return [value[index]] if -len(value) <= index < len(value) else []
        return []


@dataclass(frozen=True, slots=True)
class _Each:
    def follow(self, value: Any, event: str) -> list[Any]:  # noqa: ARG002 - of all steps
        if isinstance(value, dict):
            return list(value.values())
        return value if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class Condition:
    """``path==value`` or ``path!=value``; the path may be ``@event``, the name of the event that holds the JSON."""

    path: JsonPath | None  # None: the event's name
    value: str
    is_negated: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a condition; quotes around its value are optional.

        Raises:
            ValueError: It is none.
        """
        text = text.strip()
        steps, at = _steps(text)
        match = _SIGN_AND_VALUE.fullmatch(text, at)
        if match is None or at == 0:
            msg = f"is not a condition such as type==text: {text!r}"
            raise ValueError(msg)
        path = None if text[:at] == _EVENT else JsonPath(steps)
        return cls(path, _unquoted(match["value"]), match["sign"] == "!=")

    def holds(self, value: Any, event: str = "") -> bool:
        """Whether anything at the path is that value, or with ``!=`` nothing is."""
        found = [event] if self.path is None else self.path.find(value, event)
        return any(_written(one) == self.value for one in found) is not self.is_negated

    def follow(self, value: Any, event: str) -> list[Any]:
        """Go on from ``value`` if the condition holds there."""
        return [value] if self.holds(value, event) else []


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A path, ready to be followed."""

    steps: tuple[_Member | _Each | Condition, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a path.

        Raises:
            ValueError: It is none; the error says where.
        """
        if not text:
            msg = "is empty; $ is the whole value"
            raise ValueError(msg)
        steps, at = _steps(text)
        if at < len(text):
            msg = f"is not a path such as choices.0.delta.content: {text!r} at position {at}"
            raise ValueError(msg)
        return cls(steps)

    def find(self, value: Any, event: str = "") -> list[Any]:
        """Return what stands there, in order; ``event`` is the name of the event that holds ``value``."""
        found = [value]
        for step in self.steps:
            found = [inner for one in found for inner in step.follow(one, event)]
        return found


def _steps(text: str) -> tuple[tuple[_Member | _Each | Condition, ...], int]:
    """Return the steps with which ``text`` begins, and where they end."""
    steps: list[_Member | _Each | Condition] = []
    at = 1 if re.match(r"\$(?:[.\[\s=!]|\Z)", text) else 0
    while match := _STEP.match(text, at):
        steps.append(_step(match))
        at = match.end()
    return tuple(steps), at


def _step(match: re.Match[str]) -> _Member | _Each | Condition:
    if match["name"] is not None:
        return _Each() if match["name"] == "*" else _Member(match["name"])
    inner = match["inner"].strip()
    if inner == "*":
        return _Each()
    if _INDEX.fullmatch(inner):
        return _Member(inner)
    return _Member(_unquoted(inner)) if inner.startswith('"') else Condition.parse(inner)


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text))
    except ValueError as exc:
        msg = f"has broken quotes: {text}"
        raise ValueError(msg) from exc


def _written(value: Any) -> str | None:
    """Return a scalar as JSON writes it, a string without its quotes; None for what can't be compared."""
    if isinstance(value, str | GrowingText):
        return str(value)
    return None if isinstance(value, dict | list) else json.dumps(value)
