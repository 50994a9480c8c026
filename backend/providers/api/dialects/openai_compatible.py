"""Dialect of OpenAI itself: passes bodies through as they are, and reads only what must be known of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backend.provider_errors import ApiFailedError
from backend.providers.api.chat.embedding_vectors import encode_vectors
from backend.providers.api.chat.passed_answer import (
    mend_whole,
    parse_openai_usage,
    parse_passed,
)
from backend.providers.api.chat.passed_stream import PassedStream
from backend.providers.api.chat.stated_errors import parse_refusal, raise_stated_error
from backend.providers.api.chat.translated_stream import parse_object, parse_or_none
from backend.providers.api.dialect import ApiRequest, Body, Refusal, WholeCompletion
from backend.providers.api.presets import Quirks
from backend.wire.answers.answer_document import read_objects
from backend.wire.chat_response import CompletionHead, to_json


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
        document = parse_passed(body)
        raise_stated_error(document)
        choices = read_objects(document, "choices")
        if not choices:
            words = parse_refusal(document).message
            msg = f"its answer has no choices{': ' if words else ''}{words}"
            raise ApiFailedError(msg)
        is_mended = False
        for choice in choices:
            is_mended = mend_whole(choice) or is_mended
        usage = parse_openai_usage(document.get("usage"))
        return WholeCompletion(to_json(document) if is_mended else body, usage)

    def stream(self, head: CompletionHead, *, with_usage: bool) -> PassedStream:  # noqa: ARG002  it has its own
        """Return the reader of a streamed answer."""
        return PassedStream(with_usage=with_usage)

    def refusal(self, body: bytes) -> Refusal:
        """Return what an error body says; ``{"error": {…}}``, ``{"error": "…"}``, ``{"detail": …}`` and ``{"message": …}`` are known."""
        return parse_refusal(parse_or_none(body))

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
        document = parse_or_none(body)
        entries = document.get("data", document.get("models")) if isinstance(document, dict) else document
        if not isinstance(entries, list):
            msg = "its list of models has no data"
            raise ApiFailedError(msg)
        names = (entry.get("id", entry.get("name")) for entry in entries if isinstance(entry, dict))
        return [name for name in names if isinstance(name, str)]

    def embeddings(self, body: Body) -> ApiRequest | None:
        """Return the request as it came."""
        return ApiRequest("/embeddings", to_json(dict(body)))

    def embedded(self, body: bytes, model: str, encoding: Any) -> bytes:  # noqa: ARG002  it has its own
        """Return the document, as it came where the vectors have the encoding that was asked for."""
        document = parse_object(body)
        raise_stated_error(document)
        entries = document.get("data")
        if not isinstance(entries, list):
            msg = "its embeddings have no data"
            raise ApiFailedError(msg)
        return to_json(document) if encode_vectors(entries, encoding) else body


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


_NONE = Quirks()
