"""Parses a streamed answer of server-sent events that are JSON objects. Pure."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from automation.capture.decoders.framing.sse import ServerSentEvent, SseParser
from backend.providers.api.chat.translated_stream import TranslatedStream, parse_object
from backend.wire.chat_response import ChunkWriter, CompletionHead


class SseStream(TranslatedStream):
    """Splits the stream into events, which a subclass translates.

    Attributes:
        writer: Writes the chunks.
    """

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
        return self.read(parse_object(event.data))
