"""Passes a stream of OpenAI's events on as they came. Pure."""

from __future__ import annotations

from typing import Any

from automation.errors import AutomationError
from backend.provider_errors import ApiFailedError
from backend.providers.api.chat.passed_answer import (
    PassedChoice,
    parse_openai_usage,
    parse_passed,
)
from backend.providers.api.chat.stated_errors import raise_stated_error
from backend.wire.answers.answer_document import read_list
from backend.wire.chat_response import escape_line_ends, sse_event
from backend.wire.usage import TokenUsage

MOST_EVENT_BYTES = 16 * 1024 * 1024  # an image in a delta
_MOST_CHOICES = 1000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANK = b" \t"


class PassedStream:
    """Passes the events of a stream on as they came, and reads each for what must be known of it.

    Reading costs about two microseconds an event; an event that isn't JSON must never reach a client.
    """

    def __init__(self, *, with_usage: bool) -> None:
        self.has_begun = False
        self.is_finished = False
        self.usage: TokenUsage | None = None
        self._with_usage = with_usage
        self._usage_event = b""
        self._pieces: list[bytes] = []  # of the event that is not complete yet
        self._rest_bytes = 0
        self._is_first = True
        self._choices: dict[int, PassedChoice] = {}
        self._is_done = False
        self._failure: AutomationError | None = None

    def feed(self, data: bytes) -> bytes:
        """Return the events that ``data`` completes, without comments, usage that nobody asked for, and ``[DONE]``."""
        self._count(len(data))
        if b"\n" not in data and b"\r" not in data and self._failure is None:
            # No event ends without a line's end: what a long one consists of is put together once.
            self._pieces.append(data)
            return b""
        data = b"".join([*self._pieces, data])
        if b"\r" in data:
            # A lone CR at the end may be half of a CRLF.
            held = b"\r" if data.endswith(b"\r") else b""
            data = data[: len(data) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n") + held
        *events, rest = data.split(b"\n\n")
        self._pieces, self._rest_bytes = [rest], len(rest)
        if events and self._is_first:
            self._is_first = False
            events[0] = events[0].removeprefix(_BYTE_ORDER_MARK)
        return b"".join(self._passed(events))

    def _count(self, more_bytes: int) -> None:
        self._rest_bytes += more_bytes
        if self._rest_bytes > MOST_EVENT_BYTES:
            msg = "an event of its stream has no end"
            raise ApiFailedError(msg)

    def _passed(self, events: list[bytes]) -> list[bytes]:
        """Return what is passed on of the events; an error among them is raised after what came before it."""
        if self._failure is not None:
            raise self._failure
        passed: list[bytes] = []
        try:
            for event in events:
                if event and (kept := self._read(event)):
                    passed.append(kept)  # noqa: PERF401  what came before a failure is kept
        except AutomationError as exc:
            if not passed:
                raise
            self._failure = exc
        return passed

    def close(self) -> bytes:
        """Return the last event where it came without its empty line, as some servers end, and the usage if it was asked for."""
        last = self.feed(b"\n\n" if b"".join(self._pieces).strip() else b"")
        if self._failure is not None:
            raise self._failure
        if not self.is_finished:
            msg = "its stream ended in the middle of the answer"
            raise ApiFailedError(msg)
        return last + (self._usage_event if self._with_usage else b"")

    def _read(self, event: bytes) -> bytes:
        data = event[6:] if event.startswith(b"data: ") and b"\n" not in event else _join_data(event)
        if self._is_done or (data[:1] != b"{" and self._says_nothing(data)):
            return b""
        document = parse_passed(data)
        if "error" in document or "base_resp" in document:
            raise_stated_error(document)
        if (usage := document.get("usage")) is not None:
            self.usage = parse_openai_usage(usage) or self.usage
        choices = document.get("choices")
        if not choices or type(choices) is not list:
            read_list(document, "choices")
            if usage is not None:
                self._usage_event = _passed_event(data)
            return b""
        is_mended = False
        for choice in choices:
            is_mended = self._mend(choice) or is_mended
        if usage is not None and not self._with_usage:
            del document["usage"]
            is_mended = True
        return sse_event(document) if is_mended else _passed_event(data)

    def _says_nothing(self, data: bytes) -> bool:
        words = data.strip(_BLANK)
        if words == b"[DONE]":
            self._is_done = True
        return self._is_done or not words

    def _mend(self, choice: Any) -> bool:
        if type(choice) is not dict:
            msg = "a choice of its stream is no object"
            raise ApiFailedError(msg)
        index = choice.get("index") or 0
        if not isinstance(index, int):
            msg = "the index of a choice of its stream is no number"
            raise ApiFailedError(msg)
        known = self._choices.get(index)
        if known is None:
            if len(self._choices) >= _MOST_CHOICES:
                msg = "its stream has more choices than anybody can have asked for"
                raise ApiFailedError(msg)
            known = self._choices[index] = PassedChoice()
            self.is_finished = False
        is_mended = known.mend(choice)
        self.has_begun = self.has_begun or known.has_begun
        if known.is_finished:
            self.is_finished = all(one.is_finished for one in self._choices.values())
        return is_mended


def _passed_event(data: bytes) -> bytes:
    if b"\n" in data:
        data = data.replace(b"\n", b"\ndata: ")
    return b"data: " + escape_line_ends(data) + b"\n\n"


def _join_data(event: bytes) -> bytes:
    """Return the joined data of an event of several lines; empty for one without any.

    Comments and fields that the standard doesn't know are passed over (WHATWG HTML 9.2.6).
    """
    lines = [line.partition(b":") for line in event.split(b"\n")]
    return b"\n".join(value.removeprefix(b" ") for name, _, value in lines if name == b"data")
