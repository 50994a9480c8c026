"""Translates a Responses request into the body of a chat completion. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from automation.turn import join_texts
from backend.errors import InvalidRequestError
from backend.wire.chat_fields import left_behind, taken_along
from backend.wire.responses.custom_tools import custom_arguments
from backend.wire.responses.reasoning import ENCRYPTED, read_reasoning
from backend.wire.responses.request import InputItem, ResponsesPart, ResponsesRequest
from backend.wire.responses.tool_names import ToolNames, list_tools
from backend.wire.responses.tools import UNTOLD, chat_tools

_ROLES = frozenset({"system", "developer", "user", "assistant"})
_TEXTS = frozenset({"input_text", "output_text", "text"})
_STATEFUL = ("previous_response_id", "conversation", "background", "prompt")
_SAME_NAMES = ("temperature", "top_p", "user")
# Of one whose outcome would be missing from the answer, saying so beats silence.
_LOGPROBS = "message.output_text.logprobs"
# What another server's own tools did. Its outcome is in the answer that follows it.
_RECORDS = frozenset({"web_search_call", "tool_search_call", "tool_search_output"})
_CALLS = frozenset({"function_call", "custom_tool_call"})
_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})
_UNSAID = _RECORDS | {"additional_tools"}
_T = TypeVar("_T")


def responses_to_chat_body(request: ResponsesRequest) -> dict[str, Any]:
    """Return the body of the ``chat.completion`` that answers the request; a streamed one always tells its usage.

    Raises:
        InvalidRequestError: Something asks for what is kept between requests, or can't be translated; ``param`` names it.
    """
    _refuse_unsupported(request)
    names = ToolNames(list_tools(request))
    asked = {
        "model": request.model,
        "messages": _messages(request, names),
        **{name: getattr(request, name) for name in _SAME_NAMES},
        "max_completion_tokens": request.max_output_tokens,
        "reasoning_effort": request.reasoning.effort if request.reasoning else None,
        "verbosity": request.text.verbosity if request.text else None,
        "response_format": _response_format(request.text.format if request.text else None),
        **chat_tools(request, names),
    }
    body = {
        **taken_along(request.model_extra),
        **{name: value for name, value in asked.items() if value is not None},
    }
    return {**body, "stream": True, "stream_options": {"include_usage": True}} if request.stream else body


def untranslated_of_responses(request: ResponsesRequest) -> list[str]:
    """Return the names of what a request asks for and a chat completion has no way to say, sorted."""
    names = left_behind(request.model_extra) | {tool.type for tool in list_tools(request)} & UNTOLD
    if request.truncation not in (None, "disabled"):
        names.add("truncation")
    if request.max_tool_calls is not None:
        names.add("max_tool_calls")
    if set(request.include or ()) - {ENCRYPTED}:
        names.add("include")
    if request.reasoning is not None and request.reasoning.summary is not None:
        names.add("reasoning.summary")
    # Streams are never padded here.
    if request.stream_options not in (None, {}, {"include_obfuscation": False}):
        names.add("stream_options")
    if not isinstance(request.input, str):
        names |= {f"input.{item.type}" for item in request.input if item.type in _RECORDS}
    return sorted(names)


def _refuse_unsupported(request: ResponsesRequest) -> None:
    for name in _STATEFUL:
        if getattr(request, name):
            msg = f"{name} is not supported: this gateway keeps no responses. Send the whole conversation as input."
            raise InvalidRequestError(msg, name)
    if request.top_logprobs or _LOGPROBS in (request.include or ()):
        msg = "Log probabilities are not supported by /v1/responses here."
        raise InvalidRequestError(msg, "top_logprobs" if request.top_logprobs else "include")


def _messages(request: ResponsesRequest, names: ToolNames) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    if request.instructions:
        messages.append({"role": "system", "content": request.instructions})
    if isinstance(request.input, str):
        return [*messages, {"role": "user", "content": request.input}]
    return messages + _Conversation(names).translate(request.input)


class _Conversation:
    """Builds the messages of the items; calls join the assistant's message before them, as chat completions want it."""

    def __init__(self, names: ToolNames) -> None:
        self._names = names
        self._messages: list[dict[str, Any]] = []
        # Goes with the assistant's next words or call: models that think want it back amid calls of tools.
        self._thought = ""
        # A tool's message takes text alone; its files follow the last result of the round in the user's name.
        self._files: list[dict[str, Any]] = []

    def translate(self, items: Sequence[InputItem]) -> list[dict[str, Any]]:
        """Return the messages.

        Raises:
            InvalidRequestError: An item can't be translated, or nothing is left.
        """
        for i, item in enumerate(items):
            self._add(item, f"input.{i}")
        self._flush_files()
        if not self._messages:
            msg = "input has no item that says something."
            raise InvalidRequestError(msg, "input")
        return self._messages

    def _add(self, item: InputItem, where: str) -> None:
        if item.type in _OUTPUTS:
            self._add_output(item, where)
        elif item.type == "message":
            self._flush_files()
            self._add_message(item, where)
        elif item.type in _CALLS:
            self._flush_files()
            self._add_call(item, where)
        elif item.type == "reasoning":
            self._thought += read_reasoning(item)
        elif item.type == "item_reference":
            msg = "item_reference is not supported: this gateway keeps no items. Send the item itself."
            raise InvalidRequestError(msg, where)
        elif item.type not in _UNSAID:
            msg = f"An item of type {item.type!r} can't be sent; message, function_call and function_call_output can."
            raise InvalidRequestError(msg, f"{where}.type")

    def _add_message(self, item: InputItem, where: str) -> None:
        message = _message(item, where)
        self._messages.append(message)
        if item.role == "assistant":
            self._add_thought(message)
        self._thought = ""

    def _add_call(self, item: InputItem, where: str) -> None:
        name = _given(item.name, f"{where}.name")
        is_custom = item.type == "custom_tool_call"
        arguments = custom_arguments(item.input or "") if is_custom else item.arguments or "{}"
        function = {"name": self._names.flat(name, item.namespace), "arguments": arguments}
        call = {"id": _given(item.call_id, f"{where}.call_id"), "type": "function", "function": function}
        if not self._messages or self._messages[-1]["role"] != "assistant":
            self._messages.append({"role": "assistant", "content": None})
        self._messages[-1].setdefault("tool_calls", []).append(call)
        self._add_thought(self._messages[-1])

    def _add_thought(self, message: dict[str, Any]) -> None:
        if self._thought:
            message["reasoning_content"] = message.get("reasoning_content", "") + self._thought
            self._thought = ""

    def _add_output(self, item: InputItem, where: str) -> None:
        call_id = _given(item.call_id, f"{where}.call_id")
        output = item.output
        if output is None:
            raise _missing(f"{where}.output")
        content = output if isinstance(output, str) else self._output_text(output, f"{where}.output")
        self._messages.append({"role": "tool", "tool_call_id": call_id, "content": content})

    def _output_text(self, parts: Sequence[ResponsesPart], where: str) -> str:
        translated = [_part(part, f"{where}.{i}") for i, part in enumerate(parts)]
        self._files += [part for part in translated if part["type"] != "text"]
        return join_texts((part["text"] for part in translated if part["type"] == "text"), "tool")

    def _flush_files(self) -> None:
        if self._files:
            self._messages.append({"role": "user", "content": self._files})
            self._files = []


