"""Response encoder of Anthropic's Messages API, whole and streamed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backend.provider_errors import ApiFailedError
from backend.wire.answer_blocks import AnswerBlock, Blocks, message_to_delta
from backend.wire.answers.answer_document import count_at, read_object, read_text
from backend.wire.answers.exact_json import RawJson, is_json_object
from backend.wire.answers.finish_reasons import is_cut, read_finish_reason
from backend.wire.chat_events import (
    ChatEvents,
    chat_document,
    completion_id_stem,
    find_choice,
    find_error,
    find_usage,
    named_event,
    whole_choice,
)
from backend.wire.chat_response import to_json
from backend.wire.errors import ErrorReply
from backend.wire.messages.errors import error_document
from backend.wire.messages.request import MessagesRequest, find_tool_use_ids
from backend.wire.messages.translate import estimate_input
from backend.wire.usage import estimate_tokens

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
# Where vLLM, and with it all that translates to OpenAI's form here, and SGLang tell the sequence.
_STOPPED_BY = ("stop_reason", "matched_stop")
_DELTAS = {
    "reasoning": ("thinking_delta", "thinking"),
    "text": ("text_delta", "text"),
    "refusal": ("text_delta", "text"),
    "call": ("input_json_delta", "partial_json"),
}


class MessagesEncoder:
    """Encoder of one answer: a ``message`` and its events.

    Feed it what the provider sends; a stream that ends before it said why, or a call that can't be read, raises.

    Args:
        stem: Random part of its id, and of those of calls that have none; empty for that of the completion. A provider may
            repeat its ids, and Claude Code takes messages with one id for parts of one.
    """

    def __init__(self, request: MessagesRequest, request_id: str | None = None, stem: str = "") -> None:
        self._request = request
        self._request_id = request_id
        self._stem = stem
        self._chunks = ChatEvents()
        self._blocks = _blocks_of(request)
        self._finish_reason: str | None = None
        self._last: Mapping[str, Any] = {}  # the choice that said why the answer ended
        self._usage: Mapping[str, Any] | None = None
        self._is_begun = False
        self._is_over = False

    @property
    def end(self) -> bytes:
        """The events that close the answer; nothing where it has failed.

        Raises:
            ApiFailedError: Nobody said why the answer ended, so that it is not complete; or a call can't be read.
        """
        if self._is_over:
            return b""
        if self._finish_reason is None:
            msg = "the stream ended before the answer did"
            raise ApiFailedError(msg)
        closed = self._blocks.finish(self._finish_reason)
        stopped_by = find_stop(self._last, self._request.stop_sequences or ())
        stop = _stop(self._finish_reason, stopped_by, self._blocks.all)
        if not is_cut(self._finish_reason):
            _inputs(self._blocks.all)
        self._is_over = True
        usage = _usage(self._usage, self._request, self._blocks.all)
        delta = {"type": "message_delta", "delta": stop, "usage": usage}
        return closed + named_event(delta) + named_event({"type": "message_stop"})

    def events(self, events: bytes) -> bytes:
        """Return the Messages API's events for some of chat completions'.

        Raises:
            ApiFailedError: They can't be read.
        """
        return b"".join(self._event(document) for document in self._chunks.feed(events))

    def whole(self, completion: bytes) -> bytes:
        """Return the ``message`` for a ``chat.completion``.

        Raises:
            ApiFailedError: The arguments of a call are no JSON object.
        """
        return to_json(message_document(self._request, chat_document(completion), self._stem))

    def failure(self, error: ErrorReply) -> bytes:
        """Return an ``error`` event; nothing comes after it."""
        if self._is_over:
            return b""
        self._is_over = True
        return named_event(error_document(error, self._request_id))

    def _event(self, chunk: Mapping[str, Any]) -> bytes:
        if self._is_over:
            return b""
        if error := find_error(chunk):
            return self.failure(error)
        choice = find_choice(chunk)
        if (reason := read_finish_reason(choice.get("finish_reason"))) is not None:
            self._finish_reason, self._last = reason, choice
        self._usage = find_usage(chunk) or self._usage
        return self._begin(chunk) + self._blocks.feed(read_object(choice, "delta"))

    def _begin(self, chunk: Mapping[str, Any]) -> bytes:
        """Return the events before all others, once."""
        if self._is_begun:
            return b""
        self._is_begun = True
        self._blocks.stem = self._stem or completion_id_stem(chunk)
        # What was read is known only at the end; message_delta then says the true number.
        usage = _usage(self._usage, self._request, ())
        stop = {"stop_reason": None, "stop_sequence": None}
        message = _message(self._blocks.stem, chunk, self._request, [], stop, usage)
        return named_event({"type": "message_start", "message": message}) + named_event({"type": "ping"})


def message_document(
    request: MessagesRequest, completion: Mapping[str, Any], stem: str = ""
) -> dict[str, Any]:
    """Return the ``message`` for a whole ``chat.completion``; ``stem`` is as in ``MessagesEncoder``.

    Raises:
        ApiFailedError: There is no message in it, or the arguments of a call are no JSON object.
    """
    choice = whole_choice(completion)
    blocks = _blocks_of(request)
    blocks.stem = stem or completion_id_stem(completion)
    blocks.feed(message_to_delta(choice["message"]))
    reason = read_finish_reason(choice["finish_reason"]) or ""
    blocks.finish(reason)
    # Of an answer that was cut, half a call can't be shown as an object; stop_reason says that there was more.
    shown = [block for block in blocks.all if not (is_cut(reason) and _is_broken(block))]
    inputs = _inputs(shown)
    content = [_content(block, inputs.get(block.position)) for block in shown]
    stop = _stop(reason, find_stop(choice, request.stop_sequences or ()), blocks.all)
    usage = _usage(find_usage(completion), request, blocks.all)
    return _message(blocks.stem, completion, request, content, stop, usage)


def _blocks_of(request: MessagesRequest) -> Blocks:
    blocks = Blocks(_EventWriter())
    blocks.taken = find_tool_use_ids(request.messages)
    return blocks


def _message(
    stem: str,
    completion: Mapping[str, Any],
    request: MessagesRequest,
    content: list[dict[str, Any]],
    stop: Mapping[str, Any],
    usage: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "id": f"msg_{stem}",
        "type": "message",
        "role": "assistant",
        "model": read_text(completion, "model") or request.model,
        "content": content,
        **stop,
        "usage": usage,
    }


def _inputs(blocks: Sequence[AnswerBlock]) -> dict[int, RawJson]:
    """Return the arguments of all calls by the position of their block."""
    return {block.position: _input(block) for block in blocks if block.kind == "call"}


def _is_broken(block: AnswerBlock) -> bool:
    return block.kind == "call" and not block.end.is_reached


def _input(block: AnswerBlock) -> RawJson:
    """Return the arguments of a call as they came: to read and write them again would round their numbers."""
    if not is_json_object(block.text):
        msg = f"a call of the tool {block.name!r} whose arguments are no JSON object"
        raise ApiFailedError(msg)
    return RawJson(block.text)


def _content(block: AnswerBlock, arguments: RawJson | None = None) -> dict[str, Any]:
    """Return a block of the message; without its text where ``arguments`` and pieces are still to come."""
    if block.kind == "reasoning":
        # Nobody signed it: an empty signature is what there is.
        return {"type": "thinking", "thinking": block.text, "signature": ""}
    if block.kind == "call":
        return {"type": "tool_use", "id": block.call_id, "name": block.name, "input": arguments or {}}
    citations = {"citations": [_citation(c) for c in block.citations]} if block.citations else {}
    return {"type": "text", "text": block.text, **citations}


def _citation(citation: Mapping[str, Any]) -> dict[str, Any]:
    """Return a citation of a page; what the page says there, and Anthropic's key to it, are not known."""
    page = {"url": citation["url"], "title": citation["title"]}
    return {"type": "web_search_result_location", **page, "cited_text": "", "encrypted_index": ""}


