"""Builds the ``response`` object and its items. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from backend.wire.answer_blocks import AnswerBlock
from backend.wire.answers.answer_document import count_at, read_text
from backend.wire.chat_events import completion_id_stem
from backend.wire.errors import ErrorReply
from backend.wire.responses.custom_tools import custom_input
from backend.wire.responses.reasoning import ENCRYPTED, pack_reasoning
from backend.wire.responses.request import ResponsesRequest
from backend.wire.responses.tool_names import CalledName, ToolNames, list_tools

_TOO_MANY_REQUESTS = 429
_PREFIXES = {"reasoning": "rs", "text": "msg", "refusal": "msg", "call": "fc"}
_ITEM_TYPES = {"reasoning": "reasoning", "text": "message", "refusal": "message", "call": "function_call"}


class KeptAs(NamedTuple):
    """How a response is kept for its caller.

    Attributes:
        stem: Random part of its ids, and of its items'; empty for that of the completion, which its provider may repeat.
        previous_response_id: The response that it goes on from.
        is_kept: It can be gone on from.
    """

    stem: str = ""
    previous_response_id: str | None = None
    is_kept: bool = False


NOT_KEPT = KeptAs()


class ResponseDocuments:
    """Writes the documents of one response.

    Args:
        completion: A ``chat.completion`` or its first chunk: ``id``, ``created`` and ``model`` count.
    """

    def __init__(
        self, request: ResponsesRequest, completion: Mapping[str, Any], kept: KeptAs = NOT_KEPT
    ) -> None:
        self._request = request
        self._kept = kept
        self._names = ToolNames(list_tools(request))
        self._packs_reasoning = ENCRYPTED in (request.include or ())
        self._stem = kept.stem or completion_id_stem(completion)
        self._created = count_at(completion, "created")
        self._model = read_text(completion, "model") or request.model

    def item_id(self, block: AnswerBlock) -> str:
        """Return the id of a block's item."""
        prefix = "ctc" if self.is_custom(block) else _PREFIXES[block.kind]
        return f"{prefix}_{self._stem}_{block.position}"

    def is_custom(self, block: AnswerBlock) -> bool:
        """Whether it is a call of a custom tool."""
        return block.kind == "call" and self.called(block).kind == "custom"

    def called(self, block: AnswerBlock) -> CalledName:
        """Return whose call a block is, in the request's words."""
        return self._names.called(block.name)

    def item(self, block: AnswerBlock, status: str) -> dict[str, Any]:
        """Return a block's item; one that is ``in_progress`` has no content yet."""
        head = {"id": self.item_id(block), "type": _ITEM_TYPES[block.kind], "status": status}
        is_begun = status != "in_progress"
        if block.kind == "call":
            return {**head, **self._call(block, status)}
        content = [part(block)] if is_begun else []
        if block.kind == "reasoning":
            packed = {"encrypted_content": pack_reasoning(block.text)} if self._packs_reasoning else {}
            return {**head, "summary": [], "content": content, **(packed if is_begun else {})}
        return {**head, "role": "assistant", "content": content}

    def _call(self, block: AnswerBlock, status: str) -> dict[str, Any]:
        called = self.called(block)
        said = block.text if status != "in_progress" else ""
        call = {"call_id": block.call_id, "name": called.name}
        if called.namespace is not None:
            call["namespace"] = called.namespace
        if called.kind == "function":
            return {**call, "arguments": said}
        whole = custom_input(said, is_whole=status == "completed") if said else ""
        return {"type": "custom_tool_call", **call, "input": whole}

    def response(
        self,
        status: str,
        output: Sequence[Mapping[str, Any]] = (),
        *,
        usage: Mapping[str, Any] | None = None,
        error: Mapping[str, str] | None = None,
        incomplete: str | None = None,
    ) -> dict[str, Any]:
        """Return the response; ``usage`` is a chat completion's."""
        return {
            "id": f"resp_{self._stem}",
            "object": "response",
            "created_at": self._created,
            "status": status,
            "background": False,
            "error": error,
            "incomplete_details": {"reason": incomplete} if incomplete else None,
            "model": self._model,
            "output": list(output),
            "store": self._kept.is_kept,
            "previous_response_id": self._kept.previous_response_id,
            "usage": build_responses_usage(usage) if usage else None,
            **self._asked(),
        }

    def _asked(self) -> dict[str, Any]:
        """Return the request's parameters, as the response repeats them."""
        asked = self._request
        return {
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "max_tool_calls": asked.max_tool_calls,
            "metadata": asked.metadata or {},
            "parallel_tool_calls": asked.parallel_tool_calls is not False,
            "reasoning": asked.reasoning.model_dump()
            if asked.reasoning
            else {"effort": None, "summary": None},
            "temperature": asked.temperature,
            "text": {"format": (asked.text and asked.text.format) or {"type": "text"}},
            "tool_choice": asked.tool_choice or "auto",
            "tools": asked.tools or [],
            "top_p": asked.top_p,
            "truncation": asked.truncation or "disabled",
            "user": asked.user,
        }


def part(block: AnswerBlock, text: str | None = None) -> dict[str, Any]:
    """Return the one part of a block's content; ``text`` instead of its own, without citations."""
    said = block.text if text is None else text
    if block.kind == "reasoning":
        return {"type": "reasoning_text", "text": said}
    if block.kind == "refusal":
        return {"type": "refusal", "refusal": said}
    annotations = [annotation(c) for c in block.citations] if text is None else []
    return {"type": "output_text", "text": said, "annotations": annotations, "logprobs": []}


def annotation(citation: Mapping[str, Any]) -> dict[str, Any]:
    """Return a citation of a page as an annotation."""
    return {"type": "url_citation", **citation}


def build_responses_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return a chat completion's usage as a response's; ``estimated`` stays."""
    read, written = count_at(usage, "prompt_tokens"), count_at(usage, "completion_tokens")
    cached = ("cached_tokens", "cache_write_tokens")
    details = {name: count_at(usage, "prompt_tokens_details", name) for name in cached}
    thought = count_at(usage, "completion_tokens_details", "reasoning_tokens")
    return {
        "input_tokens": read,
        "input_tokens_details": details,
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": count_at(usage, "total_tokens") or read + written,
        **({"estimated": True} if usage.get("estimated") else {}),
    }


def incomplete_reason(finish_reason: str) -> str | None:
    """Return why a response is incomplete; None where it is complete."""
    return {"length": "max_output_tokens", "content_filter": "content_filter"}.get(finish_reason)


def response_error(error: ErrorReply) -> dict[str, str]:
    """Return an error as a failed response tells it."""
    code = "rate_limit_exceeded" if error.status == _TOO_MANY_REQUESTS else "server_error"
    sent = {} if error.sent is None else {"sent": error.sent}
    return {"code": code, "message": error.message, **sent}
