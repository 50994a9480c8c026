"""Streams the answer of one turn: cut where the client asked, counted, never reported complete early."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Literal

from automation.errors import AnswerRewrittenError, SiteError
from automation.turn import (
    FinishReason,
    Prompt,
    ReasoningDelta,
    SourceFound,
    TextDelta,
    TurnEvent,
    TurnFinished,
    UsageReported,
)
from backend.wire.chat_response import Citation
from backend.wire.cutter import Cutter
from backend.wire.tool_envelope import CalledTool
from backend.wire.translate import AnswerLimits
from backend.wire.usage import prompt_size, usage_document

Delta = TextDelta | ReasoningDelta
Remember = Callable[[TurnFinished, str], Awaitable[None]]


class AnswerStream:
    """Async iterator of an answer's deltas; its other attributes are known afterwards.

    A class and not a generator, because a generator that is dropped midway leaves its turn unclosed.

    Attributes:
        finish_reason: None until the answer is complete or was cut by the client's own limits.
        tool_calls: Known at the end; ``finish_reason`` is ``tool_calls`` where there are any.
        citations: Pages cited so far.
        notes: What the client should know about the answer and how it was read.
        conversation: Id of the conversation that it belongs to, or None.
        final_text: The exact answer, where the deltas joined are another text; None where they are the answer.
    """

    def __init__(
        self,
        events: AsyncIterator[TurnEvent],
        prompt: Prompt,
        limits: AnswerLimits,
        *,
        conversation: str | None = None,
        remember: Remember | None = None,
        notes: tuple[str, ...] = (),
        is_streamed: bool = True,
    ) -> None:
        self._events = events
        self._limits = limits
        self._is_streamed = is_streamed
        self._cutter = Cutter(limits)
        self._prompt_size = prompt_size(prompt)
        self._sizes = {TextDelta: 0, ReasoningDelta: 0}
        self._reported: UsageReported | None = None
        self.finish_reason: FinishReason | Literal["tool_calls"] | None = None
        self.tool_calls: tuple[CalledTool, ...] = ()
        self.citations: list[Citation] = []
        self.notes = notes
        self.final_text: str | None = None
        self.conversation = conversation
        self._remember = remember
        self._finished: TurnFinished | None = None
        self._text: list[str] = []

    def __aiter__(self) -> AsyncIterator[Delta]:
        return self

    async def __anext__(self) -> Delta:
        """Return the next delta, never an empty one.

        Raises:
            AutomationError: The turn failed; what came before is not a complete answer. ``AnswerRewrittenError``: the
                page has other words now than those that were streamed.
        """
        while self.finish_reason is None:
            delta = self._take(await self._next_event())
            if delta is not None and delta.text:
                self._count(delta)
                return delta
        await self._remember_once()
        raise StopAsyncIteration

    @property
    def text(self) -> str:
        """The answer's text so far; at its end the exact one for who didn't get it in pieces."""
        is_replaced = self.final_text is not None and not self._is_streamed
        return str(self.final_text) if is_replaced else "".join(self._text)

    @property
    def usage(self) -> dict[str, object]:
        """OpenAI's ``usage`` of what was passed on."""
        answer, reasoning = self._sizes[TextDelta], self._sizes[ReasoningDelta]
        return usage_document(self._reported, prompt=self._prompt_size, answer=answer, reasoning=reasoning)

    def _count(self, delta: Delta) -> None:
        self._sizes[type(delta)] += len(delta.text)
        if isinstance(delta, TextDelta):
            self._text.append(delta.text)

    async def _remember_once(self) -> None:
        """Store the conversation before its client gets the end: the next request may come at once."""
        finished, self._finished = self._finished, None
        if finished is not None and self._remember is not None:
            await self._remember(finished, self._told())

    def _told(self) -> str:
        """Return the answer's text as the conversation's history has it."""
        return self.text

    async def _next_event(self) -> TurnEvent:
        try:
            return await anext(self._events)
        except StopAsyncIteration:
            msg = "the answer stopped without its end"
            raise SiteError(msg) from None

    def _take(self, event: TurnEvent) -> Delta | None:
        match event:
            case TextDelta():
                return self._cut(event)
            case ReasoningDelta():
                return event
            case SourceFound():
                self.citations.append(Citation(event.url, event.title, self._sizes[TextDelta]))
            case TurnFinished():
                return self._finish(event)
            case _:
                self._reported = event
        return None

    def _cut(self, delta: TextDelta) -> Delta:
        text = self._cutter.feed(delta.text)
        self.finish_reason = self._cutter.finish_reason
        return delta if text == delta.text else TextDelta(text)

    def _finish(self, event: TurnFinished) -> Delta | None:
        self.notes += event.notes
        if event.final_text is not None:
            self._replace(event.final_text, is_rewritten=event.is_rewritten)
        held = self._cutter.flush()
        self.finish_reason = self._cutter.finish_reason or event.finish_reason
        if self._cutter.finish_reason is None:  # else the site's chat holds more than the client got
            self._finished = event
        return TextDelta(held) if held else None

    def _replace(self, final_text: str, *, is_rewritten: bool) -> None:
        """Take the answer's exact text in the place of its deltas; what was streamed can't be replaced."""
        if not self._is_streamed:
            self._cutter = Cutter(self._limits)
            self.final_text = self._cutter.feed(final_text) + self._cutter.flush()
            self._sizes[TextDelta] = len(self.final_text)
        elif is_rewritten:
            raise AnswerRewrittenError
