"""Turns a whole chat completion into its chunks, and chunks into a whole one. Pure.

For providers that answer at once where a stream was asked for, or stream where a whole answer was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.wire.answer_blocks import message_to_delta
from backend.wire.answers.answer_document import read_object, read_objects
from backend.wire.chat_events import ChatEvents, chat_document
from backend.wire.chat_response import sse_event

_NO_HEAD = ("choices", "usage", "object")
# What is told once; everything else that is a text comes in pieces.
_TOLD_ONCE = frozenset({"id", "type", "role", "index", "finish_reason"})


def split_completion(completion: bytes, *, with_usage: bool) -> bytes:
    """Return the events of a ``chat.completion``: each choice is one delta.

    Raises:
        ApiFailedError: It is none.
    """
    document = chat_document(completion)
    head = {name: value for name, value in document.items() if name not in _NO_HEAD}
    head["object"] = "chat.completion.chunk"
    written: list[bytes] = []
    for index, choice in enumerate(read_objects(document, "choices")):
        message = message_to_delta(read_object(choice, "message"))
        delta = {name: value for name, value in message.items() if value not in (None, [])}
        end = {name: value for name, value in choice.items() if name not in ("message", "logprobs")}
        begun = {"index": index, "delta": delta, "logprobs": choice.get("logprobs"), "finish_reason": None}
        written.append(sse_event({**head, "choices": [begun]}))
        written.append(sse_event({**head, "choices": [{**end, "index": index, "delta": {}}]}))
    if with_usage and document.get("usage") is not None:
        written.append(sse_event({**head, "choices": [], "usage": document["usage"]}))
    return b"".join(written)


def gather_completion(events: bytes) -> dict[str, Any]:
    """Return the ``chat.completion`` that the events of its chunks add up to.

    Raises:
        ApiFailedError: They can't be read.
    """
    head: dict[str, Any] = {}
    usage: Any = None
    choices: dict[Any, _Gathered] = {}
    for chunk in ChatEvents().feed(events):
        head = head or {name: value for name, value in chunk.items() if name not in _NO_HEAD}
        usage = chunk.get("usage") or usage
        for choice in read_objects(chunk, "choices"):
            choices.setdefault(choice.get("index") or 0, _Gathered()).add(choice)
    whole = {**head, "object": "chat.completion", "choices": [one.document() for one in choices.values()]}
    for choice in whole["choices"]:
        message = choice.pop("delta", {})
        if "tool_calls" in message:
            message["tool_calls"] = [_without_index(call) for call in message["tool_calls"]]
        choice["message"] = {"role": "assistant", "content": None, **message}
    return {**whole, "usage": usage} if usage is not None else whole


class _Gathered:
    """An object whose texts, lists and objects come in pieces; pieces of a list with an index belong to its entries."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {}
        self._objects: dict[str, _Gathered] = {}
        self._entries: dict[str, dict[Any, _Gathered]] = {}

    def add(self, piece: Mapping[str, Any]) -> None:
        """Add a piece."""
        for name, value in piece.items():
            if value is None:
                self._values.setdefault(name, None)
            elif name in _TOLD_ONCE:
                self._values[name] = value if self._values.get(name) is None else self._values[name]
            elif isinstance(value, str):
                self._texts.setdefault(name, []).append(value)
            elif isinstance(value, Mapping):
                self._objects.setdefault(name, _Gathered()).add(value)
            elif isinstance(value, list):
                self._add_list(name, value)
            else:
                self._values[name] = value

    def _add_list(self, name: str, values: list[Any]) -> None:
        for value in values:
            if isinstance(value, Mapping) and isinstance(value.get("index"), int):
                self._entries.setdefault(name, {}).setdefault(value["index"], _Gathered()).add(value)
            else:
                self._values[name] = [*(self._values.get(name) or ()), value]

    def document(self) -> dict[str, Any]:
        """Return all of it."""
        texts = {name: "".join(pieces) for name, pieces in self._texts.items()}
        objects = {name: one.document() for name, one in self._objects.items()}
        lists = {
            name: [one.document() for _, one in sorted(of.items())] for name, of in self._entries.items()
        }
        return {**self._values, **texts, **objects, **lists}


def _without_index(call: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in call.items() if name != "index"}
