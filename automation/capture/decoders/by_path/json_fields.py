"""Reads text, reasoning, sources, an error and the end from one JSON message, by a profile's paths. Pure."""

from __future__ import annotations

from typing import Any

from automation.capture.decoders.answer import AnswerSoFar
from automation.capture.decoders.error_words import error_from_object, error_from_words
from automation.capture.decoders.framing.json_shape import as_text, decode_json, decode_json_values
from automation.capture.decoders.protocol import (
    StreamFormatError,
    WireAlive,
    WireContinues,
    WireEnd,
    WireEvent,
)
from automation.capture.decoders.sources import Sources
from automation.capture.decoders.uis.openai_sse import CONTINUED, parse_finish_reason
from automation.growing_text import GrowingText, Text
from automation.json_path import Condition, JsonPath
from automation.profiles.wire_format import CLOSE, Wire, is_condition
from automation.turn import FinishReason

_ERROR_EVENTS = frozenset({"error", "connect_error"})


class JsonFields:
    """Reads the messages of one answer.

    Attributes:
        is_over: The end or an error was returned; there is nothing to read after it.
    """

    def __init__(self, wire: Wire) -> None:
        self._text, self._reasoning, self._sources, self._error, self._finish = (
            tuple(map(JsonPath.parse, paths))
            for paths in (
                wire.text_path or ("$",),
                wire.reasoning_path,
                wire.sources_path,
                wire.error_path or ("error",),
                wire.finish_reason_path,
            )
        )
        self._ends = tuple(Condition.parse(end) for end in wire.end if is_condition(end))
        self._end_words = {end for end in wire.end if not is_condition(end)} - {CLOSE}
        self._ends_by_closing = CLOSE in wire.end
        self._events = frozenset(wire.events)
        self._is_snapshot, self._tail = wire.snapshot, wire.snapshot_tail
        self._found = Sources()
        self._finish_reason: FinishReason = "stop"
        self._is_continued = False
        self.answer = AnswerSoFar()
        self.is_over = False

    def read(self, data: str, event: str = "") -> list[WireEvent]:
        """Return the events of one data line, line or frame: JSON values, or one of the words that end an answer.

        Raises:
            StreamFormatError: It is neither, or what a path finds is no text.
        """
        if self.is_end(data):
            return self.end()
        if self._is_told_by_name(event):
            return self.read_value(_value_or_words(data), event)
        return [found for value in decode_json_values(data) for found in self.read_value(value, event)] or [
            WireAlive()
        ]

    def is_end(self, data: str) -> bool:
        """Whether a data line, line or frame is one of the words that end an answer."""
        return data.strip() in self._end_words

    def read_value(self, value: Any, event: str = "") -> list[WireEvent]:
        """Return the events of one value that came with an event of that name.

        Raises:
            StreamFormatError: What a path finds is no text.
        """
        if self.is_over:
            return []
        if event in self._end_words:
            return self.end()
        if self._is_told_by_name(event):
            return self._fail(_parse_error(value)) if event in _ERROR_EVENTS else [WireAlive()]
        return self.take(value, event)

    def _is_told_by_name(self, event: str) -> bool:
        if event in self._end_words:
            return True
        return event not in self._events and (bool(self._events) or event in _ERROR_EVENTS)

    def take(self, value: Any, event: str = "") -> list[WireEvent]:
        """Return the events of one message; a ``WireAlive`` if it has none.

        Raises:
            StreamFormatError: What a path finds is no text.
        """
        for error in _first(self._error, value, event):
            if error:
                return self._fail(error_from_object({"error": error}) or error_from_words(str(error)))
        for reason in _first(self._finish, value, event):
            self._finish_reason = parse_finish_reason(as_text(reason))
            self._is_continued = as_text(reason) in CONTINUED
        events = [*self._texts(value, event), *self._new_sources(value, event)]
        if any(end.holds(value, event) for end in self._ends):
            events += self.end()
        return events or [WireAlive()]

    def texts_in(self, value: Any, event: str = "") -> tuple[list[Text], list[Text]]:
        """Return the texts and the reasoning in a message, in pieces.

        Raises:
            StreamFormatError: What a path finds is no text.
        """
        return _texts_at(self._text, value, event), _texts_at(self._reasoning, value, event)

    def end(self) -> list[WireEvent]:
        """Return the end."""
        self.is_over = True
        return [WireContinues() if self._is_continued else WireEnd(self._finish_reason)]

    def closed(self) -> list[WireEvent]:
        """Return the end if the body's own end is one, and there is something that it can end."""
        return self.end() if self._ends_by_closing and self.has_answer and not self.is_over else []

    @property
    def has_answer(self) -> bool:
        """Whether there is any text or reasoning so far."""
        return any(self.answer.sizes)

    def _texts(self, value: Any, event: str) -> list[WireEvent]:
        texts = self.texts_in(value, event)
        text, reasoning = ("".join(map(str, found)) if found else None for found in texts)
        if not self._is_snapshot:
            return self.answer.grow(text or "", reasoning or "")
        return self.answer.become(None if text is None else text.removesuffix(self._tail), reasoning)

    def _new_sources(self, value: Any, event: str) -> list[WireEvent]:
        found = (one for path in self._sources for one in path.find(value, event))
        return [source for one in found for source in self._found.find(one)]

    def _fail(self, error: WireEvent) -> list[WireEvent]:
        self.is_over = True
        return [error]


def _value_or_words(data: str) -> Any:
    """Return the JSON in an event whose name tells what it is, or its words: it needn't hold JSON."""
    try:
        return decode_json(data)
    except StreamFormatError:
        return data


def _parse_error(value: Any) -> WireEvent:
    error = error_from_object(value) or error_from_object({"error": value})
    return error or error_from_words("an error event without a word")


def _first(paths: tuple[JsonPath, ...], value: Any, event: str) -> list[Any]:
    for path in paths:
        found = [one for one in path.find(value, event) if one is not None]
        if found:
            return found
    return []


def _texts_at(paths: tuple[JsonPath, ...], value: Any, event: str) -> list[Text]:
    found = _first(paths, value, event)
    if not all(isinstance(one, str | GrowingText) for one in found):
        msg = "a path of the profile leads to something that is no text"
        raise StreamFormatError(msg)
    return found
