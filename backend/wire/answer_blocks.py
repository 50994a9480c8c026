"""Splits a chat completion into blocks in the order they began, with one open at a time. Pure.

OpenAI's chunks may give a text, reasoning and several calls of tools in turns. Its Responses and Anthropic's Messages have
blocks that begin and end, and clients take them for one after the other. So what belongs to a later block waits until the
earlier one is over: for a call that is when its arguments are a whole JSON value, or when the answer ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from backend.provider_errors import ApiFailedError

Kind = Literal["reasoning", "text", "refusal", "call"]


class JsonEnd:
    """Detects in linear time the end of an object or array that comes in pieces."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._is_escaped = False
        self.is_reached = False

    def feed(self, text: str) -> None:
        """Read on."""
        for character in text:
            if self._is_escaped:
                self._is_escaped = False
            elif self._in_string:
                self._is_escaped = character == "\\"
                self._in_string = character != '"'
            else:
                self._feed_bare(character)

    def _feed_bare(self, character: str) -> None:
        self._in_string = character == '"'
        if character in "{[":
            self._depth += 1
        elif character in "}]":
            self._depth -= 1
            self.is_reached = self._depth <= 0


@dataclass(slots=True)
class AnswerBlock:
    """One part of an answer.

    Attributes:
        position: Its place among the blocks, from 0.
        call_index: OpenAI's index of a call; None for all else.
        call_id: The provider's, else one of ours from the block's beginning on.
        citations: OpenAI's ``url_citation``, their indexes counted from the start of this block.
        starts_at: How many characters of the answer's text came before.
        waiting: Deltas that came and were not written yet.
    """

    kind: Kind
    position: int
    call_index: int | None = None
    call_id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    citations: list[dict[str, Any]] = field(default_factory=list)
    starts_at: int = 0
    is_begun: bool = False
    is_closed: bool = False
    waiting: deque[str | dict[str, Any]] = field(default_factory=deque)
    end: JsonEnd = field(default_factory=JsonEnd)

    @property
    def text(self) -> str:
        """The whole of it so far: of a call, its arguments."""
        return "".join(self.pieces)

    @property
    def is_ready(self) -> bool:
        """Whether its beginning can be written: a call needs its name."""
        return self.kind != "call" or bool(self.name)


