"""Finds what a body, or an event under HTTP 200, says went wrong, in the forms that many APIs share. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automation.errors import AutomationError
from backend.provider_errors import (
    ApiContentBlockedError,
    ApiFailedError,
    ApiOverloadedError,
    KeyLimitedError,
    KeyRefusedError,
    ModelLimitedError,
)
from backend.providers.api.dialect import Refusal
from backend.wire.answers.exact_json import dump_exactly

_LIMIT_CODES = frozenset({"rate_limit_exceeded", "rate_limit_error", "too_many_requests", "429"})
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_not_active", "insufficient_balance"})
_BLOCKED_CODES = frozenset({"content_filter", "content_policy_violation", "responsibleaipolicyviolation"})
_KEY_CODES = frozenset({"invalid_api_key", "authentication_error"})
_WORDS = ("message", "detail", "msg", "title", "error_description", "error_message", "errorMessage")
# MiniMax's, under HTTP 200.
_STATUS_CODES: Mapping[Any, str] = {
    1002: "rate_limit_exceeded",
    1004: "invalid_api_key",
    1008: "insufficient_balance",
    1026: "content_filter",
    1027: "content_filter",
    1039: "rate_limit_exceeded",
    2049: "invalid_api_key",
}
# OpenRouter's, beside HTTP 403 as the code.
_MODERATED = frozenset({"flagged_input", "reasons"})
_LONGEST_WORDS = 1000


def raise_stated_error(document: Mapping[str, Any]) -> None:
    """Raise what a body or an event under HTTP 200 says went wrong; nothing where it says nothing.

    Raises:
        ApiFailedError, ApiContentBlockedError, KeyLimitedError, KeyRefusedError: By its code.
    """
    if document.get("error") or ("base_resp" in document and _failed_status(document)):
        raise stated_error(parse_refusal(document))


def stated_error(said: Refusal) -> AutomationError:
    """Return the error for what a body under HTTP 200 says."""
    message, code = said.message or "an error without words", said.code.lower()
    if code in _QUOTA_CODES:
        return KeyLimitedError(message, said.retry_after_s, "quota")
    if code in _LIMIT_CODES:
        return ModelLimitedError(message, said.retry_after_s)
    if code in _BLOCKED_CODES:
        return ApiContentBlockedError(message)
    if code in _KEY_CODES:
        return KeyRefusedError(message)
    if "overloaded" in code:
        return ApiOverloadedError(message)
    return ApiFailedError(message)


def parse_refusal(document: Any) -> Refusal:
    """Return what an error's body says, whatever JSON it is."""
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, Mapping):
        return Refusal("")
    if (status := _failed_status(document)) is not None:
        return status
    errors = document.get("errors")
    error = document.get("error") or (errors[0] if isinstance(errors, list) and errors else document)
    if isinstance(error, str):
        return Refusal(error, _code(document.get("code")))
    return _described(error) if isinstance(error, Mapping) else Refusal("")


def _described(error: Mapping[str, Any]) -> Refusal:
    message = next((error[name] for name in _WORDS if error.get(name)), "")
    words = message if isinstance(message, str) else dump_exactly(message).decode()[:_LONGEST_WORDS]
    param = error.get("param")
    code = _code(error.get("code")) or _code(error.get("type"))
    if isinstance(error.get("metadata"), Mapping) and not _MODERATED.isdisjoint(error["metadata"]):
        code = "content_policy_violation"
    return Refusal(words, code, param if isinstance(param, str) else None)


def _failed_status(document: Mapping[str, Any]) -> Refusal | None:
    """Return what MiniMax's ``base_resp`` says; None where it says that all went well, or isn't there."""
    status = document.get("base_resp")
    code = status.get("status_code") if isinstance(status, Mapping) else None
    if not isinstance(status, Mapping) or not code:
        return None
    words = status.get("status_msg")
    known = _STATUS_CODES.get(code) if isinstance(code, int) else None
    return Refusal(words if isinstance(words, str) else "", known or _code(code))


def _code(said: Any) -> str:
    return str(said) if isinstance(said, str | int) and said else ""
