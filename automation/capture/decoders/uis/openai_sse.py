"""Decodes OpenAI's chat completions as a page receives them: server-sent chunks, or one JSON body. Pure.

Also what llama.cpp, vLLM and proxies make of them: ``reasoning_content`` or ``reasoning`` beside ``content``, errors as
an object in the stream or as the whole body under HTTP 200, streams that close after a finish reason without ``[DONE]``,
cited pages as ``annotations``, ``search_results`` or ``citations``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from automation.capture.decoders.error_words import error_from_object, error_from_words
from automation.capture.decoders.framing.json_shape import as_dict, as_list, as_text, decode_json
from automation.capture.decoders.framing.sse import ServerSentEvent, SseParser
from automation.capture.decoders.framing.whole_body import WholeBody
from automation.capture.decoders.protocol import StreamFormatError, WireContinues, WireEnd, WireEvent
from automation.capture.decoders.sources import Sources
from automation.turn import FinishReason, ReasoningDelta, TextDelta, UsageReported

_MOST_TOKENS = 2**53  # what JSON's readers agree on

# Names of the same thing by those who speak this dialect; anything else is a "stop".
_FINISH_REASONS: dict[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
    "safety": "content_filter",
}
# The page runs the tool itself and asks again; the answer is in a later response (llama.cpp's web UI does so).
CONTINUED = frozenset({"tool_calls", "function_call"})


def parse_finish_reason(word: str) -> FinishReason:
    """Return our word for a site's finish reason."""
    return _FINISH_REASONS.get(word.lower(), "stop")


def parse_usage(value: object) -> UsageReported | None:
    """Return the token counts of a ``usage`` object, or None if it has none."""
    usage = as_dict(value)
    counts = usage.get("prompt_tokens"), usage.get("completion_tokens")
    known = [count for count in counts if isinstance(count, int) and 0 <= count < _MOST_TOKENS]
    return UsageReported(*known) if len(known) == len(counts) else None


class OpenAiSseDecoder:
    """Decodes one response; its first byte shows whether it is a stream or one JSON value."""

    def __init__(self) -> None:
        self._sse = SseParser()
        self._mode: Literal["unknown", "sse", "json"] = "unknown"
        self._body = WholeBody()
        self._sources = Sources()
        self._finish_reason: FinishReason | None = None
        self._is_over = False

    def feed(self, data: bytes) -> list[WireEvent]:
        """Return the events completed by ``data``.

        Raises:
            StreamFormatError: It is neither a stream of chunks nor JSON.
        """
        if self._mode == "unknown":
            self._mode = _detect_mode(data)
        if self._mode == "json":
            self._body.feed(data)
            return []
        return self._read(self._sse.feed(data))

    def closed(self) -> list[WireEvent]:
        """Return the end if a finish reason was seen, or what the one JSON value says.

        Raises:
            StreamFormatError: The one JSON value is incomplete, or is neither a completion nor an error; or the stream
                broke off inside a chunk.
        """
        if self._mode == "json":
            return self._whole_body()
        events = self._read(self._sse.closed()) if self._finish_reason is None else []
        return events if self._finish_reason is None or self._is_over else events + self._end()

    def _read(self, sent: Iterable[ServerSentEvent]) -> list[WireEvent]:
        events: list[WireEvent] = []
        for one in sent if not self._is_over else ():
            events += self._event(one.data)
            if self._is_over:
                break  # what follows an end is of no interest, be it broken or not
        return events

    def _event(self, data: str) -> list[WireEvent]:
        if data.strip() == "[DONE]":
            return self._end()
        chunk = decode_json(data)
        if not isinstance(chunk, dict):
            msg = "a chunk is not an object"
            raise StreamFormatError(msg)
        error = error_from_object(chunk)
        if error is not None:
            self._is_over = True
            return [error]
        return self._choice(_first_choice(chunk), "delta") + self._cited(chunk) + _usage_events(chunk)

    def _choice(self, choice: dict[str, Any], key: Literal["delta", "message"]) -> list[WireEvent]:
        said = as_dict(choice.get(key))
        events = [*_text_events(said), *self._sources.find(said.get("annotations"))]
        reason = as_text(choice.get("finish_reason"))
        if reason == "error":
            self._is_over = True
            events.append(error_from_words("finish_reason: error"))
        elif reason in CONTINUED:
            self._is_over = True
            events.append(WireContinues())
        elif reason:
            self._finish_reason = parse_finish_reason(reason)
        return events

    def _cited(self, chunk: dict[str, Any]) -> list[WireEvent]:
        # The same pages stand in both lists; only one of them has their titles.
        return [*self._sources.find(chunk.get("search_results")), *self._sources.find(chunk.get("citations"))]

    def _end(self) -> list[WireEvent]:
        self._is_over = True
        return [WireEnd(self._finish_reason or "stop")]

    def _whole_body(self) -> list[WireEvent]:
        body = self._body.value()
        error = error_from_object(body)
        if error is not None:
            return [error]
        choice = _first_choice(as_dict(body))
        if "message" not in choice:
            msg = "a JSON body is neither a completion nor an error"
            raise StreamFormatError(msg)
        events = self._choice(choice, "message") + self._cited(body) + _usage_events(body)
        return events if self._is_over else events + self._end()


def _detect_mode(data: bytes) -> Literal["unknown", "sse", "json"]:
    start = data.lstrip(b" \t\r\n\xef\xbb\xbf")[:1]
    if not start:
        return "unknown"
    if start == b"<":
        msg = "the body is HTML or XML"
        raise StreamFormatError(msg)
    return "json" if start in b"{[" else "sse"


def _first_choice(chunk: dict[str, Any]) -> dict[str, Any]:
    for choice in as_list(chunk.get("choices")):
        if as_dict(choice).get("index", 0) == 0:
            return as_dict(choice)
    return {}


def _text_events(delta: dict[str, Any]) -> list[WireEvent]:
    events: list[WireEvent] = []
    # Some proxies send both names with the same text.
    reasoning = as_text(delta.get("reasoning_content")) or as_text(delta.get("reasoning"))
    if reasoning:
        events.append(ReasoningDelta(reasoning))
    if as_text(delta.get("content")):
        events.append(TextDelta(delta["content"]))
    return events


def _usage_events(chunk: dict[str, Any]) -> list[WireEvent]:
    usage = parse_usage(chunk.get("usage"))
    return [] if usage is None else [usage]
