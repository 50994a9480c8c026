"""Reads OpenAI's chat body for the dialects that translate it. Pure.

A body is as a client sent it, so a value may be of any type; ``validate_body`` ensures the types where a dialect needs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automation.turn import join_texts
from backend.errors import InvalidRequestError
from backend.providers.api.dialect import Body
from backend.wire.answers.exact_json import RawJson, is_json_object
from backend.wire.chat_request import ChatRequest

_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]*)*;base64,", re.IGNORECASE)
_SUFFIX_TYPES: Mapping[str, str] = {
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}


@dataclass(frozen=True, slots=True)
class Base64Data:
    """A file that came along.

    Attributes:
        media_type: Such as ``image/png``.
        data: Base64.
    """

    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """A function that the model may call; ``parameters`` is its JSON Schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    is_strict: bool


def validate_body(body: Body) -> dict[str, Any]:
    """Validate a body's fields against OpenAI's types, so that they can be translated.

    Raises:
        ValidationError: A field is something else.
    """
    return ChatRequest.model_validate({"model": "", **body}).model_dump(exclude_unset=True)


def parse_messages(body: Body) -> list[Mapping[str, Any]]:
    """Return the messages.

    Raises:
        InvalidRequestError: There are none, or one is not an object with a role.
    """
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        msg = "messages must be a list with at least one message."
        raise InvalidRequestError(msg, "messages")
    for i, message in enumerate(messages):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            msg = "A message must be an object with a role."
            raise InvalidRequestError(msg, f"messages.{i}")
    return messages


