"""Dialect of Google's Gemini API. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from automation.errors import AutomationError
from backend.provider_errors import (
    ApiContentBlockedError,
    ApiFailedError,
    KeyLimitedError,
    ModelLimitedError,
)
from backend.providers.api.chat.embedding_vectors import encode_vectors
from backend.providers.api.chat.sse_stream import SseStream
from backend.providers.api.chat.translated_stream import parse_object, parse_or_none
from backend.providers.api.dialect import ApiRequest, Body, Refusal, WholeCompletion
from backend.providers.api.dialects.google_request import (
    HONOURED,
    embed_request,
    generate_request,
    model_path,
)
from backend.wire.answer_fields import find_given_fields
from backend.wire.answers.answer_document import (
    count_at,
    parse_count,
    read_list,
    read_object,
    read_objects,
    read_text,
)
from backend.wire.answers.call_sorter import arguments_text
from backend.wire.answers.finish_reasons import find_finish_reason
from backend.wire.chat_response import CompletionHead, completion_document, to_json
from backend.wire.tool_envelope import CalledTool
from backend.wire.usage import TokenUsage

_CALL_MARK = '"functionCall"'
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")


class Google:
    """The dialect of Gemini."""

    def chat(self, body: Body, *, is_streamed: bool) -> ApiRequest:
        """Return the request for a chat body; several choices come whole only."""
        action = "streamGenerateContent?alt=sse" if is_streamed else "generateContent"
        request = generate_request(body, is_streamed=is_streamed)
        return ApiRequest(f"/{model_path(body)}:{action}", to_json(request))

    def completion(self, body: bytes, head: CompletionHead) -> WholeCompletion:
        """Return the answer as a completion, each candidate a choice."""
        document = parse_object(body, is_exact=_CALL_MARK.encode() in body)
        _raise_failure_in(document)
        candidates = document.get("candidates")
        if not isinstance(candidates, list) or not candidates:
            msg = "its answer has no candidates"
            raise ApiFailedError(msg)
        whole: dict[str, Any] = {}
        for index, candidate in enumerate(candidates):
            told = _build_completion(candidate, head, index)
            whole = whole or {**told, "choices": []}
            whole["choices"] += [{**told["choices"][0], "index": index}]
        usage = _read_usage(document.get("usageMetadata"))
        if usage is not None:
            whole["usage"] = usage.document()
        return WholeCompletion(to_json(whole), usage)

    def stream(self, head: CompletionHead, *, with_usage: bool) -> ContentStream:
        """Return the reader of a streamed answer."""
        return ContentStream(head, with_usage=with_usage)

    def refusal(self, body: bytes) -> Refusal:
        """Return what ``{"error": {"code", "message", "status", "details"}}`` says, in a list or not."""
        return _refusal_in(parse_or_none(body))

    def ignored(self, body: Body) -> Sequence[str]:
        """Return the fields without effect."""
        return sorted(find_given_fields(body) - HONOURED)

    def refused(self, body: Body) -> Sequence[str]:  # noqa: ARG002  what it doesn't know isn't sent
        """Return nothing."""
        return ()

    def list_models(self) -> ApiRequest | None:
        """Return the request for the models, of which there are fewer than a page has."""
        return ApiRequest("/models?pageSize=1000", method="GET")

    def models(self, body: bytes) -> list[str]:
        """Return the names of those that generate content, without ``models/``."""
        entries = parse_object(body).get("models")
        if not isinstance(entries, list):
            msg = "its list of models has no models"
            raise ApiFailedError(msg)
        names: list[str] = []
        for entry in entries:
            name = entry.get("name") if isinstance(entry, dict) else None
            methods = entry.get("supportedGenerationMethods") if isinstance(name, str) else None
            if isinstance(name, str) and isinstance(methods, list) and "generateContent" in methods:
                names.append(name.removeprefix("models/"))
        return names

    def embeddings(self, body: Body) -> ApiRequest | None:
        """Return the request for all texts at once."""
        return ApiRequest(f"/{model_path(body)}:batchEmbedContents", to_json(embed_request(body)))

    def embedded(self, body: bytes, model: str, encoding: Any) -> bytes:
        """Return OpenAI's document; ``usage`` is missing where Gemini counts nothing."""
        document = parse_object(body)
        _raise_failure_in(document)
        entries = document.get("embeddings")
        if not isinstance(entries, list):
            msg = "its answer has no embeddings"
            raise ApiFailedError(msg)
        data = [
            {"object": "embedding", "index": index, "embedding": _vector(entry)}
            for index, entry in enumerate(entries)
        ]
        encode_vectors(data, encoding)
        whole: dict[str, Any] = {"object": "list", "data": data, "model": model}
        if count := count_at(document, "usageMetadata", "promptTokenCount"):
            whole["usage"] = {"prompt_tokens": count, "total_tokens": count}
        return to_json(whole)


