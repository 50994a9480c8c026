"""Parses a streamed answer of server-sent events that are JSON objects. Pure."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

from automation.capture.decoders.framing.sse import ServerSentEvent, SseParser
from backend.providers.api.chat.translated_stream import TranslatedStream, parse_object
from backend.wire.chat_response import ChunkWriter, CompletionHead


class SseStream(TranslatedStream):
    """Splits the stream into events, which a subclass translates.

    Attributes:
        writer: Writes the chunks.
        call_mark: What stands in an event with a call of a tool, whose numbers are kept as they were written.
    """

    call_mark: ClassVar[str]

    def __init__(self, head: CompletionHead, *, with_usage: bool) -> None:
        super().__init__(head, with_usage=with_usage)
        self._parser = SseParser()

    @property
    def writer(self) -> ChunkWriter:
        """Writes the chunks."""
        return self._writer

    @abstractmethod
    def read(self, document: dict[str, Any]) -> bytes:
        """Return the chunks that one event means; sets what ``ChatStream`` tells.

        Raises:
            ApiFailedError: It is an error, or means nothing known.
            KeyLimitedError: It is a limit.
        """

    def _events(self, data: bytes) -> Iterable[ServerSentEvent]:
        return self._parser.feed(data)

    def _rest(self) -> Iterable[ServerSentEvent]:
        return self._parser.closed()

    def _read(self, event: ServerSentEvent) -> bytes:
        data = event.data.strip()
        # The standard has no events without data; the marker of OpenAI's streams says nothing here.
        if not data or data == "[DONE]":
            return b""
        return self.read(parse_object(data, is_exact=self.call_mark in data))
