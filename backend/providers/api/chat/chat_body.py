"""What the dialects that translate read out of OpenAI's chat body. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from backend.errors import InvalidRequestError
from backend.providers.api.dialect import Body
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
    """Return a body whose fields are what OpenAI says they are: only then can they be told in other words.

    Raises:
        ValidationError: A field is something else.
    """
    return ChatRequest.model_validate({"model": "", **body}).model_dump(exclude_unset=True)


def iter_parts(message: Mapping[str, Any], field: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each content part with its dotted name; a text is one part, and so is a refusal, which becomes a text."""
    content = message.get("content")
    if isinstance(content, str):
        yield field, {"type": "text", "text": content}
        return
    for at, part in enumerate(content or ()):
        name = f"{field}.content.{at}"
        if part.get("type") == "refusal":
            yield name, {"type": "text", "text": part.get("refusal") or ""}
        else:
            yield name, part


def text_of(message: Mapping[str, Any], field: str) -> str:
    """Return the text of a message that can have nothing else.

    Raises:
        InvalidRequestError: It has another part.
    """
    texts = []
    for name, part in iter_parts(message, field):
        if part.get("type") != "text":
            msg = f"A message of role {message.get('role')!r} takes text only at this provider."
            raise InvalidRequestError(msg, name)
        texts.append(part.get("text") or "")
    return "\n\n".join(texts)


def parse_image(part: Mapping[str, Any], field: str) -> Base64Data | str:
    """Return the data of an ``image_url`` part, or its ``http(s):`` address.

    Raises:
        InvalidRequestError: It is neither.
    """
    url = (part.get("image_url") or {}).get("url") or ""
    if url.startswith(("http://", "https://")):
        return str(url)
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
) -> Iterator[tuple[Mapping[str, Any], str, dict[str, Any]]]:
    """Yield an assistant's calls: each as it came, the function's name, and its arguments.

    Raises:
        InvalidRequestError: Arguments aren't a JSON object.
    """
    for at, call in enumerate(message.get("tool_calls") or ()):
        function = call.get("function") or {}
        name = f"{field}.tool_calls.{at}.function.arguments"
        try:
            arguments = orjson.loads(function.get("arguments") or "{}")
        except orjson.JSONDecodeError as exc:
            msg = f"The arguments of a call must be JSON: {exc.msg}."
            raise InvalidRequestError(msg, name) from exc
        if not isinstance(arguments, dict):
            msg = "The arguments of a call must be a JSON object."
            raise InvalidRequestError(msg, name)
        yield call, str(function.get("name") or ""), arguments


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
    form = body.get("response_format") or {"type": "text"}
    kind = form.get("type")
    if kind in ("text", "json_object"):
        return str(kind)
    named = form.get("json_schema") if kind == "json_schema" else None
    schema = named.get("schema") if isinstance(named, Mapping) else None
    if not isinstance(schema, Mapping):
        msg = "response_format must be of type text, json_object, or json_schema with a schema."
        raise InvalidRequestError(msg, "response_format")
    return schema


_UNTRANSLATED = ("audio", "web_search_options", "functions", "function_call")


def refuse_untranslated(body: Body, *, most_choices: int = 1) -> None:
    """Refuse the fields that change what the answer is, and that no translation honours.

    Raises:
        InvalidRequestError: ``param`` names the field.
    """
    asked = {name: bool(body.get(name)) for name in ("logprobs", *_UNTRANSLATED)}
    asked["n"] = (body.get("n") or 1) > most_choices
    asked["modalities"] = any(kind != "text" for kind in body.get("modalities") or ())
    for name, is_asked in asked.items():
        if is_asked:
            msg = f"This endpoint's provider has no {name}{' above 1' if name == 'n' else ''}."
            raise InvalidRequestError(msg, name)


def without_effect(body: Body, honoured: frozenset[str]) -> list[str]:
    """Return the fields of a body that are set but not among those honoured, sorted."""
    return sorted(name for name, value in body.items() if value is not None and name not in honoured)