@dataclass(slots=True)
class _Told:
    """Contents of the parts of an answer, or of a piece of one."""

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[CalledTool, dict[str, Any]]] = field(default_factory=list)


class ContentStream(SseStream):
    """Translates one streamed answer into chunks.

    Gemini has no end marker: the answer is whole where a finishReason came and then the stream ended. So the finish is
    told only at the end, behind whatever still came.
    """

    call_mark = _CALL_MARK

    def __init__(self, head: CompletionHead, *, with_usage: bool) -> None:
        super().__init__(head, with_usage=with_usage)
        self._head = head
        self._finish_reason = ""
        self._call_count = 0

    def read(self, document: dict[str, Any]) -> bytes:
        """Return the chunks of one piece of the answer."""
        _raise_failure_in(document)
        self.usage = _read_usage(document.get("usageMetadata")) or self.usage
        return b"".join([self._piece(candidate) for candidate in read_list(document, "candidates")])

    def _piece(self, candidate: Any) -> bytes:
        if not isinstance(candidate, dict) or candidate.get("index", 0) != 0:
            msg = "its stream has another candidate than the one that was asked for"
            raise ApiFailedError(msg)
        told = _told_by(candidate, self._head, 0, self._call_count)
        # Looked at first: what can't end well must not pass for the beginning of an answer.
        if (reason := candidate.get("finishReason")) is not None:
            self._finish_reason = _finish_reason(reason, candidate)
            self.is_finished = True
        return self._chunks(told)

    def _chunks(self, told: _Told) -> bytes:
        chunks = [self.writer.reasoning(told.reasoning)] if told.reasoning else []
        if told.text:
            chunks.append(self.writer.text(told.text))
        for call, extra in told.calls:
            chunks.append(self.writer.tool_call(self._call_count, call.id, call.name, call.arguments, extra))
            self._call_count += 1
        self.has_begun = self.has_begun or bool(chunks)
        return b"".join(chunks)

    def end(self) -> bytes:
        """Return the finish."""
        return self.writer.finish(_with_calls(self._finish_reason, has_calls=self._call_count > 0))


def _build_completion(candidate: Any, head: CompletionHead, index: int) -> dict[str, Any]:
    """Return a completion with one candidate as its only choice, without usage."""
    if not isinstance(candidate, dict):
        msg = "a candidate of its answer is not an object"
        raise ApiFailedError(msg)
    told = _told_by(candidate, head, index, 0)
    reason = _finish_reason(candidate.get("finishReason"), candidate)
    whole = completion_document(
        head,
        text=told.text,
        reasoning=told.reasoning,
        citations=(),
        finish_reason=_with_calls(reason, has_calls=bool(told.calls)),
        usage={},
        tool_calls=[call for call, _ in told.calls],
    )
    del whole["usage"]
    for at, (_, extra) in enumerate(told.calls):
        whole["choices"][0]["message"]["tool_calls"][at] |= extra
    return whole


def _told_by(candidate: Mapping[str, Any], head: CompletionHead, index: int, calls_before: int) -> _Told:
    """Return the contents of a candidate's parts.

    Raises:
        ApiFailedError: A part is of a kind for which a chat completion has no place, such as an image.
    """
    told = _Told()
    for part in read_objects(read_object(candidate, "content"), "parts"):
        kinds = set(part) - {"thought", "thoughtSignature", "partMetadata"}
        if kinds == {"functionCall"}:
            number = calls_before + len(told.calls)
            told.calls.append((_call(part["functionCall"], head, f"{index}:{number}"), _extra(part)))
        elif kinds - {"text"}:
            msg = f"its answer has a part of type {min(kinds)}, for which a chat completion has no place"
            raise ApiFailedError(msg)
        elif part.get("thought"):
            told.reasoning += read_text(part, "text")
        else:
            told.text += read_text(part, "text")
    return told


