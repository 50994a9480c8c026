"""Splits a chat completion into blocks in the order they began, with one open at a time. Pure.

OpenAI's chunks may give a text, reasoning and several calls of tools in turns. Its Responses and Anthropic's Messages have
blocks that begin and end, and clients take them for one after the other. So what belongs to a later block waits until the
earlier one is over: for a call that is when its arguments are a whole JSON value, or when the answer ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from backend.provider_errors import ApiFailedError
from backend.wire.answers.answer_document import count_at, read_list, read_text
from backend.wire.answers.call_sorter import CallSorter, JsonEnd
from backend.wire.answers.finish_reasons import is_cut

Kind = Literal["reasoning", "text", "refusal", "call"]

_WITH_CALL = frozenset({"tool_calls", "function_call"})
_TEXT_PARTS = frozenset({"text", "output_text"})
_SILENT_PARTS = frozenset({"reference"})  # which of the request's documents the text beside it is from


@dataclass(slots=True)
class AnswerBlock:
    """One part of an answer.

    Attributes:
        position: Its place among the blocks, from 0.
        call_id: The provider's, else one of ours from the block's beginning on.
        citations: OpenAI's ``url_citation``, their indexes counted from the start of this block.
        starts_at: How many characters of the answer's text came before.
        waiting: Deltas that came and were not written yet.
    """

    kind: Kind
    position: int
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
        """Whether its beginning can be written: a call needs its name, of which more may come before its arguments."""
        return self.kind != "call" or bool(self.name and self.pieces)


def message_to_delta(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a whole message as one delta."""
    calls = read_list(message, "tool_calls")
    numbered = [{**call, "index": i} if isinstance(call, Mapping) else call for i, call in enumerate(calls)]
    return {**message, "tool_calls": numbered}


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
        taken: Ids of the conversation's calls so far. A provider may repeat them, and Claude Code runs no call whose id it knows,
            but asks again without end.
        all: The blocks in order.
    """

    def __init__(self, writer: BlockWriter) -> None:
        self._writer = writer
        self.stem = ""
        self.taken: set[str] = set()
        self._text_size = 0
        self._sorter = CallSorter()
        self._calls: dict[int, AnswerBlock] = {}
        self._open = 0
        self.all: list[AnswerBlock] = []

    def feed(self, delta: Mapping[str, Any]) -> bytes:
        """Return the events of one ``delta`` of a chunk, or of a whole message.

        Raises:
            ApiFailedError: A field is not of its type, or a call goes on after its arguments have ended.
        """
        self._add_reasoning(delta.get("reasoning_content") or delta.get("reasoning"))
        content = delta.get("content")
        if isinstance(content, list):
            for part in content:
                self._add_part(part)
        else:
            self._add("text", read_text(delta, "content"))
        self._add("refusal", read_text(delta, "refusal"))
        for citation in read_list(delta, "annotations"):
            self._cite(citation)
        for call in read_list(delta, "tool_calls") or _former_calls(delta):
            self._add_call(call)
        return self._advance()

    def finish(self, finish_reason: str) -> bytes:
        """Return the events of all that still waits; every block is closed.

        Args:
            finish_reason: OpenAI's. Of an answer that was cut, a call without arguments may have lost them.

        Raises:
            ApiFailedError: A call has no name, or the answer ended for a call that isn't there.
        """
        if finish_reason in _WITH_CALL and not any(block.kind == "call" for block in self.all):
            msg = f"its answer ended with {finish_reason}, and there is no call of a tool in it"
            raise ApiFailedError(msg)
        return self._advance(is_over=True, was_cut=is_cut(finish_reason))

    def _add_reasoning(self, reasoning: Any) -> None:
        """Add reasoning; what some have under these names besides text says nothing that could be shown."""
        if isinstance(reasoning, str):
            self._add("reasoning", reasoning)

    def _add_part(self, part: Any) -> None:
        """Add a part of a content that is a list, such as Mistral's.

        Raises:
            ApiFailedError: It is something for which neither of our other APIs has a place, such as an image.
        """
        kind = str(part.get("type")) if isinstance(part, Mapping) else None
        if kind in _TEXT_PARTS:
            self._add("text", read_text(part, "text"))
        elif kind == "refusal":
            self._add("refusal", read_text(part, "refusal"))
        elif kind == "thinking":
            self._add_thinking(part.get("thinking"))
        elif kind not in _SILENT_PARTS:
            msg = f"its answer has a part of type {kind}, for which there is no place here"
            raise ApiFailedError(msg)

    def _add_thinking(self, thinking: Any) -> None:
        for part in thinking if isinstance(thinking, list) else [{"text": thinking}]:
            if not isinstance(part, Mapping):
                msg = "the thinking of its answer is no text"
                raise ApiFailedError(msg)
            self._add("reasoning", read_text(part, "text"))

    def _append(self, block: AnswerBlock) -> AnswerBlock:
        self.all.append(block)
        return block

    def _add(self, kind: Kind, text: str) -> None:
        if not text:
            return
        if not self.all or self.all[-1].kind != kind:
            self._append(AnswerBlock(kind, len(self.all), starts_at=self._text_size))
        self._extend(self.all[-1], text)
        if kind == "text":
            self._text_size += len(text)

    @staticmethod
    def _extend(block: AnswerBlock, text: str) -> None:
        block.pieces.append(text)
        if _ends_with_half(block.waiting):
            block.waiting[-1] += text  # type: ignore[operator]  # a text, or it would not end so
        else:
            block.waiting.append(text)

    def _add_call(self, entry: Any) -> None:
        call, text = self._sorter.sort(entry)
        block = self._calls.get(call.index)
        if block is None:
            block = self._append(AnswerBlock("call", len(self.all), end=call.end))
            self._calls[call.index] = block
        if not block.is_begun:
            block.call_id, block.name = call.call_id, call.name
        if text:
            self._extend(block, text)

    def _cite(self, annotation: Any) -> None:
        block = next((b for b in reversed(self.all) if b.kind == "text" and not b.is_closed), None)
        page = annotation.get("url_citation") if isinstance(annotation, Mapping) else None
        if block is None or not isinstance(page, Mapping):
            return
        moved = {
            name: max(0, count_at(page, name) - block.starts_at) for name in ("start_index", "end_index")
        }
        citation = {"url": read_text(page, "url"), "title": read_text(page, "title"), **moved}
        block.citations.append(citation)
        block.waiting.append(citation)

    def _advance(self, *, is_over: bool = False, was_cut: bool = False) -> bytes:
        written = []
        while self._open < len(self.all):
            block = self.all[self._open]
            written.append(self._write(block, is_told=is_over or self._has_next()))
            if not (is_over or (self._has_next() and self._is_complete(block))):
                break
            if not block.is_begun:
                msg = "a call of a tool without a name"
                raise ApiFailedError(msg)
            if block.kind == "call" and not was_cut and not block.text.strip():
                # No arguments are an empty object: clients parse what they gather.
                self._extend(block, "{}")
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

    def _write(self, block: AnswerBlock, *, is_told: bool = False) -> bytes:
        """Return the events of what waits; ``is_told`` says that no more of a text or a call's name is to come."""
        if not (block.is_begun or block.is_ready or (is_told and block.name)):
            return b""
        written = [] if block.is_begun else [self._begin(block)]
        while block.waiting:
            if not is_told and len(block.waiting) == 1 and _ends_with_half(block.waiting):
                break  # a client that prints each piece could not print this one
            piece = block.waiting.popleft()
            more = self._writer.more if isinstance(piece, str) else self._writer.cite
            written.append(more(block, piece))  # type: ignore[arg-type]  # chosen by its type above
        return b"".join(written)

    def _begin(self, block: AnswerBlock) -> bytes:
        block.is_begun = True
        if block.kind == "call":
            if not block.call_id or block.call_id in self.taken:
                block.call_id = f"call_{self.stem}_{block.position}"
            self.taken.add(block.call_id)
        return self._writer.begin(block)


def _ends_with_half(waiting: Sequence[str | dict[str, Any]]) -> bool:
    """Whether the last of what waits ends with the first half of a surrogate pair."""
    last = waiting[-1] if waiting else ""
    return isinstance(last, str) and "\ud800" <= last[-1:] <= "\udbff"


def _former_calls(delta: Mapping[str, Any]) -> list[Any]:
    """Return the one call of OpenAI's API before tools, which some still answer by."""
    call = delta.get("function_call")
    return [{"function": call}] if call else []
