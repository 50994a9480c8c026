"""Response encoder of OpenAI's Responses API, whole and streamed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.provider_errors import ApiFailedError
from backend.wire.answer_blocks import AnswerBlock, Blocks, message_to_delta
from backend.wire.answers.answer_document import read_object
from backend.wire.answers.finish_reasons import read_finish_reason
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
from backend.wire.responses.document import (
    NOT_KEPT,
    KeptAs,
    ResponseDocuments,
    annotation,
    incomplete_reason,
    part,
    response_error,
)
from backend.wire.responses.request import ResponsesRequest, find_call_ids

_TEXT_EVENTS = {
    "reasoning": "response.reasoning_text",
    "text": "response.output_text",
    "refusal": "response.refusal",
    "call": "response.function_call_arguments",
}


class ResponsesEncoder:
    """Encoder of one answer: ``response`` and its events; there is no ``[DONE]``.

    Feed it what the provider sends; a stream that ends before it said why, or a call that can't be read, raises.

    Attributes:
        response: The whole response once it has ended well; None before.
    """

    def __init__(self, request: ResponsesRequest, kept: KeptAs = NOT_KEPT) -> None:
        self.response: Mapping[str, Any] | None = None
        self._request = request
        self._kept = kept
        self._chunks = ChatEvents()
        self._writer = _EventWriter(request, kept)
        self._blocks = Blocks(self._writer)
        self._blocks.taken = find_call_ids(request.input)
        self._finish_reason = ""
        self._usage: Mapping[str, Any] | None = None
        self._is_over = False

    @property
    def end(self) -> bytes:
        """The events that close the answer; nothing where it has failed.

        Raises:
            ApiFailedError: Nobody said why the answer ended: it is not complete.
        """
        if self._is_over:
            return b""
        if not self._finish_reason:
            msg = "the stream ended before the answer did"
            raise ApiFailedError(msg)
        finished, self.response = self._writer.finish(self._blocks, self._finish_reason, self._usage)
        self._is_over = True
        return finished

    def events(self, events: bytes) -> bytes:
        """Return the Responses API's events for some of chat completions'.

        Raises:
            ApiFailedError: They can't be read.
        """
        return b"".join(self._event(document) for document in self._chunks.feed(events))

    def whole(self, completion: bytes) -> bytes:
        """Return the ``response`` for a ``chat.completion``.

        Raises:
            ApiFailedError: A call of a tool can't be read.
        """
        self.response = response_document(self._request, chat_document(completion), self._kept)
        return to_json(self.response)

    def failure(self, error: ErrorReply) -> bytes:
        """Return ``response.failed``; nothing comes after it."""
        if self._is_over:
            return b""
        self._is_over = True
        return self._writer.fail(error)

    def _event(self, chunk: Mapping[str, Any]) -> bytes:
        if self._is_over:
            return b""
        if error := find_error(chunk):
            return self.failure(error)
        begun = self._writer.begin_response(chunk)
        self._blocks.stem = self._blocks.stem or self._kept.stem or completion_id_stem(chunk)
        choice = find_choice(chunk)
        self._finish_reason = read_finish_reason(choice.get("finish_reason")) or self._finish_reason
        self._usage = find_usage(chunk) or self._usage
        return begun + self._blocks.feed(read_object(choice, "delta"))


def response_document(
    request: ResponsesRequest, completion: Mapping[str, Any], kept: KeptAs = NOT_KEPT
) -> dict[str, Any]:
    """Return the ``response`` for a whole ``chat.completion``.

    Raises:
        ApiFailedError: There is no message in it, or a call of a tool can't be read.
    """
    choice = whole_choice(completion)
    writer = _EventWriter(request, kept)
    writer.begin_response(completion)
    blocks = Blocks(writer)
    blocks.taken = find_call_ids(request.input)
    blocks.stem = kept.stem or completion_id_stem(completion)
    blocks.feed(message_to_delta(choice["message"]))
    reason = read_finish_reason(choice["finish_reason"]) or ""
    return writer.conclude(blocks, reason, find_usage(completion))[1]


class _EventWriter:
    """Numbers the events, and gathers the items for the final response."""

    def __init__(self, request: ResponsesRequest, kept: KeptAs) -> None:
        self._documents = ResponseDocuments(request, {}, kept)
        self._request = request
        self._kept = kept
        self._number = 0
        self._output: list[dict[str, Any]] = []
        self._last: AnswerBlock | None = None
        self._last_status = "completed"

    def begin_response(self, completion: Mapping[str, Any]) -> bytes:
        """Return the two events before all others, once."""
        if self._number:
            return b""
        self._documents = ResponseDocuments(self._request, completion, self._kept)
        response = self._documents.response("in_progress")
        return self._event("response.created", response=response) + self._event(
            "response.in_progress", response=response
        )

    def conclude(
        self, blocks: Blocks, finish_reason: str, usage: Mapping[str, Any] | None
    ) -> tuple[bytes, dict[str, Any]]:
        """Return the events that close all blocks, and the response."""
        reason = incomplete_reason(finish_reason)
        self._last_status = "incomplete" if reason else "completed"
        self._last = blocks.all[-1] if blocks.all else None
        closed = blocks.finish(finish_reason)
        response = self._documents.response(self._last_status, self._output, usage=usage, incomplete=reason)
        return closed, response

    def finish(
        self, blocks: Blocks, finish_reason: str, usage: Mapping[str, Any] | None
    ) -> tuple[bytes, dict[str, Any]]:
        """Return all that comes after the last delta, and the response."""
        closed, response = self.conclude(blocks, finish_reason, usage)
        return closed + self._event(f"response.{response['status']}", response=response), response

    def fail(self, error: ErrorReply) -> bytes:
        """Return the event of a failure; the response has the items that were complete by then."""
        begun = self.begin_response({})
        response = self._documents.response("failed", self._output, error=response_error(error))
        return begun + self._event("response.failed", response=response)

    def begin(self, block: AnswerBlock) -> bytes:
        """Return the events that open an item, and its content."""
        item = self._documents.item(block, "in_progress")
        added = self._event("response.output_item.added", output_index=block.position, item=item)
        if block.kind == "call":
            return added
        empty = part(block, "")
        return added + self._event("response.content_part.added", **self._place(block), part=empty)

    def more(self, block: AnswerBlock, text: str) -> bytes:
        """Return the event of more of a block's text; of a custom tool's only all of it can be read."""
        if self._documents.is_custom(block):
            return b""
        logprobs: dict[str, Any] = {"logprobs": []} if block.kind == "text" else {}
        return self._event(f"{_TEXT_EVENTS[block.kind]}.delta", **self._place(block), delta=text, **logprobs)

    def cite(self, block: AnswerBlock, citation: dict[str, Any]) -> bytes:
        """Return the event of a citation."""
        return self._event(
            "response.output_text.annotation.added",
            **self._place(block),
            annotation_index=next(i for i, c in enumerate(block.citations) if c is citation),
            annotation=annotation(citation),
        )

    def close(self, block: AnswerBlock) -> bytes:
        """Return the events that end an item, and its content."""
        item = self._documents.item(block, self._last_status if block is self._last else "completed")
        self._output.append(item)
        if self._documents.is_custom(block):
            done = self._custom_input(block, item["input"])
        else:
            said = self._said(block, item)
            done = self._event(f"{_TEXT_EVENTS[block.kind]}.done", **self._place(block), **said)
        if block.kind != "call":
            done += self._event("response.content_part.done", **self._place(block), part=part(block))
        return done + self._event("response.output_item.done", output_index=block.position, item=item)

    def _custom_input(self, block: AnswerBlock, text: str) -> bytes:
        place = self._place(block)
        more = self._event("response.custom_tool_call_input.delta", **place, delta=text) if text else b""
        return more + self._event("response.custom_tool_call_input.done", **place, input=text)

    @staticmethod
    def _said(block: AnswerBlock, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the ``done`` event of a block repeats in full."""
        if block.kind == "call":
            return {"name": item["name"], "arguments": item["arguments"]}
        if block.kind == "refusal":
            return {"refusal": block.text}
        return {"text": block.text, **({"logprobs": []} if block.kind == "text" else {})}

    def _place(self, block: AnswerBlock) -> dict[str, Any]:
        where = {"item_id": self._documents.item_id(block), "output_index": block.position}
        return where if block.kind == "call" else {**where, "content_index": 0}

    def _event(self, kind: str, **fields: Any) -> bytes:
        event = named_event({"type": kind, "sequence_number": self._number, **fields})
        self._number += 1
        return event
