"""Base of readers that translate a provider's own stream into OpenAI's chunks. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from automation.capture.decoders.protocol import StreamFormatError
from automation.errors import AutomationError
from backend.provider_errors import ApiFailedError
from backend.wire.answers.exact_json import parse_exactly, parse_lenient
from backend.wire.chat_response import ChunkWriter, CompletionHead
from backend.wire.usage import TokenUsage

_LONGEST_WORDS = 200


class TranslatedStream(ABC):
    """Reads a provider's events and writes OpenAI's chunks; a ``ChatStream``.

    Attributes:
        has_begun: Text, reasoning or a tool call came.
        is_finished: The provider said that the answer is whole.
        usage: As reported so far.
    """

    def __init__(self, head: CompletionHead, *, with_usage: bool) -> None:
        self.has_begun = False
        self.is_finished = False
        self.usage: TokenUsage | None = None
        self._writer = ChunkWriter(head, with_usage=with_usage)
        self._failure: AutomationError | None = None

    def feed(self, data: bytes) -> bytes:
        """Return the events that ``data`` completes; a failure behind some of them is raised by the next call."""
        return self._write(self._events(data))

    def close(self) -> bytes:
        """Return the last events, the usage among them where it was asked for."""
        last = self._write(self._rest())
        if self._failure is not None:
            raise self._failure
        if not self.is_finished:
            msg = "its stream ended in the middle of the answer"
            raise ApiFailedError(msg)
        last += self.end()
        return last + (self._writer.usage(self.usage.document()) if self.usage is not None else b"")

    def end(self) -> bytes:
        """Return the events that follow the end of the provider's stream, before the usage."""
        return b""

    @abstractmethod
    def _events(self, data: bytes) -> Iterable[Any]:
        """Yield what ``data`` completes, split anywhere."""

    @abstractmethod
    def _rest(self) -> Iterable[Any]:
        """Yield what the stream's end completes."""

    @abstractmethod
    def _read(self, event: Any) -> bytes:
        """Return the chunks that one event says."""

    def _write(self, events: Iterable[Any]) -> bytes:
        if self._failure is not None:
            raise self._failure
        written: list[bytes] = []
        try:
            for event in events:
                written.append(self._read(event))  # noqa: PERF401  what came before a failure is kept
        except StreamFormatError as exc:
            failure = ApiFailedError(f"its stream can't be read: {exc}")
            failure.__cause__ = exc
            self._failure = failure
        except AutomationError as exc:
            self._failure = exc
        if self._failure is not None and not any(written):
            raise self._failure
        return b"".join(written)

    def _text(self, text: str) -> bytes:
        self.has_begun = self.has_begun or bool(text)
        return self._writer.text(text) if text else b""

    def _reasoning(self, text: str) -> bytes:
        self.has_begun = self.has_begun or bool(text)
        return self._writer.reasoning(text) if text else b""

    def _finish(self, finish_reason: str, stopped_by: str | None = None) -> bytes:
        self.is_finished = True
        return self._writer.finish(finish_reason, stopped_by=stopped_by)


def parse_object(data: bytes | str, *, is_exact: bool = False) -> dict[str, Any]:
    """Return the JSON object in a body or an event; ``is_exact`` keeps every number as it was written.

    Raises:
        ApiFailedError: It is none.
    """
    try:
        document = parse_exactly(data) if is_exact else parse_lenient(data)
    except ValueError as exc:
        msg = f"what it sent is not JSON: {str(exc)[:_LONGEST_WORDS]}"
        raise ApiFailedError(msg) from exc
    if not isinstance(document, dict):
        msg = "what it sent is not a JSON object"
        raise ApiFailedError(msg)
    return document


def parse_or_none(body: bytes) -> Any:
    """Return the JSON of a body that may be anything, as those of errors; None where it is none."""
    try:
        return parse_lenient(body)
    except ValueError:
        return None
