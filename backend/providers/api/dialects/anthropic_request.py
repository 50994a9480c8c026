"""Translates OpenAI's chat body into a request of Anthropic's Messages API. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

from backend.errors import InvalidRequestError
from backend.providers.api.chat import chat_body
from backend.providers.api.dialect import Body
from backend.wire.answer_fields import find_given_fields, refuse_fields

MOST_TOKENS = 8192
"""The limit where the client gives none, which the API requires; a thinking budget comes on top of it."""

HONOURED = frozenset(
    {
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "modalities",
        "model",
        "n",
        "parallel_tool_calls",
        "response_format",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_p",
        "user",
    }
)
_BUDGETS: Mapping[str, int] = {
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 24576,
    "max": 32000,
}
_LEAST_BUDGET = 1024
# Up to Claude 4.5, and at those who took the API over, thinking has a budget. Then the model itself decides how long it
# thinks, by an effort; from 4.7 on a budget is refused, and so is what tunes the choice of words.
_CLAUDE = re.compile(r"claude-")
_CLAUDE_TO_4_5 = re.compile(r"claude-(?:\d|instant|[a-z]+-4(?:-[0-5](?!\d)|-20\d{6}|@|$))")
_CLAUDE_4_6 = re.compile(r"claude-[a-z]+-4-6(?!\d)")

Block = dict[str, Any]

JSON_TOOL = "gateway_answer_in_json"
"""The tool that stands for ``json_object``: its input is the answer.

