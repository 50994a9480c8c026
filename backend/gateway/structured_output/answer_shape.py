"""Answer format that a request wants: tools that may be called, JSON instead of prose. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Protocol

from automation.turn import Message, Prompt
from backend.errors import AnswerShapeError, InvalidRequestError, StructuredAnswerError, ToolCallError
from backend.gateway.structured_output.json_output import (
    JsonForm,
    UnfitAnswerError,
    extract_json,
    json_directive,
    json_repair_prompt,
)
from backend.gateway.structured_output.schema_check import InvalidSchemaError, SchemaChecker, compile_schema
from backend.gateway.structured_output.tool_calls import ReadCall, Tool, ToolBox, ToolCallReader
from backend.gateway.structured_output.tool_prompt import repair_prompt, tool_directive, tool_instructions
from backend.wire.chat_request import ChatRequest

_NAME = re.compile(r"[\w.:/-]{1,128}", re.ASCII)
_MOST_TOOLS = 256
_NO_PARAMETERS = {"type": "object", "properties": {}}


@dataclass(frozen=True, slots=True)
class AnswerShape:
    """Format that the answer must have: tool calls, JSON, or either; at least one is set."""

    box: ToolBox | None = None
    json: JsonForm | None = None

    @property
    def must_call(self) -> bool:
        """Whether the answer must be a tool call."""
        return self.box is not None and self.box.must_call


class AnswerReader(Protocol):
    """Protocol of readers that parse one answer of the model by its shape."""

    calls: tuple[ReadCall, ...]
    problem: str | None

    @property
    def has_envelope(self) -> bool:
        """Whether a tool call began in it."""
        ...

    def feed(self, text: str) -> str:
        """Return the text to pass on now."""
        ...

    def note_reasoning(self, text: str) -> None:
        """Take note of reasoning."""
        ...

    def finish(self) -> str:
        """Return the rest of the text; ``calls`` and ``problem`` are known afterwards."""
        ...


class JsonReader:
    """Holds an answer back to its end, and passes only its JSON on, or its tool calls instead."""

    def __init__(self, form: JsonForm, box: ToolBox | None) -> None:
        self._form = form
        self._tools = ToolCallReader(box) if box is not None else None
        self._text: list[str] = []
        self.calls: tuple[ReadCall, ...] = ()
        self.problem: str | None = None

    @property
    def has_envelope(self) -> bool:
        """Whether a tool call began in it."""
        return self._tools is not None and self._tools.has_envelope

    def feed(self, text: str) -> str:
        """Hold the text back."""
        self._text.append(self._tools.feed(text) if self._tools else text)
        return ""

    def note_reasoning(self, text: str) -> None:
        """Take note of reasoning."""
        if self._tools is not None:
            self._tools.note_reasoning(text)

    def finish(self) -> str:
        """Return the JSON, or nothing beside calls."""
        if self._tools is not None:
            self._text.append(self._tools.finish())
            self.calls, self.problem = self._tools.calls, self._tools.problem
            if self.calls or self.problem:
                return ""
        try:
            return extract_json("".join(self._text), self._form)
        except UnfitAnswerError as exc:
            self.problem = str(exc)
            return ""


def parse_answer_shape(request: ChatRequest) -> AnswerShape | None:
    """Return the shape that the request asks for; None for free text.

    Raises:
        InvalidRequestError: ``param`` names what can't be honoured.
    """
    box, form = _parse_tool_box(request), _parse_json_form(request.response_format)
    return AnswerShape(box, form) if box or form else None


def with_tools(prompt: Prompt, shape: AnswerShape | None) -> Prompt:
    """Return the prompt with its tools explained first, as part of the history: other tools, another chat."""
    if shape is None or shape.box is None:
        return prompt
    told = Message("system", tool_instructions(shape.box.tools.values()))
    return replace(prompt, messages=(told, *prompt.messages))


def with_directive(prompt: Prompt, shape: AnswerShape) -> Prompt:
    """Return the prompt with this turn's instruction at its end, which is not part of the history."""
    last = prompt.messages[-1]
    parts = (
        last.text,
        tool_directive(shape.box) if shape.box else "",
        json_directive(shape.json, may_call=shape.box is not None)
        if shape.json and not shape.must_call
        else "",
    )
    asked = replace(last, text="\n\n".join(filter(None, parts)))
    return replace(prompt, messages=(*prompt.messages[:-1], asked))


