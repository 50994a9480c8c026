"""Passes server-sent events on as they came, and reads each for what must be known of it. Pure."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

from automation.errors import AutomationError
from backend.provider_errors import ApiFailedError
from backend.providers.api.chat.translated_stream import parse_object
from backend.wire.chat_response import escape_line_ends
from backend.wire.usage import TokenUsage

_MOST_EVENT_BYTES = 64 * 1024 * 1024  # the last event of a response repeats all of it
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class PassedEvents:
    """A ``ChatStream`` of events in the API's own words; a subclass reads them.

    Args:
        mask_words: Takes the endpoint's secrets out of what an error says.

    Attributes:
        has_begun: Something of the answer came.
        is_finished: The answer is whole.
        usage: As reported so far.
    """

    def __init__(self, mask_words: Callable[[str], str] = str) -> None:
        self._mask_words = mask_words
        self.has_begun = False
        self.is_finished = False
        self.usage: TokenUsage | None = None
        self._rest = b""
        self._is_new = True
        self._failure: AutomationError | None = None

    @abstractmethod
    def note(self, document: dict[str, Any]) -> AutomationError | None:
        """Read one event's document; return the error that it tells."""

    def feed(self, data: bytes) -> bytes:
        """Return the events that ``data`` completes; an error after the beginning is passed on, and raised by the next call."""
        if self._failure is not None:
            raise self._failure
        data = self._rest + data
        if self._is_new and data:
            self._is_new, data = False, data.removeprefix(_BYTE_ORDER_MARK)
        if b"\r" in data:
            # A lone CR at the end may be half of a CRLF.
            held = b"\r" if data.endswith(b"\r") else b""
            data = data[: len(data) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n") + held
        *events, self._rest = data.split(b"\n\n")
        if len(self._rest) > _MOST_EVENT_BYTES:
            msg = "an event of its stream has no end"
            raise ApiFailedError(msg)
        return b"".join(self._until_failure(events))

    def _until_failure(self, events: list[bytes]) -> Iterator[bytes]:
        for event in events:
            yield self._passed(event)
            if self._failure is not None:
                return

    def close(self) -> bytes:
        """Return the last event where it came without its empty line; raise where the answer is not whole."""
        last = self.feed(b"\n\n" if self._rest.strip() else b"")
        if self._failure is not None:
            raise self._failure
        if not self.is_finished:
            msg = "its stream ended in the middle of the answer"
            raise ApiFailedError(msg)
        return last

    def _passed(self, event: bytes) -> bytes:
        data = _data_of(event)
        if data.strip() in (b"", b"[DONE]"):
            return b""
        failure = self.note(parse_object(data))
        if failure is not None:
            if not self.has_begun:
                raise failure
            self._failure = failure
            # Some repeat the key that they were sent.
            event = self._mask_words(event.decode("utf-8", "surrogateescape")).encode(
                "utf-8", "surrogateescape"
            )
        return escape_line_ends(event.strip(b"\n")) + b"\n\n"


def _data_of(event: bytes) -> bytes:
    lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
    return lines[0] if len(lines) == 1 else b"\n".join(lines)