The API's structured output wants every property named, while the input of a tool may be any object.
"""
_JSON_TOOL: Block = {
    "name": JSON_TOOL,
    "description": "Answers the user. The input is the whole answer, as the JSON object that was asked for.",
    "input_schema": {"type": "object"},
}


def messages_request(body: Body, *, is_streamed: bool) -> dict[str, Any]:
    """Return the body of ``POST /messages``.

    All system and developer messages become the one ``system`` before the conversation; what has no text is left out,
    since the API refuses empty texts. ``response_format`` of a JSON Schema is the API's own structured output, which
    takes the same subset of JSON Schema as OpenAI's strict mode; a bare ``json_object`` is a tool that must be called.

    Raises:
        InvalidRequestError: It can't be honoured.
        ValidationError: A field is not what OpenAI says it is.
    """
    body = chat_body.validate_body(body)
    refuse_fields(body)
    system, messages = _conversation(body)
    request: dict[str, Any] = {"model": body.get("model"), "messages": messages, "stream": is_streamed}
    if system:
        request["system"] = system
    request |= _tools(body) | build_thinking_fields(body) | _sampling(body)
    request.setdefault("max_tokens", chat_body.most_tokens(body) or MOST_TOKENS)
    if (schema := _answer_schema(body)) is not None:
        form = {"type": "json_schema", "schema": schema}
        request["output_config"] = {**request.get("output_config", {}), "format": form}
    if body.get("user"):
        request["metadata"] = {"user_id": body["user"]}
    return request


def ignored_fields(body: Body) -> list[str]:
    """Return the fields of a body without effect, sorted.

    Raises:
        InvalidRequestError, ValidationError: As ``messages_request`` does.
    """
    body = chat_body.validate_body(body)
    thinking = build_thinking_fields(body)
    honoured = HONOURED - ({"temperature", "top_p"} - _sampling(body).keys())
    # "none" asks for what the API does by itself.
    if thinking or body.get("reasoning_effort") == "none":
        honoured |= {"reasoning_effort"}
    return sorted(find_given_fields(body) - honoured)


def build_thinking_fields(body: Body) -> dict[str, Any]:
    """Return the request's fields that ask for thinking, ``max_tokens`` among them; empty without thinking.

    The API takes no thinking together with a forced tool. With a budget it takes none in the middle of a turn of tool
    calls either, whose earlier thinking would have to be sent back signed; OpenAI's messages have no place for it.

    Raises:
        InvalidRequestError: ``reasoning_effort`` is no effort.
    """
    effort = body.get("reasoning_effort")
    if effort is None or effort == "none":
        return {}
    if effort not in _BUDGETS:
        msg = f"reasoning_effort must be none, {', '.join(_BUDGETS)}."
        raise InvalidRequestError(msg, "reasoning_effort")
    if _is_forced(body):
        return {}
    most = chat_body.most_tokens(body)
    model = str(body.get("model"))
    if _is_adaptive(model):
        config = {"effort": _effort(effort, model)}
        limit = most or MOST_TOKENS + _BUDGETS[effort]
        # Newer models tell their thinking only where it is asked for.
        thinking = {"type": "adaptive", "display": "summarized"}
        return {"thinking": thinking, "output_config": config, "max_tokens": limit}
    # The client's limit counts reasoning too, so half of it at least is left for the answer.
    budget = _BUDGETS[effort] if most is None else min(_BUDGETS[effort], most // 2)
    if budget < _LEAST_BUDGET or _is_amid_calls(body):
        return {}
    return {
        "thinking": {"type": "enabled", "budget_tokens": budget},
        "max_tokens": most or MOST_TOKENS + budget,
    }


def _is_adaptive(model: str) -> bool:
    return _CLAUDE.search(model) is not None and _CLAUDE_TO_4_5.search(model) is None


def _effort(effort: str, model: str) -> str:
    if effort == "xhigh" and _CLAUDE_4_6.search(model):
        return "max"
    return "low" if effort == "minimal" else effort


def _is_tuned(model: str) -> bool:
    return not _is_adaptive(model) or _CLAUDE_4_6.search(model) is not None


def _is_forced(body: Body) -> bool:
    is_callable = bool(body.get("tools")) and chat_body.chosen_tool(body) not in ("auto", "none")
    return is_callable or chat_body.answer_schema(body) == "json_object"


def _is_amid_calls(body: Body) -> bool:
    roles = [message.get("role") for message in body["messages"]]
    last = len(roles) - roles[::-1].index("assistant") if "assistant" in roles else 0
    return "tool" in roles[last:]


def _sampling(body: Body) -> dict[str, Any]:
    """Return what tunes the answer: none beside thinking, and of temperature and ``top_p`` one, as 4.5 insists on."""
    request: dict[str, Any] = {}
    if _is_tuned(str(body.get("model"))) and not build_thinking_fields(body):
        if body.get("temperature") is not None:
            request["temperature"] = min(body["temperature"], 1.0)  # OpenAI's scale ends at 2
        elif body.get("top_p") is not None:
            request["top_p"] = body["top_p"]
    if stops := chat_body.parse_stops(body):
        request["stop_sequences"] = stops
    return request


def _answer_schema(body: Body) -> Mapping[str, Any] | None:
    schema = chat_body.answer_schema(body)
    return schema if isinstance(schema, Mapping) else None


def _tools(body: Body) -> dict[str, Any]:
    functions = chat_body.list_functions(body)
    tools = [
        _tool(function, given) for function, given in zip(functions, body.get("tools") or (), strict=True)
    ]
    choice = _tool_choice(chat_body.chosen_tool(body) if tools else "none")
    if chat_body.answer_schema(body) == "json_object" and choice["type"] in ("auto", "none"):
        # Forced, for a model that may choose writes something around its JSON.
        forced = {"type": "tool", "name": JSON_TOOL} if choice["type"] == "none" else {"type": "any"}
        return {"tools": [*tools, _JSON_TOOL], "tool_choice": {**forced, "disable_parallel_tool_use": True}}
    if not tools:
        return {}
    if body.get("parallel_tool_calls") is False and choice["type"] != "none":
        choice["disable_parallel_tool_use"] = True
    return {"tools": tools, "tool_choice": choice}


def _tool(function: chat_body.FunctionTool, given: Mapping[str, Any]) -> Block:
    tool: Block = {"name": function.name, "input_schema": function.parameters}
    if function.description:
        tool["description"] = function.description
    if function.is_strict:
        tool["strict"] = True
    # The mark of what to cache stands beside the function or within it, as clients of OpenAI's shape have it.
    if mark := given.get("cache_control") or given["function"].get("cache_control"):
        tool["cache_control"] = mark
    return tool


def _tool_choice(chosen: str | tuple[str]) -> Block:
    if isinstance(chosen, tuple):
        return {"type": "tool", "name": chosen[0]}
    return {"type": "any" if chosen == "required" else chosen}


def _conversation(body: Body) -> tuple[list[Block], list[Block]]:
    """Return the system's blocks and the messages, neighbours of one role merged."""
    system: list[Block] = []
    messages: list[Block] = []
    for at, message in enumerate(body["messages"]):
        field = f"messages.{at}"
        if message.get("role") in ("system", "developer"):
            system += _system_blocks(message, field)
            continue
        role = "assistant" if message.get("role") == "assistant" else "user"
        blocks = list(_blocks(message, field))
        if blocks and messages and messages[-1]["role"] == role:
            messages[-1]["content"] += blocks
        elif blocks:
            messages.append({"role": role, "content": blocks})
    if not messages:
        msg = "There must be a message besides those of the system, with some text."
        raise InvalidRequestError(msg, "messages")
    return system, messages