def iter_parts(message: Mapping[str, Any], field: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return each content part with its dotted name; a text is one part, null none, and a refusal becomes a text.

    Raises:
        InvalidRequestError: The content is neither.
    """
    content = message.get("content")
    if content is None:
        return []
    if isinstance(content, str):
        return [(field, {"type": "text", "text": content})]
    if not isinstance(content, list) or not all(isinstance(part, Mapping) for part in content):
        msg = "content must be a text or a list of parts."
        raise InvalidRequestError(msg, f"{field}.content")
    return [(f"{field}.content.{at}", _without_refusal(part)) for at, part in enumerate(content)]


def _without_refusal(part: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "text", "text": part.get("refusal")} if part.get("type") == "refusal" else part


def part_text(part: Mapping[str, Any], field: str) -> str:
    """Return a part's text.

    Raises:
        InvalidRequestError: It is no text.
    """
    text = part.get("text")
    if part.get("type") != "text" or not isinstance(text, str):
        msg = f"Parts of type {part.get('type')!r} can't be sent here to this endpoint's API."
        raise InvalidRequestError(msg, field)
    return text


def text_of(message: Mapping[str, Any], field: str) -> str:
    """Return the text of a message that can have nothing else, its parts joined by ``join_texts``.

    Raises:
        InvalidRequestError: It has another part.
    """
    texts = [part_text(part, name) for name, part in iter_parts(message, field)]
    return join_texts(texts, str(message.get("role")))


def parse_stops(body: Body) -> list[str]:
    """Return the stop sequences.

    Raises:
        InvalidRequestError: They are no texts.
    """
    stop = body.get("stop")
    stops = [stop] if isinstance(stop, str) else (stop or [])
    if not isinstance(stops, list) or not all(isinstance(one, str) for one in stops):
        msg = "stop must be a text or a list of texts."
        raise InvalidRequestError(msg, "stop")
    return stops


def most_tokens(body: Body) -> int | None:
    """Return the limit of the answer's tokens; ``max_completion_tokens`` wins.

    Raises:
        InvalidRequestError: It is no number above 0.
    """
    for name in ("max_completion_tokens", "max_tokens"):
        if (most := body.get(name)) is None:
            continue
        if not isinstance(most, int) or isinstance(most, bool) or most <= 0:
            msg = f"{name} must be a number above 0."
            raise InvalidRequestError(msg, name)
        return most
    return None


def parse_image(part: Mapping[str, Any], field: str) -> Base64Data | str:
    """Return the data of an ``image_url`` part, or its ``http(s):`` address.

    Raises:
        InvalidRequestError: It is neither.
    """
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else image
    if not isinstance(url, str):
        url = ""
    if url.startswith(("http://", "https://")):
        return url
    return _data_in(url, f"{field}.image_url.url")


def parse_file_part(part: Mapping[str, Any], field: str) -> Base64Data:
    """Return the data of a ``file`` part; bare base64 is what its name says, else a PDF as at OpenAI.

    Raises:
        InvalidRequestError: It has none; the files of OpenAI's own storage aren't known here.
    """
    file = part.get("file") or {}
    data = file.get("file_data")
    if not data:
        msg = "This provider knows no file_id; send the file itself as file_data."
        raise InvalidRequestError(msg, f"{field}.file.file_data")
    if data.startswith("data:"):
        return _data_in(data, f"{field}.file.file_data")
    suffix = str(file.get("filename") or "").rpartition(".")[2].lower()
    return Base64Data(_SUFFIX_TYPES.get(suffix, "application/pdf"), data)


def _data_in(url: str, field: str) -> Base64Data:
    head = _DATA_URL.match(url)
    if head is None or not head[1]:
        msg = "The URL must have the form data:<media type>;base64,<data>, or begin with https://."
        raise InvalidRequestError(msg, field)
    return Base64Data(head[1].lower(), url[head.end() :])


def iter_tool_calls(
    message: Mapping[str, Any], field: str
) -> Iterator[tuple[Mapping[str, Any], str, RawJson]]:
    """Yield an assistant's calls: each as it came, the function's name, and its arguments, with every digit.

    Raises:
        InvalidRequestError: A call has no name, or its arguments aren't a JSON object.
    """
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        msg = "tool_calls must be a list."
        raise InvalidRequestError(msg, f"{field}.tool_calls")
    for at, call in enumerate(calls):
        yield call, *_parse_call(call, f"{field}.tool_calls.{at}")


def _parse_call(call: Any, field: str) -> tuple[str, RawJson]:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        msg = "A tool call must have a function with a name."
        raise InvalidRequestError(msg, field)
    arguments = function.get("arguments") or "{}"
    if not isinstance(arguments, str) or not is_json_object(arguments):
        msg = "The arguments of a tool call must be a JSON object as text."
        raise InvalidRequestError(msg, f"{field}.function.arguments")
    return function["name"], RawJson(arguments)


def list_functions(body: Body) -> Sequence[FunctionTool]:
    """Return the functions among ``tools``.

    Raises:
        InvalidRequestError: A tool is something else.
    """
    return [_function(tool, f"tools.{at}") for at, tool in enumerate(body.get("tools") or ())]


def _function(tool: Any, field: str) -> FunctionTool:
    function = tool.get("function") if isinstance(tool, Mapping) and tool.get("type") == "function" else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        msg = "This provider takes tools of type function only, each with a name."
        raise InvalidRequestError(msg, field)
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    if not isinstance(parameters, Mapping):
        msg = "The parameters of a function must be a JSON Schema."
        raise InvalidRequestError(msg, f"{field}.function.parameters")
    return FunctionTool(
        function["name"], function.get("description") or "", parameters, bool(function.get("strict"))
    )


def chosen_tool(body: Body) -> str | tuple[str]:
    """Return ``auto``, ``required`` or ``none``, or the name of the one function to call in a tuple.

    Raises:
        InvalidRequestError: ``tool_choice`` is something else.
    """
    choice = body.get("tool_choice")
    if choice is None:
        return "auto"
    if choice in ("auto", "required", "none"):
        return str(choice)
    function = choice.get("function") if isinstance(choice, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str):
        msg = (
            'tool_choice must be "auto", "required", "none" or {"type": "function", "function": {"name": …}}.'
        )
        raise InvalidRequestError(msg, "tool_choice")
    return (name,)


def answer_schema(body: Body) -> Mapping[str, Any] | str:
    """Return the JSON Schema of ``response_format``, or its type: ``text`` or ``json_object``.

    Raises:
        InvalidRequestError: It is something else.
    """
    form = body.get("response_format")
    if form is None or form == {}:
        return "text"
    kind = form.get("type") if isinstance(form, Mapping) else None
    if kind in ("text", "json_object"):
        return str(kind)
    named = form.get("json_schema") if kind == "json_schema" else None
    schema = named.get("schema") if isinstance(named, Mapping) else None
    if not isinstance(schema, Mapping):
        msg = "response_format must be of type text, json_object, or json_schema with a schema."
        raise InvalidRequestError(msg, "response_format")
    return schema
