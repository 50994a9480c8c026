"""Dialect of Anthropic's Messages API. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from automation.errors import AutomationError
from backend.provider_errors import (
    ApiFailedError,
    ApiOverloadedError,
    KeyLimitedError,
    ModelLimitedError,
)
from backend.providers.api.chat.sse_stream import SseStream
from backend.providers.api.chat.translated_stream import parse_object, parse_or_none
from backend.providers.api.dialect import ApiRequest, Body, Refusal, WholeCompletion
from backend.providers.api.dialects.anthropic_request import JSON_TOOL, ignored_fields, messages_request
from backend.wire.answers.answer_document import count_at, parse_count, read_text
from backend.wire.answers.call_sorter import arguments_text
from backend.wire.answers.finish_reasons import read_finish_reason
from backend.wire.chat_response import CompletionHead, completion_document, to_json
from backend.wire.tool_envelope import CalledTool
from backend.wire.usage import TokenUsage

_HEADERS: Mapping[str, str] = {"anthropic-version": "2023-06-01"}
# Their thinking can't be read, or is only a signature for sending it back, which OpenAI's messages have no place for.
_SILENT_BLOCKS = frozenset({"redacted_thinking"})
_SILENT_DELTAS = frozenset({"signature_delta"})
_MOST_CALLS = 1000
_CALL_MARK = '"tool_use"'


class Anthropic:
    """The dialect of Anthropic, and of those who took its Messages API over."""

    def chat(self, body: Body, *, is_streamed: bool) -> ApiRequest:
        """Return the request for a chat body."""
        request = messages_request(body, is_streamed=is_streamed)
        return ApiRequest("/messages", to_json(request), headers=_HEADERS)

    def completion(self, body: bytes, head: CompletionHead) -> WholeCompletion:
        """Return the message as a completion."""
        document = parse_object(body, is_exact=_CALL_MARK.encode() in body)
        raise_message_error(document)
        blocks = document.get("content")
        if not isinstance(blocks, list):
            msg = "its answer has no content"
            raise ApiFailedError(msg)
        text, thinking, calls = _gather(blocks)
        own_calls = [call for call in calls if call.name != JSON_TOOL]
        usage = read_message_usage(document.get("usage"))
        whole = completion_document(
            head,
            text=text,
            reasoning=thinking,
            citations=(),
            finish_reason=_finish_reason(
                document.get("stop_reason"), has_json=len(own_calls) < len(calls), has_calls=bool(own_calls)
            ),
            usage=usage.document() if usage is not None else {},
            tool_calls=own_calls,
            stopped_by=_stop_sequence(document),
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

    def embedded(self, body: bytes, model: str, encoding: Any) -> bytes:  # noqa: ARG002  there are none
        """Raise: Anthropic has no embeddings."""
        msg = "it has no embeddings"
        raise ApiFailedError(msg)


class MessageStream(SseStream):
    """Translates the events of one streamed message into chunks; its blocks come one after the other."""

    call_mark = _CALL_MARK

    def __init__(self, head: CompletionHead, *, with_usage: bool) -> None:
        super().__init__(head, with_usage=with_usage)
        self._usage: dict[str, Any] = {}
        self._stop_reason: Any = None
        self._stop_sequence: str | None = None
        # From the block's index to the call's, which is None where the call is an answer in JSON.
        self._calls: dict[int, int | None] = {}
        self._open: set[int] = set()
        self._inputs: dict[int, str] = {}  # of calls whose arguments haven't come in pieces

    def read(self, document: dict[str, Any]) -> bytes:
        """Return the chunks of one event; those of unknown types are to be passed over, says Anthropic."""
        raise_message_error(document)
        if self.is_finished or not document:
            return b""
        match _type(document):
            case "message_start":
                self._note_usage(_object(document, "message").get("usage"))
            case "content_block_start":
                return self._begin_block(_index(document), _object(document, "content_block"))
            case "content_block_delta":
                return self._delta(_index(document), _object(document, "delta"))
            case "content_block_stop":
                return self._end_block(_index(document))
            case "message_delta":
                delta = _object(document, "delta")
                self._stop_reason = delta.get("stop_reason") or self._stop_reason
                self._stop_sequence = _stop_sequence(delta) or self._stop_sequence
                self._note_usage(document.get("usage"))
            case "message_stop":
                return self._finish(self._reason(), self._stop_sequence)
        return b""

    def _begin_block(self, index: int, block: Mapping[str, Any]) -> bytes:
        kind = block.get("type")
        if kind == "text":
            return self._text(read_text(block, "text"))
        if kind == "thinking":
            return self._reasoning(read_text(block, "thinking"))
        if kind == "tool_use":
            return self._begin_call(index, _call(block))
        _refuse_unknown(kind, _SILENT_BLOCKS)
        return b""

    def _begin_call(self, index: int, call: CalledTool) -> bytes:
        if len(self._calls) >= _MOST_CALLS:
            msg = "its stream has more calls than any answer"
            raise ApiFailedError(msg)
        place = None if call.name == JSON_TOOL else sum(at is not None for at in self._calls.values())
        self._calls[index] = place
        self._inputs[index] = call.arguments
        self._open.add(index)
        if place is None:
            return b""
        self.has_begun = True
        return self.writer.tool_call(place, call.id, call.name)

    def _delta(self, index: int, delta: Mapping[str, Any]) -> bytes:
        kind = delta.get("type")
        if kind == "text_delta":
            return self._text(read_text(delta, "text"))
        if kind == "thinking_delta":
            return self._reasoning(read_text(delta, "thinking"))
        if kind == "input_json_delta":
            return self._arguments(index, read_text(delta, "partial_json"))
        _refuse_unknown(kind, _SILENT_DELTAS)
        return b""

    def _end_block(self, index: int) -> bytes:
        self._open.discard(index)
        if index not in self._inputs:
            return b""
        # A call without arguments comes without any piece of them, which is no JSON for a client.
        return self._more(index, self._inputs.pop(index))

    def _more(self, index: int, text: str) -> bytes:
        place = self._calls[index]
        return self._text(text) if place is None else self.writer.arguments(place, text)

    def _reason(self) -> str:
        places = self._calls.values()
        has_calls = any(place is not None for place in places)
        reason = _finish_reason(self._stop_reason, has_json=None in places, has_calls=has_calls)
        if self._open and reason in ("stop", "tool_calls"):
            msg = "its stream ended in the middle of a tool call"
            raise ApiFailedError(msg)
        return reason

    def _arguments(self, index: int, text: str) -> bytes:
        if index not in self._open:
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
            self.usage = read_message_usage(self._usage)


def _gather(blocks: list[Any]) -> tuple[str, str, list[CalledTool]]:
    """Return the text, the thinking and the calls of a whole message; the call that is an answer in JSON is text too."""
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[CalledTool] = []
    for block in blocks:
        kind = block.get("type") if isinstance(block, Mapping) else None
        if kind == "text":
            texts.append(read_text(block, "text"))
        elif kind == "thinking":
            thoughts.append(read_text(block, "thinking"))
        elif kind == "tool_use":
            calls.append(_call(block))
            texts += [calls[-1].arguments] if calls[-1].name == JSON_TOOL else []
        else:
            _refuse_unknown(kind, _SILENT_BLOCKS)
    return "".join(texts), "".join(thoughts), calls


def _call(block: Mapping[str, Any]) -> CalledTool:
    if not isinstance(block.get("id"), str) or not isinstance(block.get("name"), str):
        msg = "a call in its answer has no id or no name"
        raise ApiFailedError(msg)
    return CalledTool(block["id"], block["name"], arguments_text(block.get("input")) or "{}")


def _finish_reason(stop_reason: Any, *, has_json: bool, has_calls: bool) -> str:
    """Return OpenAI's word; ``pause_turn`` has none, since a paused answer isn't whole, and only server tools pause."""
    reason = read_finish_reason(stop_reason)
    if reason is None:
        msg = "its answer has no stop_reason: it may be cut"
        raise ApiFailedError(msg)
    # The tool that stands for JSON is no call to a client.
    return "stop" if reason == "tool_calls" and has_json and not has_calls else reason


def _stop_sequence(document: Mapping[str, Any]) -> str | None:
    """Return the sequence that stopped the answer, where one did."""
    return read_text(document, "stop_sequence") or None


def _refuse_unknown(kind: Any, silent: frozenset[str]) -> None:
    if not isinstance(kind, str) or kind not in silent:
        msg = f"its answer has a part of type {kind}, for which a chat completion has no place"
        raise ApiFailedError(msg)


def _type(document: Mapping[str, Any]) -> str:
    """Return the type of an event."""
    if not (kind := read_text(document, "type")):
        msg = "an event of its stream has no type"
        raise ApiFailedError(msg)
    return kind


def _index(document: Mapping[str, Any]) -> int:
    """Return the index of an event's block."""
    index = document.get("index")
    if not isinstance(index, int):
        msg = "an event of its stream has no index"
        raise ApiFailedError(msg)
    return index


