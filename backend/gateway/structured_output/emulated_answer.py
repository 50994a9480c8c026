"""Emulates tool calls and JSON output on chat pages that have neither, with one repair turn."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace

from automation.errors import AnswerRewrittenError
from automation.turn import (
    Message,
    Prompt,
    ReasoningDelta,
    TextDelta,
    TurnEvent,
    TurnFinished,
    UsageReported,
)
from backend.gateway.answer_stream import AnswerStream, Delta, Remember
from backend.gateway.structured_output.answer_shape import (
    AnswerShape,
    build_answer_reader,
    build_repair_prompt,
    build_shape_error,
    with_directive,
)
from backend.wire.tool_envelope import CalledTool, assistant_text
from backend.wire.translate import AnswerLimits
from backend.wire.usage import prompt_size, usage_document

OpenTurn = Callable[[Prompt], AbstractAsyncContextManager[AsyncIterator[TurnEvent]]]

REPAIR_NOTE = "answer-repaired"


@asynccontextmanager
async def open_shaped_answer(
    open_turn: OpenTurn,
    prompt: Prompt,
    limits: AnswerLimits,
    shape: AnswerShape | None,
    *,
    conversation: str | None = None,
    remember: Remember | None = None,
    notes: tuple[str, ...] = (),
    is_streamed: bool = True,
) -> AsyncIterator[AnswerStream]:
    """Run the turn and hand out its answer in the requested shape; None for free text.

    Raises:
        AutomationError: On entering or while the answer is iterated.
        AnswerShapeError: While it is iterated: it is not right the second time either.
    """
    async with AsyncExitStack() as turns:
        if shape is None:
            events = await turns.enter_async_context(open_turn(prompt))
            yield AnswerStream(
                events,
                prompt,
                limits,
                conversation=conversation,
                remember=remember,
                notes=notes,
                is_streamed=is_streamed,
            )
            return
        asked = with_directive(prompt, shape)
        shaped = ShapedEvents(open_turn, turns, asked, shape, is_streamed=is_streamed)
        await shaped.begin()
        # What must be a call has no text that could be cut.
        limits = AnswerLimits() if shape.must_call else limits
        yield EmulatedAnswer(
            shaped,
            asked,
            limits,
            conversation=conversation,
            remember=remember,
            notes=notes,
            is_streamed=is_streamed,
        )


class ShapedEvents:
    """Events of a turn as if the page had tools and JSON output: text outside of envelopes, and the rest at the end.

    An answer that is not right is asked for once more in the same chat. The first turn's page is given back before: one page
    must do for both. Of the second answer only what was missing is passed on; its words are meant for us.

    Attributes:
        calls: Known once ``TurnFinished`` was returned.
        reported: Tokens of all turns as the site counted them; None where it didn't.
        prompt_size, answer_size, reasoning_size: Characters of all turns.
    """

    def __init__(
        self,
        open_turn: OpenTurn,
        turns: AsyncExitStack,
        prompt: Prompt,
        shape: AnswerShape,
        *,
        is_streamed: bool,
    ) -> None:
        self._open_turn = open_turn
        self._turns = turns
        self._prompt = prompt
        self._shape = shape
        self._is_streamed = is_streamed
        self._must_call = False
        self._reader = build_answer_reader(shape)
        self._events: AsyncIterator[TurnEvent] | None = None
        self._ready: deque[TurnEvent] = deque()
        self._notes: tuple[str, ...] = ()
        self._answer: list[str] = []
        self._passed: list[str] = []
        self._passed_before = ""
        self._is_replaced = False
        self._is_repair = False
        self.calls: tuple[CalledTool, ...] = ()
        self.reported: UsageReported | None = None
        self.prompt_size = 0
        self.answer_size = 0
        self.reasoning_size = 0

    def __aiter__(self) -> AsyncIterator[TurnEvent]:
        return self

    async def begin(self) -> None:
        """Open the first turn."""
        await self._open(self._prompt)

    async def __anext__(self) -> TurnEvent:
        """Return the next event.

        Raises:
            AutomationError: A turn failed, or its page has other words now than those that were streamed.
            AnswerShapeError: The answer is not right the second time either.
        """
        while not self._ready:
            assert self._events is not None
            await self._take(await anext(self._events))
        return self._ready.popleft()

    async def _open(self, prompt: Prompt) -> None:
        self.prompt_size += prompt_size(prompt)
        self._events = await self._turns.enter_async_context(self._open_turn(prompt))

    async def _take(self, event: TurnEvent) -> None:
        match event:
            case TextDelta():
                self.answer_size += len(event.text)
                self._answer.append(event.text)
                self._pass(self._reader.feed(event.text))
            case ReasoningDelta():
                self.reasoning_size += len(event.text)
                self._reader.note_reasoning(event.text)
                self._ready.extend(() if self._is_repair else (event,))
            case UsageReported():
                self._add(event)
            case TurnFinished():
                await self._end(event)
            case _:
                self._ready.extend(() if self._is_repair else (event,))

    def _pass(self, text: str) -> None:
        if text and (self._shape.json is not None or not self._is_repair):
            self._passed.append(text)
            self._ready.append(TextDelta(text))

    def _replace(self, finished: TurnFinished) -> None:
        """Read the turn's exact answer in the place of its deltas; what was streamed can't be replaced."""
        if finished.final_text is None or (self._is_streamed and not finished.is_rewritten):
            return
        if self._is_streamed:
            raise AnswerRewrittenError
        self._is_replaced = True
        self._answer, self._passed = [finished.final_text], []
        self._reader = build_answer_reader(self._shape, must_call=self._must_call)
        self._pass(self._reader.feed(finished.final_text))

    def _finished(self, finished: TurnFinished) -> TurnFinished:
        final_text = self._passed_before + "".join(self._passed) if self._is_replaced else None
        notes = self._notes + finished.notes
        return replace(finished, notes=notes, final_text=final_text, is_rewritten=self._is_replaced)

    def _add(self, usage: UsageReported) -> None:
        told = self.reported or UsageReported(0, 0)
        self.reported = UsageReported(
            told.input_tokens + usage.input_tokens, told.output_tokens + usage.output_tokens
        )

    async def _end(self, finished: TurnFinished) -> None:
        self._replace(finished)
        text = self._reader.finish()
        if finished.finish_reason == "content_filter":  # what the site cut off is not worth a repair
            self._ready.append(self._finished(finished))
            return
        self._pass(text)
        if self._reader.problem is not None:
            await self._repair(finished, self._reader.problem)
            return
        self.calls = tuple(
            CalledTool(f"call_{uuid.uuid4().hex[:24]}", call.name, call.arguments)
            for call in self._reader.calls
        )
        self._ready.append(self._finished(finished))

    async def _repair(self, finished: TurnFinished, problem: str) -> None:
        is_call = self._shape.must_call or self._reader.has_envelope
        is_lost = self._prompt.must_continue and finished.chat is None
        if self._is_repair or is_lost:
            raise build_shape_error(self._shape, problem, is_call=is_call)
        self._is_repair = True
        self._notes += (*finished.notes, REPAIR_NOTE)
        await self._turns.aclose()
        again = Message("user", build_repair_prompt(self._shape, problem, is_call=is_call))
        told = (*self._prompt.messages, Message("assistant", "".join(self._answer)))
        prompt = replace(self._prompt, messages=(*told, again), chat=finished.chat, said=0)
        if finished.chat is not None:
            prompt = replace(prompt, said=len(told))
        self._passed_before += "".join(self._passed)
        self._answer, self._passed = [], []
        self._must_call = is_call
        self._reader = build_answer_reader(self._shape, must_call=is_call)
        await self._open(prompt)


class EmulatedAnswer(AnswerStream):
    """An answer whose tool calls came as text."""

    def __init__(
        self,
        events: ShapedEvents,
        prompt: Prompt,
        limits: AnswerLimits,
        *,
        conversation: str | None = None,
        remember: Remember | None = None,
        notes: tuple[str, ...] = (),
        is_streamed: bool = True,
    ) -> None:
        super().__init__(
            events,
            prompt,
            limits,
            conversation=conversation,
            remember=remember,
            notes=notes,
            is_streamed=is_streamed,
        )
        self._shaped = events

    @property
    def usage(self) -> dict[str, object]:
        """OpenAI's ``usage`` of all that was asked and answered, envelopes and a repair included."""
        shaped = self._shaped
        return usage_document(
            shaped.reported,
            prompt=shaped.prompt_size,
            answer=shaped.answer_size,
            reasoning=shaped.reasoning_size,
        )

    def _finish(self, event: TurnFinished) -> Delta | None:
        held = super()._finish(event)
        if self._cutter.finish_reason is None and self._shaped.calls:
            self.tool_calls = self._shaped.calls
            self.finish_reason = "tool_calls"
        return held

    def _told(self) -> str:
        """Return what the history has, with the calls as they will be written when the client sends them back."""
        return assistant_text(super()._told(), [(call.name, call.arguments) for call in self.tool_calls])
