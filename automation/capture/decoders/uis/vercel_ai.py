"""Decodes Vercel's AI SDK: its data stream (version 4) or UI message stream (5 and later), told by its lines. Pure.

The data stream is a code, a colon and JSON on each line (``0:"Hello"``); the UI message stream is server-sent JSON with
a ``type``. An answer may have several text parts, one for each step between tool calls, which pages show one below the
other. An app may write more after a model's finish, so that only ``[DONE]`` or the body's own end is the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from automation.capture.decoders.error_words import error_from_object, error_from_words
from automation.capture.decoders.framing.json_shape import as_dict, as_text, decode_json
from automation.capture.decoders.framing.lines import LineSplitter
from automation.capture.decoders.protocol import (
    StreamFormatError,
    WireAlive,
    WireContinues,
    WireEnd,
    WireEvent,
)
from automation.capture.decoders.sources import Sources
from automation.capture.decoders.text_parts import PartKind, TextParts
from automation.capture.decoders.uis.openai_sse import parse_finish_reason, parse_usage
from automation.turn import FinishReason

_CODES = frozenset("023456789abcdefghijk")
_SSE_FIELDS = frozenset({"", "data", "event", "id", "retry"})
_DONE = "[DONE]"
# The page runs the tool itself and asks again; the answer is in a later response.
_CONTINUED = "tool-calls"


class VercelAiDecoder:
    """Decodes one response. Each of its messages is one line in either stream."""

    def __init__(self) -> None:
        self._lines = LineSplitter()
        self._parts = TextParts()
        self._sources = Sources()
        self._finish_reason: FinishReason | None = None
        self._is_continued = False
        self._is_over = False

    def feed(self, data: bytes) -> list[WireEvent]:
        """Return the events completed by ``data``.

        Raises:
            StreamFormatError: A line is of neither stream.
        """
        return self._read(self._lines.feed(data))

    def closed(self) -> list[WireEvent]:
        """Return the end if a finish was seen, unless the page goes on with another request.

        Raises:
            StreamFormatError: The last line is not complete.
        """
        events = self._read([self._lines.rest()])
        return events if self._is_over or self._finish_reason is None else events + self._end()

    def _read(self, lines: Iterable[str]) -> list[WireEvent]:
        events: list[WireEvent] = []
        for line in lines if not self._is_over else ():
            events += self._line(line)
            if self._is_over:
                break  # what follows an end is of no interest, be it broken or not
        return events

    def _line(self, line: str) -> list[WireEvent]:
        code, colon, rest = line.partition(":")
        if colon and code in _CODES:
            return self._part(code, decode_json(rest))
        if code != "data":
            if code not in _SSE_FIELDS:
                msg = "a line is neither a data stream's nor a server-sent event's"
                raise StreamFormatError(msg)
            return [WireAlive()] if line else []
        if rest.strip() in {"", _DONE}:
            return self._end() if rest.strip() else [WireAlive()]
        return self._chunk(as_dict(decode_json(rest)))

    # -- the data stream ------------------------------------------------------------------------------------------------

    def _part(self, code: str, value: Any) -> list[WireEvent]:
        match code:
            case "0":
                return self._parts.append("text", "", as_text(value))
            case "g":
                return self._parts.append("reasoning", "", as_text(value))
            case "h":
                return [*self._sources.find(value)]
            case "3":
                return self._fail(value)
            case "e" if not as_dict(value).get("isContinued"):
                self._parts.next_step()
                return self._finish(as_dict(value))
            case "d":
                return self._finish(as_dict(value)) + _usage(value)
            case _:
                return [WireAlive()]

    # -- the UI message stream ------------------------------------------------------------------------------------------

    def _chunk(self, chunk: dict[str, Any]) -> list[WireEvent]:
        match as_text(chunk.get("type")):
            case "text-start" | "text-delta" | "text-end":
                return [*self._grow("text", chunk), *self._sources.find(chunk.get("citations"))]
            case "reasoning-start" | "reasoning-delta" | "reasoning-end":
                return self._grow("reasoning", chunk)
            case "source-url":
                return [*self._sources.find(chunk)]
            case "start-step":
                self._parts.next_step()
            case "reset-step":
                return self._parts.reset_step()
            case "finish":
                return self._finish(chunk)
            case "error" | "abort":
                return self._fail(chunk.get("errorText") or chunk.get("reason"))
        return [WireAlive()]

    def _grow(self, kind: PartKind, chunk: dict[str, Any]) -> list[WireEvent]:
        part_id = as_text(chunk.get("id"))
        if chunk["type"].endswith("-start"):
            return self._parts.begin(kind, part_id)
        return self._parts.append(kind, part_id, as_text(chunk.get("delta")))

    # -- both -----------------------------------------------------------------------------------------------------------

    def _finish(self, told: dict[str, Any]) -> list[WireEvent]:
        reason = as_text(told.get("finishReason"))
        self._is_continued = reason == _CONTINUED
        self._finish_reason = parse_finish_reason(reason.replace("-", "_"))
        return [WireAlive()]

    def _end(self) -> list[WireEvent]:
        self._is_over = True
        return [WireContinues()] if self._is_continued else [WireEnd(self._finish_reason or "stop")]

    def _fail(self, error: object) -> list[WireEvent]:
        self._is_over = True
        return [error_from_object({"error": error}) or error_from_words("the answer was stopped")]


def _usage(value: object) -> list[WireEvent]:
    usage = as_dict(as_dict(value).get("usage"))
    names = {"promptTokens": "prompt_tokens", "completionTokens": "completion_tokens"}
    found = parse_usage({ours: usage.get(theirs) for theirs, ours in names.items()})
    return [] if found is None else [found]
