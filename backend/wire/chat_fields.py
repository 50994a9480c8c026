"""The fields of a chat completion that a request of another API may bring along beside its own. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OWN_FIELDS = ("conversation", "thinking", "search")
"""What only the gateway understands; an API would refuse it."""

# OpenAI's chat completions have them under the same name and with the same meaning, or one of our endpoints takes them
# as its own (Ollama's).
_TAKEN_ALONG = frozenset(
    {
        *OWN_FIELDS,
        "frequency_penalty",
        "keep_alive",
        "logit_bias",
        "options",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning_effort",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "think",
        "user",
        "verbosity",
        "web_search_options",
    }
)


def taken_along(fields: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return those of another API's unknown fields that a chat completion has; what only that API has would be refused."""
    return {
        name: value for name, value in (fields or {}).items() if name in _TAKEN_ALONG and value is not None
    }


def left_behind(fields: Mapping[str, Any] | None) -> set[str]:
    """Return the names of the other ones that ask for something."""
    return {name for name, value in (fields or {}).items() if name not in _TAKEN_ALONG and value is not None}
