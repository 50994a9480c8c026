"""Protocol of a request of another API than chat completions, and its translation. Pure."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple, Protocol

from backend.wire.chat_response import to_json
from backend.wire.errors import ErrorReply

DoorName = Literal["messages", "responses"]
"""The APIs besides chat completions that clients may speak."""


class TranslatedRequest(NamedTuple):
    """A request in the words of chat completions.

    Attributes:
        ignored: Names of what it asks for and a chat completion has no way to say.
    """

    body: dict[str, Any]
    ignored: tuple[str, ...] = ()


def encode_passed_body(body: Mapping[str, Any], left_out: Collection[str], model: str | None) -> bytes:
    """Return a request's JSON without some of its fields, for another ``model`` where there is one."""
    kept = {name: value for name, value in body.items() if name not in left_out}
    return to_json(kept if model is None else {**kept, "model": model})


class DoorRequest(Protocol):
    """One request, as it came.

    Attributes:
        body: Its JSON.
        headers: Those that belong to its API, for a provider that speaks it; none says who asks.
        query: With its question mark; mostly empty.
    """

    name: DoorName
    body: dict[str, Any]
    headers: Mapping[str, str]
    query: str

    def pass_on(self, model: str | None) -> bytes:
        """Return its JSON as it came, without the gateway's own extras, for another ``model`` where there is one.

        Raises:
            InvalidRequestError: It asks for what the gateway can't answer for; ``param`` names it.
        """
        ...

    def translate(self) -> TranslatedRequest:
        """Return it in the words of chat completions.

        Raises:
            InvalidRequestError: Something can't be translated; ``param`` names it.
            ValidationError: It is no request of its API.
        """
        ...


# The provider's own word that the answer failed; in a text its quotation marks would be escaped.
_TOLD_FAILURE = re.compile(
    rb'^(?:event: ?(?:error|response\.failed) *$|data: ?\{\s*"type"\s*:\s*"(?:error|response\.failed)")',
    re.MULTILINE,
)


class PassedAnswer(ABC):
    """Passes an answer on that comes in the words of the client's API."""

    def __init__(self) -> None:
        self.last = b""

    @property
    def end(self) -> bytes:
        """What comes after the last event: nothing."""
        return b""

    def events(self, events: bytes) -> bytes:
        """Return the events as they are."""
        self.last = events
        return events

    def whole(self, document: bytes) -> bytes:
        """Return the document as it is."""
        return document

    def failure(self, error: ErrorReply) -> bytes:
        """Return the event of a failure, unless the provider has told it."""
        return b"" if _TOLD_FAILURE.search(self.last) else self.error_event(error)

    @abstractmethod
    def error_event(self, error: ErrorReply) -> bytes:
        """Return the event that ends an answer which failed."""