def find_stop(choice: Mapping[str, Any], stops: Sequence[str]) -> str | None:
    """Return which of the request's sequences stopped the answer; None where none did, or the provider doesn't tell."""
    told = [choice.get(name) for name in _STOPPED_BY]
    return next((stop for stop in stops if stop in told), None)


def _stop(finish_reason: str, stopped_by: str | None, blocks: Sequence[AnswerBlock]) -> dict[str, Any]:
    reason = _STOP_REASONS[finish_reason]
    kinds = {block.kind for block in blocks}
    if reason == "end_turn" and "call" in kinds:
        # Some providers say "stop" after a call; a client then would not run the tool.
        reason = "tool_use"
    elif reason == "end_turn" and "refusal" in kinds:
        reason = "refusal"
    if reason == "end_turn" and stopped_by is not None:
        return {"stop_reason": "stop_sequence", "stop_sequence": stopped_by}
    return {"stop_reason": reason, "stop_sequence": None}


def _usage(
    usage: Mapping[str, Any] | None, request: MessagesRequest, blocks: Sequence[AnswerBlock]
) -> dict[str, Any]:
    """Return Anthropic's usage, which counts what came from a cache apart; an estimate where nobody counted."""
    if usage is None:
        written = sum(estimate_tokens(len(block.text)) for block in blocks)
        return {"input_tokens": estimate_input(request), "output_tokens": written, "estimated": True}
    cached, stored = (
        count_at(usage, "prompt_tokens_details", name) for name in ("cached_tokens", "cache_write_tokens")
    )
    told = {
        "input_tokens": max(0, count_at(usage, "prompt_tokens") - cached - stored),
        "cache_read_input_tokens": cached,
        **({"cache_creation_input_tokens": stored} if stored else {}),
        "output_tokens": count_at(usage, "completion_tokens"),
    }
    return {**told, "estimated": True} if usage.get("estimated") else told


class _EventWriter:
    """Writes blocks of content."""

    def begin(self, block: AnswerBlock) -> bytes:
        """Return the event that opens a block: always an empty one, also where its text is there already."""
        empty = AnswerBlock(block.kind, block.position, call_id=block.call_id, name=block.name)
        return _at(block, "content_block_start", content_block=_content(empty))

    def more(self, block: AnswerBlock, text: str) -> bytes:
        """Return the event of more of its text, or of a tool's input."""
        kind, name = _DELTAS[block.kind]
        return _at(block, "content_block_delta", delta={"type": kind, name: text})

    def cite(self, block: AnswerBlock, citation: dict[str, Any]) -> bytes:
        """Return the event of a citation."""
        delta = {"type": "citations_delta", "citation": _citation(citation)}
        return _at(block, "content_block_delta", delta=delta)

    def close(self, block: AnswerBlock) -> bytes:
        """Return the event that ends it."""
        return _at(block, "content_block_stop")


def _at(block: AnswerBlock, kind: str, **fields: Any) -> bytes:
    return named_event({"type": kind, "index": block.position, **fields})
