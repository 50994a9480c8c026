"""Dialect of any JSON API that its operator describes (``custom_api``). Pure.

How the end of a streamed answer is known: by ``end`` or ``finish`` where the API has one of them, and then a stream that
stops before is an error. Without either, and with ``kind: text``, the clean end of the HTTP body is the end: a body
shorter than its ``content-length``, or chunked without the last chunk, is an error of the connection. An API that marks
its end in none of these ways can't be told from one that was cut, so it should get an ``end`` or a ``finish``.
A whole answer is whole because it is JSON with something at ``text`` and, where it is given, ``finish``.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from automation.capture.decoders.framing.lines import LineSplitter
from automation.capture.decoders.framing.sse import SseParser
from automation.json_path import JsonPath
from backend.provider_errors import ApiFailedError
from backend.providers.api.chat.chat_body import most_tokens, parse_messages, parse_stops
from backend.providers.api.chat.prompt_text import compose_chat_transcript, system_and_prompt
from backend.providers.api.chat.translated_stream import TranslatedStream, parse_or_none
from backend.providers.api.dialect import ApiRequest, Body, ChatStream, Refusal, WholeCompletion
from backend.providers.api.dialects.custom_api import OPTIONS, AnswerPaths, CustomApi, fill, fill_path
from backend.providers.api.dialects.openai_compatible import OpenAICompatible
from backend.wire.answer_fields import ANOTHER_ANSWER, find_given_fields, refuse_fields
from backend.wire.answers.answer_document import parse_count
from backend.wire.answers.exact_json import parse_lenient
from backend.wire.chat_response import CompletionHead, completion_document, to_json
from backend.wire.usage import TokenUsage

MOST_BODY_BYTES = 64 * 1024 * 1024  # of an answer that is read as a whole
_ALWAYS_HONOURED = frozenset({"model", "messages", "stream", "stream_options"})
_path = lru_cache(maxsize=1024)(JsonPath.parse)  # one that is followed for every delta is read once


class Custom:
    """Dialect that fills in an operator's templates, and reads responses by their paths."""

    def __init__(self, api: CustomApi) -> None:
        self._api = api
        self._used = api.request.placeholders

    def chat(self, body: Body, *, is_streamed: bool) -> ApiRequest:
        """Return the request for a chat body."""
        refuse_fields(body, [*ANOTHER_ANSWER, *({"tools", "response_format"} - self._used)])
        request, values = self._api.request, self._values(body, is_streamed=is_streamed)
        sent = to_json(fill(request.body, values)) if request.body is not None else b""
        return ApiRequest(
            fill_path(request.path, values),
            sent,
            request.method,
            request.headers,
            takes_json=is_streamed and self._api.stream.kind in ("none", "ndjson", "text"),
        )

    def completion(self, body: bytes, head: CompletionHead) -> WholeCompletion:
        """Return the answer in a body."""
        found = Found(self._api, self._api.response, _parse(body))
        document = found.completion(head)
        return WholeCompletion(to_json(document), found.usage)

    def stream(self, head: CompletionHead, *, with_usage: bool) -> ChatStream:
        """Return the reader of a streamed answer."""
        reader = {"none": _WholeStream, "text": _TextStream}.get(self._api.stream.kind, _EventStream)
        return reader(self._api, head, with_usage=with_usage)

    def refusal(self, body: bytes) -> Refusal:
        """Return what stands at ``response.error``, else what the usual forms of errors say."""
        document = parse_or_none(body)
        words = _words_at(self._api.response.error, document)
        return Refusal(words) if words else OpenAICompatible().refusal(body)

    def ignored(self, body: Body) -> Sequence[str]:
        """Return the fields that the template has no place for."""
        honoured = _ALWAYS_HONOURED | self._used
        if "max_tokens" in self._used:
            honoured |= {"max_completion_tokens"}
        return sorted(find_given_fields(body) - honoured)

    def refused(self, body: Body) -> Sequence[str]:  # noqa: ARG002  what it doesn't know isn't sent
        """Return nothing."""
        return ()

    def list_models(self) -> ApiRequest | None:
        """Return the request for the models, where the API is said to tell them."""
        models = self._api.models
        return (
            ApiRequest(models.path, method="GET", headers=self._api.request.headers)
            if models is not None
            else None
        )

    def models(self, body: bytes) -> list[str]:
        """Return the texts at ``models.names``."""
        found = _at(self._api.models.names if self._api.models is not None else None, _parse(body))
        names = [name for name in found if isinstance(name, str)]
        if not names:
            msg = "its list of models has no names where models.names says"
            raise ApiFailedError(msg)
        return names

    def embeddings(self, body: Body) -> ApiRequest | None:  # noqa: ARG002  there are none
        """Return None."""
        return None

    def embedded(self, body: bytes, model: str, encoding: Any) -> bytes:  # noqa: ARG002  there are none
        """Raise: there are no embeddings to be read."""
        msg = "this API has no embeddings"
        raise ApiFailedError(msg)

    def _values(self, body: Body, *, is_streamed: bool) -> dict[str, Any]:
        messages = parse_messages(body)
        values: dict[str, Any] = {
            "messages": messages,
            "stream": is_streamed and self._api.stream.kind != "none",
        }
        values |= {name: body[name] for name in OPTIONS if body.get(name) is not None}
        if (most := most_tokens(body)) is not None:
            values["max_tokens"] = most
        if stops := parse_stops(body):
            values["stop"] = stops
        if isinstance(body.get("model"), str):
            values["model"] = body["model"]
        if self._used & {"prompt", "system"}:
            values |= _prompts(messages, has_system="system" in self._used)
        return values


