"""The JSON Schema of an error, and what OpenAPI says of the errors that any operation may answer. Pure."""

from __future__ import annotations

from typing import Any, Final

SCHEMA_REF: Final = "#/components/schemas/{model}"
ERROR_TITLE: Final = "Error"
ERROR_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": ERROR_TITLE,
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
                "action_url": {"type": "string"},
                "sent": {"enum": ["no", "maybe", "yes"]},
            },
        }
    },
}
_BODY = {"application/json": {"schema": {"$ref": SCHEMA_REF.format(model=ERROR_TITLE)}}}
ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "The request can't be honoured; `param` names the field.", "content": _BODY},
    "5XX": {"description": "The site or the gateway failed.", "content": _BODY},
}