def _object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    if not isinstance(value, Mapping):
        msg = f"an event of its stream has no {name}"
        raise ApiFailedError(msg)
    return value


def read_message_usage(usage: Any) -> TokenUsage | None:
    """Return the counts; Anthropic's input leaves out what was cached, OpenAI's doesn't."""
    if not isinstance(usage, Mapping) or (fresh := parse_count(usage.get("input_tokens"))) is None:
        return None
    cached = count_at(usage, "cache_read_input_tokens")
    written = count_at(usage, "cache_creation_input_tokens")
    thought = count_at(usage, "output_tokens_details", "thinking_tokens")
    return TokenUsage(fresh + cached + written, count_at(usage, "output_tokens"), cached, thought, written)


def raise_message_error(document: Mapping[str, Any]) -> None:
    """Raise what a body or an event under HTTP 200 says went wrong."""
    if document.get("type") != "error" and not document.get("error"):
        return
    said = _refusal_in(document)
    raise _failure(said.message or said.code or "an error without words", said.code)


def _failure(message: str, code: str) -> AutomationError:
    if code == "rate_limit_error":
        return ModelLimitedError(message)
    if code in ("billing_error", "insufficient_balance"):
        return KeyLimitedError(message, None, "quota")
    if code == "overloaded_error":
        return ApiOverloadedError(message)
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
