"""The one table of why answers end: everybody's words to OpenAI's. Pure.

An answer is complete, cut, or refused; a reason that isn't known is an error, because a partial answer must never be told
as a complete one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from backend.provider_errors import ApiFailedError

_WORDS: Mapping[str, tuple[str, ...]] = {
    "stop": (
        "stop",
        "eos",
        "eos_token",
        "stop_sequence",
        "stop_token",
        "end_turn",
        "complete",
        "completed",
        "done",
        "finished",
    ),
    "tool_calls": ("tool_calls", "tool_call", "tool_use"),
    "function_call": ("function_call",),
    "length": (
        "length",
        "max_tokens",
        "max_length",
        "max_output_tokens",
        "model_length",
        "model_context_window_exceeded",
    ),
    "content_filter": (
        "content_filter",
        "content_filtered",
        "guardrail_intervened",
        "refusal",
        "sensitive",
        "safety",
        # Google's
        "recitation",
        "language",
        "blocklist",
        "prohibited_content",
        "spii",
        "image_safety",
    ),
}
_KNOWN: Mapping[str, str] = MappingProxyType({word: ours for ours, words in _WORDS.items() for word in words})
# What some write into every event before the last.
_NOT_YET = frozenset({"", "null", "none"})
_LONGEST_WORD = 100


def read_finish_reason(said: Any) -> str | None:
    """Return OpenAI's word for why an answer ended, whatever the case of its letters; None where it hasn't.

    Raises:
        ApiFailedError: For no reason that leaves an answer, or for one that isn't known.
    """
    if said is None:
        return None
    if (known := find_finish_reason(said)) is not None:
        return known
    if isinstance(said, str) and said.lower() in _NOT_YET:
        return None
    msg = f"its answer ended with the reason {str(said)[:_LONGEST_WORD]!r}, which is no end of a whole answer"
    raise ApiFailedError(msg)


def find_finish_reason(said: Any) -> str | None:
    """Return OpenAI's word for a reason; None for one that isn't known."""
    if not isinstance(said, str):
        return None
    # Some say more behind a colon: "content_filter: RECITATION".
    return _KNOWN.get(said) or _KNOWN.get(said.partition(":")[0].strip().lower())


def is_cut(finish_reason: str | None) -> bool:
    """Whether an answer was ended from outside, so that its last part may be half of one."""
    return finish_reason in {"length", "content_filter"}
