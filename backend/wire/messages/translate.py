"""Translates a Messages request into the body of a chat completion, and counts its tokens. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from backend.errors import InvalidRequestError
from backend.wire.chat_fields import left_behind, taken_along
from backend.wire.chat_response import to_json
from backend.wire.messages.content import chat_messages, system_text
from backend.wire.messages.request import ContentBlock, CountRequest, MessagesRequest
from backend.wire.usage import estimate_tokens

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_UNSUPPORTED = ("container", "mcp_servers")
# No chat completion has them.
_LEFT_BEHIND = ("top_k", "service_tier", "context_management")
_TOOL_FIELDS = frozenset({"type", "name", "description", "input_schema", "strict"})
# OpenAI refuses a longer ``user``.
_LONGEST_USER = 64
# Budgets of thinking in tokens, below which an effort is enough.
_EFFORTS = ((4096, "low"), (16384, "medium"))
_STRONGEST = "high"
_CHAT_EFFORTS = frozenset({"low", "medium", "high", "xhigh"})
_FILE_TYPES = frozenset({"image_url", "file"})
# What Anthropic's documentation gives for a picture of a usual size, and a page or two of a document.
_FILE_TOKENS = 1600


def messages_to_chat_body(request: MessagesRequest) -> dict[str, Any]:
    """Return the body of the ``chat.completion`` that answers the request; a streamed one always tells its usage.

    Raises:
        InvalidRequestError: Something can't be translated; ``param`` names it.
    """
    for name in _UNSUPPORTED:
        if getattr(request, name):
            msg = f"{name} is not supported."
            raise InvalidRequestError(msg, name)
    config = request.output_config
    asked = {
        "model": request.model,
        "messages": _messages(request),
        "max_completion_tokens": request.max_tokens,
        "stop": request.stop_sequences or None,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "user": _user(request),
        "reasoning_effort": _effort(request),
        "response_format": _response_format(config.format if config else None),
        **_tools(request),
    }
    body = {
        **taken_along(request.model_extra),
        **{name: value for name, value in asked.items() if value is not None},
    }
    return {**body, "stream": True, "stream_options": {"include_usage": True}} if request.stream else body


def untranslated_of_messages(request: MessagesRequest) -> list[str]:
    """Return the names of what a request asks for and a chat completion has no way to say, sorted."""
    names = left_behind(request.model_extra) | {
        name for name in _LEFT_BEHIND if getattr(request, name) is not None
    }
    if _is_adaptive_without_effort(request):
        names.add("thinking")
    if request.output_config is not None:
        names |= {f"output_config.{name}" for name in left_behind(request.output_config.model_extra)}
    for tool in request.tools or ():
        unknown = left_behind({name: tool[name] for name in tool.keys() - _TOOL_FIELDS})
        names |= {name if name == "cache_control" else f"tools.{name}" for name in unknown}
    for block in _all_blocks(request):
        names |= _lost_of_block(block)
    return sorted(names)


def _is_adaptive_without_effort(request: MessagesRequest) -> bool:
    is_adaptive = request.thinking is not None and request.thinking.type == "adaptive"
    return is_adaptive and (request.output_config is None or request.output_config.effort is None)


def _all_blocks(request: CountRequest) -> Iterator[ContentBlock]:
    contents = [request.system, *(message.content for message in request.messages)]
    for content in contents:
        for block in content if isinstance(content, list) else ():
            yield block
            if isinstance(block.content, list):
                yield from block.content


def _lost_of_block(block: ContentBlock) -> set[str]:
    extra = block.model_extra or {}
    # Of an earlier answer the citations are the model's own; of a document they are asked for.
    names = ("cache_control", "citations") if block.type == "document" else ("cache_control",)
    return {name for name in names if extra.get(name) is not None}


def _user(request: MessagesRequest) -> str | None:
    """Return who asks: a long id, which OpenAI would refuse, as its hash, by which an abuser is found all the same."""
    user = (request.metadata or {}).get("user_id")
    if not isinstance(user, str) or len(user) <= _LONGEST_USER:
        return user
    return hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()


def count_tokens(request: CountRequest) -> dict[str, int]:
    """Return the answer of ``count_tokens``: an estimate, as nobody knows the tokenizer of what will answer.

    Raises:
        InvalidRequestError: Something can't be translated; ``param`` names it.
    """
    return {"input_tokens": estimate_input(request)}


def estimate_input(request: CountRequest) -> int:
    """Return how many tokens a request has: a token for four characters, a fixed number for a picture or a document.

    Raises:
        InvalidRequestError: Something can't be translated; ``param`` names it.
    """
    messages = _messages(request)
    parts = [part for m in messages if isinstance(m["content"], list) for part in m["content"]]
    size = sum(len(m["content"]) for m in messages if isinstance(m["content"], str))
    size += sum(len(part["text"]) for part in parts if part["type"] == "text")
    size += sum(_call_size(call) for m in messages for call in m.get("tool_calls", ()))
    size += sum(len(to_json(tool)) for tool in request.tools or ())
    files = sum(part["type"] in _FILE_TYPES for part in parts)
    return max(1, estimate_tokens(size) + files * _FILE_TOKENS)


def _call_size(call: Mapping[str, Any]) -> int:
    return len(call["function"]["name"]) + len(call["function"]["arguments"])


def _messages(request: CountRequest) -> list[dict[str, Any]]:
    system = system_text(request.system)
    first = [{"role": "system", "content": system}] if system else []
    return first + chat_messages(request.messages)


def _tools(request: MessagesRequest) -> dict[str, Any]:
    tools = [_tool(tool, f"tools.{i}") for i, tool in enumerate(request.tools or ())]
    choice = request.tool_choice or {}
    kind = choice.get("type", "auto")
    if kind not in _CHOICES and not (kind == "tool" and choice.get("name")):
        msg = "tool_choice must be auto, any, none, or a tool with its name."
        raise InvalidRequestError(msg, "tool_choice")
    if not tools:
        if kind in {"any", "tool"}:
            msg = "tool_choice asks for a tool, and there is none in tools."
            raise InvalidRequestError(msg, "tool_choice")
        return {}
    found: dict[str, Any] = {"tools": tools}
    if request.tool_choice:
        named = {"type": "function", "function": {"name": choice.get("name")}}
        found["tool_choice"] = named if kind == "tool" else _CHOICES[kind]
    if choice.get("disable_parallel_tool_use"):
        found["parallel_tool_calls"] = False
    return found


def _tool(tool: Mapping[str, Any], where: str) -> dict[str, Any]:
    if tool.get("type", "custom") not in {"custom", None}:
        msg = f"A tool of type {tool['type']!r} runs at Anthropic and is not supported; tools with an input_schema are."
        raise InvalidRequestError(msg, f"{where}.type")
    for name, kind in (("name", str), ("input_schema", Mapping)):
        if not isinstance(tool.get(name), kind):
            msg = f"{where}.{name} is missing."
            raise InvalidRequestError(msg, f"{where}.{name}")
    function = {"name": tool["name"], "description": tool.get("description"), "strict": tool.get("strict")}
    given = {name: value for name, value in function.items() if value is not None}
    return {"type": "function", "function": {**given, "parameters": tool["input_schema"]}}


def _effort(request: MessagesRequest) -> str | None:
    asked = request.output_config.effort if request.output_config else None
    thinking = request.thinking
    if asked is not None:
        return asked if asked in _CHAT_EFFORTS else _STRONGEST
    if thinking is None or thinking.type != "enabled" or thinking.budget_tokens is None:
        return None
    budget = thinking.budget_tokens
    return next((effort for below, effort in _EFFORTS if budget < below), _STRONGEST)


def _response_format(form: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if form is None:
        return None
    if form.get("type") != "json_schema" or not isinstance(form.get("schema"), Mapping):
        msg = "output_config.format must be json_schema with a schema."
        raise InvalidRequestError(msg, "output_config.format")
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": form["schema"], "strict": True},
    }
