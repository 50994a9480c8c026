"""Tells the calls of tools in a streamed answer apart: by their ids, then by their indexes. Pure.

OpenAI gives each call an index, and its id and name once. Others leave the index out, give all calls the same one, repeat
the id with every piece, or tell it late. To take two calls for one would run a tool with another one's arguments, so a delta
begins a call wherever it can't be more of the one before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.provider_errors import ApiFailedError
from backend.wire.answers.answer_document import read_object, read_text
from backend.wire.answers.exact_json import dump_exactly

_MOST_CALLS = 1000
_LONGEST_NAME = 4096
_MARKS = re.compile(r'\\.|["{}[\]]|\\\Z', re.DOTALL)


class JsonEnd:
    """Detects in linear time the end of an object or array that comes in pieces."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._is_escaped = False
        self.is_reached = False

    def feed(self, text: str) -> None:
        """Read on."""
        if not text:
            return
        start, self._is_escaped = int(self._is_escaped), False
        for match in _MARKS.finditer(text, start):
            mark = match[0]
            if self._in_string:
                self._is_escaped = mark == "\\"
                self._in_string = mark != '"'
            else:
                self._feed_bare(mark)

    def _feed_bare(self, mark: str) -> None:
        self._in_string = mark == '"'
        if mark in "{[":
            self._depth += 1
        elif mark in "}]":
            self._depth -= 1
            self.is_reached = self._depth <= 0


@dataclass(slots=True)
class SortedCall:
    """One call so far.

    Attributes:
        index: Another one than any other call's; the provider's where that is so.
        given: The provider's index; None where it gave none.
        call_id: Empty until the provider tells one.
        has_arguments: Whether any of them came.
        end: Where they end.
    """

    index: int
    given: int | None
    call_id: str = ""
    name: str = ""
    has_arguments: bool = False
    end: JsonEnd = field(default_factory=JsonEnd)

    @property
    def is_half(self) -> bool:
        """Whether there is more to come of its arguments for certain."""
        return self.has_arguments and not self.end.is_reached


@dataclass(frozen=True, slots=True)
class CallPiece:
    """What one delta says of a call."""

    call_id: str
    index: int | None
    name: str
    arguments: str


class CallSorter:
    """Sorts the pieces of one answer's calls."""

    def __init__(self) -> None:
        self._last: SortedCall | None = None
        self._by_id: dict[str, SortedCall] = {}
        self._by_index: dict[int, SortedCall] = {}  # the last one on each of the provider's indexes
        self._taken: set[int] = set()

    def sort(self, delta: Any) -> tuple[SortedCall, str]:
        """Return the call that an entry of ``delta.tool_calls`` is about, and the arguments in it.

        Raises:
            ApiFailedError: It is no such entry, goes on after the end, or begins a call amid another one's arguments.
        """
        piece = read_call(delta)
        call = self._find(piece) or self._begin(piece)
        call.call_id = call.call_id or piece.call_id
        if piece.name and (not call.name or (not call.has_arguments and piece.name != call.name)):
            call.name += piece.name
        if len(call.name) > _LONGEST_NAME or len(self._taken) > _MOST_CALLS:
            msg = "more calls of tools, or a longer name of one, than any answer has"
            raise ApiFailedError(msg)
        self._keep(call, piece)
        return call, _add_arguments(call, piece.arguments)

    def _keep(self, call: SortedCall, piece: CallPiece) -> None:
        if call.given is None:
            call.given = piece.index
        if call.call_id:
            self._by_id[call.call_id] = call
        self._by_index[call.index if call.given is None else call.given] = call
        self._last = call

    def _find(self, piece: CallPiece) -> SortedCall | None:
        """Return the call that a piece goes on with; None where it begins one."""
        known = self._by_id.get(piece.call_id)
        if known is not None:
            return None if _is_another(piece, known) else known
        last = self._last_at(piece.index)
        if last is None or (piece.call_id and last.call_id):
            return None
        if not piece.name or not last.name or _repeats_name(piece, last):
            return last
        # A name may be cut between two deltas, but only an index tells that they belong together.
        is_more_of_name = piece.index is not None and not piece.call_id and not last.has_arguments
        return last if is_more_of_name else None

    def _last_at(self, index: int | None) -> SortedCall | None:
        return self._last if index is None else self._by_index.get(index)

    def _begin(self, piece: CallPiece) -> SortedCall:
        before = self._last_at(piece.index) if piece.index is not None else None
        if before is not None and before.is_half:
            msg = "two calls of tools on one index, the arguments of the first cut"
            raise ApiFailedError(msg)
        index = (
            piece.index if piece.index is not None and piece.index not in self._taken else len(self._taken)
        )
        while index in self._taken:
            index += 1
        self._taken.add(index)
        return SortedCall(index, piece.index)


def _add_arguments(call: SortedCall, text: str) -> str:
    """Return what there is of the arguments; white space after their end says nothing."""
    if call.end.is_reached:
        if text.strip():
            msg = "a call of a tool went on after its arguments had ended"
            raise ApiFailedError(msg)
        return ""
    call.end.feed(text)
    call.has_arguments = call.has_arguments or bool(text.strip())
    return text


def read_call(entry: Any) -> CallPiece:
    """Return what an entry of ``tool_calls`` says; arguments that are an object become its JSON.

    Raises:
        ApiFailedError: It is no such entry.
    """
    if not isinstance(entry, Mapping):
        msg = "a call of a tool that is no object"
        raise ApiFailedError(msg)
    function = read_object(entry, "function")
    call_id, index = entry.get("id"), entry.get("index")
    if isinstance(call_id, int) and not isinstance(call_id, bool):
        call_id = str(call_id)
    return CallPiece(
        read_text({"id": call_id}, "id"),
        index if isinstance(index, int) and not isinstance(index, bool) and index >= 0 else None,
        read_text(function, "name"),
        arguments_text(function.get("arguments")),
    )


def arguments_text(arguments: Any) -> str:
    """Return the arguments of a call as text.

    Raises:
        ApiFailedError: They are neither a text nor an object.
    """
    if isinstance(arguments, str):
        return arguments
    # An empty list is how some languages write an empty object.
    if arguments is None or arguments == []:
        return ""
    if not isinstance(arguments, Mapping):
        msg = "the arguments of a call of a tool are no object"
        raise ApiFailedError(msg)
    return dump_exactly(arguments).decode()


def _is_another(piece: CallPiece, call: SortedCall) -> bool:
    """Whether a piece with a call's id is another call all the same: some give one id to several."""
    if not piece.name:
        return False
    if None not in {piece.index, call.given} and piece.index != call.given:
        return True
    return call.end.is_reached and not _repeats_name(piece, call)


def _repeats_name(piece: CallPiece, call: SortedCall) -> bool:
    """Whether the name is only said again, as some do in every piece of a call."""
    return piece.name == call.name and not (call.end.is_reached and piece.arguments.strip())
