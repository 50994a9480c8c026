"""Dialect of Anthropic's Messages API. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from automation.errors import AutomationError
from backend.provider_errors import ApiFailedError, KeyLimitedError, ModelLimitedError
from backend.providers.api.chat.sse_stream import SseStream
from backend.providers.api.chat.translated_stream import parse_object, parse_or_none
from backend.providers.api.dialect import ApiRequest, Body, Refusal, WholeCompletion
from backend.providers.api.dialects.anthropic_request import JSON_TOOL, ignored_fields, messages_request
from backend.wire.chat_response import CompletionHead, completion_document, to_json
from backend.wire.tool_envelope import CalledTool
from backend.wire.usage import TokenUsage

_HEADERS: Mapping[str, str] = {"anthropic-version": "2023-06-01"}
_FINISH_REASONS: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
# Their thinking can't be read, or is only a signature for sending it back, which OpenAI's messages have no place for.
_SILENT_BLOCKS = frozenset({"redacted_thinking"})
_SILENT_DELTAS = frozenset({"signature_delta"})


class Anthropic:
    """The dialect of Anthropic, and of those who took its Messages API over."""

    def chat(self, body: Body, *, is_streamed: bool) -> ApiRequest:
        """Return the request for a chat body."""
        request = messages_request(body, is_streamed=is_streamed)
        return ApiRequest("/messages", to_json(request), headers=_HEADERS)

    def completion(self, body: bytes, head: CompletionHead) -> WholeCompletion:
        """Return the message as a completion."""
        document = parse_object(body)
        _raise_error_in(document)
        blocks = document.get("content")
        if not isinstance(blocks, list):
            msg = "its answer has no content"
            raise ApiFailedError(msg)
        text, thinking, calls = _gather(blocks)
        usage = _read_usage(document.get("usage"))
        whole = completion_document(
            head,
            text=text,
            reasoning=thinking,
            citations=(),
            finish_reason=_finish_reason(document.get("stop_reason"), has_calls=bool(calls)),
            usage=usage.document() if usage is not None else {},
            tool_calls=calls,
        )
        if usage is None:
            del whole["usage"]
        return WholeCompletion(to_json(whole), usage)

    def stream(self, head: CompletionHead, *, with_usage: bool) -> MessageStream:
        """Return the reader of a streamed message."""
        return MessageStream(head, with_usage=with_usage)

    def refusal(self, body: bytes) -> Refusal:
        """Return what ``{"type": "error", "error": {"type", "message"}}`` says."""
        return _refusal_in(parse_or_none(body))

    def ignored(self, body: Body) -> Sequence[str]:
        """Return the fields without effect; ``temperature`` and ``top_p`` have none beside thinking."""
        return ignored_fields(body)

    def refused(self, body: Body) -> Sequence[str]:  # noqa: ARG002  what it doesn't know isn't sent
        """Return nothing."""
        return ()

    def list_models(self) -> ApiRequest | None:
        """Return the request for the models."""
        return ApiRequest("/models?limit=1000", method="GET", headers=_HEADERS)

    def models(self, body: bytes) -> list[str]:
        """Return their ids."""
        entries = parse_object(body).get("data")
        if not isinstance(entries, list):
            msg = "its list of models has no data"
            raise ApiFailedError(msg)
        names = (entry.get("id") for entry in entries if isinstance(entry, dict))
        return [name for name in names if isinstance(name, str)]

    def embeddings(self, body: Body) -> ApiRequest | None:  # noqa: ARG002  there are none
        """Return None: Anthropic has no embeddings."""
        return None

    def embedded(self, body: bytes, model: str) -> bytes:  # noqa: ARG002  there are none
        """Raise: Anthropic has no embeddings."""
        msg = "it has no embeddings"
        raise ApiFailedError(msg)


class MessageStream(SseStream):
    """Translates the events of one streamed message into chunks; its blocks come one after the other."""

    def __init__(self, head: CompletionHead, *, with_usage: bool) -> None:
        super().__init__(head, with_usage=with_usage)
        self._usage: dict[str, Any] = {}
        self._stop_reason: Any = None
        # From the block's index to the call's, which is None where the call is an answer in JSON.
        self._calls: dict[Any, int | None] = {}
        self._open: set[Any] = set()
        self._inputs: dict[Any, Any] = {}  # of calls whose arguments haven't come in pieces

    def read(self, document: dict[str, Any]) -> bytes:
        """Return the chunks of one event; those of unknown types are to be passed over, says Anthropic."""
        _raise_error_in(document)
        if self.is_finished:
            return b""
        match document.get("type"):
            case "message_start":
                self._note_usage(_object(document, "message").get("usage"))
            case "content_block_start":
                return self._begin_block(document.get("index"), _object(document, "content_block"))
            case "content_block_delta":
                return self._delta(document.get("index"), _object(document, "delta"))
            case "content_block_stop":
                return self._end_block(document.get("index"))
            case "message_delta":
                self._stop_reason = _object(document, "delta").get("stop_reason") or self._stop_reason
                self._note_usage(document.get("usage"))
            case "message_stop":
                reason = self._reason()
                self.is_finished = True
                return self.writer.finish(reason)
        return b""

    def _begin_block(self, index: Any, block: Mapping[str, Any]) -> bytes:
        kind = block.get("type")
        if kind == "text":
            return self._text(block.get("text") or "")
        if kind == "thinking":
            return self._reasoning(block.get("thinking") or "")
        if kind == "tool_use":
            call = _call(block)
            return self._begin_call(index, call, block.get("input") or {})
        _refuse_unknown(kind, _SILENT_BLOCKS)
        return b""

    def _begin_call(self, index: Any, call: CalledTool, arguments: Any) -> bytes:
        place = None if call.name == JSON_TOOL else sum(at is not None for at in self._calls.values())
        self._calls[index] = place
        self._inputs[index] = arguments
        self._open.add(index)
        if place is None:
            return b""
        self.has_begun = True
        return self.writer.tool_call(place, call.id, call.name)

    def _delta(self, index: Any, delta: Mapping[str, Any]) -> bytes:
        kind = delta.get("type")
        if kind == "text_delta":
            return self._text(delta.get("text") or "")
        if kind == "thinking_delta":
            return self._reasoning(delta.get("thinking") or "")
        if kind == "input_json_delta":
            return self._arguments(index, delta.get("partial_json") or "")
        _refuse_unknown(kind, _SILENT_DELTAS)
        return b""

    def _end_block(self, index: Any) -> bytes:
        self._open.discard(index)
        if index not in self._inputs:
            return b""
        # A call without arguments comes without any piece of them, which is no JSON for a client.
        return self._more(index, to_json(self._inputs.pop(index)).decode())

    def _more(self, index: Any, text: str) -> bytes:
        place = self._calls[index]
        return self._text(text) if place is None else self.writer.arguments(place, text)

    def _reason(self) -> str:
        has_calls = any(place is not None for place in self._calls.values())
        reason = _finish_reason(self._stop_reason, has_calls=has_calls)
        if self._open and reason in ("stop", "tool_calls"):
            msg = "its stream ended in the middle of a tool call"
            raise ApiFailedError(msg)
        return reason

    def _text(self, text: str) -> bytes:
        self.has_begun = self.has_begun or bool(text)
        return self.writer.text(text) if text else b""

    def _reasoning(self, text: str) -> bytes:
        self.has_begun = self.has_begun or bool(text)
        return self.writer.reasoning(text) if text else b""

    def _arguments(self, index: Any, text: str) -> bytes:
        if index not in self._calls:
            msg = "its stream has arguments outside of a call"
            raise ApiFailedError(msg)
        if not text:
            return b""
        self._inputs.pop(index, None)
        return self._more(index, text)

    def _note_usage(self, usage: Any) -> None:
        """Keep the latest of each count: they are sums so far, and not every event has all."""
        if isinstance(usage, Mapping):
            self._usage |= {name: count for name, count in usage.items() if count is not None}
            self.usage = _read_usage(self._usage)


def _gather(blocks: list[Any]) -> tuple[str, str, list[CalledTool]]:
    """Return the text, the thinking and the calls of a whole message."""
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[CalledTool] = []
    for block in blocks:
        kind = block.get("type") if isinstance(block, Mapping) else None
        if kind == "text":
            texts.append(block.get("text") or "")
        elif kind == "thinking":
            thoughts.append(block.get("thinking") or "")
        elif kind == "tool_use":
            call = _call(block)
            if call.name == JSON_TOOL:
                texts.append(call.arguments)
            else:
                calls.append(call)
        else:
            _refuse_unknown(kind, _SILENT_BLOCKS)
    return "".join(texts), "".join(thoughts), calls


def _call(block: Mapping[str, Any]) -> CalledTool:
    if not isinstance(block.get("id"), str) or not isinstance(block.get("name"), str):
        msg = "a call in its answer has no id or no name"
        raise ApiFailedError(msg)
    return CalledTool(block["id"], block["name"], to_json(block.get("input") or {}).decode())


def _finish_reason(stop_reason: Any, *, has_calls: bool) -> str:
    """Return OpenAI's word; ``pause_turn`` has none, since a paused answer isn't whole, and only server tools pause."""
    if stop_reason not in _FINISH_REASONS:
        msg = f"its answer ended with stop_reason {stop_reason}"
        raise ApiFailedError(msg)
    reason = _FINISH_REASONS[stop_reason]
    # The tool that stands for JSON is no call to a client.
    return "stop" if reason == "tool_calls" and not has_calls else reason


def _refuse_unknown(kind: Any, silent: frozenset[str]) -> None:
    if kind not in silent:
        msg = f"its answer has a part of type {kind}, for which a chat completion has no place"
        raise ApiFailedError(msg)


def _object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    if not isinstance(value, Mapping):
        msg = f"an event of its stream has no {name}"
        raise ApiFailedError(msg)
    return value


def _read_usage(usage: Any) -> TokenUsage | None:
    """Return the counts; Anthropic's input leaves out what was cached, OpenAI's doesn't."""
    if not isinstance(usage, Mapping) or not isinstance(usage.get("input_tokens"), int):
        return None
    cached = usage.get("cache_read_input_tokens") or 0
    sent = usage["input_tokens"] + cached + (usage.get("cache_creation_input_tokens") or 0)
    details = usage.get("output_tokens_details")
    thought = (details.get("thinking_tokens") or 0) if isinstance(details, Mapping) else 0
    return TokenUsage(sent, usage.get("output_tokens") or 0, cached, thought)


def _raise_error_in(document: Mapping[str, Any]) -> None:
    if document.get("type") != "error" and not document.get("error"):
        return
    said = _refusal_in(document)
    raise _failure(said.message or said.code or "an error without words", said.code)


def _failure(message: str, code: str) -> AutomationError:
    if code == "rate_limit_error":
        return ModelLimitedError(message)
    if code in ("billing_error", "insufficient_balance"):
        return KeyLimitedError(message, None, "quota")
    return ApiFailedError(message)


# What OpenAI has a code for, and Anthropic only words.
_WORDED_CODES: Sequence[tuple[str, str]] = (
    ("prompt is too long", "context_length_exceeded"),
    ("exceed context limit", "context_length_exceeded"),
    ("credit balance is too low", "insufficient_balance"),
)


def _refusal_in(document: Any) -> Refusal:
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, Mapping):
        return Refusal(error if isinstance(error, str) else "")
    message, code = error.get("message"), str(error.get("type") or "")
    words = message if isinstance(message, str) else ""
    if code == "not_found_error" and words.startswith("model:"):
        return Refusal(words, "model_not_found", "model")
    for part, known in _WORDED_CODES:
        if part in words:
            return Refusal(words, known)
    return Refusal(words, code)
