"""Builds errors in Anthropic's shape. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from backend.wire.errors import ErrorReply

_TYPES: Mapping[int, str] = MappingProxyType(
    {
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        504: "timeout_error",
        529: "overloaded_error",
    }
)
# Passes by itself; at the other failures with 503 a person must act, and trying again at once helps nobody.
_OVERLOADED = frozenset({"no_account_available", "endpoint_disabled", "overloaded"})
_FIRST_SERVER_ERROR = 500

ERROR_SCHEMA: dict[str, Any] = {
    "title": "MessagesError",
    "type": "object",
    "required": ["type", "error", "request_id"],
    "properties": {
        "type": {"const": "error"},
        "error": {
            "type": "object",
            "required": ["type", "message", "code"],
            "properties": {
                **{name: {"type": "string"} for name in ("type", "message", "code", "param", "action_url")},
                "sent": {"enum": ["no", "maybe", "yes"]},
            },
        },
        "request_id": {"type": ["string", "null"]},
    },
}
"""JSON Schema of an error's document."""


def error_document(error: ErrorReply, request_id: str | None = None) -> dict[str, Any]:
    """Return ``{"type": "error", "error": …}``; our code, the field at fault and where a person helps stand beside."""
    told: dict[str, Any] = {"type": error_type(error), "message": error.message, "code": error.code}
    if error.param is not None:
        told["param"] = error.param
    if error.action_url is not None:
        told["action_url"] = error.action_url
    if error.sent is not None:
        told["sent"] = error.sent
    return {"type": "error", "error": told, "request_id": request_id}


def error_type(error: ErrorReply) -> str:
    """Return Anthropic's kind of an error; its ``overloaded_error`` comes with our 503."""
    if error.code in _OVERLOADED:
        return "overloaded_error"
    fallback = "api_error" if error.status >= _FIRST_SERVER_ERROR else "invalid_request_error"
    return _TYPES.get(error.status, fallback)
