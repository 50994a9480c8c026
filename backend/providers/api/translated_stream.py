"""A stream of server-sent events in a provider's own words, told as OpenAI's chunks. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import orjson

from automation.capture.decoders.protocol import StreamFormatError
from automation.capture.decoders.sse import ServerSentEvent, SseParser
from automation.errors import AutomationError, SiteError
from backend.wire.chat_response import ChunkWriter, CompletionHead
from backend.wire.usage import TokenUsage


class TranslatedStream(ABC):
    """Be a ``ChatStream``; what an event means is the subclass's.

    Attributes:
        writer: Writes the chunks.
    """

    def __init__(self, head: CompletionHead, *, with_usage: bool) -> None:
        self.has_begun = False
        self.is_finished = False
        self.usage: TokenUsage | None = None
        self.writer = ChunkWriter(head, with_usage=with_usage)
        self._parser = SseParser()
        self._failure: AutomationError | None = None

    @abstractmethod
    def read(self, document: dict[str, Any]) -> bytes:
        """Return the chunks that one event means; sets what ``ChatStream`` tells.

        Raises:
            SiteError: It is an error, or means nothing known.
            RateLimitedError: It is a limit.
        """

    def end(self) -> bytes:
        """Return what is told only once the provider's stream is over, before the usage."""
        return b""

    def feed(self, data: bytes) -> bytes:
        """Return the chunks that ``data`` completes; an error behind them is raised by the next call."""
        if self._failure is not None:
            raise self._failure
        chunks: list[bytes] = []
        try:
            for event in self._parser.feed(data):
                chunks.append(self._read(event))  # noqa: PERF401  what came before a failure is kept
        except StreamFormatError as exc:
            self._fail(SiteError(f"its stream can't be read: {exc}"), chunks)
        except AutomationError as exc:
            self._fail(exc, chunks)
        return b"".join(chunks)

    def _fail(self, failure: AutomationError, chunks: list[bytes]) -> None:
        self._failure = failure
        if not any(chunks):
            raise failure

    def _read(self, event: ServerSentEvent) -> bytes:
        return self.read(parse_object(event.data))

    def close(self) -> bytes:
        """Return what was held back."""
        if self._failure is not None:
            raise self._failure
        try:
            last = b"".join(map(self._read, self._parser.closed()))
        except StreamFormatError as exc:
            msg = f"its stream can't be read: {exc}"
            raise SiteError(msg) from exc
        if not self.is_finished:
            msg = "its stream ended in the middle of the answer"
            raise SiteError(msg)
        usage = self.writer.usage(self.usage.document()) if self.usage is not None else b""
        return last + self.end() + usage


def parse_object(data: str | bytes) -> dict[str, Any]:
    """Return a JSON object that a provider sent.

    Raises:
        SiteError: It is none.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        msg = f"what it sent is not JSON: {exc.msg}"
        raise SiteError(msg) from exc
    if not isinstance(document, dict):
        msg = "what it sent is not a JSON object"
        raise SiteError(msg)
    return document