def _message(item: InputItem, where: str) -> dict[str, Any]:
    if item.role not in _ROLES:
        msg = "role must be system, developer, user or assistant."
        raise InvalidRequestError(msg, f"{where}.role")
    content = item.content
    if content is None:
        raise _missing(f"{where}.content")
    if isinstance(content, str):
        return {"role": item.role, "content": content}
    parts = [_part(part, f"{where}.content.{i}") for i, part in enumerate(content)]
    return {"role": item.role, "content": parts}


def _part(part: ResponsesPart, where: str) -> dict[str, Any]:
    if part.type in _TEXTS:
        return {"type": "text", "text": _given(part.text, f"{where}.text")}
    if part.type == "refusal":
        return {"type": "refusal", "refusal": _given(part.refusal, f"{where}.refusal")}
    if part.type == "input_image":
        return {"type": "image_url", "image_url": _image(part, where)}
    if part.type == "input_file":
        return {"type": "file", "file": _file(part, where)}
    if part.type == "input_audio":
        return {"type": "input_audio", "input_audio": _given(part.input_audio, f"{where}.input_audio")}
    msg = f"A part of type {part.type!r} can't be sent; input_text, input_image, input_file and output_text can."
    raise InvalidRequestError(msg, f"{where}.type")


def _image(part: ResponsesPart, where: str) -> dict[str, Any]:
    _refuse_file_id(part, where)
    detail = {"detail": part.detail} if part.detail else {}
    return {"url": _given(part.image_url, f"{where}.image_url"), **detail}


def _file(part: ResponsesPart, where: str) -> dict[str, Any]:
    _refuse_file_id(part, where)
    if part.file_url is not None:
        msg = "file_url is not supported: a chat completion takes no file by its URL. Send file_data."
        raise InvalidRequestError(msg, f"{where}.file_url")
    name = {"filename": part.filename} if part.filename else {}
    return {"file_data": _given(part.file_data, f"{where}.file_data"), **name}


def _refuse_file_id(part: ResponsesPart, where: str) -> None:
    if part.file_id is not None:
        msg = "file_id is not supported: this gateway keeps no files. Send the file itself."
        raise InvalidRequestError(msg, f"{where}.file_id")


def _response_format(form: Mapping[str, Any] | None) -> dict[str, Any] | None:
    kind = (form or {}).get("type", "text")
    if form is None or kind == "text":
        return None
    if kind == "json_object":
        return {"type": "json_object"}
    if kind != "json_schema" or not isinstance(form.get("schema"), Mapping):
        msg = "text.format must be text, json_object, or json_schema with a schema."
        raise InvalidRequestError(msg, "text.format")
    return {"type": "json_schema", "json_schema": {k: v for k, v in form.items() if k != "type"}}


def _given(value: _T | None, where: str) -> _T:
    if value is None:
        raise _missing(where)
    return value


def _missing(where: str) -> InvalidRequestError:
    return InvalidRequestError(f"{where} is missing.", where)
