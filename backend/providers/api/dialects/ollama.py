"""Dialect of Ollama's own API: ``/api/chat`` with its lines of JSON, ``/api/tags`` and ``/api/embed``. Pure.

Its own and not the OpenAI-compatible one that it has as well, because only this one takes ``think``, ``options`` and
``keep_alive``; the three may be sent as they are. It can't be made to call a tool, so ``tool_choice`` that wants one is
refused, and it fetches no images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from automation.capture.decoders.framing.lines import LineSplitter
from backend.errors import InvalidRequestError
from backend.provider_errors import ApiFailedError, KeyLimitedError
from backend.providers.api.chat.embedding_vectors import encode_vectors
from backend.providers.api.chat.translated_stream import TranslatedStream, parse_object, parse_or_none
from backend.providers.api.dialect import ApiRequest, Body, Refusal, WholeCompletion
from backend.providers.api.dialects.ollama_request import HONOURED, chat_request
from backend.wire.answer_fields import find_given_fields
from backend.wire.answers.answer_document import parse_count, read_list, read_text
from backend.wire.answers.call_sorter import arguments_text
from backend.wire.answers.chunked_completion import gather_completion
from backend.wire.answers.finish_reasons import find_finish_reason
from backend.wire.chat_response import CompletionHead, completion_document, to_json
from backend.wire.tool_envelope import CalledTool
from backend.wire.usage import TokenUsage

_CALL_MARK = '"tool_calls"'
_LIMIT_WORDS = ("rate limit", "too many requests", "usage limit")


class Ollama:
    """The dialect of Ollama; the base URL is its root, such as ``http://127.0.0.1:11434``."""

    def chat(self, body: Body, *, is_streamed: bool) -> ApiRequest:
        """Return the request for a chat body."""
        request = chat_request(body, is_streamed=is_streamed)
        return ApiRequest("/api/chat", to_json(request), takes_json=is_streamed)

    def completion(self, body: bytes, head: CompletionHead) -> WholeCompletion:
        """Return the answer in a body, also where that is a stream's lines."""
        if b"}\n{" in body:
            stream = self.stream(head, with_usage=True)
            events = stream.feed(body) + stream.feed(b"") + stream.close()
            return WholeCompletion(to_json(gather_completion(events)), stream.usage)
        document = parse_object(body, is_exact=_CALL_MARK.encode() in body)
        _raise_error_in(document)
        message = _message_in(document)
        if document.get("done") is not True:
            msg = "its answer isn't marked as done: it may be cut"
            raise ApiFailedError(msg)
        calls = [_called(call, head, i) for i, call in enumerate(read_list(message, "tool_calls"))]
        usage = parse_ollama_usage(document)
        answer = completion_document(
            head,
            text=read_text(message, "content"),
            reasoning=read_text(message, "thinking"),
            citations=(),
            finish_reason=_finish_reason(document, has_calls=bool(calls)),
            usage=usage.document() if usage is not None else {},
            tool_calls=calls,
        )
        if usage is None:
            del answer["usage"]
        return WholeCompletion(to_json(answer), usage)

    def stream(self, head: CompletionHead, *, with_usage: bool) -> OllamaStream:
        """Return the reader of a streamed answer."""
        return OllamaStream(head, with_usage=with_usage)

    def refusal(self, body: bytes) -> Refusal:
        """Return what ``{"error": "…"}`` says."""
        document = parse_or_none(body)
        words = _error_words(document.get("error")) if isinstance(document, dict) else ""
        is_unknown = words.startswith("model ") and "not found" in words
        return Refusal(words, "model_not_found" if is_unknown else "", "model" if is_unknown else None)

    def ignored(self, body: Body) -> Sequence[str]:
        """Return the fields that Ollama has no word for."""
        return sorted(find_given_fields(body) - HONOURED)

    def refused(self, body: Body) -> Sequence[str]:  # noqa: ARG002  what it doesn't know isn't sent
        """Return nothing."""
        return ()

    def list_models(self) -> ApiRequest | None:
        """Return the request for the models that are there."""
        return ApiRequest("/api/tags", method="GET")

    def models(self, body: bytes) -> list[str]:
        """Return their names."""
        entries = parse_object(body).get("models")
        if not isinstance(entries, list):
            msg = "its list of models has no models"
            raise ApiFailedError(msg)
        names = (entry.get("name") or entry.get("model") for entry in entries if isinstance(entry, dict))
        return [name for name in names if isinstance(name, str)]

    def embeddings(self, body: Body) -> ApiRequest | None:
        """Return the request for the embeddings of texts; Ollama takes no tokens."""
        texts = body.get("input")
        if not isinstance(texts, str) and not (
            isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts)
        ):
            msg = "input must be a text or a list of texts."
            raise InvalidRequestError(msg, "input")
        asked = {
            name: body[name] for name in ("dimensions", "keep_alive", "truncate", "options") if name in body
        }
        return ApiRequest("/api/embed", to_json({"model": body.get("model"), "input": texts, **asked}))

    def embedded(self, body: bytes, model: str, encoding: Any) -> bytes:
        """Return OpenAI's document."""
        document = parse_object(body)
        _raise_error_in(document)
        vectors = document.get("embeddings")
        if not isinstance(vectors, list) or not vectors or not all(isinstance(one, list) for one in vectors):
            msg = "its answer has no embeddings"
            raise ApiFailedError(msg)
        data = [{"object": "embedding", "index": i, "embedding": one} for i, one in enumerate(vectors)]
        encode_vectors(data, encoding)
        answer: dict[str, Any] = {"object": "list", "data": data, "model": model}
        if (sent := parse_count(document.get("prompt_eval_count"))) is not None:
            answer["usage"] = {"prompt_tokens": sent, "total_tokens": sent}
        return to_json(answer)


