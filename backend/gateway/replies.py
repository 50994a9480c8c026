"""An answer on its way to the client, in OpenAI's words, whoever gives it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from automation.turn import TextDelta
from backend.gateway.answer_stream import AnswerStream, Delta
from backend.providers.protocol import StreamedAnswer
from backend.wire.chat_response import ChunkWriter, CompletionHead, completion_document, to_json
from backend.wire.usage import TokenUsage


def reply_headers(slug: str, ignored: Sequence[str]) -> dict[str, str]:
    """Return who answers, and which parameters have no effect there."""
    headers = {"x-gateway-endpoint": slug}
    if ignored:
        # Names come from the client; a header takes only plain ASCII.
        named = ", ".join(ignored).encode("ascii", "backslashreplace").decode()
        headers["x-gateway-ignored-params"] = "".join(c if c.isprintable() else "?" for c in named)
    return headers


class Reply(Protocol):
    """One answer that has begun: nothing was sent to the client before.

    Of a streamed one, iterate the events, without ``[DONE]``; of another one, there is ``body`` alone.
    """

    @property
    def headers(self) -> Mapping[str, str]:
        """What the client is told about the answer besides."""
        ...

    @property
    def usage(self) -> TokenUsage | None:
        """Tokens, by the end; None where nobody counted them."""
        ...

    @property
    def is_usage_estimated(self) -> bool:
        """Whether the tokens are an estimate of ours."""
        ...

    @property
    def body(self) -> bytes:
        """The whole ``chat.completion``; empty for a streamed answer."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes:
        """Return the next events, never none.

        Raises:
            AutomationError: The answer broke off; what came before is not a complete one.
        """
        ...


class PassedReply:
    """The answer of an API."""

    is_usage_estimated = False

    def __init__(
        self,
        headers: Mapping[str, str],
        body: bytes = b"",
        usage: TokenUsage | None = None,
        stream: StreamedAnswer | None = None,
    ) -> None:
        self.headers = headers
        self.body = body
        self._usage = usage
        self._stream = stream

    @property
    def usage(self) -> TokenUsage | None:
        """Tokens as the provider counted them."""
        return self._stream.usage if self._stream is not None else self._usage

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self if self._stream is None else aiter(self._stream)

    async def __anext__(self) -> bytes:
        """Return the next events."""
        if self._stream is None:
            raise StopAsyncIteration
        return await anext(self._stream)


class PageReply:
    """The answer of a chat page, written as OpenAI's events or document."""

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
        """Tokens as the site told them, else as we estimate them."""
        usage: dict[str, Any] = self._answer.usage
        return TokenUsage(usage["prompt_tokens"], usage["completion_tokens"])

    @property
    def is_usage_estimated(self) -> bool:
        """Whether the site told none."""
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
        parts: tuple[list[str], list[str]] = ([], [])
        async for delta in self._answer:
            parts[not isinstance(delta, TextDelta)].append(delta.text)
        document = completion_document(
            self._head,
            text="".join(parts[0]),
            reasoning="".join(parts[1]),
            citations=self._answer.citations,
            finish_reason=self._answer.finish_reason or "stop",
            usage=self._answer.usage,
            tool_calls=self._answer.tool_calls,
        )
        return to_json(document)