def build_answer_reader(shape: AnswerShape, *, must_call: bool = False) -> AnswerReader:
    """Return a reader for one answer; with ``must_call`` it must be a tool call in any case."""
    box = replace(shape.box, must_call=True) if shape.box and must_call else shape.box
    if shape.json is not None:
        return JsonReader(shape.json, box)
    assert box is not None
    return ToolCallReader(box)


def build_repair_prompt(shape: AnswerShape, problem: str, *, is_call: bool) -> str:
    """Return the prompt that asks the model to repair its answer."""
    return repair_prompt(problem) if is_call or shape.json is None else json_repair_prompt(problem)


def build_shape_error(shape: AnswerShape, problem: str, *, is_call: bool) -> AnswerShapeError:
    """Return the error for an answer that is still wrong after its repair."""
    return ToolCallError(problem) if is_call or shape.json is None else StructuredAnswerError(problem)


def _parse_tool_box(request: ChatRequest) -> ToolBox | None:
    choice = "auto" if request.tool_choice is None else request.tool_choice
    tools = _parse_tools(request.tools or [])
    is_parallel = request.parallel_tool_calls is not False
    if choice == "none" or (choice == "auto" and not tools):
        return None
    if not tools:
        msg = "tool_choice needs tools."
        raise InvalidRequestError(msg, "tool_choice")
    if choice in ("auto", "required"):
        return ToolBox(tools, must_call=choice == "required", is_parallel=is_parallel)
    only = choice.get("function") if isinstance(choice, dict) and choice.get("type") == "function" else None
    name = only.get("name") if isinstance(only, dict) else None
    if not isinstance(name, str) or name not in tools:
        msg = 'tool_choice must be "none", "auto", "required", or a function that is one of tools.'
        raise InvalidRequestError(msg, "tool_choice")
    return ToolBox(tools, must_call=True, only=name, is_parallel=is_parallel)


def _parse_tools(listed: list[Any]) -> dict[str, Tool]:
    if len(listed) > _MOST_TOOLS:
        msg = f"There may be {_MOST_TOOLS} tools."
        raise InvalidRequestError(msg, "tools")
    tools: dict[str, Tool] = {}
    for i, entry in enumerate(listed):
        tool = _parse_tool(entry, f"tools.{i}")
        if tool.name in tools:
            msg = f"There are two tools of the name {tool.name!r}."
            raise InvalidRequestError(msg, f"tools.{i}.function.name")
        tools[tool.name] = tool
    return tools


def _parse_tool(entry: Any, where: str) -> Tool:
    function = entry.get("function") if isinstance(entry, dict) else None
    if not isinstance(function, dict) or entry.get("type", "function") != "function":
        msg = 'A tool must be {"type": "function", "function": {…}}.'
        raise InvalidRequestError(msg, where)
    name, description = function.get("name"), function.get("description") or ""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        msg = "A tool's name has 1 to 128 letters, digits and characters of _ . : / -"
        raise InvalidRequestError(msg, f"{where}.function.name")
    if not isinstance(description, str):
        msg = "A tool's description is a text."
        raise InvalidRequestError(msg, f"{where}.function.description")
    parameters = function.get("parameters") or _NO_PARAMETERS
    return Tool(name, description, parameters, _checker(parameters, f"{where}.function.parameters"))


def _parse_json_form(asked: dict[str, Any] | None) -> JsonForm | None:
    kind = "text" if asked is None else asked.get("type")
    if asked is None or kind == "text":
        return None
    if kind == "json_object":
        return JsonForm()
    inner = asked.get("json_schema")
    if kind != "json_schema" or not isinstance(inner, dict):
        msg = "response_format must be of type text, json_object, or json_schema with its json_schema."
        raise InvalidRequestError(msg, "response_format")
    where = "response_format.json_schema.schema"
    if "schema" not in inner:
        msg = "json_schema needs a schema."
        raise InvalidRequestError(msg, where)
    return JsonForm(inner["schema"], _checker(inner["schema"], where))


def _checker(schema: Any, where: str) -> SchemaChecker:
    try:
        return compile_schema(schema)
    except InvalidSchemaError as exc:
        msg = f"The JSON Schema can't be used: {exc}."
        raise InvalidRequestError(msg, where) from exc