class Found:
    """Values found in one response or event.

    Attributes:
        finish_reason: OpenAI's; None where it is not over.
        usage: None where the counts are not told.

    Raises:
        ApiFailedError: It tells an error, an end for no known reason, or something that is no text where a text should be.
    """

    def __init__(self, api: CustomApi, paths: AnswerPaths, document: Any, event: str = "") -> None:
        if words := _words_at(paths.error, document, event):
            raise ApiFailedError(words)
        self._has_finish = paths.finish is not None
        self.texts = _at(paths.text, document, event)
        self.text = _joined(self.texts)
        self.reasoning = _joined(_at(paths.reasoning, document, event))
        self.finish_reason = _finish_reason(api, _at(paths.finish, document, event))
        self.usage = _usage(
            _at(paths.input_tokens, document, event), _at(paths.output_tokens, document, event)
        )

    def completion(self, head: CompletionHead) -> dict[str, Any]:
        """Return the answer as a ``chat.completion``.

        Raises:
            ApiFailedError: Nothing stands where its text should be.
        """
        if not any(isinstance(text, str) for text in self.texts):
            msg = "its answer has nothing where response.text says"
            raise ApiFailedError(msg)
        if self._has_finish and self.finish_reason is None:
            msg = "its answer has nothing where response.finish says: it may be cut"
            raise ApiFailedError(msg)
        document = completion_document(
            head,
            text=self.text,
            reasoning=self.reasoning,
            citations=(),
            finish_reason=self.finish_reason or "stop",
            usage=self.usage.document() if self.usage is not None else {},
        )
        if self.usage is None:
            del document["usage"]
        return document


class _EventStream(TranslatedStream):
    """Reads events or lines of JSON."""

    def __init__(self, api: CustomApi, head: CompletionHead, *, with_usage: bool) -> None:
        super().__init__(head, with_usage=with_usage)
        self._api = api
        self._paths = api.stream.paths
        self._has_marker = api.stream.end is not None or api.stream.finish is not None
        self._sse = SseParser() if api.stream.kind == "sse" else None
        self._lines = LineSplitter()

    def close(self) -> bytes:
        last = self._write(self._rest())
        if not self._has_marker and self.has_begun and not self.is_finished and self._failure is None:
            last += self._finish("stop")
        return last + super().close()

    def _events(self, data: bytes) -> Iterable[tuple[str, str]]:
        if self._sse is not None:
            return ((one.event, one.data) for one in self._sse.feed(data))
        return (("", line) for line in self._lines.feed(data))

    def _rest(self) -> Iterable[tuple[str, str]]:
        if self._sse is not None:
            yield from ((one.event, one.data) for one in self._sse.closed())
        else:
            yield "", self._lines.rest()

    def _read(self, event: tuple[str, str]) -> bytes:
        name, data = event
        if not data.strip():
            return b""
        if data.strip() == self._api.stream.end:
            return b"" if self.is_finished else self._finish("stop")
        found = Found(self._api, self._paths, _parse(data), name)
        self.usage = found.usage or self.usage
        if self.is_finished:
            return b""
        written = self._reasoning(found.reasoning) + self._text(found.text)
        return written + (self._finish(found.finish_reason) if found.finish_reason is not None else b"")