def _system_blocks(message: Mapping[str, Any], field: str) -> Iterator[Block]:
    chat_body.text_of(message, field)  # refuses anything else
    return _contents(message, field)


def _blocks(message: Mapping[str, Any], field: str) -> Iterator[Block]:
    if message.get("role") != "tool":
        yield from _contents(message, field)
        for call, name, arguments in chat_body.iter_tool_calls(message, field):
            yield {"type": "tool_use", "id": _call_id(call.get("id")), "name": name, "input": arguments}
        return
    if not message.get("tool_call_id"):
        msg = "A message of role tool needs the tool_call_id of its call."
        raise InvalidRequestError(msg, f"{field}.tool_call_id")
    result = {"type": "tool_result", "tool_use_id": _call_id(message["tool_call_id"])}
    contents = list(_contents(message, field))
    yield {**result, "content": contents} if contents else result


def _call_id(call_id: str | None) -> str:
    """Return the id of a call, which another model may have written with characters that the API refuses."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", call_id or "")


def _contents(message: Mapping[str, Any], field: str) -> Iterator[Block]:
    for name, part in chat_body.iter_parts(message, field):
        block = _content(part, name)
        if block is not None:
            # Anthropic's own mark of what to cache, which its clients send through OpenAI's shape too.
            mark = part.get("cache_control")
            yield {**block, "cache_control": mark} if mark else block


def _content(part: Mapping[str, Any], field: str) -> Block | None:
    kind = part.get("type")
    if kind == "text":
        text = part.get("text") or ""
        return {"type": "text", "text": text} if text.strip() else None
    if kind == "image_url":
        image = chat_body.parse_image(part, field)
        return {
            "type": "image",
            "source": {"type": "url", "url": image} if isinstance(image, str) else _source(image),
        }
    if kind == "file":
        return _document(part, field)
    msg = f"This provider takes no content of type {kind!r}."
    raise InvalidRequestError(msg, f"{field}.type")


def _document(part: Mapping[str, Any], field: str) -> Block:
    file = chat_body.parse_file_part(part, field)
    if file.media_type.startswith("image/"):
        return {"type": "image", "source": _source(file)}
    if file.media_type == "application/pdf":
        source = _source(file)
    elif file.media_type.startswith("text/"):
        text = _decoded(file, f"{field}.file.file_data")
        source = {"type": "text", "media_type": "text/plain", "data": text}
    else:
        msg = f"This provider takes PDF files, texts and images, not {file.media_type}."
        raise InvalidRequestError(msg, f"{field}.file.file_data")
    block: Block = {"type": "document", "source": source}
    name = (part.get("file") or {}).get("filename")
    return {**block, "title": name} if name else block


def _decoded(file: chat_body.Base64Data, field: str) -> str:
    try:
        return base64.b64decode(file.data, validate=True).decode()
    except ValueError as exc:
        msg = "The file is not a text in UTF-8 as base64."
        raise InvalidRequestError(msg, field) from exc


def _source(data: chat_body.Base64Data) -> Block:
    return {"type": "base64", "media_type": data.media_type, "data": data.data}
