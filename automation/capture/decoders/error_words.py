"""Classifies a site's own error object or error words by kind, such as a rate limit. Pure."""

from __future__ import annotations

import re
from typing import Any

from automation.capture.decoders.framing.json_shape import as_dict, as_list, as_text
from automation.capture.decoders.protocol import WireError, WireErrorKind

# Codes are what APIs send in ``code``, ``type`` and ``status``; words are what UIs make of them, such as
# "Error code: 429 - …" of OpenAI's client library.
_KINDS: tuple[tuple[WireErrorKind, re.Pattern[str]], ...] = (
    (
        "rate_limited",
        re.compile(
            r"\b(?:error|error code:|status|status code:?|http)\s*429\b|^429$|rate.?limit|too.?many.?requests"
            r"|insufficient_quota|exceeded your current quota|resource_exhausted",
            re.IGNORECASE,
        ),
    ),
    ("challenge_required", re.compile(r"captcha", re.IGNORECASE)),
    ("content_blocked", re.compile(r"content.?(?:filter|policy)|responsible.?ai.?policy", re.IGNORECASE)),
    (
        "sign_in_required",
        re.compile(r"^401$|not.?authenticated|unauthori[sz]ed|session (?:has )?expired", re.IGNORECASE),
    ),
)


_MOST_RETRY_S = 10**7  # about four months; more is no time to wait, but a mistake


def error_from_words(message: str, *codes: object, retry_after_s: float | None = None) -> WireError:
    """Return the site's error, its kind told by ``codes`` first and by its words otherwise."""
    for told in (*(str(code) for code in codes if code is not None), message):
        for kind, pattern in _KINDS:
            if pattern.search(told):
                return WireError(message, kind, retry_after_s if kind == "rate_limited" else None)
    return WireError(message)


def error_from_object(value: object) -> WireError | None:
    """Return the error that a JSON object reports, or None if it reports none.

    Understands ``{"error": {"message", "type", "code"}}`` and ``{"error": "…"}`` (OpenAI and its likes),
    ``{"detail": …}`` (FastAPI) and ``{"object": "error", "message": …}`` (vLLM).
    """
    body = as_dict(value)
    if body.get("error"):
        return _parse_error(body["error"], body)
    if body.get("object") == "error":
        return _parse_error(body, {})
    if body.get("detail") and "choices" not in body:
        return _parse_error(body["detail"], body)
    return None


def _parse_error(error: object, around: dict[str, Any]) -> WireError:
    if isinstance(error, list):  # FastAPI's validation errors
        return error_from_words("; ".join(_words(item) for item in as_list(error)))
    inner = as_dict(error)
    codes = [inner.get(key, around.get(key)) for key in ("code", "type", "status")]
    return error_from_words(_words(error), *codes, retry_after_s=_seconds(inner, around))


def _words(error: object) -> str:
    inner = as_dict(error)
    for key in ("message", "msg", "detail", "content"):
        if as_text(inner.get(key)):
            return as_text(inner[key])
    return str(error)


def _seconds(*objects: dict[str, Any]) -> float | None:
    for found in objects:
        for key in ("retry_after_s", "retry_after", "retryAfter"):
            value = found.get(key)
            if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST_RETRY_S:
                return float(value)
    return None