class OllamaStream(TranslatedStream):
    """Reads lines of JSON; the one with ``"done": true`` is the end."""

    def __init__(self, head: CompletionHead, *, with_usage: bool) -> None:
        super().__init__(head, with_usage=with_usage)
        self._head = head
        self._lines = LineSplitter()
        self._calls = 0

    def _events(self, data: bytes) -> Iterator[str]:
        return self._lines.feed(data)

    def _rest(self) -> Iterator[str]:
        yield self._lines.rest()

    def _read(self, event: Any) -> bytes:
        if not event.strip() or self.is_finished:
            return b""
        document = parse_object(event, is_exact=_CALL_MARK in event)
        _raise_error_in(document)
        message = _message_in(document)
        written = [self._reasoning(read_text(message, "thinking")), self._text(read_text(message, "content"))]
        written += [self._call(call) for call in read_list(message, "tool_calls")]
        if document.get("done") is True:
            self.usage = parse_ollama_usage(document)
            written.append(self._finish(_finish_reason(document, has_calls=self._calls > 0)))
        return b"".join(written)

    def _call(self, call: Any) -> bytes:
        index, self._calls, self.has_begun = self._calls, self._calls + 1, True
        called = _called(call, self._head, index)
        return self._writer.tool_call(index, called.id, called.name, called.arguments)


def parse_ollama_usage(document: Mapping[str, Any]) -> TokenUsage | None:
    """Return the counts of an answer; None where Ollama told none of the prompt, as old ones do for a cached one."""
    sent, got = parse_count(document.get("prompt_eval_count")), parse_count(document.get("eval_count", 0))
    if sent is None or got is None:
        return None
    return TokenUsage(sent, got)


def _raise_error_in(document: Mapping[str, Any]) -> None:
    if not (error := document.get("error")):
        return
    words = _error_words(error) or "an error without words"
    if any(limit in words.lower() for limit in _LIMIT_WORDS):
        raise KeyLimitedError(words)
    raise ApiFailedError(words)


def _error_words(error: Any) -> str:
    words = error.get("message") if isinstance(error, Mapping) else error
    return words if isinstance(words, str) else ""


def _message_in(document: Mapping[str, Any]) -> Mapping[str, Any]:
    message = document.get("message")
    if not isinstance(message, Mapping):
        msg = "its answer has no message"
        raise ApiFailedError(msg)
    return message


def _called(call: Any, head: CompletionHead, index: int) -> CalledTool:
    """Return a call; its id is ours where Ollama gave none, and another one in every answer."""
    function = call.get("function") if isinstance(call, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(name, str) or not name:
        msg = "a tool call of its answer has no name"
        raise ApiFailedError(msg)
    arguments = arguments_text(function.get("arguments")) or "{}"
    own_id = call.get("id")
    call_id = (
        own_id if isinstance(own_id, str) and own_id else f"call_{head.id.removeprefix('chatcmpl-')}_{index}"
    )
    return CalledTool(call_id, name, arguments)


def _finish_reason(document: Mapping[str, Any], *, has_calls: bool) -> str:
    reason = document.get("done_reason") or "stop"
    known = find_finish_reason(reason)
    if known is None:
        # ``load`` and ``unload``: the model was only moved in memory.
        msg = f"it ended without an answer ({reason})"
        raise ApiFailedError(msg)
    return "tool_calls" if has_calls and known == "stop" else known
