"""Answers of which one value is another one: what was changed, and whether that may change what a client reads."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.fakes.upstream_answers import ARGUMENTS, MORE_ARGUMENTS, Meaning

MISSING = object()
VALUES: tuple[Any, ...] = (
    MISSING,
    None,
    True,
    False,
    0,
    7,
    -1,
    1.5,
    2**63,
    10**30,
    "",
    "word",
    "\ud83d",
    [],
    ["word"],
    [None],
    [[{}]],
    {},
    {"word": 1},
    {"type": []},
)
MEANT = Meaning(
    "Grüße 👋",
    "hm",
    [("list_files", {"path": "/tmp", "id": 123456789012345678901234567890}), ("drop_files", {"all": True})],
    "calls",
)
"""What each of the samples means."""

# By what stands in a piece of a sample, which of the meaning's fields it tells.
_MARKS = {
    "text": ("Grüße", "👋"),
    "reasoning": ('"hm"',),
    "calls": (
        "list_files",
        "drop_files",
        '"all"',
        json.dumps(MORE_ARGUMENTS)[1:-1],
        "path",
        "/tmp",
        "123456789012345678901234567890",
        json.dumps(ARGUMENTS[9:])[1:-1],
    ),
    "end": ('"finish_reason": "tool_calls"', '"stop_reason": "tool_use"', '"STOP"', '"done": true'),
}
_TEXTS = {"content", "text", "thinking", "reasoning_content", "refusal", "partial_json", "arguments", "name"}
_ENDS = {"finish_reason", "stop_reason", "finishReason", "done_reason"}


def fields_in(piece: Any) -> frozenset[str]:
    """The fields of the meaning that a piece of a sample tells."""
    said = piece if isinstance(piece, str) else json.dumps(piece, ensure_ascii=False)
    return frozenset(field for field, marks in _MARKS.items() if any(mark in said for mark in marks))


class Change(NamedTuple):
    """What stood at a place of an answer, and what stands there now."""

    path: tuple[Any, ...]
    before: Any
    after: Any

    def fields(self) -> frozenset[str]:
        """The fields of the meaning that may be others for it."""
        found = fields_in({self.path[-1] if self.path else "": self.before})
        last = self.path[-1] if self.path else ""
        is_text = isinstance(self.after, str) and self.after != ""
        if is_text and last in _TEXTS:
            found |= {"text", "reasoning", "calls"}
        if last in _ENDS:
            found |= {"end"}
        # What these say of the text beside them is as they say; events of unknown types are to be passed over.
        if last in {"thought", "done"} or (is_text and self.path == ("type",)):
            found |= {"text", "reasoning", "calls", "end"}
        # An answer that calls nothing any more has ended for another reason.
        return found | {"end"} if "calls" in found else found


def paths_in(document: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document that a value may be put at, itself first."""
    yield before
    if isinstance(document, dict):
        for name, value in document.items():
            yield from paths_in(value, (*before, name))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from paths_in(value, (*before, index))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    """The value at a place."""
    for name in path:
        document = document[name]
    return document


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at a place, or with none."""
    if not path:
        return value
    copied = copy.deepcopy(document)
    place = at(copied, path[:-1])
    if value is MISSING:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copied


def each_change(document: Any) -> Iterator[tuple[Change, Any]]:
    """Every value at every place."""
    for path in paths_in(document):
        for value in VALUES:
            if path or value is not MISSING:
                yield Change(path, at(document, path), value), changed(document, path, value)


def is_allowed(told: Meaning, fields: frozenset[str]) -> bool:
    """Whether a client read what was meant, but for fields that may be others; or an error."""
    return told.error is not None or all(
        getattr(told, field) == getattr(MEANT, field) or field in fields
        for field in ("text", "reasoning", "calls", "end")
    )