def _call(call: Any, head: CompletionHead, position: str) -> CalledTool:
    name = call.get("name") if isinstance(call, dict) else None
    if not isinstance(name, str) or not name:
        msg = "a call in its answer has no name"
        raise ApiFailedError(msg)
    if call.get("partialArgs") or call.get("willContinue"):
        msg = "a call in its answer comes in pieces, which nobody asked for"
        raise ApiFailedError(msg)
    # Older models give calls no ids; ours are unlike those of any other answer, since its id is.
    made = hashlib.sha256(f"{head.id}:{position}".encode()).hexdigest()[:24]
    return CalledTool(read_text(call, "id") or f"call_{made}", name, arguments_text(call.get("args")) or "{}")


def _extra(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return where Google's OpenAI-compatible address puts the signature that a call must be sent back with."""
    signature = part.get("thoughtSignature")
    return {"extra_content": {"google": {"thought_signature": signature}}} if signature else {}


def _with_calls(finish_reason: str, *, has_calls: bool) -> str:
    return "tool_calls" if has_calls and finish_reason == "stop" else finish_reason


def _finish_reason(reason: Any, candidate: Mapping[str, Any]) -> str:
    """Return OpenAI's word; the others, such as ``MALFORMED_FUNCTION_CALL``, say that there is no proper answer."""
    known = find_finish_reason(reason)
    if known is None:
        words = candidate.get("finishMessage") or ""
        msg = f"its answer ended with finishReason {reason}{': ' if words else ''}{words}"
        raise ApiFailedError(msg)
    return known


def _vector(entry: Any) -> list[float]:
    values = entry.get("values") if isinstance(entry, dict) else None
    if not isinstance(values, list):
        msg = "an embedding of its answer has no values"
        raise ApiFailedError(msg)
    return values


def _read_usage(usage: Any) -> TokenUsage | None:
    """Return the counts; Gemini's output leaves out what was thought, OpenAI's doesn't."""
    if not isinstance(usage, Mapping) or (asked := parse_count(usage.get("promptTokenCount"))) is None:
        return None
    sent = asked + count_at(usage, "toolUsePromptTokenCount")
    thought = count_at(usage, "thoughtsTokenCount")
    got = count_at(usage, "candidatesTokenCount") + thought
    return TokenUsage(sent, got, count_at(usage, "cachedContentTokenCount"), thought)


def _raise_failure_in(document: Mapping[str, Any]) -> None:
    """Raise what a body or an event under HTTP 200 says went wrong."""
    if document.get("error"):
        said = _refusal_in(document)
        raise _failure(said)
    feedback = document.get("promptFeedback")
    if isinstance(feedback, Mapping) and (reason := feedback.get("blockReason")):
        words = feedback.get("blockReasonMessage") or ""
        msg = f"the prompt was blocked ({reason}){': ' if words else ''}{words}"
        raise ApiContentBlockedError(msg)


def _failure(said: Refusal) -> AutomationError:
    message = said.message or said.code or "an error without words"
    if said.code == "insufficient_quota":
        return KeyLimitedError(message, said.retry_after_s, "quota")
    if said.code == "RESOURCE_EXHAUSTED":
        return ModelLimitedError(message, said.retry_after_s)
    return ApiFailedError(message)


def _refusal_in(document: Any) -> Refusal:
    if isinstance(document, list) and document:
        document = document[0]
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, Mapping):
        return Refusal(error if isinstance(error, str) else "")
    words = error.get("message") if isinstance(error.get("message"), str) else ""
    details = error.get("details")
    known = [d for d in details if isinstance(d, Mapping)] if isinstance(details, list) else []
    delays = [found for d in known if (found := _SECONDS.fullmatch(str(d.get("retryDelay"))))]
    code = _code(error, words or "", known)
    # Beside a daily quota the delay is that of its own minute, and would be asked in vain all day.
    wait = float(delays[0][1]) if delays and code != "insufficient_quota" else None
    return Refusal(words or "", code, None, wait)


def _code(error: Mapping[str, Any], words: str, details: Sequence[Mapping[str, Any]]) -> str:
    """Return OpenAI's code for the error where it has one, else Google's status."""
    if "exceeds the maximum number of tokens" in words:
        return "context_length_exceeded"
    if any(detail.get("reason") == "API_KEY_INVALID" for detail in details):
        return "invalid_api_key"
    found = [detail.get("violations") for detail in details]
    quotas = [violation for some in found if isinstance(some, list) for violation in some]
    if any("PerDay" in str(quota.get("quotaId")) for quota in quotas if isinstance(quota, Mapping)):
        return "insufficient_quota"
    status = str(error.get("status") or "")
    if status == "NOT_FOUND" and words.startswith("models/"):
        return "model_not_found"
    return status
