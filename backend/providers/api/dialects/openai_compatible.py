"""Dialect of OpenAI itself: passes bodies through as they are, and reads only what must be known of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from automation.errors import AutomationError
from backend.provider_errors import (
    ApiContentBlockedError,
    ApiFailedError,
    KeyLimitedError,
    ModelLimitedError,
)
from backend.providers.api.chat.translated_stream import parse_object, parse_or_none
from backend.providers.api.dialect import ApiRequest, Body, Refusal, WholeCompletion
from backend.providers.api.presets import Quirks
from backend.wire.chat_response import CompletionHead, escape_line_ends, sse_event, to_json
from backend.wire.usage import TokenUsage

MOST_EVENT_BYTES = 16 * 1024 * 1024  # an image in a delta
_BEGINNINGS = ("content", "reasoning_content", "reasoning", "tool_calls", "refusal", "audio", "function_call")
_LIMIT_CODES = frozenset({"rate_limit_exceeded", "rate_limit_error", "too_many_requests", "429"})
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_not_active", "insufficient_balance"})
_BLOCKED_CODES = frozenset({"content_filter", "content_policy_violation", "responsibleaipolicyviolation"})


class OpenAICompatible:
    """The dialect of OpenAI and all who took it over, with the quirks of one of them."""

    def __init__(self, quirks: Quirks = Quirks()) -> None:  # noqa: B008  frozen
        self._quirks = quirks

    def chat(self, body: Body, *, is_streamed: bool) -> ApiRequest:
        """Return the request for a chat body."""
        quirks = self._quirks
        changed = dict(body)
        if is_streamed and quirks.has_stream_options:
            # Always asked for: what it costs must be known; it is taken out again where the client didn't ask.
            changed["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        else:
            changed.pop("stream_options", None)
        if quirks != _NONE:
            _adapt(changed, quirks)
        return ApiRequest("/chat/completions", to_json(changed))

    def completion(self, body: bytes, head: CompletionHead) -> WholeCompletion:  # noqa: ARG002  it has its own
        """Return the answer as it came, once it is known to be one."""
        document = parse_object(body)
        _raise_error_in(document)
        choices = document.get("choices")
        if not isinstance(choices, list) or not choices:
            msg = "its answer has no choices"
            raise ApiFailedError(msg)
        for choice in choices:
            if not isinstance(choice, Mapping) or not isinstance(choice.get("message"), Mapping):
                msg = "a choice of its answer has no message"
                raise ApiFailedError(msg)
            if not choice.get("finish_reason"):
                msg = "its answer has no finish_reason: it may be cut"
                raise ApiFailedError(msg)
        return WholeCompletion(body, parse_openai_usage(document.get("usage")))

    def stream(self, head: CompletionHead, *, with_usage: bool) -> PassedStream:  # noqa: ARG002  it has its own
        """Return the reader of a streamed answer."""
        return PassedStream(with_usage=with_usage)

    def refusal(self, body: bytes) -> Refusal:
        """Return what an error body says; ``{"error": {…}}``, ``{"error": "…"}``, ``{"detail": …}`` and ``{"message": …}`` are known."""
        return _refusal_in(parse_or_none(body))

    def ignored(self, body: Body) -> Sequence[str]:  # noqa: ARG002  everything is passed on
        """Return nothing: the provider itself decides."""
        return ()

    def refused(self, body: Body) -> Sequence[str]:
        """Return the fields that this API is known to refuse, or that only some are known to take."""
        names = self._quirks.lacks & body.keys()
        if "web_search_options" in body and not self._has_search(str(body.get("model"))):
            names |= {"web_search_options"}
        return sorted(names)

    def _has_search(self, model: str) -> bool:
        where = self._quirks.search
        return where == "everywhere" or (where == "by model" and "search" in model)

    def list_models(self) -> ApiRequest | None:
        """Return the request for the models."""
        return ApiRequest("/models", method="GET")

    def models(self, body: bytes) -> list[str]:
        """Return their ids; a bare list is known besides ``{"data": […]}``."""
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as exc:
            msg = "its list of models is not JSON"
            raise ApiFailedError(msg) from exc
        entries = document.get("data", document.get("models")) if isinstance(document, dict) else document
        if not isinstance(entries, list):
            msg = "its list of models has no data"
            raise ApiFailedError(msg)
        names = (entry.get("id", entry.get("name")) for entry in entries if isinstance(entry, dict))
        return [name for name in names if isinstance(name, str)]

    def embeddings(self, body: Body) -> ApiRequest | None:
        """Return the request as it came."""
        return ApiRequest("/embeddings", to_json(dict(body)))

    def embedded(self, body: bytes, model: str) -> bytes:  # noqa: ARG002  it has its own
        """Return the document as it came, once it is known to be one."""
        document = parse_object(body)
        _raise_error_in(document)
        if not isinstance(document.get("data"), list):
            msg = "its embeddings have no data"
            raise ApiFailedError(msg)
        return body


class PassedStream:
    """Passes the events of a stream on as they came, and reads each for what must be known of it.

    Reading costs about a microsecond an event; an event that isn't JSON must never reach a client.
    """

    def __init__(self, *, with_usage: bool) -> None:
        self.has_begun = False
        self.is_finished = False
        self.usage: TokenUsage | None = None
        self._with_usage = with_usage
        self._usage_event = b""
        self._rest = b""
        self._open_choices: set[int] = set()
        self._finished_choices: set[int] = set()
        self._is_done = False
        self._failure: AutomationError | None = None

    def feed(self, data: bytes) -> bytes:
        """Return the events that ``data`` completes, without comments, usage that nobody asked for, and ``[DONE]``."""
        data = self._rest + data
        if b"\r" in data:
            # A lone CR at the end may be half of a CRLF.
            held = b"\r" if data.endswith(b"\r") else b""
            data = data[: len(data) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n") + held
        *events, self._rest = data.split(b"\n\n")
        if len(self._rest) > MOST_EVENT_BYTES:
            msg = "an event of its stream has no end"
            raise ApiFailedError(msg)
        return b"".join(self._passed(events))

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
        last = self.feed(b"\n\n" if self._rest.strip() else b"")
        if self._failure is not None:
            raise self._failure
        if not self.is_finished:
            msg = "its stream ended in the middle of the answer"
            raise ApiFailedError(msg)
        return last + (self._usage_event if self._with_usage else b"")

    def _read(self, event: bytes) -> bytes:
        data = event[6:] if event.startswith(b"data: ") and b"\n" not in event else _join_event_data(event)
        if data is None or self._is_done:
            return b""
        if data == b"[DONE]":
            self._is_done = True
            return b""
        document = parse_object(data)
        _raise_error_in(document)
        if (usage := document.get("usage")) is not None:
            self.usage = parse_openai_usage(usage) or self.usage
        choices = document.get("choices")
        if not choices:
            if usage is not None:
                self._usage_event = b"data: " + escape_line_ends(data) + b"\n\n"
            return b""
        for choice in choices:
            self._note(choice)
        if usage is not None and not self._with_usage:
            document.pop("usage")
            return sse_event(document)
        return b"data: " + escape_line_ends(data) + b"\n\n"

    def _note(self, choice: Any) -> None:
        if not isinstance(choice, dict):
            msg = "a choice of its stream is not an object"
            raise ApiFailedError(msg)
        delta = choice.get("delta") or {}
        if not self.has_begun and any(delta.get(name) for name in _BEGINNINGS):
            self.has_begun = True
        index = choice.get("index", 0)
        self._open_choices.add(index)
        if choice.get("finish_reason"):
            self._finished_choices.add(index)
            self.is_finished = self._finished_choices >= self._open_choices
        else:
            self.is_finished = self.is_finished and index in self._finished_choices


def parse_openai_usage(usage: Any) -> TokenUsage | None:
    """Return OpenAI's ``usage``, also DeepSeek's names for what was cached; None where it says nothing."""
    if not isinstance(usage, Mapping):
        return None
    sent, got = usage.get("prompt_tokens"), usage.get("completion_tokens", 0)
    if not isinstance(sent, int) or not isinstance(got, int):
        return None
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
    return TokenUsage(sent, got, cached or usage.get("prompt_cache_hit_tokens") or 0, reasoning or 0)


def _adapt(body: dict[str, Any], quirks: Quirks) -> None:
    if not quirks.has_developer_role:
        body["messages"] = [
            {**m, "role": "system"} if isinstance(m, dict) and m.get("role") == "developer" else m
            for m in body["messages"]
        ]
    if not quirks.takes_reasoning:
        body["messages"] = [
            {name: value for name, value in m.items() if name != "reasoning_content"}
            if isinstance(m, dict) and "reasoning_content" in m
            else m
            for m in body["messages"]
        ]
    if quirks.max_tokens == "max_tokens" and (most := body.pop("max_completion_tokens", None)) is not None:
        body["max_tokens"] = most
    if quirks.seed != "seed" and "seed" in body:
        body[quirks.seed] = body.pop("seed")
    if body.get("tool_choice") == "required":
        body["tool_choice"] = quirks.any_tool


def _join_event_data(event: bytes) -> bytes | None:
    """Return the joined data of an event of several lines; None for one without any."""
    lines = event.split(b"\n")
    data = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
    for line in lines:
        if line and not line.startswith((b"data:", b":", b"event:", b"id:", b"retry:")):
            msg = "its stream is no event stream"
            raise ApiFailedError(msg)
    return b"\n".join(data) if data else None


def _raise_error_in(document: Mapping[str, Any]) -> None:
    """Raise what a body or an event under HTTP 200 says went wrong."""
    if not document.get("error"):
        return
    said = _refusal_in(document)
    message, code = said.message or "an error without words", said.code.lower()
    if code in _QUOTA_CODES:
        raise KeyLimitedError(message, said.retry_after_s, "quota")
    if code in _LIMIT_CODES:
        raise ModelLimitedError(message, said.retry_after_s)
    if code in _BLOCKED_CODES:
        raise ApiContentBlockedError(message)
    raise ApiFailedError(message)


def _refusal_in(document: Any) -> Refusal:
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return Refusal("")
    error = document.get("error", document)
    if isinstance(error, str):
        return Refusal(error, str(document.get("code") or ""))
    if not isinstance(error, dict):
        return Refusal("")
    message = error.get("message") or error.get("detail") or error.get("msg") or ""
    code, param = error.get("code") or error.get("type") or "", error.get("param")
    words = message if isinstance(message, str) else orjson.dumps(message).decode()
    return Refusal(words, str(code), param if isinstance(param, str) else None)


_NONE = Quirks()
