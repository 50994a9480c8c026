"""Writes the answer of a chat page as OpenAI's events or document."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from automation.turn import TextDelta
from backend.gateway.answer_stream import AnswerStream, Delta
from backend.wire.chat_response import ChunkWriter, CompletionHead, completion_document, to_json
from backend.wire.usage import TokenUsage


class PageReply:
    """Reply of a chat page, written as OpenAI's events or document."""

    is_native = False

    def __init__(
        self,
        answer: AnswerStream,
        head: CompletionHead,
        headers: Mapping[str, str],
        *,
        is_streamed: bool,
        with_usage: bool,
    ) -> None:
        self._answer = answer
        self._head = head
        self._headers = headers
        self._is_streamed = is_streamed
        self._writer = ChunkWriter(head, with_usage=with_usage)
        self._next: Delta | None = None
        self._is_over = False
        self.body = b""

    @property
    def headers(self) -> Mapping[str, str]:
        """Also ``x-gateway-conversation``, and ``x-gateway-notes`` with those that are known by now."""
        answer = self._answer
        conversation = {"x-gateway-conversation": answer.conversation} if answer.conversation else {}
        notes = {"x-gateway-notes": ", ".join(answer.notes)} if answer.notes else {}
        return {**self._headers, **conversation, **notes}

    @property
    def usage(self) -> TokenUsage | None:
        """Token counts by the site, else our estimate."""
        usage: dict[str, Any] = self._answer.usage
        return TokenUsage(usage["prompt_tokens"], usage["completion_tokens"])

    @property
    def is_usage_estimated(self) -> bool:
        """Whether the site reported no token counts."""
        return bool(self._answer.usage.get("estimated"))

    async def begin(self) -> None:
        """Wait for the first delta of a streamed answer, for the end of another one.

        Raises:
            AutomationError: It failed before.
        """
        if self._is_streamed:
            self._next = await anext(self._answer, None)
        else:
            self.body = await self._whole()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """Return the next events."""
        if self._is_over:
            raise StopAsyncIteration
        delta, self._next = self._next or await anext(self._answer, None), None
        if delta is None:
            self._is_over = True
            answer, writer = self._answer, self._writer
            calls = [
                writer.tool_call(index, call.id, call.name) + writer.arguments(index, call.arguments)
                for index, call in enumerate(answer.tool_calls)
            ]
            end = b"".join(calls) + writer.finish(
                answer.finish_reason or "stop", answer.citations, answer.notes
            )
            return end + writer.usage(answer.usage)
        write = self._writer.text if isinstance(delta, TextDelta) else self._writer.reasoning
        return write(delta.text)

    async def _whole(self) -> bytes:
        deltas = [delta async for delta in self._answer]
        document = completion_document(
            self._head,
            text=self._answer.text,
            reasoning="".join(delta.text for delta in deltas if not isinstance(delta, TextDelta)),
            citations=self._answer.citations,
            finish_reason=self._answer.finish_reason or "stop",
            usage=self._answer.usage,
            tool_calls=self._answer.tool_calls,
        )
        return to_json(document)
