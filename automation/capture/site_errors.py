"""Maps a site's error words to our errors. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from automation.capture.agreement import count_words
from automation.capture.decoders.protocol import WireError
from automation.errors import (
    AccountBannedError,
    AutomationError,
    ChallengeRequiredError,
    ContentBlockedError,
    LimitKind,
    RateLimitedError,
    SignInRequiredError,
    SiteError,
)
from automation.growing_text import measure_shared
from automation.patterns import is_found
from automation.profiles.model import SiteWords

_MOST_CHARS = 500
# Placeholders, such as "Searching the web", are shorter than what a site takes back.
_LEAST_WORDS_TAKEN_BACK = 4


def error_of_wire(error: WireError, words: SiteWords) -> AutomationError:
    """Return the error for a decoder's ``WireError``; its words decide where the decoder could not tell the kind."""
    if error.kind == "rate_limited":
        return _limit(error.message, words, error.retry_after_s)
    if error.kind == "challenge_required":
        return ChallengeRequiredError("captcha")
    if error.kind == "content_blocked":
        return ContentBlockedError(_short(error.message))
    if error.kind == "sign_in_required":
        return SignInRequiredError(_short(error.message))
    return error_of_words(error.message, words, error.retry_after_s)


def error_of_words(text: str, words: SiteWords, retry_after_s: float | None = None) -> AutomationError:
    """Return the error that a banner, a notice or an error body means, by the profile's patterns."""
    short = _short(text)
    if _says(text, words.banned):
        return AccountBannedError(short)
    if _says(text, (*words.muted, *words.quota, *words.rate_limited)):
        return _limit(text, words, retry_after_s)
    if _says(text, words.challenge):
        return ChallengeRequiredError("captcha")
    if _says(text, words.sign_in_required):
        return SignInRequiredError(short)
    if _says(text, words.content_blocked):
        return ContentBlockedError(short)
    return SiteError(short)


def says_failed(text: str, words: SiteWords) -> bool:
    """Return whether a text in the answer's place, beside a control to try again, is about a failure."""
    return len(text) <= _MOST_CHARS and _says(text, words.failed)


def find_refusal(shown: str, final: str, words: SiteWords, *, is_filtered: bool = False) -> str | None:
    """Return the site's refusal where it stands in the place of text that was shown before, else None.

    ``shown`` is the most that the answer was before, ``final`` what it is in the end; ``is_filtered`` where the stream itself
    says that a filter ended it. What was only marked up anew, or shown as a placeholder of a few words, is not taken back.
    """
    start = measure_shared(shown, final)
    lost, came = shown[start:], final[start:]
    gone = count_words(lost) - count_words(came)
    if gone.total() < _LEAST_WORDS_TAKEN_BACK or 2 * gone.total() < count_words(lost).total():
        return None
    came = final[final.rfind("\n\n", 0, start) + 1 :]
    is_refusal = is_filtered or _says(came, words.content_blocked)
    return (_short(came) or "it took its answer back") if is_refusal else None


def _limit(text: str, words: SiteWords, retry_after_s: float | None) -> RateLimitedError:
    kinds: tuple[tuple[LimitKind, tuple[str, ...]], ...] = (("mute", words.muted), ("quota", words.quota))
    kind: LimitKind = next((kind for kind, patterns in kinds if _says(text, patterns)), "requests")
    return RateLimitedError(_short(text), retry_after_s or None, kind)


def error_of_status(status: int, body: bytes, retry_after: str | None) -> WireError:
    """Return the error for an HTTP error in answer to the prompt, with the site's words where its body has any."""
    message = message_in(body) or f"HTTP {status}"
    retry_after_s = float(retry_after) if retry_after and retry_after.isdecimal() else None
    if status == 429:
        return WireError(message, "rate_limited", retry_after_s)
    if status in {401, 403}:
        return WireError(message, "sign_in_required")
    return WireError(
        f"{message} (HTTP {status})" if str(status) not in message else message, "error", retry_after_s
    )


def message_in(body: bytes) -> str:
    """Return the message in an error body's JSON, else nothing (an HTML error page says nothing to a user)."""
    try:
        return _short(_message(json.loads(body)))
    except RecursionError:
        return ""
    except ValueError:
        text = body.decode("utf-8", "replace").strip()
        return "" if "<" in text else _short(text)


def _message(data: object) -> str:
    if isinstance(data, str):
        return data
    if isinstance(data, Mapping):
        for key in ("message", "error", "detail", "msg", "title"):
            if data.get(key):
                return _message(data[key])
    return ""


def _says(text: str, patterns: tuple[str, ...]) -> bool:
    return any(is_found(pattern, text, ignores_case=True) for pattern in patterns)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MOST_CHARS else text[: _MOST_CHARS - 1] + "…"
