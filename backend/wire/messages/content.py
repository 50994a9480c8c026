"""Translates messages of Anthropic's API into those of a chat completion. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from automation.turn import join_texts
from backend.errors import InvalidRequestError
from backend.wire.answers.exact_json import dump_exactly
from backend.wire.messages.request import ContentBlock, InputMessage, Source

_T = TypeVar("_T")
# Nobody but the model that wrote it can read the second.
_THOUGHTS = frozenset({"thinking", "redacted_thinking"})
_FILES = frozenset({"image", "document"})


def system_text(system: str | Sequence[ContentBlock] | None) -> str:
    """Return the system prompt; its blocks are paragraphs.

    Raises:
        InvalidRequestError: A block is not text.
    """
    if system is None or isinstance(system, str):
        return system or ""
    return join_texts((_only_text(block, f"system.{i}") for i, block in enumerate(system)), "system")


def chat_messages(messages: Sequence[InputMessage]) -> list[dict[str, Any]]:
    """Return the messages in the form of a chat completion, results of tools as messages of their own.

    Raises:
        InvalidRequestError: A block can't be translated; ``param`` names it.
    """
    translated = (_message(message, f"messages.{i}.content") for i, message in enumerate(messages))
    return [message for some in translated for message in some]


def _message(message: InputMessage, where: str) -> list[dict[str, Any]]:
    if isinstance(message.content, str):
        return [{"role": message.role, "content": message.content}]
    if message.role == "assistant":
        return _assistant(message.content, where)
    if message.role == "system":
        text = join_texts((_only_text(b, f"{where}.{i}") for i, b in enumerate(message.content)), "system")
        return [{"role": "system", "content": text}]
    return _user(message.content, where)


def _assistant(blocks: Sequence[ContentBlock], where: str) -> list[dict[str, Any]]:
    """Return the message, with its thoughts: models that think want them back amid calls of tools."""
    texts, thoughts, calls = [], [], []
    for i, block in enumerate(blocks):
        if block.type == "tool_use":
            calls.append(_call(block, f"{where}.{i}"))
        elif block.type == "thinking":
            thoughts.append(block.thinking or "")
        elif block.type not in _THOUGHTS:
            texts.append(_only_text(block, f"{where}.{i}"))
    if not texts and not calls:
        return []
    message: dict[str, Any] = {"role": "assistant", "content": join_texts(texts, "assistant") or None}
    # They were one text, which was parted where something else came between.
    if thought := "".join(thoughts):
        message["reasoning_content"] = thought
    return [{**message, "tool_calls": calls} if calls else message]


def _call(block: ContentBlock, where: str) -> dict[str, Any]:
    # The same text as the model wrote it in most cases: no spaces are added, no letter is escaped.
    arguments = dump_exactly(_given(block.input, f"{where}.input")).decode()
    function = {"name": _given(block.name, f"{where}.name"), "arguments": arguments}
    return {"id": _given(block.id, f"{where}.id"), "type": "function", "function": function}


def _user(blocks: Sequence[ContentBlock], where: str) -> list[dict[str, Any]]:
    """Return the results of tools, then all else as one message: results must follow their calls at once."""
    results: list[dict[str, Any]] = []
    files: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    for i, block in enumerate(blocks):
        if block.type == "tool_result":
            result, found = _result(block, f"{where}.{i}")
            results.append(result)
            files += found
        elif block.type not in _THOUGHTS:
            parts += _parts(block, f"{where}.{i}")
    said = files + parts
    if said and all(part["type"] == "text" for part in said):
        return [*results, {"role": "user", "content": join_texts((part["text"] for part in said), "user")}]
    return [*results, {"role": "user", "content": said}] if said else results


def _result(block: ContentBlock, where: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a tool's message, which takes text alone, and the files of its result."""
    content = block.content or ""
    files: list[dict[str, Any]] = []
    if not isinstance(content, str):
        nested = [part for i, b in enumerate(content) for part in _parts(b, f"{where}.content.{i}")]
        files = [part for part in nested if part["type"] != "text"]
        content = join_texts((part["text"] for part in nested if part["type"] == "text"), "tool")
    if block.is_error:
        content = f"Error: {content}" if content else "Error"
    call_id = _given(block.tool_use_id, f"{where}.tool_use_id")
    return {"role": "tool", "tool_call_id": call_id, "content": content}, files


def _parts(block: ContentBlock, where: str) -> list[dict[str, Any]]:
    if block.type in _FILES:
        source: Source = _given(block.source, f"{where}.source")
        return _image(source, where) if block.type == "image" else _document(block, source, where)
    return [{"type": "text", "text": _only_text(block, where)}]


def _image(source: Source, where: str) -> list[dict[str, Any]]:
    is_url = source.type == "url"
    url = _given(source.url, f"{where}.source.url") if is_url else _data_url(source, where)
    return [{"type": "image_url", "image_url": {"url": url}}]


def _document(block: ContentBlock, source: Source, where: str) -> list[dict[str, Any]]:
    if source.type == "text":
        title = f"{block.title}\n\n" if block.title else ""
        return [{"type": "text", "text": title + _given(source.data, f"{where}.source.data")}]
    name = {"filename": block.title} if block.title else {}
    return [{"type": "file", "file": {"file_data": _data_url(source, where), **name}}]


def _data_url(source: Source, where: str) -> str:
    if source.type != "base64":
        msg = f"A source of type {source.type!r} can't be sent; base64 can, text of documents and url of images too."
        raise InvalidRequestError(msg, f"{where}.source.type")
    media_type: str = _given(source.media_type, f"{where}.source.media_type")
    data: str = _given(source.data, f"{where}.source.data")
    return f"data:{media_type};base64,{data}"


def _only_text(block: ContentBlock, where: str) -> str:
    if block.type != "text":
        msg = f"A block of type {block.type!r} can't be sent here."
        raise InvalidRequestError(msg, f"{where}.type")
    return _given(block.text, f"{where}.text")


def _given(value: _T | None, where: str) -> _T:
    if value is None:
        msg = f"{where} is missing."
        raise InvalidRequestError(msg, where)
    return value
