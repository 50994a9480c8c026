"""Finds the fields of OpenAI's chat body that ask for something, and refuses those that can't be honoured. Pure.

Pages and translated APIs have one rule: a field that asks for another kind of answer is refused by its name, any other that can't
be honoured is named in ``x-gateway-ignored-params``. ``web_search_options`` is of the second kind: it tunes where an answer
comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from backend.errors import InvalidRequestError

ANOTHER_ANSWER = ("n", "logprobs", "top_logprobs", "functions", "function_call", "modalities", "audio")
"""The fields that ask for another kind of answer, which only OpenAI's own API has under these names."""

# Values that ask for what happens anyway.
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "tools": ([],),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "modalities": ([], ["text"]),
    "response_format": ({"type": "text"},),
    "tool_choice": ("none", "auto"),
}


def find_given_fields(fields: Mapping[str, Any]) -> set[str]:
    """Return the names of the fields that ask for something, which null and defaults don't."""
    return {
        name for name, value in fields.items() if value is not None and value not in _NEUTRAL.get(name, ())
    }


def refuse_fields(
    fields: Mapping[str, Any], names: Iterable[str] = ANOTHER_ANSWER, *, most_choices: int = 1
) -> None:
    """Refuse what would change what the answer is.

    Args:
        fields: A body, or a part of one; values may be of any type.
        names: The fields that are refused.
        most_choices: Up to how many answers ``n`` may ask for.

    Raises:
        InvalidRequestError: One of the fields ``names`` asks for something; ``param`` names it.
    """
    given = find_given_fields(fields)
    if fields.get("n") in range(1, most_choices + 1):
        given.discard("n")
    for name in names:
        if name in given:
            instead = " Send tools." if name in ("functions", "function_call") else ""
            msg = f"{name} is not supported with this value by this endpoint.{instead}"
            raise InvalidRequestError(msg, name)
