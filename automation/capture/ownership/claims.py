"""Judges how strongly a request speaks for its stream being this turn's answer. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from automation.capture.sent_prompt import carries_prompt
from automation.capture.tap_events import RequestSent, SocketMessage
from automation.json_path import Condition, JsonPath

BoundBy = Literal["id", "request", "address"]
"""How a stream is tied to a turn: by the turn's id, by the page's own request for it, or by nothing but its address."""

# Shorter values, such as names of roles and counts, stand in many requests.
_ID_CHARS = 6
_JSON_DEPTH = 8
_ID_NAME = re.compile(r"(?:^|_)(?:u?u?id|key)$|I[dD]$")


class Claim(IntEnum):
    """Strength of a stream's claim to be the answer, the weakest first."""

    ADDRESS = 1
    """Its address is the profile's; nothing else."""

    TIED = 2
    """Its address names something that the prompt's own request or its response named."""

    PROMPT = 3
    """Its request carried the prompt."""

    CONDITION = 4
    """Its request met the profile's conditions."""

    ID = 5
    """It names the turn's id."""

    @property
    def is_firm(self) -> bool:
        """Whether it needs no witness: pages ask other things of the same address, with the prompt in them."""
        return self >= Claim.CONDITION


BOUND_BY: Final[dict[Claim, BoundBy]] = {
    Claim.ADDRESS: "address",
    Claim.TIED: "request",
    Claim.PROMPT: "request",
    Claim.CONDITION: "request",
    Claim.ID: "id",
}


class OwnRequests:
    """Remembers what the page's own requests of this turn named, and judges streams by it."""

    def __init__(self, conditions: tuple[str, ...] = (), response_id_path: tuple[str, ...] = ()) -> None:
        self._conditions = tuple(map(Condition.parse, conditions))
        self._response_id = tuple(map(JsonPath.parse, response_id_path))
        self._prompt = ""
        self._names: set[str] = set()
        self._ids: set[str] = set()
        self.turn_id: str | None = None

    def expect(self, prompt: str) -> None:
        """Note the prompt whose request is the turn's own."""
        self._prompt = prompt.strip()

    @property
    def knows_prompt(self) -> bool:
        """Whether there is a prompt by which requests are judged; without one, the first stream that talks is believed."""
        return bool(self._prompt)

    def carries_prompt(self, sent: RequestSent | SocketMessage) -> bool:
        """Whether a request or a message carried the prompt."""
        return bool(self._prompt) and carries_prompt(sent, self._prompt)

    def may_answer(self, request: RequestSent) -> bool:
        """Whether the profile lets a request's response be the answer."""
        if not self._conditions:
            return True
        asked = _asked_in(request)
        return all(one.holds(asked) for one in self._conditions)

    def note_request(self, request: RequestSent) -> None:
        """Note what the prompt's own request named."""
        self._note(_asked_in(request))

    def note_reply(self, body: bytes) -> None:
        """Note what the response of the prompt's own request named: the turn's id, where the profile says its place."""
        reply = _parse(body)
        for path in self._response_id:
            for found in path.find(reply):
                if self.turn_id is None and isinstance(found, str | int):
                    self.turn_id = str(found)
        self._note(reply)

    def _note(self, value: Any) -> None:
        self._names.update(leaf for leaf in _leaves(value) if len(leaf) >= _ID_CHARS and leaf != self._prompt)
        self._ids.update(_ids_in(value))

    def names(self, message_id: str) -> bool:
        """Whether the prompt's own request or its response named an id."""
        return message_id in self._names or message_id in self._ids

    def judge(self, request: RequestSent, *, has_prompt: bool) -> Claim:
        """Return the claim of a request's stream; ``has_prompt`` where it carried the prompt."""
        parts = _address_parts(request.url)
        if self.turn_id is not None and (
            self.turn_id in parts or self.turn_id in set(_leaves(_asked_in(request)))
        ):
            return Claim.ID
        if self._conditions or not self.knows_prompt:
            return Claim.CONDITION
        if has_prompt:
            return Claim.PROMPT
        return (
            Claim.TIED
            if any(part in self._names for part in parts if len(part) >= _ID_CHARS)
            else Claim.ADDRESS
        )


def _address_parts(url: str) -> list[str]:
    address = urlsplit(url)
    return [unquote(part) for part in address.path.split("/")] + [
        value for _, value in parse_qsl(address.query)
    ]


def _asked_in(request: RequestSent) -> Any:
    """Return what a request asks, as JSON: its body, or the fields of its form or address."""
    if request.body is None:
        return dict(parse_qsl(urlsplit(request.url).query))
    asked = _parse(request.body.encode("utf-8", "surrogatepass"))
    return dict(parse_qsl(request.body)) if asked is None else asked


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _ids_in(value: Any, depth: int = _JSON_DEPTH) -> Iterator[str]:
    """Yield what stands under a name such as ``id`` or ``messageId``, however short."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str | int) and _ID_NAME.search(name):
                yield str(inner)
    if depth and isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _ids_in(inner, depth - 1)


def _leaves(value: Any, depth: int = _JSON_DEPTH) -> Iterator[str]:
    if isinstance(value, str | int):
        yield str(value)
    elif depth:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for one in inner:
            yield from _leaves(one, depth - 1)
