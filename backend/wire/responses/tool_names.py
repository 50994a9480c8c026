"""Names of a request's tools as functions of a chat completion, and back. Pure.

A chat completion knows functions alone, each by one name. A Responses request may hold them in namespaces, where a name counts
within its namespace, and has custom tools, whose input is a text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from backend.errors import InvalidRequestError
from backend.wire.responses.request import ResponsesRequest

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME = 64
_SHORT_HASH = 8
CALLABLE = frozenset({"function", "custom"})
"""The types of tools that a client runs itself."""


class OfferedTool(NamedTuple):
    """A tool as its request names it.

    Attributes:
        where: Dotted name of its place in the request.
        document: As it came.
        namespace: None outside of any.
        preface: What its namespace says of all its tools, at the first of them.
    """

    where: str
    document: Mapping[str, Any]
    namespace: str | None = None
    preface: str = ""

    @property
    def type(self) -> str:
        """What kind of tool it is."""
        return str(self.document.get("type"))

    @property
    def name(self) -> str:
        """Its name within its namespace."""
        return str(self.document.get("name") or "")


CallKind = Literal["function", "custom"]


class CalledName(NamedTuple):
    """Whose call it is, in the words of the request."""

    kind: CallKind
    name: str
    namespace: str | None = None


class ToolNames:
    """The name of each tool that a client runs, one for all of them, and back."""

    def __init__(self, tools: Sequence[OfferedTool]) -> None:
        self._flat: dict[tuple[str | None, str], str] = {}
        self._called: dict[str, CalledName] = {}
        # Those without a namespace keep their names.
        for tool in sorted(tools, key=lambda tool: tool.namespace is not None):
            key = (tool.namespace, tool.name)
            if tool.type not in CALLABLE or key in self._flat:
                continue
            flat = self._free(_flattened(*key)) if tool.namespace is not None else tool.name
            self._flat[key] = flat
            kind: CallKind = "custom" if tool.type == "custom" else "function"
            self._called[flat] = CalledName(kind, tool.name, tool.namespace)

    def flat(self, name: str, namespace: str | None = None) -> str:
        """Return a tool's name in a chat completion, also of one that the request doesn't offer any more."""
        return self._flat.get((namespace, name)) or (_flattened(namespace, name) if namespace else name)

    def called(self, flat: str) -> CalledName:
        """Return whose call it is; a model may leave the namespace out where no other tool has the name."""
        known = self._called.get(flat)
        if known is None:
            same = [called for called in self._called.values() if called.name == flat]
            known = same[0] if len(same) == 1 else None
        return known or CalledName("function", flat)

    def _free(self, wanted: str) -> str:
        flat, number = wanted, 1
        while flat in self._called:
            number += 1
            flat = f"{wanted[: _LONGEST_NAME - len(str(number)) - 1]}_{number}"
        return flat


def list_tools(request: ResponsesRequest) -> list[OfferedTool]:
    """Return every tool that a request offers, those of namespaces and of its input too; each once.

    Raises:
        InvalidRequestError: A namespace has no name or no tools.
    """
    found: dict[Any, OfferedTool] = {}
    for tool in _offered(request):
        key = (tool.namespace, tool.name) if tool.type in CALLABLE and tool.name else tool.where
        found.setdefault(key, tool)
    return list(found.values())


def _offered(request: ResponsesRequest) -> Iterator[OfferedTool]:
    yield from _unfolded(request.tools or (), "tools")
    if isinstance(request.input, str):
        return
    for at, item in enumerate(request.input):
        if item.type == "additional_tools":
            yield from _unfolded(item.tools or (), f"input.{at}.tools")


def _unfolded(tools: Sequence[Mapping[str, Any]], where: str) -> Iterator[OfferedTool]:
    for at, tool in enumerate(tools):
        place = f"{where}.{at}"
        if tool.get("type") != "namespace":
            yield OfferedTool(place, tool)
            continue
        name, inner = tool.get("name"), tool.get("tools")
        if not isinstance(name, str) or not name:
            raise InvalidRequestError(f"{place}.name is missing.", f"{place}.name")
        if not isinstance(inner, list) or not all(isinstance(one, Mapping) for one in inner):
            msg = f"{place}.tools must be a list of tools."
            raise InvalidRequestError(msg, f"{place}.tools")
        preface = str(tool.get("description") or "")
        for number, one in enumerate(inner):
            yield OfferedTool(f"{place}.tools.{number}", one, name, "" if number else preface)


def _flattened(namespace: str | None, name: str) -> str:
    """Return a name that functions may have; of one that is too long the beginning and a hash of all of it."""
    separator = "" if namespace and namespace.endswith("__") else "__"
    full = f"{namespace or ''}{separator}{name}"
    allowed = _NOT_IN_NAMES.sub("_", full)
    if len(allowed) <= _LONGEST_NAME:
        return allowed
    tail = hashlib.sha256(full.encode("utf-8", "surrogatepass")).hexdigest()[:_SHORT_HASH]
    return f"{allowed[: _LONGEST_NAME - _SHORT_HASH - 1]}_{tail}"
