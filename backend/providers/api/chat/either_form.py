"""Reads an answer whose first bytes show that it is not in the form that was asked for: whole, or a stream. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from backend.provider_errors import ApiFailedError
from backend.providers.api.chat.translated_stream import parse_or_none
from backend.providers.api.dialect import ChatStream, Dialect, WholeCompletion
from backend.wire.answers.chunked_completion import gather_completion, split_completion
from backend.wire.answers.exact_json import dump_exactly, parse_exactly
from backend.wire.chat_response import CompletionHead, to_json
from backend.wire.usage import TokenUsage

MOST_WHOLE_BYTES = 64 * 1024 * 1024
_NOTHING_YET = b" \t\r\n\xef\xbb\xbf"
_JSON_BEGINS = (b"{", b"[")
_EVENTS_BEGIN = (b"data:", b"event:", b"id:", b"retry:", b":")


def read_completion(dialect: Dialect, body: bytes, head: CompletionHead) -> WholeCompletion:
    """Return the whole answer in a body, also where that is a stream of events.

    Raises:
        AutomationError: There is none.
    """
    begun = body.lstrip(_NOTHING_YET)
    if not begun.startswith(_EVENTS_BEGIN):
        return dialect.completion(body, head)
    stream = dialect.stream(head, with_usage=True)
    events = stream.feed(begun) + stream.feed(b"") + stream.close()
    return WholeCompletion(to_json(gather_completion(events)), stream.usage)


class EitherStream:
    """A ``ChatStream`` of events, or of a whole answer that came in their place."""

    def __init__(self, dialect: Dialect, head: CompletionHead, *, with_usage: bool) -> None:
        self._dialect = dialect
        self._head = head
        self._with_usage = with_usage
        self._beginning = b""
        self._stream: ChatStream | None = None

    @property
    def has_begun(self) -> bool:
        """Whether text, reasoning, a refusal or a call came."""
        return self._stream is not None and self._stream.has_begun

    @property
    def is_finished(self) -> bool:
        """Whether the provider said that the answer is whole."""
        return self._stream is not None and self._stream.is_finished

    @property
    def usage(self) -> TokenUsage | None:
        """The tokens, as reported so far."""
        return self._stream.usage if self._stream is not None else None

    def feed(self, data: bytes) -> bytes:
        """Return the events that ``data`` completes.

        Raises:
            AutomationError: As from the dialect's stream.
        """
        if self._stream is not None:
            return self._stream.feed(data)
        self._beginning += data
        begun = self._beginning.lstrip(_NOTHING_YET)
        if not begun:
            return b""
        self._stream = self._choose(is_whole=begun.startswith(_JSON_BEGINS))
        return self._stream.feed(begun)

    def close(self) -> bytes:
        """Return what was held back.

        Raises:
            AutomationError: The answer is not whole.
        """
        return (self._stream or self._choose(is_whole=False)).close()

    def _choose(self, *, is_whole: bool) -> ChatStream:
        if is_whole:
            return _WholeAnswer(self._dialect, self._head, with_usage=self._with_usage)
        return self._dialect.stream(self._head, with_usage=self._with_usage)


class _WholeAnswer:
    """A ``ChatStream`` that is read at its end."""

    def __init__(self, dialect: Dialect, head: CompletionHead, *, with_usage: bool) -> None:
        self.has_begun = False
        self.is_finished = False
        self.usage: TokenUsage | None = None
        self._dialect = dialect
        self._head = head
        self._with_usage = with_usage
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> bytes:
        """Keep it."""
        self._size += len(data)
        if self._size > MOST_WHOLE_BYTES:
            msg = "its answer is larger than 64 MiB"
            raise ApiFailedError(msg)
        self._pieces.append(data)
        return b""

    def close(self) -> bytes:
        """Return the events of the answer; of a list, of its documents, as of events with each of them."""
        body = b"".join(self._pieces)
        if isinstance(parse_or_none(body), list):
            stream = self._dialect.stream(self._head, with_usage=self._with_usage)
            events = (
                stream.feed(b"".join(_as_events(parse_exactly(body)))) + stream.feed(b"") + stream.close()
            )
            self.usage = stream.usage
        else:
            whole = self._dialect.completion(body, self._head)
            events = split_completion(whole.body, with_usage=self._with_usage)
            self.usage = whole.usage
        self.has_begun = self.is_finished = True
        return events


def _as_events(documents: Iterable[object]) -> Iterable[bytes]:
    return (b"data: " + dump_exactly(document) + b"\n\n" for document in documents)
