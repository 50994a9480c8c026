"""Puts a Responses request together from what it refers to: an earlier response, and single items. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backend.errors import InvalidRequestError

PREVIOUS = "previous_response_id"
_REFERENCE = "item_reference"
_OF_REFERENCES = frozenset({"id", "type"})
# A reference to one that nobody kept is as much as an answer without it.
_REASONING = "rs_"


def find_previous(body: Mapping[str, Any]) -> str | None:
    """Return the id of the response that a request goes on from.

    Raises:
        InvalidRequestError: It is no text.
    """
    previous = body.get(PREVIOUS)
    if previous is not None and not isinstance(previous, str):
        msg = f"{PREVIOUS}: must be the id of a response."
        raise InvalidRequestError(msg, PREVIOUS)
    return previous or None


def find_references(body: Mapping[str, Any]) -> list[str]:
    """Return the ids of the items that a request refers to."""
    given = body.get("input")
    return [item["id"] for item in given if _is_reference(item)] if isinstance(given, list) else []


def list_items(body: Mapping[str, Any]) -> list[Any]:
    """Return the items of a request's input."""
    given = body.get("input")
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return list(given) if isinstance(given, list) else []


def unfold(
    body: Mapping[str, Any], earlier: Sequence[Any], known: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a request with all that it refers to in its input.

    Args:
        body: The request.
        earlier: The items of the conversation up to the response that it goes on from, and of that.
        known: The items that it refers to, by their ids.

    Raises:
        InvalidRequestError: It refers to an item that isn't there; ``param`` names the reference.
    """
    items = list(earlier)
    for at, item in enumerate(list_items(body)):
        if not _is_reference(item):
            items.append(item)
        elif item["id"] in known:
            items.append(known[item["id"]])
        elif not item["id"].startswith(_REASONING):
            msg = f"There is no item {item['id']!r} among those that are kept for you. Send the item itself."
            raise InvalidRequestError(msg, f"input.{at}")
    return {**{name: value for name, value in body.items() if name != PREVIOUS}, "input": items}


def _is_reference(item: Any) -> bool:
    if not isinstance(item, Mapping) or not isinstance(item.get("id"), str):
        return False
    kind = item.get("type")
    return kind == _REFERENCE or (kind is None and item.keys() <= _OF_REFERENCES)
