"""Applies a stream of edits to a JSON document: ``{"p": path, "o": operation, "v": value}``. Pure.

Path and operation stay as they were until an edit says otherwise. Operations are those of chat pages (``append``,
``batch``, ``patch``) and of RFC 6902 (``add``, ``replace``, ``remove``); names count in any case, and also written out
(``path``, ``op``, ``value``). A string that was appended to is a ``GrowingText``.
"""

from __future__ import annotations

from typing import Any

from automation.capture.decoders.framing.json_shape import as_dict, as_list
from automation.capture.decoders.protocol import StreamFormatError
from automation.growing_text import GrowingText, grown

_BATCHES = frozenset({"batch", "patch"})
_SETS = frozenset({"set", "add", "replace"})
_ROOT = ""


class PatchDocument:
    """Holds the documents so far: a new counter ``c`` in an edit begins another one."""

    def __init__(self) -> None:
        self._path = _ROOT
        self._operation = "set"
        self._counter: object = None
        self.documents: list[Any] = [{}]

    def apply(self, edit: dict[str, Any]) -> None:
        """Apply one edit.

        Raises:
            StreamFormatError: It doesn't fit the document, or its operation is unknown.
        """
        if "c" in edit and edit["c"] != self._counter:
            self._begin(edit["c"])
        self._path = _given(edit, "p", "path", self._path)
        self._operation = _given(edit, "o", "op", self._operation).lower()
        self._edit(self._path, self._operation, _edit_value(edit))

    def _begin(self, counter: object) -> None:
        if self._counter is not None:
            self.documents.append({})
        self._counter, self._path, self._operation = counter, _ROOT, "set"

    def _edit(self, path: str, operation: str, value: Any) -> None:
        if operation not in _BATCHES or not isinstance(value, list):
            self.documents[-1] = _edited(self.documents[-1], _steps(path), operation, value)
            return
        for inner in value:
            if not isinstance(inner, dict):
                msg = "a batch holds something that is no edit"
                raise StreamFormatError(msg)
            inner_path = f"{path}/{_given(inner, 'p', 'path', _ROOT)}"
            self._edit(inner_path, _given(inner, "o", "op", "set").lower(), _edit_value(inner))


def edits_in(message: object) -> list[dict[str, Any]]:
    """Return the edits that a message is: itself, or all of its members; empty if it is something else."""
    edits = as_list(message) or [message]
    return edits if all(_is_edit(edit) for edit in edits) else []


def _is_edit(message: object) -> bool:
    keys = as_dict(message).keys()
    return "v" in keys or keys >= {"o", "p"} or keys >= {"op", "path"}


def _given(edit: dict[str, Any], short: str, long: str, otherwise: str) -> str:
    given = edit.get(short, edit.get(long))
    if given is None:
        return otherwise
    if not isinstance(given, str):
        msg = f"an edit's {long} is not a string"
        raise StreamFormatError(msg)
    return given


def _edit_value(edit: dict[str, Any]) -> Any:
    return edit.get("v", edit.get("value"))


def _steps(path: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/") if step]


def _edited(document: Any, steps: list[str], operation: str, value: Any) -> Any:
    """Return the document after one edit."""
    if not steps:
        return _combined(operation, document, value)
    holder = document
    try:
        for step in steps[:-1]:
            holder = holder[_key(holder, step)]
        _edit_member(holder, steps[-1], operation, value)
    except (TypeError, ValueError, KeyError, IndexError) as exc:
        msg = f"an edit doesn't fit the document: {type(exc).__name__}"
        raise StreamFormatError(msg) from exc
    return document


def _edit_member(holder: Any, step: str, operation: str, value: Any) -> None:
    if isinstance(holder, list) and operation == "add":
        holder.insert(len(holder) if step == "-" else int(step), value)
        return
    key = _key(holder, step)
    if operation == "remove":
        del holder[key]
    elif isinstance(holder, dict):
        holder[key] = _combined(operation, holder.get(key), value)
    else:
        holder[key] = _combined(operation, holder[key], value)


def _key(holder: Any, step: str) -> Any:
    return int(step) if isinstance(holder, list) else step


def _combined(operation: str, old: Any, new: Any) -> Any:
    if operation in _SETS or operation in _BATCHES:  # an inherited batch with a single value sets it
        return new
    if operation != "append":
        msg = f"unknown edit {operation!r}"
        raise StreamFormatError(msg)
    if old is None:
        return new
    if isinstance(old, list):
        old += new if isinstance(new, list) else [new]
        return old
    if isinstance(old, dict) and isinstance(new, dict):
        old |= new
        return old
    if isinstance(old, str | GrowingText) and isinstance(new, str):
        return grown(old, new)
    msg = "an edit appends to something that doesn't grow"
    raise StreamFormatError(msg)
