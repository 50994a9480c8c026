"""Custom tools of a Responses request, whose input is a text, as functions of one text. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from backend.wire.chat_response import to_json

_FIELD = "input"
_PARAMETERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {_FIELD: {"type": "string", "description": "The whole input of the tool, as plain text."}},
    "required": [_FIELD],
    "additionalProperties": False,
}


def custom_parameters() -> dict[str, Any]:
    """Return the JSON Schema of a custom tool's input."""
    return dict(_PARAMETERS)


def custom_description(tool: Mapping[str, Any]) -> str:
    """Return what a custom tool does, and the grammar that its input follows."""
    form = tool.get("format")
    said = [str(tool.get("description") or "")]
    if isinstance(form, Mapping) and form.get("type") == "grammar":
        said.append(
            f"The input must follow this {form.get('syntax') or ''} grammar:\n{form.get('definition') or ''}"
        )
    return "\n\n".join(filter(None, said))


def custom_arguments(text: str) -> str:
    """Return the arguments of a call, as a function has them."""
    return to_json({_FIELD: text}).decode()


def custom_input(arguments: str, *, is_whole: bool) -> str:
    """Return the text of a call from its arguments; of arguments that were cut, nothing.

    Models that know the tool from elsewhere name the text otherwise, or write it as it is.
    """
    try:
        document = json.loads(arguments)  # unlike orjson, also half of a surrogate pair
    except (ValueError, RecursionError):
        return arguments if is_whole else ""
    if isinstance(document, str):
        return document
    if not isinstance(document, dict):
        return arguments
    texts = [value for value in document.values() if isinstance(value, str)]
    if isinstance(document.get(_FIELD), str):
        return str(document[_FIELD])
    return texts[0] if len(texts) == 1 else arguments
