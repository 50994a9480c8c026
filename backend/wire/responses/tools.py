"""Translates tools of a Responses request into those of a chat completion. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.errors import InvalidRequestError
from backend.wire.responses.request import ResponsesRequest

_CHOICES = ("none", "auto", "required")
_FUNCTION_FIELDS = ("name", "description", "parameters", "strict")


def chat_tools(request: ResponsesRequest) -> dict[str, Any]:
    """Return ``tools``, ``tool_choice``, ``parallel_tool_calls`` and ``web_search_options`` where they are asked for.

    Raises:
        InvalidRequestError: A built-in tool other than the search of the web, or a choice of one.
    """
    functions: list[dict[str, Any]] = []
    found: dict[str, Any] = {}
    for i, tool in enumerate(request.tools or ()):
        if tool.get("type") == "function":
            functions.append(_function(tool, f"tools.{i}"))
        else:
            found["web_search_options"] = _search(tool, f"tools.{i}")
    choice, functions = _choice(request.tool_choice, functions)
    # Without a function there is nothing to choose from, and providers refuse a choice among nothing.
    if functions:
        given = {"tool_choice": choice, "parallel_tool_calls": request.parallel_tool_calls}
        found |= {"tools": functions, **{k: v for k, v in given.items() if v is not None}}
    elif choice not in (None, "auto", "none"):
        msg = "tool_choice asks for a function, and tools has none."
        raise InvalidRequestError(msg, "tool_choice")
    return found


def _function(tool: Mapping[str, Any], where: str) -> dict[str, Any]:
    if not isinstance(tool.get("name"), str) or not tool["name"]:
        msg = f"{where}.name is missing."
        raise InvalidRequestError(msg, f"{where}.name")
    return {
        "type": "function",
        "function": {name: tool[name] for name in _FUNCTION_FIELDS if tool.get(name) is not None},
    }


def _search(tool: Mapping[str, Any], where: str) -> dict[str, Any]:
    kind = str(tool.get("type"))
    if not kind.startswith("web_search"):
        msg = f"A tool of type {kind!r} is not supported; function and web_search are."
        raise InvalidRequestError(msg, f"{where}.type")
    if tool.get("filters"):
        msg = "A search of the web can't be filtered here."
        raise InvalidRequestError(msg, f"{where}.filters")
    options = {}
    if size := tool.get("search_context_size"):
        options["search_context_size"] = size
    if place := tool.get("user_location"):
        approximate = {k: v for k, v in place.items() if k != "type" and v is not None}
        options["user_location"] = {"type": "approximate", "approximate": approximate}
    return options


def _choice(choice: Any, functions: list[dict[str, Any]]) -> tuple[Any, list[dict[str, Any]]]:
    """Return the choice in the words of chat completions, and the functions that it leaves."""
    if choice is None or choice in _CHOICES:
        return choice, functions
    kind = choice.get("type") if isinstance(choice, Mapping) else None
    if kind == "function":
        return {"type": "function", "function": {"name": choice.get("name")}}, functions
    if kind == "allowed_tools":
        allowed = {tool.get("name") for tool in choice.get("tools") or ()}
        return choice.get("mode", "auto"), [f for f in functions if f["function"]["name"] in allowed]
    msg = "tool_choice must be none, auto, required, a function, or allowed_tools."
    raise InvalidRequestError(msg, "tool_choice")
