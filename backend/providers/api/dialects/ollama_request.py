"""Translates OpenAI's chat body into a request of Ollama's ``/api/chat``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automation.turn import join_texts
from backend.errors import InvalidRequestError
from backend.providers.api.chat.chat_body import (
    answer_schema,
    iter_parts,
    iter_tool_calls,
    most_tokens,
    parse_image,
    parse_messages,
    parse_stops,
    part_text,
)
from backend.providers.api.dialect import Body
from backend.wire.answer_fields import refuse_fields

_PLAIN_OPTIONS = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")
_AS_THEY_ARE = ("think", "keep_alive")
_EFFORTS: Mapping[str, bool | str] = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
}
HONOURED = frozenset(
    {
        "model",
        "messages",
        "stream",
        "stream_options",
        "stop",
        "max_tokens",
        "max_completion_tokens",
        "tools",
        "tool_choice",
        "response_format",
        "reasoning_effort",
        "options",
        *_PLAIN_OPTIONS,
        *_AS_THEY_ARE,
    }
)


def chat_request(body: Body, *, is_streamed: bool) -> dict[str, Any]:
    """Return the request for a chat body.

    Raises:
        InvalidRequestError: Ollama has no way to honour it; ``param`` names the field.
    """
    refuse_fields(body)
    request: dict[str, Any] = {
        "model": body.get("model"),
        "messages": _messages(body),
        "stream": is_streamed,
        **{name: body[name] for name in _AS_THEY_ARE if body.get(name) is not None},
    }
    if tools := _tools(body):
        request["tools"] = tools
    if (form := _format(body)) is not None:
        request["format"] = form
    if (effort := body.get("reasoning_effort")) is not None:
        request.setdefault("think", _think(effort))
    if options := _options(body):
        request["options"] = options
    return request


def _messages(body: Body) -> list[dict[str, Any]]:
    names: dict[str, str] = {}
    return [_message(m, f"messages.{i}", names) for i, m in enumerate(parse_messages(body))]


def _message(message: Mapping[str, Any], where: str, names: dict[str, str]) -> dict[str, Any]:
    """Return Ollama's message; ``names`` are those of the tools that were called before, by the ids of the calls."""
    role = "system" if message["role"] == "developer" else message["role"]
    texts: list[str] = []
    images: list[str] = []
    for at, part in iter_parts(message, where):
        if part.get("type") == "image_url":
            images.append(_image(part, at))
        else:
            texts.append(part_text(part, at))
    sent: dict[str, Any] = {"role": role, "content": join_texts(texts, role)}
    if images:
        sent["images"] = images
    if role == "assistant" and isinstance(message.get("reasoning_content"), str):
        sent["thinking"] = message["reasoning_content"]
    if calls := _earlier_calls(message, where, names):
        sent["tool_calls"] = calls
    if role == "tool":
        call_id = message.get("tool_call_id")
        name = names.get(call_id) if isinstance(call_id, str) else None
        told = {"tool_name": name or message.get("name"), "tool_call_id": call_id}
        sent |= {key: value for key, value in told.items() if value}
    return sent


def _image(part: Mapping[str, Any], where: str) -> str:
    """Return an image's base64."""
    image = parse_image(part, where)
    if isinstance(image, str):
        msg = "Ollama takes images only as data: URLs in base64."
        raise InvalidRequestError(msg, where)
    return image.data


def _earlier_calls(message: Mapping[str, Any], where: str, names: dict[str, str]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    for i, (call, name, arguments) in enumerate(iter_tool_calls(message, where)):
        call_id = call.get("id")
        if isinstance(call_id, str):
            names[call_id] = name
        sent.append({"id": call_id or "", "function": {"index": i, "name": name, "arguments": arguments}})
    return sent


def _tools(body: Body) -> list[Any]:
    choice = body.get("tool_choice")
    if choice == "none":
        return []
    if choice not in (None, "auto"):
        msg = "Ollama can't be made to call a tool; tool_choice may be auto or none."
        raise InvalidRequestError(msg, "tool_choice")
    return body.get("tools") or []


def _format(body: Body) -> Any:
    """Return ``json``, a schema, or None for text."""
    schema = answer_schema(body)
    if isinstance(schema, Mapping):
        return schema
    return "json" if schema == "json_object" else None


def _think(effort: Any) -> bool | str:
    if not isinstance(effort, str) or effort not in _EFFORTS:
        msg = f"reasoning_effort must be one of {', '.join(_EFFORTS)}."
        raise InvalidRequestError(msg, "reasoning_effort")
    return _EFFORTS[effort]


def _options(body: Body) -> dict[str, Any]:
    """Return Ollama's options: its own as they came, and OpenAI's over them."""
    own = {} if body.get("options") is None else body["options"]
    if not isinstance(own, Mapping):
        msg = "options must be an object."
        raise InvalidRequestError(msg, "options")
    options = {**own, **{name: body[name] for name in _PLAIN_OPTIONS if body.get(name) is not None}}
    if (most := most_tokens(body)) is not None:
        options["num_predict"] = most
    if stops := parse_stops(body):
        options["stop"] = stops
    return options
