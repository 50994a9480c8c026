"""Translates tools of a Responses request into those of a chat completion. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backend.errors import InvalidRequestError
from backend.wire.responses.custom_tools import custom_description, custom_parameters
from backend.wire.responses.request import ResponsesRequest
from backend.wire.responses.tool_names import CALLABLE, OfferedTool, ToolNames, list_tools

_CHOICES = ("none", "auto", "required")
_FUNCTION_FIELDS = ("description", "parameters", "strict")
UNTOLD = frozenset({"tool_search"})
"""The types of tools that are left out and named: they only help a model to find the others, all of which are told."""


def chat_tools(request: ResponsesRequest, names: ToolNames | None = None) -> dict[str, Any]:
    """Return ``tools``, ``tool_choice``, ``parallel_tool_calls`` and ``web_search_options`` where they are asked for.

    Raises:
        InvalidRequestError: A built-in tool other than the search of the web, or a choice of one.
    """
    tools = list_tools(request)
    names = names or ToolNames(tools)
    functions = [_function(tool, names) for tool in tools if tool.type in CALLABLE]
    found = _built_in([tool for tool in tools if tool.type not in CALLABLE | UNTOLD])
    choice, functions = _choice(request.tool_choice, functions, names)
    # Without a function there is nothing to choose from, and providers refuse a choice among nothing.
    if functions:
        given = {"tool_choice": choice, "parallel_tool_calls": request.parallel_tool_calls}
        found |= {"tools": functions, **{k: v for k, v in given.items() if v is not None}}
    elif choice not in (None, "auto", "none"):
        msg = "tool_choice asks for a function, and tools has none."
        raise InvalidRequestError(msg, "tool_choice")
    return found


def _function(tool: OfferedTool, names: ToolNames) -> dict[str, Any]:
    document = tool.document
    if not isinstance(document.get("name"), str) or not document["name"]:
        raise InvalidRequestError(f"{tool.where}.name is missing.", f"{tool.where}.name")
    if tool.type == "custom":
        document = {"description": custom_description(document), "parameters": custom_parameters()}
    told = {name: document[name] for name in _FUNCTION_FIELDS if document.get(name) is not None}
    if described := "\n\n".join(filter(None, (tool.preface, told.get("description")))):
        told["description"] = described
    return {"type": "function", "function": {"name": names.flat(tool.name, tool.namespace), **told}}


def _built_in(tools: Sequence[OfferedTool]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for tool in tools:
        found["web_search_options"] = _search(tool.document, tool.where)
    return found


def _search(tool: Mapping[str, Any], where: str) -> dict[str, Any]:
    kind = str(tool.get("type"))
    if not kind.startswith("web_search"):
        msg = f"A tool of type {kind!r} is not supported; function, custom, namespace and web_search are."
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


def _choice(
    choice: Any, functions: list[dict[str, Any]], names: ToolNames
) -> tuple[Any, list[dict[str, Any]]]:
    """Return the choice in the words of chat completions, and the functions that it leaves."""
    if choice is None or choice in _CHOICES:
        return choice, functions
    kind = choice.get("type") if isinstance(choice, Mapping) else None
    if kind in CALLABLE:
        return {"type": "function", "function": {"name": _flat_name(choice, names)}}, functions
    if kind == "allowed_tools":
        allowed = {_flat_name(tool, names) for tool in choice.get("tools") or () if isinstance(tool, Mapping)}
        return choice.get("mode", "auto"), [f for f in functions if f["function"]["name"] in allowed]
    msg = "tool_choice must be none, auto, required, a function with its name, or allowed_tools."
    raise InvalidRequestError(msg, "tool_choice")


def _flat_name(tool: Mapping[str, Any], names: ToolNames) -> str:
    namespace = tool.get("namespace")
    return names.flat(str(tool.get("name")), namespace if isinstance(namespace, str) else None)