class _TextStream(TranslatedStream):
    """Reads a body that is the text; its clean end is the end."""

    def __init__(self, api: CustomApi, head: CompletionHead, *, with_usage: bool) -> None:  # noqa: ARG002  of all readers
        super().__init__(head, with_usage=with_usage)
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def close(self) -> bytes:
        last = self._write(self._rest())
        if self.has_begun and self._failure is None:
            last += self._finish("stop")
        return last + super().close()

    def _events(self, data: bytes) -> Iterator[str]:
        yield self._decoded(data, is_last=False)

    def _rest(self) -> Iterator[str]:
        yield self._decoded(b"", is_last=True)

    def _decoded(self, data: bytes, *, is_last: bool) -> str:
        try:
            return self._decoder.decode(data, is_last)
        except UnicodeDecodeError as exc:
            msg = f"its text is not UTF-8: {exc.reason}"
            raise ApiFailedError(msg) from exc

    def _read(self, event: str) -> bytes:
        return self._text(event)


class _WholeStream(TranslatedStream):
    """Reads a whole answer, and tells it as one delta: the API has no streams."""

    def __init__(self, api: CustomApi, head: CompletionHead, *, with_usage: bool) -> None:
        super().__init__(head, with_usage=with_usage)
        self._api = api
        self._body = bytearray()

    def _events(self, data: bytes) -> Iterable[bytes]:
        self._body += data
        if len(self._body) > MOST_BODY_BYTES:
            msg = "its answer is larger than 64 MiB"
            raise ApiFailedError(msg)
        return ()

    def _rest(self) -> Iterator[bytes]:
        yield bytes(self._body)

    def _read(self, event: bytes) -> bytes:
        found = Found(self._api, self._api.response, _parse(event))
        message = found.completion(CompletionHead("", 0, ""))["choices"][0]["message"]
        self.usage = found.usage
        written = self._reasoning(found.reasoning) + self._text(message["content"])
        return written + self._finish(found.finish_reason or "stop")


def _prompts(messages: Sequence[Mapping[str, Any]], *, has_system: bool) -> dict[str, str]:
    """Return ``prompt`` and ``system``; the prompt holds the system's text as well where it has no place of its own."""
    if not has_system:
        return {"prompt": compose_chat_transcript(messages)}
    system, prompt = system_and_prompt(messages)
    return {"prompt": prompt} | ({"system": system} if system else {})


def _parse(data: bytes | str) -> Any:
    try:
        return parse_lenient(data)
    except ValueError as exc:
        msg = f"what it sent is not JSON: {str(exc)[:200]}"
        raise ApiFailedError(msg) from exc


def _at(path: str | None, document: Any, event: str = "") -> list[Any]:
    return _path(path).find(document, event) if path is not None else []


def _joined(found: list[Any]) -> str:
    texts = [one for one in found if one is not None]
    if not all(isinstance(text, str) for text in texts):
        msg = "its answer has something else where a text should be"
        raise ApiFailedError(msg)
    return "".join(texts)


def _words_at(path: str | None, document: Any, event: str = "") -> str:
    """Return what an error says; empty where there is none."""
    for one in _at(path, document, event):
        if one:
            return one if isinstance(one, str) else to_json(one).decode()
    return ""


def _finish_reason(api: CustomApi, found: list[Any]) -> str | None:
    said = next((one for one in found if one not in (None, False, "")), None)
    if said is None:
        return None
    reason = api.finish_reason(said)
    if reason is None:
        msg = f"it ended for a reason that finish_reasons doesn't know: {str(said)[:100]}"
        raise ApiFailedError(msg)
    return reason


def _usage(sent: list[Any], got: list[Any]) -> TokenUsage | None:
    counts = [[count for one in found if (count := parse_count(one)) is not None] for found in (sent, got)]
    return TokenUsage(counts[0][0], counts[1][0]) if all(counts) else None
