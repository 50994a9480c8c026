"""Builds OpenAI's chat completion and its chunks as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from backend.wire.answers.exact_json import dump_exactly
from backend.wire.tool_envelope import CalledTool

DONE = b"data: [DONE]\n\n"

# Their bytes begin no other character, and JSON has them in its strings alone.
_ESCAPED_LINE_ENDS = tuple((char.encode(), b"\\u%04x" % ord(char)) for char in "\x85\u2028\u2029")
_NEXT_LINE, _SEPARATOR_START = b"\xc2\x85", b"\xe2\x80"


@dataclass(frozen=True, slots=True)
class Citation:
    """A page that the answer cites, and how many characters of the answer came before."""

    url: str
    title: str
    position: int

    def document(self) -> dict[str, Any]:
        """Return OpenAI's ``url_citation`` annotation."""
        where = {"start_index": self.position, "end_index": self.position}
        return {"type": "url_citation", "url_citation": {"url": self.url, "title": self.title, **where}}


class CompletionHead(NamedTuple):
    """Fields that every chunk of one answer repeats.

    Attributes:
        created: Unix time in seconds.
        model: The name of what answers, ``<endpoint>`` or ``<endpoint>/<model>``.
    """

    id: str
    created: int
    model: str


def completion_document(
    head: CompletionHead,
    *,
    text: str,
    reasoning: str,
    citations: Sequence[Citation],
    finish_reason: str,
    usage: dict[str, Any],
    tool_calls: Sequence[CalledTool] = (),
    stopped_by: str | None = None,
) -> dict[str, Any]:
    """Return a whole ``chat.completion``; the content of one that only calls tools is null.

    ``stopped_by`` is the stop sequence that ended it, told as vLLM tells it.
    """
    content = text if text.strip() or not tool_calls else None
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
    if tool_calls:
        message["tool_calls"] = [call.document() for call in tool_calls]
    if reasoning:
        message["reasoning_content"] = reasoning
    if citations:
        message["annotations"] = [c.document() for c in citations]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}
    if stopped_by is not None:
        choice["stop_reason"] = stopped_by
    return {
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "choices": [choice],
        "usage": usage,
    }


class ChunkWriter:
    """Writes the ``chat.completion.chunk`` events of one answer; the first delta carries the role."""

    def __init__(self, head: CompletionHead, *, with_usage: bool) -> None:
        self._common = {
            "id": head.id,
            "object": "chat.completion.chunk",
            "created": head.created,
            "model": head.model,
        }
        self._with_usage = with_usage
        self._is_first = True

    def text(self, text: str) -> bytes:
        """Return the event of more text."""
        return self._delta({"content": text})

    def reasoning(self, text: str) -> bytes:
        """Return the event of more reasoning."""
        return self._delta({"reasoning_content": text})

    def refusal(self, text: str) -> bytes:
        """Return the event of more of a refusal."""
        return self._delta({"refusal": text})

    def tool_call(
        self, index: int, call_id: str, name: str, arguments: str = "", extra: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the event that begins a call of a tool; ``index`` counts the answer's calls from 0.

        ``extra`` are the provider's own fields of the call, which a client sends back with it.
        """
        function = {"name": name, "arguments": arguments}
        call = {"index": index, "id": call_id, "type": "function", "function": function}
        return self._delta({"tool_calls": [{**call, **(extra or {})}]})

    def arguments(self, index: int, text: str) -> bytes:
        """Return the event of more of a call's arguments, which are JSON in pieces."""
        return self._delta({"tool_calls": [{"index": index, "function": {"arguments": text}}]})

    def finish(
        self,
        finish_reason: str,
        citations: Sequence[Citation] = (),
        notes: Sequence[str] = (),
        stopped_by: str | None = None,
    ) -> bytes:
        """Return the event that tells why the answer ended; ``stopped_by`` as in ``completion_document``."""
        delta = {"annotations": [c.document() for c in citations]} if citations else {}
        extra = {"gateway_notes": list(notes)} if notes else {}
        return self._delta(delta, finish_reason, extra, stopped_by)

    def usage(self, usage: dict[str, Any]) -> bytes:
        """Return the event of the usage where the client asked for it, else nothing; it comes after ``finish``."""
        return sse_event({**self._common, "choices": [], "usage": usage}) if self._with_usage else b""

    def end(
        self,
        finish_reason: str,
        usage: dict[str, Any],
        citations: Sequence[Citation] = (),
        notes: Sequence[str] = (),
    ) -> bytes:
        """Return the events that close the answer, ``[DONE]`` included."""
        return self.finish(finish_reason, citations, notes) + self.usage(usage) + DONE

    def _delta(
        self,
        delta: dict[str, Any],
        finish_reason: str | None = None,
        extra: dict[str, Any] | None = None,
        stopped_by: str | None = None,
    ) -> bytes:
        if self._is_first:
            self._is_first = False
            delta = {"role": "assistant", **({} if "content" in delta else {"content": ""}), **delta}
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        if stopped_by is not None:
            choice["stop_reason"] = stopped_by
        usage = {"usage": None} if self._with_usage else {}
        return sse_event({**self._common, "choices": [choice], **usage, **(extra or {})})


def sse_event(document: Any) -> bytes:
    """Return one server-sent event whose data is ``document`` as JSON."""
    return b"data: " + to_json(document) + b"\n\n"


def to_json(document: Any) -> bytes:
    """Return ``document`` as JSON in which no client finds a line end; half a surrogate pair, which UTF-8 can't carry, is escaped."""
    return escape_line_ends(dump_exactly(document))


def escape_line_ends(text: bytes) -> bytes:
    """Return JSON with the line ends of Unicode escaped: what reads a stream by ``str.splitlines``, as httpx does, splits there."""
    if _NEXT_LINE not in text and _SEPARATOR_START not in text:
        return text
    for raw, escaped in _ESCAPED_LINE_ENDS:
        text = text.replace(raw, escaped)
    return text


def model_document(name: str, owner: str, created: int) -> dict[str, Any]:
    """Return one entry of ``GET /v1/models``."""
    return {"id": name, "object": "model", "created": created, "owned_by": owner}
