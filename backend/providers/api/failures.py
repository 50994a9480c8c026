"""Maps a provider's HTTP errors to our errors, by status and words, in one table. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from backend.errors import ProviderConflictError, ProviderForbidsError, ProviderRefusedError
from backend.provider_errors import (
    ApiContentBlockedError,
    ApiFailedError,
    ApiOverloadedError,
    KeyLimitedError,
    KeyRefusedError,
    ModelLimitedError,
)
from backend.providers.api.chat.stated_errors import parse_refusal
from backend.providers.api.chat.translated_stream import parse_or_none
from backend.providers.api.dialect import Refusal

_QUOTA = re.compile(r"insufficient_(quota|balance)|billing|credit|payment", re.IGNORECASE)
_BLOCKED = re.compile(
    r"content_(filter|policy)|responsible_?ai|moderation|data_?inspection|sensitive", re.IGNORECASE
)
_OVERLOADED = re.compile(r"overloaded", re.IGNORECASE)
_LONGEST_WORDS = 1000
# A wrong address answers with a page of its own; these are about the request only where an API says so.
_ABOUT_THE_REQUEST = frozenset({400, 404, 405, 406, 410, 413, 414, 415, 422, 431})
_FORBIDDEN = frozenset({403, 451})
_JUST_NOW = frozenset({408, 409, 423, 425})
# Anthropic's, which others took over.
_OVERLOADED_STATUS = 529
# How a page begins, and JSON that is cut or says nothing known.
_NO_WORDS = ("<", "{", "[", '"')
_NO_SUCH_PLACE = frozenset({404, 405})
# A web server's own words of an address that it doesn't have; a model that isn't there is told otherwise.
_SAYS_NOTHING = re.compile(
    r"|(404:? )?(page )?not found\.?|method not allowed\.?|cannot (get|post) \S+", re.IGNORECASE
)
_VERSION = re.compile(r"/v\d")
_MOST_REST_S = 7 * 24 * 3600.0


def map_http_failure(
    status: int,
    refusal: Refusal,
    retry_after_s: float | None,
    url: str = "",
    *,
    limits_models: bool = True,
) -> Exception:
    """Return the error for an HTTP status of 400 or more.

    Args:
        status: The provider's.
        refusal: Its parsed body.
        retry_after_s: What its ``Retry-After`` header says; before what the body says.
        url: What was asked; told where the address may be the cause.
        limits_models: Its rates are limited by model, as they are at nearly every provider.
    """
    words = refusal.message[:_LONGEST_WORDS] or f"HTTP {status}"
    rest_s = retry_after_s if retry_after_s is not None else refusal.retry_after_s
    # Google answers 400 where others say 401.
    if status == 401 or refusal.code == "invalid_api_key":
        return KeyRefusedError(words)
    if status == 402 or (status in {400, 403, 429} and _QUOTA.search(refusal.code)):
        return KeyLimitedError(words, rest_s, "quota")
    if status == 429:
        return (ModelLimitedError if limits_models else KeyLimitedError)(words, rest_s)
    if _BLOCKED.search(refusal.code):
        return ApiContentBlockedError(words)
    if status in _NO_SUCH_PLACE and _SAYS_NOTHING.fullmatch(refusal.message):
        return ApiFailedError(_describe_wrong_place(status, refusal.message[:_LONGEST_WORDS], url))
    if (kind := _find_kind(status)) is not None and refusal.message:
        code = "prompt_too_large" if status == 413 else refusal.code
        return kind(words, status, code, refusal.param)
    said = words if refusal.message else f"HTTP {status} without words"
    if status == _OVERLOADED_STATUS or _OVERLOADED.search(refusal.code):
        return ApiOverloadedError(said, rest_s)
    return ApiFailedError(said, rest_s)


def _find_kind(status: int) -> type[ProviderRefusedError] | None:
    """Return the error for a status that is about the request or who asks; None for one about the provider."""
    if status in _FORBIDDEN:
        return ProviderForbidsError
    if status in _JUST_NOW:
        return ProviderConflictError
    return ProviderRefusedError if status in _ABOUT_THE_REQUEST else None


def describe_body(body: bytes, content_type: str) -> Refusal:
    """Return what an error's body says that its dialect can't read; without words for pages and what is no text."""
    said = parse_refusal(parse_or_none(body))
    if said.message or "html" in content_type or "xml" in content_type:
        return said
    text = body.decode("utf-8", "replace").strip()
    is_text = "".join(text.split()).isprintable() and not text.startswith(_NO_WORDS)
    return replace(said, message=text[:_LONGEST_WORDS] if is_text else "")


def _describe_wrong_place(status: int, words: str, url: str) -> str:
    """Return what is said of an address at which there is nothing, with the commonest mistake where it may be it."""
    said = f"HTTP {status} {f'“{words}”' if words else 'without words'}"
    at = f" at {url}" if url else ""
    hint = "" if not url or _VERSION.search(url) else "; is /v1 missing at the end of base_url?"
    return f"{said}{at}{hint}"


def parse_retry_after(value: str | None, milliseconds: str | None, now: datetime) -> float | None:
    """Return the seconds that ``Retry-After`` (RFC 9110 10.2.3: seconds or a date) or ``retry-after-ms`` asks to wait.

    None where neither is there or can be understood; at most a week.
    """
    for text, unit in ((milliseconds, 1000.0), (value, 1.0)):
        try:
            seconds = float(text) / unit if text else math.nan
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return min(seconds, _MOST_REST_S)
    if value is None:
        return None
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), _MOST_REST_S)