def message_to_delta(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a whole message as one delta."""
    calls = [{**call, "index": i} for i, call in enumerate(message.get("tool_calls") or ())]
    return {**message, "tool_calls": calls}


class BlockWriter(Protocol):
    """Writes blocks as events."""

    def begin(self, block: AnswerBlock) -> bytes:
        """Return the events that open a block."""
        ...

    def more(self, block: AnswerBlock, text: str) -> bytes:
        """Return the events of more of its text."""
        ...

    def cite(self, block: AnswerBlock, citation: dict[str, Any]) -> bytes:
        """Return the events of a citation of its text."""
        ...

    def close(self, block: AnswerBlock) -> bytes:
        """Return the events that end it."""
        ...


class Blocks:
    """Sorts the deltas of one answer into blocks, and writes them one after the other.

    Attributes:
        stem: Random part of every id in the answer; set it before the first delta.
        all: The blocks in order.
    """

    def __init__(self, writer: BlockWriter) -> None:
        self._writer = writer
        self.stem = ""
        self._text_size = 0
        self._open = 0
        self.all: list[AnswerBlock] = []

    def feed(self, delta: Mapping[str, Any]) -> bytes:
        """Return the events of one ``delta`` of a chunk, or of a whole message.

        Raises:
            ApiFailedError: A call goes on after its arguments have ended.
        """
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(reasoning, str) and reasoning:
            self._add(self._last("reasoning"), reasoning)
        for kind, name in (("text", "content"), ("refusal", "refusal")):
            if text := delta.get(name):
                self._add(self._last("text" if kind == "text" else "refusal"), text)
        for citation in delta.get("annotations") or ():
            self._cite(citation)
        for place, call in enumerate(delta.get("tool_calls") or ()):
            self._add_call(call, place)
        return self._advance()

    def finish(self, *, is_cut: bool = False) -> bytes:
        """Return the events of all that still waits; every block is closed.

        Args:
            is_cut: The answer was ended from outside, so that a call without arguments may have lost them.

        Raises:
            ApiFailedError: A call has no name.
        """
        return self._advance(is_over=True, is_cut=is_cut)

    def _last(self, kind: Kind) -> AnswerBlock:
        if self.all and self.all[-1].kind == kind:
            return self.all[-1]
        return self._append(AnswerBlock(kind, len(self.all), starts_at=self._text_size))

    def _append(self, block: AnswerBlock) -> AnswerBlock:
        self.all.append(block)
        return block

    def _add(self, block: AnswerBlock, text: str) -> None:
        block.pieces.append(text)
        block.waiting.append(text)
        if block.kind == "text":
            self._text_size += len(text)

    def _add_call(self, call: Mapping[str, Any], place: int) -> None:
        index = call.get("index")
        index = place if index is None else index
        function = call.get("function") or {}
        block = next((b for b in self.all if b.call_index == index), None)
        block = block or self._append(AnswerBlock("call", len(self.all), call_index=index))
        block.call_id = block.call_id or call.get("id") or ""
        block.name = block.name or function.get("name") or ""
        if text := function.get("arguments"):
            self._add_arguments(block, text)

    def _add_arguments(self, block: AnswerBlock, text: str) -> None:
        if block.end.is_reached:
            # White space after a value says nothing, and the block may be closed already.
            if text.strip():
                msg = "a call of a tool went on after its arguments had ended"
                raise ApiFailedError(msg)
            return
        block.end.feed(text)
        self._add(block, text)

    def _cite(self, annotation: Mapping[str, Any]) -> None:
        block = next((b for b in reversed(self.all) if b.kind == "text" and not b.is_closed), None)
        page = annotation.get("url_citation")
        if block is None or page is None:
            return
        moved = {name: max(0, page.get(name, 0) - block.starts_at) for name in ("start_index", "end_index")}
        citation = {"url": page.get("url") or "", "title": page.get("title") or "", **moved}
        block.citations.append(citation)
        block.waiting.append(citation)

    def _advance(self, *, is_over: bool = False, is_cut: bool = False) -> bytes:
        written = []
        while self._open < len(self.all):
            block = self.all[self._open]
            written.append(self._write(block))
            if not (is_over or (self._has_next() and self._is_complete(block))):
                break
            if not block.is_begun:
                msg = "a call of a tool without a name"
                raise ApiFailedError(msg)
            if block.kind == "call" and not is_cut and not block.text.strip():
                # No arguments are an empty object: clients parse what they gather.
                self._add(block, "{}")
                written.append(self._write(block))
            block.is_closed = True
            written.append(self._writer.close(block))
            self._open += 1
        return b"".join(written)

    def _has_next(self) -> bool:
        return self._open + 1 < len(self.all)

    @staticmethod
    def _is_complete(block: AnswerBlock) -> bool:
        return block.kind != "call" or (block.is_begun and block.end.is_reached)

    def _write(self, block: AnswerBlock) -> bytes:
        if not block.is_ready:
            return b""
        written = [] if block.is_begun else [self._begin(block)]
        while block.waiting:
            piece = block.waiting.popleft()
            more = self._writer.more if isinstance(piece, str) else self._writer.cite
            written.append(more(block, piece))  # type: ignore[arg-type]  # chosen by its type above
        return b"".join(written)

    def _begin(self, block: AnswerBlock) -> bytes:
        block.is_begun = True
        if block.kind == "call":
            block.call_id = block.call_id or f"call_{self.stem}_{block.position}"
        return self._writer.begin(block)
